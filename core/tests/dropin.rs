//! Resend's and Postmark's APIs as Sendgate takes them: what their official SDKs put on the wire (`data/*.json`,
//! captured) goes in, and their documented answers and errors come out.
//!
//! Bodies and names of errors after resend-openapi 1.5.0, `resend` (npm 6.38.0, its `RESEND_ERROR_CODE_KEY`) and
//! resend.com/docs; `postmark` (npm 5.1.0, its `ErrorHandler` and `Errors`) and postmarkapp.com/developer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod host;

use host::*;
use sendgate_core::{http::HttpResponse, message::Message, sql::Value as Cell};
use serde_json::{Value, json};

/// A captured request: the file, and which of its requests.
fn captured(text: &str, place: usize) -> (String, Vec<u8>) {
    let file: Value = serde_json::from_str(text).unwrap();
    let request = &file["requests"][place];
    (request["path"].as_str().unwrap().into(), request["body_text"].as_str().unwrap().as_bytes().to_vec())
}

fn resend(host: &mut Host, method: &str, path: &str, body: &[u8]) -> HttpResponse {
    resend_with(host, method, path, &[], body)
}

fn resend_with(host: &mut Host, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> HttpResponse {
    let key = format!("Bearer {}", key_of("k1"));
    let mut headers = vec![("authorization", key.as_str())];
    headers.extend(more);
    host.request_as(method, path, &headers, body)
}

fn postmark(host: &mut Host, path: &str, body: &[u8]) -> HttpResponse {
    host.request_as("POST", path, &[("X-Postmark-Server-Token", &key_of("k1"))], body)
}

/// What is stored of the newest message, as Sendgate's own JSON.
fn stored(host: &mut Host) -> Value {
    let rows = host.query("SELECT body FROM message ORDER BY id DESC LIMIT 1");
    let Cell::Text(text) = &rows[0][0] else { panic!("no content is stored") };
    serde_json::from_str(&Message::parse(text).unwrap().to_json()).unwrap()
}

/// An email as Resend's documentation shows the smallest one.
fn email(to: &str) -> Value {
    json!({"from": "Shop <orders@shop.example>", "to": [to], "subject": "Hello", "text": "Hi"})
}

/// A message as Postmark's documentation shows the smallest one.
fn mail(to: &str) -> Value {
    json!({"From": "orders@shop.example", "To": to, "Subject": "Hello", "TextBody": "Hi"})
}

/// The reference message of the captures, as far as both APIs can say it.
fn reference() -> Value {
    json!({
        "from": "\"Zoë's Shop, Inc.\" <orders@shop.example>",
        "to": ["\"Ann Ünïcode\" <ann@example.com>", "bob@example.net"],
        "cc": ["\"Carbon \\\"Copy\\\"\" <cc@example.org>"],
        "bcc": ["hidden@example.org"],
        "reply_to": ["\"Help\" <help@shop.example>"],
        "subject": "Order #42 — confirmé ✓",
        "text_body": "Hello Ann,\nyour order is on its way. €5\n",
        "html_body": "<p>Hello <b>Ann</b> <img src=\"cid:logo1\"></p>",
        "headers": [{"name": "X-Order-Id", "value": "42"}, {"name": "List-Unsubscribe", "value": "<https://shop.example/u/42>"}],
        "attachments": [
            {"filename": "invoice.txt", "content_type": "text/plain", "content": "dG90YWw6IDUg4oKsCg=="},
            {"filename": "logo.png", "content_type": "image/png", "content": "iVBORw0KGgoAAQ==", "content_id": "logo1"}
        ],
        "tags": ["receipt"]
    })
}

fn printed(message: &Value) -> Value {
    serde_json::from_str(&Message::parse(&message.to_string()).unwrap().to_json()).unwrap()
}

/// Issue 5, item 6: what the official Resend SDKs send is taken whole, and answered as Resend does.
#[test]
fn resends_sdks_requests_become_the_reference_message() {
    for text in [include_str!("data/resend-node.json"), include_str!("data/resend-python.json")] {
        let mut host = Host::new();
        let (path, body_sent) = captured(text, 0);
        let response = resend(&mut host, "POST", &path, &body_sent);
        assert_eq!(response.status, 200, "{}", text_of(&response));
        let answer = body(&response);
        let id = answer["id"].as_str().unwrap();
        assert_eq!(answer, json!({ "id": id }));
        let mut wanted = reference();
        wanted["send_at"] = json!("2026-12-01T10:00:00Z");
        assert_eq!(stored(&mut host), printed(&wanted));
        assert_eq!(host.trace(id)["status"], "queued", "the id is Sendgate's own");

        let (path, batch) = captured(text, 1);
        let response = resend_with(&mut host, "POST", &path, &[("x-batch-validation", "permissive")], &batch);
        let answer = body(&response);
        assert_eq!((response.status, answer["data"].as_array().unwrap().len()), (200, 2));
        assert_eq!(answer.as_object().unwrap().len(), 1, "no list of errors: {answer}");
    }
}

/// Issue 5, item 6: the same of Postmark's. postmarker's list of metadata goes in another order, which is the same.
#[test]
fn postmarks_sdks_requests_become_the_reference_message() {
    for text in [include_str!("data/postmark-node.json"), include_str!("data/postmarker-python.json")] {
        let mut host = Host::new();
        let (path, body_sent) = captured(text, 0);
        let response = postmark(&mut host, &path, &body_sent);
        assert_eq!(response.status, 200, "{}", text_of(&response));
        let answer = body(&response);
        let id = answer["MessageID"].as_str().unwrap();
        assert_eq!(
            answer,
            json!({"To": "ann@example.com, bob@example.net", "SubmittedAt": "2026-12-01T10:00:00.000Z", "MessageID": id,
                   "ErrorCode": 0, "Message": "OK"})
        );
        let mut wanted = reference();
        wanted["metadata"] = json!({"order": "42", "tier": "gold"});
        wanted["tracking"] = json!({"opens": true, "clicks": false});
        assert_eq!(stored(&mut host), printed(&wanted));
        assert_eq!(host.trace(id)["status"], "queued");

        let (path, batch) = captured(text, 1);
        let response = postmark(&mut host, &path, &batch);
        let answer = body(&response);
        assert_eq!((response.status, answer.as_array().unwrap().len()), (200, 2));
        assert!(answer.as_array().unwrap().iter().all(|one| one["ErrorCode"] == 0), "{answer}");
    }
}

/// What came in as Resend's goes out to Resend as it came: the SDK's own request, but for Sendgate's id among the tags.
#[test]
fn what_comes_in_as_resends_goes_out_as_it_came() {
    let kind = |account: &mut Value| account["providers"][0]["kind"] = json!("resend");
    let mut host = Host::with(kind);
    let (path, sent) = captured(include_str!("data/resend-node.json"), 0);
    assert_eq!(resend(&mut host, "POST", &path, &sent).status, 200);
    host.now = sendgate_core::time::UnixMillis::parse_rfc3339("2026-12-01T10:00:00Z").unwrap();
    let (_, request) = host.next_request();
    let mut out: Value = serde_json::from_slice(&request.body).unwrap();
    let tags = out["tags"].as_array_mut().unwrap();
    assert_eq!(tags.pop().unwrap()["name"], "sendgate_id");
    let mut wanted: Value = serde_json::from_slice(&sent).unwrap();
    // Sendgate keeps schedules itself.
    wanted.as_object_mut().unwrap().remove("scheduled_at");
    assert_eq!(out, wanted);
}

fn text_of(response: &HttpResponse) -> String {
    text(response)
}

/// A Resend error: the whole body, its status in it.
fn assert_resend(response: &HttpResponse, status: u16, name: &str, part: &str) {
    let answer = body(response);
    assert_eq!((response.status, answer["name"].as_str()), (status, Some(name)), "{answer}");
    assert_eq!(answer["statusCode"], status);
    assert!(answer["message"].as_str().unwrap().contains(part), "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 3, "{answer}");
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// Every refusal in Resend's own body, status and name, and nothing is stored.
#[test]
fn resends_errors_are_resends() {
    let mut host = Host::with(|account| {
        account["domains"] = json!(["shop.example"]);
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-second", "limit": 1000, "period_ms": 1000}]);
    });
    let with = |field: &str, value: Value| {
        let mut email = email("ann@example.com");
        email[field] = value;
        email
    };
    let without = |field: &str| {
        let mut email = email("ann@example.com");
        email.as_object_mut().unwrap().remove(field);
        email
    };
    let file = |file: Value| with("attachments", json!([file]));
    let cases = [
        (without("from"), 422, "missing_required_field", "Missing `from` field"),
        (without("to"), 422, "missing_required_field", "Missing `to` field"),
        (without("subject"), 422, "missing_required_field", "Missing `subject` field"),
        (without("text"), 422, "missing_required_field", "one of text, html and template"),
        (with("from", json!("nobody")), 422, "invalid_from_address", "Invalid `from` field"),
        (with("to", json!(["not an address"])), 422, "validation_error", "Invalid `to[0]` field"),
        (with("from", json!("orders@elsewhere.example")), 403, "validation_error", "Invalid `from` field"),
        (with("htm", json!("x")), 422, "invalid_parameter", "the nearest field is html"),
        (with("html_body", json!("x")), 422, "invalid_parameter", "Invalid `html_body` field"),
        (with("topic_id", json!("t-1")), 422, "invalid_parameter", "topic_id"),
        (with("scheduled_at", json!("in 1 min")), 422, "validation_error", "Invalid `scheduled_at` field"),
        (with("tags", json!([{"name": "a"}])), 422, "validation_error", "Invalid `tags[0]` field"),
        (
            file(json!({"filename": "a.txt", "content": "not base64!"})),
            422,
            "invalid_attachment",
            "attachments[0].content",
        ),
        (file(json!({"filename": "a.txt", "path": "https://shop.example/a"})), 422, "invalid_attachment", "path"),
        (file(json!({"content": "aGk="})), 422, "invalid_attachment", "attachments[0]"),
    ];
    for (email, status, name, part) in cases {
        let response = resend(&mut host, "POST", "/emails", email.to_string().as_bytes());
        assert_resend(&response, status, name, part);
    }
    let response = resend(&mut host, "POST", "/emails", b"{");
    assert_resend(&response, 400, "validation_error", "not valid JSON");
    let response = resend(&mut host, "POST", "/emails", b"[]");
    assert_resend(&response, 422, "validation_error", "one message");
    assert!(host.query("SELECT id FROM message").is_empty(), "nothing was accepted");
}

/// Keys: none, a made-up one, a revoked one, one that may not send; routes: a wrong method, an unknown path.
#[test]
fn resends_errors_of_keys_and_routes() {
    let mut host = Host::new();
    let message = email("ann@example.com").to_string();
    let mut with = |key: Option<&str>, method: &str, path: &str| {
        let authorization = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        host.request_as(method, path, &headers, message.as_bytes())
    };
    assert_resend(&with(None, "POST", "/emails"), 401, "missing_api_key", "Bearer");
    assert_resend(&with(Some("re_123"), "POST", "/emails"), 403, "invalid_api_key", "");
    assert_resend(&with(Some(&key_of("revoked")), "POST", "/emails"), 403, "invalid_api_key", "");
    assert_resend(&with(Some(&key_of("reader")), "POST", "/emails"), 401, "restricted_api_key", "send");
    assert_resend(&with(Some(&key_of("k1")), "DELETE", "/emails"), 405, "method_not_allowed", "POST");
    assert_resend(&with(Some(&key_of("k1")), "GET", "/emails/msg_1"), 404, "not_found", "");
    assert_resend(&with(Some(&key_of("k1")), "GET", "/emails/a/b/c"), 404, "not_found", "");
    assert_eq!(with(Some("re_123"), "POST", "/emails").header("www-authenticate"), None, "it belongs to a 401");
}

/// R191, R219: too many requests and a spent quota, in Resend's words, with our header fields.
#[test]
fn resends_limits_have_resends_names() {
    let mut host = Host::with(|account| {
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-second", "limit": 2, "period_ms": 1000}]);
        account["quotas"] = json!([{"period": "day", "limit": 1}, {"period": "month", "limit": 5}]);
    });
    let one = email("ann@example.com").to_string();
    assert_eq!(resend(&mut host, "POST", "/emails", one.as_bytes()).status, 200);
    let response = resend(&mut host, "POST", "/emails", one.as_bytes());
    assert_resend(&response, 429, "daily_quota_exceeded", "quota");
    assert!(response.header("retry-after").is_some());
    let response = resend(&mut host, "POST", "/emails", one.as_bytes());
    assert_resend(&response, 429, "rate_limit_exceeded", "key-second");
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(response.header("x-ratelimit-remaining"), Some("0"));
}

/// Resend's batches: by default one bad email fails all; permissive, the good ones are taken and the bad ones named.
#[test]
fn resends_batch_validation_modes() {
    let mut host = Host::new();
    let mut bad = email("bob@example.com");
    bad["to"] = json!(["not an address"]);
    let mut stranger = email("eve@example.com");
    stranger["topic_id"] = json!("t-1");
    let batch = json!([email("ann@example.com"), bad, email("cid@example.com"), stranger]).to_string();
    for strict in [&[][..], &[("x-batch-validation", "strict")][..]] {
        let response = resend_with(&mut host, "POST", "/emails/batch", strict, batch.as_bytes());
        assert_resend(&response, 422, "validation_error", "Invalid `[1].to[0]` field");
    }
    assert!(host.query("SELECT id FROM message").is_empty());
    assert_eq!(host.quota(), (0, 0, 100_000));

    let permissive = &[("x-batch-validation", "permissive")];
    let response = resend_with(&mut host, "POST", "/emails/batch", permissive, batch.as_bytes());
    let answer = body(&response);
    assert_eq!((response.status, answer["data"].as_array().unwrap().len()), (200, 2), "{answer}");
    let errors: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| error["index"].as_u64()).collect();
    assert_eq!(errors, [Some(1), Some(3)]);
    assert!(answer["errors"][0]["message"].as_str().unwrap().starts_with("Invalid `to[0]` field"), "{answer}");
    assert_eq!(host.quota(), (2, 0, 99_998));
    for (place, address) in [(0, "ann@example.com"), (1, "cid@example.com")] {
        let trace = host.trace(answer["data"][place]["id"].as_str().unwrap());
        assert_eq!(trace["recipients"][0]["address"], address, "ids are in the order of the batch");
    }

    let all_bad = json!([bad_one()]).to_string();
    let response = resend_with(&mut host, "POST", "/emails/batch", permissive, all_bad.as_bytes());
    assert_eq!((response.status, body(&response)["data"].clone()), (200, json!([])));
    let response = resend_with(&mut host, "POST", "/emails/batch", &[("x-batch-validation", "lax")], b"[]");
    assert_resend(&response, 422, "validation_error", "strict or permissive");
    host.advance(1_000);
    let many = json!(vec![email("ann@example.com"); 101]).to_string();
    let response = resend(&mut host, "POST", "/emails/batch", many.as_bytes());
    assert_resend(&response, 422, "validation_error", "at most 100");
    let response = resend(&mut host, "POST", "/emails/batch", b"[]");
    assert_resend(&response, 422, "validation_error", "at least 1");
}

fn bad_one() -> Value {
    json!({"from": "orders@shop.example", "subject": "x", "text": "y"})
}

/// Resend's `Idempotency-Key`: the same answer again, another body is a conflict, and the key is not that of `/v1/send`.
#[test]
fn resends_idempotency_key() {
    let mut host = Host::new();
    let one = email("ann@example.com").to_string();
    let key = [("idempotency-key", "order-42")];
    let first = resend_with(&mut host, "POST", "/emails", &key, one.as_bytes());
    let again = resend_with(&mut host, "POST", "/emails", &key, one.as_bytes());
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = email("bob@example.com").to_string();
    let response = resend_with(&mut host, "POST", "/emails", &key, other.as_bytes());
    assert_resend(&response, 409, "invalid_idempotent_request", "");
    let longest = "k".repeat(256);
    let response = resend_with(&mut host, "POST", "/emails", &[("idempotency-key", &longest)], one.as_bytes());
    assert_eq!(response.status, 200, "Resend takes 256 characters");
    let too_long = "k".repeat(257);
    let response = resend_with(&mut host, "POST", "/emails", &[("idempotency-key", &too_long)], one.as_bytes());
    assert_resend(&response, 400, "invalid_idempotency_key", "256");
    let own = json!({"messages": [message("ann@example.com")]}).to_string();
    let response = host.request_with(&key_of("k1"), "POST", "/v1/send", Some("order-42"), own.as_bytes());
    assert_eq!(response.status, 202, "another API's keys are others");
    assert_eq!(host.query("SELECT id FROM message").len(), 3);
}

/// `GET`, `PATCH` and cancel of an email, as the SDKs' `emails.get`, `.update` and `.cancel` expect them.
#[test]
fn resends_emails_are_shown_moved_and_cancelled() {
    let mut host = Host::new();
    let mut later = email("ann@example.com");
    later["scheduled_at"] = json!("2026-12-01T12:00:00Z");
    later["cc"] = json!("bob@example.net");
    let answer = body(&resend(&mut host, "POST", "/emails", later.to_string().as_bytes()));
    let id = answer["id"].as_str().unwrap();
    let path = format!("/emails/{id}");
    let shown = body(&resend(&mut host, "GET", &path, b""));
    let wanted = json!({
        "object": "email", "id": id, "to": ["ann@example.com"], "from": "Shop <orders@shop.example>",
        "created_at": "2026-12-01T10:00:00.000Z", "subject": "Hello", "html": null, "text": "Hi", "bcc": [],
        "cc": ["bob@example.net"], "last_event": "scheduled", "scheduled_at": "2026-12-01T12:00:00.000Z"
    });
    assert_eq!(shown, wanted);
    // The Python SDK says the id in the body, too.
    let wanted = json!({"id": id, "scheduled_at": "2026-12-01T11:00:00Z"}).to_string();
    let moved = resend(&mut host, "PATCH", &path, wanted.as_bytes());
    assert_eq!((moved.status, body(&moved)), (200, json!({"object": "email", "id": id})));
    assert_eq!(body(&resend(&mut host, "GET", &path, b""))["scheduled_at"], "2026-12-01T11:00:00.000Z");
    let wrong = resend(&mut host, "PATCH", &path, br#"{"scheduled_at":"tomorrow"}"#);
    assert_resend(&wrong, 422, "validation_error", "Invalid `scheduled_at` field");
    let cancelled = resend(&mut host, "POST", &format!("{path}/cancel"), b"");
    assert_eq!((cancelled.status, body(&cancelled)), (200, json!({"object": "email", "id": id})));
    let shown = body(&resend(&mut host, "GET", &path, b""));
    assert_eq!((&shown["last_event"], &shown["text"]), (&json!("canceled"), &json!(null)), "its content is gone");
    let again = resend(&mut host, "POST", &format!("{path}/cancel"), b"");
    assert_resend(&again, 409, "validation_error", "cancelled");
    assert_eq!(host.quota(), (0, 0, 100_000));
}

/// Binary contents as Resend's documented examples for Python send them, and the type by the name when none is given.
#[test]
fn resends_files_may_be_bytes_and_need_no_type() {
    let mut host = Host::new();
    let mut with_file = email("ann@example.com");
    // RFC 4648 section 10: "fooba" is Zm9vYmE=.
    with_file["attachments"] = json!([
        {"filename": "a.PDF", "content": [102, 111, 111, 98, 97]},
        {"filename": "noname", "content": "Zm9v\r\nYmE=\n"}
    ]);
    let response = resend(&mut host, "POST", "/emails", with_file.to_string().as_bytes());
    assert_eq!(response.status, 200, "{}", text(&response));
    let files = stored(&mut host)["attachments"].clone();
    assert_eq!((&files[0]["content"], &files[0]["content_type"]), (&json!("Zm9vYmE="), &json!("application/pdf")));
    assert_eq!(
        (&files[1]["content"], &files[1]["content_type"]),
        (&json!("Zm9vYmE="), &json!("application/octet-stream"))
    );
}

/// A Postmark error: the whole body and the status.
fn assert_postmark(response: &HttpResponse, status: u16, code: u16, part: &str) {
    let answer = body(response);
    assert_eq!((response.status, answer["ErrorCode"].as_u64()), (status, Some(u64::from(code))), "{answer}");
    assert!(answer["Message"].as_str().unwrap().contains(part), "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// Every refusal with Postmark's status and code, and nothing is stored.
#[test]
fn postmarks_errors_are_postmarks() {
    let mut host = Host::with(|account| {
        account["domains"] = json!(["shop.example"]);
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-second", "limit": 1000, "period_ms": 1000}]);
    });
    let with = |field: &str, value: Value| {
        let mut mail = mail("ann@example.com");
        mail[field] = value;
        mail
    };
    let cases = [
        (with("From", json!("nobody")), 300, "Invalid 'From' value"),
        (with("To", json!("")), 300, "Invalid 'To' value"),
        (with("To", json!("ann@example.com, not an address")), 300, "Invalid 'To[1]' value"),
        (with("TextBody", json!(null)), 300, "one of TextBody, HtmlBody"),
        (with("From", json!("orders@elsewhere.example")), 400, "Invalid 'From' value"),
        (with("Textbody", json!("x")), 300, "the nearest field is TextBody"),
        (with("TemplateId", json!(7)), 300, "Invalid 'TemplateId' value"),
        (with("TrackLinks", json!("HtmlOnly")), 300, "Invalid 'TrackLinks' value"),
        (with("Headers", json!([{"Name": "Bcc", "Value": "x"}])), 300, "Invalid 'Headers[0].Name' value"),
        (
            with("Attachments", json!([{"Name": "a.txt", "ContentType": "text/plain", "Content": "?"}])),
            300,
            "Attachments[0].Content",
        ),
    ];
    for (mail, code, part) in cases {
        let response = postmark(&mut host, "/email", mail.to_string().as_bytes());
        assert_postmark(&response, 422, code, part);
    }
    assert_postmark(&postmark(&mut host, "/email", b"{"), 422, 402, "not valid JSON");
    assert_postmark(&postmark(&mut host, "/email", b"[]"), 422, 403, "one message");
    assert_postmark(&postmark(&mut host, "/email/withTemplate", b"{}"), 404, 404, "");
    let many = json!(vec![mail("ann@example.com"); 501]).to_string();
    assert_postmark(&postmark(&mut host, "/email/batch", many.as_bytes()), 422, 410, "at most 500");
    let one = mail("ann@example.com").to_string();
    for headers in [&[][..], &[("x-postmark-server-token", "POSTMARK_API_TEST")][..]] {
        let response = host.request_as("POST", "/email", headers, one.as_bytes());
        assert_postmark(&response, 401, 10, "");
    }
    let reader = key_of("reader");
    let response = host.request_as("POST", "/email", &[("x-postmark-server-token", &reader)], one.as_bytes());
    assert_postmark(&response, 401, 10, "scope");
    assert!(host.query("SELECT id FROM message").is_empty(), "nothing was accepted");
}

/// A batch is answered message by message, in its order, whatever became of each.
#[test]
fn postmarks_batch_has_an_answer_for_every_message() {
    let mut host = Host::new();
    let batch = json!([mail("ann@example.com"), mail("not an address"), mail("cid@example.com")]).to_string();
    let response = postmark(&mut host, "/email/batch", batch.as_bytes());
    let answer = body(&response);
    let codes: Vec<_> = answer.as_array().unwrap().iter().map(|one| one["ErrorCode"].as_u64().unwrap()).collect();
    assert_eq!((response.status, codes), (200, vec![0, 300, 0]), "{answer}");
    assert_eq!(answer[2]["To"], "cid@example.com");
    assert_eq!(answer[1].as_object().unwrap().len(), 2);
    let all_bad = json!([mail("not an address"), mail("nor this")]).to_string();
    let response = postmark(&mut host, "/email/batch", all_bad.as_bytes());
    let codes: Vec<Value> = body(&response).as_array().unwrap().iter().map(|one| one["ErrorCode"].clone()).collect();
    assert_eq!((response.status, codes), (200, vec![json!(300), json!(300)]));
}

/// Recipients on the suppression list: named beside the others, and an error of Postmark's when nobody is left. The texts
/// are those that postmark.js takes the addresses from (`InactiveRecipientsError`).
#[test]
fn postmarks_inactive_recipients() {
    let mut host = Host::new();
    let entry = json!({"email": "gone@example.com", "reason": "hard_bounce"});
    let added = host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.to_string().as_bytes());
    assert!(added.status < 300, "{}", text(&added));
    let response = postmark(&mut host, "/email", mail("ann@example.com, gone@example.com").to_string().as_bytes());
    let answer = body(&response);
    assert_eq!((response.status, &answer["ErrorCode"]), (200, &json!(0)));
    assert!(
        answer["Message"]
            .as_str()
            .unwrap()
            .starts_with("Message OK, but will not deliver to these inactive addresses: gone@example.com. Inactive"),
        "{answer}"
    );
    let response = postmark(&mut host, "/email", mail("gone@example.com").to_string().as_bytes());
    assert_postmark(&response, 422, 406, "Found inactive addresses: gone@example.com. Inactive");
    let batch = json!([mail("gone@example.com"), mail("ann@example.com")]).to_string();
    let answer = body(&postmark(&mut host, "/email/batch", batch.as_bytes()));
    assert_eq!((&answer[0]["ErrorCode"], &answer[1]["ErrorCode"]), (&json!(406), &json!(0)), "{answer}");
    assert_eq!(answer[1]["Message"], "OK");
    // Resend takes them and tells later.
    let response = resend(&mut host, "POST", "/emails", email("gone@example.com").to_string().as_bytes());
    assert_eq!(response.status, 200);
}

/// R191, R219 in Postmark's words: a spent quota is a plan's credits, and no 429.
#[test]
fn postmarks_limits_have_postmarks_codes() {
    let mut host = Host::with(|account| {
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-second", "limit": 2, "period_ms": 1000}]);
        account["quotas"] = json!([{"period": "day", "limit": 1}]);
    });
    let one = mail("ann@example.com").to_string();
    assert_eq!(postmark(&mut host, "/email", one.as_bytes()).status, 200);
    let spent = postmark(&mut host, "/email", one.as_bytes());
    assert_postmark(&spent, 422, 405, "quota");
    assert_eq!(spent.header("retry-after"), None, "R240: on 429 only");
    let limited = postmark(&mut host, "/email", one.as_bytes());
    assert_postmark(&limited, 429, 429, "key-second");
    assert_eq!(limited.header("retry-after"), Some("1"));
}

/// A mode of ours that other APIs do not have: messages wait where a window refuses their request.
#[test]
fn other_apis_messages_wait_where_the_account_says_so() {
    let mut host = Host::with(|account| {
        account["key_windows"] = json!([{"kind": "sliding", "name": "key-second", "limit": 1, "period_ms": 1000}]);
        account["on_limit"] = json!({"transactional": "queue"});
    });
    for to in ["ann@example.com", "bob@example.com"] {
        assert_eq!(resend(&mut host, "POST", "/emails", email(to).to_string().as_bytes()).status, 200, "{to}");
    }
    assert_eq!(postmark(&mut host, "/email", mail("cid@example.com").to_string().as_bytes()).status, 200);
}
