//! The program from outside: HTTP, its state, its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails stops there"
)]

mod common;

use common::Simulator;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

const RESEND: [(&str, &str); 2] = [("authorization", "Bearer re_test"), ("user-agent", "test")];

fn email(to: &str) -> Value {
    json!({ "from": "Shop <orders@shop.example>", "to": [to], "subject": "Order 42", "text": "Hello" })
}

#[test]
fn every_dialect_answers_under_its_base_url() {
    let simulator = Simulator::start();
    let (status, answer) = simulator.send("POST", "/sandbox/resend/emails", &RESEND, &email("ann@example.com"));
    assert_eq!(status, 200, "{answer}");
    let (_, message) = simulator.get(&format!("/sandbox/messages/{}", answer["id"].as_str().unwrap()));
    assert_eq!(message["subject"], "Order 42");
    let body = json!({ "From": "orders@shop.example", "To": "ann@example.com", "TextBody": "Hello" });
    let token = [("x-postmark-server-token", "token"), ("accept", "application/json")];
    assert_eq!(simulator.send("POST", "/sandbox/postmark/email", &token, &body).0, 200);
    let body = json!({ "from": "orders@shop.example", "to": ["ann@example.com"], "text_body": "Hello" });
    let token = [("authorization", "Bearer any")];
    assert_eq!(simulator.send("POST", "/sandbox/esp/messages", &token, &body).0, 200);
    assert_eq!(simulator.calls().len(), 3);
    let inbox = String::from_utf8(simulator.bytes("/sandbox/inbox")).unwrap();
    assert!(inbox.contains("3 messages"), "the inbox lists them");
    assert_eq!(simulator.get("/elsewhere").0, 404);
}

#[test]
fn one_dialect_is_answered_at_the_root_as_well() {
    let simulator = Simulator::start_with(&["--root", "postmark"]);
    let body = json!({ "From": "orders@shop.example", "To": "ann@example.com", "TextBody": "Hello" });
    let token = [("x-postmark-server-token", "token"), ("accept", "application/json")];
    assert_eq!(simulator.send("POST", "/email", &token, &body).0, 200);
    assert_eq!(simulator.send("POST", "/sandbox/postmark/email", &token, &body).0, 200);
    let paths: Vec<_> = simulator.calls().iter().map(|call| call["path"].clone()).collect();
    assert_eq!(paths, ["/sandbox/postmark/email", "/sandbox/postmark/email"]);
}

#[test]
fn a_call_that_is_not_answered_keeps_its_connection_open_and_others_go_on() {
    let simulator = Simulator::start();
    simulator.fault(&json!({ "dialect": "resend", "fault": "timeout_after" }));
    let mut hung = TcpStream::connect(simulator.base_url.strip_prefix("http://").unwrap()).unwrap();
    let body = email("ann@example.com").to_string();
    let head = format!(
        "POST /sandbox/resend/emails HTTP/1.1\r\nhost: x\r\nauthorization: Bearer re_x\r\nuser-agent: t\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    hung.write_all(format!("{head}{body}").as_bytes()).unwrap();
    // The message is there once the call has been carried out, and nothing was answered to it.
    while simulator.messages().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(simulator.send("POST", "/sandbox/resend/emails", &RESEND, &email("bob@example.com")).0, 200);
    hung.set_nonblocking(true).unwrap();
    let silent = hung.read(&mut [0; 1]).unwrap_err();
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(simulator.calls()[0]["status"], Value::Null);
}

#[test]
fn settings_of_every_part_stand_together_and_one_bad_value_sets_nothing() {
    let simulator = Simulator::start();
    let before = simulator.get("/sandbox/settings").1;
    assert_eq!(before["resend"]["windows"], json!([{ "limit": 5, "period_ms": 1000 }]));
    assert_eq!(before["smtp"]["most_recipients"], 100);
    assert_eq!(before["webhooks"], json!({}));
    for (bad, field) in [
        (json!({ "smtp": { "most_bytes": 0 } }), "smtp.most_bytes"),
        (json!({ "smtp": { "most_bytes": 5 }, "resend": { "windows": 1 } }), "resend.windows"),
        (json!({ "webhooks": { "resend": { "url": "ftp://x" } } }), "webhooks.resend.url"),
        (json!({ "webhooks": { "sandbox": {} } }), "webhooks.sandbox"),
    ] {
        let (status, answer) = simulator.send("PUT", "/sandbox/settings", &[], &bad);
        assert_eq!((status, answer["field"].as_str()), (422, Some(field)), "{answer}");
    }
    assert_eq!(simulator.get("/sandbox/settings").1, before, "nothing was set");
    simulator.settings(&json!({ "smtp": { "most_bytes": 5 }, "resend": { "windows": [] } }));
    let after = simulator.get("/sandbox/settings").1;
    assert_eq!((&after["smtp"]["most_bytes"], &after["resend"]["windows"]), (&json!(5), &json!([])));
    assert_eq!(after["postmark"], before["postmark"]);
}

#[test]
fn another_sites_page_cannot_steer_it() {
    let simulator = Simulator::start();
    let headers = [("sec-fetch-site", "cross-site")];
    let settings = json!({ "smtp": { "auth_required": true } });
    assert_eq!(simulator.send("PUT", "/sandbox/settings", &headers, &settings).0, 403);
    let order = json!({ "dialect": "resend", "event": "bounced" });
    assert_eq!(simulator.send("POST", "/sandbox/webhooks", &headers, &order).0, 403);
    assert_eq!(simulator.get("/sandbox/settings").1["smtp"]["auth_required"], false);
}

#[test]
fn a_state_file_outlives_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.sqlite");
    let arguments = ["--state", state.to_str().unwrap()];
    let mut simulator = Simulator::start_with(&arguments);
    assert_eq!(simulator.send("POST", "/sandbox/resend/emails", &RESEND, &email("ann@example.com")).0, 200);
    simulator.settings(&json!({ "smtp": { "most_recipients": 7 } }));
    simulator.child.kill().unwrap();
    simulator.child.wait().unwrap();
    let simulator = Simulator::start_with(&arguments);
    assert_eq!(simulator.messages().len(), 1);
    assert_eq!(simulator.get("/sandbox/settings").1["smtp"]["most_recipients"], 7);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut simulator = Simulator::start();
        simulator.fault(&json!({ "dialect": "resend", "fault": "timeout_before" }));
        let _open = simulator.smtp();
        Command::new("kill").args([signal, &simulator.child.id().to_string()]).status().unwrap();
        assert!(simulator.child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn a_wrong_argument_and_a_taken_port_are_told() {
    let run =
        |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_sendgate-simulator")).args(arguments).output().unwrap();
    let wrong = run(&["--prot", "1"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("there is no option '--prot'"));
    let help = run(&["--help"]);
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("--smtps-port"));
    let root = run(&["--root", "nobody"]);
    assert!(String::from_utf8(root.stderr).unwrap().contains("--root must be one of "));
    let simulator = Simulator::start();
    let port = simulator.smtp_port.to_string();
    let taken = run(&["--port", "0", "--smtp-port", &port, "--smtps-port", "0"]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(String::from_utf8(taken.stderr).unwrap().contains(&format!("port {port} cannot be listened on")));
}
