//! No request makes the simulator panic or its store fail, and what it answers agrees with what it keeps.

mod common;

use common::{ESP, POSTMARK, RESEND, Sim};
use proptest::prelude::*;
use serde_json::{Map, Value};

const PATHS: [&str; 14] = [
    "/sandbox/resend/emails",
    "/sandbox/resend/emails/batch",
    "/sandbox/resend/emails/x",
    "/sandbox/postmark/email",
    "/sandbox/postmark/email/batch",
    "/sandbox/postmark/email/withTemplate",
    "/sandbox/postmark/email/batchWithTemplates",
    "/sandbox/esp/messages",
    "/sandbox/settings",
    "/sandbox/faults",
    "/sandbox/log?after=x",
    "/sandbox/messages/x/attachments/0",
    "/sandbox/inbox/x?show=y",
    "/sandbox//",
];

const HEADERS: [(&str, &str); 4] = [
    ("Authorization", "Bearer re_x"),
    ("User-Agent", "x"),
    ("X-Postmark-Server-Token", "x"),
    ("Content-Type", "application/json"),
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["a@a.example", "A <a@a.example>", "aGk=", "resend", "\u{0}", "a@a.example,"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(field(), inner, 0..5).prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// Names of fields somewhere in the dialects or the control routes.
fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "from",
        "to",
        "cc",
        "subject",
        "text",
        "html",
        "headers",
        "tags",
        "attachments",
        "template",
        "variables",
        "id",
        "name",
        "value",
        "filename",
        "content",
        "path",
        "From",
        "To",
        "Subject",
        "TextBody",
        "Headers",
        "Attachments",
        "Metadata",
        "TemplateId",
        "TemplateModel",
        "Messages",
        "Name",
        "Value",
        "text_body",
        "metadata",
        "address",
        "resend",
        "windows",
        "limit",
        "period_ms",
        "inactive",
        "dialect",
        "fault",
        "count",
        "after",
        "x",
    ])
    .prop_map(String::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_json_at_any_field_is_answered(
        path in prop::sample::select(PATHS.to_vec()),
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD"]),
        valid in prop::sample::select(vec![RESEND, POSTMARK, ESP, "{}"]),
        changes in prop::collection::vec((field(), any_json()), 0..4),
        batch in any::<bool>(),
    ) {
        let mut sim = Sim::without_windows();
        let mut body: Value = serde_json::from_str(valid).unwrap();
        for (name, value) in changes {
            body[name] = value;
        }
        let body = if batch { Value::from(vec![body.clone(), body]) } else { body };
        let answer = sim.ask(method, path, &HEADERS, body.to_string().as_bytes()).unwrap();
        prop_assert!((200..500).contains(&answer.status));
        let named: usize = sim.log().iter().map(|call| call["message_ids"].as_array().unwrap().len()).sum();
        prop_assert_eq!(named, sim.messages().len());
    }

    #[test]
    fn any_bytes_are_answered(
        path in prop::sample::select(PATHS.to_vec()),
        method in prop::sample::select(vec!["POST", "PUT"]),
        body in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut sim = Sim::without_windows();
        let answer = sim.ask(method, path, &HEADERS, &body).unwrap();
        prop_assert!((400..500).contains(&answer.status), "random bytes are no message");
        prop_assert_eq!(sim.messages().len(), 0);
    }
}

#[test]
fn json_too_deep_to_read_is_refused() {
    let mut sim = Sim::without_windows();
    let deep = format!("{{\"from\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for path in ["/sandbox/resend/emails", "/sandbox/postmark/email", "/sandbox/esp/messages", "/sandbox/settings"] {
        let method = if path.ends_with("settings") { "PUT" } else { "POST" };
        let answer = sim.ask(method, path, &HEADERS, deep.as_bytes()).unwrap();
        assert!((400..500).contains(&answer.status), "{path}");
    }
}
