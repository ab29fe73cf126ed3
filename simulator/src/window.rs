//! Windows: how many calls a provider takes in any interval of a length.
//!
//! The count is over the simulator's own log, not a limiter's state: every call that passed the windows counts for
//! exactly `period_ms` milliseconds from its arrival. The index `sandbox_calls_counted` makes it one range.

use crate::{dialect::Dialect, store};
use sendgate_core::{
    sql::{Param, Sql, SqlError},
    time::UnixMillis,
};

/// At most `limit` calls in any interval of `period_ms` milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    /// Calls.
    pub(crate) limit: u64,
    /// The interval's length, in milliseconds.
    pub(crate) period_ms: u64,
}

/// The room left in the tightest window, after the call that asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Headroom {
    /// The window's limit.
    pub(crate) limit: u64,
    /// Calls it still takes.
    pub(crate) remaining: u64,
    /// Whole seconds until its oldest call leaves it, rounded up.
    pub(crate) reset_seconds: u64,
    /// When its oldest call leaves it.
    pub(crate) reset_at: UnixMillis,
}

/// What the windows say to a call.
pub(crate) enum Verdict {
    /// Come in; the tightest window, if there is any.
    Admitted(Option<Headroom>),
    /// Not now: the first instant with room in every window, and the window that has room last.
    Refused {
        /// When every window has room, if nothing else calls.
        retry_at: UnixMillis,
        /// The window that has room last.
        room: Headroom,
    },
}

/// Asks every window for room for one call at `now`.
///
/// Calls logged after `now` (the clock went back) count too.
pub(crate) fn ask(
    sql: &mut dyn Sql,
    dialect: Dialect,
    windows: &[Window],
    now: UnixMillis,
) -> Result<Verdict, SqlError> {
    let mut tightest: Option<Headroom> = None;
    let mut refused: Option<(UnixMillis, Headroom)> = None;
    for window in windows {
        let since = oldest_outside(*window, now);
        let used = count_since(sql, dialect, since)?;
        let retry_at = if used < window.limit { now } else { room_at(sql, dialect, *window, now)? };
        let reset_at = if used < window.limit { first_leaves(sql, dialect, since, *window, now)? } else { retry_at };
        let remaining = window.limit.saturating_sub(used).saturating_sub(1);
        let reset_seconds = reset_at.since(now).div_ceil(1000);
        let room = Headroom { limit: window.limit, remaining, reset_seconds, reset_at };
        if used >= window.limit && refused.is_none_or(|(latest, _)| retry_at > latest) {
            refused = Some((retry_at, room));
        }
        if tightest.is_none_or(|tight| room.remaining < tight.remaining) {
            tightest = Some(room);
        }
    }
    Ok(match refused {
        Some((retry_at, room)) => Verdict::Refused { retry_at, room },
        None => Verdict::Admitted(tightest),
    })
}

/// The newest instant that has left the window at `now`; -1 when none has.
fn oldest_outside(window: Window, now: UnixMillis) -> i64 {
    let period = i64::try_from(window.period_ms).unwrap_or(i64::MAX);
    (now.as_i64() - period).max(-1)
}

/// Counted calls that arrived after `since`.
fn count_since(sql: &mut dyn Sql, dialect: Dialect, since: i64) -> Result<u64, SqlError> {
    let statement = "SELECT COUNT(*) FROM sandbox_calls WHERE dialect = ?1 AND counted = 1 AND at_ms > ?2";
    let rows = sql.run(statement, &[Param::Text(dialect.word()), Param::Integer(since)])?;
    let count = rows.first().map_or(Ok(0), |row| store::integer(row, 0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The instant at which a full window has room: when its `limit`-th newest call leaves it.
///
/// A window that takes no call at all never has room; a period from now is what it says.
fn room_at(sql: &mut dyn Sql, dialect: Dialect, window: Window, now: UnixMillis) -> Result<UnixMillis, SqlError> {
    let Some(newer) = window.limit.checked_sub(1) else { return Ok(now.plus(window.period_ms)) };
    let statement = "SELECT at_ms FROM sandbox_calls WHERE dialect = ?1 AND counted = 1 \
                     ORDER BY at_ms DESC LIMIT 1 OFFSET ?2";
    let offset = i64::try_from(newer).unwrap_or(i64::MAX);
    let rows = sql.run(statement, &[Param::Text(dialect.word()), Param::Integer(offset)])?;
    leaves(rows.first(), window, now)
}

/// The instant at which the oldest call since `since` leaves the window; a period from now when there is none.
fn first_leaves(
    sql: &mut dyn Sql,
    dialect: Dialect,
    since: i64,
    window: Window,
    now: UnixMillis,
) -> Result<UnixMillis, SqlError> {
    let statement = "SELECT at_ms FROM sandbox_calls WHERE dialect = ?1 AND counted = 1 AND at_ms > ?2 \
                     ORDER BY at_ms LIMIT 1";
    let rows = sql.run(statement, &[Param::Text(dialect.word()), Param::Integer(since)])?;
    leaves(rows.first(), window, now)
}

fn leaves(row: Option<&sendgate_core::sql::Row>, window: Window, now: UnixMillis) -> Result<UnixMillis, SqlError> {
    let at = row.map_or(Ok(now.as_i64()), |row| store::integer(row, 0))?;
    Ok(UnixMillis::new(u64::try_from(at).unwrap_or(0)).plus(window.period_ms))
}
