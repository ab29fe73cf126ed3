//! What the captures' callers sent, in Sendgate's fields.

use sendgate_core::provider::ProviderKind;
use serde_json::{Map, Value, json};

/// The messages of a captured request: one, or those of a batch.
pub(crate) fn of(sdk: &str, kind: ProviderKind, case: &str) -> Vec<Value> {
    match (kind, case) {
        (ProviderKind::Resend, "template") => {
            vec![templated(&json!("ann@example.com"), "welcome", &json!({ "NAME": "Ann" }), &json!({ "subject": "t" }))]
        }
        (ProviderKind::Postmark, "template") => {
            let stream = json!({ "stream": "outbound" });
            vec![templated(&json!("ann@example.com"), "welcome", &json!({ "name": "Ann" }), &stream)]
        }
        (ProviderKind::Postmark, "templates") => [("ann@example.com", "Ann"), ("bob@example.net", "Bob")]
            .map(|(to, name)| templated(&json!(to), "123", &json!({ "name": name }), &json!({})))
            .to_vec(),
        (ProviderKind::Sendgrid, "templates") => sendgrid_templates(),
        (ProviderKind::Mailgun, "templates") => ["ann@example.com", "bob@example.net"]
            .map(|to| templated(&json!(to), "welcome", &json!({ "shop": "Z" }), &json!({ "subject": "Hi" })))
            .to_vec(),
        (ProviderKind::Mailgun, "files") => {
            let mut json =
                json!({ "from": "orders@shop.example", "to": "ann@example.com", "subject": "x", "text_body": "y" });
            json["attachments"] = reference()["attachments"].clone();
            // The caller's image was the first four bytes of the reference's.
            json["attachments"][1]["content"] = json!("iVBORw==");
            vec![json]
        }
        (ProviderKind::Mailgun, "form") => vec![mailgun_form()],
        (ProviderKind::Ses, "simple") => vec![ses_simple()],
        (ProviderKind::Ses, "template") => vec![ses_template(
            "ann@example.com",
            &json!({ "name": "Ann" }),
            &json!({
                "provider_options": {
                    "ses": { "ListManagementOptions": { "ContactListName": "main", "TopicName": "news" } },
                },
            }),
        )],
        (ProviderKind::Ses, "templates") => {
            let ann = json!({ "stream": "tx", "metadata": { "order": "42" }, "headers": { "X-Order-Id": "42" } });
            vec![
                ses_template("ann@example.com", &json!({ "name": "Ann" }), &ann),
                ses_template("bob@example.net", &json!({ "name": "there" }), &json!({ "stream": "tx" })),
            ]
        }
        (_, "reference") => vec![with_own_settings(kind)],
        (_, "batch") => batch(sdk, kind),
        (other, case) => panic!("no captures of {} {case}", other.as_str()),
    }
}

/// The reference message with what each capture's caller added or left out: Resend has no tracking per message; the
/// others' callers named the stream, the pool or the test mode.
fn with_own_settings(kind: ProviderKind) -> Value {
    let mut json = reference();
    match kind {
        ProviderKind::Resend => drop(json.as_object_mut().unwrap().remove("tracking")),
        ProviderKind::Postmark => json["stream"] = json!("outbound"),
        ProviderKind::Sendgrid => json["stream"] = json!("tx"),
        ProviderKind::Mailgun => json["provider_options"] = json!({ "mailgun": { "o:testmode": true } }),
        ProviderKind::Ses => {
            json["stream"] = json!("tx");
            json["metadata"].as_object_mut().unwrap().remove("tier");
        }
        ProviderKind::Cloudflare => {
            for lacking in ["tags", "metadata", "tracking"] {
                json.as_object_mut().unwrap().remove(lacking);
            }
        }
        other => panic!("no captures of {}", other.as_str()),
    }
    json
}

