//! A message, checked.

use crate::error;
use sendgate_core::message;
use wasm_bindgen::prelude::*;

/// A message as Sendgate's API takes it.
#[wasm_bindgen]
pub struct Message(pub(crate) message::Message);

#[wasm_bindgen]
impl Message {
    /// # Errors
    /// Every fault at once.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &str) -> Result<Self, JsValue> {
        message::Message::parse(json).map(Self).map_err(error::message)
    }

    /// The message as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        self.0.to_json()
    }

    /// Its bytes by the documented measure.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Recipients over all three fields.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.0.recipient_count()
    }

    /// The kind of mail.
    #[must_use]
    pub fn class(&self) -> String {
        self.0.class.as_str().into()
    }
}
