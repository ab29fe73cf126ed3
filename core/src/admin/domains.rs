//! `/v1/admin/accounts/{account}/domains`: what an account may send from, and whether DNS says that it may.
//!
//! Which domains an account has, and whether mail may leave from each, stands in its configuration (`domains`), which its
//! object gets. What else is known of them stands beside: the values that providers made for the account, and what the last
//! look found. A look is the host's to carry: the request is answered with what to fetch, and comes again with it.

use super::{
    Ask, Reply, Stop,
    domain_row::{Known, TOO_MANY, forget, name_of, seen},
    log, not_found, only, page,
    record::{Record, unreadable},
    settings::{Members, wrong},
};
use crate::{
    config::{AccountConfig, DomainStatus},
    domain::{
        Check, DomainName, Outcome, PlanError, ProviderUse, Question, RecordPlan, Standing, WantedRecord,
        ownership_token, resolver_fault,
    },
    problem::{Code, Problem},
    sql::SqlError,
    time::UnixMillis,
};
use alloc::{format, string::ToString, vec::Vec};
use serde_json::{Value, json};

pub(super) fn list(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    let config = record.check()?;
    let mut views = Vec::new();
    for domain in config.domains.iter().flatten() {
        let name = DomainName::parse(&domain.name).map_err(|_| unreadable())?;
        let known = Known::load(account, &name, domain.status, ask.sql)?;
        views.push(view(&name, &known, &config, account, ask));
    }
    Ok(Reply::of(200, page("domains", views, None), &record))
}

pub(super) fn read(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    let config = record.check()?;
    let (name, known) = find(ask, account, name, &config)?;
    Ok(Reply::of(200, view(&name, &known, &config, account, ask), &record))
}

/// Gives an account a domain. It is pending until a look finds its records. The same request again changes nothing.
pub(super) fn add(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let body = ask.members()?;
    only(&body, &["name", "providers"])?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let name = DomainName::parse(name).map_err(|error| wrong("name", &error.to_string()))?;
    let parameters = parameters_of(&body)?;
    let before = ask.account(account)?;
    let config = before.check()?;
    plan(&name, &parameters, &config, account, ask).map_err(refused)?;
    if status_of(&config, &name).is_some() {
        let (_, known) = find(ask, account, name.as_str(), &config)?;
        return if known.parameters == parameters {
            Ok(Reply::of(200, view(&name, &known, &config, account, ask), &before))
        } else {
            Err(Problem::new(Code::AlreadyExists, "the account has this domain").into())
        };
    }
    if config.domains.as_ref().is_some_and(|domains| domains.len() >= MAX_DOMAINS) {
        return Err(wrong("name", &format!("an account has at most {MAX_DOMAINS} domains")).into());
    }
    let known = Known { parameters, standing: Standing::added(ask.now), ..Known::default() };
    let mut after = before.clone();
    let entry = json!({"name": name.as_str(), "status": "pending"});
    match after.config.get_mut("domains").and_then(Value::as_array_mut) {
        Some(domains) => domains.push(entry),
        None => drop(after.config.insert("domains".into(), json!([entry]))),
    }
    let record = saved(ask, &before, after, "domain.add", &name)?;
    known.store(account, &name, Some(ask.now), ask.sql)?;
    note_parameters(ask, account, &name, None, Some(&known.parameters))?;
    Ok(Reply::changed(201, view(&name, &known, &config, account, ask), &record))
}

/// Takes other values of the providers. Where the domain stands, the next look says.
pub(super) fn change(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let body = ask.members()?;
    only(&body, &["providers"])?;
    let parameters = parameters_of(&body)?;
    let record = ask.account(account)?;
    let config = record.check()?;
    let (name, mut known) = find(ask, account, name, &config)?;
    plan(&name, &parameters, &config, account, ask).map_err(refused)?;
    if known.parameters != parameters {
        note_parameters(ask, account, &name, Some(&known.parameters), Some(&parameters))?;
        known.parameters = parameters;
        known.store(account, &name, known.standing.next_look(ask.now), ask.sql)?;
    }
    Ok(Reply::of(200, view(&name, &known, &config, account, ask), &record))
}

