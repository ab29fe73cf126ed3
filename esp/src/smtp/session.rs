//! One SMTP conversation without IO: bytes are fed in, steps come out.
//!
//! ```text
//! session.feed(bytes)
//! loop { match session.step() {
//!     Step::Send(bytes) => write them
//!     Step::Ask(ask)    => session.answer(what was decided)
//!     Step::StartTls    => shake hands, then session.secured()
//!     Step::Wait        => read more, or end when the client has
//!     Step::Close       => close
//!     Step::Hang        => never answer again
//! } }
//! ```

use super::{
    command::{self, Command, MOST_AUTH_LINE, Reply, Sender},
    path,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::VecDeque;

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

/// What the next line is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Expect {
    Command,
    PlainResponse,
    LoginName,
    LoginPassword(String),
    Text,
}

/// A conversation.
pub(crate) struct Session {
    terms: Terms,
    input: Vec<u8>,
    /// The bytes of `input` in which no line end is.
    searched: usize,
    output: VecDeque<Step>,
    /// What was asked and is not answered yet.
    asked: Option<Ask>,
    expect: Expect,
    secured: bool,
    greeted: bool,
    user: Option<String>,
    envelope: Option<Envelope>,
    /// Whether a recipient was named in this transaction, taken or not.
    named: bool,
    text: Text,
    /// A line of which the rest is thrown away.
    overlong: bool,
    errors: usize,
    over: bool,
}

