//! What goes to a provider, and who carries it.

use super::values::{Millis, Units, hidden};
use sendgate_core::{
    http,
    outcome::TransportFailure,
    transport::{Call, Reply, Security, SmtpCall},
};
use sendgate_embed::{Failure, FailureKind};
use std::{collections::HashMap, fmt, time::Duration};

/// When a connection to a mail server is encrypted.
#[uniffi::remote(Enum)]
pub enum Security {
    /// From the start.
    Implicit,
    /// By STARTTLS before anything is said that matters.
    StartTls,
    /// Never: on the loopback only.
    None,
}

/// An HTTP request to carry out.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpRequest {
    /// `POST` or `GET`.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Header fields; no name comes twice.
    pub headers: HashMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// An HTTP response as it came.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpResponse {
    /// The status code.
    pub status: Units,
    /// Header fields; names in any case.
    #[uniffi(default)]
    pub headers: HashMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// A mail to hand to a mail server.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct SmtpRequest {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: Units,
    /// When the connection is encrypted.
    pub security: Security,
    /// The name that the client gives itself.
    pub hello: String,
    /// User name, when the server asks for one.
    pub user: Option<String>,
    /// Password, when the server asks for one.
    pub password: Option<String>,
    /// The reverse path: where bounces go.
    pub sender: String,
    /// Every recipient once, bcc included.
    pub recipients: Vec<String>,
    /// Whether the server has to know SMTPUTF8.
    pub needs_smtputf8: bool,
    /// The mail with CRLF line ends, not dot-stuffed.
    pub data: Vec<u8>,
}

/// What to carry out.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Request {
    /// Over HTTP.
    Http {
        /// The request.
        request: HttpRequest,
    },
    /// By a mail server.
    Smtp {
        /// The mail.
        request: SmtpRequest,
    },
}

/// Why no answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Error)]
pub enum TransportError {
    /// The request surely did not reach the provider: it is sent again.
    NotSent,
    /// The request may have reached it.
    MaybeSent,
}

/// Carries HTTP requests for a Mailroom, from several threads at once. Mails to mail servers go by the built-in carrier.
#[uniffi::export(callback_interface)]
pub trait Transport: Send + Sync {
    /// Carries a request out, within `timeout` altogether, and returns the answer, whatever its status.
    ///
    /// # Errors
    /// `NotSent` when the provider surely has not got the request. Anything else that is thrown is taken for `MaybeSent`.
    fn carry(&self, request: HttpRequest, timeout: Millis) -> Result<HttpResponse, TransportError>;
}

hidden!(HttpRequest, HttpResponse, SmtpRequest);

/// A transport of the other language's as a function of this one's. What has no status of HTTP's is no answer, and the
/// request was out by then.
pub(crate) fn carried_by(
    foreign: Box<dyn Transport>,
) -> impl Fn(&http::HttpRequest, Duration) -> Result<http::HttpResponse, TransportFailure> + Send + Sync {
    move |request, timeout| {
        let timeout = Millis(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let response = foreign.carry(request.clone().into(), timeout)?;
        http::HttpResponse::try_from(response).map_err(|_| TransportFailure::MaybeSent)
    }
}

/// A response as the core reads it.
pub(crate) fn answer(response: HttpResponse) -> Result<Reply, Failure> {
    response.try_into().map(Reply::Http)
}

impl TryFrom<HttpResponse> for http::HttpResponse {
    type Error = Failure;

    fn try_from(response: HttpResponse) -> Result<Self, Failure> {
        let HttpResponse { status, headers, body } = response;
        let wrong = |_| Failure::argument("invalid_answer", &"status must be at most 65535");
        Ok(Self { status: u16::try_from(status.0).map_err(wrong)?, headers: headers.into_iter().collect(), body })
    }
}

impl TryFrom<Call> for Request {
    type Error = Failure;

    fn try_from(call: Call) -> Result<Self, Failure> {
        match call {
            Call::Http(request) => Ok(Self::Http { request: request.into() }),
            Call::Smtp(mail) => Ok(Self::Smtp { request: (*mail).into() }),
            Call::Binding(_) => {
                let detail = "kind is a binding of a Worker, which only a Worker can call";
                Err(Failure::new(FailureKind::CannotBuild, "provider_incomplete", &detail))
            }
        }
    }
}

impl From<http::HttpRequest> for HttpRequest {
    fn from(request: http::HttpRequest) -> Self {
        let http::HttpRequest { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into_owned())).collect();
        Self { method: method.into(), url, headers, body }
    }
}

impl From<SmtpCall> for SmtpRequest {
    fn from(call: SmtpCall) -> Self {
        let SmtpCall { server, hello, from, recipients, needs_smtputf8, data } = call;
        let sendgate_core::transport::MailServer { host, port, security, login } = server;
        let (user, password) = login.unzip();
        let port = Units(port.into());
        Self { host, port, security, hello, user, password, sender: from, recipients, needs_smtputf8, data }
    }
}

impl From<TransportError> for TransportFailure {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent => Self::NotSent,
            TransportError::MaybeSent => Self::MaybeSent,
        }
    }
}

/// An exception that is none of the two: the request may have left before it was thrown.
impl From<uniffi::UnexpectedUniFFICallbackError> for TransportError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::MaybeSent
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not_sent",
            Self::MaybeSent => "maybe_sent",
        })
    }
}

impl std::error::Error for TransportError {}
