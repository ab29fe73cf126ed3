//! What is wrong with a configuration: the path of the field and the bound, never a value that may be a secret.

use crate::catalog::CatalogError;
use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the field: `accounts.shop.keys[0].id`.
    pub field: String,
    /// What is wrong with it, with the bound.
    pub detail: String,
}

impl ConfigError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_config"
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl core::error::Error for ConfigError {}

/// What is wrong with the JSON, and where. A value stands in the text only for the names of fields: a value may be a key
/// that somebody put into the wrong place, and the text goes into a log.
pub(super) fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let names_a_field =
        ["unknown field", "missing field", "duplicate field"].iter().any(|start| text.starts_with(start));
    if names_a_field {
        text
    } else {
        format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
    }
}

pub(super) fn wrong(field: &str, detail: &str) -> ConfigError {
    ConfigError { field: field.into(), detail: detail.into() }
}

/// An error of the catalog, at the field that asked for the entry.
pub(super) fn of_catalog(field: &str, error: CatalogError) -> ConfigError {
    match error {
        CatalogError::Unknown { .. } => wrong(field, &error.to_string()),
        CatalogError::Malformed { path, detail } | CatalogError::Invalid { path, detail } => wrong(&path, &detail),
        CatalogError::OutOfRange { path, value, least, most } => {
            wrong(&path, &format!("must be {least} to {most}, got {value}"))
        }
    }
}
