//! What a session asks, decided from the database: passwords, windows, planned faults and chances, and where mail is kept.

use super::{
    command::Reply,
    fault::{Act, Fault, NO_SUCH_USER, Stage, TOO_FAST},
    session::{Ask, Envelope, Verdict},
    settings::Settings,
};
use crate::host::{Host, Moment};
use sendgate_core::sql::{Sql, SqlError};
use sendgate_simulator::outside::{self, Begun, Ended, Mail, SMTP};
use serde_json::json;

/// The desk of one session.
pub(crate) struct Desk {
    /// The transaction's line in the log.
    call: Option<i64>,
    named: usize,
    fault: Option<String>,
    user: Option<String>,
}

/// How the connection stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// The port speaks TLS from the first byte.
    pub(crate) implicit: bool,
    /// The connection is encrypted.
    pub(crate) secured: bool,
}

impl Way {
    const fn word(self) -> &'static str {
        match (self.implicit, self.secured) {
            (true, _) => "smtps",
            (false, true) => "smtp+starttls",
            (false, false) => "smtp",
        }
    }
}

impl Desk {
    /// A desk at which nothing was asked yet.
    pub(crate) const fn new() -> Self {
        Self { call: None, named: 0, fault: None, user: None }
    }

    /// Decides. A store that fails is a temporary error of the server.
    pub(crate) fn decide(&mut self, host: &Host, way: Way, ask: &Ask) -> Verdict {
        let moment = host.moment();
        match host.transaction(|sql| self.answer(sql, host, way, ask, &moment)) {
            Ok(verdict) => {
                host.changed();
                verdict
            }
            Err(error) => {
                eprintln!("sendgate-simulator: {error}");
                Verdict::Reply(Reply::new(451, "4.3.0 The simulator's store failed"))
            }
        }
    }

    /// The session itself refused the open message with this code.
    pub(crate) fn refused(&mut self, host: &Host, code: u16) {
        if let Err(error) = host.transaction(|sql| self.close(sql, Some(code), None)) {
            eprintln!("sendgate-simulator: {error}");
        }
    }

    fn answer(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        way: Way,
        ask: &Ask,
        moment: &Moment,
    ) -> Result<Verdict, SqlError> {
        let settings = Settings::load(sql)?;
        match ask {
            Ask::Login(name, password) => {
                if let Some(verdict) = self.planned(sql, host, &settings, Stage::Auth, &[])? {
                    return self.lone("AUTH", way, verdict, sql, moment);
                }
                let right = settings.login.as_ref().is_none_or(|(n, p)| n == name && p == password);
                if !right || password.is_empty() {
                    let verdict = Verdict::Reply(Reply::new(535, "5.7.8 Authentication credentials invalid"));
                    return self.lone("AUTH", way, verdict, sql, moment);
                }
                self.user = Some(name.clone());
                Ok(Verdict::Proceed)
            }
            Ask::Sender(_) => self.sender(sql, host, way, &settings, moment),
            Ask::Recipient(address) => self.recipient(sql, host, &settings, address),
            Ask::Data => match self.planned(sql, host, &settings, Stage::Data, &[])? {
                Some(verdict) => self.closed(sql, verdict),
                None => Ok(Verdict::Proceed),
            },
            Ask::Message(envelope, bytes) => self.message(sql, host, way, &settings, (envelope, bytes), moment),
            Ask::Connect => self.early(sql, host, way, (Stage::Connect, "CONNECT"), moment),
            Ask::Hello => {
                self.user = None;
                self.early(sql, host, way, (Stage::Ehlo, "EHLO"), moment)
            }
            Ask::StartTls => self.early(sql, host, way, (Stage::StartTls, "STARTTLS"), moment),
        }
    }

