use crate::{
    outcome::Outcome,
    provider::{
        ProviderKind::Sendgrid,
        tests::{accepted, batch, body, lacks, message, of_batch, templated},
    },
};
use alloc::{format, string::String, vec, vec::Vec};
use serde_json::{Value, json};

/// sendgrid-oai; the field's values are those of providers.md 1.2.
#[test]
fn everything_a_message_says_has_its_field() {
    let inline = json!({ "filename": "l.png", "content_type": "image/png", "content": "Zg==", "content_id": "logo1" });
    let file = json!({ "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" });
    let sent = body(
        Sendgrid,
        &message(json!({
            "from": "\"Zoë\u{27}s Shop, Inc.\" <a@shop.example>", "to": ["Ann Ünïcode <b@example.net>"], "cc": "c@example.net",
            "bcc": ["d@example.net"], "reply_to": "Help <help@shop.example>", "html_body": "<p>",
            "headers": { "X-A": "1" }, "attachments": [file, inline], "tags": ["a", "b"], "metadata": { "k": "v" },
            "tracking": { "opens": false, "clicks": true }, "stream": "tx",
            "provider_options": { "sendgrid": { "asm": { "group_id": 7 }, "send_at": 1_796_119_200 } },
        })),
    );
    let want = json!({
        "personalizations": [{
            "to": [{ "email": "b@example.net", "name": "Ann Ünïcode" }], "cc": [{ "email": "c@example.net" }],
            "bcc": [{ "email": "d@example.net" }],
        }],
        "from": { "email": "a@shop.example", "name": "Zoë's Shop, Inc." },
        "reply_to": { "email": "help@shop.example", "name": "Help" },
        "subject": "Hi",
        "content": [{ "type": "text/plain", "value": "Hello" }, { "type": "text/html", "value": "<p>" }],
        "headers": { "X-A": "1" }, "categories": ["a", "b"], "custom_args": { "k": "v", "sendgate_id": "msg_1" },
        "tracking_settings": {
            "click_tracking": { "enable": true, "enable_text": true }, "open_tracking": { "enable": false },
        },
        "ip_pool_name": "tx", "asm": { "group_id": 7 }, "send_at": 1_796_119_200,
        "attachments": [
            { "type": "text/plain", "filename": "a.txt", "disposition": "attachment", "content": "Zg==" },
            {
                "type": "image/png", "filename": "l.png", "disposition": "inline", "content_id": "logo1",
                "content": "Zg==",
            },
        ],
    });
    assert_eq!(sent, want);
}

/// Text must come before HTML, or SendGrid refuses the message; answers to several go into a list of its own.
#[test]
fn order_and_lists_are_as_the_specification_wants_them() {
    let two = message(json!({ "html_body": "<p>", "reply_to": ["e@shop.example", "F <f@shop.example>"] }));
    let sent = body(Sendgrid, &two);
    assert_eq!(sent["content"][0]["type"], "text/plain");
    assert_eq!(
        sent["reply_to_list"],
        json!([{ "email": "e@shop.example" }, { "email": "f@shop.example", "name": "F" }])
    );
    assert_eq!(sent.get("reply_to"), None);
}

#[test]
fn data_go_to_the_field_of_the_templates_kind() {
    let dynamic = body(Sendgrid, &templated("d-1", json!({ "name": "Ann", "n": [1] })));
    assert_eq!(dynamic["personalizations"][0]["dynamic_template_data"], json!({ "name": "Ann", "n": [1] }));
    assert_eq!((&dynamic["template_id"], dynamic.get("subject"), dynamic.get("content")), (&json!("d-1"), None, None));
    let legacy = body(Sendgrid, &templated("e1", json!({ "-name-": "Ann" })));
    assert_eq!(legacy["personalizations"][0]["substitutions"], json!({ "-name-": "Ann" }));
    assert_eq!(legacy["personalizations"][0].get("dynamic_template_data"), None);
    assert_eq!(lacks(Sendgrid, &templated("e1", json!({ "n": 1 }))), ["template data of this shape"]);
}

#[test]
fn every_gap_is_named() {
    let header = |name: &str, value: &str| json!({ "name": name, "value": value });
    let file = json!({ "filename": "a", "content_type": "text/calendar; method=REQUEST", "content": "Zg==" });
    let cases = [
        (json!({ "to": "\"Lee, Ann\" <b@example.net>" }), "; or , in a recipient's name"),
        (json!({ "cc": "\"a;b\" <c@example.net>" }), "; or , in a recipient's name"),
        (json!({ "bcc": "B@example.net" }), "a recipient given twice"),
        (json!({ "html_body": "" }), "empty body"),
        (json!({ "headers": [header("X-A", "1"), header("x-a", "2")] }), "repeated header"),
        (json!({ "headers": { "X-SG-EID": "1" } }), "header that SendGrid sets itself"),
        (json!({ "tags": (0..11).map(|n| format!("t{n}")).collect::<Vec<_>>() }), "more than 10 tags"),
        (json!({ "tags": ["a", "a"] }), "repeated tag"),
        (json!({ "tags": ["é".repeat(256)] }), "tags over 255 characters"),
        (json!({ "metadata": { "k": "x".repeat(10_000) } }), "metadata over 10,000 bytes"),
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
        (json!({ "metadata": { "Email": "1" } }), "metadata named like an event's field"),
        (json!({ "attachments": [file] }), "media type with parameters"),
        (json!({ "stream": "x" }), "streams of this length"),
        (json!({ "stream": "x".repeat(65) }), "streams of this length"),
    ];
    for (fields, feature) in cases {
        assert_eq!(lacks(Sendgrid, &message(fields)), [feature]);
    }
    let fine = json!({
        "from": "\"Shop, Inc.; Zoë\" <a@shop.example>", "tags": ["é".repeat(255)], "stream": "xy",
        "metadata": { "k": "x".repeat(9_000), "order": "42" },
    });
    assert_eq!(lacks(Sendgrid, &message(fine)), Vec::<&str>::new());
}

