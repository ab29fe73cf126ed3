//! What becomes of a message after it was taken: the providers' own test addresses, and what a test sets.

use crate::{
    dialect::Dialect,
    json::{BadField, Fields},
    settings::Settings,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Value, json};

/// What becomes of a message at one recipient. Whoever sends webhooks tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It arrives.
    #[default]
    Delivered,
    /// It arrives, and a machine answers.
    Autoresponded,
    /// The provider throws it away in silence: it is a test.
    Discarded,
    /// It does not arrive this time.
    SoftBounced,
    /// There is nobody.
    Bounced,
    /// The provider holds it back: the recipient is on its own suppression list.
    Suppressed,
    /// The recipient has unsubscribed.
    Unsubscribed,
    /// It arrives, and the recipient complains.
    Complained,
}

impl Fate {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Delivered, "delivered"),
        (Self::Autoresponded, "autoresponded"),
        (Self::Discarded, "discarded"),
        (Self::SoftBounced, "soft_bounced"),
        (Self::Bounced, "bounced"),
        (Self::Suppressed, "suppressed"),
        (Self::Unsubscribed, "unsubscribed"),
        (Self::Complained, "complained"),
    ];

    /// Its word in JSON.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(fate, _)| *fate == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(fate, _)| fate)
    }

    /// The fate at an address whose local part is that of a test address, of any provider's and at any domain.
    pub(crate) fn of_local_part(address: &str) -> Self {
        let local = address.split(['@', '+']).next().unwrap_or_default().to_lowercase();
        let known = SES.iter().chain(&RESEND).chain(&POSTMARK).find(|(name, _)| *name == local);
        known.map_or(Self::default(), |(_, fate)| *fate)
    }

    /// The fate of the message as a whole: the last of these in the order of [`Fate::ALL`].
    pub(crate) fn worst(fates: &[Self]) -> Self {
        let place = |fate: &Self| Self::ALL.iter().position(|(known, _)| known == fate);
        fates.iter().copied().max_by_key(place).unwrap_or_default()
    }

    /// The fate of a message of `dialect` at `address`, which is not on the provider's list.
    ///
    /// What a test set comes before the provider's own test addresses.
    pub(crate) fn of(dialect: Dialect, settings: &Settings, address: &str) -> Self {
        let address = address.to_lowercase();
        let ruled = settings.fates.iter().find(|rule| address.contains(&rule.to)).map(|rule| rule.fate);
        ruled.or_else(|| documented(dialect, &address)).unwrap_or_default()
    }
}

/// A rule that a test set: messages to an address that contains `to` meet `fate`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    to: String,
    fate: Fate,
}

impl Rule {
    /// Reads the rules at `path`.
    pub(crate) fn read(path: &str, items: &[Value]) -> Result<Vec<Self>, BadField> {
        if items.len() > MOST_RULES {
            return Err(BadField::new(path, format!("must hold at most {MOST_RULES} rules, got {}", items.len())));
        }
        let rule = |(index, item): (usize, &Value)| {
            let fields = Fields::of(item, &format!("{path}[{index}]"))?;
            fields.only(&["to", "fate"])?;
            let to = fields.text("to")?.filter(|to| !to.is_empty() && to.len() <= MOST_TO_BYTES);
            let to = to.ok_or_else(|| BadField::new(fields.path("to"), "must be from 1 to 320 bytes"))?;
            let words: Vec<_> = Fate::ALL.iter().map(|(_, word)| *word).collect();
            let fate = fields.text("fate")?.and_then(Fate::from_word);
            let wrong = || BadField::new(fields.path("fate"), format!("must be one of {}", words.join(", ")));
            Ok(Self { to: to.to_lowercase(), fate: fate.ok_or_else(wrong)? })
        };
        items.iter().enumerate().map(rule).collect()
    }

    /// The rule as it was set.
    pub(crate) fn show(&self) -> Value {
        json!({ "to": self.to, "fate": self.fate.word() })
    }
}

/// The provider's documented test addresses; `+label` after the local part means the same.
fn documented(dialect: Dialect, address: &str) -> Option<Fate> {
    let (local, domain) = address.rsplit_once('@')?;
    let local = local.split('+').next().unwrap_or_default().to_string();
    let known: &[(&str, Fate)] = match (dialect, domain) {
        (Dialect::Ses, "simulator.amazonses.com") => &SES,
        (Dialect::Resend, "resend.dev") => &RESEND,
        (Dialect::Postmark, "bounce-testing.postmarkapp.com") => &POSTMARK,
        (Dialect::Postmark, "blackhole.postmarkapp.com") => return Some(Fate::Discarded),
        _ => return None,
    };
    known.iter().find(|(name, _)| *name == local).map(|(_, fate)| *fate)
}

/// Amazon's mailbox simulator.
const SES: [(&str, Fate); 5] = [
    ("success", Fate::Delivered),
    ("bounce", Fate::Bounced),
    ("ooto", Fate::Autoresponded),
    ("complaint", Fate::Complained),
    ("suppressionlist", Fate::Suppressed),
];
/// Resend's test addresses.
const RESEND: [(&str, Fate); 4] = [
    ("delivered", Fate::Delivered),
    ("bounced", Fate::Bounced),
    ("complained", Fate::Complained),
    ("suppressed", Fate::Suppressed),
];
/// Postmark's bounce testing; `subscribe` is a bounce of the kind that asks to subscribe again, told as delivered.
const POSTMARK: [(&str, Fate); 4] = [
    ("hardbounce", Fate::Bounced),
    ("softbounce", Fate::SoftBounced),
    ("subscribe", Fate::Delivered),
    ("unsubscribe", Fate::Unsubscribed),
];
/// As many rules as anyone would write.
const MOST_RULES: usize = 100;
/// The longest address there can be, with room.
const MOST_TO_BYTES: usize = 320;
