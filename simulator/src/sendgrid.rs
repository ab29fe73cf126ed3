//! SendGrid's v3 dialect: `POST /v3/mail/send`, `GET /v3/user/credits`.
//!
//! Each personalization becomes a message of its own. The first has the id that the answer's `X-Message-Id` tells, the
//! others that id with their place after it.

use crate::{
    Arrival,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending, Stamp, Usage},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Attachment, Header, Message, SharedFiles},
    settings::Settings,
    window::Headroom,
};
use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Map, Value, json};

/// SendGrid's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "sendgrid",
    label: "SendGrid",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: dialect::takes_inactive,
    unverified: Some(unverified),
    keys: None,
    taken,
    usage,
    show_room,
    id,
};

/// Lets a call with a key that begins `SG.` in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.bearer() {
        Some(key) if key.starts_with("SG.") => Ok(()),
        Some(_) | None => Err(refuse(&wrong_key())),
    }
}

fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, now: UnixMillis) -> Result<Request<'a>, Refusal> {
    match (arrival.method, rest) {
        ("GET", "/v3/user/credits") => return Ok(Request::Usage),
        ("POST", "/v3/mail/send") => {}
        (_, "/v3/user/credits" | "/v3/mail/send") => return Err(Refusal::new(405, "", "method not allowed")),
        _ => return Err(Refusal::new(404, "", "not found")),
    }
    if arrival.body.len() > MOST_BYTES {
        return Err(Refusal::new(413, "", format!("The body must be at most {MOST_BYTES} bytes.")));
    }
    let media = arrival.header("content-type").unwrap_or_default().to_lowercase();
    if !media.starts_with("application/json") {
        return Err(Refusal::new(415, "", "Content-Type should be application/json."));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let value: Value = serde_json::from_str(text).map_err(|_| not_json())?;
    let items = items(text, &value, now).map_err(|bad| invalid(&bad))?;
    Ok(Request::Send(Sending { batch: false, all_or_nothing: true, key: None, items }))
}

/// The call's messages: what they share, with what each personalization says.
fn items<'a>(text: &'a str, value: &Value, now: UnixMillis) -> Result<Vec<Item<'a>>, BadField> {
    let fields = Fields::of(value, "")?;
    let personalizations = fields.list("personalizations")?.unwrap_or_default();
    if personalizations.is_empty() || personalizations.len() > MOST_PERSONALIZATIONS {
        let got = personalizations.len();
        let detail = format!("must hold from 1 to {MOST_PERSONALIZATIONS} personalizations, got {got}");
        return Err(BadField::new("personalizations", detail));
    }
    let files = SharedFiles::new(files(&fields)?, personalizations.len());
    let texts = draft::member_array(text, "personalizations").unwrap_or_default();
    let mut items = Vec::new();
    let mut recipients = 0_usize;
    for (index, personalization) in personalizations.iter().enumerate() {
        let own = Fields::of(personalization, &format!("personalizations[{index}]"))?;
        let mut message = shared(&fields, now)?;
        personal(&own, &fields, &mut message, now)?;
        recipients += message.recipients.len();
        if Value::from(message.metadata.clone()).to_string().len() > MOST_ARGS_BYTES {
            return Err(BadField::new("custom_args", format!("must be at most {MOST_ARGS_BYTES} bytes in all")));
        }
        message.attachments = files.of(index);
        let raw = if index == 0 { text } else { texts.get(index).copied().unwrap_or("null") };
        items.push(Item { raw: Cow::Borrowed(raw), message: Ok(message) });
    }
    if recipients > MOST_RECIPIENTS {
        let detail = format!("must name at most {MOST_RECIPIENTS} recipients in all, got {recipients}");
        return Err(BadField::new("personalizations", detail));
    }
    Ok(items)
}

