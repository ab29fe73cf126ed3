//! What a Mailroom needs of the process that both ABIs are loaded into.

use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
    time::UnixMillis,
    transport::{Call, Reply},
};
use sendgate_embed::{Carrier, CarrierError, Host, Roots, Secrets, Transport};
use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A host with the system's clock and chance.
pub(crate) fn host(secret: Secrets, transport: Box<dyn Transport>) -> Host {
    Host { secret, clock: Box::new(clock), chance: Box::new(chance), compose: sendgate_mime::compose, transport }
}

/// The values of names: those that are given, or the process's environment.
pub(crate) fn secrets(given: Option<HashMap<String, String>>) -> Secrets {
    match given {
        Some(given) => Box::new(move |name| given.get(name).cloned()),
        None => Box::new(|name| std::env::var(name).ok()),
    }
}

/// The built-in carrier.
pub(crate) fn carrier() -> Result<Carrier, CarrierError> {
    Carrier::new(&Roots::Public)
}

/// Carries HTTP requests by a function of another language, and mails to mail servers by the built-in carrier.
pub(crate) struct Foreign<F> {
    pub(crate) carry: F,
    pub(crate) carrier: Carrier,
}

impl<F> Transport for Foreign<F>
where
    F: Fn(&HttpRequest, Duration) -> Result<HttpResponse, TransportFailure> + Send + Sync,
{
    fn carry(&self, call: &Call, timeout: Duration) -> Result<Reply, TransportFailure> {
        match call {
            Call::Http(request) => (self.carry)(request, timeout).map(Reply::Http),
            Call::Smtp(_) | Call::Binding(_) => self.carrier.carry(call, timeout),
        }
    }
}

/// Now. A clock before 1970 is one that was not set: the core bears any instant.
pub(crate) fn clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A system without chance cannot make ids that are nobody else's: it is no system to send from.
#[allow(clippy::expect_used, reason = "nothing can go on without random numbers, and no caller could mend it")]
pub(crate) fn chance() -> u64 {
    getrandom::u64().expect("the system has random numbers")
}
