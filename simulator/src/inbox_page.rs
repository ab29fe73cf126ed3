//! The inbox for a person: a list of what was taken, and each message with its parts.
//!
//! It is rendered here whole and works without JavaScript. Text of a message stands escaped; its HTML stands only
//! inside a sandboxed frame that has its own Content-Security-Policy.

use crate::{
    Arrival,
    dialect::Dialect,
    html::{escape, fill, source_of},
    json, messages, mime, outside,
    query::Query,
    settings, store,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Row, Sql, SqlError},
    time::UnixMillis,
};
use serde_json::Value;

/// `GET /sandbox/inbox`: the newest messages, or those before `?before=seq`.
pub(crate) fn list(sql: &mut dyn Sql, arrival: &Arrival<'_>, now: UnixMillis) -> Result<HttpResponse, SqlError> {
    let before = match Query::of(arrival.query).number("before", 1, MOST_SEQ) {
        Ok(before) => before,
        Err(bad) => return Ok(json::bad_field(&bad)),
    };
    let total = messages::total(sql)?;
    let mut rows = messages::newest_first(sql, before.unwrap_or(MOST_SEQ), PAGE + 1)?;
    let more = store::count(rows.len()) > PAGE;
    rows.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let newest = rows.first().map_or(Ok(0), |row| store::integer(row, 0))?;
    let body = if total == 0 {
        fill(EMPTY, &[("origin", &escape(&origin(arrival)))])
    } else {
        listed(&rows, total, before.is_some(), more, now)?
    };
    // The script renews the list when this changes: with a message, and so that "just now" does not stay.
    let state = format!("{newest} {total} {}", now.as_millis() / RENEWED_MS);
    let main = format!("<div id=\"messages\" data-state=\"{state}\">{body}</div>{}", limits(sql)?);
    Ok(page(200, "Sendgate inbox", &main, before.is_none()))
}

/// What each dialect takes, and how to set it.
fn limits(sql: &mut dyn Sql) -> Result<String, SqlError> {
    let mut items = String::new();
    for dialect in Dialect::ALL {
        let windows = settings::load(sql, dialect)?.windows;
        let texts: Vec<String> =
            windows.iter().map(|window| format!("{} in {} ms", window.limit, window.period_ms)).collect();
        let texts = if texts.is_empty() { "any number of calls".to_string() } else { texts.join(", ") };
        items.push_str(&format!("<li>{} takes {texts}</li>", badge(dialect.word())));
    }
    Ok(fill(LIMITS, &[("items", &items)]))
}

fn listed(rows: &[Row], total: i64, older: bool, more: bool, now: UnixMillis) -> Result<String, SqlError> {
    let mut items = String::new();
    for row in rows {
        items.push_str(&item(row, now)?);
    }
    let mut links = String::new();
    if older {
        links.push_str("<a href=\"/sandbox/inbox\">Newest</a>");
    }
    if let (true, Some(last)) = (more, rows.last()) {
        links.push_str(&format!("<a href=\"/sandbox/inbox?before={}\">Older</a>", store::integer(last, 0)?));
    }
    let noun = if total == 1 { "message" } else { "messages" };
    Ok(format!(
        "<div class=\"bar\"><h1>{total} {noun}</h1>\
         <form method=\"post\" action=\"/sandbox/inbox/empty\"><button>Empty the inbox</button></form></div>\
         <ul class=\"list card\">{items}</ul><nav class=\"more\" aria-label=\"Pages\">{links}</nav>"
    ))
}

fn item(row: &Row, now: UnixMillis) -> Result<String, SqlError> {
    let id = escape(store::text(row, 1)?);
    let dialect = store::text(row, 2)?;
    let at = UnixMillis::new(u64::try_from(store::integer(row, 3)?).unwrap_or(0));
    let subject = store::text(row, 6)?;
    let subject = if subject.is_empty() { "<em class=\"soft\">no subject</em>".to_string() } else { escape(subject) };
    let clip = match store::integer(row, 7)? {
        0 => String::new(),
        files => fill(CLIP, &[("files", &files.to_string())]),
    };
    Ok(format!(
        "<li><a class=\"row\" href=\"/sandbox/inbox/{id}\"><span class=\"from cut\"><bdi>{}</bdi></span>\
         <span class=\"to cut\">to <bdi>{}</bdi></span><span class=\"subject cut\"><bdi>{subject}</bdi></span>\
         <span class=\"side\">{clip}{} {}</span></a></li>",
        escape(store::text(row, 4)?),
        escape(store::text(row, 5)?),
        badge(dialect),
        time(at, now),
    ))
}

