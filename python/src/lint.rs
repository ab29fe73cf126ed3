//! What is worth a word in messages and configurations, and which plans and profiles there are.

use crate::{
    clock, error, forecast::dumped, mailroom::Account, message::Message, provider::Provider, values::Arguments,
};
use pyo3::{prelude::*, types::PyDict};
use sendgate_core::{
    catalog::{Plan, Profile, Ramp, Unit},
    config::{AccountConfig, own},
    lint as core, message,
    provider::ProviderKind,
};

/// One thing that is worth a word.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all, new = "from_fields")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Finding {
    /// A stable word for it.
    code: String,
    /// ``"error"``: it will be refused; ``"warning"``: it costs reputation, or surprises; ``"note"``: worth a look.
    severity: String,
    /// The path of the field; of several messages it begins with ``messages[3]``.
    field: String,
    /// What is wrong and what to do, without a value of the message.
    detail: String,
    /// Where the rule comes from.
    source: String,
}

/// One message, read or not.
#[derive(FromPyObject)]
enum Given<'py> {
    Message(PyRef<'py, Message>),
    Dict(Bound<'py, PyDict>),
}

/// One message, or several.
#[derive(FromPyObject)]
pub(crate) enum Messages<'py> {
    #[allow(private_interfaces, reason = "nobody outside makes one")]
    One(Given<'py>),
    #[allow(private_interfaces, reason = "nobody outside makes one")]
    Several(Vec<Given<'py>>),
}

/// What makes mail fail, or land among spam, and what of a configuration cannot be meant; the gravest first.
///
/// ``messages`` is a Message or its fields as a dict, or several. ``account`` is a Provider or a configuration, as a Mailroom
/// takes it; with it messages are judged by the account's own rules, too, and without messages the configuration is judged.
/// ``provider`` is a word of ``PROVIDERS``, for messages without an account. ``ramp`` is a warm-up ramp of one's own, as a
/// dict.
///
/// Raises InvalidInput when the provider is unknown; what is wrong with a message or a configuration is a Finding.
#[pyfunction]
#[pyo3(signature = (messages=None, *, account=None, provider=None, ramp=None, now_ms=None))]
pub(crate) fn lint(
    py: Python<'_>,
    messages: Option<Messages<'_>>,
    account: Option<Account<'_>>,
    provider: Option<&str>,
    ramp: Option<&Bound<'_, PyDict>>,
    now_ms: Option<u64>,
) -> PyResult<Vec<Finding>> {
    let kind = provider.map(Provider::kind_of).transpose()?;
    let mut found: Vec<Finding> = Vec::new();
    let text = account.map(|account| account.configuration(py, None, None)).transpose()?;
    let config = match text.map(|(text, _)| own::account(&text)).transpose() {
        Ok(config) => config,
        Err(refused) => {
            found.push(Finding::of_config(&refused.to_string()));
            None
        }
    };
    if let Some(config) = config.as_ref().filter(|_| messages.is_none()) {
        found.extend(core::account(config, MAX_AGE_DAYS, clock::now(now_ms)).into_iter().map(Finding::from));
    }
    if let Some(ramp) = ramp {
        found.extend(core::ramp("own", &dumped(py, ramp)?).into_iter().map(Finding::from));
    }
    match messages {
        None => {}
        Some(Messages::One(one)) => found.extend(one.judged(config.as_ref(), kind)?.into_iter().map(Finding::from)),
        Some(Messages::Several(several)) => {
            for (place, one) in several.iter().enumerate() {
                let told = one.judged(config.as_ref(), kind)?.into_iter();
                found.extend(told.map(|finding| Finding::from(finding).of_message(place)));
            }
        }
    }
    Ok(found)
}

/// The plans, profiles and ramps that are built in, with the day and the source of their figures, as JSON. Not part of the
/// package.
#[pyfunction]
#[pyo3(name = "_known")]
pub(crate) fn known() -> PyResult<String> {
    let mut profiles = Vec::new();
    for name in Profile::names().map_err(error::catalog)? {
        let profile = Profile::named(name).map_err(error::catalog)?;
        let windows = profile.windows.iter().map(|known| {
            serde_json::json!({
                "name": known.window.name(), "limit": known.window.limit(), "unit": unit(known.unit),
                "as_of": known.provenance.as_of.to_string(), "source": known.provenance.source,
            })
        });
        profiles.push(serde_json::json!({
            "name": name, "family": profile.family, "messages_per_call": profile.messages_per_call.0,
            "as_of": profile.provenance.as_of.to_string(), "source": profile.provenance.source,
            "windows": windows.collect::<Vec<_>>(),
        }));
    }
    let mut plans = Vec::new();
    for name in Plan::names().map_err(error::catalog)? {
        // A plan may leave figures to each account; it has none to show then.
        let Ok(plan) = Plan::named(name, sendgate_core::catalog::Figures::default(), "plan") else { continue };
        plans.push(serde_json::json!({
            "name": name, "requests_per_minute": plan.requests_per_minute,
            "recipients_per_day": plan.recipients_per_day,
            "as_of": plan.provenance.as_of.to_string(), "source": plan.provenance.source,
        }));
    }
    let mut ramps = Vec::new();
    for name in Ramp::names().map_err(error::catalog)? {
        let ramp = Ramp::named(name).map_err(error::catalog)?;
        ramps.push(serde_json::json!({
            "name": name, "days": ramp.length(),
            "as_of": ramp.provenance.as_of.to_string(), "source": ramp.provenance.source,
        }));
    }
    Ok(serde_json::json!({ "profiles": profiles, "plans": plans, "ramps": ramps }).to_string())
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Requests => "requests",
        Unit::Messages => "messages",
        Unit::Recipients => "recipients",
    }
}

impl Given<'_> {
    fn judged(&self, account: Option<&AccountConfig>, kind: Option<ProviderKind>) -> PyResult<Vec<core::Finding>> {
        Ok(match self {
            Self::Message(message) => core::message(&message.0, account, kind),
            Self::Dict(fields) => match message::Message::from_values(Arguments::of(Some(fields), None)?) {
                Ok(message) => core::message(&message, account, kind),
                Err(faults) => core::faults(faults),
            },
        })
    }
}

#[pymethods]
impl Finding {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str) = ("code", "severity", "field", "detail", "source");

    fn __repr__(&self) -> String {
        format!("Finding(code='{}', severity='{}', field='{}')", self.code, self.severity, self.field)
    }

    fn __getnewargs__(&self) -> (&str, &str, &str, &str, &str) {
        (&self.code, &self.severity, &self.field, &self.detail, &self.source)
    }
}

impl Finding {
    /// A configuration that cannot be read; its text names the field first.
    fn of_config(text: &str) -> Self {
        let (field, detail) = text.split_once(": ").unwrap_or(("", text));
        Self {
            code: "invalid_config".into(),
            severity: core::Severity::Error.word().into(),
            field: field.into(),
            detail: detail.into(),
            source: "the account's configuration".into(),
        }
    }

    fn of_message(self, place: usize) -> Self {
        let at = format!("messages[{place}]");
        let field = if self.field.is_empty() { at } else { format!("{at}.{}", self.field) };
        Self { field, ..self }
    }
}

impl From<core::Finding> for Finding {
    fn from(finding: core::Finding) -> Self {
        Self {
            code: finding.code.into(),
            severity: finding.severity.word().into(),
            field: finding.field,
            detail: finding.detail,
            source: finding.source.into(),
        }
    }
}

/// What a deployment that says nothing calls old.
const MAX_AGE_DAYS: u64 = 365;
