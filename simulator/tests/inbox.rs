//! The inbox page: what it shows, and that nothing in a message becomes part of the page.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failure here is a failed test")]

mod common;

use common::{DIALECTS, ESP, SES, Sim, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

fn page(sim: &mut Sim, path: &str) -> String {
    let answer = sim.ask("GET", path, &[("Host", "127.0.0.1:8787")], b"").unwrap();
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn an_empty_inbox_tells_what_to_do() {
    let mut sim = Sim::new();
    let html = page(&mut sim, "/sandbox/inbox");
    assert!(html.contains("No messages yet"));
    assert!(html.contains("curl -s http://127.0.0.1:8787/v1/send"));
}

#[test]
fn the_list_links_to_each_message_newest_first() {
    let mut sim = Sim::new();
    expect(200, sim.esp(None, ESP));
    sim.now += 120_000;
    let id = expect(200, sim.esp(None, &ESP.replace("Hi", "Second")))["id"].as_str().unwrap().to_string();
    let html = page(&mut sim, "/sandbox/inbox");
    assert!(html.contains("2 messages"));
    assert!(html.contains(&format!("href=\"/sandbox/inbox/{id}\"")));
    assert!(html.find("Second").unwrap() < html.find("Hi</bdi>").unwrap());
    assert!(html.contains("2 min ago") && html.contains("just now"));
    assert!(html.contains("datetime=\"2026-12-01T10:02:00.000Z\""));
}

#[test]
fn the_list_has_pages_of_fifty() {
    let mut sim = Sim::new();
    for number in 0..51 {
        expect(200, sim.esp(None, &ESP.replace("Hi", &format!("n{number}."))));
    }
    let first = page(&mut sim, "/sandbox/inbox");
    assert_eq!(first.matches("class=\"row\"").count(), 50);
    assert!(first.contains("href=\"/sandbox/inbox?before=2\""));
    let second = page(&mut sim, "/sandbox/inbox?before=2");
    assert_eq!(second.matches("class=\"row\"").count(), 1);
    assert!(second.contains("n0.") && !second.contains("Older"));
}

#[test]
fn a_message_is_shown_part_by_part() {
    let mut sim = Sim::new();
    let body = json!({
        "from": "a@a.example", "to": ["b@b.example"], "subject": "S", "text_body": "plain text", "html_body": "<b>rich</b>",
        "headers": [{"name": "X-Kind", "value": "v1"}],
        "attachments": [{"filename": "f.txt", "content_type": "text/plain", "content": "aGk="}], "metadata": {"order": "42"},
    });
    let id = expect(200, sim.esp(Some("key-1"), &body.to_string()))["id"].as_str().unwrap().to_string();
    let html = page(&mut sim, &format!("/sandbox/inbox/{id}"));
    assert!(
        html.contains(&format!("<iframe sandbox title=\"The message's HTML\" src=\"/sandbox/messages/{id}/html\">"))
    );
    assert!(!html.contains("<b>rich</b>"));
    assert!(
        html.contains("b@b.example") && html.contains("key-1") && html.contains("{&quot;order&quot;:&quot;42&quot;}")
    );
    for (part, want) in
        [("text", "plain text"), ("headers", "X-Kind"), ("attachments", "f.txt"), ("raw", "&quot;html_body&quot;")]
    {
        let html = page(&mut sim, &format!("/sandbox/inbox/{id}?show={part}"));
        assert!(html.contains(want), "{part}");
        assert!(html.contains(&format!("?show={part}\" aria-current=\"page\"")), "{part}");
    }
    assert_eq!(sim.ask("GET", "/sandbox/inbox/none", &[], b"").unwrap().status, 404);
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_runs_only_its_own_script() {
    let mut sim = Sim::new();
    let answer = sim.ask("GET", "/sandbox/inbox", &[], b"").unwrap();
    let policy = answer.header("content-security-policy").unwrap().to_string();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"));
    let html = String::from_utf8(answer.body).unwrap();
    // The digest in the policy is that of the text the browser sees between the tags.
    for (name, directive) in [("style", "style-src"), ("script", "script-src")] {
        let inline = html.split_once(&format!("<{name}>")).unwrap().1.split_once(&format!("</{name}>")).unwrap().0;
        let digest: [u8; 32] =
            sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), inline)).into();
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
        assert!(policy.contains(&format!("{directive} 'sha256-{encoded}'")), "{name}");
    }
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http") && !html.contains("@import"));
}

/// Text that tries to leave its place, mixed with what a generator thinks of.
fn nasty() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'><svg/onload=alert(1)>",
        "</pre></section><b>",
        "</title><script>",
        "{{main}}",
        "{{script}}",
        "&lt;",
        "&#60;b&#62;",
        "</textarea>",
        "<!--",
        "-->",
        "]]>",
        "\u{202e}",
        "javascript:alert(1)",
        "\" onmouseover=\"x",
        "<",
        ">",
        "\"",
        "'",
        "&",
    ]);
    prop::collection::vec(prop_oneof![known.prop_map(String::from), "\\PC{1,8}"], 1..5).prop_map(|parts| parts.concat())
}