/// What all messages of a call have in common.
fn shared(fields: &Fields<'_>, now: UnixMillis) -> Result<Message, BadField> {
    let mut message = Message {
        from: draft::person(fields.any("from").ok_or_else(|| BadField::new("from", "is required"))?, "from")?,
        reply_to: reply_to(fields)?,
        subject: fields.text("subject")?.unwrap_or_default().to_string(),
        metadata: args(fields)?,
        headers: headers(fields)?,
        stream: fields.text("ip_pool_name")?.map(String::from),
        scheduled_at: send_at(fields, now)?,
        ..Message::default()
    };
    if message.stream.as_ref().is_some_and(|pool| !(2..=64).contains(&pool.chars().count())) {
        return Err(BadField::new("ip_pool_name", "must be from 2 to 64 characters"));
    }
    for (index, part) in fields.list("content")?.unwrap_or_default().iter().enumerate() {
        content(&Fields::of(part, &format!("content[{index}]"))?, &mut message)?;
    }
    let categories = draft::texts(fields.any("categories"), "categories")?;
    let unique = categories.iter().collect::<BTreeSet<_>>().len() == categories.len();
    if categories.len() > MOST_CATEGORIES || !unique || categories.iter().any(|one| one.chars().count() > 255) {
        return Err(BadField::new("categories", "must be at most 10 unique texts of at most 255 characters"));
    }
    message.tags = categories.into_iter().map(Value::from).collect();
    message.tracking = fields.object("tracking_settings")?.iter().flat_map(Fields::owned).collect();
    if let Some(asm) = fields.object("asm")? {
        asm.number("group_id", 0, u64::MAX)?.ok_or_else(|| BadField::new("asm.group_id", "is required"))?;
    }
    if let Some(mail) = fields.object("mail_settings")? {
        let sandbox = mail.object("sandbox_mode")?;
        message.test_mode = sandbox.map(|mode| mode.truth("enable")).transpose()?.flatten().unwrap_or(false);
        message.free = message.test_mode;
        let all = mail.has("bypass_list_management");
        if all && ["spam", "bounce", "unsubscribe"].iter().any(|one| mail.has(&format!("bypass_{one}_management"))) {
            return Err(BadField::new("mail_settings", "bypass_list_management excludes the other bypasses"));
        }
    }
    Ok(message)
}

/// What a personalization says of its own.
fn personal(own: &Fields<'_>, fields: &Fields<'_>, message: &mut Message, now: UnixMillis) -> Result<(), BadField> {
    for (name, list) in [("to", &mut message.to), ("cc", &mut message.cc), ("bcc", &mut message.bcc)] {
        for (index, item) in own.list(name)?.unwrap_or_default().iter().enumerate() {
            list.push(draft::person(item, &format!("{}[{index}]", own.path(name)))?);
        }
        message.recipients.extend(draft::addresses(list, &own.path(name))?);
    }
    if message.to.is_empty() {
        return Err(BadField::new(own.path("to"), "is required and must not be empty"));
    }
    let unique: BTreeSet<String> = message.recipients.iter().map(|address| address.to_lowercase()).collect();
    if unique.len() < message.recipients.len() {
        return Err(BadField::new(own.path("to"), "and cc and bcc must not name an address twice"));
    }
    if let Some(subject) = own.text("subject")? {
        message.subject = subject.to_string();
    }
    for header in headers(own)? {
        message.headers.retain(|known| !known.name.eq_ignore_ascii_case(&header.name));
        message.headers.push(header);
    }
    message.metadata.extend(args(own)?);
    message.scheduled_at = send_at(own, now)?.or(message.scheduled_at.take());
    template(own, fields, message)?;
    if message.template.is_none() {
        if message.subject.is_empty() {
            return Err(BadField::new("subject", "is required, here or in every personalization"));
        }
        if message.text_body.is_none()
            && message.html_body.is_none()
            && fields.list("content")?.is_none_or(<[_]>::is_empty)
        {
            return Err(BadField::new("content", "is required unless a template is used"));
        }
    }
    Ok(())
}

fn template(own: &Fields<'_>, fields: &Fields<'_>, message: &mut Message) -> Result<(), BadField> {
    let substitutions = own.object("substitutions")?;
    let size = own.any("substitutions").map_or(0, |value| value.to_string().len());
    if size > MOST_ARGS_BYTES || substitutions.iter().flat_map(Fields::members).any(|(_, value)| !value.is_string()) {
        return Err(BadField::new(own.path("substitutions"), "must be texts of at most 10000 bytes in all"));
    }
    own.object("dynamic_template_data")?;
    if let Some(id) = fields.text("template_id")? {
        let data = own.any("dynamic_template_data").or(own.any("substitutions")).cloned();
        message.template = Some(json!({ "id": id, "data": data.unwrap_or_else(|| json!({})) }));
    }
    Ok(())
}

