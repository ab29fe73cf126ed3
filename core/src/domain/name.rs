//! The name of a sending domain.

use crate::address;
use alloc::string::String;
use core::fmt;

/// A domain in the one form that is compared and asked for: lower case, all A-labels, without a dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// A text that is no domain mail can be sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDomain;

impl InvalidDomain {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        "invalid_domain"
    }
}

impl fmt::Display for InvalidDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a domain has at least two labels of 1 to 63 letters, digits and hyphens, and at most 253 characters",
        )
    }
}

impl core::error::Error for InvalidDomain {}

impl DomainName {
    /// Reads a domain as an address's domain is read.
    ///
    /// # Errors
    /// The text is not the domain of an address.
    ///
    /// # Example: which form is compared?
    /// ```
    /// use sendgate_core::domain::DomainName;
    ///
    /// assert_eq!(DomainName::parse("Mail.BÜCHER.example")?.as_str(), "mail.xn--bcher-kva.example");
    /// assert!(DomainName::parse("localhost").is_err());
    /// # Ok::<(), sendgate_core::domain::InvalidDomain>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        let name = address::domain_to_ascii(text).map_err(|_| InvalidDomain)?;
        if name.len() > MAX_NAME { Err(InvalidDomain) } else { Ok(Self(name.into_owned())) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters.
const MAX_NAME: usize = 253;
