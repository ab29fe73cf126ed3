//! `docs/openapi.json` says what the code does: the same routes, scopes, codes, statuses, words and bounds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use sendgate_core::{
    account::ROUTES,
    admin,
    config::{self, Config},
    contract::{OPEN_ROUTES, OPENAPI},
    front::{self, FrontDecision, FrontRequest},
    mailroom,
    message::{Class, MAX_ATTACHMENTS, Message},
    problem::Code,
    suppression::Reason,
    time::UnixMillis,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = include_str!("../../docs/openapi.json");
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn document() -> Value {
    serde_json::from_str(FILE).unwrap()
}

/// Every operation: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
            found.push((method.to_uppercase(), path.clone(), operation.as_object().unwrap()));
        }
    }
    found
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// How a key is sent: Postmark's SDKs have a header field of their own for it.
fn scheme_of(path: &str) -> &'static str {
    if path == "/email" || path.starts_with("/email/") { "postmark" } else { "key" }
}

/// Whether a route answers in the words of another API, whose codes and statuses are not ours.
fn is_drop_in(path: &str) -> bool {
    path.starts_with("/email")
}

/// What a test finds at a JSON pointer, and why it is not there when it is not.
fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

#[test]
fn every_route_is_in_the_file_and_no_other() {
    let document = document();
    let listed: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let own = ROUTES.iter().map(|route| (route.method, route.path));
    let operators = admin::ROUTES.iter().map(|route| (route.method, route.path));
    let known: BTreeSet<(String, String)> =
        own.chain(operators).chain(OPEN_ROUTES).map(|(method, path)| (method.into(), path.into())).collect();
    assert_eq!(listed, known);
}

#[test]
fn every_operation_names_its_scope_or_that_it_needs_no_key() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let route = ROUTES.iter().find(|route| route.method == method && route.path == path);
        let wanted = match route {
            Some(route) => serde_json::json!([{ scheme_of(&path): [route.scope.word()] }]),
            None if path.starts_with("/v1/admin/") => serde_json::json!([{ "admin": [] }]),
            None => serde_json::json!([]),
        };
        assert_eq!(operation["security"], wanted, "{method} {path}");
    }
}

#[test]
fn every_code_is_listed_with_its_status() {
    let document = document();
    let code = at(&document, "/components/schemas/Code");
    let known: BTreeMap<&str, u16> = Code::ALL.iter().map(|code| (code.word(), code.status())).collect();
    assert_eq!(words(&code["enum"]).into_iter().collect::<BTreeSet<_>>(), known.keys().copied().collect());
    let statuses: BTreeMap<&str, u64> = code["x-statuses"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(word, at)| (word.as_str(), at.as_u64().unwrap()))
        .collect();
    assert_eq!(statuses, known.into_iter().map(|(word, at)| (word, u64::from(at))).collect());
}

/// A refusal's status is documented exactly where one of its codes is, and no code is nobody's.
#[test]
fn every_operation_has_the_statuses_of_its_codes() {
    let document = document();
    let known: BTreeMap<&str, u16> = Code::ALL.iter().map(|code| (code.word(), code.status())).collect();
    let mut used = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        if is_drop_in(&path) {
            assert!(!operation.contains_key("x-codes"), "{method} {path}");
            continue;
        }
        let codes = words(&operation["x-codes"]);
        let wanted: BTreeSet<u16> = codes.iter().map(|code| known[code]).collect();
        let statuses = operation["responses"].as_object().unwrap().keys().map(|status| status.parse::<u16>().unwrap());
        let refusals: BTreeSet<u16> = statuses.clone().filter(|status| *status >= 400).collect();
        assert_eq!(refusals, wanted, "{method} {path}");
        assert!(statuses.clone().any(|status| status < 300), "{method} {path} never succeeds");
        used.extend(codes);
    }
    // A method that a path does not take is no operation's: the file's introduction tells of it.
    used.insert(Code::MethodNotAllowed.word());
    assert_eq!(used, known.keys().copied().collect());
    assert!(document["info"]["description"].as_str().unwrap().contains(Code::MethodNotAllowed.word()));
}

#[test]
fn operations_have_names_of_their_own_and_declare_the_parameters_of_their_paths() {
    let document = document();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
        let in_path = |parameter: &&Value| parameter["in"] == "path";
        let none = Vec::new();
        let parameters = operation.get("parameters").and_then(Value::as_array).unwrap_or(&none);
        let declared: BTreeSet<&str> =
            parameters.iter().filter(in_path).map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let wanted: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, wanted, "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref") {
                    found.insert(target.clone());
                }
                fields.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    collect(&document, &mut found);
    for target in &found {
        at(&document, target.strip_prefix('#').unwrap());
    }
    for kind in ["schemas", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(found.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name} is nobody's");
        }
    }
}

#[test]
fn words_and_bounds_are_the_codes_own() {
    let document = document();
    let of = |name: &str| words(at(&document, &format!("/components/schemas/{name}/enum"))).into_iter().collect();
    let set = |words: &[&'static str]| words.iter().copied().collect::<BTreeSet<&str>>();
    assert_eq!(set(&mailroom::Status::ALL.map(mailroom::Status::word)), of("Status"));
    assert_eq!(set(&Class::ALL.map(Class::as_str)), of("Class"));
    assert_eq!(set(&Reason::ALL.map(Reason::word)), of("Reason"));
    let number = |pointer: &str| at(&document, &format!("/components/schemas{pointer}")).as_u64();
    assert_eq!(number("/SendRequest/properties/messages/maxItems"), u64::try_from(config::MAX_MESSAGES).ok());
    assert_eq!(number("/Message/properties/attachments/maxItems"), u64::try_from(MAX_ATTACHMENTS).ok());
}

/// R188: what the file gives as an example of a message is one.
#[test]
fn the_example_of_a_send_is_taken() {
    let document = document();
    let example = at(&document, "/paths/~1v1~1send/post/requestBody/content/application~1json/example");
    for message in example["messages"].as_array().unwrap() {
        assert_eq!(Message::parse(&message.to_string()).err(), None);
    }
}

/// The door serves the file: the same document, to whoever asks.
#[test]
fn the_door_serves_the_file() {
    assert_eq!(serde_json::from_str::<Value>(OPENAPI).unwrap(), document());
    assert!(OPENAPI.len() < FILE.len());
    assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    let config = Config::from_json(r#"{"accounts":{}}"#).unwrap();
    let answer = |method, path| {
        let request = FrontRequest {
            method,
            path,
            query: "",
            authorization: None,
            idempotency_key: None,
            if_none_match: None,
            client_ip: None,
            content_length: None,
            headers: &Vec::new,
        };
        match front::route(&request, &config, "a secret of sixteen bytes", 0, UnixMillis::new(0)) {
            FrontDecision::Answer(answer) => answer,
            other @ (FrontDecision::ToAccount { .. } | FrontDecision::ToReceiver { .. }) => panic!("{other:?}"),
        }
    };
    let served = answer("GET", "/openapi.json");
    assert_eq!((served.status, served.header("content-type")), (200, Some("application/json")));
    assert_eq!(served.body, OPENAPI.as_bytes());
    for path in ["/openapi.json", "/healthz"] {
        let refused = answer("POST", path);
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    }
}
