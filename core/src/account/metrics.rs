//! `GET /v1/metrics`: where an account stands, in Prometheus' text format (exposition format 0.0.4).
//!
//! Everything is read from what is kept anyway: nothing is counted for this page alone, so it writes no row. What waits is
//! counted by the index of open messages; what was sent is the ledger's; bounces, complaints and engagement are the counts
//! of events. Refused requests are counted in memory, from the last start of the account on: a counter that begins again
//! is one that Prometheus knows.

use super::{Account, Reply, quota::quota_name};
use crate::{
    event,
    gate::Standing,
    mailroom,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::string::String;
use core::fmt::{Arguments, Write};

/// The text of a page.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let mut printed = String::new();
        for (label, text) in labels {
            let comma = if printed.is_empty() { "" } else { "," };
            // Writing to a text cannot fail.
            let _ = write!(printed, "{comma}{label}=\"{}\"", escaped(text));
        }
        match printed.is_empty() {
            true => self.line(format_args!("{PREFIX}{name} {value}")),
            false => self.line(format_args!("{PREFIX}{name}{{{printed}}} {value}")),
        }
    }

    fn line(&mut self, line: Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

impl Account {
    /// Where the account stands (R179).
    pub(super) fn metrics(&mut self, key_id: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
        let mut text = Text::default();
        let waiting = mailroom::backlog(sql)?;
        text.family("messages_waiting", "gauge", "Messages that were accepted and are not finished, by status.");
        for (status, count) in &waiting.by_status {
            text.sample("messages_waiting", &[("status", status.word())], *count);
        }
        text.family("queue_age_seconds", "gauge", "Age of the oldest message that is due and has not left.");
        let age = waiting.oldest_due.map_or(0, |due| now.since(due) / 1_000);
        text.sample("queue_age_seconds", &[], age);
        text.family("calls_in_flight", "gauge", "Calls to providers that are not answered yet.");
        text.sample("calls_in_flight", &[], u64::try_from(self.mailroom.in_flight()).unwrap_or(u64::MAX));
        self.quotas(&mut text, now);
        text.family("window_limit", "gauge", "Units that a window admits.");
        self.windows(&mut text, "window_limit", key_id, now, |standing| standing.limit);
        text.family("window_remaining", "gauge", "Units that a window still admits.");
        self.windows(&mut text, "window_remaining", key_id, now, |standing| standing.remaining);
        text.family("provider_open", "gauge", "Whether a provider takes calls now: 1, or 0 while it is blocked.");
        for (name, open, _) in self.mailroom.health(now) {
            text.sample("provider_open", &[("provider", name)], u64::from(open));
        }
        text.family("provider_up", "gauge", "Whether a provider is worth waiting for: 0 while it fails in a row.");
        for (name, _, up) in self.mailroom.health(now) {
            text.sample("provider_up", &[("provider", name)], u64::from(up));
        }
        text.family("events", "gauge", "Events of this UTC day that providers reported, by kind.");
        for count in event::counts(now, sql)? {
            let labels = [("provider", &*count.provider), ("domain", &count.domain), ("kind", count.kind.word())];
            text.sample("events", &labels, count.n);
        }
        text.family("requests_limited_total", "counter", "Requests answered 429 since the account last started.");
        text.sample("requests_limited_total", &[], self.limited);
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        Ok(Reply { content_type, ..Reply::json(200, text.0.into_bytes()) })
    }

    fn quotas(&self, text: &mut Text, now: UnixMillis) {
        text.family(
            "quota_recipients",
            "gauge",
            "Recipients of a quota's period: reserved, committed (sent) and free.",
        );
        for quota in self.gate.ledger.usage(now) {
            let period = quota_name(quota.period);
            for (state, units) in [("reserved", quota.reserved), ("committed", quota.committed), ("free", quota.free)] {
                text.sample("quota_recipients", &[("quota", period), ("state", state)], units);
            }
        }
    }

    fn windows(&mut self, text: &mut Text, name: &str, key_id: &str, now: UnixMillis, of: fn(&Standing<'_>) -> u32) {
        let outgoing = self.mailroom.standings(now);
        for standing in self.gate.explain(key_id, now).iter().chain(&outgoing) {
            let labels = [
                ("scope", standing.scope.word()),
                ("of", standing.dimension),
                ("window", standing.window.name()),
                ("unit", standing.unit.word()),
            ];
            text.sample(name, &labels, u64::from(of(standing)));
        }
    }
}

/// A label's value as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// What every name begins with.
const PREFIX: &str = "sendgate_";
