//! `/v1/admin/accounts/{account}/keys`: keys are made here, shown once, and changed, rotated and revoked.

use super::{
    Ask, Reply, Stop, not_found, only, page,
    record::{Key, Record},
    settings::{Members, merge, seen_from, wrong},
};
use crate::{
    key,
    problem::{Code, Problem},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Value, json};

/// Every key of the account, the revoked ones, too. There are at most [`MAX_KEYS`].
pub(super) fn list(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    let views: Vec<Value> = record.keys.iter().map(Key::view).collect();
    Ok(Reply::of(200, page("keys", views, None), &record))
}

pub(super) fn read(ask: &mut Ask<'_>, account: &str, id: &str) -> Result<Reply, Stop> {
    let record = ask.account(account)?;
    let place = place_of(&record, id)?;
    shown(200, &record, place).map(|reply| Reply { changed: None, ..reply })
}

/// Makes a key. The answer is the only place where it is ever shown.
pub(super) fn create(ask: &mut Ask<'_>, account: &str) -> Result<Reply, Stop> {
    let mut config = ask.members()?;
    let before = ask.account(account)?;
    let id = id_of(config.remove("id"), ask)?;
    if config.contains_key("hash") || config.contains_key("revoked") {
        return Err(wrong("hash", "is made here, and a new key is not revoked").into());
    }
    let mut after = before.clone();
    let secret = add(&mut after, &id, config, ask)?;
    answer_with(ask, &before, after, &id, &secret, "key.create")
}

/// Changes what a key may do by an RFC 7396 merge patch: `null` takes a bound away.
pub(super) fn change(ask: &mut Ask<'_>, account: &str, id: &str) -> Result<Reply, Stop> {
    let patch = ask.members()?;
    if let Some(name) = patch.keys().find(|name| FIXED.contains(&name.as_str())) {
        return Err(wrong(name, "is not changed: a key is revoked or rotated").into());
    }
    let before = ask.account(account)?;
    let place = place_of(&before, id)?;
    let mut after = before.clone();
    if let Some(key) = after.keys.get_mut(place) {
        merge(&mut key.config, &patch);
    }
    saved(ask, &before, after, place, "key.change")
}

/// Ends a key at once. It stays in the list, so that nobody makes another of its id.
pub(super) fn revoke(ask: &mut Ask<'_>, account: &str, id: &str) -> Result<Reply, Stop> {
    let before = ask.account(account)?;
    let place = place_of(&before, id)?;
    let mut after = before.clone();
    if let Some(key) = after.keys.get_mut(place) {
        key.config.insert("revoked".into(), Value::Bool(true));
    }
    saved(ask, &before, after, place, "key.revoke")
}

/// Makes a key that may do what the old one may. The old one works on for `overlap_ms`, a day when nothing is said, so that
/// its holders can change over one by one; 0 revokes it.
pub(super) fn rotate(ask: &mut Ask<'_>, account: &str, old: &str) -> Result<Reply, Stop> {
    let mut body = ask.members()?;
    only(&body, &["id", "overlap_ms"])?;
    let overlap_ms = match body.get("overlap_ms") {
        None => OVERLAP_MS,
        Some(given) => given
            .as_u64()
            .filter(|overlap| *overlap <= MAX_OVERLAP_MS)
            .ok_or_else(|| Stop::from(wrong("overlap_ms", &format!("must be 0 to {MAX_OVERLAP_MS} milliseconds"))))?,
    };
    let before = ask.account(account)?;
    let place = place_of(&before, old)?;
    let id = id_of(body.remove("id"), ask)?;
    let mut after = before.clone();
    let Some(key) = after.keys.get_mut(place) else { return Err(unknown()) };
    if key.config.get("revoked") == Some(&Value::Bool(true)) {
        return Err(wrong("revoked", "a revoked key is not rotated: make another one").into());
    }
    let mut config = key.config.clone();
    FIXED.iter().for_each(|name| _ = config.remove(*name));
    if overlap_ms == 0 {
        key.config.insert("revoked".into(), Value::Bool(true));
    } else {
        let ends = ask.now.plus(overlap_ms);
        let standing = key.config.get("expires_at").and_then(Value::as_str).and_then(UnixMillis::parse_rfc3339);
        if standing.is_none_or(|standing| ends < standing) {
            key.config.insert("expires_at".into(), Value::String(ends.to_string()));
        }
    }
    let secret = add(&mut after, &id, config, ask)?;
    answer_with(ask, &before, after, &id, &secret, "key.rotate")
}

