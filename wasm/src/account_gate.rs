//! The Durable Object of one account: its storage, its account in memory, and the verbs between them.

use crate::host::{Bell, Timer, log};
use crate::storage::Storage;
use crate::stream::{Read, read_up_to};
use crate::{bound, clock, import, pump, transport, wire};
use js_sys::Uint8Array;
use sendgate_core::account::{self, Account, AccountError, Fetched, HostTools, Taken};
use sendgate_core::front;
use sendgate_core::http::HttpResponse;
use sendgate_core::outcome::TransportFailure;
use sendgate_core::sql::{Sql, SqlError};
use sendgate_core::time::UnixMillis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::ReadableStream;
use worker::Env;

#[wasm_bindgen]
extern "C" {
    /// `ctx` of a Durable Object.
    type State;
    #[wasm_bindgen(method, catch, getter)]
    fn id(this: &State) -> Result<Id, JsValue>;
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &State, work: &js_sys::Promise) -> Result<(), JsValue>;

    type Id;
    #[wasm_bindgen(method, catch, getter)]
    fn name(this: &Id) -> Result<Option<String>, JsValue>;
}

/// The Rust object inside `entry.js`'s class of the same name.
#[wasm_bindgen]
pub struct AccountGate {
    desk: Rc<Desk>,
}

#[wasm_bindgen]
impl AccountGate {
    /// Takes the object's `ctx` and `env`.
    ///
    /// # Errors
    /// The object has no SQLite storage or no name.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: Env) -> Result<AccountGate, JsValue> {
        Ok(Self { desk: Rc::new(Desk::new(state.unchecked_into(), env)?) })
    }

    /// Answers one authenticated request: at once when its body is bytes, later when it is a stream, whose length is
    /// `length` where the client said it.
    ///
    /// # Errors
    /// Only what stops an answer from being made at all; a failing store is an answer.
    pub fn handle(&self, pass: String, body: JsValue, length: Option<f64>) -> Result<JsValue, JsValue> {
        match body.dyn_into::<Uint8Array>() {
            Ok(bytes) => self.desk.answer(&pass, &bytes.to_vec()),
            Err(stream) => {
                let desk = Rc::clone(&self.desk);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
                let length = length.map(|length| length as usize);
                let answer = async move { desk.answer_streamed(&pass, &stream.dyn_into()?, length).await };
                Ok(future_to_promise(answer).into())
            }
        }
    }

    /// Takes in a provider's report.
    ///
    /// # Errors
    /// As [`AccountGate::handle`].
    pub async fn receive(&self, pass: String, body: JsValue) -> Result<JsValue, JsValue> {
        let desk = Rc::clone(&self.desk);
        match body.dyn_into::<Uint8Array>() {
            Ok(bytes) => desk.take(&pass, &bytes.to_vec()).await,
            Err(stream) => desk.take_streamed(&pass, &stream.dyn_into()?).await,
        }
    }

    /// Takes in a configuration from the Directory, and returns the revision that the object has then.
    ///
    /// # Errors
    /// It could not be put in force; what was in force stays so, and the Directory comes again.
    #[allow(clippy::cast_precision_loss, reason = "a revision counts an operator's changes")]
    pub async fn configure(&self, pushed: String) -> Result<JsValue, JsValue> {
        let desk = Rc::clone(&self.desk);
        desk.configure(&pushed).await.map(|revision| JsValue::from_f64(revision as f64))
    }

    /// Sends what is due.
    ///
    /// # Errors
    /// The store failed: the platform repeats the alarm.
    pub async fn alarm(&self) -> Result<(), JsValue> {
        let desk = Rc::clone(&self.desk);
        pump::run(&desk).await
    }
}

/// What the verbs share. The account lives here between calls; whenever a verb fails it is dropped with its
/// transaction, and the next verb opens it from the store.
pub(crate) struct Desk {
    state: State,
    pub(crate) env: Env,
    name: String,
    pub(crate) storage: Storage,
    account: RefCell<Option<Account>>,
    /// The instant the alarm is known to stand at.
    pub(crate) alarm: Cell<Option<UnixMillis>>,
    pub(crate) pumping: Cell<bool>,
    pub(crate) in_flight: Cell<usize>,
    pub(crate) bell: Bell,
    /// Until when no call is started, because a configuration waits for those under way. It is moved on while one waits,
    /// so that one which waits no more, for whatever reason, holds nothing up.
    held_until: Cell<UnixMillis>,
}