/// Takes a domain away. An account whose last domain goes may send from none: only one that never had any may from all.
pub(super) fn remove(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let before = ask.account(account)?;
    let config = before.check()?;
    let (name, known) = find(ask, account, name, &config)?;
    let mut after = before.clone();
    if let Some(domains) = after.config.get_mut("domains").and_then(Value::as_array_mut) {
        domains.retain(|entry| entry_name(entry).as_ref() != Some(&name));
    }
    let record = saved(ask, &before, after, "domain.remove", &name)?;
    forget(account, name.as_str(), ask.sql)?;
    note_parameters(ask, account, &name, Some(&known.parameters), None)?;
    Ok(Reply::changed(200, json!({"name": name.as_str()}), &record))
}

/// Looks at DNS now, and moves the domain by what is there.
pub(super) fn look(ask: &mut Ask<'_>, account: &str, name: &str) -> Result<Reply, Stop> {
    let before = ask.account(account)?;
    let config = before.check()?;
    let (name, mut known) = find(ask, account, name, &config)?;
    let plan = plan(&name, &known.parameters, &config, account, ask).map_err(refused)?;
    let check = looked(&plan, ask)?;
    let outcome = check.outcome();
    known.standing = known.standing.after(outcome, ask.now);
    known.seen = check.findings().iter().map(|finding| (name_of(finding.record), seen(finding))).collect();
    let mut after = before.clone();
    let status = match known.standing.state.status() {
        DomainStatus::Pending => "pending",
        DomainStatus::Verified => "verified",
    };
    for entry in after.config.get_mut("domains").and_then(Value::as_array_mut).into_iter().flatten() {
        // A name alone says verified already.
        let says = entry.get("status").and_then(Value::as_str).unwrap_or("verified");
        if entry_name(entry).as_ref() == Some(&name) && says != status {
            *entry = json!({"name": name.as_str(), "status": status});
        }
    }
    let record = saved(ask, &before, after, "domain.status", &name)?;
    known.store(account, &name, known.standing.next_look(ask.now), ask.sql)?;
    let mut shown = view(&name, &known, &config, account, ask);
    if let Some(shown) = shown.as_object_mut() {
        let word = match outcome {
            Outcome::Matches => "matches",
            Outcome::Missing => "missing",
            Outcome::Unknown => "unknown",
        };
        shown.insert("outcome".into(), word.into());
    }
    Ok(Reply::changed(200, shown, &record))
}

/// A look whose questions are all answered.
///
/// # Errors
/// What is still to be fetched; a resolver that may not be asked.
fn looked<'p>(plan: &'p RecordPlan, ask: &Ask<'_>) -> Result<Check<'p>, Stop> {
    let resolver = ask.tools.resolver.unwrap_or(DEFAULT_RESOLVER);
    if let Some(fault) = resolver_fault(resolver) {
        return Err(Problem::new(Code::Misconfigured, format!("SENDGATE_RESOLVER: {fault}")).into());
    }
    let mut check = Check::of(plan);
    loop {
        let mut open: Vec<Question> = Vec::new();
        for question in check.questions() {
            let url = question.request(resolver).url;
            match ask.tools.brought.iter().find(|brought| brought.url == url) {
                Some(brought) => {
                    let answer = question.answer(brought.result.as_ref().map_err(|failure| *failure));
                    check.learn(question, answer);
                }
                None => open.push(question),
            }
        }
        if !open.is_empty() {
            return Err(Stop::Fetch(open.iter().map(|question| question.request(resolver)).collect()));
        }
        if check.questions().is_empty() {
            return Ok(check);
        }
    }
}

fn saved(ask: &mut Ask<'_>, before: &Record, after: Record, action: &str, name: &DomainName) -> Result<Record, Stop> {
    ask.save(Some(before), after, action, &format!("domains/{name}"))
}

/// A line of the log about a domain's values, where they change: they are public, as DNS is.
fn note_parameters(
    ask: &mut Ask<'_>,
    account: &str,
    name: &DomainName,
    before: Option<&Members>,
    after: Option<&Members>,
) -> Result<(), SqlError> {
    let is_empty = |side: Option<&Members>| side.is_none_or(Members::is_empty);
    if is_empty(before) && is_empty(after) {
        return Ok(());
    }
    let target = format!("accounts/{account}/domains/{name}");
    log::append(ask, "domain.providers", &target, &json!(before), &json!(after))
}

