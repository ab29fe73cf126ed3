//! What holds for the requests of Amazon SES, Cloudflare, Brevo, MailerSend, Mailtrap and SparkPost alike.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sendgate_core::{
    address::Mailbox,
    message::Message,
    provider::{BuildError, Dispatch, Letter, ProviderKind, Target, build, check},
    time::UnixMillis,
    transport::Call,
};
use serde_json::{Value, json};

/// 2026-12-01T10:00:00Z
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);
const KINDS: [ProviderKind; 7] = [
    ProviderKind::Ses,
    ProviderKind::Cloudflare,
    ProviderKind::CloudflareBinding,
    ProviderKind::Brevo,
    ProviderKind::Mailersend,
    ProviderKind::Mailtrap,
    ProviderKind::Sparkpost,
];

fn target(kind: ProviderKind) -> Target<'static> {
    let base_url = if kind == ProviderKind::CloudflareBinding { "binding:EMAIL" } else { "https://esp.example" };
    let (account_id, region) = (Some("acc123"), Some("eu-west-1"));
    Target { account_id, region, compose: Some(mime), ..Target::new(base_url, "AKIDEXAMPLE:secret") }
}

fn mime(letter: &Letter<'_>) -> Vec<u8> {
    let shown: Vec<_> = letter.to.iter().chain(letter.cc).map(|mailbox| mailbox.address.as_str()).collect();
    format!("To: {}\r\n\r\n", shown.join(", ")).into_bytes()
}

/// A message that every one of them takes.
fn message(more: &Value) -> Message {
    let mut json = json!({
        "from": "a@shop.example", "to": ["b@example.net", "gone@example.net"], "cc": "gone@example.org",
        "bcc": "d@example.net", "subject": "Hi", "text_body": "Hello", "html_body": "<p>Hello</p>",
    });
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    Message::parse(&json.to_string()).unwrap()
}

fn sent(kind: ProviderKind, dispatch: &Dispatch<'_>) -> Result<Vec<u8>, BuildError> {
    build(kind, &target(kind), dispatch, NOW).map(|call| match call {
        Call::Http(request) => request.body,
        Call::Binding(call) => call.message,
        Call::Smtp(call) => call.data,
    })
}

#[test]
fn only_the_recipients_of_the_dispatch_are_in_the_request() {
    let message = message(&json!({}));
    let (to, bcc) = ([&message.to[0]], [&message.bcc[0]]);
    for kind in KINDS {
        let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &[], bcc: &bcc };
        let text = String::from_utf8(sent(kind, &dispatch).unwrap()).unwrap();
        assert!(text.contains("b@example.net") && text.contains("d@example.net"), "{kind:?}");
        assert!(!text.contains("gone@"), "{kind:?}: a suppressed recipient");
        assert!(!text.contains("null"), "{kind:?}: absent is absent");
        assert_eq!(sent(kind, &Dispatch { to: &[], ..dispatch }), Err(BuildError::NoRecipient));
    }
}

#[test]
fn a_credential_or_id_that_would_break_the_header_is_refused() {
    let message = message(&json!({}));
    let to = [&message.to[0]];
    for kind in KINDS.into_iter().filter(|kind| kind.needs_credential()) {
        for (credential, message_id, value) in [
            ("k:s\r\nX: y", "m", "credential"),
            ("", "m", "credential"),
            ("ключ:s", "m", "credential"),
            ("k:s", "a b", "message id"),
            ("k:s", "", "message id"),
        ] {
            let dispatch = Dispatch { message_id, message: &message, to: &to, cc: &[], bcc: &[] };
            let built = build(kind, &Target { credential, ..target(kind) }, &dispatch, NOW);
            assert_eq!(built, Err(BuildError::InvalidHeaderValue { value }), "{kind:?}");
        }
    }
}

