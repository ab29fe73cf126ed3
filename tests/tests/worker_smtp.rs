//! The Worker hands mails to a mail server over its TCP sockets: in the clear, from the start encrypted, and by STARTTLS
//! (R042, R072).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test's own steps fail by panicking")]

mod running;
#[path = "../../embed/tests/server/mod.rs"]
mod server;

use running::*;
use serde_json::{Value, json};
use server::{Encryption, OPEN, Rules, Server};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
/// `user:pass` as `AUTH PLAIN` has it (RFC 4616).
const LOGIN: &str = "AHVzZXIAcGFzcw==";

/// A Sendgate whose account `shop` sends over this server.
fn sendgate(server: &Server, base_url: &str, change: impl FnOnce(&mut Value)) -> Running {
    let url = format!("{base_url}:{}", server.port);
    let account = |account: &mut Value| {
        account["providers"][0] =
            json!({"name": "relay", "kind": "smtp", "base_url": url, "credential": "RELAY_LOGIN", "timeout_ms": 5000});
        account["retry"] = json!({"base_ms": 60_000, "cap_ms": 60_000});
        change(account);
    };
    let pem = server.pem.clone();
    Running::start_with("sandbox", account, |mut settings| {
        settings.roots.push(pem);
        settings.bind("RELAY_LOGIN", "user:pass")
    })
}

fn without_login(account: &mut Value) {
    account["providers"][0].as_object_mut().unwrap().remove("credential");
}

#[test]
fn a_message_leaves_as_a_mail_over_starttls_and_over_tls_and_on_the_loopback_in_the_clear() {
    // Spelt like this the loopback is a host like any other, so the connection has to be encrypted.
    let ways = [
        (Encryption::StartTls, "smtp://LOCALHOST"),
        (Encryption::Implicit, "smtps://localhost"),
        (Encryption::None, "smtp://127.0.0.1"),
    ];
    for (encryption, base_url) in ways {
        let server = Server::start(Rules { encryption, login: Some(LOGIN), ..OPEN });
        let sendgate = sendgate(&server, base_url, |_| {});
        let mut message = message("ann@example.com");
        message["to"] = json!(["Ann <ann@example.com>", "nouser@example.com"]);
        message["bcc"] = json!("hidden@example.org");
        message["subject"] = json!("Order — 42");
        message["text_body"] = json!(".a dot\nand é\n");
        message["attachments"] = json!([{"filename": "é.txt", "content_type": "text/plain", "content": "w6k="}]);
        let ids = sendgate.send_ok(&[message]);
        let trace = sendgate.wait_for(&ids, &["sent", "failed", "unknown", "held", "deferred"], PATIENCE).remove(0);
        assert_eq!(trace["status"], "sent", "{base_url}: {trace}\n{}", sendgate.workerd.log());
        assert_eq!(trace["provider_message_id"], "TEST-1", "{trace}");
        let mail = server.mails().remove(0);
        assert_eq!((mail.from.as_str(), mail.encrypted), ("orders@shop.example", encryption != Encryption::None));
        assert_eq!(mail.to, ["ann@example.com", "hidden@example.org"]);
        let id = format!("Message-ID: <{}@shop.example>\r\n", ids[0]);
        assert!(mail.data.contains(&id) && mail.data.contains("\"Ann\" <ann@example.com>"), "{}", mail.data);
        assert!(mail.data.contains("\r\nContent-Transfer-Encoding: base64\r\n") && !mail.data.contains("hidden@"));
    }
}

/// R073, C16: who is busy is tried again alone, over the same server, and the others get nothing twice; where there is no mailbox,
/// nothing more is sent.
#[test]
fn who_was_refused_for_now_gets_the_mail_alone() {
    let server = Server::start(OPEN);
    let sendgate = sendgate(&server, "smtp://127.0.0.1", |account| {
        without_login(account);
        account["retry"] = json!({"base_ms": 50, "cap_ms": 50});
    });
    let mut order = message("ann@example.com");
    order["cc"] = json!(["busy@example.com", "nouser@example.com"]);
    let ids = sendgate.send_ok(&[order]);
    let trace = sendgate.wait_for(&ids, &["sent", "failed", "unknown"], PATIENCE).remove(0);
    let mails = server.mails();
    let to: Vec<&[String]> = mails.iter().map(|mail| &mail.to[..]).collect();
    assert_eq!(to, [["ann@example.com"], ["busy@example.com"]], "{trace}");
    assert!(mails[1].data.contains("ann@example.com"), "its lines name everybody: {}", mails[1].data);
    assert_eq!((&trace["status"], &trace["recipients"][1]["taken_at_attempt"]), (&json!("sent"), &json!(2)), "{trace}");
    let next = sendgate.send(&[message("nouser@example.com")]).json();
    assert_eq!(next["suppression_summary"]["suppressed_recipients"], 1, "no such user, said the server");
    assert_eq!(sendgate.send(&[message("busy@example.com")]).json()["suppression_summary"]["suppressed_recipients"], 0);
}

