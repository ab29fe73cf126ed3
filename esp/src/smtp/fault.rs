//! What can go wrong in a conversation, and when.

use super::command::Reply;
use crate::fields::{BadField, Fields};

/// When a fault hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Message,
}

impl Stage {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Connect, "connect"),
        (Self::Ehlo, "ehlo"),
        (Self::StartTls, "starttls"),
        (Self::Auth, "auth"),
        (Self::Mail, "mail"),
        (Self::Rcpt, "rcpt"),
        (Self::Data, "data"),
        (Self::Message, "message"),
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(stage, _)| stage)
    }

    /// Whether recipients are known then.
    const fn knows_recipients(self) -> bool {
        matches!(self, Self::Rcpt | Self::Data | Self::Message)
    }
}

/// What the server does instead of going on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Reply(Reply),
    Drop,
    Hang,
}

/// A fault, read from its text: one of [`WORDS`], or `reply|drop|hang STAGE [stored] [REPLY]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) stage: Stage,
    pub(crate) act: Act,
    /// Whether the message is kept all the same.
    pub(crate) stored: bool,
}

impl Fault {
    /// Reads a fault's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = WORDS.iter().find(|(word, _)| *word == text).map_or(text, |(_, long)| long);
        let (act, rest) = text.split_once(' ')?;
        let (stage, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let stage = Stage::from_word(stage)?;
        let (stored, rest) = match rest.strip_prefix("stored") {
            Some(rest) => (true, rest.trim_start()),
            None => (false, rest),
        };
        let act = match (act, rest) {
            ("reply", reply) => Act::Reply(Reply::parse(reply)?),
            ("drop", "") => Act::Drop,
            ("hang", "") => Act::Hang,
            _ => return None,
        };
        (!stored || stage == Stage::Message).then_some(Self { stage, act, stored })
    }
}

/// The text of the fault that `fields` describe, for `POST /sandbox/faults` and for chances.
pub(crate) fn text(fields: &Fields<'_>) -> Result<String, BadField> {
    let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
    let wrong = || BadField::new(fields.path("fault"), format!("must be reply, drop, hang or {}", words.join(", ")));
    let fault = fields.text("fault")?.ok_or_else(wrong)?;
    let to = fields.any("to").is_some();
    let (stage, reply, stored) = (fields.text("stage")?, fields.text("reply")?, fields.truth("stored")?);
    let text = if words.contains(&fault) {
        match (stage, reply, stored) {
            (None, None, None) => fault.to_string(),
            _ => return Err(BadField::new(fields.path("stage"), "goes with reply, drop and hang only")),
        }
    } else if ["reply", "drop", "hang"].contains(&fault) {
        let stages: Vec<&str> = Stage::ALL.iter().map(|(_, word)| *word).collect();
        let stage = stage.filter(|stage| stages.contains(stage));
        let wrong = || BadField::new(fields.path("stage"), format!("must be one of {}", stages.join(", ")));
        let stored = if stored == Some(true) { " stored" } else { "" };
        let reply = reply.map(|reply| format!(" {reply}")).unwrap_or_default();
        format!("{fault} {}{stored}{reply}", stage.ok_or_else(wrong)?)
    } else {
        return Err(wrong());
    };
    let detail = "must be a 4xx or 5xx line like 450 4.2.1 Mailbox busy, with reply only; stored, with message only";
    let read = Fault::parse(&text).ok_or_else(|| BadField::new(fields.path("reply"), detail))?;
    if to && !read.stage.knows_recipients() {
        return Err(BadField::new(fields.path("to"), "goes with the stages rcpt, data and message only"));
    }
    Ok(text)
}

/// The provider's words for going too fast: Amazon SES's, from its SMTP response codes.
pub(crate) const TOO_FAST: &str = "454 4.7.0 Throttling failure: Maximum sending rate exceeded";
/// The reply for a recipient that is not there (RFC 3463, X.1.1).
pub(crate) const NO_SUCH_USER: &str = "550 5.1.1 No such user";

/// Short names. Those that the HTTP dialects have, too, mean the same.
const WORDS: [(&str, &str); 12] = [
    ("rate_limited", "reply mail 454 4.7.0 Throttling failure: Maximum sending rate exceeded"),
    ("quota_exceeded", "reply mail 454 4.7.0 Throttling failure: Daily message quota exceeded"),
    ("server_error", "reply message 451 4.3.0 Temporary server error"),
    ("unauthorized", "reply auth 535 5.7.8 Authentication credentials invalid"),
    ("auth_unavailable", "reply auth 454 4.7.0 Temporary authentication failure"),
    ("invalid", "reply message 554 5.6.0 Message refused"),
    ("inactive_recipient", "reply rcpt 550 5.1.1 No such user"),
    ("closing", "reply mail 421 4.3.2 Service shutting down"),
    ("timeout_before", "hang message"),
    ("timeout_after", "hang message stored"),
    ("drop_before_data", "drop data"),
    ("drop_after_data", "drop message stored"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};

    const KNOWN: [&str; 5] = ["fault", "stage", "reply", "stored", "to"];

    fn read(value: &Value) -> Result<String, String> {
        let fields = Fields::of(value, "", &KNOWN).unwrap();
        text(&fields).map_err(|bad| bad.field)
    }

    #[test]
    fn every_short_name_is_a_fault() {
        for (word, _) in WORDS {
            assert!(Fault::parse(word).is_some(), "{word}");
        }
        assert!(Reply::parse(TOO_FAST).is_some() && Reply::parse(NO_SUCH_USER).is_some());
    }

    #[test]
    fn a_fault_is_written_down_as_it_was_asked_for() {
        let value = json!({ "fault": "reply", "stage": "rcpt", "reply": "452 4.2.2 Mailbox full", "to": "bob" });
        assert_eq!(read(&value).unwrap(), "reply rcpt 452 4.2.2 Mailbox full");
        assert_eq!(
            read(&json!({ "fault": "drop", "stage": "message", "stored": true })).unwrap(),
            "drop message stored"
        );
        let fault = Fault::parse("drop message stored").unwrap();
        assert_eq!(fault, Fault { stage: Stage::Message, act: Act::Drop, stored: true });
    }

    #[test]
    fn a_wrong_fault_names_its_field() {
        assert_eq!(read(&json!({ "fault": "x" })).unwrap_err(), "fault");
        assert_eq!(read(&json!({ "fault": "drop" })).unwrap_err(), "stage");
        assert_eq!(read(&json!({ "fault": "drop", "stage": "quit" })).unwrap_err(), "stage");
        assert_eq!(read(&json!({ "fault": "reply", "stage": "mail", "reply": "250 ok" })).unwrap_err(), "reply");
        assert_eq!(read(&json!({ "fault": "hang", "stage": "mail", "stored": true })).unwrap_err(), "reply");
        assert_eq!(read(&json!({ "fault": "rate_limited", "to": "ann" })).unwrap_err(), "to");
        assert_eq!(read(&json!({ "fault": "rate_limited", "stage": "mail" })).unwrap_err(), "stage");
    }
}
