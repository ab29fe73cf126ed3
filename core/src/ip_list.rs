//! Addresses that a key may be used from: IPv4 and IPv6 networks in CIDR notation (R033).
//!
//! An IPv4 address that comes in IPv6's clothes (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is the IPv4 address, in a
//! list and in a request, so that nobody gets in or is kept out by how a proxy writes it.
//!
//! Out of scope: where a request comes from. The host says so, and where it cannot say, a list refuses.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use serde::{Deserialize, Serialize};

/// 1 to [`MAX_ENTRIES`] networks.
///
/// # Example: is an address inside?
/// ```
/// use sendgate_core::ip_list::IpList;
///
/// let list = IpList::parse(&["192.0.2.0/24", "2001:db8::/32"])?;
/// assert!(list.contains("192.0.2.255".parse().unwrap()));
/// assert!(list.contains("::ffff:192.0.2.1".parse().unwrap()));
/// assert!(!list.contains("192.0.3.0".parse().unwrap()));
/// # Ok::<(), sendgate_core::ip_list::IpListError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct IpList(Vec<Network>);

/// One network: its first address and how many leading bits all of its addresses share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    V4(Ipv4Addr, u8),
    V6(Ipv6Addr, u8),
}

/// An entry of a list that is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpListError {
    /// The list is empty, or has more than [`MAX_ENTRIES`].
    Count {
        /// How many it has.
        got: usize,
    },
    /// The entry is not an address.
    Address {
        /// Which entry, from 0.
        place: usize,
    },
    /// The prefix is not a number up to the address's bits.
    Prefix {
        /// Which entry, from 0.
        place: usize,
        /// The bits of an address of its kind.
        most: u8,
    },
    /// The address has bits set behind its prefix: it is not a network's first, and may be a slip.
    HostBits {
        /// Which entry, from 0.
        place: usize,
        /// The prefix.
        prefix: u8,
    },
}

impl IpListError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Count { .. } => "ip_list_count",
            Self::Address { .. } => "invalid_ip",
            Self::Prefix { .. } => "invalid_prefix",
            Self::HostBits { .. } => "host_bits",
        }
    }

    /// Every word that [`IpListError::code`] can be.
    pub const CODES: [&'static str; 4] = ["ip_list_count", "invalid_ip", "invalid_prefix", "host_bits"];
}

impl fmt::Display for IpListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { got } => write!(f, "ip_allow must hold 1 to {MAX_ENTRIES} networks, got {got}"),
            Self::Address { place } => write!(f, "ip_allow[{place}] must be an IPv4 or IPv6 address or network"),
            Self::Prefix { place, most } => write!(f, "ip_allow[{place}] must have a prefix of 0 to {most}"),
            Self::HostBits { place, prefix } => {
                write!(f, "ip_allow[{place}] must have no bits set behind its prefix of {prefix}")
            }
        }
    }
}

impl core::error::Error for IpListError {}

impl IpList {
    /// Reads networks, `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one.
    ///
    /// # Errors
    /// The first entry that is no network, by its place; no entry at all, or too many.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, IpListError> {
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            return Err(IpListError::Count { got: entries.len() });
        }
        entries
            .iter()
            .enumerate()
            .map(|(place, entry)| network(place, entry.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an address is in one of the networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| match (network, address) {
            (Network::V4(first, prefix), IpAddr::V4(address)) => masked_v4(address, *prefix) == *first,
            (Network::V6(first, prefix), IpAddr::V6(address)) => masked_v6(address, *prefix) == *first,
            (Network::V4(..), IpAddr::V6(_)) | (Network::V6(..), IpAddr::V4(_)) => false,
        })
    }
}

impl TryFrom<Vec<String>> for IpList {
    type Error = IpListError;

    fn try_from(entries: Vec<String>) -> Result<Self, IpListError> {
        Self::parse(&entries)
    }
}

impl From<IpList> for Vec<String> {
    fn from(list: IpList) -> Self {
        list.0.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(first, prefix) => write!(f, "{first}/{prefix}"),
            Self::V6(first, prefix) => write!(f, "{first}/{prefix}"),
        }
    }
}

