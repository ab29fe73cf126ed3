//! `/v1/admin/accounts/{account}/domains`: what an account may send from, and whether DNS says that it may.
//!
//! Which domains an account has, and whether mail may leave from each, stands in its configuration (`domains`), which its
//! object gets. What else is known of them stands beside: the values that providers made for the account, and what the last
//! look found. A look is the host's to carry: the request is answered with what to fetch, and comes again with it.

use super::{
    Ask, Reply, Stop, log, not_found, only, page,
    record::{Record, text, unreadable},
    settings::{Members, wrong},
};
use crate::{
    config::{AccountConfig, DomainStatus},
    domain::{
        Check, DomainName, DomainState, Finding, OneOrMany, Outcome, PlanError, ProviderUse, Question, RecordPlan,
        RecordState, Standing, WantedRecord, ownership_token, resolver_fault,
    },
    problem::{Code, Problem},
    sql::{Param, Sql, SqlError, Value as Cell},
    time::UnixMillis,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Values that providers made for the account, by the account's names of the providers.
type Parameters = BTreeMap<String, BTreeMap<String, OneOrMany>>;

/// What is known of a domain beside the configuration.
#[derive(Default)]
struct Known {
    parameters: Parameters,
    standing: Standing,
    /// What the last look found of each record, by [`name_of`].
    seen: BTreeMap<String, Seen>,
}

/// What a look found of a record.
#[derive(Serialize, Deserialize)]
struct Seen {
    state: RecordState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merged: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    too_many_lookups: Option<usize>,
}

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
    known.seen = check.findings().into_iter().map(|finding| (name_of(finding.record), Seen::of(finding))).collect();
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

/// The domain whose look is due first, with its account. It is put off at once: a look that a crash ends is not repeated
/// before another one is due.
pub(super) fn due(sql: &mut dyn Sql, now: UnixMillis) -> Result<Option<(String, String)>, SqlError> {
    let statement = "SELECT account, name FROM domain WHERE next_ms <= ?1 ORDER BY next_ms LIMIT 1";
    let rows = sql.run(statement, &[Param::Integer(now.as_i64())])?;
    let Some([Cell::Text(account), Cell::Text(name)]) = rows.first().map(|row| row.as_slice()) else { return Ok(None) };
    let statement = "UPDATE domain SET next_ms = ?3 WHERE account = ?1 AND name = ?2";
    let later = Param::Integer(now.plus(RETRY_MS).as_i64());
    sql.run(statement, &[Param::Text(account), Param::Text(name), later])?;
    Ok(Some((account.clone(), name.clone())))
}

/// Forgets what stands beside the configuration.
pub(super) fn forget(account: &str, name: &str, sql: &mut dyn Sql) -> Result<(), SqlError> {
    let statement = "DELETE FROM domain WHERE account = ?1 AND name = ?2";
    sql.run(statement, &[Param::Text(account), Param::Text(name)]).map(drop)
}

/// When the next look is due.
pub(super) fn wake_at(sql: &mut dyn Sql) -> Result<Option<UnixMillis>, SqlError> {
    let rows = sql.run("SELECT MIN(next_ms) FROM domain", &[])?;
    Ok(rows.first().and_then(|row| row.first()).and_then(instant))
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
    before: Option<&Parameters>,
    after: Option<&Parameters>,
) -> Result<(), SqlError> {
    let is_empty = |side: Option<&Parameters>| side.is_none_or(BTreeMap::is_empty);
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
    parameters: &Parameters,
    config: &AccountConfig,
    account: &str,
    ask: &Ask<'_>,
) -> Result<RecordPlan, PlanError> {
    let none = BTreeMap::new();
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
            parameters: parameters.get(&provider.name).unwrap_or(&none),
        })
        .collect();
    RecordPlan::of(name, &ownership_token(ask.tools.key_secret, account, name), &uses)
}

fn refused(error: PlanError) -> Stop {
    wrong(&error.field(), &error.to_string()).into()
}

fn parameters_of(body: &Members) -> Result<Parameters, Stop> {
    let Some(given) = body.get("providers") else { return Ok(Parameters::new()) };
    let detail = "is an object of the account's providers, each an object of texts or lists of texts";
    serde_json::from_value(given.clone()).map_err(|_| wrong("providers", detail).into())
}

