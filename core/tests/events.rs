//! Providers' reports: every fixture verified and mapped, every forgery refused, no body too strange.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod webhooks;

use proptest::prelude::*;
use sendgate_core::{
    event::{
        BounceClass, Certificate, Event, Incoming, Received, Trust, WebhookError, read_mail, receive, receive_queued,
    },
    provider::ProviderKind,
    time::UnixMillis,
};
use serde_json::{Value, json};
use webhooks::*;

fn ask(
    provider: ProviderKind,
    trust: &Trust,
    signed: &Signed,
    pem: &str,
    now: UnixMillis,
) -> Result<Received, WebhookError> {
    let certificate = Certificate { url: CERTIFICATE_URL, pem };
    let incoming = Incoming { headers: &signed.headers, body: &signed.body };
    receive(provider, trust, &incoming, (!pem.is_empty()).then_some(certificate), now)
}

fn events(fixture: &Fixture) -> Vec<Event> {
    if fixture.provider == ProviderKind::Cloudflare {
        return receive_queued(fixture.provider, &sign(fixture).body, NOW).unwrap();
    }
    match ask(fixture.provider, &trust(fixture.provider), &sign(fixture), &key("chain"), NOW).unwrap() {
        Received::Events(events) => events,
        other => panic!("{}: {other:?}", fixture.id),
    }
}

/// Compares an event with what its fixture wants: an absent field wants nothing, but flags want false.
fn compare(event: &Event, want: &Value, at: &str) {
    let text = |field: &str| want[field].as_str();
    let flag = |field: &str| want[field].as_bool().unwrap_or(false);
    assert_eq!(Some(event.kind.word()), text("kind"), "{at}");
    assert_eq!(event.recipient.as_deref(), text("recipient"), "{at}: recipient");
    assert_eq!(event.sender_domain.as_deref(), text("sender_domain"), "{at}: sender_domain");
    assert_eq!(event.is_echo, flag("echo"), "{at}: echo");
    assert_eq!(event.is_candidate, flag("candidate"), "{at}: candidate");
    assert_eq!(event.ip.map(|ip| ip.to_string()).as_deref(), text("ip"), "{at}: ip");
    if let Some(class) = text("class") {
        assert_eq!(event.bounce.unwrap().class.word(), class, "{at}: class");
        assert_eq!(event.bounce.unwrap().unclassified, flag("unclassified"), "{at}: unclassified");
    }
    if let Some(enhanced) = text("enhanced") {
        assert_eq!(event.bounce.unwrap().enhanced.unwrap().to_string(), enhanced, "{at}: enhanced");
    }
    if let Some(counts) = want["counts"].as_bool() {
        assert_eq!(event.bounce.unwrap().counts, counts, "{at}: counts");
    }
}

/// R028, R030, R066, R070, R073: every fixture is verified and becomes the events it should, none of them unmapped but
/// those that say so; addresses of both versions are read.
#[test]
fn every_fixture_is_verified_and_mapped() {
    let all = fixtures();
    let mut keys = std::collections::BTreeSet::new();
    for fixture in &all {
        let at = format!("{:?} {}", fixture.provider, fixture.id);
        let events = events(fixture);
        assert_eq!(events.len(), fixture.want.len(), "{at}");
        for (event, want) in events.iter().zip(&fixture.want) {
            compare(event, want, &at);
            assert!(keys.insert(event.key.clone()), "{at}: {} is not its own key", event.key);
            assert_eq!(event.provider, fixture.provider);
            // Brevo's and Postmark's have whole seconds, and the rejection of Mailgun has no message.
            assert!(event.at.as_millis().abs_diff(1_796_119_201_000) <= 4_000, "{at}: {}", event.at);
        }
    }
    println!("fixtures: {} verified", all.len());
    assert!(all.len() >= 160, "{}", all.len());
}

