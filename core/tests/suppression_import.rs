//! A long list comes in one stream: in pieces, with other requests in between, and it can be asked how far it is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail loudly"
)]

mod host;

use host::{Failed, Host, SECRET, body, key_of, message, text};
use sendgate_core::{
    account::{self, Begun, Ended, Import},
    front::{self, FrontDecision, FrontRequest},
    http::HttpResponse,
    sql::Value as Cell,
};
use serde_json::{Value, json};

fn pass_of(host: &Host, query: &str) -> String {
    let request = FrontRequest {
        method: "POST",
        path: "/v1/suppressions/import",
        query,
        authorization: Some(&format!("Bearer {}", key_of("k1"))),
        idempotency_key: None,
        client_ip: None,
        if_none_match: None,
        content_length: None,
        headers: &Vec::new,
    };
    match front::route(&request, &host.config, SECRET, 1, host.now) {
        FrontDecision::ToAccount { pass, .. } => pass,
        other => panic!("{other:?}"),
    }
}

fn begin(host: &mut Host, query: &str) -> Begun {
    let pass = pass_of(host, query);
    assert!(account::comes_in_pieces(&pass));
    let (account, now) = (&mut host.account, host.now);
    host.database.transaction::<_, Failed, _>(|sql| Ok(account.begin_import(&pass, sql, now)?)).unwrap()
}

fn begun(host: &mut Host, query: &str) -> Box<Import> {
    match begin(host, query) {
        Begun::Import(import) => import,
        Begun::Answer(answer) => panic!("{}", text(&answer)),
    }
}

/// Hands one piece over as a host does: whatever is ready is a transaction of its own. Returns how many there were.
fn hand_over(host: &mut Host, import: &mut Import, piece: &[u8]) -> usize {
    let (mut rest, mut kept) = (piece, 0);
    while !rest.is_empty() {
        rest = &rest[import.feed(rest, host.now)..];
        if !rest.is_empty() {
            let (account, now) = (&mut host.account, host.now);
            host.database.transaction::<_, Failed, _>(|sql| Ok(account.keep_import(import, sql, now)?)).unwrap();
            kept += 1;
        }
    }
    kept
}

fn end(host: &mut Host, import: Box<Import>, ended: Ended) -> HttpResponse {
    let (account, now) = (&mut host.account, host.now);
    host.database.transaction::<_, Failed, _>(|sql| Ok(account.end_import(import, ended, sql, now)?)).unwrap()
}

fn get(host: &mut Host, path: &str) -> Value {
    host.advance(1_000);
    let response = host.request(&key_of("k1"), "GET", path, b"");
    assert_eq!(response.status, 200, "{}", text(&response));
    body(&response)
}

fn listed(host: &mut Host) -> i64 {
    match host.query("SELECT count(*) FROM suppression")[0][0] {
        Cell::Integer(n) => n,
        ref other => panic!("{other:?}"),
    }
}

fn addresses(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("p{n:07}@example.com\n")).collect()
}

/// R215: a thousand entries are a transaction; in between the account answers others, and says how far the import is.
#[test]
fn an_import_in_pieces_lets_others_in_between_and_tells_how_far_it_is() {
    let mut host = Host::new();
    let mut import = begun(&mut host, "id=spring-list");
    assert_eq!(get(&mut host, "/v1/suppressions/imports/spring-list")["status"], "running");
    let content = addresses(0..10_500);
    let mut transactions = 0;
    for (place, piece) in content.as_bytes().chunks(65_536).enumerate() {
        transactions += hand_over(&mut host, &mut import, piece);
        let sent = host.send(&json!({"messages": [message("p0000001@example.com"), message("ann@example.com")]}));
        assert_eq!(sent.status, 202);
        assert_eq!(body(&sent)["suppression_summary"]["suppressed_emails"], json!(["p0000001@example.com"]));
        let progress = get(&mut host, "/v1/suppressions/imports/spring-list");
        assert_eq!(progress["status"], "running");
        let added = progress["added"].as_u64().unwrap();
        assert!(added >= u64::try_from(place * 2_000).unwrap(), "{added} after {place} pieces");
        assert_eq!(i64::try_from(added).unwrap(), listed(&mut host), "no more and no less than is on the list");
    }
    assert_eq!(transactions, 10, "ten thousand, a thousand each");
    let answer = end(&mut host, import, Ended::Whole);
    let report = body(&answer);
    assert_eq!((answer.status, &report["status"], &report["id"]), (200, &json!("finished"), &json!("spring-list")));
    assert_eq!(
        (&report["read"], &report["added"], &report["bytes"]),
        (&json!(10_500), &json!(10_500), &json!(content.len()))
    );
    assert!(answer.header("x-ratelimit-limit").is_some());
    assert_eq!(get(&mut host, "/v1/suppressions/imports/spring-list"), report);
    assert_eq!(get(&mut host, "/v1/suppressions/imports")["imports"], json!([report]));
    assert_eq!(listed(&mut host), 10_500);
}