fn network(place: usize, text: &str) -> Result<Network, IpListError> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| IpListError::Address { place })?;
    let most = match address {
        IpAddr::V4(_) => V4_BITS,
        IpAddr::V6(_) => V6_BITS,
    };
    let prefix = prefix.map_or(Some(most), decimal).filter(|prefix| *prefix <= most);
    let prefix = prefix.ok_or(IpListError::Prefix { place, most })?;
    let network = match address {
        IpAddr::V4(address) => Network::V4(address, prefix),
        // The 96 bits before a mapped address are not its own; a shorter prefix reaches beyond IPv4.
        IpAddr::V6(address) => match (address.to_ipv4_mapped(), prefix.checked_sub(V6_BITS - V4_BITS)) {
            (Some(mapped), Some(prefix)) => Network::V4(mapped, prefix),
            (Some(_), None) => return Err(IpListError::HostBits { place, prefix }),
            (None, _) => Network::V6(address, prefix),
        },
    };
    let is_first = match network {
        Network::V4(first, prefix) => masked_v4(first, prefix) == first,
        Network::V6(first, prefix) => masked_v6(first, prefix) == first,
    };
    if is_first { Ok(network) } else { Err(IpListError::HostBits { place, prefix }) }
}

/// A number without sign or leading zeros: one network has one spelling of its prefix.
fn decimal(text: &str) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    (format!("{number}") == text).then_some(number)
}

fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(u32::from(V4_BITS.saturating_sub(prefix))).unwrap_or_default();
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(u32::from(V6_BITS.saturating_sub(prefix))).unwrap_or_default();
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

