//! A mail server of the test's making, on the loopback: as strict as its rules, and gone where they say.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// How the server behaves.
#[derive(Clone)]
pub struct Rules {
    pub encryption: Encryption,
    /// User and password, by `AUTH PLAIN` in base64.
    pub login: Option<&'static str>,
    /// The command at which it closes the connection; `greeting`, `body` (in the middle of it) and `taken` (after the
    /// final dot) are ones, too.
    pub gone_at: Option<&'static str>,
    /// The same, but it goes silent, until the client goes.
    pub silent_at: Option<&'static str>,
    /// Recipients of a transaction.
    pub recipients: usize,
    /// Mails of a connection; then it goes without a word.
    pub mails: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    None,
    StartTls,
    Implicit,
}

pub const OPEN: Rules =
    Rules { encryption: Encryption::None, login: None, gone_at: None, silent_at: None, recipients: 100, mails: 100 };

/// A mail as it was taken.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    pub encrypted: bool,
}

#[derive(Default)]
pub struct Seen {
    pub connections: usize,
    pub mails: Vec<Taken>,
    pub commands: Vec<String>,
}

pub struct Server {
    pub port: u16,
    /// Its certificate, in DER, for `localhost`.
    pub root: Vec<u8>,
    /// The same in PEM.
    pub pem: String,
    pub seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Seen::default())));
        let (root, pem, at) = (cert.der().to_vec(), cert.pem(), Arc::clone(&seen));
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (rules, config, seen) = (rules.clone(), Arc::clone(&config), Arc::clone(&at));
                seen.lock().unwrap().connections += 1;
                thread::spawn(move || {
                    // The connection's end is how most of them go.
                    let _ = connection(tcp, &rules, config, &seen);
                });
            }
        });
        Self { port, root, pem, seen }
    }

    pub fn mails(&self) -> Vec<Taken> {
        self.seen.lock().unwrap().mails.clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

struct Talk<'a> {
    rules: &'a Rules,
    seen: &'a Mutex<Seen>,
    encrypted: bool,
}

/// What follows a part of a conversation.
enum Next {
    End,
    Encrypt,
}

fn connection(tcp: TcpStream, rules: &Rules, config: Arc<ServerConfig>, seen: &Mutex<Seen>) -> io::Result<()> {
    let secured = |tcp| StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
    let mut talk = Talk { rules, seen, encrypted: false };
    if rules.encryption == Encryption::Implicit {
        let mut stream = secured(tcp);
        talk.encrypted = true;
        return talk.hold(&mut stream, true).map(|_| ());
    }
    let mut tcp = tcp;
    match talk.hold(&mut tcp, true)? {
        Next::End => Ok(()),
        Next::Encrypt => {
            talk.encrypted = true;
            let mut stream = secured(tcp);
            talk.hold(&mut stream, false).map(|_| ())
        }
    }
}

impl Talk<'_> {
    fn hold(&mut self, wire: &mut dyn Wire, greet: bool) -> io::Result<Next> {
        if greet {
            self.step("greeting", wire)?;
            wire.write_all(b"220 test.example ESMTP\r\n")?;
        }
        let mut logged_in = self.rules.login.is_none();
        let (mut mail, mut taken) = (Taken::default(), 0);
        loop {
            wire.flush()?;
            let line = line(wire)?;
            self.seen.lock().unwrap().commands.push(line.clone());
            let word = line.split(' ').next().unwrap().to_owned();
            self.step(&word, wire)?;
            let answer = match word.as_str() {
                "EHLO" => self.hello(),
                "STARTTLS" => {
                    wire.write_all(b"220 2.0.0 go ahead\r\n")?;
                    return Ok(Next::Encrypt);
                }
                "AUTH" => {
                    logged_in = self.rules.login.is_some_and(|login| line == format!("AUTH PLAIN {login}"));
                    if logged_in { "235 2.7.0 in\r\n" } else { "535 5.7.8 wrong\r\n" }.to_owned()
                }
                _ if self.rules.encryption == Encryption::StartTls && !self.encrypted => "530 5.7.0 no\r\n".to_owned(),
                _ if !logged_in => "530 5.7.0 log in first\r\n".to_owned(),
                "MAIL" => {
                    mail = Taken { from: path(&line), encrypted: self.encrypted, ..Taken::default() };
                    "250 2.1.0 ok\r\n".to_owned()
                }
                "RCPT" if path(&line).starts_with("nouser@") => "550 5.1.1 no such user\r\n".to_owned(),
                "RCPT" if path(&line).starts_with("busy@") && self.is_first(&line) => "450 4.2.1 busy\r\n".to_owned(),
                "RCPT" if mail.to.len() >= self.rules.recipients => "452 4.5.3 too many\r\n".to_owned(),
                "RCPT" => {
                    mail.to.push(path(&line));
                    "250 2.1.5 ok\r\n".to_owned()
                }
                "DATA" if mail.to.is_empty() => "554 5.5.1 nobody\r\n".to_owned(),
                "DATA" => {
                    wire.write_all(b"354 go on\r\n")?;
                    wire.flush()?;
                    mail.data = self.body(wire)?;
                    self.step("taken", wire)?;
                    self.seen.lock().unwrap().mails.push(std::mem::take(&mut mail));
                    taken += 1;
                    if taken == self.rules.mails {
                        wire.write_all(b"250 2.0.0 ok: queued as TEST-1\r\n")?;
                        wire.flush()?;
                        return Ok(Next::End);
                    }
                    "250 2.0.0 ok: queued as TEST-1\r\n".to_owned()
                }
                "RSET" => "250 2.0.0 ok\r\n".to_owned(),
                "QUIT" => return Ok(Next::End),
                _ => "500 5.5.2 what\r\n".to_owned(),
            };
            wire.write_all(answer.as_bytes())?;
        }
    }

    /// Whether a command was never said before.
    fn is_first(&self, command: &str) -> bool {
        self.seen.lock().unwrap().commands.iter().filter(|said| *said == command).count() == 1
    }

    fn hello(&self) -> String {
        let mut lines = vec!["test.example", "PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8"];
        if self.rules.encryption == Encryption::StartTls && !self.encrypted {
            lines.push("STARTTLS");
        }
        if self.rules.login.is_some() {
            lines.push("AUTH PLAIN");
        }
        let last = lines.pop().unwrap();
        lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>() + &format!("250 {last}\r\n")
    }

    fn body(&self, wire: &mut dyn Wire) -> io::Result<String> {
        let mut data = String::new();
        loop {
            let line = line(wire)?;
            self.step("body", wire)?;
            if line == "." {
                return Ok(data);
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
        }
    }

    /// Goes, or goes silent, when the rules say so.
    fn step(&self, name: &str, wire: &mut dyn Wire) -> io::Result<()> {
        if self.rules.silent_at == Some(name) {
            while wire.read(&mut [0; 1024])? > 0 {}
        }
        if self.rules.gone_at == Some(name) || self.rules.silent_at == Some(name) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

/// One line without its end, byte by byte: nothing is read that belongs behind a handshake.
fn line(wire: &mut dyn Wire) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0; 1];
        wire.read_exact(&mut byte)?;
        if byte == *b"\n" {
            assert_eq!(line.pop(), Some(b'\r'), "a lone line feed");
            return String::from_utf8(line).map_err(io::Error::other);
        }
        line.push(byte[0]);
    }
}

fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
