//! The durable sender.

use super::{
    SendgateError,
    error::FieldFault,
    message::Message,
    provider::Provider,
    transport::{HttpResponse, Request, Transport, answer, carried_by},
    values::{Millis, Units},
};
use crate::{later::elsewhere, process};
use sendgate_core::{
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    time::UnixMillis,
    transport::Call,
};
use sendgate_embed::{MailroomError, Secrets};
use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

/// What became of one submitted message.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Receipt {
    /// The message's id, by which `trace` finds it; absent when it was refused.
    pub message_id: Option<String>,
    /// `queued`, `suppressed` or `refused`.
    pub status: String,
    /// Words for what is not wrong but worth knowing.
    pub warnings: Vec<String>,
    /// The stable word for why it was refused.
    pub code: Option<String>,
    /// What is wrong with it, field by field.
    pub faults: Vec<FieldFault>,
}

/// What to do now, for a host that delivers itself.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum Next {
    /// Carry out this call and settle it.
    Send {
        /// The call.
        due: Arc<Due>,
    },
    /// Nothing may leave before this instant, unless something is submitted or settled.
    Wait {
        /// When to ask again.
        until: UnixMillis,
    },
    /// Nothing waits.
    Idle,
}

/// A call that is to be carried out now. It has to be settled.
#[derive(Debug, uniffi::Object)]
pub struct Due {
    attempt: Attempt,
    call: Call,
    timeout_ms: u64,
}

/// What became of a call that the host carried itself.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Carried {
    /// The provider answered.
    Answered {
        /// What.
        response: HttpResponse,
    },
    /// The provider surely has not got the request.
    NotSent,
    /// The provider may have got it.
    MaybeSent,
}

/// A durable sender on a SQLite file, for several threads and several processes on one file.
#[derive(Debug, uniffi::Object)]
pub struct Mailroom(Arc<sendgate_embed::Mailroom>);

#[uniffi::export]
impl Mailroom {
    /// Opens the file, and creates it when there is none. `account` is one account's configuration as JSON, of which only
    /// `providers` has to be there; `secrets` has the values of the names that it calls `credential`, which are environment
    /// variables otherwise. `lease` is how long a process that delivers is waited for after its last sign of life.
    ///
    /// # Errors
    /// [`SendgateError::InvalidConfig`], [`SendgateError::StoreFailed`].
    #[uniffi::constructor(default(secrets = None, transport = None, lease = None))]
    pub fn new(
        path: &str,
        account: &str,
        secrets: Option<HashMap<String, String>>,
        transport: Option<Box<dyn Transport>>,
        lease: Option<Millis>,
    ) -> Result<Self, SendgateError> {
        open(path, account, process::secrets(secrets), transport, lease)
    }

    /// Opens the file for one provider. `profile` names built-in limits of the provider.
    ///
    /// # Errors
    /// As `new`.
    #[uniffi::constructor(default(profile = None, transport = None, lease = None))]
    pub fn of_provider(
        path: &str,
        provider: &Provider,
        profile: Option<String>,
        transport: Option<Box<dyn Transport>>,
        lease: Option<Millis>,
    ) -> Result<Self, SendgateError> {
        let known = Arc::clone(&provider.0);
        let secret: Secrets = Box::new(move |name| known.secret(name));
        open(path, &provider.0.account(profile.as_deref()), secret, transport, lease)
    }

    /// Stores messages for delivery, all under one request's limits. The same `idempotency_key` with the same messages gets
    /// the same receipts for 24 hours and stores nothing again.
    ///
    /// # Errors
    /// [`SendgateError::InvalidMessage`] when no message can be taken, [`SendgateError::RateLimited`],
    /// [`SendgateError::QuotaExceeded`], [`SendgateError::IdempotencyConflict`], [`SendgateError::StoreFailed`]. Nothing was
    /// accepted.
    #[uniffi::method(default(idempotency_key = None))]
    pub fn submit(
        &self,
        messages: Vec<Arc<Message>>,
        idempotency_key: Option<String>,
    ) -> Result<Vec<Receipt>, SendgateError> {
        let texts: Vec<_> = messages.iter().map(|message| message.to_json()).collect();
        let receipts = self.0.submit_each(texts.iter().map(String::as_str), idempotency_key.as_deref())?;
        Ok(receipts.into_iter().map(Receipt::from).collect())
    }

    /// `submit` on a thread of its own.
    ///
    /// # Errors
    /// As `submit`.
    #[uniffi::method(default(idempotency_key = None))]
    pub async fn submit_async(
        self: Arc<Self>,
        messages: Vec<Arc<Message>>,
        idempotency_key: Option<String>,
    ) -> Result<Vec<Receipt>, SendgateError> {
        elsewhere(move || self.submit(messages, idempotency_key)).await
    }

    /// Delivers in the background until `stop`. False when it does so already.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`] when the system has no thread to give.
    pub fn run(&self) -> Result<bool, SendgateError> {
        Ok(self.0.run()?)
    }

