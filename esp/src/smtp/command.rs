//! Command lines, read strictly (RFC 5321 section 4.1.1), and the replies to the wrong ones.

use super::path::{self, Wrong};

/// A reply: a code and its lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of one line: `enhanced` is its enhanced status code, empty for none.
    pub(crate) fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, lines: vec![text.into()] }
    }

    /// A reply of several lines.
    pub(crate) fn of_lines(code: u16, lines: Vec<String>) -> Self {
        Self { code, lines }
    }

    /// Reads `450 4.2.1 Mailbox busy`, as it stands in a fault.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (code, rest) = text.split_once(' ')?;
        let number: u16 = code.parse().ok().filter(|number| (400..600).contains(number))?;
        let plain = !rest.is_empty() && rest.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        (code.len() == 3 && plain && rest.len() <= MOST_REPLY_TEXT).then(|| Self::new(number, rest))
    }

    /// The bytes to send.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut wire = String::new();
        for (number, line) in (1..).zip(&self.lines) {
            let mark = if number < self.lines.len() { '-' } else { ' ' };
            wire.push_str(&format!("{}{mark}{line}\r\n", self.code));
        }
        wire.into_bytes()
    }
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Ehlo(String),
    Helo(String),
    StartTls,
    /// The mechanism in capitals, and the initial response.
    Auth(String, Option<String>),
    Mail(Sender),
    Rcpt(String),
    Data,
    Reset,
    Noop,
    Verify,
    Expand,
    Help,
    Quit,
    /// A browser or proxy that takes this for an HTTP server.
    Http,
}

/// What `MAIL FROM` says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sender {
    /// The address; empty for the null sender.
    pub(crate) address: String,
    /// `SIZE=`.
    pub(crate) size: Option<u64>,
    /// `BODY=`.
    pub(crate) body: Option<String>,
    /// `SMTPUTF8`.
    pub(crate) utf8: bool,
}

impl Command {
    /// Reads a line without its CRLF.
    pub(crate) fn parse(line: &str) -> Result<Self, Reply> {
        let (verb, rest) = line.find(' ').map_or((line, ""), |at| line.split_at(at));
        let verb = verb.to_ascii_uppercase();
        if line.len() + CRLF > most_bytes(&verb) {
            return Err(Reply::new(500, "5.5.2 Line too long"));
        }
        if line.chars().any(char::is_control) {
            return Err(Reply::new(501, "5.5.2 Control characters"));
        }
        let argument = rest.strip_prefix(' ').unwrap_or(rest);
        match verb.as_str() {
            "EHLO" => host(argument).map(Self::Ehlo),
            "HELO" => host(argument).map(Self::Helo),
            "STARTTLS" => bare(argument, Self::StartTls),
            "AUTH" => auth(argument),
            "MAIL" => sender(argument),
            "RCPT" => recipient(argument),
            "DATA" => bare(argument, Self::Data),
            "RSET" => bare(argument, Self::Reset),
            "QUIT" => bare(argument, Self::Quit),
            "NOOP" => Ok(Self::Noop),
            "VRFY" => Ok(Self::Verify),
            "EXPN" => Ok(Self::Expand),
            "HELP" => Ok(Self::Help),
            "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS" | "CONNECT" => Ok(Self::Http),
            _ => Err(Reply::new(500, "5.5.2 Command not recognized")),
        }
    }
}

fn bare(argument: &str, command: Command) -> Result<Command, Reply> {
    if argument.is_empty() { Ok(command) } else { Err(Reply::new(501, "5.5.4 No argument is allowed")) }
}

fn host(argument: &str) -> Result<String, Reply> {
    if path::is_host(argument) {
        Ok(argument.to_string())
    } else {
        Err(Reply::new(501, "5.5.4 A domain or an address literal is wanted"))
    }
}

