//! Plans and simulations against what the limits say by hand, and against a count of every window.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

use proptest::prelude::*;
use sendgate_core::{
    catalog::Ramp,
    config::{AccountConfig, Config},
    forecast::{Arrival, Batch, Faults, Forecast, ForecastError, Warmup, plan, simulate},
    message::Class,
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z.
const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// An account that nothing limits but what is given.
fn account(fields: &str) -> AccountConfig {
    let text = format!(
        r#"{{"accounts":{{"shop":{{"keys":[],"plan":"pro","account_windows":[],"max_messages":500,
        "providers":[{{"name":"main","kind":"sandbox","base_url":"https://esp.example","credential":"ESP"}}]{fields}}}}}}}"#
    );
    Config::from_json(&text).unwrap().accounts.remove("shop").unwrap()
}

fn planned(fields: &str, batches: &[Batch]) -> Forecast {
    plan(&account(fields), batches, None, NOW).unwrap()
}

fn offsets(forecast: &Forecast) -> Vec<u64> {
    forecast.departures.iter().map(|left| left.unwrap().since(NOW)).collect()
}

#[test]
fn without_limits_everything_leaves_at_once() {
    let forecast = planned("", &[Batch::of(1_000)]);
    assert_eq!((forecast.sent, forecast.finished_at, forecast.bounds.len()), (1_000, Some(NOW), 0));
    assert_eq!(forecast.calls, 1_000, "the sandbox takes one message a call");
}

/// SES in production: 14 recipients a second, 50,000 in 24 hours (document 000, R025 to R027). Up to 16 units a window
/// keeps the instants themselves, so the n-th message leaves n / 14 seconds after the first, rounded down.
#[test]
fn r027_fourteen_a_second_are_fourteen_a_second_until_the_day_is_full() {
    let text = r#"{"accounts":{"shop":{"keys":[],"plan":"pro","account_windows":[],"batch":{"max_messages":1},
        "providers":[{"name":"main","kind":"ses","region":"eu-west-1","base_url":"https://email.eu-west-1.amazonaws.com",
        "credential":"K","profile":"ses.production"}]}}}"#;
    let account = &Config::from_json(text).unwrap().accounts["shop"];
    let forecast = plan(account, &[Batch::of(50_000)], None, NOW).unwrap();
    assert_eq!(forecast.finished_at, Some(NOW.plus(49_999 / 14 * SECOND)), "the last one is number 49,999");
    assert_eq!((forecast.bounds.len(), forecast.bounds[0].limit.window.as_str()), (1, "send-second"));
    let more = plan(account, &[Batch::of(50_001)], None, NOW).unwrap();
    let last = more.finished_at.unwrap().since(NOW);
    // A day's window has sixteen sub-buckets: a unit may count one of them too long.
    assert!((DAY..=DAY + DAY / 15).contains(&last), "{last}");
    assert_eq!(more.bounds[0].limit.window, "send-24h");
}

/// R152: of a new source's campaign the first day's cap leaves on the first day, and the ramp's own sum says which day is the
/// last.
#[test]
fn r152_a_campaign_on_a_ramp_ends_on_the_day_that_the_ramp_says() {
    let ramp = Ramp::named("standard").unwrap();
    let warmup = || Some(Warmup::new(Ramp::named("standard").unwrap(), 1));
    let forecast = plan(&account(""), &[Batch { class: Class::Bulk, ..Batch::of(100_000) }], warmup(), NOW).unwrap();
    let midnight = UnixMillis::parse_rfc3339("2026-12-02T00:00:00Z").unwrap();
    let on_day_one = forecast.departures.iter().flatten().filter(|left| **left < midnight).count();
    assert_eq!(on_day_one, 100);
    let last_day = u64::from(ramp.finish_day(100_000));
    assert_eq!(forecast.finished_at, Some(midnight.plus((last_day - 2) * DAY)));
    assert_eq!((forecast.bounds[0].limit.scope, forecast.bounds[0].limit.dimension.as_str()), ("warmup", "standard"));
    assert_eq!((forecast.timeline[0].limit.window.as_str(), forecast.timeline[0].limit.limit), ("day 1", 100));
    let waited: u64 = forecast.bounds.iter().map(|bound| bound.waited_ms).sum();
    assert_eq!(waited, midnight.plus((last_day - 2) * DAY).since(NOW));
}

