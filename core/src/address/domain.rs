//! The domain of an address.

use super::error::{AddressError, Part};
use alloc::borrow::Cow;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The A-label form of a domain as UTS 46 maps it, checked as a host name that mail can be routed to.
///
/// At least two labels, the last one not all digits: no provider can deliver to `localhost` or to `10.0.0.1`.
pub(crate) fn to_ascii(domain: &str) -> Result<Cow<'_, str>, AddressError> {
    if domain.is_empty() {
        return Err(AddressError::Empty { part: Part::Domain });
    }
    if domain.starts_with('[') {
        return Err(AddressError::Unsupported { syntax: "address literal" });
    }
    if domain.contains('(') {
        return Err(AddressError::Unsupported { syntax: "comment" });
    }
    if domain.len() > MAX_INPUT {
        return Err(AddressError::TooLong { part: Part::Domain, bound: MAX_DOMAIN });
    }
    let malformed = AddressError::Malformed { part: Part::Domain };
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| malformed)?;
    if ascii.len() > MAX_DOMAIN {
        return Err(AddressError::TooLong { part: Part::Domain, bound: MAX_DOMAIN });
    }
    let labels_fit = ascii.split('.').all(|label| (1..=MAX_LABEL).contains(&label.len()));
    let Some((_, last)) = ascii.rsplit_once('.') else { return Err(malformed) };
    if !labels_fit || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed);
    }
    Ok(ascii)
}

/// RFC 5321 section 4.5.3.1.2: octets of a domain.
const MAX_DOMAIN: usize = 255;
/// RFC 1035 section 2.3.4: octets of a label.
const MAX_LABEL: usize = 63;
/// No domain that fits is written longer than this in UTF-8: UTS 46 maps at most a handful of characters to one. A
/// bound on the work done for a text that cannot be right.
const MAX_INPUT: usize = 2048;
