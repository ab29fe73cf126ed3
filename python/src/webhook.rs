//! A provider's reports: verified, then read.

use crate::{error, instant, provider::Headers};
use pyo3::prelude::*;
use sendgate_core::{
    event::{self, Certificate, Incoming, Received, Trust},
    provider::ProviderKind,
    time::UnixMillis,
};
use std::borrow::Cow;

/// One thing that happened to one message and one recipient.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Event {
    /// Who tells it.
    provider: Cow<'static, str>,
    /// What happened: ``"delivered"``, ``"bounced"``, ``"deferred"``, ``"complained"``, ``"unsubscribed"``, ``"opened"``,
    /// ``"clicked"``, ``"queued"``, ``"sent"``, ``"rejected"``, ``"failed"``, ``"autoresponded"``, ``"subscribed"``,
    /// ``"inbound"``, ``"inbound_failed"`` or ``"unknown"``.
    kind: Cow<'static, str>,
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
    bounce_class: Option<Cow<'static, str>>,
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
        let event::Event {
            provider,
            kind,
            key,
            at,
            provider_message_id,
            message_id,
            recipient,
            bounce,
            is_echo,
            is_candidate,
            sender_domain: _,
            reject: _,
            ip: _,
            digest: _,
        } = event;
        Self {
            provider: provider.as_str().into(),
            kind: kind.word().into(),
            key,
            at: at.as_millis(),
            provider_message_id,
            message_id: message_id.map(|id| id.to_string()),
            recipient,
            bounce_class: bounce.map(|bounce| bounce.class.word().into()),
            is_echo,
            is_candidate,
        }
    }
}

#[pymethods]
impl Event {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str, &str, &str, &str, &str, &str) = (
        "provider",
        "kind",
        "key",
        "at",
        "provider_message_id",
        "message_id",
        "recipient",
        "bounce_class",
        "is_echo",
        "is_candidate",
    );

    #[new]
    #[allow(clippy::too_many_arguments, reason = "they are an event's fields")]
    #[pyo3(signature = (
        provider, kind, key, at, provider_message_id=None, message_id=None, recipient=None, bounce_class=None,
        is_echo=false, is_candidate=false
    ))]
    fn new(
        provider: String,
        kind: String,
        key: String,
        #[pyo3(from_py_with = instant::given::at)] at: u64,
        provider_message_id: Option<String>,
        message_id: Option<String>,
        recipient: Option<String>,
        bounce_class: Option<String>,
        is_echo: bool,
        is_candidate: bool,
    ) -> Self {
        Self {
            provider: provider.into(),
            kind: kind.into(),
            key,
            at,
            provider_message_id,
            message_id,
            recipient,
            bounce_class: bounce_class.map(Cow::Owned),
            is_echo,
            is_candidate,
        }
    }

    /// ``at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        instant::datetime(py, self.at)
    }

    /// Shows what happened and never to whom.
    fn __repr__(&self) -> String {
        format!("<sendgate.Event {} {} at {}>", self.provider, self.kind, self.at)
    }
}

#[pymethods]
impl NeedsCertificate {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("url",);

    #[new]
    const fn new(url: String) -> Self {
        Self { url }
    }

    fn __repr__(&self) -> String {
        format!("NeedsCertificate(url='{}')", self.url)
    }
}

#[pymethods]
impl Confirm {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str,) = ("url",);

    #[new]
    const fn new(url: String) -> Self {
        Self { url }
    }

    /// Shows no URL: it holds a token.
    fn __repr__(&self) -> &'static str {
        "<sendgate.Confirm>"
    }
}
