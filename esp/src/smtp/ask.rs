//! What a session and its host say to each other.

use super::command::{Reply, Sender};

/// What a session offers and demands.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The largest message, in bytes.
    pub(crate) most_bytes: usize,
    /// The most recipients a message has.
    pub(crate) most_recipients: usize,
    /// Whether a sender must have a password.
    pub(crate) auth_required: bool,
    /// Whether a password is taken on a secured connection only.
    pub(crate) auth_needs_tls: bool,
    /// Whether STARTTLS is offered.
    pub(crate) starttls: bool,
}

/// The addresses a message travels with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) sender: Sender,
    pub(crate) recipients: Vec<String>,
}

/// What has to be decided outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    /// A client connected.
    Connect,
    /// It said hello.
    Hello,
    /// It asked for TLS.
    StartTls,
    /// It gave this name and password.
    Login(String, String),
    /// It named the sender.
    Sender(Sender),
    /// It named this recipient.
    Recipient(String),
    /// It wants to send the message.
    Data,
    /// It sent the message.
    Message(Envelope, Vec<u8>),
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Go on; the session's own reply.
    Proceed,
    /// This reply. A 421 closes.
    Reply(Reply),
    /// Close without a reply.
    Drop,
    /// No reply, and the connection stays open.
    Hang,
}

/// What the host does next.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Ask(Ask),
    /// The session itself refused the message that was open, with this code: for the log.
    Refused(u16),
    StartTls,
    Wait,
    Close,
    Hang,
}
