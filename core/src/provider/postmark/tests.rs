use crate::outcome::{Outcome, Refused, RefusedReason};
use crate::provider::{
    ProviderKind::Postmark,
    tests::{accepted, batch, body, lacks, message, of_batch, request, templated},
};
use alloc::{string::String, vec, vec::Vec};
use serde_json::{Value, json};

#[test]
fn a_template_is_named_by_number_or_by_alias() {
    let by = |id: &str| body(Postmark, &templated(id, json!({ "name": "Ann" })));
    let want = |field: &str, id: Value| {
        let model = json!({ "name": "Ann" });
        let metadata = json!({ "sendgate_id": "msg_1" });
        json!({
            "From": "a@shop.example", "To": "b@example.net", field: id, "TemplateModel": model, "Metadata": metadata,
        })
    };
    assert_eq!(by("123"), want("TemplateId", json!(123)));
    assert_eq!(by("welcome"), want("TemplateAlias", json!("welcome")));
    assert_eq!(by("+5"), want("TemplateAlias", json!("+5")));
    assert_eq!(by("99999999999999999999"), want("TemplateAlias", json!("99999999999999999999")));
    let empty = templated("t", json!({}));
    assert_eq!(body(Postmark, &empty)["TemplateModel"], json!({}), "the model must be given, if only empty");
    assert!(request(Postmark, &empty).unwrap().url.ends_with("/email/withTemplate"));
}

#[test]
fn lists_of_mailboxes_are_joined_with_quoted_names() {
    let message = message(json!({
        "to": ["\"Lee, Ann\" <a@b.example>", "c@d.example"], "cc": "Bob <e@f.example>",
        "reply_to": ["g@h.example", "i@j.example"],
    }));
    let body = body(Postmark, &message);
    assert_eq!(body["To"], "\"Lee, Ann\" <a@b.example>, c@d.example");
    assert_eq!(body["Cc"], "\"Bob\" <e@f.example>");
    assert_eq!(body["ReplyTo"], "g@h.example, i@j.example");
    assert_eq!(body.get("Bcc"), None);
}

#[test]
fn tracking_has_postmarks_words() {
    let tracked = |opens: bool, clicks: bool| {
        body(Postmark, &message(json!({ "tracking": { "opens": opens, "clicks": clicks } })))
    };
    assert_eq!(
        (&tracked(true, false)["TrackOpens"], &tracked(true, false)["TrackLinks"]),
        (&json!(true), &json!("None"))
    );
    assert_eq!(
        (&tracked(false, true)["TrackOpens"], &tracked(false, true)["TrackLinks"]),
        (&json!(false), &json!("HtmlAndText"))
    );
}

#[test]
fn links_in_html_only_are_an_option_while_the_message_says_nothing_of_clicks() {
    let options = json!({ "postmark": { "TrackLinks": "HtmlOnly", "InlineCss": true } });
    let silent = message(json!({ "provider_options": options, "tracking": { "opens": true } }));
    let body = body(Postmark, &silent);
    assert_eq!((&body["TrackLinks"], &body["InlineCss"]), (&json!("HtmlOnly"), &json!(true)));
    let both = message(json!({ "provider_options": options, "tracking": { "clicks": true } }));
    assert_eq!(lacks(Postmark, &both), ["provider_options field that the message composes"]);
}

#[test]
fn inline_files_are_named_with_the_prefix() {
    let file = json!({ "filename": "l.png", "content_type": "image/png", "content": "Zg==", "content_id": "logo1" });
    let want = json!([{ "Name": "l.png", "ContentType": "image/png", "ContentID": "cid:logo1", "Content": "Zg==" }]);
    assert_eq!(body(Postmark, &message(json!({ "attachments": [file] })))["Attachments"], want);
}

#[test]
fn every_gap_is_named() {
    let cases = [
        (
            json!({ "to": vec!["b@example.net"; 49], "cc": "c@d.example", "bcc": "e@f.example" }),
            "more than 50 recipients",
        ),
        (json!({ "tags": ["a", "b"] }), "more than one tag"),
        (json!({ "text_body": "x".repeat(5_000_001) }), "bodies over 5 MB"),
        (json!({ "metadata": { "a_key": "1", "A_Key": "2" } }), "metadata names that differ in case only"),
        (json!({ "metadata": { "Sendgate_ID": "1" } }), "metadata named sendgate_id"),
    ];
    for (fields, feature) in cases {
        assert_eq!(lacks(Postmark, &message(fields)), [feature]);
    }
    let mut subject = templated("t", json!({}));
    subject.subject = String::from("Hi");
    assert_eq!(lacks(Postmark, &subject), ["subject with a template"]);
    let fine = json!({ "to": vec!["b@example.net"; 48], "cc": "c@d.example", "bcc": "e@f.example", "tags": ["a"] });
    assert_eq!(lacks(Postmark, &message(fine)), Vec::<&str>::new());
}

