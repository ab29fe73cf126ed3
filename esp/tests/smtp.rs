//! SMTP from outside: a kept client over TLS, and conversations written out for what goes wrong.

mod common;

use common::{PATIENCE, Simulator, Smtp};
use lettre::{
    Message, SmtpTransport, Transport,
    message::{Attachment, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{Certificate, Tls, TlsParameters},
    },
};
use serde_json::{Value, json};

fn tls(simulator: &Simulator) -> TlsParameters {
    let pem = std::fs::read(&simulator.certificate).unwrap();
    let certificate = Certificate::from_pem(&pem).unwrap();
    TlsParameters::builder("localhost".into()).add_root_certificate(certificate).build_rustls().unwrap()
}

fn transport(port: u16, tls: Tls, password: &str, mechanism: Mechanism) -> SmtpTransport {
    SmtpTransport::builder_dangerous("127.0.0.1")
        .port(port)
        .tls(tls)
        .timeout(Some(PATIENCE))
        .credentials(Credentials::new("shop".into(), password.into()))
        .authentication(vec![mechanism])
        .build()
}

fn message() -> Message {
    let picture =
        Attachment::new_inline("logo".into()).body(vec![0x89, b'P', b'N', b'G'], "image/png".parse().unwrap());
    let file = Attachment::new("rechnung.pdf".into()).body(b"%PDF-".to_vec(), "application/pdf".parse().unwrap());
    let html = SinglePart::builder().header(ContentType::TEXT_HTML).body("<p>Grüße</p>".to_string());
    Message::builder()
        .from("\"Zoë, Shop\" <orders@shop.example>".parse().unwrap())
        .to("Ann <ann@example.com>".parse().unwrap())
        .cc("carl@example.net".parse().unwrap())
        .bcc("hidden@example.org".parse().unwrap())
        .reply_to("help@shop.example".parse().unwrap())
        .subject("Bestellung 42 ✓")
        .multipart(
            MultiPart::mixed()
                .multipart(
                    MultiPart::alternative()
                        .singlepart(SinglePart::plain("Grüße\r\n.dot\r\n".to_string()))
                        .multipart(MultiPart::related().singlepart(html).singlepart(picture)),
                )
                .singlepart(file),
        )
        .unwrap()
}

#[test]
fn a_kept_client_sends_over_starttls_and_implicit_tls_with_plain_and_login() {
    let simulator = Simulator::start();
    simulator.settings(&json!({ "smtp": {
        "username": "shop", "password": "right", "auth_required": true, "auth_needs_tls": true } }));
    let ways = [
        (simulator.smtp_port, Tls::Required(tls(&simulator)), Mechanism::Plain, "smtp+starttls"),
        (simulator.smtps_port, Tls::Wrapper(tls(&simulator)), Mechanism::Login, "smtps"),
    ];
    for (port, tls, mechanism, way) in ways {
        let response = transport(port, tls.clone(), "right", mechanism).send(&message()).unwrap();
        let id = response.first_line().unwrap().rsplit_once(' ').unwrap().1.to_string();
        let (status, message) = simulator.get(&format!("/sandbox/messages/{id}"));
        assert_eq!((status, &message["dialect"]), (200, &json!("smtp")));
        assert_eq!(message["request"]["transport"], way);
        assert_eq!(message["request"]["user"], "shop");
        let error = transport(port, tls, "wrong", mechanism).send(&self::message()).unwrap_err();
        assert_eq!(error.status().map(|code| code.to_string()), Some("535".into()), "{error}");
    }
    let (method, status): (Vec<_>, Vec<_>) =
        simulator.calls().iter().map(|call| (call["method"].clone(), call["status"].clone())).unzip();
    assert_eq!(method, ["MAIL", "AUTH", "MAIL", "AUTH"]);
    assert_eq!(status, [250, 535, 250, 535]);
}

