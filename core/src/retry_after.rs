//! `Retry-After` (RFC 9110 section 10.2.3): whole seconds, or an HTTP date in one of its three forms.
//!
//! Both ends' clocks may be wrong, so a date is read as a distance from the same response's `Date`, and counts from
//! our own now. A hint only ever moves a retry later: a date in the past, or `0`, is now.

use crate::{http::HttpResponse, time::UnixMillis};
use alloc::format;
use jiff::civil::DateTime;

/// The first instant that a response allows another try, by its `Retry-After`; `None` without a readable one.
#[must_use]
pub fn of_response(response: &HttpResponse, now: UnixMillis) -> Option<UnixMillis> {
    parse(response.header("retry-after")?, response.header("date"), now)
}

/// Reads a `Retry-After` value; `date` is the same response's `Date` field.
///
/// Seconds beyond any clock become [`UnixMillis::MAX`]. Anything that is neither form (`1.5`, `-1`, `Infinity`, a word)
/// is `None`. An unreadable `date` counts as absent.
///
/// # Example: which instant is meant?
/// ```
/// use sendgate_core::{retry_after::parse, time::UnixMillis};
/// let now = UnixMillis::new(1_000_000);
/// assert_eq!(parse("120", None, now), Some(UnixMillis::new(1_120_000)));
/// let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
/// assert_eq!(parse("Sun, 06 Nov 1994 08:50:07 GMT", date, now), Some(UnixMillis::new(1_030_000)));
/// assert_eq!(parse("Infinity", None, now), None);
/// ```
#[must_use]
pub fn parse(value: &str, date: Option<&str>, now: UnixMillis) -> Option<UnixMillis> {
    if let Some(instant) = seconds(value, now) {
        return Some(instant);
    }
    let until = http_date(value, now)?;
    let from = date.and_then(|date| http_date(date, now)).unwrap_or(now);
    Some(now.plus(until.since(from)))
}

/// Reads a number of whole seconds from `now`: digits only, saturating.
#[must_use]
pub fn seconds(value: &str, now: UnixMillis) -> Option<UnixMillis> {
    let digits = trim(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: u64 = digits.parse().unwrap_or(u64::MAX);
    Some(now.plus(seconds.saturating_mul(1000)))
}

/// Reads a number of seconds since 1970, as in SendGrid's `X-RateLimit-Reset`: digits only. As with a date, the distance
/// from the same response's `Date` counts.
#[must_use]
pub fn epoch_seconds(value: &str, date: Option<&str>, now: UnixMillis) -> Option<UnixMillis> {
    let until = seconds(value, UnixMillis::default())?;
    let from = date.and_then(|date| http_date(date, now)).unwrap_or(now);
    Some(now.plus(until.since(from)))
}

/// Reads a date as mail writes it (RFC 5322 section 3.3), as in Mailgun's "try again after Mon, 20 Dec 2021 20:33:21
/// UTC": what mail calls `GMT` or `+0000` is `UTC` there. As with an HTTP date, the distance from the same response's
/// `Date` counts.
#[must_use]
pub fn mail_date(value: &str, date: Option<&str>, now: UnixMillis) -> Option<UnixMillis> {
    let text = trim(value);
    let zoned = match text.strip_suffix(" UTC") {
        Some(civil) => jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(format!("{civil} +0000")),
        None => jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text),
    };
    let until = u64::try_from(zoned.ok()?.as_millisecond()).ok().map(UnixMillis::new)?;
    let from = date.and_then(|date| http_date(date, now)).unwrap_or(now);
    Some(now.plus(until.since(from)))
}

/// Reads an HTTP date (RFC 9110 section 5.6.7); `now` tells the century of a year with two digits.
///
/// The name of the day must be one, but need not be the right one: nothing depends on it.
#[must_use]
pub fn http_date(value: &str, now: UnixMillis) -> Option<UnixMillis> {
    let text = trim(value);
    let civil = match text.split_once(", ") {
        Some((day, rest)) if DAYS.contains(&day) => fixdate(rest)?,
        Some((day, rest)) if LONG_DAYS.contains(&day) => rfc850(rest, now)?,
        Some(_) => return None,
        None => asctime(text)?,
    };
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    u64::try_from(instant.as_millisecond()).ok().map(UnixMillis::new)
}

/// `06 Nov 1994 08:49:37 GMT`
fn fixdate(text: &str) -> Option<DateTime> {
    let mut words = text.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    let civil = civil(number(year, 4)?, month, number(day, 2)?, time)?;
    (zone == "GMT" && words.next().is_none()).then_some(civil)
}

