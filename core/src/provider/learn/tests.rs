use super::*;
use crate::{
    http::HttpResponse,
    limiter::{Decision, Limiter},
    provider::{ProviderKind, Target, tests::NOW},
    transport::{BindingReply, Reply},
};
use alloc::{string::ToString, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

fn answer(status: u16, headers: &[(&str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    HttpResponse { status, headers, body: vec![] }.into()
}

fn page(kind: ProviderKind, body: Value) -> Vec<Limit> {
    let response = HttpResponse { status: 200, headers: vec![], body: body.to_string().into_bytes() };
    learn_account(kind, &response, NOW).limits
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

const NOTHING: Limit = Limit {
    unit: Unit::Requests,
    span: Span::Unsaid,
    bound: Bound::Unsaid,
    used: None,
    remaining: None,
    resets_at: None,
    source: Source::Header,
};

/// C14: SendGrid's reset is an instant, Resend's and Brevo's are waits, Resend's quotas are what is used.
#[test]
fn each_providers_header_fields_are_read_in_its_own_way() {
    let sendgrid = [("X-RateLimit-Limit", "600"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1796119230")];
    let reset = NOW.plus(30_000);
    let whole = Limit { bound: Bound::Units(600), remaining: Some(0), resets_at: Some(reset), ..NOTHING };
    let learned = learn(ProviderKind::Sendgrid, &answer(202, &sendgrid), NOW);
    assert_eq!(learned.limits, [whole]);
    assert_eq!(learned.pause(NOW), Some(reset));

    let resend = [
        ("ratelimit-limit", "5"),
        ("ratelimit-remaining", "4"),
        ("ratelimit-reset", "1"),
        ("x-resend-daily-quota", "97"),
        ("x-resend-monthly-quota", "2000"),
    ];
    let used = |unit, used| Limit { unit: Unit::Recipients, span: Span::Calendar(unit), used: Some(used), ..NOTHING };
    let rate = Limit {
        span: Span::Sliding(1_000),
        bound: Bound::Units(5),
        remaining: Some(4),
        resets_at: Some(NOW.plus(1_000)),
        ..NOTHING
    };
    let learned = learn(ProviderKind::Resend, &answer(200, &resend), NOW);
    assert_eq!(learned.limits, [rate, used(CalendarUnit::Day, 97), used(CalendarUnit::Month, 2_000)]);
    assert_eq!(learned.pause(NOW), None);

    let brevo =
        [("x-sib-ratelimit-limit", "1000"), ("x-sib-ratelimit-remaining", "0"), ("x-sib-ratelimit-reset", "45")];
    let learned = learn(ProviderKind::Brevo, &answer(429, &brevo), NOW);
    let want = Limit { bound: Bound::Units(1_000), remaining: Some(0), resets_at: Some(NOW.plus(45_000)), ..NOTHING };
    assert_eq!((learned.limits.as_slice(), learned.pause(NOW)), (&[want][..], Some(NOW.plus(45_000))));

    let mailersend = [
        ("x-ratelimit-limit", "120"),
        ("x-ratelimit-remaining", "119"),
        ("x-apiquota-remaining", "0"),
        ("x-apiquota-reset", "2026-12-02T00:00:00Z"),
    ];
    let learned = learn(ProviderKind::Mailersend, &answer(202, &mailersend), NOW);
    assert_eq!(learned.limits[0].span, Span::Sliding(60_000));
    assert_eq!(learned.pause(NOW), UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z"));
}

/// A gateway's answer, another provider's fields and what is no number teach nothing.
#[test]
fn nothing_is_learnt_from_what_is_not_the_providers_own() {
    let fields = [("x-ratelimit-limit", "1"), ("ratelimit-limit", "1"), ("x-sib-ratelimit-limit", "1")];
    for status in [301, 400, 403, 500, 503] {
        for kind in ProviderKind::ALL {
            assert_eq!(learn(kind, &answer(status, &fields), NOW), Learned::default());
        }
    }
    assert_eq!(learn(ProviderKind::Ses, &answer(200, &fields), NOW), Learned::default());
    for value in ["", "-1", "1.5", "1e3", "many", "99999999999999999999999"] {
        assert_eq!(learn(ProviderKind::Resend, &answer(200, &[("ratelimit-limit", value)]), NOW), Learned::default());
    }
    let binding = Reply::Binding(BindingReply::Returned { message_id: None });
    assert_eq!(learn(ProviderKind::Resend, &binding, NOW), Learned::default());
}

/// R024-R027: SES counts recipients over 24 hours and a second; -1 is no limit.
#[test]
fn an_account_page_tells_quota_and_rate() {
    let day = |bound, used, remaining| Limit {
        unit: Unit::Recipients,
        span: Span::Sliding(86_400_000),
        bound,
        used,
        remaining,
        source: Source::Account,
        ..NOTHING
    };
    let rate = |units| Limit { span: Span::Sliding(1_000), ..day(Bound::Units(units), None, None) };
    let ses = |most: f64, sent: f64| json!({ "SendQuota": { "Max24HourSend": most, "MaxSendRate": 14.0, "SentLast24Hours": sent }, "SendingEnabled": true });
    let limits = page(ProviderKind::Ses, ses(50_000.0, 12.0));
    assert_eq!(limits, [day(Bound::Units(50_000), Some(12), Some(49_988)), rate(14)]);
    assert_eq!(page(ProviderKind::Ses, ses(-1.0, 12.0)), [day(Bound::Unlimited, Some(12), None), rate(14)]);

    let credits = json!({
        "remain": 900, "total": 1000, "used": 100, "overage": 0, "next_reset": "2026-12-31", "reset_frequency": "monthly",
    });
    let limits = page(ProviderKind::Sendgrid, credits);
    assert_eq!(limits[0].span, Span::Calendar(CalendarUnit::Month));
    assert_eq!((limits[0].bound, limits[0].used, limits[0].remaining), (Bound::Units(1_000), Some(100), Some(900)));
    assert_eq!(limits[0].resets_at, UnixMillis::parse_rfc3339("2026-12-31T00:00:00Z"));

    let usage = json!({
        "object": "usage",
        "emails": {
            "daily": { "used": 100, "limit": 100, "resets_at": "2026-12-02T00:00:00Z" },
            "monthly": { "used": 400, "limit": null },
        },
        "rate_limit": { "limit": 5, "duration": "1 second" },
    });
    let limits = page(ProviderKind::Resend, usage);
    assert_eq!(
        limits.iter().map(|limit| limit.bound).collect::<Vec<_>>(),
        [Bound::Units(100), Bound::Unlimited, Bound::Units(5)]
    );
    assert_eq!(limits[2].span, Span::Sliding(1_000));
    assert_eq!(Learned { limits }.pause(NOW), UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z"));

    let quota = json!({ "quota": 1000, "remaining": 752, "reset": "2026-12-02T00:00:00Z" });
    assert_eq!(page(ProviderKind::Mailersend, quota)[0].remaining, Some(752));
    for kind in ProviderKind::ALL {
        assert!(page(kind, json!({})).is_empty());
        let refused = HttpResponse { status: 403, headers: vec![], body: ses(1.0, 1.0).to_string().into_bytes() };
        assert_eq!(learn_account(kind, &refused, NOW), Learned::default());
    }
}

#[test]
fn an_account_page_is_asked_for_where_there_is_one() {
    let target = Target { region: Some("eu-west-1"), ..Target::new("https://esp.example/", "AKID:secret") };
    let asked = |kind| account_query(kind, &target, NOW).map(|request| (request.method, request.url));
    let want = |path: &str| Some(("GET", alloc::format!("https://esp.example{path}")));
    assert_eq!(asked(ProviderKind::Ses), want("/v2/email/account"));
    assert_eq!(asked(ProviderKind::Sendgrid), want("/v3/user/credits"));
    assert_eq!(asked(ProviderKind::Resend), want("/usage"));
    assert_eq!(asked(ProviderKind::Mailersend), want("/v1/api-quota"));
    let others = ProviderKind::ALL.into_iter().filter(|kind| asked(*kind).is_some()).count();
    assert_eq!(others, 4);
    assert_eq!(account_query(ProviderKind::Ses, &Target::new("https://esp.example", "AKID:secret"), NOW), None);
    assert_eq!(account_query(ProviderKind::Resend, &Target::new("https://esp.example", "a\r\nb"), NOW), None);
    let request = account_query(ProviderKind::Ses, &target, NOW).unwrap();
    let authorization = request.headers.iter().find(|(name, _)| *name == "Authorization").unwrap();
    assert!(authorization.1.contains("SignedHeaders=host;x-amz-date,"));
    assert!(!request.headers.iter().any(|(name, _)| *name == "Content-Type"), "there is no body");
}

/// R027: a raised quota counts for the next decision and keeps what was counted; a lowered one refuses until it drains.
#[test]
fn a_learnt_limit_moves_the_window_and_keeps_its_count() {
    let profile = [sliding("day", 50_000, 86_400_000), sliding("second", 14, 1_000)];
    let learned = |most: f64, rate: f64| {
        let body = json!({ "SendQuota": { "Max24HourSend": most, "MaxSendRate": rate } });
        Learned { limits: page(ProviderKind::Ses, body) }
    };
    let raised = adjusted(&profile, Unit::Recipients, &learned(200_000.0, 80.0), NOW);
    assert_eq!(raised, [sliding("day", 200_000, 86_400_000), sliding("second", 80, 1_000)]);
    let sandbox = adjusted(&profile, Unit::Recipients, &learned(200.0, 1.0), NOW);
    assert_eq!(sandbox, [sliding("day", 200, 86_400_000), sliding("second", 1, 1_000)]);
    assert_eq!(adjusted(&profile, Unit::Requests, &learned(200.0, 1.0), NOW), profile, "another unit's");

    let (before, after) = (Limiter::new(profile[..1].to_vec()).unwrap(), Limiter::new(sandbox[..1].to_vec()).unwrap());
    let mut state = before.fresh();
    assert!(matches!(before.decide(&mut state, 300, NOW), Decision::Allow { .. }));
    let mut state = after.migrate(&before, &state, NOW);
    assert!(!matches!(after.decide(&mut state, 1, NOW), Decision::Allow { .. }), "300 are counted, 200 allowed");
}

/// Never more than the documented factors, never none.
#[test]
fn a_limit_moves_within_its_factors() {
    let window = sliding("w", 100, 1_000);
    for (source, bound, want) in [
        (Source::Header, Bound::Units(0), 10),
        (Source::Header, Bound::Units(9), 10),
        (Source::Header, Bound::Units(1_000), 1_000),
        (Source::Header, Bound::Units(1_001), 1_000),
        (Source::Header, Bound::Unlimited, 1_000),
        (Source::Header, Bound::Unsaid, 100),
        (Source::Account, Bound::Units(0), 1),
        (Source::Account, Bound::Units(u64::MAX), 100_000),
        (Source::Account, Bound::Unlimited, 100_000),
    ] {
        assert_eq!(within(&window, &Limit { bound, source, ..NOTHING }).limit(), want, "{source:?} {bound:?}");
    }
    let calendar = Window::Calendar { name: "d".into(), limit: 5, unit: CalendarUnit::Day, time_zone: "UTC".into() };
    assert_eq!(within(&calendar, &Limit { bound: Bound::Units(7), ..NOTHING }).limit(), 7);
    let pace = Window::Pace { name: "p".into(), interval_ms: 10, burst: 5 };
    assert_eq!(within(&pace, &Limit { bound: Bound::Units(7), ..NOTHING }), pace);
}

/// C14: SendGrid says a number and not of what: it lowers the shortest window that it can be of.
#[test]
fn a_limit_without_a_period_only_lowers() {
    let profile = [sliding("api-hour", 1_000, 3_600_000), sliding("api-5min", 100, 300_000)];
    let learned = |units, wait_ms| Learned {
        limits: vec![Limit { bound: Bound::Units(units), resets_at: Some(NOW.plus(wait_ms)), ..NOTHING }],
    };
    let after = |units, wait_ms| {
        let windows = adjusted(&profile, Unit::Requests, &learned(units, wait_ms), NOW);
        windows.iter().map(Window::limit).collect::<Vec<_>>()
    };
    assert_eq!(after(600, 60_000), [1_000, 100]);
    assert_eq!(after(50, 60_000), [1_000, 50]);
    assert_eq!(after(600, 600_000), [600, 100]);
    assert_eq!(after(50, 7_200_000), [1_000, 100], "of no window here");
}

proptest! {
    /// Whatever is learnt, a policy stays a policy: same names, same periods, limits within 1,000 times.
    #[test]
    fn whatever_is_learnt_a_policy_stays_one(
        kind in prop::sample::select(ProviderKind::ALL.to_vec()),
        values in prop::collection::vec("[0-9]{0,21}|[ -~]{0,12}", 8),
        status in prop::sample::select(vec![200_u16, 202, 429]), limit in 1_u32..=4_294_967_294, now in any::<u64>(),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let names = [
            "x-ratelimit-limit", "x-ratelimit-reset", "x-ratelimit-remaining", "ratelimit-limit", "ratelimit-reset",
            "x-sib-ratelimit-limit", "x-sib-ratelimit-reset", "ratelimit-remaining",
        ];
        let headers: Vec<_> = names.iter().zip(&values).map(|(name, value)| (*name, value.as_str())).collect();
        let now = UnixMillis::new(now);
        let learned = learn(kind, &answer(status, &headers), now);
        let _ = learn_account(kind, &HttpResponse { status: 200, headers: vec![], body }, now);
        prop_assert!(learned.pause(now).is_none_or(|at| at > now));
        let windows = [sliding("a", limit, 1_000), sliding("b", limit, 60_000)];
        for (window, was) in adjusted(&windows, Unit::Requests, &learned, now).iter().zip(&windows) {
            prop_assert_eq!(window.name(), was.name());
            prop_assert!(u64::from(window.limit()) <= u64::from(limit) * 10 && window.limit() >= limit.div_ceil(10));
            prop_assert!(Limiter::new(vec![window.clone()]).is_ok());
        }
    }
}

/// R027: what an answer does not speak of stays as an earlier one told it; a guess begins at the documented figure again.
#[test]
fn an_answer_moves_only_what_it_speaks_of() {
    let window = |name: &str, limit, period_ms| Window::Sliding { name: name.into(), limit, period_ms };
    let documented = [window("second", 10, 1_000), window("day", 200, 86_400_000)];
    let told = |span, units, source| Learned {
        limits: alloc::vec![Limit {
            unit: Unit::Requests,
            span,
            bound: Bound::Units(units),
            used: None,
            remaining: None,
            resets_at: None,
            source,
        }],
    };
    let day = told(Span::Sliding(86_400_000), 50_000, Source::Account);
    let after_day = moved(&documented, &documented, Unit::Requests, &day, NOW);
    assert_eq!(after_day, [window("second", 10, 1_000), window("day", 50_000, 86_400_000)]);
    let second = told(Span::Sliding(1_000), 14, Source::Header);
    let after_second = moved(&documented, &after_day, Unit::Requests, &second, NOW);
    assert_eq!(after_second, [window("second", 14, 1_000), window("day", 50_000, 86_400_000)]);
    assert_eq!(moved(&documented, &after_second, Unit::Messages, &second, NOW), after_second);
    for (guess, limit) in [(3, 3), (7, 7), (12, 10)] {
        let guessed =
            moved(&documented, &after_second, Unit::Requests, &told(Span::Unsaid, guess, Source::Header), NOW);
        assert_eq!(guessed, [window("second", limit, 1_000), window("day", 50_000, 86_400_000)], "{guess}");
    }
    assert_eq!(told_before(&documented[1], 50_000), after_day[1]);
    assert_eq!(told_before(&documented[1], u32::MAX).limit(), 200_000, "within the bounds of an account's own page");
}
