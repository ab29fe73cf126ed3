//! A configuration: what works in it and cannot be meant.

use super::{Finding, Found, Severity};
use crate::{
    catalog::{Ramp, Unit},
    config::{AccountConfig, ProviderConfig},
    limiter::Window,
    time::UnixMillis,
};
use alloc::{format, string::ToString, vec::Vec};

/// What is worth a word in an account's configuration at `now`; figures older than `max_age_days` are.
#[must_use]
pub fn account(account: &AccountConfig, max_age_days: u64, now: UnixMillis) -> Vec<Finding> {
    let mut found = Found::default();
    let mut warnings = Vec::new();
    account.warn("", max_age_days, now, &mut warnings);
    for warning in warnings {
        let severity = if warning.code == "old_figures" { Severity::Note } else { Severity::Warning };
        found.add(severity, warning.code, warning.field.trim_start_matches('.'), warning.detail, CONFIGURATION);
    }
    let sending = account.sending.windows();
    among("sending", &sending, &mut found);
    among("account_windows", &account.account_windows, &mut found);
    among("key_windows", &account.key_windows, &mut found);
    for (class, windows) in &account.class_windows {
        let field = format!("class_windows.{}", class.as_str());
        among(&field, windows, &mut found);
        under(&field, windows, "sending", &sending, &mut found);
    }
    for (group, windows) in &account.domain_windows {
        among(&format!("domain_windows.{group}"), windows, &mut found);
    }
    for (place, provider) in account.providers.iter().enumerate().filter(|(_, provider)| !provider.receive_only) {
        of_provider(&format!("providers[{place}]"), provider, &mut found);
    }
    if let (Some(provider), None) = (account.senders().next(), account.senders().nth(1)) {
        // A message has at least one recipient, so what limits recipients limits messages.
        for windows in [&provider.message_windows, &provider.recipient_windows] {
            under("sending", &sending, "the provider", windows, &mut found);
        }
    }
    found.sorted()
}

/// What is wrong with a ramp of one's own, in the form of the built-in ones: caps that fall or leap, tiers that narrow.
#[must_use]
pub fn ramp(name: &str, text: &str) -> Vec<Finding> {
    let mut found = Found::default();
    if let Err(error) = Ramp::parse(name, text) {
        found.add(Severity::Error, "ramp_invalid", "ramp", error.to_string(), RAMPS);
    }
    found.sorted()
}

fn of_provider(at: &str, provider: &ProviderConfig, found: &mut Found) {
    let lists = [
        ("windows", Unit::Requests, &provider.windows),
        ("message_windows", Unit::Messages, &provider.message_windows),
        ("recipient_windows", Unit::Recipients, &provider.recipient_windows),
    ];
    for (list, _, windows) in lists {
        among(&format!("{at}.{list}"), windows, found);
    }
    let Some(profile) = provider.profile() else { return };
    for (list, unit, windows) in lists {
        let of_profile = profile.windows.iter().filter(|known| known.unit == unit);
        for known in of_profile {
            let own = windows.iter().find(|own| own.name() == known.window.name() && provider.is_own(own.name()));
            let Some(own) = own.filter(|own| admits_more(own, &known.window)) else { continue };
            let detail = format!(
                "{} admits {} where the provider's profile says {}; the provider will refuse what is beyond it",
                own.name(),
                own.limit(),
                known.window.limit()
            );
            found.add(Severity::Warning, "limit_over_profile", format!("{at}.{list}"), detail, CONFIGURATION);
        }
    }
}

/// Windows of one list that another one of it makes useless.
fn among(field: &str, windows: &[Window], found: &mut Found) {
    for (place, window) in windows.iter().enumerate() {
        let mut others = windows.iter().enumerate().filter(|(other, _)| *other != place);
        let stricter = others.find(|(other, stronger)| {
            // Of two that mean the same the later one is the useless one.
            never_binds(window, stronger) && (!never_binds(stronger, window) || *other < place)
        });
        if let Some((_, stronger)) = stricter {
            never(field, window, stronger, "", found);
        }
    }
}

/// Windows of one list that one of another list, which counts at least as much, makes useless.
fn under(field: &str, windows: &[Window], above: &str, others: &[Window], found: &mut Found) {
    for window in windows {
        if let Some(stronger) = others.iter().find(|stronger| never_binds(window, stronger)) {
            never(field, window, stronger, above, found);
        }
    }
}

fn never(field: &str, window: &Window, stronger: &Window, of: &str, found: &mut Found) {
    let of = if of.is_empty() { "".into() } else { format!(" of {of}") };
    let detail = format!(
        "{} admits {} and can never bind: {}{of} admits {} in {} ms",
        window.name(),
        window.limit(),
        stronger.name(),
        stronger.limit(),
        period(stronger).unwrap_or(0),
    );
    found.add(Severity::Warning, "limit_never_binds", field, detail, CONFIGURATION);
}

/// Whether whatever a sliding window admits is within another one: in so many of its periods as cover the other's.
fn never_binds(window: &Window, stronger: &Window) -> bool {
    let (Some(long), Some(short)) = (period(window), period(stronger)) else { return false };
    let covered = u64::from(stronger.limit()).saturating_mul(long.div_ceil(short.max(1)));
    u64::from(window.limit()) >= covered
}

fn admits_more(own: &Window, known: &Window) -> bool {
    period(own) == period(known) && own.limit() > known.limit()
}

const fn period(window: &Window) -> Option<u64> {
    match window {
        Window::Sliding { period_ms, .. } => Some(*period_ms),
        Window::Calendar { .. } | Window::Pace { .. } => None,
    }
}

const CONFIGURATION: &str = "the account's configuration";
const RAMPS: &str = "document 001, R153 and R155";
