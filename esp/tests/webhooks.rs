//! Webhooks from a receiver's side: every signature verified here from the receiver's end of the provider's rule, and every
//! forgery refused by the same code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails stops there"
)]

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{Received, Receiver, Simulator, Smtp};
use hmac::{Hmac, Mac};
use mail_parser::{MessageParser, MimeHeaders};
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::DecodePublicKey,
};
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sendgate_core::time::UnixMillis;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use x509_cert::{
    Certificate,
    der::{DecodePem, Encode},
};

const PROVIDERS: [&str; 12] = [
    "sendgrid",
    "mailgun",
    "postmark",
    "ses",
    "resend",
    "cloudflare",
    "brevo",
    "mailersend",
    "mailtrap",
    "sparkpost",
    "esp",
    "smtp",
];

/// A simulator whose webhooks of one dialect come to a receiver that first answers with `statuses`.
fn hooked(dialect: &str, statuses: &[u16], more: &Value) -> (Simulator, Receiver) {
    let simulator = Simulator::start();
    let receiver = Receiver::start(statuses);
    let mut hook = json!({ "url": receiver.url, "delay_ms": 0, "retry_speed": 1_000_000_000 });
    hook.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    simulator.settings(&json!({ "webhooks": { dialect: hook } }));
    if dialect == "ses" {
        confirm(&receiver.next());
    }
    (simulator, receiver)
}

/// Does what a receiver does with SNS's first message.
fn confirm(received: &Received) -> Value {
    let body = received.json();
    assert_eq!(
        (received.header("x-amz-sns-message-type"), &body["Type"]),
        (Some("SubscriptionConfirmation"), &json!("SubscriptionConfirmation"))
    );
    assert!(verify_sns(received).is_ok());
    ureq::get(body["SubscribeURL"].as_str().unwrap()).call().unwrap();
    body
}

fn order(simulator: &Simulator, dialect: &str, event: &str) -> i64 {
    let (status, answer) = simulator
        .post("/sandbox/webhooks", &json!({ "dialect": dialect, "event": event, "recipient": "ann@example.com" }));
    assert_eq!(status, 201, "{answer}");
    answer["ids"][0].as_i64().unwrap()
}

fn keys(simulator: &Simulator) -> Value {
    simulator.get("/sandbox/webhooks").1["keys"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

type Verdict = Result<(), &'static str>;

fn verify(dialect: &str, received: &Received, keys: &Value) -> Verdict {
    match dialect {
        "sendgrid" => verify_sendgrid(received, text(&keys["sendgrid"]["public_key"])),
        "mailgun" => verify_mailgun(received, text(&keys["mailgun"]["signing_key"])),
        "postmark" | "brevo" | "sparkpost" => verify_basic(received, &keys[dialect]),
        "ses" => verify_sns(received),
        "resend" => verify_svix(received, text(&keys["resend"]["secret"])),
        "mailersend" => verify_hex(received, "Signature", &[], text(&keys[dialect]["secret"])),
        "mailtrap" => verify_hex(received, "Mailtrap-Signature", &[], text(&keys[dialect]["secret"])),
        "esp" => {
            let timestamp = received.header("X-Sandbox-Timestamp").ok_or("no timestamp")?;
            fresh(timestamp)?;
            let before = format!("{timestamp}.");
            verify_hex(received, "X-Sandbox-Signature", before.as_bytes(), text(&keys[dialect]["secret"]))
        }
        other => panic!("{other} has no signature"),
    }
}

/// ECDSA P-256 over the timestamp and the raw body, with the key of the settings page.
fn verify_sendgrid(received: &Received, public_key: &str) -> Verdict {
    let key = VerifyingKey::from_public_key_der(&STANDARD.decode(public_key).unwrap()).unwrap();
    let timestamp = received.header("X-Twilio-Email-Event-Webhook-Timestamp").ok_or("no timestamp")?;
    let signature = received.header("X-Twilio-Email-Event-Webhook-Signature").ok_or("no signature")?;
    fresh(timestamp)?;
    let der = STANDARD.decode(signature).map_err(|_| "no base64")?;
    let signature = Signature::from_der(&der).map_err(|_| "no DER")?;
    key.verify(&[timestamp.as_bytes(), &received.body].concat(), &signature).map_err(|_| "wrong")
}

/// HMAC-SHA256 over timestamp and token, in hex.
fn verify_mailgun(received: &Received, key: &str) -> Verdict {
    let body = received.json();
    let signature = &body["signature"];
    let (timestamp, token) = (text(&signature["timestamp"]), text(&signature["token"]));
    assert_eq!(token.len(), 50);
    fresh(timestamp)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}{token}").as_bytes());
    mac.verify_slice(&from_hex(text(&signature["signature"]))?).map_err(|_| "wrong")
}

fn from_hex(hex: &str) -> Result<Vec<u8>, &'static str> {
    let bytes: Option<Vec<u8>> =
        (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).ok()).collect();
    bytes.ok_or("no hex")
}

