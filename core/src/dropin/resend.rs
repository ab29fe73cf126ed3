//! Resend's `POST /emails` and `POST /emails/batch`, and what its SDKs do with an email's id.
//!
//! Fields, bodies and names of errors after resend-openapi 1.5.0, the `resend` SDKs (npm 6.38.0, PyPI 2.52.0) and
//! resend.com/docs ("Errors", "Idempotency Keys", "Send Batch Emails"), read in November 2026. Resend's tags are names
//! and values: they become metadata, and the one called `category` a tag, which is how Sendgate's own go to Resend.

use super::{
    Printed, Terms, Translated,
    fields::{Fields, content, printed},
    told::{Answer, Flaw, Names, Problem, Refused},
};
use crate::{
    message::{FieldError, Json},
    problem,
    time::UnixMillis,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// One email in Sendgate's JSON.
pub(super) fn message(json: Json<'_>) -> Translated {
    let mut fields = Fields::open(json, "")?;
    fields.rename(&[
        ("from", "from"),
        ("to", "to"),
        ("cc", "cc"),
        ("bcc", "bcc"),
        ("reply_to", "reply_to"),
        ("subject", "subject"),
        ("text", "text_body"),
        ("html", "html_body"),
        ("headers", "headers"),
    ]);
    if let Some(at) = fields.take("scheduled_at") {
        schedule(&mut fields, at);
    }
    if let Some(list) = fields.take("attachments") {
        fields.each("attachments", list, file);
    }
    if let Some(list) = fields.take("tags") {
        tags(&mut fields, list);
    }
    if let Some(object) = fields.take("template") {
        match template(object) {
            Ok(template) => fields.put("template", template),
            Err(flaws) => flaws.iter().for_each(|flaw| fields.flaw(&flaw.field, flaw.code, flaw.detail.as_str())),
        }
    }
    if fields.take("topic_id").is_some() {
        fields.flaw("topic_id", "unknown_field", "has no counterpart here: topics are Resend's own");
    }
    printed(&fields.close(&FIELDS)?)
}

/// Resend reads times of day in words, too; Sendgate reads instants.
fn schedule<'a>(fields: &mut Fields<'a>, at: Json<'a>) {
    match &at {
        Json::Text(text) if UnixMillis::parse_rfc3339(text).is_none() => {
            fields.flaw("send_at", "invalid_date", INSTANT);
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            fields.put("send_at", at);
        }
    }
}

fn file<'a>(json: Json<'a>, path: &str) -> Result<Json<'a>, Vec<FieldError>> {
    let mut fields = Fields::open(json, path)?;
    let kind = match fields.take("content_type") {
        Some(given) => Some(given),
        None => name_of_file(&mut fields).map(|name| Json::Text(Cow::Borrowed(kind_of(&name)))),
    };
    if let Some(kind) = kind {
        fields.put("content_type", kind);
    }
    fields.rename(&[("filename", "filename"), ("content_id", "content_id")]);
    if let Some(given) = fields.take("content") {
        fields.put("content", content(given));
    }
    if fields.take("path").is_some() && !fields.has("content") {
        fields.flaw("path", "unknown_field", "has no counterpart here: nothing is fetched; send the content");
    }
    fields.close(&["filename", "content", "path", "content_type", "content_id"])
}

/// The file's name, which stays where it is.
fn name_of_file(fields: &mut Fields<'_>) -> Option<String> {
    match fields.take("filename")? {
        Json::Text(name) => {
            let name = name.into_owned();
            fields.put("filename", Json::Text(Cow::Owned(name.clone())));
            Some(name)
        }
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_)) => {
            drop(other);
            None
        }
    }
}

/// The media type by which a file's name ends.
fn kind_of(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    KINDS.iter().find(|(known, _)| *known == end).map_or(ANY_KIND, |(_, kind)| kind)
}

fn tags<'a>(fields: &mut Fields<'a>, list: Json<'a>) {
    let Json::List(items) = list else { return fields.flaw("metadata", "wrong_type", "must be a list") };
    let mut pairs = Vec::with_capacity(items.len());
    let mut words = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let path = format!("metadata[{place}]");
        match tag(item) {
            Some((name, value)) if name == CATEGORY && !value.is_empty() => words.push(Json::Text(value)),
            Some((name, value)) => pairs.push((name, Json::Text(value))),
            None => fields.flaw(&path, "wrong_type", "must be an object of the strings name and value"),
        }
    }
    if !pairs.is_empty() {
        fields.put("metadata", Json::Object(pairs));
    }
    if !words.is_empty() {
        fields.put("tags", Json::List(words));
    }
}

