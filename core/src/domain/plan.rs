//! The records that a domain needs, of all its providers together.

use super::{
    DomainName,
    spf::{MAX_LOOKUPS, Spf},
};
use crate::{
    catalog::{CatalogError, DomainRecords, RecordTemplate, fill},
    key,
    provider::ProviderKind,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// That the domain is this account's.
    Ownership,
    /// The key that signatures are checked with (RFC 6376).
    Dkim,
    /// Who may send for the domain (RFC 7208).
    Spf,
    /// Where bounces go: the domain of the envelope.
    ReturnPath,
    /// What receivers do with mail that proves nothing (RFC 7489).
    Dmarc,
    /// Links of open and click tracking.
    Tracking,
}

/// A type of DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Another name for a name.
    Cname,
    /// A mail server, behind its preference.
    Mx,
    /// A text.
    Txt,
}

impl Purpose {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ownership => "ownership",
            Self::Dkim => "dkim",
            Self::Spf => "spf",
            Self::ReturnPath => "return_path",
            Self::Dmarc => "dmarc",
            Self::Tracking => "tracking",
        }
    }
}

impl RecordType {
    /// Its name and its number (RFC 1035 section 3.2.2).
    #[must_use]
    pub const fn row(self) -> (&'static str, u16) {
        match self {
            Self::Cname => ("CNAME", 5),
            Self::Mx => ("MX", 15),
            Self::Txt => ("TXT", 16),
        }
    }
}

/// A provider that sends from the domain, with what it made for this account.
#[derive(Clone, Debug)]
pub struct ProviderUse<'a> {
    /// The account's name for it.
    pub name: &'a str,
    /// What it is.
    pub kind: ProviderKind,
    /// Its parameters: texts, or lists of texts, which make a record each, as SES's three selectors do.
    pub parameters: &'a Map<String, Value>,
}

/// A record that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRecord {
    /// What it is for.
    pub purpose: Purpose,
    /// Its type.
    pub record_type: RecordType,
    /// Its whole name.
    pub name: String,
    /// Its value as it is to be published.
    pub value: String,
    /// Whether the domain is verified only with it.
    pub required: bool,
    /// The account's providers that want it; none wants what Sendgate wants itself.
    pub providers: Vec<String>,
}

/// All records of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    /// The domain.
    pub domain: DomainName,
    /// The records, each once.
    pub records: Vec<WantedRecord>,
}

/// A domain that cannot be planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// A provider made a value for this account that is not given.
    Missing {
        /// The account's name for the provider.
        provider: String,
        /// The parameter.
        parameter: String,
    },
    /// The account has no such provider.
    NoProvider {
        /// The name that was given.
        provider: String,
        /// The account's providers.
        known: String,
    },
    /// The provider has no such parameter.
    Unknown {
        /// The account's name for the provider.
        provider: String,
        /// The parameters that it has.
        known: String,
    },
    /// A value is empty, too long or not of visible ASCII characters; or there are no values, or too many.
    Value {
        /// The account's name for the provider.
        provider: String,
        /// The parameter.
        parameter: String,
    },
    /// A record's name would be no name.
    Name {
        /// The account's name for the provider.
        provider: String,
    },
    /// More records than [`MAX_RECORDS`].
    TooMany {
        /// How many there are.
        got: usize,
    },
    /// The built-in data.
    Catalog(CatalogError),
}

