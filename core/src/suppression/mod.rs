//! The suppression list: addresses that must never be handed to a provider.
//!
//! Entries are keyed by [`Address::key`](crate::address::Address::key), so that `Ann@EXAMPLE.com` and `ann@example.com`
//! are one. An entry has a [`Scope`], which mail of the account it stops, a [`Reason`], perhaps an end, and is active or
//! not. The list is in SQL, and five hundred messages are checked by one statement: [`check`].
//!
//! A host that asks more often than a store should be keeps the list in memory as well: a [`SuppressionIndex`] beside the
//! list, or a [`SuppressionSet`] alone when the list is somebody else's.

mod entry;
mod import;
mod index;
mod list;
mod page;
mod set;

pub use entry::{Changed, Entry, EntryChange, Reason, Scope, ScopeError};
pub use import::{Imported, Importer};
pub use index::{IndexError, Lookup, SuppressionIndex};
pub use list::{Found, add, check, entries, erase, erased_key, is_erased_key, remove, update};
pub use page::{EntryStatus, Filter, Listed, of_address, page};
pub use set::{
    LOAD_CODES, LoadError, MAX_ENTRIES, Pieces, Progress, SavedPart, SetBuilder, SetLoader, Stage, SuppressionSet,
    TooManyEntries,
};

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// How a suppression check went. The words are the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Every recipient was looked up.
    Checked,
    /// The account does not honour its list.
    Ignored,
    /// The list could not be read: nobody is filtered, everybody is reserved for, and the final check decides.
    Unavailable,
    /// There was nobody to check.
    NotApplicable,
}

/// The part of a send's answer that speaks of suppression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How the check went.
    pub status: CheckStatus,
    /// Recipients looked at; the sum of the two below.
    pub checked_recipients: u64,
    /// Recipients that reserve quota.
    pub accepted_recipients: u64,
    /// Recipients on the list.
    pub suppressed_recipients: u64,
    /// Their addresses, one entry a suppressed recipient.
    pub suppressed_emails: Vec<String>,
}

impl Summary {
    /// Of a request that got to no recipient.
    pub(crate) const NOBODY: Self = Self {
        status: CheckStatus::NotApplicable,
        checked_recipients: 0,
        accepted_recipients: 0,
        suppressed_recipients: 0,
        suppressed_emails: Vec::new(),
    };
}