/// Tracking and the pool are free for the provider's own words while the message says nothing of them; a copy that the
/// old `bcc` setting made is a recipient that no suppression list saw.
#[test]
fn options_may_not_contradict_the_message() {
    let collision = ["provider_options field that the message composes"];
    let with = |options: Value, more: Value| {
        let mut fields = json!({ "provider_options": { "sendgrid": options } });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        lacks(Sendgrid, &message(fields))
    };
    let tracking = json!({ "tracking_settings": { "ganalytics": { "enable": true } } });
    assert!(with(tracking.clone(), json!({})).is_empty());
    assert_eq!(with(tracking, json!({ "tracking": { "opens": true } })), collision);
    assert!(with(json!({ "ip_pool_name": "tx" }), json!({})).is_empty());
    assert_eq!(with(json!({ "ip_pool_name": "tx" }), json!({ "stream": "other" })), collision);
    assert!(with(json!({ "mail_settings": { "sandbox_mode": { "enable": true } } }), json!({})).is_empty());
    assert_eq!(with(json!({ "mail_settings": { "BCC": { "enable": true } } }), json!({})), collision);
}

/// providers.md 1.3 and 0.4: what differs stands in the personalizations, what is shared stands once.
#[test]
fn a_batch_has_a_personalization_for_each_message() {
    let file = json!({ "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" });
    let one = |more: Value| {
        let mut fields = json!({ "attachments": [file], "tags": ["t"] });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message(fields)
    };
    let first =
        one(json!({ "subject": "1", "cc": "c@example.net", "headers": { "X-A": "1" }, "metadata": { "k": "v" } }));
    let second = one(json!({ "subject": "2", "to": ["d@example.net", "e@example.net"] }));
    let sent: Value = serde_json::from_slice(&batch(Sendgrid, &[first, second]).unwrap().body).unwrap();
    let want = json!({
        "personalizations": [
            {
                "to": [{ "email": "b@example.net" }], "cc": [{ "email": "c@example.net" }], "subject": "1",
                "headers": { "X-A": "1" }, "custom_args": { "k": "v", "sendgate_id": "msg_0" },
            },
            {
                "to": [{ "email": "d@example.net" }, { "email": "e@example.net" }], "subject": "2",
                "custom_args": { "sendgate_id": "msg_1" },
            },
        ],
        "from": { "email": "a@shop.example" }, "content": [{ "type": "text/plain", "value": "Hello" }],
        "categories": ["t"],
        "attachments": [{ "type": "text/plain", "filename": "a.txt", "disposition": "attachment", "content": "Zg==" }],
    });
    assert_eq!(sent, want);
    let templates = [templated("d-1", json!({ "name": "Ann" })), templated("d-1", json!({ "name": "Bob" }))];
    let sent: Value = serde_json::from_slice(&batch(Sendgrid, &templates).unwrap().body).unwrap();
    assert_eq!(sent["personalizations"][1]["dynamic_template_data"], json!({ "name": "Bob" }));
}

#[test]
fn messages_that_differ_in_what_a_call_has_once_go_apart() {
    let file = json!({ "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" });
    for other in [
        json!({ "from": "z@shop.example" }),
        json!({ "reply_to": "z@shop.example" }),
        json!({ "text_body": "Other" }),
        json!({ "html_body": "<p>" }),
        json!({ "attachments": [file] }),
        json!({ "tags": ["t"] }),
        json!({ "tracking": { "opens": true } }),
        json!({ "stream": "tx" }),
        json!({ "provider_options": { "sendgrid": { "asm": { "group_id": 7 } } } }),
    ] {
        let built = batch(Sendgrid, &[message(json!({})), message(other.clone())]);
        assert_eq!(built.unwrap_err().code(), "not_together", "{other}");
    }
    let templates = [templated("d-1", json!({})), templated("d-2", json!({}))];
    assert_eq!(batch(Sendgrid, &templates).unwrap_err().code(), "not_together");
    let options = json!({ "provider_options": { "resend": { "topic_id": "t" } } });
    assert!(batch(Sendgrid, &[message(json!({})), message(options)]).is_ok(), "another provider's options");
}

/// All personalizations share one id (providers.md 1.3).
#[test]
fn a_taken_batch_has_one_id() {
    let answers = of_batch(Sendgrid, 202, json!(null), 3);
    assert_eq!(answers.into_iter().map(|answer| answer.outcome).collect::<Vec<_>>(), vec![accepted("mid_1"); 3]);
    let credits = json!({ "errors": [{ "message": "Maximum credits exceeded", "field": null, "help": null }] });
    let answers = of_batch(Sendgrid, 401, credits, 2);
    assert_eq!(answers[0].outcome, Outcome::QuotaSpent { retry_at: None });
    assert_eq!(answers[0].provider_code, Some(String::from("maximum_credits_exceeded")));
}
