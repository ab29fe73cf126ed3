use super::*;
use crate::provider::{
    ProviderKind::CloudflareBinding,
    build, classify,
    tests::{NOW, message},
};
use serde_json::json;

fn built(base_url: &str, message: &Message) -> Result<BindingCall, BuildError> {
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
    let dispatch = Dispatch { message_id: "msg_1", message, to: &to, cc: &cc, bcc: &bcc };
    match build(CloudflareBinding, &Target::new(base_url, ""), &dispatch, NOW)? {
        Call::Binding(call) => Ok(call),
        call @ (Call::Http(_) | Call::Smtp(_)) => panic!("{call:?}"),
    }
}

/// workers-types, `EmailMessageBuilder`.
#[test]
fn the_object_has_the_bindings_names() {
    let fields = json!({
        "from": "Shop <a@shop.example>", "to": ["b@example.net", "Bob <c@example.net>"], "cc": "d@example.net",
        "bcc": "e@example.net", "reply_to": "Help <h@shop.example>", "html_body": "<p>Hello</p>",
        "headers": { "X-Order": "7" },
        "attachments": [
            { "filename": "a.txt", "content_type": "text/plain", "content": "Zg==" },
            { "filename": "l.png", "content_type": "image/png", "content": "Zm8=", "content_id": "l1", "disposition": "inline" },
        ],
    });
    let call = built("binding:EMAIL_2", &message(fields)).unwrap();
    assert_eq!(call.binding, "EMAIL_2");
    let want = json!({
        "from": { "email": "a@shop.example", "name": "Shop" },
        "to": ["b@example.net", { "email": "c@example.net", "name": "Bob" }],
        "cc": ["d@example.net"], "bcc": ["e@example.net"],
        "replyTo": { "email": "h@shop.example", "name": "Help" },
        "subject": "Hi", "text": "Hello", "html": "<p>Hello</p>", "headers": { "X-Order": "7" },
        "attachments": [
            { "filename": "a.txt", "type": "text/plain", "disposition": "attachment", "content": "Zg==" },
            { "filename": "l.png", "type": "image/png", "disposition": "inline", "contentId": "l1", "content": "Zm8=" },
        ],
    });
    assert_eq!(serde_json::from_slice::<Value>(&call.message).unwrap(), want);
}

#[test]
fn the_base_url_names_the_binding() {
    for base_url in ["", "EMAIL", "binding:", "binding:a b", "https://api.cloudflare.com"] {
        assert_eq!(built(base_url, &message(json!({}))), Err(BuildError::Incomplete { field: "base_url" }));
    }
}

#[test]
fn what_it_returns_or_throws_has_a_class() {
    let returned = |id: Option<&str>| {
        let reply = BindingReply::Returned { message_id: id.map(String::from) };
        classify(CloudflareBinding, &Reply::Binding(reply), NOW)
    };
    let accepted = Outcome::Accepted { provider_message_id: Some("m1".into()) };
    assert_eq!(returned(Some("m1")), Answer::without_status(accepted));
    assert_eq!(returned(None).outcome, Outcome::Unknown);
    assert_eq!(returned(Some("two words")).outcome, Outcome::Unknown);
    let threw = |code: Option<&str>| {
        let answer =
            classify(CloudflareBinding, &Reply::Binding(BindingReply::Threw { code: code.map(String::from) }), NOW);
        (answer.outcome, answer.provider_code)
    };
    let rate = (Outcome::Throttled { retry_at: None }, Some("E_RATE_LIMIT_EXCEEDED".into()));
    assert_eq!(threw(Some("E_RATE_LIMIT_EXCEEDED")), rate);
    assert_eq!(threw(Some("E_NEW")), (Outcome::Unknown, Some("E_NEW".into())));
    assert_eq!(threw(Some("a@example.com is bad")), (Outcome::Unknown, None));
    assert_eq!(threw(None), (Outcome::Unknown, None));
}
