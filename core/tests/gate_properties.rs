//! The gate's guarantees as properties over any number of dimensions, each against a log of what left. Rows R081, R084,
//! R085, R092, R097.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic here is a test that fails")]

use proptest::prelude::*;
use sendgate_core::{
    calendar::CalendarUnit,
    config::AccountStatus,
    gate::{Ask, Charge, Dimension, Reason, Scope, Standing, Unit, Verdict, decide, explain, peek},
    limiter::Window,
    time::UnixMillis,
};

/// 2026-12-01T10:00:00Z.
const START: u64 = 1_796_119_200_000;
const ACTIVE: AccountStatus = AccountStatus::Active;

/// What left through one dimension: instant and units.
type Log = Vec<(u64, u64)>;

/// A step: milliseconds since the one before, and what the request costs in each dimension.
type Step = (i64, Vec<u32>);

fn at(milliseconds: u64) -> UnixMillis {
    UnixMillis::new(milliseconds)
}

fn sliding(name: &str, limit: u32, period_ms: u64) -> Window {
    Window::Sliding { name: name.into(), limit, period_ms }
}

fn dimension(place: usize, windows: Vec<Window>) -> Dimension {
    Dimension::new(Scope::ALL[place % Scope::ALL.len()], &format!("d{place}"), Unit::Recipients, windows).unwrap()
}

fn dimensions(policy: &[Vec<Window>]) -> Vec<Dimension> {
    policy.iter().enumerate().map(|(place, windows)| dimension(place, windows.clone())).collect()
}

fn charges<'a>(dimensions: &'a mut [Dimension], costs: &[u32]) -> Vec<Charge<'a>> {
    dimensions.iter_mut().zip(costs).map(|(dimension, cost)| Charge { dimension, cost: *cost }).collect()
}

fn asked<'a>(dimensions: &'a [Dimension], costs: &'a [u32]) -> impl Iterator<Item = Ask<'a>> + Clone {
    dimensions.iter().zip(costs).map(|(dimension, cost)| Ask::new(dimension, *cost))
}

fn states(dimensions: &[Dimension]) -> Vec<Vec<u8>> {
    dimensions.iter().map(|dimension| dimension.state().as_bytes().to_vec()).collect()
}

/// Windows of at most sixteen units keep instants: a log can say to the millisecond what they must.
fn exact_windows() -> impl Strategy<Value = Vec<Window>> {
    prop::collection::vec((1..=16_u32, 1..4_000_u64), 1..4).prop_map(|windows| {
        let named = windows.into_iter().enumerate();
        named.map(|(n, (limit, period))| sliding(&format!("w{n}"), limit, period)).collect()
    })
}

/// Every kind of window, on both sides of the change from instants to sub-buckets.
fn any_windows() -> impl Strategy<Value = Vec<Window>> {
    let one = prop_oneof![
        (1..200_u32, 1..90_000_u64).prop_map(|(limit, period)| sliding("s", limit, period)),
        (1..700_u64, 1..20_u32).prop_map(|(interval_ms, burst)| Window::Pace { name: "p".into(), interval_ms, burst }),
        (1..300_u32).prop_map(|limit| Window::Calendar {
            name: "c".into(),
            limit,
            unit: CalendarUnit::Day,
            time_zone: "Europe/Rome".into()
        }),
    ];
    prop::collection::vec(one, 1..4).prop_map(|windows| {
        let mut windows = windows;
        for (n, window) in windows.iter_mut().enumerate() {
            match window {
                Window::Sliding { name, .. } | Window::Pace { name, .. } | Window::Calendar { name, .. } => {
                    name.push_str(&n.to_string());
                }
            }
        }
        windows
    })
}

fn policy(windows: impl Strategy<Value = Vec<Window>>) -> impl Strategy<Value = Vec<Vec<Window>>> {
    prop::collection::vec(windows, 1..6)
}

fn steps(least: i64) -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![4 => 0..6_i64, 3 => 0..200_i64, 2 => 0..2_500_i64, 1 => least..1_i64];
    let cost = prop_oneof![3 => Just(1_u32), 2 => 0..5_u32, 1 => 0..18_u32];
    prop::collection::vec((gap, prop::collection::vec(cost, 6)), 1..120)
}