impl Session {
    /// A conversation that begins; `secured` on a port that speaks TLS from the first byte.
    pub(crate) fn new(terms: Terms, secured: bool) -> Self {
        let mut session = Self {
            terms,
            input: Vec::new(),
            searched: 0,
            output: VecDeque::new(),
            asked: None,
            expect: Expect::Command,
            secured,
            greeted: false,
            user: None,
            envelope: None,
            named: false,
            text: Text::default(),
            overlong: false,
            errors: 0,
            over: false,
        };
        session.ask(Ask::Connect);
        session
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_secured(&self) -> bool {
        self.secured
    }

    /// Takes bytes that came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What to do next.
    pub(crate) fn step(&mut self) -> Step {
        loop {
            if let Some(step) = self.output.pop_front() {
                return step;
            }
            if self.over {
                return Step::Close;
            }
            if self.asked.is_some() || !self.read_line() {
                return Step::Wait;
            }
        }
    }

    /// The handshake is done: everything the client said before is forgotten (RFC 3207 section 4.2).
    pub(crate) fn secured(&mut self) {
        self.secured = true;
        self.greeted = false;
        self.user = None;
        self.reset();
    }

    /// Goes on with what was decided.
    pub(crate) fn answer(&mut self, verdict: Verdict) {
        let Some(asked) = self.asked.take() else { return };
        match verdict {
            Verdict::Proceed => self.proceed(asked),
            Verdict::Reply(reply) => {
                if matches!(asked, Ask::Message(..)) {
                    self.reset();
                }
                if matches!(asked, Ask::Connect) && reply.code >= 400 {
                    self.over = true;
                }
                self.say(reply);
            }
            Verdict::Drop => self.end(),
            Verdict::Hang => self.output.push_back(Step::Hang),
        }
    }

    fn proceed(&mut self, asked: Ask) {
        match asked {
            Ask::Connect => self.say(Reply::new(220, format!("{DOMAIN} ESMTP Sendgate simulator"))),
            Ask::Hello => {
                self.greeted = true;
                self.reset();
                self.say(Reply::of_lines(250, self.offers()));
            }
            Ask::StartTls => {
                self.say(Reply::new(220, "2.0.0 Ready to start TLS"));
                // What came in the clear after STARTTLS was put there by someone else (RFC 3207 section 4.2 and CVE-2011-0411).
                self.input.clear();
                self.searched = 0;
                self.output.push_back(Step::StartTls);
            }
            Ask::Login(user, _) => {
                self.user = Some(user);
                self.say(Reply::new(235, "2.7.0 Authentication successful"));
            }
            Ask::Sender(sender) => {
                self.envelope = Some(Envelope { sender, recipients: Vec::new() });
                self.named = false;
                self.say(Reply::new(250, "2.1.0 Ok"));
            }
            Ask::Recipient(address) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.recipients.push(address);
                }
                self.say(Reply::new(250, "2.1.5 Ok"));
            }
            Ask::Data => {
                self.expect = Expect::Text;
                self.text = Text::default();
                self.say(Reply::new(354, "End data with <CR><LF>.<CR><LF>"));
            }
            Ask::Message(..) => {
                self.reset();
                self.say(Reply::new(250, "2.0.0 Ok"));
            }
        }
    }

    /// Reads the next whole line; false when there is none.
    fn read_line(&mut self) -> bool {
        let found = self.input.get(self.searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
        let Some(found) = found else {
            self.searched = self.input.len();
            if self.input.len() > MOST_HELD && self.expect != Expect::Text {
                self.overlong = true;
                self.input.clear();
                self.searched = 0;
            } else if self.input.len() > MOST_HELD {
                // A text line: what does not fit is only counted. Its last byte may be the CR of its end.
                let kept = self.input.split_off(self.input.len() - 1);
                let cut = std::mem::replace(&mut self.input, kept);
                self.text.overlong(cut.len());
                self.searched = self.input.len();
            }
            return false;
        };
        let end = self.searched + found + 1;
        let rest = self.input.split_off(end);
        let line = std::mem::replace(&mut self.input, rest);
        self.searched = 0;
        if self.expect == Expect::Text {
            self.text_line(&line);
        } else if std::mem::take(&mut self.overlong) {
            self.refuse(Reply::new(500, "5.5.2 Line too long"));
        } else {
            self.whole_line(&line);
        }
        true
    }

    fn whole_line(&mut self, line: &[u8]) {
        let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r')) else {
            self.expect = Expect::Command;
            return self.refuse(Reply::new(500, "5.5.2 A line must end in CR LF"));
        };
        let Ok(line) = std::str::from_utf8(line) else {
            self.expect = Expect::Command;
            return self.refuse(Reply::new(500, "5.5.2 A line must be UTF-8"));
        };
        match std::mem::replace(&mut self.expect, Expect::Command) {
            Expect::Command => match Command::parse(line) {
                Ok(command) => self.obey(command),
                Err(reply) => self.refuse(reply),
            },
            Expect::PlainResponse => self.plain(line),
            Expect::LoginName => match decoded(line) {
                Ok(name) => {
                    self.say(Reply::new(334, "UGFzc3dvcmQ6"));
                    self.expect = Expect::LoginPassword(name);
                }
                Err(reply) => self.refuse(reply),
            },
            Expect::LoginPassword(name) => match decoded(line) {
                Ok(password) => self.ask(Ask::Login(name, password)),
                Err(reply) => self.refuse(reply),
            },
            Expect::Text => {}
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ehlo(_) => self.ask(Ask::Hello),
            Command::Helo(_) => {
                self.greeted = true;
                self.reset();
                self.say(Reply::new(250, DOMAIN));
            }
            Command::StartTls => self.start_tls(),
            Command::Auth(mechanism, initial) => self.auth(&mechanism, initial),
            Command::Mail(sender) => self.mail(sender),
            Command::Rcpt(address) => self.rcpt(address),
            Command::Data => self.data(),
            Command::Reset => {
                self.reset();
                self.say(Reply::new(250, "2.0.0 Ok"));
            }
            Command::Noop => self.say(Reply::new(250, "2.0.0 Ok")),
            Command::Verify => self.say(Reply::new(252, "2.5.2 Send some mail, I will try my best")),
            Command::Expand => self.refuse(Reply::new(502, "5.5.1 EXPN is not implemented")),
            Command::Help => self.say(Reply::new(214, "2.0.0 RFC 5321")),
            Command::Quit => {
                self.say(Reply::new(221, "2.0.0 Bye"));
                self.over = true;
            }
            Command::Http => self.end(),
        }
    }

    fn start_tls(&mut self) {
        if self.secured {
            self.refuse(Reply::new(503, "5.5.1 The connection is encrypted already"));
        } else if !self.terms.starttls {
            self.refuse(Reply::new(502, "5.5.1 STARTTLS is not offered"));
        } else if !self.greeted {
            self.refuse(Reply::new(503, "5.5.1 EHLO first"));
        } else {
            self.ask(Ask::StartTls);
        }
    }

    fn auth(&mut self, mechanism: &str, initial: Option<String>) {
        if !self.greeted || self.user.is_some() || self.envelope.is_some() {
            return self.refuse(Reply::new(503, "5.5.1 AUTH stands once, after EHLO and outside a transaction"));
        }
        if self.terms.auth_needs_tls && !self.secured {
            return self.refuse(Reply::new(538, "5.7.11 Encryption is required for this mechanism"));
        }
        match (mechanism, initial) {
            ("PLAIN", Some(initial)) => self.plain(&initial),
            ("PLAIN", None) => {
                self.expect = Expect::PlainResponse;
                self.say(Reply::new(334, ""));
            }
            ("LOGIN", None) => {
                self.expect = Expect::LoginName;
                self.say(Reply::new(334, "VXNlcm5hbWU6"));
            }
            ("LOGIN", Some(initial)) => match decoded(&initial) {
                Ok(name) => {
                    self.expect = Expect::LoginPassword(name);
                    self.say(Reply::new(334, "UGFzc3dvcmQ6"));
                }
                Err(reply) => self.refuse(reply),
            },
            _ => self.refuse(Reply::new(504, "5.5.4 The mechanism is not offered")),
        }
    }

    /// RFC 4616: `authorization NUL name NUL password`.
    fn plain(&mut self, response: &str) {
        let text = match decoded(response) {
            Ok(text) => text,
            Err(reply) => return self.refuse(reply),
        };
        let mut parts = text.split('\0');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(name), Some(password), None) if !name.is_empty() => {
                self.ask(Ask::Login(name.to_string(), password.to_string()));
            }
            _ => self.refuse(Reply::new(501, "5.5.2 PLAIN wants a name and a password")),
        }
    }

    fn mail(&mut self, sender: Sender) {
        if !self.greeted {
            self.refuse(Reply::new(503, "5.5.1 EHLO first"));
        } else if self.envelope.is_some() {
            self.refuse(Reply::new(503, "5.5.1 A transaction is open already"));
        } else if self.terms.auth_required && self.user.is_none() {
            self.refuse(Reply::new(530, "5.7.0 Authentication required"));
        } else if sender.size.is_some_and(|size| size > self.most_bytes()) {
            self.refuse(Reply::new(552, "5.3.4 The message is larger than this server takes"));
        } else {
            self.ask(Ask::Sender(sender));
        }
    }

    fn rcpt(&mut self, address: String) {
        let Some(envelope) = &self.envelope else {
            return self.refuse(Reply::new(503, "5.5.1 MAIL first"));
        };
        self.named = true;
        let full = envelope.recipients.len() >= self.terms.most_recipients;
        match path::check(&address, envelope.sender.utf8) {
            Err(wrong) => self.refuse(command::bad_address(wrong, "5.1.3")),
            // RFC 5321 section 4.5.3.1.10: the client sends the rest in another transaction.
            Ok(()) if full => self.say(Reply::new(452, "4.5.3 Too many recipients")),
            Ok(()) => self.ask(Ask::Recipient(address)),
        }
    }

    fn data(&mut self) {
        match &self.envelope {
            Some(envelope) if !envelope.recipients.is_empty() => {}
            // RFC 5321 section 3.3.
            Some(_) if self.named => return self.refuse(Reply::new(554, "5.5.1 No valid recipients")),
            _ => return self.refuse(Reply::new(503, "5.5.1 MAIL and RCPT first")),
        }
        if self.input.is_empty() {
            return self.ask(Ask::Data);
        }
        // RFC 2920 section 3.1: DATA ends a group. What follows it unasked may be another's.
        self.refuse(Reply::new(554, "5.5.0 Text came before it was asked for"));
        self.over = true;
    }

    fn text_line(&mut self, line: &[u8]) {
        let most = self.terms.most_bytes;
        if !self.text.line(line, most) {
            return;
        }
        self.expect = Expect::Command;
        let text = std::mem::take(&mut self.text);
        let envelope = self.envelope.clone().unwrap_or_default();
        match text.wrong {
            None => self.ask(Ask::Message(envelope, text.bytes)),
            Some(wrong) => {
                self.reset();
                let reply = wrong.reply();
                self.output.push_back(Step::Refused(reply.code));
                self.refuse(reply);
            }
        }
    }

    fn offers(&self) -> Vec<String> {
        let mut offers = vec![DOMAIN.to_string(), "PIPELINING".into(), format!("SIZE {}", self.terms.most_bytes)];
        offers.extend(["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"].map(String::from));
        if self.terms.starttls && !self.secured {
            offers.push("STARTTLS".into());
        }
        if self.secured || !self.terms.auth_needs_tls {
            offers.push("AUTH PLAIN LOGIN".into());
        }
        offers
    }

    fn most_bytes(&self) -> u64 {
        u64::try_from(self.terms.most_bytes).unwrap_or(u64::MAX)
    }

    fn ask(&mut self, ask: Ask) {
        // The message's bytes go out once and are not kept.
        self.asked = Some(match &ask {
            Ask::Message(..) => Ask::Message(Envelope::default(), Vec::new()),
            Ask::Connect
            | Ask::Hello
            | Ask::StartTls
            | Ask::Login(..)
            | Ask::Sender(_)
            | Ask::Recipient(_)
            | Ask::Data => ask.clone(),
        });
        self.output.push_back(Step::Ask(ask));
    }

    fn say(&mut self, reply: Reply) {
        self.over = self.over || reply.code == 421;
        self.output.push_back(Step::Send(reply.wire()));
    }

    /// Says what was wrong. A client that is wrong all the time is sent away.
    fn refuse(&mut self, reply: Reply) {
        self.errors += 1;
        self.say(reply);
        if self.errors >= MOST_ERRORS {
            self.say(Reply::new(421, "4.7.0 Too many errors"));
        }
    }

    fn end(&mut self) {
        self.over = true;
    }

    fn reset(&mut self) {
        self.envelope = None;
        self.named = false;
    }
}

