//! The routes of webhooks: what was sent, what will be, once more, forged, and on order.

use super::{
    Provider,
    events::{self, Event, Kind, Letter, Post},
    queue::{self, New, Queued},
    seal::{CERTIFICATE_PATH, CONFIRMATION, Forge, USER},
    settings::{self, Hook},
};
use crate::{
    fields::{self, BadField, Fields},
    host::{Host, Moment},
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Sql, SqlError},
};
use sendgate_simulator::{Arrival, Reply};
use serde_json::{Value, json};

/// Plans what is to be told of the messages after number `after`.
pub(crate) fn plan(sql: &mut dyn Sql, host: &Host, mut after: i64, moment: &Moment) -> Result<(), SqlError> {
    let hooks = settings::load(sql)?;
    if hooks.is_empty() {
        return Ok(());
    }
    loop {
        let page = read(sql, "/sandbox/messages", &format!("after={after}&limit=1000"), moment)?;
        for message in page.get("messages").and_then(Value::as_array).into_iter().flatten() {
            let word = message.get("dialect").and_then(Value::as_str).unwrap_or_default();
            let Some((provider, hook)) = hooks.iter().find(|(provider, _)| provider.word() == word) else { continue };
            let letter = Letter::of(message);
            let serial = |number: usize| host.serial(&letter.id, number);
            let posts = events::posts(*provider, &letter, moment.now, serial);
            for post in posts {
                add(sql, *provider, hook, &post, Some(&letter.id), moment)?;
            }
        }
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}

fn add(
    sql: &mut dyn Sql,
    provider: Provider,
    hook: &Hook,
    post: &Post,
    message_id: Option<&str>,
    moment: &Moment,
) -> Result<i64, SqlError> {
    let (made, due) = (moment.now, moment.now.plus(hook.delay_ms));
    let new = New { provider, post, message_id, url: &hook.url, forge: None, origin: None, made, due };
    queue::add(sql, &new)
}

/// Asks the simulator itself, as a client would.
fn read(sql: &mut dyn Sql, path: &str, query: &str, moment: &Moment) -> Result<Value, SqlError> {
    let arrival = Arrival { method: "GET", path, query, headers: &[], body: &[] };
    match sendgate_simulator::handle(&arrival, sql, moment.entropy, moment.now)? {
        Reply::Answer(response) => serde_json::from_slice(&response.body).map_err(|error| SqlError(error.to_string())),
        Reply::Hang => Err(SqlError("the simulator did not answer itself".into())),
    }
}

/// Sets hooks. A subscription to SNS begins anew with its URL: it is asked to confirm first.
pub(crate) fn put(
    sql: &mut dyn Sql,
    host: &Host,
    named: Vec<(Provider, Option<Hook>)>,
    moment: &Moment,
) -> Result<(), SqlError> {
    let known = settings::load(sql)?.into_iter().find(|(provider, _)| *provider == Provider::Ses).map(|(_, hook)| hook);
    let ses = named.iter().find(|(provider, _)| *provider == Provider::Ses).and_then(|(_, hook)| hook.clone());
    settings::put(sql, named)?;
    let Some(hook) = ses.filter(|hook| known.is_none_or(|known| known.url != hook.url)) else { return Ok(()) };
    let token = host.serial("sns token", usize::try_from(moment.entropy % 1_000_000).unwrap_or(0)).repeat(4);
    queue::subscribe(sql, &token)?;
    let post = Post { event: CONFIRMATION.to_string(), payload: token };
    let (made, due) = (moment.now, moment.now);
    let new = New {
        provider: Provider::Ses,
        post: &post,
        message_id: None,
        url: &hook.url,
        forge: None,
        origin: None,
        made,
        due,
    };
    queue::add(sql, &new).map(|_| ())
}

/// `GET /sandbox/webhooks?after=id&limit=n`.
pub(crate) fn list(sql: &mut dyn Sql, host: &Host, query: &str) -> Result<HttpResponse, SqlError> {
    let number = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<i64>().ok())
    };
    let after = number("after").unwrap_or(0);
    let limit = number("limit").unwrap_or(MOST_PAGE).clamp(1, MOST_PAGE);
    let mut webhooks = queue::list(sql, after, limit + 1)?;
    let more = i64::try_from(webhooks.len()).unwrap_or(i64::MAX) > limit;
    webhooks.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = webhooks.last().filter(|_| more).and_then(|last| last.get("id")).cloned();
    let hooks = settings::load(sql)?;
    let confirmed = queue::is_confirmed(sql)?;
    let secret = |provider: Provider, name: &str| {
        hooks.iter().find(|(known, _)| *known == provider).and_then(|(_, hook)| hook.secret(name)).map(String::from)
    };
    let keys = host.keys();
    let basic = |provider: Provider| {
        json!({
            "user": secret(provider, "user").unwrap_or_else(|| USER.into()),
            "password": secret(provider, "password").unwrap_or_else(|| keys.password(provider)),
        })
    };
    let own = |provider: Provider, name: &str| secret(provider, name).unwrap_or_else(|| keys.secret(provider));
    let shown = json!({
        "sendgrid": { "public_key": keys.sendgrid_public().map_err(SqlError)? },
        "mailgun": { "signing_key": own(Provider::Mailgun, "signing_key") },
        "postmark": basic(Provider::Postmark),
        "ses": { "certificate_url": format!("{}{CERTIFICATE_PATH}", host.base_url()), "confirmed": confirmed },
        "resend": { "secret": secret(Provider::Resend, "secret").unwrap_or_else(|| keys.resend()) },
        "brevo": basic(Provider::Brevo),
        "mailersend": { "secret": own(Provider::MailerSend, "secret") },
        "mailtrap": { "secret": own(Provider::Mailtrap, "secret") },
        "sparkpost": basic(Provider::SparkPost),
        "esp": { "secret": own(Provider::Sandbox, "secret") },
    });
    Ok(fields::answer(200, &json!({ "webhooks": webhooks, "next": next, "keys": shown })))
}