/// The domain of this name, if the account has it.
fn find(ask: &mut Ask<'_>, account: &str, name: &str, config: &AccountConfig) -> Result<(DomainName, Known), Stop> {
    let found = DomainName::parse(name).ok().and_then(|name| Some((status_of(config, &name)?, name)));
    let Some((status, name)) = found else { return Err(not_found("the account has no such domain")) };
    let known = Known::load(account, &name, status, ask.sql)?;
    Ok((name, known))
}

fn status_of(config: &AccountConfig, name: &DomainName) -> Option<DomainStatus> {
    config.domains.iter().flatten().find(|domain| domain.name == name.as_str()).map(|domain| domain.status)
}

/// The name of an entry of `domains` as it is written.
fn entry_name(entry: &Value) -> Option<DomainName> {
    let text = entry.as_str().or_else(|| entry.get("name").and_then(Value::as_str))?;
    DomainName::parse(text).ok()
}

/// Every provider of the account sends from each of its domains, so each has its records.
fn plan(
    name: &DomainName,
    parameters: &Members,
    config: &AccountConfig,
    account: &str,
    ask: &Ask<'_>,
) -> Result<RecordPlan, PlanError> {
    let none = Members::new();
    let stranger = parameters.keys().find(|given| !config.providers.iter().any(|provider| provider.name == **given));
    if let Some(provider) = stranger {
        let known = config.providers.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(PlanError::NoProvider { provider: provider.clone(), known });
    }
    let uses: Vec<ProviderUse<'_>> = config
        .providers
        .iter()
        .map(|provider| ProviderUse {
            name: &provider.name,
            kind: provider.kind,
            parameters: parameters.get(&provider.name).and_then(Value::as_object).unwrap_or(&none),
        })
        .collect();
    RecordPlan::of(name, &ownership_token(ask.tools.key_secret, account, name), &uses)
}

fn refused(error: PlanError) -> Stop {
    wrong(&error.field(), &error.to_string()).into()
}

fn parameters_of(body: &Members) -> Result<Members, Stop> {
    let Some(given) = body.get("providers") else { return Ok(Members::new()) };
    let objects = given.as_object().filter(|given| given.values().all(Value::is_object)).cloned();
    let detail = "is an object of the account's providers, each an object of texts or lists of texts";
    objects.ok_or_else(|| wrong("providers", detail).into())
}

/// A domain as it is shown.
fn view(name: &DomainName, known: &Known, config: &AccountConfig, account: &str, ask: &Ask<'_>) -> Value {
    let instant = |at: Option<UnixMillis>| at.map(|at| at.to_string());
    let mut view = json!({
        "name": name.as_str(),
        "state": known.standing.state.word(),
        "grace_until": instant(known.standing.grace_until),
        "checked_at": instant(known.standing.checked_at),
        "providers": known.parameters,
    });
    let Some(members) = view.as_object_mut() else { return view };
    match plan(name, &known.parameters, config, account, ask) {
        Ok(plan) => {
            let records: Vec<Value> = plan.records.iter().map(|record| record_view(record, known)).collect();
            let seen_too_many = known.seen.values().any(|seen| seen.get(TOO_MANY).is_some());
            let warnings: &[&str] = if seen_too_many || plan.asks_too_often() { &[TOO_MANY_LOOKUPS] } else { &[] };
            members.insert("records".into(), records.into());
            members.insert("warnings".into(), json!(warnings));
        }
        // A provider was added whose values are not known yet.
        Err(error) => {
            members.insert("records".into(), json!([]));
            members.insert("warnings".into(), json!([format!("{}: {error}", error.field())]));
        }
    }
    view
}

fn record_view(record: &WantedRecord, known: &Known) -> Value {
    let (record_type, _) = record.record_type.row();
    let mut view = json!({
        "for": record.purpose.word(),
        "type": record_type,
        "name": record.name,
        "value": record.value,
        "required": record.required,
        "providers": record.providers,
        "state": null,
    });
    if let (Some(members), Some(Value::Object(seen))) = (view.as_object_mut(), known.seen.get(&name_of(record))) {
        members.extend(seen.clone());
    }
    view
}

/// Each message is compared with them, and the whole configuration goes along with each change.
const MAX_DOMAINS: usize = 100;
/// Cloudflare's own resolver, which a Worker is next to.
const DEFAULT_RESOLVER: &str = "https://cloudflare-dns.com/dns-query";
/// RFC 7208 section 4.6.4 is broken.
const TOO_MANY_LOOKUPS: &str = "spf_too_many_lookups";