/// Our own id is found where each provider brings back what it was given.
#[test]
fn our_own_id_comes_back() {
    let id = sendgate_core::id::MessageId::new(3, 5, NOW);
    let cases = [
        (ProviderKind::Sendgrid, "delivered", "/0/sendgate_id"),
        (ProviderKind::Mailgun, "delivered", "/user-variables"),
        (ProviderKind::Postmark, "delivery", "/Metadata"),
        (ProviderKind::Ses, "delivery", "/mail/tags"),
        (ProviderKind::Resend, "delivered", "/data/tags"),
        (ProviderKind::Mailtrap, "delivery", "/events/0/custom_variables"),
        (ProviderKind::Sparkpost, "delivery", "/0/msys/message_event/rcpt_meta"),
    ];
    for (provider, name, path) in cases {
        let mut fixture = fixture(provider, name);
        let ours = id.to_string();
        if provider == ProviderKind::Sendgrid {
            fixture.body[0]["sendgate_id"] = json!(ours);
        } else {
            let value = if provider == ProviderKind::Ses { json!([ours]) } else { json!(ours) };
            fixture.body.pointer_mut(path).unwrap()["sendgate_id"] = value;
        }
        assert_eq!(events(&fixture)[0].message_id, Some(id), "{provider:?}");
    }
    let mut by_header = fixture(ProviderKind::Ses, "delivery");
    by_header.body["mail"]["headers"] = json!([{"name": "x-sendgate-id", "value": id.to_string()}]);
    assert_eq!(events(&by_header)[0].message_id, Some(id));
}

/// What official libraries signed or accept is accepted, and with one byte changed anywhere in it is not.
#[test]
fn vectors_of_official_libraries_fit() {
    let mut tried = 0;
    for vector in vectors() {
        let at = vector["id"].as_str().unwrap();
        let provider = ProviderKind::ALL.into_iter().find(|kind| kind.as_str() == vector["provider"]).unwrap();
        let headers: Vec<(String, String)> = serde_json::from_value(vector["headers"].clone()).unwrap();
        let body = vector["body"].as_str().unwrap().as_bytes().to_vec();
        let now = UnixMillis::new(vector["now_ms"].as_u64().unwrap());
        let trust = Trust { secrets: vec![vector["secret"].as_str().unwrap().into()], ..trust(provider) };
        let chain = key("chain");
        let ok = ask(provider, &trust, &Signed { headers: headers.clone(), body: body.clone() }, &chain, now);
        assert!(ok.is_ok(), "{at}: {ok:?}");
        assert_eq!(matches!(ok, Ok(Received::Confirm { .. })), at.contains("subscription"), "{at}");
        // RSA in a debug build is slow: some bytes of SNS's, all of the others.
        let step = if provider == ProviderKind::Ses { 97 } else { 1 };
        for place in (0..body.len()).step_by(step) {
            let mut forged = body.clone();
            forged[place] ^= 1;
            let signed = Signed { headers: headers.clone(), body: forged };
            let result = ask(provider, &trust, &signed, &chain, now);
            match provider {
                // SNS signs values, not the envelope's own text.
                ProviderKind::Ses => {
                    let same = result.as_ref().is_ok_and(|result| Ok(result) == ok.as_ref());
                    assert!(
                        result.is_err() || same || matches!(result, Ok(Received::NeedsCertificate { .. })),
                        "{at} at {place}"
                    );
                }
                // Mailgun signs neither its event nor the layout: that is what the journal's digest is for.
                ProviderKind::Mailgun => {}
                _ => assert!(result.is_err(), "{at} at {place}: {result:?}"),
            }
        }
        if provider == ProviderKind::Mailgun {
            let signature = serde_json::from_slice::<Value>(&body).unwrap()["signature"].clone();
            for name in ["timestamp", "token", "signature"] {
                let value = signature[name].as_str().unwrap();
                let start = String::from_utf8(body.clone()).unwrap().find(value).unwrap();
                for place in start..start + value.len() {
                    let mut forged = body.clone();
                    forged[place] ^= 1;
                    let result = ask(provider, &trust, &Signed { headers: Vec::new(), body: forged }, "", now);
                    assert!(result.is_err(), "{at} at {place}: {result:?}");
                }
            }
        }
        tried += 1;
    }
    assert_eq!(tried, 10);
}

