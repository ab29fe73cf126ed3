//! Checks of the windows that messages meet on their way out.

use super::{AccountConfig, ConfigError, wrong};
use crate::{
    address::Address,
    catalog::DomainGroups,
    limiter::{Limiter, Window},
};
use alloc::{format, string::ToString};

impl AccountConfig {
    pub(super) fn check_outgoing(&self, at: &str) -> Result<(), ConfigError> {
        for (class, windows) in &self.class_windows {
            check_some(&format!("{at}.class_windows.{}", class.as_str()), windows)?;
        }
        if self.domain_windows.is_empty() {
            return Ok(());
        }
        let field = format!("{at}.domain_windows");
        let catalog = DomainGroups::embedded().and_then(|known| known.with(&self.domain_groups));
        let catalog = catalog.map_err(|error| wrong(&field, &error.to_string()))?;
        for (name, windows) in &self.domain_windows {
            let field = format!("{field}.{name}");
            check_name(&field, name, &catalog)?;
            check_some(&field, windows)?;
        }
        Ok(())
    }
}

/// Windows at the clock of somebody else: a unit is held while it is on its way, so they must be sliding. None is fine.
pub(super) fn check(field: &str, windows: &[Window]) -> Result<(), ConfigError> {
    if windows.iter().any(|window| !matches!(window, Window::Sliding { .. })) {
        return Err(wrong(field, "windows of outgoing mail must be sliding"));
    }
    if windows.is_empty() {
        return Ok(());
    }
    Limiter::new(windows.to_vec()).map(drop).map_err(|error| wrong(field, &error.to_string()))
}

fn check_some(field: &str, windows: &[Window]) -> Result<(), ConfigError> {
    if windows.is_empty() {
        return Err(wrong(field, "at least 1 window, got 0"));
    }
    check(field, windows)
}

/// A rule that could never apply is a mistake.
fn check_name(field: &str, name: &str, catalog: &DomainGroups) -> Result<(), ConfigError> {
    if name == OTHER_DOMAINS || catalog.groups().any(|(group, _)| group == name) {
        return Ok(());
    }
    if let Some(group) = catalog.group_of(name) {
        return Err(wrong(field, &format!("the domain belongs to the group {group}; limit that")));
    }
    let is_domain = Address::parse(&format!("x@{name}")).is_ok_and(|address| address.domain() == name);
    if is_domain {
        return Ok(());
    }
    Err(wrong(field, "neither a group nor a lower-case domain"))
}

/// The name of the rule for every group and domain without one of its own, each counted by itself.
pub const OTHER_DOMAINS: &str = "*";
