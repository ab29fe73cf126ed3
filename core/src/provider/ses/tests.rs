use super::*;
use crate::{
    http::HttpResponse,
    provider::{
        ProviderKind::Ses,
        build, build_batch, classify, classify_batch,
        tests::{NOW, lacks, message, request_of, templated},
    },
};
use alloc::{string::ToString, vec};
use serde_json::{Value, json};

const BASE: &str = "https://email.eu-west-1.amazonaws.com";

fn target() -> Target<'static> {
    Target { compose: Some(mime), ..Target::new(BASE, "AKIDEXAMPLE:secret") }
}

fn mime(letter: &Letter<'_>) -> Vec<u8> {
    let to: Vec<_> = letter.to.iter().chain(letter.cc).map(|mailbox| mailbox.address.as_str()).collect();
    format!("Message-ID: <{}>\r\nDate: {}\r\nTo: {}\r\n\r\n", letter.message_id, letter.date, to.join(", "))
        .into_bytes()
}

fn built(target: &Target<'_>, message: &Message) -> Result<HttpRequest, BuildError> {
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
    let dispatch = Dispatch { message_id: "msg_1", message, to: &to, cc: &cc, bcc: &bcc };
    build(Ses, target, &dispatch, NOW).map(request_of)
}

fn body(message: &Message) -> Value {
    serde_json::from_slice(&built(&target(), message).unwrap().body).unwrap()
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_ref())
}

#[test]
fn the_smallest_message_is_simple_and_holds_nothing_else() {
    let want = json!({
        "FromEmailAddress": "a@shop.example",
        "Destination": { "ToAddresses": ["b@example.net"] },
        "Content": { "Simple": {
            "Subject": { "Data": "Hi", "Charset": "UTF-8" },
            "Body": { "Text": { "Data": "Hello", "Charset": "UTF-8" } },
        } },
        "EmailTags": [{ "Name": "sendgate_id", "Value": "msg_1" }],
    });
    assert_eq!(body(&message(json!({}))), want);
}

#[test]
fn a_request_goes_to_the_region_and_is_signed() {
    let request = built(&target(), &message(json!({}))).unwrap();
    assert_eq!(
        (request.method, &*request.url),
        ("POST", "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails")
    );
    assert_eq!(header(&request, "X-Amz-Date"), Some("20261201T100000Z"));
    let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261201/eu-west-1/ses/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, Signature=";
    assert!(header(&request, "Authorization").unwrap().starts_with(start));
    assert_eq!(header(&request, "X-Amz-Security-Token"), None);
    let token = Target { credential: "AKIDEXAMPLE:secret:token", ..target() };
    let request = built(&token, &message(json!({}))).unwrap();
    assert_eq!(header(&request, "X-Amz-Security-Token"), Some("token"));
    assert!(header(&request, "Authorization").unwrap().contains("content-type;host;x-amz-date;x-amz-security-token"));
}

/// The host names are botocore's `endpoints.json` for `email`.
#[test]
fn the_region_is_the_settings_or_the_hosts() {
    let region = |base_url, region| {
        let target = Target { base_url, region, ..target() };
        let request = built(&target, &message(json!({})))?;
        let authorization = header(&request, "Authorization").unwrap().to_owned();
        Ok::<_, BuildError>(authorization.split('/').nth(2).unwrap().to_owned())
    };
    for (base_url, setting, want) in [
        ("https://email.ap-southeast-2.amazonaws.com/", None, "ap-southeast-2"),
        ("https://email-fips.us-gov-west-1.amazonaws.com", None, "us-gov-west-1"),
        ("https://email.eusc-de-east-1.amazonaws.eu", None, "eusc-de-east-1"),
        ("https://email.us-east-1.api.aws", None, "us-east-1"),
        ("https://EMAIL.us-east-1.amazonaws.com:443", None, "us-east-1"),
        ("http://127.0.0.1:8025", Some("eu-central-1"), "eu-central-1"),
        ("https://email.us-east-1.amazonaws.com", Some("eu-central-1"), "eu-central-1"),
    ] {
        assert_eq!(region(base_url, setting).as_deref(), Ok(want), "{base_url}");
    }
    for (base_url, setting, field) in [
        ("https://ses.example", None, "region"),
        ("https://email.evil.example", None, "region"),
        ("https://ses.example", Some("EU"), "region"),
        ("email.us-east-1.amazonaws.com", None, "base_url"),
        ("ftp://email.us-east-1.amazonaws.com", None, "base_url"),
        ("https://", Some("us-east-1"), "base_url"),
        ("https://me@email.us-east-1.amazonaws.com", Some("us-east-1"), "base_url"),
    ] {
        assert_eq!(region(base_url, setting), Err(BuildError::Incomplete { field }), "{base_url}");
    }
    let target = Target { credential: "AKIDEXAMPLE", ..target() };
    assert_eq!(built(&target, &message(json!({}))), Err(BuildError::Incomplete { field: "credential" }));
}