/// The reference message once for each recipient. Only postmarker's caller left the files in; Resend's left out the
/// metadata.
fn batch(sdk: &str, kind: ProviderKind) -> Vec<Value> {
    let ann = if kind == ProviderKind::Postmark || sdk == "resend-node" {
        json!("ann@example.com")
    } else {
        reference()["to"][0].clone()
    };
    [ann, json!("bob@example.net")]
        .map(|to| {
            let mut json = with_own_settings(kind);
            json["to"] = to;
            if sdk != "postmarker-python" {
                json.as_object_mut().unwrap().remove("attachments");
            }
            if kind == ProviderKind::Resend {
                json.as_object_mut().unwrap().remove("metadata");
            }
            json
        })
        .to_vec()
}

fn templated(to: &Value, id: &str, data: &Value, more: &Value) -> Value {
    let mut json = json!({ "from": reference()["from"], "to": to, "template": { "id": id, "data": data } });
    json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json
}

/// What the caller of Amazon's JavaScript SDK sent: one recipient, one file, no names.
fn ses_simple() -> Value {
    let theirs = reference();
    json!({
        "from": "orders@shop.example", "to": "ann@example.com", "subject": theirs["subject"],
        "text_body": theirs["text_body"], "attachments": [theirs["attachments"][0]], "metadata": { "order": "42" },
    })
}

fn ses_template(to: &str, data: &Value, more: &Value) -> Value {
    let mut json = templated(&json!(to), "welcome", data, more);
    json["from"] = json!("orders@shop.example");
    json
}

fn sendgrid_templates() -> Vec<Value> {
    let id = "d-0123456789abcdef0123456789abcdef";
    let more = |metadata: Value| {
        let options = json!({ "sendgrid": { "mail_settings": { "sandbox_mode": { "enable": true } } } });
        json!({ "subject": "Hi", "metadata": metadata, "provider_options": options })
    };
    let ann = templated(&reference()["to"][0], id, &json!({ "name": "Ann" }), &more(json!({ "order": "1" })));
    let bob = templated(&json!("bob@example.net"), id, &json!({ "name": "Bob" }), &more(json!({})));
    vec![ann, bob]
}

/// Mailgun's Python SDK takes plain fields; the capture's caller gave it the ones without structure.
fn mailgun_form() -> Value {
    let theirs = reference();
    json!({
        "from": theirs["from"], "to": ["ann@example.com", "bob@example.net"], "subject": theirs["subject"],
        "text_body": theirs["text_body"], "html_body": theirs["html_body"], "tags": ["receipt"],
        "metadata": { "order": "42" }, "headers": { "X-Order-Id": "42" },
    })
}

/// The reference message in Sendgate's fields.
fn reference() -> Value {
    let theirs: Value = serde_json::from_str(include_str!("../data/reference_message.json")).unwrap();
    let files: Vec<Value> = theirs["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let mut file = file.as_object().unwrap().clone();
            let content = file.remove("content_b64").unwrap();
            file.insert("content".into(), content);
            Value::Object(file)
        })
        .collect();
    // As a list: this test's JSON reader forgets the order of an object's fields.
    let headers =
        ["X-Order-Id", "List-Unsubscribe"].map(|name| json!({ "name": name, "value": theirs["headers"][name] }));
    assert_eq!(theirs["headers"].as_object().unwrap().len(), headers.len());
    let mut ours = Map::from_iter([("headers".to_owned(), json!(headers))]);
    for field in ["from", "to", "cc", "bcc", "reply_to", "subject", "tags", "metadata", "send_at"] {
        ours.insert(field.into(), theirs[field].clone());
    }
    ours.insert("text_body".into(), theirs["text"].clone());
    ours.insert("html_body".into(), theirs["html"].clone());
    ours.insert("attachments".into(), Value::from(files));
    ours.insert("tracking".into(), json!({ "opens": theirs["track_opens"], "clicks": theirs["track_clicks"] }));
    Value::Object(ours)
}
