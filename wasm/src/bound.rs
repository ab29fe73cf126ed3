//! What the environment binds, read once per isolate.

use crate::host::binding_text;
use crate::wire::Namespace;
use js_sys::Reflect;
use sendgate_core::config::Config;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The accounts and their providers, from `SENDGATE_CONFIG`.
///
/// # Errors
/// The binding is missing or malformed. The text names the place in the configuration, never a value.
pub(crate) fn config(env: &JsValue) -> Result<Rc<Config>, String> {
    CONFIG.with(|known| {
        let mut known = known.try_borrow_mut().map_err(|_| "the configuration is being read".to_owned())?;
        if let Some(config) = known.as_ref() {
            return Ok(Rc::clone(config));
        }
        let text = binding_text(env, "SENDGATE_CONFIG").ok_or("SENDGATE_CONFIG is not bound")?;
        let config = Rc::new(Config::from_json(&text).map_err(|error| format!("SENDGATE_CONFIG: {error}"))?);
        *known = Some(Rc::clone(&config));
        Ok(config)
    })
}

/// The secret that made the API keys' tags, from `SENDGATE_KEY_SECRET`.
///
/// # Errors
/// The binding is missing.
pub(crate) fn key_secret(env: &JsValue) -> Result<Rc<str>, String> {
    KEY_SECRET.with(|known| {
        let mut known = known.try_borrow_mut().map_err(|_| "the key secret is being read".to_owned())?;
        if let Some(secret) = known.as_ref() {
            return Ok(Rc::clone(secret));
        }
        let secret: Rc<str> =
            binding_text(env, "SENDGATE_KEY_SECRET").ok_or("SENDGATE_KEY_SECRET is not bound")?.into();
        *known = Some(Rc::clone(&secret));
        Ok(secret)
    })
}

/// The number bound to `name` as text.
pub(crate) fn number(env: &JsValue, name: &str) -> Option<u64> {
    binding_text(env, name)?.parse().ok()
}

/// The Durable Objects bound to `name`.
///
/// # Errors
/// The binding is missing.
pub(crate) fn namespace(env: &JsValue, name: &str) -> Result<Namespace, JsValue> {
    let namespace = Reflect::get(env, &JsValue::from_str(name))?;
    if namespace.is_object() {
        Ok(namespace.unchecked_into())
    } else {
        Err(JsValue::from_str("an object is not bound"))
    }
}

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static KEY_SECRET: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
}
