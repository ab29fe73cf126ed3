//! `ledger`: quotas and what happens under them, step by step.

use super::{Number, VectorError, from_hex, read};
use crate::{
    calendar::CalendarUnit,
    ledger::{Ledger, LedgerError, Overdelivery, Quota, QuotaUsage, Refusal, Reservation},
};
use alloc::{format, string::String, string::ToString, vec::Vec};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    terms: Terms,
    #[serde(default)]
    steps: Vec<Step>,
}

/// What a ledger is made of.
#[derive(Deserialize)]
struct Terms {
    quotas: Vec<Line>,
    time_zone: String,
    /// `block` when it is not there.
    #[serde(default)]
    overdelivery: Overdelivery,
}

/// A [`Quota`] whose limit may be above 2^53.
#[derive(Deserialize)]
struct Line {
    period: CalendarUnit,
    limit: Number,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Step {
    Reserve {
        units: Number,
        now: Number,
    },
    Commit {
        reservation: String,
        units: Number,
        now: Number,
    },
    Release {
        reservation: String,
        units: Number,
        now: Number,
    },
    Usage {
        now: Number,
    },
    /// Takes the ledger's own bytes up under other terms, or bytes given in their place.
    Load {
        #[serde(flatten)]
        terms: Terms,
        hex: Option<String>,
    },
    Parse {
        text: String,
    },
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case = read(case_json)?;
    let mut ledger = match Ledger::new(&case.terms.quotas(), &case.terms.time_zone) {
        Ok(ledger) => ledger.with_overdelivery(case.terms.overdelivery),
        Err(error) => return Ok(refused(&error)),
    };
    case.steps.iter().map(|step| perform(&mut ledger, step)).collect()
}

fn perform(ledger: &mut Ledger, step: &Step) -> Result<Value, VectorError> {
    Ok(match step {
        Step::Reserve { units, now } => match ledger.reserve(units.0, now.instant()) {
            Ok(reservation) => json!({ "reserved": reservation.to_string() }),
            Err(refusal) => refusal_of(refusal),
        },
        Step::Commit { reservation, units, now } => {
            ledger.commit(&known(reservation)?, units.0, now.instant());
            json!({ "committed": true })
        }
        Step::Release { reservation, units, now } => {
            ledger.release(&known(reservation)?, units.0, now.instant());
            json!({ "released": true })
        }
        Step::Usage { now } => ledger.usage(now.instant()).iter().map(usage).collect(),
        Step::Load { terms, hex } => {
            let bytes = match hex {
                Some(hex) => from_hex(hex).ok_or_else(|| bad("hex must be pairs of hexadecimal digits"))?,
                None => ledger.as_bytes().to_vec(),
            };
            match Ledger::load(&terms.quotas(), &terms.time_zone, &bytes) {
                Ok(loaded) => {
                    *ledger = loaded.with_overdelivery(terms.overdelivery);
                    json!({ "loaded": true })
                }
                Err(error) => refused(&error),
            }
        }
        Step::Parse { text } => match Reservation::parse(text) {
            Some(read) => json!({
                "units": read.units, "reserved_at": read.reserved_at.as_millis(), "printed": read.to_string(),
            }),
            None => json!({ "error": "no_reservation" }),
        },
    })
}

impl Terms {
    fn quotas(&self) -> Vec<Quota> {
        self.quotas.iter().map(|line| Quota { period: line.period, limit: line.limit.0 }).collect()
    }
}

/// The reservation that a step names by what it prints.
fn known(text: &str) -> Result<Reservation, VectorError> {
    Reservation::parse(text).ok_or_else(|| bad(&format!("not a reservation: {text:?}")))
}

fn bad(detail: &str) -> VectorError {
    VectorError::BadCase { detail: detail.into() }
}

fn refused(error: &LedgerError) -> Value {
    json!({ "error": error.code() })
}

fn refusal_of(refusal: Refusal) -> Value {
    json!({ "refused": {
        "code": refusal.code(),
        "period": refusal.period.as_str(),
        "free": refusal.free,
        "retry_at": refusal.retry_at.map(crate::time::UnixMillis::as_millis),
    } })
}

fn usage(usage: &QuotaUsage) -> Value {
    json!({
        "period": usage.period.as_str(),
        "limit": usage.limit,
        "reserved": usage.reserved,
        "committed": usage.committed,
        "free": usage.free,
        "over": usage.over,
        "resets_at": usage.resets_at.as_millis(),
    })
}
