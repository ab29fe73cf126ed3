//! Whether a key may be used, from where it comes, whom it may send as and to.

use super::Account;
use crate::{
    config::{DomainStatus, KeyConfig, Scope},
    front::Pass,
    gate,
    problem::{Code, Problem},
    time::UnixMillis,
};

/// Why a known key is not to be used, when it is not: taken back, ended, or from outside of its networks.
pub(super) fn refusal(key: &KeyConfig, pass: &Pass, now: UnixMillis) -> Option<Problem> {
    if key.revoked {
        return Some(Problem::new(Code::KeyRevoked, "this key was revoked; use another one"));
    }
    if key.is_expired(now) {
        return Some(Problem::new(Code::KeyExpired, "this key has ended; use another one"));
    }
    // A text that is no address is none.
    let address = pass.client_ip.as_ref().and_then(|address| address.parse().ok());
    let detail = "this key may not be used from where the request comes";
    (!key.may_come_from(address)).then(|| Problem::new(Code::IpNotAllowed, detail))
}

/// The key may not do this.
pub(super) fn scope_missing(scope: Scope) -> Problem {
    Problem::new(Code::ScopeMissing, alloc::format!("this needs the scope {}", scope.word()))
}

impl Account {
    /// The key, where its request says that the suppression list does not hold for it and it may say so (R207).
    pub(super) fn unchecked_by<'a>(&self, key_id: &'a str, is_asked: bool) -> Result<Option<&'a str>, Problem> {
        let wanted = Scope::SendSuppressed;
        let may_ask = |key: &KeyConfig| key.scopes.contains(&wanted);
        if is_asked && key_id != gate::OWNER && !self.config.key(key_id).is_some_and(may_ask) {
            return Err(scope_missing(wanted));
        }
        Ok(is_asked.then_some(key_id))
    }

    /// What is wrong with sending from this domain, when something is: the account's domains first, then the key's (R076,
    /// R196).
    pub(super) fn sender_refused(&self, key_id: &str, domain: &str) -> Option<(Code, &'static str)> {
        if let Some(domains) = &self.config.domains {
            match domains.iter().find(|own| own.name == domain).map(|own| own.status) {
                Some(DomainStatus::Verified) => {}
                Some(DomainStatus::Pending) => {
                    return Some((Code::DomainNotVerified, "the domain's records were not found yet"));
                }
                None => return Some((Code::FromNotAllowed, "the domain is not one of the account's")),
            }
        }
        let may_send = |key: &KeyConfig| key.may_send_from(domain);
        let is_allowed = key_id == gate::OWNER || self.config.key(key_id).is_some_and(may_send);
        (!is_allowed).then_some((Code::FromNotAllowed, "the domain is not one of the key's"))
    }
}
