//! The suppression list: scope, reason, end and activity, through the API and beneath it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod host;

use host::{Failed, Host, START, body, key_of, message, recipients};
use proptest::prelude::*;
use sendgate_core::{
    message::Class,
    sql::{Param, Row, Sql, SqlError},
    suppression::{self, Changed, Entry, EntryChange, IndexError, Lookup, Reason, Scope, ScopeError, SuppressionIndex},
    time::UnixMillis,
};
use sendgate_embed::Database;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KEY: [u8; 16] = *b"0123456789abcdef";

fn suppress(host: &mut Host, entry: &Value) -> Value {
    let response = host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.to_string().as_bytes());
    assert_eq!(response.status, 200, "{}", host::text(&response));
    body(&response)
}

fn suppressed_of(host: &mut Host, message: Value) -> u64 {
    body(&host.send(&json!({"messages": [message]})))["suppression_summary"]["suppressed_recipients"].as_u64().unwrap()
}

/// R212: an address is normalised, and adding it twice is adding it once.
#[test]
fn an_entry_is_normalised_and_adding_it_twice_is_adding_it_once() {
    let mut host = Host::new();
    let entry = json!({"email": "Ann@BÜCHER.example", "reason": "hard_bounce"});
    let answer = suppress(&mut host, &entry);
    let whole =
        json!({"email": "ann@xn--bcher-kva.example", "reason": "hard_bounce", "scope": "account", "active": true});
    assert_eq!(answer, whole);
    let once = host.query("SELECT * FROM suppression");
    host.advance(1_000);
    assert_eq!(suppress(&mut host, &entry), whole);
    assert_eq!(host.query("SELECT * FROM suppression"), once, "not even the instant of its creation changes");
    assert_eq!(suppressed_of(&mut host, message("ANN@bücher.example")), 1);
}

/// R213: an inactive entry no longer suppresses, and can be active again.
#[test]
fn an_inactive_entry_stops_nothing() {
    let mut host = Host::new();
    for (active, suppressed) in [(true, 1), (false, 0), (true, 1)] {
        suppress(&mut host, &json!({"email": "ann@example.com", "active": active}));
        assert_eq!(suppressed_of(&mut host, message("ann@example.com")), suppressed);
    }
    assert_eq!(host.query("SELECT * FROM suppression").len(), 1);
}

/// An entry stops mail until the millisecond before its end.
#[test]
fn an_entry_ends_at_its_instant() {
    let mut host = Host::new();
    let end = UnixMillis::new(START + 60_000);
    let answer = suppress(
        &mut host,
        &json!({"email": "ann@example.com", "reason": "soft_bounce", "expires_at": end.to_string()}),
    );
    assert_eq!(answer["expires_at"], end.to_string());
    host.advance(59_999);
    assert_eq!(suppressed_of(&mut host, message("ann@example.com")), 1);
    host.advance(1);
    assert_eq!(suppressed_of(&mut host, message("ann@example.com")), 0);
}

/// R213, R073: a scope limits an entry to a class or a sending domain; both checks know it.
#[test]
fn a_scope_limits_an_entry_to_a_class_or_a_sending_domain() {
    let mut host = Host::new();
    suppress(&mut host, &json!({"email": "bulk@example.com", "reason": "unsubscribe", "scope": "class:bulk"}));
    suppress(&mut host, &json!({"email": "shop@example.com", "reason": "complaint", "scope": "domain:SHOP.example"}));
    suppress(&mut host, &json!({"email": "else@example.com", "scope": "domain:news.example"}));
    let mut bulk = message("bulk@example.com");
    assert_eq!(suppressed_of(&mut host, bulk.clone()), 0);
    bulk["class"] = json!("bulk");
    assert_eq!(suppressed_of(&mut host, bulk), 1);
    assert_eq!(suppressed_of(&mut host, message("shop@example.com")), 1);
    assert_eq!(suppressed_of(&mut host, message("else@example.com")), 0);
    for _ in 0..2 {
        let (attempt, request) = host.next_request();
        let to = recipients(&request).concat();
        assert!(to.contains("bulk@example.com") || to.contains("else@example.com"), "{to}");
        host.settle(attempt, Ok(&host::taken()));
    }
}