/// HMAC-SHA256 over what stands before the body and the raw body, in hex.
fn verify_hex(received: &Received, header: &str, before: &[u8], key: &str) -> Verdict {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(before);
    mac.update(&received.body);
    let signature = from_hex(received.header(header).ok_or("no signature")?)?;
    mac.verify_slice(&signature).map_err(|_| "wrong")
}

fn verify_basic(received: &Received, keys: &Value) -> Verdict {
    let credential = STANDARD.encode(format!("{}:{}", text(&keys["user"]), text(&keys["password"])));
    if received.header("authorization") == Some(&format!("Basic {credential}")) { Ok(()) } else { Err("wrong") }
}

/// HMAC-SHA256 over id, timestamp and raw body, with the bytes behind `whsec_`.
fn verify_svix(received: &Received, secret: &str) -> Verdict {
    let header = |name| received.header(name).ok_or("a header is missing");
    let (id, timestamp, signatures) = (header("svix-id")?, header("svix-timestamp")?, header("svix-signature")?);
    fresh(timestamp)?;
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(&[format!("{id}.{timestamp}.").as_bytes(), &received.body].concat());
    let signature = signatures.strip_prefix("v1,").ok_or("no v1")?;
    mac.verify_slice(&STANDARD.decode(signature).map_err(|_| "no base64")?).map_err(|_| "wrong")
}

/// RSA over the fields in SNS's order, with the key of the certificate at `SigningCertURL`.
fn verify_sns(received: &Received) -> Verdict {
    let body = received.json();
    let pem = ureq::get(text(&body["SigningCertURL"])).call().unwrap().body_mut().read_to_vec().unwrap();
    let certificate = Certificate::from_pem(&pem).unwrap();
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().unwrap();
    let key = RsaPublicKey::from_public_key_der(&key).unwrap();
    let names: &[&str] = match text(&body["Type"]) {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let signed: String = names
        .iter()
        .filter(|name| body[**name].is_string())
        .map(|name| format!("{name}\n{}\n", text(&body[*name])))
        .collect();
    let at = UnixMillis::parse_rfc3339(text(&body["Timestamp"])).ok_or("no time")?;
    fresh(&at.seconds_ceil().to_string())?;
    let signature = STANDARD.decode(text(&body["Signature"])).map_err(|_| "no base64")?;
    let verified = match text(&body["SignatureVersion"]) {
        "2" => key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&signed), &signature),
        _ => key.verify(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(&signed), &signature),
    };
    verified.map_err(|_| "wrong")
}

fn now_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Five minutes, as Svix and Symfony's bridge for SendGrid allow.
fn fresh(timestamp: &str) -> Verdict {
    let at: u64 = timestamp.parse().map_err(|_| "no number")?;
    if now_seconds().abs_diff(at) <= 300 { Ok(()) } else { Err("stale") }
}

