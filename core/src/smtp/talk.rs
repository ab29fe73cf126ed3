//! One mail's part of a conversation.

mod envelope;

use super::{Able, Action, Session, Standing, body::Body};
use crate::transport::{Security, SmtpAnswer, SmtpCall, SmtpEnd, SmtpRefusal, SmtpReply, SmtpStage, SmtpStop};
use alloc::{collections::VecDeque, format, vec, vec::Vec};
use base64::{Engine, engine::general_purpose::STANDARD};
use core::mem;

/// A mail on its way over a [`Session`].
pub struct Talk<'a> {
    session: &'a mut Session,
    call: &'a SmtpCall,
    step: Step,
    out: Vec<u8>,
    awaited: VecDeque<Awaited>,
    fates: Vec<Fate>,
    /// The next recipient to ask for in this transaction.
    at: usize,
    /// The answer to `MAIL FROM` when it was a refusal, and to `DATA` when that came with it.
    from_refused: Option<SmtpAnswer>,
    data: Option<SmtpAnswer>,
    body: Body,
    /// The answer that took the mail for some recipients, while others go in another transaction.
    taken: Option<SmtpAnswer>,
    reply: Option<SmtpReply>,
}

/// What the talk is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Greeting,
    Hello,
    StartTls,
    /// The host encrypts.
    Securing,
    Auth(Auth),
    /// Forgetting the mail before.
    Reset,
    Envelope,
    Body,
    Taken,
    /// The answer to an empty mail that a server wanted though nobody was left to get it.
    Discard,
    Over,
}

/// What is sent next when the server asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Auth {
    Plain,
    User,
    Password,
    Nothing,
}

/// An answer that has to come, in the order of the commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaited {
    From,
    Recipient(usize),
    Data,
}

/// What became of a recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    Waiting,
    /// Accepted in this transaction.
    Accepted,
    /// The server took the mail for it in an earlier one.
    Taken,
    /// `None`: the conversation ended before.
    Refused(Option<SmtpAnswer>),
}

impl<'a> Talk<'a> {
    pub(super) fn new(session: &'a mut Session, call: &'a SmtpCall) -> Self {
        let mut talk = Self {
            call,
            step: Step::Greeting,
            out: Vec::new(),
            awaited: VecDeque::new(),
            fates: vec![Fate::Waiting; call.recipients.len()],
            at: 0,
            from_refused: None,
            data: None,
            body: Body::default(),
            taken: None,
            reply: None,
            session,
        };
        // A talk that is given up in the middle leaves nothing that another could go on with.
        match mem::replace(&mut talk.session.standing, Standing::Closed) {
            Standing::New => {}
            Standing::Ready { reset: true } => talk.say("RSET", Step::Reset),
            Standing::Ready { reset: false } => talk.begin(),
            Standing::Closed => talk.end(SmtpStage::Connect, SmtpEnd::Lost),
        }
        talk
    }

    /// What to do now.
    pub fn advance(&mut self) -> Action {
        if !self.out.is_empty() {
            return Action::Write { bytes: mem::take(&mut self.out), within_ms: COMMAND_MS };
        }
        match self.step {
            Step::Over => Action::Done(self.reply.clone().unwrap_or_else(|| over(SmtpStage::Connect))),
            Step::Securing => Action::StartTls,
            Step::Body => {
                let (bytes, last) = self.body.next(&self.call.data);
                if last {
                    self.step = Step::Taken;
                }
                Action::Write { bytes, within_ms: BLOCK_MS }
            }
            Step::Taken | Step::Discard => Action::Read { within_ms: FINAL_MS },
            Step::Envelope if self.awaited.front() == Some(&Awaited::Data) => Action::Read { within_ms: DATA_MS },
            Step::Greeting | Step::Hello | Step::StartTls | Step::Auth(_) | Step::Reset | Step::Envelope => {
                Action::Read { within_ms: COMMAND_MS }
            }
        }
    }

