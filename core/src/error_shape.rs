//! The shapes of a refusal that clients already parse (C01): an account chooses one, the codes stay the same.
//!
//! Everything says no in `problem+json` first ([`crate::problem`]); the other shapes are printed from that, so that they
//! can say nothing else, and a replayed answer has the shape that the account has now. The status is never changed.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// How an account's refusals are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// RFC 9457 `application/problem+json`.
    #[default]
    Problem,
    /// `{"error": "rate_limit_exceeded", "message"}` (document 001, R094).
    Flat,
    /// `{"error": {"code": "RATE_LIMITED", "message"}}` (document 003, R241).
    Nested,
    /// `{"error_code", "message", "error", "request_id"}`: the system behind document 002.
    Qboxmail,
}

/// What the other shapes need of a problem.
#[derive(Deserialize)]
struct Told {
    code: String,
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    request_id: String,
}

#[derive(Serialize)]
struct Flat<'a> {
    error: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Nested<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Qboxmail<'a> {
    error_code: &'a str,
    message: &'a str,
    error: &'a str,
    request_id: &'a str,
}

impl ErrorShape {
    /// A problem's body in this shape, with its media type; `None` where it stays what it is.
    #[must_use]
    pub fn of(self, problem: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let told: Told = serde_json::from_slice(problem).ok()?;
        let message = if told.detail.is_empty() { &told.title } else { &told.detail };
        let printed = match self {
            Self::Problem => return None,
            Self::Flat => serde_json::to_vec(&Flat { error: &told.code, message }),
            Self::Nested => serde_json::to_vec(&Nested { error: Inner { code: &upper(&told.code), message } }),
            Self::Qboxmail => serde_json::to_vec(&Qboxmail {
                error_code: &told.code,
                message,
                error: &told.title,
                request_id: &told.request_id,
            }),
        };
        Some(("application/json", printed.ok()?))
    }
}

/// Document 003 writes its codes in capitals and has words of its own for these.
fn upper(code: &str) -> String {
    match code {
        "rate_limit_exceeded" => "RATE_LIMITED".into(),
        "quota_daily" | "quota_monthly" | "quota_yearly" | "overquota" => "QUOTA_EXCEEDED".into(),
        other => other.to_ascii_uppercase().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Code, Problem};

    fn printed(shape: ErrorShape, problem: &Problem) -> String {
        let (media_type, body) = shape.of(&problem.to_json("req_1", Some(45))).unwrap();
        assert_eq!(media_type, "application/json");
        String::from_utf8(body).unwrap()
    }

    /// R094, R241, C01: the same refusal in each shape; the words of documents 001 and 003.
    #[test]
    fn one_refusal_in_every_shape() {
        let problem = Problem::new(Code::RateLimited, "the window second is full; try again in 45 s");
        assert_eq!(
            printed(ErrorShape::Flat, &problem),
            r#"{"error":"rate_limit_exceeded","message":"the window second is full; try again in 45 s"}"#
        );
        assert_eq!(
            printed(ErrorShape::Nested, &problem),
            r#"{"error":{"code":"RATE_LIMITED","message":"the window second is full; try again in 45 s"}}"#
        );
        assert_eq!(
            printed(ErrorShape::Qboxmail, &problem),
            r#"{"error_code":"rate_limit_exceeded","message":"the window second is full; try again in 45 s","error":"Too many requests","request_id":"req_1"}"#
        );
        assert_eq!(ErrorShape::Problem.of(&problem.to_json("req_1", None)), None);
    }

    /// C20: what the system behind document 003 calls a quota.
    #[test]
    fn quotas_and_other_codes_in_capitals() {
        for (code, want) in [(Code::QuotaDaily, "QUOTA_EXCEEDED"), (Code::ScopeMissing, "SCOPE_MISSING")] {
            assert!(printed(ErrorShape::Nested, &Problem::new(code, "x")).contains(want));
        }
        assert_eq!(ErrorShape::Flat.of(b"no JSON"), None);
    }
}
