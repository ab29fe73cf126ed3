//! What a host carries to a provider, and what it brings back, as plain values.
//!
//! Most providers are asked over HTTP. A mail server is spoken to in SMTP ([`crate::smtp`] is the conversation), and
//! inside a Worker Cloudflare's service is a binding that takes an object.

use crate::{
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// What a host is to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// An HTTP request.
    Http(HttpRequest),
    /// A mail to hand to a mail server.
    Smtp(Box<SmtpCall>),
    /// A call of a Worker's `send_email` binding.
    Binding(BindingCall),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The response, whatever its status.
    Http(HttpResponse),
    /// How far the conversation went.
    Smtp(SmtpReply),
    /// What the binding returned or threw.
    Binding(BindingReply),
}

impl From<HttpResponse> for Reply {
    fn from(response: HttpResponse) -> Self {
        Self::Http(response)
    }
}

/// A mail for a mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpCall {
    /// Who takes it.
    pub server: MailServer,
    /// The name that the client gives itself.
    pub hello: String,
    /// The reverse path: where bounces go.
    pub from: String,
    /// Every recipient once, bcc included.
    pub recipients: Vec<String>,
    /// Whether an address of the envelope or the header has characters beyond ASCII (RFC 6531).
    pub needs_smtputf8: bool,
    /// The mail as RFC 5322 text with CRLF line ends, not yet dot-stuffed.
    pub data: Vec<u8>,
}

/// Shows the sizes only.
impl fmt::Debug for SmtpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpCall({} recipients, {} bytes)", self.recipients.len(), self.data.len())
    }
}

/// A mail server as one client sees it: what two mails have to share before they can share a connection.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailServer {
    /// Its name, which its certificate has to show. An IPv6 address has no brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When the connection is encrypted.
    pub security: Security,
    /// User name and password, when it asks for them.
    pub login: Option<(String, String)>,
}

/// Hides the login.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailServer({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// When a connection to a mail server is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Security {
    /// From the start (RFC 8314, port 465).
    Implicit,
    /// By STARTTLS before anything is said that matters (RFC 3207, port 587); nothing is sent without.
    StartTls,
    /// Never: allowed on the loopback only.
    None,
}

/// How far a conversation with a mail server went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpReply {
    /// The last thing that was waited for.
    pub stage: SmtpStage,
    /// How it ended there.
    pub end: SmtpEnd,
    /// The recipients that were refused, whatever became of the others.
    pub refused: Vec<SmtpRefusal>,
}

impl SmtpReply {
    /// What the host of the conversation brings back. A mail that was never spoken of was not sent.
    ///
    /// # Errors
    /// [`TransportFailure::NotSent`] when the connection or its encryption failed, or it was lost before `MAIL FROM`.
    pub fn into_result(self) -> Result<Reply, TransportFailure> {
        if self.end == SmtpEnd::Lost && self.stage < SmtpStage::From {
            return Err(TransportFailure::NotSent);
        }
        Ok(Reply::Smtp(self))
    }
}

/// How a conversation about one mail ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpEnd {
    /// With this answer: that the server took the mail, or that it did not.
    Answered(SmtpAnswer),
    /// Every recipient was refused: the answers are with them.
    NobodyLeft,
    /// The connection could not be made, was lost or went silent.
    Lost,
    /// What came back was not SMTP, or came before it was asked for.
    Malformed,
    /// The client did not go on.
    Stopped(SmtpStop),
}

/// Why a client stops before a server refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmtpStop {
    /// The server does not offer STARTTLS, and nothing is said without.
    NoTls,
    /// There is a login, and the server offers neither AUTH PLAIN nor AUTH LOGIN.
    NoLogin,
    /// The mail is larger than the server's SIZE.
    TooLarge,
    /// The mail needs SMTPUTF8 and 8BITMIME, and the server does not offer both.
    NoSmtpUtf8,
}

/// A recipient that a server refused.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpRefusal {
    /// The address as the call has it.
    pub address: String,
    /// The server's answer; `None` when the conversation ended before one came, after the mail was taken for others.
    pub answer: Option<SmtpAnswer>,
}

/// Hides the address.
impl fmt::Debug for SmtpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpRefusal({:?})", self.answer)
    }
}

/// What a client of a mail server waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SmtpStage {
    /// The connection, its encryption from the start, and the greeting.
    Connect,
    /// The answer to `EHLO`.
    Hello,
    /// The answer to `STARTTLS`, and the encryption after it.
    StartTls,
    /// The answers to `AUTH`.
    Auth,
    /// The answer to `MAIL FROM`.
    From,
    /// The answers to `RCPT TO`.
    Recipients,
    /// The answer to `DATA`, and the mail up to its final dot.
    Data,
    /// The answer to the final dot: from here on the mail may have been taken.
    Taken,
}

/// One reply of a mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpAnswer {
    /// Its code, 200 to 599.
    pub code: u16,
    /// Its enhanced status code (RFC 3463), when it has one.
    pub enhanced: Option<[u16; 3]>,
    /// The beginning of its text without codes; for the ids and words that some servers hide there.
    pub text: String,
}

/// Shows the codes only: a server's text may hold an address.
impl fmt::Debug for SmtpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpAnswer({} {:?})", self.code, self.enhanced)
    }
}

/// A call of a Worker's `send_email` binding.
#[derive(Clone, PartialEq, Eq)]
pub struct BindingCall {
    /// The binding's name.
    pub binding: String,
    /// The object to call it with, as JSON.
    pub message: Vec<u8>,
}

/// Shows the size only.
impl fmt::Debug for BindingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindingCall({} bytes)", self.message.len())
    }
}

/// What a binding returned or threw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BindingReply {
    /// It returned, with this message id.
    Returned {
        /// `messageId`, when it was a text.
        message_id: Option<String>,
    },
    /// It threw an error with this code.
    Threw {
        /// `code`, when the error had one.
        code: Option<String>,
    },
}