/// R204: the final check reads scopes, ends and activity at the instant of dispatch.
#[test]
fn the_final_check_honours_scopes_and_ends() {
    let mut host = Host::new();
    let later = |to: &str| {
        let mut message = message(to);
        message["send_at"] = json!(UnixMillis::new(START + 60_000).to_string());
        message
    };
    let ids = host.send_ok(vec![later("ann@example.com"), later("ben@example.com"), later("cid@example.com")]);
    suppress(&mut host, &json!({"email": "ann@example.com", "scope": "class:bulk"}));
    suppress(
        &mut host,
        &json!({"email": "ben@example.com", "expires_at": UnixMillis::new(START + 60_000).to_string()}),
    );
    suppress(&mut host, &json!({"email": "cid@example.com", "scope": "class:transactional"}));
    host.advance(60_000);
    for _ in 0..2 {
        let (attempt, _) = host.next_request();
        host.settle(attempt, Ok(&host::taken()));
    }
    host.next();
    let statuses: Vec<Value> = ids.iter().map(|id| host.trace(id)["status"].clone()).collect();
    assert_eq!(statuses, ["sent", "sent", "suppressed"]);
}

/// R214: a deleted address is accepted by the next pre-check, whatever scopes it had.
#[test]
fn deleting_an_address_deletes_all_its_entries() {
    let mut host = Host::new();
    suppress(&mut host, &json!({"email": "ann@example.com"}));
    suppress(&mut host, &json!({"email": "ann@example.com", "scope": "domain:shop.example"}));
    suppress(&mut host, &json!({"email": "ben@example.com"}));
    let path = "/v1/suppressions/ANN%40example.com";
    assert_eq!(host.request(&key_of("k1"), "DELETE", path, b"").status, 204);
    assert_eq!(suppressed_of(&mut host, message("ann@example.com")), 0);
    assert_eq!(host.request(&key_of("k1"), "DELETE", path, b"").status, 404);
    assert_eq!(suppressed_of(&mut host, message("ben@example.com")), 1);
}

/// A malformed entry is refused with the field, its code and what it must be, and nothing of its value.
#[test]
fn a_malformed_entry_names_its_fields() {
    let mut host = Host::new();
    let past = UnixMillis::new(START).to_string();
    let cases = [
        (json!({}), vec![("email", "missing_field")]),
        (json!({"email": null}), vec![("email", "missing_field")]),
        (json!({"email": 5}), vec![("email", "wrong_type")]),
        (json!({"email": "secret-at-example"}), vec![("email", "invalid_address")]),
        (json!({"email": "a@example.com", "reason": "bounce"}), vec![("reason", "invalid_value")]),
        (json!({"email": "a@example.com", "reason": true}), vec![("reason", "wrong_type")]),
        (json!({"email": "a@example.com", "scope": "all"}), vec![("scope", "invalid_value")]),
        (json!({"email": "a@example.com", "scope": "domain:x@shop.example"}), vec![("scope", "invalid_value")]),
        (json!({"email": "a@example.com", "scope": "class:secret"}), vec![("scope", "invalid_value")]),
        (json!({"email": "a@example.com", "expires_at": "tomorrow"}), vec![("expires_at", "invalid_date")]),
        (json!({"email": "a@example.com", "expires_at": 17}), vec![("expires_at", "wrong_type")]),
        (json!({"email": "a@example.com", "expires_at": past}), vec![("expires_at", "expired")]),
        (json!({"email": "a@example.com", "active": "yes"}), vec![("active", "wrong_type")]),
        (
            json!({"scope": 1, "active": 1}),
            vec![("email", "missing_field"), ("scope", "wrong_type"), ("active", "wrong_type")],
        ),
    ];
    for (entry, wanted) in cases {
        host.advance(1_000);
        let response = host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.to_string().as_bytes());
        let problem = body(&response);
        assert_eq!((response.status, problem["code"].as_str()), (400, Some("invalid_suppression")), "{entry}");
        let named: Vec<(&str, &str)> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect();
        assert_eq!(named, wanted, "{entry}");
        assert!(!host::text(&response).contains("secret"), "{entry}");
    }
    for entry in
        [r#"{"email":"a@example.com","secret":1}"#, r#"{"email":"a@example.com","email":"b@example.com"}"#, "[]", "{"]
    {
        host.advance(1_000);
        let response = host.request(&key_of("k1"), "POST", "/v1/suppressions", entry.as_bytes());
        assert_eq!((response.status, body(&response)["code"].as_str()), (400, Some("invalid_suppression")), "{entry}");
        assert!(!host::text(&response).contains("secret"));
    }
    assert!(host.query("SELECT * FROM suppression").is_empty());
}

