//! Managing the suppression list through its API: pages, single entries, import and export.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::{Host, body, key_of, message, text};
use sendgate_core::http::HttpResponse;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn list(host: &mut Host, query: &str) -> Value {
    let response = host.request_query(&key_of("k1"), "/v1/suppressions", query);
    assert_eq!(response.status, 200, "{}", text(&response));
    host.advance(1_000);
    body(&response)
}

fn emails(page: &Value) -> Vec<String> {
    page["suppressions"].as_array().unwrap().iter().map(|entry| entry["email"].as_str().unwrap().into()).collect()
}

fn import(host: &mut Host, content: &[u8]) -> Value {
    let response = host.request(&key_of("k1"), "POST", "/v1/suppressions/import", content);
    assert_eq!(response.status, 200, "{}", text(&response));
    host.advance(1_000);
    body(&response)
}

fn call(host: &mut Host, method: &str, path: &str, content: &str) -> HttpResponse {
    host.advance(1_000);
    host.request(&key_of("k1"), method, path, content.as_bytes())
}

fn counts(report: &Value) -> [u64; 6] {
    ["read", "added", "updated", "unchanged", "duplicates", "rejected"].map(|field| report[field].as_u64().unwrap())
}

/// R211: what is added or removed meanwhile moves no other entry onto another page.
#[test]
fn pages_are_stable_while_the_list_is_written_to() {
    let mut host = Host::new();
    let all: Vec<String> = (0..25).map(|n| format!("p{n:02}@example.com")).collect();
    import(&mut host, all.join("\n").as_bytes());
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&mut host, &format!("limit=4{after}"));
        seen.extend(emails(&page));
        // One before and one behind the place, and one taken off behind it that was not seen yet.
        import(&mut host, b"a-new@example.com\nz-new@example.com\n");
        call(&mut host, "DELETE", "/v1/suppressions/p24@example.com", "");
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let mut want = all[..24].to_vec();
    want.push("z-new@example.com".into());
    assert_eq!(seen, want);
}

/// R211: filters by reason, scope, status, date and text.
#[test]
fn filters_narrow_the_list() {
    let mut host = Host::new();
    let start = host.now;
    let csv = format!(
        "email,reason,scope,expires_at,active\n\
         ann@example.com,complaint,account,,true\n\
         bob@example.net,hard_bounce,class:bulk,,true\n\
         cy@example.com,manual,account,{},true\n\
         di@example.com,manual,account,,false\n",
        start.plus(2_000)
    );
    import(&mut host, csv.as_bytes());
    host.advance(10_000);
    let later = host.now;
    import(&mut host, b"eve@example.org\n");
    let found = |host: &mut Host, query: &str| emails(&list(host, query)).join(" ");
    assert_eq!(found(&mut host, "reason=complaint"), "ann@example.com");
    assert_eq!(found(&mut host, "scope=class:bulk"), "bob@example.net");
    assert_eq!(found(&mut host, "scope=class%3Abulk"), "bob@example.net");
    assert_eq!(found(&mut host, "status=expired"), "cy@example.com");
    assert_eq!(found(&mut host, "status=inactive"), "di@example.com");
    assert_eq!(found(&mut host, "status=active"), "ann@example.com bob@example.net eve@example.org");
    assert_eq!(found(&mut host, "contains=EXAMPLE.org"), "eve@example.org");
    assert_eq!(found(&mut host, &format!("created_from={later}")), "eve@example.org");
    assert_eq!(found(&mut host, &format!("created_before={later}&status=active")), "ann@example.com bob@example.net");
    for bad in [
        "reason=x",
        "scope=x",
        "status=x",
        "created_from=x",
        "limit=0",
        "after=zz",
        "after=00",
        "nonsense=1",
        "limit=1&limit=2",
    ] {
        let refused = host.request_query(&key_of("k1"), "/v1/suppressions", bad);
        assert_eq!((refused.status, body(&refused)["code"].as_str()), (400, Some("invalid_parameter")), "{bad}");
        host.advance(1_000);
    }
}

