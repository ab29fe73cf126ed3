//! `POST /v1/send/bulk`, without a network: what each request is answered, what it leaves behind, and what leaves to whom.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{http::HttpResponse, mailroom::Effect, sql::Value as Cell, time::UnixMillis};
use serde_json::{Value, json};

const PATH: &str = "/v1/send/bulk";

fn code_of(response: &HttpResponse) -> String {
    body(response)["code"].as_str().unwrap_or_default().into()
}

/// A message with places.
fn circular() -> Value {
    json!({"from": "Shop <orders@shop.example>", "subject": "Hello {{name}}", "text_body": "Dear {{name}}, {{email}}"})
}

fn person(email: &str, name: &str) -> Value {
    json!({"email": email, "substitutions": {"name": name}})
}

fn people(n: usize) -> Vec<Value> {
    (0..n).map(|n| person(&format!("user{n}@example.com"), &format!("User {n}"))).collect()
}

fn bulk(host: &mut Host, message: &Value, recipients: &[Value]) -> HttpResponse {
    let request = json!({"message": message, "recipients": recipients});
    host.request(&key_of("k1"), "POST", PATH, request.to_string().as_bytes())
}

/// The bodies of all requests that leave now, each settled as taken.
fn leave(host: &mut Host) -> Vec<Value> {
    let mut bodies = Vec::new();
    while let Effect::Send { attempt, call, .. } = host.next() {
        bodies.push(serde_json::from_slice(&http(call).body).unwrap());
        host.settle(attempt, Ok(&taken()));
    }
    bodies
}

fn number(host: &mut Host, statement: &str) -> i64 {
    match host.query(statement)[0][0] {
        Cell::Integer(n) => n,
        _ => panic!("no number"),
    }
}