/// A list of the first schema, an address once and without a scope, is taken up with everything in it.
#[test]
fn a_list_without_scopes_is_taken_up() {
    let mut host = Host::new();
    host.query("DROP TABLE suppression");
    host.query(
        "CREATE TABLE suppression(address TEXT PRIMARY KEY, reason TEXT NOT NULL, created_ms INTEGER NOT NULL) \
         WITHOUT ROWID",
    );
    host.query("INSERT INTO suppression VALUES('ann@example.com', 'complaint', 7), ('ben@example.com', 'manual', 8)");
    host.crash();
    assert_eq!(suppressed_of(&mut host, message("ann@example.com")), 1);
    suppress(&mut host, &json!({"email": "ann@example.com", "scope": "class:bulk"}));
    host.crash();
    let rows = host.query("SELECT address, scope, reason, expires_ms, active, created_ms FROM suppression");
    let shown: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(shown.len(), 3);
    let taken_up = host.query(
        "SELECT address FROM suppression WHERE scope = 'account' AND expires_ms IS NULL AND active = 1 \
         AND (address, reason, created_ms) IN (VALUES('ann@example.com', 'complaint', 7), ('ben@example.com', 'manual', 8))",
    );
    assert_eq!(taken_up.len(), 2);
    assert!(host.query("SELECT name FROM sqlite_master WHERE name = 'suppression_unscoped'").is_empty());
}

/// A store that counts its statements.
struct Counting<'a>(&'a mut dyn Sql, usize);

impl Sql for Counting<'_> {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        self.1 += 1;
        self.0.run(statement, parameters)
    }
}

fn with_list<T>(work: impl FnOnce(&mut dyn Sql) -> T) -> T {
    let mut host = Host::new();
    host.database.transaction::<_, Failed, _>(|sql| Ok(work(sql))).unwrap()
}

/// R201: five hundred messages of two recipients are checked by one statement.
#[test]
fn a_thousand_addresses_are_checked_by_one_statement() {
    with_list(|sql| {
        let now = UnixMillis::new(START);
        let addresses: Vec<String> = (0..1_000).map(|n| format!("a{n}@example.com")).collect();
        for address in addresses.iter().step_by(3) {
            suppression::add(address, &Entry::of(Reason::Complaint), sql, now).unwrap();
        }
        let mut counting = Counting(sql, 0);
        let keys: BTreeSet<&str> = addresses.iter().map(String::as_str).collect();
        let found = suppression::check(&keys, &mut counting, now).unwrap();
        assert_eq!(counting.1, 1);
        for (n, address) in addresses.iter().enumerate() {
            let reason = found.reason(address, "shop.example", Class::Transactional);
            assert_eq!(reason, (n % 3 == 0).then_some("complaint"));
        }
        assert!(suppression::check(&BTreeSet::new(), &mut counting, now).is_ok());
        assert_eq!(counting.1, 1, "nobody to check, nothing to ask");
    });
}

/// R212, R213: what a change did is told, and a change to what is so already writes nothing.
#[test]
fn a_change_says_what_it_did() {
    with_list(|sql| {
        let (address, now) = ("ann@example.com", UnixMillis::new(START));
        let entry = Entry::of(Reason::HardBounce);
        let end = UnixMillis::new(START + 5);
        let until = EntryChange { expires_at: Some(Some(end)), ..EntryChange::default() };
        assert_eq!(suppression::update(address, &Scope::Account, &until, sql), Ok(Changed::NotFound));
        assert_eq!(suppression::add(address, &entry, sql, now), Ok(Changed::Added));
        assert_eq!(suppression::add(address, &entry, sql, now), Ok(Changed::Unchanged));
        assert_eq!(suppression::update(address, &Scope::Account, &until, sql), Ok(Changed::Updated));
        assert_eq!(suppression::update(address, &Scope::Account, &until, sql), Ok(Changed::Unchanged));
        assert_eq!(suppression::entries(address, sql), Ok(vec![Entry { expires_at: Some(end), ..entry.clone() }]));
        let for_ever = EntryChange { expires_at: Some(None), reason: Some(Reason::Invalid), active: Some(false) };
        assert_eq!(suppression::update(address, &Scope::Account, &for_ever, sql), Ok(Changed::Updated));
        let inactive = Entry { active: false, ..Entry::of(Reason::Invalid) };
        assert_eq!(suppression::entries(address, sql), Ok(vec![inactive]));
        assert_eq!(suppression::add(address, &entry, sql, now), Ok(Changed::Updated));
        assert_eq!(suppression::remove(address, Some(&Scope::Class(Class::Bulk)), sql), Ok(false));
        assert_eq!(suppression::remove(address, Some(&Scope::Account), sql), Ok(true));
        assert_eq!(suppression::entries(address, sql), Ok(vec![]));
    });
}

