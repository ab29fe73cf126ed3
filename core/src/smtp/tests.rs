//! Conversations, written down as RFC 5321 and its extensions have them: a line of the client, a line of the server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

use super::*;
use crate::transport::{MailServer, Security, SmtpAnswer, SmtpEnd, SmtpStage, SmtpStop};
use alloc::{borrow::ToOwned, format, string::String, vec};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

/// What a server does next.
enum Turn<'a> {
    /// It gets this from the client, whole.
    Hears(&'a str),
    /// It sends this.
    Says(&'a str),
    /// Both encrypt.
    Encrypts,
    /// The connection is lost.
    Falls,
}
use Turn::{Encrypts, Falls, Hears, Says};

fn call(security: Security, login: Option<(&str, &str)>, recipients: &[&str], data: &str) -> SmtpCall {
    SmtpCall {
        server: MailServer {
            host: "mail.example".into(),
            port: 587,
            security,
            login: login.map(|(user, password)| (user.into(), password.into())),
        },
        hello: "client.example".into(),
        from: "orders@shop.example".into(),
        recipients: recipients.iter().map(|address| (*address).into()).collect(),
        needs_smtputf8: false,
        data: data.into(),
    }
}

fn plain(recipients: &[&str]) -> SmtpCall {
    call(Security::None, None, recipients, MAIL)
}

/// Goes through a conversation to its end.
fn carry(session: &mut Session, call: &SmtpCall, script: &[Turn<'_>]) -> SmtpReply {
    let mut talk = session.talk(call);
    let mut written = String::new();
    let mut script = script.iter();
    loop {
        match talk.advance() {
            Action::Done(reply) => {
                assert!(script.next().is_none(), "the mail was over before the script was: {reply:?}");
                return reply;
            }
            Action::Write { bytes, within_ms } => {
                assert!(within_ms > 0);
                written.push_str(&String::from_utf8(bytes).unwrap());
            }
            action @ (Action::Read { .. } | Action::StartTls) => {
                if !written.is_empty() {
                    let Some(Hears(expected)) = script.next() else { panic!("not expected: {written}") };
                    assert_eq!(&written, expected);
                    written.clear();
                }
                match (script.next(), action) {
                    (Some(Says(text)), Action::Read { .. }) => talk.received(text.as_bytes()),
                    (Some(Encrypts), Action::StartTls) => talk.secured(),
                    (Some(Falls), _) => talk.lost(),
                    (_, action) => panic!("{action:?} is not what the script has next"),
                }
            }
        }
    }
}

fn carried(call: &SmtpCall, script: &[Turn<'_>]) -> SmtpReply {
    carry(&mut Session::new(), call, script)
}

fn answered(reply: &SmtpReply) -> (SmtpStage, &SmtpAnswer) {
    let SmtpEnd::Answered(answer) = &reply.end else { panic!("{:?}", reply.end) };
    (reply.stage, answer)
}

fn refused(reply: &SmtpReply) -> Vec<(&str, Option<u16>)> {
    let code = |answer: &Option<SmtpAnswer>| answer.as_ref().map(|answer| answer.code);
    reply.refused.iter().map(|refusal| (refusal.address.as_str(), code(&refusal.answer))).collect()
}

/// The server side and the credentials as smtplib met them, in a recording with a local server: one recipient of four
/// is refused. The order and the text of the client's lines is RFC 5321's; ours differ from smtplib's in PIPELINING.
#[test]
fn a_whole_mail_in_three_flights_with_one_recipient_refused() {
    let recipients = ["ann@example.com", "bob@example.net", "nouser@example.com", "hidden@example.org"];
    let call = call(Security::None, Some(("user", "pass")), &recipients, MAIL);
    let mut session = Session::new();
    let reply = carry(
        &mut session,
        &call,
        &[
            Says("220 cap.example ESMTP ready\r\n"),
            Hears("EHLO client.example\r\n"),
            Says(
                "250-cap.example greets you\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                 250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n",
            ),
            Hears("AUTH PLAIN AHVzZXIAcGFzcw==\r\n"),
            Says("235 2.7.0 Authentication successful\r\n"),
            Hears(
                "MAIL FROM:<orders@shop.example> SIZE=22\r\nRCPT TO:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\n\
                 RCPT TO:<nouser@example.com>\r\nRCPT TO:<hidden@example.org>\r\nDATA\r\n",
            ),
            Says("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 no such"),
            Says(" user\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 2.0.0 Ok: queued as CAP123\r\n"),
        ],
    );
    let (stage, answer) = answered(&reply);
    assert_eq!((stage, answer.code, answer.enhanced), (SmtpStage::Taken, 250, Some([2, 0, 0])));
    assert_eq!(answer.text, "Ok: queued as CAP123");
    assert_eq!(refused(&reply), [("nouser@example.com", Some(550))]);
    assert!(session.is_open());
}

/// Without PIPELINING every command waits for its answer (RFC 5321 section 2.1); what is not offered is not said.
#[test]
fn a_server_of_few_words_gets_one_command_at_a_time() {
    let reply = carried(
        &plain(&["ann@example.com", "bob@example.net"]),
        &[
            Says("220 old.example\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250 old.example\r\n"),
            Hears("MAIL FROM:<orders@shop.example>\r\n"),
            Says("250 ok\r\n"),
            Hears("RCPT TO:<ann@example.com>\r\n"),
            Says("250 ok\r\n"),
            Hears("RCPT TO:<bob@example.net>\r\n"),
            Says("251 will forward\r\n"),
            Hears("DATA\r\n"),
            Says("354 go on\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 ok\r\n"),
        ],
    );
    assert_eq!(answered(&reply).1.code, 250);
    assert!(reply.refused.is_empty());
}

/// RFC 3207 section 4.2: what was learnt before the handshake is forgotten.
#[test]
fn starttls_comes_before_the_login_and_capabilities_are_asked_again() {
    let call = call(Security::StartTls, Some(("user", "pass")), &["ann@example.com"], MAIL);
    let reply = carried(
        &call,
        &[
            Says("220 mail.example\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-mail.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"),
            Hears("STARTTLS\r\n"),
            Says("220 2.0.0 go ahead\r\n"),
            Encrypts,
            Hears("EHLO client.example\r\n"),
            Says("250-mail.example\r\n250 AUTH LOGIN\r\n"),
            Hears("AUTH LOGIN\r\n"),
            Says("334 VXNlcm5hbWU6\r\n"),
            Hears("dXNlcg==\r\n"),
            Says("334 UGFzc3dvcmQ6\r\n"),
            Hears("cGFzcw==\r\n"),
            Says("535 5.7.8 no\r\n"),
        ],
    );
    assert_eq!((answered(&reply).0, answered(&reply).1.code), (SmtpStage::Auth, 535));
}

#[test]
fn nothing_is_said_without_encryption() {
    let login = Some(("user", "pass"));
    let refused = |script: &[Turn<'_>]| carried(&call(Security::StartTls, login, &["a@example.com"], MAIL), script);
    let hello = || [Says("220 x\r\n"), Hears("EHLO client.example\r\n")];
    let [greeting, ehlo] = hello();
    let stripped = refused(&[greeting, ehlo, Says("250-x\r\n250 AUTH PLAIN\r\n")]);
    assert_eq!((stripped.stage, stripped.end), (SmtpStage::StartTls, SmtpEnd::Stopped(SmtpStop::NoTls)));
    let [greeting, ehlo] = hello();
    let late = refused(&[greeting, ehlo, Says("250 STARTTLS\r\n")]);
    assert_eq!(late.end, SmtpEnd::Stopped(SmtpStop::NoTls), "the first line is a greeting, not a keyword");
    let [greeting, ehlo] = hello();
    let temporary = [greeting, ehlo, Says("250-x\r\n250 STARTTLS\r\n"), Hears("STARTTLS\r\n"), Says("454 later\r\n")];
    assert_eq!(answered(&refused(&temporary)).0, SmtpStage::StartTls);
}

/// CVE-2011-0411 and its kin: what stands in the clear behind the answer to STARTTLS is an attacker's.
#[test]
fn an_injection_behind_the_answer_to_starttls_ends_the_conversation() {
    for injected in ["220 go\r\n250-x\r\n250 AUTH PLAIN\r\n", "220 go\r\n2"] {
        let call = call(Security::StartTls, Some(("user", "pass")), &["ann@example.com"], MAIL);
        let mut session = Session::new();
        let mut talk = session.talk(&call);
        talk.received(b"220 x\r\n");
        talk.advance();
        talk.received(b"250-x\r\n250 STARTTLS\r\n");
        talk.advance();
        talk.received(injected.as_bytes());
        let Action::Done(reply) = talk.advance() else { panic!("it goes on") };
        assert_eq!((reply.stage, reply.end), (SmtpStage::StartTls, SmtpEnd::Malformed));
        assert!(!session.is_open());
    }
}

/// RFC 4954 section 4: an initial response that makes the line too long is sent after the server asked for it.
#[test]
fn a_long_password_waits_for_the_servers_challenge() {
    let password = "p".repeat(400);
    let call = call(Security::Implicit, Some(("u", &password)), &["ann@example.com"], MAIL);
    let secret = format!("{}\r\n", STANDARD.encode(format!("\0u\0{password}").as_bytes()));
    let reply = carried(
        &call,
        &[
            Says("220 x\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-x\r\n250 AUTH PLAIN\r\n"),
            Hears("AUTH PLAIN\r\n"),
            Says("334 \r\n"),
            Hears(&secret),
            Says("334 and then?\r\n"),
        ],
    );
    assert_eq!((reply.stage, reply.end), (SmtpStage::Auth, SmtpEnd::Malformed));
}

#[test]
fn a_login_that_the_server_cannot_take_is_not_left_out() {
    let call = call(Security::Implicit, Some(("user", "pass")), &["ann@example.com"], MAIL);
    let hello = [Says("220 x\r\n"), Hears("EHLO client.example\r\n"), Says("250-x\r\n250 AUTH CRAM-MD5\r\n")];
    assert_eq!(carried(&call, &hello).end, SmtpEnd::Stopped(SmtpStop::NoLogin));
}

/// RFC 1870 section 6.1 for SIZE, RFC 6531 section 3.1 for SMTPUTF8.
#[test]
fn what_the_server_cannot_take_is_refused_here_and_the_connection_stays() {
    let mut session = Session::new();
    let hello = [Says("220 x\r\n"), Hears("EHLO client.example\r\n"), Says("250-x\r\n250-8BITMIME\r\n250 SIZE 21\r\n")];
    let reply = carry(&mut session, &plain(&["ann@example.com"]), &hello);
    assert_eq!((reply.stage, reply.end), (SmtpStage::From, SmtpEnd::Stopped(SmtpStop::TooLarge)));
    assert!(session.is_open());
    let mut beyond = call(Security::None, None, &["zoë@example.com"], "Subject: é\r\n");
    beyond.needs_smtputf8 = true;
    assert_eq!(carry(&mut session, &beyond, &[]).end, SmtpEnd::Stopped(SmtpStop::NoSmtpUtf8));
    let small = call(Security::None, None, &["ann@example.com"], "Subject: x\r\n\r\né");
    let script = [Hears("MAIL FROM:<orders@shop.example> SIZE=18 BODY=8BITMIME\r\n"), Says("421 4.3.2 closing\r\n")];
    let reply = carry(&mut session, &small, &script);
    assert_eq!(answered(&reply), (SmtpStage::From, &answer(421, Some([4, 3, 2]), "closing")));
    assert!(!session.is_open());
}

#[test]
fn an_address_beyond_ascii_is_said_in_utf8_where_that_is_offered() {
    let mut beyond = call(Security::None, None, &["zoë@example.com"], "Subject: é\r\n");
    beyond.needs_smtputf8 = true;
    let reply = carried(
        &beyond,
        &[
            Says("220 x\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-x\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"),
            Hears("MAIL FROM:<orders@shop.example> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<zoë@example.com>\r\nDATA\r\n"),
            Says("250 ok\r\n250 ok\r\n354 go\r\n"),
            Hears("Subject: é\r\n.\r\n"),
            Falls,
        ],
    );
    assert_eq!((reply.stage, reply.end), (SmtpStage::Taken, SmtpEnd::Lost));
}

/// RFC 5321 section 4.5.3.1.10.
#[test]
fn recipients_beyond_the_servers_number_go_in_another_transaction() {
    let reply = carried(
        &plain(&["a@example.com", "b@example.com", "c@example.com", "d@example.com"]),
        &[
            Says("220 x\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-x\r\n250 PIPELINING\r\n"),
            Hears(
                "MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n\
                 RCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n",
            ),
            Says("250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n452 4.5.3 too many\r\n552 too many\r\n354 go\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 2.0.0 first\r\n"),
            Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n"),
            Says("250 ok\r\n250 ok\r\n450 4.2.0 busy\r\n354 go\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 2.0.0 second\r\n"),
        ],
    );
    assert_eq!(answered(&reply), (SmtpStage::Taken, &answer(250, Some([2, 0, 0]), "first")));
    assert_eq!(refused(&reply), [("b@example.com", Some(550)), ("d@example.com", Some(450))]);
}

/// The mail is with the first recipient. The second one's fate hangs on where the other transaction ended.
#[test]
fn a_second_transaction_that_fails_refuses_the_rest_unless_it_may_have_been_taken() {
    let second = |end: Turn<'static>, say: Option<&'static str>| {
        let mut script = vec![
            Says("220 x\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-x\r\n250 PIPELINING\r\n"),
            Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"),
            Says("250 ok\r\n250 ok\r\n452 4.5.3 too many\r\n354 go\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 2.0.0 first\r\n"),
            Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"),
        ];
        if let Some(say) = say {
            script.extend([Says(say), Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n")]);
        }
        script.push(end);
        carried(&plain(&["a@example.com", "b@example.com"]), &script)
    };
    let go = Some("250 ok\r\n250 ok\r\n354 go\r\n");
    let lost = second(Falls, None);
    assert_eq!((answered(&lost).1.text.as_str(), refused(&lost)), ("first", vec![("b@example.com", None)]));
    let no = second(Says("451 4.3.0 no\r\n"), go);
    assert_eq!((answered(&no).1.text.as_str(), refused(&no)), ("first", vec![("b@example.com", Some(451))]));
    let unknown = second(Falls, go);
    assert_eq!((unknown.stage, unknown.end), (SmtpStage::Taken, SmtpEnd::Lost));
}

/// A 452 with nobody accepted is no word about numbers: another transaction would end the same way.
#[test]
fn the_first_recipient_cannot_be_one_too_many() {
    let reply = carried(
        &plain(&["a@example.com"]),
        &[
            Says("220 x\r\n"),
            Hears("EHLO client.example\r\n"),
            Says("250-x\r\n250 PIPELINING\r\n"),
            Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"),
            Says("250 ok\r\n452 4.5.3 too many\r\n503 5.5.1 nobody\r\n"),
        ],
    );
    assert_eq!((reply.stage, &reply.end), (SmtpStage::Recipients, &SmtpEnd::NobodyLeft));
    assert_eq!(refused(&reply), [("a@example.com", Some(452))]);
}

/// RFC 2920 section 3.1.
#[test]
fn a_server_that_wants_the_mail_for_nobody_gets_an_empty_one() {
    let mut session = Session::new();
    let call = plain(&["a@example.com"]);
    let flight = "MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n";
    let script = [
        Says("220 x\r\n"),
        Hears("EHLO client.example\r\n"),
        Says("250-x\r\n250 PIPELINING\r\n"),
        Hears(flight),
        Says("250 ok\r\n550 5.1.1 no\r\n354 go\r\n"),
        Hears(".\r\n"),
        Says("554 5.5.1 nobody\r\n"),
    ];
    let reply = carry(&mut session, &call, &script);
    assert_eq!((&reply.end, refused(&reply)), (&SmtpEnd::NobodyLeft, vec![("a@example.com", Some(550))]));
    // The next mail goes over the same connection, after the server was told to forget this one.
    let script = [Hears("RSET\r\n"), Says("250 ok\r\n"), Hears(flight), Says("553 5.1.8 who\r\n503 no\r\n503 no\r\n")];
    let reply = carry(&mut session, &call, &script);
    assert_eq!(answered(&reply), (SmtpStage::From, &answer(553, Some([5, 1, 8]), "who")));
    assert!(session.is_open());
}

#[test]
fn mails_follow_each_other_over_one_connection() {
    let mut session = Session::new();
    let call = plain(&["a@example.com"]);
    let mail = || {
        [
            Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"),
            Says("250 ok\r\n250 ok\r\n354 go\r\n"),
            Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
            Says("250 ok\r\n"),
        ]
    };
    let mut first = vec![Says("220 x\r\n"), Hears("EHLO client.example\r\n"), Says("250-x\r\n250 PIPELINING\r\n")];
    first.extend(mail());
    assert_eq!(answered(&carry(&mut session, &call, &first)).1.code, 250);
    for _ in 0..3 {
        assert_eq!(answered(&carry(&mut session, &call, &mail())).1.code, 250);
    }
    // The server went away in between.
    let reply = carry(
        &mut session,
        &call,
        &[Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"), Falls],
    );
    assert_eq!((reply.stage, reply.end), (SmtpStage::From, SmtpEnd::Lost));
    assert_eq!(carry(&mut session, &call, &[]).end, SmtpEnd::Lost, "nothing goes over a closed connection");
}

/// More recipients than a flight holds: nobody fills the other's buffers.
#[test]
fn a_thousand_recipients_go_in_flights() {
    let addresses: Vec<String> = (0..1_000).map(|number| format!("r{number}@example.com")).collect();
    let call = plain(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    let mut session = Session::new();
    let mut talk = session.talk(&call);
    talk.received(b"220 x\r\n");
    talk.advance();
    talk.received(b"250-x\r\n250 PIPELINING\r\n");
    let mut asked = 0;
    loop {
        let Action::Write { bytes, .. } = talk.advance() else { panic!("a flight was due") };
        assert!(bytes.len() < 8_192);
        let text = String::from_utf8(bytes).unwrap();
        asked += text.matches("RCPT TO").count();
        let data = text.contains("DATA");
        talk.received("250 ok\r\n".repeat(text.matches("\r\n").count() - usize::from(data)).as_bytes());
        if data {
            break;
        }
    }
    assert_eq!(asked, 1_000);
    talk.received(b"354 go\r\n");
    assert!(matches!(talk.advance(), Action::Write { bytes, .. } if bytes.ends_with(b"\r\n.\r\n")));
}

/// RFC 5321 section 4.5.3.2: five minutes, but two for DATA, three for a piece, ten for the final answer.
#[test]
fn each_wait_has_its_own_bound() {
    let call = plain(&["a@example.com"]);
    let mut session = Session::new();
    let mut talk = session.talk(&call);
    let within = |talk: &mut Talk<'_>| match talk.advance() {
        Action::Read { within_ms } | Action::Write { within_ms, .. } => within_ms / 60_000,
        other @ (Action::StartTls | Action::Done(_)) => panic!("{other:?}"),
    };
    assert_eq!(within(&mut talk), 5);
    for says in ["220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n"] {
        talk.received(says.as_bytes());
        within(&mut talk);
    }
    assert_eq!((talk.stage(), within(&mut talk)), (SmtpStage::Data, 2));
    talk.received(b"354 go\r\n");
    assert_eq!((talk.stage(), within(&mut talk)), (SmtpStage::Data, 3));
    assert_eq!((talk.stage(), within(&mut talk)), (SmtpStage::Taken, 10));
}

/// An answer before its question is nobody's: it would be taken for the answer to the next one.
#[test]
fn a_server_that_speaks_out_of_turn_ends_the_conversation() {
    let early = [Says("220 x\r\n250 x\r\n")];
    assert_eq!(carried(&plain(&["a@example.com"]), &early).end, SmtpEnd::Malformed);
    let strange = [Says("220 x\r\n"), Hears("EHLO client.example\r\n"), Says("354 go\r\n")];
    assert_eq!(carried(&plain(&["a@example.com"]), &strange).end, SmtpEnd::Malformed);
    let not_smtp = carried(&plain(&["a@example.com"]), &[Says("HTTP/1.1 400 Bad Request\r\n")]);
    assert_eq!((not_smtp.stage, not_smtp.end), (SmtpStage::Connect, SmtpEnd::Malformed));
    let mut session = Session::new();
    let call = plain(&["a@example.com"]);
    let script = [
        Says("220 x\r\n"),
        Hears("EHLO client.example\r\n"),
        Says("250-x\r\n250 PIPELINING\r\n"),
        Hears("MAIL FROM:<orders@shop.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"),
        Says("250 ok\r\n250 ok\r\n354 go\r\n"),
        Hears("Subject: Hi\r\n\r\nHello\r\n.\r\n"),
        Says("250 ok\r\n421 bye\r\n"),
    ];
    assert_eq!(answered(&carry(&mut session, &call, &script)).1.code, 250, "the mail was taken all the same");
    assert!(!session.is_open());
}

fn answer(code: u16, enhanced: Option<[u16; 3]>, text: &str) -> SmtpAnswer {
    SmtpAnswer { code, enhanced, text: text.to_owned() }
}

proptest! {
    /// Whatever a server sends, in whatever pieces: no panic, an end, and memory within bounds.
    #[test]
    fn any_server_is_survived(
        says in prop::collection::vec(prop_oneof![
            "[2345][0-9]{2}[ -]([2345]\\.[0-9]\\.[0-9] )?[ -~]{0,20}\r\n",
            Just("250-x\r\n250-PIPELINING\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n250 AUTH LOGIN\r\n".to_owned()),
            Just("354 go\r\n".to_owned()), Just("334 \r\n".to_owned()), Just("235 in\r\n".to_owned()),
            Just("220 x\r\n".to_owned()), Just("250 ok\r\n".to_owned()), Just("452 4.5.3 many\r\n".to_owned()),
            "\\PC{0,40}",
        ], 0..60),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        starttls: bool, login: bool, recipients in 1_usize..130,
    ) {
        let security = if starttls { Security::StartTls } else { Security::Implicit };
        let addresses = vec!["a@example.com"; recipients];
        let call = call(security, login.then_some(("user", "pass")), &addresses, MAIL);
        let mut session = Session::new();
        for _ in 0..2 {
            let mut says = says.iter().map(|text| text.as_bytes()).chain([&noise[..]]);
            let mut talk = session.talk(&call);
            let mut steps = 0;
            let reply = loop {
                steps += 1;
                prop_assert!(steps < 2_000, "no end");
                match talk.advance() {
                    Action::Write { bytes, .. } => prop_assert!(bytes.len() < 100_000),
                    Action::StartTls => talk.secured(),
                    Action::Read { .. } => match says.next() {
                        Some(bytes) => talk.received(bytes),
                        None => talk.lost(),
                    },
                    Action::Done(reply) => break reply,
                }
            };
            prop_assert!(reply.refused.len() <= recipients);
            prop_assert_eq!(talk.advance(), Action::Done(reply));
        }
    }
}

const MAIL: &str = "Subject: Hi\r\n\r\nHello\r\n";