fn auth(argument: &str) -> Result<Command, Reply> {
    let mut words = argument.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) if !mechanism.is_empty() => {
            Ok(Command::Auth(mechanism.to_ascii_uppercase(), initial.map(String::from)))
        }
        _ => Err(Reply::new(501, "5.5.4 AUTH wants a mechanism and at most one initial response")),
    }
}

fn sender(argument: &str) -> Result<Command, Reply> {
    let (address, parameters) = addressed(argument, "FROM:")?;
    let mut sender = Sender { address: address.to_string(), ..Sender::default() };
    let mut seen = Vec::new();
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value)));
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(Reply::new(501, "5.5.4 A parameter stands twice"));
        }
        match (name.as_str(), value) {
            ("SIZE", Some(size)) => sender.size = Some(number(size)?),
            ("BODY", Some(body)) if ["7BIT", "8BITMIME"].contains(&body.to_ascii_uppercase().as_str()) => {
                sender.body = Some(body.to_ascii_uppercase());
            }
            ("SMTPUTF8", None) => sender.utf8 = true,
            // RFC 4954 section 5: who submitted it first. `<>` is what a client sends that does not say.
            ("AUTH", Some(_)) => {}
            ("SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _) => {
                return Err(Reply::new(501, "5.5.4 A parameter is malformed"));
            }
            _ => return Err(Reply::new(555, "5.5.4 A parameter is not supported")),
        }
        seen.push(name);
    }
    if !address.is_empty() {
        path::check(address, sender.utf8).map_err(|wrong| bad_address(wrong, "5.1.7"))?;
    }
    Ok(Command::Mail(sender))
}

/// The session checks the address: whether it may hold letters outside ASCII is up to `MAIL FROM`.
fn recipient(argument: &str) -> Result<Command, Reply> {
    let (address, mut parameters) = addressed(argument, "TO:")?;
    match parameters.next() {
        None => Ok(Command::Rcpt(address.to_string())),
        Some(_) => Err(Reply::new(555, "5.5.4 RCPT takes no parameter here")),
    }
}

/// The address and the parameters of `FROM:<...> ...`; no space may stand before the bracket.
fn addressed<'a>(argument: &'a str, word: &str) -> Result<(&'a str, impl Iterator<Item = &'a str>), Reply> {
    let wrong = || Reply::new(501, format!("5.5.4 {word}<address> is wanted"));
    let head = argument.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)).ok_or_else(wrong)?;
    let (address, rest) = argument.get(head.len()..).and_then(path::bracketed).ok_or_else(wrong)?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(wrong());
    }
    Ok((address, rest.split(' ').filter(|parameter| !parameter.is_empty())))
}

fn number(text: &str) -> Result<u64, Reply> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| Reply::new(501, "5.5.4 SIZE wants a number"))
}

/// The reply to an address that is none; `enhanced` says whose it is.
pub(crate) fn bad_address(wrong: Wrong, enhanced: &str) -> Reply {
    match wrong {
        Wrong::Syntax => Reply::new(501, format!("{enhanced} Bad address syntax")),
        Wrong::Length => Reply::new(501, format!("{enhanced} The address is too long")),
        // RFC 6531 section 3.5.
        Wrong::NotAscii => Reply::new(553, "5.6.7 The address needs SMTPUTF8"),
    }
}

/// The longest line of a command, with its CRLF.
fn most_bytes(verb: &str) -> usize {
    match verb {
        "MAIL" => MOST_LINE + MORE_FOR_MAIL,
        "AUTH" => MOST_AUTH_LINE,
        _ => MOST_LINE,
    }
}

