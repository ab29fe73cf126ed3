//! A transaction up to its mail: `MAIL`, `RCPT` and `DATA`, and what their answers lead to.

use super::{
    super::{
        Standing,
        body::{self, Body},
    },
    Awaited, Fate, Step, Talk,
};
use crate::transport::{SmtpAnswer, SmtpEnd, SmtpStage, SmtpStop};
use alloc::format;

impl Talk<'_> {
    /// Begins a transaction for the recipients that wait.
    pub(super) fn begin(&mut self) {
        let able = self.session.able;
        let size = body::size(&self.call.data);
        if able.size.flatten().is_some_and(|bound| size > bound) {
            return self.stop(SmtpStop::TooLarge);
        }
        let plain = self.call.data.is_ascii();
        if (self.call.needs_smtputf8 && !able.smtputf8) || (!plain && !able.eight_bit) {
            return self.stop(SmtpStop::NoSmtpUtf8);
        }
        let mut line = format!("MAIL FROM:<{}>", self.call.from);
        if able.size.is_some() {
            line.push_str(&format!(" SIZE={size}"));
        }
        if !plain {
            line.push_str(" BODY=8BITMIME");
        }
        if self.call.needs_smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        (self.at, self.from_refused, self.data, self.body) = (0, None, None, Body::default());
        self.say(&line, Step::Envelope);
        self.awaited.push_back(Awaited::From);
        if able.pipelining {
            self.ask();
        }
    }

    /// Ends the mail before anything of it was said.
    fn stop(&mut self, stop: SmtpStop) {
        self.end(SmtpStage::From, SmtpEnd::Stopped(stop));
        self.session.standing = Standing::Ready { reset: false };
    }

    /// Asks for the next recipients: for as many as a flight holds, with `DATA` behind the last, or for one. When none is
    /// left to ask for, for the mail.
    fn ask(&mut self) {
        let pipelining = self.session.able.pipelining;
        let flight = if pipelining { FLIGHT } else { 1 };
        for _ in 0..flight {
            let Some(index) = self.next_waiting() else { break };
            let Some(address) = self.call.recipients.get(index) else { break };
            self.out.extend_from_slice(format!("RCPT TO:<{address}>\r\n").as_bytes());
            self.awaited.push_back(Awaited::Recipient(index));
            self.at = index.saturating_add(1);
        }
        let asked = self.awaited.iter().any(|awaited| matches!(awaited, Awaited::Recipient(_)));
        if self.next_waiting().is_none() && (pipelining || !asked) {
            self.out.extend_from_slice(b"DATA\r\n");
            self.awaited.push_back(Awaited::Data);
        }
    }

    fn next_waiting(&self) -> Option<usize> {
        let rest = self.fates.iter().enumerate().skip(self.at);
        rest.filter(|(_, fate)| **fate == Fate::Waiting).map(|(index, _)| index).next()
    }

    pub(super) fn take_of_envelope(&mut self, answer: SmtpAnswer) {
        let good = (200..300).contains(&answer.code);
        match self.awaited.pop_front() {
            Some(Awaited::From) if good => {}
            Some(Awaited::From) => self.from_refused = Some(answer),
            Some(Awaited::Recipient(index)) => {
                let fate = if good {
                    Fate::Accepted
                } else if self.is_too_many(&answer) {
                    // It waits for another transaction, and so do all behind it.
                    self.at = self.fates.len();
                    Fate::Waiting
                } else {
                    Fate::Refused(Some(answer))
                };
                if let Some(place) = self.fates.get_mut(index) {
                    *place = fate;
                }
            }
            Some(Awaited::Data) => self.data = Some(answer),
            None => return self.broken(SmtpEnd::Malformed),
        }
        if self.awaited.is_empty() {
            self.go_on();
        }
    }

    /// RFC 5321 section 4.5.3.1.10: a server that has enough recipients says 452, and some say 552. With nobody accepted
    /// it is no such thing.
    fn is_too_many(&self, answer: &SmtpAnswer) -> bool {
        let says_so = match answer.enhanced {
            Some(enhanced) => matches!(enhanced, [4 | 5, 5, 3]),
            None => matches!(answer.code, 452 | 552),
        };
        says_so && self.has_accepted()
    }

    fn has_accepted(&self) -> bool {
        self.fates.contains(&Fate::Accepted)
    }

    /// Everything asked was answered.
    fn go_on(&mut self) {
        let wants_mail = self.data.as_ref().is_some_and(|answer| answer.code == 354);
        if self.from_refused.is_some() || (self.data.is_some() && !self.has_accepted()) {
            if wants_mail {
                // RFC 2920 section 3.1: a server that asks for the mail all the same gets an empty one.
                self.say(".", Step::Discard);
                return;
            }
            return self.conclude_refused();
        }
        match self.data.take() {
            None if self.next_waiting().is_none() && !self.has_accepted() => self.conclude_refused(),
            None => self.ask(),
            Some(_) if wants_mail => self.step = Step::Body,
            Some(answer) if answer.code < 400 => self.broken(SmtpEnd::Malformed),
            Some(answer) => self.conclude(SmtpStage::Data, SmtpEnd::Answered(answer)),
        }
    }

    /// The sender or every recipient was refused.
    pub(super) fn conclude_refused(&mut self) {
        match self.from_refused.take() {
            Some(answer) if answer.code < 400 => self.broken(SmtpEnd::Malformed),
            Some(answer) => self.conclude(SmtpStage::From, SmtpEnd::Answered(answer)),
            None => self.conclude(SmtpStage::Recipients, SmtpEnd::NobodyLeft),
        }
    }
}

/// Recipients in one flight: few enough that neither side's buffers fill while nobody reads (RFC 2920 section 3.1).
const FLIGHT: usize = 100;
