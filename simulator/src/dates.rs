//! Dates as mail writes them (RFC 5322 section 3.3).

use alloc::{format, string::String};
use mail_parser::DateTime;
use sendgate_core::time::UnixMillis;

/// `now` as `Tue, 01 Dec 2026 10:00:00 +0000`; what lies within a second is told as its end.
pub(crate) fn mail_date(instant: UnixMillis) -> String {
    let seconds = instant.seconds_ceil();
    let date = DateTime::from_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX));
    let day = DAYS.get(usize::from(date.day_of_week())).copied().unwrap_or_default();
    let month = MONTHS.get(usize::from(date.month.saturating_sub(1))).copied().unwrap_or_default();
    let (number, year, hour, minute, second) = (date.day, date.year, date.hour, date.minute, date.second);
    format!("{day}, {number:02} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

/// The instant that a mail date names; `None` for anything else and for instants before 1970.
pub(crate) fn read_mail_date(text: &str) -> Option<UnixMillis> {
    if text.contains(['\r', '\n']) {
        return None;
    }
    let line = format!("{text}\n");
    let date = DateTime::parse_rfc822(&line).filter(DateTime::is_valid)?;
    let seconds = u64::try_from(date.to_timestamp()).ok()?;
    Some(UnixMillis::new(seconds.saturating_mul(1000)))
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-01T10:00:00Z, a Tuesday.
    const START: u64 = 1_796_119_200_000;

    #[test]
    fn a_date_is_written_and_read() {
        assert_eq!(mail_date(UnixMillis::new(START)), "Tue, 01 Dec 2026 10:00:00 +0000");
        assert_eq!(mail_date(UnixMillis::new(START - 999)), "Tue, 01 Dec 2026 10:00:00 +0000");
        assert_eq!(read_mail_date("Tue, 01 Dec 2026 10:00:00 +0000"), Some(UnixMillis::new(START)));
        assert_eq!(read_mail_date("Tue, 01 Dec 2026 11:00:00 +0100"), Some(UnixMillis::new(START)));
        for wrong in ["", "tomorrow", "2026-12-01T10:00:00Z", "Tue, 41 Dec 2026 10:00:00 +0000"] {
            assert_eq!(read_mail_date(wrong), None, "{wrong}");
        }
    }
}
