//! What became of submitted messages, read from the account's answer.

use crate::{Failure, FailureKind, FieldFault, Mailroom};
use serde::{Deserialize, de::IgnoredAny};

/// What became of one submitted message.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Receipt {
    /// The message's id; `None` when it was refused.
    #[serde(default)]
    pub message_id: Option<String>,
    /// `queued`, `suppressed` or `refused`.
    pub status: String,
    /// Words for what is not wrong but worth knowing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why it was refused.
    #[serde(default)]
    pub error: Option<Refusal>,
}

/// Why a message was refused while others of its submission were taken.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Refusal {
    /// The stable word.
    pub code: String,
    /// What is wrong with it, field by field.
    #[serde(default)]
    pub errors: Vec<FieldFault>,
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<Receipt>,
}

impl Mailroom {
    /// Takes messages, each as its JSON text, all under one request's limits, and tells what became of each. The same key
    /// with the same messages gets the same receipts for 24 hours.
    ///
    /// # Errors
    /// No message could be taken, a limit stands in the way, the key was used for others, or the file failed. Nothing was
    /// accepted.
    pub fn submit_each<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a str>,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<Receipt>, Failure> {
        let mut body = String::from(r#"{"messages":["#);
        for (index, message) in messages.into_iter().enumerate() {
            // Each text is one value, or what follows it would be read as part of the request.
            serde_json::from_str::<IgnoredAny>(message).map_err(|error| not_json(index, &error))?;
            body.push_str(if index == 0 { "" } else { "," });
            body.push_str(message);
        }
        body.push_str("]}");
        let reply = self.submit(body.as_bytes(), idempotency_key)?;
        if reply.status >= 400 {
            return Err(Failure::refused(&reply.body, reply.retry_at));
        }
        let accepted = serde_json::from_slice::<Accepted>(&reply.body).map_err(|_| Failure::unreadable())?;
        Ok(accepted.messages)
    }
}

fn not_json(index: usize, error: &serde_json::Error) -> Failure {
    let detail = format!("is not JSON (line {}, column {})", error.line(), error.column());
    let fault = FieldFault { field: format!("messages[{index}]"), code: CODE.into(), detail };
    let detail = format!("{}: {}", fault.field, fault.detail);
    Failure { kind: FailureKind::InvalidMessage { faults: vec![fault] }, code: CODE.into(), detail }
}

/// The API's word for it.
const CODE: &str = "invalid_json";
