//! One message through the Worker to the simulator in every provider's dialect over HTTP, and back as delivered evidence.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use sendgate_core::provider::ProviderKind;
use sendgate_dev::{credential, simulated};
use serde_json::{Value, json};
use std::time::Duration;

fn speaking(kind: ProviderKind, route: &str) -> Running {
    let configure = |account: &mut Value| {
        let provider = &mut account["providers"][0];
        let base_url = provider["base_url"].as_str().unwrap();
        let (host, _) = base_url.split_once("/sandbox/").unwrap();
        provider["base_url"] = json!(format!("{host}/sandbox/{route}"));
        provider["domain"] = json!("mg.shop.example");
        provider["account_id"] = json!("acc1");
        provider["region"] = json!("eu-west-1");
        provider["credential"] = json!("OWN_KEY");
        provider["ask_account"] = json!(kind == ProviderKind::Ses);
    };
    Running::start_with(kind.as_str(), configure, |settings| settings.bind("OWN_KEY", credential(kind)))
}

/// Every dialect takes what the Worker makes of a message with letters of many scripts, a copy, a header and a file; the simulator
/// is as strict as the provider, and a recipient, a subject or a byte that got lost would be missing in its inbox.
#[test]
fn every_provider_is_spoken_to() {
    let mut spoken = 0;
    for kind in ProviderKind::ALL {
        let Some(route) = simulated(kind) else { continue };
        let sendgate = speaking(kind, route);
        let message = json!({
            "from": {"address": "orders@shop.example", "name": "Zoë's Shop"},
            "to": [{"address": "ann@example.com", "name": "Ann Ünïcode"}],
            "cc": "cc@example.org",
            "subject": "Order #42 — confirmé ✓",
            "text_body": "On its way. €5\n",
            "html_body": "<p>On its way. €5</p>",
            "headers": {"X-Order-Id": "42"},
            "attachments": [{"filename": "invoice.txt", "content_type": "text/plain", "content": "dG90YWw6IDUg4oKsCg=="}]
        });
        let ids = sendgate.send_ok(&[message]);
        let trace = &sendgate.wait_for(&ids, &["sent", "failed", "held"], Duration::from_secs(30))[0];
        assert_eq!(trace["status"], "sent", "{}: {trace}", kind.as_str());
        let inbox = sendgate.inbox();
        let taken = &inbox[0];
        let name = kind.as_str();
        assert_eq!(inbox.len(), 1, "{name}");
        assert_eq!(taken["subject"], "Order #42 — confirmé ✓", "{name}");
        assert_eq!(taken["text_body"].as_str().unwrap().trim_end(), "On its way. €5", "{name}");
        let mut recipients: Vec<&str> =
            taken["recipients"].as_array().unwrap().iter().map(|address| address.as_str().unwrap()).collect();
        recipients.sort_unstable();
        assert_eq!(recipients, ["ann@example.com", "cc@example.org"], "{name}");
        assert_eq!(taken["attachments"][0]["filename"], "invoice.txt", "{name}");
        assert_eq!(taken["attachments"][0]["size"], "total: 5 €\n".len(), "{name}");
        spoken += 1;
    }
    assert_eq!(spoken, 11);
}
