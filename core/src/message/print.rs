//! From a message to JSON.

use super::Message;
use alloc::string::String;

pub(super) fn message(_message: &Message) -> String {
    String::new()
}
