#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

use super::super::{build as build_call, check};
use super::*;
use alloc::{string::ToString, vec};

const NOON: UnixMillis = UnixMillis::new(1_796_119_200_000);

fn message(more: &str) -> Message {
    let json = format!(
        r#"{{"from":"Shop <orders@shop.example>","to":["ann@example.com"],"subject":"Hi","text_body":"Hello"{more}}}"#
    );
    Message::parse(&json).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Stands for the host's: what the letter holds, as text.
fn compose(letter: &Letter<'_>) -> Vec<u8> {
    let shown = |mailboxes: &[&Mailbox]| mailboxes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (to, cc) = (shown(letter.to), shown(letter.cc));
    format!("{} {to} {cc} {}", letter.message_id, letter.date.as_millis()).into_bytes()
}

fn built(url: &str, credential: &str, message: &Message) -> Result<SmtpCall, BuildError> {
    let mut target = Target::new(url, credential);
    target.compose = Some(compose);
    let refs = |list: &'static str| match list {
        "to" => message.to.iter().collect::<Vec<_>>(),
        "cc" => message.cc.iter().collect(),
        _ => message.bcc.iter().collect(),
    };
    let (to, cc, bcc) = (refs("to"), refs("cc"), refs("bcc"));
    let dispatch = Dispatch { message_id: "msg_1", message, to: &to, cc: &cc, bcc: &bcc };
    match build_call(ProviderKind::Smtp, &target, &dispatch, NOON)? {
        Call::Smtp(call) => Ok(*call),
        Call::Http(_) | Call::Binding(_) => panic!("not a mail"),
    }
}

/// RFC 6409 and RFC 8314 for ports and encryption.
#[test]
fn the_base_url_says_where_and_how() {
    let cases = [
        ("smtp://mail.example:587", ("mail.example", 587, Security::StartTls)),
        ("smtp://mail.example", ("mail.example", 587, Security::StartTls)),
        ("smtp://mail.example:2525/", ("mail.example", 2525, Security::StartTls)),
        ("smtps://mail.example", ("mail.example", 465, Security::Implicit)),
        ("smtps://[2001:db8::1]:4650", ("2001:db8::1", 4650, Security::Implicit)),
        ("smtps://localhost:4650", ("localhost", 4650, Security::Implicit)),
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, Security::None)),
        ("smtp://[::1]:1025", ("::1", 1025, Security::None)),
    ];
    for (url, want) in cases {
        assert_eq!(server(url), Some(want), "{url}");
        assert_eq!(ProviderKind::Smtp.base_url_fault(url), None);
    }
    for url in [
        "",
        "smtp://",
        "https://mail.example",
        "mail.example:587",
        "smtp://user@mail.example",
        "smtp://mail.example:0",
        "smtp://mail.example:99999",
        "smtp://mail.example:",
        "smtp://mail.example/path",
        "smtp://[::1",
        "smtp://[mail]:1",
        "smtp://mail example",
        "smtp://127.0.0.1.mail.example:x",
    ] {
        assert_eq!(server(url), None, "{url}");
        assert!(ProviderKind::Smtp.base_url_fault(url).is_some());
    }
    assert_eq!(server("smtp://127.0.0.1.mail.example").unwrap().2, Security::StartTls, "a name is not the loopback");
}