/// R043, R066: one byte of body or signature changed, no signature, another key, too old, of the future.
#[test]
fn forged_requests_are_refused() {
    let chain = key("chain");
    for provider in OVER_HTTP {
        let fixture =
            fixtures().into_iter().find(|fixture| fixture.provider == provider && !fixture.want.is_empty()).unwrap();
        let (good, trust) = (sign(&fixture), trust(provider));
        let ask = |signed: &Signed, trust: &Trust, now| ask(provider, trust, signed, &chain, now);
        assert!(ask(&good, &trust, NOW).is_ok(), "{provider:?}");

        let is_shared_secret =
            matches!(provider, ProviderKind::Postmark | ProviderKind::Brevo | ProviderKind::Sparkpost);
        let in_body = matches!(provider, ProviderKind::Mailgun | ProviderKind::Ses);
        if !is_shared_secret && !in_body {
            let mut forged = good.clone();
            let last = forged.body.len() - 2;
            forged.body[last] ^= 1;
            assert_eq!(ask(&forged, &trust, NOW), Err(WebhookError::WrongSignature), "{provider:?}: body");
            let mut longer = good.clone();
            longer.body.push(b'\n');
            assert_eq!(ask(&longer, &trust, NOW), Err(WebhookError::WrongSignature), "{provider:?}: a line more");
        }
        if !in_body {
            for place in 0..good.headers.len() {
                let mut forged = good.clone();
                let value = &mut forged.headers[place].1;
                let at = value.len() - 3;
                let other = if &value[at..=at] == "0" { "1" } else { "0" };
                value.replace_range(at..=at, other);
                assert!(ask(&forged, &trust, NOW).is_err(), "{provider:?}: header {place}");
            }
        }
        let stripped = Signed {
            headers: Vec::new(),
            body: if in_body { b"{\"Type\":\"Notification\",\"event-data\":{}}".to_vec() } else { good.body.clone() },
        };
        assert!(
            matches!(ask(&stripped, &trust, NOW), Err(WebhookError::Unsigned | WebhookError::WrongSignature)),
            "{provider:?}"
        );

        let stranger = Trust {
            secrets: vec![match provider {
                ProviderKind::Sendgrid => vectors()[0]["secret"].as_str().unwrap().into(),
                ProviderKind::Resend => "whsec_AAAA".into(),
                _ => "another".into(),
            }],
            topics: vec!["arn:aws:sns:eu-central-1:123456789012:another".into()],
            ..trust.clone()
        };
        assert_eq!(ask(&good, &stranger, NOW), Err(WebhookError::WrongSignature), "{provider:?}: another key");
        if provider != ProviderKind::Ses {
            let both = Trust { secrets: vec![stranger.secrets[0].clone(), trust.secrets[0].clone()], ..trust.clone() };
            assert!(ask(&good, &both, NOW).is_ok(), "{provider:?}: while a key is replaced either is enough");
            let none = Trust { secrets: Vec::new(), ..trust.clone() };
            assert_eq!(ask(&good, &none, NOW), Err(WebhookError::Misconfigured { setting: "secret" }), "{provider:?}");
        }
    }
}

