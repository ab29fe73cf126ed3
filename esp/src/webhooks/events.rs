//! What becomes of a message, and what each provider reports of it.

use super::{
    Provider, brevo, cloudflare, dsn, mailersend, mailgun, mailtrap, postmark, resend, sandbox, sendgrid, ses,
    sparkpost,
};
use sendgate_core::time::UnixMillis;
use serde_json::{Map, Value};

/// Something that happens to a message on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The provider took it.
    Processed,
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server refused it for good.
    Bounced,
    /// The recipient's server put it off.
    Deferred,
    /// The recipient called it spam.
    Complained,
    /// The recipient opened it.
    Opened,
    /// The recipient wants no more.
    Unsubscribed,
    /// The provider did not send it, as the recipient is on its own list.
    Suppressed,
}

impl Kind {
    /// Every kind with its word in orders.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::Processed, "processed"),
        (Self::Delivered, "delivered"),
        (Self::Bounced, "bounced"),
        (Self::Deferred, "deferred"),
        (Self::Complained, "complained"),
        (Self::Opened, "opened"),
        (Self::Unsubscribed, "unsubscribed"),
        (Self::Suppressed, "suppressed"),
    ];

    /// The kind with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
    }
}

/// What happens to mail that meets `fate`, in the simulator's word for it.
fn happenings(provider: Provider, fate: &str) -> &'static [Kind] {
    match fate {
        "bounced" => &[Kind::Processed, Kind::Bounced],
        "soft_bounced" => &[Kind::Processed, Kind::Deferred],
        "complained" => &[Kind::Processed, Kind::Delivered, Kind::Complained],
        "unsubscribed" => &[Kind::Processed, Kind::Delivered, Kind::Unsubscribed],
        "suppressed" => &[Kind::Suppressed],
        // A test that the provider throws away: only Mailgun tells of it, as if it had arrived.
        "discarded" if provider != Provider::Mailgun => &[],
        _ => &[Kind::Processed, Kind::Delivered],
    }
}

/// A message, as far as events tell of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Letter {
    /// The provider's id for it.
    pub(crate) id: String,
    /// The sender's mailbox.
    pub(crate) from: String,
    /// The mailboxes of `To`.
    pub(crate) to: Vec<String>,
    /// Every recipient's bare address.
    pub(crate) recipients: Vec<String>,
    /// What becomes of it at each of them, in the simulator's words.
    pub(crate) fates: Vec<String>,
    pub(crate) subject: String,
    pub(crate) tags: Vec<Value>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) stream: Option<String>,
    /// Names and values of header fields.
    pub(crate) headers: Vec<(String, String)>,
    /// What its sender calls it.
    pub(crate) reference: Option<String>,
    pub(crate) at: UnixMillis,
}

impl Letter {
    /// Reads a message as `GET /sandbox/messages` shows it.
    pub(crate) fn of(message: &Value) -> Self {
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
        let items = |name: &str| message.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let texts = |name: &str| items(name).iter().filter_map(Value::as_str).map(String::from).collect();
        let header = |header: &Value| {
            Some((header.get("name")?.as_str()?.to_string(), header.get("value")?.as_str()?.to_string()))
        };
        Self {
            id: text("id"),
            from: text("from"),
            to: texts("to"),
            recipients: texts("recipients"),
            fates: texts("fates"),
            subject: text("subject"),
            tags: items("tags"),
            metadata: message.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default(),
            stream: message.get("stream").and_then(Value::as_str).map(String::from),
            headers: items("headers").iter().filter_map(header).collect(),
            reference: message.get("reference").and_then(Value::as_str).map(String::from),
            at: UnixMillis::new(message.get("at_ms").and_then(Value::as_u64).unwrap_or(0)),
        }
    }

    /// The address in the sender's mailbox.
    pub(crate) fn sender(&self) -> &str {
        self.from.rsplit_once('<').map_or(self.from.as_str(), |(_, rest)| rest.trim_end_matches('>'))
    }