    /// Takes bytes that the server sent.
    pub fn received(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.step == Step::Securing {
                // Whatever stands behind the answer to STARTTLS came from someone who could not encrypt it.
                return self.broken(SmtpEnd::Malformed);
            }
            if self.step == Step::Over {
                // The mail is over, and the server goes on talking: nobody would listen.
                self.session.standing = Standing::Closed;
                return;
            }
            match self.session.replies.push(*byte) {
                Ok(None) => {}
                Ok(Some(answer)) => self.take(answer),
                Err(_) => return self.broken(SmtpEnd::Malformed),
            }
        }
    }

    /// The connection is encrypted now, and the server's name is proven. What was said before counts for nothing.
    pub fn secured(&mut self) {
        if self.step == Step::Securing {
            self.session.able = Able::default();
            self.session.encrypted = true;
            self.hello();
        }
    }

    /// The connection was lost, went silent or could not be encrypted.
    pub fn lost(&mut self) {
        self.broken(SmtpEnd::Lost);
    }

    /// What is waited for.
    #[must_use]
    pub fn stage(&self) -> SmtpStage {
        match self.step {
            Step::Greeting => SmtpStage::Connect,
            Step::Hello => SmtpStage::Hello,
            Step::StartTls | Step::Securing => SmtpStage::StartTls,
            Step::Auth(_) => SmtpStage::Auth,
            Step::Reset => SmtpStage::From,
            Step::Envelope => match self.awaited.front() {
                Some(Awaited::From) | None => SmtpStage::From,
                Some(Awaited::Recipient(_)) => SmtpStage::Recipients,
                Some(Awaited::Data) => SmtpStage::Data,
            },
            Step::Body | Step::Discard => SmtpStage::Data,
            Step::Taken => SmtpStage::Taken,
            Step::Over => self.reply.as_ref().map_or(SmtpStage::Connect, |reply| reply.stage),
        }
    }

    fn take(&mut self, answer: SmtpAnswer) {
        if answer.code == CLOSING {
            let stage = self.stage();
            return self.end(stage, SmtpEnd::Answered(answer));
        }
        // An answer to what was not said yet.
        if !self.out.is_empty() || self.step == Step::Body {
            return self.broken(SmtpEnd::Malformed);
        }
        match self.step {
            Step::Greeting if answer.code == 220 => self.hello(),
            Step::Hello if answer.code == 250 => self.greeted(&answer.text),
            Step::StartTls if answer.code == 220 => self.step = Step::Securing,
            Step::Auth(_) if answer.code == 235 => self.begin(),
            Step::Auth(next) if answer.code == 334 => self.answer_challenge(next),
            Step::Reset if answer.code == 250 => self.begin(),
            Step::Envelope => self.take_of_envelope(answer),
            Step::Taken => self.take_of_mail(answer),
            Step::Discard => self.conclude_refused(),
            Step::Greeting | Step::Hello | Step::StartTls | Step::Auth(_) | Step::Reset => self.refused(answer),
            Step::Securing | Step::Body | Step::Over => {}
        }
    }

    /// An answer that ends the conversation: a refusal, or one that makes no sense here.
    fn refused(&mut self, answer: SmtpAnswer) {
        if answer.code < 400 {
            return self.broken(SmtpEnd::Malformed);
        }
        let stage = self.stage();
        self.end(stage, SmtpEnd::Answered(answer));
    }

    fn hello(&mut self) {
        let line = format!("EHLO {}", self.call.hello);
        self.say(&line, Step::Hello);
    }

    /// The server said what it can. Encryption comes first, then the login.
    fn greeted(&mut self, text: &str) {
        self.session.able = Able::of(text);
        let able = self.session.able;
        if self.call.server.security == Security::StartTls && !self.session.encrypted {
            if able.starttls {
                return self.say("STARTTLS", Step::StartTls);
            }
            return self.end(SmtpStage::StartTls, SmtpEnd::Stopped(SmtpStop::NoTls));
        }
        match &self.call.server.login {
            None => self.begin(),
            Some((user, password)) if able.auth_plain => {
                let secret = STANDARD.encode(format!("\0{user}\0{password}").as_bytes());
                let line = format!("AUTH PLAIN {secret}");
                if line.len() <= MAX_COMMAND {
                    self.say(&line, Step::Auth(Auth::Nothing));
                } else {
                    self.say("AUTH PLAIN", Step::Auth(Auth::Plain));
                }
            }
            Some(_) if able.auth_login => self.say("AUTH LOGIN", Step::Auth(Auth::User)),
            Some(_) => self.end(SmtpStage::Auth, SmtpEnd::Stopped(SmtpStop::NoLogin)),
        }
    }

    fn answer_challenge(&mut self, next: Auth) {
        let Some((user, password)) = &self.call.server.login else { return self.broken(SmtpEnd::Malformed) };
        let (text, then) = match next {
            Auth::Plain => (format!("\0{user}\0{password}"), Auth::Nothing),
            Auth::User => (user.clone(), Auth::Password),
            Auth::Password => (password.clone(), Auth::Nothing),
            Auth::Nothing => return self.broken(SmtpEnd::Malformed),
        };
        let line = STANDARD.encode(text.as_bytes());
        self.say(&line, Step::Auth(then));
    }

    fn take_of_mail(&mut self, answer: SmtpAnswer) {
        if !(200..300).contains(&answer.code) {
            if answer.code < 400 {
                return self.broken(SmtpEnd::Malformed);
            }
            return self.conclude(SmtpStage::Taken, SmtpEnd::Answered(answer));
        }
        for fate in self.fates.iter_mut().filter(|fate| **fate == Fate::Accepted) {
            *fate = Fate::Taken;
        }
        if self.fates.contains(&Fate::Waiting) {
            self.taken.get_or_insert(answer);
            return self.begin();
        }
        let first = self.taken.take().unwrap_or(answer);
        self.finish(SmtpStage::Taken, SmtpEnd::Answered(first));
        self.session.standing = Standing::Ready { reset: false };
    }

    /// Ends the mail; the connection can go on once the server has forgotten it.
    fn conclude(&mut self, stage: SmtpStage, end: SmtpEnd) {
        self.end(stage, end);
        self.session.standing = Standing::Ready { reset: true };
    }

    fn broken(&mut self, end: SmtpEnd) {
        let stage = self.stage();
        if self.step == Step::Discard {
            // What matters was answered before.
            self.conclude_refused();
        }
        self.end(stage, end);
    }

    /// Ends the mail, and the connection with it. When an earlier transaction took it, that is its answer, and those who
    /// are left were refused; unless they may have got it, too.
    fn end(&mut self, stage: SmtpStage, end: SmtpEnd) {
        self.session.standing = Standing::Closed;
        if self.step == Step::Over {
            return;
        }
        let may_be_taken = stage == SmtpStage::Taken && matches!(end, SmtpEnd::Lost | SmtpEnd::Malformed);
        let earlier = if may_be_taken { None } else { self.taken.take() };
        let Some(earlier) = earlier else { return self.finish(stage, end) };
        let answer = match end {
            SmtpEnd::Answered(answer) => Some(answer),
            SmtpEnd::NobodyLeft | SmtpEnd::Lost | SmtpEnd::Malformed | SmtpEnd::Stopped(_) => None,
        };
        for fate in &mut self.fates {
            if matches!(fate, Fate::Waiting | Fate::Accepted) {
                *fate = Fate::Refused(answer.clone());
            }
        }
        self.finish(SmtpStage::Taken, SmtpEnd::Answered(earlier));
    }

    fn finish(&mut self, stage: SmtpStage, end: SmtpEnd) {
        let fates = mem::take(&mut self.fates).into_iter().zip(&self.call.recipients);
        let refused = fates.filter_map(|(fate, address)| match fate {
            Fate::Refused(answer) => Some(SmtpRefusal { address: address.clone(), answer }),
            Fate::Waiting | Fate::Accepted | Fate::Taken => None,
        });
        self.reply = Some(SmtpReply { stage, end, refused: refused.collect() });
        self.out.clear();
        self.awaited.clear();
        self.step = Step::Over;
    }

    fn say(&mut self, line: &str, then: Step) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self.step = then;
    }
}

fn over(stage: SmtpStage) -> SmtpReply {
    SmtpReply { stage, end: SmtpEnd::Lost, refused: Vec::new() }
}

/// "Service not available, closing transmission channel" (RFC 5321 section 3.8): it may come instead of any answer.
const CLOSING: u16 = 421;
/// RFC 5321 section 4.5.3.1.4: a command line has 512 octets, of which two end it.
const MAX_COMMAND: usize = 510;
/// RFC 5321 section 4.5.3.2: the greeting, `MAIL` and `RCPT` have five minutes each.
const COMMAND_MS: u64 = 300_000;
/// The same for the answer to `DATA`.
const DATA_MS: u64 = 120_000;
/// The same for each piece of the mail.
const BLOCK_MS: u64 = 180_000;
/// The same for the answer to the final dot: a server that answers late has taken the mail, and would get it twice.
const FINAL_MS: u64 = 600_000;
