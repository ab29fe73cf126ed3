//! The C header's structs of requests, answers and reports, and how the core's become them.

use super::{SendgateError, arena::Arena, items, text, values::SendgateBytes};
use sendgate_core::{
    event::{Event, Received},
    http::{HttpRequest, HttpResponse},
    outcome::{Answer, Outcome, RefusedReason},
    time::UnixMillis,
    transport::{Call, Security, SmtpCall},
};
use std::{ffi::c_char, ptr};

/// What a provider's calls need; which of it, is the provider's to say. What is not given is NULL.
#[repr(C)]
pub struct SendgateProviderSettings {
    /// Its key or token; parts stand with colons between them.
    pub credential: *const c_char,
    /// Where its API is, when not at the usual place.
    pub base_url: *const c_char,
    /// Mailgun's sending domain.
    pub domain: *const c_char,
    /// Cloudflare's account id.
    pub account_id: *const c_char,
    /// The AWS region, where the base URL does not name it.
    pub region: *const c_char,
}

/// A header field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateHeader {
    /// Its name.
    pub name: *const c_char,
    /// Its value.
    pub value: *const c_char,
}

/// An HTTP request to carry out. Follow no redirect.
#[repr(C)]
pub struct SendgateHttpRequest {
    /// The method.
    pub method: *const c_char,
    /// The whole URL.
    pub url: *const c_char,
    /// Header fields; no name comes twice.
    pub headers: *const SendgateHeader,
    /// How many.
    pub header_count: usize,
    /// The body.
    pub body: SendgateBytes,
}

/// An HTTP answer.
#[repr(C)]
pub struct SendgateHttpResponse {
    /// The status.
    pub status: u16,
    /// Header fields; NULL when there is none.
    pub headers: *const SendgateHeader,
    /// How many.
    pub header_count: usize,
    /// The body.
    pub body: SendgateBytes,
}

/// When a connection to a mail server is encrypted.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateSecurity {
    /// From the start.
    Implicit = 0,
    /// By STARTTLS before anything is said that matters.
    StartTls = 1,
    /// Never: on the loopback only.
    None = 2,
}

/// A mail to hand to a mail server.
#[repr(C)]
pub struct SendgateSmtpRequest {
    /// The server's name.
    pub host: *const c_char,
    /// Its port.
    pub port: u16,
    /// When the connection is encrypted.
    pub security: SendgateSecurity,
    /// User name; NULL when the server asks for none.
    pub user: *const c_char,
    /// Password; NULL when the server asks for none.
    pub password: *const c_char,
    /// The name that the client gives itself.
    pub hello: *const c_char,
    /// The reverse path: where bounces go.
    pub sender: *const c_char,
    /// Every recipient once, bcc included.
    pub recipients: *const *const c_char,
    /// How many.
    pub recipient_count: usize,
    /// Whether the server has to know SMTPUTF8.
    pub needs_smtputf8: bool,
    /// The mail with CRLF line ends, not dot-stuffed.
    pub data: SendgateBytes,
}

/// What to carry out. The other pointer is NULL.
#[repr(C)]
pub struct SendgateCall {
    /// An HTTP request.
    pub http: *const SendgateHttpRequest,
    /// A mail.
    pub smtp: *const SendgateSmtpRequest,
}

/// The class of an answer.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateOutcome {
    /// The provider took the message.
    Accepted = 0,
    /// Too fast: the same request will do later.
    Throttled = 1,
    /// The provider failed in a way that passes.
    Transient = 2,
    /// The provider's quota is used up until a later period.
    QuotaSpent = 3,
    /// The credential or the provider account is wrong.
    CredentialsWrong = 4,
    /// The provider does not let this sender send.
    SenderRefused = 5,
    /// The provider keeps every recipient on its own suppression list.
    RecipientSuppressed = 6,
    /// This message will never be taken.
    PermanentlyRefused = 7,
    /// A call of several messages was refused as a whole: send each in a call of its own.
    Split = 8,
    /// The provider may or may not have taken it.
    Unknown = 9,
}

/// Why a recipient was refused alone.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateRefusedReason {
    /// It is on the provider's own suppression list.
    Suppressed = 0,
    /// It was refused for good.
    Permanent = 1,
    /// It was not taken now.
    Transient = 2,
}

/// A recipient that was refused alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateRefused {
    /// The address.
    pub address: *const c_char,
    /// Why.
    pub reason: SendgateRefusedReason,
}

