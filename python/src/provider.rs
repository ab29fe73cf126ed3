//! What goes to a provider, and what its answer means.

use crate::{
    clock, error, instant,
    message::Message,
    webhook::{self, Believed, Report},
};
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};
use sendgate_core::{
    event::Trust,
    http::{self, HttpResponse},
    outcome,
    provider::{self, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::{Call, Reply, Security},
};
use std::{borrow::Cow, collections::HashMap};

/// A provider that Sendgate speaks to, with what its calls need.
///
/// ``kind`` is one of ``PROVIDERS``. ``credential`` is its key or token (Amazon SES:
/// ``"access key:secret key[:session token]"``, SMTP: ``"user:password"``); ``base_url`` is its usual one when absent.
/// Mailgun needs ``domain``, Cloudflare ``account_id``, Amazon SES a ``base_url`` or a ``region``.
///
/// Raises InvalidInput when there is no such provider or its ``base_url`` cannot be one.
///
/// >>> from sendgate import Provider
/// >>> postmark = Provider("postmark", "token")
/// >>> postmark.classify(200, {}, b'{"ErrorCode": 0, "MessageID": "b7bc2f4a"}').provider_message_id
/// 'b7bc2f4a'
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Provider {
    pub(crate) kind: ProviderKind,
    credential: String,
    base_url: String,
    domain: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
}

/// An HTTP request to carry out. It holds a credential, and a pickle of it does, too.
#[pyclass(module = "sendgate", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct HttpRequest {
    method: Cow<'static, str>,
    url: String,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    body: Vec<u8>,
}

/// A mail to hand to a mail server. It may hold a password, and a pickle of it does, too.
#[pyclass(module = "sendgate", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct SmtpRequest {
    host: String,
    port: u16,
    security: Cow<'static, str>,
    login: Option<(String, String)>,
    sender: String,
    recipients: Vec<String>,
    needs_smtputf8: bool,
    data: Vec<u8>,
}

/// What a provider's answer means.
///
/// ``outcome`` is ``"accepted"``, ``"throttled"``, ``"transient"``, ``"quota_spent"``, ``"credentials_wrong"``,
/// ``"sender_refused"``, ``"recipient_suppressed"``, ``"permanently_refused"``, ``"split"`` or ``"unknown"``.
#[pyclass(module = "sendgate", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    /// The class of the answer.
    outcome: Cow<'static, str>,
    /// The first instant (ms since 1970) at which the provider allows another attempt, when it said so.
    retry_at: Option<u64>,
    /// The provider's own id of the message, when it took it.
    provider_message_id: Option<String>,
    /// The HTTP status, or None when no answer came.
    status: Option<u16>,
    /// The provider's own stable word or number for it, when it gave one.
    provider_code: Option<String>,
    /// Recipients that were refused while the message was taken for the others: address, and ``"suppressed"``,
    /// ``"permanent"`` or ``"transient"``.
    refused: Vec<(String, Cow<'static, str>)>,
}

#[pymethods]
impl Provider {
    #[new]
    #[pyo3(signature = (kind, credential="", *, base_url=None, domain=None, account_id=None, region=None))]
    fn new(
        kind: &str,
        credential: &str,
        base_url: Option<String>,
        domain: Option<String>,
        account_id: Option<String>,
        region: Option<String>,
    ) -> PyResult<Self> {
        let kind = Self::kind_of(kind)?;
        let base_url = base_url.or_else(|| kind.default_base_url().map(str::to_owned)).unwrap_or_default();
        if let Some(fault) = kind.base_url_fault(&base_url).filter(|_| !base_url.is_empty()) {
            return Err(error::provider("base_url", fault));
        }
        Ok(Self { kind, credential: credential.into(), base_url, domain, account_id, region })
    }

