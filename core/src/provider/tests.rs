use super::*;
use crate::outcome::Outcome;
use alloc::string::ToString;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A message of these fields and the smallest rest.
pub(super) fn message(more: Value) -> Message {
    let mut json = json!({ "from": "a@shop.example", "to": "b@example.net", "subject": "Hi", "text_body": "Hello" });
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    Message::parse(&json.to_string()).unwrap()
}

/// A message with a template in place of subject and bodies.
pub(super) fn templated(id: &str, data: Value) -> Message {
    message(json!({ "subject": null, "text_body": null, "template": { "id": id, "data": data } }))
}

pub(super) fn request(kind: ProviderKind, message: &Message) -> Result<HttpRequest, BuildError> {
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
    let target = Target { domain: Some("mg.shop.example"), ..Target::new("https://esp.example/base/", "key_1") };
    let dispatch = Dispatch { message_id: "msg_1", message, to: &to, cc: &cc, bcc: &bcc };
    build(kind, &target, &dispatch, NOW).map(request_of)
}

/// The call for several messages, one id each: `msg_0`, `msg_1` and so on.
pub(super) fn batch(kind: ProviderKind, messages: &[Message]) -> Result<HttpRequest, BuildError> {
    let ids: Vec<_> = (0..messages.len()).map(|index| alloc::format!("msg_{index}")).collect();
    let lists: Vec<_> = messages
        .iter()
        .map(|message| [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>()))
        .collect();
    let dispatches: Vec<_> = messages
        .iter()
        .zip(&ids)
        .zip(&lists)
        .map(|((message, message_id), [to, cc, bcc])| Dispatch { message_id, message, to, cc, bcc })
        .collect();
    let target = Target { domain: Some("mg.shop.example"), ..Target::new("https://esp.example/base/", "key_1") };
    build_batch(kind, &target, &dispatches, NOW).map(request_of)
}

/// What an answer to a batch means for each.
pub(super) fn of_batch(kind: ProviderKind, status: u16, body: Value, count: usize) -> Vec<Answer> {
    let headers = alloc::vec![(String::from("X-Message-Id"), String::from("mid_1"))];
    let reply = HttpResponse { status, headers, body: body.to_string().into_bytes() }.into();
    classify_batch(kind, &reply, count, NOW)
}

pub(super) fn accepted(id: &str) -> Outcome {
    Outcome::Accepted { provider_message_id: Some(id.to_string()) }
}

/// The HTTP request of a call.
pub(super) fn request_of(call: Call) -> HttpRequest {
    let Call::Http(request) = call else { panic!("{call:?}") };
    request
}

/// 2026-12-01T10:00:00Z
pub(super) const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

/// The providers that speak JSON over HTTP with one credential and no further settings.
const PLAIN: [ProviderKind; 4] =
    [ProviderKind::Resend, ProviderKind::Postmark, ProviderKind::Sandbox, ProviderKind::Sendgrid];

/// The providers whose answers are classified here: the plain ones, and Mailgun, which takes forms.
const ANSWERING: [ProviderKind; 5] = [
    ProviderKind::Resend,
    ProviderKind::Postmark,
    ProviderKind::Sandbox,
    ProviderKind::Sendgrid,
    ProviderKind::Mailgun,
];

pub(super) fn body(kind: ProviderKind, message: &Message) -> Value {
    serde_json::from_slice(&request(kind, message).unwrap().body).unwrap()
}

/// The features that a provider lacks for a message.
pub(super) fn lacks(kind: ProviderKind, message: &Message) -> Vec<&'static str> {
    let gaps = check(kind, message).err().unwrap_or_default();
    assert!(gaps.iter().all(|gap| gap.provider == kind.as_str() && gap.code() == "unsupported_feature"));
    gaps.into_iter().map(|gap| gap.feature).collect()
}

#[test]
fn a_request_has_its_url_method_and_header_fields() {
    for (kind, url, own) in [
        (
            ProviderKind::Resend,
            "https://esp.example/base/emails",
            "Authorization: Bearer key_1, Idempotency-Key: msg_1",
        ),
        (ProviderKind::Postmark, "https://esp.example/base/email", "X-Postmark-Server-Token: key_1"),
        (ProviderKind::Sendgrid, "https://esp.example/base/v3/mail/send", "Authorization: Bearer key_1"),
        (
            ProviderKind::Sandbox,
            "https://esp.example/base/messages",
            "Authorization: Bearer key_1, Idempotency-Key: msg_1",
        ),
    ] {
        let request = request(kind, &message(json!({}))).unwrap();
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| alloc::format!("{name}: {value}")).collect();
        let common = "Content-Type: application/json, Accept: application/json, User-Agent: sendgate/0.1.0, ";
        assert_eq!((request.method, request.url.as_str()), ("POST", url));
        assert_eq!(headers.join(", "), alloc::format!("{common}{own}"));
    }
}

