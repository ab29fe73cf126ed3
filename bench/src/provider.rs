//! What a message costs on its way to a provider: its request.

use crate::{harness::Bench, ours::START};
use sendgate_core::{
    message::Message,
    provider::{Dispatch, ProviderKind, Target, build},
    transport::Call,
};
use std::hint::black_box;

/// The request for a message of two kilobytes: its JSON, and for Amazon SES its signature.
pub(crate) fn build_one(bench: &mut Bench<'_>) {
    let message = Message::parse(&two_kilobytes()).expect("a valid message");
    let (to, cc): (Vec<_>, Vec<_>) = (message.to.iter().collect(), message.cc.iter().collect());
    let dispatch =
        Dispatch { message_id: "msg_01jd8z4q7v9x2c5b6n8m0k1h3f", message: &message, to: &to, cc: &cc, bcc: &[] };
    for (name, kind, target) in [
        (
            SES,
            ProviderKind::Ses,
            Target::new(
                "https://email.eu-west-1.amazonaws.com",
                "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            ),
        ),
        (BREVO, ProviderKind::Brevo, Target::new("https://api.brevo.com", "key_1")),
    ] {
        bench.solo(name, &mut |n| {
            let bytes = |_| match build(kind, black_box(&target), black_box(&dispatch), START) {
                Ok(Call::Http(request)) => request.body.len() as u64,
                other => panic!("{other:?}"),
            };
            assert!((0..n).map(bytes).sum::<u64>() > n * 2_000);
        });
    }
}

/// A message with names, copies, header fields, tags and metadata, its bodies together two kilobytes.
fn two_kilobytes() -> String {
    let text = "Your order is on its way and arrives on Thursday. ".repeat(16);
    let html = format!("<html><body><p>{}</p></body></html>", "Your order is <b>on its way</b>. ".repeat(36));
    format!(
        r#"{{"from":"Zoë's Shop <orders@shop.example>","to":["Ann Ünïcode <ann@example.com>","bob@example.net"],
        "cc":"Carbon Copy <cc@example.org>","reply_to":"help@shop.example","subject":"Order #42 — confirmed",
        "text_body":"{text}","html_body":"{html}","headers":{{"X-Order-Id":"42"}},
        "tags":["receipt"],"metadata":{{"order":"42"}}}}"#
    )
}

pub(crate) const SES: &str = "provider.build.ses";
pub(crate) const BREVO: &str = "provider.build.brevo";
