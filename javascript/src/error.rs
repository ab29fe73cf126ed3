//! What is thrown: JSON text, of which `lib/errors.js` makes an error of the right class.

use sendgate_core::{
    account::AccountError,
    address::AddressError,
    event::WebhookError,
    limiter::{LimiterError, StateError},
    message::FieldError,
    provider::BuildError,
    sql::SqlError,
    suppression::{LoadError, TooManyEntries},
    time::UnixMillis,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Display;
use wasm_bindgen::JsValue;

/// A refusal's body (RFC 9457), as far as errors tell of it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    errors: Vec<Value>,
}

fn thrown(class: &str, code: &str, text: &dyn Display, more: Value) -> JsValue {
    JsValue::from_str(&json!({ "class": class, "code": code, "message": text.to_string(), "more": more }).to_string())
}

fn plain(code: &str, text: &dyn Display) -> JsValue {
    thrown("SendgateError", code, text, json!({}))
}

/// An argument that cannot be.
pub(crate) fn argument(field: &str, fault: &str) -> JsValue {
    let text = format!("{field} {fault}");
    thrown("SendgateError", "invalid_argument", &text, json!({ "field": field }))
}

pub(crate) fn variant(text: &str) -> JsValue {
    plain("unknown_variant", &text)
}

/// A setting of a provider, or an argument of a call to it, that cannot be.
pub(crate) fn provider(field: &str, fault: &str) -> JsValue {
    let text = format!("{field} {fault}");
    thrown("SendgateError", "provider_incomplete", &text, json!({ "field": field }))
}

pub(crate) fn address(error: AddressError) -> JsValue {
    plain(error.code(), &error)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn policy(error: LimiterError) -> JsValue {
    let field = match &error {
        LimiterError::OutOfRange { field, .. } => Some(*field),
        LimiterError::Malformed { .. }
        | LimiterError::WindowCount { .. }
        | LimiterError::BadName { .. }
        | LimiterError::DuplicateName { .. }
        | LimiterError::UnknownTimeZone { .. } => None,
    };
    thrown("SendgateError", error.code(), &error, json!({ "field": field }))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn state(error: StateError) -> JsValue {
    plain(error.code(), &error)
}

pub(crate) fn too_many(error: TooManyEntries) -> JsValue {
    plain(error.code(), &error)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn set(error: LoadError) -> JsValue {
    plain(error.code(), &error)
}

pub(crate) fn webhook(error: WebhookError) -> JsValue {
    thrown("WebhookRefused", error.code(), &error, json!({}))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn build(error: BuildError) -> JsValue {
    match &error {
        BuildError::Unsupported(gap) => {
            let more = json!({ "feature": gap.feature, "provider": gap.provider });
            thrown("UnsupportedFeature", gap.code(), &gap, more)
        }
        BuildError::Incomplete { field } => thrown("SendgateError", error.code(), &error, json!({ "field": field })),
        BuildError::NoRecipient
        | BuildError::InvalidHeaderValue { .. }
        | BuildError::NotPrintable
        | BuildError::NotTogether => plain(error.code(), &error),
    }
}

/// The code of the first fault is the error's.
#[allow(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn message(faults: Vec<FieldError>) -> JsValue {
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let code = faults.first().map_or("invalid_message", |fault| fault.code);
    let fault =
        |FieldError { field, code, detail }: &FieldError| json!({ "field": field, "code": code, "detail": detail });
    let errors: Vec<Value> = faults.iter().map(fault).collect();
    thrown("InvalidMessage", code, &text, json!({ "errors": errors }))
}

pub(crate) fn vector(error: impl Display) -> JsValue {
    plain("vector", &error)
}

pub(crate) fn store(text: &str) -> JsValue {
    thrown("StoreFailed", "store_failed", &text, json!({}))
}

/// A configuration that a Mailroom cannot be opened with.
pub(crate) fn config(text: &dyn Display) -> JsValue {
    plain("mailroom_config", &format_args!("the configuration is wrong: {text}"))
}

pub(crate) fn sql(error: SqlError) -> JsValue {
    store(&error.to_string())
}

pub(crate) fn account(error: AccountError) -> JsValue {
    match error {
        AccountError::Config(detail) => config(&detail),
        AccountError::Missing => config(&"there is no such account"),
        AccountError::MissingCredential(name) => {
            plain("missing_credential", &format_args!("there is no secret called {name}"))
        }
        AccountError::Store(error) => sql(error),
    }
}

/// A refusal of the account's: the API's own body of it, and when the same request will do.
pub(crate) fn refused(body: &[u8], retry_at: Option<UnixMillis>) -> JsValue {
    let Ok(Problem { code, detail, window, errors }) = serde_json::from_slice::<Problem>(body) else {
        return store("an answer cannot be read");
    };
    let retry_at = retry_at.map(UnixMillis::as_millis);
    match code.as_str() {
        "rate_limit_exceeded" => {
            thrown("RateLimited", &code, &detail, json!({ "retryAt": retry_at, "window": window }))
        }
        "quota_daily" | "quota_monthly" | "quota_yearly" | "overquota" => {
            let period = PERIODS.iter().find(|(known, _)| *known == code).map(|(_, period)| *period);
            thrown("QuotaExceeded", &code, &detail, json!({ "retryAt": retry_at, "period": period }))
        }
        "idempotency_conflict" => thrown("IdempotencyConflict", &code, &detail, json!({})),
        "store_failed" => store(&detail),
        _ if !errors.is_empty() => thrown("InvalidMessage", &code, &detail, json!({ "errors": errors })),
        _ => plain(&code, &detail),
    }
}

/// The quota that a refusal speaks of.
const PERIODS: [(&str, &str); 3] = [("quota_daily", "day"), ("quota_monthly", "month"), ("quota_yearly", "year")];
