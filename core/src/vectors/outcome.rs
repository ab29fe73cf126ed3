//! `outcome`: what a provider's answer, or the lack of one, means.

use super::{Number, VectorError, read};
use crate::{
    http::HttpResponse,
    outcome::{Answer, Outcome, Refused, RefusedReason, TransportFailure},
    provider::{self, ProviderKind},
    time::UnixMillis,
};
use alloc::{collections::BTreeMap, string::String};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

#[derive(Deserialize)]
struct Case<'a> {
    provider: ProviderKind,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    /// In place of a response: why there is none.
    failure: Option<Failure>,
    /// How many messages the call carried, when it was a batch.
    count: Option<usize>,
    now: Number,
}

#[derive(Deserialize)]
struct Response<'a> {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    /// The body as text, when it is not JSON.
    body_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    NotSent,
    MaybeSent,
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case<'_> = read(case_json)?;
    if let (Some(response), Some(count)) = (&case.response, case.count) {
        if count > MAX_COUNT {
            return Err(VectorError::BadCase { detail: "expected a small count".into() });
        }
        let reply = HttpResponse::from(response).into();
        let answers = provider::classify_batch(case.provider, &reply, count, case.now.instant());
        return Ok(answers.iter().map(printed).collect());
    }
    let answer = match (case.response, case.failure) {
        (Some(response), None) => {
            provider::classify(case.provider, &HttpResponse::from(&response).into(), case.now.instant())
        }
        (None, Some(Failure::NotSent)) => TransportFailure::NotSent.answer(),
        (None, Some(Failure::MaybeSent)) => TransportFailure::MaybeSent.answer(),
        (Some(_), Some(_)) | (None, None) => {
            return Err(VectorError::BadCase { detail: "expected one of response and failure".into() });
        }
    };
    Ok(printed(&answer))
}

impl From<&Response<'_>> for HttpResponse {
    fn from(response: &Response<'_>) -> Self {
        let body = response.body_text.as_deref().unwrap_or_else(|| response.body.map_or("", RawValue::get));
        Self { status: response.status, headers: response.headers.clone().into_iter().collect(), body: body.into() }
    }
}

fn printed(answer: &Answer) -> Value {
    let retry =
        |word: &str, at: &Option<UnixMillis>| json!({ "outcome": word, "retry_at": at.map(UnixMillis::as_millis) });
    let mut printed = match &answer.outcome {
        Outcome::Accepted { provider_message_id } => {
            json!({ "outcome": "accepted", "provider_message_id": provider_message_id })
        }
        Outcome::Throttled { retry_at } => retry("throttled", retry_at),
        Outcome::Transient { retry_at } => retry("transient", retry_at),
        Outcome::QuotaSpent { retry_at } => retry("quota_spent", retry_at),
        Outcome::SenderRefused => json!({ "outcome": "sender_refused" }),
        Outcome::CredentialsWrong => json!({ "outcome": "credentials_wrong" }),
        Outcome::RecipientSuppressed => json!({ "outcome": "recipient_suppressed" }),
        Outcome::PermanentlyRefused => json!({ "outcome": "permanently_refused" }),
        Outcome::Split => json!({ "outcome": "split" }),
        Outcome::Unknown => json!({ "outcome": "unknown" }),
    };
    if let Value::Object(fields) = &mut printed {
        fields.insert("provider_code".into(), Value::from(answer.provider_code.as_deref()));
        if !answer.refused.is_empty() {
            fields.insert("refused".into(), answer.refused.iter().map(refused).collect());
        }
    }
    printed
}

fn refused(refused: &Refused) -> Value {
    let reason = match refused.reason {
        RefusedReason::Suppressed => "suppressed",
        RefusedReason::Permanent => "permanent",
        RefusedReason::Transient => "transient",
    };
    json!({ "address": refused.address, "reason": reason })
}

/// The most messages of any provider's call.
const MAX_COUNT: usize = 1_000;