/// The first instant from `now` on at which a window admits the cost, by its log.
fn free_at(window: &Window, log: &Log, cost: u64, now: u64) -> u64 {
    let Window::Sliding { limit, period_ms, .. } = window else {
        panic!("only exact windows are judged by their logs")
    };
    let fits = |instant: u64| {
        let used: u64 = log.iter().filter(|(t, _)| t + period_ms > instant).map(|(_, units)| units).sum();
        used + cost <= u64::from(*limit)
    };
    let ends = log.iter().map(|(t, _)| t + period_ms).filter(|end| *end > now);
    ends.chain([now]).filter(|instant| fits(*instant)).min().unwrap()
}

/// What all the logs say together.
fn by_the_logs(policy: &[Vec<Window>], logs: &[Log], costs: &[u32], now: u64) -> Verdict {
    let mut latest = (now, None);
    for (place, windows) in policy.iter().enumerate() {
        let cost = costs[place];
        if let Some(window) = windows.iter().position(|window| cost > window.limit()) {
            return Verdict::Reject(Reason::NeverFits(binding(place, window)));
        }
        for (n, window) in windows.iter().enumerate() {
            let free = if cost == 0 { now } else { free_at(window, &logs[place], u64::from(cost), now) };
            if free > latest.0 {
                latest = (free, Some(binding(place, n)));
            }
        }
    }
    match latest {
        (_, None) => Verdict::Allow,
        (retry_at, Some(binding)) => Verdict::Defer { retry_at: at(retry_at), binding },
    }
}

fn binding(dimension: usize, window: usize) -> sendgate_core::gate::Binding {
    sendgate_core::gate::Binding { dimension, window }
}