/// Nobody has the mail before the final dot, and nobody knows after it.
#[test]
fn what_is_lost_before_the_final_dot_goes_again_and_after_it_is_unknown() {
    let cases = [("greeting", "deferred"), ("MAIL", "deferred"), ("DATA", "deferred"), ("taken", "unknown")];
    for (stage, status) in cases {
        let server = Server::start(Rules { gone_at: Some(stage), ..OPEN });
        let sendgate = sendgate(&server, "smtp://127.0.0.1", without_login);
        let ids = sendgate.send_ok(&[message("ann@example.com")]);
        let trace = sendgate.wait_for(&ids, &["sent", "failed", "unknown", "held", "deferred"], PATIENCE).remove(0);
        assert_eq!(trace["status"], status, "{stage}: {trace}");
    }
}

/// A server that says nothing is left in time, and the object goes on.
#[test]
fn a_silent_server_holds_up_nothing() {
    let server = Server::start(Rules { silent_at: Some("EHLO"), ..OPEN });
    let sendgate = sendgate(&server, "smtp://127.0.0.1", |account| {
        without_login(account);
        account["providers"][0]["timeout_ms"] = json!(300);
    });
    let ids = sendgate.send_ok(&[message("ann@example.com"), message("bob@example.com")]);
    sendgate.wait_for(&ids, &["deferred"], PATIENCE);
}

/// R042: an answer of the server is the message's, with its codes in the trace.
#[test]
fn a_servers_refusal_ends_the_message_with_its_code() {
    let server = Server::start(OPEN);
    let sendgate = sendgate(&server, "smtp://127.0.0.1", without_login);
    let ids = sendgate.send_ok(&[message("nouser@example.com")]);
    let trace = sendgate.wait_for(&ids, &["failed"], PATIENCE).remove(0);
    assert_eq!(
        (&trace["error"]["code"], &trace["error"]["provider_code"]),
        (&json!("provider_refused"), &json!("5.1.1"))
    );
    let wrong = Server::start(Rules { login: Some("b3RoZXI="), ..OPEN });
    let sendgate = self::sendgate(&wrong, "smtp://127.0.0.1", |_| {});
    let ids = sendgate.send_ok(&[message("ann@example.com")]);
    let trace = sendgate.wait_for(&ids, &["held"], PATIENCE).remove(0);
    assert_eq!(trace["error"]["code"], "provider_credentials", "{trace}");
}

/// A server whose certificate nobody vouches for gets neither the login nor the mail.
#[test]
fn a_stranger_is_told_nothing() {
    let (server, other) =
        (Server::start(Rules { encryption: Encryption::StartTls, login: Some(LOGIN), ..OPEN }), Server::start(OPEN));
    let stranger = Server { pem: other.pem, ..server };
    let sendgate = sendgate(&stranger, "smtp://LOCALHOST", |_| {});
    let ids = sendgate.send_ok(&[message("ann@example.com")]);
    sendgate.wait_for(&ids, &["deferred"], PATIENCE);
    let seen = stranger.seen.lock().unwrap();
    assert!(seen.mails.is_empty() && !seen.commands.iter().any(|command| command.starts_with("AUTH")));
}

#[test]
fn what_a_mail_has_no_place_for_is_refused_at_submit() {
    let server = Server::start(OPEN);
    let sendgate = sendgate(&server, "smtp://127.0.0.1", without_login);
    let mut tagged = message("ann@example.com");
    tagged["tags"] = json!(["receipt"]);
    let answer = sendgate.send(&[tagged]);
    assert_eq!((answer.status, answer.code()), (422, "unsupported_feature".into()), "{}", answer.body);
}
