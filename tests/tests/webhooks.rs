//! Reports of a provider, taken by the Worker on real Durable Objects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use hmac::{Hmac, Mac};
use running::*;
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    fmt::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SECRET_OF_REPORTS: &str = "secret-of-the-reports";

fn started() -> Running {
    let webhook = |account: &mut Value| account["providers"][0]["webhook"] = json!({"secret": "REPORTS"});
    Running::start_with("sandbox", webhook, |settings| settings.bind("REPORTS", SECRET_OF_REPORTS))
}

/// A report signed now, as `core/src/event/sandbox.rs` describes it.
fn signed(body: &str) -> Vec<(&'static str, String)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET_OF_REPORTS.as_bytes()).unwrap();
    mac.update(format!("{now}.{body}").as_bytes());
    let tag = mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    vec![("x-sandbox-timestamp", now), ("x-sandbox-signature", tag)]
}

fn bounce(id: &str, message: &str) -> String {
    json!([{"id": id, "event": "bounced", "sendgate_id": message, "recipient": "ann@example.com", "status": "5.1.1", "code": 550}])
        .to_string()
}

/// R028, R073: a hard bounce ends the message, and the next one to the address does not leave. The same report again changes
/// nothing; a forged one is refused; nobody asks for a key, and nobody answers 429 (R004).
#[test]
fn a_bounce_is_believed_by_its_signature_and_stops_what_comes_after() {
    let sendgate = started();
    let ids = sendgate.send_ok(&[message("ann@example.com"), message("bob@example.com")]);
    sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    let report = |body: &str, headers: &[(&str, String)]| {
        sendgate.call_with("POST", "/v1/webhooks/simulator/shop", headers, body.as_bytes())
    };

    let body = bounce("e1", &ids[0]);
    let mut forged = signed(&body);
    let other = if forged[1].1.starts_with('0') { "1" } else { "0" };
    forged[1].1.replace_range(0..1, other);
    for headers in [&forged[..], &[]] {
        let refused = report(&body, headers);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_signature"));
    }
    assert_eq!(sendgate.trace(&ids[0])["status"], "sent", "a forged report changes nothing");

    for _ in 0..2 {
        assert!((200..300).contains(&report(&body, &signed(&body)).status));
        assert_eq!(sendgate.trace(&ids[0])["status"], "bounced");
    }
    assert_eq!(sendgate.trace(&ids[1])["status"], "sent");
    let next = sendgate.send(&[message("ann@example.com")]).json();
    assert_eq!(next["suppression_summary"]["suppressed_recipients"], 1);

    for n in 0..50 {
        let body = json!([{"id": format!("o{n}"), "event": "opened", "sendgate_id": ids[1]}]).to_string();
        assert!((200..300).contains(&report(&body, &signed(&body)).status));
    }
    assert_eq!(sendgate.get("/v1/messages/nothing").status, 404, "the key's own windows are as they were");
}

/// What is no report is answered by a problem, and a provider that reports otherwise says so.
#[test]
fn what_is_no_report_is_refused() {
    let sendgate = started();
    let strange = "{\"not\": \"a list\"}";
    let refused = sendgate.call_with("POST", "/v1/webhooks/simulator/shop", &signed(strange), strange.as_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_event"));
    assert_eq!(sendgate.call("GET", "/v1/webhooks/simulator/shop", None, b"").status, 405);
    assert_eq!(sendgate.call("POST", "/v1/webhooks/simulator/nobody", None, b"[]").status, 404);
    assert_eq!(sendgate.call("POST", "/v1/inbound/simulator/shop", None, b"").code(), "not_supported");
}
