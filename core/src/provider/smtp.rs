//! A mail server that takes submissions (RFC 6409).
//!
//! A mail has a sender, recipients and a text, and nothing that comes back in events: tags, metadata, templates,
//! tracking and streams are gaps. Whoever wants a word on the mail sets a header field. The base URL is
//! `smtp://host:587` (STARTTLS, always), `smtps://host:465` (TLS from the start) or `smtp://127.0.0.1:port` (in the clear,
//! on the loopback only); a port that is not given is the one named here. The credential is `user:password`, or absent.
//!
//! `provider_options.smtp.envelope_from` is the reverse path when bounces are to go elsewhere than to `from`.

mod answers;

use super::{BuildError, Compose, Dialect, Dispatch, Letter, MAX_CREDENTIAL, ProviderKind, Target, options};
use crate::{
    address::{Address, Mailbox},
    message::{Attachment, Message},
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, MailServer, Reply, Security, SmtpCall},
};
use alloc::{boxed::Box, collections::BTreeSet, format, string::String, vec::Vec};
use serde_json::Value;

/// SMTP's file.
pub(super) struct Smtp;

impl Dialect for Smtp {
    fn base_url_fault(&self, url: &str) -> Option<&'static str> {
        server(url).is_none().then_some(SERVER_FORM)
    }

    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        gaps(message)
    }

    fn build(&self, target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Call, BuildError> {
        build(target, dispatch, now).map(|call| Call::Smtp(Box::new(call)))
    }

    fn needs_credential(&self) -> bool {
        false
    }

    fn classify(&self, reply: &Reply, _now: UnixMillis) -> Answer {
        match reply {
            Reply::Smtp(reply) => answers::classify(reply),
            Reply::Http(_) | Reply::Binding(_) => Answer::without_status(Outcome::Unknown),
        }
    }
}

/// What this message needs and a mail has no place for.
fn gaps(message: &Message) -> Vec<&'static str> {
    let is_composite = |file: &Attachment| {
        let kind = file.content_type.split('/').next().unwrap_or_default();
        kind.eq_ignore_ascii_case("message") || kind.eq_ignore_ascii_case("multipart")
    };
    let folds = |(name, value): &(String, String)| {
        let longest = value.split(' ').map(str::len).max().unwrap_or(0);
        !value.is_ascii() || name.len().saturating_add(longest) <= MAX_UNFOLDED
    };
    let options = options::of(ProviderKind::Smtp, message);
    let found = [
        (!message.tags.is_empty(), "tags"),
        (!message.metadata.is_empty(), "metadata"),
        (message.template.is_some(), "templates"),
        (message.tracking.opens.is_some() || message.tracking.clicks.is_some(), "tracking per message"),
        (message.stream.is_some(), "streams"),
        // RFC 2045 section 6.4: no base64 for these, and a content is base64 here.
        (message.attachments.iter().any(is_composite), "attachments that are messages"),
        (!message.headers.iter().all(folds), "header values that cannot be folded"),
        (
            options.is_some_and(|options| options.keys().any(|name| name != ENVELOPE_FROM)),
            "provider_options fields other than envelope_from",
        ),
        (
            options.and_then(|options| options.get(ENVELOPE_FROM)).is_some_and(|value| address(value).is_none()),
            "envelope_from that is no address",
        ),
    ];
    found.into_iter().filter_map(|(lacks, feature)| lacks.then_some(feature)).collect()
}

/// The call for one message.
fn build(target: &Target<'_>, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<SmtpCall, BuildError> {
    let message = dispatch.message;
    let (host, port, security) = server(target.base_url).ok_or(BuildError::Incomplete { field: "base_url" })?;
    let compose = target.compose.ok_or(BuildError::Incomplete { field: "compose" })?;
    if !dispatch.message_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
        return Err(BuildError::InvalidHeaderValue { value: "message id" });
    }
    let given = options::of(ProviderKind::Smtp, message).and_then(|options| address(options.get(ENVELOPE_FROM)?));
    let from = given.unwrap_or_else(|| message.from.address.clone());
    let mut seen = BTreeSet::new();
    let everyone = dispatch.to.iter().chain(dispatch.cc).chain(dispatch.bcc).map(|mailbox| mailbox.address.as_str());
    let recipients: Vec<&str> = everyone.filter(|address| seen.insert(*address)).collect();
    let needs_smtputf8 = from.needs_smtputf8()
        || recipients.iter().any(|address| !address.is_ascii())
        || core::iter::once(&message.from).chain(&message.reply_to).any(|mailbox| mailbox.address.needs_smtputf8());
    Ok(SmtpCall {
        server: MailServer { host: host.into(), port, security, login: login(target.credential)? },
        hello: message.from.address.domain().into(),
        from: from.as_str().into(),
        recipients: recipients.into_iter().map(String::from).collect(),
        needs_smtputf8,
        data: written(compose, dispatch, now)?,
    })
}

fn written(compose: Compose, dispatch: &Dispatch<'_>, now: UnixMillis) -> Result<Vec<u8>, BuildError> {
    let message = dispatch.message;
    let message_id = format!("{}@{}", dispatch.message_id, message.from.address.domain());
    let (to, cc): (&[&Mailbox], &[&Mailbox]) = (dispatch.to, dispatch.cc);
    let data = compose(&Letter { message, to, cc, message_id: &message_id, date: now });
    if data.is_empty() { Err(BuildError::NotPrintable) } else { Ok(data) }
}

/// User name and password; a user name has no colon.
fn login(credential: &str) -> Result<Option<(String, String)>, BuildError> {
    if credential.is_empty() {
        return Ok(None);
    }
    if credential.len() > MAX_CREDENTIAL || credential.chars().any(char::is_control) {
        return Err(BuildError::InvalidHeaderValue { value: "credential" });
    }
    match credential.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => Ok(Some((user.into(), password.into()))),
        Some(_) | None => Err(BuildError::Incomplete { field: "credential" }),
    }
}

/// Host, port and encryption of a base URL.
fn server(url: &str) -> Option<(&str, u16, Security)> {
    let (encrypted, rest) = match url.strip_prefix("smtps://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("smtp://")?),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<core::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    if host.is_empty() || host.len() > MAX_HOST || !host.bytes().all(is_name) {
        return None;
    }
    let security = match (encrypted, LOOPBACK.contains(&host)) {
        (true, _) => Security::Implicit,
        (false, true) => Security::None,
        (false, false) => Security::StartTls,
    };
    let usual = if encrypted { IMPLICIT_PORT } else { SUBMISSION_PORT };
    let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port > 0))?;
    Some((host, port, security))
}

fn address(value: &Value) -> Option<Address> {
    Address::parse(value.as_str()?).ok()
}

/// The one option there is.
const ENVELOPE_FROM: &str = "envelope_from";
const SERVER_FORM: &str = "must be smtp://host:port or smtps://host:port";
/// The hosts to which nothing can be overheard.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "::1", "localhost"];
/// RFC 6409 section 3.1.
const SUBMISSION_PORT: u16 = 587;
/// RFC 8314 section 7.3.
const IMPLICIT_PORT: u16 = 465;
/// RFC 1035 section 2.3.4.
const MAX_HOST: usize = 253;
/// RFC 5322 section 2.1.1: a line has 998 characters at most; this one has a colon and a space, too.
const MAX_UNFOLDED: usize = 996;

#[cfg(test)]
mod tests;
