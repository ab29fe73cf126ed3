//! `provider_options`: what is the provider's own and passed on as it is.

use super::ProviderKind;
use crate::message::Message;
use alloc::string::String;
use serde_json::{Map, Value};

/// The options for one provider, when the message has any.
pub(super) fn of(kind: ProviderKind, message: &Message) -> Option<&Map<String, Value>> {
    message.provider_options.get(kind.as_str()).and_then(Value::as_object)
}

/// Whether an option has the name of a field that Sendgate composes.
///
/// Any case of the name counts, and so does a field that this message leaves empty: a `Bcc` from here would be a
/// recipient that no suppression list saw.
pub(super) fn collide(kind: ProviderKind, message: &Message, composed: &[&str]) -> bool {
    let is_composed = |name: &String| composed.iter().any(|field| field.eq_ignore_ascii_case(name));
    of(kind, message).is_some_and(|options| options.keys().any(is_composed))
}

/// The gap that a collision is reported as.
pub(super) const COLLISION: &str = "provider_options field that the message composes";
