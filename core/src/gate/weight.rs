//! What a call to a provider costs in the dimensions of outgoing mail.

use super::{Dimension, Scope, Unit};
use crate::message::Class;
use alloc::{sync::Arc, vec::Vec};

/// What a call costs: of one message, or of several of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) class: Class,
    pub(crate) messages: u32,
    /// Recipients that are not suppressed.
    pub(crate) recipients: u32,
    /// Of them, those of each limited group, by name.
    pub(crate) groups: Vec<(Arc<str>, u32)>,
}

impl Weight {
    /// Adds a message of the same class that goes in the same call.
    pub(crate) fn join(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.recipients = self.recipients.saturating_add(other.recipients);
        for (name, units) in &other.groups {
            match self.groups.binary_search_by(|(known, _)| known.cmp(name)) {
                Ok(place) => {
                    if let Some((_, known)) = self.groups.get_mut(place) {
                        *known = known.saturating_add(*units);
                    }
                }
                Err(place) => self.groups.insert(place, (Arc::clone(name), *units)),
            }
        }
    }

    /// What it costs in one of the fixed dimensions: nothing at a provider that it does not go through.
    pub(super) fn cost(&self, dimension: &Dimension, is_passed_by: bool) -> u32 {
        match (dimension.scope(), dimension.unit()) {
            _ if is_passed_by => 0,
            (Scope::Class, _) if dimension.name() != self.class.as_str() => 0,
            (Scope::Account | Scope::Provider, Unit::Recipients) => self.recipients,
            (Scope::Account | Scope::Provider, Unit::Messages) | (Scope::Class, _) => self.messages,
            (Scope::Account | Scope::Provider, Unit::Requests) => 1,
            (Scope::Key | Scope::Plan | Scope::DomainGroup, _) => 0,
        }
    }
}