/// The text of an AUTH response.
fn decoded(response: &str) -> Result<String, Reply> {
    match response {
        "*" => return Err(Reply::new(501, "5.7.0 Authentication cancelled")),
        // RFC 4954 section 4: an empty initial response is a single equals sign.
        "=" => return Ok(String::new()),
        _ => {}
    }
    if response.len() + 2 > MOST_AUTH_LINE {
        return Err(Reply::new(500, "5.5.6 The line is too long"));
    }
    let text = STANDARD.decode(response).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Reply::new(501, "5.5.2 The response is not base64"))
}

/// A message while it comes in.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// The length of the part of this line that was cut off.
    cut: usize,
    wrong: Option<WrongText>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WrongText {
    Size,
    LineLength,
    LineEnd,
}

impl WrongText {
    fn reply(self) -> Reply {
        match self {
            Self::Size => Reply::new(552, "5.3.4 The message is larger than this server takes"),
            Self::LineLength => Reply::new(554, "5.6.0 A line is longer than 1000 octets"),
            Self::LineEnd => Reply::new(554, "5.6.0 CR and LF must stand together"),
        }
    }
}

impl Text {
    fn overlong(&mut self, bytes: usize) {
        self.cut += bytes;
        self.wrong.get_or_insert(WrongText::LineLength);
    }