/// What a provider's answer means. Its pointers live as long as it.
#[repr(C)]
pub struct SendgateAnswer {
    /// The class.
    pub outcome: SendgateOutcome,
    /// The class as its stable word.
    pub outcome_word: *const c_char,
    /// Whether the provider named the first instant at which it allows another attempt.
    pub has_retry_at: bool,
    /// That instant; else 0.
    pub retry_at: u64,
    /// The status; 0 when no answer came.
    pub status: u16,
    /// The provider's own id of the message, or NULL.
    pub provider_message_id: *const c_char,
    /// The provider's own stable word or number for it, or NULL.
    pub provider_code: *const c_char,
    /// Recipients that were refused alone.
    pub refused: *const SendgateRefused,
    /// How many.
    pub refused_count: usize,
}

/// A provider's report as it came, and what it is believed by. What is not given is NULL.
#[repr(C)]
pub struct SendgateWebhook {
    /// Header fields.
    pub headers: *const SendgateHeader,
    /// How many.
    pub header_count: usize,
    /// The body, not a byte changed.
    pub body: SendgateBytes,
    /// What the provider signs with, several while one is replaced.
    pub secrets: *const *const c_char,
    /// How many.
    pub secret_count: usize,
    /// The field that carries the secret where nothing is signed; Basic credentials otherwise.
    pub header: *const c_char,
    /// The SNS topics that are expected.
    pub topics: *const *const c_char,
    /// How many.
    pub topic_count: usize,
    /// Certificates in PEM that an SNS signing certificate must descend from.
    pub roots: *const c_char,
    /// How far the signed instant may lie from now; the provider's own figure when NULL.
    pub tolerance_ms: *const u64,
    /// The URL that a report asked for a certificate from.
    pub certificate_url: *const c_char,
    /// The certificate in PEM that was there.
    pub certificate_pem: *const c_char,
}

/// What a report turned out to be.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendgateReportKind {
    /// Verified events, perhaps none.
    Events = 0,
    /// Fetch the certificate at `url`, whose host and path were checked, and ask again with it.
    NeedsCertificate = 1,
    /// A verified request to confirm a subscription: fetch `url`, whose host was checked.
    Confirm = 2,
}

/// One thing that happened to one message and one recipient. Words are those of the wheel and of the API.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SendgateEvent {
    /// Who tells it.
    pub provider: *const c_char,
    /// What happened: "delivered", "bounced", "complained" and so on.
    pub kind: *const c_char,
    /// The same for every delivery of the same event, and no other's.
    pub key: *const c_char,
    /// When it happened.
    pub at: u64,
    /// The provider's id of the message, or NULL.
    pub provider_message_id: *const c_char,
    /// The caller's id of the message, or NULL.
    pub message_id: *const c_char,
    /// The recipient's address, or NULL.
    pub recipient: *const c_char,
    /// What a refusal means: "hard", "soft", "block" and so on, or NULL.
    pub bounce_class: *const c_char,
    /// The provider's own list refused the recipient: nothing new is known of the address.
    pub is_echo: bool,
    /// The event may be another recipient's.
    pub is_candidate: bool,
}

/// A verified report. Its pointers live as long as it.
#[repr(C)]
pub struct SendgateReport {
    /// What it is.
    pub kind: SendgateReportKind,
    /// The URL to fetch; NULL for events.
    pub url: *const c_char,
    /// Events.
    pub events: *const SendgateEvent,
    /// How many.
    pub event_count: usize,
}

impl SendgateHttpResponse {
    pub(crate) fn read(&self) -> Result<HttpResponse, Box<SendgateError>> {
        let headers = headers(self.headers, self.header_count)?;
        Ok(HttpResponse { status: self.status, headers, body: self.body.read("body")?.to_vec() })
    }
}

pub(crate) fn headers(list: *const SendgateHeader, count: usize) -> Result<Vec<(String, String)>, Box<SendgateError>> {
    let of = |header: &SendgateHeader| {
        Ok((text("a header's name", header.name)?.to_owned(), text("a header's value", header.value)?.to_owned()))
    };
    items("headers", list, count)?.iter().map(of).collect()
}

pub(crate) fn request_view(arena: &mut Arena, request: HttpRequest) -> SendgateHttpRequest {
    let HttpRequest { method, url, headers, body } = request;
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| SendgateHeader { name: arena.text(name), value: arena.text(value) })
        .collect();
    SendgateHttpRequest {
        method: arena.text(method),
        url: arena.text(&url),
        header_count: headers.len(),
        headers: arena.list(headers),
        body: SendgateBytes { length: body.len(), data: arena.list(body) },
    }
}

pub(crate) fn call_view(arena: &mut Arena, call: Call) -> SendgateCall {
    let nothing = SendgateCall { http: ptr::null(), smtp: ptr::null() };
    match call {
        Call::Http(request) => {
            let request = request_view(arena, request);
            SendgateCall { http: arena.list(vec![request]), ..nothing }
        }
        Call::Smtp(mail) => {
            let mail = mail_view(arena, *mail);
            SendgateCall { smtp: arena.list(vec![mail]), ..nothing }
        }
        // A Worker's alone: no process is ever given one.
        Call::Binding(_) => nothing,
    }
}