/// 10,000,000 bytes by the message's own measure: from 14, to 13, subject 2 leave 9,999,971 for two bodies.
#[test]
fn ten_megabytes_are_taken_and_one_byte_more_is_not() {
    let sized = |html: usize| message(json!({ "text_body": "x".repeat(5_000_000), "html_body": "y".repeat(html) }));
    assert_eq!(lacks(Postmark, &sized(4_999_971)), Vec::<&str>::new());
    assert_eq!(lacks(Postmark, &sized(4_999_972)), ["messages over 10 MB"]);
}

/// Postmark's own example of a batch is a bare list, and one with templates an object with `Messages`.
#[test]
fn a_batch_is_the_list_of_what_each_message_would_be_alone() {
    let file = json!({ "filename": "l.png", "content_type": "image/png", "content": "Zg==" });
    let first = message(json!({ "subject": "1", "attachments": [file], "reply_to": "help@shop.example" }));
    let second = message(json!({ "from": "c@shop.example", "to": "d@example.net", "stream": "broadcast" }));
    let sent = batch(Postmark, &[first.clone(), second.clone()]).unwrap();
    let alone = |message, id: &str| {
        let mut body = body(Postmark, message);
        body["Metadata"]["sendgate_id"] = json!(id);
        body
    };
    assert_eq!(sent.url, "https://esp.example/base/email/batch");
    let list: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(list, json!([alone(&first, "msg_0"), alone(&second, "msg_1")]));

    let templates = [templated("1", json!({})), templated("welcome", json!({ "name": "Ann" }))];
    let sent = batch(Postmark, &templates).unwrap();
    assert_eq!(sent.url, "https://esp.example/base/email/batchWithTemplates");
    let list: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(list, json!({ "Messages": [alone(&templates[0], "msg_0"), alone(&templates[1], "msg_1")] }));
    let mixed = [first, templated("1", json!({}))];
    assert_eq!(batch(Postmark, &mixed).unwrap_err().code(), "not_together");
}

/// R113: one bad item fails alone. The batch of providers.md: 200 although the second item failed.
#[test]
fn r113_each_item_of_a_batch_has_its_own_outcome() {
    let item = |code: u64, id: &str| json!({ "ErrorCode": code, "Message": "OK", "MessageID": id });
    let body = json!([
        item(0, "u-1"),
        { "ErrorCode": 406, "Message": "text" },
        { "ErrorCode": 300, "Message": "text" },
        { "ErrorCode": 400, "Message": "text" },
        { "MessageID": "u-5" },
        { "ErrorCode": 0 },
    ]);
    let answers = of_batch(Postmark, 200, body, 6);
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.outcome.clone()).collect();
    let want = [
        accepted("u-1"),
        Outcome::RecipientSuppressed,
        Outcome::PermanentlyRefused,
        Outcome::SenderRefused,
        accepted("u-5"),
        Outcome::Unknown,
    ];
    assert_eq!(outcomes, want);
    assert_eq!(answers[1].provider_code.as_deref(), Some("406"));
}

#[test]
fn a_list_of_another_length_says_nothing_of_any_message() {
    let item = json!({ "ErrorCode": 0, "MessageID": "u-1" });
    for body in [json!([]), json!([item]), json!([item, item, item]), json!({}), json!([item, 1])] {
        let outcomes = of_batch(Postmark, 200, body, 2);
        assert!(outcomes.iter().all(|answer| answer.outcome == Outcome::Unknown && answer.status == Some(200)));
    }
}

/// The texts of postmark.js 5.1.0's and django-anymail's tests.
#[test]
fn recipients_left_out_of_a_taken_message_are_named() {
    let refused = |text: &str| {
        let body = json!({ "ErrorCode": 0, "MessageID": "u-1", "Message": text });
        of_batch(Postmark, 200, body, 1).remove(0).refused
    };
    let gone = |address: &str| Refused::new(String::from(address), RefusedReason::Suppressed);
    let both = [gone("hardbounce@example.com"), gone("spam@example.com")];
    let head = "Message OK, but will not deliver to these inactive addresses: hardbounce@example.com, spam@example.com";
    let tail = ". Inactive recipients are ones that have generated a hard bounce or a spam complaint.";
    assert_eq!(refused(&(String::from(head) + tail)), both);
    assert_eq!(refused(head), both);
    assert_eq!(refused(&(String::from(head) + ".")), both);
    assert_eq!(refused("OK"), []);
    assert_eq!(refused("inactive addresses: nobody"), []);
}