    /// The first header field of this name, in whatever case it stands.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The id as a `Message-ID` field has it, without angle brackets; an id that is such already stays.
    pub(crate) fn message_id(&self) -> String {
        let bare = self.id.trim_matches(['<', '>']);
        if bare.contains('@') { bare.to_string() } else { format!("{bare}@simulator.sendgate.example") }
    }

    /// The tags as texts: those that are `{"name", "value"}` give their value.
    pub(crate) fn tag_texts(&self) -> Vec<String> {
        let text = |tag: &Value| tag.as_str().or_else(|| tag.get("value").and_then(Value::as_str)).map(String::from);
        self.tags.iter().filter_map(text).collect()
    }

    /// The tags as names and values: a bare text is its own name.
    pub(crate) fn tag_pairs(&self) -> Vec<(String, String)> {
        let member = |tag: &Value, names: [&str; 2]| {
            names.iter().find_map(|name| tag.get(name)).and_then(Value::as_str).map(String::from)
        };
        let pair = |tag: &Value| match tag.as_str() {
            Some(text) => Some((text.to_string(), "true".to_string())),
            None => Some((member(tag, ["name", "Name"])?, member(tag, ["value", "Value"])?)),
        };
        self.tags.iter().filter_map(pair).collect()
    }
}

/// One event to tell of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) letter: &'a Letter,
    pub(crate) recipient: &'a str,
    /// When it happens.
    pub(crate) at: UnixMillis,
    /// A text of hex digits that no other event has.
    pub(crate) serial: &'a str,
}

/// What a provider posts: its own word for the event, and what it says before any signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Post {
    pub(crate) event: String,
    pub(crate) payload: String,
}

impl Post {
    /// A post that says `payload`.
    pub(crate) fn new(event: &str, payload: &Value) -> Self {
        Self { event: event.to_string(), payload: payload.to_string() }
    }
}

/// The posts in which `provider` tells of a message that was taken, in their order.
///
/// `serial` makes a text that is the event's own from its number.
pub(crate) fn posts(
    provider: Provider,
    letter: &Letter,
    at: UnixMillis,
    serial: impl Fn(usize) -> String,
) -> Vec<Post> {
    let mut happened = Vec::new();
    for (index, recipient) in letter.recipients.iter().enumerate() {
        let fate = letter.fates.get(index).map_or("", String::as_str);
        for kind in happenings(provider, fate) {
            let once = matches!(provider, Provider::Ses | Provider::Resend) && *kind == Kind::Processed;
            if !(once && index > 0) {
                happened.push((*kind, recipient.as_str()));
            }
        }
    }
    let serials: Vec<String> = (0..happened.len()).map(serial).collect();
    let events: Vec<Event<'_>> = happened
        .iter()
        .zip(&serials)
        .map(|((kind, recipient), serial)| Event { kind: *kind, letter, recipient, at, serial })
        .collect();
    told(provider, &events)
}

/// The posts that tell of these events of one message.
pub(crate) fn told(provider: Provider, events: &[Event<'_>]) -> Vec<Post> {
    match provider {
        Provider::SendGrid => sendgrid::post(events).into_iter().collect(),
        Provider::Mailgun => events.iter().map(mailgun::post).collect(),
        Provider::Postmark => events.iter().filter_map(postmark::post).collect(),
        Provider::Ses => events.iter().filter_map(ses::post).collect(),
        Provider::Resend => events.iter().filter_map(resend::post).collect(),
        Provider::Cloudflare => events.iter().filter_map(cloudflare::post).collect(),
        Provider::Brevo => events.iter().map(brevo::post).collect(),
        Provider::MailerSend => events.iter().filter_map(mailersend::post).collect(),
        Provider::Mailtrap => mailtrap::post(events).into_iter().collect(),
        Provider::SparkPost => sparkpost::post(events).into_iter().collect(),
        Provider::Sandbox => sandbox::post(events).into_iter().collect(),
        Provider::Smtp => events.iter().filter_map(dsn::post).collect(),
    }
}

/// The number that a serial's first digits make, for providers whose ids are numbers.
pub(crate) fn number(serial: &str) -> u64 {
    serial.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