#[test]
fn every_providers_signature_holds_and_every_forgery_is_noticed() {
    // Mailgun's signature does not cover the event, three providers have none, and two sign nothing that is dated.
    let is_unnoticed = |dialect: &str, forge: &str| match forge {
        "body" => ["mailgun", "postmark", "brevo", "sparkpost"].contains(&dialect),
        "stale" => ["postmark", "brevo", "sparkpost", "mailersend", "mailtrap"].contains(&dialect),
        _ => false,
    };
    for dialect in PROVIDERS.into_iter().filter(|dialect| !["smtp", "cloudflare"].contains(dialect)) {
        let (simulator, receiver) = hooked(dialect, &[], &json!({}));
        let keys = keys(&simulator);
        let id = order(&simulator, dialect, "bounced");
        let first = receiver.next();
        assert_eq!(verify(dialect, &first, &keys), Ok(()), "{dialect}");
        for forge in ["body", "signature", "stale", "key"] {
            let (status, _) = simulator.post(&format!("/sandbox/webhooks/{id}/replay"), &json!({ "forge": forge }));
            assert_eq!(status, 201);
            let forged = receiver.next();
            let noticed = verify(dialect, &forged, &keys).is_err();
            assert_eq!(noticed, !is_unnoticed(dialect, forge), "{dialect} {forge}");
            if forge == "body" {
                assert_ne!(forged.body, first.body, "{dialect}");
                forged.json();
            }
        }
        let (_, answer) = simulator.post(&format!("/sandbox/webhooks/{id}/replay"), &json!({ "times": 2 }));
        assert_eq!(answer["ids"].as_array().unwrap().len(), 2);
        for _ in 0..2 {
            let again = receiver.next();
            assert_eq!(verify(dialect, &again, &keys), Ok(()), "{dialect}");
            assert_eq!(again.body, first.body, "{dialect}: the same event, byte by byte");
            for name in ["svix-id", "x-messagesystems-batch-id"] {
                assert_eq!(again.header(name), first.header(name), "a receiver can see that it is the same");
            }
        }
    }
}

#[test]
fn own_secrets_are_used() {
    let secrets = [
        ("mailgun", json!({ "signing_key": "key-of-ours" })),
        ("postmark", json!({ "user": "hook", "password": "ours", "header_name": "x-token", "header_value": "ours" })),
        ("resend", json!({ "secret": format!("whsec_{}", STANDARD.encode("24 bytes that we chose..")) })),
        ("brevo", json!({ "user": "hook", "password": "ours", "header_name": "x-token", "header_value": "ours" })),
        ("sparkpost", json!({ "user": "hook", "password": "ours", "header_name": "x-token", "header_value": "ours" })),
        ("mailersend", json!({ "secret": "ours" })),
        ("mailtrap", json!({ "secret": "ours" })),
        ("esp", json!({ "secret": "ours" })),
        ("ses", json!({ "signature_version": "2", "topic_arn": "arn:aws:sns:eu-west-1:123456789012:ours" })),
    ];
    for (dialect, secret) in secrets {
        let (simulator, receiver) = hooked(dialect, &[], &json!({ "secrets": secret }));
        let keys = keys(&simulator);
        order(&simulator, dialect, "delivered");
        let received = receiver.next();
        assert_eq!(verify(dialect, &received, &keys), Ok(()), "{dialect}");
        match dialect {
            "mailgun" => assert_eq!(keys["mailgun"]["signing_key"], secret["signing_key"]),
            "postmark" | "brevo" | "sparkpost" => assert_eq!(received.header("x-token"), Some("ours")),
            "resend" | "mailersend" | "mailtrap" | "esp" => assert_eq!(keys[dialect]["secret"], secret["secret"]),
            _ => assert_eq!(
                (&received.json()["SignatureVersion"], &received.json()["TopicArn"]),
                (&json!("2"), &secret["topic_arn"])
            ),
        }
    }
}

#[test]
fn keys_are_the_seeds() {
    let of = |seed: &str| {
        let mut keys = keys(&Simulator::start_with(&["--seed", seed]));
        // It names the port.
        keys["ses"] = Value::Null;
        keys
    };
    let first = of("7");
    assert_eq!(first, of("7"));
    let other = of("8");
    for dialect in PROVIDERS.into_iter().filter(|dialect| !["ses", "smtp", "cloudflare"].contains(dialect)) {
        assert_ne!(first[dialect], other[dialect], "{dialect}");
    }
}

