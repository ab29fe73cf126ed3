//! x

use super::{BuildError, Dispatch, Target, post};
use crate::{
    http::{HttpRequest, HttpResponse},
    message::Message,
    outcome::{Answer, Outcome},
    time::UnixMillis,
};
use alloc::vec::Vec;

pub(super) fn gaps(_message: &Message) -> Vec<&'static str> {
    Vec::new()
}

pub(super) fn build(target: &Target<'_>, _dispatch: &Dispatch<'_>) -> Result<HttpRequest, BuildError> {
    Ok(post(target, "/x", &[], Vec::new()))
}

pub(super) fn classify(response: &HttpResponse, _now: UnixMillis) -> Answer {
    Answer { outcome: Outcome::Unknown, status: Some(response.status), provider_code: None }
}
