//! Recipient domains that one mailbox provider receives for: `googlemail.com` and `gmail.com` share one bucket (R087).
//!
//! A cap per recipient domain protects a receiver's servers, and a receiver with a hundred domains has one set of
//! servers. The groups are of domain names only. Domains of companies that a receiver hosts (Google Workspace, Microsoft
//! 365) can be told by their MX records alone, and looking those up is not the core's.

use super::{CatalogError, Provenance, entries, error::malformed, provenance};
use crate::{address::Address, key};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::cmp::Ordering;
use serde::Deserialize;

/// Domains by the mailbox provider that receives for them; each domain belongs to one group at most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainGroups {
    groups: Vec<Group>,
    /// Sorted by domain.
    domains: Vec<(Cow<'static, str>, usize)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    name: Cow<'static, str>,
    /// None for a group that the configuration made.
    provenance: Option<Provenance>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    as_of: &'a str,
    source: &'a str,
    #[serde(borrow)]
    domains: Vec<&'a str>,
}

impl DomainGroups {
    /// The groups compiled in: `gmail`, `microsoft`, `yahoo`, `icloud` and others.
    ///
    /// # Errors
    /// A [`CatalogError`] when the file is wrong; a test makes sure that it is not.
    ///
    /// # Example: which domains share a bucket?
    /// ```
    /// use sendgate_core::catalog::DomainGroups;
    ///
    /// let groups = DomainGroups::embedded().unwrap();
    /// assert_eq!(groups.group_of("googlemail.com"), groups.group_of("gmail.com"));
    /// assert_eq!(groups.group_of("outlook.com"), Some("microsoft"));
    /// assert_eq!(groups.group_of("example.com"), None);
    /// ```
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::parse(FILE)
    }

    /// These groups with those of a configuration over them.
    ///
    /// A group of a known name then holds the given domains only; a domain that is given leaves the group it was in.
    ///
    /// # Errors
    /// A name that is not 1 to 32 of `a-z`, `0-9` and `-`, a domain that is none, or one that stands in two groups.
    pub fn with(mut self, given: &BTreeMap<String, Vec<String>>) -> Result<Self, CatalogError> {
        for (name, domains) in given {
            let path = format!("domain_groups.{name}");
            if !key::is_name(name) {
                let detail = "a name is 1 to 32 of a-z, 0-9 and -".into();
                return Err(CatalogError::Invalid { path, detail });
            }
            let place = match self.groups.iter().position(|group| group.name == *name) {
                Some(place) => {
                    self.domains.retain(|(_, group)| *group != place);
                    place
                }
                None => {
                    self.groups.push(Group { name: Cow::Owned(name.clone()), provenance: None });
                    self.groups.len().saturating_sub(1)
                }
            };
            for domain in domains {
                let domain = checked(&path, domain)?;
                self.domains.retain(|(known, _)| *known != domain);
                self.domains.push((Cow::Owned(domain), place));
            }
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, domains) in given {
            if let Some(domain) = domains.iter().find(|domain| seen.insert(domain, name).is_some()) {
                let detail = format!("{domain} stands in two groups, or twice in one");
                return Err(CatalogError::Invalid { path: format!("domain_groups.{name}"), detail });
            }
        }
        self.domains.sort();
        Ok(self)
    }

    /// The group of a recipient's domain, as [`Address::domain`] gives it (A-labels); `None` when it is in none, and is
    /// then a bucket of its own. Capital letters do not count; a subdomain is another domain.
    #[must_use]
    pub fn group_of(&self, domain: &str) -> Option<&str> {
        let place = match self.domains.binary_search_by(|(known, _)| known.as_ref().cmp(domain)) {
            Ok(place) => place,
            Err(_) if !domain.bytes().any(|byte| byte.is_ascii_uppercase()) => return None,
            Err(_) => self.domains.binary_search_by(|(known, _)| by_lower_case(known, domain)).ok()?,
        };
        let (_, group) = self.domains.get(place)?;
        self.groups.get(*group).map(|group| group.name.as_ref())
    }

    /// Every group's name, with where its domains come from; `None` means the configuration.
    pub fn groups(&self) -> impl Iterator<Item = (&str, Option<&Provenance>)> {
        self.groups.iter().map(|group| (group.name.as_ref(), group.provenance.as_ref()))
    }

    fn parse(file: &'static str) -> Result<Self, CatalogError> {
        let mut read = Self { groups: Vec::new(), domains: Vec::new() };
        for (name, text) in entries(file, "domain_groups")? {
            let path = format!("domain_groups.{name}");
            let entry: Entry<'static> = serde_json::from_str(text).map_err(|error| malformed(&path, &error))?;
            let place = read.groups.len();
            let provenance = provenance(&path, entry.as_of, entry.source)?;
            read.groups.push(Group { name: Cow::Borrowed(name), provenance: Some(provenance) });
            read.domains.extend(entry.domains.into_iter().map(|domain| (Cow::Borrowed(domain), place)));
        }
        read.domains.sort();
        Ok(read)
    }
}

