//! The door of the API: which route, whose key, which account. No store is asked here.
//!
//! A request that is not from a key of this deployment ends here, so a made-up key never creates an object. Everything
//! else goes to its account, which alone can say whether it exists, what the key may do and where its limits stand.

use crate::{
    config::{AccountConfig, Config},
    contract,
    dropin::{Dropin, spoken},
    http::HttpResponse,
    id, key,
    problem::{Code, Problem},
    rate_headers,
    time::UnixMillis,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// What a host knows of a request before its body is read.
pub struct FrontRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path of the URL.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: &'a str,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// The value of `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// The address that the request comes from, where the host knows it: what a client can write itself does not belong here.
    pub client_ip: Option<&'a str>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// The value of `Content-Length`.
    pub content_length: Option<u64>,
    /// Every header field; asked for only of a provider's report, of another API's request and of the admin API.
    pub headers: &'a dyn Fn() -> Vec<(String, String)>,
}

/// Where a request goes.
#[derive(Debug)]
pub enum FrontDecision {
    /// It is answered here.
    Answer(HttpResponse),
    /// Its account answers it.
    ToAccount {
        /// The account: the name of its object.
        account: String,
        /// What the account needs to know, to hand on as it is.
        pass: String,
    },
    /// A provider's report: its account takes it in, and may have something to fetch for it.
    ToReceiver {
        /// The account: the name of its object.
        account: String,
        /// What the account needs to know, to hand on as it is.
        pass: String,
    },
}

/// What the door hands on with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The account.
    pub account: String,
    /// The key's id.
    pub key_id: String,
    /// The hash of the whole key.
    pub key_hash: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query.
    pub query: String,
    /// The idempotency key, as it came.
    pub idempotency_key: Option<String>,
    /// The address that the request comes from, where the host knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// The tags of what the caller has, as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_none_match: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// Of a report every header field, of another API's request the one that it knows beside the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

/// Decides where a request goes.
#[must_use]
pub fn route(
    request: &FrontRequest<'_>,
    config: &Config,
    key_secret: &str,
    entropy: u64,
    now: UnixMillis,
) -> FrontDecision {
    let request_id = id::request_id(entropy, now);
    let refuse = |problem: &Problem| FrontDecision::Answer(spoken(request.path, refusal(problem, &request_id, now)));
    let served = match request.path {
        "/healthz" => Some(HEALTHY),
        "/openapi.json" => Some(contract::OPENAPI),
        _ => None,
    };
    if let Some(body) = served {
        return FrontDecision::Answer(match request.method {
            "GET" | "HEAD" => serve(body, &request_id, now),
            _ => wrong_method("GET, HEAD", &request_id, now),
        });
    }
    if let Some((_, account)) = report_path(request.path) {
        return route_report(request, account, config, key_secret, &request_id, now);
    }
    let dropin = Dropin::of_path(request.path);
    // Only another API's request is asked for more of its head than the key.
    let head = dropin.map(|_| (request.headers)()).unwrap_or_default();
    let key_field = dropin.and_then(Dropin::key_field);
    let given = match key_field {
        Some(name) => field(&head, name).map(str::trim).filter(|key| !key.is_empty()),
        None => request.authorization.and_then(bearer),
    };
    let Some(given) = given else {
        return refuse(&if let Some(name) = key_field {
            Problem::new(Code::MissingKey, alloc::format!("send the key as: {name}: sg_..."))
        } else if dropin.is_some() || request.path.starts_with("/v1/") {
            Problem::new(Code::MissingKey, "send the key as: Authorization: Bearer sg_...")
        } else {
            Problem::new(Code::NotFound, "no such route")
        });
    };
    let Some(claim) = key::verify(key_secret, given) else {
        let detail = "the key is not one of this deployment's, or it was mistyped";
        return refuse(&Problem::new(Code::InvalidKey, detail));
    };
    if request.content_length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return FrontDecision::Answer(spoken(request.path, body_too_large(entropy, now)));
    }
    let option = dropin.and_then(Dropin::option_field);
    let headers = option.and_then(|name| Some((name.into(), field(&head, name)?.into())));
    let pass = Pass {
        account: claim.account.into(),
        key_id: claim.id.into(),
        key_hash: key::hash(given),
        method: request.method.into(),
        path: request.path.into(),
        query: request.query.into(),
        idempotency_key: request.idempotency_key.map(ToString::to_string),
        client_ip: request.client_ip.map(ToString::to_string),
        if_none_match: request.if_none_match.map(ToString::to_string),
        request_id,
        headers: headers.into_iter().collect(),
    };
    FrontDecision::ToAccount { account: claim.account.into(), pass: serde_json::to_string(&pass).unwrap_or_default() }
}

