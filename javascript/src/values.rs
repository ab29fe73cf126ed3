//! Numbers and header fields, as both sides write them.

use crate::error;
use sendgate_core::{limiter::Decision, time::UnixMillis};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

/// An instant that the JavaScript side has checked: a number of at least 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, as UnixMillis does")]
pub(crate) fn instant(millis: f64) -> UnixMillis {
    UnixMillis::new(millis as u64)
}

/// A whole number that the JavaScript side has checked.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

/// An instant as a JavaScript number, which holds every one exactly.
#[allow(clippy::cast_precision_loss, reason = "UnixMillis::MAX is far below 2^53")]
pub(crate) fn number(at: UnixMillis) -> f64 {
    at.as_millis() as f64
}

/// A decision as two numbers: which one it is in the lowest two bits and the window above them, and its instant.
pub(crate) fn packed(decision: Decision) -> (u32, f64) {
    match decision {
        Decision::Allow { charged_at } => (ALLOW, number(charged_at)),
        Decision::Defer { retry_at, window } => (DEFER | place(window), number(retry_at)),
        Decision::Reject { window } => (REJECT | place(window), 0.0),
    }
}

/// A policy has 8 windows at most.
fn place(window: usize) -> u32 {
    u32::try_from(window).unwrap_or_default() << 2
}

/// What every window holds, as JSON.
pub(crate) fn usage(usage: &[sendgate_core::limiter::Usage]) -> String {
    use sendgate_core::limiter::Usage;
    let one = |&Usage { limit, used, remaining, next_at, full_at }: &Usage| {
        let [next_at, full_at] = [next_at, full_at].map(UnixMillis::as_millis);
        json!({ "limit": limit, "used": used, "remaining": remaining, "nextAt": next_at, "fullAt": full_at })
    };
    Value::Array(usage.iter().map(one).collect()).to_string()
}

/// Header fields: a JSON list of pairs.
pub(crate) fn headers(pairs: &str) -> Result<Vec<(String, String)>, JsValue> {
    serde_json::from_str(pairs).map_err(|_| error::argument("headers", "must be names with their values"))
}

/// In JavaScript the three are told apart by these numbers.
const ALLOW: u32 = 0;
const DEFER: u32 = 1;
const REJECT: u32 = 2;