const CRLF: usize = 2;
/// RFC 5321 section 4.5.3.1.4.
const MOST_LINE: usize = 512;
/// SIZE adds 26 (RFC 1870 section 3), BODY 17 (RFC 6152 section 2), SMTPUTF8 10 (RFC 6531 section 3.1), AUTH 500 (RFC 4954
/// section 3).
const MORE_FOR_MAIL: usize = 26 + 17 + 10 + 500;
/// RFC 4954 section 4.
pub(crate) const MOST_AUTH_LINE: usize = 12_288;
/// RFC 5321 section 4.5.3.1.5: a reply line is 512 octets, with its code and CRLF.
const MOST_REPLY_TEXT: usize = 506;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn code(line: &str) -> u16 {
        Command::parse(line).unwrap_err().code
    }

    #[test]
    fn verbs_and_words_are_read_whatever_their_case() {
        let sender = Sender { address: "a@b.example".into(), size: Some(1658), ..Sender::default() };
        assert_eq!(Command::parse("mail FROM:<a@b.example> size=1658"), Ok(Command::Mail(sender)));
        assert_eq!(Command::parse("rcpt TO:<a@b.example>"), Ok(Command::Rcpt("a@b.example".into())));
        assert_eq!(Command::parse("ehlo [127.0.0.1]"), Ok(Command::Ehlo("[127.0.0.1]".into())));
        assert_eq!(Command::parse("auth plain AGEAYg=="), Ok(Command::Auth("PLAIN".into(), Some("AGEAYg==".into()))));
    }

    #[test]
    fn mail_takes_what_was_offered_and_nothing_else() {
        let line = "MAIL FROM:<zoë@b.example> BODY=8BITMIME SMTPUTF8 AUTH=<>";
        let sender = Sender { address: "zoë@b.example".into(), body: Some("8BITMIME".into()), utf8: true, size: None };
        assert_eq!(Command::parse(line), Ok(Command::Mail(sender)));
        assert!(matches!(Command::parse("MAIL FROM:<>"), Ok(Command::Mail(sender)) if sender.address.is_empty()));
        assert_eq!(code("MAIL FROM:<a@b.example> RET=HDRS"), 555);
        assert_eq!(code("MAIL FROM:<a@b.example> SIZE=x"), 501);
        assert_eq!(code("MAIL FROM:<a@b.example> SIZE=1 SIZE=2"), 501);
        assert_eq!(code("MAIL FROM:<a@b.example> BODY=BINARYMIME"), 501);
        assert_eq!(code("MAIL FROM:<zoë@b.example>"), 553);
        assert_eq!(code("RCPT TO:<a@b.example> NOTIFY=NEVER"), 555);
    }

    #[test]
    fn what_rfc_5321_does_not_allow_is_refused() {
        assert_eq!(code("MAIL FROM: <a@b.example>"), 501);
        assert_eq!(code("MAIL FROM:a@b.example"), 501);
        assert_eq!(code("MAIL FROM:<a@b.example>SIZE=1"), 501);
        assert_eq!(code("EHLO"), 501);
        assert_eq!(code("EHLO a_b"), 501);
        assert_eq!(code("DATA now"), 501);
        assert_eq!(code("RSET\tx"), 501);
        assert_eq!(code("NOOP \u{7}"), 501);
        assert_eq!(code("BDAT 10 LAST"), 500);
        assert_eq!(code(&format!("NOOP {}", "x".repeat(506))), 500);
        assert_eq!(Command::parse(&format!("NOOP {}", "x".repeat(505))), Ok(Command::Noop));
        assert_eq!(Command::parse("POST / HTTP/1.1"), Ok(Command::Http));
    }

    #[test]
    fn a_reply_of_several_lines_marks_its_last() {
        let reply = Reply::of_lines(250, vec!["one".into(), "two".into()]);
        assert_eq!(reply.wire(), b"250-one\r\n250 two\r\n");
        assert_eq!(Reply::parse("450 4.2.1 busy"), Some(Reply::new(450, "4.2.1 busy")));
        for wrong in ["250 ok", "45 x", "450", "450 ", "4500 x", "450 a\r\n250 b"] {
            assert_eq!(Reply::parse(wrong), None, "{wrong}");
        }
    }
}
