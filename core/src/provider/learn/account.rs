//! Limits on the page that a provider has about the account.

use super::{Bound, Learned, Limit, Source, Span};
use crate::{
    calendar::CalendarUnit,
    gate::Unit,
    http::{HttpRequest, HttpResponse},
    provider::{ProviderKind, Target, USER_AGENT, bearer, classify::json_object, is_credential, ses},
    time::UnixMillis,
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use serde_json::{Map, Value};

/// Whether a provider has a page that says how much the account may send.
#[must_use]
pub const fn has_account_page(kind: ProviderKind) -> bool {
    match kind {
        ProviderKind::Ses | ProviderKind::Sendgrid | ProviderKind::Resend | ProviderKind::Mailersend => true,
        ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => false,
    }
}

/// The request that asks a provider about the account; `None` where it has no such page, or where the target lacks what
/// the request needs.
#[must_use]
pub fn account_query(kind: ProviderKind, target: &Target<'_>, now: UnixMillis) -> Option<HttpRequest> {
    if !is_credential(target.credential) {
        return None;
    }
    match kind {
        ProviderKind::Ses => ses::signed(target, "GET", "/v2/email/account", Vec::new(), now).ok(),
        ProviderKind::Sendgrid => Some(get(target, "/v3/user/credits")),
        ProviderKind::Resend => Some(get(target, "/usage")),
        ProviderKind::Mailersend => Some(get(target, "/v1/api-quota")),
        ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => None,
    }
}

/// What the answer to [`account_query`] tells; nothing unless its status is 200.
#[must_use]
pub fn learn_account(kind: ProviderKind, response: &HttpResponse, _now: UnixMillis) -> Learned {
    if response.status != 200 {
        return Learned::default();
    }
    let body = json_object(&response.body);
    let limits = match kind {
        ProviderKind::Ses => ses_quota(&body),
        ProviderKind::Sendgrid => sendgrid_credits(&body),
        ProviderKind::Resend => resend_usage(&body),
        ProviderKind::Mailersend => mailersend_quota(&body),
        ProviderKind::Mailgun
        | ProviderKind::Postmark
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => Vec::new(),
    };
    Learned { limits }
}

/// botocore 1.44.5, `SendQuota`: doubles, counted in recipients; a day's quota of -1 is none.
fn ses_quota(body: &Map<String, Value>) -> Vec<Limit> {
    let quota = body.get("SendQuota").and_then(Value::as_object);
    let field = |name| quota.and_then(|quota| quota.get(name));
    let day = match field("Max24HourSend") {
        Some(value) if value.as_f64() == Some(-1.0) => Some(Bound::Unlimited),
        value => value.and_then(whole).map(Bound::Units),
    };
    let used = field("SentLast24Hours").and_then(whole);
    let remaining = match day {
        Some(Bound::Units(units)) => used.map(|used| units.saturating_sub(used)),
        Some(Bound::Unlimited | Bound::Unsaid) | None => None,
    };
    let day = day.map(|bound| Limit { used, remaining, ..limit(Unit::Recipients, Span::Sliding(86_400_000), bound) });
    let rate = field("MaxSendRate").and_then(whole).map(Bound::Units);
    let rate = rate.map(|bound| limit(Unit::Recipients, Span::Sliding(1_000), bound));
    day.into_iter().chain(rate).collect()
}

/// twilio/sendgrid-oai, `tsg_user_v3.json`: the credits of the plan's period.
fn sendgrid_credits(body: &Map<String, Value>) -> Vec<Limit> {
    let number = |name| body.get(name).and_then(whole);
    let span = match body.get("reset_frequency").and_then(Value::as_str) {
        Some("daily") => Span::Calendar(CalendarUnit::Day),
        Some("monthly") => Span::Calendar(CalendarUnit::Month),
        Some(_) | None => Span::Unsaid,
    };
    let Some(total) = number("total") else { return Vec::new() };
    let resets_at = body.get("next_reset").and_then(Value::as_str).and_then(instant);
    let (used, remaining) = (number("used"), number("remain"));
    alloc::vec![Limit { used, remaining, resets_at, ..limit(Unit::Recipients, span, Bound::Units(total)) }]
}

/// `resend` 6.38.0 (npm), `GET /usage`: a limit that is null is none.
fn resend_usage(body: &Map<String, Value>) -> Vec<Limit> {
    let quota = |period, name: &str| {
        let quota = body.get("emails")?.get(name)?.as_object()?;
        let most = quota.get("limit")?;
        let bound = if most.is_null() { Bound::Unlimited } else { Bound::Units(whole(most)?) };
        let used = quota.get("used").and_then(whole);
        let remaining = match bound {
            Bound::Units(units) => used.map(|used| units.saturating_sub(used)),
            Bound::Unlimited | Bound::Unsaid => None,
        };
        let resets_at = quota.get("resets_at").and_then(Value::as_str).and_then(instant);
        Some(Limit { used, remaining, resets_at, ..limit(Unit::Recipients, Span::Calendar(period), bound) })
    };
    let rate = || {
        let rate = body.get("rate_limit")?;
        let span = rate.get("duration").and_then(Value::as_str).and_then(duration).map_or(Span::Unsaid, Span::Sliding);
        Some(limit(Unit::Requests, span, Bound::Units(whole(rate.get("limit")?)?)))
    };
    [quota(CalendarUnit::Day, "daily"), quota(CalendarUnit::Month, "monthly"), rate()].into_iter().flatten().collect()
}

/// developers.mailersend.com, "Other endpoints": requests of a day.
fn mailersend_quota(body: &Map<String, Value>) -> Vec<Limit> {
    let Some(quota) = body.get("quota").and_then(whole) else { return Vec::new() };
    let remaining = body.get("remaining").and_then(whole);
    let resets_at = body.get("reset").and_then(Value::as_str).and_then(instant);
    let day = limit(Unit::Requests, Span::Calendar(CalendarUnit::Day), Bound::Units(quota));
    alloc::vec![Limit { remaining, resets_at, ..day }]
}

const fn limit(unit: Unit, span: Span, bound: Bound) -> Limit {
    Limit { unit, span, bound, used: None, remaining: None, resets_at: None, source: Source::Account }
}

/// A number that counts, without what is behind its point.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0)?;
    // By way of its digits: a cast would cut off silently.
    value.as_u64().or_else(|| format!("{number}").split('.').next()?.parse().ok())
}

/// RFC 3339, or a day, which begins at midnight UTC.
fn instant(text: &str) -> Option<UnixMillis> {
    UnixMillis::parse_rfc3339(text).or_else(|| UnixMillis::parse_rfc3339(&format!("{text}T00:00:00Z")))
}

/// A length such as `1s`, `1 second`, `500ms`, `minute`.
fn duration(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, word) = text.split_at(digits);
    let count: u64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    let unit = match word.trim() {
        "ms" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    };
    count.checked_mul(unit).filter(|period| *period > 0)
}

fn get(target: &Target<'_>, path: &str) -> HttpRequest {
    let mut url = String::from(target.base_url.trim_end_matches('/'));
    url.push_str(path);
    let headers = alloc::vec![
        ("Accept", Cow::Borrowed("application/json")),
        ("User-Agent", Cow::Borrowed(USER_AGENT)),
        bearer(target),
    ];
    HttpRequest { method: "GET", url, headers, body: Vec::new() }
}
