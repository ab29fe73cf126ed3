//! Sending domains: their names, the DNS records that providers want of them, and whether those are there.

mod name;

pub use name::{DomainName, InvalidDomain};