#[test]
fn only_the_recipients_of_the_dispatch_are_in_the_request() {
    let message = message(
        json!({ "to": ["b@example.net", "gone@example.net"], "cc": "gone@example.org", "bcc": "d@example.net" }),
    );
    let (to, bcc) = ([&message.to[0]], [&message.bcc[0]]);
    let target = Target::new("https://esp.example", "k");
    for kind in PLAIN {
        let dispatch = Dispatch { message_id: "m", message: &message, to: &to, cc: &[], bcc: &bcc };
        let body = request_of(build(kind, &target, &dispatch, NOW).unwrap()).body;
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains("b@example.net") && text.contains("d@example.net") && !text.contains("gone"), "{kind:?}");
        assert!(!text.to_lowercase().contains("\"cc\""), "{kind:?}");
        let nobody = Dispatch { to: &[], ..dispatch };
        assert_eq!(build(kind, &target, &nobody, NOW), Err(BuildError::NoRecipient));
    }
}

#[test]
fn a_credential_or_id_that_would_break_the_header_is_refused() {
    let message = message(json!({}));
    let to = [&message.to[0]];
    for kind in PLAIN {
        for (credential, message_id, value) in [
            ("k\r\nX: y", "m", "credential"),
            ("", "m", "credential"),
            ("ключ", "m", "credential"),
            ("k", "a b", "message id"),
            ("k", "", "message id"),
            ("k", &*"m".repeat(257), "message id"),
        ] {
            let dispatch = Dispatch { message_id, message: &message, to: &to, cc: &[], bcc: &[] };
            let built = build(kind, &Target::new("https://esp.example", credential), &dispatch, NOW);
            assert_eq!(built, Err(BuildError::InvalidHeaderValue { value }));
        }
    }
}

#[test]
fn what_check_refuses_build_does_not_leave_out() {
    let tracked = message(json!({ "tracking": { "opens": true } }));
    let gap = Unsupported { feature: "tracking per message", provider: "resend" };
    assert_eq!(check(ProviderKind::Resend, &tracked), Err(Vec::from([gap])));
    assert_eq!(request(ProviderKind::Resend, &tracked), Err(BuildError::Unsupported(gap)));
    assert_eq!(gap.to_string(), "resend does not support: tracking per message");
    assert_eq!(check(ProviderKind::Postmark, &tracked), Ok(()));
}

/// A `Bcc` from the options would be a recipient that no suppression list saw.
#[test]
fn options_cannot_add_recipients_in_any_spelling() {
    for (kind, names) in [
        (ProviderKind::Resend, ["to", "cc", "bcc", "Bcc", "BCC", "headers"]),
        (ProviderKind::Postmark, ["To", "Cc", "Bcc", "bcc", "Headers", "Messages"]),
        (ProviderKind::Sandbox, ["to", "cc", "bcc", "BCC", "headers", "id"]),
        (ProviderKind::Sendgrid, ["personalizations", "Personalizations", "headers", "custom_args", "from", "content"]),
        (ProviderKind::Mailgun, ["to", "cc", "BCC", "h:Bcc", "H:To", "recipient-variables"]),
    ] {
        for name in names {
            let message = message(json!({ "provider_options": { kind.as_str(): { name: "eve@example.net" } } }));
            assert_eq!(lacks(kind, &message), [options::COLLISION], "{kind:?} {name}");
            let others = PLAIN.into_iter().filter(|other| *other != kind);
            others.for_each(|other| assert_eq!(check(other, &message), Ok(()), "options are one provider's"));
        }
    }
}

#[test]
fn a_content_that_is_no_base64_never_reaches_a_body() {
    let mut message = message(json!({
        "attachments": [{ "filename": "a", "content_type": "a/b", "content": "Zg==" }],
    }));
    message.attachments[0].content = r#"","to":"eve@example.net"#.to_string();
    for kind in PLAIN {
        assert_eq!(request(kind, &message), Err(BuildError::NotPrintable));
    }
    assert_eq!(message.to_json(), "");
}

