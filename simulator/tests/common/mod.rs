//! A simulator on a SQLite of its own, and short ways to ask it.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part of this module")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code: a failure here is a failed test"
)]

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use rusqlite::{Connection, params_from_iter, types::ValueRef};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Row, Sql, SqlError, Value as Column},
    time::UnixMillis,
};
use sendgate_simulator::{Arrival, Reply, handle, open};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// 2026-12-01T10:00:00Z.
pub const START: u64 = 1_796_119_200_000;

pub struct Store {
    pub connection: Connection,
    /// Every statement that was run.
    pub statements: Vec<String>,
}

impl Sql for Store {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let failed = |error: rusqlite::Error| SqlError(error.to_string());
        let mut prepared = self.connection.prepare_cached(statement).map_err(failed)?;
        self.statements.push(statement.to_string());
        let columns = prepared.column_count();
        let values = parameters.iter().map(|parameter| match parameter {
            Param::Null => rusqlite::types::Value::Null,
            Param::Integer(number) => (*number).into(),
            Param::Text(text) => (*text).to_string().into(),
            Param::Blob(bytes) => {
                assert!(bytes.len() <= 2_000_000, "the platform takes at most 2 MB per value");
                bytes.to_vec().into()
            }
        });
        assert!(parameters.len() <= 100, "the platform takes at most 100 parameters");
        let mut rows = prepared.query(params_from_iter(values)).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let column = |index| {
                Ok(match row.get_ref(index).map_err(failed)? {
                    ValueRef::Null => Column::Null,
                    ValueRef::Integer(number) => Column::Integer(number),
                    ValueRef::Real(_) => return Err(SqlError("a float".into())),
                    ValueRef::Text(text) => Column::Text(String::from_utf8(text.to_vec()).unwrap()),
                    ValueRef::Blob(bytes) => Column::Blob(bytes.to_vec()),
                })
            };
            all.push((0..columns).map(column).collect::<Result<Row, SqlError>>()?);
        }
        Ok(all)
    }
}

pub struct Sim {
    pub store: Store,
    /// The random number of the next call; it grows.
    pub entropy: u64,
    /// The time of the next call.
    pub now: u64,
}

impl Sim {
    pub fn new() -> Self {
        Self::on(Connection::open_in_memory().unwrap())
    }

    pub fn on(connection: Connection) -> Self {
        let mut store = Store { connection, statements: Vec::new() };
        open(&mut store).unwrap();
        open(&mut store).unwrap();
        Self { store, entropy: 1, now: START }
    }

