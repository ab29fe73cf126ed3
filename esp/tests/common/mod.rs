//! The program started on free ports, and a receiver of webhooks.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver as Inbox, channel},
    time::Duration,
};

/// A running simulator; it ends with the value.
pub struct Simulator {
    pub child: Child,
    pub base_url: String,
    pub smtp_port: u16,
    pub smtps_port: u16,
    pub certificate: PathBuf,
    agent: ureq::Agent,
    _directory: tempfile::TempDir,
}

impl Simulator {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = directory.path().join("certificate.pem");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sendgate-simulator"))
            .args(["--port", "0", "--smtp-port", "0", "--smtps-port", "0", "--certificate-out"])
            .arg(&certificate)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut ready = || lines.next().unwrap().unwrap().strip_prefix("ready: ").unwrap().to_string();
        let (base_url, smtp, smtps) = (ready(), ready(), ready());
        let port = |url: &str| url.rsplit_once(':').unwrap().1.parse().unwrap();
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        Self {
            child,
            base_url,
            smtp_port: port(&smtp),
            smtps_port: port(&smtps),
            certificate,
            agent,
            _directory: directory,
        }
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        let mut response = self.agent.get(format!("{}{path}", self.base_url)).call().unwrap();
        let body = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        self.agent.get(format!("{}{path}", self.base_url)).call().unwrap().body_mut().read_to_vec().unwrap()
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base_url);
        let mut request = if method == "PUT" { self.agent.put(url) } else { self.agent.post(url) };
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body.to_string()).unwrap();
        let body = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, &[], body)
    }

    pub fn settings(&self, body: &Value) {
        let (status, answer) = self.send("PUT", "/sandbox/settings", &[], body);
        assert_eq!(status, 200, "{answer}");
    }

    pub fn fault(&self, body: &Value) {
        let (status, answer) = self.post("/sandbox/faults", body);
        assert_eq!(status, 201, "{answer}");
    }

    pub fn messages(&self) -> Vec<Value> {
        self.get("/sandbox/messages").1["messages"].as_array().unwrap().clone()
    }

    pub fn calls(&self) -> Vec<Value> {
        self.get("/sandbox/log").1["calls"].as_array().unwrap().clone()
    }

    pub fn smtp(&self) -> Smtp {
        Smtp::connect(self.smtp_port)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plain SMTP conversation, written out.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// A conversation past its greeting and EHLO.
    pub fn greeted(port: u16) -> Self {
        let mut smtp = Self::connect(port);
        assert!(smtp.reply().starts_with("220 "));
        assert!(smtp.say("EHLO client.example").contains("250 "));
        smtp
    }

    pub fn write(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next reply, with all its lines; empty when the server has closed.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            reply.push_str(&line);
            if line.is_empty() || line.as_bytes().get(3) == Some(&b' ') {
                return reply;
            }
        }
    }

    /// Whether nothing has come, and the connection stands.
    pub fn is_silent(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let silent = stream.peek(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        silent
    }

    pub fn say(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n"));
        self.reply()
    }

    /// Everything from MAIL to the reply to the message.
    pub fn mail(&mut self, recipient: &str) -> String {
        for line in ["MAIL FROM:<orders@shop.example>", &format!("RCPT TO:<{recipient}>"), "DATA"] {
            let reply = self.say(line);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        self.say("Subject: Order 42\r\n\r\nHello\r\n.")
    }
}

/// A request as a receiver of webhooks saw it.
#[derive(Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let field =
            |line: &'_ str| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(n, _)| n.len());
        self.head.lines().find_map(|line| field(line).map(|at| &line[at + 2..]))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver on loopback that answers each request with the next of `statuses`, and then with 200.
pub struct Receiver {
    pub url: String,
    inbox: Inbox<Received>,
}

impl Receiver {
    pub fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let (outbox, inbox) = channel();
        let mut statuses = statuses.to_vec().into_iter();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some(received) = read(&mut stream) {
                    let status = statuses.next().unwrap_or(200);
                    let answer =
                        format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    if outbox.send(received).is_err() {
                        return;
                    }
                    break;
                }
            }
        });
        Self { url, inbox }
    }

    /// The next request.
    pub fn next(&self) -> Received {
        self.inbox.recv_timeout(PATIENCE).expect("a webhook")
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let received = Received { head, body: Vec::new() };
    let length = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { body, ..received })
}

/// Far longer than anything takes: a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
