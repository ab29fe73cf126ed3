//! Amazon's SES v2 dialect: `POST /v2/email/outbound-emails`, `POST /v2/email/outbound-bulk-emails`,
//! `GET /v2/email/account`. Signatures are checked; what a message may hold is in `ses_message.rs`.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending, Stamp, Usage},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::Message,
    ses_message,
    settings::Settings,
    sigv4::{self, Mismatch},
};
use alloc::{format, string::String, vec, vec::Vec};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Value, json};

/// Amazon's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "ses",
    label: "Amazon SES",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: dialect::takes_inactive,
    unverified: None,
    keys: None,
    taken,
    usage,
    show_room: dialect::no_room_shown,
    id,
};

/// Lets a call with a valid signature in; it may cover the path with the dialect's prefix or without.
fn admit(rest: &str, arrival: &Arrival<'_>, settings: &Settings, now: UnixMillis) -> Result<(), HttpResponse> {
    let credential = (settings.access_key.as_str(), settings.secret_key.as_str());
    let (code, detail) = match sigv4::check(arrival, &[arrival.path, rest], credential, "ses", now) {
        Ok(()) => return Ok(()),
        Err(Mismatch::Missing) => ("MissingAuthenticationToken", "Missing Authentication Token"),
        Err(Mismatch::Malformed) => ("IncompleteSignature", "The request signature does not conform to AWS standards."),
        Err(Mismatch::UnknownKey) => ("InvalidClientTokenId", "The security token included in the request is invalid."),
        Err(Mismatch::Skewed) => ("RequestExpired", "Signature expired: the date is more than 15 minutes off."),
        Err(Mismatch::Different) => {
            ("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
        }
    };
    Err(refuse(&Refusal::new(403, code, detail)))
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, settings: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    let bulk = match (arrival.method, rest) {
        ("GET", "/v2/email/account") => return Ok(Request::Usage),
        ("POST", "/v2/email/outbound-emails") => false,
        ("POST", "/v2/email/outbound-bulk-emails") => true,
        _ => return Err(Refusal::new(404, "UnknownOperationException", "")),
    };
    if arrival.body.len() > MOST_BYTES {
        return Err(Refusal::new(413, "RequestEntityTooLargeException", "Request size is too large."));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let value: Value = serde_json::from_str(text).map_err(|_| not_json())?;
    if !bulk {
        let item = draft::item(text, not_json, |_| single(&value, settings));
        return Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key: None, items: vec![item] }));
    }
    let items = entries(text, &value, settings).map_err(|bad| invalid(&bad))?;
    Ok(Request::Send(Sending { batch: true, all_or_nothing: false, key: None, items }))
}

fn single(value: &Value, settings: &Settings) -> Result<Message, Refusal> {
    let message = ses_message::single(value).map_err(|bad| invalid(&bad))?;
    verified(message, settings)
}

fn entries<'a>(text: &'a str, value: &Value, settings: &Settings) -> Result<Vec<Item<'a>>, BadField> {
    let fields = Fields::of(value, "")?;
    let entries = fields.list("BulkEmailEntries")?.unwrap_or_default();
    if entries.is_empty() || entries.len() > MOST_ENTRIES {
        let got = entries.len();
        return Err(BadField::new(
            "BulkEmailEntries",
            format!("must hold from 1 to {MOST_ENTRIES} entries, got {got}"),
        ));
    }
    let shared = ses_message::bulk(&fields, entries.len())?;
    let texts = draft::member_array(text, "BulkEmailEntries").unwrap_or_default();
    let item = |(index, raw): (usize, &'a str)| {
        draft::item(raw, not_json, |value| {
            let message = shared.entry(index, value).map_err(|bad| Refusal { code: INVALID, ..invalid(&bad) })?;
            verified(message, settings)
        })
    };
    Ok(texts.into_iter().enumerate().map(item).collect())
}

/// In Amazon's sandbox sender and recipients have to be verified; its own simulator's addresses always are.
fn verified(message: Message, settings: &Settings) -> Result<Message, Refusal> {
    let Some(known) = &settings.verified else { return Ok(message) };
    let is_known = |address: &str| {
        let address = address.to_lowercase();
        let domain = address.rsplit('@').next().unwrap_or_default();
        domain == "simulator.amazonses.com" || known.iter().any(|one| *one == address || one == domain)
    };
    let sender = crate::address::one(&message.from).unwrap_or_default();
    if is_known(sender) && message.recipients.iter().all(|address| is_known(address)) {
        return Ok(message);
    }
    Err(Refusal::new(400, "MessageRejected", "Email address is not verified."))
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(400, "BadRequestException", format!("{} {}", bad.field, bad.detail))
}

