//! The Worker calls Cloudflare's service through its `send_email` binding. The service is one of the test's making, bound
//! under the same name: raw `workerd` has none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Takes a message and says in its id what it got; refuses one whose subject is a code.
const SERVICE: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async send(message) {
    if (message.subject.startsWith("E_")) throw Object.assign(new Error("for people"), { code: message.subject });
    if (message.subject === "silence") return new Promise((resolve) => setTimeout(resolve, 60_000));
    const file = message.attachments?.[0];
    return { messageId: [message.from.email, message.to, message.subject, file?.filename, file?.content].join("|") };
  }
}"#;

fn sendgate(binding: &str) -> Running {
    let account = |account: &mut Value| {
        account["providers"][0] = json!({
            "name": "cloudflare", "kind": "cloudflare_binding", "base_url": format!("binding:{binding}"), "timeout_ms": 2000
        });
        account["retry"] = json!({"base_ms": 60_000, "cap_ms": 60_000});
    };
    Running::start_with("sandbox", account, |mut settings| {
        settings.services.push(("EMAIL".into(), SERVICE.into()));
        settings
    })
}

fn settled(sendgate: &Running, subject: &str) -> Value {
    let mut message = message("ann@example.com");
    message["subject"] = json!(subject);
    message["attachments"] = json!([{"filename": "a.txt", "content_type": "text/plain", "content": "w6k="}]);
    let ids = sendgate.send_ok(&[message]);
    sendgate.wait_for(&ids, &["sent", "failed", "unknown", "held", "deferred", "suppressed"], PATIENCE).remove(0)
}

#[test]
fn the_binding_gets_the_message_as_an_object_and_its_id_comes_back() {
    let sendgate = sendgate("EMAIL");
    let trace = settled(&sendgate, "Hello");
    assert_eq!(trace["status"], "sent", "{trace}\n{}", sendgate.workerd.log());
    assert_eq!(trace["provider_message_id"], "orders@shop.example|ann@example.com|Hello|a.txt|w6k=");
}

#[test]
fn what_the_binding_throws_has_its_class() {
    let cases =
        [("E_CONTENT_TOO_LARGE", "failed"), ("E_RECIPIENT_SUPPRESSED", "suppressed"), ("E_DELIVERY_FAILED", "unknown")];
    let sendgate = sendgate("EMAIL");
    for (code, status) in cases {
        let trace = settled(&sendgate, code);
        assert_eq!((&trace["status"], &trace["error"]["provider_code"]), (&json!(status), &json!(code)), "{trace}");
    }
}

/// Whether a silent service took the message nobody knows. One that is not there did not.
#[test]
fn a_silent_binding_is_unknown_and_a_missing_one_is_tried_again() {
    assert_eq!(settled(&sendgate("EMAIL"), "silence")["status"], "unknown");
    assert_eq!(settled(&sendgate("MISSING"), "Hello")["status"], "deferred");
}
