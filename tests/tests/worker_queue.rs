//! Cloudflare's own events come to the Worker through a queue. Raw `workerd` has no queues; a Worker beside Sendgate calls its
//! queue handler as the platform does, and shows what the platform would be told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use sendgate_core::provider::ProviderKind;
use sendgate_dev::{free_port, simulated};
use serde_json::{Value, json};
use std::time::Duration;

const CALLER: &str = r#"export default {
  async fetch(request, env) {
    const { queue, bodies } = await request.json();
    const messages = bodies.map((body, n) => ({ id: `m${n}`, timestamp: new Date(), attempts: 1, body }));
    try {
      return Response.json(await env.sendgate.queue(queue, messages));
    } catch (error) {
      return Response.json({ outcome: "thrown" });
    }
  },
};"#;

struct Queue {
    sendgate: Running,
    port: u16,
}

impl Queue {
    fn start() -> Self {
        let port = free_port().unwrap();
        let account = |account: &mut Value| {
            let provider = &mut account["providers"][0];
            let (host, _) = provider["base_url"].as_str().unwrap().split_once("/sandbox/").unwrap();
            let url = format!("{host}/sandbox/{}", simulated(ProviderKind::Cloudflare).unwrap());
            *provider = json!({"name": "cloudflare", "kind": "cloudflare", "base_url": url, "account_id": "acc1",
                "credential": "SIMULATOR_CREDENTIAL", "webhook": {"queue": "mail-events"}});
        };
        let sendgate = Running::start_with("cloudflare", account, |mut settings| {
            settings.callers.push((port, CALLER.into()));
            settings
        });
        Self { sendgate, port }
    }

    /// Hands the messages over, and returns what the platform is told of them.
    fn deliver(&self, queue: &str, bodies: &[Value]) -> Value {
        let body = json!({"queue": queue, "bodies": bodies}).to_string();
        let mut response = ureq::post(format!("http://127.0.0.1:{}", self.port)).send(body).unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn is_suppressed(&self, address: &str) -> bool {
        self.sendgate.send(&[message(address)]).json()["suppression_summary"]["suppressed_recipients"] == 1
    }
}

fn event(id: &str, kind: &str, recipient: &str, message: &str) -> Value {
    json!({
        "type": format!("cf.email.sending.message.{kind}"),
        "source": {"type": "email.sending", "zoneId": "z", "domain": "shop.example"},
        "payload": {"eventId": id, "messageId": message, "sender": "orders@shop.example", "recipient": recipient,
                    "terminal": true, "bounce": {"type": "hard", "classification": "invalid_recipient"},
                    "delivery": {"status": kind, "smtpStatusCode": "550", "smtpEnhancedStatusCode": "5.1.1"}},
        "metadata": {"accountId": "acc1", "eventSchemaVersion": 1, "eventTimestamp": "2026-11-24T10:00:01.000Z"}
    })
}

fn acknowledged(result: &Value) -> Vec<&str> {
    result["explicitAcks"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

fn again(result: &Value) -> Vec<&str> {
    result["retryMessages"].as_array().unwrap().iter().map(|message| message["msgId"].as_str().unwrap()).collect()
}

/// R028, R073: each message of a batch is taken for itself; one that is no event is to be delivered again, and the others are
/// not. The same batch again changes nothing.
#[test]
fn a_batch_is_acknowledged_one_by_one() {
    let queue = Queue::start();
    let ids = queue.sendgate.send_ok(&[message("ann@example.com"), message("bob@example.com")]);
    let traces = queue.sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    let at_provider: Vec<&str> = traces.iter().map(|trace| trace["provider_message_id"].as_str().unwrap()).collect();
    let batch = [
        event("e1", "bounced", "ann@example.com", at_provider[0]),
        json!({"not": "an event"}),
        event("e2", "delivered", "bob@example.com", at_provider[1]),
    ];
    for _ in 0..2 {
        let result = queue.deliver("mail-events", &batch);
        assert_eq!(result["outcome"], "ok", "{result}\n{}", queue.sendgate.workerd.log());
        assert_eq!((acknowledged(&result), again(&result)), (vec!["m0", "m2"], vec!["m1"]), "{result}");
        assert_eq!(result["ackAll"], false, "{result}");
        assert_eq!(queue.sendgate.trace(&ids[0])["status"], "bounced");
        assert_eq!(queue.sendgate.trace(&ids[1])["status"], "delivered");
    }
    assert!(queue.is_suppressed("ann@example.com") && !queue.is_suppressed("bob@example.com"));
}

/// A queue that no account names is refused as a whole: nothing of it is acknowledged, so the platform keeps it.
#[test]
fn a_queue_that_nobody_names_is_refused() {
    let queue = Queue::start();
    let result = queue.deliver("another-queue", &[event("e1", "bounced", "ann@example.com", "")]);
    assert_ne!(result["outcome"], "ok", "{result}");
    assert!(result["explicitAcks"].as_array().is_none_or(Vec::is_empty), "{result}");
    assert!(!queue.is_suppressed("ann@example.com"));
    assert_eq!(queue.deliver("mail-events", &[])["outcome"], "ok", "and the Worker goes on");
}
