//! The Durable Object of the admin API: the Directory over its storage, and the way of a change to its account.

use crate::host::{Either, Timer, all, log, message, race};
use crate::storage::Storage;
use crate::stream::{Read, read_up_to};
use crate::{bound, clock, transport, wire};
use js_sys::Uint8Array;
use sendgate_core::admin::{self, AdminTools, Brought, Directory as Accounts, Handled, Push};
use sendgate_core::front;
use sendgate_core::http::HttpRequest;
use sendgate_core::sql::{Sql, SqlError};
use sendgate_core::time::UnixMillis;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::ReadableStream;
use worker::Env;

/// The Rust object inside `entry.js`'s class of the same name.
#[wasm_bindgen]
pub struct Directory {
    desk: Rc<Desk>,
}

#[wasm_bindgen]
impl Directory {
    /// Takes the object's `ctx` and `env`.
    ///
    /// # Errors
    /// The object has no SQLite storage.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: Env) -> Result<Directory, JsValue> {
        Ok(Self { desk: Rc::new(Desk { env, storage: Storage::of(&state)?, alarm: Cell::default() }) })
    }

    /// Answers one request of the admin API, when the change it made has been pushed to its account or cannot be now.
    ///
    /// # Errors
    /// Only what stops an answer from being made at all; a failing store is an answer.
    pub fn handle(&self, pass: String, body: JsValue) -> js_sys::Promise {
        let desk = Rc::clone(&self.desk);
        future_to_promise(async move {
            let body = match body.dyn_into::<Uint8Array>() {
                Ok(bytes) => bytes.to_vec(),
                Err(stream) => match read_up_to(&stream.dyn_into::<ReadableStream>()?, MAX_BODY_BYTES, None).await {
                    Read::Whole(bytes) => bytes,
                    Read::TooLong => {
                        return wire::pack(&admin::body_too_large(clock::random_u64()?, clock::now()));
                    }
                    Read::Broken(_) => return Err(JsValue::from_str("the request's body broke off")),
                },
            };
            desk.answer(&pass, &body).await
        })
    }

    /// The account that a queue's messages belong to, when the Directory has it.
    ///
    /// # Errors
    /// The store failed.
    #[wasm_bindgen(js_name = accountOf)]
    pub fn account_of(&self, queue: &str) -> Result<Option<String>, JsValue> {
        self.desk.decide(|accounts, sql, _| accounts.account_of_queue(queue, sql)).map_err(thrown)
    }

    /// Pushes what is due, and then looks at one domain that is due.
    ///
    /// # Errors
    /// The store failed: the platform repeats the alarm.
    pub async fn alarm(&self) -> Result<(), JsValue> {
        let desk = Rc::clone(&self.desk);
        desk.alarm.set(None);
        for _ in 0..PUSHES_PER_RUN {
            let Some(push) = desk.decide(|accounts, sql, now| accounts.next_push(None, sql, now)).map_err(thrown)?
            else {
                // A look asks up to 48 times; the alarm comes again at once for the next one.
                return desk.look().await.map_err(thrown);
            };
            desk.push(&push).await.map_err(thrown)?;
        }
        Ok(())
    }
}

struct Desk {
    env: Env,
    storage: Storage,
    /// The instant that the alarm stands at, or that there is none; `None` while that is not known.
    alarm: Cell<Option<Option<UnixMillis>>>,
}

impl Desk {
    /// Runs one verb of the Directory in one transaction, with the alarm that it calls for.
    fn decide<T>(
        &self,
        verb: impl FnOnce(&mut Accounts, &mut dyn Sql, UnixMillis) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let now = clock::now();
        let (value, alarm) = self.storage.transaction(|sql| {
            let mut accounts = Accounts::open(sql)?;
            let value = verb(&mut accounts, sql, now)?;
            let alarm = accounts.wake_at(sql)?;
            if self.alarm.get() != Some(alarm) {
                self.move_alarm(alarm)?;
            }
            Ok::<_, SqlError>((value, alarm))
        })?;
        self.alarm.set(Some(alarm));
        Ok(value)
    }

    fn move_alarm(&self, to: Option<UnixMillis>) -> Result<(), SqlError> {
        match to {
            Some(at) => self.storage.set_alarm(at),
            None => self.storage.delete_alarm(),
        }
    }

