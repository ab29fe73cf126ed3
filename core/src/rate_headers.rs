//! The header fields that tell a caller where its limits stand.
//!
//! `X-RateLimit-Limit`, `-Remaining` and `-Reset` (Unix seconds) speak of the binding window, the one with the least
//! remaining. `RateLimit-Policy` and `RateLimit` (IETF draft `ratelimit-headers`, as of its revision 10) list every window,
//! with seconds from now. `Retry-After` is added on 429 only.

use crate::{gate::Standing, limiter::Window, time::UnixMillis};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The fields for a caller whose windows stand like this; zeros for a caller nobody knows.
#[must_use]
pub fn fields(standings: &[Standing<'_>], now: UnixMillis) -> Vec<(String, String)> {
    let binding = binding(standings);
    let (limit, remaining, reset) =
        binding.map_or((0, 0, now), |s| (s.window.limit(), s.remaining, s.next_at.max(now)));
    let mut fields = alloc::vec![
        field("x-ratelimit-limit", limit.to_string()),
        field("x-ratelimit-remaining", remaining.to_string()),
        field("x-ratelimit-reset", reset.seconds_ceil().to_string()),
    ];
    if !standings.is_empty() {
        fields.push(field("ratelimit-policy", list(standings, policy)));
        fields.push(field("ratelimit", list(standings, |standing| state(standing, now))));
    }
    fields
}

/// The window that binds: the least remaining, and of equals the one that frees last.
#[must_use]
pub fn binding<'a>(standings: &'a [Standing<'a>]) -> Option<&'a Standing<'a>> {
    standings.iter().min_by_key(|standing| (standing.remaining, core::cmp::Reverse(standing.next_at)))
}

/// Whole seconds to wait until an instant, at least 1: the value of `Retry-After`.
#[must_use]
pub fn retry_after(retry_at: UnixMillis, now: UnixMillis) -> u64 {
    retry_at.since(now).div_ceil(1_000).max(1)
}

fn list(standings: &[Standing<'_>], item: impl Fn(&Standing<'_>) -> String) -> String {
    standings.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn policy(standing: &Standing<'_>) -> String {
    let quota = format!("\"{}\";q={}", standing.window.name(), standing.window.limit());
    match *standing.window {
        // Windows shorter than a second cannot be expressed; they round up to one.
        Window::Sliding { period_ms, .. } => format!("{quota};w={}", period_ms.div_ceil(1_000).max(1)),
        Window::Pace { interval_ms, .. } => format!("{quota};w={}", interval_ms.div_ceil(1_000).max(1)),
        Window::Calendar { .. } => quota,
    }
}

fn state(standing: &Standing<'_>, now: UnixMillis) -> String {
    let wait = standing.next_at.since(now).div_ceil(1_000);
    format!("\"{}\";r={};t={wait}", standing.window.name(), standing.remaining)
}

fn field(name: &str, value: String) -> (String, String) {
    (name.into(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Scope, Unit};

    fn window(name: &str, limit: u32, period_ms: u64) -> Window {
        Window::Sliding { name: name.into(), limit, period_ms }
    }

    fn standing(window: &Window, remaining: u32, next_at: u64) -> Standing<'_> {
        Standing {
            scope: Scope::Key,
            dimension: "k1",
            unit: Unit::Requests,
            limit: window.limit(),
            window,
            used: window.limit() - remaining,
            remaining,
            slack: remaining,
            next_at: UnixMillis::new(next_at),
            full_at: UnixMillis::new(next_at),
            is_binding: false,
        }
    }

    /// R093, R095, R237-R239: names and integers, Reset in Unix seconds, the window with the least remaining (C04).
    #[test]
    fn the_binding_window_speaks() {
        let now = UnixMillis::new(1_639_999_940_000);
        let (second, minute) = (window("second", 200, 1_000), window("minute", 100, 60_000));
        let standings = [standing(&second, 150, 1_639_999_941_000), standing(&minute, 0, 1_640_000_000_000)];
        let fields = fields(&standings, now);
        let expected = [
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1640000000"),
            ("ratelimit-policy", "\"second\";q=200;w=1, \"minute\";q=100;w=60"),
            ("ratelimit", "\"second\";r=150;t=1, \"minute\";r=0;t=60"),
        ];
        let got: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(got, expected);
        assert_eq!(retry_after(UnixMillis::new(1_640_000_000_000), now), 60);
    }

    /// R242: document 003's example, at the clock at which its figures agree.
    #[test]
    fn document_003s_figures() {
        let now = UnixMillis::new(1_699_999_954_000);
        let minute = window("minute", 60, 60_000);
        let fields = fields(&[standing(&minute, 0, 1_699_999_999_000)], now);
        let got: Vec<&str> = fields.iter().take(3).map(|(_, value)| value.as_str()).collect();
        assert_eq!(got, ["60", "0", "1699999999"]);
        assert_eq!(retry_after(UnixMillis::new(1_699_999_999_000), now), 45);
    }

    #[test]
    fn a_caller_nobody_knows_gets_zeros_and_no_reset_in_the_past() {
        let fields = fields(&[], UnixMillis::new(1_500));
        assert_eq!(fields.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["0", "0", "2"]);
    }

    /// R240: at least one second, and never earlier than the instant.
    #[test]
    fn retry_after_rounds_up() {
        let now = UnixMillis::new(10_000);
        for (at, want) in [(9_000, 1), (10_000, 1), (10_001, 1), (11_000, 1), (11_001, 2)] {
            assert_eq!(retry_after(UnixMillis::new(at), now), want, "{at}");
        }
    }
}
