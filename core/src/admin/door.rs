//! Who may come in: the operator's own token, and never a key that sends.

use crate::{
    front::{self, FrontRequest, Pass},
    http::HttpResponse,
    id, key,
    problem::{Code, Problem},
    time::UnixMillis,
};
use alloc::{format, string::String, vec::Vec};

/// Where a request under `/v1/admin/` goes.
#[derive(Debug)]
pub enum AdminDecision {
    /// It is answered here.
    Answer(HttpResponse),
    /// The Directory answers it.
    ToDirectory {
        /// What the Directory needs to know, to hand on as it is.
        pass: String,
    },
}

/// Decides where a request of the admin API goes; `None` when it is none. `tokens` is the secret `SENDGATE_ADMIN_TOKEN`:
/// one token, or several with white space between them, each alone or as `name=token`. The name goes into the audit log.
#[must_use]
pub fn route(request: &FrontRequest<'_>, tokens: Option<&str>, entropy: u64, now: UnixMillis) -> Option<AdminDecision> {
    if request.path != PREFIX && !request.path.strip_prefix(PREFIX)?.starts_with('/') {
        return None;
    }
    let request_id = id::request_id(entropy, now);
    Some(match admit(request, tokens, &request_id) {
        Ok(pass) => AdminDecision::ToDirectory { pass: serde_json::to_string(&pass).unwrap_or_default() },
        Err(problem) => AdminDecision::Answer(front::refusal(&problem, &request_id, now)),
    })
}

/// The answer to a body over [`MAX_BODY_BYTES`], which is not parsed.
#[must_use]
pub fn body_too_large(entropy: u64, now: UnixMillis) -> HttpResponse {
    front::refusal(&too_large(), &id::request_id(entropy, now), now)
}

fn admit(request: &FrontRequest<'_>, tokens: Option<&str>, request_id: &str) -> Result<Pass, Problem> {
    let tokens: Vec<(&str, &str)> = tokens.unwrap_or_default().split_whitespace().map(named).collect();
    if tokens.is_empty() {
        let detail = "the secret SENDGATE_ADMIN_TOKEN is not bound, so the admin API is off";
        return Err(Problem::new(Code::AdminDisabled, detail));
    }
    if tokens.iter().any(|(_, token)| token.len() < MIN_TOKEN_BYTES) {
        let detail =
            format!("a token in SENDGATE_ADMIN_TOKEN has under {MIN_TOKEN_BYTES} bytes, so the admin API is off");
        return Err(Problem::new(Code::AdminDisabled, detail));
    }
    let given = request.authorization.and_then(front::bearer).unwrap_or_default();
    let Some(actor) = holder(&tokens, given) else {
        let detail = "send the admin token as: Authorization: Bearer ...; a key that sends is none";
        return Err(Problem::new(Code::InvalidAdminToken, detail));
    };
    if request.content_length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    let mut headers = (request.headers)();
    headers.retain(|(name, _)| name == IF_MATCH);
    Ok(Pass {
        account: String::new(),
        key_id: actor.into(),
        key_hash: String::new(),
        method: request.method.into(),
        path: request.path.into(),
        query: request.query.into(),
        idempotency_key: None,
        if_none_match: None,
        client_ip: request.client_ip.map(Into::into),
        request_id: request_id.into(),
        headers,
    })
}

/// The name that a token goes by. Base64 ends in `=` at most, so what stands before one in the middle is a name.
fn named(text: &str) -> (&str, &str) {
    match text.split_once('=') {
        Some((name, token)) if key::is_name(name) && !token.trim_matches('=').is_empty() => (name, token),
        Some(_) | None => (DEFAULT_ACTOR, text),
    }
}

/// The name of the token that was given. Hashes are compared, all of them and each to its end, so that the time tells
/// nothing of any token.
fn holder<'a>(tokens: &[(&'a str, &str)], given: &str) -> Option<&'a str> {
    let given = key::hash(given);
    tokens.iter().fold(
        None,
        |found, (name, token)| {
            if key::same_hash(&key::hash(token), &given) { Some(*name) } else { found }
        },
    )
}

fn too_large() -> Problem {
    Problem::new(Code::BodyTooLarge, format!("a body of the admin API is at most {MAX_BODY_BYTES} bytes"))
}

const PREFIX: &str = "/v1/admin";
/// Who a token without a name is.
const DEFAULT_ACTOR: &str = "admin";
pub(super) const IF_MATCH: &str = "if-match";
/// 128 bits as hexadecimal digits: nobody guesses one.
const MIN_TOKEN_BYTES: usize = 32;
/// A configuration of 32 providers and 200 keys has a quarter of this; a row of a Durable Object holds 2 MB.
pub const MAX_BODY_BYTES: u64 = 262_144;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn asked(path: &str, authorization: Option<&str>, tokens: Option<&str>) -> Option<Result<Pass, (u16, String)>> {
        let headers = || alloc::vec![("if-match".into(), "\"3\"".into()), ("cookie".into(), "x".into())];
        let request = FrontRequest {
            method: "GET",
            path,
            query: "",
            authorization,
            idempotency_key: None,
            if_none_match: None,
            client_ip: None,
            content_length: None,
            headers: &headers,
        };
        Some(match route(&request, tokens, 1, UnixMillis::new(1_796_119_200_000))? {
            AdminDecision::ToDirectory { pass } => Ok(serde_json::from_str(&pass).unwrap()),
            AdminDecision::Answer(answer) => {
                let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                Err((answer.status, body["code"].as_str().unwrap().into()))
            }
        })
    }

    #[test]
    fn only_the_admin_token_opens_the_admin_api() {
        let bearer = format!("Bearer {TOKEN}");
        let pass = asked("/v1/admin/accounts", Some(&bearer), Some(TOKEN)).unwrap().unwrap();
        assert_eq!((pass.key_id.as_str(), pass.headers.len()), ("admin", 1), "no other header goes along");
        let invalid = Err((401, "invalid_admin_token".into()));
        let off = Err((403, "admin_disabled".into()));
        for (authorization, tokens, wanted) in [
            (None, Some(TOKEN), &invalid),
            (Some("Bearer "), Some(TOKEN), &invalid),
            (Some("Bearer sg_shop_k1_00_00"), Some(TOKEN), &invalid),
            (Some("Bearer 0123456789abcdef0123456789abcde"), Some(TOKEN), &invalid),
            (Some(bearer.as_str()), None, &off),
            (Some(bearer.as_str()), Some(" "), &off),
            (Some("Bearer short"), Some("short"), &off),
        ] {
            assert_eq!(asked("/v1/admin/accounts", authorization, tokens).as_ref(), Some(wanted), "{authorization:?}");
        }
    }

    #[test]
    fn a_token_says_who_acts() {
        let tokens = format!("ann={TOKEN} bob={TOKEN}0 {TOKEN}1=");
        let who = |token: &str| asked("/v1/admin/audit", Some(&format!("Bearer {token}")), Some(&tokens)).unwrap();
        assert_eq!(who(TOKEN).unwrap().key_id, "ann");
        assert_eq!(who(&format!("{TOKEN}0")).unwrap().key_id, "bob");
        assert_eq!(who(&format!("{TOKEN}1=")).unwrap().key_id, "admin");
        assert!(who(&format!("ann={TOKEN}")).is_err());
    }

    #[test]
    fn other_paths_are_not_the_admin_apis() {
        for path in ["/v1/administrators", "/v1/send", "/", "/v1/admi"] {
            assert_eq!(asked(path, None, None), None, "{path}");
        }
        assert!(asked("/v1/admin", None, None).is_some());
    }
}