/// `GET /sandbox/inbox/{id}`: one message; `?show=` chooses the part.
pub(crate) fn message(
    sql: &mut dyn Sql,
    id: &str,
    arrival: &Arrival<'_>,
    now: UnixMillis,
) -> Result<HttpResponse, SqlError> {
    let Some(seq) = messages::find(sql, id)? else {
        let main = "<h1>No such message</h1><p><a href=\"/sandbox/inbox\">Back to the inbox</a></p>";
        return Ok(page(404, "No such message", main, false));
    };
    let view = messages::view(sql, seq)?;
    let parts = parts(&view);
    let asked = Query::of(arrival.query).value("show");
    let shown = parts.iter().find(|part| asked == Some(part.word())).or(parts.first()).copied().unwrap_or(Part::Raw);
    let body = match shown {
        Part::Html => frame(id),
        Part::Text => format!("<pre class=\"pad\">{}</pre>", escape(text_of(&view, "text_body"))),
        Part::Files => files(&view),
        Part::Headers => headers(&view),
        Part::Raw => format!("<pre class=\"pad\">{}</pre>", escape(&pretty(&messages::request(sql, seq)?))),
    };
    let subject = text_of(&view, "subject");
    let heading = if subject.is_empty() { "no subject" } else { subject };
    let main = format!(
        "<p><a href=\"/sandbox/inbox\">← Inbox</a></p><h1><bdi>{}</bdi></h1><dl class=\"card\">{}</dl>\
         <nav class=\"tabs\" aria-label=\"Parts of the message\">{}</nav><section class=\"card\" aria-label=\"{}\">{body}</section>",
        escape(heading),
        facts(&view, now),
        tabs(id, &parts, shown),
        shown.label(),
    );
    Ok(page(200, &format!("{heading} - Sendgate inbox"), &main, false))
}

/// A part of a message that the page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Html,
    Text,
    Files,
    Headers,
    Raw,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "text",
            Self::Files => "attachments",
            Self::Headers => "headers",
            Self::Raw => "raw",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Html => "HTML",
            Self::Text => "Text",
            Self::Files => "Attachments",
            Self::Headers => "Headers",
            Self::Raw => "Raw request",
        }
    }
}

/// The parts there are, the best to read first.
fn parts(view: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    for (part, there) in [
        (Part::Html, view.get("html_body").is_some_and(Value::is_string)),
        (Part::Text, view.get("text_body").is_some_and(Value::is_string)),
        (Part::Files, !items(view, "attachments").is_empty()),
        (Part::Headers, !items(view, "headers").is_empty()),
        (Part::Raw, true),
    ] {
        if there {
            parts.push(part);
        }
    }
    parts
}

fn tabs(id: &str, parts: &[Part], shown: Part) -> String {
    let tab = |part: &Part| {
        let current = if *part == shown { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"/sandbox/inbox/{}?show={}\"{current}>{}</a>", escape(id), part.word(), part.label())
    };
    parts.iter().map(tab).collect()
}

fn frame(id: &str) -> String {
    let id = escape(id);
    format!("<iframe sandbox title=\"The message's HTML\" src=\"/sandbox/messages/{id}/html\"></iframe>")
}

fn facts(view: &Value, now: UnixMillis) -> String {
    let mut facts = String::new();
    let mut fact = |label: &str, markup: String| {
        if !markup.is_empty() {
            facts.push_str(&format!("<dt>{label}</dt><dd>{markup}</dd>"));
        }
    };
    fact("From", bdi(&mime::decoded(text_of(view, "from"))));
    for (label, name) in [("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"), ("Reply to", "reply_to")] {
        fact(label, bdi(&mime::decoded(&joined(items(view, name)))));
    }
    fact("Tags", bdi(&joined(items(view, "tags"))));
    for (label, name) in [
        ("Metadata", "metadata"),
        ("Template", "template"),
        ("Tracking", "tracking"),
        ("For each", "recipient_variables"),
    ] {
        let value = view.get(name).filter(|value| value.as_object().is_some_and(|members| !members.is_empty()));
        fact(label, value.map(|value| bdi(&value.to_string())).unwrap_or_default());
    }
    fact("Stream", bdi(text_of(view, "stream")));
    fact("Scheduled", bdi(text_of(view, "scheduled_at")));
    fact("Inactive", bdi(&joined(items(view, "inactive"))));
    fact("Fate", bdi(text_of(view, "fate")));
    fact("Provider", badge(text_of(view, "dialect")));
    let at = UnixMillis::new(view.get("at_ms").and_then(Value::as_u64).unwrap_or(0));
    fact("Taken", format!("{} <span class=\"soft\">({at})</span>", time(at, now)));
    fact("Message id", bdi(text_of(view, "id")));
    fact("Idempotency key", bdi(text_of(view, "idempotency_key")));
    facts
}