/// A domain in the form that [`Address::domain`] gives.
fn checked(path: &str, domain: &str) -> Result<String, CatalogError> {
    match Address::parse(&format!("x@{domain}")) {
        Ok(address) => Ok(address.domain().to_string()),
        Err(_) => {
            let detail = format!("{domain:?} is not a domain");
            Err(CatalogError::Invalid { path: path.into(), detail })
        }
    }
}

/// The order of a lower-case domain and one as it came.
fn by_lower_case(known: &str, domain: &str) -> Ordering {
    known.bytes().cmp(domain.bytes().map(|byte| byte.to_ascii_lowercase()))
}

const FILE: &str = include_str!("../../data/domain_groups.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_groups_are_whole_and_every_domain_is_in_one_group_in_its_written_form() {
        let groups = DomainGroups::embedded().unwrap();
        assert!(groups.groups().all(|(name, provenance)| key::is_name(name) && provenance.is_some()));
        for (domain, _) in &groups.domains {
            assert_eq!(checked("", domain).unwrap(), *domain);
        }
        assert!(groups.domains.is_sorted_by(|a, b| a.0 < b.0), "a domain stands twice");
    }

    /// R087: Gmail's two names share a bucket, Microsoft's share another, and the two are apart.
    #[test]
    fn the_domains_of_one_receiver_share_a_bucket() {
        let groups = DomainGroups::embedded().unwrap();
        for (group, domains) in [
            ("gmail", &["gmail.com", "googlemail.com", "Gmail.COM"][..]),
            ("microsoft", &["outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "live.fr"]),
            ("yahoo", &["yahoo.com", "ymail.com", "aol.com", "yahoo.co.uk"]),
            ("icloud", &["icloud.com", "me.com", "mac.com"]),
        ] {
            assert!(domains.iter().all(|domain| groups.group_of(domain) == Some(group)), "{group}");
        }
        for domain in ["example.com", "mail.gmail.com", "gmail.com.", "gmail", ""] {
            assert_eq!(groups.group_of(domain), None, "{domain}");
        }
    }

    #[test]
    fn a_configuration_makes_groups_and_takes_domains_out_of_others() {
        let given = |text: &str| serde_json::from_str::<BTreeMap<String, Vec<String>>>(text).unwrap();
        let groups = DomainGroups::embedded().unwrap();
        let own = groups.clone().with(&given(r#"{"big":["Big.Example","aol.com"],"icloud":["me.com"]}"#)).unwrap();
        assert_eq!(own.group_of("big.example"), Some("big"));
        assert_eq!(own.group_of("aol.com"), Some("big"));
        assert_eq!((own.group_of("me.com"), own.group_of("mac.com")), (Some("icloud"), None));
        assert_eq!(own.group_of("gmail.com"), Some("gmail"));
        for (wrong, detail) in [
            (r#"{"Big":["a.example"]}"#, "domain_groups.Big: a name is 1 to 32 of a-z, 0-9 and -"),
            (r#"{"big":["no domain"]}"#, "domain_groups.big: \"no domain\" is not a domain"),
            (
                r#"{"a":["a.example"],"b":["a.example"]}"#,
                "domain_groups.b: a.example stands in two groups, or twice in one",
            ),
        ] {
            assert_eq!(groups.clone().with(&given(wrong)).unwrap_err().to_string(), detail);
        }
    }
}
