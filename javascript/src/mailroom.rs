//! The durable sender over the host's storage.
//!
//! Every verb runs in one of the host's transactions. When one fails, the account in memory is dropped and opened anew
//! from the store by the next verb, so that memory never knows more or less than the store. One Mailroom owns a store:
//! there is no lease between processes here.

use crate::{
    error,
    provider::Request,
    storage::Storage,
    values::{headers, instant, number},
};
use sendgate_core::{
    account::{Account, AccountError, HostTools, OwnReply, OwnRequest},
    config::{Config, own},
    http::HttpResponse,
    id::MessageId,
    mailroom::{self, Attempt, Effect},
    outcome::TransportFailure,
    provider::ProviderKind,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::{Call, Reply},
};
use serde_json::json;
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;

/// One account over the host's storage.
#[wasm_bindgen]
pub struct Mailroom {
    config: Config,
    secrets: BTreeMap<String, String>,
    storage: Storage,
    account: Option<Account>,
    /// Whether the account was open before: its calls under way are still waited for.
    was_open: bool,
}

/// What to do now.
#[wasm_bindgen]
pub struct Due(Work);

enum Work {
    Call { attempt: Attempt, call: Call, timeout_ms: u64 },
    Wait(UnixMillis),
}

#[wasm_bindgen]
impl Mailroom {
    /// `account` is the configuration, `secrets` a JSON object of the values of names.
    ///
    /// # Errors
    /// A wrong configuration, a missing secret, or the store's.
    #[wasm_bindgen(constructor)]
    pub fn new(storage: Storage, account: &str, secrets: &str, now: f64) -> Result<Self, JsValue> {
        let config = own::read(account).map_err(|error| error::config(&error))?;
        let secrets =
            serde_json::from_str(secrets).map_err(|_| error::argument("secrets", "must be texts by their names"))?;
        let kinds = config.accounts.values().flat_map(|account| account.providers.iter().map(|provider| provider.kind));
        for kind in kinds {
            if kind == ProviderKind::Smtp || kind == ProviderKind::CloudflareBinding {
                return Err(error::config(&format_args!(
                    "{} is not spoken over HTTP, which is all there is",
                    kind.as_str()
                )));
            }
        }
        let mut mailroom = Self { config, secrets, storage, account: None, was_open: false };
        // What is wrong with the configuration is told now, not with the first message.
        mailroom.verb(now, |_, _, _| Ok(()))?;
        Ok(mailroom)
    }

    /// Stores messages, and answers as the API does; throws what it refuses.
    ///
    /// # Errors
    /// A limit, a quota, a message or the store stands in the way; nothing was accepted.
    pub fn submit(&mut self, body: &str, idempotency_key: Option<String>, now: f64) -> Result<String, JsValue> {
        let request = OwnRequest {
            method: "POST",
            path: "/v1/send",
            query: "",
            body: body.as_bytes(),
            idempotency_key: idempotency_key.as_deref(),
        };
        let entropy = [chance()?, chance()?];
        let OwnReply { status, body, retry_at } =
            self.verb(now, |account, sql, now| account.handle_own(request, sql, entropy, now))?;
        if status >= 400 {
            return Err(error::refused(&body, retry_at));
        }
        text(body)
    }

    /// What a `GET` of the API answers.
    ///
    /// # Errors
    /// The store's.
    pub fn ask(&mut self, path: &str, now: f64) -> Result<String, JsValue> {
        let request = OwnRequest { method: "GET", path, query: "", body: b"", idempotency_key: None };
        let entropy = [chance()?, chance()?];
        let reply = self.verb(now, |account, sql, now| account.handle_own(request, sql, entropy, now))?;
        text(reply.body)
    }

    /// Where a message is and how it came there; nothing when there is none of this id.
    ///
    /// # Errors
    /// The store's.
    pub fn trace(&self, message_id: &str) -> Result<Option<String>, JsValue> {
        let Some(id) = MessageId::parse(message_id) else { return Ok(None) };
        let view = self.storage.transact(|sql| mailroom::view(id, sql)).map_err(error::sql)?;
        view.map(text).transpose()
    }