    /// A stage before any transaction: a line in the log only when a fault hits.
    fn early(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        way: Way,
        (stage, method): (Stage, &'static str),
        moment: &Moment,
    ) -> Result<Verdict, SqlError> {
        let settings = Settings::load(sql)?;
        match self.planned(sql, host, &settings, stage, &[])? {
            Some(verdict) => self.lone(method, way, verdict, sql, moment),
            None => Ok(Verdict::Proceed),
        }
    }

    fn sender(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        way: Way,
        settings: &Settings,
        moment: &Moment,
    ) -> Result<Verdict, SqlError> {
        (self.named, self.fault) = (0, None);
        for (limit, period_ms) in &settings.windows {
            if outside::used(sql, SMTP, *period_ms, moment.now)? >= *limit {
                let verdict = Verdict::Reply(reply(TOO_FAST));
                return self.lone("MAIL", way, verdict, sql, moment);
            }
        }
        let begun = Begun { dialect: SMTP, method: "MAIL", path: way.word(), counted: true };
        self.call = Some(outside::begin(sql, &begun, moment.now)?);
        match self.planned(sql, host, settings, Stage::Mail, &[])? {
            Some(verdict) => self.closed(sql, verdict),
            None => Ok(Verdict::Proceed),
        }
    }

    fn recipient(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        settings: &Settings,
        address: &str,
    ) -> Result<Verdict, SqlError> {
        self.named += 1;
        if let Some(verdict) = self.planned(sql, host, settings, Stage::Rcpt, &[address])? {
            return self.noted(sql, verdict);
        }
        if settings.inactive.contains(&address.to_lowercase()) {
            return self.noted(sql, Verdict::Reply(reply(NO_SUCH_USER)));
        }
        Ok(Verdict::Proceed)
    }

    fn message(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        way: Way,
        settings: &Settings,
        (envelope, bytes): (&Envelope, &[u8]),
        moment: &Moment,
    ) -> Result<Verdict, SqlError> {
        let recipients: Vec<&str> = envelope.recipients.iter().map(String::as_str).collect();
        let fault = self.take(sql, host, settings, Stage::Message, &recipients)?;
        if let Some(fault) = fault.as_ref().filter(|fault| !fault.stored) {
            return self.closed(sql, verdict(fault));
        }
        let request = json!({
            "mail_from": envelope.sender.address,
            "rcpt_to": envelope.recipients,
            "size": envelope.sender.size,
            "body": envelope.sender.body,
            "smtputf8": envelope.sender.utf8,
            "transport": way.word(),
            "user": self.user,
            "message": std::str::from_utf8(bytes).ok(),
        });
        let mail = Mail {
            id: &moment.id,
            sender: &envelope.sender.address,
            recipients: &envelope.recipients,
            request: &request.to_string(),
            bytes,
        };
        let before = outside::newest(sql)?;
        outside::keep(sql, SMTP, &mail, moment.now)?;
        host.plan_webhooks(sql, before, moment)?;
        let done = Verdict::Reply(Reply::new(250, format!("2.0.0 Ok: queued as {}", moment.id)));
        let verdict = fault.as_ref().map_or(done, verdict);
        self.close(sql, status(&verdict), Some(&moment.id))?;
        Ok(verdict)
    }

    /// The fault that hits now, if any.
    fn take(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        settings: &Settings,
        stage: Stage,
        recipients: &[&str],
    ) -> Result<Option<Fault>, SqlError> {
        let at_stage = |text: &str| Fault::parse(text).filter(|fault| fault.stage == stage);
        let mut text = outside::meet(sql, SMTP, recipients, |text| at_stage(text).is_some())?;
        for (chance, per_thousand) in &settings.chances {
            if text.is_none() && at_stage(chance).is_some() && host.roll(sql)? < *per_thousand {
                text = Some(chance.clone());
            }
        }
        let fault = text.as_deref().and_then(at_stage);
        if text.is_some() {
            self.fault = text;
        }
        Ok(fault)
    }

    fn planned(
        &mut self,
        sql: &mut dyn Sql,
        host: &Host,
        settings: &Settings,
        stage: Stage,
        recipients: &[&str],
    ) -> Result<Option<Verdict>, SqlError> {
        Ok(self.take(sql, host, settings, stage, recipients)?.as_ref().map(verdict))
    }

    /// A refusal that has its own line in the log, which no window counts.
    fn lone(
        &mut self,
        method: &str,
        way: Way,
        verdict: Verdict,
        sql: &mut dyn Sql,
        moment: &Moment,
    ) -> Result<Verdict, SqlError> {
        let begun = Begun { dialect: SMTP, method, path: way.word(), counted: false };
        let call = outside::begin(sql, &begun, moment.now)?;
        let fault = self.fault.take();
        outside::end(sql, call, &Ended { status: status(&verdict), fault: fault.as_deref(), ..Ended::default() })?;
        Ok(verdict)
    }

    /// The transaction ends with this.
    fn closed(&mut self, sql: &mut dyn Sql, verdict: Verdict) -> Result<Verdict, SqlError> {
        self.close(sql, status(&verdict), None)?;
        Ok(verdict)
    }

    fn close(&mut self, sql: &mut dyn Sql, status: Option<u16>, id: Option<&str>) -> Result<(), SqlError> {
        match self.call.take() {
            Some(call) => self.end(sql, call, status, id),
            None => Ok(()),
        }
    }

    /// A recipient was refused: the transaction may go on, or end here.
    fn noted(&mut self, sql: &mut dyn Sql, verdict: Verdict) -> Result<Verdict, SqlError> {
        if let Some(call) = self.call {
            self.end(sql, call, status(&verdict), None)?;
        }
        Ok(verdict)
    }

    fn end(&self, sql: &mut dyn Sql, call: i64, status: Option<u16>, id: Option<&str>) -> Result<(), SqlError> {
        let fault = self.fault.as_deref();
        outside::end(sql, call, &Ended { status, fault, message_id: id, recipients: self.named })
    }
}

fn verdict(fault: &Fault) -> Verdict {
    match &fault.act {
        Act::Reply(reply) => Verdict::Reply(reply.clone()),
        Act::Drop => Verdict::Drop,
        Act::Hang => Verdict::Hang,
    }
}

fn status(verdict: &Verdict) -> Option<u16> {
    match verdict {
        Verdict::Reply(reply) => Some(reply.code),
        Verdict::Proceed | Verdict::Drop | Verdict::Hang => None,
    }
}

/// A reply of this module's own constants.
fn reply(text: &str) -> Reply {
    Reply::parse(text).unwrap_or_else(|| Reply::new(451, "4.3.0 Temporary server error"))
}
