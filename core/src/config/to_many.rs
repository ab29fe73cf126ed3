//! What mail to many has to say besides its message: how to leave, and where its sender is.

use super::{AccountConfig, ConfigError, error::wrong};
use alloc::format;
use serde::Deserialize;

/// What happens to mail to many (`drip`, `bulk`) that lacks what it has to say (R055).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is taken, and the answer warns.
    #[default]
    Warn,
    /// It is refused.
    Reject,
    /// It is taken: its template, or the provider, puts it in.
    Accept,
}

impl AccountConfig {
    pub(super) fn check_to_many(&self, at: &str) -> Result<(), ConfigError> {
        let Some(address) = &self.postal_address else {
            return match self.missing_postal_address {
                Some(_) => Err(wrong(&format!("{at}.missing_postal_address"), "stands beside postal_address only")),
                None => Ok(()),
            };
        };
        let signs = address.chars().filter(|sign| sign.is_alphanumeric()).count();
        if (FEWEST_SIGNS..=MOST_SIGNS).contains(&signs) {
            return Ok(());
        }
        let detail = format!("must have {FEWEST_SIGNS} to {MOST_SIGNS} letters and digits, got {signs}");
        Err(wrong(&format!("{at}.postal_address"), &detail))
    }
}

/// A box and its code have as many; what is shorter may stand in a text by chance.
const FEWEST_SIGNS: usize = 8;
/// Longer than an address on any letter.
const MOST_SIGNS: usize = 250;
