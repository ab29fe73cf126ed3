//! `outcome`: what a provider's answer, or the lack of one, means.

use super::{Number, VectorError, read};
use crate::{
    http::HttpResponse,
    outcome::{Answer, Outcome, Refused, TransportFailure},
    provider::{self, ProviderKind},
    time::UnixMillis,
    transport::{BindingReply, Reply, SmtpAnswer, SmtpEnd, SmtpRefusal, SmtpReply, SmtpStage, SmtpStop},
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

#[derive(Deserialize)]
struct Case<'a> {
    provider: ProviderKind,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    /// In place of a response: how a conversation with a mail server ended.
    smtp: Option<Conversation>,
    /// In place of a response: what a binding returned or threw.
    binding: Option<Bound>,
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

#[derive(Deserialize)]
struct Conversation {
    stage: Stage,
    /// Absent when there was an answer.
    end: Option<End>,
    answer: Option<Spoken>,
    #[serde(default)]
    refused: Vec<(String, Option<Spoken>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Connect,
    Hello,
    StartTls,
    Auth,
    From,
    Recipients,
    Data,
    Taken,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    NobodyLeft,
    Lost,
    Malformed,
    NoTls,
    NoLogin,
    TooLarge,
    NoSmtpUtf8,
}

#[derive(Deserialize)]
struct Spoken {
    code: u16,
    enhanced: Option<[u16; 3]>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Returned(Option<String>),
    Threw(Option<String>),
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
    let reply = match (case.response, case.smtp, case.binding, case.failure) {
        (Some(response), None, None, None) => HttpResponse::from(&response).into(),
        (None, Some(conversation), None, None) => Reply::Smtp(conversation.reply()?),
        (None, None, Some(Bound::Returned(message_id)), None) => Reply::Binding(BindingReply::Returned { message_id }),
        (None, None, Some(Bound::Threw(code)), None) => Reply::Binding(BindingReply::Threw { code }),
        (None, None, None, Some(Failure::NotSent)) => return Ok(printed(&TransportFailure::NotSent.answer())),
        (None, None, None, Some(Failure::MaybeSent)) => return Ok(printed(&TransportFailure::MaybeSent.answer())),
        (Some(_) | None, Some(_) | None, Some(_) | None, Some(_) | None) => {
            return Err(VectorError::BadCase { detail: "expected one of response, smtp, binding and failure".into() });
        }
    };
    Ok(printed(&provider::classify(case.provider, &reply, case.now.instant())))
}

impl Conversation {
    fn reply(self) -> Result<SmtpReply, VectorError> {
        let stage = match self.stage {
            Stage::Connect => SmtpStage::Connect,
            Stage::Hello => SmtpStage::Hello,
            Stage::StartTls => SmtpStage::StartTls,
            Stage::Auth => SmtpStage::Auth,
            Stage::From => SmtpStage::From,
            Stage::Recipients => SmtpStage::Recipients,
            Stage::Data => SmtpStage::Data,
            Stage::Taken => SmtpStage::Taken,
        };
        let end = match (self.end, self.answer) {
            (None, Some(answer)) => SmtpEnd::Answered(answer.into()),
            (Some(End::NobodyLeft), None) => SmtpEnd::NobodyLeft,
            (Some(End::Lost), None) => SmtpEnd::Lost,
            (Some(End::Malformed), None) => SmtpEnd::Malformed,
            (Some(End::NoTls), None) => SmtpEnd::Stopped(SmtpStop::NoTls),
            (Some(End::NoLogin), None) => SmtpEnd::Stopped(SmtpStop::NoLogin),
            (Some(End::TooLarge), None) => SmtpEnd::Stopped(SmtpStop::TooLarge),
            (Some(End::NoSmtpUtf8), None) => SmtpEnd::Stopped(SmtpStop::NoSmtpUtf8),
            (Some(_), Some(_)) | (None, None) => {
                return Err(VectorError::BadCase { detail: "expected one of answer and end".into() });
            }
        };
        let refused = self.refused.into_iter();
        let refused = refused.map(|(address, answer)| SmtpRefusal { address, answer: answer.map(SmtpAnswer::from) });
        Ok(SmtpReply { stage, end, refused: refused.collect() })
    }
}

impl From<Spoken> for SmtpAnswer {
    fn from(Spoken { code, enhanced, text }: Spoken) -> Self {
        Self { code, enhanced, text }
    }
}

impl From<&Response<'_>> for HttpResponse {
    fn from(response: &Response<'_>) -> Self {
        let body = response.body_text.as_deref().unwrap_or_else(|| response.body.map_or("", RawValue::get));
        Self { status: response.status, headers: response.headers.clone().into_iter().collect(), body: body.into() }
    }
}

fn printed(answer: &Answer) -> Value {
    let word = answer.outcome.word();
    let mut printed = match &answer.outcome {
        Outcome::Accepted { provider_message_id } => {
            json!({ "outcome": word, "provider_message_id": provider_message_id })
        }
        Outcome::Throttled { retry_at } | Outcome::Transient { retry_at } | Outcome::QuotaSpent { retry_at } => {
            json!({ "outcome": word, "retry_at": retry_at.map(UnixMillis::as_millis) })
        }
        Outcome::SenderRefused
        | Outcome::CredentialsWrong
        | Outcome::RecipientSuppressed
        | Outcome::PermanentlyRefused
        | Outcome::Split
        | Outcome::Unknown => json!({ "outcome": word }),
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
    let reason = refused.reason.word();
    match refused.bounce {
        Some(bounce) => json!({ "address": refused.address, "reason": reason, "class": bounce.class.word() }),
        None => json!({ "address": refused.address, "reason": reason }),
    }
}

/// The most messages of any provider's call.
const MAX_COUNT: usize = 1_000;
