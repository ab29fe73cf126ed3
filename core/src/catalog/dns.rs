//! The DNS records that each provider wants of a sending domain, as data.
//!
//! What every account has alike stands in the file; what a provider makes for one account (a selector, a key, a target) is
//! a parameter in braces. A record that lacks a parameter is wanted only if it is not optional, and then the parameter has
//! to be given.

use super::{CatalogError, Provenance, entry, error::malformed, provenance};
use crate::domain::{Purpose, RecordType};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Deserialize;

/// What a provider wants of a sending domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecords {
    /// Since when that is known, and from where.
    pub provenance: Provenance,
    /// Parameters that have a usual value.
    pub defaults: BTreeMap<String, String>,
    /// The records.
    pub records: Vec<RecordTemplate>,
}

/// A record with its parameters in braces.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTemplate {
    /// What it is for.
    #[serde(rename = "for")]
    pub purpose: Purpose,
    /// Its type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Its name below the domain; empty for the domain itself.
    pub name: String,
    /// Its value; of an SPF record the domain that is included.
    pub value: String,
    /// Whether the provider sends without it.
    #[serde(default)]
    pub optional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    as_of: &'a str,
    source: &'a str,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    records: Vec<RecordTemplate>,
}

impl DomainRecords {
    /// What a family of providers wants ([`crate::provider::ProviderKind::family`]).
    ///
    /// # Errors
    /// No such family, or an entry that is wrong; a test makes sure that none is.
    pub fn of(family: &str) -> Result<Self, CatalogError> {
        let Some(text) = entry(FILE, KIND, family)? else {
            let known = super::names(FILE, KIND)?.join(", ");
            return Err(CatalogError::Unknown { kind: "provider", known, nearest: None });
        };
        let Entry { as_of, source, defaults, records } =
            serde_json::from_str(text).map_err(|error| malformed(KIND, &error))?;
        let provenance = provenance(&format!("{KIND}.{family}"), as_of, source)?;
        Ok(Self { provenance, defaults, records })
    }
}

impl RecordTemplate {
    /// The parameters that it has, in their order.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        [&self.name, &self.value]
            .into_iter()
            .flat_map(|text| text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)))
            .collect()
    }
}

/// Puts values in the place of parameters.
#[must_use]
pub fn fill(template: &str, values: &BTreeMap<&str, &str>) -> String {
    values.iter().fold(template.to_string(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

const KIND: &str = "domains";
const FILE: &str = include_str!("../../data/domains.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ProviderKind;

    #[test]
    fn every_provider_has_an_entry_with_a_day_and_a_source() {
        for kind in ProviderKind::ALL {
            let wanted = DomainRecords::of(kind.family()).unwrap();
            assert!(!wanted.records.is_empty(), "{}", kind.as_str());
            for record in &wanted.records {
                let open = |text: &str| text.matches('{').count() == text.matches('}').count();
                assert!(open(&record.name) && open(&record.value), "{record:?}");
            }
            // A default that no record uses is a slip of the pen.
            let used: Vec<&str> = wanted.records.iter().flat_map(RecordTemplate::parameters).collect();
            assert!(wanted.defaults.keys().all(|name| used.contains(&name.as_str())), "{}", kind.as_str());
        }
        assert_eq!(DomainRecords::of("nobody").unwrap_err().code(), "unknown_entry");
    }

    #[test]
    fn parameters_are_found_and_filled() {
        let ses = DomainRecords::of("ses").unwrap();
        assert_eq!(ses.records[0].parameters(), ["dkim", "dkim"]);
        let values = BTreeMap::from([("dkim", "abc")]);
        assert_eq!(fill(&ses.records[0].value, &values), "abc.dkim.amazonses.com");
    }
}
