//! Limits on one request: no waiting makes a request smaller, so each is a refusal and never a deferral.
//!
//! A guard says which [`Dimension`] it is about, the limit and the value, and where the limit comes from when several
//! apply. [`binding`] is the smallest of several. [`parts`] splits what is larger than one internal request.
//!
//! Out of scope: what is counted over time (windows and the ledger) or kept (storage).

use alloc::vec::Vec;
use core::{fmt, ops::Range};
use serde::Serialize;

/// What a single request is measured by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Messages in a request.
    BatchMax,
    /// Recipients of a broadcast.
    BroadcastRecipients,
    /// Recipients of a campaign, as a provider's contact rule allows them.
    CampaignRecipients,
    /// Bytes of a message, attachments after base64 included.
    MessageBytes,
    /// Attachments of a message.
    Attachments,
    /// Bytes of an uploaded file.
    FileBytes,
    /// Assets deleted by a request.
    CdnDelete,
    /// Assets moved by a request.
    CdnMove,
    /// Pixels of either side of a transformed image.
    TransformPx,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 9] = [
        Self::BatchMax,
        Self::BroadcastRecipients,
        Self::CampaignRecipients,
        Self::MessageBytes,
        Self::Attachments,
        Self::FileBytes,
        Self::CdnDelete,
        Self::CdnMove,
        Self::TransformPx,
    ];

    /// Its word in configuration and limits, the code of its refusal and its unit.
    const fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BatchMax => ("batch_max", "too_many_messages", "messages"),
            Self::BroadcastRecipients => ("broadcast_recipients", "broadcast_too_large", "recipients"),
            Self::CampaignRecipients => ("campaign_recipients", "campaign_too_large", "recipients"),
            Self::MessageBytes => ("message_bytes", "message_too_large", "bytes"),
            Self::Attachments => ("attachments", "too_many_attachments", "attachments"),
            Self::FileBytes => ("file_bytes", "file_too_large", "bytes"),
            Self::CdnDelete => ("cdn_delete", "too_many_assets", "assets"),
            Self::CdnMove => ("cdn_move", "too_many_assets", "assets"),
            Self::TransformPx => ("transform_px", "transform_too_large", "pixels"),
        }
    }

    /// The stable word for it, which is also its field in a plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The word for what is counted.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        self.row().2
    }
}

/// Who set a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// This API takes no more, whatever the plan.
    Technical,
    /// The account's plan.
    Plan,
    /// The account's own configuration.
    Account,
    /// The provider.
    Provider,
    /// The provider, in its answers: it moved a built-in figure.
    Learned,
}

impl Source {
    /// The word for it in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Technical => "technical",
            Self::Plan => "plan",
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Learned => "learned",
        }
    }
}

/// A limit on one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard {
    /// What is measured.
    pub dimension: Dimension,
    /// The largest value that passes.
    pub limit: u64,
    /// Who set the limit.
    pub source: Source,
}

/// A request that is too large, now and for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge {
    /// The limit that it is over.
    pub guard: Guard,
    /// The value it asked for.
    pub value: u64,
}

impl Guard {
    /// Whether a request of this value may pass.
    ///
    /// # Errors
    /// [`TooLarge`] when it never may.
    ///
    /// # Example: on which side of the bound is a file of exactly 100 MB?
    /// ```
    /// use sendgate_core::guard::{Dimension, Guard, Source};
    ///
    /// let guard = Guard { dimension: Dimension::FileBytes, limit: 100_000_000, source: Source::Plan };
    /// assert!(guard.check(100_000_000).is_ok());
    /// assert_eq!(guard.check(100_000_001).unwrap_err().code(), "file_too_large");
    /// ```
    pub const fn check(self, value: u64) -> Result<(), TooLarge> {
        if value <= self.limit { Ok(()) } else { Err(TooLarge { guard: self, value }) }
    }
}

impl TooLarge {
    /// The stable word for the refusal, the same in every language.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.guard.dimension.row().1
    }

    /// Every word [`TooLarge::code`] can give.
    pub const CODES: [&'static str; 8] = [
        "too_many_messages",
        "broadcast_too_large",
        "campaign_too_large",
        "message_too_large",
        "too_many_attachments",
        "file_too_large",
        "too_many_assets",
        "transform_too_large",
    ];
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Guard { dimension, limit, source }, value) = (self.guard, self.value);
        let (name, _, unit) = dimension.row();
        write!(f, "{name}: at most {limit} {unit} ({} bound), got {value}", source.as_str())
    }
}

impl core::error::Error for TooLarge {}

/// The guard that binds: the one with the smallest limit, the first of equals. `None` when there is none.
#[must_use]
pub fn binding(guards: &[Guard]) -> Option<Guard> {
    guards.iter().copied().min_by_key(|guard| guard.limit)
}

/// The parts of `total` recipients, each at most `most`: full ones first, and as few as there can be (R230).
///
/// Nothing when there is nothing to split, and when a part may hold nothing.
#[must_use]
pub fn parts(total: usize, most: usize) -> Vec<Range<usize>> {
    if most == 0 {
        return Vec::new();
    }
    (0..total).step_by(most).map(|start| start..start.saturating_add(most).min(total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, string::ToString, vec};

    #[test]
    fn every_dimension_has_its_own_word_and_a_code_of_the_list() {
        let words: BTreeSet<&str> = Dimension::ALL.iter().map(|dimension| dimension.as_str()).collect();
        assert_eq!(words.len(), Dimension::ALL.len());
        let codes: BTreeSet<&str> = Dimension::ALL.iter().map(|dimension| dimension.row().1).collect();
        assert_eq!(codes, TooLarge::CODES.into_iter().collect());
    }

    #[test]
    fn a_refusal_names_the_dimension_the_limit_the_value_and_who_set_it() {
        let guard = Guard { dimension: Dimension::TransformPx, limit: 4_096, source: Source::Plan };
        assert_eq!(guard.check(4_096), Ok(()));
        let refused = guard.check(4_097).unwrap_err();
        assert_eq!(refused.to_string(), "transform_px: at most 4096 pixels (plan bound), got 4097");
    }

    /// C03: the smallest of what applies binds, and is named.
    #[test]
    fn the_smallest_guard_binds_and_the_first_of_equals_is_named() {
        let guard = |limit, source| Guard { dimension: Dimension::BatchMax, limit, source };
        let all = [guard(500, Source::Technical), guard(100, Source::Plan), guard(100, Source::Account)];
        assert_eq!(binding(&all), Some(all[1]));
        assert_eq!(binding(&[]), None);
    }

    /// R230: a broadcast of 1,000 is two requests of 500.
    #[test]
    fn a_broadcast_is_split_into_as_few_full_parts_as_there_can_be() {
        assert_eq!(parts(1_000, 500), vec![0..500, 500..1_000]);
        assert_eq!(parts(501, 500), vec![0..500, 500..501]);
        assert_eq!(parts(500, 500), vec![0..500; 1]);
        assert_eq!((parts(0, 500), parts(7, 0)), (vec![], vec![]));
    }
}