/// A domain as it is shown.
fn view(name: &DomainName, known: &Known, config: &AccountConfig, account: &str, ask: &Ask<'_>) -> Value {
    let instant = |at: Option<UnixMillis>| at.map(|at| at.to_string());
    let mut view = json!({
        "name": name.as_str(),
        "state": known.standing.state,
        "grace_until": instant(known.standing.grace_until),
        "checked_at": instant(known.standing.checked_at),
        "providers": known.parameters,
    });
    let Some(members) = view.as_object_mut() else { return view };
    match plan(name, &known.parameters, config, account, ask) {
        Ok(plan) => {
            let records: Vec<Value> = plan.records.iter().map(|record| record_view(record, known)).collect();
            let seen_too_many = known.seen.values().any(|seen| seen.too_many_lookups.is_some());
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
    let mut view = json!(record);
    if let Some(members) = view.as_object_mut() {
        let seen = known.seen.get(&name_of(record));
        members.insert("state".into(), json!(seen.map(|seen| seen.state)));
        if let Some(merged) = seen.and_then(|seen| seen.merged.as_ref()) {
            members.insert("merged".into(), json!(merged));
        }
        if let Some(lookups) = seen.and_then(|seen| seen.too_many_lookups) {
            members.insert("too_many_lookups".into(), json!(lookups));
        }
    }
    view
}

/// What a record is known by: a look at another value says nothing of this one.
fn name_of(record: &WantedRecord) -> String {
    let (record_type, _) = record.record_type.row();
    format!("{record_type} {} {}", record.name, record.value)
}

impl Seen {
    fn of(finding: Finding<'_>) -> Self {
        let Finding { state, merged, too_many_lookups, .. } = finding;
        Self { state, merged, too_many_lookups }
    }
}

impl Known {
    /// Reads what is known of a domain. The configuration has the last word on whether mail may leave: an operator may have
    /// changed it there.
    fn load(account: &str, name: &DomainName, status: DomainStatus, sql: &mut dyn Sql) -> Result<Self, SqlError> {
        let statement = "SELECT parameters, state, grace_ms, checked_ms, sought_ms, seen FROM domain WHERE account = ?1 AND name = ?2";
        let rows = sql.run(statement, &[Param::Text(account), Param::Text(name.as_str())])?;
        let mut known = match rows.first().map(|row| row.as_slice()) {
            Some([Cell::Text(parameters), Cell::Text(state), grace, checked, sought, Cell::Text(seen)]) => Self {
                parameters: serde_json::from_str(parameters).map_err(|_| unreadable())?,
                standing: Standing {
                    state: serde_json::from_value(Value::String(state.clone())).map_err(|_| unreadable())?,
                    grace_until: instant(grace),
                    checked_at: instant(checked),
                    sought_until: instant(sought),
                },
                seen: serde_json::from_str(seen).map_err(|_| unreadable())?,
            },
            Some(_) => return Err(unreadable()),
            None => Self::default(),
        };
        if known.standing.state.status() != status {
            known.standing.grace_until = None;
            known.standing.state = match status {
                DomainStatus::Pending => DomainState::Pending,
                DomainStatus::Verified => DomainState::Verified,
            };
        }
        Ok(known)
    }

    fn store(
        &self,
        account: &str,
        name: &DomainName,
        next: Option<UnixMillis>,
        sql: &mut dyn Sql,
    ) -> Result<(), SqlError> {
        let (parameters, seen) = (text(&self.parameters)?, text(&self.seen)?);
        let instant = |at: Option<UnixMillis>| at.map_or(Param::Null, |at| Param::Integer(at.as_i64()));
        let statement = "INSERT OR REPLACE INTO domain(account, name, parameters, state, grace_ms, checked_ms, sought_ms, \
                         next_ms, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let parameters = [
            Param::Text(account),
            Param::Text(name.as_str()),
            Param::Text(&parameters),
            Param::Text(self.standing.state.word()),
            instant(self.standing.grace_until),
            instant(self.standing.checked_at),
            instant(self.standing.sought_until),
            instant(next),
            Param::Text(&seen),
        ];
        sql.run(statement, &parameters).map(drop)
    }
}

fn instant(cell: &Cell) -> Option<UnixMillis> {
    match cell {
        Cell::Integer(at) => u64::try_from(*at).ok().map(UnixMillis::new),
        Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
    }
}

/// Creates what is missing.
pub(super) fn create_schema(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run(TABLE, &[]).map(drop)
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS domain(\
     account TEXT NOT NULL, name TEXT NOT NULL, parameters TEXT NOT NULL, state TEXT NOT NULL, grace_ms INTEGER, \
     checked_ms INTEGER, sought_ms INTEGER, next_ms INTEGER, seen TEXT NOT NULL, PRIMARY KEY(account, name)) WITHOUT ROWID";
/// Each message is compared with them, and the whole configuration goes along with each change.
const MAX_DOMAINS: usize = 100;
/// When a look is taken for lost.
const RETRY_MS: u64 = 3_600_000;
/// Cloudflare's own resolver, which a Worker is next to.
const DEFAULT_RESOLVER: &str = "https://cloudflare-dns.com/dns-query";
/// RFC 7208 section 4.6.4 is broken.
const TOO_MANY_LOOKUPS: &str = "spf_too_many_lookups";