    /// One without any window.
    pub fn without_windows() -> Self {
        let mut sim = Self::new();
        sim.put("/sandbox/settings", r#"{"resend":{"windows":[]}}"#);
        sim
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<HttpResponse> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
        self.entropy += 1;
        let arrival = Arrival { method, path, query, headers: &headers, body };
        match handle(&arrival, &mut self.store, self.entropy, UnixMillis::new(self.now)).unwrap() {
            Reply::Answer(response) => Some(response),
            Reply::Hang => None,
        }
    }

    pub fn get(&mut self, path: &str) -> Value {
        json(&self.ask("GET", path, &[], b"").unwrap())
    }

    pub fn put(&mut self, path: &str, body: &str) -> HttpResponse {
        self.ask("PUT", path, &[], body.as_bytes()).unwrap()
    }

    pub fn fault(&mut self, body: &str) {
        let response = self.ask("POST", "/sandbox/faults", &[], body.as_bytes()).unwrap();
        assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
    }

    pub fn resend(&mut self, path: &str, key: Option<&str>, body: &str) -> Option<HttpResponse> {
        let mut headers = vec![("Authorization", "Bearer re_test"), ("User-Agent", "test")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.ask("POST", &format!("/sandbox/resend{path}"), &headers, body.as_bytes())
    }

    pub fn postmark(&mut self, path: &str, body: &str) -> Option<HttpResponse> {
        let headers = [("X-Postmark-Server-Token", "token"), ("Content-Type", "application/json")];
        self.ask("POST", &format!("/sandbox/postmark{path}"), &headers, body.as_bytes())
    }

    pub fn esp(&mut self, key: Option<&str>, body: &str) -> Option<HttpResponse> {
        let mut headers = vec![("Authorization", "Bearer any")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.ask("POST", "/sandbox/esp/messages", &headers, body.as_bytes())
    }

    pub fn sendgrid(&mut self, body: &str) -> Option<HttpResponse> {
        let headers = [("Authorization", "Bearer SG.test"), ("Content-Type", "application/json")];
        self.ask("POST", "/sandbox/sendgrid/v3/mail/send", &headers, body.as_bytes())
    }

    /// A form of pairs, in the order they are given.
    pub fn mailgun(&mut self, pairs: &[(&str, &str)]) -> Option<HttpResponse> {
        let form: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let headers =
            [("Authorization", "Basic YXBpOmtleS10ZXN0"), ("Content-Type", "application/x-www-form-urlencoded")];
        self.ask("POST", "/sandbox/mailgun/v3/mg.shop.example/messages", &headers, form.as_bytes())
    }

    /// A call signed with the known secret at the time of the simulator.
    pub fn ses(&mut self, method: &str, path: &str, body: &str) -> Option<HttpResponse> {
        let path = format!("/sandbox/ses{path}");
        let headers = sign(method, &path, body, self.now, ACCESS_KEY, SECRET_KEY);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.ask(method, &path, &headers, body.as_bytes())
    }

    pub fn cloudflare(&mut self, body: &str) -> Option<HttpResponse> {
        let headers = [("Authorization", "Bearer cf-test"), ("Content-Type", "application/json")];
        self.ask("POST", "/sandbox/cloudflare/client/v4/accounts/acc/email/sending/send", &headers, body.as_bytes())
    }

    pub fn brevo(&mut self, body: &str) -> Option<HttpResponse> {
        self.ask("POST", "/sandbox/brevo/v3/smtp/email", &[("api-key", "k")], body.as_bytes())
    }

    pub fn mailersend(&mut self, path: &str, body: &str) -> Option<HttpResponse> {
        let path = format!("/sandbox/mailersend{path}");
        self.ask("POST", &path, &[("Authorization", "Bearer k")], body.as_bytes())
    }

    pub fn mailtrap(&mut self, path: &str, body: &str) -> Option<HttpResponse> {
        let path = format!("/sandbox/mailtrap{path}");
        self.ask("POST", &path, &[("Authorization", "Bearer k")], body.as_bytes())
    }

    pub fn sparkpost(&mut self, body: &str) -> Option<HttpResponse> {
        let headers = [("Authorization", "k")];
        self.ask("POST", "/sandbox/sparkpost/api/v1/transmissions", &headers, body.as_bytes())
    }

    /// A good message in the dialect's own words.
    pub fn send(&mut self, dialect: &str) -> Option<HttpResponse> {
        match dialect {
            "resend" => self.resend("/emails", None, RESEND),
            "postmark" => self.postmark("/email", POSTMARK),
            "esp" => self.esp(None, ESP),
            "sendgrid" => self.sendgrid(SENDGRID),
            "mailgun" => self.mailgun(&MAILGUN),
            "ses" => self.ses("POST", "/v2/email/outbound-emails", SES),
            "cloudflare" => self.cloudflare(CLOUDFLARE),
            "brevo" => self.brevo(BREVO),
            "mailersend" => self.mailersend("/v1/email", MAILERSEND),
            "mailtrap" => self.mailtrap("/api/send", MAILERSEND),
            "sparkpost" => self.sparkpost(SPARKPOST),
            other => panic!("no dialect {other}"),
        }
    }

    pub fn log(&mut self) -> Vec<Value> {
        self.get("/sandbox/log?limit=10000")["calls"].as_array().unwrap().clone()
    }

    pub fn messages(&mut self) -> Vec<Value> {
        self.get("/sandbox/messages?limit=1000")["messages"].as_array().unwrap().clone()
    }
}

/// Signature Version 4 for one request, by Amazon's description: the header fields to send.
pub fn sign(
    method: &str,
    path: &str,
    body: impl AsRef<[u8]>,
    now: u64,
    access_key: &str,
    secret_key: &str,
) -> Vec<(&'static str, String)> {
    let digits: String = UnixMillis::new(now).to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(8);
    let date = format!("{day}T{time}Z");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let signed = "content-type;host;x-amz-date";
    let request = format!(
        "{method}\n{path}\n\ncontent-type:application/json\nhost:email.example\nx-amz-date:{date}\n\n{signed}\n{}",
        hex(&Sha256::digest(body.as_ref()))
    );
    let scope = format!("{day}/eu-west-1/ses/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = format!("AWS4{secret_key}").into_bytes();
    for part in [day, "eu-west-1", "ses", "aws4_request", &text] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(part.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    let credential = format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}");
    vec![
        ("Content-Type", "application/json".to_string()),
        ("Host", "email.example".to_string()),
        ("X-Amz-Date", date),
        ("Authorization", format!("{credential}, SignedHeaders={signed}, Signature={}", hex(&key))),
    ]
}

/// One captured request's body.
pub fn captured_body(request: &Value) -> Vec<u8> {
    match request["body_b64"].as_str() {
        Some(text) => STANDARD.decode(text).unwrap(),
        None => request["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

pub fn json(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// Asserts a status and returns the body.
pub fn expect(status: u16, response: Option<HttpResponse>) -> Value {
    let response = response.expect("an answer");
    assert_eq!(response.status, status, "{}", String::from_utf8_lossy(&response.body));
    json(&response)
}

pub const RESEND: &str = r#"{"from":"Shop <orders@shop.example>","to":["ann@a.example"],"subject":"Hi","text":"x"}"#;
pub const POSTMARK: &str = r#"{"From":"orders@shop.example","To":"ann@a.example","Subject":"Hi","TextBody":"x"}"#;
pub const ESP: &str =
    r#"{"id":"m1","from":"orders@shop.example","to":["ann@a.example"],"subject":"Hi","text_body":"x"}"#;
pub const SENDGRID: &str = r#"{"personalizations":[{"to":[{"email":"ann@a.example"}]}],"from":{"email":"orders@shop.example","name":"Shop"},"subject":"Hi","content":[{"type":"text/plain","value":"x"}]}"#;
pub const MAILGUN: [(&str, &str); 4] =
    [("from", "Shop <orders@shop.example>"), ("to", "ann@a.example"), ("subject", "Hi"), ("text", "x")];
pub const SES: &str = r#"{"FromEmailAddress":"orders@shop.example","Destination":{"ToAddresses":["ann@a.example"]},"Content":{"Simple":{"Subject":{"Data":"Hi"},"Body":{"Text":{"Data":"x"}}}}}"#;
pub const CLOUDFLARE: &str =
    r#"{"from":{"address":"orders@shop.example","name":"Shop"},"to":["ann@a.example"],"subject":"Hi","text":"x"}"#;
pub const BREVO: &str =
    r#"{"sender":{"email":"orders@shop.example"},"to":[{"email":"ann@a.example"}],"subject":"Hi","textContent":"x"}"#;
/// Mailtrap's message has the same shape.
pub const MAILERSEND: &str =
    r#"{"from":{"email":"orders@shop.example"},"to":[{"email":"ann@a.example"}],"subject":"Hi","text":"x"}"#;
pub const SPARKPOST: &str = r#"{"recipients":[{"address":{"email":"ann@a.example"}}],"content":{"from":"orders@shop.example","subject":"Hi","text":"x"}}"#;
/// Every dialect, with the status of a message taken.
pub const DIALECTS: [(&str, u16); 11] = [
    ("resend", 200),
    ("postmark", 200),
    ("esp", 200),
    ("sendgrid", 202),
    ("mailgun", 200),
    ("ses", 200),
    ("cloudflare", 200),
    ("brevo", 201),
    ("mailersend", 202),
    ("mailtrap", 200),
    ("sparkpost", 200),
];
/// The example credential of Amazon's documentation.
pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
