//! Where a request comes from, on workerd: what a client writes itself is not believed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};

fn bound(account: &mut Value) {
    account["keys"][0]["ip_allow"] = json!(["192.0.2.0/24", "2001:db8::/32"]);
}

fn limits(sendgate: &Running, header: Option<(&str, &str)>) -> (u16, String) {
    let mut headers = vec![("authorization", format!("Bearer {}", key_of("shop")))];
    headers.extend(header.map(|(name, value)| (name, value.to_owned())));
    let answer = sendgate.call_with("GET", "/v1/limits", &headers, b"");
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().into())
}

/// R033: Cloudflare's header counts where Cloudflare set it. Elsewhere any client can write it, and a list refuses.
#[test]
fn a_header_that_a_client_can_write_opens_no_key() {
    let sendgate = Running::start("sandbox", bound);
    let refused = (403, "ip_not_allowed".to_owned());
    assert_eq!(limits(&sendgate, None), refused);
    for name in ["cf-connecting-ip", "x-forwarded-for", "x-real-ip"] {
        assert_eq!(limits(&sendgate, Some((name, "192.0.2.1"))), refused, "{name}");
    }
    let bank = sendgate.call("GET", "/v1/limits", Some(&key_of("bank")), b"");
    assert_eq!(bank.status, 200, "a key without a list");
}

/// R033: behind a proxy of one's own, the header that it sets is named.
#[test]
fn the_header_of_the_operators_proxy_is_believed_when_it_is_named() {
    let sendgate =
        Running::start_with("sandbox", bound, |settings| settings.bind("SENDGATE_CLIENT_IP_HEADER", "x-real-ip"));
    for inside in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.9"] {
        assert_eq!(limits(&sendgate, Some(("x-real-ip", inside))).0, 200, "{inside}");
    }
    let refused = (403, "ip_not_allowed".to_owned());
    for outside in ["192.0.3.1", "2001:db9::1", "", "192.0.2.1, 198.51.100.1"] {
        assert_eq!(limits(&sendgate, Some(("x-real-ip", outside))), refused, "{outside}");
    }
    assert_eq!(limits(&sendgate, Some(("cf-connecting-ip", "192.0.2.1"))), refused);
}
