//! The reference message through `/v1/send`, and what official SDKs put on the wire for the same message.
//!
//! Core's own test compares every capture and lists every difference with its reason; this one shows that the running
//! Worker sends that very request. The captures are core's test data.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test's own steps fail by panicking"
)]

mod running;

use running::Running;
use sendgate_core::address::Mailbox;
use serde_json::{Value, json};
use std::time::Duration;

const REFERENCE: &str = include_str!("../../core/tests/data/reference_message.json");
const RESEND: &str = include_str!("../../core/tests/data/resend-node.json");
const POSTMARK: &str = include_str!("../../core/tests/data/postmark-node.json");

/// The reference message in the Send API's words, without its schedule (it would wait until then).
fn reference() -> Value {
    let theirs: Value = serde_json::from_str(REFERENCE).unwrap();
    let files = theirs["attachments"].as_array().unwrap().iter().map(|file| {
        let mut ours = file.clone();
        let content = ours.as_object_mut().unwrap().remove("content_b64").unwrap();
        ours["content"] = content;
        ours
    });
    json!({
        "from": {"address": theirs["from"]["email"], "name": theirs["from"]["name"]},
        "to": mailboxes(&theirs["to"]),
        "cc": mailboxes(&theirs["cc"]),
        "bcc": mailboxes(&theirs["bcc"]),
        "reply_to": mailboxes(&theirs["reply_to"]),
        "subject": theirs["subject"],
        "text_body": theirs["text"],
        "html_body": theirs["html"],
        // As a list, because the order of a mail's header fields is part of it.
        "headers": [
            {"name": "X-Order-Id", "value": theirs["headers"]["X-Order-Id"]},
            {"name": "List-Unsubscribe", "value": theirs["headers"]["List-Unsubscribe"]}
        ],
        "attachments": files.collect::<Vec<_>>(),
        "tags": theirs["tags"],
        "metadata": theirs["metadata"]
    })
}

fn mailboxes(theirs: &Value) -> Vec<Value> {
    let one = |mailbox: &Value| match mailbox.get("name") {
        Some(name) => json!({"address": mailbox["email"], "name": name}),
        None => json!({"address": mailbox["email"]}),
    };
    theirs.as_array().unwrap().iter().map(one).collect()
}

/// Sends the message through the Worker and returns its id and the request that arrived at the provider.
fn arrived(kind: &str, message: &Value) -> (String, Value) {
    let sendgate = Running::start(kind, |_| {});
    let mut ids = sendgate.send_ok(std::slice::from_ref(message));
    sendgate.wait_for(&ids, &["sent"], Duration::from_secs(10));
    (ids.remove(0), sendgate.inbox().remove(0)["request"].clone())
}

/// A body with its mailboxes as names and addresses, and without nulls: what the capture's own notes call equal.
fn decoded(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    for name in ["from", "to", "cc", "bcc", "reply_to", "From", "To", "Cc", "Bcc", "ReplyTo"] {
        if let Some(field) = fields.get_mut(name) {
            let text = match &*field {
                Value::Array(list) => list.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(", "),
                one => one.as_str().unwrap().to_owned(),
            };
            *field = parsed(&text);
        }
    }
    for file in fields.get_mut("Attachments").and_then(Value::as_array_mut).into_iter().flatten() {
        file.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    body
}

/// A comma-joined list of mailboxes; no name of the reference message holds `>, `.
fn parsed(text: &str) -> Value {
    text.split_inclusive(">, ")
        .flat_map(|part| if part.contains('<') { vec![part] } else { part.split(", ").collect() })
        .map(|one| Mailbox::parse(one.trim_end_matches(", ")).unwrap())
        .map(|mailbox| json!([mailbox.name, mailbox.address.as_str()]))
        .collect()
}

#[test]
fn the_reference_message_reaches_resend_as_its_sdk_sends_it() {
    let mut message = reference();
    message["provider_options"] = json!({"resend": {"scheduled_at": "2026-12-01T10:00:00Z"}});
    let (id, ours) = arrived("resend", &message);
    let mut ours = decoded(ours);
    let capture: Value = serde_json::from_str(RESEND).unwrap();
    let theirs = decoded(capture["requests"][0]["body_json"].clone());
    // The one difference: Resend has no metadata field, so Sendgate carries metadata, and its own id, as tags behind
    // the message's own.
    let tags = ours["tags"].as_array_mut().unwrap();
    let tag = |name: &str, value: &str| json!({"name": name, "value": value});
    assert_eq!(tags.split_off(1), [tag("order", "42"), tag("tier", "gold"), tag("sendgate_id", &id)]);
    assert_eq!(ours, theirs);
}

#[test]
fn the_reference_message_reaches_postmark_as_its_sdk_sends_it() {
    let mut message = reference();
    message["tracking"] = json!({"opens": true, "clicks": false});
    message["stream"] = json!("outbound");
    let capture: Value = serde_json::from_str(POSTMARK).unwrap();
    let mut theirs = decoded(capture["requests"][0]["body_json"].clone());
    let (id, ours) = arrived("postmark", &message);
    // The one difference: Sendgate's own id.
    theirs["Metadata"]["sendgate_id"] = json!(id);
    assert_eq!(decoded(ours), theirs);
}

/// What a provider lacks is refused at submit, by name, and never dropped in silence.
#[test]
fn tracking_on_resend_is_an_unsupported_feature() {
    let mut message = reference();
    message["tracking"] = json!({"opens": true});
    let sendgate = Running::start("resend", |_| {});
    let answer = sendgate.send(&[message]);
    assert_eq!((answer.status, answer.code().as_str()), (422, "unsupported_feature"));
    assert!(answer.json()["errors"][0]["detail"].as_str().unwrap().starts_with("resend does not have: "));
    assert!(sendgate.log().is_empty());
}
