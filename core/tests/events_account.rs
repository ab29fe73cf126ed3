//! Providers' reports at work: the journal, the messages, the suppression list and the counts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests fail loudly"
)]

mod host;
mod webhooks;

use host::*;
use sendgate_core::{
    event::{self, EventKind},
    front,
    provider::ProviderKind,
    time::UnixMillis,
};
use serde_json::{Value, json};
use webhooks::{CERTIFICATE_URL, Fixture, OVER_HTTP, SIGNED, Signed, TOPIC, basic, fixture, fixtures, sign, sign_at};

/// An account that sends through the sandbox and takes reports of several providers: an account has at most 8.
fn host() -> Host {
    host_with(|_| {})
}

/// One that takes reports of this provider beside the sandbox.
fn host_for(kind: ProviderKind) -> Host {
    host_of(&[kind], |_| {})
}

fn host_with(change: impl FnOnce(&mut Value)) -> Host {
    host_of(&SOME, change)
}

const SOME: [ProviderKind; 5] = [
    ProviderKind::Ses,
    ProviderKind::Sendgrid,
    ProviderKind::Mailgun,
    ProviderKind::Postmark,
    ProviderKind::Cloudflare,
];

fn host_of(kinds: &[ProviderKind], change: impl FnOnce(&mut Value)) -> Host {
    let secrets: Vec<(&str, String)> =
        OVER_HTTP.iter().chain([&ProviderKind::Smtp]).map(|kind| (kind.as_str(), webhooks::secret(*kind))).collect();
    let secrets: Vec<_> = secrets.into_iter().chain([("roots", webhooks::key("root"))]).collect();
    let mut host = Host::with_secrets(
        |account| {
            account["providers"] = providers(kinds);
            change(account);
        },
        &secrets,
    );
    host.web.insert(CERTIFICATE_URL.into(), answer(200, &webhooks::key("chain"), &[]));
    host
}

fn providers(kinds: &[ProviderKind]) -> Value {
    let webhook = |kind: ProviderKind| match kind {
        ProviderKind::Ses => json!({"topics": [TOPIC], "roots": "roots"}),
        ProviderKind::Cloudflare => json!({"queue": "mail-events"}),
        _ => json!({"secret": kind.as_str()}),
    };
    let others = kinds.iter().filter(|kind| **kind != ProviderKind::Sandbox).map(|kind| {
        json!({"name": kind.as_str(), "kind": kind.as_str(), "base_url": "https://esp.example", "credential": "ESP", "webhook": webhook(*kind)})
    });
    let own = json!({"name": "main", "kind": "sandbox", "base_url": "http://127.0.0.1:1/esp", "credential": "ESP", "webhook": webhook(ProviderKind::Sandbox)});
    let smtp = json!({"name": "mta", "kind": "smtp", "base_url": "smtps://mta.example:465", "credential": "ESP", "webhook": webhook(ProviderKind::Smtp)});
    [own, smtp].into_iter().chain(others).collect()
}

/// The id that the provider gave to the message of the fixtures, as its send call answered it.
fn provider_id(kind: ProviderKind) -> &'static str {
    if kind == ProviderKind::Mailgun { "esp-1@mg.shop.example" } else { "esp-1" }
}

/// Sends a message that the provider takes under this id.
fn sent(host: &mut Host, to: &Value, id: &str) -> String {
    let ours =
        host.send_ok(vec![json!({"from": "orders@shop.example", "to": to, "subject": "Order 42", "text_body": "Hi"})]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&answer(200, &json!({ "id": id }).to_string(), &[])));
    ours[0].clone()
}

fn report(host: &mut Host, fixture: &Fixture) -> Value {
    host.now = webhooks::NOW;
    let response = deliver(host, fixture.provider, &sign(fixture));
    assert_eq!(response.status, 200, "{:?} {}: {}", fixture.provider, fixture.id, text(&response));
    body(&response)
}

fn deliver(host: &mut Host, provider: ProviderKind, signed: &Signed) -> sendgate_core::http::HttpResponse {
    if provider == ProviderKind::Cloudflare {
        assert_eq!(front::account_of_queue("mail-events", &host.config), Some("shop"));
        let pass = front::queue_pass("shop", "mail-events", 1, host.now);
        return host.take(&pass, &signed.body);
    }
    host.report(&format!("/v1/webhooks/{}/shop", provider.as_str()), &signed.headers, &signed.body)
}

