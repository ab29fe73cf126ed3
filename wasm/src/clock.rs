//! The only place that asks the platform for the time or for chance.

use sendgate_core::time::UnixMillis;
use wasm_bindgen::JsValue;

/// The platform's time. It stands still between two operations that wait.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a clock before 1970 is 1970"
)]
pub(crate) fn now() -> UnixMillis {
    UnixMillis::new(js_sys::Date::now() as u64)
}

/// `N` unguessable bytes.
///
/// # Errors
/// The platform has no random source.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], JsValue> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| JsValue::from_str("no random source"))?;
    Ok(bytes)
}

/// An unguessable number.
///
/// # Errors
/// The platform has no random source.
pub(crate) fn random_u64() -> Result<u64, JsValue> {
    random_bytes().map(u64::from_le_bytes)
}
