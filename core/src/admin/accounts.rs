//! `/v1/admin/accounts`: making, changing and closing accounts.

use super::{
    Ask, Reply, Stop, only, page,
    record::Record,
    settings::{Members, merge, wrong},
};
use crate::{
    account::query::Query,
    catalog::DEFAULT_PLAN,
    key,
    problem::{Code, Problem},
};
use alloc::{string::ToString, vec::Vec};
use serde_json::{Value, json};

/// A page of the accounts, in the order of their names: accounts that come and go meanwhile move no other.
pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Stop> {
    let query = Query::read(&ask.pass.query, &["limit", "after"])?;
    let limit = query.number("limit", PAGE, MOST, 1)?;
    let mut records = Record::page(query.text("after").unwrap_or_default(), limit, ask.sql)?;
    let more = u64::try_from(records.len()).unwrap_or(u64::MAX) > limit;
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = records.last().filter(|_| more).map(|last| last.name.clone());
    let views: Vec<Value> = records.iter().map(summary).collect();
    Ok(Reply::json(200, page("accounts", views, next)))
}

/// Makes an account. The same request again finds the account as it asked for it, and changes nothing.
pub(super) fn create(ask: &mut Ask<'_>) -> Result<Reply, Stop> {
    let mut body = ask.members()?;
    only(&body, &["name", "config"])?;
    let Some(Value::String(name)) = body.remove("name") else { return Err(wrong("name", NAME).into()) };
    if !key::is_name(&name) {
        return Err(wrong("name", NAME).into());
    }
    let config = object(body.remove("config").unwrap_or_default(), "config")?;
    if (ask.tools.is_static)(&name) {
        let detail = "the deployment's own configuration, SENDGATE_CONFIG, has an account of this name";
        return Err(Problem::new(Code::AlreadyExists, detail).into());
    }
    if let Some(known) = Record::load(&name, ask.sql)? {
        return if known.config == config {
            Ok(Reply::changed(200, view(&known), &known))
        } else {
            Err(Problem::new(Code::AlreadyExists, "there is an account of this name").into())
        };
    }
    let record = ask.save(None, Record::new(&name, config, ask.now), "account.create", "")?;
    Ok(Reply::changed(201, view(&record), &record))
}

pub(super) fn read(ask: &mut Ask<'_>, name: &str) -> Result<Reply, Stop> {
    let record = ask.account(name)?;
    Ok(Reply::of(200, view(&record), &record))
}

/// Changes the configuration by an RFC 7396 merge patch of the account as it is shown.
pub(super) fn change(ask: &mut Ask<'_>, name: &str) -> Result<Reply, Stop> {
    let mut body = ask.members()?;
    only(&body, &["config"])?;
    let patch = object(body.remove("config").unwrap_or_else(|| json!({})), "config")?;
    let before = ask.account(name)?;
    let mut after = before.clone();
    merge(&mut after.config, &patch);
    saved(ask, &before, after, "account.change")
}

/// Closes an account. Its mail is held, its keys are refused, and its name stays taken; a change of its status opens it
/// again.
pub(super) fn close(ask: &mut Ask<'_>, name: &str) -> Result<Reply, Stop> {
    let before = ask.account(name)?;
    let mut after = before.clone();
    after.config.insert("status".into(), "closed".into());
    saved(ask, &before, after, "account.close")
}

/// Another plan with the account's own figures over it: both, or neither (R100).
pub(super) fn change_plan(ask: &mut Ask<'_>, name: &str) -> Result<Reply, Stop> {
    let body = ask.members()?;
    only(&body, &["plan", "plan_figures"])?;
    let Some(plan) = body.get("plan") else { return Err(wrong("plan", "names a plan").into()) };
    let before = ask.account(name)?;
    let mut after = before.clone();
    after.config.insert("plan".into(), plan.clone());
    match body.get("plan_figures") {
        Some(figures) => after.config.insert("plan_figures".into(), figures.clone()),
        None => after.config.remove("plan_figures"),
    };
    saved(ask, &before, after, "account.plan").map_err(|stop| super::settings::seen_from(stop, "config"))
}

fn saved(ask: &mut Ask<'_>, before: &Record, after: Record, action: &str) -> Result<Reply, Stop> {
    let record = ask.save(Some(before), after, action, "")?;
    Ok(Reply::changed(200, view(&record), &record))
}

/// An account as it is shown; its keys have routes of their own.
fn view(record: &Record) -> Value {
    let mut view = summary(record);
    if let Some(view) = view.as_object_mut() {
        view.insert("config".into(), Value::Object(record.config.clone()));
    }
    view
}

fn summary(record: &Record) -> Value {
    let word = |name: &str, absent: &str| record.config.get(name).and_then(Value::as_str).unwrap_or(absent).to_string();
    json!({
        "name": record.name,
        "status": word("status", "active"),
        "plan": word("plan", DEFAULT_PLAN),
        "revision": record.revision,
        "in_force": record.is_in_force(),
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
    })
}

fn object(value: Value, field: &str) -> Result<Members, Stop> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(wrong(field, "must be an object").into())
        }
    }
}

const NAME: &str = "a name is 1 to 32 of a-z, 0-9 and -";
/// As the other lists of the API.
const PAGE: u64 = 100;
const MOST: u64 = 1_000;