/// The plan "free" (document 003, R218 to R220): 100 recipients a local day.
#[test]
fn a_quota_is_waited_for_until_its_day_ends() {
    let forecast = planned(r#","quotas":[{"period":"day","limit":100}],"time_zone":"Europe/Rome""#, &[Batch::of(250)]);
    // 10:00 in UTC is 11:00 in Rome: midnight is 13 hours away.
    let first = 13 * HOUR;
    let offsets = offsets(&forecast);
    assert_eq!((offsets[99], offsets[100], offsets[199], offsets[200]), (0, first, first, first + DAY));
    assert_eq!((forecast.bounds[0].limit.scope, forecast.bounds[0].limit.limit), ("quota", 100));
}

/// The plan "free" takes 60 requests a minute (R219), and here a request holds one message.
#[test]
fn requests_are_counted_where_messages_are_handed_in() {
    let text = r#"{"accounts":{"shop":{"keys":[],"plan":"free","quotas":[],"max_messages":1,
        "providers":[{"name":"main","kind":"sandbox","base_url":"https://esp.example","credential":"ESP"}]}}}"#;
    let account = &Config::from_json(text).unwrap().accounts["shop"];
    let forecast = plan(account, &[Batch::of(61)], None, NOW).unwrap();
    let last = forecast.finished_at.unwrap().since(NOW);
    // A minute's window has sixteen sub-buckets: a unit may count one of them too long.
    assert!((60_000..=64_000).contains(&last), "{last}");
    assert_eq!(forecast.departures[59], Some(NOW));
    assert_eq!((forecast.bounds[0].limit.scope, forecast.bounds[0].limit.unit), ("plan", "requests"));
}

#[test]
fn a_message_that_no_window_ever_admits_is_named_and_not_waited_for() {
    let windows = r#","domain_windows":{"gmail":[{"kind":"sliding","name":"minute","limit":2,"period_ms":60000}]}"#;
    let large = Batch { recipients: 3, domain: Some("gmail.com".into()), ..Batch::of(5) };
    let forecast = planned(windows, &[large, Batch::of(1)]);
    assert_eq!((forecast.sent, forecast.never[0].1, forecast.never[0].0.dimension.as_str()), (1, 5, "gmail"));
    let quota = planned(r#","quotas":[{"period":"day","limit":2}]"#, &[Batch { recipients: 3, ..Batch::of(4) }]);
    assert_eq!((quota.sent, quota.never[0].1, quota.never[0].0.scope), (0, 4, "quota"));
    let suspended = planned(r#","status":"suspended""#, &[Batch::of(3)]);
    assert_eq!((suspended.sent, suspended.never[0].1, suspended.finished_at), (0, 3, None));
}

/// Nobody waits for another's limit: who goes elsewhere leaves at once.
#[test]
fn a_full_receiver_stops_its_own_mail_only() {
    let windows = r#","domain_windows":{"gmail":[{"kind":"sliding","name":"minute","limit":2,"period_ms":60000}]}"#;
    let to_gmail = Batch { domain: Some("googlemail.com".into()), ..Batch::of(4) };
    let elsewhere = Batch { domain: Some("example.com".into()), ..Batch::of(3) };
    let forecast = planned(windows, &[to_gmail, elsewhere]);
    assert_eq!(offsets(&forecast), [0, 0, 60_000, 60_000, 0, 0, 0]);
}

#[test]
fn calls_of_many_cost_one_request_each() {
    let text = r#"{"accounts":{"shop":{"keys":[],"plan":"pro","account_windows":[],"max_messages":500,
        "providers":[{"name":"main","kind":"resend","credential":"K","profile":"resend"}]}}}"#;
    let account = &Config::from_json(text).unwrap().accounts["shop"];
    // 100 messages a call and 5 calls a second: 1,000 are two seconds' worth, and bulk mail shares its calls.
    let forecast = plan(account, &[Batch { class: Class::Transactional, ..Batch::of(500) }], None, NOW).unwrap();
    assert_eq!((forecast.calls, forecast.finished_at), (5, Some(NOW)));
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let account = account(r#","sending":{"per_second":20}"#);
    let traffic = [Batch { arrival: Arrival::Poisson, over_ms: 60_000, ..Batch::of(600) }];
    let faults = Faults { latency_ms: (20, 200), throttled_permille: 50, failed_permille: 20, refused_permille: 10 };
    let run = |seed| simulate(&account, &traffic, None, &faults, seed, NOW).unwrap();
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).departures, run(8).departures);
    let told = run(7);
    assert_eq!(told.sent + told.refused + told.held, 600);
    assert!(told.attempts > 600 && told.refused > 0);
}

/// Six calls at a time of 100 ms each are 60 a second: 600 messages take 10 s, and the last leaves with the last six.
#[test]
fn a_slow_provider_is_the_limit_when_nothing_else_is() {
    let faults = Faults { latency_ms: (100, 100), ..Faults::default() };
    let told = simulate(&account(""), &[Batch::of(600)], None, &faults, 0, NOW).unwrap();
    assert_eq!(told.finished_at, Some(NOW.plus(9_900)));
    assert_eq!(told.bounds[0].limit.window, "in_flight");
    assert_eq!((told.waiting.p50_ms, told.waiting.max_ms), (4_900, 9_900));
}