/// `POST /sandbox/webhooks`: an event on order, of a message or of one made up.
pub(crate) fn order(sql: &mut dyn Sql, host: &Host, body: &[u8], moment: &Moment) -> Result<HttpResponse, SqlError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Ok(not_json()) };
    let (provider, kind, recipient, message_id) = match Order::read(&value) {
        Ok(order) => order,
        Err(bad) => return Ok(fields::bad_field(&bad)),
    };
    let Some((_, hook)) = settings::load(sql)?.into_iter().find(|(known, _)| *known == provider) else {
        return Ok(fields::problem(409, "no_url", "no URL is set for this dialect's webhooks", Some("dialect")));
    };
    let mut letter = match message_id {
        None => made_up(host, moment),
        Some(id) => {
            let message = read(sql, &format!("/sandbox/messages/{id}"), "", moment)?;
            if message.get("dialect").and_then(Value::as_str) != Some(provider.word()) {
                return Ok(fields::problem(
                    404,
                    "not_found",
                    "the dialect has no message with this id",
                    Some("message_id"),
                ));
            }
            Letter::of(&message)
        }
    };
    if let Some(recipient) = recipient {
        letter.recipients = vec![recipient];
    }
    let drawn = usize::try_from(moment.entropy % 1_000_000_000).unwrap_or(0);
    let serials: Vec<String> = (0..letter.recipients.len()).map(|n| host.serial(&letter.id, drawn + n)).collect();
    let events: Vec<Event<'_>> = letter
        .recipients
        .iter()
        .zip(&serials)
        .map(|(recipient, serial)| Event { kind, letter: &letter, recipient, at: moment.now, serial })
        .collect();
    let mut ids = Vec::new();
    for post in events::told(provider, &events) {
        ids.push(add(sql, provider, &hook, &post, message_id, moment)?);
    }
    Ok(fields::answer(201, &json!({ "ids": ids })))
}

struct Order;

impl Order {
    #[allow(clippy::type_complexity, reason = "read once, above")]
    fn read(value: &Value) -> Result<(Provider, Kind, Option<String>, Option<&str>), BadField> {
        let fields = Fields::of(value, "", &["dialect", "event", "recipient", "message_id"])?;
        let providers = Provider::ALL.map(Provider::word).join(", ");
        let provider = fields.text("dialect")?.and_then(Provider::from_word);
        let kinds = Kind::ALL.map(|(_, word)| word).join(", ");
        let kind = fields.text("event")?.and_then(Kind::from_word);
        let recipient = fields.text("recipient")?;
        if recipient.is_some_and(|address| crate::smtp::path::check(address, true).is_err()) {
            return Err(BadField::new("recipient", "must be an address"));
        }
        let message_id = fields.text("message_id")?;
        if message_id.is_some_and(|id| id.is_empty() || id.contains(['/', '?', '#'])) {
            return Err(BadField::new("message_id", "must be a message's id"));
        }
        Ok((
            provider.ok_or_else(|| BadField::new("dialect", format!("must be one of {providers}")))?,
            kind.ok_or_else(|| BadField::new("event", format!("must be one of {kinds}")))?,
            recipient.map(String::from),
            message_id,
        ))
    }
}

