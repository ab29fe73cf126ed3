//! From JSON to a message.

use super::{
    FieldError, Message,
    error::{Faults, Path},
};
use alloc::vec::Vec;

pub(super) fn message(_json: &str) -> Result<Message, Vec<FieldError>> {
    let mut faults = Faults::default();
    faults.add(&Path::Root, "invalid_json", "not read yet");
    Err(faults.0)
}