/// R042, R072.
#[test]
fn a_call_has_its_envelope_apart_from_its_letter() {
    let message = message(r#","cc":["bob@example.net","ann@example.com"],"bcc":["Hidden <hidden@example.org>"]"#);
    let call = built("smtp://mail.example", "user:pass:word", &message).unwrap();
    assert_eq!(call.server.login, Some(("user".into(), "pass:word".into())));
    assert_eq!((call.hello.as_str(), call.from.as_str()), ("shop.example", "orders@shop.example"));
    assert_eq!(call.recipients, ["ann@example.com", "bob@example.net", "hidden@example.org"], "each once");
    let text = String::from_utf8(call.data).unwrap();
    assert_eq!(text, "msg_1@shop.example ann@example.com bob@example.net ann@example.com 1796119200000");
    assert!(!call.needs_smtputf8);
}

#[test]
fn bounces_go_where_the_message_says() {
    let message = message(r#","provider_options":{"smtp":{"envelope_from":"bounce+1@mail.shop.example"}}"#);
    let call = built("smtp://127.0.0.1:1025", "", &message).unwrap();
    assert_eq!((call.from.as_str(), call.server.login), ("bounce+1@mail.shop.example", None));
    assert_eq!(call.hello, "shop.example");
}

/// RFC 6531: display names are encoded words, addresses are not.
#[test]
fn only_addresses_need_smtputf8() {
    let named = message(r#","reply_to":"Zoë <help@shop.example>","bcc":["x@bücher.example"]"#);
    assert!(!built("smtp://mail.example", "", &named).unwrap().needs_smtputf8);
    for more in [r#","bcc":["zoë@example.org"]"#, r#","reply_to":"zoë@shop.example""#] {
        assert!(built("smtp://mail.example", "", &message(more)).unwrap().needs_smtputf8, "{more}");
    }
}

#[test]
fn what_cannot_be_built_says_which_field() {
    let message = message("");
    let cases = [
        ("https://mail.example", "", BuildError::Incomplete { field: "base_url" }),
        ("smtp://mail.example", "user", BuildError::Incomplete { field: "credential" }),
        ("smtp://mail.example", ":pass", BuildError::Incomplete { field: "credential" }),
        ("smtp://mail.example", "user:\0", BuildError::InvalidHeaderValue { value: "credential" }),
    ];
    for (url, credential, want) in cases {
        assert_eq!(built(url, credential, &message).unwrap_err(), want, "{url} {credential}");
    }
    let (to, target) = ([&message.to[0]], Target::new("smtp://mail.example", ""));
    let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &[], bcc: &[] };
    let without = build_call(ProviderKind::Smtp, &target, &dispatch, NOON).unwrap_err();
    assert_eq!(without, BuildError::Incomplete { field: "compose" });
    let mut target = target;
    target.compose = Some(compose);
    let injected = Dispatch { message_id: "a>", ..dispatch };
    assert!(build_call(ProviderKind::Smtp, &target, &injected, NOON).is_err());
}

#[test]
fn what_a_mail_has_no_place_for_is_named() {
    let file = |kind: &str| format!(r#","attachments":[{{"filename":"a","content_type":"{kind}","content":"YQ=="}}]"#);
    let long = format!(r#","headers":{{"X-Long":"{}"}}"#, "x".repeat(1_000));
    let cases = [
        (r#","tags":["a"]"#.into(), "tags"),
        (r#","metadata":{"a":"b"}"#.into(), "metadata"),
        (r#","stream":"broadcast""#.into(), "streams"),
        (r#","tracking":{"opens":false}"#.into(), "tracking per message"),
        (file("message/rfc822"), "attachments that are messages"),
        (long, "header values that cannot be folded"),
        (r#","provider_options":{"smtp":{"dsn":true}}"#.into(), "provider_options fields other than envelope_from"),
        (r#","provider_options":{"smtp":{"envelope_from":"x"}}"#.into(), "envelope_from that is no address"),
    ];
    for (more, want) in cases {
        let gaps: Vec<_> =
            check(ProviderKind::Smtp, &message(&more)).unwrap_err().into_iter().map(|gap| gap.feature).collect();
        assert_eq!(gaps, vec![want], "{more}");
    }
    let template = r#"{"from":"a@shop.example","to":"b@example.net","template":{"id":"t"}}"#;
    assert_eq!(check(ProviderKind::Smtp, &Message::parse(template).unwrap()).unwrap_err()[0].feature, "templates");
    let fine = r#","headers":{"List-Unsubscribe":"<https://shop.example/u/42>"},"provider_options":{"resend":{"x":1}}"#;
    assert_eq!(check(ProviderKind::Smtp, &message(fine)), Ok(()));
}

/// A base URL of another kind is no address for this one.
#[test]
fn each_kind_has_its_own_form_of_address() {
    let fits = |kind: ProviderKind, url: &str| kind.base_url_fault(url).is_none();
    let (web, mail, binding) = ("https://esp.example", "smtps://mail.example", "binding:EMAIL");
    for (kind, own) in [
        (ProviderKind::Resend, web),
        (ProviderKind::Cloudflare, web),
        (ProviderKind::Smtp, mail),
        (ProviderKind::CloudflareBinding, binding),
    ] {
        let fitting: Vec<_> = [web, mail, binding].into_iter().filter(|url| fits(kind, url)).collect();
        assert_eq!(fitting, [own], "{}", kind.as_str());
    }
    for url in ["binding:", "binding:my mail", "EMAIL", ""] {
        assert!(!fits(ProviderKind::CloudflareBinding, url), "{url}");
    }
}
