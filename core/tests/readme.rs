//! The README's tables say what the code does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use sendgate_core::{
    config, front,
    message::{MAX_ATTACHMENTS, MAX_MESSAGE_BYTES},
    problem::Code,
    provider::{self, ProviderKind},
};
use std::collections::BTreeMap;

const README: &str = include_str!("../../README.md");

/// The cells of a table row, without their backticks.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()
}

#[test]
fn the_table_of_errors_is_the_codes_own() {
    let known: BTreeMap<&str, u16> = Code::ALL.iter().map(|code| (code.word(), code.status())).collect();
    let mut listed = BTreeMap::new();
    let table = README.lines().skip_while(|line| !line.starts_with("| code | status |")).skip(2);
    for row in table.take_while(|line| line.starts_with('|')) {
        let cells = cells(row);
        for pair in cells.chunks(3).filter(|pair| pair.first().is_some_and(|word| !word.is_empty())) {
            listed.insert(pair[0], pair[1].parse::<u16>().unwrap());
        }
    }
    assert_eq!(listed, known);
}

#[test]
fn the_table_of_bounds_has_the_figures_of_the_code() {
    let figure = |start: &str| {
        let row = README.lines().find(|line| line.starts_with(start)).unwrap();
        let digits = cells(row)[1].chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(char::is_ascii_digit);
        digits.collect::<String>().parse::<u64>().unwrap()
    };
    assert_eq!(figure("| body of a request"), front::MAX_BODY_BYTES);
    assert_eq!(figure("| messages in a request"), u64::try_from(config::MAX_MESSAGES).unwrap());
    assert_eq!(figure("| a message with its attachments"), u64::try_from(MAX_MESSAGE_BYTES).unwrap());
    assert_eq!(figure("| attachments of a message"), u64::try_from(MAX_ATTACHMENTS).unwrap());
}

/// Every provider is in the table, with what its file says of calls and keys.
#[test]
fn the_table_of_providers_is_the_dialects_own() {
    let mut listed = Vec::new();
    let table = README.lines().skip_while(|line| !line.starts_with("| provider | `kind` |")).skip(2);
    for row in table.take_while(|line| line.starts_with('|')) {
        let cells = cells(row);
        listed.push((cells[1].to_owned(), cells[2].parse::<usize>().unwrap(), cells[3].to_owned()));
    }
    let known = ProviderKind::ALL.map(|kind| {
        let key = match provider::idempotency_ms(kind) {
            None => "no".into(),
            Some(ms) if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
            Some(ms) => format!("{} min", ms / 60_000),
        };
        (kind.as_str().to_owned(), provider::bounds(kind).messages, key)
    });
    assert_eq!(listed, known);
}

/// The example configuration is one: only its hash is not.
#[test]
fn the_example_configuration_is_read() {
    let example = README.split("```json\n").find(|block| block.starts_with("{\"accounts\"")).unwrap();
    let example = example.split("```").next().unwrap().replace("<sha-256 of the key>", &"0".repeat(64));
    let config = config::Config::from_json(&example).unwrap();
    let shop = &config.accounts["shop"];
    assert_eq!((shop.plan.as_str(), shop.providers.len()), ("hobby", 1));
}
