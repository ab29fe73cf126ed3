//! Mailgun's forms: whatever a message says and whatever its files hold, the form decodes to exactly that.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a test fails by panicking; the reader of forms is shared with the captures"
)]

#[path = "captures/form.rs"]
mod form;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use sendgate_core::{
    message::Message,
    provider::{Dispatch, ProviderKind, Target, build},
    time::UnixMillis,
    transport::Call,
};
use serde_json::{Value, json};

/// The form of a message, decoded by a reader that shares nothing with the writer.
fn decoded(json: &Value) -> Value {
    let message = Message::parse(&json.to_string()).unwrap();
    let to: Vec<_> = message.to.iter().collect();
    let target = Target { domain: Some("mg.shop.example"), ..Target::new("https://api.mailgun.net", "k") };
    let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &[], bcc: &[] };
    let Call::Http(request) = build(ProviderKind::Mailgun, &target, &dispatch, UnixMillis::default()).unwrap() else {
        panic!("not HTTP")
    };
    let content_type = &request.headers.iter().find(|(name, _)| *name == "Content-Type").unwrap().1;
    match content_type.split_once("; boundary=") {
        Some((_, boundary)) => form::parts(&request.body, boundary),
        None => form::url_encoded(&request.body),
    }
}

/// Bytes as files have them, with many that look like the ends of parts.
fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..8),
            Just(b"\r\n--".to_vec()),
            Just(b"\r\n\r\n".to_vec()),
            // The boundary of this message: printf '0 msg_1' | sha256sum, its first half.
            Just(b"\r\n--181dc4770bac1f8342389b402d49c59a--\r\n".to_vec()),
        ],
        1..6,
    )
    .prop_map(|pieces| pieces.concat())
    .prop_filter("a file is not empty", |content| !content.is_empty())
}

proptest! {
    #[test]
    fn a_form_says_what_the_message_says(
        subject in "\\PC{1,30}", text in "[\\PC\r\n\t]{1,60}", value in "\\PC{0,20}", name in "[!-~&&[^:]]{1,12}",
        content in prop::option::of(content()), filename in "\\PC{1,20}",
    ) {
        prop_assume!(!subject.trim().is_empty() && !filename.trim().is_empty());
        let mut message = json!({
            "from": "a@shop.example", "to": "b@example.net", "subject": subject, "text_body": text,
            "metadata": { &name: value },
        });
        if let Some(content) = &content {
            message["attachments"] = json!([{
                "filename": filename, "content_type": "a/b", "content": STANDARD.encode(content),
            }]);
        }
        prop_assume!(Message::parse(&message.to_string()).is_ok());
        let form = decoded(&message);
        prop_assert_eq!(&form["subject"], &json!(subject));
        prop_assert_eq!(&form["text"], &json!(text));
        prop_assert_eq!(&form["v:sendgate_id"], &json!("msg_1"));
        let escaped = name.replace('"', "%22");
        let key = if content.is_some() { format!("v:{escaped}") } else { format!("v:{name}") };
        prop_assert_eq!(&form[&key], &json!(value));
        match content {
            Some(content) => {
                prop_assert_eq!(&form["attachment"]["content"], &json!(STANDARD.encode(content)));
                prop_assert_eq!(&form["attachment"]["filename"], &json!(filename.replace('"', "%22")));
            }
            None => prop_assert!(form.get("attachment").is_none()),
        }
        let fields = 6 + usize::from(form.get("attachment").is_some());
        prop_assert_eq!(form.as_object().unwrap().len(), fields, "nothing else came in");
    }
}
