//! Bulk requests and idempotency keys on real Durable Objects: the largest body in the memory of an isolate, and many
//! callers with few keys.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

const PATH: &str = "/v1/send/bulk";
/// Nothing leaves while a test looks at what was taken in.
const LATER: &str = "2099-01-01T00:00:00Z";
/// What a Worker's isolate may use (Cloudflare's limits of Workers).
const ISOLATE_BYTES: u64 = 128_000_000;

fn person(n: usize, value: &str) -> Value {
    json!({"email": format!("user{n}@example.com"), "substitutions": {"name": format!("User {n}"), "text": value}})
}

/// A request of exactly `length` bytes: a file as large as a message may have, and 500 recipients whose values are the rest.
fn filled(length: usize, message: &Value) -> Vec<u8> {
    let request = |value: &str| {
        let people: Vec<Value> = (0..500).map(|n| person(n, value)).collect();
        json!({"message": message, "recipients": people}).to_string().into_bytes()
    };
    let mut body = request(&"v".repeat((length - request("").len()) / 500));
    assert!(body.len() <= length && length - body.len() < 500);
    body.resize(length, b' ');
    body
}

fn with_file(bytes: usize) -> Value {
    json!({"from": "Shop <orders@shop.example>", "subject": "Hello {{name}}", "text_body": "Dear {{name}}: {{text}}",
        "send_at": LATER,
        "attachments": [{"filename": "{{name}}.bin", "content_type": "application/octet-stream", "content": "QUJD".repeat(bytes / 4)}]})
}

/// Nearly the longest texts that a bulk request can have: each recipient's are written in full to be judged.
fn with_html(bytes: usize) -> Value {
    json!({"from": "Shop <orders@shop.example>", "subject": "Hello {{name}}", "send_at": LATER,
        "html_body": format!("<p>{{{{name}}}}: {{{{text}}}}</p>{}", "<br>".repeat(bytes / 4))})
}

/// A figure of the process in bytes, from `/proc`: `VmRSS` now, `VmHWM` at its highest.
fn memory(sendgate: &Running, figure: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", sendgate.workerd.process_id())).ok()?;
    let line = status.lines().find(|line| line.starts_with(figure))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// The linear memory of the isolate's one instance of Rust, which the front and every object share; it never shrinks.
fn instance_bytes(sendgate: &Running) -> u64 {
    sendgate.call("GET", "/sandbox/fault/object/pages", None, b"").body.parse::<u64>().unwrap() * 65_536
}

/// R189, C08 and the acceptance: 50,000,000 bytes to 500 recipients are taken by an isolate that stays below its
/// 128 MB. The instance of Rust is part of it; all that the whole process grew by, `workerd`'s own buffers and SQLite's
/// pages among it, is more than all of it.
#[test]
fn a_bulk_request_of_fifty_million_bytes_fits_an_isolate() {
    for (what, message) in [("a file", with_file(24_800_000)), ("a text", with_html(4_800_000))] {
        let sendgate = Running::start("sandbox", |_| {});
        sendgate.send_ok(&[json!({"from": "a@shop.example", "to": "b@example.com", "subject": "x", "text_body": "x", "send_at": LATER})]);
        let before = memory(&sendgate, "VmRSS");
        let body = filled(50_000_000, &message);
        let answer = sendgate.call("POST", PATH, Some(&key_of("shop")), &body);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let answer = answer.json();
        assert_eq!(answer["queued_messages"], 500);
        let instance = instance_bytes(&sendgate);
        let grown = memory(&sendgate, "VmHWM").zip(before).map(|(most, before)| most - before);
        println!("{what}: instance {instance} bytes, process grown by {grown:?} bytes");
        assert!(instance < ISOLATE_BYTES, "{what}: {instance}");
        assert!(grown.is_none_or(|grown| grown < ISOLATE_BYTES), "{what}: {grown:?}");
    }
}

/// R189: one byte more is refused before it is parsed, whether its length was said or not; nothing is reserved.
#[test]
fn one_byte_more_is_refused_unparsed() {
    let sendgate = Running::start("sandbox", |_| {});
    // Not JSON: whoever parsed it would say so.
    let body = vec![b'{'; 50_000_001];
    let answer = sendgate.call("POST", PATH, Some(&key_of("shop")), &body);
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let answer = chunked(&sendgate, &body);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
    let answer = chunked(&sendgate, &body[..50_000_000]);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_json"), "{answer}");
    assert_eq!(reserved(&sendgate), 0);
}

/// Posts a body without saying how long it is.
fn chunked(sendgate: &Running, body: &[u8]) -> String {
    let address = sendgate.workerd.base_url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let key = key_of("shop");
    write!(stream, "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for chunk in body.chunks(1 << 20) {
        write!(stream, "{:x}\r\n", chunk.len()).unwrap();
        stream.write_all(chunk).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn reserved(sendgate: &Running) -> u64 {
    let limits = sendgate.get("/v1/limits").json();
    let quota = limits["limits"].as_array().unwrap().iter().find(|limit| limit["kind"] == "quota").unwrap();
    quota["reserved"].as_u64().unwrap()
}

/// Each recipient's mail is its own, with its own name on the file, and arrives whole.
#[test]
fn a_bulk_request_goes_from_the_api_to_the_inbox() {
    let sendgate = Running::start("sandbox", |_| {});
    let mut message = with_file(2_000_000);
    message.as_object_mut().unwrap().remove("send_at");
    let people: Vec<Value> = (0..3).map(|n| person(n, "x")).collect();
    let request = json!({"message": message, "recipients": people}).to_string();
    let answer = sendgate.call("POST", PATH, Some(&key_of("shop")), request.as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.body);
    let answer = answer.json();
    let ids: Vec<String> =
        answer["messages"].as_array().unwrap().iter().map(|m| m["message_id"].as_str().unwrap().into()).collect();
    sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    let mut seen: Vec<(String, String, u64)> = sendgate
        .inbox()
        .iter()
        .map(|mail| {
            let file = &mail["attachments"][0];
            (
                mail["subject"].as_str().unwrap().into(),
                file["filename"].as_str().unwrap().into(),
                file["size"].as_u64().unwrap(),
            )
        })
        .collect();
    seen.sort();
    let want = (0..3).map(|n| (format!("Hello User {n}"), format!("User {n}.bin"), 1_500_000));
    assert_eq!(seen, want.collect::<Vec<_>>());
}

/// The acceptance: 10,000 concurrent requests with 100 repeated keys are exactly 100 accepted sets, and replays.
#[test]
fn ten_thousand_requests_with_a_hundred_keys_are_a_hundred_sends() {
    const REQUESTS: usize = 10_000;
    const KEYS: usize = 100;
    const AT_ONCE: usize = 64;
    let sendgate = Running::start("sandbox", |_| {});
    // Half of the keys are of single sends, half of bulk requests to two.
    let request = |key: usize| {
        let message = json!({"from": "orders@shop.example", "subject": format!("Order {key}"), "text_body": "Hi", "send_at": LATER});
        if key.is_multiple_of(2) {
            let mut message = message;
            message["to"] = json!(format!("user{key}@example.com"));
            ("/v1/send", json!({ "messages": [message] }))
        } else {
            (PATH, json!({"message": message, "recipients": [person(0, "x"), person(1, "x")]}))
        }
    };
    let next = AtomicUsize::new(0);
    let ask = || {
        let mut answers = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= REQUESTS {
                return answers;
            }
            let key = n % KEYS;
            let (path, body) = request(key);
            let headers =
                [("authorization", format!("Bearer {}", key_of("shop"))), ("idempotency-key", format!("order-{key}"))];
            let answer = sendgate.call_with("POST", path, &headers, body.to_string().as_bytes());
            let is_replay = answer.header("idempotent-replayed") == Some("true");
            answers.push((key, answer.status, is_replay, answer.body));
        }
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(ask)).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(answers.len(), REQUESTS);
    let mut of_key: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
    for (key, status, is_replay, body) in &answers {
        assert_eq!(*status, 202, "{body}");
        let (accepted, first) = of_key.entry(*key).or_insert((0, body));
        assert_eq!(first, body, "every answer of a key is the same one");
        *accepted += usize::from(!is_replay);
    }
    assert_eq!(of_key.len(), KEYS);
    assert!(of_key.values().all(|(accepted, _)| *accepted == 1), "{of_key:?}");
    assert_eq!(reserved(&sendgate), 50 + 50 * 2, "a set is reserved for once");
}

/// The answers outlive the process.
#[test]
fn an_answer_is_replayed_after_a_restart() {
    let mut sendgate = Running::start("sandbox", |_| {});
    let request = json!({"message": with_file(4), "recipients": [person(0, "x")]}).to_string();
    let headers = [("authorization", format!("Bearer {}", key_of("shop"))), ("idempotency-key", "order-1".to_owned())];
    let first = sendgate.call_with("POST", PATH, &headers, request.as_bytes());
    sendgate.workerd.restart().unwrap();
    let again = sendgate.call_with("POST", PATH, &headers, request.as_bytes());
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, None));
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (202, Some("true"), &first.body));
    assert_eq!(reserved(&sendgate), 1);
}

