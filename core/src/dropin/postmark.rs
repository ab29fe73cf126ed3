//! Postmark's `POST /email` and `POST /email/batch`.
//!
//! Fields, bodies and codes after postmarkapp.com/developer ("Email API", "API error codes"), the `postmark` SDK (npm
//! 5.1.0) and postmarker (PyPI 1.0), read in November 2026. Postmark's default stream is called `outbound`: naming it is
//! the same as not naming it, and so it is here.

use super::{
    Printed, Translated,
    fields::{Fields, content, printed},
    told::{Answer, Flaw, Item, Names, Problem, Refused},
};
use crate::{
    id::MessageId,
    message::{FieldError, Json},
    sql::SqlError,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

/// One message in Sendgate's JSON.
pub(super) fn message(json: Json<'_>) -> Translated {
    let mut fields = Fields::open(json, "")?;
    fields.rename(&[
        ("From", "from"),
        ("Subject", "subject"),
        ("TextBody", "text_body"),
        ("HtmlBody", "html_body"),
        ("Metadata", "metadata"),
    ]);
    for (theirs, ours) in [("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"), ("ReplyTo", "reply_to")] {
        if let Some(list) = fields.take(theirs) {
            mailboxes(&mut fields, ours, list);
        }
    }
    if let Some(list) = fields.take("Headers") {
        fields.each("headers", list, header);
    }
    if let Some(list) = fields.take("Attachments") {
        fields.each("attachments", list, file);
    }
    for (theirs, ours, means_nothing) in [("Tag", "tags", ""), ("MessageStream", "stream", DEFAULT_STREAM)] {
        if let Some(text) = fields.take(theirs)
            && !is_text(&text, means_nothing)
        {
            fields.put(ours, text);
        }
    }
    tracking(&mut fields);
    printed(&fields.close(&FIELDS)?)
}

/// A list of mailboxes in one text; an empty text is none.
fn mailboxes<'a>(fields: &mut Fields<'a>, ours: &'static str, list: Json<'a>) {
    let Json::Text(text) = &list else { return fields.flaw(ours, "wrong_type", "must be a string") };
    let each: Vec<Json<'a>> = split(text).into_iter().map(|one| Json::Text(Cow::Owned(one.into()))).collect();
    if !text.trim().is_empty() {
        fields.put(ours, Json::List(each));
    }
}

/// The parts of a list, at its commas; one within quotes or angles parts nothing.
fn split(list: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut angled) = (false, false, false);
    list.split(|letter| {
        let parts = letter == ',' && !quoted && !angled;
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' | '>' if !quoted => angled = letter == '<',
            _ => {}
        }
        parts
    })
    .map(str::trim)
    .collect()
}

fn is_text(json: &Json<'_>, wanted: &str) -> bool {
    matches!(json, Json::Text(text) if text == wanted)
}

fn header<'a>(json: Json<'a>, path: &str) -> Result<Json<'a>, Vec<FieldError>> {
    let mut fields = Fields::open(json, path)?;
    fields.rename(&[("Name", "name"), ("Value", "value")]);
    fields.close(&["Name", "Value"])
}

fn file<'a>(json: Json<'a>, path: &str) -> Result<Json<'a>, Vec<FieldError>> {
    let mut fields = Fields::open(json, path)?;
    fields.rename(&[("Name", "filename"), ("ContentType", "content_type")]);
    if let Some(given) = fields.take("Content") {
        fields.put("content", content(given));
    }
    match fields.take("ContentID") {
        None => {}
        Some(Json::Text(id)) if id.is_empty() => {}
        Some(Json::Text(id)) => fields.put("content_id", Json::Text(bare(id))),
        Some(other) => fields.put("content_id", other),
    }
    fields.close(&["Name", "Content", "ContentType", "ContentID"])
}

/// A content id without the `cid:` that Postmark wants before it.
fn bare(id: Cow<'_, str>) -> Cow<'_, str> {
    match id {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(CID).unwrap_or(text)),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix(CID).map(String::from).unwrap_or(text)),
    }
}

