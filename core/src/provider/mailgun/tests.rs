use super::form::Form;
use crate::{
    http::HttpRequest,
    message::Message,
    outcome::{Answer, Outcome},
    provider::{
        BuildError, Dispatch,
        ProviderKind::Mailgun,
        Target, build,
        tests::{NOW, accepted, batch, lacks, message, of_batch, request, templated},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use serde_json::{Value, json};

/// The fields of a URL-encoded body.
fn fields(request: &HttpRequest) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(&request.body);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn sent(message: &Message) -> Vec<(String, String)> {
    fields(&request(Mailgun, message).unwrap())
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(have, _)| *have == name).unwrap().1.as_ref()
}

/// Names after providers.md 2.2.
#[test]
fn everything_a_message_says_has_its_parameter() {
    let all = message(json!({
        "from": "\"Zoë, Inc.\" <a@shop.example>", "to": ["Ann Ünïcode <b@example.net>", "e@example.net"],
        "cc": "c@example.net", "bcc": ["d@example.net"], "reply_to": ["help@shop.example", "f@shop.example"],
        "text_body": "a & b\r\n€5 +1%", "html_body": "<p>", "headers": { "X-A": "1" }, "tags": ["a", "b"],
        "metadata": { "k": "v" }, "tracking": { "opens": false, "clicks": true }, "stream": "tx",
        "provider_options": { "mailgun": {
            "o:testmode": true, "o:require-tls": false, "o:sending-ip": "192.0.2.1", "t:version": ["v1", 2], "o:x": null,
            "amp-html": "<html>", "o:n": 7,
        } },
    }));
    let want = pairs(&[
        ("to", "\"Ann Ünïcode\" <b@example.net>"),
        ("to", "e@example.net"),
        ("cc", "c@example.net"),
        ("bcc", "d@example.net"),
        ("from", "\"Zoë, Inc.\" <a@shop.example>"),
        ("subject", "Hi"),
        ("text", "a & b\r\n€5 +1%"),
        ("html", "<p>"),
        ("h:Reply-To", "help@shop.example, f@shop.example"),
        ("h:X-A", "1"),
        ("o:tag", "a"),
        ("o:tag", "b"),
        ("o:tracking-opens", "no"),
        ("o:tracking-clicks", "yes"),
        ("o:sending-ip-pool", "tx"),
        ("v:k", "v"),
        ("amp-html", "<html>"),
        ("o:n", "7"),
        ("o:require-tls", "no"),
        ("o:sending-ip", "192.0.2.1"),
        ("o:testmode", "yes"),
        ("t:version", "v1"),
        ("t:version", "2"),
        ("v:sendgate_id", "msg_1"),
    ]);
    let mut found = sent(&all);
    let mut want = want;
    // The order of options is that of a JSON map.
    found.sort();
    want.sort();
    assert_eq!(found, want);
}

/// R041. Basic `api:key_1`, by hand with base64(1); the domain stands in the path.
#[test]
fn a_request_without_files_is_a_plain_form() {
    let request = request(Mailgun, &message(json!({}))).unwrap();
    assert_eq!(
        (request.method, request.url.as_str()),
        ("POST", "https://esp.example/base/v3/mg.shop.example/messages")
    );
    assert_eq!(header(&request, "Authorization"), "Basic YXBpOmtleV8x");
    assert_eq!(header(&request, "Content-Type"), "application/x-www-form-urlencoded");
    let body = "to=b%40example.net&from=a%40shop.example&subject=Hi&text=Hello&v%3Asendgate_id=msg_1";
    assert_eq!(request.body, body.as_bytes());
}

#[test]
fn no_domain_and_one_that_would_change_the_path_are_incomplete() {
    let message = message(json!({}));
    let to = [&message.to[0]];
    let dispatch = Dispatch { message_id: "m", message: &message, to: &to, cc: &[], bcc: &[] };
    for domain in [None, Some(""), Some("a/b"), Some("a?b"), Some("../x"), Some("a b"), Some("é.example")] {
        let target = Target { domain, ..Target::new("https://esp.example", "k") };
        assert_eq!(build(Mailgun, &target, &dispatch, NOW), Err(BuildError::Incomplete { field: "domain" }));
    }
}

/// A template with `t:variables` (providers.md 0.4); a subject only when there is one.
#[test]
fn a_template_has_its_variables_as_json() {
    let want = [("template", "welcome"), ("t:variables", r#"{"name":"Zoë"}"#), ("v:sendgate_id", "msg_1")];
    let found = sent(&templated("welcome", json!({ "name": "Zoë" })));
    assert_eq!(found[2..], pairs(&want));
    assert!(!found.iter().any(|(name, _)| name == "subject"));
    let bare = sent(&templated("welcome", json!({})));
    assert!(!bare.iter().any(|(name, _)| name == "t:variables"));
}

/// RFC 7578, and the HTML standard's escapes in names; Mailgun knows an inline file by its file name.
#[test]
fn files_are_parts_in_bytes() {
    let file = |name: &str, id: Option<&str>| json!({ "filename": name, "content_type": "image/png", "content": "iVBORw0KGgoAAQ==", "content_id": id });
    let message = message(json!({ "attachments": [file("ö \"1\".png", None), file("l.png", Some("logo1"))] }));
    let request = request(Mailgun, &message).unwrap();
    // printf '0 msg_1' | sha256sum, its first half.
    let found = "181dc4770bac1f8342389b402d49c59a";
    assert_eq!(header(&request, "Content-Type"), format!("multipart/form-data; boundary={found}"));
    let part = |head: &str, value: &[u8]| {
        [format!("--{found}\r\nContent-Disposition: form-data; name=\"{head}\r\n\r\n").as_bytes(), value, b"\r\n"]
            .concat()
    };
    let png = b"\x89PNG\r\n\x1a\n\x00\x01";
    let want = [
        part("to\"", b"b@example.net"),
        part("from\"", b"a@shop.example"),
        part("subject\"", b"Hi"),
        part("text\"", b"Hello"),
        part("v:sendgate_id\"", b"msg_1"),
        part("attachment\"; filename=\"ö %221%22.png\"\r\nContent-Type: image/png", png),
        part("inline\"; filename=\"logo1\"\r\nContent-Type: image/png", png),
        format!("--{found}--\r\n").into_bytes(),
    ];
    assert_eq!(request.body, want.concat());
    assert_eq!(request, self::request(Mailgun, &message).unwrap(), "the same message gives the same bytes");
}

/// A body that already holds the first boundary gets the second one.
#[test]
fn a_boundary_that_is_in_a_part_is_not_taken() {
    let (first, _) = Form::default().in_parts(&[], "msg_1").unwrap();
    let mut form = Form::default();
    form.add("text", format!("x\r\n--{first}--\r\n"));
    let (second, body) = form.in_parts(&[], "msg_1").unwrap();
    assert_ne!(first, second);
    let text = String::from_utf8(body).unwrap();
    assert_eq!(text.matches(&format!("--{second}")).count(), 2);
}

#[test]
fn every_gap_is_named() {
    let header = |name: &str, value: &str| json!({ "name": name, "value": value });
    let options = |name: &str| json!({ "provider_options": { "mailgun": { name: "x" } } });
    let cases = [
        (json!({ "tags": ["a", "b", "c", "d"] }), "more than 3 tags"),
        (json!({ "tags": ["é"] }), "tags beyond ASCII or over 128 characters"),
        (json!({ "tags": ["x".repeat(129)] }), "tags beyond ASCII or over 128 characters"),
        (json!({ "headers": [header("X-A", "1"), header("x-a", "2")] }), "repeated header"),
        (json!({ "metadata": { "ä": "1" } }), "metadata name characters"),
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
        (json!({ "metadata": { "k": "x".repeat(16_000) } }), "headers, metadata, tags and template data over 16 KB"),
        (json!({ "headers": { "X-A": "x".repeat(16_000) } }), "headers, metadata, tags and template data over 16 KB"),
        (options("v:k"), "provider_options field that the message composes"),
        (options("O:TAG"), "provider_options field that the message composes"),
        (options("t:variables"), "provider_options field that the message composes"),
        (options("to[0]"), "provider_options but o:, t: and amp-html"),
        (options("Bcc "), "provider_options but o:, t: and amp-html"),
    ];
    for (fields, feature) in cases {
        assert_eq!(lacks(Mailgun, &message(fields)), [feature]);
    }
    let data = templated("t", json!({ "k": "x".repeat(16_000) }));
    assert_eq!(lacks(Mailgun, &data), ["headers, metadata, tags and template data over 16 KB"]);
    let fine = json!({
        "tags": ["x".repeat(128), "b", "c"], "metadata": { "k": "x".repeat(15_000) },
        "provider_options": { "mailgun": { "o:tracking-clicks": "htmlonly" } }, "tracking": { "opens": true },
    });
    assert_eq!(lacks(Mailgun, &message(fine)), Vec::<&str>::new());
    let both = json!({
        "provider_options": { "mailgun": { "o:tracking-clicks": "htmlonly" } }, "tracking": { "clicks": true },
    });
    assert_eq!(lacks(Mailgun, &message(both)), ["provider_options field that the message composes"]);
}

/// providers.md 2.3; that `v:` values may come from recipient-variables is what django-anymail 15.1 builds on.
#[test]
fn a_batch_gives_each_recipient_a_mail_of_its_own() {
    let to = |to: &str| message(json!({ "to": to, "metadata": { "k": "v" } }));
    let request = batch(Mailgun, &[to("Ann <Ann@example.com>"), to("bob@example.net")]).unwrap();
    let found = fields(&request);
    let value = |name: &str| &found.iter().find(|(have, _)| have == name).unwrap().1;
    let all: Vec<_> = found.iter().filter(|(name, _)| name == "to").map(|(_, to)| to.as_str()).collect();
    assert_eq!(all, ["\"Ann\" <Ann@example.com>", "bob@example.net"]);
    let variables: Value = serde_json::from_str(value("recipient-variables")).unwrap();
    let want = json!({ "Ann@example.com": { "sendgate_id": "msg_0" }, "bob@example.net": { "sendgate_id": "msg_1" } });
    assert_eq!(variables, want);
    assert_eq!(value("v:sendgate_id"), "%recipient.sendgate_id%");
    assert_eq!(found.iter().filter(|(name, _)| name == "from" || name == "v:k").count(), 2);
}

/// Without variables of its own a second recipient would see the first; with a text that looks like one, it would be
/// filled in.
#[test]
fn only_messages_that_differ_in_one_recipient_share_a_call() {
    let apart = |first: Value, second: Value| {
        let built = batch(Mailgun, &[message(first.clone()), message(second.clone())]);
        assert_eq!(built.unwrap_err().code(), "not_together", "{first} {second}");
    };
    let to = |more: Value| {
        let mut fields = json!({ "to": "c@example.net" });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    for other in [
        json!({ "to": ["c@example.net", "d@example.net"] }),
        to(json!({ "cc": "d@example.net" })),
        to(json!({ "bcc": "d@example.net" })),
        to(json!({ "subject": "Other" })),
        to(json!({ "metadata": { "k": "v" } })),
        to(json!({ "headers": { "X-A": "1" } })),
        to(json!({ "tracking": { "opens": true } })),
        to(json!({ "provider_options": { "mailgun": { "o:testmode": true } } })),
    ] {
        apart(json!({}), other);
    }
    let named = json!({ "text_body": "Hello %recipient.name%" });
    apart(named.clone(), to(named));
    apart(json!({}), json!({ "to": "B@EXAMPLE.NET" }));
}

#[test]
fn a_taken_batch_has_one_id_without_its_brackets() {
    let body = json!({ "id": "<2026.1@mg.shop.example>", "message": "Queued. Thank you." });
    let answers = of_batch(Mailgun, 200, body, 2);
    assert_eq!(
        answers.into_iter().map(|answer| answer.outcome).collect::<Vec<_>>(),
        vec![accepted("2026.1@mg.shop.example"); 2]
    );
}

/// Mailgun's list of errors advises smaller batches for the first; the others are about a recipient or a size, too.
#[test]
fn a_batch_that_is_too_large_for_the_account_is_split_and_one_message_waits() {
    for (status, text) in [
        (403, "Domain mg.shop.example is not allowed to send large batches yet"),
        (400, "Rejected: Only 10 recipients per request is allowed on probation."),
        (400, "Please add your own domain or add the address to authorized recipients in Account Settings."),
        (400, "to parameter is not a valid address. please check documentation"),
        (413, "request size exceeds 52.4MiB limit"),
    ] {
        let answers = of_batch(Mailgun, status, json!({ "message": text }), 2);
        assert!(answers.iter().all(|answer| answer.outcome == Outcome::Split), "{text}");
    }
    let large = json!({ "message": "Domain mg.shop.example is not allowed to send large batches yet" });
    let [Answer { outcome, provider_code, .. }] = of_batch(Mailgun, 403, large, 1).try_into().unwrap();
    assert_eq!(outcome, Outcome::QuotaSpent { retry_at: None });
    assert_eq!(provider_code.as_deref(), Some("large_batches"));
    let key = of_batch(Mailgun, 401, json!("Forbidden"), 2);
    assert_eq!(key[0].outcome, Outcome::CredentialsWrong);
}
