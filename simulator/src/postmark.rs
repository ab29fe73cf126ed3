//! Postmark's dialect: `POST /email`, `/email/batch`, `/email/withTemplate`, `/email/batchWithTemplates`.

use crate::{
    Arrival, address,
    dialect::{self, Done, Item, Later, Manner, Refusal, Request, Sending},
    draft,
    faults::Fault,
    json::{self, BadField, Fields},
    messages::{Attachment, Header, Message},
    settings::Settings,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{http::HttpResponse, time::UnixMillis};
use serde_json::{Map, Value, json, value::RawValue};

/// Postmark's manner.
pub(crate) const MANNER: Manner = Manner {
    word: "postmark",
    label: "Postmark",
    admit,
    read,
    refuse,
    throttled,
    over_quota,
    fault,
    inactive: all_inactive,
    unverified: Some(unverified),
    keys: None,
    taken,
    usage: dialect::no_usage,
    show_room: dialect::no_room_shown,
    id: dialect::uuid_of,
};

/// Lets a call with a server token in.
fn admit(_: &str, arrival: &Arrival<'_>, _: &Settings, _: UnixMillis) -> Result<(), HttpResponse> {
    match arrival.header("x-postmark-server-token").map(str::trim) {
        Some(token) if !token.is_empty() => Ok(()),
        Some(_) | None => Err(refuse(&wrong_token())),
    }
}

/// Reads a call.
fn read<'a>(rest: &'a str, arrival: &Arrival<'a>, _: &Settings, _: UnixMillis) -> Result<Request<'a>, Refusal> {
    // postmarker ends its paths of templates with a slash.
    let (batch, template) = match rest.strip_suffix('/').unwrap_or(rest) {
        "/email" => (false, false),
        "/email/batch" => (true, false),
        "/email/withTemplate" => (false, true),
        "/email/batchWithTemplates" => (true, true),
        _ => return Err(Refusal::new(404, "404", "There is nothing at this path")),
    };
    if arrival.method != "POST" {
        return Err(Refusal::new(405, "405", "This path takes POST only"));
    }
    let is_json = |value: &str| value.to_lowercase().contains("json") || value.contains("*/*");
    if !arrival.header("content-type").is_some_and(is_json) || !arrival.header("accept").is_none_or(is_json) {
        return Err(Refusal::new(415, "409", "The Content-Type and Accept headers must be application/json"));
    }
    if arrival.body.len() > MOST_BATCH_BYTES {
        return Err(Refusal::new(413, "413", format!("A call must be at most {MOST_BATCH_BYTES} bytes.")));
    }
    let text = arrival.json().ok_or_else(not_json)?;
    let mut items = match (batch, template) {
        (false, _) => vec![item(text, template)],
        (true, false) => items(draft::array(text).ok_or_else(wrong_json)?, false)?,
        (true, true) => items(templated(text).ok_or_else(wrong_json)?, true)?,
    };
    let test_mode = arrival.header("x-postmark-server-token").map(str::trim) == Some(TEST_TOKEN);
    for message in items.iter_mut().filter_map(|item| item.message.as_mut().ok()) {
        (message.test_mode, message.free) = (test_mode, test_mode);
    }
    Ok(Request::Send(Sending { batch, all_or_nothing: !batch, key: None, items }))
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Templated<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

fn templated(text: &str) -> Option<Vec<&str>> {
    let call: Templated<'_> = serde_json::from_str(text).ok()?;
    Some(call.messages.into_iter().map(RawValue::get).collect())
}

fn items(texts: Vec<&str>, template: bool) -> Result<Vec<Item<'_>>, Refusal> {
    if texts.len() > MOST_BATCH {
        return Err(Refusal::new(422, "410", format!("At most {MOST_BATCH} messages a batch, got {}", texts.len())));
    }
    Ok(texts.into_iter().map(|text| item(text, template)).collect())
}

fn item(raw: &str, template: bool) -> Item<'_> {
    draft::item(raw, not_json, |value| {
        let message = message(value, raw.len(), template).map_err(|bad| invalid(&bad))?;
        match message.attachments.iter().find(|file| is_forbidden(&file.filename)) {
            Some(_) => Err(Refusal::new(422, "411", "An attachment's file type is not accepted.")),
            None => Ok(message),
        }
    })
}