    async fn answer(&self, pass: &str, body: &[u8]) -> Result<JsValue, JsValue> {
        let entropy = [clock::random_u64()?, clock::random_u64()?];
        let done =
            self.finish(&|accounts, tools, sql, now| accounts.handle(pass, body, tools, sql, entropy, now)).await;
        match done {
            Ok(handled) => {
                let in_force = self.put_in_force(handled.changed()).await;
                wire::pack(&handled.answer(in_force, clock::now()))
            }
            Err(error) => {
                log(&error.to_string());
                wire::pack(&front::store_failed(clock::random_u64()?, clock::now()))
            }
        }
    }

    /// Looks at the domain whose look is due, if one is.
    async fn look(&self) -> Result<(), SqlError> {
        let Some(look) = self.decide(|accounts, sql, now| accounts.next_look(sql, now))? else { return Ok(()) };
        let random = || clock::random_u64().map_err(|error| SqlError(message(&error)));
        let entropy = [random()?, random()?];
        let verb: Verb<'_> = &|accounts, tools, sql, now| accounts.look(&look, tools, sql, entropy, now);
        let handled = self.finish(verb).await?;
        self.put_in_force(handled.changed()).await;
        Ok(())
    }

    /// Runs a verb, again and again as long as it asks for something to be fetched first.
    async fn finish(&self, verb: Verb<'_>) -> Result<Handled, SqlError> {
        let mut brought = Vec::new();
        loop {
            let handled = self.carry_out(&brought, verb)?;
            if handled.fetches().is_empty() {
                return Ok(handled);
            }
            brought.extend(fetch(handled.fetches()).await);
        }
    }

    fn carry_out(&self, brought: &[Brought], verb: Verb<'_>) -> Result<Handled, SqlError> {
        let config = bound::config(&self.env).map_err(SqlError)?;
        let key_secret = bound::key_secret(&self.env).map_err(SqlError)?;
        let sealing_key = bound::text(&self.env, "SENDGATE_SEALING_KEY");
        let resolver = bound::text(&self.env, "SENDGATE_RESOLVER");
        let tools = AdminTools {
            key_secret: &key_secret,
            sealing_key: sealing_key.as_deref(),
            secret: &|name| bound::text(&self.env, name),
            is_static: &|name| config.accounts.contains_key(name),
            resolver: resolver.as_deref(),
            brought,
        };
        self.decide(|accounts, sql, now| verb(accounts, tools, sql, now))
    }

    /// Pushes a changed account's configuration now. Whatever stops that, the outbox has it.
    async fn put_in_force(&self, changed: Option<&str>) -> bool {
        let Some(account) = changed else { return false };
        match self.decide(|accounts, sql, now| accounts.next_push(Some(account), sql, now)) {
            Ok(Some(push)) => self.push(&push).await.unwrap_or_else(|error| {
                log(&error.to_string());
                false
            }),
            // Nothing waits: the object has it.
            Ok(None) => true,
            Err(error) => {
                log(&error.to_string());
                false
            }
        }
    }

    async fn push(&self, push: &Push) -> Result<bool, SqlError> {
        let has = match self.configure(push).await {
            Ok(has) => has,
            Err(error) => {
                log(&message(&error));
                None
            }
        };
        self.decide(|accounts, sql, now| accounts.pushed(push, has, sql, now))
    }

    /// Hands a configuration to its account's object; the revision that it has then, or `None` when it does not say in time.
    async fn configure(&self, push: &Push) -> Result<Option<u64>, JsValue> {
        let accounts = bound::namespace(&self.env, "ACCOUNT_GATE")?;
        let timer = Timer::start(admin::PUSH_MS)?;
        match race(wire::configure(&accounts, &push.account, &push.configuration), timer.end()).await {
            Either::First(has) => has.map(Some),
            Either::Second(()) => Ok(None),
        }
    }
}

/// A verb that may ask for something to be fetched.
type Verb<'v> = &'v dyn Fn(&mut Accounts, AdminTools<'_>, &mut dyn Sql, UnixMillis) -> Result<Handled, SqlError>;

/// Fetches all of it at once.
async fn fetch(requests: &[HttpRequest]) -> Vec<Brought> {
    let one = async |request: &HttpRequest| Brought {
        url: request.url.clone(),
        result: transport::send(request, FETCH_MS).await,
    };
    all(requests.iter().map(one)).await
}

fn thrown(error: impl std::error::Error) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

/// A push is one request to another object; the next alarm goes on at once.
const PUSHES_PER_RUN: usize = 40;
/// A resolver answers in a fraction of a second; what it does not answer is not known.
const FETCH_MS: u64 = 5_000;
#[allow(clippy::cast_possible_truncation, reason = "262,144 fits 32 bits")]
const MAX_BODY_BYTES: usize = admin::MAX_BODY_BYTES as usize;
