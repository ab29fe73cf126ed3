//! Calls carried to servers on the loopback, which go away at every stage. What surely did not arrive, what may have, and
//! what was taken are told apart (R042, R072).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod server;

use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    message::Message,
    outcome::{Outcome, RefusedReason, TransportFailure},
    provider::{self, Dispatch, ProviderKind, Target},
    time::UnixMillis,
    transport::{Call, MailServer, Reply, Security, SmtpCall, SmtpEnd, SmtpReply, SmtpStage},
};
use sendgate_embed::{Carrier, Roots};
use server::{Encryption, OPEN, Rules, Server};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

/// Nothing here waits for it, but for what goes silent.
const PATIENCE: Duration = Duration::from_secs(20);

fn call(server: &Server, security: Security, login: bool, recipients: &[&str]) -> Call {
    Call::Smtp(Box::new(SmtpCall {
        server: MailServer {
            host: "localhost".into(),
            port: server.port,
            security,
            login: login.then(|| ("user".into(), "pass".into())),
        },
        hello: "shop.example".into(),
        from: "orders@shop.example".into(),
        recipients: recipients.iter().map(|address| (*address).into()).collect(),
        needs_smtputf8: false,
        data: b"Subject: Hi\r\n\r\n.Hello\r\n".to_vec(),
    }))
}

fn carrier(server: &Server) -> Carrier {
    Carrier::new(&Roots::Only(vec![server.root.clone()])).unwrap()
}

fn conversation(result: Result<Reply, TransportFailure>) -> SmtpReply {
    let Ok(Reply::Smtp(reply)) = result else { panic!("{result:?}") };
    reply
}

fn outcome(result: Result<Reply, TransportFailure>) -> Outcome {
    match result {
        Ok(reply) => provider::classify(ProviderKind::Smtp, &reply, UnixMillis::new(0)).outcome,
        Err(failure) => failure.answer().outcome,
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted { provider_message_id: Some("TEST-1".into()) }
}

#[test]
fn a_mail_goes_in_the_clear_over_starttls_and_over_tls() {
    let ways = [
        (Encryption::None, Security::None),
        (Encryption::StartTls, Security::StartTls),
        (Encryption::Implicit, Security::Implicit),
    ];
    for (encryption, security) in ways {
        let server = Server::start(Rules { encryption, login: Some("AHVzZXIAcGFzcw=="), ..OPEN });
        let carrier = carrier(&server);
        let call = call(&server, security, true, &["ann@example.com", "nouser@example.com"]);
        let reply = carrier.carry(&call, PATIENCE).unwrap();
        let answer = provider::classify(ProviderKind::Smtp, &reply, UnixMillis::new(0));
        assert_eq!(answer.outcome, accepted());
        let refused: Vec<_> = answer.refused.iter().map(|one| (one.address.as_str(), one.reason)).collect();
        assert_eq!(refused, [("nouser@example.com", RefusedReason::Permanent)]);
        let mails = server.mails();
        assert_eq!((mails.len(), mails[0].encrypted), (1, encryption != Encryption::None));
        assert_eq!(mails[0].data, "Subject: Hi\r\n\r\n.Hello\r\n");
        assert_eq!(
            (mails[0].from.as_str(), &mails[0].to[..]),
            ("orders@shop.example", &["ann@example.com".to_owned()][..])
        );
    }
}

/// A message, its request, the conversation and the answer: every part at work.
#[test]
fn a_message_becomes_a_mail() {
    let server = Server::start(OPEN);
    let json = r#"{"from":"Zoë <orders@shop.example>","to":"ann@example.com","bcc":"hidden@example.org",
        "subject":"Order — 42","text_body":".hidden dot\n"}"#;
    let message = Message::parse(json).unwrap();
    let base_url = format!("smtp://127.0.0.1:{}", server.port);
    let mut target = Target::new(&base_url, "");
    target.compose = Some(sendgate_mime::compose);
    let (to, bcc) = ([&message.to[0]], [&message.bcc[0]]);
    let dispatch = Dispatch { message_id: "msg_1", message: &message, to: &to, cc: &[], bcc: &bcc };
    let call = provider::build(ProviderKind::Smtp, &target, &dispatch, UnixMillis::new(1_796_119_200_000)).unwrap();
    assert_eq!(outcome(carrier(&server).carry(&call, PATIENCE)), accepted());
    let mail = server.mails().remove(0);
    assert_eq!(mail.to, ["ann@example.com", "hidden@example.org"]);
    assert!(
        mail.data.contains("Message-ID: <msg_1@shop.example>\r\n") && mail.data.ends_with(".hidden dot\r\n"),
        "{}",
        mail.data
    );
    assert!(!mail.data.contains("hidden@"));
}