/// The account's entry is the one that is told, and a scope of a later release is not taken for none.
#[test]
fn the_widest_entry_gives_the_reason_and_an_unknown_scope_suppresses() {
    with_list(|sql| {
        let now = UnixMillis::new(START);
        let bulk = Entry { scope: Scope::Class(Class::Bulk), ..Entry::of(Reason::Unsubscribe) };
        for entry in [&bulk, &Entry::of(Reason::Invalid)] {
            suppression::add("ann@example.com", entry, sql, now).unwrap();
        }
        sql.run(
            "INSERT INTO suppression(address, scope, reason, active, created_ms) \
             VALUES('ben@example.com', 'stream:news', 'manual', 1, 0), ('cid@example.com', 'class:urgent', 'manual', 1, 0)",
            &[],
        )
        .unwrap();
        let keys = BTreeSet::from(["ann@example.com", "ben@example.com", "cid@example.com"]);
        let found = suppression::check(&keys, sql, now).unwrap();
        assert_eq!(found.reason("ann@example.com", "shop.example", Class::Bulk), Some("invalid"));
        assert_eq!(found.reason("ben@example.com", "shop.example", Class::Drip), Some("manual"));
        assert_eq!(found.reason("cid@example.com", "shop.example", Class::Drip), Some("manual"));
    });
}

#[test]
fn words_and_scopes_read_back_as_they_print() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_word(reason.word()), Some(reason));
        assert_eq!(serde_json::to_value(reason).unwrap(), json!(reason.word()));
    }
    let domain = Scope::Domain("shop.example".into());
    for scope in Class::ALL.map(Scope::Class).into_iter().chain([Scope::Account, domain]) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
    for (text, error) in [
        ("", ScopeError::Form),
        ("Account", ScopeError::Form),
        ("domain:", ScopeError::Domain),
        ("domain:shop", ScopeError::Domain),
        ("domain: shop.example", ScopeError::Domain),
        ("class:", ScopeError::Class),
        ("class:Bulk", ScopeError::Class),
    ] {
        assert_eq!(Scope::parse(text), Err(error), "{text}");
        assert!(ScopeError::CODES.contains(&error.code()));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, Entry),
    Update(usize, Scope, EntryChange),
    Remove(usize, Option<Scope>),
    Reload,
}

fn scopes() -> impl Strategy<Value = Scope> {
    prop_oneof![
        2 => Just(Scope::Account),
        1 => Just(Scope::Domain("shop.example".into())),
        1 => Just(Scope::Class(Class::Bulk)),
    ]
}

fn ends() -> impl Strategy<Value = Option<UnixMillis>> {
    prop::option::weighted(0.3, (1u64..100).prop_map(UnixMillis::new))
}

fn step() -> impl Strategy<Value = Step> {
    let entry = (scopes(), ends(), any::<bool>()).prop_map(|(scope, expires_at, active)| Entry {
        scope,
        expires_at,
        active,
        reason: Reason::Manual,
    });
    let change = (prop::option::of(ends()), prop::option::of(any::<bool>()))
        .prop_map(|(expires_at, active)| EntryChange { reason: None, expires_at, active });
    prop_oneof![
        6 => (0usize..8, entry).prop_map(|(n, entry)| Step::Add(n, entry)),
        3 => (0usize..8, scopes(), change).prop_map(|(n, scope, change)| Step::Update(n, scope, change)),
        2 => (0usize..8, prop::option::of(scopes())).prop_map(|(n, scope)| Step::Remove(n, scope)),
        1 => Just(Step::Reload),
    ]
}

/// The list by its words alone: an address and a scope give an end and whether it is active.
type Plain = BTreeMap<(usize, Scope), (Option<UnixMillis>, bool)>;

