//! Through whom a message may leave now.

use super::{Item, Mailroom, provider::Provider, queue::Route};
use crate::{
    gate::{Binding, Reason, Verdict, Weight},
    time::UnixMillis,
};

/// Where a message may go.
pub(super) enum Way {
    /// Through the provider at this place, now.
    Open(usize),
    /// Nowhere before this instant; [`UnixMillis::MAX`] when that depends on an answer. The window that forbids it, or none
    /// when no provider takes calls.
    Shut { until: UnixMillis, binding: Option<Binding> },
    /// Nowhere ever: it is larger than a window at every provider.
    Never,
    /// The account may not send.
    Stopped,
}

impl Mailroom {
    /// The first provider in order that takes this message, unless an earlier one will soon.
    pub(super) fn way(&self, weight: &Weight, route: Route, now: UnixMillis) -> Way {
        let mut soonest: Option<(UnixMillis, Option<Binding>)> = None;
        for (place, provider) in self.route(route) {
            let opens = self.opens_at(provider, now);
            let (until, binding) = if opens > now {
                (opens, None)
            } else {
                match self.dispatch.peek(weight, place, now) {
                    Verdict::Allow => return Way::Open(place),
                    Verdict::Defer { retry_at, binding } => (retry_at, Some(binding)),
                    Verdict::Occupied { binding } => (UnixMillis::MAX, Some(binding)),
                    Verdict::Reject(Reason::NeverFits(_)) => continue,
                    Verdict::Reject(Reason::Suspended | Reason::Closed) => return Way::Stopped,
                }
            };
            if soonest.is_none_or(|(earliest, _)| until < earliest) {
                soonest = Some((until, binding));
            }
            // What is on its way is answered soon.
            let is_occupied = binding.is_some() && until == UnixMillis::MAX;
            if is_occupied || self.is_worth_waiting(provider, until, now) {
                break;
            }
        }
        soonest.map_or(Way::Never, |(until, binding)| Way::Shut { until, binding })
    }

    /// Whether a message that a provider surely did not take may go to another one at once.
    pub(super) fn has_other_way(&self, item: &Item, route: Route, via: Option<usize>, now: UnixMillis) -> bool {
        if item.ambiguous.is_some() {
            return false;
        }
        for (place, provider) in self.route(route) {
            let opens = self.opens_at(provider, now);
            if opens <= now {
                return Some(place) != via;
            }
            if self.is_worth_waiting(provider, opens, now) {
                return false;
            }
        }
        false
    }

    /// The providers of a route, in order.
    pub(super) fn route(&self, route: Route) -> impl Iterator<Item = (usize, &Provider)> {
        self.providers.iter().enumerate().filter(move |(place, _)| route.has(*place))
    }

    fn opens_at(&self, provider: &Provider, now: UnixMillis) -> UnixMillis {
        // Where there is no other provider, one that fails is asked like any other.
        if self.providers.len() == 1 { provider.circuit.blocked_until } else { provider.opens_at(&self.failover, now) }
    }

    fn is_worth_waiting(&self, provider: &Provider, until: UnixMillis, now: UnixMillis) -> bool {
        !provider.circuit.is_down && until.since(now) <= self.failover.after_ms
    }
}
