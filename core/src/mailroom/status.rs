//! Where a message can be.

/// Where a message is. The words are the same in the trace, in events and in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for its first attempt.
    Queued,
    /// It waits for another attempt.
    Deferred,
    /// Attempts are used up or the provider needs its owner; it is kept, and tried again later.
    Held,
    /// A request is on its way.
    Sending,
    /// The provider took it.
    Sent,
    /// A receiver took it.
    Delivered,
    /// The receivers refused it.
    Bounced,
    /// A recipient called it spam.
    Complained,
    /// Every recipient is suppressed.
    Suppressed,
    /// The provider will never take it.
    Failed,
    /// Its time was over before it could leave.
    Expired,
    /// Its sender cancelled it before it left.
    Cancelled,
    /// Nobody knows whether the provider took it, and sending again could send it twice.
    Unknown,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 13] = [
        Self::Queued,
        Self::Deferred,
        Self::Held,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
        Self::Suppressed,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether no attempt will follow. What the provider reports later may still tell more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        match self {
            Self::Queued | Self::Deferred | Self::Held | Self::Sending => false,
            Self::Sent
            | Self::Delivered
            | Self::Bounced
            | Self::Complained
            | Self::Suppressed
            | Self::Failed
            | Self::Expired
            | Self::Cancelled
            | Self::Unknown => true,
        }
    }
}