fn headers(view: &Value) -> String {
    let row = |header: &Value| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            bdi(text_of(header, "name")),
            bdi(text_of(header, "value"))
        )
    };
    format!("<table><tbody>{}</tbody></table>", items(view, "headers").iter().map(row).collect::<String>())
}

fn files(view: &Value) -> String {
    let row = |file: &Value| {
        let size = file.get("size").and_then(Value::as_u64);
        let name = bdi(text_of(file, "filename"));
        let name = match size {
            Some(_) => format!("<a href=\"{}\" download>{name}</a>", escape(text_of(file, "url"))),
            None => name,
        };
        let size = size.map_or_else(|| "at a URL".to_string(), |bytes| format!("{bytes} bytes"));
        let content_id = text_of(file, "content_id");
        let inline = if content_id.is_empty() { String::new() } else { format!("cid:{content_id}") };
        format!(
            "<tr><td>{name}</td><td>{}</td><td>{size}</td><td>{}</td></tr>",
            bdi(text_of(file, "content_type")),
            bdi(&inline)
        )
    };
    let rows: String = items(view, "attachments").iter().map(row).collect();
    format!(
        "<table><thead><tr><th scope=\"col\">File</th><th scope=\"col\">Type</th><th scope=\"col\">Size</th>\
         <th scope=\"col\">Inline as</th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

/// The page around `main`.
fn page(status: u16, title: &str, main: &str, refreshing: bool) -> HttpResponse {
    let script = if refreshing { format!("<script>{SCRIPT}</script>") } else { String::new() };
    let values = [("title", escape(title)), ("style", STYLE.into()), ("main", main.into()), ("script", script)];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; frame-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        source_of(STYLE),
        source_of(SCRIPT),
    );
    let headers = vec![
        json::field("content-type", "text/html; charset=utf-8"),
        json::field("content-security-policy", policy),
        json::field("x-content-type-options", "nosniff"),
        json::field("referrer-policy", "no-referrer"),
        json::field("cache-control", "no-store"),
    ];
    HttpResponse { status, headers, body: fill(PAGE_HTML, &values).into_bytes() }
}

/// The scheme and host the page was asked for, for the example on it.
fn origin(arrival: &Arrival<'_>) -> String {
    arrival.header("host").map_or_else(String::new, |host| format!("http://{host}"))
}

fn badge(dialect: &str) -> String {
    let (class, label) = match Dialect::from_word(dialect) {
        Some(known) => (known.word(), known.manner().label),
        None if dialect == outside::SMTP => (outside::SMTP, "SMTP"),
        None => return String::new(),
    };
    format!("<span class=\"badge {class}\">{label}</span>")
}

/// How long ago `at` was, with the instant itself for machines and on hover.
fn time(at: UnixMillis, now: UnixMillis) -> String {
    let words = match now.since(at) / 1000 {
        0..10 => "just now".to_string(),
        seconds @ 10..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    };
    format!("<time datetime=\"{at}\" title=\"{at}\">{words}</time>")
}

/// Escaped text whose direction does not leak into its surroundings.
fn bdi(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<bdi>{}</bdi>", escape(text)) }
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn joined(items: &[Value]) -> String {
    let texts: Vec<String> =
        items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), String::from)).collect();
    texts.join(", ")
}

fn pretty(json: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_string())
}

const PAGE_HTML: &str = include_str!("pages/page.html");
const EMPTY: &str = include_str!("pages/empty.html");
const CLIP: &str = include_str!("pages/clip.html");
const LIMITS: &str = include_str!("pages/limits.html");
const STYLE: &str = include_str!("pages/style.css");
const SCRIPT: &str = include_str!("pages/refresh.js");
/// How stale a relative time may be.
const RENEWED_MS: u64 = 10_000;
/// Messages a page of the list.
const PAGE: i64 = 50;
/// The largest number that every host carries exactly.
const MOST_SEQ: i64 = 9_007_199_254_740_991;
