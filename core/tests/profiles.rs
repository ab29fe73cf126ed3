//! The provider profiles at work in the real limiter. Rows R001 to R003, R005 to R021, R024 to R027, R080, R082 to R085;
//! C05, C06, C14, C15, C23.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

mod host;

use host::config_with;
use sendgate_core::{
    calendar::CalendarUnit,
    catalog::{Call, Contacts, Profile, Scope},
    config::{Config, Warning},
    ledger::Ledger,
    limiter::{Decision, Limiter, State, Window},
    mailroom::Effect,
    message::Class,
    provider::{self, ProviderKind},
    time::UnixMillis,
};
use serde_json::json;

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// One owner's state in the lanes of a profile: what a host keeps for an API key, a user, a token or a region.
struct Owner {
    lanes: Vec<(Call, Limiter, State)>,
}

/// A deferral: until when, and the window that binds.
type Deferred = (u64, String);

impl Owner {
    fn of(profile: &str, scope: Scope) -> Self {
        let profile = Profile::named(profile).unwrap();
        let lanes = [Call::Api, Call::Send, Call::Events].into_iter().filter_map(|kind| {
            let windows = profile.lane(scope, kind);
            let limiter = (!windows.is_empty()).then(|| Limiter::new(windows).unwrap())?;
            let state = limiter.fresh();
            Some((kind, limiter, state))
        });
        Self { lanes: lanes.collect() }
    }

    /// One call of so many units at `START + at`: counted in every lane it charges, or in none.
    fn ask(&mut self, call: Call, units: u32, at: u64) -> Result<(), Deferred> {
        let now = UnixMillis::new(START + at);
        let charged = |lane: &&mut (Call, Limiter, State)| call.charges().contains(&lane.0);
        let mut latest: Option<Deferred> = None;
        for (_, limiter, state) in self.lanes.iter_mut().filter(charged) {
            match limiter.peek(state, units, now) {
                Decision::Allow { .. } => {}
                Decision::Defer { retry_at, window } => {
                    let name = limiter.windows()[window].name().to_string();
                    latest = latest.max(Some((retry_at.as_millis() - START, name)));
                }
                Decision::Reject { window } => panic!("{:?} never admits {units}", limiter.windows()[window]),
            }
        }
        if let Some(deferred) = latest {
            return Err(deferred);
        }
        for (_, limiter, state) in self.lanes.iter_mut().filter(charged) {
            limiter.charge(state, units, now);
        }
        Ok(())
    }

    fn ask_times(&mut self, call: Call, times: usize, at: u64) {
        for n in 0..times {
            assert_eq!(self.ask(call, 1, at), Ok(()), "call {n}");
        }
    }

    /// Deferred by this window at `at`, and tight: admitted at the instant it names and not 1 ms before.
    fn assert_deferred(&mut self, call: Call, at: u64, by: &str) -> u64 {
        let (retry_at, window) = self.ask(call, 1, at).unwrap_err();
        assert_eq!(window, by);
        assert!(self.ask(call, 1, retry_at - 1).is_err(), "admitted before retry_at");
        assert_eq!(self.ask(call, 1, retry_at), Ok(()));
        retry_at
    }
}

/// R001: 1,000 calls of a key in an hour, the next one deferred to the first instant the hour has room again.
#[test]
fn sendgrid_takes_a_thousand_calls_an_hour_and_defers_the_next() {
    let mut key = Owner::of("sendgrid", Scope::ApiKey);
    for n in 0..1_000 {
        // One each 3.3 s: 91 in five minutes, so only the hour can bind.
        assert_eq!(key.ask(Call::Send, 1, n * 3_300), Ok(()), "call {n}");
    }
    let retry_at = key.assert_deferred(Call::Send, 1_000 * 3_300, "api-hour");
    assert!((HOUR..HOUR + HOUR / 15 + 1).contains(&retry_at), "{retry_at}");
}

