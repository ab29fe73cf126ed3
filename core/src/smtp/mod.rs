//! The conversation with a mail server (RFC 5321, RFC 6409), as a client that does no IO.
//!
//! A host opens a connection and makes a [`Session`] of it. For each mail it begins a [`Talk`], and carries out what
//! [`Talk::advance`] tells it until that is [`Action::Done`]:
//!
//! ```
//! use sendgate_core::{smtp::{Action, Session}, transport::{MailServer, Security, SmtpCall, SmtpEnd}};
//!
//! let server = MailServer { host: "127.0.0.1".into(), port: 2525, security: Security::None, login: None };
//! let call = SmtpCall {
//!     server,
//!     hello: "shop.example".into(),
//!     from: "orders@shop.example".into(),
//!     recipients: vec!["ann@example.com".into()],
//!     needs_smtputf8: false,
//!     data: b"Subject: Hi\r\n\r\nHello\r\n".to_vec(),
//! };
//! let mut answers = ["220 ready", "250 cap.example", "250 ok", "250 ok", "354 go on", "250 ok"].into_iter();
//! let mut session = Session::new();
//! let mut talk = session.talk(&call);
//! let reply = loop {
//!     match talk.advance() {
//!         Action::Write { .. } => {}                                  // to the connection
//!         Action::Read { .. } => match answers.next() {               // from it
//!             Some(line) => talk.received(format!("{line}\r\n").as_bytes()),
//!             None => talk.lost(),
//!         },
//!         Action::StartTls => talk.lost(),                            // this host cannot
//!         Action::Done(reply) => break reply,
//!     }
//! };
//! assert!(matches!(reply.end, SmtpEnd::Answered(answer) if answer.code == 250));
//! assert!(session.is_open());
//! ```
//!
//! A conversation always ends: every byte that comes is taken once, a server has a bounded number of lines to say, and
//! what it says out of turn ends it. The final dot is handed out in the last piece of the mail; from that moment on, and
//! not before, the mail may have been taken.
//!
//! Out of scope: connections, encryption, clocks. `within_ms` says how long to wait by RFC 5321; a host may wait less.

mod able;
mod body;
mod reply;
mod talk;

use able::Able;
use reply::Replies;
pub use talk::Talk;

use crate::transport::{SmtpCall, SmtpReply};
use alloc::vec::Vec;
use core::fmt;

/// What a host is to do.
#[derive(PartialEq, Eq)]
pub enum Action {
    /// Write these bytes.
    Write {
        /// All of them.
        bytes: Vec<u8>,
        /// How long that may take.
        within_ms: u64,
    },
    /// Read some bytes and hand them to [`Talk::received`].
    Read {
        /// How long that may take.
        within_ms: u64,
    },
    /// Encrypt the connection, then tell [`Talk::secured`].
    StartTls,
    /// This mail is over. Whether the connection can go on says [`Session::is_open`].
    Done(SmtpReply),
}

/// Shows sizes and times only: what is written may be a password.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { bytes, within_ms } => write!(f, "Write({} bytes, {within_ms} ms)", bytes.len()),
            Self::Read { within_ms } => write!(f, "Read({within_ms} ms)"),
            Self::StartTls => f.write_str("StartTls"),
            Self::Done(reply) => write!(f, "Done({reply:?})"),
        }
    }
}

/// One connection to a mail server, for one mail after the other.
pub struct Session {
    standing: Standing,
    able: Able,
    encrypted: bool,
    replies: Replies,
}

/// Where a connection stands between two mails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Nothing was said yet.
    New,
    /// The next mail can begin; after a refusal the server has to be told to forget the last one.
    Ready { reset: bool },
    /// Nothing more can be said.
    Closed,
}

impl Session {
    /// A connection on which the server has yet to greet. With [`Security::Implicit`](crate::transport::Security) it is
    /// encrypted already.
    #[must_use]
    pub fn new() -> Self {
        Self { standing: Standing::New, able: Able::default(), encrypted: false, replies: Replies::default() }
    }

    /// Begins a mail. Every mail of a session goes to the same [`MailServer`](crate::transport::MailServer).
    pub fn talk<'a>(&'a mut self, call: &'a SmtpCall) -> Talk<'a> {
        Talk::new(self, call)
    }

    /// Whether another mail can go over this connection, or [`QUIT`] should end it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Ready { .. })
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows where it stands.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.standing)
    }
}

/// What ends an open connection politely; its answer need not be waited for.
pub const QUIT: &[u8] = b"QUIT\r\n";

#[cfg(test)]
mod tests;
