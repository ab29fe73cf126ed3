//! `calendar`: the bounds of local days, months and years.

use super::{Number, VectorError, read};
use crate::calendar::{CalendarUnit, Zone};
use alloc::string::String;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    unit: CalendarUnit,
    zone: String,
    instant: Number,
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case = read(case_json)?;
    Ok(match Zone::parse(&case.zone) {
        Ok(zone) => {
            let period = zone.period(case.unit, case.instant.instant());
            json!({ "start": period.start.as_millis(), "end": period.end.as_millis() })
        }
        Err(unknown) => json!({ "error": unknown.code() }),
    })
}