#[test]
fn sns_publishes_nothing_before_the_subscription_is_confirmed() {
    let simulator = Simulator::start();
    let receiver = Receiver::start(&[]);
    simulator.settings(&json!({ "webhooks": { "ses": { "url": receiver.url, "delay_ms": 0 } } }));
    order(&simulator, "ses", "bounced");
    let first = receiver.next();
    let waiting = simulator.get("/sandbox/webhooks").1;
    assert_eq!(
        (&waiting["keys"]["ses"]["confirmed"], &waiting["webhooks"][1]["state"]),
        (&json!(false), &json!("waiting"))
    );
    let wrong = ureq::get(format!("{}/sandbox/ses?Action=ConfirmSubscription&Token=wrong", simulator.base_url)).call();
    assert!(matches!(wrong, Err(ureq::Error::StatusCode(400))));
    let body = confirm(&first);
    assert!(text(&body["SubscribeURL"]).contains(text(&body["Token"])));
    let notification = receiver.next().json();
    assert_eq!(notification["Type"], "Notification");
    let inner: Value = serde_json::from_str(text(&notification["Message"])).unwrap();
    assert_eq!(inner["eventType"], "Bounce");
    assert_eq!(inner["bounce"]["bouncedRecipients"][0]["emailAddress"], "ann@example.com");
}