fn not_json() -> Refusal {
    Refusal::new(400, "SerializationException", "The body is not JSON.")
}

fn throttled(_: &Later) -> Refusal {
    over_rate()
}

/// Too many recipients in a second.
pub(crate) fn over_rate() -> Refusal {
    Refusal::new(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
}

/// Too many recipients in 24 hours. Which code carries the sentence is not documented.
pub(crate) fn over_day() -> Refusal {
    Refusal::new(429, "TooManyRequestsException", DAILY)
}

fn over_quota(_: bool) -> Refusal {
    over_day()
}

/// An injected fault in Amazon's words, which never name a time of return unless one is asked for.
fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(over_rate().after(seconds)),
        Fault::QuotaExceeded => Some(over_day().after(seconds)),
        Fault::ServerError => {
            Some(Refusal::new(500, "InternalServiceErrorException", "Internal failure").after(seconds))
        }
        Fault::Unauthorized => {
            let detail = "The security token included in the request is invalid.";
            Some(Refusal::new(403, "UnrecognizedClientException", detail))
        }
        Fault::Invalid => Some(Refusal::new(400, "MessageRejected", "refused by an injected fault")),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// Amazon's error: its name in a header, its sentence in the body.
fn refuse(refusal: &Refusal) -> HttpResponse {
    let mut response = json::answer(refusal.status, &json!({ "message": refusal.detail }));
    response.headers.push(json::field("x-amzn-errortype", refusal.code));
    response
}

/// A message id, or the entries' results in order.
fn taken(done: &Done<'_>) -> HttpResponse {
    if !done.batch {
        let id = done.results.iter().flatten().next().map(|taken| taken.id.as_str());
        return json::answer(200, &json!({ "MessageId": id }));
    }
    let results: Vec<Value> = done
        .results
        .iter()
        .map(|result| match result {
            Ok(taken) => json!({ "Status": "SUCCESS", "MessageId": taken.id }),
            Err(refusal) => json!({ "Status": status(refusal), "Error": refusal.detail }),
        })
        .collect();
    json::answer(200, &json!({ "BulkEmailEntryResults": results }))
}

/// The word for an entry's refusal.
fn status(refusal: &Refusal) -> &'static str {
    match refusal.code {
        "TooManyRequestsException" if refusal.detail == DAILY => "ACCOUNT_DAILY_QUOTA_EXCEEDED",
        "TooManyRequestsException" => "ACCOUNT_THROTTLED",
        "MessageRejected" => "MESSAGE_REJECTED",
        INVALID => INVALID,
        _ => "FAILED",
    }
}

/// Amazon's answer to `GET /v2/email/account`; -1 stands for no bound.
fn usage(usage: &Usage<'_>) -> HttpResponse {
    let bound = |limit: Option<u64>| limit.map_or_else(|| json!(-1.0), decimal);
    let body = json!({
        "DedicatedIpAutoWarmupEnabled": false,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": usage.settings.verified.is_none(),
        "SendQuota": {
            "Max24HourSend": bound(usage.settings.max_24_hour_send),
            "MaxSendRate": bound(usage.settings.max_send_rate),
            "SentLast24Hours": decimal(usage.last_24_hours),
        },
        "SendingEnabled": true,
        "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
    });
    json::answer(200, &body)
}

/// A whole number as Amazon writes its quotas: with a decimal point.
fn decimal(number: u64) -> Value {
    serde_json::from_str(&format!("{number}.0")).unwrap_or_else(|_| Value::from(number))
}

fn id(stamp: &Stamp<'_>) -> String {
    let start: String = stamp.hex.chars().rev().take(12).collect();
    format!("0100{start}-{}-000000", dialect::uuid_of(stamp))
}

/// The word for an entry that is not as it should be.
const INVALID: &str = "INVALID_PARAMETER";
const DAILY: &str = "Daily message quota exceeded.";
/// Amazon's documented bounds: 40 MB of message, which base64 makes a third more.
const MOST_BYTES: usize = 56_000_000;
const MOST_ENTRIES: usize = 50;
