//! What comes back by mail for mail sent over SMTP: delivery status notifications (RFC 3464) and abuse reports (RFC 5965).

use super::events::{Event, Kind, Post};
use crate::smtp::session::DOMAIN;
use sendgate_core::time::UnixMillis;

/// A message about a message. Success is not told: nobody asked for it with NOTIFY.
pub(crate) fn post(event: &Event<'_>) -> Option<Post> {
    let (word, payload) = match event.kind {
        Kind::Processed | Kind::Delivered | Kind::Opened | Kind::Unsubscribed => return None,
        Kind::Bounced => ("failed", status(event, "failed", "5.1.1", "550 5.1.1 No such user")),
        Kind::Suppressed => ("failed", status(event, "failed", "5.7.1", "550 5.7.1 The recipient is suppressed")),
        Kind::Deferred => ("delayed", status(event, "delayed", "4.2.2", "452 4.2.2 Mailbox full")),
        Kind::Complained => ("complaint", complaint(event)),
    };
    Some(Post { event: word.to_string(), payload })
}

fn status(event: &Event<'_>, action: &str, status: &str, diagnostic: &str) -> String {
    let subject = if action == "failed" { "Undelivered mail returned to sender" } else { "Delayed mail" };
    let machine = format!(
        "Reporting-MTA: dns; {DOMAIN}\r\nX-Simulator-Queue-ID: {}\r\nArrival-Date: {}\r\n\r\n\
         Final-Recipient: rfc822; {}\r\nOriginal-Recipient: rfc822; {}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Remote-MTA: dns; mx.{DOMAIN}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n",
        event.letter.id,
        date(event.letter.at),
        event.recipient,
        event.recipient,
    );
    let human = format!("The message to {} was not delivered: {diagnostic}\r\n", event.recipient);
    report(event, ("MAILER-DAEMON", subject), ("delivery-status", "message/delivery-status"), &human, &machine)
}

fn complaint(event: &Event<'_>) -> String {
    let machine = format!(
        "Feedback-Type: abuse\r\nUser-Agent: Sendgate-Simulator/1\r\nVersion: 1\r\nOriginal-Mail-From: <{}>\r\n\
         Original-Rcpt-To: <{}>\r\nArrival-Date: {}\r\nReported-Domain: {}\r\n",
        event.letter.sender(),
        event.recipient,
        date(event.letter.at),
        event.letter.sender().rsplit_once('@').map_or("", |(_, domain)| domain),
    );
    let human = "This is an email abuse report.\r\n";
    report(event, ("abuse", "Abuse report"), ("feedback-report", "message/feedback-report"), human, &machine)
}

/// A `multipart/report` (RFC 6522): for a person, for a program, and the header of the message it is about.
fn report(
    event: &Event<'_>,
    (from, subject): (&str, &str),
    (kind, media_type): (&str, &str),
    human: &str,
    machine: &str,
) -> String {
    let letter = event.letter;
    let boundary = format!("report-{}", event.serial);
    let to = letter.sender();
    let original: String = letter
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("message-id"))
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let message_id = letter
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("message-id"))
        .map_or_else(|| format!("<{}>", letter.message_id()), |(_, value)| value.clone());
    format!(
        "From: {from}@{DOMAIN}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {}\r\nMessage-ID: <{}@{DOMAIN}>\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type={kind}; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{human}\r\n\
         --{boundary}\r\nContent-Type: {media_type}\r\n\r\n{machine}\r\n\
         --{boundary}\r\nContent-Type: text/rfc822-headers; charset=utf-8\r\n\r\n\
         {original}Message-ID: {message_id}\r\n\r\n--{boundary}--\r\n",
        date(event.at),
        event.serial,
    )
}

/// RFC 5322 section 3.3.
fn date(at: UnixMillis) -> String {
    mail_parser::DateTime::from_timestamp(at.as_i64() / 1000).to_rfc822()
}