/// The fields that receivers read, from each provider's documentation of its events.
#[test]
fn events_have_the_providers_shape() {
    let sns = |body: Value| serde_json::from_str::<Value>(text(&body["Message"])).unwrap();
    let rows: &[(&str, &str, &str, Value)] = &[
        ("sendgrid", "processed", "/0/event", json!("processed")),
        ("sendgrid", "delivered", "/0/event", json!("delivered")),
        ("sendgrid", "bounced", "/0/type", json!("bounce")),
        ("sendgrid", "bounced", "/0/status", json!("5.1.1")),
        ("sendgrid", "deferred", "/0/event", json!("deferred")),
        ("sendgrid", "complained", "/0/event", json!("spamreport")),
        ("sendgrid", "opened", "/0/sg_machine_open", json!(false)),
        ("sendgrid", "suppressed", "/0/event", json!("dropped")),
        ("mailgun", "processed", "/event-data/event", json!("accepted")),
        ("mailgun", "bounced", "/event-data/severity", json!("permanent")),
        ("mailgun", "bounced", "/event-data/delivery-status/code", json!(550)),
        ("mailgun", "deferred", "/event-data/severity", json!("temporary")),
        ("mailgun", "suppressed", "/event-data/reason", json!("suppress-bounce")),
        ("mailgun", "complained", "/event-data/recipient", json!("ann@example.com")),
        ("mailgun", "opened", "/event-data/client-info/user-agent", json!("Mozilla/5.0")),
        ("postmark", "delivered", "/RecordType", json!("Delivery")),
        ("postmark", "delivered", "/Recipient", json!("ann@example.com")),
        ("postmark", "bounced", "/TypeCode", json!(1)),
        ("postmark", "bounced", "/Email", json!("ann@example.com")),
        ("postmark", "deferred", "/Type", json!("SoftBounce")),
        ("postmark", "complained", "/RecordType", json!("SpamComplaint")),
        ("postmark", "opened", "/FirstOpen", json!(true)),
        ("ses", "processed", "/eventType", json!("Send")),
        ("ses", "delivered", "/delivery/recipients/0", json!("ann@example.com")),
        ("ses", "bounced", "/bounce/bounceType", json!("Permanent")),
        ("ses", "deferred", "/deliveryDelay/delayType", json!("MailboxFull")),
        ("ses", "complained", "/complaint/complaintFeedbackType", json!("abuse")),
        ("ses", "suppressed", "/bounce/bounceSubType", json!("OnAccountSuppressionList")),
        ("ses", "opened", "/eventType", json!("Open")),
        ("resend", "processed", "/type", json!("email.sent")),
        ("resend", "delivered", "/type", json!("email.delivered")),
        ("resend", "bounced", "/data/bounce/type", json!("Permanent")),
        ("resend", "deferred", "/type", json!("email.delivery_delayed")),
        ("resend", "complained", "/type", json!("email.complained")),
        ("resend", "opened", "/type", json!("email.opened")),
        ("resend", "suppressed", "/type", json!("email.suppressed")),
        ("cloudflare", "delivered", "/type", json!("cf.email.sending.message.delivered")),
        ("cloudflare", "delivered", "/payload/delivery/smtpStatusCode", json!("250")),
        ("cloudflare", "bounced", "/payload/bounce/type", json!("hard")),
        ("cloudflare", "bounced", "/source/domain", json!("shop.example")),
        ("cloudflare", "deferred", "/payload/terminal", json!(false)),
        ("cloudflare", "complained", "/payload/subject", Value::Null),
        ("cloudflare", "suppressed", "/payload/rejection/party", json!("recipient")),
        ("brevo", "processed", "/event", json!("request")),
        ("brevo", "delivered", "/email", json!("ann@example.com")),
        ("brevo", "bounced", "/event", json!("hard_bounce")),
        ("brevo", "bounced", "/reason", json!("550 5.1.1 No such user")),
        ("brevo", "deferred", "/event", json!("deferred")),
        ("brevo", "complained", "/event", json!("spam")),
        ("brevo", "opened", "/event", json!("opened")),
        ("brevo", "unsubscribed", "/event", json!("unsubscribed")),
        ("brevo", "suppressed", "/event", json!("blocked")),
        ("mailersend", "processed", "/type", json!("activity.sent")),
        ("mailersend", "delivered", "/data/recipient", json!("ann@example.com")),
        ("mailersend", "bounced", "/data/meta/bounce_code", json!("550")),
        ("mailersend", "deferred", "/type", json!("activity.deferred")),
        ("mailersend", "complained", "/type", json!("activity.spam_complaint")),
        ("mailersend", "opened", "/data/meta/user_agent", json!("Mozilla/5.0")),
        ("mailersend", "unsubscribed", "/type", json!("activity.unsubscribed")),
        ("mailtrap", "delivered", "/events/0/event", json!("delivery")),
        ("mailtrap", "bounced", "/events/0/response_code", json!(550)),
        ("mailtrap", "deferred", "/events/0/event", json!("soft bounce")),
        ("mailtrap", "complained", "/events/0/event", json!("spam")),
        ("mailtrap", "opened", "/events/0/event", json!("open")),
        ("mailtrap", "unsubscribed", "/events/0/event", json!("unsubscribe")),
        ("mailtrap", "suppressed", "/events/0/reason", json!("Recipient in suppression list. Reason: hard bounce")),
        ("sparkpost", "processed", "/0/msys/message_event/type", json!("injection")),
        ("sparkpost", "delivered", "/0/msys/message_event/rcpt_to", json!("ann@example.com")),
        ("sparkpost", "bounced", "/0/msys/message_event/bounce_class", json!("10")),
        ("sparkpost", "deferred", "/0/msys/message_event/type", json!("delay")),
        ("sparkpost", "complained", "/0/msys/message_event/type", json!("spam_complaint")),
        ("sparkpost", "opened", "/0/msys/track_event/type", json!("open")),
        ("sparkpost", "unsubscribed", "/0/msys/unsubscribe_event/type", json!("list_unsubscribe")),
        ("sparkpost", "suppressed", "/0/msys/gen_event/error_code", json!("554")),
        ("esp", "processed", "/0/event", json!("sent")),
        ("esp", "bounced", "/0/status", json!("5.1.1")),
        ("esp", "suppressed", "/0/echo", json!(true)),
    ];
    for dialect in PROVIDERS {
        let mine: Vec<_> = rows.iter().filter(|row| row.0 == dialect).collect();
        if mine.is_empty() {
            continue;
        }
        let (simulator, receiver) = hooked(dialect, &[], &json!({}));
        for (_, event, pointer, want) in mine {
            order(&simulator, dialect, event);
            let body = receiver.next().json();
            let body = if dialect == "ses" { sns(body) } else { body };
            assert_eq!(body.pointer(pointer).unwrap_or(&Value::Null), want, "{dialect} {event}: {body}");
        }
    }
}

