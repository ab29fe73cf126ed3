//! Instants and durations as Python has them: whole milliseconds, or an aware `datetime` and a `timedelta`.

use crate::error;
use pyo3::{exceptions::PyTypeError, prelude::*, sync::PyOnceLock, types::PyInt};

/// What is needed of Python's own module.
struct Calendar {
    datetime: Py<PyAny>,
    timedelta: Py<PyAny>,
    epoch: Py<PyAny>,
    millisecond: Py<PyAny>,
}

/// The aware `datetime` of an instant, in UTC.
pub(crate) fn datetime(py: Python<'_>, millis: u64) -> PyResult<Bound<'_, PyAny>> {
    let calendar = calendar(py)?;
    calendar.epoch.bind(py).add(calendar.timedelta.bind(py).call1((0, 0, 0, millis))?)
}

/// The same where there may be none.
pub(crate) fn datetime_of(py: Python<'_>, millis: Option<u64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    millis.map(|millis| datetime(py, millis)).transpose()
}

/// Arguments that are instants, each read under its own name.
pub(crate) mod given {
    super::arguments!(super::instant, at, charged_at, full_at, next_at, resets_at, retry_at, starts_at);
}

/// Arguments that are instants and may be left out.
pub(crate) mod maybe {
    super::optional!(super::instant, hint_ms, now_ms, retry_at);
}

/// Arguments that are durations and may be left out.
pub(crate) mod span {
    super::optional!(super::duration, base_ms, cap_ms, lease_ms, tolerance_ms);
}

/// Milliseconds since 1970. A `datetime` is cut to them.
fn instant(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if value.is_instance_of::<PyInt>() {
        return value.extract();
    }
    let calendar = calendar(value.py())?;
    if !value.is_instance(calendar.datetime.bind(value.py()))? {
        return Err(neither(value, "a whole number of milliseconds", "a datetime"));
    }
    if value.call_method0("utcoffset")?.is_none() {
        return Err(error::instant(
            "naive_datetime",
            &format!("{name} is a datetime without a time zone: give it one, such as datetime.timezone.utc"),
        ));
    }
    let since = value.sub(&calendar.epoch)?.floor_div(&calendar.millisecond)?;
    since.extract().map_err(|_| error::instant("out_of_range", &format!("{name} must be 1970 or later")))
}

/// Milliseconds. A `timedelta` is cut to them.
fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if value.is_instance_of::<PyInt>() {
        return value.extract();
    }
    let calendar = calendar(value.py())?;
    if !value.is_instance(calendar.timedelta.bind(value.py()))? {
        return Err(neither(value, "a whole number of milliseconds", "a timedelta"));
    }
    let length = value.floor_div(&calendar.millisecond)?;
    length.extract().map_err(|_| error::instant("out_of_range", &format!("{name} must not be negative")))
}

/// Python says which argument it was.
fn neither(value: &Bound<'_, PyAny>, one: &str, other: &str) -> PyErr {
    let class = value.get_type().name().map_or_else(|_| "value".into(), |name| name.to_string());
    PyTypeError::new_err(format!("'{class}' object is neither {one} nor {other}"))
}

fn calendar(py: Python<'_>) -> PyResult<&Calendar> {
    CALENDAR.get_or_try_init(py, || {
        let module = py.import("datetime")?;
        let (datetime, timedelta) = (module.getattr("datetime")?, module.getattr("timedelta")?);
        let utc = module.getattr("timezone")?.getattr("utc")?;
        Ok(Calendar {
            epoch: datetime.call1((1970, 1, 1, 0, 0, 0, 0, utc))?.unbind(),
            millisecond: timedelta.call1((0, 0, 0, 1))?.unbind(),
            datetime: datetime.unbind(),
            timedelta: timedelta.unbind(),
        })
    })
}

/// A reader for each name, so that what is refused says where it was given.
macro_rules! arguments {
    ($read:path, $($name:ident),+) => {
        $(pub(crate) fn $name(value: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<u64> {
            $read(stringify!($name), value)
        })+
    };
}

/// The same for arguments that may be None.
macro_rules! optional {
    ($read:path, $($name:ident),+) => {
        $(pub(crate) fn $name(value: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<Option<u64>> {
            if pyo3::types::PyAnyMethods::is_none(value) { Ok(None) } else { $read(stringify!($name), value).map(Some) }
        })+
    };
}

use {arguments, optional};

static CALENDAR: PyOnceLock<Calendar> = PyOnceLock::new();
