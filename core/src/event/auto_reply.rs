//! Mail that a machine answered with (RFC 3834): absence notes and the like.

use super::mime::Entity;

/// Whether nobody wrote it.
pub(super) fn is_automatic(mail: &Entity<'_>) -> bool {
    let says = |name: &str, words: &[&str]| {
        mail.header(name).is_some_and(|value| {
            let value = value.split([';', ' ']).next().unwrap_or_default().trim();
            words.iter().any(|word| value.eq_ignore_ascii_case(word))
        })
    };
    // RFC 3834, section 5; the others are older customs that senders still follow.
    let submitted = mail.header("auto-submitted").is_some_and(|value| !value.to_ascii_lowercase().starts_with("no"));
    submitted
        || says("precedence", &["auto_reply", "auto-reply"])
        || says("x-autoreply", &["yes"])
        || mail.header("x-autorespond").is_some()
}