#[test]
fn a_message_brings_the_events_of_its_recipients() {
    let (simulator, receiver) = hooked("resend", &[], &json!({}));
    let headers = [("authorization", "Bearer re_x"), ("user-agent", "test")];
    let to = ["complained+x@resend.dev", "bounced@resend.dev"];
    let body = json!({ "from": "Shop <orders@shop.example>", "to": to, "subject": "Order 42", "text": "Hello",
                       "tags": [{ "name": "category", "value": "receipt" }] });
    let (_, answer) = simulator.send("POST", "/sandbox/resend/emails", &headers, &body);
    let posts: Vec<Value> = (0..4).map(|_| receiver.next().json()).collect();
    let types: Vec<&str> = posts.iter().map(|post| text(&post["type"])).collect();
    assert_eq!(types, ["email.sent", "email.delivered", "email.complained", "email.bounced"]);
    for post in &posts {
        assert_eq!(post["data"]["email_id"], answer["id"]);
        assert_eq!((&post["data"]["to"], &post["data"]["tags"]), (&json!(to), &json!({ "category": "receipt" })));
    }
    let token = [("x-postmark-server-token", "token"), ("accept", "application/json")];
    let body = json!({ "From": "orders@shop.example", "To": "ann@example.com", "TextBody": "Hello" });
    simulator.send("POST", "/sandbox/postmark/email", &token, &body);
    let (_, listed) = simulator.get("/sandbox/webhooks");
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 4, "a dialect without a URL sends nothing");
}