#[test]
fn the_inbox_shows_every_part_of_a_message_and_its_bytes_are_kept() {
    let simulator = Simulator::start();
    let tls = Tls::Opportunistic(tls(&simulator));
    let sent = message();
    transport(simulator.smtp_port, tls, "any", Mechanism::Plain).send(&sent).unwrap();
    let kept = &simulator.messages()[0];
    assert_eq!(kept["from"], "\"Zoë, Shop\" <orders@shop.example>");
    assert_eq!(kept["to"], json!(["Ann <ann@example.com>"]));
    assert_eq!(kept["cc"], json!(["carl@example.net"]));
    assert_eq!(kept["bcc"], json!(["hidden@example.org"]));
    assert_eq!(kept["reply_to"], json!(["help@shop.example"]));
    assert_eq!(kept["subject"], "Bestellung 42 ✓");
    assert_eq!(kept["text_body"].as_str().unwrap().trim_end(), "Grüße\r\n.dot");
    assert_eq!(kept["html_body"].as_str().unwrap().trim_end(), "<p>Grüße</p>");
    assert_eq!(kept["recipients"], json!(["ann@example.com", "carl@example.net", "hidden@example.org"]));
    let files: Vec<_> = kept["attachments"].as_array().unwrap().iter().collect();
    assert_eq!((&files[0]["content_id"], &files[0]["content_type"]), (&json!("logo"), &json!("image/png")));
    assert_eq!((&files[1]["filename"], &files[1]["size"]), (&json!("rechnung.pdf"), &json!(5)));
    assert_eq!(simulator.bytes(files[1]["url"].as_str().unwrap()), b"%PDF-");
    let bytes = simulator.bytes(&format!("/sandbox/messages/{}/bytes", kept["id"].as_str().unwrap()));
    assert_eq!(bytes, [&sent.formatted()[..], b"\r\n"].concat(), "lettre ends a message with a line end of its own");
    let page = String::from_utf8(simulator.bytes("/sandbox/inbox")).unwrap();
    assert!(page.contains("Bestellung 42 ✓") && page.contains(">SMTP<"));
}

#[test]
fn python_sends_to_it_with_its_own_library() {
    let simulator = Simulator::start();
    let program = format!(
        "import smtplib, ssl\n\
         from email.message import EmailMessage\n\
         m = EmailMessage(); m['From'] = 'Zoë <orders@shop.example>'; m['To'] = 'ann@example.com'; m['Subject'] = 'é'\n\
         m.set_content('Hello ✓\\n.dot\\n')\n\
         s = smtplib.SMTP('localhost', {}); s.starttls(context=ssl.create_default_context(cafile={:?}))\n\
         s.login('shop', 'any'); print(s.send_message(m)); s.quit()\n",
        simulator.smtp_port, simulator.certificate,
    );
    let output = std::process::Command::new("python3").args(["-c", &program]).output();
    let Ok(output) = output else { return println!("skipped: python3 is not installed") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "{}", "no recipient was refused");
    assert_eq!(
        simulator.messages()[0]["text_body"].as_str().unwrap().trim_end(),
        "Hello ✓\n.dot".replace('\n', "\r\n")
    );
}

#[test]
fn recipients_are_answered_one_by_one() {
    let simulator = Simulator::start();
    simulator.settings(&json!({ "smtp": { "inactive": ["gone@example.com"], "most_recipients": 2 } }));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    smtp.write("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<ann@example.com>\r\nRCPT TO:<Gone@Example.com>\r\n");
    smtp.write("RCPT TO:<bob@example.com>\r\nRCPT TO:<carl@example.com>\r\nDATA\r\n");
    let replies: Vec<String> = (0..6).map(|_| smtp.reply()[..9].to_string()).collect();
    assert_eq!(replies, ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "452 4.5.3", "354 End d"]);
    let reply = smtp.say("Subject: x\r\n\r\n..dot\r\n...\r\n.");
    let id = reply.strip_prefix("250 2.0.0 Ok: queued as ").unwrap().trim_end();
    let bytes = simulator.bytes(&format!("/sandbox/messages/{id}/bytes"));
    assert_eq!(bytes, b"Subject: x\r\n\r\n.dot\r\n..\r\n", "dots are unstuffed and nothing else is touched");
    assert_eq!(simulator.messages()[0]["recipients"], json!(["ann@example.com", "bob@example.com"]));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    assert!(smtp.mail("gone@example.com").starts_with("550 5.1.1"));
    assert!(smtp.say("DATA").starts_with("554 5.5.1"), "no recipient was taken");
    assert_eq!(simulator.calls()[1]["status"], 550);
    assert_eq!(simulator.messages().len(), 1);
}

