//! `Retry-After` (RFC 9110 section 10.2.3): seconds, or one of the three forms of an HTTP date.

use crate::{http::HttpResponse, time::UnixMillis};

/// The first instant that a response allows another try, by its `Retry-After`; `None` without a readable one.
#[must_use]
pub fn of_response(_response: &HttpResponse, _now: UnixMillis) -> Option<UnixMillis> {
    None
}

/// Reads a `Retry-After` value; `date` is the same response's `Date` field.
#[must_use]
pub fn parse(_value: &str, _date: Option<&str>, _now: UnixMillis) -> Option<UnixMillis> {
    None
}