/// What broke off is sent again as it was; nothing is lost and nothing is there twice.
#[test]
fn an_import_that_broke_off_is_sent_again() {
    for crashes in [false, true] {
        let mut host = Host::new();
        let content = addresses(0..5_000);
        let mut import = begun(&mut host, "id=one");
        hand_over(&mut host, &mut import, &content.as_bytes()[..60_000]);
        if crashes {
            host.crash();
        } else {
            end(&mut host, import, Ended::Broken);
        }
        let broken = get(&mut host, "/v1/suppressions/imports/one");
        assert_eq!(broken["status"], "interrupted");
        let kept = listed(&mut host);
        assert_eq!(broken["added"], kept);
        let mut again = begun(&mut host, "id=one");
        hand_over(&mut host, &mut again, content.as_bytes());
        let report = body(&end(&mut host, again, Ended::Whole));
        assert_eq!((&report["unchanged"], &report["added"]), (&json!(kept), &json!(5_000 - kept)));
        assert_eq!(listed(&mut host), 5_000);
    }
}

/// Errors by line wherever the pieces are cut, a hundred of them and their count.
#[test]
fn bad_rows_are_told_by_line_and_their_number_is_bounded() {
    let mut host = Host::new();
    let mut import = begun(&mut host, "");
    let content: String =
        (0..3_000).map(|n| if n % 2 == 0 { format!("p{n}@example.com\r\n") } else { "none\r\n".into() }).collect();
    for piece in content.as_bytes().chunks(7) {
        hand_over(&mut host, &mut import, piece);
    }
    let report = body(&end(&mut host, import, Ended::Whole));
    assert_eq!((&report["read"], &report["added"], &report["rejected"]), (&json!(3_000), &json!(1_500), &json!(1_500)));
    let errors = report["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[0]["line"], &errors[99]["line"]), (100, &json!(2), &json!(200)));
    assert!(report["id"].as_str().unwrap().starts_with("imp_"));
}

/// What is no list from some place on says where; what came before it stays.
#[test]
fn a_list_that_breaks_off_keeps_what_came_before() {
    let mut host = Host::new();
    let mut import = begun(&mut host, "id=bad");
    hand_over(&mut host, &mut import, br#"[{"email": "ann@example.com"}, {"email": "bob@exam"#);
    let answer = end(&mut host, import, Ended::Whole);
    let problem = body(&answer);
    assert_eq!((answer.status, &problem["code"]), (400, &json!("invalid_suppression")));
    assert!(problem["detail"].as_str().unwrap().contains("behind its item 1"), "{problem}");
    assert_eq!(get(&mut host, "/v1/suppressions/imports/bad")["status"], "failed");
    assert_eq!(listed(&mut host), 1);

    let mut import = begun(&mut host, "id=long");
    hand_over(&mut host, &mut import, b"bob@example.com\n");
    let answer = end(&mut host, import, Ended::TooLong);
    assert_eq!((answer.status, &body(&answer)["code"]), (413, &json!("body_too_large")));
    assert_eq!(get(&mut host, "/v1/suppressions/imports/long")["status"], "failed");

    let mut import = begun(&mut host, "id=none");
    hand_over(&mut host, &mut import, b"reason,scope\ncomplaint,account\n");
    assert_eq!(end(&mut host, import, Ended::Whole).status, 400);
}

/// JSON lines, and a request that is refused before its body is read.
#[test]
fn json_lines_are_taken_and_a_bad_request_is_refused_at_once() {
    let mut host = Host::new();
    let lines =
        b"{\"email\":\"ann@example.com\",\"reason\":\"complaint\"}\n\nnonsense\n{\"email\":\"bob@example.com\"}";
    let answer = host.request(&key_of("k1"), "POST", "/v1/suppressions/import", lines);
    let report = body(&answer);
    assert_eq!((&report["read"], &report["added"], &report["errors"][0]["line"]), (&json!(3), &json!(2), &json!(3)));
    host.advance(1_000);
    for query in ["id=", "id=a%20b", "name=x"] {
        match begin(&mut host, query) {
            Begun::Answer(answer) => {
                assert_eq!((answer.status, &body(&answer)["code"]), (400, &json!("invalid_parameter")))
            }
            Begun::Import(_) => panic!("{query} began"),
        }
        host.advance(1_000);
    }
    let unknown = host.request(&key_of("k1"), "GET", "/v1/suppressions/imports/nothing", b"");
    assert_eq!((unknown.status, &body(&unknown)["code"]), (404, &json!("not_found")));
}

/// R202: whatever the length of the list, one statement checks 500 recipients.
#[test]
fn five_hundred_recipients_cost_one_statement() {
    let mut host = Host::new();
    let mut import = begun(&mut host, "");
    hand_over(&mut host, &mut import, addresses(0..30_000).as_bytes());
    assert_eq!(body(&end(&mut host, import, Ended::Whole))["added"], 30_000);
    let messages: Vec<Value> = (0..500).map(|n| message(&format!("p{:07}@example.com", n * 100))).collect();
    let (sent, statements) = host.count(|host| host.send(&json!({ "messages": messages })));
    let summary = &body(&sent)["suppression_summary"];
    assert_eq!((&summary["checked_recipients"], &summary["suppressed_recipients"]), (&json!(500), &json!(300)));
    assert_eq!(statements.reads, 1, "the pre-check's own");
}
