//! The core as a surface: the reference that every other one has to agree with.

use sendgate_core::{
    limiter::{Decision, Limiter, Limiters, State, Usage},
    time::UnixMillis,
};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

/// Limiters and tables of a trace, with what was charged last.
#[derive(Default)]
pub struct Surface {
    limiters: Vec<Single>,
    tables: Vec<Keyed>,
}

struct Single {
    limiter: Limiter,
    state: State,
    charged_at: Option<UnixMillis>,
}

struct Keyed {
    table: Limiters,
    keys: u64,
    /// The key that was charged last, and when.
    charged: Option<(u64, UnixMillis)>,
}

/// A line that is none of a trace, or an answer that cannot be.
#[derive(Debug)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl From<fmt::Error> for Fault {
    fn from(_: fmt::Error) -> Self {
        Self("a line cannot be written".into())
    }
}

impl Surface {
    /// Performs a line and adds the log's line, if it has one.
    ///
    /// # Errors
    /// The line is none of a trace.
    pub fn perform(&mut self, line: &str, log: &mut String) -> Result<(), Fault> {
        let fault = || Fault(format!("not a line of a trace: {line}"));
        let (op, rest) = line.split_once(' ').ok_or_else(fault)?;
        match op {
            "sendgate-trace" if rest == "1" => return Ok(()),
            "limiter" | "table" => return self.declare(op, rest).ok_or_else(fault),
            _ => {}
        }
        let words: Vec<&str> = rest.split(' ').collect();
        let place: usize = words.first().and_then(|word| word.parse().ok()).ok_or_else(fault)?;
        let words = words.get(1..).unwrap_or_default();
        let known = if op.chars().all(char::is_lowercase) {
            self.limiters.get_mut(place).ok_or_else(fault)?.perform(op, words, log)?
        } else {
            self.tables.get_mut(place).ok_or_else(fault)?.perform(op, words, log)?
        };
        known.ok_or_else(fault)
    }

    /// Every state that there is at the end, a line each in hex: the limiters', then each table's keys' in their order.
    #[must_use]
    pub fn states(&self) -> String {
        let mut text = String::new();
        for single in &self.limiters {
            hex(single.state.as_bytes(), &mut text);
            text.push('\n');
        }
        for keyed in &self.tables {
            for key in 0..keyed.keys {
                let key = keyed.table.key_of(format!("k{key}").as_bytes());
                hex(keyed.table.state_of(key).as_bytes(), &mut text);
                text.push('\n');
            }
        }
        text
    }

    fn declare(&mut self, op: &str, rest: &str) -> Option<()> {
        let (_, rest) = rest.split_once(' ')?;
        if op == "limiter" {
            let limiter = Limiter::from_json(rest).ok()?;
            let state = limiter.fresh();
            self.limiters.push(Single { limiter, state, charged_at: None });
        } else {
            let (keys, policy) = rest.split_once(' ')?;
            // The seed decides where a key lies, and nothing of what is decided for it.
            let table = Limiters::new(Limiter::from_json(policy).ok()?, [7, 11]);
            self.tables.push(Keyed { table, keys: keys.parse().ok()?, charged: None });
        }
        Some(())
    }
}

