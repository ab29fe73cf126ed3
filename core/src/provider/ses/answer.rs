//! What SES's answers mean.
//!
//! An error is named by the header `x-amzn-ErrorType`, with a URI behind a colon, or by `__type` in the body, with a
//! namespace before a number sign. AWS sends one name with several statuses, so the name decides, and for a few names
//! the text does: only it tells a day's quota from a second's rate.

use crate::{
    http::HttpResponse,
    outcome::{Answer, Outcome},
    provider::classify::{Class, by_status, json_object, of_each, readable_id, safe_name},
};
use alloc::{string::String, vec::Vec};
use serde_json::{Map, Value};

/// The meaning of an answer: `{"MessageId"}` on success, `{"message"}` and a name otherwise.
pub(super) fn classify(response: &HttpResponse) -> Answer {
    let body = json_object(&response.body);
    if (200..300).contains(&response.status) {
        return Answer::new(accepted(&body), response.status, None);
    }
    let name = name_of(response, &body);
    let class = class_of(response.status, name.unwrap_or_default(), text_of(&body));
    Answer::new(class.outcome(None), response.status, name.map(String::from))
}

/// The meaning of an answer to a bulk call: `{"BulkEmailEntryResults": [{"Status", "Error", "MessageId"}]}`.
pub(super) fn classify_batch(response: &HttpResponse, count: usize) -> Vec<Answer> {
    if !(200..300).contains(&response.status) {
        return of_each(classify(response), count);
    }
    let body = json_object(&response.body);
    let results = body.get("BulkEmailEntryResults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // A list of another length cannot be told apart.
    if results.len() != count {
        return alloc::vec![Answer::new(Outcome::Unknown, response.status, None); count];
    }
    results.iter().map(|result| entry(result, response.status)).collect()
}

fn entry(result: &Value, status: u16) -> Answer {
    let empty = Map::new();
    let result = result.as_object().unwrap_or(&empty);
    let word = result.get("Status").and_then(Value::as_str).and_then(safe_name);
    if word == Some("SUCCESS") {
        return Answer::new(accepted(result), status, None);
    }
    let text = result.get("Error").and_then(Value::as_str).unwrap_or_default();
    let class = find(ENTRIES, word.unwrap_or_default()).map_or(Class::Unknown, |class| refine(class, text));
    Answer::new(class.outcome(None), status, word.map(String::from))
}

fn accepted(body: &Map<String, Value>) -> Outcome {
    let id = body.get("MessageId").and_then(Value::as_str).and_then(readable_id);
    id.map_or(Outcome::Unknown, |id| Outcome::Accepted { provider_message_id: Some(id) })
}

fn name_of<'a>(response: &'a HttpResponse, body: &'a Map<String, Value>) -> Option<&'a str> {
    let of_body = || ["__type", "code"].iter().find_map(|field| body.get(*field).and_then(Value::as_str));
    let full = response.header("x-amzn-errortype").or_else(of_body)?;
    let name = full.split(':').next().unwrap_or(full);
    safe_name(name.rsplit('#').next().unwrap_or(name).trim())
}

fn text_of(body: &Map<String, Value>) -> &str {
    ["message", "Message"].iter().find_map(|field| body.get(*field).and_then(Value::as_str)).unwrap_or_default()
}

fn class_of(status: u16, name: &str, text: &str) -> Class {
    if !(400..600).contains(&status) {
        return by_status(status);
    }
    match find(NAMES, name) {
        Some(class) => refine(class, text),
        // A quota says so whatever its name; a gateway's 502 says nothing.
        None => refine(by_status(status), text),
    }
}

/// The class with what only the text tells.
fn refine(class: Class, text: &str) -> Class {
    let says = |words: &str| text.contains(words);
    match class {
        Class::Throttled | Class::QuotaSpent if says(DAILY) => Class::QuotaSpent,
        Class::Throttled | Class::QuotaSpent if says(RATE) => Class::Throttled,
        Class::Refused if says(UNVERIFIED) => Class::SenderRefused,
        Class::CredentialsWrong if SKEWED.iter().any(|words| says(words)) => Class::Transient,
        Class::Throttled
        | Class::Transient
        | Class::QuotaSpent
        | Class::CredentialsWrong
        | Class::SenderRefused
        | Class::RecipientSuppressed
        | Class::Refused
        | Class::Unknown => class,
    }
}

fn find(table: &[(&str, Class)], name: &str) -> Option<Class> {
    table.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
}

/// SES developer guide, "Errors related to the sending quotas".
const DAILY: &str = "Daily message quota exceeded";
const RATE: &str = "Maximum sending rate exceeded";
/// SES developer guide, "Amazon SES email sending errors": of an identity that is not verified.
const UNVERIFIED: &str = "is not verified";
/// AWS IAM user guide, "Troubleshoot Signature Version 4": the clock of a caller is off by more than five minutes, or
/// the request was that long on its way. It was surely not taken, and the next one is signed with another date: so it
/// passes, and no credential has to be changed for it.
const SKEWED: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// Names of errors. The first are those of botocore's model of `SendEmail`; the rest are AWS's common errors and the
/// names that botocore's retry handler takes for throttling.
const NAMES: &[(&str, Class)] = &[
    ("TooManyRequestsException", Class::Throttled),
    ("LimitExceededException", Class::QuotaSpent),
    ("AccountSuspendedException", Class::CredentialsWrong),
    ("SendingPausedException", Class::CredentialsWrong),
    ("MessageRejected", Class::Refused),
    ("MailFromDomainNotVerifiedException", Class::SenderRefused),
    ("NotFoundException", Class::Refused),
    ("BadRequestException", Class::Refused),
    ("InternalServiceErrorException", Class::Transient),
    ("Throttling", Class::Throttled),
    ("ThrottlingException", Class::Throttled),
    ("ThrottledException", Class::Throttled),
    ("RequestThrottled", Class::Throttled),
    ("RequestThrottledException", Class::Throttled),
    ("RequestLimitExceeded", Class::Throttled),
    ("BandwidthLimitExceeded", Class::Throttled),
    ("SlowDown", Class::Throttled),
    ("ServiceUnavailable", Class::Transient),
    ("ServiceUnavailableException", Class::Transient),
    ("RequestTimeout", Class::Transient),
    ("RequestTimeoutException", Class::Transient),
    ("InternalFailure", Class::Transient),
    ("RequestExpired", Class::Transient),
    ("RequestTimeTooSkewed", Class::Transient),
    ("AccessDeniedException", Class::CredentialsWrong),
    ("AccessDenied", Class::CredentialsWrong),
    ("NotAuthorized", Class::CredentialsWrong),
    ("OptInRequired", Class::CredentialsWrong),
    ("InvalidClientTokenId", Class::CredentialsWrong),
    ("UnrecognizedClient", Class::CredentialsWrong),
    ("UnrecognizedClientException", Class::CredentialsWrong),
    ("SignatureDoesNotMatch", Class::CredentialsWrong),
    ("InvalidSignatureException", Class::CredentialsWrong),
    ("IncompleteSignature", Class::CredentialsWrong),
    ("MissingAuthenticationToken", Class::CredentialsWrong),
    ("MissingAuthenticationTokenException", Class::CredentialsWrong),
    ("ExpiredToken", Class::CredentialsWrong),
    ("ExpiredTokenException", Class::CredentialsWrong),
    ("ValidationError", Class::Refused),
    ("ValidationException", Class::Refused),
];

/// botocore's model, `BulkEmailStatus`. `FAILED` says no more than that it was not sent.
const ENTRIES: &[(&str, Class)] = &[
    ("MESSAGE_REJECTED", Class::Refused),
    ("MAIL_FROM_DOMAIN_NOT_VERIFIED", Class::SenderRefused),
    ("CONFIGURATION_SET_NOT_FOUND", Class::Refused),
    ("TEMPLATE_NOT_FOUND", Class::Refused),
    ("ACCOUNT_SUSPENDED", Class::CredentialsWrong),
    ("ACCOUNT_THROTTLED", Class::Throttled),
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", Class::QuotaSpent),
    ("INVALID_SENDING_POOL_NAME", Class::Refused),
    ("ACCOUNT_SENDING_PAUSED", Class::CredentialsWrong),
    ("CONFIGURATION_SET_SENDING_PAUSED", Class::CredentialsWrong),
    ("INVALID_PARAMETER", Class::Refused),
    ("TRANSIENT_FAILURE", Class::Transient),
    ("FAILED", Class::Refused),
];

/// Every status of an entry, the good one first.
#[cfg(test)]
pub(super) fn statuses() -> Vec<&'static str> {
    [("SUCCESS", Class::Unknown)].iter().chain(ENTRIES).map(|(name, _)| *name).collect()
}