    /// The provider's word.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    /// What the message needs and the provider lacks, in words that do not change; empty when it can be sent as it is.
    fn gaps(&self, message: &Message) -> Vec<&'static str> {
        let gaps = provider::check(self.kind, &message.0).err().unwrap_or_default();
        gaps.into_iter().map(|gap| gap.feature).collect()
    }

    /// The call that hands the message to the provider: an HttpRequest, or an SmtpRequest for ``"smtp"``.
    ///
    /// ``message_id`` is the caller's own id of the message, up to 256 visible ASCII characters: the idempotency key
    /// where the provider has one. The same arguments give the same bytes. ``now_ms`` signs what is signed.
    ///
    /// Raises UnsupportedFeature when the provider lacks something, InvalidInput when its settings are incomplete.
    #[pyo3(signature = (message, message_id, now_ms=None))]
    fn build(
        &self,
        message: &Message,
        message_id: &str,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Request> {
        let message = &message.0;
        let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc].map(|list| list.iter().collect::<Vec<_>>());
        let dispatch = Dispatch { message_id, message, to: &to, cc: &cc, bcc: &bcc };
        let call = provider::build(self.kind, &self.target(), &dispatch, clock::now(now_ms));
        Request::of(call.map_err(error::build)?)
    }

    /// The call that hands several messages to the provider at once, with an id for each.
    ///
    /// Raises as ``build``, and InvalidInput with the code ``not_together`` when they cannot share a call.
    #[pyo3(signature = (messages, now_ms=None))]
    fn build_batch(
        &self,
        messages: Vec<(PyRef<'_, Message>, String)>,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Request> {
        let people: Vec<_> = messages
            .iter()
            .map(|(message, _)| {
                [&message.0.to, &message.0.cc, &message.0.bcc].map(|list| list.iter().collect::<Vec<_>>())
            })
            .collect();
        let dispatches: Vec<_> = messages
            .iter()
            .zip(&people)
            .map(|((message, message_id), [to, cc, bcc])| {
                let message = &message.0;
                Dispatch { message_id, message, to, cc, bcc }
            })
            .collect();
        let call = provider::build_batch(self.kind, &self.target(), &dispatches, clock::now(now_ms));
        Request::of(call.map_err(error::build)?)
    }

    /// What an HTTP answer means. Any answer has a meaning.
    #[pyo3(signature = (status, headers, body, now_ms=None))]
    fn classify(
        &self,
        status: u16,
        headers: Headers<'_>,
        body: &[u8],
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Answer> {
        let reply = Reply::Http(HttpResponse { status, headers: headers.pairs()?, body: body.into() });
        Ok(provider::classify(self.kind, &reply, clock::now(now_ms)).into())
    }

    /// What an HTTP answer to ``build_batch``'s call of ``count`` messages means for each of them.
    #[pyo3(signature = (status, headers, body, count, now_ms=None))]
    fn classify_batch(
        &self,
        status: u16,
        headers: Headers<'_>,
        body: &[u8],
        count: usize,
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
    ) -> PyResult<Vec<Answer>> {
        let most = provider::bounds(self.kind).messages;
        if count > most {
            return Err(error::provider("count", &format!("must be at most {most}, the most of this provider's call")));
        }
        let reply = Reply::Http(HttpResponse { status, headers: headers.pairs()?, body: body.into() });
        let answers = provider::classify_batch(self.kind, &reply, count, clock::now(now_ms));
        Ok(answers.into_iter().map(Answer::from).collect())
    }

    /// Verifies a report and reads its events: a list of Event, or NeedsCertificate, or Confirm.
    ///
    /// ``body`` is the request's body as it came, not a byte changed. ``secrets`` are what the provider signs with, several
    /// while one is replaced; ``header`` names the field that carries the secret where nothing is signed (Basic
    /// credentials otherwise); ``topics`` are the SNS topics that are expected; ``certificate`` is the (URL, PEM) that
    /// NeedsCertificate asked for.
    ///
    /// Raises WebhookRefused; nothing of the request may then be believed.
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    #[pyo3(signature = (
        headers, body, now_ms=None, *, secrets=Vec::new(), header=None, topics=Vec::new(), roots=None, tolerance_ms=None,
        certificate=None
    ))]
    fn parse_webhook(
        &self,
        headers: Headers<'_>,
        body: &[u8],
        #[pyo3(from_py_with = instant::maybe::now_ms)] now_ms: Option<u64>,
        secrets: Vec<String>,
        header: Option<String>,
        topics: Vec<String>,
        roots: Option<String>,
        #[pyo3(from_py_with = instant::span::tolerance_ms)] tolerance_ms: Option<u64>,
        certificate: Option<(String, String)>,
    ) -> PyResult<Report> {
        let trust = Trust { secrets, header, tolerance_ms, topics, anchors: roots };
        webhook::receive(self.kind, headers, body, &Believed { trust, certificate }, clock::now(now_ms))
    }

    /// It does not change: a copy is itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// As ``__copy__``.
    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    /// A credential leaves the process only where somebody means it to.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("a Provider holds a credential and is not pickled: make it where it is needed"))
    }

    /// Shows no credential.
    fn __repr__(&self) -> String {
        format!("Provider(kind='{}')", self.kind.as_str())
    }
}

