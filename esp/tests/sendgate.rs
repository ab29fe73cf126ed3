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
    event::{Certificate, Event, Incoming, Received, Trust, WebhookError, receive, receive_queued},
    http::HttpResponse,
    id::MessageId,
    message::Message,
    outcome::Outcome,
    provider::{self, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::{Call, Reply},
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
        ProviderKind::Mailersend => text("/mailersend/secret"),
        ProviderKind::Mailtrap => text("/mailtrap/secret"),
        ProviderKind::Sandbox => text("/esp/secret"),
        ProviderKind::Postmark => format!("{}:{}", text("/postmark/user"), text("/postmark/password")),
        ProviderKind::Brevo => format!("{}:{}", text("/brevo/user"), text("/brevo/password")),
        ProviderKind::Sparkpost => format!("{}:{}", text("/sparkpost/user"), text("/sparkpost/password")),
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
                ("suppressed", "rejected"),
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
                ("suppressed", "bounced"),
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
                ("suppressed", "rejected"),
            ],
        ),
        (
            ProviderKind::Brevo,
            "brevo",
            &[
                ("processed", "queued"),
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
            ProviderKind::Mailersend,
            "mailersend",
            &[
                ("processed", "sent"),
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
                ("unsubscribed", "unsubscribed"),
            ],
        ),
        (
            ProviderKind::Mailtrap,
            "mailtrap",
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
            ProviderKind::Sparkpost,
            "sparkpost",
            &[
                ("processed", "queued"),
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
            ProviderKind::Sandbox,
            "esp",
            &[
                ("processed", "sent"),
                ("delivered", "delivered"),
                ("bounced", "bounced"),
                ("deferred", "deferred"),
                ("complained", "complained"),
                ("opened", "opened"),
                ("unsubscribed", "unsubscribed"),
                ("suppressed", "rejected"),
            ],
        ),
    ];
    // Mailgun's signature does not cover the event, three providers have none, and two sign nothing that is dated.
    let unnoticed = [
        ("mailgun", "body"),
        ("postmark", "body"),
        ("postmark", "stale"),
        ("brevo", "body"),
        ("brevo", "stale"),
        ("sparkpost", "body"),
        ("sparkpost", "stale"),
        ("mailersend", "stale"),
        ("mailtrap", "stale"),
    ];
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
            assert_eq!(read_events[0].is_echo, *event == "suppressed", "{dialect} {event}: whose list it is on");
            let class = read_events[0].bounce.as_ref().map(|bounce| bounce.class.word());
            match *event {
                "bounced" => assert_eq!(class, Some("hard"), "{dialect}"),
                "deferred" => assert!(matches!(class, None | Some("soft" | "quota")), "{dialect} {class:?}"),
                _ => {}
            }
            let id = answer["ids"][0].as_i64().unwrap();
            for forge in ["body", "signature", "stale", "key"] {
                simulator.post(&format!("/sandbox/webhooks/{id}/replay"), &json!({ "forge": forge }));
                let refused = read(*provider, &receiver, &trust, &pem).is_err();
                assert_eq!(refused, !unnoticed.contains(&(*dialect, forge)), "{dialect} {event} {forge}");
            }
        }
    }
}

/// Cloudflare's events come through a queue, whose owner is the only one to read it: posted ones are never believed.
#[test]
fn sendgate_reads_cloudflares_messages_as_a_queues_and_believes_none_that_is_posted() {
    let simulator = Simulator::start();
    let receiver = Receiver::start(&[]);
    simulator.settings(&json!({ "webhooks": { "cloudflare": { "url": receiver.url, "delay_ms": 0 } } }));
    for (event, want) in [
        ("delivered", "delivered"),
        ("bounced", "bounced"),
        ("deferred", "deferred"),
        ("complained", "complained"),
        ("suppressed", "rejected"),
    ] {
        let order = json!({ "dialect": "cloudflare", "event": event, "recipient": "ann@example.com" });
        simulator.post("/sandbox/webhooks", &order);
        let body = receiver.next().body;
        let events = receive_queued(ProviderKind::Cloudflare, &body, now()).unwrap();
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.kind.word(), event.recipient.as_deref()), (want, Some("ann@example.com")));
        assert_eq!(event.is_echo, want == "rejected");
        let posted = Incoming { headers: &[], body: &body };
        let refused = receive(ProviderKind::Cloudflare, &Trust::default(), &posted, None, now());
        assert_eq!(refused.unwrap_err(), WebhookError::NotSupported);
    }
}