#[test]
fn what_simple_cannot_carry_goes_as_mime() {
    let headers =
        |count: usize| (0..count).map(|n| json!({ "name": format!("X-{n}"), "value": "1" })).collect::<Vec<_>>();
    let value = |value: &str| json!({ "headers": { "X-A": value } });
    let file = |name: &str, kind: &str, id: Value| json!({ "attachments": [{ "filename": name, "content_type": kind, "content": "Zg==", "content_id": id }] });
    let long_type = format!("a/{}", "b".repeat(77));
    for (fields, is_simple) in [
        (json!({ "headers": headers(15) }), true),
        (json!({ "headers": headers(16) }), false),
        (value(&"x".repeat(993)), true),
        (value(&"x".repeat(994)), false),
        (value(""), false),
        (value("é"), false),
        (file(&"é".repeat(255), "a/b", json!(null)), true),
        (file(&"n".repeat(256), "a/b", json!(null)), false),
        (file("n", &long_type, json!(null)), false),
        (file("n", "a/b", json!("i".repeat(78))), true),
        (file("n", "a/b", json!("i".repeat(79))), false),
    ] {
        let message = message(fields);
        let content = &body(&message)["Content"];
        assert_eq!(content.get("Simple").is_some(), is_simple, "{content}");
        assert_eq!(content.get("Raw").is_some(), !is_simple);
        let without = Target { compose: None, ..target() };
        let lacks = built(&without, &message).err();
        assert_eq!(lacks, (!is_simple).then_some(BuildError::Incomplete { field: "compose" }));
    }
}

#[test]
fn a_host_that_composes_nothing_sends_nothing() {
    let silent = Target { compose: Some(|_| Vec::new()), ..target() };
    assert_eq!(built(&silent, &message(json!({ "headers": { "X-A": "é" } }))), Err(BuildError::NotPrintable));
}

/// Bcc stands in the destination only; Reply-To is in the MIME.
#[test]
fn mime_keeps_its_destination_and_tags() {
    let fields = json!({
        "headers": { "X-A": "é" }, "cc": "c@example.net", "bcc": "d@example.net", "reply_to": "r@example.net",
        "tags": ["t"], "stream": "tx", "tracking": { "opens": true },
    });
    let body = body(&message(fields));
    let mime = "Message-ID: <msg_1@shop.example>\r\nDate: 2026-12-01T10:00:00.000Z\r\nTo: b@example.net, c@example.net\r\n\r\n";
    assert_eq!(body["Content"]["Raw"]["Data"], STANDARD.encode(mime));
    assert_eq!(body["Destination"]["BccAddresses"], json!(["d@example.net"]));
    assert_eq!(body.get("ReplyToAddresses"), None);
    assert_eq!(body["EmailTags"][0], json!({ "Name": "tag", "Value": "t" }));
    assert_eq!(body["ConfigurationSetName"], "tx");
    assert_eq!(body["ConfigurationOverrides"], json!({ "Tracking": { "OpenTrackingEnabled": "ENABLED" } }));
}

#[test]
fn a_template_has_a_name_or_an_arn() {
    let content = body(&templated("welcome", json!({ "name": "Ann" })))["Content"].clone();
    assert_eq!(content, json!({ "Template": { "TemplateName": "welcome", "TemplateData": "{\"name\":\"Ann\"}" } }));
    let arn = "arn:aws:ses:eu-west-1:123456789012:template/welcome";
    let content = body(&templated(arn, json!({})))["Content"].clone();
    assert_eq!(content, json!({ "Template": { "TemplateArn": arn, "TemplateData": "{}" } }));
    let mut with_file = templated("welcome", json!({}));
    with_file.attachments = message(json!({
        "attachments": [{ "filename": "a", "content_type": "a/b", "content": "Zg==" }],
    }))
    .attachments;
    assert_eq!(body(&with_file)["Content"]["Template"]["Attachments"][0]["RawContent"], "Zg==");
}