impl Provider {
    /// The provider as an account's configuration has it, but for its credential, which goes by a name there.
    /// The provider of a word.
    pub(crate) fn kind_of(word: &str) -> PyResult<ProviderKind> {
        ProviderKind::ALL.into_iter().find(|known| known.as_str() == word).ok_or_else(|| {
            let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
            error::variant(&format!("there is no such provider; there are {known}"))
        })
    }

    pub(crate) fn settings(&self, profile: Option<&str>) -> serde_json::Map<String, serde_json::Value> {
        let mut fields = serde_json::Map::from_iter([("kind".into(), self.kind.as_str().into())]);
        let given = [
            ("base_url", Some(self.base_url.as_str()).filter(|url| !url.is_empty())),
            ("domain", self.domain.as_deref()),
            ("account_id", self.account_id.as_deref()),
            ("region", self.region.as_deref()),
            ("profile", profile),
            ("credential", Some(CREDENTIAL).filter(|_| !self.credential.is_empty())),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                fields.insert(field.into(), value.into());
            }
        }
        fields
    }

    /// Its credential under that name.
    pub(crate) fn secret(&self) -> HashMap<String, String> {
        HashMap::from([(CREDENTIAL.into(), self.credential.clone())])
    }

    fn target(&self) -> Target<'_> {
        Target {
            domain: self.domain.as_deref(),
            account_id: self.account_id.as_deref(),
            region: self.region.as_deref(),
            compose: Some(sendgate_mime::compose),
            ..Target::new(&self.base_url, &self.credential)
        }
    }
}

/// Header fields as Python gives them.
#[derive(FromPyObject)]
pub(crate) enum Headers<'py> {
    Pairs(Vec<(String, String)>),
    Mapping(Bound<'py, PyAny>),
}

impl Headers<'_> {
    pub(crate) fn pairs(self) -> PyResult<Vec<(String, String)>> {
        match self {
            Self::Pairs(pairs) => Ok(pairs),
            Self::Mapping(mapping) => {
                let items = mapping.call_method0("items")?;
                items.try_iter()?.map(|pair| pair?.extract()).collect()
            }
        }
    }
}

/// One of two classes.
#[derive(IntoPyObject)]
pub(crate) enum Request {
    Http(HttpRequest),
    Smtp(SmtpRequest),
}

impl Request {
    pub(crate) fn of(call: Call) -> PyResult<Self> {
        match call {
            Call::Http(request) => Ok(Self::Http(request.into())),
            Call::Smtp(call) => Ok(Self::Smtp(SmtpRequest {
                host: call.server.host,
                port: call.server.port,
                security: Cow::Borrowed(match call.server.security {
                    Security::Implicit => "implicit",
                    Security::StartTls => "starttls",
                    Security::None => "none",
                }),
                login: call.server.login,
                sender: call.from,
                recipients: call.recipients,
                needs_smtputf8: call.needs_smtputf8,
                data: call.data,
            })),
            Call::Binding(_) => Err(error::provider("kind", "is a binding of a Worker, which only a Worker can call")),
        }
    }
}

impl From<http::HttpRequest> for HttpRequest {
    fn from(request: http::HttpRequest) -> Self {
        let http::HttpRequest { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { method: method.into(), url, headers, body }
    }
}

impl From<outcome::Answer> for Answer {
    fn from(answer: outcome::Answer) -> Self {
        let outcome::Answer { outcome, status, provider_code, refused } = answer;
        Self {
            outcome: outcome.word().into(),
            retry_at: outcome.retry_at().map(UnixMillis::as_millis),
            provider_message_id: match outcome {
                outcome::Outcome::Accepted { provider_message_id } => provider_message_id,
                outcome::Outcome::Throttled { .. }
                | outcome::Outcome::Transient { .. }
                | outcome::Outcome::QuotaSpent { .. }
                | outcome::Outcome::CredentialsWrong
                | outcome::Outcome::SenderRefused
                | outcome::Outcome::RecipientSuppressed
                | outcome::Outcome::PermanentlyRefused
                | outcome::Outcome::Split
                | outcome::Outcome::Unknown => None,
            },
            status,
            provider_code,
            refused: refused.into_iter().map(|refused| (refused.address, refused.reason.word().into())).collect(),
        }
    }
}

/// A text of a header field: Python keeps those that most requests have.
fn word<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    match text {
        "Content-Type" => intern!(py, "Content-Type").clone(),
        "Accept" => intern!(py, "Accept").clone(),
        "User-Agent" => intern!(py, "User-Agent").clone(),
        "Authorization" => intern!(py, "Authorization").clone(),
        "application/json" => intern!(py, "application/json").clone(),
        text => PyString::new(py, text),
    }
}

