//! The entity tags of the admin API: `"3"` is the third revision of an account, and `"3.<hash>"` something that was read of it.

use crate::etag;
use alloc::{
    format,
    string::{String, ToString},
};

/// The tag of an answer: the account's revision, and of what was read its hash, because whether a change is in force, or
/// how a domain stands, moves without a revision.
pub(super) fn of(revision: Option<u64>, read: Option<&[u8]>) -> Option<String> {
    let read = read.map(etag::of);
    match (revision, read.as_deref().map(|tag| tag.trim_matches('"'))) {
        (Some(revision), Some(hash)) => Some(format!("\"{revision}.{hash}\"")),
        (Some(revision), None) => Some(format!("\"{revision}\"")),
        (None, _) => read,
    }
}

/// Whether a tag of `If-Match` is of this revision, whatever of the account was read.
pub(super) fn is_of(tag: &str, revision: u64) -> bool {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or_default();
    inner.split('.').next() == Some(revision.to_string().as_str())
}