impl Desk {
    fn new(state: State, env: Env) -> Result<Self, JsValue> {
        let name = state.id()?.name()?.ok_or_else(|| JsValue::from_str("an account's object has a name"))?;
        let storage = Storage::of(state.as_ref())?;
        Ok(Self {
            state,
            env,
            name,
            storage,
            account: RefCell::default(),
            alarm: Cell::default(),
            pumping: Cell::default(),
            in_flight: Cell::default(),
            bell: Bell::default(),
            held_until: Cell::default(),
        })
    }

    /// Runs one verb of the account in one transaction, with the alarm it calls for.
    ///
    /// The account is taken out of its place first: whatever fails after that leaves the place empty, so that memory
    /// never knows more than the store.
    ///
    /// # Errors
    /// What the verb or the store said. Nothing was written.
    pub(crate) fn decide<T>(
        &self,
        verb: impl FnOnce(&mut Account, &mut dyn Sql, UnixMillis) -> Result<T, SqlError>,
    ) -> Result<T, AccountError> {
        let now = clock::now();
        let in_use = |_| SqlError("the account is in use".into());
        let mut place = self.account.try_borrow_mut().map_err(in_use)?;
        let kept = place.take();
        let (account, value, alarm) = self.storage.transaction(|sql| {
            let mut account = match kept {
                Some(account) => account,
                None => self.open(sql, now)?,
            };
            let value = verb(&mut account, sql, now)?;
            let alarm = self.arm(account.wake_at())?;
            Ok::<_, AccountError>((account, value, alarm))
        })?;
        *place = Some(account);
        self.alarm.set(alarm);
        Ok(value)
    }

    fn open(&self, sql: &mut dyn Sql, now: UnixMillis) -> Result<Account, AccountError> {
        let config = bound::config(&self.env).map_err(AccountError::Config)?;
        Account::open(&config, &self.name, self.tools(&|name| bound::text(&self.env, name)), sql, now)
    }

