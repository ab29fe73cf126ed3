//! A provider's reports: verified, then read.

use crate::{error, provider::Headers};
use pyo3::prelude::*;
use sendgate_core::{
    event::{self, Certificate, Incoming, Received, Trust},
    provider::ProviderKind,
    time::UnixMillis,
};

/// One thing that happened to one message and one recipient.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Event {
    /// Who tells it.
    provider: &'static str,
    /// What happened: ``"delivered"``, ``"bounced"``, ``"deferred"``, ``"complained"``, ``"unsubscribed"``, ``"opened"``,
    /// ``"clicked"``, ``"queued"``, ``"sent"``, ``"rejected"``, ``"failed"``, ``"autoresponded"``, ``"subscribed"``,
    /// ``"inbound"``, ``"inbound_failed"`` or ``"unknown"``.
    kind: &'static str,
    /// The same for every delivery of the same event, and no other's.
    key: String,
    /// When it happened, in milliseconds since 1970.
    at: u64,
    /// The provider's id of the message, in the form in which the send call answered it.
    provider_message_id: Option<String>,
    /// The caller's id of the message, where the provider gives it back.
    message_id: Option<String>,
    /// The recipient's address, when one is named.
    recipient: Option<String>,
    /// What a refusal means: ``"hard"``, ``"soft"``, ``"block"``, ``"policy"``, ``"spam"``, ``"quota"`` or
    /// ``"ambiguous"``.
    bounce_class: Option<&'static str>,
    /// The provider's own list refused the recipient: nothing new is known of the address.
    is_echo: bool,
    /// The event may be another recipient's.
    is_candidate: bool,
}

/// Fetch the certificate at this URL, whose host and path were checked, and ask again with it (Amazon SES).
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct NeedsCertificate {
    /// Where it is.
    url: String,
}

/// A verified request to confirm a subscription: fetch this URL, whose host was checked (Amazon SES).
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Confirm {
    /// Where to.
    url: String,
}

/// What a report is believed by.
pub(crate) struct Believed {
    pub(crate) trust: Trust,
    pub(crate) certificate: Option<(String, String)>,
}

/// Verifies a report and reads its events.
pub(crate) fn receive(
    kind: ProviderKind,
    headers: Headers<'_>,
    body: &[u8],
    believed: &Believed,
    now: UnixMillis,
) -> PyResult<Report> {
    let headers = headers.pairs()?;
    let incoming = Incoming { headers: &headers, body };
    let certificate = believed.certificate.as_ref().map(|(url, pem)| Certificate { url, pem });
    let received = event::receive(kind, &believed.trust, &incoming, certificate, now);
    Ok(match received.map_err(error::webhook)? {
        Received::Events(events) => Report::Events(events.into_iter().map(Event::from).collect()),
        Received::NeedsCertificate { url } => Report::NeedsCertificate(NeedsCertificate { url }),
        Received::Confirm { url } => Report::Confirm(Confirm { url }),
    })
}

/// One of three.
#[derive(IntoPyObject)]
pub(crate) enum Report {
    Events(Vec<Event>),
    NeedsCertificate(NeedsCertificate),
    Confirm(Confirm),
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        Self {
            provider: event.provider.as_str(),
            kind: event.kind.word(),
            key: event.key,
            at: event.at.as_millis(),
            provider_message_id: event.provider_message_id,
            message_id: event.message_id.map(|id| id.to_string()),
            recipient: event.recipient,
            bounce_class: event.bounce.map(|bounce| bounce.class.word()),
            is_echo: event.is_echo,
            is_candidate: event.is_candidate,
        }
    }
}

#[pymethods]
impl Event {
    /// Shows what happened and never to whom.
    fn __repr__(&self) -> String {
        format!("<sendgate.Event {} {} at {}>", self.provider, self.kind, self.at)
    }
}