/// R002 and C14: 100 calls in any five minutes, and a second key has its own. R003: version 2 has the hour only.
#[test]
fn sendgrid_version_3_binds_a_burst_in_five_minutes_and_version_2_does_not() {
    let mut key = Owner::of("sendgrid", Scope::ApiKey);
    key.ask_times(Call::Send, 100, 0);
    assert_eq!(key.ask(Call::Send, 1, 299_999).unwrap_err().1, "api-5min");
    Owner::of("sendgrid", Scope::ApiKey).ask_times(Call::Send, 100, 0);
    let mut old = Owner::of("sendgrid.v2", Scope::ApiKey);
    old.ask_times(Call::Send, 1_000, 0);
    old.assert_deferred(Call::Send, 1, "api-hour");
}

/// R008: the hour is the user's, whichever key calls. R009: a send is counted as a call and as a send, a domain call as a
/// call only.
#[test]
fn mailgun_counts_a_send_twice_and_another_call_once() {
    let mut user = Owner::of("mailgun", Scope::User);
    let used = |user: &Owner, at: u64| -> Vec<u32> {
        let now = UnixMillis::new(START + at);
        user.lanes.iter().map(|(_, limiter, state)| limiter.usage(state, now)[0].used).collect()
    };
    user.ask_times(Call::Send, 500, 0);
    user.ask_times(Call::Api, 300, 0);
    user.ask_times(Call::Events, 200, 0);
    assert_eq!(used(&user, 0), [800, 500, 200], "calls, sends, polls");
    user.ask_times(Call::Send, 1_200, 0);
    user.assert_deferred(Call::Send, 1, "api-hour");

    let mut sender = Owner::of("mailgun", Scope::User);
    sender.ask_times(Call::Send, 2_000, 0);
    let (_, window) = sender.ask(Call::Send, 1, 1).unwrap_err();
    assert!(window == "api-hour" || window == "send-hour", "both are full");
    assert!(
        Profile::named("mailgun").unwrap().lane(Scope::ApiKey, Call::Send).is_empty(),
        "a key has no window of its own"
    );
}

/// R010: polling events is counted by itself: it runs dry and sends go on.
#[test]
fn mailgun_events_have_their_own_window() {
    let mut user = Owner::of("mailgun", Scope::User);
    user.ask_times(Call::Events, 10_000, 0);
    assert_eq!(user.ask(Call::Events, 1, 1).unwrap_err().1, "events-hour");
    user.ask_times(Call::Send, 2_000, 1);
}

/// R014 and R015: ten a second bind at once; sustained, the minute binds after 50 seconds.
#[test]
fn postmark_binds_in_the_second_and_then_in_the_minute() {
    let mut token = Owner::of("postmark", Scope::Token);
    for second in 0..50 {
        token.ask_times(Call::Send, 10, second * 1_000);
        if second < 49 {
            assert_eq!(token.ask(Call::Send, 1, second * 1_000 + 999).unwrap_err().1, "api-second");
        }
    }
    let retry_at = token.assert_deferred(Call::Send, 50_000, "api-minute");
    assert!((60_000..=64_001).contains(&retry_at), "a minute after the first, and at most a sub-bucket: {retry_at}");
}

/// R024 and C06: 200 recipients in any 24 hours in the sandbox, one a second.
#[test]
fn the_ses_sandbox_takes_two_hundred_recipients_in_a_rolling_day() {
    let mut region = Owner::of("ses.sandbox", Scope::Region);
    for n in 0..200 {
        assert_eq!(region.ask(Call::Send, 1, n * 1_000), Ok(()), "recipient {n}");
    }
    let retry_at = region.assert_deferred(Call::Send, 200_000, "send-24h");
    assert!(
        (DAY..=DAY + DAY / 15).contains(&retry_at),
        "24 hours after the first, and at most a sub-bucket: {retry_at}"
    );
}

/// R025 and R026: 14 a second, and the 50,001st recipient of a rolling day waits. C06: a message to three costs three.
#[test]
fn ses_production_counts_recipients_in_the_second_and_in_the_day() {
    let mut region = Owner::of("ses.production", Scope::Region);
    region.ask_times(Call::Send, 14, 0);
    assert_eq!(region.ask(Call::Send, 1, 999).unwrap_err(), (1_000, "send-second".into()));
    for second in 1..3_571 {
        assert_eq!(region.ask(Call::Send, 14, second * 1_000), Ok(()));
    }
    assert_eq!(region.ask(Call::Send, 3, 3_571_000), Ok(()), "49,997 recipients");
    assert_eq!(region.ask(Call::Send, 4, 3_572_000).unwrap_err().1, "send-24h");
    assert_eq!(region.ask(Call::Send, 3, 3_572_000), Ok(()), "the 50,000th");
    let retry_at = region.assert_deferred(Call::Send, 3_573_000, "send-24h");
    assert!((DAY..=DAY + DAY / 15).contains(&retry_at), "{retry_at}");
}

