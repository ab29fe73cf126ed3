//! Sendgate's own reader of webhooks against the simulator's: two pieces of code that share nothing but the providers' rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod common;

use common::{Receiver, Simulator, Smtp};
use sendgate_core::{
    event::{Certificate, Event, Incoming, Received, Trust, receive},
    provider::ProviderKind,
    time::UnixMillis,
};
use serde_json::{Value, json};

const CERTIFICATE_URL: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-x.pem";

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap())
}

/// What a receiver is told of the simulator's keys.
fn trust(provider: ProviderKind, keys: &Value) -> Trust {
    let text = |pointer: &str| keys.pointer(pointer).and_then(Value::as_str).unwrap().to_string();
    let secret = match provider {
        ProviderKind::Sendgrid => text("/sendgrid/public_key"),
        ProviderKind::Mailgun => text("/mailgun/signing_key"),
        ProviderKind::Resend => text("/resend/secret"),
        ProviderKind::Postmark => format!("{}:{}", text("/postmark/user"), text("/postmark/password")),
        _ => String::new(),
    };
    let topics = vec!["arn:aws:sns:us-east-1:123456789012:simulator".to_string()];
    Trust { secrets: vec![secret], topics, ..Trust::default() }
}

/// The headers and the body of the next webhook, read by Sendgate.
fn read(provider: ProviderKind, receiver: &Receiver, trust: &Trust, pem: &str) -> Result<Received, String> {
    let received = receiver.next();
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_string(), value.to_string()));
    let headers: Vec<_> = received.head.lines().filter_map(field).collect();
    let incoming = Incoming { headers: &headers, body: &received.body };
    let certificate = (provider == ProviderKind::Ses).then_some(Certificate { url: CERTIFICATE_URL, pem });
    receive(provider, trust, &incoming, certificate, now()).map_err(|error| format!("{error:?}"))
}

fn events(read: Result<Received, String>) -> Vec<Event> {
    match read {
        Ok(Received::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sendgate_believes_what_is_signed_and_refuses_what_is_forged() {
    type Row = (ProviderKind, &'static str, &'static [(&'static str, &'static str)]);
    let rows: &[Row] = &[
        (
            ProviderKind::Sendgrid,
            "sendgrid",
            &[
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
                ("unsubscribed", "unsubscribed"),
                ("suppressed", "rejected"),
            ],
        ),
        (
            ProviderKind::Mailgun,
            "mailgun",
            &[
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
                ("unsubscribed", "unsubscribed"),
            ],
        ),
        (
            ProviderKind::Postmark,
            "postmark",
            &[("delivered", "delivered"), ("bounced", "bounced"), ("complained", "complained"), ("opened", "opened")],
        ),
        (
            ProviderKind::Ses,
            "ses",
            &[
                ("processed", "sent"),
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
            ],
        ),
        (
            ProviderKind::Resend,
            "resend",
            &[
                ("processed", "sent"),
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
            ],
        ),
    ];
    // Mailgun's signature does not cover the event, and Postmark has none.
    let unnoticed = [("mailgun", "body"), ("postmark", "body"), ("postmark", "stale")];
    for (provider, dialect, kinds) in rows {
        let simulator = Simulator::start();
        let receiver = Receiver::start(&[]);
        let secrets = if *dialect == "ses" { json!({ "certificate_url": CERTIFICATE_URL }) } else { json!({}) };
        let hook = json!({ "url": receiver.url, "delay_ms": 0, "secrets": secrets });
        simulator.settings(&json!({ "webhooks": { *dialect: hook } }));
        let trust = trust(*provider, &simulator.get("/sandbox/webhooks").1["keys"]);
        let pem = String::from_utf8(simulator.bytes("/sandbox/ses/SimpleNotificationService-x.pem")).unwrap();
        if *dialect == "ses" {
            // Its SubscribeURL is on loopback, which is no host of Amazon's: Sendgate refuses to fetch it.
            let body = receiver.next().json();
            ureq::get(body["SubscribeURL"].as_str().unwrap()).call().unwrap();
        }
        for (event, want) in *kinds {
            let order = json!({ "dialect": dialect, "event": event, "recipient": "ann@example.com" });
            let (_, answer) = simulator.post("/sandbox/webhooks", &order);
            let read_events = events(read(*provider, &receiver, &trust, &pem));
            assert_eq!(read_events.len(), 1, "{dialect} {event}");
            assert_eq!(read_events[0].kind.word(), *want, "{dialect} {event}");
            let id = answer["ids"][0].as_i64().unwrap();
            for forge in ["body", "signature", "stale", "key"] {
                simulator.post(&format!("/sandbox/webhooks/{id}/replay"), &json!({ "forge": forge }));
                let refused = read(*provider, &receiver, &trust, &pem).is_err();
                assert_eq!(refused, !unnoticed.contains(&(*dialect, forge)), "{dialect} {event} {forge}");
            }
        }
    }
}

#[test]
fn sendgate_reads_the_mail_that_comes_back() {
    let simulator = Simulator::start();
    let receiver = Receiver::start(&[]);
    simulator.settings(&json!({ "webhooks": { "smtp": { "url": receiver.url, "delay_ms": 0 } } }));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    for (recipient, want) in [
        ("bounced@example.com", "bounced"),
        ("softbounce@example.com", "deferred"),
        ("complained@example.com", "complained"),
    ] {
        assert!(smtp.mail(recipient).starts_with("250"));
        let (_, events) = sendgate_core::event::read_mail(&receiver.next().body, now());
        let read: Vec<_> = events.iter().map(|event| (event.kind.word(), event.recipient.as_deref())).collect();
        assert_eq!(read, [(want, Some(recipient))]);
    }
}
