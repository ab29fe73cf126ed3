//! SES's reports through SNS on real workerd: the Worker fetches the certificate and confirms the subscription by itself, from
//! the hosts of SNS and no others. Those hosts are a server of the test's making here: workerd hands it whatever leaves the
//! Worker, so the Worker that is tested knows nothing of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;
#[path = "../../core/tests/webhooks/mod.rs"]
mod webhooks;

use running::*;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use webhooks::{CERTIFICATE_URL, Signed, TOPIC};

const SUBSCRIBE_URL: &str = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";

/// The hosts of SNS: what each URL answers, and what was asked for.
struct Sns {
    port: u16,
    pages: Arc<Mutex<Vec<(String, u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Sns {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sns = Self { port: listener.local_addr().unwrap().port(), pages: Arc::default(), asked: Arc::default() };
        let (pages, asked) = (Arc::clone(&sns.pages), Arc::clone(&sns.asked));
        thread::spawn(move || listener.incoming().for_each(|stream| answer(&stream.unwrap(), &pages, &asked)));
        sns
    }

    /// What `url` answers from now on.
    fn put(&self, url: &str, status: u16, body: &str) {
        let mut pages = self.pages.lock().unwrap();
        pages.retain(|(known, ..)| known != url);
        pages.push((url.into(), status, body.into()));
    }

    /// What was fetched since this was asked last, each as `METHOD URL`.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// What is fetched from this machine goes there, the simulator for one; all else comes here, with its URL.
    fn outbound(&self) -> String {
        format!(
            r#"export default {{
  async fetch(request, env) {{
    if (new URL(request.url).hostname === "127.0.0.1") return env.internet.fetch(request);
    const headers = {{ "x-url": request.url, "x-method": request.method }};
    return env.internet.fetch("http://127.0.0.1:{}/", {{ headers, redirect: "manual" }});
  }},
}};"#,
            self.port
        )
    }
}

fn answer(mut stream: &TcpStream, pages: &Mutex<Vec<(String, u16, String)>>, asked: &Mutex<Vec<String>>) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let (mut url, mut method) = (String::new(), String::new());
    for line in lines {
        match line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)) {
            Some((name, value)) if name == "x-url" => url = value.into(),
            Some((name, value)) if name == "x-method" => method = value.into(),
            _ => {}
        }
    }
    asked.lock().unwrap().push(format!("{method} {url}"));
    let pages = pages.lock().unwrap();
    let page = pages.iter().find(|(known, ..)| *known == url);
    let (status, body) = page.map_or((404, ""), |(_, status, body)| (*status, body));
    let more = if status == 302 { "Location: https://elsewhere.example/a.pem\r\n" } else { "" };
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status} .\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}

fn started(sns: &Sns) -> Running {
    let account = |account: &mut Value| {
        let events = json!({"name": "events", "kind": "ses", "base_url": "https://email.eu-central-1.amazonaws.com",
            "credential": "SIMULATOR_CREDENTIAL", "webhook": {"topics": [TOPIC]}});
        account["providers"].as_array_mut().unwrap().push(events);
    };
    Running::start_with("sandbox", account, |mut settings| {
        settings.outbound = Some(sns.outbound());
        settings
    })
}

/// A certificate for the fixtures' key, valid today and for long: theirs is of a few months.
fn certificate() -> String {
    let pair = rcgen::KeyPair::from_pem(&webhooks::key("leaf_key")).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_string()]).unwrap();
    parameters.self_signed(&pair).unwrap().pem()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn bounce(id: &str, address: &str, message: &str) -> Signed {
    let inner = json!({
        "eventType": "Bounce",
        "mail": {"messageId": "ses-1", "source": "orders@shop.example", "destination": [address],
                 "tags": {"sendgate_id": [message]}},
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                   "bouncedRecipients": [{"emailAddress": address, "status": "5.1.1"}]},
    });
    webhooks::sns(id, "Notification", "1", &json!({"Message": inner.to_string()}), now())
}

fn confirmation(id: &str, url: &str) -> Signed {
    let fields = json!({"Message": "You have chosen to subscribe", "Token": "t", "SubscribeURL": url});
    webhooks::sns(id, "SubscriptionConfirmation", "2", &fields, now())
}

fn report(sendgate: &Running, report: &Signed) -> u16 {
    let headers: Vec<(&str, String)> =
        report.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    sendgate.call_with("POST", "/v1/webhooks/ses/shop", &headers, &report.body).status
}

fn edited(report: &Signed, edit: impl FnOnce(&mut Value)) -> Signed {
    let mut body: Value = serde_json::from_slice(&report.body).unwrap();
    edit(&mut body);
    Signed { headers: report.headers.clone(), body: body.to_string().into_bytes() }
}

