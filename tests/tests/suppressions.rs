//! A million suppressed addresses, on real Durable Objects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write as _, io::Write as _, net::TcpStream, thread, time::Duration};

/// The acceptance, R211, R215: a million entries in one stream with progress, other requests in between, pages that do
/// not shift while they are written, and 500 recipients checked against all of them. How many statements that takes is
/// counted in `core/tests/suppression_import.rs`.
#[test]
fn a_million_entries_come_in_one_stream() {
    let sendgate = Running::start("sandbox", |_| {});
    let shop = key_of("shop");
    let known: Vec<String> = (0..20_000).map(|n| format!("user{:07}-known@example.com", n * 50)).collect();
    let report = sendgate.call("POST", "/v1/suppressions/import", Some(&shop), known.join("\n").as_bytes()).json();
    assert_eq!((&report["status"], &report["added"]), (&json!("finished"), &json!(20_000)));
    let mut list = String::from("email,reason\r\n");
    (0..MILLION).for_each(|n| write!(list, "user{n:07}@example.com,unsubscribe\r\n").unwrap());
    let list = list.into_bytes();

    let mut seen_running = 0;
    let report = thread::scope(|scope| {
        let import = scope.spawn(|| {
            let agent = sendgate.patient(Duration::from_secs(280));
            agent("POST", "/v1/suppressions/import?id=million", &shop, &list)
        });
        let (mut seen, mut last, mut query) =
            (BTreeSet::new(), String::new(), String::from("limit=1000&contains=-known"));
        let (mut added, mut read_all) = (0, false);
        while !import.is_finished() || !read_all {
            assert_eq!(sendgate.send(&[message("ann@example.com")]).status, 202, "nobody has to wait for an import");
            let progress = sendgate.get("/v1/suppressions/imports/million").json();
            if progress["status"] == "running" {
                seen_running += 1;
                let now = progress["added"].as_u64().unwrap();
                assert!(now >= added && now < MILLION, "{progress}");
                added = now;
            }
            if read_all {
                continue;
            }
            let page = sendgate.get(&format!("/v1/suppressions?{query}")).json();
            for entry in page["suppressions"].as_array().unwrap() {
                let email = entry["email"].as_str().unwrap().to_owned();
                assert!(email > last, "{email} after {last}");
                last.clone_from(&email);
                seen.insert(email);
            }
            match page["next"].as_str() {
                Some(next) => query = format!("limit=1000&contains=-known&after={next}"),
                None => read_all = true,
            }
        }
        assert_eq!(seen, known.iter().cloned().collect(), "every entry, whatever was written meanwhile");
        import.join().unwrap()
    });
    assert_eq!(report.status, 200, "{}", report.body);
    let report = report.json();
    assert_eq!((&report["read"], &report["added"], &report["rejected"]), (&json!(MILLION), &json!(MILLION), &json!(0)));
    assert_eq!(report["bytes"], json!(list.len()));
    assert!(seen_running > 1, "how far it was could be asked");

    // Every second one is on the list.
    let messages: Vec<Value> = (0..500)
        .map(|n| message(&format!("user{:07}{}@example.com", n * 1_999, if n % 2 == 0 { "" } else { "-other" })))
        .collect();
    let answer = sendgate.send(&messages).json();
    let summary = &answer["suppression_summary"];
    assert_eq!((&summary["checked_recipients"], &summary["suppressed_recipients"]), (&json!(500), &json!(250)));
}

/// A connection that breaks leaves what it brought, and says so; the same import again is the whole list.
#[test]
fn an_import_whose_connection_broke_is_sent_again() {
    let sendgate = Running::start("sandbox", |_| {});
    let shop = key_of("shop");
    let list: String = (0..100_000).map(|n| format!("user{n:07}@example.com\n")).collect();
    let address = sendgate.workerd.base_url().replace("http://", "");
    let mut connection = TcpStream::connect(&address).unwrap();
    write!(
        connection,
        "POST /v1/suppressions/import?id=broken HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {shop}\r\n\
         Content-Length: {}\r\n\r\n",
        list.len()
    )
    .unwrap();
    connection.write_all(&list.as_bytes()[..list.len() / 2]).unwrap();
    let progress = || sendgate.get("/v1/suppressions/imports/broken").json();
    let until = |what: &dyn Fn(&Value) -> bool| (0..1_000).map(|_| progress()).find(what).unwrap();
    until(&|progress| progress["added"].as_u64().is_some_and(|added| added > 0));
    drop(connection);
    let broken = until(&|progress| progress["status"] == "interrupted");
    let kept = broken["added"].as_u64().unwrap();
    assert!(kept > 0 && kept <= 50_000, "{broken}");
    let again = sendgate.call("POST", "/v1/suppressions/import?id=broken", Some(&shop), list.as_bytes()).json();
    assert_eq!(
        (&again["status"], &again["unchanged"], &again["added"]),
        (&json!("finished"), &json!(kept), &json!(100_000 - kept))
    );
}

/// R189: a byte more than a body may have is refused, by its length before it is read and by counting where none was said.
#[test]
fn an_import_has_the_bound_of_every_body() {
    let sendgate = Running::start("sandbox", |_| {});
    let agent = sendgate.patient(Duration::from_secs(280));
    let mut list = b"ann@example.com\n".to_vec();
    list.resize(50_000_001, b'\n');
    let refused = agent("POST", "/v1/suppressions/import?id=said", &key_of("shop"), &list);
    assert_eq!((refused.status, refused.code().as_str()), (413, "body_too_large"));
    assert_eq!(sendgate.get("/v1/suppressions/imports/said").status, 404, "it was not begun");
    let taken = agent("POST", "/v1/suppressions/import?id=exact", &key_of("shop"), &list[1..]);
    assert_eq!((taken.status, &taken.json()["bytes"]), (200, &json!(50_000_000)));
}

const MILLION: u64 = 1_000_000;