/// Adds a key and returns it in the clear.
fn add(record: &mut Record, id: &str, mut config: Members, ask: &Ask<'_>) -> Result<String, Stop> {
    if record.keys.iter().any(|key| key.id() == id) {
        let detail = "the account has, or had, a key of this id";
        return Err(Problem::new(Code::AlreadyExists, detail).into());
    }
    if record.keys.len() >= MAX_KEYS {
        return Err(wrong("keys", &format!("must be at most {MAX_KEYS}, the revoked ones, too")).into());
    }
    let [first, second] = ask.entropy;
    let entropy = (u128::from(first) << 64) | u128::from(second);
    let secret = key::issue(ask.tools.key_secret, &record.name, id, entropy.to_be_bytes())
        .map_err(|error| wrong("id", &error.to_string()))?;
    config.insert("id".into(), id.into());
    config.insert("hash".into(), key::hash(&secret).into());
    config.entry("scopes").or_insert_with(|| json!([]));
    record.keys.push(Key { created_at: ask.now.to_string(), config });
    Ok(secret)
}

fn answer_with(
    ask: &mut Ask<'_>,
    before: &Record,
    after: Record,
    id: &str,
    secret: &str,
    action: &str,
) -> Result<Reply, Stop> {
    let place = place_of(&after, id)?;
    let mut reply = saved(ask, before, after, place, action)?;
    if let Some(body) = reply.body.as_object_mut() {
        body.insert("key".into(), secret.into());
    }
    Ok(Reply { status: 201, ..reply })
}

fn saved(ask: &mut Ask<'_>, before: &Record, after: Record, place: usize, action: &str) -> Result<Reply, Stop> {
    let target = format!("keys/{}", after.keys.get(place).map(Key::id).unwrap_or_default());
    let record =
        ask.save(Some(before), after, action, &target).map_err(|stop| seen_from(stop, &format!("keys[{place}]")))?;
    shown(200, &record, place)
}

fn shown(status: u16, record: &Record, place: usize) -> Result<Reply, Stop> {
    let key = record.keys.get(place).ok_or_else(unknown)?;
    Ok(Reply::changed(status, key.view(), record))
}

fn place_of(record: &Record, id: &str) -> Result<usize, Stop> {
    record.keys.iter().position(|key| key.id() == id).ok_or_else(unknown)
}

/// The id that is wanted, or one made up.
fn id_of(wanted: Option<Value>, ask: &Ask<'_>) -> Result<String, Stop> {
    match wanted {
        None | Some(Value::Null) => {
            let [first, second] = ask.entropy;
            // Of a hash: the key's own bytes are secret, and its id is not.
            let hash = key::fingerprint(format!("id {first} {second}").as_bytes());
            Ok(format!("k{}", hash.get(..ID_DIGITS).unwrap_or_default()))
        }
        Some(Value::String(id)) if key::is_name(&id) => Ok(id),
        Some(_) => Err(wrong("id", "an id is 1 to 32 of a-z, 0-9 and -").into()),
    }
}

fn unknown() -> Stop {
    not_found("the account has no key of this id")
}

/// What a key keeps for good, or what a route of its own changes.
const FIXED: [&str; 3] = ["id", "hash", "revoked"];
/// Keys of an account, with those that ended. They go to its object whole with every change.
const MAX_KEYS: usize = 200;
/// 40 bits: among 200 keys no two are the same.
const ID_DIGITS: usize = 10;
/// A day: long enough for everything that is deployed once a day.
const OVERLAP_MS: u64 = 86_400_000;
/// Three months: who needs longer has not begun.
const MAX_OVERLAP_MS: u64 = 90 * OVERLAP_MS;
