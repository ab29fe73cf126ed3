//! Limits in the header fields of answers to messages.

use super::{Bound, Learned, Limit, Source, Span};
use crate::{
    calendar::CalendarUnit, gate::Unit, http::HttpResponse, provider::ProviderKind, retry_after, time::UnixMillis,
    transport::Reply,
};
use alloc::{vec, vec::Vec};

/// What an answer's header fields tell about limits.
///
/// Only of answers that a message was taken or throttled by: others may be a gateway's.
#[must_use]
pub fn learn(kind: ProviderKind, reply: &Reply, now: UnixMillis) -> Learned {
    let response = match reply {
        Reply::Http(response) if (200..300).contains(&response.status) || response.status == 429 => response,
        Reply::Http(_) | Reply::Smtp(_) | Reply::Binding(_) => return Learned::default(),
    };
    let limits = match kind {
        ProviderKind::Sendgrid => sendgrid(response),
        ProviderKind::Resend => resend(response, now),
        ProviderKind::Brevo => brevo(response, now),
        ProviderKind::Mailersend => mailersend(response),
        ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Ses
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => Vec::new(),
    };
    Learned { limits: limits.into_iter().filter(Limit::says_something).collect() }
}

/// docs.sendgrid.com, "Rate limits": `X-RateLimit-Limit`, `-Remaining`, and `-Reset` in seconds since 1970.
fn sendgrid(response: &HttpResponse) -> Vec<Limit> {
    let resets_at = number(response, "x-ratelimit-reset").map(|seconds| UnixMillis::new(seconds.saturating_mul(1_000)));
    let limit = Limit {
        bound: units(response, "x-ratelimit-limit"),
        remaining: number(response, "x-ratelimit-remaining"),
        resets_at,
        ..Limit::of(Unit::Requests, Span::Unsaid)
    };
    vec![limit]
}

/// resend.com/docs, "Rate limit": `ratelimit-limit` a second, `-remaining`, and `-reset` in seconds from now; and the
/// recipients that are *used* of a day and of a month.
fn resend(response: &HttpResponse, now: UnixMillis) -> Vec<Limit> {
    let rate = Limit {
        bound: units(response, "ratelimit-limit"),
        remaining: number(response, "ratelimit-remaining"),
        resets_at: seconds(response, "ratelimit-reset", now),
        ..Limit::of(Unit::Requests, Span::Sliding(1_000))
    };
    let used =
        |period, name| Limit { used: number(response, name), ..Limit::of(Unit::Recipients, Span::Calendar(period)) };
    let quotas = [used(CalendarUnit::Day, "x-resend-daily-quota"), used(CalendarUnit::Month, "x-resend-monthly-quota")];
    [rate].into_iter().chain(quotas).collect()
}

/// developers.brevo.com, "Rate limit headers": the reset in the unit of the limit, "typically seconds".
fn brevo(response: &HttpResponse, now: UnixMillis) -> Vec<Limit> {
    let limit = Limit {
        bound: units(response, "x-sib-ratelimit-limit"),
        remaining: number(response, "x-sib-ratelimit-remaining"),
        resets_at: seconds(response, "x-sib-ratelimit-reset", now),
        ..Limit::of(Unit::Requests, Span::Unsaid)
    };
    vec![limit]
}

/// developers.mailersend.com, "General": requests a minute, and the quota of a day that ends at midnight UTC.
fn mailersend(response: &HttpResponse) -> Vec<Limit> {
    let rate = Limit {
        bound: units(response, "x-ratelimit-limit"),
        remaining: number(response, "x-ratelimit-remaining"),
        ..Limit::of(Unit::Requests, Span::Sliding(60_000))
    };
    let quota = Limit {
        remaining: number(response, "x-apiquota-remaining"),
        resets_at: response.header("x-apiquota-reset").and_then(UnixMillis::parse_rfc3339),
        ..Limit::of(Unit::Requests, Span::Calendar(CalendarUnit::Day))
    };
    vec![rate, quota]
}

impl Limit {
    /// A limit in a header field of which nothing is known yet.
    const fn of(unit: Unit, span: Span) -> Self {
        let (bound, source) = (Bound::Unsaid, Source::Header);
        Self { unit, span, bound, used: None, remaining: None, resets_at: None, source }
    }

    fn says_something(&self) -> bool {
        self.bound != Bound::Unsaid || self.used.is_some() || self.remaining.is_some()
    }
}

fn units(response: &HttpResponse, name: &str) -> Bound {
    number(response, name).map_or(Bound::Unsaid, Bound::Units)
}

/// A field of digits only, so that nothing else is read as one.
fn number(response: &HttpResponse, name: &str) -> Option<u64> {
    let digits = response.header(name)?.trim();
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

fn seconds(response: &HttpResponse, name: &str, now: UnixMillis) -> Option<UnixMillis> {
    retry_after::seconds(response.header(name)?, now)
}