/// The tags of a page with their attributes' names: everything that is markup.
fn skeleton(html: &str) -> Vec<String> {
    let (mut tags, mut rest) = (Vec::new(), html);
    while let Some((_, after)) = rest.split_once('<') {
        let mut tag = String::new();
        let mut quoted = false;
        let mut end = after.len();
        for (at, letter) in after.char_indices() {
            match letter {
                '"' => {
                    quoted = !quoted;
                    tag.push('"');
                }
                '>' if !quoted => {
                    end = at + 1;
                    break;
                }
                other if !quoted => tag.push(other),
                _ => {}
            }
        }
        tags.push(tag);
        rest = &after[end..];
    }
    tags
}

/// The pages of one message, in the same order every time, without its id.
fn pages(message: &Value) -> Vec<Vec<String>> {
    let mut sim = Sim::new();
    let id = expect(200, sim.esp(Some("k"), &message.to_string()))["id"].as_str().unwrap().to_string();
    let mut paths = vec!["/sandbox/inbox".to_string()];
    paths.extend(
        ["html", "text", "attachments", "headers", "raw"].map(|part| format!("/sandbox/inbox/{id}?show={part}")),
    );
    paths.iter().map(|path| skeleton(&page(&mut sim, path))).collect()
}

fn message(texts: &[String]) -> Value {
    let text = |index: usize| &texts[index];
    // A header's name and an address have their own alphabets, in which the dialect keeps them.
    json!({
        "id": text(0), "from": {"address": "a@a.example", "name": text(1)},
        "to": [{"address": "b@b.example", "name": text(2)}], "cc": [{"address": "!#$%&'*+/=?^_`{|}~@c.example", "name": text(1)}],
        "subject": text(3), "text_body": text(4), "html_body": text(5), "tags": [text(6)],
        "headers": [{"name": "X-<b>\"'&", "value": text(7)}], "metadata": {text(8): text(9)}, "stream": text(10),
        "template": {"id": text(11), "data": {text(3): text(4)}},
        "attachments": [{"filename": text(12), "content_type": text(13), "content": "aGk=", "content_id": text(14)}],
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a message's texts are, its pages have the tags and attributes of a page with plain letters.
    #[test]
    fn no_text_of_a_message_becomes_markup(texts in prop::collection::vec(nasty(), 15)) {
        let plain: Vec<String> = texts.iter().map(|_| "x".to_string()).collect();
        prop_assert_eq!(pages(&message(&texts)), pages(&message(&plain)));
    }
}

#[test]
fn the_skeleton_sees_injected_markup() {
    assert_ne!(skeleton("<p>x</p>"), skeleton("<p><b>x</b></p>"));
    assert_ne!(skeleton("<a href=\"x\">"), skeleton("<a href=\"x\" onclick=\"y\">"));
    assert_eq!(skeleton("<a href=\"<x>\">t</a>"), skeleton("<a href=\"y\">u</a>"));
}

#[test]
fn the_inbox_shows_mail_of_every_dialect() {
    let labels = [
        "Resend",
        "Postmark",
        "Sandbox",
        "SendGrid",
        "Mailgun",
        "Amazon SES",
        "Cloudflare",
        "Brevo",
        "MailerSend",
        "Mailtrap",
        "SparkPost",
    ];
    for ((dialect, _), label) in DIALECTS.into_iter().zip(labels) {
        let mut sim = Sim::new();
        sim.send(dialect).unwrap();
        let list = page(&mut sim, "/sandbox/inbox");
        assert!(list.contains(&format!("<span class=\"badge {dialect}\">{label}</span>")), "{dialect}");
        let id = sim.messages()[0]["id"].as_str().unwrap().to_string();
        assert!(list.contains(&format!("href=\"/sandbox/inbox/{id}\"")), "{dialect}: {id}");
        let html = page(&mut sim, &format!("/sandbox/inbox/{id}"));
        assert!(html.contains("orders@shop.example") && html.contains("<dd><bdi>delivered</bdi></dd>"), "{dialect}");
        assert!(html.contains("<pre class=\"pad\">x</pre>"), "{dialect}: the text");
        let raw = page(&mut sim, &format!("/sandbox/inbox/{id}?show=raw"));
        assert!(raw.contains("ann@a.example"), "{dialect}: the request");
    }
}

#[test]
fn encoded_words_are_shown_as_what_they_say() {
    let mut sim = Sim::new();
    let from = "=?utf-8?b?Wm/Dq+KAmXMgU2hvcA==?= <orders@shop.example>";
    expect(200, sim.ses("POST", "/v2/email/outbound-emails", &SES.replace("orders@shop.example", from)));
    let id = sim.messages()[0]["id"].as_str().unwrap().to_string();
    for path in ["/sandbox/inbox".to_string(), format!("/sandbox/inbox/{id}")] {
        let html = page(&mut sim, &path);
        assert!(html.contains("Zoë’s Shop") && !html.contains("=?utf-8?b?Wm"), "{path}");
    }
    let hidden = "=?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E?= <a@shop.example>";
    sim.now += 1_000;
    expect(200, sim.ses("POST", "/v2/email/outbound-emails", &SES.replace("orders@shop.example", hidden)));
    assert!(!page(&mut sim, "/sandbox/inbox").contains("<script>alert"));
}
