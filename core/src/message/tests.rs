use super::*;
use crate::address::Address;
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn smallest() -> Value {
    json!({ "from": "a@shop.example", "to": "b@example.net", "subject": "Hi", "text_body": "Hello" })
}

/// The smallest message with more fields, or other ones.
fn with(more: Value) -> Value {
    let mut json = smallest();
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

fn read(more: Value) -> Message {
    Message::parse(&with(more).to_string()).unwrap()
}

/// Path and code of every fault of the smallest message with these fields.
fn faults(more: Value) -> Vec<(String, &'static str)> {
    faults_of(&with(more).to_string())
}

fn faults_of(json: &str) -> Vec<(String, &'static str)> {
    let faults = Message::parse(json).unwrap_err();
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| CODES.contains(&fault.code)), "{faults:?}");
    faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
}

fn one(field: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(field.to_string(), code)]
}

fn file(content: &str) -> Value {
    json!({ "filename": "a.txt", "content_type": "text/plain", "content": content })
}

#[test]
fn every_field_is_read() {
    let message = read(json!({
        "from": { "address": "a@shop.example", "name": "Shop, Inc." },
        "to": ["b@example.net", { "email": "c@example.net" }],
        "cc": "Cc <cc@example.net>", "bcc": ["d@example.net"], "reply_to": "help@shop.example",
        "html_body": "<p>", "headers": { "X-B": "2", "X-A": "1" },
        "attachments": [
            file("Zg=="),
            { "filename": "l.png", "content_type": "image/png", "content": "Zm8=", "content_id": "logo1" },
        ],
        "tags": "receipt", "metadata": { "order": "42" }, "class": "bulk",
        "send_at": "2026-12-01T10:00:00Z", "expires_at": "2026-12-01T12:00:00+01:00",
        "tracking": { "clicks": false }, "stream": "outbound",
        "provider_options": { "postmark": { "InlineCss": true } },
    }));
    assert_eq!(message.from.name.as_deref(), Some("Shop, Inc."));
    assert_eq!(message.to[1].address.as_str(), "c@example.net");
    assert_eq!(message.recipients().map(|m| m.address.local()).collect::<Vec<_>>(), ["b", "c", "cc", "d"]);
    assert_eq!(message.recipient_count(), 4);
    assert_eq!(message.attachments[0].disposition, Disposition::Attachment);
    assert_eq!(message.attachments[1].disposition, Disposition::Inline);
    assert_eq!((message.tags.len(), message.class), (1, Class::Bulk));
    assert_eq!(message.metadata, [("order".to_string(), "42".to_string())]);
    assert_eq!(message.send_at, Some(UnixMillis::new(1_796_119_200_000)));
    assert_eq!(message.expires_at, Some(UnixMillis::new(1_796_122_800_000)));
    assert_eq!(message.tracking, Tracking { opens: None, clicks: Some(false) });
    assert_eq!(message.provider_options["postmark"]["InlineCss"], true);
}

#[test]
fn headers_and_metadata_keep_the_order_of_the_request() {
    let json = smallest().to_string().replace('{', r#"{"headers":{"X-B":"2","X-A":"1"},"metadata":{"z":"1","a":"2"},"#);
    let message = Message::parse(&json).unwrap();
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&message.headers), ["X-B", "X-A"]);
    assert_eq!(names(&message.metadata), ["z", "a"]);
}

#[test]
fn null_is_the_same_as_absent() {
    let nulls = json!({ "cc": null, "html_body": null, "attachments": null, "send_at": null, "template": null });
    assert_eq!(read(nulls), read(json!({})));
    assert_eq!(faults(json!({ "from": null })), one("from", "missing_field"));
    assert_eq!(faults(json!({ "to": null })), one("to", "missing_recipient"));
}

