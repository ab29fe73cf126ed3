//! Cloudflare Email Service through a Worker's `send_email` binding.

use super::{BuildError, Dialect, Dispatch, Target};
use crate::{
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::vec::Vec;

/// CloudflareBinding's file.
pub(super) struct CloudflareBinding;

impl Dialect for CloudflareBinding {
    fn base_url_fault(&self, url: &str) -> Option<&'static str> {
        binding(url).is_none().then_some("must be binding:NAME, with the name of a send_email binding")
    }

    fn gaps(&self, _message: &Message) -> Vec<&'static str> {
        alloc::vec!["any message: not built yet"]
    }

    fn build(&self, _target: &Target<'_>, _dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        Err(BuildError::NotPrintable)
    }

    fn needs_credential(&self) -> bool {
        false
    }

    fn classify(&self, _reply: &Reply, _now: UnixMillis) -> Answer {
        Answer::without_status(Outcome::Unknown)
    }
}

/// The name in `binding:NAME`.
fn binding(url: &str) -> Option<&str> {
    let name = url.strip_prefix("binding:")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && (1..=MAX_NAME).contains(&name.len())).then_some(name)
}

/// Far beyond any name, which is a JavaScript property.
const MAX_NAME: usize = 64;