fn message(value: &Value, size: usize, template: bool) -> Result<Message, BadField> {
    if size > MOST_MESSAGE_BYTES {
        return Err(BadField::new("", format!("must be at most {MOST_MESSAGE_BYTES} bytes, got {size}")));
    }
    let fields = Fields::of(value, "")?;
    let mut message = Message {
        from: fields.text("From")?.unwrap_or_default().to_string(),
        to: list(&fields, "To")?,
        cc: list(&fields, "Cc")?,
        bcc: list(&fields, "Bcc")?,
        reply_to: list(&fields, "ReplyTo")?,
        subject: fields.text("Subject")?.unwrap_or_default().to_string(),
        text_body: fields.text("TextBody")?.map(String::from),
        html_body: fields.text("HtmlBody")?.map(String::from),
        headers: headers(&fields)?,
        metadata: metadata(&fields)?,
        tracking: tracking(&fields)?,
        stream: fields.text("MessageStream")?.map(String::from),
        ..Message::default()
    };
    draft::addresses(&[message.from.clone()], "From")?;
    for (field, mailboxes) in [("To", &message.to), ("Cc", &message.cc), ("Bcc", &message.bcc)] {
        message.recipients.extend(draft::addresses(mailboxes, field)?);
    }
    draft::addresses(&message.reply_to, "ReplyTo")?;
    if message.recipients.is_empty() || message.recipients.len() > MOST_RECIPIENTS {
        let got = message.recipients.len();
        return Err(BadField::new("To", format!("must name from 1 to {MOST_RECIPIENTS} recipients, got {got}")));
    }
    contents(&fields, &mut message, template)?;
    Ok(message)
}

/// The bodies or the template, the tag and the files.
fn contents(fields: &Fields<'_>, message: &mut Message, template: bool) -> Result<(), BadField> {
    if template {
        message.template = Some(template_of(fields)?);
        if message.text_body.is_some() || message.html_body.is_some() || fields.any("Subject").is_some() {
            return Err(BadField::new("Subject", "and bodies come from the template"));
        }
    } else if message.text_body.is_none() && message.html_body.is_none() {
        return Err(BadField::new("TextBody", "or HtmlBody or both must be given"));
    }
    for (name, body) in [("TextBody", &message.text_body), ("HtmlBody", &message.html_body)] {
        if body.as_ref().is_some_and(|body| body.len() > MOST_BODY_BYTES) {
            return Err(BadField::new(name, format!("must be at most {MOST_BODY_BYTES} bytes")));
        }
    }
    if let Some(tag) = fields.text("Tag")?.filter(|tag| !tag.is_empty()) {
        if tag.chars().count() > MOST_TAG {
            return Err(BadField::new("Tag", format!("must be at most {MOST_TAG} characters")));
        }
        message.tags.push(Value::from(tag));
    }
    for (index, file) in fields.list("Attachments")?.unwrap_or_default().iter().enumerate() {
        message.attachments.push(attachment(&Fields::of(file, &format!("Attachments[{index}]"))?)?);
    }
    Ok(())
}

fn list(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, BadField> {
    let text = fields.text(name)?.filter(|text| !text.trim().is_empty());
    Ok(text.map(address::split).unwrap_or_default().into_iter().map(ToString::to_string).collect())
}

fn headers(fields: &Fields<'_>) -> Result<Vec<Header>, BadField> {
    let mut headers = Vec::new();
    for (index, item) in fields.list("Headers")?.unwrap_or_default().iter().enumerate() {
        let path = format!("Headers[{index}]");
        let item = Fields::of(item, &path)?;
        let (name, value) = (item.text("Name")?.unwrap_or_default(), item.text("Value")?.unwrap_or_default());
        if !draft::is_header(name, value) {
            return Err(BadField::new(path, "must be a header field"));
        }
        headers.push(Header { name: name.to_string(), value: value.to_string() });
    }
    Ok(headers)
}

fn metadata(fields: &Fields<'_>) -> Result<Map<String, Value>, BadField> {
    let mut metadata = Map::new();
    for (name, value) in fields.object("Metadata")?.iter().flat_map(Fields::members) {
        if !value.is_string() {
            return Err(BadField::new("Metadata", "must hold strings only"));
        }
        metadata.insert(name.to_string(), value.clone());
    }
    Ok(metadata)
}

fn tracking(fields: &Fields<'_>) -> Result<Map<String, Value>, BadField> {
    let mut tracking = Map::new();
    if let Some(opens) = fields.truth("TrackOpens")? {
        tracking.insert("opens".to_string(), Value::from(opens));
    }
    if let Some(links) = fields.text("TrackLinks")? {
        if !["None", "HtmlAndText", "HtmlOnly", "TextOnly"].contains(&links) {
            return Err(BadField::new("TrackLinks", "must be None, HtmlAndText, HtmlOnly or TextOnly"));
        }
        tracking.insert("links".to_string(), Value::from(links));
    }
    Ok(tracking)
}

fn template_of(fields: &Fields<'_>) -> Result<Value, BadField> {
    let alias = fields.text("TemplateAlias")?.filter(|alias| !alias.is_empty()).map(Value::from);
    let id = fields.number("TemplateId", 1, u64::MAX)?.map(Value::from).or(alias);
    let id = id.ok_or_else(|| BadField::new("TemplateId", "or TemplateAlias must be given"))?;
    if fields.object("TemplateModel")?.is_none() {
        return Err(BadField::new("TemplateModel", "must be given, if only as {}"));
    }
    Ok(json!({ "id": id, "data": fields.any("TemplateModel") }))
}

fn attachment(fields: &Fields<'_>) -> Result<Attachment, BadField> {
    let text = |name: &str| match fields.text(name)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) | None => Err(BadField::new(fields.path(name), "must be given")),
    };
    let content = draft::base64(fields.text("Content")?.unwrap_or_default());
    Ok(Attachment {
        filename: text("Name")?.to_string(),
        content_type: Some(text("ContentType")?.to_string()),
        disposition: None,
        content_id: fields.text("ContentID")?.map(|id| id.strip_prefix("cid:").unwrap_or(id).to_string()),
        content: Some(content.ok_or_else(|| BadField::new(fields.path("Content"), "must be base64"))?),
    })
}