/// R197 on the real platform: killed in the midst of requests, and asked again under the same keys. What was answered is
/// answered again, and every set is reserved for and queued exactly once.
#[test]
fn a_kill_amid_bulk_requests_leaves_each_accepted_once() {
    const KEYS: usize = 60;
    let mut sendgate = Running::start("sandbox", |_| {});
    let ask = |sendgate: &Running, key: usize| {
        let message =
            json!({"from": "orders@shop.example", "subject": "Order {{text}}", "text_body": "Hi", "send_at": LATER});
        let people: Vec<Value> = (0..3).map(|n| person(n, &key.to_string())).collect();
        let request = json!({"message": message, "recipients": people}).to_string();
        let headers =
            [("authorization", format!("Bearer {}", key_of("shop"))), ("idempotency-key", format!("order-{key}"))];
        let answer = sendgate.try_call("POST", PATH, &headers, request.as_bytes()).ok()?;
        assert_eq!(answer.status, 202, "{}", answer.body);
        Some(answer)
    };
    let (next, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let before_the_kill = |sendgate: &Running| {
        let mut answers = Vec::new();
        loop {
            let key = next.fetch_add(1, Ordering::Relaxed);
            // A request that the kill met has no answer.
            let Some(answer) = (key < KEYS).then(|| ask(sendgate, key)).flatten() else { return answers };
            answers.push((key, answer.body));
            if answered.fetch_add(1, Ordering::Relaxed) == KEYS / 3 {
                let id = sendgate.workerd.process_id().to_string();
                assert!(std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success());
            }
        }
    };
    let running = &sendgate;
    let first: BTreeMap<usize, String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| before_the_kill(running))).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert!((KEYS / 3..KEYS).contains(&first.len()), "the kill was amid the requests: {}", first.len());
    sendgate.workerd.restart().unwrap();
    for key in 0..KEYS {
        let answer = ask(&sendgate, key).unwrap();
        if let Some(first) = first.get(&key) {
            assert_eq!((answer.header("idempotent-replayed"), &answer.body), (Some("true"), first));
        }
    }
    assert_eq!(reserved(&sendgate), KEYS as u64 * 3);
}