/// `06-Nov-94 08:49:37 GMT`: a year that seems more than 50 years ahead is the latest past one that ends so.
fn rfc850(text: &str, now: UnixMillis) -> Option<DateTime> {
    let mut words = text.split(' ');
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    let mut parts = date.split('-');
    let (day, month, year) = (number(parts.next()?, 2)?, parts.next()?, number(parts.next()?, 2)?);
    if zone != "GMT" || words.next().is_some() || parts.next().is_some() {
        return None;
    }
    let this_year = jiff::Timestamp::from_millisecond(now.as_i64()).ok()?.to_zoned(jiff::tz::TimeZone::UTC).year();
    let ahead = this_year.saturating_sub(this_year.rem_euclid(100)).saturating_add(year);
    let year = if ahead > this_year.saturating_add(50) { ahead.saturating_sub(100) } else { ahead };
    civil(year, month, day, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<DateTime> {
    let (name, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let (day, rest) = (rest.get(..2)?, rest.get(2..)?.strip_prefix(' ')?);
    let (time, year) = rest.split_once(' ')?;
    let day = match day.strip_prefix(' ') {
        Some(digit) => number(digit, 1)?,
        None => number(day, 2)?,
    };
    DAYS.contains(&name).then_some(())?;
    civil(number(year, 4)?, month, day, time)
}

/// A civil time of its parts. Second 60 is a leap second and read as the one before it.
fn civil(year: i16, month: &str, day: i16, time: &str) -> Option<DateTime> {
    let month = MONTHS.iter().position(|name| *name == month)?.saturating_add(1);
    let mut parts = time.split(':');
    let (hour, minute, second) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || second > 60 {
        return None;
    }
    let small = |number: i16| i8::try_from(number).ok();
    let day = jiff::civil::Date::new(year, i8::try_from(month).ok()?, small(day)?).ok()?;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second.min(59))?, 0).ok()?;
    Some(day.to_datetime(time))
}

/// Exactly this many digits.
fn number(text: &str, digits: usize) -> Option<i16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Without RFC 9110's optional whitespace.
fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-01T10:00:00Z
    const NOW: UnixMillis = UnixMillis::new(1_796_119_200_000);

    /// RFC 9110 section 5.6.7: the same instant three times, 784111777 in Unix seconds.
    #[test]
    fn the_three_forms_of_the_standards_example_are_one_instant() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text, NOW), Some(UnixMillis::new(784_111_777_000)), "{text}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        let first_day = |year| UnixMillis::parse_rfc3339(year);
        assert_eq!(http_date("Friday, 01-Jan-76 00:00:00 GMT", NOW), first_day("2076-01-01T00:00:00Z"));
        assert_eq!(http_date("Friday, 01-Jan-77 00:00:00 GMT", NOW), first_day("1977-01-01T00:00:00Z"));
    }

    #[test]
    fn garbage_is_none() {
        let texts = [
            "",
            " ",
            "Infinity",
            "inf",
            "NaN",
            "-1",
            "+5",
            "1.5",
            "1e3",
            "soon",
            "0x10",
            "１２",
            "1 2",
            "60,60",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "2026-12-01T10:00:00Z",
            "Sun, é6 Nov 1994 08:49:37 GMT",
            "Sun Nov é 1",
        ];
        for text in texts {
            assert_eq!(parse(text, None, NOW), None, "{text}");
        }
    }

    #[test]
    fn seconds_count_from_now_and_stop_at_the_last_instant() {
        assert_eq!(parse("0", None, NOW), Some(NOW));
        assert_eq!(parse("\t60 ", None, NOW), Some(NOW.plus(60_000)));
        assert_eq!(parse("99999999999999999999999999", None, NOW), Some(UnixMillis::MAX));
    }

    /// The server's clock is a year behind ours: only the distance between its two dates counts.
    #[test]
    fn a_date_is_a_distance_from_the_responses_own_date() {
        let value = "Mon, 01 Dec 2025 10:01:30 GMT";
        assert_eq!(parse(value, Some("Mon, 01 Dec 2025 10:00:00 GMT"), NOW), Some(NOW.plus(90_000)));
        assert_eq!(parse(value, None, NOW), Some(NOW), "a date in the past is now");
        assert_eq!(parse("Tue, 01 Dec 2026 10:01:30 GMT", Some("yesterday"), NOW), Some(NOW.plus(90_000)));
    }

    /// 1796119290 is ninety seconds after now; 1764583290 is the same a year of 365 days (31,536,000 s) before.
    #[test]
    fn seconds_since_1970_are_a_distance_too() {
        assert_eq!(epoch_seconds("1796119290", None, NOW), Some(NOW.plus(90_000)));
        let date = Some("Mon, 01 Dec 2025 10:00:00 GMT");
        assert_eq!(epoch_seconds("1764583290", date, NOW), Some(NOW.plus(90_000)));
        assert_eq!(epoch_seconds("1764583290", None, NOW), Some(NOW), "an instant in the past is now");
        assert_eq!(epoch_seconds("99999999999999999999999", None, NOW), Some(UnixMillis::MAX));
        for garbage in ["", "-1", "1.5", "soon"] {
            assert_eq!(epoch_seconds(garbage, None, NOW), None, "{garbage}");
        }
    }

    #[test]
    fn dates_as_mail_writes_them_are_read() {
        for text in ["Tue, 01 Dec 2026 10:01:30 UTC", "Tue, 1 Dec 2026 10:01:30 GMT", "01 Dec 2026 11:01:30 +0100"] {
            assert_eq!(mail_date(text, None, NOW), Some(NOW.plus(90_000)), "{text}");
        }
        let date = Some("Mon, 01 Dec 2025 10:00:00 GMT");
        assert_eq!(mail_date("Mon, 01 Dec 2025 10:01:30 UTC", date, NOW), Some(NOW.plus(90_000)));
        assert_eq!(mail_date("Mon, 01 Dec 2025 10:01:30 UTC", None, NOW), Some(NOW), "a date in the past is now");
        for garbage in ["", "soon", "UTC", " UTC", "Tue, 31 Feb 2026 10:01:30 UTC", "2026-12-01T10:00:00Z"] {
            assert_eq!(mail_date(garbage, None, NOW), None, "{garbage}");
        }
    }

    #[test]
    fn a_leap_second_is_read() {
        assert_eq!(http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW), Some(UnixMillis::new(1_483_228_799_000)));
    }
}