#[test]
fn what_cannot_be_is_said_by_field() {
    let wrong = |batch: Batch| plan(&account(""), &[batch], None, NOW).unwrap_err().to_string();
    assert_eq!(wrong(Batch::of(0)), "batches[0].count must be 1 to 5000000, got 0");
    assert_eq!(wrong(Batch { recipients: 0, ..Batch::of(1) }), "batches[0].recipients must be 1 to 1000, got 0");
    assert!(wrong(Batch { domain: Some("no domain".into()), ..Batch::of(1) }).starts_with("batches[0].domain"));
    assert!(wrong(Batch { arrival: Arrival::Constant, ..Batch::of(1) }).starts_with("batches[0].over_ms"));
    let faults = Faults { failed_permille: 1_001, ..Faults::default() };
    let error = simulate(&account(""), &[Batch::of(1)], None, &faults, 0, NOW).unwrap_err();
    assert_eq!(error.code(), "traffic_out_of_range");
    assert!(matches!(Batch::list_from_json(r#"{"cuont":1}"#), Err(ForecastError::Malformed { .. })));
    assert_eq!(Batch::list_from_json(r#"[{"count":2}]"#).unwrap(), [Batch::of(2)]);
}

/// How many units at most lie in any half-open interval of a length.
fn most_in_any(period_ms: u64, units: &mut [(u64, u64)]) -> u64 {
    units.sort_unstable();
    let mut most = 0;
    for (place, (start, _)) in units.iter().enumerate() {
        let inside = units[place..].iter().take_while(|(at, _)| *at < start + period_ms);
        most = most.max(inside.map(|(_, units)| units).sum());
    }
    most
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let domain = prop_oneof![Just(None), Just(Some("gmail.com".to_string())), Just(Some("a.example".to_string()))];
    let class = prop_oneof![Just(Class::Transactional), Just(Class::Drip), Just(Class::Bulk)];
    let arrival = prop_oneof![Just(Arrival::Burst), Just(Arrival::Constant), Just(Arrival::Poisson)];
    let one = (1u64..60, 1u32..4, domain, class, arrival, 0u64..20_000, 1u64..20_000);
    let one = one.prop_map(|(count, recipients, domain, class, arrival, after_ms, over_ms)| Batch {
        count,
        class,
        recipients,
        domain,
        arrival,
        after_ms,
        over_ms,
    });
    prop::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Counted by brute force, in every interval of the window's length.
    #[test]
    fn a_plan_never_exceeds_a_limit_in_any_interval(
        batches in batches(), second in 1u32..40, minute in 4u32..90, gmail in 4u32..30, seed in any::<u64>(), slow in any::<bool>(),
    ) {
        let fields = format!(
            r#","sending":{{"per_second":{second},"per_minute":{minute}}},
            "domain_windows":{{"gmail":[{{"kind":"sliding","name":"10s","limit":{gmail},"period_ms":10000}}]}}"#
        );
        let account = account(&fields);
        let faults = Faults { latency_ms: if slow { (5, 300) } else { (0, 0) }, ..Faults::default() };
        let told = simulate(&account, &batches, None, &faults, seed, NOW).unwrap();
        let total: u64 = batches.iter().map(|batch| batch.count).sum();
        prop_assert_eq!(told.sent, total);
        let mut left: Vec<(u64, u64)> = told.departures.iter().map(|at| (at.unwrap().since(NOW), 1)).collect();
        prop_assert!(most_in_any(1_000, &mut left) <= u64::from(second));
        prop_assert!(most_in_any(60_000, &mut left) <= u64::from(minute));
        if batches.len() == 1 && batches[0].domain.as_deref() == Some("gmail.com") {
            left.iter_mut().for_each(|(_, units)| *units = u64::from(batches[0].recipients));
            prop_assert!(most_in_any(10_000, &mut left) <= u64::from(gmail));
        }
    }

    #[test]
    fn a_simulation_without_faults_is_the_plan(batches in batches(), second in 1u32..40, seed in any::<u64>()) {
        let account = account(&format!(r#","sending":{{"per_second":{second}}}"#));
        let is_by_chance = batches.iter().any(|batch| batch.arrival == Arrival::Poisson);
        let simulated = simulate(&account, &batches, None, &Faults::default(), seed, NOW).unwrap();
        let planned = plan(&account, &batches, None, NOW).unwrap();
        if is_by_chance {
            prop_assert_eq!(simulated.sent, planned.sent);
        } else {
            prop_assert_eq!(simulated, planned);
        }
    }

    /// The door and the queue hold nobody longer than the window does: what waits leaves at the window's own `retry_at`.
    #[test]
    fn a_burst_at_a_pace_ends_when_the_limiter_alone_would_end_it(count in 1u64..400, second in 1u32..40) {
        use sendgate_core::limiter::{Decision, Limiter};
        let account = account(&format!(r#","sending":{{"per_second":{second}}}"#));
        let limiter = Limiter::new(account.sending.windows()).unwrap();
        let (mut state, mut now) = (limiter.fresh(), NOW);
        for _ in 0..count {
            while let Decision::Defer { retry_at, .. } = limiter.decide(&mut state, 1, now) {
                now = retry_at;
            }
        }
        let told = plan(&account, &[Batch::of(count)], None, NOW).unwrap();
        prop_assert_eq!(told.finished_at, Some(now));
    }
}
