//! The known field that a misspelt one is nearest to.

use alloc::vec::Vec;

/// The candidate that has the name as one of its words, or else the one with the smallest edit distance, when that is
/// small enough to be what was meant.
///
/// Case and `_` against `-` do not count; the first of equals wins. A third of the letters may differ.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let has_word = |candidate: &&&str| candidate.split('_').any(|word| word.eq_ignore_ascii_case(name));
    if let Some(longer) = candidates.iter().find(has_word) {
        return Some(longer);
    }
    let (best, distance) = candidates
        .iter()
        .map(|candidate| (*candidate, distance(name, candidate)))
        .min_by_key(|(_, distance)| *distance)?;
    (distance <= best.len().div_ceil(3)).then_some(best)
}

/// Levenshtein's distance, by one row of his table.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars().map(|character| if character == '-' { '_' } else { character.to_ascii_lowercase() }).collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, have) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        for (slot, want) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal.saturating_add(usize::from(have != want));
            diagonal = *slot;
            before = replaced.min(slot.saturating_add(1)).min(before.saturating_add(1));
            *slot = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Longer than this is no misspelling of a field: a bound on the work.
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_distances_hold() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("flaw", "lawn"), 2);
    }

    #[test]
    fn a_misspelling_finds_its_field_and_a_stranger_finds_none() {
        let fields = ["reply_to", "text_body", "html_body", "send_at"];
        assert_eq!(nearest("replyTo", &fields), Some("reply_to"));
        assert_eq!(nearest("Reply-To", &fields), Some("reply_to"));
        assert_eq!(nearest("html", &fields), Some("html_body"));
        assert_eq!(nearest("sent_at", &fields), Some("send_at"));
        assert_eq!(nearest("priority", &fields), None);
    }
}
