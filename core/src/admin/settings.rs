//! An account's settings as JSON: the shape that `SENDGATE_CONFIG` has, read and checked by the same code.

use super::{
    Stop,
    record::{Key, Record},
};
use crate::{
    config::{AccountConfig, Config, ConfigError},
    problem::{Code, Flaw, Problem},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Map, Value, json};

/// The members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// The configuration with its keys.
pub(super) fn effective(config: &Members, keys: &[Key]) -> Members {
    let mut whole = config.clone();
    whole.insert("keys".into(), keys.iter().map(|key| Value::Object(key.config.clone())).collect());
    whole
}

/// Reads and checks an account.
///
/// # Errors
/// The first field that is wrong, as the admin API names it: `config.quotas`, `config.providers[0].base_url`,
/// `keys[2].scopes`.
pub(super) fn check(name: &str, config: &Members, keys: &[Key]) -> Result<AccountConfig, Stop> {
    if config.contains_key("keys") {
        return Err(wrong("config.keys", "keys have routes of their own").into());
    }
    if !config.contains_key("providers") {
        return Err(wrong("config.providers", "at least 1 provider, got 0").into());
    }
    match read(name, effective(config, keys)) {
        Ok(mut read) => read.accounts.remove(name).ok_or_else(|| wrong("name", "the account was not read").into()),
        Err(error) => {
            let inside = error.field.strip_prefix(&format!("accounts.{name}")).map(|rest| rest.trim_start_matches('.'));
            Err(match inside {
                Some(field) if field.starts_with("keys") => wrong(field, &error.detail),
                Some("") => wrong("name", &error.detail),
                Some(field) => wrong(&format!("config.{field}"), &error.detail),
                None => wrong(&blame(config, keys), said_of(&error.detail)),
            }
            .into())
        }
    }
}

/// What the reader said, without the place in a text that the caller never saw.
fn said_of(detail: &str) -> &str {
    match detail.split_once(" at line ") {
        Some((said, _)) if said.contains('`') => said,
        Some(_) | None => "is nothing that this field takes",
    }
}

/// A field of the configuration, or of a body, that is wrong.
pub(super) fn wrong(field: &str, detail: &str) -> Problem {
    let flaw = Flaw { field: field.into(), code: Code::InvalidConfig.word(), detail: detail.into() };
    Problem { errors: alloc::vec![flaw], ..Problem::new(Code::InvalidConfig, format!("{field}: {detail}")) }
}

/// The same problem with the field named from where the caller stands: `keys[2].scopes` is `scopes` to who writes the
/// third key.
pub(super) fn seen_from(stop: Stop, place: &str) -> Stop {
    let Stop::Refuse(mut problem) = stop else { return stop };
    for flaw in &mut problem.errors {
        if let Some(rest) = flaw.field.strip_prefix(place).and_then(|rest| rest.strip_prefix('.')) {
            flaw.field = rest.into();
        }
    }
    if let Some(Flaw { field, detail, .. }) = problem.errors.first() {
        problem.detail = format!("{field}: {detail}");
    }
    Stop::Refuse(problem)
}

/// RFC 7396: a member replaces, `null` takes away, and objects are merged.
pub(super) fn merge(target: &mut Members, patch: &Members) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let place = target.entry(name.clone()).or_insert_with(|| json!({}));
                if !place.is_object() {
                    *place = json!({});
                }
                if let Some(place) = place.as_object_mut() {
                    merge(place, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// What an account looks like in the audit log where it differs from another: before and after, without secrets.
pub(super) fn difference(before: Option<&Record>, after: &Record) -> (Value, Value) {
    let (old, new) = (before.map(shown).unwrap_or_default(), shown(after));
    let changed = |name: &&String| old.get(*name) != new.get(*name);
    let of = |members: &Members, other: &Members| -> Members {
        members.keys().filter(changed).map(|name| (name.clone(), only_changed(members, other, name))).collect()
    };
    let before = if before.is_some() { Value::Object(of(&old, &new)) } else { Value::Null };
    (before, Value::Object(of(&new, &old)))
}

/// Of a member that is a list with names, such as the keys, the entries that differ; of any other the whole value.
fn only_changed(members: &Members, other: &Members, name: &str) -> Value {
    let value = members.get(name).cloned().unwrap_or_default();
    match (value, other.get(name)) {
        (Value::Object(mut entries), Some(Value::Object(others))) if name == "keys" => {
            entries.retain(|entry, value| others.get(entry) != Some(value));
            Value::Object(entries)
        }
        (value, _) => value,
    }
}

/// What may be shown of an account. A sealed text is shown by its last characters: enough to see that it was replaced.
fn shown(record: &Record) -> Members {
    let mut all = record.config.clone();
    let keys: Members = record.keys.iter().map(|key| (key.id().into(), key.view())).collect();
    all.insert("keys".into(), Value::Object(keys));
    let end = |sealed: &String| sealed.get(sealed.len().saturating_sub(8)..).unwrap_or_default().to_string();
    let sealed: Members =
        record.sealed.iter().map(|(name, sealed)| (name.clone(), format!("sealed ..{}", end(sealed)).into())).collect();
    all.insert("secrets".into(), Value::Object(sealed));
    all
}

fn read(name: &str, account: Members) -> Result<Config, ConfigError> {
    Config::from_json(&json!({"accounts": {name: account}}).to_string())
}

/// The field that cannot be read, where the reader does not say which: each is tried in an account that is otherwise right.
fn blame(config: &Members, keys: &[Key]) -> String {
    let fails = |with: Members| read(SAMPLE, with).is_err_and(|error| error.field == "config");
    let sample = |name: &str, value: Value| {
        let mut account = Members::new();
        account.insert("keys".into(), json!([]));
        account.insert("providers".into(), json!([sample_provider()]));
        account.insert(name.into(), value);
        account
    };
    let others = config.iter().filter(|(name, _)| *name != "providers");
    if let Some((name, _)) = others.clone().find(|(name, value)| fails(sample(name, (*value).clone()))) {
        return format!("config.{name}");
    }
    let providers = config.get("providers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let within = |list: &str, base: &Value, part: &Members, place: &str| {
        let member = part.iter().find(|(name, value)| {
            let mut one = base.clone();
            if let Some(one) = one.as_object_mut() {
                one.insert((*name).clone(), (*value).clone());
            }
            fails(sample(list, json!([one])))
        });
        match member {
            Some((name, _)) => Some(format!("{place}.{name}")),
            None => fails(sample(list, json!([part]))).then(|| place.to_string()),
        }
    };
    for (n, provider) in providers.iter().enumerate() {
        let place = format!("config.providers[{n}]");
        let Some(provider) = provider.as_object() else { return place };
        if let Some(field) = within("providers", &sample_provider(), provider, &place) {
            return field;
        }
    }
    for (n, key) in keys.iter().enumerate() {
        if let Some(field) = within("keys", &sample_key(), &key.config, &format!("keys[{n}]")) {
            return field;
        }
    }
    "config.providers".into()
}

/// A provider that can be read.
fn sample_provider() -> Value {
    json!({"name": SAMPLE, "kind": "sandbox", "base_url": "http://127.0.0.1:1", "credential": "X"})
}

/// A key that can be read.
fn sample_key() -> Value {
    json!({"id": SAMPLE, "hash": "", "scopes": []})
}

const SAMPLE: &str = "sample";
