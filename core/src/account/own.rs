//! The account's owner, in the same process: asks without a key, and keeps one store with other processes.

use super::{Account, AccountError, Admitted, Ask, Found, HostTools, Operation, Reply, find, quota_name, taken_as};
use crate::{
    config::Config,
    front::Pass,
    gate, id,
    mailroom::Interrupted,
    sql::{Sql, SqlError},
    time::UnixMillis,
};
use alloc::{string::String, string::ToString, vec::Vec};

/// A request of the owner's, as the API would take it.
#[derive(Clone, Copy)]
pub struct OwnRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The idempotency key.
    pub idempotency_key: Option<&'a str>,
}

/// What it is answered: the API's own status and body.
pub struct OwnReply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    /// The first instant at which the same request will do, when it is known.
    pub retry_at: Option<UnixMillis>,
}

impl Account {
    /// Opens an account over a store that other processes write, too. Attempts that are under way stay so: who made them
    /// is alive, or whoever delivers next will find out with [`Account::open`].
    ///
    /// `before` is the account as it was before the store moved; what it learned of the providers is kept.
    ///
    /// # Errors
    /// As [`Account::open`].
    pub fn open_beside(
        config: &Config,
        account: &str,
        before: Option<Self>,
        tools: HostTools<'_>,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<Self, AccountError> {
        let mailroom = before.as_ref().map(|before| &before.mailroom);
        let mut opened = Self::open_with(config, account, Interrupted::Alive(mailroom), tools, sql, now)?;
        if let Some(before) = before {
            opened.alerts = before.alerts;
        }
        Ok(opened)
    }

    /// Answers a request of the owner's. A send counts in the windows that all keys share; nothing else counts anywhere,
    /// and what only reads writes nothing.
    ///
    /// # Errors
    /// The store's; nothing was accepted, and the host rolls back.
    pub fn handle_own(
        &mut self,
        request: OwnRequest<'_>,
        sql: &mut dyn Sql,
        entropy: [u64; 2],
        now: UnixMillis,
    ) -> Result<OwnReply, SqlError> {
        let pass = Pass {
            account: String::new(),
            key_id: gate::OWNER.into(),
            key_hash: String::new(),
            method: request.method.into(),
            path: request.path.into(),
            query: request.query.into(),
            idempotency_key: request.idempotency_key.map(ToString::to_string),
            client_ip: None,
            if_none_match: None,
            request_id: id::request_id(entropy[0], now),
            headers: Vec::new(),
        };
        let found = find(&pass.method, &pass.path);
        let is_send = match &found {
            Found::Route(route, _) => matches!(route.operation, Operation::Send | Operation::SendBulk),
            Found::OtherMethod(_) | Found::Nothing => false,
        } || taken_as(&found).is_some();
        let admitted = if is_send { self.count(&pass, &found, None, sql, now)? } else { Ok(Admitted::Now) };
        let Reply { status, body, retry_at, .. } = match admitted {
            Ok(Admitted::Now) => self.dispatch(&pass, &found, request.body, sql, entropy, now)?,
            Ok(Admitted::Later(form, until, refusal)) => {
                let (limited, body) = (Some((until, refusal)), request.body);
                match taken_as(&found) {
                    Some(other) => self.drop_in(other, &pass, body, limited, sql, entropy, now)?,
                    None => self.send(Ask { form, pass: &pass, body }, limited, sql, entropy, now)?,
                }
            }
            Err(reply) => reply,
        };
        if is_send {
            let quotas = self.gate.ledger.usage(now).into_iter().map(|quota| (quota_name(quota.period), quota));
            let quotas: Vec<_> = quotas.collect();
            let standings = self.gate.explain(gate::OWNER, now);
            self.alerts.watch(&standings, &quotas, sql, now)?;
        }
        Ok(OwnReply { status, body, retry_at })
    }

    /// Whether no message waits and none is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mailroom.is_empty()
    }
}