/// R027: a raised quota has its room at the next decision; a lowered one refuses until it has drained.
#[test]
fn a_changed_ses_quota_keeps_what_is_in_use() {
    let profile = Profile::named("ses.production").unwrap();
    let day = |limit: u32| {
        let of_day = profile.lane(Scope::Region, Call::Send).into_iter().filter(|window| window.name() == "send-24h");
        let changed = of_day.map(|window| match window {
            Window::Sliding { name, period_ms, .. } => Window::Sliding { name, limit, period_ms },
            Window::Calendar { .. } | Window::Pace { .. } => panic!("a profile's windows are sliding"),
        });
        Limiter::new(changed.collect()).unwrap()
    };
    let (now, next) = (UnixMillis::new(START), UnixMillis::new(START + 1));
    let (usual, raised, lowered) = (day(50_000), day(60_000), day(40_000));
    let mut state = usual.fresh();
    usual.charge(&mut state, 50_000, now);
    let mut more = raised.migrate(&usual, &state, next);
    assert!(matches!(raised.decide(&mut more, 10_000, next), Decision::Allow { .. }));
    assert!(matches!(raised.decide(&mut more, 1, next), Decision::Defer { .. }));
    let mut less = lowered.migrate(&usual, &state, next);
    let Decision::Defer { retry_at, .. } = lowered.decide(&mut less, 1, next) else { panic!("50,000 are in use") };
    assert!(retry_at.as_millis() >= START + DAY);
    assert!(matches!(lowered.decide(&mut less, 40_000, retry_at), Decision::Allow { .. }));
}

fn rule(profile: &str, plan: &str) -> Contacts {
    Profile::named(profile).unwrap().plan(plan).unwrap()
}

/// R005: reservation 12 * C + 1 of the calendar month is refused. R007, R013, R020: transactional mail is not counted
/// there, and the rate windows bind it all the same.
#[test]
fn the_monthly_contact_limit_binds_all_but_transactional_mail() {
    for plan in ["essentials", "pro"] {
        let rule = rule("sendgrid", plan);
        let quota = rule.monthly_quota(Some(1_000), Class::Bulk).unwrap();
        assert_eq!((quota.period, quota.limit), (CalendarUnit::Month, 12_000));
        let mut ledger = Ledger::new(&[quota], "UTC").unwrap();
        ledger.reserve(12_000, UnixMillis::new(START)).unwrap();
        assert_eq!(ledger.reserve(1, UnixMillis::new(START)).unwrap_err().code(), "quota_monthly");
        assert_eq!(rule.monthly_quota(Some(1_000), Class::Transactional), None);
        assert_eq!(rule.monthly_quota(None, Class::Bulk), None, "C23: inactive without the number of contacts");
    }
    for (profile, plan) in [("mailgun", "scale"), ("postmark", "ultra")] {
        let any = Class::ALL.iter().any(|class| rule(profile, plan).monthly_quota(Some(1), *class).is_some());
        assert!(!any, "{profile} has no monthly limit");
    }
    let counted = r#"{"as_of":"2026-01-01","source":"https://esp.example/","family":"esp","windows":[],
        "plans":{"all":{"month_multiplier":2}}}"#;
    let all = Profile::parse("esp", counted).unwrap().plan("all").unwrap();
    assert_eq!(
        all.monthly_quota(Some(5), Class::Transactional).unwrap().limit,
        10,
        "exempt only where a profile says so"
    );
    let mut key = Owner::of("sendgrid", Scope::ApiKey);
    key.ask_times(Call::Send, 100, 0);
    assert!(key.ask(Call::Send, 1, 1).is_err());
}