fn tracking(fields: &mut Fields<'_>) {
    let mut tracking = Vec::new();
    if let Some(opens) = fields.take("TrackOpens") {
        tracking.push((Cow::Borrowed("opens"), opens));
    }
    match fields.take("TrackLinks") {
        None => {}
        Some(links) if is_text(&links, "None") => tracking.push((Cow::Borrowed("clicks"), Json::Bool(false))),
        Some(links) if is_text(&links, "HtmlAndText") => tracking.push((Cow::Borrowed("clicks"), Json::Bool(true))),
        Some(links) if is_text(&links, "HtmlOnly") || is_text(&links, "TextOnly") => {
            let detail = "links are tracked in both bodies or in none here: None or HtmlAndText";
            fields.flaw("tracking.clicks", "unknown_field", detail);
        }
        Some(_) => fields.flaw("tracking.clicks", "invalid_value", "must be None or HtmlAndText"),
    }
    if !tracking.is_empty() {
        fields.put("tracking", Json::Object(tracking));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Taken {
    to: String,
    submitted_at: String,
    #[serde(rename = "MessageID")]
    message_id: String,
    error_code: u16,
    message: Cow<'static, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error {
    error_code: u16,
    message: String,
}

/// One message of an answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Each {
    Taken(Taken),
    Error(Error),
}

/// `{"To", "SubmittedAt", "MessageID", "ErrorCode", "Message"}`, or a list of it or of errors for a batch.
pub(super) fn accepted(
    batch: bool,
    answer: &Answer,
    suppressed: &mut dyn FnMut(&str) -> Result<Vec<String>, SqlError>,
) -> Result<Printed, SqlError> {
    let asks = answer.suppressed > 0;
    let mut each = Vec::with_capacity(answer.messages.len());
    for item in &answer.messages {
        each.push(match (item.message_id.as_deref(), &item.error) {
            (Some(id), _) => of_taken(item, id, if asks { suppressed(id)? } else { Vec::new() }),
            (None, Some(refused)) => Each::Error(Error { error_code: code(&refused.code), message: reason(refused) }),
            (None, None) => Each::Error(Error { error_code: INVALID, message: String::new() }),
        });
    }
    let (status, body) = match each.first() {
        Some(only @ Each::Taken(_)) if !batch => (200, serde_json::to_vec(only)),
        Some(only @ Each::Error(_)) if !batch => (422, serde_json::to_vec(only)),
        Some(_) | None => (200, serde_json::to_vec(&each)),
    };
    Ok(Printed { status, body: body.unwrap_or_default() })
}

fn of_taken(item: &Item, id: &str, suppressed: Vec<String>) -> Each {
    let inactive = suppressed.join(", ");
    if item.status == "suppressed" {
        let message = format!(
            "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: {inactive}. {INACTIVE}"
        );
        return Each::Error(Error { error_code: ALL_INACTIVE, message });
    }
    let message = match suppressed.is_empty() {
        true => Cow::Borrowed("OK"),
        false => {
            Cow::Owned(format!("Message OK, but will not deliver to these inactive addresses: {inactive}. {INACTIVE}"))
        }
    };
    Each::Taken(Taken {
        to: item.to.join(", "),
        submitted_at: MessageId::parse(id).map(|id| id.accepted_at().to_string()).unwrap_or_default(),
        message_id: id.into(),
        error_code: 0,
        message,
    })
}

fn reason(refused: &Refused) -> String {
    refused.errors.first().map_or_else(|| refused.code.to_string(), of_field)
}

/// `{"ErrorCode", "Message"}`.
pub(super) fn refusal(problem: &Problem) -> Printed {
    let message = problem.errors.first().map_or_else(|| problem.sentence(), of_field);
    let body = serde_json::to_vec(&Error { error_code: code(&problem.code), message }).unwrap_or_default();
    Printed { status: status(problem), body }
}

/// One sentence about a field, under Postmark's name of it.
fn of_field(flaw: &Flaw) -> String {
    let (field, detail) = (NAMES.path(&flaw.field, false), NAMES.sentence(&flaw.detail));
    if field.is_empty() { format!("Invalid message: {detail}.") } else { format!("Invalid '{field}' value: {detail}.") }
}

/// Postmark's code for a refusal of ours.
fn code(ours: &str) -> u16 {
    match ours {
        "missing_key" | "invalid_key" | "key_revoked" | "scope_missing" | "delivery_account_missing" => 10,
        "misconfigured" | "store_failed" | "internal_error" => 100,
        "from_not_allowed" => 400,
        "invalid_json" => 402,
        "missing_send_payload" => 403,
        "not_found" => 404,
        "quota_daily" | "quota_monthly" | "quota_yearly" | "overquota" => 405,
        "too_many_messages" => 410,
        "account_suspended" => 413,
        "rate_limit_exceeded" => 429,
        _ => INVALID,
    }
}

/// Postmark's status: whatever is wrong with a request is 422.
fn status(problem: &Problem) -> u16 {
    let same = u16::try_from(problem.status).unwrap_or(500);
    match code(&problem.code) {
        10 => 401,
        429 => 429,
        _ if matches!(problem.status, 404 | 405 | 409) => same,
        _ if problem.code == "body_too_large" || problem.status >= 500 => same,
        _ => 422,
    }
}

/// Postmark's bound of a batch.
pub(super) const MAX_BATCH: usize = 500;
/// The name of the stream that mail takes when none is named.
const DEFAULT_STREAM: &str = "outbound";
/// How a content id begins.
const CID: &str = "cid:";
/// Postmark's code for a request that is not as it should be.
const INVALID: u16 = 300;
/// Postmark's code when nobody is left to send to.
const ALL_INACTIVE: u16 = 406;
/// What Postmark says of them (postmark.js 5.1.0, `ErrorHandler.test.ts`).
const INACTIVE: &str =
    "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression.";

const FIELDS: [&str; 15] = [
    "From",
    "To",
    "Cc",
    "Bcc",
    "ReplyTo",
    "Subject",
    "TextBody",
    "HtmlBody",
    "Headers",
    "Attachments",
    "Tag",
    "Metadata",
    "MessageStream",
    "TrackOpens",
    "TrackLinks",
];

const NAMES: Names = Names {
    fields: &[
        ("from", "From"),
        ("to", "To"),
        ("cc", "Cc"),
        ("bcc", "Bcc"),
        ("reply_to", "ReplyTo"),
        ("subject", "Subject"),
        ("text_body", "TextBody"),
        ("html_body", "HtmlBody"),
        ("headers", "Headers"),
        ("attachments", "Attachments"),
        ("tags", "Tag"),
        ("metadata", "Metadata"),
        ("stream", "MessageStream"),
        ("tracking.opens", "TrackOpens"),
        ("tracking.clicks", "TrackLinks"),
    ],
    inner: &[
        ("filename", "Name"),
        ("content_type", "ContentType"),
        ("content", "Content"),
        ("content_id", "ContentID"),
        ("name", "Name"),
        ("value", "Value"),
    ],
};
