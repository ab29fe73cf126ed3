//! The configuration of one account, as a process that sends its own mail writes it.
//!
//! It is one account of `SENDGATE_CONFIG`, and what such a process does not need may be left out. There are no API keys,
//! so nothing is limited per key. The plan is one that does not limit recipients, without its limits of requests, because
//! there is nobody to sell it: limits are the provider's, by a profile, and the account's own. A denial is no abuse.

use super::{AccountConfig, Config, ConfigError, MAX_MESSAGES, error::wrong};
use alloc::{
    format,
    string::{String, ToString},
};
use serde_json::{Map, Value, json};

/// Reads the configuration of the account, with the defaults of a process of its own.
///
/// # Errors
/// Which field is wrong, as its writer knows it.
pub fn read(account: &str) -> Result<Config, ConfigError> {
    let mut account: Map<String, Value> = serde_json::from_str(account).map_err(|error| {
        wrong("the account", &format!("not a JSON object (line {}, column {})", error.line(), error.column()))
    })?;
    if !account.contains_key("plan") {
        put(&mut account, "plan", json!(PLAN));
        put(&mut account, "max_messages", json!(MAX_MESSAGES));
        put(&mut account, "account_windows", json!([]));
    }
    put(&mut account, "keys", json!([]));
    put(&mut account, "abuse", Value::Null);
    if let Some(Value::Array(providers)) = account.get_mut("providers") {
        providers.iter_mut().for_each(name);
    }
    let whole = json!({ "accounts": { (ACCOUNT): account } }).to_string();
    Config::from_json(&whole).map_err(|error| ConfigError { field: error.field.replacen(PATH, "", 1), ..error })
}

/// Reads the configuration of that one account, for whoever only wants to look at it.
///
/// # Errors
/// The field and what is wrong with it.
pub fn account(text: &str) -> Result<AccountConfig, ConfigError> {
    let missing = || wrong("account", "cannot be read");
    read(text)?.accounts.remove(ACCOUNT).ok_or_else(missing)
}

/// A provider that is given no name is called as its kind.
fn name(provider: &mut Value) {
    let Value::Object(fields) = provider else { return };
    if let Some(Value::String(kind)) = fields.get("kind") {
        let name = kind.replace('_', "-");
        put(fields, "name", json!(name));
    }
}

fn put(fields: &mut Map<String, Value>, field: &str, value: Value) {
    fields.entry(field).or_insert(value);
}

/// The account's name. Nobody sees it.
pub const ACCOUNT: &str = "mailroom";
/// How the paths of its fields begin.
const PATH: &str = "accounts.mailroom.";
/// A plan whose recipients have no limit (document 003, R226).
const PLAN: &str = "pro";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_and_a_credential_are_enough_and_nothing_but_the_provider_limits() {
        let config = read(r#"{"providers":[{"kind":"resend","credential":"KEY"}]}"#).unwrap();
        let account = &config.accounts[ACCOUNT];
        assert_eq!(account.providers[0].name, "resend");
        assert!(account.account_windows.is_empty() && account.abuse.is_none() && account.max_messages == MAX_MESSAGES);
    }

    #[test]
    fn what_is_given_stands() {
        let text = r#"{"plan":"free","providers":[{"name":"mine","kind":"resend","credential":"KEY"}]}"#;
        let config = read(text).unwrap();
        let account = &config.accounts[ACCOUNT];
        assert_eq!((account.providers[0].name.as_str(), account.quotas.len()), ("mine", 1));
        assert_eq!(account.account_windows.len(), 1);
    }

    #[test]
    fn an_error_names_the_field_as_its_writer_knows_it() {
        let error = read(r#"{"providers":[{"kind":"resend"}]}"#).unwrap_err().to_string();
        assert!(error.contains("providers[0].credential") && !error.contains("accounts"), "{error}");
        assert!(read("[]").is_err() && read("{}").is_err());
    }
}