/// Every request of a key goes through its list.
pub const MAX_ENTRIES: usize = 64;
const V4_BITS: u8 = 32;
const V6_BITS: u8 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, vec};
    use proptest::prelude::*;

    fn contains(list: &[&str], address: &str) -> bool {
        IpList::parse(list).unwrap().contains(address.parse().unwrap())
    }

    /// R033: both kinds of address, at both borders of a network.
    #[test]
    fn a_network_holds_its_first_and_last_address_and_not_their_neighbours() {
        let v4 = &["192.0.2.64/26"];
        assert!(contains(v4, "192.0.2.64") && contains(v4, "192.0.2.127"));
        assert!(!contains(v4, "192.0.2.63") && !contains(v4, "192.0.2.128"));
        let v6 = &["2001:db8:8000::/33"];
        assert!(contains(v6, "2001:db8:8000::") && contains(v6, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
        assert!(!contains(v6, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff") && !contains(v6, "2001:db9::"));
    }

    #[test]
    fn an_address_alone_is_a_network_of_one_and_a_prefix_of_zero_is_everything_of_its_kind() {
        assert!(contains(&["192.0.2.1"], "192.0.2.1") && !contains(&["192.0.2.1"], "192.0.2.2"));
        assert!(contains(&["2001:db8::1"], "2001:db8::1") && !contains(&["2001:db8::1"], "2001:db8::2"));
        assert!(contains(&["0.0.0.0/0"], "255.255.255.255") && !contains(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(contains(&["::/0"], "2001:db8::1") && !contains(&["::/0"], "192.0.2.1"));
    }

    /// RFC 4291 section 2.5.5.2.
    #[test]
    fn an_ipv4_address_is_itself_however_it_is_written() {
        assert!(contains(&["192.0.2.0/24"], "::ffff:192.0.2.7"));
        assert!(contains(&["::ffff:192.0.2.0/120"], "192.0.2.7") && !contains(&["::ffff:192.0.2.0/120"], "192.0.3.0"));
        assert!(!contains(&["::ffff:192.0.2.0/120"], "::192.0.2.7"), "an IPv4-compatible address is not a mapped one");
    }

    #[test]
    fn what_is_no_network_is_named_by_its_place_and_bound() {
        let refused = |entry: &str| IpList::parse(&["192.0.2.0/24", entry]).unwrap_err().to_string();
        for entry in ["", "example.com", "192.0.2", "192.0.2.01", "192.0.2.0 /24", "fe80::1%eth0", "/24"] {
            assert_eq!(refused(entry), "ip_allow[1] must be an IPv4 or IPv6 address or network", "{entry}");
        }
        for entry in ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "192.0.2.0/024", "192.0.2.0/24/8", "10.0.0.0/-1"] {
            assert_eq!(refused(entry), "ip_allow[1] must have a prefix of 0 to 32", "{entry}");
        }
        assert_eq!(refused("2001:db8::/129"), "ip_allow[1] must have a prefix of 0 to 128");
        assert_eq!(refused("192.0.2.1/24"), "ip_allow[1] must have no bits set behind its prefix of 24");
        assert_eq!(refused("2001:db8::1/64"), "ip_allow[1] must have no bits set behind its prefix of 64");
        assert_eq!(refused("::ffff:0.0.0.0/95"), "ip_allow[1] must have no bits set behind its prefix of 95");
    }

    #[test]
    fn a_list_has_1_to_64_entries() {
        assert_eq!(IpList::parse::<&str>(&[]), Err(IpListError::Count { got: 0 }));
        assert!(IpList::parse(&["192.0.2.1"; 64]).is_ok());
        let refused = IpList::parse(&["192.0.2.1"; 65]).unwrap_err();
        assert_eq!(refused.to_string(), "ip_allow must hold 1 to 64 networks, got 65");
    }

    #[test]
    fn a_list_is_a_json_list_of_texts_and_a_malformed_one_is_not_read() {
        let list: IpList = serde_json::from_str(r#"["192.0.2.0/24","2001:db8::1"]"#).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"["192.0.2.0/24","2001:db8::1/128"]"#);
        let refused = serde_json::from_str::<IpList>(r#"["192.0.2.1/24"]"#).unwrap_err().to_string();
        assert!(refused.starts_with("ip_allow[0] must have no bits set"), "{refused}");
    }

    #[test]
    fn every_error_has_a_word_of_the_list() {
        let all = [
            IpListError::Count { got: 0 },
            IpListError::Address { place: 0 },
            IpListError::Prefix { place: 0, most: 32 },
            IpListError::HostBits { place: 0, prefix: 8 },
        ];
        let words: BTreeSet<_> = all.into_iter().map(IpListError::code).collect();
        assert_eq!(words, IpListError::CODES.into_iter().collect());
    }

    proptest! {
        /// The model: an address is inside when its leading bits, one by one, are the network's.
        #[test]
        fn an_address_is_inside_exactly_when_its_leading_bits_are_the_networks(
            first in any::<u128>(), other in any::<u128>(), prefix in 0u8..=128, keep in 0u8..=128, is_v4: bool,
        ) {
            let bit = |n: u128, i: u8| n >> (127 - i) & 1;
            let prefix = if is_v4 { prefix % 33 } else { prefix };
            let network = (0..prefix).fold(0, |n, i| n | bit(first, i) << (127 - i));
            // Shares `keep` leading bits with the network, so that near misses are common.
            let address = (0..128).fold(0, |n, i| n | bit(if i < keep { network } else { other }, i) << (127 - i));
            let want = (0..prefix).all(|i| bit(network, i) == bit(address, i));
            let show = |n: u128| if is_v4 {
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(n >> 96).unwrap()))
            } else {
                IpAddr::V6(Ipv6Addr::from_bits(n))
            };
            // What is IPv4 in other clothes has its own test.
            prop_assume!(show(network) == show(network).to_canonical() && show(address) == show(address).to_canonical());
            let list = IpList::parse(&[format!("{}/{prefix}", show(network))]).unwrap();
            prop_assert_eq!(list.contains(show(address)), want);
            prop_assert_eq!(IpList::parse(&Vec::<String>::from(list.clone())).unwrap(), list);
        }

        #[test]
        fn no_text_stops_the_reader(text in "[0-9a-f:./]{0,40}") {
            if let Ok(list) = IpList::parse(&[&text]) {
                prop_assert_eq!(IpList::parse(&Vec::<String>::from(list.clone())), Ok(list));
            }
        }
    }
    #[test]
    fn texts_are_read_from_owned_lists_as_well() {
        assert!(IpList::try_from(vec![String::from("192.0.2.1")]).is_ok());
    }
}
