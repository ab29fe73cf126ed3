//! SendGrid v3: `POST /v3/mail/send`.

use super::{BuildError, Dialect, Dispatch, Target};
use crate::{
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
    transport::{Call, Reply},
};
use alloc::vec::Vec;

/// Sendgrid's file.
pub(super) struct Sendgrid;

impl Dialect for Sendgrid {
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
