//! When mail will have left: the limits of an account on a clock that jumps.
//!
//! [`plan`] says when each of so many messages leaves if nothing goes wrong; [`simulate`] sends a described traffic
//! through a provider that is slow and fails by chance. Both run the same engine, and the engine runs what the
//! [Mailroom](crate::mailroom) runs: its queue of lanes, the windows of outgoing mail, the ledger of quotas, the backoff.
//! The clock goes from one instant at which something can change to the next, so a month costs no more than its decisions.
//! The same question with the same seed has the same answer on every platform.
//!
//! What is not limited by the account's own figures is not in it: limits that a provider tells in answers, what it does
//! between its answer and the mailbox, and which recipients are engaged. Messages of a call are taken to be small enough to
//! share it. A message whose attempts are used up counts as `held`; the Mailroom would go on trying it.

mod chance;
mod door;
mod engine;
mod report;
mod traffic;
mod warmup;

pub use report::{Bound, Forecast, LimitId, Stretch, Waiting};
pub use traffic::{Arrival, Batch, Faults, ForecastError, MOST_MESSAGES};
pub use warmup::Warmup;

use crate::{config::AccountConfig, time::UnixMillis};
use engine::Engine;

/// When each message of these batches leaves if the provider answers at once and takes everything.
///
/// Whoever hands the messages in is taken to come back exactly when a window of requests, or a quota, has room again.
///
/// # Errors
/// A batch that cannot be, or more than [`MOST_MESSAGES`] messages.
///
/// # Example: how long do 28 messages take at 14 a second?
/// ```
/// use sendgate_core::{config::Config, forecast::{Batch, plan}, time::UnixMillis};
///
/// let text = r#"{"accounts":{"shop":{"keys":[],"plan":"pro","account_windows":[],"sending":{"per_second":14},
///     "providers":[{"name":"main","kind":"sandbox","base_url":"https://esp.example","credential":"ESP"}]}}}"#;
/// let config = Config::from_json(text).unwrap();
/// let now = UnixMillis::new(1_796_119_200_000);
/// let forecast = plan(&config.accounts["shop"], &[Batch::of(28)], None, now).unwrap();
/// assert_eq!(forecast.finished_at, Some(now.plus(1_000)));
/// assert_eq!(forecast.bounds[0].limit.window, "sending-second");
/// ```
pub fn plan(
    account: &AccountConfig,
    batches: &[Batch],
    warmup: Option<Warmup>,
    now: UnixMillis,
) -> Result<Forecast, ForecastError> {
    simulate(account, batches, warmup, &Faults::default(), 0, now)
}

/// What becomes of this traffic, with a provider that is as slow and as faulty as `faults` says; chance comes from `seed`.
///
/// # Errors
/// As [`plan`], and faults that cannot be.
pub fn simulate(
    account: &AccountConfig,
    batches: &[Batch],
    warmup: Option<Warmup>,
    faults: &Faults,
    seed: u64,
    now: UnixMillis,
) -> Result<Forecast, ForecastError> {
    faults.check()?;
    let arrivals = traffic::arrivals(batches, seed, now)?;
    Engine::new(account, arrivals, warmup, faults, seed, now)?.run()
}