/// From a message of ours through the simulator's dialect and back: the events name the message as the answer did, and by
/// our own id where the provider has room for one.
#[test]
fn what_sendgate_sends_comes_back_as_its_own_events() {
    let id = "msg_01kba3ky6mzzzzzzzzzzzzzzzz";
    let ours = MessageId::parse(id).unwrap();
    let message = json!({ "from": "Shop <orders@shop.example>", "to": ["ann@example.com"], "subject": "Order 42",
                          "html_body": "<p>Hello</p>" });
    let message = Message::parse(&message.to_string()).unwrap();
    // The dialect's word, a credential, and whether an event says our id.
    for (kind, dialect, credential, is_named) in [
        (ProviderKind::Sendgrid, "sendgrid", "SG.test.test", true),
        (ProviderKind::Mailgun, "mailgun", "key-test", true),
        (ProviderKind::Postmark, "postmark", "token", true),
        (ProviderKind::Resend, "resend", "re_test", true),
        (ProviderKind::Cloudflare, "cloudflare", "cf-test", false),
        (ProviderKind::Brevo, "brevo", "xkeysib-test", true),
        (ProviderKind::Mailersend, "mailersend", "mlsn.test", false),
        (ProviderKind::Mailtrap, "mailtrap", "mailtrap-test", true),
        (ProviderKind::Sparkpost, "sparkpost", "sparkpost-test", true),
        (ProviderKind::Sandbox, "esp", "esp_test", true),
    ] {
        let simulator = Simulator::start();
        let receiver = Receiver::start(&[]);
        simulator.settings(&json!({
            "webhooks": { dialect: { "url": receiver.url, "delay_ms": 0 } },
            dialect: { "fates": [{ "to": "ann@", "fate": "soft_bounced" }] },
        }));
        let trust = trust(kind, &simulator.get("/sandbox/webhooks").1["keys"]);
        let path = if kind == ProviderKind::Cloudflare { "/client/v4" } else { "" };
        let url = format!("{}/sandbox/{dialect}{path}", simulator.base_url);
        let target =
            Target { domain: Some("mg.shop.example"), account_id: Some("acc123"), ..Target::new(&url, credential) };
        let to: Vec<_> = message.to.iter().collect();
        let dispatch = Dispatch { message_id: id, message: &message, to: &to, cc: &[], bcc: &[] };
        let call = provider::build(kind, &target, &dispatch, now()).unwrap();
        let Outcome::Accepted { provider_message_id: Some(named) } =
            provider::classify(kind, &Reply::Http(carry(call)), now()).outcome
        else {
            panic!("{dialect} did not take it")
        };
        let put_off = loop {
            let events = match kind {
                ProviderKind::Cloudflare => receive_queued(kind, &receiver.next().body, now()).unwrap(),
                _ => events(read(kind, &receiver, &trust, "")),
            };
            if let Some(put_off) =
                events.into_iter().find(|event| event.bounce.is_some() || event.kind.word() == "deferred")
            {
                break put_off;
            }
        };
        assert_eq!(put_off.recipient.as_deref(), Some("ann@example.com"), "{dialect}");
        assert_eq!(put_off.provider_message_id, Some(named), "{dialect}");
        assert_eq!(put_off.message_id, is_named.then_some(ours), "{dialect}");
    }
}

/// Carries a call out.
fn carry(call: Call) -> HttpResponse {
    let Call::Http(request) = call else { panic!("no HTTP call") };
    let mut post = ureq::post(&request.url).config().http_status_as_error(false).build();
    for (name, value) in &request.headers {
        post = post.header(*name, &**value);
    }
    let mut answer = post.header("user-agent", "test").send(&request.body[..]).unwrap();
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let status = answer.status().as_u16();
    HttpResponse { status, headers, body: answer.body_mut().read_to_vec().unwrap() }
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