/// The instant that was signed is near enough or it is not, to the millisecond, in both directions.
#[test]
fn stale_requests_are_refused() {
    let cases = [
        (ProviderKind::Sendgrid, "delivered", 86_700_000),
        (ProviderKind::Mailgun, "delivered", 43_200_000),
        (ProviderKind::Ses, "delivery", 3_600_000),
        (ProviderKind::Resend, "delivered", 300_000),
        (ProviderKind::Sandbox, "delivered", 300_000),
    ];
    let chain = key("chain");
    for (provider, id, own) in cases {
        let signed = sign(&fixture(provider, id));
        let at = SIGNED * 1000;
        for (setting, tolerance) in [(None, own), (Some(60_000), 60_000)] {
            let trust = Trust { tolerance_ms: setting, ..trust(provider) };
            let ask = |now| ask(provider, &trust, &signed, &chain, UnixMillis::new(now));
            assert!(ask(at + tolerance).is_ok(), "{provider:?}");
            assert!(ask(at - tolerance).is_ok(), "{provider:?}");
            assert_eq!(ask(at + tolerance + 1), Err(WebhookError::Stale), "{provider:?}");
            assert_eq!(ask(at - tolerance - 1), Err(WebhookError::Stale), "{provider:?}");
        }
    }
}

/// A header of the owner's choice in place of Basic authentication.
#[test]
fn postmark_may_bring_its_secret_in_a_header() {
    let mut signed = sign(&fixture(ProviderKind::Postmark, "hard"));
    let trust = Trust { header: Some("X-Hook".into()), secrets: vec!["s3cret".into()], ..Trust::default() };
    let ask = |signed: &Signed| ask(ProviderKind::Postmark, &trust, signed, "", NOW);
    assert_eq!(ask(&signed), Err(WebhookError::Unsigned));
    signed.headers = vec![("x-hook".into(), "s3cret".into())];
    assert!(ask(&signed).is_ok());
    signed.headers[0].1 = "s3creT".into();
    assert_eq!(ask(&signed), Err(WebhookError::WrongSignature));
}

/// R066: without a certificate one is asked for, and one of another URL is not taken for it.
#[test]
fn sns_asks_for_its_certificate() {
    let signed = sign(&fixture(ProviderKind::Ses, "delivery"));
    let wanted = Ok(Received::NeedsCertificate { url: CERTIFICATE_URL.into() });
    assert_eq!(ask(ProviderKind::Ses, &trust(ProviderKind::Ses), &signed, "", NOW), wanted);
    let (trust, chain) = (trust(ProviderKind::Ses), key("chain"));
    let other = Certificate { url: "https://sns.us-east-1.amazonaws.com/a.pem", pem: &chain };
    let incoming = Incoming { headers: &[], body: &signed.body };
    assert_eq!(receive(ProviderKind::Ses, &trust, &incoming, Some(other), NOW), wanted);
}

/// The chain: each broken link is noticed, and only where trust anchors are given.
#[test]
fn sns_certificates_descend_from_the_anchors() {
    let signed = sign(&fixture(ProviderKind::Ses, "delivery"));
    let with = |anchors: Option<&str>, pem: &str| {
        let trust = Trust { anchors: anchors.map(key), ..trust(ProviderKind::Ses) };
        ask(ProviderKind::Ses, &trust, &signed, &key(pem), NOW).map(|_| ())
    };
    assert_eq!(with(Some("root"), "chain"), Ok(()));
    assert_eq!(with(Some("intermediate"), "leaf"), Ok(()));
    assert_eq!(with(Some("root"), "leaf"), Err(WebhookError::WrongSignature), "the intermediate is missing");
    assert_eq!(with(Some("strange_root"), "chain"), Err(WebhookError::WrongSignature), "a root of the same name");
    assert_eq!(with(Some("root"), "not_an_authority"), Err(WebhookError::WrongSignature));
    assert_eq!(with(Some("root"), "other_host"), Err(WebhookError::WrongSignature));
    assert_eq!(with(Some("root"), "expired"), Err(WebhookError::Stale));
    assert_eq!(with(None, "expired"), Err(WebhookError::Stale));
    assert_eq!(with(None, "leaf"), Ok(()), "the host it came from is what it is believed by");
    assert_eq!(with(None, "self_signed"), Err(WebhookError::WrongSignature), "another key");
    let broken = Trust { anchors: Some("no PEM".into()), ..trust(ProviderKind::Ses) };
    let result = ask(ProviderKind::Ses, &broken, &signed, &key("chain"), NOW);
    assert_eq!(result, Err(WebhookError::Misconfigured { setting: "roots" }));
}