/// R188, R202, R203: every recipient is a message of its own, with its own id and trace; the answer is that of `/v1/send`.
#[test]
fn each_recipient_is_a_message_of_its_own() {
    let mut host = Host::new();
    let suppressed = br#"{"email":"gone@example.com","reason":"complaint"}"#;
    host.request(&key_of("k1"), "POST", "/v1/suppressions", suppressed);
    let people =
        [person("ann@example.com", "Ann"), person("gone@example.com", "Gone"), person("bob@example.net", "Bob")];
    let response = bulk(&mut host, &circular(), &people);
    assert_eq!(response.status, 202, "{}", text(&response));
    let answer = body(&response);
    assert_eq!(answer["queued_messages"], 2);
    assert_eq!(answer["messages"][0]["to"], json!(["ann@example.com"]));
    let statuses: Vec<&str> =
        answer["messages"].as_array().unwrap().iter().map(|m| m["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "suppressed", "queued"]);
    assert_eq!(
        answer["suppression_summary"],
        json!({"status": "checked", "checked_recipients": 3, "accepted_recipients": 2, "suppressed_recipients": 1,
               "suppressed_emails": ["gone@example.com"]})
    );
    assert_eq!(host.quota(), (2, 0, 99_998));
    let id = answer["messages"][2]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(host.trace(&id)["status"], "queued");
    let sent = leave(&mut host);
    let subjects: Vec<&str> = sent.iter().map(|sent| sent["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Hello Ann", "Hello Bob"]);
    assert_eq!(sent[1]["text_body"], "Dear Bob, bob@example.net", "the address is always there");
    assert_eq!(host.trace(&id)["status"], "sent");
}

/// The issue's list of places: subject, bodies, headers, metadata, tags, file names. HTML is escaped, but for three braces.
#[test]
fn values_stand_in_every_place_that_may_have_them() {
    let mut host = Host::new();
    let message = json!({
        "from": "Shop <orders@shop.example>", "subject": "{{v}}", "text_body": "{{v}} {{{v}}} {{n}} {{t}}",
        "html_body": "<p title=\"{{v}}\">{{v}}|{{{v}}}</p>", "headers": {"X-Order": "{{ v }}"},
        "metadata": {"order": "{{v}}"}, "tags": ["tag-{{n}}"],
        "attachments": [{"filename": "{{n}}.txt", "content_type": "text/plain", "content": "aGk="}]
    });
    let recipient = json!({"email": {"address": "ann@example.com", "name": "Ann"},
        "substitutions": {"v": "<b>'x'&\"y\"</b>", "n": 7, "t": true, "unused": "u", "null": null}});
    let response = bulk(&mut host, &message, &[recipient]);
    assert_eq!(response.status, 202, "{}", text(&response));
    let sent = &leave(&mut host)[0];
    let plain = "<b>'x'&\"y\"</b>";
    let html = "&lt;b&gt;&#39;x&#39;&amp;&quot;y&quot;&lt;/b&gt;";
    assert_eq!(sent["subject"], plain);
    assert_eq!(sent["text_body"], format!("{plain} {plain} 7 true"));
    assert_eq!(sent["html_body"], format!("<p title=\"{html}\">{html}|{plain}</p>"));
    let all = sent.to_string();
    for part in [r#""tag-7""#, r#""7.txt""#, r#""aGk=""#] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert_eq!(sent["metadata"]["order"], plain);
    assert!(sent["headers"].to_string().contains("X-Order") && all.contains("ann@example.com"), "{all}");
}

/// Strict by default: who lacks a value is refused alone, and the error names it; lenient leaves the place empty.
#[test]
fn a_missing_value_refuses_its_recipient_or_leaves_its_place_empty() {
    let mut host = Host::new();
    let people = [json!({"email": "ann@example.com"}), person("bob@example.com", "Bob")];
    let answer = body(&bulk(&mut host, &circular(), &people));
    assert_eq!(answer["queued_messages"], 1);
    let error = &answer["messages"][0]["error"];
    assert_eq!(error["errors"][0]["field"], "recipients[0].substitutions.name");
    assert_eq!(error["errors"][0]["code"], "missing_value");
    assert_eq!(host.quota().0, 1, "what was refused reserves nothing");
    host.advance(1);
    let request = json!({"message": circular(), "recipients": [people[0]], "options": {"missing": "lenient"}});
    let response = host.request(&key_of("k1"), "POST", PATH, request.to_string().as_bytes());
    assert_eq!(response.status, 202, "{}", text(&response));
    let subjects: Vec<Value> = leave(&mut host).iter().map(|sent| sent["subject"].clone()).collect();
    assert_eq!(subjects, ["Hello Bob", "Hello "]);
}

/// A value can end no header field and smuggle no second one in; its recipient is refused with the field's name.
#[test]
fn a_value_cannot_leave_its_header_field() {
    let mut host = Host::new();
    for (field, place) in [
        ("subject", json!("{{name}}")),
        ("headers", json!({"X-Name": "{{name}}"})),
        ("metadata", json!({"name": "{{name}}"})),
        ("tags", json!(["{{name}}"])),
        ("attachments", json!([{"filename": "{{name}}", "content_type": "text/plain", "content": "aGk="}])),
    ] {
        for evil in ["x\r\nBcc: eve@example.com", "x\ny", "x\ry", "x\u{0}y"] {
            let mut message = json!({"from": "orders@shop.example", "subject": "Hello", "text_body": "Hi"});
            message[field] = place.clone();
            let response = bulk(&mut host, &message, &[person("ann@example.com", evil)]);
            assert_eq!((response.status, code_of(&response).as_str()), (400, "invalid_message"), "{field}");
            let error = &body(&response)["errors"][0];
            assert_eq!(error["code"], "invalid_header", "{field}: {error}");
            let path = error["field"].as_str().unwrap();
            assert!(path.starts_with(&format!("recipients[0].message.{field}")), "{path}");
            assert!(!text(&response).contains("eve@"), "no value is shown");
            host.advance(1_000);
        }
    }
    assert_eq!(host.quota().0, 0);
}

/// R187, R188, R198, C03: bounds and shapes, each with its own error; nothing is stored or reserved.
#[test]
fn a_bad_bulk_request_has_its_own_error_and_changes_nothing() {
    let request = |message: Value, n: usize| json!({"message": message, "recipients": people(n)});
    let with = |field: &str, value: Value| {
        let mut message = circular();
        message[field] = value;
        request(message, 2)
    };
    let cases = [
        (request(circular(), 501), 400, "too_many_messages"),
        (request(circular(), 0), 400, "missing_send_payload"),
        (json!({"recipients": people(1)}), 400, "missing_send_payload"),
        (json!({"message": circular()}), 400, "missing_send_payload"),
        (json!({"message": circular(), "recipients": people(1), "option": {}}), 400, "unknown_field"),
        (with("subjekt", json!("x")), 400, "unknown_field"),
        (with("to", json!("ann@example.com")), 400, "invalid_message"),
        (with("bcc", json!("ann@example.com")), 400, "invalid_message"),
        (with("html_body", json!("{{#each x}}")), 400, "invalid_message"),
        (
            with("attachments", json!([{"filename": "a", "content_type": "text/plain", "content": "a"}])),
            400,
            "invalid_message",
        ),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), 400, "invalid_message"),
        (json!({"message": circular(), "recipients": [7]}), 400, "invalid_message"),
        (json!({"message": circular(), "recipients": [person("nobody", "x")]}), 400, "invalid_message"),
        (json!({"message": 7, "recipients": people(1)}), 400, "invalid_message"),
    ];
    let mut host = Host::new();
    let before = host.contents();
    for (request, status, code) in cases {
        host.advance(1_000);
        let response = host.request(&key_of("k1"), "POST", PATH, request.to_string().as_bytes());
        assert_eq!((response.status, code_of(&response).as_str()), (status, code), "{}", text(&response));
        assert_eq!(host.contents(), before, "{code} changed something");
    }
    host.advance(1_000);
    let response = bulk(&mut host, &request(circular(), 1)["message"], &[json!({"email": "a@b.example", "x": 1})]);
    assert_eq!(body(&response)["errors"][0]["field"], "recipients[0].x");
    // R209: no recipient was got to.
    host.advance(1_000);
    let mut without_body = circular();
    without_body["text_body"] = Value::Null;
    let answer = body(&bulk(&mut host, &without_body, &people(1)));
    assert_eq!(
        answer["errors"],
        json!([{"field": "message.text_body", "code": "missing_body",
        "detail": "one of text_body, html_body and template must be given"}])
    );
    assert_eq!(answer["suppression_summary"]["status"], "not_applicable");
}

/// R188: 500 are taken. R229, R230, C03: the plan's bound binds where it is smaller, and the error names it; a broadcast of
/// more than a request is several requests.
#[test]
fn the_bound_that_binds_is_named() {
    let mut host = Host::new();
    assert_eq!(bulk(&mut host, &circular(), &people(500)).status, 202);
    assert_eq!(host.quota().0, 500);
    let refused = |change: fn(&mut Value), n| {
        let mut host = Host::with(change);
        let response = bulk(&mut host, &circular(), &people(n));
        assert_eq!((response.status, code_of(&response).as_str()), (400, "too_many_messages"));
        assert_eq!(host.quota().0, 0, "nothing was reserved");
        let answer = body(&response);
        (answer["window"].as_str().unwrap().to_owned(), answer["detail"].as_str().unwrap().to_owned())
    };
    let of_plan = |account: &mut Value| {
        account.as_object_mut().unwrap().remove("max_messages");
        account["plan"] = json!("pro");
    };
    let (window, detail) = refused(of_plan, 101);
    assert_eq!(
        (window.as_str(), detail.as_str()),
        ("batch_max", "batch_max of the plan is at most 100 messages, got 101")
    );
    let of_broadcast = |account: &mut Value| account["plan_figures"] = json!({"broadcast_recipients": 20});
    let (window, detail) = refused(of_broadcast, 21);
    assert_eq!(window, "broadcast_recipients");
    assert!(
        detail.starts_with("broadcast_recipients of the ") && detail.ends_with("at most 20 recipients, got 21"),
        "{detail}"
    );
}

/// R198: a bulk request over the quota is refused whole.
#[test]
fn a_bulk_request_over_the_quota_is_refused_whole() {
    let mut host = Host::with(|account| account["quotas"] = json!([{"period": "day", "limit": 10}]));
    host.send_ok(vec![message("ann@example.com")]);
    let before = host.contents();
    let response = bulk(&mut host, &circular(), &people(10));
    assert_eq!((response.status, code_of(&response).as_str()), (429, "quota_daily"));
    assert_eq!(host.contents(), before);
    assert_eq!(bulk(&mut host, &circular(), &people(9)).status, 202);
    assert_eq!(host.quota().2, 0);
}

/// R035: a key without `send:bulk` gets 403 here and 202 on `/v1/send`, and the other way about.
#[test]
fn the_scope_of_bulk_requests_is_its_own() {
    let mut host = Host::with(|account| {
        let key = |id: &str, scope: &str| json!({"id": id, "hash": sendgate_core::key::hash(&key_of(id)), "scopes": [scope, "read"]});
        account["keys"] = json!([key("single", "send"), key("bulky", "send:bulk"), key("other", "read")]);
    });
    let one = json!({"messages": [message("ann@example.com")]}).to_string();
    let many = json!({"message": circular(), "recipients": people(2)}).to_string();
    let mut ask = |key: &str, path: &str, body: &str| {
        let response = host.request(&key_of(key), "POST", path, body.as_bytes());
        (response.status, text(&response))
    };
    assert_eq!(ask("single", "/v1/send", &one).0, 202);
    let (status, refused) = ask("single", PATH, &many);
    assert!(status == 403 && refused.contains("this needs the scope send:bulk"), "{refused}");
    assert_eq!(ask("bulky", PATH, &many).0, 202);
    assert_eq!(ask("bulky", "/v1/send", &one).0, 403);
    assert_eq!(host.quota().0, 3);
}

/// R091: a bulk request that a window refuses waits where its class may.
#[test]
fn a_bulk_request_may_wait_for_its_window() {
    let mut host = Host::with(|account| {
        account["on_limit"] = json!({"bulk": "queue"});
        account["key_windows"] = window("key-minute", 1, 60_000);
    });
    let mut of_bulk = circular();
    of_bulk["class"] = json!("bulk");
    assert_eq!(bulk(&mut host, &circular(), &people(1)).status, 202);
    assert_eq!(bulk(&mut host, &circular(), &people(1)).status, 429, "transactional mail does not wait");
    let answer = body(&bulk(&mut host, &of_bulk, &people(3)));
    assert_eq!(answer["queued_messages"], 3);
    assert_eq!(answer["queued_until"], UnixMillis::new(START + 60_000).to_string());
    assert_eq!(leave(&mut host).len(), 1);
    host.advance(60_000);
    assert_eq!(leave(&mut host).len(), 3);
}

/// The message is stored once, whatever the number of recipients, and goes with the last of them: sent, suppressed
/// meanwhile or expired, across restarts.
#[test]
fn what_is_shared_is_stored_once_and_goes_with_the_last() {
    let mut host = Host::new();
    let mut message = circular();
    let content = "QUJD".repeat(500_000);
    message["attachments"] =
        json!([{"filename": "a.bin", "content_type": "application/octet-stream", "content": content}]);
    message["expires_at"] = json!(UnixMillis::new(START + 60_000).to_string());
    assert_eq!(bulk(&mut host, &message, &people(5)).status, 202);
    // Another one of the same instant: its text is its own.
    assert_eq!(bulk(&mut host, &circular(), &people(1)).status, 202);
    let stored = "SELECT coalesce(sum(length(body)), 0) FROM part";
    let before = number(&mut host, stored);
    assert!((2_000_000..2_010_000).contains(&before), "once: {before}");
    assert!(number(&mut host, "SELECT max(length(body)) FROM message") < 100, "a row holds its recipient and values");
    let mut whole = 0;
    for _ in 0..3 {
        let (attempt, request) = host.next_request();
        whole += usize::from(String::from_utf8(request.body).unwrap().contains(&content));
        host.settle(attempt, Ok(&taken()));
        host.crash();
    }
    assert!(whole >= 2, "the file is whole");
    assert!(number(&mut host, stored) > 2_000_000, "others need it");
    let suppressed = br#"{"email":"user4@example.com","reason":"complaint"}"#;
    host.request(&key_of("k1"), "POST", "/v1/suppressions", suppressed);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(422, r#"{"message":"no"}"#, &[])));
    assert!(number(&mut host, stored) > 2_000_000);
    host.advance(60_001);
    leave(&mut host);
    host.advance(1);
    leave(&mut host);
    let of = |host: &mut Host, status| number(host, &format!("SELECT count(*) FROM message WHERE status = '{status}'"));
    assert!(of(&mut host, "expired") > 0 && of(&mut host, "failed") == 1);
    assert_eq!(number(&mut host, stored), 0, "nothing is left");
    conserved(&mut host, 6);
}

/// Nobody is left: nothing is stored of the message.
#[test]
fn a_message_to_nobody_is_not_stored() {
    let mut host = Host::new();
    host.request(&key_of("k1"), "POST", "/v1/suppressions", br#"{"email":"user0@example.com","reason":"complaint"}"#);
    let answer = body(&bulk(&mut host, &circular(), &people(1)));
    assert_eq!((&answer["queued_messages"], &answer["messages"][0]["status"]), (&json!(0), &json!("suppressed")));
    assert_eq!(number(&mut host, "SELECT count(*) FROM part"), 0);
}

/// A message of 500 costs one row and one statement, over what its request costs.
#[test]
fn a_message_of_a_bulk_request_is_one_row() {
    let mut host = Host::new();
    let (_, few) = host.count(|host| assert_eq!(bulk(host, &circular(), &people(10)).status, 202));
    let (_, many) = host.count(|host| assert_eq!(bulk(host, &circular(), &people(500)).status, 202));
    assert_eq!((many.writes - few.writes, many.reads - few.reads), (490, 0));
    assert!(few.writes <= 10 + 5, "{few:?}: the shared text, the ledger and the windows beside the ten rows");
}

/// On its way out a message of a bulk request costs one statement more than any other, which removes the shared text when
/// nobody needs it any more; that text is read once for as many as follow one another.
#[test]
fn a_message_of_a_bulk_request_leaves_for_one_statement_more() {
    let cost = |accept: fn(&mut Host, usize), n: usize| {
        let mut host = Host::new();
        accept(&mut host, n);
        let (sent, counted) = host.count(leave);
        assert_eq!(sent.len(), n);
        (counted.reads, counted.writes)
    };
    let single = |host: &mut Host, n: usize| drop(host.send_ok(vec![message("ann@example.com"); n]));
    let many = |host: &mut Host, n: usize| assert_eq!(bulk(host, &circular(), &people(n)).status, 202);
    let (single, many) = (cost(single, 100), cost(many, 100));
    assert_eq!((many.0 - single.0, many.1 - single.1), (1, 100));
}

/// Messages of a bulk request share calls where a provider takes several, each with its own text.
#[test]
fn they_leave_together_where_the_provider_takes_several() {
    let mut host = Host::with(|account| {
        account["batch"] = json!({"max_messages": 500});
        account["providers"][0]["kind"] = json!("postmark");
    });
    assert_eq!(bulk(&mut host, &circular(), &people(500)).status, 202);
    let (_, request) = host.next_request();
    let calls: Value = serde_json::from_slice(&request.body).unwrap();
    let subjects: Vec<&str> = calls.as_array().unwrap().iter().map(|call| call["Subject"].as_str().unwrap()).collect();
    assert_eq!(subjects.len(), 500);
    assert_eq!((subjects[0], subjects[499]), ("Hello User 0", "Hello User 499"));
}

/// A call of unknown outcome is repeated as it was: the same bytes under the same key, after a restart, too.
#[test]
fn a_repeat_is_the_same_request() {
    let mut host = Host::with(|account| account["providers"][0]["kind"] = json!("resend"));
    assert_eq!(bulk(&mut host, &circular(), &people(1)).status, 202);
    let (_, first) = host.next_request();
    host.crash();
    host.advance(3_600_000);
    let (_, again) = host.next_request();
    assert_eq!(field(&first, "idempotency-key"), field(&again, "idempotency-key"));
    assert_eq!(first.body, again.body);
}

/// R231: what a message comes to with its values is measured, its files included, and refuses its recipient alone.
#[test]
fn a_value_can_make_a_message_too_large() {
    let mut host = Host::new();
    let mut message = circular();
    let content = "QUJD".repeat(6_249_900);
    message["attachments"] =
        json!([{"filename": "a.bin", "content_type": "application/octet-stream", "content": content}]);
    let people = [person("ann@example.com", "Ann"), person("bob@example.com", &"B".repeat(500))];
    let answer = body(&bulk(&mut host, &message, &people));
    assert_eq!(
        (&answer["queued_messages"], &answer["messages"][1]["error"]["code"]),
        (&json!(1), &json!("message_too_large"))
    );
    assert_eq!(answer["messages"][1]["error"]["errors"][0]["field"], "recipients[1].message");
    // A long value in many places is measured before it is written.
    let mut many = circular();
    many["subject"] = json!("Hello");
    many["text_body"] = json!("{{name}}".repeat(5_000));
    let refused = bulk(&mut host, &many, &[person("ann@example.com", &"A".repeat(1_001))]);
    assert_eq!((refused.status, code_of(&refused).as_str()), (413, "message_too_large"));
    // The account's own bound counts the files, too.
    let mut host = Host::with(|account| account["plan_figures"] = json!({"message_bytes": 1_000_000}));
    let refused = bulk(&mut host, &message, &people[..1]);
    assert_eq!((refused.status, code_of(&refused).as_str()), (413, "message_too_large"));
}

/// Large messages are not all held in memory at once: a call begins when less than 16 MB are on their way.
#[test]
fn large_messages_leave_a_few_at_a_time() {
    let mut host = Host::new();
    let mut message = circular();
    let content = "QUJD".repeat(2_500_000);
    message["attachments"] =
        json!([{"filename": "a.bin", "content_type": "application/octet-stream", "content": content}]);
    assert_eq!(bulk(&mut host, &message, &people(3)).status, 202);
    let (first, _) = host.next_request();
    let (_second, _) = host.next_request();
    assert_eq!(host.next(), Effect::Idle);
    host.settle(first, Ok(&taken()));
    host.next_request();
}

/// A database of a release without bulk requests is taken up, and what waits in it leaves.
#[test]
fn an_older_database_is_taken_up() {
    let mut host = Host::new();
    host.send_ok(vec![message("ann@example.com")]);
    host.query("ALTER TABLE message DROP COLUMN shared");
    host.crash();
    host.advance(1);
    assert_eq!(bulk(&mut host, &circular(), &people(2)).status, 202);
    assert_eq!(leave(&mut host).len(), 3);
    conserved(&mut host, 3);
}