/// R213: reason, scope's entry, end and activity change one by one; what is not named stays.
#[test]
fn one_entry_is_looked_at_and_changed() {
    let mut host = Host::new();
    import(
        &mut host,
        b"email,reason,scope\nann@example.com,complaint,account\nann@example.com,unsubscribe,class:bulk\n",
    );
    let entries = body(&call(&mut host, "GET", "/v1/suppressions/Ann%40EXAMPLE.com", ""));
    assert_eq!(entries["suppressions"].as_array().unwrap().len(), 2);
    let changed = call(&mut host, "PATCH", "/v1/suppressions/ann@example.com", r#"{"active":false}"#);
    let changed = body(&changed);
    assert_eq!((&changed["status"], &changed["reason"]), (&json!("inactive"), &json!("complaint")));
    let sent = body(&host.send(&json!({"messages": [message("ann@example.com")]})));
    assert_eq!(sent["suppression_summary"]["suppressed_recipients"], 0, "an inactive entry no longer suppresses");
    let until = host.now.plus(3_600_000).to_string();
    let ended = call(&mut host, "PATCH", "/v1/suppressions/ann@example.com", &format!(r#"{{"expires_at":"{until}"}}"#));
    assert_eq!(body(&ended)["expires_at"], json!(until));
    let endless = call(&mut host, "PATCH", "/v1/suppressions/ann@example.com", r#"{"expires_at":null,"active":true}"#);
    assert_eq!((body(&endless)["expires_at"].is_null(), &body(&endless)["status"]), (true, &json!("active")));
    for (path, content, status) in [
        ("/v1/suppressions/bob@example.com", r#"{"active":false}"#, 404),
        ("/v1/suppressions/nonsense", r#"{"active":false}"#, 404),
        ("/v1/suppressions/ann@example.com", r#"{"active":"yes"}"#, 400),
        ("/v1/suppressions/ann@example.com", r#"{"reason":"boredom"}"#, 400),
        ("/v1/suppressions/ann@example.com", r#"{"expires_at":"2020-01-01T00:00:00Z"}"#, 400),
        ("/v1/suppressions/ann@example.com", r#"{"email":"x@example.com"}"#, 400),
        ("/v1/suppressions/ann@example.com", "[]", 400),
    ] {
        assert_eq!(call(&mut host, "PATCH", path, content).status, status, "{path} {content}");
    }
}

/// R214: the next pre-check accepts; with a scope only that entry goes.
#[test]
fn one_scope_is_taken_off_alone() {
    let mut host = Host::new();
    import(
        &mut host,
        b"email,reason,scope\nann@example.com,complaint,account\nann@example.com,unsubscribe,class:bulk\n",
    );
    let path = "/v1/suppressions/ann@example.com";
    let gone = host.request_full(&key_of("k1"), "DELETE", (path, "scope=account"), b"");
    assert_eq!(gone.status, 204);
    assert_eq!(emails(&list(&mut host, "scope=account")), [""; 0]);
    assert_eq!(emails(&list(&mut host, "scope=class:bulk")), ["ann@example.com"]);
    let sent = body(&host.send(&json!({"messages": [message("ann@example.com")]})));
    assert_eq!(sent["suppression_summary"]["suppressed_recipients"], 0);
    assert_eq!(host.request_full(&key_of("k1"), "DELETE", (path, "scope=x"), b"").status, 400);
}

/// R215: a byte order mark, both line ends, quotes, duplicates, and bad rows by their line.
#[test]
fn a_csv_from_elsewhere_is_taken_as_far_as_it_goes() {
    let mut host = Host::new();
    let csv = "\u{feff}Email,Reason,Name,Active\r\n\
               ann@example.com,hard_bounce,\"Ann, \"\"A.\"\"\nof two lines\",true\r\n\
               Ann@EXAMPLE.com,complaint,again,yes\n\
               nonsense,complaint,,\r\n\
               bob@example.com,boredom,,\n\
               cy@example.com\n\
               \n\
               di@example.com,,,0\n";
    let report = import(&mut host, csv.as_bytes());
    assert_eq!(counts(&report), [6, 2, 0, 0, 1, 3]);
    let errors = report["errors"].as_array().unwrap();
    let told: Vec<_> = errors.iter().map(|e| (e["line"].as_u64().unwrap(), e["field"].as_str().unwrap())).collect();
    // The second row is two lines long.
    assert_eq!(told, [(5, "email"), (6, "reason"), (7, "")]);
    assert!(!report.to_string().contains("nonsense"), "what was wrong is not repeated: it may be an address");
    let entries = list(&mut host, "");
    assert_eq!(emails(&entries), ["ann@example.com", "di@example.com"]);
    assert_eq!(entries["suppressions"][0]["reason"], "complaint", "of duplicates the last one counts");
    assert_eq!(entries["suppressions"][1]["status"], "inactive");
}

/// R215: export, then import into an empty list, is the same list; CSV and JSON alike.
#[test]
fn what_is_exported_can_be_imported() {
    let mut host = Host::new();
    let until = host.now.plus(86_400_000);
    let csv = format!(
        "email,reason,scope,expires_at,active\n\
         \"\"\"a,b\"\"@example.com\",complaint,account,,true\n\
         ann@example.com,hard_bounce,account,,true\n\
         ann@example.com,unsubscribe,class:bulk,,true\n\
         bob@example.com,soft_bounce,domain:shop.example,{until},false\n"
    );
    assert_eq!(counts(&import(&mut host, csv.as_bytes())), [4, 4, 0, 0, 0, 0]);
    for format in ["csv", "json"] {
        let exported = host.request_query(&key_of("k1"), "/v1/suppressions/export", &format!("format={format}"));
        assert_eq!(exported.status, 200);
        host.advance(1_000);
        let mut empty = Host::new();
        let entries = exported.body.clone();
        assert_eq!(counts(&import(&mut empty, &entries)), [4, 4, 0, 0, 0, 0], "{format}");
        let set = |host: &mut Host| -> BTreeSet<String> {
            let rows =
                host.query("SELECT address || scope || reason || active || ifnull(expires_ms, '') FROM suppression");
            rows.into_iter().map(|row| format!("{row:?}")).collect()
        };
        assert_eq!(set(&mut empty), set(&mut host), "{format}");
        assert_eq!(counts(&import(&mut empty, &entries)), [4, 0, 0, 4, 0, 0], "twice is once");
    }
}

/// An export in parts is the whole list, once.
#[test]
fn an_export_goes_on_where_its_part_ended() {
    let mut host = Host::new();
    let all: Vec<String> = (0..10).map(|n| format!("p{n}@example.com")).collect();
    import(&mut host, all.join("\r\n").as_bytes());
    let (mut lines, mut query) = (Vec::new(), String::from("limit=3"));
    loop {
        let part = host.request_query(&key_of("k1"), "/v1/suppressions/export", &query);
        host.advance(1_000);
        lines.extend(text(&part).lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()));
        match part.header("x-next") {
            Some(next) => query = format!("limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!(lines, all);
}

/// 20,000 addresses in one request: a thousand a statement, and one statement checks 500 recipients against them.
#[test]
fn a_long_list_costs_few_statements() {
    let mut host = Host::new();
    let all: Vec<String> = (0..20_000).map(|n| format!("p{n}@example.com")).collect();
    let (report, statements) = host.count(|host| import(host, all.join("\n").as_bytes()));
    assert_eq!(counts(&report), [20_000, 20_000, 0, 0, 0, 0]);
    // The request's own row, twenty statements each way, and what is remembered of the import.
    assert_eq!((statements.reads, statements.writes), (20, 23));
}

/// Nothing that is no list changes anything.
#[test]
fn what_is_no_list_is_refused() {
    let mut host = Host::new();
    for content in [
        "",
        "   \n",
        "reason,scope\ncomplaint,account\n",
        "{}",
        "{\"suppressions\":1}",
        "[1",
        "ann@example.com,bob@example.com\n",
    ] {
        let refused = call(&mut host, "POST", "/v1/suppressions/import", content);
        assert_eq!(
            (refused.status, body(&refused)["code"].as_str()),
            (400, Some("invalid_suppression")),
            "{content:?}"
        );
    }
    assert_eq!(counts(&import(&mut host, b"[1, {\"email\": \"ann@example.com\"}, {\"mail\": 1}]")), [3, 1, 0, 0, 0, 2]);
}

/// R055: a person is forgotten and stays spared: the list, finished messages and reports name a hash, both checks know it.
#[test]
fn an_erased_person_is_forgotten_and_not_written_to() {
    let mut host = Host::new();
    let ids = host.send_ok(vec![message("Ann.Doe@EXAMPLE.com"), message("bob@example.com")]);
    let (attempts, _) = host::drain(&mut host);
    assert_eq!(attempts.len(), 2);
    import(&mut host, b"email,reason,scope\nann.doe@example.com,unsubscribe,class:bulk\n");
    let later = host.now.plus(3_600_000);
    let mut waiting = message("ann.doe@example.com");
    waiting["send_at"] = json!(later.to_string());
    let waiting = host.send_ok(vec![waiting]);

    let answer = body(&call(&mut host, "DELETE", "/v1/subjects/ann.doe%40example.com", ""));
    assert_eq!((answer["messages"].as_u64(), answer["waiting"].as_u64()), (Some(1), Some(1)));
    let hash = answer["suppressed_as"].as_str().unwrap().to_owned();
    assert!(!host.trace(&ids[0]).to_string().to_lowercase().contains("ann.doe"));
    assert!(host.trace(&ids[1]).to_string().contains("bob@example.com"), "nobody else is touched");
    assert_eq!(emails(&list(&mut host, "")), [hash.clone(), hash.clone()], "the entry it had, and one for all mail");

    let sent = body(&host.send(&json!({"messages": [message("ann.doe@example.com")]})));
    assert_eq!(sent["suppression_summary"]["suppressed_recipients"], 1, "the pre-check knows the hash");
    host.now = later;
    assert!(!matches!(host.next(), sendgate_core::mailroom::Effect::Send { .. }), "and so does the final check");
    assert_eq!(host.trace(&waiting[0])["status"], "suppressed");
    let again = body(&call(&mut host, "DELETE", "/v1/subjects/ann.doe%40example.com", ""));
    assert_eq!((again["suppressed_as"].as_str(), again["waiting"].as_u64()), (Some(hash.as_str()), Some(0)));
    assert!(!host.trace(&waiting[0]).to_string().contains("ann.doe"), "what waited is forgotten once it has ended");

    let exported = host.request_query(&key_of("k1"), "/v1/suppressions/export", "");
    assert_eq!(counts(&import(&mut Host::new(), &exported.body)), [2, 2, 0, 0, 0, 0], "a hash is part of the list");
    assert_eq!(call(&mut host, "DELETE", "/v1/suppressions/ann.doe@example.com", "").status, 204);
    assert_eq!(emails(&list(&mut host, "")), [""; 0], "whoever comes back can be taken off by the address");
    assert_eq!(call(&mut host, "DELETE", "/v1/subjects/nonsense", "").status, 400);
}

/// R055: mail to many without a way out is refused, warned of or taken, by the account's policy.
#[test]
fn mail_to_many_says_how_to_leave() {
    for (policy, status, warned) in [("warn", 202, true), ("reject", 400, false), ("accept", 202, false)] {
        let mut host = Host::with(|account| account["missing_unsubscribe"] = json!(policy));
        let mut bulk = host::of_class("bulk", "ann@example.com");
        let answer = host.send(&json!({"messages": [bulk]}));
        assert_eq!(answer.status, status, "{policy}");
        let text = text(&answer);
        assert_eq!(text.contains("\"warnings\":[\"missing_unsubscribe\"]"), warned, "{policy}");
        assert_eq!(text.contains("\"code\":\"missing_unsubscribe\""), status == 400, "{policy}");
        bulk["headers"] = json!({"List-Unsubscribe": "<https://shop.example/u/1>"});
        let answer = host.send(&json!({"messages": [bulk, message("bob@example.com")]}));
        assert_eq!((answer.status, host::text(&answer).contains("missing_unsubscribe")), (202, false), "{policy}");
    }
}

/// R055: an account that says where it is has that in every body of its mail to many, or a warning, or a refusal; other mail is not
/// looked at, and where the account says nothing there is nothing to look for.
#[test]
fn mail_to_many_shows_where_its_sender_is() {
    let exit = json!({"List-Unsubscribe": "<https://shop.example/leave>"});
    let bulk = |text: &str, class: &str| {
        json!({"messages": [{"from": "a@shop.example", "to": "b@example.com", "subject": "News", "class": class,
                             "headers": exit, "text_body": text}]})
    };
    let (without, with) = ("News", "News\nShop Ltd\n12 Main St\nSpringfield");
    for (policy, status, warned) in
        [(None, 202, true), (Some("warn"), 202, true), (Some("reject"), 400, false), (Some("accept"), 202, false)]
    {
        let mut host = Host::with(|account| {
            account["postal_address"] = json!("Shop Ltd, 12 Main St, Springfield");
            if let Some(policy) = policy {
                account["missing_postal_address"] = json!(policy);
            }
        });
        for class in ["bulk", "drip"] {
            let answer = host.send(&bulk(without, class));
            let text = text(&answer);
            assert_eq!(answer.status, status, "{policy:?}: {text}");
            assert_eq!(text.contains("\"warnings\":[\"missing_postal_address\"]"), warned, "{policy:?}");
            assert_eq!(text.contains("\"field\":\"messages[0].text_body\""), status == 400, "{policy:?}: {text}");
            let shown = host.send(&bulk(with, class));
            assert_eq!((shown.status, host::text(&shown).contains("missing_")), (202, false), "{policy:?}");
        }
        let receipt = host.send(&bulk(without, "transactional"));
        assert_eq!((receipt.status, text(&receipt).contains("missing_")), (202, false), "{policy:?}");
    }
    let unsaid = Host::new().send(&bulk(without, "bulk"));
    assert_eq!((unsaid.status, text(&unsaid).contains("missing_")), (202, false));
}

/// Both that mail to many lacks are told at once.
#[test]
fn everything_that_is_missing_is_told() {
    let mut host = Host::with(|account| {
        account["postal_address"] = json!("Shop Ltd, 12 Main St, Springfield");
        account["missing_postal_address"] = json!("reject");
        account["missing_unsubscribe"] = json!("reject");
    });
    let answer = host.send(&json!({"messages": [host::of_class("bulk", "b@example.com")]}));
    let errors = body(&answer)["errors"].clone();
    let codes: Vec<&str> = errors.as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["missing_unsubscribe", "missing_postal_address"]);
}

#[test]
fn a_postal_address_has_bounds() {
    let field = |change: &dyn Fn(&mut Value)| {
        let text = host::config_with(|account| change(account));
        sendgate_core::config::Config::from_json(&text).err().map(|error| error.field).unwrap_or_default()
    };
    let at = "accounts.shop.postal_address";
    for (address, wrong) in
        [("PO Box 1, 1010", ""), ("1 A, B", at), ("", at), (&*"ab ".repeat(125), ""), (&*"ab ".repeat(126), at)]
    {
        assert_eq!(field(&|account| account["postal_address"] = json!(address)), wrong, "{address}");
    }
    let policy = |account: &mut Value| account["missing_postal_address"] = json!("reject");
    assert_eq!(field(&policy), "accounts.shop.missing_postal_address", "which address?");
}