    /// Takes a line with its end; true when it is the last, which is no part of the message.
    fn line(&mut self, line: &[u8], most: usize) -> bool {
        let cut = std::mem::take(&mut self.cut);
        let Some(inner) = line.strip_suffix(b"\r\n") else {
            self.wrong.get_or_insert(WrongText::LineEnd);
            return false;
        };
        if inner == b"." && cut == 0 {
            return true;
        }
        if inner.contains(&b'\r') {
            self.wrong.get_or_insert(WrongText::LineEnd);
        }
        let line = if cut == 0 { line.strip_prefix(b".").unwrap_or(line) } else { line };
        if line.len() > MOST_TEXT_LINE {
            self.wrong.get_or_insert(WrongText::LineLength);
        }
        if self.bytes.len() + line.len() > most {
            self.wrong.get_or_insert(WrongText::Size);
        }
        if self.wrong.is_none() {
            self.bytes.extend_from_slice(line);
        }
        false
    }
}

/// The name the server gives itself.
pub(crate) const DOMAIN: &str = "simulator.sendgate.example";
/// RFC 5321 section 4.5.3.1.6, with the CRLF and without the dot that was put before a line.
const MOST_TEXT_LINE: usize = 1_000;
/// Bytes without a line end that are kept: the longest line there may be, and a byte to notice a longer one.
const MOST_HELD: usize = MOST_AUTH_LINE + 1;
/// As Postfix has it (`smtpd_hard_error_limit`).
const MOST_ERRORS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { most_bytes: 2_000, most_recipients: 2, auth_required: false, auth_needs_tls: false, starttls: true };

    /// What a session says to `input`, with every question answered by `decide`.
    fn talk_with(session: &mut Session, input: &[u8], mut decide: impl FnMut(Ask) -> Verdict) -> String {
        session.feed(input);
        let mut said = String::new();
        loop {
            match session.step() {
                Step::Send(bytes) => said.push_str(std::str::from_utf8(&bytes).unwrap()),
                Step::Ask(ask) => session.answer(decide(ask)),
                Step::Refused(code) => said.push_str(&format!("[refused {code}]")),
                Step::StartTls => {
                    said.push_str("[tls]");
                    session.secured();
                }
                Step::Wait => return said,
                Step::Close => return said + "[close]",
                Step::Hang => return said + "[hang]",
            }
        }
    }

    fn talk(session: &mut Session, input: &str) -> String {
        talk_with(session, input.as_bytes(), |_| Verdict::Proceed)
    }

    fn begun(terms: Terms) -> Session {
        let mut session = Session::new(terms, false);
        assert!(talk(&mut session, "EHLO client.example\r\n").starts_with("220 "));
        session
    }

    #[test]
    fn ehlo_offers_what_the_server_can() {
        let mut session = Session::new(TERMS, false);
        let said = talk(&mut session, "EHLO client.example\r\n");
        for line in ["250-PIPELINING", "250-SIZE 2000", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES"] {
            assert!(said.contains(&format!("\r\n{line}\r\n")), "{line} in {said}");
        }
        assert!(said.contains("\r\n250-STARTTLS\r\n") && said.ends_with("250 AUTH PLAIN LOGIN\r\n"), "{said}");
        assert!(talk(&mut session, "STARTTLS\r\n").ends_with("[tls]"));
        let said = talk(&mut session, "MAIL FROM:<a@b.example>\r\nEHLO client.example\r\n");
        assert!(said.starts_with("503 5.5.1") && !said.contains("STARTTLS"), "{said}");
    }

    #[test]
    fn a_pipelined_message_is_taken_byte_by_byte_as_in_one_piece() {
        let head = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@f.example>\r\nDATA\r\n";
        let text = "Subject: x\r\n\r\n..dot\r\n.\r\n";
        for piece in [1, 3, 4096] {
            let mut session = begun(TERMS);
            let (mut said, mut taken) = (String::new(), Vec::new());
            for input in [head, text, "QUIT\r\n"] {
                for bytes in input.as_bytes().chunks(piece) {
                    said += &talk_with(&mut session, bytes, |ask| {
                        if let Ask::Message(envelope, bytes) = ask {
                            taken.push((envelope.recipients, bytes));
                        }
                        Verdict::Proceed
                    });
                }
            }
            let codes: Vec<&str> = said.lines().filter_map(|line| line.get(..3)).collect();
            assert_eq!(codes, ["250", "250", "250", "354", "250", "221", "[cl"], "{said}");
            let recipients = vec!["c@d.example".to_string(), "e@f.example".to_string()];
            assert_eq!(taken, [(recipients, b"Subject: x\r\n\r\n.dot\r\n".to_vec())]);
        }
    }

    #[test]
    fn commands_out_of_order_are_refused() {
        let mut session = Session::new(TERMS, false);
        assert!(talk(&mut session, "MAIL FROM:<a@b.example>\r\n").ends_with("\r\n503 5.5.1 EHLO first\r\n"));
        let mut session = begun(TERMS);
        assert!(talk(&mut session, "RCPT TO:<a@b.example>\r\n").starts_with("503 5.5.1"));
        assert!(talk(&mut session, "DATA\r\n").starts_with("503 5.5.1"));
        talk(&mut session, "MAIL FROM:<a@b.example>\r\n");
        assert!(talk(&mut session, "MAIL FROM:<a@b.example>\r\n").starts_with("503 5.5.1"));
        assert!(talk(&mut session, "AUTH PLAIN AGEAYg==\r\n").starts_with("503 5.5.1"));
        let refused = |ask| {
            if matches!(ask, Ask::Recipient(_)) {
                Verdict::Reply(Reply::new(550, "5.1.1 no"))
            } else {
                Verdict::Proceed
            }
        };
        talk_with(&mut session, b"RCPT TO:<c@d.example>\r\n", refused);
        assert!(talk(&mut session, "DATA\r\n").starts_with("554 5.5.1"));
        assert!(talk(&mut session, "RSET\r\nDATA\r\n").starts_with("250 2.0.0 Ok\r\n503"));
    }

    #[test]
    fn sizes_and_numbers_are_bounded() {
        let mut session = begun(TERMS);
        assert!(talk(&mut session, "MAIL FROM:<a@b.example> SIZE=2001\r\n").starts_with("552 5.3.4"));
        assert!(talk(&mut session, "MAIL FROM:<a@b.example> SIZE=2000\r\n").starts_with("250"));
        let said = talk(&mut session, "RCPT TO:<a@b.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\n");
        assert!(said.ends_with("452 4.5.3 Too many recipients\r\n"), "{said}");
        talk(&mut session, "DATA\r\n");
        // 998 letters and a CRLF are the longest line; a leading dot that was doubled does not count.
        let line = format!("..{}\r\n", "x".repeat(997));
        assert!(talk(&mut session, &format!("{line}{line}.\r\n")).starts_with("250"), "2000 bytes fit");
        for (text, want) in [
            (format!("{line}{line}x\r\n.\r\n"), "[refused 552]552 5.3.4"),
            (format!("{}\r\n.\r\n", "x".repeat(999)), "[refused 554]554 5.6.0 A line"),
            (format!("{}\r\n.\r\n", "x".repeat(40_000)), "[refused 554]554 5.6.0 A line"),
            ("bare\nline\r\n.\r\n".to_string(), "[refused 554]554 5.6.0 CR and LF"),
            ("bare\rline\r\n.\r\n".to_string(), "[refused 554]554 5.6.0 CR and LF"),
            ("smuggled\r\n.\nMAIL FROM:<x@y.example>\r\n.\r\n".to_string(), "[refused 554]554 5.6.0 CR and LF"),
        ] {
            talk(&mut session, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
            let said = talk(&mut session, &text);
            assert!(said.starts_with(want), "{said} is not {want}");
        }
    }

    #[test]
    fn a_password_is_asked_for_where_it_must_be() {
        let mut session = begun(Terms { auth_required: true, ..TERMS });
        assert!(talk(&mut session, "MAIL FROM:<a@b.example>\r\n").starts_with("530 5.7.0"));
        let mut logins = Vec::new();
        for input in [
            "AUTH PLAIN AHVzZXIAcGFzcw==\r\n",
            "AUTH PLAIN\r\nAHVzZXIAcGFzcw==\r\n",
            "AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n",
            "AUTH LOGIN dXNlcg==\r\ncGFzcw==\r\n",
        ] {
            let mut session = begun(TERMS);
            let said = talk_with(&mut session, input.as_bytes(), |ask| {
                if let Ask::Login(name, password) = ask {
                    logins.push((name, password));
                }
                Verdict::Proceed
            });
            assert!(said.ends_with("235 2.7.0 Authentication successful\r\n"), "{said}");
            assert!(talk(&mut session, "AUTH PLAIN AHVzZXIAcGFzcw==\r\n").starts_with("503"));
        }
        assert_eq!(logins, vec![("user".to_string(), "pass".to_string()); 4]);
        let mut session = begun(TERMS);
        assert!(talk(&mut session, "AUTH CRAM-MD5\r\n").starts_with("504 5.5.4"));
        assert!(talk(&mut session, "AUTH PLAIN ***\r\n").starts_with("501 5.5.2"));
        assert!(talk(&mut session, "AUTH LOGIN\r\n*\r\n").ends_with("501 5.7.0 Authentication cancelled\r\n"));
        let mut session = begun(Terms { auth_needs_tls: true, ..TERMS });
        assert!(talk(&mut session, "AUTH PLAIN AHVzZXIAcGFzcw==\r\n").starts_with("538 5.7.11"));
        assert!(talk(&mut session, "STARTTLS\r\nEHLO c.example\r\n").contains("[tls]"));
    }

    #[test]
    fn nothing_is_carried_over_a_handshake() {
        let mut session = begun(TERMS);
        let said = talk(&mut session, "STARTTLS\r\nMAIL FROM:<injected@b.example>\r\n");
        assert!(said.ends_with("[tls]"), "what was injected is gone: {said}");
        assert!(talk(&mut session, "AUTH PLAIN AHVzZXIAcGFzcw==\r\n").starts_with("503"), "EHLO is forgotten");
        assert!(talk(&mut session, "EHLO c.example\r\nSTARTTLS\r\n").ends_with("encrypted already\r\n"));
    }

    #[test]
    fn what_is_no_smtp_ends_the_conversation() {
        assert!(talk(&mut begun(TERMS), "POST / HTTP/1.1\r\nMAIL FROM:<a@b.example>\r\n") == "[close]");
        let mut session = begun(TERMS);
        talk(&mut session, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
        assert!(talk(&mut session, "DATA\r\nearly\r\n").ends_with("[close]"), "text before 354");
        let said = talk(&mut begun(TERMS), &"WHAT\r\n".repeat(30));
        assert_eq!(said.matches("500 5.5.2").count(), 20, "{said}");
        assert!(said.ends_with("421 4.7.0 Too many errors\r\n[close]"), "{said}");
        assert!(talk(&mut begun(TERMS), "NOOP\n").starts_with("500 5.5.2 A line must end"));
        let said = talk(&mut begun(TERMS), &format!("{}\r\nNOOP\r\n", "x".repeat(100_000)));
        assert!(said.starts_with("500 5.5.2") && said.ends_with("250 2.0.0 Ok\r\n"), "{said}");
    }

    #[test]
    fn a_verdict_takes_the_place_of_the_reply() {
        let reply = |code, text: &str| Verdict::Reply(Reply::new(code, text));
        let verdicts = [
            (reply(421, "4.3.2 Closing"), "421 4.3.2 Closing\r\n[close]"),
            (reply(450, "4.2.1 Busy"), "450 4.2.1 Busy\r\n"),
            (Verdict::Drop, "[close]"),
            (Verdict::Hang, "[hang]"),
        ];
        for (verdict, want) in verdicts {
            assert_eq!(talk_with(&mut begun(TERMS), b"MAIL FROM:<a@b.example>\r\n", |_| verdict.clone()), want);
        }
    }
}
