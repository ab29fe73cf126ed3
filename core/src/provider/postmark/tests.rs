use crate::provider::{
    ProviderKind::Postmark,
    tests::{body, lacks, message, request, templated},
};
use alloc::{string::String, vec, vec::Vec};
use serde_json::json;

#[test]
fn a_template_is_named_by_number_or_by_alias() {
    let by = |id: &str| body(Postmark, &templated(id, json!({ "name": "Ann" })));
    let want = |field: &str, id: serde_json::Value| {
        let model = json!({ "name": "Ann" });
        json!({ "From": "a@shop.example", "To": "b@example.net", field: id, "TemplateModel": model })
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