fn suppressed(host: &mut Host) -> Vec<(String, String)> {
    let rows = host.query("SELECT address, reason FROM suppression ORDER BY address");
    rows.into_iter()
        .map(|row| (format!("{:?}", cell(&row[0])), cell(&row[1])))
        .map(|(a, r)| (a.trim_matches('"').into(), r))
        .collect()
}

fn cell(value: &sendgate_core::sql::Value) -> String {
    match value {
        sendgate_core::sql::Value::Text(text) => text.clone(),
        sendgate_core::sql::Value::Integer(n) => n.to_string(),
        other => panic!("{other:?}"),
    }
}

fn count(host: &mut Host, table: &str) -> usize {
    cell(&host.query(&format!("SELECT count(*) FROM {table}"))[0][0]).parse().unwrap()
}

/// Everything that reports change.
fn everything(host: &mut Host) -> Vec<Vec<sendgate_core::sql::Row>> {
    let tables = ["message", "suppression", "event", "soft_bounce", "event_count", "state"];
    tables.iter().map(|table| host.query(&format!("SELECT * FROM {table}"))).collect()
}

/// R023, R028, R030, R039, R045, R073: each fixture ends its message in the one status it should and suppresses whom it
/// should; reported again it changes nothing.
#[test]
fn every_fixture_moves_its_message_and_the_list_once() {
    for fixture in fixtures() {
        let at = format!("{:?} {}", fixture.provider, fixture.id);
        let mut host = host_for(fixture.provider);
        let everybody: Vec<&str> = match fixture.id.as_str() {
            "two-bounced" | "complaint-of-two" | "bounced-one-of-two" => vec!["ann@example.com", "bob@example.com"],
            _ => vec!["ann@example.com"],
        };
        let id = sent(&mut host, &json!(everybody), provider_id(fixture.provider));
        let tally = report(&mut host, &fixture);
        assert_eq!(tally["events"].as_u64().unwrap() as usize, fixture.want.len(), "{at}");

        let reasons: Vec<(String, String)> = fixture
            .want
            .iter()
            .filter_map(|want| Some((want["recipient"].as_str()?.into(), want["suppressed"].as_str()?.into())))
            .collect();
        assert_eq!(suppressed(&mut host), reasons, "{at}");
        let trace = host.trace(&id);
        let status = match fixture.id.as_str() {
            // Everybody bounced; of two who may have complained one did; of two of whom one bounced, who knows.
            "two-bounced" | "bounced-one-of-two" => "bounced",
            "complaint-of-two" => "complained",
            "rejected" if fixture.provider == ProviderKind::Mailgun => "failed",
            _ => fixture.want.first().and_then(|want| want["status"].as_str()).unwrap_or("sent"),
        };
        assert_eq!(trace["status"], status, "{at}");

        let before = everything(&mut host);
        host.advance(1_000);
        let again = deliver(&mut host, fixture.provider, &sign(&fixture));
        assert_eq!(again.status, 200, "{at}: {}", text(&again));
        assert_eq!(body(&again)["duplicates"].as_u64().unwrap() as usize, fixture.want.len(), "{at}");
        assert_eq!(everything(&mut host), before, "{at}: a repeat changed something");
    }
}

