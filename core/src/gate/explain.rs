//! Where every window of a question stands, in the order asked.

use super::{Ask, Binding, Dimension, Reason, Scope, Unit, Verdict, peek};
use crate::{config::AccountStatus, limiter::Window, time::UnixMillis};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Where one window of one dimension stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// What the dimension limits.
    pub scope: Scope,
    /// Which one of its scope.
    pub dimension: &'a str,
    /// What it counts.
    pub unit: Unit,
    /// The window.
    pub window: &'a Window,
    /// The most units it admits.
    pub limit: u32,
    /// Units in use, those on their way among them.
    pub used: u32,
    /// Units still free.
    pub remaining: u32,
    /// How many more requests of the cost asked about fit into it; [`u32::MAX`] when they cost nothing here.
    pub slack: u32,
    /// The first instant at which more is free; now when nothing is in use.
    pub next_at: UnixMillis,
    /// The first instant at which all is free.
    pub full_at: UnixMillis,
    /// Whether it is the one that decides: it forbids the request longest, or leaves the fewest of them.
    pub is_binding: bool,
}

/// Lists every window of every dimension asked, in that order, and marks the one that binds. Charges nothing.
///
/// The binding window is the one [`peek`] names; when the request passes, the one with the least slack, and of equals
/// the one that frees last. There is none when the account's status forbids everything.
pub fn explain<'a, I>(status: AccountStatus, asked: I, now: UnixMillis) -> Vec<Standing<'a>>
where
    I: IntoIterator<Item = Ask<'a>>,
    I::IntoIter: Clone,
{
    let asked = asked.into_iter();
    let named = match peek(status, asked.clone(), now) {
        Verdict::Defer { binding, .. } | Verdict::Occupied { binding } => Named::Window(binding),
        Verdict::Reject(Reason::NeverFits(binding)) => Named::Window(binding),
        Verdict::Reject(Reason::Suspended | Reason::Closed) => Named::Nothing,
        Verdict::Allow => Named::Least,
    };
    let mut standings = Vec::new();
    for (dimension, ask) in asked.enumerate() {
        let usage = ask.dimension.limiter().usage(ask.dimension.state(), now);
        for (window, (rule, usage)) in ask.dimension.limiter().windows().iter().zip(usage).enumerate() {
            let binds = named == Named::Window(Binding { dimension, window });
            standings.push(Standing { is_binding: binds, ..standing(ask, rule, usage) });
        }
    }
    if named == Named::Least
        && let Some(least) = standings.iter_mut().min_by_key(|at| (at.slack, Reverse(at.next_at)))
    {
        least.is_binding = true;
    }
    standings
}

/// What the decision says about the window that binds.
#[derive(PartialEq, Eq)]
enum Named {
    Window(Binding),
    Least,
    Nothing,
}

fn standing<'a>(ask: Ask<'a>, window: &'a Window, usage: crate::limiter::Usage) -> Standing<'a> {
    let used = usage.used.saturating_add(ask.held);
    let remaining = usage.limit.saturating_sub(used);
    let dimension: &Dimension = ask.dimension;
    Standing {
        scope: dimension.scope(),
        dimension: dimension.name(),
        unit: dimension.unit(),
        window,
        limit: usage.limit,
        used,
        remaining,
        slack: remaining.checked_div(ask.cost).unwrap_or(u32::MAX),
        next_at: usage.next_at,
        full_at: usage.full_at,
        is_binding: false,
    }
}