/// Whether a file's name ends as those that Postmark never takes.
fn is_forbidden(filename: &str) -> bool {
    let end = filename.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    end.is_some_and(|end| FORBIDDEN.contains(&end.as_str()))
}

fn invalid(bad: &BadField) -> Refusal {
    Refusal::new(422, "300", format!("Invalid '{}' value: it {}.", bad.field, bad.detail))
}

fn not_json() -> Refusal {
    Refusal::new(422, "402", "The body is not valid JSON.")
}

fn wrong_json() -> Refusal {
    Refusal::new(422, "403", "The JSON is not of the shape this path takes.")
}

fn wrong_token() -> Refusal {
    Refusal::new(401, "10", "No Account or Server API tokens were supplied, or they are not valid.")
}

/// Every recipient is inactive.
fn all_inactive(inactive: &[String], recipients: usize) -> Option<Refusal> {
    if inactive.len() < recipients {
        return None;
    }
    let detail = format!(
        "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: {}. \
         Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression.",
        inactive.join(", ")
    );
    Some(Refusal::new(422, "406", detail))
}

/// The plan's messages are spent.
fn over_quota(_: bool) -> Refusal {
    Refusal::new(422, "405", "Not allowed to send: you ran out of credits.")
}

/// There is no sender signature for the sender's domain.
fn unverified() -> Refusal {
    Refusal::new(422, "400", "The 'From' address is not a Sender Signature on your account.")
}

/// A call over the rate limit. Postmark documents neither a body nor a `Retry-After` for it.
fn throttled(_: &Later) -> Refusal {
    too_fast()
}

fn too_fast() -> Refusal {
    Refusal::new(429, "429", "Rate limit exceeded.")
}

/// An injected fault in Postmark's words.
fn fault(fault: Fault, seconds: Option<u64>, _: UnixMillis) -> Option<Refusal> {
    match fault {
        Fault::RateLimited => Some(too_fast().after(seconds)),
        Fault::QuotaExceeded => Some(over_quota(false).after(seconds)),
        Fault::ServerError => Some(Refusal::new(500, "100", "Internal server error.").after(seconds)),
        Fault::Unauthorized => Some(wrong_token()),
        Fault::Invalid => Some(invalid(&BadField::new("To", "is refused by an injected fault"))),
        Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::InactiveRecipient | Fault::Answer => None,
    }
}

/// Postmark's error body.
fn refuse(refusal: &Refusal) -> HttpResponse {
    json::answer(refusal.status, &refused(refusal))
}

fn refused(refusal: &Refusal) -> Value {
    json!({ "ErrorCode": refusal.code.parse::<u16>().unwrap_or(300), "Message": refusal.detail })
}

/// Postmark's answer to a call that was carried out; a batch answers for every message in order.
fn taken(done: &Done<'_>) -> HttpResponse {
    let answers: Vec<Value> = done
        .results
        .iter()
        .map(|result| match result {
            Ok(taken) => json!({
                "To": taken.message.to.join(", "), "SubmittedAt": done.now.to_string(), "MessageID": taken.id,
                "ErrorCode": 0, "Message": note(&taken.message),
            }),
            Err(refusal) => refused(refusal),
        })
        .collect();
    match answers.first() {
        Some(only) if !done.batch => json::answer(200, only),
        _ => json::answer(200, &Value::from(answers)),
    }
}

fn note(message: &Message) -> String {
    if message.test_mode {
        return "Test job accepted".to_string();
    }
    if message.inactive.is_empty() {
        return "OK".to_string();
    }
    format!("Message OK, but will not deliver to these inactive addresses: {}.", message.inactive.join(", "))
}

/// The token with which a message is looked at and not sent.
const TEST_TOKEN: &str = "POSTMARK_API_TEST";
/// The best known of the file types that Postmark never takes; its list is longer.
const FORBIDDEN: [&str; 8] = ["bat", "com", "cpl", "exe", "hta", "msi", "scr", "vbs"];
/// Postmark's documented bounds.
const MOST_RECIPIENTS: usize = 50;
const MOST_BATCH: usize = 500;
const MOST_BATCH_BYTES: usize = 50_000_000;
const MOST_MESSAGE_BYTES: usize = 10_000_000;
const MOST_BODY_BYTES: usize = 5_000_000;
const MOST_TAG: usize = 1_000;