/// A recipient from the options would be one that no suppression list saw.
#[test]
fn options_cannot_add_recipients_in_any_spelling() {
    for (kind, names) in [
        (ProviderKind::Ses, ["Destination", "destination", "BulkEmailEntries", "Content", "ReplyToAddresses"]),
        (ProviderKind::Cloudflare, ["to", "CC", "bcc", "headers", "reply_to"]),
        (ProviderKind::CloudflareBinding, ["to", "CC", "bcc", "headers", "replyto"]),
        (ProviderKind::Brevo, ["to", "CC", "bcc", "messageversions", "headers"]),
        (ProviderKind::Mailersend, ["to", "CC", "bcc", "rcpt_to", "headers"]),
        (ProviderKind::Mailtrap, ["to", "CC", "bcc", "requests", "base"]),
        (ProviderKind::Sparkpost, ["recipients", "Recipients", "content", "options", "metadata"]),
    ] {
        for name in names {
            let message = message(&json!({ "provider_options": { kind.as_str(): { name: "eve@example.net" } } }));
            let gaps = check(kind, &message).unwrap_err();
            assert_eq!(gaps[0].feature, "provider_options field that the message composes", "{kind:?} {name}");
            let others = KINDS.into_iter().filter(|other| *other != kind);
            others.for_each(|other| assert_eq!(check(other, &message), Ok(()), "options are one provider's"));
        }
    }
}

/// Only `attachments[0].content` is not printed by a JSON printer: it must not be able to end its text.
#[test]
fn a_content_that_is_no_base64_never_reaches_a_body() {
    let file = json!({ "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" });
    let mut message = message(&json!({ "attachments": [file] }));
    let to = [&message.to[0].clone()];
    message.attachments[0].content = r#"","to":"eve@example.net"#.to_string();
    for kind in KINDS {
        let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &[], bcc: &[] };
        assert_eq!(sent(kind, &dispatch), Err(BuildError::NotPrintable), "{kind:?}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,40}", "\\PC{1,40}", Just("“Ann”, \\\"B\\\" <é>".to_owned())]
        .prop_map(|text| format!("x{}", text.trim()))
}

proptest! {
    /// What is checked is built, as one JSON value, the same each time; what is not built was said to be lacking. The
    /// texts come out as they went in.
    #[test]
    fn a_message_without_gaps_is_a_request(
        subject in text(), body in text(), name in text(), header in text(), file in "[a-zé ]{1,12}",
        tags in prop::collection::vec("[a-z_-]{1,8}|[ -~]{1,8}", 0..2), order in "[a-z0-9]{1,8}",
        kind in prop::sample::select(KINDS.to_vec()), is_inline in any::<bool>(), bits in any::<[bool; 6]>(),
    ) {
        let mut json = json!({
            "from": { "email": "a@shop.example", "name": name }, "to": [{ "email": "b@example.net", "name": name }],
            "subject": subject, "text_body": body, "html_body": format!("<p>{body}</p>"),
        });
        let id = is_inline.then_some("l1");
        let disposition = if is_inline { "inline" } else { "attachment" };
        let attachment = json!({
            "filename": format!("{file}.png"), "content_type": "image/png", "content": "Zm8=", "disposition": disposition,
            "content_id": id,
        });
        let optional = [
            ("headers", json!({ "X-Note": header })), ("tags", json!(tags)), ("metadata", json!({ "order": order })),
            ("attachments", json!([attachment])), ("cc", json!("c@example.org")), ("stream", json!("tx")),
        ];
        for ((field, value), _) in optional.into_iter().zip(bits).filter(|(_, bit)| *bit) {
            json[field] = value;
        }
        let Ok(message) = Message::parse(&json.to_string()) else { return Ok(()) };
        let (to, cc): (Vec<&Mailbox>, Vec<&Mailbox>) = (message.to.iter().collect(), message.cc.iter().collect());
        let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &cc, bcc: &[] };
        let built = sent(kind, &dispatch);
        match check(kind, &message) {
            Err(gaps) => prop_assert_eq!(built, Err(BuildError::Unsupported(gaps[0]))),
            Ok(()) => {
                let bytes = built.clone().unwrap();
                prop_assert_eq!(built, sent(kind, &dispatch));
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                let is_mime = value["Content"].get("Raw").is_some();
                prop_assert!(is_mime || has_text(&value, &message.subject) && has_text(&value, &body), "{}", value);
            }
        }
    }
}

fn has_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| has_text(item, wanted)),
        Value::Object(fields) => fields.values().any(|field| has_text(field, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