/// The account of the deployment's configuration that a queue's messages belong to.
#[must_use]
pub fn account_of_queue<'a>(queue: &str, config: &'a Config) -> Option<&'a str> {
    let takes = |account: &AccountConfig| {
        account
            .providers
            .iter()
            .any(|provider| provider.webhook.as_ref().and_then(|hook| hook.queue.as_deref()) == Some(queue))
    };
    config.accounts.iter().find(|(_, account)| takes(account)).map(|(name, _)| name.as_str())
}

/// What to hand on to an account with a message of its queue.
#[must_use]
pub fn queue_pass(account: &str, queue: &str, entropy: u64, now: UnixMillis) -> String {
    // A request's path begins with a slash, so no request can be taken for this.
    let path = alloc::format!("{QUEUE}{queue}");
    let pass = report_pass(account, "POST", &path, id::request_id(entropy, now));
    serde_json::to_string(&pass).unwrap_or_default()
}

/// Whether an answer of this status says that a queue's message is done with; else it is to be delivered again.
#[must_use]
pub const fn is_taken(status: u16) -> bool {
    status < 300
}

/// Provider and account of a report's path.
pub(crate) fn report_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v1/webhooks/").or_else(|| path.strip_prefix("/v1/inbound/"))?;
    rest.split_once('/').filter(|(provider, account)| !provider.is_empty() && !account.contains('/'))
}

/// No key is asked for: the report's signature is one, and its account checks it. There is no limit of requests either, so
/// a provider is never told to come back later.
fn route_report(
    request: &FrontRequest<'_>,
    account: &str,
    config: &Config,
    key_secret: &str,
    request_id: &str,
    now: UnixMillis,
) -> FrontDecision {
    // A report carries no key, so anybody can name an account. One that the configuration does not name is believed by the
    // tag behind it, which only this deployment can make: no store is asked, and no object is made for a made-up name.
    let (account, is_known) = match account.split_once('.') {
        Some((account, tag)) => (account, key::is_report_tag(key_secret, account, tag)),
        None => (account, config.accounts.contains_key(account)),
    };
    if !is_known {
        return FrontDecision::Answer(refusal(&Problem::new(Code::NotFound, "no such route"), request_id, now));
    }
    if request.method != "POST" {
        return FrontDecision::Answer(wrong_method("POST", request_id, now));
    }
    if request.content_length.is_some_and(|length| length > MAX_BODY_BYTES) {
        let detail = alloc::format!("a body is at most {MAX_BODY_BYTES} bytes");
        return FrontDecision::Answer(refusal(&Problem::new(Code::BodyTooLarge, detail), request_id, now));
    }
    let mut pass = report_pass(account, request.method, request.path, request_id.into());
    pass.headers = (request.headers)();
    FrontDecision::ToReceiver { account: account.into(), pass: serde_json::to_string(&pass).unwrap_or_default() }
}

/// A request that nobody made.
pub(crate) fn own_pass(actor: &str) -> Pass {
    Pass { key_id: actor.into(), ..report_pass("", "POST", "", String::new()) }
}

fn report_pass(account: &str, method: &str, path: &str, request_id: String) -> Pass {
    Pass {
        account: account.into(),
        key_id: String::new(),
        key_hash: String::new(),
        method: method.into(),
        path: path.into(),
        query: String::new(),
        idempotency_key: None,
        client_ip: None,
        if_none_match: None,
        request_id,
        headers: Vec::new(),
    }
}