/// R006, R011, R012, R017, R018, R019: a campaign of n * C recipients, and one recipient more.
#[test]
fn a_campaign_is_at_most_a_multiple_of_the_contacts() {
    for (profile, plan, times) in [
        ("sendgrid", "pro", 5),
        ("mailgun", "foundation", 5),
        ("mailgun", "scale", 12),
        ("postmark", "pro", 5),
        ("postmark", "platform", 8),
        ("postmark", "ultra", 10),
    ] {
        let guard = rule(profile, plan).campaign_guard(Some(777)).unwrap();
        assert_eq!(guard.check(777 * times), Ok(()), "{profile} {plan}");
        let refused = guard.check(777 * times + 1).unwrap_err();
        assert_eq!((refused.code(), refused.guard.limit), ("campaign_too_large", 777 * times));
        assert_eq!(rule(profile, plan).campaign_guard(None), None);
    }
}

/// R021 and C05: 10,001 messages are two calls of the document's 10,000, and 10,000 are twenty of the documented 500.
#[test]
fn messages_are_cut_into_the_calls_that_postmark_takes() {
    let conservative = Profile::named("postmark.conservative").unwrap();
    assert_eq!(conservative.calls(10_001), [0..10_000, 10_000..10_001]);
    assert_eq!(conservative.calls(10_000).len(), 1);
    let documented = Profile::named("postmark").unwrap();
    assert_eq!(documented.calls(10_000).len(), 20);
    assert!(documented.messages_per_call.1.source.starts_with("https://postmarkapp.com/"));
}

/// A profile's figure is the one that the provider's own file builds calls by.
#[test]
fn the_profiles_calls_are_the_dialects_calls() {
    for (kind, profile) in [
        (ProviderKind::Sendgrid, "sendgrid"),
        (ProviderKind::Mailgun, "mailgun"),
        (ProviderKind::Postmark, "postmark"),
        (ProviderKind::Resend, "resend"),
    ] {
        let per_call = Profile::named(profile).unwrap().messages_per_call.0;
        assert_eq!(usize::try_from(per_call).unwrap(), provider::bounds(kind).messages, "{profile}");
    }
}

fn config(change: impl FnOnce(&mut serde_json::Value)) -> Result<Config, String> {
    Config::from_json(&config_with(change)).map_err(|error| error.to_string())
}

fn postmark(provider: &serde_json::Value) -> serde_json::Value {
    let mut whole =
        json!({"name": "main", "kind": "postmark", "base_url": "https://api.postmarkapp.com", "credential": "PM"});
    whole.as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    json!([whole])
}

fn codes(config: &Config, now: &str) -> Vec<&'static str> {
    let warnings = config.warnings(UnixMillis::parse_rfc3339(now).unwrap());
    assert!(warnings.iter().all(|warning| Warning::CODES.contains(&warning.code)));
    warnings.iter().map(|warning| warning.code).collect()
}

/// A profile gives the windows that the configuration does not; one of the same name wins over it.
#[test]
fn a_provider_takes_its_windows_from_a_profile() {
    let own = json!([{"kind": "sliding", "name": "api-second", "limit": 3, "period_ms": 1000}]);
    let config =
        config(|account| account["providers"] = postmark(&json!({"profile": "postmark", "windows": own}))).unwrap();
    let windows = &config.accounts["shop"].providers[0].windows;
    let seen: Vec<(&str, u32)> = windows.iter().map(|window| (window.name(), window.limit())).collect();
    assert_eq!(seen, [("api-second", 3), ("api-minute", 500)]);
}

/// C06: what a profile counts in recipients is a window of recipients. R024: it binds in the outbox, at the provider.
#[test]
fn a_profile_of_recipients_binds_by_recipients() {
    let mut host = host::Host::with(|account| account["providers"][0]["profile"] = json!("ses.production"));
    let provider = &host.config.accounts["shop"].providers[0];
    assert_eq!((provider.windows.len(), provider.recipient_windows.len()), (0, 2));
    let mut to_ten = host::message("ann@example.com");
    to_ten["bcc"] = json!((0..9).map(|n| format!("user{n}@example.com")).collect::<Vec<_>>());
    host.send_ok(vec![to_ten.clone(), to_ten]);
    let (attempt, _) = host.next_request();
    assert!(!matches!(host.next(), Effect::Send { .. }), "ten and ten recipients are more than 14 in a second");
    host.settle(attempt, Ok(&host::taken()));
    let Effect::Wait { until } = host.next() else { panic!("the second message waits") };
    assert_eq!(until, host.now.plus(1_000));
    host.now = until;
    host.next_request();
}