#[test]
fn an_unknown_field_names_the_nearest_known_one() {
    let detail = |more: Value| Message::parse(&with(more).to_string()).unwrap_err().remove(0).detail;
    assert_eq!(detail(json!({ "replyTo": "a@b.example" })), "no such field; the nearest one is reply_to");
    assert_eq!(detail(json!({ "html": "x" })), "no such field; the nearest one is html_body");
    assert!(detail(json!({ "priority": 1 })).starts_with("no such field; there are from, to, cc"));
    assert_eq!(faults(json!({ "tracking": { "open": true } })), one("tracking.open", "unknown_field"));
    assert_eq!(faults(json!({ "provider_options": { "resnd": {} } })), one("provider_options.resnd", "unknown_field"));
    assert_eq!(
        faults(json!({ "to": [{ "adress": "b@example.net" }] })),
        [("to[0].adress".to_string(), "unknown_field"), ("to[0].address".to_string(), "missing_field"),]
    );
}

#[test]
fn a_field_given_twice_is_an_error_at_any_depth() {
    let twice = |part: &str| faults_of(&smallest().to_string().replacen('{', &format!("{{{part},"), 1));
    assert_eq!(twice(r#""subject":"a""#), one("subject", "duplicate_field"));
    assert_eq!(twice(r#""metadata":{"a":"1","a":"2"}"#), one("metadata.a", "duplicate_field"));
    assert_eq!(twice(r#""headers":{"X-A":"1","X-A":"2"}"#), one("headers.X-A", "duplicate_field"));
    assert_eq!(
        twice(r#""cc":{"address":"a@b.example","address":"c@d.example"}"#),
        one("cc.address", "duplicate_field")
    );
    assert_eq!(
        twice(r#""provider_options":{"resend":{"a":{"b":1,"b":2}}}"#),
        one("provider_options.resend", "duplicate_field")
    );
}

#[test]
fn every_fault_is_reported_with_its_path() {
    let mut all = faults(json!({
        "to": ["b@example.net", "nobody", { "address": 5 }], "text_body": 1, "class": "spam", "send_at": "tomorrow",
        "attachments": [file("Zg=="), file("Zg")], "tags": ["ok", ""], "metadata": { "n": 1 }, "stream": "a\nb",
    }));
    all.sort();
    let want = [
        ("attachments[1].content", "invalid_base64"),
        ("class", "invalid_value"),
        ("metadata.n", "wrong_type"),
        ("send_at", "invalid_date"),
        ("stream", "invalid_header"),
        ("tags[1]", "invalid_value"),
        ("text_body", "wrong_type"),
        ("to[1]", "invalid_address"),
        ("to[2].address", "wrong_type"),
    ];
    assert_eq!(all, want.map(|(field, code)| (field.to_string(), code)));
}

#[test]
fn wrong_types_are_named_for_every_field() {
    let objects = ["headers", "metadata", "tracking", "template", "provider_options"];
    let lists = ["attachments"];
    let texts = ["subject", "text_body", "html_body", "class", "send_at", "expires_at", "stream"];
    let mailboxes = ["from", "to", "cc", "bcc", "reply_to"];
    for field in objects.into_iter().chain(lists).chain(texts).chain(mailboxes) {
        assert_eq!(faults(json!({ field: true })), one(field, "wrong_type"), "{field}");
    }
    for json in ["[]", "1", "null", "\"x\""] {
        assert_eq!(faults_of(json), one("", "wrong_type"), "{json}");
    }
}

#[test]
fn what_is_no_json_is_told_by_its_place_only() {
    let fault = Message::parse("{\"subject\": \"secret\",,}").unwrap_err().remove(0);
    assert_eq!((fault.code, fault.detail.as_str()), ("invalid_json", "not readable as JSON at line 1, column 22"));
    for json in ["", "{", "{\"a\":1}x", "{\"a\":NaN}", "{\"a\":1e999}", &"[".repeat(100_000)] {
        assert_eq!(faults_of(json), one("", "invalid_json"));
    }
}

/// Header injection, in every field that ends up in a header.
#[test]
fn a_line_break_is_refused_wherever_a_header_is_made_of_it() {
    assert_eq!(faults(json!({ "subject": "Hi\r\nBcc: eve@example.net" })), one("subject", "invalid_header"));
    assert_eq!(faults(json!({ "headers": { "X-A": "1\nX-B: 2" } })), one("headers.X-A", "invalid_header"));
    assert_eq!(faults(json!({ "headers": { "X-A: 1\r\nBcc": "eve@example.net" } })), one("headers", "invalid_value"));
    assert_eq!(
        faults(json!({ "headers": [{ "name": "X\rY", "value": "1" }] })),
        one("headers[0].name", "invalid_header")
    );
    assert_eq!(faults(json!({ "from": "Shop\r\nBcc: x <a@shop.example>" })), one("from", "invalid_address"));
    let name = json!({ "address": "a@shop.example", "name": "Shop\nBcc: x" });
    assert_eq!(faults(json!({ "from": name })), one("from.name", "invalid_address"));
    let mut broken = file("Zg==");
    broken["filename"] = json!("a\r\nb");
    assert_eq!(faults(json!({ "attachments": [broken] })), one("attachments[0].filename", "invalid_header"));
    assert_eq!(faults(json!({ "tags": ["a\u{0}"] })), one("tags[0]", "invalid_header"));
    assert_eq!(faults(json!({ "metadata": { "a": "b\nc" } })), one("metadata.a", "invalid_header"));
}

#[test]
fn structural_headers_are_reserved_in_any_case() {
    let names = [
        "From",
        "to",
        "CC",
        "Bcc",
        "Subject",
        "Reply-To",
        "Sender",
        "Content-Type",
        "content-transfer-encoding",
        "MIME-Version",
        "DKIM-Signature",
        "Received",
        "Return-Path",
        "Date",
        "Message-ID",
        "Resent-Bcc",
        "ARC-Seal",
    ];
    for name in names {
        assert_eq!(faults(json!({ "headers": { name: "x" } })), one(&format!("headers.{name}"), "reserved_header"));
        let listed = json!({ "headers": [{ "name": name, "value": "x" }] });
        assert_eq!(faults(listed), one("headers[0].name", "reserved_header"));
    }
    for name in ["X:Y", "X Y", "Zoë", ""] {
        let listed = json!({ "headers": [{ "name": name, "value": "x" }] });
        assert_eq!(faults(listed), one("headers[0].name", "invalid_header"), "{name}");
    }
    assert_eq!(read(json!({ "headers": { "List-Unsubscribe": "<https://a.example>" } })).headers.len(), 1);
}

/// RFC 8058 section 3.1 and its examples; R055.
#[test]
fn r055_unsubscribing_in_one_click_needs_one_https_address() {
    let fields =
        |list: &str, post: &str| json!({ "headers": { "List-Unsubscribe": list, "list-unsubscribe-post": post } });
    let one_click = "List-Unsubscribe=One-Click";
    for list in [
        "<https://example.com/unsubscribe/opaquepart>",
        "<mailto:listrequest@example.com?subject=unsubscribe>, <https://example.com/unsubscribe.html?opaque=1,2>",
        "<HTTPS://example.com/u>",
    ] {
        assert_eq!(read(fields(list, one_click)).headers.len(), 2, "{list}");
    }
    for (list, post) in [
        ("<mailto:listrequest@example.com>", one_click),
        ("<http://example.com/u>", one_click),
        ("https://example.com/u", one_click),
        ("<https://example.com/u>, <https://example.com/v>", one_click),
        ("<é>", one_click),
        ("<https://example.com/u>", "List-Unsubscribe=one-click"),
        ("<https://example.com/u>", "yes"),
    ] {
        assert_eq!(faults(fields(list, post)), one("headers", "invalid_header"), "{list} {post}");
    }
    let alone = json!({ "headers": { "List-Unsubscribe-Post": one_click } });
    assert_eq!(faults(alone), one("headers", "invalid_header"));
}

/// R232: ten are taken, the eleventh is refused.
#[test]
fn r232_ten_attachments_are_taken_and_eleven_are_not() {
    assert_eq!(read(json!({ "attachments": vec![file("Zg=="); 10] })).attachments.len(), 10);
    assert_eq!(faults(json!({ "attachments": vec![file("Zg=="); 11] })), one("attachments", "too_many_attachments"));
}

/// R231: 25,000,000 bytes after base64 are taken, one more is not.
///
/// By hand: from (14), to (13), subject (2), file name (5) and media type (10) have 44 bytes. They and 24,999,000 bytes
/// of base64 leave 956 for the text.
#[test]
fn r231_the_size_is_measured_after_base64_to_the_byte() {
    let content = "AAAA".repeat(24_999_000 / 4);
    let message = |text: usize| {
        let rest = with(json!({ "text_body": "x".repeat(text) })).to_string();
        let head = r#""attachments":[{"filename":"a.txt","content_type":"text/plain","content":""#;
        rest.replacen('{', &format!("{{{head}{content}\"}}],"), 1)
    };
    assert_eq!(Message::parse(&message(956)).unwrap().size(), 25_000_000);
    assert_eq!(faults_of(&message(957)), one("", "message_too_large"));
}

#[test]
fn the_size_counts_everything_that_is_composed() {
    let base = read(json!({})).size();
    assert_eq!(base, 14 + 13 + 2 + 5);
    let more = |more: Value| read(more).size() - base;
    assert_eq!(more(json!({ "cc": "\"Zoë\" <c@d.example>" })), 4 + 11);
    assert_eq!(more(json!({ "reply_to": "c@d.example" })), 11);
    assert_eq!(more(json!({ "headers": { "X-A": "é" } })), 3 + 2);
    assert_eq!(more(json!({ "tags": ["ab", "c"], "metadata": { "k": "vv" } })), 3 + 3);
    assert_eq!(more(json!({ "provider_options": { "resend": { "a": 1 } } })), r#"{"resend":{"a":1}}"#.len());
}

#[test]
fn a_thousand_recipients_are_taken_together_and_no_more() {
    let list = |count: usize| vec!["b@example.net"; count];
    assert_eq!(read(json!({ "to": list(500), "cc": list(300), "bcc": list(200) })).recipient_count(), 1_000);
    assert_eq!(faults(json!({ "to": list(501), "cc": list(300), "bcc": list(200) })), one("to", "too_many_recipients"));
    assert_eq!(faults(json!({ "bcc": list(1_001) })), one("bcc", "too_many_recipients"));
    assert_eq!(faults(json!({ "to": [] })), one("to", "missing_recipient"));
}

#[test]
fn a_flood_of_faults_is_cut_off() {
    assert_eq!(faults(json!({ "to": vec!["x"; 1_000] })).len(), FieldError::MAX_REPORTED);
    let strangers: Vec<String> = (0..10_000).map(|n| format!("\"f{n}\":1")).collect();
    assert_eq!(faults_of(&format!("{{{}}}", strangers.join(","))).len(), FieldError::MAX_REPORTED);
}

#[test]
fn a_message_needs_a_body_or_a_template_and_not_both() {
    let none = |json: Value| {
        let mut json = with(json);
        json.as_object_mut().unwrap().remove("text_body");
        json.to_string()
    };
    assert_eq!(faults_of(&none(json!({}))), one("text_body", "missing_body"));
    assert_eq!(faults(json!({ "text_body": "" })), one("text_body", "missing_body"));
    assert_eq!(faults(json!({ "template": { "id": "t" } })), one("template", "conflicting_fields"));
    assert_eq!(faults(json!({ "subject": "" })), one("subject", "missing_field"));
    let template =
        Message::parse(&none(json!({ "template": { "id": "t", "data": { "n": [1, null] } }, "subject": null })));
    assert_eq!(template.unwrap().template.unwrap().data["n"], json!([1, null]));
    assert_eq!(faults_of(&none(json!({ "template": { "data": {} } }))), one("template.id", "missing_field"));
    let html_only = Message::parse(&none(json!({ "html_body": "<p>", "text_body": "" }))).unwrap();
    assert_eq!(html_only.html_body.as_deref(), Some("<p>"));
}

#[test]
fn an_empty_text_beside_html_is_kept_because_it_means_something() {
    assert_eq!(read(json!({ "text_body": "", "html_body": "<p>" })).text_body.as_deref(), Some(""));
}

#[test]
fn attachments_are_whole_and_their_disposition_fits_their_content_id() {
    let with_file = |more: Value| {
        let mut file = file("Zg==");
        more.as_object().unwrap().iter().for_each(|(name, value)| file[name] = value.clone());
        json!({ "attachments": [file] })
    };
    let fault = |field: &str, code| one(&format!("attachments[0].{field}"), code);
    assert_eq!(faults(with_file(json!({ "disposition": "inline" }))), fault("content_id", "missing_field"));
    assert_eq!(
        faults(with_file(json!({ "disposition": "attachment", "content_id": "x" }))),
        fault("content_id", "conflicting_fields")
    );
    assert_eq!(faults(with_file(json!({ "disposition": "hidden" }))), fault("disposition", "invalid_value"));
    for id in ["", "a b", "<a>", "cid:a", "é"] {
        assert_eq!(faults(with_file(json!({ "content_id": id }))), fault("content_id", "invalid_value"), "{id}");
    }
    for kind in ["", "text", "/plain", "text/", "text/pla in", "té/x", "text/plain; x=\u{e9}"] {
        assert_eq!(
            faults(with_file(json!({ "content_type": kind }))),
            fault("content_type", "invalid_value"),
            "{kind}"
        );
    }
    assert_eq!(faults(with_file(json!({ "content": "" }))), fault("content", "invalid_base64"));
    for field in ["filename", "content_type", "content"] {
        assert_eq!(faults(with_file(json!({ field: null }))), fault(field, "missing_field"));
    }
    let typed = read(with_file(json!({ "content_type": "text/calendar; method=REQUEST; charset=\"utf-8\"" })));
    assert_eq!(typed.attachments.len(), 1);
}

#[test]
fn times_are_in_order_and_expiry_is_asked_against_now() {
    let times = |send: &str, expire: &str| json!({ "send_at": send, "expires_at": expire });
    let same = times("2026-12-01T10:00:00Z", "2026-12-01T11:00:00+01:00");
    assert_eq!(faults(same), one("expires_at", "expires_before_send"));
    let message = read(times("2026-12-01T10:00:00Z", "2026-12-01T10:00:00.001Z"));
    let end = message.expires_at.unwrap();
    assert_eq!(message.check_times(UnixMillis::new(end.as_millis() - 1)), Ok(()));
    let fault = message.check_times(end).unwrap_err().remove(0);
    assert_eq!((fault.field.as_str(), fault.code), ("expires_at", "expired"));
    assert_eq!(read(json!({})).check_times(UnixMillis::MAX), Ok(()));
}

#[test]
fn an_address_may_be_named_address_or_email_but_not_both() {
    let both = json!({ "address": "a@b.example", "email": "a@b.example" });
    assert_eq!(faults(json!({ "cc": [both] })), one("cc[0]", "conflicting_fields"));
    assert_eq!(faults(json!({ "cc": { "email": "nobody" } })), one("cc.email", "invalid_address"));
    assert_eq!(faults(json!({ "cc": { "name": "Ann" } })), one("cc.address", "missing_field"));
}

/// Neither errors nor `Debug` show what a person wrote or who they are.
#[test]
fn errors_and_debug_hold_no_personal_data() {
    let json = with(json!({
        "to": ["secret-one@", "secret two@example.com"], "text_body": 1, "subject": "secret\n", "class": "secret!",
        "secret address@example.com": 1, "send_at": "secret", "metadata": { "secret\u{0}": "secret" },
    }));
    let faults = Message::parse(&json.to_string()).unwrap_err();
    assert!(faults.len() >= 7);
    for fault in faults {
        assert!(!fault.to_string().contains("secret"), "{fault}");
    }
    let shown = format!("{:?}", read(json!({ "attachments": [file("c2VjcmV0")] })));
    assert_eq!(shown, "Message(transactional with 1 recipients, 1 attachments)");
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    let address = ("[a-zé]{1,8}|\"[a-z ]{1,8}\"", "[a-zü]{1,8}\\.example");
    (prop::option::of("[^\\p{C}\\p{Zl}\\p{Zp}]{1,12}"), address).prop_map(|(name, (local, domain))| {
        Mailbox::new(name.as_deref(), Address::parse(&format!("{local}@{domain}")).unwrap()).unwrap()
    })
}

fn mailboxes(from: usize) -> impl Strategy<Value = Vec<Mailbox>> {
    prop::collection::vec(mailbox(), from..4)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let pairs = prop::collection::btree_map("X-[a-zA-Z0-9-]{1,8}", "\\PC{0,12}", 0..4);
    pairs.prop_map(|pairs| pairs.into_iter().collect())
}

fn data() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(".{0,6}", tree, 0..3).prop_map(|map| map.into_iter().collect())
}

fn attachment() -> impl Strategy<Value = Attachment> {
    ("\\PC{1,12}", "([A-Za-z0-9+/]{4}){1,5}", prop::option::of("[a-z0-9@.]{1,8}")).prop_map(
        |(filename, content, content_id)| {
            let disposition = if content_id.is_some() { Disposition::Inline } else { Disposition::Attachment };
            Attachment {
                filename,
                content_type: "text/plain; charset=utf-8".to_string(),
                content,
                disposition,
                content_id,
            }
        },
    )
}

prop_compose! {
    fn message()(
        from in mailbox(), to in mailboxes(1), cc in mailboxes(0), bcc in mailboxes(0), reply_to in mailboxes(0),
        subject in "\\PC{1,20}", text in ".{1,20}", html in prop::option::of(".{0,20}"), templated in any::<bool>(),
        (headers, metadata, attachments) in (pairs(), pairs(), prop::collection::vec(attachment(), 0..3)),
        (tags, class) in (prop::collection::vec("\\PC{1,10}", 0..3), prop::sample::select(Class::ALL.to_vec())),
        times in prop::option::of((0..UnixMillis::MAX.as_millis(), 1_u64..1_000_000_000)),
        (data, options) in (data(), prop::option::of(data())),
        tracking in (any::<Option<bool>>(), any::<Option<bool>>()), stream in prop::option::of("\\PC{1,10}"),
    ) -> Message {
        let send_at = times.map(|(start, _)| UnixMillis::new(start));
        Message {
            from, to, cc, bcc, reply_to, subject, headers, attachments, tags, metadata, class, send_at, stream,
            expires_at: times.map(|(start, ms)| UnixMillis::new(start).plus(ms)).filter(|end| Some(*end) > send_at),
            held: HeldBytes(0),
            text_body: (!templated).then_some(text),
            html_body: html.filter(|_| !templated),
            template: templated.then_some(Template { id: "t 1".to_string(), data }),
            tracking: Tracking { opens: tracking.0, clicks: tracking.1 },
            provider_options: options.map(|map| ("resend".to_string(), Value::Object(map))).into_iter().collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_message(message in message()) {
        let json = message.to_json();
        let again = Message::parse(&json);
        prop_assert!(again.is_ok(), "{:?}", again);
        let again = again.unwrap();
        prop_assert!(again == message, "{json}\n{}", again.to_json());
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = Message::parse(&text);
    }

    #[test]
    fn no_json_under_a_known_name_panics(field in 0_usize..20, value in data(), list in any::<bool>()) {
        let names = ["from", "to", "cc", "bcc", "reply_to", "subject", "text_body", "html_body", "headers", "attachments", "tags",
            "metadata", "class", "send_at", "expires_at", "template", "tracking", "stream", "provider_options", "x"];
        let value = Value::Object(value);
        let _ = Message::parse(&with(json!({ names[field]: if list { json!([value]) } else { value } })).to_string());
    }
}
