//! "Up to n times the contact limit": a provider's plan bounds recipients by how many contacts it is sold for (R005,
//! R006, R011, R012, R017 to R019).
//!
//! The multiplier is data; how many contacts there are is the account's to say. While it does not, the rule is inactive
//! and the configuration warns (C23).

use super::{CatalogError, error::within};
use crate::{
    calendar::CalendarUnit,
    guard::{Dimension, Guard, Source},
    ledger::Quota,
    message::Class,
};
use alloc::format;

/// What a provider's plan says about contacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contacts {
    /// Recipients in a calendar month, as a multiple of the contacts.
    pub month_multiplier: Option<u32>,
    /// Recipients of a campaign, as a multiple of the contacts.
    pub campaign_multiplier: Option<u32>,
    /// Whether transactional mail is outside the monthly bound (R007, R013, R020).
    pub transactional_exempt: bool,
}

impl Contacts {
    pub(super) fn checked(
        path: &str,
        month: Option<u64>,
        campaign: Option<u64>,
        transactional_exempt: bool,
    ) -> Result<Self, CatalogError> {
        let bounded = |field: &str, value: Option<u64>| match value {
            None => Ok(None),
            Some(value) => {
                let value = within(&format!("{path}.{field}"), value, 1, MAX_MULTIPLIER)?;
                Ok(u32::try_from(value).ok())
            }
        };
        Ok(Self {
            month_multiplier: bounded("month_multiplier", month)?,
            campaign_multiplier: bounded("campaign_multiplier", campaign)?,
            transactional_exempt,
        })
    }

    /// The monthly quota that recipients of this class are counted against; `None` when the class is exempt, the plan has
    /// no such bound, or nobody said how many contacts there are.
    #[must_use]
    pub fn monthly_quota(&self, contacts: Option<u64>, class: Class) -> Option<Quota> {
        if self.transactional_exempt && class == Class::Transactional {
            return None;
        }
        let limit = contacts?.saturating_mul(u64::from(self.month_multiplier?));
        Some(Quota { period: CalendarUnit::Month, limit })
    }

    /// The limit on the recipients of one campaign, asked before anything is reserved; `None` as above.
    ///
    /// # Example: how large a campaign may be sent to 1,000 contacts?
    /// ```
    /// use sendgate_core::catalog::Profile;
    ///
    /// let scale = Profile::named("mailgun").unwrap().plan("scale").unwrap();
    /// let guard = scale.campaign_guard(Some(1_000)).unwrap();
    /// assert!(guard.check(12_000).is_ok());
    /// assert_eq!(guard.check(12_001).unwrap_err().code(), "campaign_too_large");
    /// ```
    #[must_use]
    pub fn campaign_guard(&self, contacts: Option<u64>) -> Option<Guard> {
        let limit = contacts?.saturating_mul(u64::from(self.campaign_multiplier?));
        Some(Guard { dimension: Dimension::CampaignRecipients, limit, source: Source::Provider })
    }

    /// Whether the plan has a bound that needs the number of contacts.
    #[must_use]
    pub const fn needs_contacts(&self) -> bool {
        self.month_multiplier.is_some() || self.campaign_multiplier.is_some()
    }
}

/// The documents know of 12; a larger number is a typing error.
const MAX_MULTIPLIER: u64 = 1_000;
