//! An API key of an account, and what narrows it: an end, networks, domains.

use super::{ConfigError, Scope, error::wrong};
use crate::{
    domain::DomainName,
    ip_list::{self, IpList, IpListError},
    key,
    time::UnixMillis,
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;
use serde::Deserialize;

/// One API key of an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// The id inside the key.
    pub id: String,
    /// [`key::hash`] of the whole key.
    pub hash: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Whether it was taken back.
    #[serde(default)]
    pub revoked: bool,
    #[serde(default, rename = "expires_at")]
    own_expires_at: Option<String>,
    #[serde(skip)]
    expires_at: Option<UnixMillis>,
    #[serde(default, rename = "ip_allow")]
    own_ip_allow: Option<Vec<String>>,
    #[serde(skip)]
    ip_allow: Option<IpList>,
    #[serde(default, rename = "domains")]
    own_domains: Option<Vec<String>>,
    #[serde(skip)]
    domains: Vec<DomainName>,
}

// What is restricted and was not read restricts to nothing: a key never does more because a step was left out.
impl KeyConfig {
    /// The instant from which it does not work any more (`expires_at`).
    #[must_use]
    pub const fn expires_at(&self) -> Option<UnixMillis> {
        self.expires_at
    }

    /// Whether it has ended by `now`.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.own_expires_at.is_some() && self.expires_at.is_none_or(|end| now >= end)
    }

    /// Whether it may be used from this address (`ip_allow`). Where the host cannot say which one it is, a list refuses.
    #[must_use]
    pub fn may_come_from(&self, address: Option<IpAddr>) -> bool {
        let is_listed = || self.ip_allow.as_ref().zip(address).is_some_and(|(list, address)| list.contains(address));
        self.own_ip_allow.is_none() || is_listed()
    }

    /// Whether it may send from this domain (`domains`), by an address's domain as it goes on the wire.
    #[must_use]
    pub fn may_send_from(&self, domain: &str) -> bool {
        self.own_domains.is_none() || self.domains.iter().any(|own| own.as_str() == domain)
    }

    /// Reads what is kept as text.
    pub(super) fn resolve(&mut self, at: &str) -> Result<(), ConfigError> {
        if let Some(text) = &self.own_expires_at {
            let detail = "is an instant with its offset, such as 2026-12-01T10:00:00Z";
            let end = UnixMillis::parse_rfc3339(text).ok_or_else(|| wrong(&format!("{at}.expires_at"), detail))?;
            self.expires_at = Some(end);
        }
        if let Some(entries) = &self.own_ip_allow {
            self.ip_allow = Some(IpList::parse(entries).map_err(|error| of_ip_list(at, error))?);
        }
        if let Some(names) = &self.own_domains {
            if !(1..=MAX_DOMAINS).contains(&names.len()) {
                let detail = format!("must hold 1 to {MAX_DOMAINS} domains, got {}", names.len());
                return Err(wrong(&format!("{at}.domains"), &detail));
            }
            let read = |(place, name): (usize, &String)| {
                DomainName::parse(name).map_err(|error| wrong(&format!("{at}.domains[{place}]"), &error.to_string()))
            };
            self.domains = names.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    pub(super) fn check(&self, at: &str) -> Result<(), ConfigError> {
        if !key::is_name(&self.id) {
            return Err(wrong(&format!("{at}.id"), "an id is 1 to 32 of a-z, 0-9 and -, and its own"));
        }
        if self.hash.len() != 64 || !self.hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong(&format!("{at}.hash"), "a hash is 64 lower-case hexadecimal digits"));
        }
        Ok(())
    }
}

fn of_ip_list(at: &str, error: IpListError) -> ConfigError {
    let (place, detail) = match error {
        IpListError::Count { got } => {
            let detail = format!("must hold 1 to {} networks, got {got}", ip_list::MAX_ENTRIES);
            return wrong(&format!("{at}.ip_allow"), &detail);
        }
        IpListError::Address { place } => (place, "is an IPv4 or IPv6 address or network".to_string()),
        IpListError::Prefix { place, most } => (place, format!("has a prefix of 0 to {most}")),
        IpListError::HostBits { place, prefix } => (place, format!("has no bits set behind its prefix of {prefix}")),
    };
    wrong(&format!("{at}.ip_allow[{place}]"), &detail)
}

/// Every message of a key is compared with them.
const MAX_DOMAINS: usize = 100;
