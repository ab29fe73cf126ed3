//! A message, checked.

use crate::{error, values::Arguments};
use pyo3::{prelude::*, types::PyDict};
use sendgate_core::message;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A message as Sendgate's API takes it, read strictly: every fault is reported at once.
///
/// Fields are given by name, or as one dict: ``from_`` (or ``"from"`` in a dict), ``to``, ``cc``, ``bcc``, ``reply_to``,
/// ``subject``, ``text_body``, ``html_body``, ``headers``, ``attachments``, ``tags``, ``metadata``, ``class_`` (or
/// ``"class"``), ``send_at``, ``expires_at``, ``template``, ``tracking``, ``stream``, ``provider_options``. A mailbox is
/// ``"Name <a@b.example>"`` or ``{"address": ..., "name": ...}``; an attachment's ``content`` is bytes, or base64 in a
/// str; an instant is an aware ``datetime``, or RFC 3339 in a str.
///
/// Raises InvalidMessage, whose ``errors`` has each fault with its field, code and detail.
///
/// >>> from sendgate import Message
/// >>> people = ["ann@example.com", "Bob <bob@example.net>"]
/// >>> message = Message(from_="a@shop.example", to=people, subject="Hi", text_body="Hello")
/// >>> message.recipient_count
/// 2
#[pyclass(module = "sendgate", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Message(pub(crate) message::Message);

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (fields=None, /, **more))]
    fn new(fields: Option<&Bound<'_, PyDict>>, more: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        message::Message::from_values(Arguments::of(fields, more)?).map(Self).map_err(error::message)
    }

    /// Reads a message from its JSON text.
    ///
    /// Raises InvalidMessage.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        message::Message::parse(text).map(Self).map_err(error::message)
    }

    /// The message as JSON text, from which ``from_json`` reads the same one again.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Its bytes by the documented measure: at most 25,000,000, attachments in base64 included.
    #[getter]
    fn size(&self) -> usize {
        self.0.size()
    }

    /// Recipients over ``to``, ``cc`` and ``bcc``: what quotas and windows are charged for.
    #[getter]
    fn recipient_count(&self) -> usize {
        self.0.recipient_count()
    }

    /// The kind of mail: ``"transactional"``, ``"lifecycle"``, ``"drip"`` or ``"bulk"``.
    #[getter]
    #[pyo3(name = "class_")]
    fn class(&self) -> &'static str {
        self.0.class.as_str()
    }

    /// Shows counts only: the rest is personal.
    fn __repr__(&self) -> String {
        format!("<sendgate.{:?}>", self.0)
    }

    /// Of what nearly every message differs in; equal messages have equal hashes.
    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let message = &self.0;
        (&message.from, &message.to, &message.subject, &message.text_body, &message.html_body).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json(),)))
    }
}