/// A message that nobody sent.
fn made_up(host: &Host, moment: &Moment) -> Letter {
    Letter {
        id: host.serial("letter", usize::try_from(moment.entropy % 1_000_000_000).unwrap_or(0)),
        from: "orders@shop.example".into(),
        to: vec!["ann@example.com".into()],
        recipients: vec!["ann@example.com".into()],
        subject: "A message that nobody sent".into(),
        at: moment.now,
        ..Letter::default()
    }
}

/// `POST /sandbox/webhooks/{id}/replay` `{"forge", "times", "delay_ms"}`: the same event again, as it was or made wrong.
pub(crate) fn replay(sql: &mut dyn Sql, id: &str, body: &[u8], moment: &Moment) -> Result<HttpResponse, SqlError> {
    let queued = match id.parse::<i64>() {
        Ok(id) => queue::find(sql, id)?,
        Err(_) => None,
    };
    let Some(queued) = queued else {
        return Ok(fields::problem(404, "not_found", "there is no webhook with this id", None));
    };
    let value = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).unwrap_or(Value::Null) };
    let (forge, times, delay_ms) = match replay_order(&value) {
        Ok(order) => order,
        Err(bad) => return Ok(fields::bad_field(&bad)),
    };
    let ids = (0..times).map(|_| again(sql, &queued, forge, delay_ms, moment)).collect::<Result<Vec<_>, _>>()?;
    Ok(fields::answer(201, &json!({ "ids": ids })))
}

fn replay_order(value: &Value) -> Result<(Option<&str>, u64, u64), BadField> {
    let fields = Fields::of(value, "", &["forge", "times", "delay_ms"])?;
    let forge = fields.text("forge")?;
    if forge.is_some_and(|word| Forge::from_word(word).is_none()) {
        let words = Forge::ALL.map(|(_, word)| word).join(", ");
        return Err(BadField::new("forge", format!("must be one of {words}")));
    }
    let times = fields.number("times", 1, MOST_TIMES)?.unwrap_or(1);
    Ok((forge, times, fields.number("delay_ms", 0, MOST_DELAY_MS)?.unwrap_or(0)))
}

fn again(
    sql: &mut dyn Sql,
    queued: &Queued,
    forge: Option<&str>,
    delay_ms: u64,
    moment: &Moment,
) -> Result<i64, SqlError> {
    let post = Post { event: queued.event.clone(), payload: queued.payload.clone() };
    let new = New {
        provider: queued.provider,
        post: &post,
        message_id: queued.message_id.as_deref(),
        url: &queued.url,
        forge,
        origin: Some(queued.origin),
        made: queued.made,
        due: moment.now.plus(delay_ms),
    };
    queue::add(sql, &new)
}

/// `GET /sandbox/ses?Action=ConfirmSubscription&Token=...`: what a receiver does with `SubscribeURL`.
pub(crate) fn confirm(sql: &mut dyn Sql, query: &str) -> Result<HttpResponse, SqlError> {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("Token=")).unwrap_or_default();
    let (status, body) = if queue::confirm(sql, token)? {
        (
            200,
            "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><ConfirmSubscriptionResult>\
               <SubscriptionArn>arn:aws:sns:us-east-1:123456789012:simulator:1</SubscriptionArn>\
               </ConfirmSubscriptionResult></ConfirmSubscriptionResponse>",
        )
    } else {
        (
            400,
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
               <Code>InvalidParameter</Code><Message>Invalid token</Message></Error></ErrorResponse>",
        )
    };
    let headers = vec![("content-type".to_string(), "text/xml".to_string())];
    Ok(HttpResponse { status, headers, body: body.into() })
}

/// `GET` of SNS's certificate.
pub(crate) fn certificate(host: &Host) -> Result<HttpResponse, SqlError> {
    let pem = host.keys().sns_certificate().map_err(SqlError)?;
    let headers = vec![("content-type".to_string(), "application/x-pem-file".to_string())];
    Ok(HttpResponse { status: 200, headers, body: pem.into_bytes() })
}

pub(crate) fn not_json() -> HttpResponse {
    fields::problem(400, "invalid_json", "the body must be JSON", None)
}

/// As for the log, but a webhook is longer than a call.
const MOST_PAGE: i64 = 1_000;
/// Enough to see how a receiver takes many.
const MOST_TIMES: u64 = 1_000;
/// A day.
const MOST_DELAY_MS: u64 = 86_400_000;