impl Single {
    fn perform(&mut self, op: &str, words: &[&str], log: &mut String) -> Result<Option<()>, Fault> {
        let Self { limiter, state, charged_at } = self;
        match (op, words) {
            ("d", [cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                let decision = limiter.decide(state, cost, now);
                if let Decision::Allow { charged_at: at } = decision {
                    *charged_at = Some(at);
                }
                said(decision, log)?;
            }
            ("p", [cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                said(limiter.peek(state, cost, now), log)?;
            }
            ("c", [cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                let at = limiter.charge(state, cost, now);
                *charged_at = Some(at);
                writeln!(log, "charged {}", at.as_millis())?;
            }
            ("r", [cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                if let Some(at) = charged_at.take() {
                    limiter.refund(state, cost, at, now);
                    writeln!(log, "refunded {}", at.as_millis())?;
                } else {
                    log.push_str("nothing\n");
                }
            }
            ("u", [now]) => {
                let Some(now) = instant(now) else { return Ok(None) };
                held(&limiter.usage(state, now), log)?;
            }
            ("s", []) => {
                log.push_str("state ");
                hex(state.as_bytes(), log);
                log.push('\n');
                let loaded = limiter.load(state.as_bytes());
                *state = loaded.map_err(|error| Fault(format!("a state was refused: {error}")))?;
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }
}

impl Keyed {
    fn perform(&mut self, op: &str, words: &[&str], log: &mut String) -> Result<Option<()>, Fault> {
        let Self { table, charged, .. } = self;
        let named = |table: &Limiters, name: &str| table.key_of(name.as_bytes());
        match (op, words) {
            ("D", [name, cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                let key = named(table, name);
                let decision = table.decide(key, cost, now);
                if let Decision::Allow { charged_at } = decision {
                    *charged = Some((key, charged_at));
                }
                said(decision, log)?;
            }
            ("P", [name, cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                said(table.peek(named(table, name), cost, now), log)?;
            }
            ("R", [cost, now]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                if let Some((key, at)) = charged.take() {
                    table.refund(key, cost, at, now);
                    writeln!(log, "refunded {}", at.as_millis())?;
                } else {
                    log.push_str("nothing\n");
                }
            }
            ("B", [cost, now, names @ ..]) => {
                let Some((cost, now)) = cost_at(cost, now) else { return Ok(None) };
                let asks: Vec<_> = names.iter().map(|name| (named(table, name), cost)).collect();
                let mut admitted = Vec::new();
                table.admit_many(&asks, &mut admitted, now);
                log.push_str("batch ");
                log.extend(admitted.iter().map(|admitted| if *admitted { '1' } else { '0' }));
                log.push('\n');
            }
            ("U", [name, now]) => {
                let Some(now) = instant(now) else { return Ok(None) };
                held(&table.usage(named(table, name), now), log)?;
            }
            ("S", [name, other]) => {
                let state = table.state_of(named(table, name));
                log.push_str("state ");
                hex(state.as_bytes(), log);
                let loaded = table.put(named(table, other), state.as_bytes());
                let loaded = loaded.map_err(|error| Fault(format!("a state was refused: {error}")))?;
                writeln!(log, " {}", u8::from(loaded))?;
            }
            ("E", [now]) => {
                let Some(now) = instant(now) else { return Ok(None) };
                let forgotten = table.evict(usize::MAX, now);
                writeln!(log, "evicted {forgotten} of {}", forgotten + table.len())?;
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }
}

/// The SHA-256 of the whole log and of the final states, in hex.
///
/// # Errors
/// A line is none of a trace.
pub fn hashes(trace: &str) -> Result<(String, String), Fault> {
    let (mut surface, mut log, mut digest) = (Surface::default(), String::new(), Sha256::new());
    for line in trace.lines() {
        surface.perform(line, &mut log)?;
        digest.update(log.as_bytes());
        log.clear();
    }
    let mut printed = (String::new(), String::new());
    hex(&digest.finalize(), &mut printed.0);
    hex(&Sha256::digest(surface.states().as_bytes()), &mut printed.1);
    Ok(printed)
}

fn said(decision: Decision, log: &mut String) -> fmt::Result {
    match decision {
        Decision::Allow { charged_at } => writeln!(log, "allow {}", charged_at.as_millis()),
        Decision::Defer { retry_at, window } => writeln!(log, "defer {} {window}", retry_at.as_millis()),
        Decision::Reject { window } => writeln!(log, "reject {window}"),
    }
}

fn held(usage: &[Usage], log: &mut String) -> fmt::Result {
    log.push_str("usage");
    for Usage { limit, used, remaining, next_at, full_at } in usage {
        write!(log, " {limit} {used} {remaining} {} {}", next_at.as_millis(), full_at.as_millis())?;
    }
    log.push('\n');
    Ok(())
}

fn instant(word: &str) -> Option<UnixMillis> {
    word.parse().ok().map(UnixMillis::new)
}

fn cost_at(cost: &str, now: &str) -> Option<(u32, UnixMillis)> {
    Some((cost.parse().ok()?, instant(now)?))
}

fn hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own steps fail by panicking")]
mod tests {
    use super::*;
    use crate::operations;

    fn log_of(trace: &str) -> String {
        let (mut surface, mut log) = (Surface::default(), String::new());
        trace.lines().for_each(|line| surface.perform(line, &mut log).unwrap());
        log
    }

    /// Reasoned by hand: a burst of two, a unit a second. After two the third is due a second later; three at once never
    /// fit; the refund of the two makes room at once.
    #[test]
    fn a_short_trace_answers_what_a_hand_says() {
        let log = log_of(concat!(
            "sendgate-trace 1\n",
            "limiter 0 {\"windows\":[{\"kind\":\"pace\",\"name\":\"w\",\"interval_ms\":1000,\"burst\":2}]}\n",
            "r 0 1 1800000000000\n",
            "d 0 2 1800000000000\n",
            "p 0 1 1800000000000\n",
            "d 0 3 1800000000500\n",
            "r 0 2 1800000000500\n",
            "d 0 1 1800000000500\n",
        ));
        let want = concat!(
            "nothing\n",
            "allow 1800000000000\n",
            "defer 1800000001000 0\n",
            "reject 0\n",
            "refunded 1800000000000\n",
            "allow 1800000000500\n",
        );
        assert_eq!(log, want);
    }

    #[test]
    fn every_kind_of_operation_and_answer_is_in_a_trace_and_seeds_differ() {
        let trace = operations(1, 50_000);
        assert_eq!(trace.lines().count(), 1 + 5 + 2 + 50_000);
        let log = log_of(&trace);
        assert_eq!(log.lines().count(), 50_000);
        for word in ["allow", "defer", "reject", "charged", "refunded", "usage", "state", "batch", "evicted", "nothing"]
        {
            assert!(log.lines().any(|line| line.starts_with(word)), "{word}");
        }
        assert_eq!(trace, operations(1, 50_000));
        let (first, second) = (hashes(&trace).unwrap(), hashes(&operations(2, 50_000)).unwrap());
        assert!(first.0 != second.0 && first.1 != second.1);
    }
}