/// Before the final dot nobody has the mail: it is safe to send again. After it nobody knows.
#[test]
fn a_server_that_goes_away_is_told_apart_by_where() {
    let not_sent = ["greeting", "EHLO", "STARTTLS", "AUTH"];
    for (stage, gone) in not_sent.iter().chain(&["MAIL", "RCPT", "DATA", "body", "taken"]).map(|stage| (*stage, true)) {
        let server = Server::start(Rules {
            encryption: Encryption::StartTls,
            login: Some("AHVzZXIAcGFzcw=="),
            gone_at: gone.then_some(stage),
            ..OPEN
        });
        let result = carrier(&server).carry(&call(&server, Security::StartTls, true, &["ann@example.com"]), PATIENCE);
        assert_eq!(result == Err(TransportFailure::NotSent), not_sent.contains(&stage), "{stage}: {result:?}");
        // A mail of one piece is with the server when it goes in the middle: the final dot was written, too.
        let unknown = stage == "taken" || stage == "body";
        let want = if unknown { Outcome::Unknown } else { Outcome::Transient { retry_at: None } };
        assert_eq!(outcome(result), want, "{stage}");
        assert!(server.mails().is_empty());
    }
}

/// The same for a server that says nothing any more. The time-out is the whole call's.
#[test]
fn a_silent_server_is_left_after_the_time_out() {
    let cases = [
        ("greeting", Outcome::Transient { retry_at: None }),
        ("DATA", Outcome::Transient { retry_at: None }),
        ("taken", Outcome::Unknown),
    ];
    for (stage, want) in cases {
        for (encryption, security) in [(Encryption::None, Security::None), (Encryption::Implicit, Security::Implicit)] {
            let server = Server::start(Rules { encryption, silent_at: Some(stage), ..OPEN });
            let call = call(&server, security, false, &["ann@example.com"]);
            assert_eq!(outcome(carrier(&server).carry(&call, Duration::from_millis(500))), want, "{stage}");
        }
    }
}

#[test]
fn nobody_there_and_a_stranger_there_are_not_sent() {
    let server = Server::start(Rules { encryption: Encryption::Implicit, ..OPEN });
    let stranger = Carrier::new(&Roots::Public).unwrap();
    let sent = |carrier: &Carrier, call: &Call| carrier.carry(call, PATIENCE);
    let implicit = call(&server, Security::Implicit, false, &["ann@example.com"]);
    assert_eq!(sent(&stranger, &implicit), Err(TransportFailure::NotSent), "the certificate is no one's");
    let starttls = Server::start(Rules { encryption: Encryption::StartTls, ..OPEN });
    let call_ = call(&starttls, Security::StartTls, false, &["ann@example.com"]);
    assert_eq!(sent(&stranger, &call_), Err(TransportFailure::NotSent), "nor over STARTTLS");
    let Call::Smtp(mut other_name) = call(&server, Security::Implicit, false, &["ann@example.com"]) else { panic!() };
    other_name.server.host = "127.0.0.1".into();
    assert_eq!(sent(&carrier(&server), &Call::Smtp(other_name)), Err(TransportFailure::NotSent), "another name");
    let Call::Smtp(mut nobody) = call(&server, Security::None, false, &["ann@example.com"]) else { panic!() };
    nobody.server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(sent(&stranger, &Call::Smtp(nobody.clone())), Err(TransportFailure::NotSent), "nobody listens");
    nobody.server.host = "no-such-host.invalid".into();
    assert_eq!(sent(&stranger, &Call::Smtp(nobody)), Err(TransportFailure::NotSent), "no such host");
    assert!(server.mails().is_empty() && starttls.mails().is_empty());
}

#[test]
fn a_wrong_password_is_the_owners_to_mend() {
    let server = Server::start(Rules { login: Some("b3RoZXI="), ..OPEN });
    let call = call(&server, Security::None, true, &["ann@example.com"]);
    assert_eq!(outcome(carrier(&server).carry(&call, PATIENCE)), Outcome::CredentialsWrong);
}

#[test]
fn mails_share_a_connection_until_the_server_lets_go_of_it() {
    let server = Server::start(Rules { mails: 3, ..OPEN });
    let carrier = carrier(&server);
    let call = call(&server, Security::None, false, &["ann@example.com"]);
    for _ in 0..7 {
        assert_eq!(outcome(carrier.carry(&call, PATIENCE)), accepted());
    }
    assert_eq!((server.mails().len(), server.connections()), (7, 3));
}

/// RFC 5321 section 4.5.3.1.10, with a server that takes two at once.
#[test]
fn a_server_of_few_recipients_gets_the_mail_several_times_over_one_connection() {
    let server = Server::start(Rules { recipients: 2, ..OPEN });
    let everyone =
        ["a@example.com", "b@example.com", "nouser@example.com", "c@example.com", "d@example.com", "e@example.com"];
    let reply = conversation(carrier(&server).carry(&call(&server, Security::None, false, &everyone), PATIENCE));
    assert_eq!((reply.stage, reply.refused.len()), (SmtpStage::Taken, 1));
    assert!(matches!(reply.end, SmtpEnd::Answered(answer) if answer.code == 250));
    let to: Vec<_> = server.mails().into_iter().map(|mail| mail.to.join(" ")).collect();
    assert_eq!(to, ["a@example.com b@example.com", "c@example.com d@example.com", "e@example.com"]);
    assert_eq!(server.connections(), 1);
}

