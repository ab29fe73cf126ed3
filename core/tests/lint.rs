//! What lint says of messages and configurations, by the sources that each finding names.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

use sendgate_core::{
    config::{AccountConfig, Config},
    lint::{self, Finding, Severity},
    message,
    provider::ProviderKind,
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z.
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);
const YEAR: u64 = 366 * 10;

fn account(fields: &str) -> AccountConfig {
    let text = format!(r#"{{"accounts":{{"shop":{{"keys":[],"plan":"pro","account_windows":[],{fields}}}}}}}"#);
    Config::from_json(&text).unwrap().accounts.remove("shop").unwrap()
}

const SANDBOX: &str =
    r#""providers":[{"name":"main","kind":"sandbox","base_url":"https://esp.example","credential":"E"}]"#;

fn codes(found: &[Finding]) -> Vec<&str> {
    let known = |code| lint::CODES.contains(&code) || message::CODES.contains(&code);
    assert!(found.iter().all(|finding| known(finding.code) && !finding.source.is_empty()), "{found:?}");
    found.iter().map(|finding| finding.code).collect()
}

fn message(fields: &str, account: Option<&AccountConfig>, kind: Option<ProviderKind>) -> Vec<Finding> {
    lint::text(&format!(r#"{{"from":"a@shop.example","to":"b@example.com",{fields}}}"#), account, kind)
}

fn of(fields: &str) -> Vec<Finding> {
    message(fields, None, None)
}

#[test]
fn a_plain_message_gets_no_word() {
    assert_eq!(of(r#""subject":"Hi","text_body":"Hello""#), []);
    assert_eq!(of(r#""subject":"Hi","text_body":"Hello","html_body":"<p>Hello""#), []);
}

/// RFC 2046, RFC 5322 section 2.1.1 (78 and 998), RFC 2392.
#[test]
fn the_form_of_a_message_is_judged_by_the_rfcs() {
    assert_eq!(codes(&of(r#""subject":"Hi","html_body":"<p>Hello""#)), ["html_without_text"]);
    // "Subject: " has 9 bytes.
    let subject = |n: usize| of(&format!(r#""subject":"{}","text_body":"Hello""#, "s".repeat(n)));
    assert_eq!((codes(&subject(69)), codes(&subject(70))), (vec![], vec!["subject_line_long"]));
    assert_eq!(codes(&of(r#""subject":"  ","text_body":"Hello""#)), ["subject_empty"]);
    let body = |n: usize| of(&format!(r#""subject":"Hi","text_body":"{}\nend""#, "x".repeat(n)));
    assert_eq!((codes(&body(998)), codes(&body(999))), (vec![], vec!["line_too_long"]));
    let header = |n: usize| of(&format!(r#""subject":"Hi","text_body":"x","headers":{{"X-A":"{}"}}"#, "v".repeat(n)));
    assert_eq!((codes(&header(993)), codes(&header(994))), (vec![], vec!["header_line_too_long"]));
    let inline = r#""subject":"Hi","text_body":"x","attachments":[{"filename":"a.png","content_type":"image/png","content":"AAAA","disposition":"inline","content_id":"logo"}]"#;
    assert_eq!(codes(&of(inline)), ["inline_image_unused"]);
    assert_eq!(codes(&of(&format!(r#"{inline},"html_body":"<img src='cid:logo'>""#))), Vec::<&str>::new());
}

/// What reading refuses is told the same way: here a line break in a header field.
#[test]
fn what_is_refused_is_an_error_with_its_own_code() {
    let found = of(r#""subject":"Hi\r\nBcc: c@example.com","text_body":"x""#);
    assert_eq!((found[0].severity, found[0].field.as_str()), (Severity::Error, "subject"));
    assert!(message::CODES.contains(&found[0].code));
    assert!(!found[0].detail.contains("example.com"));
}

const EXIT: &str = r#""List-Unsubscribe":"<https://shop.example/u/1>""#;
const CLICK: &str = r#""List-Unsubscribe-Post":"List-Unsubscribe=One-Click""#;

/// R055, RFC 8058.
#[test]
fn r055_mail_to_many_shows_the_way_out_and_where_the_sender_is() {
    let shop = account(&format!(r#"{SANDBOX},"postal_address":"Shop, 12 Main St, 80331 Munich""#));
    let bulk = |headers: &str, body: &str| {
        let fields = format!(r#""subject":"S","class":"bulk","text_body":"{body}","headers":{{{headers}}}"#);
        message(&fields, Some(&shop), None)
    };
    let full = "News. Shop, 12 Main St, 80331 Munich";
    assert_eq!(bulk(&format!("{EXIT},{CLICK}"), full), []);
    assert_eq!(codes(&bulk(EXIT, full)), ["missing_one_click"]);
    assert_eq!(
        codes(&bulk(r#""List-Unsubscribe":"<http://shop.example/u>""#, full)),
        ["missing_one_click", "insecure_unsubscribe"]
    );
    assert_eq!(codes(&bulk("", "News")), ["missing_unsubscribe", "missing_postal_address"]);
    let shown = r#""cc":"c@example.com","subject":"S","class":"drip","text_body":"x""#;
    assert!(codes(&of(shown)).contains(&"many_recipients_shown"));
    let mine = r#""subject":"S","text_body":"x","class":"transactional""#;
    assert_eq!(message(mine, Some(&shop), None), [], "nobody leaves a password reset");
}

#[test]
fn a_sender_that_the_account_may_not_use_is_an_error() {
    let own = |domains: &str| account(&format!(r#"{SANDBOX},"domains":[{domains}]"#));
    let plain = r#""subject":"S","text_body":"x""#;
    let said = |domains: &str| message(plain, Some(&own(domains)), None);
    assert_eq!(said(r#""shop.example""#), []);
    assert_eq!(codes(&said(r#""other.example""#)), ["from_domain_unlisted"]);
    assert_eq!(codes(&said(r#"{"name":"shop.example","status":"pending"}"#)), ["from_domain_pending"]);
    let deaf = lint::text(
        r#"{"from":"no-reply@shop.example","to":"b@example.com","subject":"S","text_body":"x"}"#,
        None,
        None,
    );
    assert_eq!((codes(&deaf), deaf[0].field.as_str()), (vec!["reply_to_unreachable"], "from"));
}

/// The pages are named in the findings.
#[test]
fn a_provider_is_asked_what_it_takes() {
    let file = |name: &str| {
        format!(
            r#""subject":"S","text_body":"x","attachments":[{{"filename":"{name}","content_type":"application/octet-stream","content":"AAAA"}}]"#
        )
    };
    let said = |name: &str, kind| message(&file(name), None, Some(kind));
    assert_eq!(codes(&said("run.EXE", ProviderKind::Postmark)), ["attachment_blocked"]);
    assert_eq!(codes(&said("run.ps1", ProviderKind::Resend)), ["attachment_blocked"]);
    assert_eq!((said("run.ps1", ProviderKind::Postmark), said("run.exe", ProviderKind::Mailgun)), (vec![], vec![]));
    let tags = message(r#""subject":"S","text_body":"x","tags":["a","b"]"#, None, Some(ProviderKind::Postmark));
    assert_eq!(codes(&tags), ["unsupported_feature"]);
    let large = format!(r#""subject":"S","text_body":"{}""#, "line\\n".repeat(2_100_000));
    let found = message(&large, None, Some(ProviderKind::Postmark));
    assert!(codes(&found).contains(&"size_over_provider"), "{found:?}");
    assert_eq!(message(&large, None, Some(ProviderKind::Mailgun)), []);
}

fn said(fields: &str) -> Vec<Finding> {
    lint::account(&account(fields), YEAR, NOW)
}

#[test]
fn a_limit_that_can_never_bind_is_found() {
    let sending = |figures: &str| said(&format!(r#"{SANDBOX},"sending":{{{figures}}}"#));
    // Ten a second is at most 600 a minute and 36,000 an hour.
    assert_eq!(sending(r#""per_second":10,"per_minute":599,"per_hour":35939"#), []);
    assert_eq!(codes(&sending(r#""per_second":10,"per_minute":600"#)), ["limit_never_binds"]);
    let hour = sending(r#""per_second":10,"per_minute":100,"per_hour":6000"#);
    assert_eq!((codes(&hour), hour[0].field.as_str()), (vec!["limit_never_binds"], "sending"));
    // A second that admits more than the day does not bind either; and 5,000 a second is not usual (R082).
    assert_eq!(codes(&sending(r#""per_second":100,"per_minute":100,"per_day":100"#)).len(), 2);
    assert_eq!(codes(&sending(r#""per_second":5000,"per_minute":40000"#)), ["rate_outside_usual"]);
    let class = said(&format!(
        r#"{SANDBOX},"sending":{{"per_second":10}},"class_windows":{{"bulk":[{{"kind":"sliding","name":"second","limit":10,"period_ms":1000}}]}}"#
    ));
    assert_eq!((codes(&class), class[0].field.as_str()), (vec!["limit_never_binds"], "class_windows.bulk"));
}

/// SES in production: 14 recipients a second (R025).
#[test]
fn r025_a_limit_over_the_providers_own_is_found() {
    let ses = |own: &str| {
        format!(
            r#""providers":[{{"name":"main","kind":"ses","region":"eu-west-1","base_url":"https://email.eu-west-1.amazonaws.com","credential":"K","profile":"ses.production"{own}}}]"#
        )
    };
    assert_eq!(said(&ses("")), []);
    let own = r#","recipient_windows":[{"kind":"sliding","name":"send-second","limit":20,"period_ms":1000}]"#;
    let found = said(&ses(own));
    assert_eq!(
        (codes(&found), found[0].field.as_str()),
        (vec!["limit_over_profile"], "providers[0].recipient_windows")
    );
    let faster = said(&format!(r#"{},"sending":{{"per_second":14,"per_minute":800}}"#, ses("")));
    assert_eq!(codes(&faster), ["limit_never_binds"]);
}

#[test]
fn old_figures_and_a_ramp_that_falls_are_found() {
    let resend = r#""providers":[{"name":"main","kind":"resend","credential":"K","profile":"resend"}]"#;
    let found = lint::account(&account(resend), 1, NOW);
    assert_eq!(codes(&found), ["unknown_plan_limit", "old_figures", "old_figures"], "the plan's and the profile's");
    let ramp = |caps: &str| {
        lint::ramp(
            "mine",
            &format!(
                r#"{{"as_of":"2026-01-01","source":"document 1","max_growth_permille":2000,"stages":[{{"tier":"high","caps":{caps}}}]}}"#
            ),
        )
    };
    assert_eq!(
        (ramp("[10,20,20]"), codes(&ramp("[10,9]")), codes(&ramp("[10,21]"))),
        (vec![], vec!["ramp_invalid"], vec!["ramp_invalid"])
    );
}