impl PlanError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing_parameter",
            Self::NoProvider { .. } => "unknown_provider",
            Self::Unknown { .. } => "unknown_parameter",
            Self::Value { .. } => "invalid_value",
            Self::Name { .. } => "invalid_record_name",
            Self::TooMany { .. } => "too_many_records",
            Self::Catalog(error) => error.code(),
        }
    }

    /// The field of a request that is wrong.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Missing { provider, parameter } | Self::Value { provider, parameter } => {
                format!("providers.{provider}.{parameter}")
            }
            Self::NoProvider { provider, .. } | Self::Unknown { provider, .. } | Self::Name { provider } => {
                format!("providers.{provider}")
            }
            Self::TooMany { .. } | Self::Catalog(_) => "providers".into(),
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { parameter, .. } => write!(f, "{parameter} is shown in the provider's console"),
            Self::NoProvider { known, .. } => write!(f, "the account's providers are {known}"),
            Self::Unknown { known, .. } => write!(f, "the parameters are {known}"),
            Self::Value { .. } => {
                write!(f, "must be 1 to {MAX_VALUE} visible ASCII characters, or 1 to {MAX_VALUES} such texts")
            }
            Self::Name { .. } => {
                f.write_str("a record's name must be labels of 1 to 63 characters, at most 253 in all")
            }
            Self::TooMany { got } => write!(f, "a domain has at most {MAX_RECORDS} records, got {got}"),
            Self::Catalog(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for PlanError {}

impl From<CatalogError> for PlanError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

/// The text that proves a domain to be an account's: it hangs on the deployment's secret, so nobody makes it for a domain of
/// his own account elsewhere.
#[must_use]
pub fn ownership_token(key_secret: &str, account: &str, domain: &DomainName) -> String {
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(key_secret.as_bytes()) else { return String::new() };
    for part in ["sendgate domain", account, domain.as_str()] {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().first_chunk::<TOKEN_BYTES>().map(|token| key::hex(token)).unwrap_or_default()
}

impl RecordPlan {
    /// The records of a domain that these providers send from.
    ///
    /// # Errors
    /// A parameter that is missing, unknown or malformed.
    pub fn of(domain: &DomainName, token: &str, providers: &[ProviderUse<'_>]) -> Result<Self, PlanError> {
        let mut plan = Self { domain: domain.clone(), records: Vec::new() };
        let text = |purpose, name: &str, value: String| WantedRecord {
            purpose,
            record_type: RecordType::Txt,
            name: format!("{name}.{domain}"),
            value,
            required: true,
            providers: Vec::new(),
        };
        plan.add(text(Purpose::Ownership, OWNERSHIP_NAME, format!("{OWNERSHIP_PREFIX}{token}")));
        for provider in providers {
            plan.add_provider(provider)?;
        }
        plan.add(text(Purpose::Dmarc, DMARC_NAME, "v=DMARC1; p=none".into()));
        match plan.records.len() {
            0..=MAX_RECORDS => Ok(plan),
            got => Err(PlanError::TooMany { got }),
        }
    }

    /// Whether one of its own SPF records asks DNS more often than receivers allow, before anything that is published.
    #[must_use]
    pub fn asks_too_often(&self) -> bool {
        let own = self.records.iter().filter(|record| record.purpose == Purpose::Spf);
        own.filter_map(|record| Spf::parse(&record.value)).any(|spf| spf.lookups() > MAX_LOOKUPS)
    }

    fn add_provider(&mut self, provider: &ProviderUse<'_>) -> Result<(), PlanError> {
        let wanted = DomainRecords::of(provider.kind.family())?;
        let known: BTreeSet<&str> = wanted.records.iter().flat_map(RecordTemplate::parameters).collect();
        if provider.parameters.keys().any(|name| !known.contains(name.as_str())) {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(PlanError::Unknown { provider: provider.name.into(), known });
        }
        for template in &wanted.records {
            for values in values_of(template, &wanted.defaults, provider)? {
                self.add(self.filled(template, &values, provider.name)?);
            }
        }
        Ok(())
    }

    fn filled(
        &self,
        template: &RecordTemplate,
        values: &BTreeMap<&str, &str>,
        provider: &str,
    ) -> Result<WantedRecord, PlanError> {
        let below = fill(&template.name, values).to_ascii_lowercase();
        let name = if below.is_empty() { self.domain.to_string() } else { format!("{below}.{}", self.domain) };
        let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_name_byte);
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(PlanError::Name { provider: provider.into() });
        }
        let value = fill(&template.value, values);
        Ok(WantedRecord {
            purpose: template.purpose,
            record_type: template.record_type,
            name,
            value: if template.purpose == Purpose::Spf { Spf::of(&[&value]) } else { value },
            required: !template.optional,
            providers: alloc::vec![provider.into()],
        })
    }

    /// Adds a record. One that is there already is wanted by one more; SPF records of one name become one.
    fn add(&mut self, record: WantedRecord) {
        let is_spf = record.purpose == Purpose::Spf;
        let same = self.records.iter_mut().find(|known| {
            (known.purpose, known.record_type, &known.name) == (record.purpose, record.record_type, &record.name)
                && (is_spf || known.value == record.value)
        });
        let Some(known) = same else {
            self.records.push(record);
            return;
        };
        if let (true, Some(own), Some(more)) = (is_spf, Spf::parse(&known.value), Spf::parse(&record.value)) {
            known.value = own.with(&more.followed());
        }
        known.required |= record.required;
        for provider in record.providers {
            if !known.providers.contains(&provider) {
                known.providers.push(provider);
            }
        }
    }
}

/// The values of a template's parameters, once for each value of the one that has several; nothing when the record is
/// optional and something is not given.
fn values_of<'a>(
    template: &'a RecordTemplate,
    defaults: &'a BTreeMap<String, String>,
    provider: &'a ProviderUse<'_>,
) -> Result<Vec<BTreeMap<&'a str, &'a str>>, PlanError> {
    let mut all: Vec<BTreeMap<&str, &str>> = alloc::vec![BTreeMap::new()];
    let parameters: BTreeSet<&str> = template.parameters().into_iter().collect();
    for parameter in parameters {
        let wrong = || PlanError::Value { provider: provider.name.into(), parameter: parameter.into() };
        let values: Vec<&str> = match (provider.parameters.get(parameter), defaults.get(parameter)) {
            (Some(Value::String(value)), _) => alloc::vec![value],
            (Some(Value::Array(values)), _) => {
                let texts: Option<_> = values.iter().map(Value::as_str).collect();
                texts.ok_or_else(wrong)?
            }
            (Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)), _) => return Err(wrong()),
            (None, Some(default)) => alloc::vec![default],
            (None, None) if template.optional => return Ok(Vec::new()),
            (None, None) => {
                return Err(PlanError::Missing { provider: provider.name.into(), parameter: parameter.into() });
            }
        };
        let is_value = |value: &&str| (1..=MAX_VALUE).contains(&value.len()) && value.bytes().all(is_visible);
        if !(1..=MAX_VALUES).contains(&values.len()) || !values.iter().all(is_value) {
            return Err(wrong());
        }
        let with = |known: &BTreeMap<&'a str, &'a str>, value: &'a str| {
            known.iter().map(|(name, value)| (*name, *value)).chain([(parameter, value)]).collect()
        };
        all = all.iter().flat_map(|known| values.iter().map(|value| with(known, value))).collect();
        if all.len() > MAX_RECORDS {
            return Err(PlanError::TooMany { got: all.len() });
        }
    }
    Ok(all)
}

/// A brace would be taken for a parameter's.
const fn is_visible(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'{' && byte != b'}'
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Where a domain's owner says whose it is.
const OWNERSHIP_NAME: &str = "_sendgate";
const OWNERSHIP_PREFIX: &str = "sendgate=";
/// RFC 7489 section 6.1.
pub(super) const DMARC_NAME: &str = "_dmarc";
/// 128 bits: nobody guesses one.
const TOKEN_BYTES: usize = 16;
/// A DKIM key of 4096 bits has 736 characters of base64.
const MAX_VALUE: usize = 1_000;
const MAX_VALUES: usize = 8;
/// A look asks for each of them, and a Worker may ask 50 times a request.
pub const MAX_RECORDS: usize = 32;