#[test]
fn absent_fields_are_left_out_and_nothing_is_null() {
    let want = [
        (
            ProviderKind::Resend,
            json!({
                "from": "a@shop.example", "to": ["b@example.net"], "subject": "Hi", "text": "Hello",
                "tags": [{ "name": "sendgate_id", "value": "msg_1" }],
            }),
        ),
        (
            ProviderKind::Postmark,
            json!({
                "From": "a@shop.example", "To": "b@example.net", "Subject": "Hi", "TextBody": "Hello",
                "Metadata": { "sendgate_id": "msg_1" },
            }),
        ),
        (
            ProviderKind::Sandbox,
            json!({ "id": "msg_1", "from": "a@shop.example", "to": ["b@example.net"], "subject": "Hi", "text_body": "Hello" }),
        ),
    ];
    let sendgrid = json!({
        "personalizations": [{ "to": [{ "email": "b@example.net" }] }], "from": { "email": "a@shop.example" },
        "subject": "Hi", "content": [{ "type": "text/plain", "value": "Hello" }],
        "custom_args": { "sendgate_id": "msg_1" },
    });
    for (kind, want) in want.into_iter().chain([(ProviderKind::Sendgrid, sendgrid)]) {
        assert_eq!(body(kind, &message(json!({}))), want);
    }
}

#[test]
fn words_and_codes_are_stable() {
    assert_eq!(PLAIN.map(ProviderKind::as_str), ["resend", "postmark", "sandbox", "sendgrid"]);
    for kind in ProviderKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!(PLAIN.map(has_idempotency_key), [true, false, true, false]);
    let gap = Unsupported { feature: "x", provider: "resend" };
    let errors = [
        BuildError::NoRecipient,
        BuildError::Unsupported(gap),
        BuildError::InvalidHeaderValue { value: "credential" },
        BuildError::NotPrintable,
        BuildError::Incomplete { field: "domain" },
        BuildError::NotTogether,
    ];
    assert_eq!(errors.map(|error| error.code()), BuildError::CODES);
}

#[test]
fn the_request_does_not_show_its_credential() {
    let target = Target::new("https://esp.example", "key_secret");
    assert!(!alloc::format!("{target:?}").contains("secret"));
}

/// One message's fault must not lose the others: they are asked for one by one, whatever the provider.
#[test]
fn a_refusal_of_a_whole_batch_splits_it_and_a_refusal_of_one_message_does_not() {
    for kind in ANSWERING {
        let outcomes = |count| of_batch(kind, 400, json!({}), count).into_iter().map(|answer| answer.outcome);
        assert!(outcomes(3).eq([Outcome::Split, Outcome::Split, Outcome::Split]), "{kind:?}");
        assert!(outcomes(1).eq([Outcome::PermanentlyRefused]), "{kind:?}");
    }
    let busy = of_batch(ProviderKind::Sendgrid, 503, json!({}), 2);
    assert_eq!(busy[1].outcome, Outcome::Transient { retry_at: None });
}

#[test]
fn a_batch_beyond_its_bounds_is_not_built() {
    for (kind, most) in [
        (ProviderKind::Sendgrid, 1_000),
        (ProviderKind::Mailgun, 1_000),
        (ProviderKind::Postmark, 500),
        (ProviderKind::Resend, 100),
        (ProviderKind::Sandbox, 100),
    ] {
        let messages = |count: usize| {
            (0..count).map(|n| message(json!({ "to": alloc::format!("b{n}@example.net") }))).collect::<Vec<_>>()
        };
        assert!(batch(kind, &messages(most)).is_ok(), "{kind:?}");
        assert_eq!(batch(kind, &messages(most + 1)), Err(BuildError::NotTogether), "{kind:?}");
    }
    let two = [message(json!({})), message(json!({}))];
    assert_eq!(batch(ProviderKind::Cloudflare, &two), Err(BuildError::NotTogether));
    let crowd = |count: usize| -> Vec<_> { (0..count).map(|n| alloc::format!("b{n}@example.net")).collect() };
    let halves = |count| [crowd(500), crowd(count)].map(|to| message(json!({ "to": to })));
    assert!(batch(ProviderKind::Sendgrid, &halves(500)).is_ok());
    assert_eq!(batch(ProviderKind::Sendgrid, &halves(501)), Err(BuildError::NotTogether));
    assert_eq!(batch(ProviderKind::Sendgrid, &[]), Err(BuildError::NoRecipient));
    let large = || message(json!({ "html_body": "x".repeat(4_900_000), "text_body": "y".repeat(4_900_000) }));
    assert!(batch(ProviderKind::Postmark, &core::array::from_fn::<_, 5, _>(|_| large())).is_ok());
    assert_eq!(
        batch(ProviderKind::Postmark, &core::array::from_fn::<_, 6, _>(|_| large())),
        Err(BuildError::NotTogether)
    );
}

