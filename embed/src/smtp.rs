//! Mails to mail servers. What is said is [`sendgate_core::smtp`]'s; here are the connections.

use crate::stream::Stream;
use rustls::ClientConfig;
use sendgate_core::{
    outcome::TransportFailure,
    smtp::{Action, QUIT, Session, Talk},
    transport::{MailServer, Reply, Security, SmtpCall, SmtpEnd, SmtpReply, SmtpStage},
};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A client with its kept connections.
pub(crate) struct Mail {
    tls: Arc<ClientConfig>,
    idle: Mutex<HashMap<MailServer, Vec<Line>>>,
}

/// A connection between two mails.
struct Line {
    stream: Stream,
    session: Session,
    since: Instant,
}

impl Mail {
    pub(crate) fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls, idle: Mutex::default() }
    }

    /// Hands a mail to its server, within `timeout` altogether and RFC 5321's time-outs for each step.
    pub(crate) fn send(&self, call: &SmtpCall, timeout: Duration) -> Result<Reply, TransportFailure> {
        let deadline = Instant::now() + timeout;
        while let Some(mut line) = self.take(&call.server) {
            let reply = self.converse(&mut line, call, deadline);
            let vanished = reply.end == SmtpEnd::Lost && reply.stage <= SmtpStage::From;
            self.keep(&call.server, line);
            // The server let go of the connection while nobody looked. Nothing was said of the mail that counts.
            if !vanished {
                return reply.into_result();
            }
        }
        let mut line = self.open(&call.server, deadline).map_err(|_| TransportFailure::NotSent)?;
        let reply = self.converse(&mut line, call, deadline);
        self.keep(&call.server, line);
        reply.into_result()
    }

    fn open(&self, server: &MailServer, deadline: Instant) -> io::Result<Line> {
        let mut stream = Stream::open(&server.host, server.port, deadline)?;
        if server.security == Security::Implicit {
            stream.secure(&server.host, &self.tls, deadline)?;
        }
        Ok(Line { stream, session: Session::new(), since: Instant::now() })
    }

    fn converse(&self, line: &mut Line, call: &SmtpCall, deadline: Instant) -> SmtpReply {
        let Line { stream, session, since: _ } = line;
        let mut talk = session.talk(call);
        loop {
            let action = talk.advance();
            if let Action::Done(reply) = action {
                return reply;
            }
            if self.carry_out(&action, &mut talk, stream, call, deadline).is_err() {
                talk.lost();
            }
        }
    }

    fn carry_out(
        &self,
        action: &Action,
        talk: &mut Talk<'_>,
        stream: &mut Stream,
        call: &SmtpCall,
        deadline: Instant,
    ) -> io::Result<()> {
        let until = |within_ms: &u64| deadline.min(Instant::now() + Duration::from_millis(*within_ms));
        match action {
            Action::Write { bytes, within_ms } => stream.write(bytes, until(within_ms)),
            Action::Read { within_ms } => {
                let mut buffer = [0; BUFFER];
                let read = stream.read(&mut buffer, until(within_ms))?;
                talk.received(buffer.get(..read).unwrap_or_default());
                Ok(())
            }
            Action::StartTls => {
                stream.secure(&call.server.host, &self.tls, deadline)?;
                talk.secured();
                Ok(())
            }
            Action::Done(_) => Ok(()),
        }
    }

    /// A kept connection to a server that still seems to be there.
    fn take(&self, server: &MailServer) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.get_mut(server)?;
        let found = loop {
            match lines.pop() {
                Some(line) if line.since.elapsed() < IDLE && line.stream.is_quiet() => break Some(line),
                Some(_) => {}
                None => break None,
            }
        };
        if lines.is_empty() {
            idle.remove(server);
        }
        found
    }

    fn keep(&self, server: &MailServer, mut line: Line) {
        if !line.session.is_open() {
            return;
        }
        line.since = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.entry(server.clone()).or_default();
        if lines.len() < KEPT {
            lines.push(line);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.session.is_open() {
            // Whether the farewell arrives changes nothing.
            let _ = self.stream.write(QUIT, Instant::now() + FAREWELL);
        }
    }
}

/// Bytes read at once: a reply is far shorter.
const BUFFER: usize = 4_096;
/// Servers wait for five minutes (RFC 5321 section 4.5.3.2.7), but busy ones for less.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept to one server: more than a process sends over at once.
const KEPT: usize = 8;
/// What a polite end may cost.
const FAREWELL: Duration = Duration::from_secs(1);