fn plainly_stopped(plain: &Plain, n: usize, domain: &str, class: Class, now: UnixMillis) -> bool {
    [Scope::Account, Scope::Domain(domain.into()), Scope::Class(class)]
        .into_iter()
        .any(|scope| plain.get(&(n, scope)).is_some_and(|(end, active)| *active && end.is_none_or(|end| now < end)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// R200, R213: the list stops what its entries say and no more; and beside it the index never says *clear* of mail
    /// that the list stops, nor *suppressed* of mail that it lets pass.
    #[test]
    fn list_and_index_agree_with_the_entries(steps in prop::collection::vec(step(), 0..60)) {
        let mut database = Host::new().database;
        let done: Result<(), Failed> = database.transaction(|sql| {
            let address = |n: usize| format!("a{n}@example.com");
            let mut plain = Plain::new();
            let mut index = SuppressionIndex::load(KEY, sql).unwrap();
            for step in steps {
                let changed = match step {
                    Step::Add(n, entry) => {
                        suppression::add(&address(n), &entry, sql, UnixMillis::new(0))?;
                        plain.insert((n, entry.scope), (entry.expires_at, entry.active));
                        n
                    }
                    Step::Update(n, scope, change) => {
                        suppression::update(&address(n), &scope, &change, sql)?;
                        plain.entry((n, scope)).and_modify(|(end, active)| {
                            *end = change.expires_at.unwrap_or(*end);
                            *active = change.active.unwrap_or(*active);
                        });
                        n
                    }
                    Step::Remove(n, scope) => {
                        suppression::remove(&address(n), scope.as_ref(), sql)?;
                        plain.retain(|(of, its), _| *of != n || scope.as_ref().is_some_and(|scope| scope != its));
                        n
                    }
                    Step::Reload => {
                        index = SuppressionIndex::load(KEY, sql).unwrap();
                        0
                    }
                };
                index.refresh(&address(changed), sql).unwrap();
            }
            let keys: Vec<String> = (0..8).map(address).collect();
            for now in [0, 1, 50, 99, 100].map(UnixMillis::new) {
                let found = suppression::check(&keys.iter().map(String::as_str).collect(), sql, now)?;
                for (n, key) in keys.iter().enumerate() {
                    let lookup = index.lookup(key);
                    for (domain, class) in [("shop.example", Class::Drip), ("news.example", Class::Bulk), ("news.example", Class::Drip)] {
                        let stopped = found.reason(key, domain, class).is_some();
                        assert_eq!(stopped, plainly_stopped(&plain, n, domain, class, now));
                        assert!(!(stopped && lookup == Lookup::Clear), "the list stops it");
                        assert!(stopped || lookup != Lookup::Suppressed, "the list lets it pass");
                    }
                }
            }
            Ok(())
        });
        prop_assert!(done.is_ok());
    }
}

/// More entries than one page of the loader.
#[test]
fn an_index_loads_a_list_of_any_length() {
    with_list(|sql| {
        sql.run(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 24999) \
             INSERT INTO suppression(address, scope, reason, active, created_ms, expires_ms) \
             SELECT 'a' || n || '@example.com', CASE n % 5 WHEN 0 THEN 'class:bulk' ELSE 'account' END, 'manual', n % 7 <> 0, 0, \
             CASE n % 11 WHEN 0 THEN 5 END FROM n",
            &[],
        )
        .unwrap();
        let index = SuppressionIndex::load(KEY, sql).unwrap();
        for n in 0..25_000 {
            let wanted = match (n % 7 == 0, n % 5 == 0 || n % 11 == 0) {
                (true, _) => Lookup::Clear,
                (false, true) => Lookup::Ask,
                (false, false) => Lookup::Suppressed,
            };
            assert_eq!(index.lookup(&format!("a{n}@example.com")), wanted, "{n}");
        }
        assert!(index.memory_bytes() < 25_000 * 10);
    });
}

/// A list that cannot be read makes no index: an empty one would say *clear* of everybody.
#[test]
fn an_unreadable_list_makes_no_index() {
    let mut database = Database::in_memory().unwrap();
    let made: Result<_, Failed> = database.transaction(|sql| Ok(SuppressionIndex::load(KEY, sql)));
    let error = made.unwrap().unwrap_err();
    assert!(matches!(error, IndexError::Store(_)));
    assert!(IndexError::CODES.contains(&error.code()));
}
