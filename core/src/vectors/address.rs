//! `address`: what is an address, in which form it leaves, and by which key it is suppressed.

use super::{VectorError, read};
use crate::address::{Address, AddressError, Mailbox};
use alloc::string::{String, ToString};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    /// What `input` is read as.
    read_as: Form,
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Address,
    Mailbox,
}

pub(super) fn evaluate(case_json: &str) -> Result<Value, VectorError> {
    let case: Case = read(case_json)?;
    let mailbox = match case.read_as {
        Form::Address => Address::parse(&case.input).and_then(|address| Mailbox::new(None, address)),
        Form::Mailbox => Mailbox::parse(&case.input),
    };
    Ok(mailbox.map_or_else(refused, |mailbox| taken(&mailbox)))
}

fn taken(mailbox: &Mailbox) -> Value {
    let address = &mailbox.address;
    let mut taken = json!({ "address": address.as_str(), "key": address.key(), "printed": mailbox.to_string() });
    if let (Value::Object(fields), Some(name)) = (&mut taken, &mailbox.name) {
        fields.insert("name".to_string(), Value::from(name.as_str()));
    }
    if let (Value::Object(fields), true) = (&mut taken, address.needs_smtputf8()) {
        fields.insert("smtputf8".to_string(), Value::from(true));
    }
    taken
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_or_else calls")]
fn refused(error: AddressError) -> Value {
    json!({ "error": error.code() })
}
