//! Prints the calls that Sendgate makes of messages, for comparison with the official SDKs' (tests/sdk).
//!
//! `requests MESSAGES BASE_URL` reads the list that tests/sdk/messages.py prints and writes one JSON object a line: the
//! provider, the message's id, and either `gaps`, the features that the provider lacks for it, or the request as `method`,
//! `path`, `headers` and `body` (base64), or the mail as its envelope's `from`, `recipients` and `smtputf8` and `message`
//! (base64).

#![allow(clippy::expect_used, clippy::panic, reason = "a panic here is a check that fails")]

use base64::{Engine, engine::general_purpose::STANDARD};
use sendgate_core::{
    address::Mailbox,
    http::HttpRequest,
    message::Message,
    provider::{self, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::Call,
};
use serde_json::{Value, json};
use std::{env, fs};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [messages, base_url] = arguments.as_slice() else { panic!("usage: requests MESSAGES BASE_URL") };
    let messages = fs::read_to_string(messages).expect("the messages are readable");
    let messages: Vec<Value> = serde_json::from_str(&messages).expect("the messages are a JSON list");
    for (kind, credential) in PROVIDERS {
        for case in &messages {
            let id = case["id"].as_str().expect("a case has an id");
            println!("{}", line(kind, credential, base_url, id, &case["message"].to_string()));
        }
    }
}

fn line(kind: ProviderKind, credential: &str, base_url: &str, id: &str, message: &str) -> Value {
    let provider = kind.as_str();
    let message = Message::parse(message).unwrap_or_else(|faults| panic!("{id}: {faults:?}"));
    if let Err(gaps) = provider::check(kind, &message) {
        let gaps: Vec<&str> = gaps.iter().map(|gap| gap.feature).collect();
        return json!({ "provider": provider, "id": id, "gaps": gaps });
    }
    let path = if kind == ProviderKind::Cloudflare { "/client/v4" } else { "" };
    let is_mail = kind == ProviderKind::Smtp;
    let url = if is_mail { "smtp://127.0.0.1:2525".to_string() } else { format!("{base_url}/{provider}{path}") };
    let target = Target {
        domain: Some("mg.shop.example"),
        account_id: Some("acc123"),
        region: Some("eu-west-1"),
        compose: Some(sendgate_mime::compose),
        ..Target::new(&url, credential)
    };
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<&Mailbox>>());
    let key = format!("key-{id}");
    let dispatch = Dispatch { message_id: &key, message: &message, to: &to, cc: &cc, bcc: &bcc };
    let call =
        provider::build(kind, &target, &dispatch, NOW).unwrap_or_else(|error| panic!("{provider} {id}: {error}"));
    let (method, url, headers, body) = match call {
        Call::Http(HttpRequest { method, url, headers, body }) => (method, url, headers, body),
        Call::Smtp(mail) => {
            return json!({
                "provider": provider, "id": id, "from": mail.from, "recipients": mail.recipients,
                "smtputf8": mail.needs_smtputf8, "message": STANDARD.encode(mail.data),
            });
        }
        Call::Binding(_) => panic!("{provider} is spoken to over HTTP or SMTP"),
    };
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| rest.split_at(slash).1));
    let path = path.expect("a URL has a path");
    json!({
        "provider": provider, "id": id, "method": method, "path": path, "headers": headers, "body": STANDARD.encode(body),
    })
}

/// 2026-12-01T10:00:00Z
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);
/// The providers whose official SDKs are compared, with the credential that the SDKs are given.
const PROVIDERS: [(ProviderKind, &str); 11] = [
    (ProviderKind::Sendgrid, "SG.test"),
    (ProviderKind::Mailgun, "key-test"),
    (ProviderKind::Postmark, "POSTMARK_API_TEST"),
    (ProviderKind::Ses, "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    (ProviderKind::Resend, "re_test"),
    (ProviderKind::Cloudflare, "cf-test"),
    (ProviderKind::Brevo, "xkeysib-test"),
    (ProviderKind::Mailersend, "mlsn.test"),
    (ProviderKind::Mailtrap, "mailtrap-test"),
    (ProviderKind::Sparkpost, "sparkpost-test"),
    (ProviderKind::Smtp, "shop:any"),
];