proptest! {
    /// Total, and safe: only 2xx is ever taken, only 2xx, 3xx, 1xx and 5xx are ever unknown, and no free text comes
    /// out.
    #[test]
    fn any_answer_has_a_class(
        status in any::<u16>(), kind in prop::sample::select(ANSWERING.to_vec()),
        field in "name|code|id|ErrorCode|MessageID|message|errors|retry-seconds",
        text in ".{0,40}", number in any::<Option<i64>>(), header in ".{0,30}", now in any::<u64>(),
    ) {
        let value = number.map_or_else(|| json!(text), |number| json!(number));
        let names = ["retry-after", "date", "ratelimit-reset", "x-ratelimit-reset", "x-message-id"];
        let headers = names.map(|name| (name.to_string(), header.clone())).to_vec();
        let body = json!({ field: value }).to_string().into_bytes();
        let now = UnixMillis::new(now);
        let answer = classify(kind, &HttpResponse { status, headers, body }.into(), now);
        prop_assert_eq!(answer.status, Some(status));
        match answer.outcome {
            Outcome::Accepted { .. } => prop_assert!((200..300).contains(&status)),
            Outcome::Unknown => prop_assert!(!(400..500).contains(&status)),
            Outcome::Split => prop_assert!(false, "a call of one message has nothing to split"),
            Outcome::PermanentlyRefused
            | Outcome::RecipientSuppressed
            | Outcome::SenderRefused
            | Outcome::CredentialsWrong => {
                prop_assert!((200..500).contains(&status));
            }
            Outcome::Throttled { retry_at } | Outcome::Transient { retry_at } | Outcome::QuotaSpent { retry_at } => {
                prop_assert!(retry_at.is_none_or(|at| at >= now));
            }
        }
        let is_code = |code: &str| code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        prop_assert!(answer.provider_code.is_none_or(|code| is_code(&code)));
    }

    #[test]
    fn any_body_has_a_class(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..60)) {
        for kind in ANSWERING {
            let response = HttpResponse { status, headers: Vec::new(), body: body.clone() };
            let answer = classify(kind, &response.into(), UnixMillis::default());
            let accepted = matches!(answer.outcome, Outcome::Accepted { .. });
            prop_assert!(!accepted);
        }
    }

    /// As long as the call, no refusal of the whole by which every message would be lost, and nobody's taken but by 2xx.
    #[test]
    fn any_answer_to_a_batch_has_a_class_for_each(
        status in any::<u16>(), kind in prop::sample::select(ANSWERING.to_vec()), count in 2_usize..6,
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            r#"\[(\{"ErrorCode":(0|300|406),"MessageID":"m"\},){1,4}\{\}\]"#.prop_map(String::into_bytes),
            r#"\{"data":\[(\{"id":"m"\},){0,3}\{\}\],"errors":\[\{"index":[0-3]\}\]\}"#.prop_map(String::into_bytes),
        ],
    ) {
        let response = HttpResponse { status, headers: Vec::new(), body };
        let answers = classify_batch(kind, &response.into(), count, UnixMillis::default());
        prop_assert_eq!(answers.len(), count);
        for answer in answers {
            let taken = (200..300).contains(&status);
            match answer.outcome {
                Outcome::Accepted { .. } | Outcome::PermanentlyRefused | Outcome::RecipientSuppressed => {
                    prop_assert!(taken, "{:?}", answer);
                }
                Outcome::Split => prop_assert!((400..500).contains(&status)),
                Outcome::Throttled { .. } | Outcome::Transient { .. } | Outcome::QuotaSpent { .. }
                | Outcome::CredentialsWrong | Outcome::SenderRefused | Outcome::Unknown => {}
            }
        }
    }
}