/// A refused report is a 401 problem and changes nothing; it is never a 403 or a 429 (R043).
#[test]
fn a_forged_report_changes_nothing() {
    for provider in OVER_HTTP {
        let mut host = host_for(provider);
        sent(&mut host, &json!("ann@example.com"), provider_id(provider));
        host.now = webhooks::NOW;
        let fixture = fixtures()
            .into_iter()
            .find(|f| f.provider == provider && f.want.iter().any(|w| w["suppressed"].is_string()))
            .unwrap();
        let mut signed = sign(&fixture);
        match provider {
            ProviderKind::Mailgun => {
                let mut forged: Value = serde_json::from_slice(&signed.body).unwrap();
                forged["signature"]["token"] = json!("another");
                signed.body = forged.to_string().into_bytes();
            }
            ProviderKind::Ses => {
                let mut forged: Value = serde_json::from_slice(&signed.body).unwrap();
                forged["Message"] = json!(forged["Message"].as_str().unwrap().replace("ann@", "eve@"));
                signed.body = forged.to_string().into_bytes();
            }
            ProviderKind::Postmark | ProviderKind::Brevo | ProviderKind::Sparkpost => signed.headers[0].1.push('='),
            _ => {
                let last = signed.body.len() - 2;
                signed.body[last] ^= 1;
            }
        }
        let before = everything(&mut host);
        let response = deliver(&mut host, provider, &signed);
        assert_eq!(
            (response.status, body(&response)["code"].as_str()),
            (401, Some("invalid_signature")),
            "{provider:?}"
        );
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("www-authenticate"), Some("Basic realm=\"sendgate\""));
        assert_eq!(everything(&mut host), before, "{provider:?}");
    }
}

/// R043: Mailgun's signature does not cover the event; a used token with another event is refused.
#[test]
fn a_mailgun_token_proves_one_event() {
    let mut host = host();
    host.now = webhooks::NOW;
    let complaint = fixture(ProviderKind::Mailgun, "complained");
    let signed = sign(&complaint);
    assert_eq!(deliver(&mut host, ProviderKind::Mailgun, &signed).status, 200);
    let before = everything(&mut host);
    let mut forged: Value = serde_json::from_slice(&signed.body).unwrap();
    forged["event-data"]["recipient"] = json!("victim@example.com");
    let response =
        deliver(&mut host, ProviderKind::Mailgun, &Signed { body: forged.to_string().into_bytes(), ..signed });
    assert_eq!((response.status, body(&response)["code"].as_str()), (401, Some("invalid_signature")));
    assert_eq!(everything(&mut host), before);
}

/// R004: ten thousand events within one second, in posts of a hundred: none is told to come back, all are in the journal.
#[test]
fn ten_thousand_events_in_a_second_are_all_journalled() {
    let mut host = host_with(|account| {
        account["account_windows"] =
            json!([{"kind": "sliding", "name": "plan-minute", "limit": 1, "period_ms": 60000}]);
    });
    host.now = webhooks::NOW;
    for post in 0..100 {
        let list: Vec<Value> = (0..100)
            .map(|n| json!({"email": format!("r{n}@example.com"), "timestamp": SIGNED, "event": "delivered", "sg_event_id": format!("{post}-{n}"), "sg_message_id": "other.x"}))
            .collect();
        let response =
            deliver(&mut host, ProviderKind::Sendgrid, &sign_at(ProviderKind::Sendgrid, "", &json!(list), SIGNED));
        assert_eq!((response.status, body(&response)["events"].as_u64()), (200, Some(100)));
        host.advance(9);
    }
    assert_eq!(count(&mut host, "event"), 10_000);
    let counted = host.database.transaction::<_, Failed, _>(|sql| Ok(event::counts(webhooks::NOW, sql)?)).unwrap();
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].kind, counted[0].n), (EventKind::Delivered, 10_000));
}

fn soft(n: usize, at: u64) -> (Signed, Value) {
    let at = UnixMillis::new(at).to_string();
    let body = json!([{"id": format!("soft-{n}"), "event": "bounced", "at": at, "recipient": "Ann@Example.com", "status": "4.3.0", "code": 451}]);
    (sign_at(ProviderKind::Sandbox, "", &body, SIGNED), body)
}

/// R045: the account's number of soft bounces within its period suppresses, for its time; one fewer, or one too old, does not.
#[test]
fn soft_bounces_suppress_by_the_accounts_number() {
    let policy = json!({"limit": 3, "period_ms": 86_400_000, "suppress_ms": 1_000_000});
    let run = |instants: &[u64]| {
        let mut host = host_with(|account| account["soft_bounces"] = policy.clone());
        host.now = webhooks::NOW;
        for (n, at) in instants.iter().enumerate() {
            assert_eq!(deliver(&mut host, ProviderKind::Sandbox, &soft(n, *at).0).status, 200);
        }
        let rows = host.query("SELECT address, reason, expires_ms FROM suppression");
        rows.iter().map(|row| (cell(&row[0]), cell(&row[1]), cell(&row[2]))).collect::<Vec<_>>()
    };
    let now = webhooks::NOW.as_millis();
    let listed = vec![("ann@example.com".into(), "soft_bounce".into(), (now + 1_000_000).to_string())];
    assert_eq!(run(&[now, now]), []);
    assert_eq!(run(&[now, now, now]), listed);
    assert_eq!(run(&[now - 86_400_000, now, now]), listed);
    assert_eq!(run(&[now - 86_400_001, now, now]), []);
    assert_eq!(run(&[now + 999_999_999, now, now]), listed, "an instant of the future is now");
}

