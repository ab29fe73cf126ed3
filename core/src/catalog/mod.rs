//! Figures as data: plans, provider profiles, class presets, warm-up ramps, recipient-domain groups and reputation lines.
//!
//! Every entry says as of which day it holds and where it comes from ([`Provenance`]). The files under `core/data` are
//! compiled in as text; an entry is read when it is asked for by name, so a cold start pays for what it uses. A
//! deployment's configuration overrides any figure; nothing in the logic knows one.
//!
//! Out of scope: fetching newer figures. A provider's own answer headers may be stricter than a profile, and win.

mod classes;
mod contacts;
mod dns;
mod error;
mod groups;
mod plans;
mod profiles;
mod ramps;
mod reputation;

pub use classes::{ClassPreset, Spread};
pub use contacts::Contacts;
pub use dns::{DomainRecords, RecordTemplate, fill};
pub use error::CatalogError;
pub use groups::DomainGroups;
pub use plans::{DEFAULT_PLAN, Figure, Figures, Plan, Word};
pub use profiles::{Call, Profile, ProfileWindow, Scope, Unit};
pub use ramps::{Allowance, Ramp, Tier};
pub use reputation::{Lines, Severity};

use crate::time::UnixMillis;
use alloc::{format, string::String, vec::Vec};
use core::fmt;
use error::malformed;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Since when a figure is known, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// The day as of which the figure was read.
    pub as_of: AsOf,
    /// An address, or a document and the rows of the requirements it was drawn into.
    pub source: String,
}

/// A day, in UTC: `2026-11-23`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AsOf(UnixMillis);

impl AsOf {
    /// Reads `2026-11-23`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole_day = text.len() == 10 && !text.contains(':');
        UnixMillis::parse_rfc3339(&format!("{text}T00:00:00Z")).filter(|_| whole_day).map(Self)
    }

    /// Whole days from this one to `now`; 0 when it is not over.
    #[must_use]
    pub const fn age_days(self, now: UnixMillis) -> u64 {
        now.since(self.0) / DAY_MS
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = format!("{}", self.0);
        f.write_str(instant.get(..10).unwrap_or_default())
    }
}

/// The entry of this name in a file that is an object of entries; the others are skipped unread.
fn entry<'a>(file: &'a str, kind: &'static str, name: &str) -> Result<Option<&'a str>, CatalogError> {
    let mut reader = serde_json::Deserializer::from_str(file);
    let found = Named(name).deserialize(&mut reader).map_err(|error| malformed(kind, &error))?;
    Ok(found.map(RawValue::get))
}

/// The names of the entries of a file, in its order.
fn names<'a>(file: &'a str, kind: &'static str) -> Result<Vec<&'a str>, CatalogError> {
    Ok(entries(file, kind)?.into_iter().map(|(name, _)| name).collect())
}

/// Every entry of a file, unread.
fn entries<'a>(file: &'a str, kind: &'static str) -> Result<Vec<(&'a str, &'a str)>, CatalogError> {
    let All(found) = serde_json::from_str(file).map_err(|error| malformed(kind, &error))?;
    Ok(found.into_iter().map(|(name, raw)| (name, raw.get())).collect())
}

/// `as_of` and `source` of an entry, checked.
fn provenance(path: &str, as_of: &str, source: &str) -> Result<Provenance, CatalogError> {
    let as_of = AsOf::parse(as_of).ok_or_else(|| CatalogError::Invalid {
        path: format!("{path}.as_of"),
        detail: "must be a day such as 2026-11-23".into(),
    })?;
    if !(source.starts_with("https://") || source.starts_with("document ")) {
        let detail = "must be an https address or a document's number".into();
        return Err(CatalogError::Invalid { path: format!("{path}.source"), detail });
    }
    Ok(Provenance { as_of, source: source.into() })
}

/// Finds one entry of an object.
struct Named<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = access.next_key::<&str>()? {
            if name == self.0 {
                found = Some(access.next_value()?);
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Every entry of an object, in its order.
struct All<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for All<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(&'de str, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of entries")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Object).map(Self)
    }
}

const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_as_it_prints_and_ages_by_whole_days() {
        let day = AsOf::parse("2025-11-10").unwrap();
        assert_eq!(format!("{day}"), "2025-11-10");
        let at = |text| UnixMillis::parse_rfc3339(text).unwrap();
        assert_eq!(day.age_days(at("2025-11-10T23:59:59Z")), 0);
        assert_eq!(day.age_days(at("2026-11-10T00:00:00Z")), 365);
        assert_eq!(day.age_days(at("2024-01-01T00:00:00Z")), 0, "a clock set back makes nothing old");
        for text in ["2025-02-30", "2025-11-10T00:00:00Z", "2025-11-1", "", "10 Nov 2025"] {
            assert_eq!(AsOf::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_entry_is_found_without_reading_the_others() {
        let file = r#"{"a": {"x": 1}, "b": [not even json"#;
        assert!(entry(file, "things", "a").is_err(), "the text must be JSON");
        let file = r#"{"a": {"x": 1}, "b": [2]}"#;
        assert_eq!(entry(file, "things", "b").unwrap(), Some("[2]"));
        assert_eq!(entry(file, "things", "c").unwrap(), None);
        assert_eq!(names(file, "things").unwrap(), ["a", "b"]);
    }
}