/// R087: the configuration's own groups share a bucket as the built-in ones do.
#[test]
fn a_group_of_the_configuration_shares_a_bucket() {
    let windows = json!({"big": [{"kind": "sliding", "name": "minute", "limit": 1, "period_ms": 60000}]});
    let nameless = config(|account| account["domain_windows"] = windows.clone()).unwrap_err();
    assert!(nameless.starts_with("accounts.shop.domain_windows.big"), "{nameless}");
    let twice = json!({"big": ["big.example"], "other": ["big.example"]});
    let error = config(|account| account["domain_groups"] = twice).unwrap_err();
    assert!(error.contains("domain_groups.other: big.example stands in two groups"), "{error}");
    let mut host = host::Host::with(|account| {
        account["domain_groups"] = json!({"big": ["big.example", "large.example"]});
        account["domain_windows"] = windows;
    });
    host.send_ok(vec![host::message("ann@big.example"), host::message("bob@large.example")]);
    let (attempt, _) = host.next_request();
    host.settle(attempt, Ok(&host::taken()));
    assert!(!matches!(host.next(), Effect::Send { .. }), "the other domain's message waits for the same bucket");
}

/// R125 to R128: a class that asks for its preset starts at the low end of the guide's range, and its own windows win.
#[test]
fn a_class_takes_its_windows_from_a_preset() {
    let own = json!({"drip": [{"kind": "sliding", "name": "minute", "limit": 7, "period_ms": 60000}]});
    let config = config(|account| {
        account["class_presets"] = json!(["transactional", "bulk", "drip", "lifecycle"]);
        account["class_windows"] = own;
    });
    let account = &config.unwrap().accounts["shop"];
    let of = |class| -> Vec<(&str, u32)> {
        account.class_windows[&class].iter().map(|window| (window.name(), window.limit())).collect()
    };
    assert_eq!(of(Class::Transactional), [("transactional-second", 50), ("transactional-day", 100_000)]);
    assert_eq!(of(Class::Bulk), [("bulk-second", 20), ("bulk-day", 1_000_000)]);
    assert_eq!(of(Class::Lifecycle), [("lifecycle-second", 20)]);
    assert_eq!(of(Class::Drip), [("minute", 7)]);
    let mut host = host::Host::with(|account| account["class_presets"] = json!(["bulk"]));
    let answer = host::body(&host.request(&host::key_of("reader"), "GET", "/v1/limits", b""));
    let shown = answer["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "bulk-second").unwrap();
    assert!(shown["reference"].as_str().unwrap().starts_with("document 001, R127"), "{shown}");
}

/// R016 and C23: a limit that only the account knows is a warning until it is given, never a guess. R080: figures older
/// than the configured age warn, and `now` decides.
#[test]
fn what_a_profile_does_not_know_warns_until_it_is_given() {
    let fresh = "2026-01-01T00:00:00Z";
    let of = |provider: serde_json::Value| config(|account| account["providers"] = postmark(&provider)).unwrap();
    assert_eq!(codes(&of(json!({"profile": "postmark"})), fresh), ["unknown_plan_limit"]);
    let limit = json!({"limit": 25, "period_ms": 1000});
    let limited = of(json!({"profile": "postmark", "plan_limit": limit}));
    assert_eq!(codes(&limited, fresh), Vec::<&str>::new());
    assert_eq!(limited.accounts["shop"].providers[0].windows[0].name(), "send-plan");
    let by_contacts = of(json!({"profile": "postmark", "plan_limit": limit, "plan": "ultra"}));
    assert_eq!(codes(&by_contacts, fresh), ["inactive_contact_rule"]);
    let given = of(json!({"profile": "postmark", "plan_limit": limit, "plan": "ultra", "contacts": 10}));
    assert_eq!(codes(&given, fresh), Vec::<&str>::new());
    // The document is of 2025-11-10.
    assert_eq!(codes(&given, "2026-11-10T23:59:59Z"), Vec::<&str>::new(), "365 days old");
    assert_eq!(codes(&given, "2026-11-11T00:00:00Z"), ["old_figures"], "366 days old");
    let patient =
        config_with(|account| account["providers"] = postmark(&json!({"profile": "postmark", "plan_limit": limit})));
    let patient = patient.replacen('{', r#"{"figures_max_age_days": 366,"#, 1);
    let patient = Config::from_json(&patient).unwrap();
    assert_eq!(codes(&patient, "2026-11-11T00:00:00Z"), Vec::<&str>::new());
}

#[test]
fn a_profile_that_cannot_be_meant_is_refused_by_its_field() {
    for (provider, text) in [
        (json!({"profile": "postmrk"}), "accounts.shop.providers[0].profile: no such profile; did you mean postmark?"),
        (
            json!({"profile": "mailgun"}),
            "accounts.shop.providers[0].profile: is a profile of mailgun, and the kind is postmark",
        ),
        (
            json!({"profile": "postmark", "plan": "ultr"}),
            "accounts.shop.providers[0].plan: no such plan of the provider; did you mean ultra?",
        ),
        (json!({"plan": "ultra"}), "accounts.shop.providers[0].plan: stands beside a profile only"),
        (json!({"contacts": 5}), "accounts.shop.providers[0].contacts: stands beside a profile only"),
        (
            json!({"plan_limit": {"limit": 0, "period_ms": 1}}),
            "accounts.shop.providers[0].windows: limit of window send-plan must be 1 to",
        ),
    ] {
        let error = config(|account| account["providers"] = postmark(&provider)).unwrap_err();
        assert!(error.starts_with(text), "{error}");
    }
}

/// R082: 0 and a negative rate are errors; outside 10 to 100 a second is a warning.
#[test]
fn a_rate_outside_the_usual_warns_and_is_not_refused() {
    let at = |rate: i64| config(|account| account["sending"] = json!({"per_second": rate}));
    assert!(at(0).is_err() && at(-1).is_err());
    for (rate, warned) in [(9, true), (10, false), (100, false), (101, true)] {
        let found = at(rate).unwrap().warnings(UnixMillis::parse_rfc3339("2026-12-01T00:00:00Z").unwrap());
        let fields: Vec<&str> = found.iter().map(|warning| warning.field.as_str()).collect();
        let wanted: &[&str] = if warned { &["accounts.shop.sending.per_second"] } else { &[] };
        assert_eq!(fields, wanted, "{rate}");
    }
}

/// R083 and C15: at 50 a second the 501st of a minute waits. R084 and R085: the hour and the day bind although the
/// shorter windows have room, and what waits is the remainder.
#[test]
fn the_minute_the_hour_and_the_day_bind_each_in_its_turn() {
    let limiter = |sending: serde_json::Value| {
        let config = config(|account| account["sending"] = sending).unwrap();
        Limiter::new(config.accounts["shop"].sending.windows()).unwrap()
    };
    let binding = |limiter: &Limiter, sent: u32, step: u64| {
        let mut state = limiter.fresh();
        for n in 0..u64::from(sent) {
            let decision = limiter.decide(&mut state, 1, UnixMillis::new(START + n * step));
            assert!(matches!(decision, Decision::Allow { .. }), "message {n}: {decision:?}");
        }
        match limiter.decide(&mut state, 1, UnixMillis::new(START + u64::from(sent) * step)) {
            Decision::Defer { window, .. } => limiter.windows()[window].name().to_string(),
            Decision::Allow { .. } | Decision::Reject { .. } => panic!("message {sent} was not deferred"),
        }
    };
    assert_eq!(binding(&limiter(json!({"per_second": 50})), 500, 25), "sending-minute");
    // One each 200 ms: 300 a minute of 500, so the hour's 1,000 bind after 200 s.
    assert_eq!(binding(&limiter(json!({"per_second": 50, "per_hour": 1000})), 1_000, 200), "sending-hour");
    assert_eq!(binding(&limiter(json!({"per_second": 50, "per_hour": 1000, "per_day": 700})), 700, 200), "sending-day");
}