fn mail_view(arena: &mut Arena, mail: SmtpCall) -> SendgateSmtpRequest {
    let SmtpCall { server, hello, from, recipients, needs_smtputf8, data } = mail;
    let login = server.login.as_ref();
    SendgateSmtpRequest {
        host: arena.text(&server.host),
        port: server.port,
        security: server.security.into(),
        user: arena.perhaps(login.map(|(user, _)| user.as_str())),
        password: arena.perhaps(login.map(|(_, password)| password.as_str())),
        hello: arena.text(&hello),
        sender: arena.text(&from),
        recipients: arena.texts(recipients.iter().map(String::as_str)),
        recipient_count: recipients.len(),
        needs_smtputf8,
        data: SendgateBytes { length: data.len(), data: arena.list(data) },
    }
}

pub(crate) fn answer_view(arena: &mut Arena, answer: &Answer) -> SendgateAnswer {
    let Answer { outcome, status, provider_code, refused } = answer;
    let retry_at = outcome.retry_at();
    let id = match outcome {
        Outcome::Accepted { provider_message_id } => provider_message_id.as_deref(),
        Outcome::Throttled { .. }
        | Outcome::Transient { .. }
        | Outcome::QuotaSpent { .. }
        | Outcome::CredentialsWrong
        | Outcome::SenderRefused
        | Outcome::RecipientSuppressed
        | Outcome::PermanentlyRefused
        | Outcome::Split
        | Outcome::Unknown => None,
    };
    let refused: Vec<_> = refused
        .iter()
        .map(|one| SendgateRefused { address: arena.text(&one.address), reason: one.reason.into() })
        .collect();
    SendgateAnswer {
        outcome: outcome.into(),
        outcome_word: arena.text(outcome.word()),
        has_retry_at: retry_at.is_some(),
        retry_at: retry_at.map_or(0, UnixMillis::as_millis),
        status: status.unwrap_or(0),
        provider_message_id: arena.perhaps(id),
        provider_code: arena.perhaps(provider_code.as_deref()),
        refused_count: refused.len(),
        refused: arena.list(refused),
    }
}

pub(crate) fn report_view(arena: &mut Arena, received: Received) -> SendgateReport {
    let (kind, url, events) = match received {
        Received::Events(events) => (SendgateReportKind::Events, None, events),
        Received::NeedsCertificate { url } => (SendgateReportKind::NeedsCertificate, Some(url), Vec::new()),
        Received::Confirm { url } => (SendgateReportKind::Confirm, Some(url), Vec::new()),
    };
    let events: Vec<_> = events.iter().map(|event| event_view(arena, event)).collect();
    SendgateReport { kind, url: arena.perhaps(url.as_deref()), event_count: events.len(), events: arena.list(events) }
}

fn event_view(arena: &mut Arena, event: &Event) -> SendgateEvent {
    let Event {
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
    SendgateEvent {
        provider: arena.text(provider.as_str()),
        kind: arena.text(kind.word()),
        key: arena.text(key),
        at: at.as_millis(),
        provider_message_id: arena.perhaps(provider_message_id.as_deref()),
        message_id: arena.perhaps(message_id.map(|id| id.to_string()).as_deref()),
        recipient: arena.perhaps(recipient.as_deref()),
        bounce_class: arena.perhaps(bounce.map(|bounce| bounce.class.word())),
        is_echo: *is_echo,
        is_candidate: *is_candidate,
    }
}

impl From<&Outcome> for SendgateOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted { .. } => Self::Accepted,
            Outcome::Throttled { .. } => Self::Throttled,
            Outcome::Transient { .. } => Self::Transient,
            Outcome::QuotaSpent { .. } => Self::QuotaSpent,
            Outcome::CredentialsWrong => Self::CredentialsWrong,
            Outcome::SenderRefused => Self::SenderRefused,
            Outcome::RecipientSuppressed => Self::RecipientSuppressed,
            Outcome::PermanentlyRefused => Self::PermanentlyRefused,
            Outcome::Split => Self::Split,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

impl From<RefusedReason> for SendgateRefusedReason {
    fn from(reason: RefusedReason) -> Self {
        match reason {
            RefusedReason::Suppressed => Self::Suppressed,
            RefusedReason::Permanent => Self::Permanent,
            RefusedReason::Transient => Self::Transient,
        }
    }
}

impl From<Security> for SendgateSecurity {
    fn from(security: Security) -> Self {
        match security {
            Security::Implicit => Self::Implicit,
            Security::StartTls => Self::StartTls,
            Security::None => Self::None,
        }
    }
}