/// A complaint's entry is not shortened by a soft one, and nothing takes anybody off the list.
#[test]
fn an_entry_is_never_weakened() {
    let mut host = host_with(|account| account["soft_bounces"] = json!({"limit": 1}));
    for id in ["complained", "hard", "soft", "subscribed"] {
        report(&mut host, &fixture(ProviderKind::Sandbox, id));
    }
    let rows = host.query("SELECT address, reason, expires_ms IS NULL FROM suppression");
    assert_eq!(rows.len(), 1);
    assert_eq!((cell(&rows[0][1]).as_str(), cell(&rows[0][2]).as_str()), ("complaint", "1"));
    let mut soft_first = host_with(|account| account["soft_bounces"] = json!({"limit": 1}));
    for id in ["soft", "hard"] {
        report(&mut soft_first, &fixture(ProviderKind::Sandbox, id));
    }
    assert_eq!(suppressed(&mut soft_first), [("ann@example.com".into(), "hard_bounce".into())]);
}

/// The status does not depend on the order in which reports arrive.
#[test]
fn the_order_of_reports_does_not_matter() {
    for ids in [["delivered", "hard"], ["hard", "delivered"]] {
        let mut host = host();
        let id = sent(&mut host, &json!("ann@example.com"), "esp-1");
        for report_id in ids {
            report(&mut host, &fixture(ProviderKind::Sandbox, report_id));
        }
        let trace = host.trace(&id);
        assert_eq!(
            (&trace["status"], &trace["recipients"][0]["status"]),
            (&json!("bounced"), &json!("bounced")),
            "{ids:?}"
        );
    }
}

/// A message is over for all its recipients before it is over; delivered to one is delivered.
#[test]
fn a_message_of_two_waits_for_both() {
    let mut host = host();
    let id = sent(&mut host, &json!(["ann@example.com", "bob@example.com"]), "esp-1");
    report(&mut host, &fixture(ProviderKind::Sandbox, "hard"));
    assert_eq!(host.trace(&id)["status"], "sent");
    let mut other = fixture(ProviderKind::Sandbox, "delivered");
    other.body[0]["recipient"] = json!("BOB@example.com");
    report(&mut host, &other);
    let trace = host.trace(&id);
    assert_eq!(trace["status"], "delivered");
    assert_eq!(events(&trace), ["accepted", "attempt", "sent", "bounced", "delivered"]);
    assert_eq!(trace["trace"][3]["class"], "hard");
    assert_eq!(trace["trace"][3]["provider_code"], "5.1.1");
}

/// A report that overtakes the answer to the call waits for it, under the provider's id and under ours.
#[test]
fn a_report_may_come_before_the_answer() {
    for by_our_id in [false, true] {
        let mut host = host();
        let ours = host.send_ok(vec![message("ann@example.com")])[0].clone();
        let (attempt, _) = host.next_request();
        let mut early = fixture(ProviderKind::Sandbox, "delivered");
        if by_our_id {
            early.body[0]["sendgate_id"] = json!(ours);
        }
        report(&mut host, &early);
        assert_eq!(host.trace(&ours)["status"], "sending");
        host.settle(attempt, Ok(&taken()));
        let trace = host.trace(&ours);
        assert_eq!(trace["status"], "delivered", "by our id: {by_our_id}");
        let told = events(&trace);
        assert!(told.contains(&"sent".into()) && told.contains(&"delivered".into()), "{told:?}");
    }
}