    fn tools<'a>(&self, secret: &'a dyn Fn(&str) -> Option<String>) -> HostTools<'a> {
        HostTools { secret, compose: sendgate_mime::compose }
    }

    /// Whether no call may be started now.
    pub(crate) fn is_held(&self) -> bool {
        self.held_until.get() > clock::now()
    }

    /// Puts a configuration in force. The account is opened anew under it, which would take a call under way for lost: so
    /// those are waited for first, each of which ends within its time-out.
    async fn configure(&self, pushed: &str) -> Result<u64, JsValue> {
        while self.in_flight.get() > 0 {
            self.held_until.set(clock::now().plus(HOLD_MS));
            Timer::start(LOOK_MS)?.end().await;
        }
        let configured = self.replace(pushed);
        self.held_until.set(UnixMillis::default());
        self.bell.ring();
        configured.map_err(|error| {
            log(&error.to_string());
            js_sys::Error::new(&error.to_string()).into()
        })
    }

    fn replace(&self, pushed: &str) -> Result<u64, AccountError> {
        let now = clock::now();
        let in_use = |_| SqlError("the account is in use".into());
        let mut place = self.account.try_borrow_mut().map_err(in_use)?;
        let secret = |name: &str| bound::text(&self.env, name);
        let (configured, alarm) = self.storage.transaction(|sql| {
            let configured = Account::configure(&self.name, pushed, self.tools(&secret), sql, now)?;
            let alarm = self.arm(configured.account.as_ref().and_then(Account::wake_at))?;
            Ok::<_, AccountError>((configured, alarm))
        })?;
        if let Some(account) = configured.account {
            *place = Some(account);
        }
        self.alarm.set(alarm);
        Ok(configured.revision)
    }

    /// Moves the alarm forward to `wanted`. While the pump runs it stands as its safety net, and the pump moves it.
    /// An object that was just made knows of no alarm, so the first verb repairs a lost one.
    fn arm(&self, wanted: Option<UnixMillis>) -> Result<Option<UnixMillis>, SqlError> {
        let standing = self.alarm.get();
        match wanted {
            Some(at) if !self.pumping.get() && standing.is_none_or(|standing| at < standing) => {
                self.storage.set_alarm(at).map(|()| Some(at))
            }
            Some(_) | None => Ok(standing),
        }
    }

    fn answer(&self, pass: &str, body: &[u8]) -> Result<JsValue, JsValue> {
        let entropy = [clock::random_u64()?, clock::random_u64()?];
        let answer = self.decide(|account, sql, now| account.handle(pass, body, sql, entropy, now));
        self.bell.ring();
        match answer {
            Ok(answer) => wire::pack(&answer),
            Err(error) => failed(pass, &error),
        }
    }

    /// Takes a report in. Nothing is held between the steps: what was fetched comes with the report again.
    async fn take(&self, pass: &str, body: &[u8]) -> Result<JsValue, JsValue> {
        let mut brought: Option<(String, Result<HttpResponse, TransportFailure>)> = None;
        loop {
            let fetched = brought
                .as_ref()
                .map(|(url, result)| Fetched { url, result: result.as_ref().map_err(|failure| *failure) });
            match self.decide(|account, sql, now| account.receive(pass, body, fetched, sql, now)) {
                Ok(Taken::Answer(answer)) => return wire::pack(&answer),
                Ok(Taken::Fetch { request, timeout_ms }) => {
                    let result = transport::send(&request, timeout_ms).await;
                    brought = Some((request.url, result));
                }
                Err(error) => return failed(pass, &error),
            }
        }
    }

    async fn take_streamed(&self, pass: &str, body: &ReadableStream) -> Result<JsValue, JsValue> {
        match read_up_to(body, MAX_BODY_BYTES, None).await {
            Read::Whole(bytes) => self.take(pass, &bytes).await,
            Read::TooLong => wire::pack(&front::body_too_large(clock::random_u64()?, clock::now())),
            Read::Broken(_) => Err(JsValue::from_str("the report's body broke off")),
        }
    }

    async fn answer_streamed(
        &self,
        pass: &str,
        body: &ReadableStream,
        length: Option<usize>,
    ) -> Result<JsValue, JsValue> {
        if account::comes_in_pieces(pass) {
            return import::take(self, pass, body).await;
        }
        match read_up_to(body, MAX_BODY_BYTES, length).await {
            Read::Whole(bytes) => self.answer(pass, &bytes),
            Read::TooLong => {
                let refusal = front::body_too_large(clock::random_u64()?, clock::now());
                wire::pack(&front::as_asked(pass, refusal))
            }
            Read::Broken(_) => Err(JsValue::from_str("the request's body broke off")),
        }
    }

    /// Lets `work` go on after the event that started it.
    ///
    /// # Errors
    /// The platform refused.
    pub(crate) fn detach(&self, work: impl Future<Output = ()> + 'static) -> Result<(), JsValue> {
        let done = future_to_promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        });
        self.state.wait_until(&done)
    }
}

/// The answer when a verb failed; why goes to the log.
pub(crate) fn failed(pass: &str, error: &AccountError) -> Result<JsValue, JsValue> {
    // Of an account that is not there nothing is logged: its keys may be used for a long time yet.
    if *error != AccountError::Missing {
        log(&error.to_string());
    }
    let refuse = match error {
        AccountError::Missing => front::account_missing,
        AccountError::Store(_) => front::store_failed,
        AccountError::Config(_) | AccountError::MissingCredential(_) => front::misconfigured,
    };
    wire::pack(&front::as_asked(pass, refuse(clock::random_u64()?, clock::now())))
}

/// How often a configuration looks whether the calls under way have ended: nobody notices less.
const LOOK_MS: u64 = 20;
/// Many looks, on a machine that is slow.
const HOLD_MS: u64 = 1_000;
#[allow(clippy::cast_possible_truncation, reason = "50,000,000 fits 32 bits")]
pub(crate) const MAX_BODY_BYTES: usize = front::MAX_BODY_BYTES as usize;
