//! `GET /v1/usage`: what is in use of every quota in its current period.

use super::{Account, Reply, quota::quota_name};
use crate::{
    ledger::{Quota, QuotaUsage},
    sql::SqlError,
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

#[derive(Serialize)]
struct Usage<'a> {
    /// In which a day, a month and a year begin.
    time_zone: &'a str,
    usage: Vec<Period>,
}

#[derive(Serialize)]
struct Period {
    name: &'static str,
    period: &'static str,
    starts_at: String,
    ends_at: String,
    unit: &'static str,
    /// Absent where the units are only counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// The sum of the three that follow.
    accepted: u64,
    reserved: u64,
    committed: u64,
    released: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<u64>,
    /// Units in use beyond the limit.
    over: u64,
    /// What a price by use is for: accepted without released.
    billable: u64,
}

impl Account {
    pub(super) fn usage(&self, now: UnixMillis) -> Result<Reply, SqlError> {
        let usage = self.gate.ledger.usage(now).iter().map(Period::of).collect();
        let view = Usage { time_zone: &self.config.time_zone, usage };
        serde_json::to_vec(&view).map(|body| Reply::json(200, body)).map_err(|error| SqlError(error.to_string()))
    }
}

impl Period {
    fn of(quota: &QuotaUsage) -> Self {
        let limited = quota.limit != Quota::UNLIMITED;
        let billable = quota.reserved.saturating_add(quota.committed);
        Self {
            name: quota_name(quota.period),
            period: quota.period.as_str(),
            starts_at: quota.starts_at.to_string(),
            ends_at: quota.resets_at.to_string(),
            unit: "recipients",
            limit: limited.then_some(quota.limit),
            accepted: billable.saturating_add(quota.released),
            reserved: quota.reserved,
            committed: quota.committed,
            released: quota.released,
            free: limited.then_some(quota.free),
            over: quota.over,
            billable,
        }
    }
}
