//! `/v1/admin/accounts/{account}/providers`: where an account's mail leaves to, one by one.
//!
//! A provider here is the entry of `providers` in the account's configuration. Its order is the configuration's.

use super::{
    Ask, Reply, Stop, not_found, page,
    record::Record,
    settings::{merge, seen_from, wrong},
};
use crate::{
    key,
    problem::{Code, Problem},
};
use alloc::{format, string::String, vec::Vec};
use serde_json::{Value, json};

pub(super) fn list(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    let views: Vec<Value> = record.providers().iter().map(|provider| view(provider, &record, ask)).collect();
    Ok(Reply::of(200, page("providers", views, None), &record))
}

pub(super) fn read(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    shown(ask, 200, &record, name).map(|reply| Reply { changed: None, ..reply })
}

/// Adds a provider behind the others. The same one again changes nothing.
pub(super) fn add(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let provider = Value::Object(ask.members()?);
    let before = ask.account(account)?;
    let name: String = provider.get("name").and_then(Value::as_str).unwrap_or_default().into();
    if !key::is_name(&name) {
        return Err(wrong("name", "a name is 1 to 32 of a-z, 0-9 and -").into());
    }
    if let Some(known) = before.provider_at(&name) {
        return if before.providers().get(known) == Some(&provider) {
            shown(ask, 200, &before, &name)
        } else {
            Err(Problem::new(Code::AlreadyExists, "the account has a provider of this name").into())
        };
    }
    let mut after = before.clone();
    let place = before.providers().len();
    after.providers_mut().into_iter().for_each(|providers| providers.push(provider.clone()));
    saved(ask, 201, &before, after, (place, &name), "provider.add")
}

/// Changes a provider by an RFC 7396 merge patch.
pub(super) fn change(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let patch = ask.members()?;
    let before = ask.account(account)?;
    let place = before.provider_at(name).ok_or_else(unknown)?;
    if patch.get("name").is_some_and(|wanted| wanted.as_str() != Some(name)) {
        // Messages that may have been taken know their provider by its name.
        return Err(wrong("name", "stays as it is; add another provider").into());
    }
    let mut after = before.clone();
    let provider = after.providers_mut().and_then(|providers| providers.get_mut(place));
    if let Some(provider) = provider.and_then(Value::as_object_mut) {
        merge(provider, &patch);
    }
    saved(ask, 200, &before, after, (place, name), "provider.change")
}

pub(super) fn remove(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let before = ask.account(account)?;
    let place = before.provider_at(name).ok_or_else(unknown)?;
    let mut after = before.clone();
    if let Some(providers) = after.providers_mut().filter(|providers| place < providers.len()) {
        providers.remove(place);
    }
    let record = ask.save(Some(&before), after, "provider.remove", &format!("providers/{name}"))?;
    Ok(Reply::changed(200, json!({"name": name}), &record))
}

fn saved(
    ask: &mut Ask<'_>,
    status: u16,
    before: &Record,
    after: Record,
    (place, name): (usize, &str),
    action: &str,
) -> Result<Reply, Stop> {
    let record = ask
        .save(Some(before), after, action, &format!("providers/{name}"))
        .map_err(|stop| seen_from(stop, &format!("config.providers[{place}]")))?;
    shown(ask, status, &record, name)
}

fn shown(ask: &Ask<'_>, status: u16, record: &Record, name: &str) -> Result<Reply, Stop> {
    let provider = record.provider_at(name).and_then(|place| record.providers().get(place)).ok_or_else(unknown)?;
    Ok(Reply::changed(status, view(provider, record, ask), record))
}

/// The provider as it stands in the configuration, with the path that its reports are taken at.
fn view(provider: &Value, record: &Record, ask: &Ask<'_>) -> Value {
    let mut view = provider.clone();
    let name = provider.get("name").and_then(Value::as_str).unwrap_or_default();
    let takes_reports = provider.get("webhook").is_some_and(Value::is_object);
    if let Some(members) = view.as_object_mut().filter(|_| takes_reports) {
        let way = if provider.get("kind").and_then(Value::as_str) == Some("smtp") { "inbound" } else { "webhooks" };
        let tag = key::report_tag(ask.tools.key_secret, &record.name);
        members.insert("reports".into(), format!("/v1/{way}/{name}/{}.{tag}", record.name).into());
    }
    view
}

fn unknown() -> Stop {
    not_found("the account has no provider of this name")
}
