//! The audit log on SQLite: whatever is done to its rows behind its back is found, at the first row it touches.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

use proptest::prelude::*;
use sendgate_core::{
    audit::{Checkpoint, Entry, Fault, Step, append, create, head, page, verify},
    sql::{Param, Sql, SqlError, Value},
    time::UnixMillis,
};
use sendgate_embed::Database;
use std::collections::BTreeSet;

const AT: UnixMillis = UnixMillis::new(1_796_119_200_000);

/// Runs statements on a database, as a host would in a transaction of its own.
fn with<T>(database: &mut Database, verb: impl FnOnce(&mut dyn Sql) -> Result<T, SqlError>) -> T {
    database.transaction::<_, Failed, _>(|sql| verb(sql).map_err(|error| Failed(error.0))).unwrap()
}

#[derive(Debug)]
struct Failed(#[allow(dead_code, reason = "shown when a test fails")] String);

impl From<sendgate_embed::DatabaseError> for Failed {
    fn from(error: sendgate_embed::DatabaseError) -> Self {
        Self(error.to_string())
    }
}

/// A log of `n` rows, without the triggers when it is to be damaged.
fn log(n: u64, is_guarded: bool) -> Database {
    let mut database = Database::in_memory().unwrap();
    with(&mut database, |sql| {
        create(sql)?;
        for i in 0..n {
            let (target, after) = (format!("accounts/a{i}"), format!("{{\"i\":{i}}}"));
            let before = (i % 2 == 1).then_some("{}");
            let entry = Entry { actor: "root", action: "account.create", target: &target, before, after: Some(&after) };
            append(&entry, sql, AT.plus(i))?;
        }
        if !is_guarded {
            sql.run("DROP TRIGGER audit_kept", &[])?;
            sql.run("DROP TRIGGER audit_as_written", &[])?;
        }
        Ok(())
    });
    database
}

/// Walks from the start in steps of `limit`.
fn walk(database: &mut Database, limit: u64) -> Step {
    let mut at = Checkpoint::start();
    loop {
        match with(database, |sql| verify(&at, limit, sql)) {
            Step::More(next) => at = next,
            end @ (Step::Whole(_) | Step::Broken { .. }) => return end,
        }
    }
}

/// R064: who, when, what, before and after.
#[test]
fn what_is_appended_is_read_page_by_page_and_is_whole() {
    let mut database = log(5, true);
    let pages = |after| with(&mut log(5, true), |sql| page(after, 2, sql));
    assert_eq!(pages(0).iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(pages(4).iter().map(|record| record.seq).collect::<Vec<_>>(), [5]);
    let second = serde_json::to_value(&pages(1)[0]).unwrap();
    let hash = second["hash"].clone();
    let want = serde_json::json!({"seq": 2, "at": "2026-12-01T10:00:00.001Z", "actor": "root",
        "action": "account.create", "target": "accounts/a1", "before": {}, "after": {"i": 1}, "hash": hash});
    assert_eq!(second, want);
    for limit in [0, 1, 2, 5, 6] {
        let Step::Whole(end) = walk(&mut database, limit) else { panic!("a whole log is whole") };
        assert_eq!(end, with(&mut database, head));
        assert_eq!(end.seq, 5);
    }
    assert_eq!(walk(&mut log(0, true), 10), Step::Whole(Checkpoint::start()));
}

#[test]
fn the_store_refuses_to_change_or_to_take_out_a_row() {
    let mut database = log(2, true);
    for statement in ["UPDATE audit SET actor = 'x' WHERE seq = 1", "DELETE FROM audit WHERE seq = 2"] {
        let refused = with(&mut database, |sql| Ok(sql.run(statement, &[])));
        assert!(refused.is_err(), "{statement}");
    }
    assert!(matches!(walk(&mut database, 9), Step::Whole(_)));
}

#[test]
fn what_is_no_json_is_not_appended() {
    let mut database = log(1, true);
    let entry = Entry { actor: "root", action: "x", target: "y", before: None, after: Some("{") };
    let refused = with(&mut database, |sql| Ok(append(&entry, sql, AT)));
    assert_eq!(refused.unwrap_err().0, "an audit entry's after is not JSON");
    assert_eq!(with(&mut database, head).seq, 1);
}

#[test]
fn rows_missing_at_either_end_a_row_too_many_and_a_changed_head_are_found() {
    let damaged = |statements: &[&str]| {
        let mut database = log(4, false);
        with(&mut database, |sql| statements.iter().try_for_each(|statement| sql.run(statement, &[]).map(|_| ())));
        walk(&mut database, 3)
    };
    let broken = |seq, fault| Step::Broken { seq, fault };
    assert_eq!(damaged(&["DELETE FROM audit WHERE seq = 1"]), broken(1, Fault::Missing));
    assert_eq!(damaged(&["DELETE FROM audit WHERE seq = 4"]), broken(4, Fault::Missing));
    assert_eq!(damaged(&["DELETE FROM audit"]), broken(1, Fault::Missing));
    assert_eq!(damaged(&["UPDATE audit SET seq = 9 WHERE seq = 3"]), broken(3, Fault::Missing));
    let insert =
        "INSERT INTO audit SELECT 5, at_ms, actor, action, target, before, after, hash FROM audit WHERE seq = 4";
    assert_eq!(damaged(&[insert]), broken(5, Fault::Unknown));
    let insert = insert.replace(" 5,", " 0,");
    assert_eq!(damaged(&[&insert]), broken(0, Fault::Unknown));
    assert_eq!(damaged(&["UPDATE audit_head SET hash = 'x'"]), broken(4, Fault::Changed));
    assert_eq!(damaged(&["DELETE FROM audit_head"]), broken(1, Fault::Unknown));
    let cut = ["DELETE FROM audit WHERE seq = 4", "UPDATE audit_head SET seq = 3"];
    assert_eq!(damaged(&cut), broken(3, Fault::Changed), "the head's hash is the fourth row's");
}

/// What a chain without a key cannot see, a place kept elsewhere does.
#[test]
fn a_history_made_anew_does_not_fit_a_checkpoint_that_was_kept() {
    let kept = with(&mut log(3, true), head);
    let mut forged = Database::in_memory().unwrap();
    with(&mut forged, |sql| {
        create(sql)?;
        for _ in 0..4 {
            append(&Entry { actor: "x", action: "x", target: "x", before: None, after: None }, sql, AT)?;
        }
        Ok(())
    });
    assert!(matches!(walk(&mut forged, 10), Step::Whole(_)));
    let step = with(&mut forged, |sql| verify(&kept, 10, sql));
    assert_eq!(step, Step::Broken { seq: 3, fault: Fault::Changed });
    let gone = with(&mut log(2, true), |sql| verify(&kept, 10, sql));
    assert_eq!(gone, Step::Broken { seq: 3, fault: Fault::Missing });
    let elsewhere = Checkpoint { seq: 0, hash: kept.hash };
    let step = with(&mut forged, |sql| verify(&elsewhere, 10, sql));
    assert_eq!(step, Step::Broken { seq: 0, fault: Fault::Unknown });
}

fn whole(n: u64) -> Param<'static> {
    Param::Integer(i64::try_from(n).unwrap())
}

/// Each field's value moves into its neighbour: lengths keep them apart.
#[test]
fn a_text_that_moves_from_one_field_into_the_next_changes_the_hash() {
    let hash = |actor, action, before, after| {
        let entry = Entry { actor, action, target: "t", before, after };
        with(&mut log(0, true), |sql| append(&entry, sql, AT)).hash
    };
    let all = [
        hash("ab", "c", None, None),
        hash("a", "bc", None, None),
        hash("ab", "c", Some("1"), None),
        hash("ab", "c", None, Some("1")),
        hash("ab", "c", Some("{}"), None),
        hash("ab", "c", None, Some("{}")),
    ];
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any byte of any field of any row, whatever it becomes.
    #[test]
    fn a_changed_byte_of_any_row_is_found_at_that_row(
        n in 1u64..6, row in 0u64..6, field in 0usize..7, at in 0usize..64, flip in 1u8..128, limit in 1u64..7,
    ) {
        let seq = row % n + 1;
        let column = ["at_ms", "actor", "action", "target", "before", "after", "hash"][field];
        let mut database = log(n, false);
        with(&mut database, |sql| {
            let rows = sql.run(&format!("SELECT {column} FROM audit WHERE seq = ?1"), &[whole(seq)])?;
            let update = format!("UPDATE audit SET {column} = ?1 WHERE seq = ?2");
            let changed = match rows[0][0].clone() {
                Value::Integer(n) => Value::Integer(n ^ i64::from(flip)),
                Value::Text(text) => {
                    let mut bytes = text.into_bytes();
                    let at = at % bytes.len();
                    bytes[at] ^= flip;
                    Value::Text(String::from_utf8(bytes).unwrap())
                }
                Value::Null | Value::Blob(_) => Value::Text("null".into()),
            };
            let changed = match &changed {
                Value::Integer(n) => Param::Integer(*n),
                Value::Text(text) => Param::Text(text),
                Value::Null | Value::Blob(_) => Param::Null,
            };
            sql.run(&update, &[changed, whole(seq)]).map(|_| ())
        });
        prop_assert_eq!(walk(&mut database, limit), Step::Broken { seq, fault: Fault::Changed });
    }

    /// A row taken out, two rows that change places, and a row put in between, the others moved up.
    #[test]
    fn a_removed_a_swapped_and_an_inserted_row_are_found(n in 2u64..7, a in 0u64..7, b in 0u64..7, limit in 1u64..8) {
        let (a, b) = (a % n + 1, b % n + 1);
        let mut database = log(n, false);
        with(&mut database, |sql| sql.run("DELETE FROM audit WHERE seq = ?1", &[whole(a)]).map(|_| ()));
        prop_assert_eq!(walk(&mut database, limit), Step::Broken { seq: a, fault: Fault::Missing });

        let mut database = log(n, false);
        with(&mut database, |sql| {
            sql.run("UPDATE audit SET seq = seq + 100 WHERE seq >= ?1", &[whole(a)])?;
            sql.run("UPDATE audit SET seq = seq - 99 WHERE seq >= 100", &[])?;
            let copy = "INSERT INTO audit SELECT ?1, at_ms, actor, action, target, before, after, hash \
                 FROM audit WHERE seq = ?2";
            sql.run(copy, &[whole(a), whole(a + 1)])?;
            sql.run("UPDATE audit_head SET seq = seq + 1", &[]).map(|_| ())
        });
        // The copy stands where its original did, so the first that is wrong is the original behind it.
        prop_assert_eq!(walk(&mut database, limit), Step::Broken { seq: a + 1, fault: Fault::Changed });

        if a != b {
            let mut database = log(n, false);
            with(&mut database, |sql| {
                for (from, to) in [(a, 100), (b, a), (100, b)] {
                    sql.run("UPDATE audit SET seq = ?2 WHERE seq = ?1", &[whole(from), whole(to)])?;
                }
                Ok(())
            });
            prop_assert_eq!(walk(&mut database, limit), Step::Broken { seq: a.min(b), fault: Fault::Changed });
        }
    }
}

#[test]
fn a_row_whose_fields_are_of_another_kind_is_a_changed_one() {
    let mut database = log(2, false);
    with(&mut database, |sql| sql.run("UPDATE audit SET after = x'00' WHERE seq = 2", &[]).map(|_| ()));
    assert_eq!(walk(&mut database, 9), Step::Broken { seq: 2, fault: Fault::Changed });
    assert!(with(&mut database, |sql| Ok(page(0, 9, sql))).is_err());
    let words = [Fault::Missing, Fault::Changed, Fault::Unknown].map(|fault| fault.to_string());
    assert_eq!(words, ["missing", "changed", "unknown"]);
}
