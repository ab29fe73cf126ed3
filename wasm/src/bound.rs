//! What the environment binds, read once per isolate.

use sendgate_core::config::Config;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Env, ObjectNamespace};

/// The accounts and their providers, from `SENDGATE_CONFIG`.
///
/// # Errors
/// The binding is missing or malformed. The text names the place in the configuration, never a value.
pub(crate) fn config(env: &Env) -> Result<Rc<Config>, String> {
    CONFIG.with(|known| {
        let mut known = known.try_borrow_mut().map_err(|_| "the configuration is being read".to_owned())?;
        if let Some(config) = known.as_ref() {
            return Ok(Rc::clone(config));
        }
        // Where the admin API is on, it may be the only one to make accounts.
        let none = || text(env, ADMIN_TOKEN).map(|_| r#"{"accounts":{}}"#.to_owned());
        let text = text(env, "SENDGATE_CONFIG").or_else(none).ok_or("SENDGATE_CONFIG is not bound")?;
        let config = Rc::new(Config::from_json(&text).map_err(|error| format!("SENDGATE_CONFIG: {error}"))?);
        *known = Some(Rc::clone(&config));
        Ok(config)
    })
}

/// The secret that made the API keys' tags, from `SENDGATE_KEY_SECRET`.
///
/// # Errors
/// The binding is missing.
pub(crate) fn key_secret(env: &Env) -> Result<Rc<str>, String> {
    KEY_SECRET.with(|known| {
        let mut known = known.try_borrow_mut().map_err(|_| "the key secret is being read".to_owned())?;
        if let Some(secret) = known.as_ref() {
            return Ok(Rc::clone(secret));
        }
        let secret: Rc<str> = text(env, "SENDGATE_KEY_SECRET").ok_or("SENDGATE_KEY_SECRET is not bound")?.into();
        *known = Some(Rc::clone(&secret));
        Ok(secret)
    })
}

/// The tokens of the admin API, from `SENDGATE_ADMIN_TOKEN`; `None` where it is off.
pub(crate) fn admin_token(env: &Env) -> Option<String> {
    text(env, ADMIN_TOKEN)
}

/// The Durable Objects bound to `name`.
///
/// # Errors
/// The binding is missing.
pub(crate) fn namespace(env: &Env, name: &str) -> worker::Result<ObjectNamespace> {
    env.durable_object(name)
}

/// The text bound to `name`, a variable or a secret.
pub(crate) fn text(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|text| text.to_string())
}

const ADMIN_TOKEN: &str = "SENDGATE_ADMIN_TOKEN";

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static KEY_SECRET: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
}
