//! How much of a limit is used, in integers (requirements R175 to R178).
//!
//! The sample this replaces divides floats and compares with `== 100`; tenths of a percent in integers have neither
//! trouble, and a limit that is not known gives an answer of its own instead of a NaN.

/// How near a limit is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// At most 90.0 % is used.
    Ok,
    /// More than 90.0 % is used.
    Warn,
    /// All of it is used, or more.
    Exhausted,
}

impl Level {
    /// The alert that entering this level raises; none for [`Level::Ok`].
    #[must_use]
    pub const fn alert(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::Warn => Some("limit_warn"),
            Self::Exhausted => Some("limit_exhausted"),
        }
    }
}

/// Tenths of a percent of `limit` that are used: `(limit - remaining) / limit`, rounded down; at most 1,000.
///
/// A limit of 0 is used up. `None` when either number is not known.
///
/// # Example: how much is 901 of 1,000?
/// ```
/// use sendgate_core::usage::{Level, level, permille_used};
///
/// assert_eq!(permille_used(Some(1_000), Some(99)), Some(901));
/// assert_eq!(level(Some(1_000), Some(99)), Some(Level::Warn));
/// assert_eq!(level(Some(1_000), None), None);
/// ```
#[must_use]
pub fn permille_used(limit: Option<u64>, remaining: Option<u64>) -> Option<u16> {
    let (limit, remaining) = (limit?, remaining?);
    let used = u128::from(limit.saturating_sub(remaining));
    let permille = (used * 1_000).checked_div(u128::from(limit)).unwrap_or(1_000);
    u16::try_from(permille).ok()
}

/// Whole percent of `limit` that are used, rounded down: what a person is shown.
#[must_use]
pub fn percent_used(limit: Option<u64>, remaining: Option<u64>) -> Option<u16> {
    permille_used(limit, remaining).map(|permille| permille / 10)
}

/// How near a limit is; `None` when a number is not known. Exact: no rounding stands between a use and its level.
#[must_use]
pub fn level(limit: Option<u64>, remaining: Option<u64>) -> Option<Level> {
    let (limit, remaining) = (limit?, remaining?);
    let used = u128::from(limit.saturating_sub(remaining));
    Some(if remaining == 0 || limit == 0 {
        Level::Exhausted
    } else if used * 1_000 > u128::from(limit) * WARN_ABOVE_PERMILLE {
        Level::Warn
    } else {
        Level::Ok
    })
}

/// R176: more than 90 % warns, 90.0 % does not.
const WARN_ABOVE_PERMILLE: u128 = 900;

#[cfg(test)]
mod tests {
    use super::*;

    /// R176, R177: the unit on either side of each line.
    #[test]
    fn ninety_percent_is_fine_one_unit_more_warns_and_the_last_unit_exhausts() {
        let at = |used: u64| level(Some(1_000), Some(1_000 - used)).unwrap();
        assert_eq!((at(0), at(900), at(901), at(999), at(1_000)), {
            (Level::Ok, Level::Ok, Level::Warn, Level::Warn, Level::Exhausted)
        });
        assert_eq!(level(Some(10), Some(1)), Some(Level::Ok), "9 of 10 is 90.0 %");
        assert_eq!(level(Some(7), Some(0)).and_then(Level::alert), Some("limit_exhausted"));
        assert_eq!(level(Some(u64::MAX), Some(u64::MAX / 10)), Some(Level::Warn), "just above, without overflow");
    }

    /// R178: a limit of 0, a remaining above the limit and unknown numbers have an answer.
    #[test]
    fn every_input_has_an_answer() {
        assert_eq!(permille_used(Some(0), Some(0)), Some(1_000));
        assert_eq!(level(Some(0), Some(5)), Some(Level::Exhausted));
        assert_eq!((permille_used(Some(5), Some(9)), level(Some(5), Some(9))), (Some(0), Some(Level::Ok)));
        assert_eq!((permille_used(None, Some(1)), level(Some(1), None)), (None, None));
        assert_eq!(permille_used(Some(u64::MAX), Some(0)), Some(1_000));
        assert_eq!((percent_used(Some(3), Some(1)), percent_used(Some(3), Some(0))), (Some(66), Some(100)));
    }
}
