//! Amazon SES v2: `POST /v2/email/outbound-emails`.

use super::{BuildError, Dialect, Dispatch, Target};
use crate::{
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::vec::Vec;

/// Ses's file.
pub(super) struct Ses;

impl Dialect for Ses {
    fn gaps(&self, _message: &Message) -> Vec<&'static str> {
        alloc::vec!["any message: not built yet"]
    }

    fn build(&self, _target: &Target<'_>, _dispatch: &Dispatch<'_>, _now: UnixMillis) -> Result<Call, BuildError> {
        Err(BuildError::NotPrintable)
    }

    fn classify(&self, _reply: &Reply, _now: UnixMillis) -> Answer {
        Answer::without_status(Outcome::Unknown)
    }
}