#[pymethods]
impl HttpRequest {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str) = ("method", "url", "headers", "body");

    #[new]
    fn new(method: String, url: String, headers: Headers<'_>, body: Vec<u8>) -> PyResult<Self> {
        let headers = headers.pairs()?.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Ok(Self { method: method.into(), url, headers, body })
    }

    /// ``"POST"``.
    #[getter]
    fn method(&self) -> &str {
        &self.method
    }

    /// The whole URL.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// Header fields by name, in their order; no name comes twice.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let headers = PyDict::new(py);
        for (name, value) in &self.headers {
            headers.set_item(word(py, name), word(py, value))?;
        }
        Ok(headers)
    }

    /// The body's bytes.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.body)
    }

    /// Shows sizes only: headers carry credentials, bodies carry addresses.
    fn __repr__(&self) -> String {
        format!("<sendgate.HttpRequest {} with {} headers, {} bytes>", self.method, self.headers.len(), self.body.len())
    }
}

#[pymethods]
impl SmtpRequest {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str, &str, &str, &str) =
        ("host", "port", "security", "login", "sender", "recipients", "needs_smtputf8", "data");

    #[new]
    #[allow(clippy::too_many_arguments, reason = "they are a mail's fields")]
    fn new(
        host: String,
        port: u16,
        security: String,
        login: Option<(String, String)>,
        sender: String,
        recipients: Vec<String>,
        needs_smtputf8: bool,
        data: Vec<u8>,
    ) -> Self {
        Self { host, port, security: security.into(), login, sender, recipients, needs_smtputf8, data }
    }

    /// The server's name.
    #[getter]
    fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    /// ``"implicit"`` (TLS from the start), ``"starttls"``, or ``"none"`` (on the loopback only).
    #[getter]
    fn security(&self) -> &str {
        &self.security
    }

    /// User name and password, when the server asks for them.
    #[getter]
    fn login(&self) -> Option<(String, String)> {
        self.login.clone()
    }

    /// The reverse path: where bounces go.
    #[getter]
    fn sender(&self) -> &str {
        &self.sender
    }

    /// Every recipient once, bcc included.
    #[getter]
    fn recipients(&self) -> Vec<String> {
        self.recipients.clone()
    }

    /// Whether the server has to know SMTPUTF8.
    #[getter]
    fn needs_smtputf8(&self) -> bool {
        self.needs_smtputf8
    }

    /// The mail with CRLF line ends, not dot-stuffed.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    /// Shows sizes only.
    fn __repr__(&self) -> String {
        format!("<sendgate.SmtpRequest with {} recipients, {} bytes>", self.recipients.len(), self.data.len())
    }
}

#[pymethods]
impl Answer {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&str, &str, &str, &str, &str, &str) =
        ("outcome", "retry_at", "provider_message_id", "status", "provider_code", "refused");

    #[new]
    #[pyo3(signature = (
        outcome, retry_at=None, provider_message_id=None, status=None, provider_code=None, refused=Vec::new()
    ))]
    fn new(
        outcome: String,
        #[pyo3(from_py_with = instant::maybe::retry_at)] retry_at: Option<u64>,
        provider_message_id: Option<String>,
        status: Option<u16>,
        provider_code: Option<String>,
        refused: Vec<(String, String)>,
    ) -> Self {
        let refused = refused.into_iter().map(|(address, reason)| (address, reason.into())).collect();
        Self { outcome: outcome.into(), retry_at, provider_message_id, status, provider_code, refused }
    }

    /// ``retry_at`` as an aware ``datetime``, in UTC.
    #[getter]
    fn retry_at_datetime<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        instant::datetime_of(py, self.retry_at)
    }

    fn __repr__(&self) -> String {
        let retry_at = self.retry_at.map_or_else(|| "None".into(), |at| at.to_string());
        format!("Answer(outcome='{}', retry_at={retry_at})", self.outcome)
    }
}

/// What a provider's credential is called in the configuration that is made of it.
const CREDENTIAL: &str = "credential";