/// R066, R073: the certificate is fetched once and kept, over a restart too; a subscription is confirmed at SNS; a bounce
/// ends its message, and the next one to the address does not leave.
#[test]
fn a_subscription_is_confirmed_and_a_bounce_is_believed() {
    let sns = Sns::start();
    let mut sendgate = started(&sns);
    let fetch = |url: &str| format!("GET {url}");
    assert_eq!(report(&sendgate, &confirmation("s1", SUBSCRIBE_URL)), 503, "{}", sendgate.workerd.log());
    assert_eq!(sns.asked(), [fetch(CERTIFICATE_URL)], "without its certificate nothing is believed");

    sns.put(CERTIFICATE_URL, 200, &certificate());
    assert_eq!(report(&sendgate, &confirmation("s1", SUBSCRIBE_URL)), 503, "SNS did not confirm");
    assert_eq!(sns.asked(), [fetch(CERTIFICATE_URL), fetch(SUBSCRIBE_URL)]);
    sns.put(SUBSCRIBE_URL, 200, "<ConfirmSubscriptionResponse/>");
    assert_eq!(report(&sendgate, &confirmation("s1", SUBSCRIBE_URL)), 200);
    assert_eq!(sns.asked().last(), Some(&fetch(SUBSCRIBE_URL)));

    let ids = sendgate.send_ok(&[message("ann@example.com")]);
    sendgate.wait_for(&ids, &["sent"], Duration::from_secs(30));
    sns.asked();
    assert_eq!(report(&sendgate, &bounce("b1", "ann@example.com", &ids[0])), 200);
    assert_eq!(sendgate.trace(&ids[0])["status"], "bounced");
    let next = sendgate.send(&[message("ann@example.com")]).json();
    assert_eq!(next["suppression_summary"]["suppressed_recipients"], 1);

    sendgate.workerd.restart().unwrap();
    assert_eq!(report(&sendgate, &bounce("b2", "bob@example.com", "")), 200);
    assert_eq!(sns.asked(), [""; 0], "the certificate is kept");
    assert_eq!(sendgate.send(&[message("bob@example.com")]).json()["suppression_summary"]["suppressed_recipients"], 1);
}

/// R066: whoever forges a report gets nothing believed, nothing fetched from a host that is not SNS's, and no subscription
/// confirmed elsewhere.
#[test]
fn forged_reports_are_refused_and_fetch_nothing_from_elsewhere() {
    let sns = Sns::start();
    let sendgate = started(&sns);
    sns.put(CERTIFICATE_URL, 200, &certificate());
    for elsewhere in [
        "https://attacker.example/a.pem",
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.attacker.example/a.pem",
        "https://sns.eu-central-1.amazonaws.com@attacker.example/a.pem",
        "https://127.0.0.1/a.pem",
    ] {
        sns.put(elsewhere, 200, &certificate());
        let forged = edited(&bounce("f1", "eve@example.com", ""), |body| body["SigningCertURL"] = json!(elsewhere));
        assert_eq!(report(&sendgate, &forged), 401, "{elsewhere}");
    }
    assert_eq!(sns.asked(), [""; 0]);

    let good = bounce("f2", "eve@example.com", "");
    let forged = [
        edited(&good, |body| body["Message"] = json!(body["Message"].as_str().unwrap().replace("eve", "bob"))),
        edited(&good, |body| body["MessageId"] = json!("another")),
        edited(&good, |body| body["TopicArn"] = json!("arn:aws:sns:eu-central-1:123456789012:another")),
        edited(&good, |body| body["SignatureVersion"] = json!("2")),
        edited(&good, |body| _ = body.as_object_mut().unwrap().remove("Signature")),
        webhooks::sns("f3", "Notification", "1", &json!({"Message": "{}"}), now() - 2 * 3600),
    ];
    for (n, forged) in forged.iter().enumerate() {
        assert_eq!(report(&sendgate, forged), 401, "{n}");
    }
    let elsewhere = "https://attacker.example/?Action=ConfirmSubscription";
    sns.put(elsewhere, 200, "");
    assert_eq!(report(&sendgate, &confirmation("f4", elsewhere)), 401, "signed, and not of SNS");
    let asked = sns.asked();
    assert!(asked.iter().all(|asked| *asked == format!("GET {CERTIFICATE_URL}")), "{asked:?}");
    assert_eq!(sendgate.send(&[message("eve@example.com")]).json()["suppression_summary"]["suppressed_recipients"], 0);
}

/// A redirect is not followed, whoever sends it: it would leave SNS's hosts.
#[test]
fn a_certificate_that_is_elsewhere_is_not_fetched() {
    let sns = Sns::start();
    let sendgate = started(&sns);
    sns.put(CERTIFICATE_URL, 302, "");
    sns.put("https://elsewhere.example/a.pem", 200, &certificate());
    assert_eq!(report(&sendgate, &bounce("r1", "ann@example.com", "")), 503);
    assert_eq!(sns.asked(), [format!("GET {CERTIFICATE_URL}")]);
}