fn content(part: &Fields<'_>, message: &mut Message) -> Result<(), BadField> {
    let kind = part.text("type")?.filter(|kind| !kind.is_empty());
    let value = part.text("value")?.filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| BadField::new(part.path("value"), "must be at least one character"))?;
    match kind.ok_or_else(|| BadField::new(part.path("type"), "is required"))? {
        "text/plain" if message.html_body.is_some() => {
            return Err(BadField::new(part.path("type"), "text/plain must come before text/html"));
        }
        "text/plain" => message.text_body = Some(value.to_string()),
        "text/html" => message.html_body = Some(value.to_string()),
        kind if kind.contains('/') && !kind.contains([';', '\r', '\n']) => {}
        _ => return Err(BadField::new(part.path("type"), "must be a media type")),
    }
    Ok(())
}

fn reply_to(fields: &Fields<'_>) -> Result<Vec<String>, BadField> {
    match (fields.any("reply_to"), fields.list("reply_to_list")?) {
        (Some(_), Some(_)) => Err(BadField::new("reply_to", "excludes reply_to_list")),
        (Some(one), None) => Ok([draft::person(one, "reply_to")?].into()),
        (None, Some(many)) if many.len() > MOST_RECIPIENTS => {
            Err(BadField::new("reply_to_list", format!("must hold at most {MOST_RECIPIENTS} addresses")))
        }
        (None, many) => {
            let mailbox = |(index, item): (usize, &Value)| draft::person(item, &format!("reply_to_list[{index}]"));
            many.unwrap_or_default().iter().enumerate().map(mailbox).collect()
        }
    }
}

fn args(fields: &Fields<'_>) -> Result<Map<String, Value>, BadField> {
    let Some(args) = fields.object("custom_args")? else { return Ok(Map::new()) };
    match args.members().find(|(_, value)| !value.is_string()) {
        Some((name, _)) => Err(BadField::new(args.path(name), "must be a string")),
        None => Ok(args.owned().collect()),
    }
}

fn headers(fields: &Fields<'_>) -> Result<Vec<Header>, BadField> {
    let headers = draft::header_map(fields, "headers")?;
    let is_reserved = |header: &&Header| RESERVED.iter().any(|reserved| header.name.eq_ignore_ascii_case(reserved));
    match headers.iter().find(is_reserved) {
        Some(header) => Err(BadField::new(format!("{}.{}", fields.path("headers"), header.name), "is reserved")),
        None => Ok(headers),
    }
}

fn send_at(fields: &Fields<'_>, now: UnixMillis) -> Result<Option<String>, BadField> {
    let Some(seconds) = fields.number("send_at", 0, MOST_SECONDS)? else { return Ok(None) };
    let at = UnixMillis::new(seconds.saturating_mul(1000));
    if at.since(now) > MOST_AHEAD_MS {
        return Err(BadField::new(fields.path("send_at"), "must be at most 72 hours ahead"));
    }
    Ok(Some(at.to_string()))
}

fn files(fields: &Fields<'_>) -> Result<Vec<Attachment>, BadField> {
    let files = draft::files(fields, "attachments", ("content", "filename", "type", "content_id"))?;
    for (index, file) in files.iter().enumerate() {
        if file.content.as_ref().is_none_or(Vec::is_empty) {
            return Err(BadField::new(format!("attachments[{index}].content"), "must be base64"));
        }
        if file.disposition.as_ref().is_some_and(|word| word != "attachment" && word != "inline") {
            return Err(BadField::new(format!("attachments[{index}].disposition"), "must be attachment or inline"));
        }
    }
    Ok(files)
}

/// A bad field by SendGrid's name of it: `personalizations.0.to`.
fn invalid(bad: &BadField) -> Refusal {
    let field = bad.field.replace('[', ".").replace(']', "");
    Refusal::new(400, "", format!("The {field} parameter {}.", bad.detail)).at(field)
}

fn not_json() -> Refusal {
    Refusal::new(400, "", "Bad Request: the body is not JSON")
}

/// The sender is no verified identity.
fn unverified() -> Refusal {
    Refusal::new(403, "", "The from address does not match a verified Sender Identity").at("from")
}