/// The answer to a body over [`MAX_BODY_BYTES`], which is not parsed.
#[must_use]
pub fn body_too_large(entropy: u64, now: UnixMillis) -> HttpResponse {
    let detail = alloc::format!("a body is at most {MAX_BODY_BYTES} bytes");
    refusal(&Problem::new(Code::BodyTooLarge, detail), &id::request_id(entropy, now), now)
}

/// The answer when an object has no configuration: nothing was stored, and nothing was charged (R185).
#[must_use]
pub fn account_missing(entropy: u64, now: UnixMillis) -> HttpResponse {
    let problem = Problem::new(Code::DeliveryAccountMissing, "the key's account is not one of this deployment");
    refusal(&problem, &id::request_id(entropy, now), now)
}

/// The answer when an account's store failed: nothing was accepted, and asking again is right.
#[must_use]
pub fn store_failed(entropy: u64, now: UnixMillis) -> HttpResponse {
    let problem = Problem::new(Code::StoreFailed, "nothing was accepted; try again");
    refusal(&problem, &id::request_id(entropy, now), now)
}

/// The answer when the configuration cannot be used. The detail names the field and goes to the log, not to callers.
#[must_use]
pub fn misconfigured(entropy: u64, now: UnixMillis) -> HttpResponse {
    let problem = Problem::new(Code::Misconfigured, "the operator's log names the field");
    refusal(&problem, &id::request_id(entropy, now), now)
}

/// The answer when a defect of ours stopped the request.
#[must_use]
pub fn internal_error(entropy: u64, now: UnixMillis) -> HttpResponse {
    let problem = Problem::new(Code::InternalError, "the request may or may not have been carried out");
    refusal(&problem, &id::request_id(entropy, now), now)
}

/// An answer that was made without knowing the request, in the words of the API that the request's pass speaks.
#[must_use]
pub fn as_asked(pass: &str, response: HttpResponse) -> HttpResponse {
    match serde_json::from_str::<Pass>(pass) {
        Ok(pass) => spoken(&pass.path, response),
        Err(_) => response,
    }
}

/// A refusal of the door, with the headers every answer has.
pub(crate) fn refusal(problem: &Problem, request_id: &str, now: UnixMillis) -> HttpResponse {
    let mut headers: Vec<(String, String)> = alloc::vec![
        ("content-type".into(), "application/problem+json".into()),
        ("x-request-id".into(), request_id.into()),
        ("cache-control".into(), "no-store".into()),
    ];
    if problem.code.status() == 401 {
        headers.push(("www-authenticate".into(), CHALLENGE.into()));
    }
    headers.extend(rate_headers::fields(&[], now));
    HttpResponse { status: problem.code.status(), headers, body: problem.to_json(request_id, None) }
}

fn wrong_method(allowed: &str, request_id: &str, now: UnixMillis) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, alloc::format!("this route takes {allowed}"));
    let mut answer = refusal(&problem, request_id, now);
    answer.headers.push(("allow".into(), allowed.into()));
    answer
}

fn serve(body: &str, request_id: &str, now: UnixMillis) -> HttpResponse {
    let mut headers: Vec<(String, String)> =
        alloc::vec![("content-type".into(), "application/json".into()), ("x-request-id".into(), request_id.into())];
    headers.extend(rate_headers::fields(&[], now));
    HttpResponse { status: 200, headers, body: body.as_bytes().to_vec() }
}

fn field<'a>(head: &'a [(String, String)], name: &str) -> Option<&'a str> {
    head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, key) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim()).filter(|key| !key.is_empty())
}

/// What `GET /healthz` answers.
const HEALTHY: &str = r#"{"status":"ok"}"#;
/// How the pass of a queue's message begins in place of a path.
pub(crate) const QUEUE: &str = "queue:";
/// What a 401 asks for.
pub(crate) const CHALLENGE: &str = "Bearer realm=\"sendgate\"";
/// A body is at most 50 MB, decimal (requirements R189, C08).
pub const MAX_BODY_BYTES: u64 = 50_000_000;