    /// Ends the delivery in the background, when the calls under way are settled.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Delivers until no message waits or is on its way, by whichever process, or for `timeout`. Returns whether none is
    /// left.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    #[uniffi::method(default(timeout = None))]
    pub fn drain(&self, timeout: Option<Millis>) -> Result<bool, SendgateError> {
        Ok(self.0.drain(until(timeout))?)
    }

    /// `drain` on a thread of its own.
    ///
    /// # Errors
    /// As `drain`.
    #[uniffi::method(default(timeout = None))]
    pub async fn drain_async(self: Arc<Self>, timeout: Option<Millis>) -> Result<bool, SendgateError> {
        elsewhere(move || self.drain(timeout)).await
    }

    /// Where a message is and how it came there, as the JSON of the API's `GET /v1/messages/{id}`; absent when there is none
    /// of this id.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    pub fn trace(&self, message_id: &str) -> Result<Option<String>, SendgateError> {
        Ok(self.0.trace(message_id)?.map(text))
    }

    /// What is in use of each quota in its current period, as the JSON of the API's `GET /v1/usage`.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    pub fn usage(&self) -> Result<String, SendgateError> {
        Ok(text(self.0.usage()?))
    }

    /// Every limit and where it stands, as the JSON of the API's `GET /v1/limits`.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    pub fn limits(&self) -> Result<String, SendgateError> {
        Ok(text(self.0.limits()?))
    }

    /// What to do now, for a host that delivers itself.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    pub fn next(&self) -> Result<Next, SendgateError> {
        Ok(match self.0.next()? {
            Effect::Send { attempt, call, timeout_ms } => {
                Next::Send { due: Arc::new(Due { attempt, call, timeout_ms }) }
            }
            Effect::Wait { until } => Next::Wait { until },
            Effect::Idle => Next::Idle,
        })
    }

    /// What became of a call that `next` gave.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`]; it is written with the next turn then.
    pub fn settle(&self, due: &Due, carried: Carried) -> Result<(), SendgateError> {
        let result = match carried {
            Carried::Answered { response } => Ok(answer(response)?),
            Carried::NotSent => Err(TransportFailure::NotSent),
            Carried::MaybeSent => Err(TransportFailure::MaybeSent),
        };
        Ok(self.0.settle(due.attempt, result)?)
    }

    /// Carries a call that `next` gave with the Mailroom's own transport, and settles it.
    ///
    /// # Errors
    /// [`SendgateError::StoreFailed`].
    pub fn carry(&self, due: &Due) -> Result<(), SendgateError> {
        Ok(self.0.carry(due.attempt, &due.call, Duration::from_millis(due.timeout_ms))?)
    }
}

#[uniffi::export]
impl Due {
    /// What to carry out.
    ///
    /// # Errors
    /// [`SendgateError::CannotBuild`] for what only a Worker can call.
    pub fn request(&self) -> Result<Request, SendgateError> {
        Ok(self.call.clone().try_into()?)
    }

    /// Give up after so long.
    #[must_use]
    pub fn timeout(&self) -> Millis {
        Millis(self.timeout_ms)
    }

    /// The message, or the first one of several.
    #[must_use]
    pub fn message_id(&self) -> String {
        self.attempt.message.to_string()
    }

    /// 1 for its first attempt.
    #[must_use]
    pub fn attempt(&self) -> Units {
        Units(self.attempt.number)
    }
}

impl From<sendgate_embed::Receipt> for Receipt {
    fn from(receipt: sendgate_embed::Receipt) -> Self {
        let sendgate_embed::Receipt { message_id, status, warnings, error } = receipt;
        let (code, faults) = error.map(|sendgate_embed::Refusal { code, errors }| (code, errors)).unzip();
        let faults = faults.into_iter().flatten().map(FieldFault::from).collect();
        Self { message_id, status, warnings, code, faults }
    }
}

fn open(
    path: &str,
    account: &str,
    secret: Secrets,
    transport: Option<Box<dyn Transport>>,
    lease: Option<Millis>,
) -> Result<Mailroom, SendgateError> {
    let carrier = process::carrier().map_err(MailroomError::Carrier)?;
    let transport: Box<dyn sendgate_embed::Transport> = match transport {
        Some(foreign) => Box::new(process::Foreign { carry: carried_by(foreign), carrier }),
        None => Box::new(carrier),
    };
    let host = process::host(secret, transport);
    let lease_ms = lease.map_or(sendgate_embed::Mailroom::LEASE_MS, |lease| lease.0);
    Ok(Mailroom(Arc::new(sendgate_embed::Mailroom::open(Path::new(path), account, lease_ms, host)?)))
}

/// So long from now; the end of time without a number.
fn until(timeout: Option<Millis>) -> UnixMillis {
    timeout.map_or(UnixMillis::MAX, |timeout| process::clock().plus(timeout.0))
}

/// Answers of the account are JSON, which is UTF-8.
fn text(body: Vec<u8>) -> String {
    String::from_utf8_lossy(&body).into_owned()
}