/// An attempt of unknown outcome that the provider speaks of was taken.
#[test]
fn a_report_settles_what_nobody_knew() {
    let mut host = host_with(|account| account["providers"][0]["kind"] = json!("postmark"));
    let ours = host.send_ok(vec![message("ann@example.com")])[0].clone();
    let (attempt, _) = host.next_request();
    host.settle(attempt, Err(sendgate_core::outcome::TransportFailure::MaybeSent));
    assert_eq!(host.trace(&ours)["status"], "unknown");
    let mut later = fixture(ProviderKind::Postmark, "delivery");
    later.body["Metadata"]["sendgate_id"] = json!(ours);
    report(&mut host, &later);
    assert_eq!(host.trace(&ours)["status"], "delivered");
}

/// R046: complaints by deliveries, for the account, a provider and a sending domain; echoes and candidates are neither.
#[test]
fn the_complaint_rate_is_complaints_by_deliveries() {
    let mut host = host();
    for n in 0..9 {
        let mut delivered = fixture(ProviderKind::Sandbox, "delivered");
        delivered.body[0]["id"] = json!(format!("d{n}"));
        report(&mut host, &delivered);
    }
    report(&mut host, &fixture(ProviderKind::Sandbox, "complained"));
    report(&mut host, &fixture(ProviderKind::Ses, "delivery"));
    report(&mut host, &fixture(ProviderKind::Ses, "complaint-of-two"));
    report(&mut host, &fixture(ProviderKind::Ses, "complaint-echo"));
    let counted = host.database.transaction::<_, Failed, _>(|sql| Ok(event::counts(webhooks::NOW, sql)?)).unwrap();
    let sum = |provider: &str, kind| -> u64 {
        counted
            .iter()
            .filter(|c| c.kind == kind && c.provider == provider && c.domain == "shop.example")
            .map(|c| c.n)
            .sum()
    };
    assert_eq!((sum("sandbox", EventKind::Complained), sum("sandbox", EventKind::Delivered)), (1, 9));
    assert_eq!((sum("ses", EventKind::Complained), sum("ses", EventKind::Delivered)), (0, 1));
}

/// R066: the certificate is fetched once and kept over a restart; a failed fetch is asked for again; a subscription is
/// confirmed, and only then answered.
#[test]
fn sns_certificates_are_fetched_once_and_subscriptions_confirmed() {
    let mut host = host();
    host.web.clear();
    host.now = webhooks::NOW;
    let delivery = sign(&fixture(ProviderKind::Ses, "delivery"));
    let response = deliver(&mut host, ProviderKind::Ses, &delivery);
    assert_eq!((response.status, count(&mut host, "event")), (503, 0));
    host.web.insert(CERTIFICATE_URL.into(), answer(200, &webhooks::key("self_signed"), &[]));
    assert_eq!(deliver(&mut host, ProviderKind::Ses, &delivery).status, 401, "and such a one is not kept");
    host.web.insert(CERTIFICATE_URL.into(), answer(200, &webhooks::key("chain"), &[]));
    assert_eq!(deliver(&mut host, ProviderKind::Ses, &delivery).status, 200);
    assert_eq!(host.fetched, vec![CERTIFICATE_URL; 3]);
    host.crash();
    host.fetched.clear();
    report(&mut host, &fixture(ProviderKind::Ses, "permanent"));
    assert!(host.fetched.is_empty());

    let url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    let fields = json!({"Message": "You have chosen to subscribe", "Token": "t", "SubscribeURL": url});
    let subscription = webhooks::sns("s1", "SubscriptionConfirmation", "1", &fields, SIGNED);
    assert_eq!(deliver(&mut host, ProviderKind::Ses, &subscription).status, 503);
    host.web.insert(url.into(), answer(200, "<ConfirmSubscriptionResponse/>", &[]));
    assert_eq!(deliver(&mut host, ProviderKind::Ses, &subscription).status, 200);
    assert_eq!(host.fetched, [url, url]);
}

