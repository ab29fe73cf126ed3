//! Secrets of an account: those given as values are sealed at once, those that are names have to be bound.
//!
//! A configuration names its secrets. A value that comes in `credential_value` of a provider, or in `secret_value` of its
//! webhook, is sealed and the name `sealed:...` put in its place, so that no value is ever kept or shown. The nonce of each
//! is a part of a hash of the request's entropy, which no other request has, and of its place among the values.

use super::{Ask, Stop, record::Record, settings::wrong};
use crate::{
    config::AccountConfig,
    provider,
    seal::{NONCE_BYTES, Place, SealingKeys},
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Takes the values out of the providers, seals them, and leaves their names.
///
/// # Errors
/// A value that is no credential, or no key to seal with.
pub(super) fn seal(record: &mut Record, ask: &Ask<'_>) -> Result<(), Stop> {
    let mut values = Vec::new();
    for (n, provider) in record.providers_mut().into_iter().flatten().enumerate() {
        let name = provider.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
        let at = format!("config.providers[{n}]");
        values.extend(take(provider, "credential_value", "credential", name.clone(), &at)?);
        if let Some(webhook) = provider.get_mut("webhook") {
            let at = format!("{at}.webhook");
            values.extend(take(webhook, "secret_value", "secret", format!("{name}/webhook"), &at)?);
        }
    }
    let Some(first) = values.first().map(|(_, _, field)| field) else { return seal_again(record, ask) };
    let Some(keys) = ask.tools.sealing_key else {
        return Err(wrong(first, "needs the secret SENDGATE_SEALING_KEY; or name a bound secret").into());
    };
    let keys = SealingKeys::parse(keys).map_err(|_| wrong(first, "the secret SENDGATE_SEALING_KEY is malformed"))?;
    for (n, (name, value, field)) in values.iter().enumerate() {
        let place = Place { account: &record.name, provider: name };
        let sealed =
            keys.seal(value, place, nonce(ask.entropy, n)).map_err(|error| wrong(field, &error.to_string()))?;
        record.sealed.insert(name.clone(), sealed);
    }
    Ok(())
}

/// Seals what an older key sealed with the current one: after a new sealing key any write of an account, if it changes
/// nothing else, is enough to do without the older one. What cannot be opened is left as it is.
fn seal_again(record: &mut Record, ask: &Ask<'_>) -> Result<(), Stop> {
    let Some(keys) = ask.tools.sealing_key.and_then(|keys| SealingKeys::parse(keys).ok()) else { return Ok(()) };
    let account = &record.name;
    for (n, (name, sealed)) in record.sealed.iter_mut().enumerate().filter(|(_, (_, sealed))| !keys.is_current(sealed))
    {
        let place = Place { account, provider: name };
        if let Ok(value) = keys.open(sealed, place) {
            let again = keys.seal(value.expose(), place, nonce(ask.entropy, n));
            *sealed = again.map_err(|error| wrong("credential_value", &error.to_string()))?;
        }
    }
    Ok(())
}

/// Checks that every secret which the configuration names is there, and forgets those that it names no more.
///
/// # Errors
/// The field that names a secret which is not there.
pub(super) fn settle(record: &mut Record, config: &AccountConfig, ask: &Ask<'_>) -> Result<(), Stop> {
    let mut used = BTreeSet::new();
    for (n, provider) in config.providers.iter().enumerate() {
        let webhook = provider.webhook.as_ref();
        let named = [
            ("credential", provider.credential.as_ref()),
            ("webhook.secret", webhook.and_then(|webhook| webhook.secret.as_ref())),
            ("webhook.roots", webhook.and_then(|webhook| webhook.roots.as_ref())),
        ];
        for (field, name) in named.into_iter().filter_map(|(field, name)| Some((field, name?))) {
            let is_credential = field == "credential";
            let field = format!("config.providers[{n}].{field}");
            match name.strip_prefix(SEALED) {
                Some(sealed) if record.sealed.contains_key(sealed) => _ = used.insert(sealed.to_string()),
                Some(_) => return Err(wrong(&field, "there is no sealed secret of this name").into()),
                None if name.starts_with(OWN) => {
                    return Err(wrong(&field, "a secret of Sendgate's own is nobody's credential").into());
                }
                None => {
                    let bound = (ask.tools.secret)(name);
                    let bound = bound.ok_or_else(|| wrong(&field, "no secret of this name is bound"))?;
                    if is_credential && !provider::is_credential(&bound) {
                        return Err(wrong(&field, "the secret of this name cannot stand in a header field").into());
                    }
                }
            }
        }
    }
    record.sealed.retain(|name, _| used.contains(name));
    Ok(())
}

/// Takes a value out of an object and leaves its name: the name within the account, the value, and the field.
fn take(
    object: &mut Value,
    value: &str,
    name: &str,
    sealed: String,
    at: &str,
) -> Result<Option<(String, String, String)>, Stop> {
    let Some(members) = object.as_object_mut() else { return Ok(None) };
    let Some(given) = members.remove(value) else { return Ok(None) };
    let field = format!("{at}.{value}");
    let Some(text) = given.as_str().filter(|text| !text.is_empty() && provider::is_credential(text)) else {
        return Err(wrong(&field, "must be a text that can stand in a header field").into());
    };
    members.insert(name.into(), Value::String(format!("{SEALED}{sealed}")));
    Ok(Some((sealed, text.into(), field)))
}

fn nonce(entropy: [u64; 2], place: usize) -> [u8; NONCE_BYTES] {
    let [first, second] = entropy;
    let mut hash = Sha256::new();
    hash.update(b"nonce of a sealed secret");
    hash.update(first.to_le_bytes());
    hash.update(second.to_le_bytes());
    hash.update(u64::try_from(place).unwrap_or(u64::MAX).to_le_bytes());
    let mut nonce = [0; NONCE_BYTES];
    for (byte, from) in nonce.iter_mut().zip(hash.finalize()) {
        *byte = from;
    }
    nonce
}

/// How the name of a sealed secret begins in a configuration.
pub(crate) const SEALED: &str = "sealed:";
/// How the names of Sendgate's own secrets begin. An account that named one would send it to a provider.
const OWN: &str = "SENDGATE_";