#[test]
fn every_gap_is_named() {
    let template = json!({ "id": "t", "data": {} });
    let with = |more: Value| {
        let mut fields = json!({ "subject": null, "text_body": null, "template": template });
        more.as_object().unwrap().iter().for_each(|(name, value)| fields[name] = value.clone());
        fields
    };
    let headers: Vec<_> = (0..16).map(|n| json!({ "name": format!("X-{n}"), "value": "1" })).collect();
    let file = json!({ "filename": "n".repeat(256), "content_type": "a/b", "content": "Zg==" });
    let data = json!({ "a": "x".repeat(262_144) });
    for (fields, feature) in [
        (json!({ "to": vec!["b@example.net"; 51] }), "more than 50 recipients"),
        (json!({ "from": "ü@shop.example" }), "local part beyond ASCII"),
        (json!({ "bcc": "ü@example.net" }), "local part beyond ASCII"),
        (json!({ "reply_to": "ü@example.net" }), "local part beyond ASCII"),
        (json!({ "tags": ["a b"] }), "tag characters"),
        (json!({ "tags": ["x".repeat(257)] }), "tag characters"),
        (json!({ "metadata": { "a.b": "1" } }), "metadata name characters"),
        (json!({ "metadata": { "a": "1 €" } }), "metadata value characters"),
        (json!({ "tags": ["x", "y"], "metadata": { "tag_2": "1" } }), "metadata named like a tag"),
        (json!({ "metadata": { "sendgate_id": "1" } }), "metadata named sendgate_id"),
        (json!({ "stream": "a set" }), "stream characters"),
        (with(json!({ "subject": "Hi" })), "subject with a template"),
        (with(json!({ "headers": headers })), "more than 15 headers with a template"),
        (with(json!({ "headers": { "X-A": "é" } })), "header value of this kind with a template"),
        (with(json!({ "attachments": [file] })), "attachment of this kind with a template"),
        (with(json!({ "template": { "id": "t", "data": data } })), "template data over 262144 characters"),
        (json!({ "provider_options": { "ses": { "EndpointId": "e" } } }), "multi-region endpoint"),
        (json!({ "provider_options": { "ses": { "destination": {} } } }), options::COLLISION),
    ] {
        assert_eq!(lacks(Ses, &message(fields)), [feature]);
    }
    let fine = json!({
        "to": vec!["b@bücher.example"; 50], "tags": ["x".repeat(256)], "metadata": { "tag_2": "1" }, "stream": "a-b_1",
        "provider_options": { "ses": { "TenantName": "t" } },
    });
    assert_eq!(lacks(Ses, &message(fine)), Vec::<&str>::new());
}

#[test]
fn an_id_that_is_no_tag_is_refused() {
    let message = message(json!({}));
    let to = [&message.to[0]];
    let dispatch = Dispatch { message_id: "a.b", message: &message, to: &to, cc: &[], bcc: &[] };
    let refused = BuildError::InvalidHeaderValue { value: "message id" };
    assert_eq!(build(Ses, &target(), &dispatch, NOW), Err(refused));
}

fn many(messages: &[Message]) -> Result<Value, BuildError> {
    let lists: Vec<Vec<&Mailbox>> = messages.iter().map(|message| message.to.iter().collect()).collect();
    let ids: Vec<String> = (0..messages.len()).map(|n| format!("msg_{n}")).collect();
    let dispatches: Vec<Dispatch<'_>> = messages
        .iter()
        .zip(&lists)
        .zip(&ids)
        .map(|((message, to), id)| Dispatch { message_id: id, message, to, cc: &[], bcc: &[] })
        .collect();
    let request = build_batch(Ses, &target(), &dispatches, NOW).map(request_of)?;
    assert!(request.url.ends_with("/v2/email/outbound-bulk-emails"));
    Ok(serde_json::from_slice(&request.body).unwrap())
}

