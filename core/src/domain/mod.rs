//! Sending domains: their names, the DNS records that providers want of them, and whether those are there.
//!
//! A domain is *pending* until every record that is required was seen in DNS, then *verified*. When a later look does not
//! find them it has a *grace* of three days, in which it sends on and is looked at again, and then is pending once more.
//! What a resolver cannot tell is no evidence either way.
//!
//! A look is question and answer: [`Check::questions`] says what is still to be asked, the host asks a resolver over HTTPS
//! ([`Question::request`]) and hands the answers in, until there are no more questions. So nothing here waits, and a
//! test is a table of answers.
//!
//! One record is always wanted, whatever the providers want: a text that only this account of this deployment has
//! ([`ownership_token`]). Else one account could claim a domain that another one set up.
//!
//! Out of scope: making records. Providers show an account's own values (selectors, keys) in their consoles; they are
//! arguments here.

mod check;
mod doh;
mod name;
mod plan;
mod spf;
mod standing;

pub use check::{Check, Finding, MAX_QUESTIONS, RecordState};
pub use doh::{Answer, Question, resolver_fault};
pub use name::{DomainName, InvalidDomain};
pub use plan::{MAX_RECORDS, PlanError, ProviderUse, Purpose, RecordPlan, RecordType, WantedRecord, ownership_token};
pub use spf::{MAX_LOOKUPS, Spf};
pub use standing::{DomainState, Outcome, Standing};