fn tag(json: Json<'_>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let Json::Object(fields) = json else { return None };
    let (mut name, mut value) = (None, None);
    for (field, given) in fields {
        let Json::Text(text) = given else { return None };
        match &*field {
            "name" if name.is_none() => name = Some(text),
            "value" if value.is_none() => value = Some(text),
            _ => return None,
        }
    }
    Some((name?, value?))
}

fn template(json: Json<'_>) -> Result<Json<'_>, Vec<FieldError>> {
    let mut fields = Fields::open(json, "template")?;
    fields.rename(&[("id", "id"), ("variables", "data")]);
    fields.close(&["id", "variables"])
}

/// What `x-batch-validation` says.
pub(super) fn terms(option: Option<&str>) -> Result<Terms, problem::Problem> {
    match option {
        None | Some("strict") => Ok(Terms::Whole),
        Some("permissive") => Ok(Terms::Each),
        Some(_) => {
            let detail = format!("{VALIDATION}: must be strict or permissive");
            Err(problem::Problem::new(problem::Code::InvalidParameter, detail))
        }
    }
}

#[derive(Serialize)]
struct Id<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Ids<'a> {
    data: Vec<Id<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ItemError>,
}

#[derive(Serialize)]
struct ItemError {
    index: usize,
    message: String,
}

#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "statusCode")]
    status: u16,
    name: &'a str,
    message: String,
}

/// `{"id"}`, or `{"data": [{"id"}], "errors": [{"index", "message"}]}` for a batch.
pub(super) fn accepted(batch: bool, answer: &Answer) -> Printed {
    let mut ids = answer.messages.iter().filter_map(|item| item.message_id.as_deref().map(|id| Id { id }));
    let body = if batch {
        let refused =
            answer.messages.iter().enumerate().filter_map(|(index, item)| Some((index, item.error.as_ref()?)));
        let errors = refused.map(|(index, refused)| ItemError { index, message: reason(refused) }).collect();
        serde_json::to_vec(&Ids { data: ids.collect(), errors })
    } else {
        serde_json::to_vec(&ids.next())
    };
    Printed { status: 200, body: body.unwrap_or_default() }
}

fn reason(refused: &Refused) -> String {
    refused.errors.first().map_or_else(|| refused.code.to_string(), |flaw| of_field(flaw, false))
}

/// `{"statusCode", "name", "message"}`.
pub(super) fn refusal(problem: &Problem) -> Printed {
    let (status, name) = row(problem);
    let batch = problem.errors.first().is_some_and(|flaw| !flaw.field.starts_with("messages[0]"));
    let message = problem.errors.first().map_or_else(|| problem.sentence(), |flaw| of_field(flaw, batch));
    let body = serde_json::to_vec(&Error { status, name, message }).unwrap_or_default();
    Printed { status, body }
}

/// One sentence about a field, under Resend's name of it.
fn of_field(flaw: &Flaw, batch: bool) -> String {
    let (field, detail) = (NAMES.path(&flaw.field, batch), NAMES.sentence(&flaw.detail));
    match &*flaw.code {
        "missing_field" | "missing_recipient" | "missing_body" => format!("Missing `{field}` field: it {detail}"),
        _ if field.is_empty() => format!("Invalid email: {detail}"),
        _ => format!("Invalid `{field}` field: {detail}"),
    }
}

/// Resend's status and name for a refusal of ours.
fn row(problem: &Problem) -> (u16, &'static str) {
    let same = u16::try_from(problem.status).unwrap_or(500);
    match &*problem.code {
        "invalid_json" => (400, "validation_error"),
        "missing_key" => (401, "missing_api_key"),
        "scope_missing" => (401, "restricted_api_key"),
        "invalid_key" | "key_revoked" | "delivery_account_missing" | "account_suspended" => (403, "invalid_api_key"),
        "from_not_allowed" => (403, "validation_error"),
        "not_found" => (404, "not_found"),
        "method_not_allowed" => (405, "method_not_allowed"),
        "idempotency_conflict" => (409, "invalid_idempotent_request"),
        "invalid_idempotency_key" => (400, "invalid_idempotency_key"),
        "rate_limit_exceeded" => (429, "rate_limit_exceeded"),
        "quota_daily" => (429, "daily_quota_exceeded"),
        // Resend has no quota of a year.
        "quota_monthly" | "quota_yearly" | "overquota" => (429, "monthly_quota_exceeded"),
        _ if problem.status >= 500 => (same, "internal_server_error"),
        _ if matches!(problem.status, 409 | 413) => (same, "validation_error"),
        _ => (422, problem.errors.first().map_or("validation_error", of_flaw)),
    }
}