/// SubscriptionConfirmation is an effect, after the same checks; its URL must be of SNS.
#[test]
fn sns_subscriptions_are_confirmed_at_hosts_of_sns() {
    let url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    let ask = |url: &str, version: &str| {
        let fields = json!({"Message": "You have chosen to subscribe", "Token": "t", "SubscribeURL": url});
        let signed = sns("s1", "SubscriptionConfirmation", version, &fields, SIGNED);
        ask(ProviderKind::Ses, &trust(ProviderKind::Ses), &signed, &key("chain"), NOW)
    };
    assert_eq!(ask(url, "1"), Ok(Received::Confirm { url: url.into() }));
    assert_eq!(ask(url, "2"), Ok(Received::Confirm { url: url.into() }));
    assert_eq!(ask(url, "3"), Err(WebhookError::WrongSignature));
    assert_eq!(ask("https://attacker.example/?Action=ConfirmSubscription", "2"), Err(WebhookError::WrongSignature));
    let fields = json!({"Message": "bye", "Token": "t", "SubscribeURL": url});
    let gone = sns("s2", "UnsubscribeConfirmation", "2", &fields, SIGNED);
    let result = self::ask(ProviderKind::Ses, &trust(ProviderKind::Ses), &gone, &key("chain"), NOW);
    assert_eq!(result, Ok(Received::Events(Vec::new())));
    let greeting = sns("s3", "Notification", "2", &json!({"Message": "Successfully validated SNS topic"}), SIGNED);
    let result = self::ask(ProviderKind::Ses, &trust(ProviderKind::Ses), &greeting, &key("chain"), NOW);
    assert_eq!(result, Ok(Received::Events(Vec::new())));
}

/// Who has no webhook says so.
#[test]
fn providers_without_webhooks_say_so() {
    for provider in [ProviderKind::Cloudflare, ProviderKind::CloudflareBinding, ProviderKind::Smtp] {
        let signed = Signed { headers: vec![basic()], body: b"{}".to_vec() };
        assert_eq!(ask(provider, &trust(provider), &signed, "", NOW), Err(WebhookError::NotSupported));
    }
    for provider in OVER_HTTP {
        assert_eq!(receive_queued(provider, b"{}", NOW), Err(WebhookError::NotSupported));
    }
}

/// An error or an event printed for a log holds no address and no secret.
#[test]
fn nothing_private_is_printed() {
    for fixture in fixtures() {
        let printed = format!(
            "{:?} {:?} {:?}",
            events(&fixture),
            trust(fixture.provider),
            Incoming { headers: &sign(&fixture).headers, body: b"" }
        );
        assert!(!printed.contains("ann@") && !printed.contains(&secret(fixture.provider)), "{printed}");
    }
}