fn wrong_key() -> Refusal {
    Refusal::new(401, "", "The provided authorization grant is invalid, expired, or revoked")
}

fn throttled(_: &Later) -> Refusal {
    Refusal::new(429, "", "too many requests")
}

/// A spent quota is a 401 at SendGrid.
fn over_quota(_: bool) -> Refusal {
    Refusal::new(401, "", "Maximum credits exceeded")
}

/// An injected fault in SendGrid's words: it tells when there is room by `X-RateLimit-Reset`, never by `Retry-After`.
fn fault(fault: Fault, seconds: Option<u64>, now: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => {
            let reset = Some(Later::in_seconds(seconds, now));
            Some(Refusal { reset, ..Refusal::new(429, "", "too many requests") })
        }
        Fault::QuotaExceeded => Some(over_quota(false).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "", "internal server error").after(seconds)),
        Fault::Unauthorized => Some(wrong_key()),
        Fault::Invalid => Some(invalid(&BadField::new("personalizations[0].to", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// SendGrid's error body.
fn refuse(refusal: &Refusal) -> HttpResponse {
    let error = json!({ "message": refusal.detail, "field": refusal.field, "help": null });
    let mut response = json::answer(refusal.status, &json!({ "errors": [error] }));
    if let Some(reset) = refusal.reset {
        response.headers.push(json::field(REMAINING, "0"));
        response.headers.push(json::field(RESET, reset.at.seconds_ceil().to_string()));
    }
    response
}

/// 202 without a body, or 200 in sandbox mode.
fn taken(done: &Done<'_>) -> HttpResponse {
    let first = done.results.iter().flatten().next();
    if first.is_some_and(|taken| taken.message.test_mode) {
        return HttpResponse { status: 200, headers: Vec::new(), body: Vec::new() };
    }
    let id = first.map(|taken| json::field("x-message-id", taken.id.as_str()));
    HttpResponse { status: 202, headers: id.into_iter().collect(), body: Vec::new() }
}

/// SendGrid's answer to `GET /v3/user/credits`.
fn usage(usage: &Usage<'_>) -> HttpResponse {
    let total = usage.settings.monthly_quota.unwrap_or(UNLIMITED);
    let began = usage.month_began.to_string();
    let day = began.get(..10).unwrap_or_default();
    let body = json!({
        "remain": total.saturating_sub(usage.month), "total": total, "overage": usage.month.saturating_sub(total),
        "used": usage.month, "last_reset": day, "next_reset": next_month(day), "reset_frequency": "monthly",
    });
    json::answer(200, &body)
}

/// The first of the month after `day`, a first itself.
fn next_month(day: &str) -> String {
    let number = |from: usize, to: usize| day.get(from..to).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    let (year, month) = (number(0, 4), number(5, 7));
    let (year, month) = if month >= 12 { (year + 1, 1) } else { (year, month + 1) };
    format!("{year:04}-{month:02}-01")
}

/// SendGrid's rate headers; the reset is a Unix time in seconds.
fn show_room(response: &mut HttpResponse, room: &Headroom) {
    for (name, number) in [(LIMIT, room.limit), (REMAINING, room.remaining), (RESET, room.reset_at.seconds_ceil())] {
        if response.header(name).is_none() {
            response.headers.push(json::field(name, number.to_string()));
        }
    }
}

/// All messages of a call share its id.
fn id(stamp: &Stamp<'_>) -> String {
    let call = stamp.call_hex.get(..22).unwrap_or_default();
    if stamp.index == 0 { call.to_string() } else { format!("{call}.{}", stamp.index) }
}

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
/// Header fields that a message may not set.
const RESERVED: [&str; 12] = [
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
    "bcc",
];
/// SendGrid's documented bounds.
const MOST_PERSONALIZATIONS: usize = 1_000;
const MOST_RECIPIENTS: usize = 1_000;
const MOST_CATEGORIES: usize = 10;
const MOST_ARGS_BYTES: usize = 10_000;
const MOST_BYTES: usize = 30_000_000;
const MOST_AHEAD_MS: u64 = 72 * 3_600_000;
/// The end of the year 9999.
const MOST_SECONDS: u64 = 253_402_300_799;
/// What the account is told to have while no quota is set.
const UNLIMITED: u64 = 1_000_000_000;
