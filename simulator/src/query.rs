//! The query of a list: where to go on and how many to show.

use crate::{json::BadField, store};
use alloc::{format, vec::Vec};
use sendgate_core::sql::{Row, SqlError};

/// The pairs of a query.
pub(crate) struct Query<'a>(&'a str);

/// A part of a list: the entries after the number `after`, at most `limit` of them.
pub(crate) struct Page {
    /// The number of the last entry already seen.
    pub(crate) after: i64,
    /// Entries.
    pub(crate) limit: i64,
}

impl<'a> Query<'a> {
    /// The pairs of `query`, which has no question mark.
    pub(crate) const fn of(query: &'a str) -> Self {
        Self(query)
    }

    /// The last value given for `name`, as it stands.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.0.split('&').filter_map(|pair| pair.split_once('=')).rfind(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The whole number given for `name`, from `least` to `most`.
    pub(crate) fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, BadField> {
        let Some(text) = self.value(name) else { return Ok(None) };
        match text.parse().ok().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(BadField::new(name, format!("must be a whole number from {least} to {most}"))),
        }
    }

    /// `after` and `limit`.
    pub(crate) fn page(&self, default: i64, most: i64) -> Result<Page, BadField> {
        Ok(Page {
            after: self.number("after", 0, MOST_SEQ)?.unwrap_or(0),
            limit: self.number("limit", 1, most)?.unwrap_or(default),
        })
    }
}

impl Page {
    /// Cuts rows read with one more than the limit to the limit, and returns the cursor when there are more.
    ///
    /// The first column of a row is its number.
    pub(crate) fn cut(&self, rows: &mut Vec<Row>) -> Result<Option<i64>, SqlError> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return Ok(None);
        }
        rows.truncate(limit);
        rows.last().map(|row| store::integer(row, 0)).transpose()
    }
}

/// The largest number that every host and JSON reader carries exactly.
const MOST_SEQ: i64 = 9_007_199_254_740_991;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_defaults_and_bounds() {
        let page = Query::of("limit=7&after=3").page(10, 20).ok().unwrap();
        assert_eq!((page.after, page.limit), (3, 7));
        let page = Query::of("").page(10, 20).ok().unwrap();
        assert_eq!((page.after, page.limit), (0, 10));
        assert_eq!(Query::of("limit=21").page(10, 20).err().unwrap().field, "limit");
        assert_eq!(Query::of("after=x").page(10, 20).err().unwrap().field, "after");
    }
}