fn bodies() -> u32 {
    std::env::var("SENDGATE_EVENT_BODIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

/// Any JSON at all.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_-]{1,12}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Puts `value` at the place of a fixture's body that `seed` picks.
fn disturb(body: &mut Value, mut seed: usize, value: Value) {
    let children = match body {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    if children == 0 || seed.is_multiple_of(5) {
        *body = value;
        return;
    }
    seed /= 5;
    let child = match body {
        Value::Array(list) => list.get_mut(seed % children),
        Value::Object(map) => map.values_mut().nth(seed % children),
        _ => None,
    };
    disturb(child.unwrap(), seed / children, value);
}

proptest! {
    // A case is 26 bodies.
    #![proptest_config(ProptestConfig { cases: bodies().div_ceil(26), ..ProptestConfig::default() })]

    /// Signed or not, whatever the bytes: an answer, never a panic. Every provider, its queue and its mail.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,300}") {
        for provider in ProviderKind::ALL {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let headers: Vec<(String, String)> = HEADERS.iter().map(|name| ((*name).into(), text.clone())).collect();
                let incoming = Incoming { headers: &headers, body };
                let _ = receive(provider, &trust(provider), &incoming, None, NOW);
                let _ = receive_queued(provider, body, NOW);
                let _ = read_mail(body, NOW);
            }
        }
    }

}

proptest! {
    // Each is signed first, which takes longer than reading it.
    #![proptest_config(ProptestConfig { cases: bodies().div_ceil(10), ..ProptestConfig::default() })]

    /// A signed body of a strange shape is an answer, too.
    #[test]
    fn no_signed_shape_panics(pick in any::<prop::sample::Index>(), seed in any::<usize>(), value in any_json()) {
        let all = cheaply_signed();
        let mut fixture = all[pick.index(all.len())].clone();
        disturb(&mut fixture.body, seed, value);
        let signed = sign(&fixture);
        if fixture.provider == ProviderKind::Cloudflare {
            let _ = receive_queued(fixture.provider, &signed.body, NOW);
        } else {
            let result = ask(fixture.provider, &trust(fixture.provider), &signed, "", NOW);
            prop_assert!(!matches!(result, Err(WebhookError::WrongSignature | WebhookError::Stale)), "{result:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: bodies(), ..ProptestConfig::default() })]

    /// Reports by mail with their lines cut, doubled and mixed.
    #[test]
    fn no_mail_panics(lines in prop::collection::vec(prop::sample::select(MAIL_LINES.to_vec()), 0..40), cut in any::<prop::sample::Index>()) {
        let mut mail = lines.join("\r\n").into_bytes();
        mail.truncate(cut.index(mail.len() + 1));
        for event in read_mail(&mail, NOW).1 {
            prop_assert!(event.at <= NOW);
            prop_assert!(event.bounce.is_none_or(|bounce| BounceClass::ALL.contains(&bounce.class)));
        }
    }
}

/// Fixtures that are cheap to sign: RSA and P-256 in a debug build are not, and their parsers have a test of their own
/// beside them.
fn cheaply_signed() -> Vec<Fixture> {
    use std::sync::OnceLock;
    static ALL: OnceLock<Vec<Fixture>> = OnceLock::new();
    ALL.get_or_init(|| {
        fixtures().into_iter().filter(|f| !matches!(f.provider, ProviderKind::Ses | ProviderKind::Sendgrid)).collect()
    })
    .clone()
}

const HEADERS: [&str; 8] = [
    "authorization",
    "x-twilio-email-event-webhook-signature",
    "x-twilio-email-event-webhook-timestamp",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "signature",
    "x-sandbox-signature",
];

const MAIL_LINES: [&str; 24] = [
    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"",
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
    "Content-Type: multipart/mixed; boundary=\"\\\"\"",
    "Content-Type: message/delivery-status",
    "Content-Type: message/feedback-report",
    "Content-Type: message/rfc822",
    "Content-Transfer-Encoding: base64",
    "--b",
    "--b--",
    "",
    " folded",
    "\tfolded \u{e9}",
    "Final-Recipient: rfc822; ann@example.com",
    "Original-Recipient: rfc822;",
    "Action: failed",
    "Action: delayed",
    "Status: 5.1.1",
    "Status: 9.9.9 (\u{1f4a9})",
    "Diagnostic-Code: smtp; 550 5.1.1 no",
    "Original-Rcpt-To: <ann@example.com>",
    "Feedback-Type: abuse",
    "Source-IP: 2001:db8::1",
    "Date: Tue, 01 Dec 2037 10:00:00 +0000",
    "Message-ID: <msg_00000000000000000000000000@shop.example>",
];