/// A call of each HTTP dialect, as its documentation has it, and the field of its first event that names the message.
#[test]
fn every_dialect_tells_of_its_messages() {
    type Row = (&'static str, &'static str, (&'static str, &'static str), Value, &'static str);
    let rows: &[Row] = &[
        (
            "sendgrid",
            "/v3/mail/send",
            ("authorization", "Bearer SG.test.test"),
            json!({ "personalizations": [{ "to": [{ "email": "ann@example.com" }] }], "from": { "email": "orders@shop.example" },
                    "subject": "Order 42", "content": [{ "type": "text/plain", "value": "Hello" }],
                    "custom_args": { "order": "42" } }),
            "/0/sg_message_id",
        ),
        (
            "postmark",
            "/email",
            ("x-postmark-server-token", "token"),
            json!({ "From": "orders@shop.example", "To": "ann@example.com", "TextBody": "Hello" }),
            "/MessageID",
        ),
        (
            "resend",
            "/emails",
            ("authorization", "Bearer re_test"),
            json!({ "from": "orders@shop.example", "to": ["ann@example.com"], "subject": "Order 42", "text": "Hello" }),
            "/data/email_id",
        ),
        (
            "mailersend",
            "/v1/email",
            ("authorization", "Bearer mlsn.test"),
            json!({ "from": { "email": "orders@shop.example" }, "to": [{ "email": "ann@example.com" }], "subject": "Order 42",
                    "text": "Hello" }),
            "/data/message_id",
        ),
        (
            "mailtrap",
            "/api/send",
            ("api-token", "token"),
            json!({ "from": { "email": "orders@shop.example" }, "to": [{ "email": "ann@example.com" }], "subject": "Order 42",
                    "text": "Hello" }),
            "/events/0/message_id",
        ),
        (
            "sparkpost",
            "/api/v1/transmissions",
            ("authorization", "key"),
            json!({ "recipients": [{ "address": "ann@example.com" }], "content": { "from": "orders@shop.example",
                    "subject": "Order 42", "text": "Hello" } }),
            "/0/msys/message_event/transmission_id",
        ),
        (
            "esp",
            "/messages",
            ("authorization", "Bearer esp_test"),
            json!({ "id": "msg_1", "from": "orders@shop.example", "to": ["ann@example.com"], "subject": "Order 42",
                    "text_body": "Hello" }),
            "/0/message_id",
        ),
    ];
    for (dialect, path, credential, body, pointer) in rows {
        let (simulator, receiver) = hooked(dialect, &[], &json!({}));
        let headers = [*credential, ("user-agent", "test"), ("accept", "application/json")];
        let (status, answer) = simulator.send("POST", &format!("/sandbox/{dialect}{path}"), &headers, body);
        assert!(status < 300, "{dialect}: {status} {answer}");
        let id = simulator.messages()[0]["id"].as_str().unwrap().to_string();
        let received = receiver.next();
        assert_eq!(verify(dialect, &received, &keys(&simulator)), Ok(()), "{dialect}");
        let event = received.json();
        assert!(text(event.pointer(pointer).unwrap()).starts_with(&id), "{dialect} {id}: {event}");
        if *dialect == "sendgrid" {
            assert_eq!((&event[0]["order"], &event[1]["event"]), (&json!("42"), &json!("delivered")));
        }
    }
}

#[test]
fn fates_that_a_test_sets_are_told() {
    let (simulator, receiver) = hooked("postmark", &[], &json!({}));
    let token = [("x-postmark-server-token", "token"), ("accept", "application/json")];
    for (fate, record) in [("bounced", "Bounce"), ("soft_bounced", "Bounce"), ("unsubscribed", "Delivery")] {
        simulator.settings(&json!({ "postmark": { "fates": [{ "to": "ann@", "fate": fate }] } }));
        let body = json!({ "From": "orders@shop.example", "To": "ann@example.com", "TextBody": "Hello" });
        assert_eq!(simulator.send("POST", "/sandbox/postmark/email", &token, &body).0, 200);
        assert_eq!(receiver.next().json()["RecordType"], record, "{fate}");
    }
    let change = receiver.next().json();
    assert_eq!((&change["RecordType"], &change["SuppressSending"]), (&json!("SubscriptionChange"), &json!(true)));
}

#[test]
fn a_receiver_that_fails_is_tried_again_as_the_provider_would() {
    // Statuses answered, and what the webhook comes to after how many attempts.
    let rows: &[(&str, &str, &[u16], &str, u64)] = &[
        ("resend", "delivered", &[500, 302, 404], "sent", 4),
        ("resend", "delivered", &[500; 7], "failed", 7),
        ("mailgun", "bounced", &[500], "sent", 2),
        ("mailgun", "bounced", &[406], "failed", 1),
        ("mailgun", "delivered", &[500], "failed", 1),
        ("postmark", "bounced", &[401, 500], "sent", 3),
        ("postmark", "bounced", &[403], "failed", 1),
        ("postmark", "delivered", &[500; 4], "failed", 4),
        ("sendgrid", "delivered", &[400; 6], "failed", 6),
        ("brevo", "delivered", &[429, 500, 500, 500, 500], "failed", 5),
        ("brevo", "delivered", &[404], "failed", 1),
        ("mailersend", "delivered", &[500; 3], "failed", 3),
        ("mailtrap", "delivered", &[500], "sent", 2),
        ("sparkpost", "delivered", &[400, 400], "sent", 3),
        ("cloudflare", "delivered", &[500; 4], "failed", 4),
    ];
    for (dialect, event, statuses, state, attempts) in rows {
        let (simulator, receiver) = hooked(dialect, statuses, &json!({}));
        order(&simulator, dialect, event);
        for _ in 0..*attempts {
            receiver.next();
        }
        let webhook = loop {
            let webhook = simulator.get("/sandbox/webhooks").1["webhooks"][0].clone();
            if webhook["attempts"] == *attempts {
                break webhook;
            }
            std::thread::yield_now();
        };
        assert_eq!(webhook["state"], *state, "{dialect} {event} {statuses:?}");
    }
}

#[test]
fn a_receiver_that_is_not_there_is_told_of() {
    let simulator = Simulator::start();
    // A port on which nobody listens: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hook = json!({ "url": format!("http://127.0.0.1:{port}/"), "delay_ms": 0, "retry_speed": 1 });
    simulator.settings(&json!({ "webhooks": { "resend": hook } }));
    order(&simulator, "resend", "delivered");
    let webhook = loop {
        let webhook = simulator.get("/sandbox/webhooks").1["webhooks"][0].clone();
        if webhook["attempts"] == 1 {
            break webhook;
        }
        std::thread::yield_now();
    };
    assert_eq!((&webhook["state"], &webhook["status"]), (&json!("waiting"), &Value::Null));
    assert!(webhook["problem"].is_string());
    // Resend's first retry follows after 5 seconds.
    let wait = webhook["due_ms"].as_u64().unwrap() - webhook["made_ms"].as_u64().unwrap();
    assert!(wait >= 5_000, "{wait}");
}

#[test]
fn mail_that_bounces_comes_back_by_mail() {
    let (simulator, receiver) = hooked("smtp", &[], &json!({}));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    for (recipient, kind, wanted) in [
        ("bounced@example.com", "delivery-status", "Action: failed\r\nStatus: 5.1.1\r\n"),
        ("softbounce@example.com", "delivery-status", "Action: delayed\r\nStatus: 4.2.2\r\n"),
        ("complained@example.com", "feedback-report", "Feedback-Type: abuse\r\n"),
    ] {
        for line in ["MAIL FROM:<orders@shop.example>", &format!("RCPT TO:<{recipient}>"), "DATA"] {
            smtp.say(line);
        }
        assert!(
            smtp.say("From: orders@shop.example\r\nMessage-ID: <42@shop.example>\r\n\r\nHello\r\n.").starts_with("250")
        );
        let received = receiver.next();
        assert_eq!(received.header("content-type"), Some("message/rfc822"));
        let report = MessageParser::default().parse(&received.body).unwrap();
        let content_type = report.content_type().unwrap();
        assert_eq!((content_type.subtype(), content_type.attribute("report-type")), (Some("report"), Some(kind)));
        assert_eq!(report.to().unwrap().first().unwrap().address(), Some("orders@shop.example"));
        let part = String::from_utf8(report.part(2).unwrap().contents().to_vec()).unwrap();
        assert!(part.contains(wanted) && part.contains(recipient), "{part}");
        let original = String::from_utf8(report.part(3).unwrap().contents().to_vec()).unwrap();
        assert!(original.contains("Message-ID: <42@shop.example>"), "{original}");
    }
    assert!(smtp.mail("ann@example.com").starts_with("250"));
    assert_eq!(simulator.get("/sandbox/webhooks").1["webhooks"].as_array().unwrap().len(), 3, "success is not told");
}

#[test]
fn the_command_line_hooks_every_dialect() {
    let receiver = Receiver::start(&[]);
    let url = format!("{}/{{dialect}}", receiver.url);
    let simulator = Simulator::start_with(&["--webhook-url", &url]);
    let hooks = simulator.get("/sandbox/settings").1["webhooks"].clone();
    for dialect in PROVIDERS {
        assert_eq!(hooks[dialect]["url"], format!("{}/{dialect}", receiver.url));
    }
    assert!(receiver.next().head.starts_with("POST /hooks/ses HTTP/1.1"), "SNS asks to confirm first");
}

#[test]
fn a_wrong_order_names_its_field() {
    let (simulator, _receiver) = hooked("resend", &[], &json!({}));
    for (body, status, field) in [
        (json!({ "dialect": "x", "event": "bounced" }), 422, "dialect"),
        (json!({ "dialect": "resend", "event": "x" }), 422, "event"),
        (json!({ "dialect": "resend", "event": "bounced", "recipient": "x" }), 422, "recipient"),
        (json!({ "dialect": "mailgun", "event": "bounced" }), 409, "dialect"),
        (json!({ "dialect": "resend", "event": "bounced", "message_id": "x" }), 404, "message_id"),
    ] {
        let (got, answer) = simulator.post("/sandbox/webhooks", &body);
        assert_eq!((got, text(&answer["field"])), (status, field), "{body}");
    }
    assert_eq!(simulator.post("/sandbox/webhooks/99/replay", &json!({})).0, 404);
    let id = order(&simulator, "resend", "bounced");
    let (status, answer) = simulator.post(&format!("/sandbox/webhooks/{id}/replay"), &json!({ "forge": "x" }));
    assert_eq!((status, text(&answer["field"])), (422, "forge"));
}