#[test]
fn templates_of_one_kind_share_a_call() {
    let one = |to: &str, name: &str| {
        let mut message = templated("welcome", json!({ "name": name }));
        message.to = vec![Mailbox::parse(to).unwrap()];
        message
    };
    let mut second = one("bob@example.net", "Bob");
    second.headers = vec![("X-Order".into(), "7".into())];
    second.metadata = vec![("order".into(), "7".into())];
    let tag = |name: &str, value: &str| json!({ "Name": name, "Value": value });
    let data = |data: &str| json!({ "ReplacementTemplate": { "ReplacementTemplateData": data } });
    let want = json!({
        "FromEmailAddress": "a@shop.example",
        "DefaultContent": { "Template": { "TemplateName": "welcome", "TemplateData": "{}" } },
        "BulkEmailEntries": [
            {
                "Destination": { "ToAddresses": ["ann@example.com"] },
                "ReplacementEmailContent": data(r#"{"name":"Ann"}"#),
                "ReplacementTags": [tag("sendgate_id", "msg_0")],
            },
            {
                "Destination": { "ToAddresses": ["bob@example.net"] },
                "ReplacementEmailContent": data(r#"{"name":"Bob"}"#),
                "ReplacementTags": [tag("order", "7"), tag("sendgate_id", "msg_1")],
                "ReplacementHeaders": [{ "Name": "X-Order", "Value": "7" }],
            },
        ],
    });
    assert_eq!(many(&[one("ann@example.com", "Ann"), second]), Ok(want));
    let first = one("ann@example.com", "Ann");
    let differ: [fn(&mut Message); 5] = [
        |message| message.from = Mailbox::parse("other@shop.example").unwrap(),
        |message| message.stream = Some("tx".into()),
        |message| message.tracking.opens = Some(true),
        |message| message.template.as_mut().unwrap().id = "other".into(),
        |message| message.reply_to = message.to.clone(),
    ];
    for change in differ {
        let mut other = one("bob@example.net", "Bob");
        change(&mut other);
        assert_eq!(many(&[first.clone(), other]), Err(BuildError::NotTogether));
    }
    assert_eq!(many(&vec![first; 51]), Err(BuildError::NotTogether));
    assert_eq!(many(&[message(json!({})), message(json!({}))]), Err(BuildError::NotTogether), "templates only");
}

#[test]
fn a_bulk_answer_has_a_class_for_each_in_their_order() {
    let statuses = answer::statuses();
    let results: Vec<_> = statuses.iter().map(|status| json!({ "Status": status, "MessageId": "m" })).collect();
    let answer = |body: Value| HttpResponse { status: 200, headers: vec![], body: body.to_string().into_bytes() };
    let reply = answer(json!({ "BulkEmailEntryResults": results })).into();
    let answers = classify_batch(Ses, &reply, results.len(), NOW);
    let accepted = Outcome::Accepted { provider_message_id: Some("m".into()) };
    assert_eq!(answers[0].outcome, accepted);
    assert_eq!(answers.iter().filter(|answer| answer.outcome == accepted).count(), 1);
    assert!(answers.iter().all(|answer| answer.outcome != Outcome::Unknown));
    assert!(answers.iter().skip(1).zip(statuses.iter().skip(1)).all(|(a, s)| a.provider_code.as_deref() == Some(*s)));
    // A list of another length, a status that nobody knows, no list at all.
    for (body, count) in [
        (json!({ "BulkEmailEntryResults": [{ "Status": "SUCCESS", "MessageId": "m" }] }), 2),
        (json!({ "BulkEmailEntryResults": [{ "Status": "NEW" }, 7] }), 2),
        (json!({}), 3),
    ] {
        let answers = classify_batch(Ses, &answer(body).into(), count, NOW);
        assert_eq!(answers.len(), count);
        assert!(answers.iter().all(|answer| answer.outcome == Outcome::Unknown));
    }
    let quota = HttpResponse {
        status: 429,
        headers: vec![("x-amzn-ErrorType".into(), "TooManyRequestsException:".into())],
        body: vec![],
    };
    let answers = classify_batch(Ses, &quota.into(), 2, NOW);
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Throttled { retry_at: None }));
}

#[test]
fn an_error_is_named_by_the_header_or_the_body() {
    let answer = |headers: &[(&str, &str)], body: Value| {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        classify(Ses, &HttpResponse { status: 400, headers, body: body.to_string().into_bytes() }.into(), NOW)
    };
    let uri = "AccountSuspendedException:http://internal.amazon.com/coral/com.amazonaws.sesv2/";
    for answer in [
        answer(&[("X-Amzn-Errortype", "AccountSuspendedException")], json!({})),
        answer(&[("x-amzn-ErrorType", uri)], json!({ "message": "x" })),
        answer(&[], json!({ "__type": "AccountSuspendedException" })),
        answer(&[], json!({ "__type": "com.amazonaws.sesv2#AccountSuspendedException", "Message": "x" })),
        answer(&[], json!({ "code": "AccountSuspendedException" })),
    ] {
        assert_eq!(answer.outcome, Outcome::CredentialsWrong);
        assert_eq!(answer.provider_code.as_deref(), Some("AccountSuspendedException"));
    }
    let unknown = answer(&[("x-amzn-ErrorType", "ann@example.com is bad")], json!({}));
    assert_eq!((unknown.outcome, unknown.provider_code), (Outcome::PermanentlyRefused, None));
}