/// Whether any half-open interval of a period's length carries more than its limit.
fn is_over(window: &Window, log: &Log) -> bool {
    let Window::Sliding { limit, period_ms, .. } = window else { return false };
    (0..log.len()).any(|first| {
        let inside = log[first..].iter().take_while(|(t, _)| *t < log[first].0 + period_ms);
        inside.map(|(_, units)| units).sum::<u64>() > u64::from(*limit)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Decision by decision what independent logs say: allowed or not, until when, and which window of which dimension
    /// forbids it; a denial leaves every byte as it was, an allowed request is in every dimension.
    #[test]
    fn the_gate_says_what_the_logs_of_all_dimensions_say(policy in policy(exact_windows()), steps in steps(0)) {
        let mut dimensions = dimensions(&policy);
        let mut logs = vec![Log::new(); policy.len()];
        let mut now = START;
        for (gap, costs) in &steps {
            now = now.saturating_add_signed(*gap);
            let before = states(&dimensions);
            let verdict = decide(ACTIVE, &mut charges(&mut dimensions, costs), at(now));
            prop_assert_eq!(verdict, by_the_logs(&policy, &logs, costs, now));
            if verdict == Verdict::Allow {
                logs.iter_mut().zip(costs).filter(|(_, cost)| **cost > 0).for_each(|(log, cost)| log.push((now, u64::from(*cost))));
            } else {
                prop_assert_eq!(before, states(&dimensions), "a denial changed a byte");
            }
        }
        for (windows, log) in policy.iter().zip(&logs) {
            prop_assert!(windows.iter().all(|window| !is_over(window, log)), "a window carried more than its limit");
        }
    }

    /// Every kind of window, a clock that goes backwards too: denied 1 ms before `retry_at`, allowed at it; the window
    /// named forbids it until then by itself; what never fits never does; a peek says the same and changes nothing.
    #[test]
    fn a_denial_is_tight_over_all_dimensions_and_names_one_that_forbids(
        policy in policy(any_windows()),
        steps in steps(-70_000),
    ) {
        let mut dimensions = dimensions(&policy);
        let mut now = START;
        for (gap, costs) in &steps {
            now = now.saturating_add_signed(*gap);
            dimensions.iter_mut().for_each(|dimension| { dimension.rebase(at(now)); });
            let before = states(&dimensions);
            let foretold = peek(ACTIVE, asked(&dimensions, costs), at(now));
            prop_assert_eq!(&before, &states(&dimensions));
            let verdict = decide(ACTIVE, &mut charges(&mut dimensions, costs), at(now));
            prop_assert_eq!(verdict, foretold);
            match verdict {
                Verdict::Allow => continue,
                Verdict::Occupied { .. } => prop_assert!(false, "nothing is held"),
                Verdict::Reject(reason) => {
                    let Reason::NeverFits(binding) = reason else { panic!("the account is active") };
                    prop_assert!(costs[binding.dimension] > policy[binding.dimension][binding.window].limit());
                }
                Verdict::Defer { retry_at, binding } => {
                    let ask = |now| peek(ACTIVE, asked(&dimensions, costs), now);
                    prop_assert!(retry_at > at(now));
                    prop_assert_eq!(ask(retry_at), Verdict::Allow);
                    let just_before = at(retry_at.as_millis() - 1);
                    prop_assert!(ask(just_before) != Verdict::Allow);
                    let alone = [Ask::new(&dimensions[binding.dimension], costs[binding.dimension])];
                    prop_assert!(peek(ACTIVE, alone, just_before) != Verdict::Allow, "it is not what binds");
                    let named = explain(ACTIVE, asked(&dimensions, costs), at(now));
                    let binds: Vec<&Standing<'_>> = named.iter().filter(|standing| standing.is_binding).collect();
                    prop_assert_eq!(binds.len(), 1);
                    prop_assert_eq!(binds[0].window.name(), policy[binding.dimension][binding.window].name());
                    prop_assert_eq!(binds[0].dimension, dimensions[binding.dimension].name());
                    prop_assert!(binds[0].slack == 0);
                }
            }
            prop_assert_eq!(before, states(&dimensions), "a denial changed a byte");
        }
    }

    /// The slack of an explanation is how many more of the same request pass, one after the other at one instant.
    #[test]
    fn the_least_slack_is_how_many_more_pass(policy in policy(any_windows()), steps in steps(0)) {
        let mut dimensions = dimensions(&policy);
        let mut now = START;
        for (gap, costs) in steps.iter().take(20) {
            now = now.saturating_add_signed(*gap);
            let mut tried: Vec<Dimension> = dimensions.clone();
            let explained = explain(ACTIVE, asked(&dimensions, costs), at(now));
            let order: Vec<(String, String)> =
                explained.iter().map(|s| (s.dimension.into(), s.window.name().into())).collect();
            let listed = policy.iter().enumerate().flat_map(|(n, windows)| windows.iter().map(move |w| (format!("d{n}"), w.name().into())));
            prop_assert_eq!(order, listed.collect::<Vec<(String, String)>>(), "every window, in the order asked");
            prop_assert_eq!(explained.iter().filter(|standing| standing.is_binding).count(), 1);
            let slack = explained.iter().map(|standing| standing.slack).min().unwrap();
            let passed = (0..400).take_while(|_| decide(ACTIVE, &mut charges(&mut tried, costs), at(now)) == Verdict::Allow).count();
            prop_assert_eq!(passed as u64, u64::from(slack).min(400));
            decide(ACTIVE, &mut charges(&mut dimensions, costs), at(now));
        }
    }

    /// What is on its way takes room in every window and is nobody's charge: with it a request passes exactly when all of
    /// it fits, and when only it stands in the way the answer is to wait for an answer.
    #[test]
    fn held_units_take_room_until_they_are_answered(
        policy in policy(exact_windows()),
        steps in steps(0),
        held in prop::collection::vec(0..9_u32, 6),
    ) {
        let mut dimensions = dimensions(&policy);
        let mut logs = vec![Log::new(); policy.len()];
        let mut now = START;
        for (gap, costs) in &steps {
            now = now.saturating_add_signed(*gap);
            let both: Vec<u32> = costs.iter().zip(&held).map(|(cost, held)| if *cost == 0 { 0 } else { cost + held }).collect();
            let asks = dimensions.iter().zip(costs).zip(&held);
            let verdict = peek(ACTIVE, asks.map(|((dimension, cost), held)| Ask { dimension, cost: *cost, held: *held }), at(now));
            match (verdict, by_the_logs(&policy, &logs, &both, now)) {
                (Verdict::Occupied { binding }, Verdict::Reject(_)) => {
                    prop_assert!(both[binding.dimension] > policy[binding.dimension][binding.window].limit());
                    prop_assert!(costs.iter().zip(&policy).all(|(cost, windows)| windows.iter().all(|w| *cost <= w.limit())));
                }
                (Verdict::Reject(_), _) => {
                    prop_assert!(costs.iter().zip(&policy).any(|(cost, windows)| windows.iter().any(|w| *cost > w.limit())));
                }
                (said, wanted) => prop_assert_eq!(said, wanted),
            }
            if decide(ACTIVE, &mut charges(&mut dimensions, costs), at(now)) == Verdict::Allow {
                logs.iter_mut().zip(costs).filter(|(_, cost)| **cost > 0).for_each(|(log, cost)| log.push((now, u64::from(*cost))));
            }
        }
    }

    /// R092, R097: any number of keys, each within its own window, and all of them together within the account's.
    #[test]
    fn keys_together_never_exceed_their_account(
        of_key in 1..40_u32,
        of_plan in 1..60_u32,
        calls in prop::collection::vec((0..60_u64, 0..5_usize), 1..400),
    ) {
        let own = sliding("key", of_key, 1_000);
        let shared = sliding("plan", of_plan, 1_500);
        let mut keys: Vec<Dimension> = (0..5).map(|n| dimension(n, vec![own.clone()])).collect();
        let mut plan = dimension(5, vec![shared.clone()]);
        let (mut logs, mut all, mut now) = (vec![Log::new(); 5], Log::new(), START);
        for (gap, key) in calls {
            now += gap;
            let mut both = [Charge { dimension: &mut keys[key], cost: 1 }, Charge { dimension: &mut plan, cost: 1 }];
            if decide(ACTIVE, &mut both, at(now)) == Verdict::Allow {
                logs[key].push((now, 1));
                all.push((now, 1));
            }
        }
        prop_assert!(!is_over(&shared, &all));
        prop_assert!(logs.iter().all(|log| !is_over(&own, log)));
    }
}

/// R086: of a rule of 120 recipients a minute the 121st is deferred, and one elsewhere passes.
#[test]
fn the_hundred_and_twenty_first_recipient_of_a_group_waits_and_another_group_passes() {
    let rule = || vec![sliding("minute", 120, 60_000)];
    let mut account = dimension(2, vec![sliding("hour", 1_000, 3_600_000)]);
    let mut gmail = Dimension::new(Scope::DomainGroup, "gmail", Unit::Recipients, rule()).unwrap();
    let mut microsoft = Dimension::new(Scope::DomainGroup, "microsoft", Unit::Recipients, rule()).unwrap();
    let now = at(START);
    let mut send = |group: &mut Dimension, recipients| {
        let message = Charge { dimension: &mut account, cost: 1 };
        decide(ACTIVE, &mut [message, Charge { dimension: group, cost: recipients }], now)
    };
    let of_the_group = binding(1, 0);
    assert_eq!(send(&mut gmail, 70), Verdict::Allow);
    assert_eq!(send(&mut gmail, 50), Verdict::Allow);
    assert!(matches!(send(&mut gmail, 1), Verdict::Defer { binding, .. } if binding == of_the_group));
    assert_eq!(send(&mut microsoft, 1), Verdict::Allow);
    assert_eq!(send(&mut microsoft, 121), Verdict::Reject(Reason::NeverFits(of_the_group)));
    assert_eq!(account.limiter().usage(account.state(), now)[0].used, 3, "what was denied cost nothing anywhere");
}

/// R195: the status is asked before any window, and nothing is counted.
#[test]
fn an_account_that_may_not_send_is_refused_whatever_is_free() {
    for (status, reason) in [(AccountStatus::Suspended, Reason::Suspended), (AccountStatus::Closed, Reason::Closed)] {
        let mut plan = dimension(1, vec![sliding("minute", 1, 60_000)]);
        let before = states(std::slice::from_ref(&plan));
        let verdict = decide(status, &mut [Charge { dimension: &mut plan, cost: 1 }], at(START));
        assert_eq!(verdict, Verdict::Reject(reason));
        assert_eq!(before, states(std::slice::from_ref(&plan)));
        assert!(explain(status, [Ask::new(&plan, 1)], at(START)).iter().all(|standing| !standing.is_binding));
    }
}

/// R084, R085: the hour binds while the second and the minute have room, and the day while the hour has.
#[test]
fn the_longest_window_binds_when_the_shorter_ones_have_room() {
    let windows = |hour, day| {
        vec![
            sliding("second", 5, 1_000),
            sliding("minute", 8, 60_000),
            sliding("hour", hour, 3_600_000),
            sliding("day", day, 86_400_000),
        ]
    };
    for (hour, day, place, until) in [(10, 16, 2, 3_600_000), (16, 10, 3, 86_400_000)] {
        let mut account = dimension(2, windows(hour, day));
        for n in 0..10 {
            let sent = decide(ACTIVE, &mut [Charge { dimension: &mut account, cost: 1 }], at(START + n * 30_000));
            assert_eq!(sent, Verdict::Allow);
        }
        let verdict = decide(ACTIVE, &mut [Charge { dimension: &mut account, cost: 1 }], at(START + 300_000));
        assert_eq!(verdict, Verdict::Defer { retry_at: at(START + until), binding: binding(0, place) });
    }
}
