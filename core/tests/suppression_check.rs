//! The two checks of a send against the list: what the first one says in each of its four words, and that the last one always
//! runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::{Failed, Host, body, events, key_of, message};
use sendgate_core::http::HttpResponse;
use serde_json::{Value, json};

fn summary(answer: &HttpResponse) -> Value {
    body(answer)["suppression_summary"].clone()
}

fn suppress(host: &mut Host, email: &str) {
    let answer =
        host.request(&key_of("k1"), "POST", "/v1/suppressions", json!({ "email": email }).to_string().as_bytes());
    assert_eq!(answer.status, 200);
}

fn hide_list(host: &mut Host) {
    host.query("ALTER TABLE suppression RENAME TO hidden");
}

fn show_list(host: &mut Host) {
    host.query("ALTER TABLE hidden RENAME TO suppression");
}

/// R206-R209: each status, with what it counts and how much it reserves.
#[test]
fn the_four_words_of_the_first_check() {
    let send = json!({"messages": [message("ann@example.com"), message("gone@example.com")]});
    let of = |status: &str, suppressed: &[&str]| {
        json!({"status": status, "checked_recipients": 2, "accepted_recipients": 2 - suppressed.len(),
               "suppressed_recipients": suppressed.len(), "suppressed_emails": suppressed})
    };
    let mut host = Host::new();
    suppress(&mut host, "gone@example.com");
    assert_eq!(summary(&host.send(&send)), of("checked", &["gone@example.com"]), "R206");
    assert_eq!(host.quota().0, 1);

    hide_list(&mut host);
    let unavailable = host.send(&send);
    assert_eq!((unavailable.status, summary(&unavailable)), (202, of("unavailable", &[])), "R208");
    assert_eq!(host.quota().0, 1 + 2, "C09: reserved for everybody");

    let mut host = Host::with(|account| account["suppression"] = json!("ignored"));
    suppress(&mut host, "gone@example.com");
    assert_eq!(summary(&host.send(&send)), of("ignored", &[]), "R207");
    assert_eq!(host.quota().0, 2);

    let mut host = Host::new();
    let nobody = host.send(&json!({"messages": [{"from": "orders@shop.example"}]}));
    assert_eq!(nobody.status, 400);
    let nothing = json!({"status": "not_applicable", "checked_recipients": 0, "accepted_recipients": 0,
                         "suppressed_recipients": 0, "suppressed_emails": []});
    assert_eq!((summary(&nobody), host.quota().0), (nothing, 0), "R209");
}

/// C09, R204, R208: what could not be checked at acceptance is checked before it leaves, and what cannot be checked then is
/// held. Nothing leaves unchecked, and what was reserved for a suppressed recipient is given back.
#[test]
fn what_was_not_checked_at_first_is_checked_at_last() {
    let mut host = Host::new();
    suppress(&mut host, "gone@example.com");
    hide_list(&mut host);
    let ids = host.send_ok(vec![message("ann@example.com"), message("gone@example.com")]);
    let (account, now) = (&mut host.account, host.now);
    let failed = host.database.transaction::<_, Failed, _>(|sql| Ok(account.next(sql, now)?));
    assert!(failed.is_err(), "the list is still not there: nothing leaves");
    show_list(&mut host);
    host.crash();
    let (sent, _) = host::drain(&mut host);
    assert_eq!(sent.len(), 1);
    let (ann, gone) = (host.trace(&ids[0]), host.trace(&ids[1]));
    assert_eq!((&ann["status"], &gone["status"]), (&json!("sent"), &json!("suppressed")));
    assert_eq!(events(&gone), ["accepted", "suppressed_final", "suppressed"], "R205: both checks stand in the trace");
    assert_eq!(host.quota(), (0, 1, 99_999), "and its unit is given back");
}