/// What no route, no account and no webhook answer, and that a queue's pass cannot be had over HTTP.
#[test]
fn other_paths_are_not_found_or_not_supported() {
    let mut host = host();
    let ask = |host: &mut Host, path: &str| {
        let response = host.report(path, &[basic()], b"{}");
        (response.status, body(&response)["code"].as_str().unwrap().to_string())
    };
    let not_found = (404, "not_found".to_string());
    assert_eq!(ask(&mut host, "/v1/webhooks/sendgrid/nobody"), not_found);
    assert_eq!(ask(&mut host, "/v1/webhooks/nobody/shop"), not_found);
    assert_eq!(ask(&mut host, "/v1/webhooks/postmark/shop/more").0, 401, "no such route, so a key is asked for");
    let not_supported = (422, "not_supported".to_string());
    assert_eq!(ask(&mut host, "/v1/webhooks/cloudflare/shop"), not_supported);
    assert_eq!(ask(&mut host, "/v1/webhooks/smtp/shop"), not_supported);
    for provider in OVER_HTTP {
        let path = format!("/v1/inbound/{}/shop", provider.as_str());
        assert_eq!(ask(&mut host_for(provider), &path), not_supported, "R029");
    }
    assert_eq!(ask(&mut host, "/v1/webhooks/main/shop").0, 401, "the account's own name for it");
    assert!(front::account_of_queue("another-queue", &host.config).is_none());
    assert!(!host.report("/v1/webhooks/sendgrid/shop", &[], b"").status.eq(&429));
    let no_secret = Host::with(|account| account["providers"][0]["webhook"] = json!({"secret": "absent"})).report(
        "/v1/webhooks/sandbox/shop",
        &[],
        b"[]",
    );
    assert_eq!(no_secret.status, 500, "{}", text(&no_secret));
}

/// Events older than a month are forgotten, the others are not.
#[test]
fn the_journal_forgets_after_a_month() {
    let mut host = host();
    report(&mut host, &fixture(ProviderKind::Sandbox, "opened"));
    host.advance(31 * 86_400_000);
    host.crash();
    assert_eq!(count(&mut host, "event"), 1);
    host.advance(86_400_000);
    host.crash();
    assert_eq!(count(&mut host, "event"), 0);
}

fn mail(name: &str) -> String {
    let mails: Value = serde_json::from_str(include_str!("data/webhooks/mails.json")).unwrap();
    mails["mails"][name].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\r\n")
}

/// R029, R039: bounces, complaints, machines' answers and replies by mail, each told apart; a bounce and a complaint suppress
/// and move the message that our own id in the original names.
#[test]
fn mail_that_comes_in_is_classified() {
    let cases = [
        ("dsn-failed", "bounce", "bounced", Some(("ann@example.com", "hard_bounce"))),
        ("dsn-delayed", "bounce", "sent", None),
        ("dsn-delivered", "bounce", "delivered", None),
        ("dsn-nested-lf", "bounce", "bounced", Some(("ann@example.com", "hard_bounce"))),
        ("arf-abuse", "complaint", "complained", Some(("ann@example.com", "complaint"))),
        ("arf-redacted", "complaint", "complained", Some(("ann@example.com", "complaint"))),
        ("arf-not-spam", "complaint", "sent", None),
        ("absence", "auto_reply", "sent", None),
        ("reply", "reply", "sent", None),
    ];
    for (name, kind, status, listed) in cases {
        let mut host = host();
        let ours = sent(&mut host, &json!("ann@example.com"), "esp-9");
        let mail = mail(name).replace("OUR-ID", &ours);
        let mail = if name.ends_with("-lf") { mail.replace("\r\n", "\n") } else { mail };
        let ask = |host: &mut Host, headers: &[(String, String)]| {
            host.report("/v1/inbound/smtp/shop", headers, mail.as_bytes())
        };
        assert_eq!(ask(&mut host, &[]).status, 401);
        assert_eq!(count(&mut host, "event"), 0);
        host.now = UnixMillis::new(SIGNED * 1000);
        let response = ask(&mut host, &[basic()]);
        assert_eq!((response.status, body(&response)["classified_as"].as_str()), (200, Some(kind)), "{name}");
        let wanted: Vec<(String, String)> = listed.into_iter().map(|(a, r)| (a.into(), r.into())).collect();
        assert_eq!(suppressed(&mut host), wanted, "{name}");
        assert_eq!(host.trace(&ours)["status"], status, "{name}");
        let again = ask(&mut host, &[basic()]);
        assert_eq!(body(&again)["events"], 0, "{name}: a repeat is known");
    }
}