    /// What to do now; nothing when nothing waits.
    ///
    /// # Errors
    /// The store's.
    pub fn next(&mut self, now: f64) -> Result<Option<Due>, JsValue> {
        let effect = self.verb(now, Account::next)?;
        Ok(match effect {
            Effect::Send { attempt, call, timeout_ms } => Some(Due(Work::Call { attempt, call, timeout_ms })),
            Effect::Wait { until } => Some(Due(Work::Wait(until))),
            Effect::Idle => None,
        })
    }

    /// The answer to a call.
    ///
    /// # Errors
    /// The store's; then it has to be settled again.
    pub fn settle(&mut self, due: &Due, status: u16, fields: &str, body: Vec<u8>, now: f64) -> Result<(), JsValue> {
        let reply = Reply::Http(HttpResponse { status, headers: headers(fields)?, body });
        let (entropy, (attempt, ..)) = (chance()?, due.call()?);
        self.verb(now, |account, sql, now| account.settle(attempt, Ok(&reply), sql, entropy, now))
    }

    /// A call that has no answer.
    ///
    /// # Errors
    /// The store's; then it has to be settled again.
    pub fn settle_failure(&mut self, due: &Due, is_sure: bool, now: f64) -> Result<(), JsValue> {
        let failure = if is_sure { TransportFailure::NotSent } else { TransportFailure::MaybeSent };
        let (entropy, (attempt, ..)) = (chance()?, due.call()?);
        self.verb(now, |account, sql, now| account.settle(attempt, Err(failure), sql, entropy, now))
    }

    /// Whether no message waits and none is on its way.
    ///
    /// # Errors
    /// The store's.
    pub fn is_empty(&mut self, now: f64) -> Result<bool, JsValue> {
        self.verb(now, |account, _, _| Ok(account.is_empty()))
    }
}

impl Mailroom {
    /// Runs a verb of the account in one transaction.
    fn verb<T>(
        &mut self,
        now: f64,
        verb: impl FnOnce(&mut Account, &mut dyn Sql, UnixMillis) -> Result<T, SqlError>,
    ) -> Result<T, JsValue> {
        let Self { config, secrets, storage, account, was_open } = self;
        let (mut held, now) = (account.take(), instant(now));
        let secret = |name: &str| secrets.get(name).cloned();
        let tools = HostTools { secret: &secret, compose: sendgate_mime::compose };
        let done = storage.transact(|sql| {
            let mut account = match held.take() {
                Some(account) => account,
                None if *was_open => Account::open_beside(config, own::ACCOUNT, None, tools, sql, now)?,
                None => Account::open(config, own::ACCOUNT, tools, sql, now)?,
            };
            let value = verb(&mut account, sql, now)?;
            Ok::<_, AccountError>((account, value))
        });
        let (opened, value) = done.map_err(error::account)?;
        *account = Some(opened);
        *was_open = true;
        Ok(value)
    }
}

#[wasm_bindgen]
impl Due {
    /// Whether there is a call; else there is an instant to wait for.
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self.0, Work::Call { .. })
    }

    /// The call.
    ///
    /// # Errors
    /// There is none.
    pub fn request(&self) -> Result<Request, JsValue> {
        let (_, call, _) = self.call()?;
        Request::of(call.clone())
    }

    /// Its figures as JSON.
    ///
    /// # Errors
    /// There is no call.
    pub fn fields(&self) -> Result<String, JsValue> {
        let (attempt, _, timeout_ms) = self.call()?;
        let Attempt { message, number } = attempt;
        let message = message.to_string();
        Ok(json!({ "messageId": message, "attempt": number, "timeoutMs": timeout_ms }).to_string())
    }

    /// Nothing may leave before this instant, when there is no call.
    #[must_use]
    pub fn until(&self) -> f64 {
        match self.0 {
            Work::Call { .. } => 0.0,
            Work::Wait(until) => number(until),
        }
    }
}

impl Due {
    fn call(&self) -> Result<(Attempt, &Call, u64), JsValue> {
        match &self.0 {
            Work::Call { attempt, call, timeout_ms } => Ok((*attempt, call, *timeout_ms)),
            Work::Wait(_) => Err(error::argument("due", "has no call")),
        }
    }
}

fn text(body: Vec<u8>) -> Result<String, JsValue> {
    String::from_utf8(body).map_err(|_| error::store("an answer cannot be read"))
}

fn chance() -> Result<u64, JsValue> {
    getrandom::u64().map_err(|_| error::argument("crypto", "gives no random numbers"))
}