fn of_flaw(flaw: &Flaw) -> &'static str {
    let field = NAMES.path(&flaw.field, false);
    match &*flaw.code {
        _ if field.starts_with("attachments") => "invalid_attachment",
        "missing_field" | "missing_recipient" | "missing_body" => "missing_required_field",
        "invalid_address" if field == "from" => "invalid_from_address",
        "unsupported_feature" | "unknown_field" => "invalid_parameter",
        _ => "validation_error",
    }
}

/// What is known of a message when its id is asked for.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a str,
    pub(crate) created_at: String,
    pub(crate) status: &'a str,
    /// Addresses by line.
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) scheduled_at: Option<String>,
    /// The message's own JSON, until it is finished.
    pub(crate) content: Option<&'a str>,
}

#[derive(Serialize)]
struct Email<'a> {
    object: &'static str,
    id: &'a str,
    to: &'a [String],
    from: Option<Value>,
    created_at: &'a str,
    subject: Option<Value>,
    html: Option<Value>,
    text: Option<Value>,
    bcc: &'a [String],
    cc: &'a [String],
    last_event: &'a str,
    scheduled_at: Option<&'a str>,
}

/// The answer to `GET /emails/{id}`. What is not kept is `null`: a finished message's content is gone.
pub(crate) fn shown(email: &Shown<'_>) -> Vec<u8> {
    let mut kept: Map<String, Value> =
        email.content.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let printed = Email {
        object: "email",
        id: email.id,
        to: &email.to,
        from: kept.remove("from"),
        created_at: &email.created_at,
        subject: kept.remove("subject"),
        html: kept.remove("html_body"),
        text: kept.remove("text_body"),
        bcc: &email.bcc,
        cc: &email.cc,
        last_event: event(email.status, email.scheduled_at.is_some()),
        scheduled_at: email.scheduled_at.as_deref(),
    };
    serde_json::to_vec(&printed).unwrap_or_default()
}

/// Resend's word for where a message is.
fn event(status: &str, is_scheduled: bool) -> &str {
    match status {
        "queued" if is_scheduled => "scheduled",
        "deferred" | "held" | "sending" => "queued",
        "cancelled" => "canceled",
        "expired" | "unknown" => "failed",
        other => other,
    }
}

/// The instant of a body `{"scheduled_at"}`, beside which the Python SDK says the id once more.
pub(crate) fn send_at(body: &[u8]) -> Result<UnixMillis, problem::Problem> {
    let given: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let alone = given.filter(|fields| fields.keys().all(|name| name == "scheduled_at" || name == "id"));
    let read = alone.and_then(|fields| UnixMillis::parse_rfc3339(fields.get("scheduled_at")?.as_str()?));
    read.ok_or_else(|| {
        let flaw = problem::Flaw { field: "send_at".into(), code: "invalid_date", detail: INSTANT.into() };
        let errors = alloc::vec![flaw];
        problem::Problem { errors, ..problem::Problem::new(problem::Code::InvalidMessage, INSTANT) }
    })
}

#[derive(Serialize)]
struct Acted<'a> {
    object: &'static str,
    id: &'a str,
}

/// The answer to a change of an email.
pub(crate) fn acted(id: &str) -> Vec<u8> {
    serde_json::to_vec(&Acted { object: "email", id }).unwrap_or_default()
}

/// What is wanted of a time.
const INSTANT: &str = "must be an ISO 8601 instant with its offset, such as 2026-12-01T10:00:00Z";
/// The field that says what becomes of a batch with a faulty message.
pub(super) const VALIDATION: &str = "x-batch-validation";
/// Resend's bound of a batch.
pub(super) const MAX_BATCH: usize = 100;
/// The name under which Sendgate's first tag goes to Resend.
const CATEGORY: &str = "category";

const FIELDS: [&str; 14] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "text",
    "html",
    "headers",
    "attachments",
    "tags",
    "template",
    "scheduled_at",
    "topic_id",
];

const NAMES: Names = Names {
    fields: &[
        ("text_body", "text"),
        ("html_body", "html"),
        ("send_at", "scheduled_at"),
        ("metadata", "tags"),
        ("template", "template"),
    ],
    inner: &[("data", "variables")],
};

/// Media types of files that mail often carries, by IANA's registry.
const KINDS: [(&str, &str); 23] = [
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];
/// RFC 2046 section 4.5.1: for what nobody knows.
const ANY_KIND: &str = "application/octet-stream";