/// A mail of many pieces, to a server that reads slowly: nothing of it is lost on the way, encrypted or not.
#[test]
fn a_large_mail_arrives_whole() {
    for (encryption, security) in [(Encryption::None, Security::None), (Encryption::Implicit, Security::Implicit)] {
        let server = Server::start(Rules { encryption, ..OPEN });
        let Call::Smtp(mut large) = call(&server, security, false, &["ann@example.com"]) else { panic!() };
        large.data = "Subject: large\r\n\r\n.line of text\r\n".repeat(25_000).into_bytes();
        let data = String::from_utf8(large.data.clone()).unwrap();
        assert_eq!(outcome(carrier(&server).carry(&Call::Smtp(large.clone()), PATIENCE)), accepted());
        assert!(server.mails()[0].data == data);
        large.data.extend_from_slice(&[b'x'; 200_000]);
        let reply = conversation(carrier(&server).carry(&Call::Smtp(large), PATIENCE));
        assert!(matches!(reply.end, SmtpEnd::Stopped(_)), "above the server's SIZE: {:?}", reply.end);
    }
}

/// An HTTP server for one request: it reads so many bytes of it, then says this and goes.
fn http_server(reads: usize, says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let Ok((mut tcp, _)) = listener.accept() else { return };
        let (mut read, mut buffer) = (0, [0; 4096]);
        while read < reads {
            match tcp.read(&mut buffer) {
                Ok(bytes) if bytes > 0 => read += bytes,
                Ok(_) | Err(_) => return,
            }
        }
        let _ = tcp.write_all(says);
    });
    format!("http://127.0.0.1:{port}/send")
}

fn post(url: String, body: Vec<u8>) -> Call {
    let headers = vec![("Content-Type", "application/json".into()), ("X-Key", "k".into())];
    Call::Http(HttpRequest { method: "POST", url, headers, body })
}

#[test]
fn an_http_answer_is_brought_back_as_it_came() {
    let answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nslow";
    let carrier = Carrier::new(&Roots::Public).unwrap();
    let result = carrier.carry(&post(http_server(100, answer), b"{}".to_vec()), PATIENCE);
    let Ok(Reply::Http(response)) = result else { panic!("{result:?}") };
    assert_eq!((response.status, response.header("retry-after"), &response.body[..]), (429, Some("5"), &b"slow"[..]));
    let moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let result = carrier.carry(&post(http_server(100, moved), b"{}".to_vec()), PATIENCE);
    assert!(matches!(result, Ok(Reply::Http(HttpResponse { status: 302, .. }))), "not followed: {result:?}");
}

/// The status is the decision, be the body cut short.
#[test]
fn a_body_cut_short_takes_nothing_from_the_status() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":";
    let result = Carrier::new(&Roots::Public).unwrap().carry(&post(http_server(100, cut), b"{}".to_vec()), PATIENCE);
    let Ok(Reply::Http(response)) = result else { panic!("{result:?}") };
    assert_eq!((response.status, &response.body[..]), (200, &b"{\"id\":"[..]));
}

#[test]
fn an_http_request_that_left_whole_may_have_arrived_and_one_that_did_not_has_not() {
    let carrier = Carrier::new(&Roots::Public).unwrap();
    let sent = |url: String, body: Vec<u8>| carrier.carry(&post(url, body), PATIENCE).unwrap_err();
    assert_eq!(sent(http_server(100, b""), b"{}".to_vec()), TransportFailure::MaybeSent, "gone without an answer");
    assert_eq!(sent(http_server(100, b"nonsense\r\n\r\n"), b"{}".to_vec()), TransportFailure::MaybeSent);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let body = || b"{}".to_vec();
    assert_eq!(sent(format!("http://127.0.0.1:{port}/"), body()), TransportFailure::NotSent, "nobody listens");
    assert_eq!(sent("https://no-such-host.invalid/".into(), body()), TransportFailure::NotSent, "no such host");
    assert_eq!(sent("not a url".into(), body()), TransportFailure::NotSent);
    let tls = Server::start(Rules { encryption: Encryption::Implicit, ..OPEN });
    assert_eq!(sent(format!("https://localhost:{}/", tls.port), body()), TransportFailure::NotSent, "a stranger");
    // Gone in the middle of a body that fits no buffer on the way: its last byte never left.
    assert_eq!(sent(http_server(1_000, b""), vec![b'x'; 50_000_000]), TransportFailure::NotSent);
}

/// A silent server: the request is there.
#[test]
fn an_http_time_out_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let result = Carrier::new(&Roots::Public).unwrap().carry(&post(url, b"{}".to_vec()), Duration::from_millis(500));
    assert_eq!(result, Err(TransportFailure::MaybeSent));
    drop(listener);
}

#[test]
fn a_root_that_is_no_certificate_is_named() {
    let error = Carrier::new(&Roots::Only(vec![b"nonsense".to_vec()])).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("carrier_root", "roots[0] is not a certificate in DER"));
}
