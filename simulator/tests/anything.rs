//! No request makes the simulator panic or its store fail, and what it answers agrees with what it keeps.
#![allow(clippy::unwrap_used, reason = "test code: a failure here is a failed test")]

mod common;

use common::{
    ACCESS_KEY, BREVO, CLOUDFLARE, ESP, MAILERSEND, POSTMARK, RESEND, SECRET_KEY, SENDGRID, SES, SPARKPOST, Sim, sign,
};
use proptest::prelude::*;
use sendgate_core::http::HttpResponse;
use serde_json::{Map, Value};

const PATHS: [&str; 28] = [
    "/sandbox/sendgrid/v3/mail/send",
    "/sandbox/sendgrid/v3/user/credits",
    "/sandbox/mailgun/v3/mg.shop.example/messages",
    "/sandbox/mailgun/v3/mg.shop.example/messages.mime",
    "/sandbox/ses/v2/email/outbound-emails",
    "/sandbox/ses/v2/email/outbound-bulk-emails",
    "/sandbox/ses/v2/email/account",
    "/sandbox/cloudflare/client/v4/accounts/a/email/sending/send",
    "/sandbox/cloudflare/client/v4/accounts/a/email/sending/send_raw",
    "/sandbox/brevo/v3/smtp/email",
    "/sandbox/mailersend/v1/bulk-email",
    "/sandbox/mailersend/v1/email",
    "/sandbox/mailtrap/api/batch",
    "/sandbox/sparkpost/api/v1/transmissions",
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

/// A credential that the path's dialect takes.
fn headers(method: &str, path: &str, body: &[u8], now: u64) -> Vec<(&'static str, String)> {
    if path.starts_with("/sandbox/ses") {
        return sign(method, path, body, now, ACCESS_KEY, SECRET_KEY);
    }
    let authorization = match path.split('/').nth(2) {
        Some("sendgrid") => "Bearer SG.x",
        Some("mailgun") => "Basic YXBpOmtleS10ZXN0",
        Some("sparkpost") => "x",
        _ => "Bearer re_x",
    };
    let all = [
        ("Authorization", authorization),
        ("User-Agent", "x"),
        ("X-Postmark-Server-Token", "x"),
        ("api-key", "x"),
        ("Content-Type", "application/json"),
    ];
    all.map(|(name, value)| (name, value.to_string())).into()
}

/// Asks with such a credential, and a content type of its own when one is given.
fn ask(sim: &mut Sim, method: &str, path: &str, media: Option<&str>, body: &[u8]) -> HttpResponse {
    let headers = headers(method, path, body, sim.now);
    let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if let Some(media) = media.filter(|_| !path.starts_with("/sandbox/ses")) {
        headers.retain(|(name, _)| *name != "Content-Type");
        headers.push(("Content-Type", media));
    }
    sim.ask(method, path, &headers, body).unwrap()
}

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
        "personalizations",
        "content",
        "reply_to",
        "email",
        "type",
        "template_id",
        "custom_args",
        "send_at",
        "mail_settings",
        "Content",
        "Destination",
        "DefaultContent",
        "BulkEmailEntries",
        "FromEmailAddress",
        "EmailTags",
        "mime_message",
        "recipients",
        "messageVersions",
        "sender",
        "params",
        "base",
        "requests",
        "personalization",
        "options",
        "fates",
        "chance_per_mille",
        "seed",
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
        valid in prop::sample::select(vec![
            RESEND, POSTMARK, ESP, SENDGRID, SES, CLOUDFLARE, BREVO, MAILERSEND, SPARKPOST, "{}",
        ]),
        changes in prop::collection::vec((field(), any_json()), 0..4),
        batch in any::<bool>(),
    ) {
        let mut sim = Sim::without_windows();
        let mut body: Value = serde_json::from_str(valid).unwrap();
        for (name, value) in changes {
            body[name] = value;
        }
        let body = if batch { Value::from(vec![body.clone(), body]) } else { body };
        let answer = ask(&mut sim, method, path, None, body.to_string().as_bytes());
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
        let answer = ask(&mut sim, method, path, None, &body);
        prop_assert!((400..500).contains(&answer.status), "random bytes are no message");
        prop_assert_eq!(sim.messages().len(), 0);
    }
}

#[test]
fn json_too_deep_to_read_is_refused() {
    let mut sim = Sim::without_windows();
    let deep = format!("{{\"from\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for path in ["/sandbox/resend/emails", "/sandbox/postmark/email", "/sandbox/esp/messages", "/sandbox/settings"]
        .into_iter()
        .chain(PATHS.into_iter().filter(|path| {
            ["sendgrid/v3/mail", "ses/v2/email/out", "cloudflare", "brevo", "mailersend", "mailtrap", "sparkpost"]
                .iter()
                .any(|part| path.contains(part))
        }))
    {
        let method = if path.ends_with("settings") { "PUT" } else { "POST" };
        let answer = ask(&mut sim, method, path, None, deep.as_bytes());
        assert!((400..500).contains(&answer.status), "{path}");
    }
}

/// Pieces of which forms, MIME messages and queries are made.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "--b",
            "\r\n",
            "\n",
            "--",
            "Content-Disposition: form-data; name=\"to\"",
            "; filename=\"a\"",
            "message",
            "a@a.example",
            "From: a@a.example",
            "Content-Type: multipart/mixed; boundary=b",
            "\r\n\r\n",
            "=?utf-8?b?",
            "to=",
            "from=",
            "&",
            "%",
            "%C3",
            "h:X-A",
            "o:tag",
            "recipient-variables",
            "{}",
            "\"",
            "\\",
            ";",
            "base64",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_form_is_answered(
        whole in any::<bool>(),
        media in prop::sample::select(vec![
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=\"b",
            "application/x-www-form-urlencoded",
        ]),
        body in pieces(),
    ) {
        let mut sim = Sim::without_windows();
        let path = if whole { PATHS[3] } else { PATHS[2] };
        let answer = ask(&mut sim, "POST", path, Some(media), &body);
        prop_assert!(answer.status == 200 || (400..500).contains(&answer.status));
        prop_assert_eq!(answer.status == 200, sim.messages().len() == 1);
    }

    #[test]
    fn any_mime_is_answered(mail in pieces(), named in any::<bool>()) {
        let mut sim = Sim::without_windows();
        let mail = String::from_utf8_lossy(&mail).into_owned();
        let mail = if named { format!("From: a@a.example\r\nSubject: {mail}") } else { mail };
        let body = serde_json::json!({"from": "a@a.example", "recipients": ["b@a.example"], "mime_message": mail});
        let answer = ask(&mut sim, "POST", PATHS[8], None, body.to_string().as_bytes());
        prop_assert!(answer.status == 200 || answer.status == 400);
        for message in sim.messages() {
            let path = format!("/sandbox/inbox/{}", message["id"].as_str().unwrap());
            prop_assert_eq!(sim.ask("GET", &path, &[], b"").unwrap().status, 200);
        }
    }

    #[test]
    fn any_authorization_is_answered(value in ".{0,60}", date in ".{0,20}", claim in any::<bool>()) {
        let mut sim = Sim::without_windows();
        let value = if claim { format!("AWS4-HMAC-SHA256 Credential={value}, SignedHeaders=host, Signature=") } else { value };
        let headers = [("Authorization", value.as_str()), ("X-Amz-Date", date.as_str()), ("Host", "x")];
        for path in PATHS {
            let answer = sim.ask("POST", path, &headers, b"").unwrap();
            prop_assert!((200..500).contains(&answer.status));
        }
        prop_assert_eq!(sim.messages().len(), 0);
    }
}
