//! A sending domain of an account.

use super::{ConfigError, error::wrong};
use crate::domain::DomainName;
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
};
use serde::Deserialize;

/// A domain that `from` may use: a name alone, which is verified by the operator's word, or `{"name", "status"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct SendingDomain {
    /// The name: as an address has it on the wire once the configuration is read.
    pub name: String,
    /// Whether mail may be sent from it.
    pub status: DomainStatus,
}

/// Whether mail may be sent from a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainStatus {
    /// Not yet: the records that prove it were not found so far.
    Pending,
    /// It may.
    Verified,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Entry(Entry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    status: DomainStatus,
}

impl From<Written> for SendingDomain {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(name) => Self { name, status: DomainStatus::Verified },
            Written::Entry(Entry { name, status }) => Self { name, status },
        }
    }
}

/// Reads the names.
pub(super) fn resolve(at: &str, domains: &mut [SendingDomain]) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for (place, domain) in domains.iter_mut().enumerate() {
        let field = format!("{at}[{place}]");
        let name = DomainName::parse(&domain.name).map_err(|error| wrong(&field, &error.to_string()))?;
        domain.name = name.to_string();
        if !seen.insert(name) {
            return Err(wrong(&field, "stands here twice"));
        }
    }
    Ok(())
}
