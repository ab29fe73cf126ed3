//! What a message costs on its way to a provider: its request, checked, built and printed.

use crate::{harness::Bench, ours::START};
use sendgate_core::{
    message::Message,
    provider::{Dispatch, ProviderKind, Target, build},
    transport::Call,
};
use serde_json::json;
use std::hint::black_box;

/// The request for a message of 2,000 bytes to one recipient, with text and HTML, a tag, metadata and header fields;
/// for Amazon SES with its signature.
pub(crate) fn request(bench: &mut Bench<'_>) {
    let message = message();
    let to: Vec<_> = message.to.iter().collect();
    let target = Target {
        domain: Some("mg.shop.example"),
        region: Some("eu-west-1"),
        ..Target::new("https://esp.example", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    };
    let dispatch =
        Dispatch { message_id: "msg_01jdfx3w7k0000000000000000", message: &message, to: &to, cc: &[], bcc: &[] };
    for (name, kind) in BUILD.into_iter().zip(KINDS) {
        bench.solo(name, &mut |n| {
            let sizes = (0..n).map(|_| match build(kind, black_box(&target), black_box(&dispatch), START) {
                Ok(Call::Http(request)) => request.body.len(),
                Ok(Call::Smtp(_) | Call::Binding(_)) | Err(_) => 0,
            });
            // Every repetition has to build the whole: the body holds more than the message.
            assert!(black_box(sizes.min().unwrap_or(usize::MAX)) > SIZE, "{name}");
        });
    }
}

fn message() -> Message {
    let fields = |text: &str| {
        json!({
            "from": "Shop <orders@shop.example>", "to": "Ann Ünïcode <ann@example.com>", "reply_to": "help@shop.example",
            "subject": "Order #42 — confirmé ✓", "text_body": text,
            "html_body": "<p>Hello <b>Ann</b>, your order is on its way.</p>\n".repeat(20),
            "headers": { "X-Order-Id": "42", "List-Unsubscribe": "<https://shop.example/u/42>" },
            "tags": ["receipt"], "metadata": { "order": "42", "tier": "gold" },
        })
    };
    let read = |text: &str| Message::parse(&fields(text).to_string()).expect("a valid message");
    let rest = SIZE - (read("x").size() - 1);
    let message = read(&"Hello Ann, \"5 EUR\".\n".repeat(rest).chars().take(rest).collect::<String>());
    assert_eq!(message.size(), SIZE);
    message
}

/// Bytes of the message by Sendgate's measure.
const SIZE: usize = 2_000;
const KINDS: [ProviderKind; 6] = [
    ProviderKind::Sendgrid,
    ProviderKind::Mailgun,
    ProviderKind::Postmark,
    ProviderKind::Ses,
    ProviderKind::Resend,
    ProviderKind::Brevo,
];
pub(crate) const BUILD: [&str; 6] = [
    "provider.build.sendgrid",
    "provider.build.mailgun",
    "provider.build.postmark",
    "provider.build.ses",
    "provider.build.resend",
    "provider.build.brevo",
];