#[test]
fn windows_bound_the_messages_as_in_the_other_dialects() {
    let simulator = Simulator::start();
    simulator.settings(&json!({ "smtp": { "windows": [{ "limit": 2, "period_ms": 31_622_400_000_u64 }] } }));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    assert!(smtp.mail("ann@example.com").starts_with("250"));
    assert!(smtp.mail("ann@example.com").starts_with("250"));
    assert!(smtp.mail("ann@example.com").starts_with("454 4.7.0 Throttling failure: Maximum sending rate exceeded"));
    let counted: Vec<_> = simulator.calls().iter().map(|call| call["counted"].clone()).collect();
    assert_eq!(counted, [true, true, false]);
}

/// What a client sees of each fault: the reply or the end of the connection, and whether the message is kept.
#[test]
fn every_fault_does_what_its_name_says() {
    let simulator = Simulator::start();
    simulator.settings(&json!({ "smtp": {} }));
    let rows: &[(Value, &str, bool)] = &[
        (json!({ "fault": "rate_limited" }), "454 4.7.0 Throttling failure: Maximum sending rate exceeded\r\n", false),
        (json!({ "fault": "quota_exceeded" }), "454 4.7.0 Throttling failure: Daily message quota exceeded\r\n", false),
        (json!({ "fault": "server_error" }), "451 4.3.0 Temporary server error\r\n", false),
        (json!({ "fault": "invalid" }), "554 5.6.0 Message refused\r\n", false),
        (json!({ "fault": "inactive_recipient" }), "550 5.1.1 No such user\r\n", false),
        (json!({ "fault": "closing" }), "421 4.3.2 Service shutting down\r\n", false),
        (json!({ "fault": "drop_before_data" }), "", false),
        (json!({ "fault": "drop_after_data" }), "", true),
        (json!({ "fault": "drop", "stage": "message" }), "", false),
        (json!({ "fault": "drop", "stage": "mail" }), "", false),
        (json!({ "fault": "drop", "stage": "rcpt", "to": "ANN@" }), "", false),
        (json!({ "fault": "reply", "stage": "mail", "reply": "450 4.2.0 later" }), "450 4.2.0 later\r\n", false),
        (json!({ "fault": "reply", "stage": "rcpt", "reply": "452 4.2.2 full" }), "452 4.2.2 full\r\n", false),
        (json!({ "fault": "reply", "stage": "data", "reply": "552 5.2.2 full" }), "552 5.2.2 full\r\n", false),
        (json!({ "fault": "reply", "stage": "message", "reply": "550 5.7.1 spam" }), "550 5.7.1 spam\r\n", false),
        (
            json!({ "fault": "reply", "stage": "message", "reply": "451 4.3.0 lost", "stored": true }),
            "451 4.3.0 lost\r\n",
            true,
        ),
    ];
    for (fault, want, stored) in rows {
        let before = simulator.messages().len();
        let mut fault = fault.clone();
        fault["dialect"] = "smtp".into();
        simulator.fault(&fault);
        let mut smtp = Smtp::greeted(simulator.smtp_port);
        assert_eq!(smtp.mail("ann@example.com"), *want, "{fault}");
        if want.is_empty() || want.starts_with("421") {
            assert_eq!(smtp.reply(), "", "the connection is closed: {fault}");
        }
        assert_eq!(simulator.messages().len(), before + usize::from(*stored), "{fault}");
        let call = simulator.calls().pop().unwrap();
        assert_eq!(call["status"].as_u64().map(|code| code.to_string()).as_deref(), want.get(..3), "{call}");
        assert_eq!(call["message_ids"].as_array().unwrap().len(), usize::from(*stored), "{call}");
        assert!(call["fault"].is_string(), "{call}");
        assert_eq!(simulator.get("/sandbox/faults").1["faults"], json!([]), "it hit once");
        assert!(Smtp::greeted(simulator.smtp_port).mail("ann@example.com").starts_with("250 "), "the next one passes");
    }
}

#[test]
fn faults_of_the_greeting_and_of_passwords_hit_there() {
    let simulator = Simulator::start();
    let plan = |stage: &str, reply: &str| {
        simulator.fault(&json!({ "dialect": "smtp", "fault": "reply", "stage": stage, "reply": reply }));
    };
    plan("connect", "554 5.3.2 Not now");
    let mut smtp = simulator.smtp();
    assert_eq!((smtp.reply().as_str(), smtp.reply().as_str()), ("554 5.3.2 Not now\r\n", ""));
    plan("ehlo", "421 4.3.2 Not now");
    let mut smtp = simulator.smtp();
    smtp.reply();
    assert_eq!(smtp.say("EHLO c.example"), "421 4.3.2 Not now\r\n");
    plan("starttls", "454 4.7.0 TLS not available");
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    assert_eq!(smtp.say("STARTTLS"), "454 4.7.0 TLS not available\r\n");
    for (fault, want) in [
        ("unauthorized", "535 5.7.8 Authentication credentials invalid\r\n"),
        ("auth_unavailable", "454 4.7.0 Temporary authentication failure\r\n"),
    ] {
        simulator.fault(&json!({ "dialect": "smtp", "fault": fault }));
        assert_eq!(Smtp::greeted(simulator.smtp_port).say("AUTH PLAIN AHVzZXIAcGFzcw=="), want);
    }
    let statuses: Vec<_> = simulator.calls().iter().map(|call| call["status"].clone()).collect();
    assert_eq!(statuses, [554, 421, 454, 535, 454]);
}

#[test]
fn a_message_that_is_never_answered_hangs_and_is_kept_or_not() {
    let simulator = Simulator::start();
    for (fault, kept) in [("timeout_before", 0), ("timeout_after", 1)] {
        simulator.fault(&json!({ "dialect": "smtp", "fault": fault }));
        let mut smtp = Smtp::greeted(simulator.smtp_port);
        for line in ["MAIL FROM:<orders@shop.example>", "RCPT TO:<ann@example.com>", "DATA"] {
            smtp.say(line);
        }
        smtp.write("Subject: x\r\n\r\nHello\r\n.\r\nNOOP\r\n");
        // The log has the fault once the message was decided on.
        while simulator.calls().pop().unwrap()["fault"] != fault {
            std::thread::yield_now();
        }
        assert_eq!(simulator.messages().len(), kept, "{fault}");
        assert_eq!(simulator.calls().pop().unwrap()["status"], Value::Null);
        assert!(smtp.is_silent(), "not even NOOP is answered");
    }
}

#[test]
fn faults_are_counted_and_bound_to_recipients() {
    let simulator = Simulator::start();
    simulator.fault(&json!({ "dialect": "smtp", "fault": "server_error", "after": 1, "count": 2, "to": "bob" }));
    let mut smtp = Smtp::greeted(simulator.smtp_port);
    let mut codes = Vec::new();
    for recipient in ["bob@example.com", "ann@example.com", "bob@example.com", "bob@example.com", "bob@example.com"] {
        codes.push(smtp.mail(recipient)[..3].to_string());
    }
    assert_eq!(codes, ["250", "250", "451", "451", "250"]);
}

#[test]
fn chances_follow_the_seed() {
    let row = |seed: &str| {
        let simulator = Simulator::start_with(&["--seed", seed]);
        let chance = json!([{ "fault": "server_error", "per_thousand": 500 }]);
        simulator.settings(&json!({ "smtp": { "chances": chance } }));
        let mut smtp = Smtp::greeted(simulator.smtp_port);
        (0..32).map(|_| smtp.mail("ann@example.com").starts_with("451")).collect::<Vec<_>>()
    };
    let first = row("1");
    assert!(first.contains(&true) && first.contains(&false), "one half of 32 is neither none nor all");
    assert_eq!(first, row("1"));
    assert_ne!(first, row("2"));
}
