//! Ways to print borrowed values as JSON, so that a request is written from a message without copies in between.

mod print;

pub(crate) use print::print;

use alloc::{string::String, vec::Vec};
use core::fmt::Display;
use print::print_behind;
use serde::{Serialize, Serializer};

/// A value as the string that it displays as.
pub(crate) struct Text<'a, T>(pub(crate) &'a T);

impl<T: Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A list, each item in the form that the function gives it.
pub(crate) struct Each<'a, T, F>(pub(crate) &'a [T], pub(crate) fn(&'a T) -> F);

impl<T, F> Each<'_, T, F> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T, F: Serialize> Serialize for Each<'_, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// Pairs as an object, in their order.
pub(crate) struct Pairs<'a>(pub(crate) &'a [(String, String)]);

impl Pairs<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Pairs as an object, with one more behind them.
pub(crate) struct PairsAnd<'a>(pub(crate) &'a [(String, String)], pub(crate) (&'static str, &'a str));

impl Serialize for PairsAnd<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        serializer.collect_map(pairs.chain([self.1]))
    }
}

/// Prints an object whose last field `list` holds files, each with its content in the field `content`.
///
/// A file's content is most of a message's bytes. It is base64, which JSON writes as it is: so it is copied once, into
/// a buffer with room for it, where a printer would scan it and double its buffer on the way. `None` when a content is
/// not printable as it is, or when an object does not print.
pub(crate) fn with_files<F: Serialize>(
    object: &impl Serialize,
    (list, content): (&str, &str),
    files: impl ExactSizeIterator<Item = (F, impl AsRef<str>)>,
) -> Option<Vec<u8>> {
    add_files(print(object)?, (list, content), files)
}

/// The same behind what is printed already.
pub(crate) fn append_with_files<F: Serialize>(
    printed: Vec<u8>,
    object: &impl Serialize,
    names: (&str, &str),
    files: impl ExactSizeIterator<Item = (F, impl AsRef<str>)>,
) -> Option<Vec<u8>> {
    add_files(print_behind(printed, object)?, names, files)
}

/// Adds a list of files to an object that is printed already; see [`with_files`].
pub(crate) fn add_files<F: Serialize>(
    mut printed: Vec<u8>,
    (list, content): (&str, &str),
    files: impl ExactSizeIterator<Item = (F, impl AsRef<str>)>,
) -> Option<Vec<u8>> {
    if files.len() == 0 {
        return Some(printed);
    }
    let heads: Vec<_> = files
        .map(|(head, file)| print_behind(Vec::with_capacity(HEAD), &head).map(|head| (head, file)))
        .collect::<Option<_>>()?;
    let frame = list.len().saturating_add(FRAME);
    let file_frame = content.len().saturating_add(FRAME);
    let sizes = heads.iter().map(|(head, file)| head.len() + file.as_ref().len() + file_frame);
    printed.reserve(sizes.sum::<usize>().saturating_add(frame));
    open(&mut printed, list, b'[')?;
    for (index, (head, file)) in heads.iter().enumerate() {
        if !file.as_ref().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
            return None;
        }
        if index > 0 {
            printed.push(b',');
        }
        printed.extend_from_slice(head);
        open(&mut printed, content, b'"')?;
        printed.extend_from_slice(file.as_ref().as_bytes());
        printed.extend_from_slice(b"\"}");
    }
    printed.extend_from_slice(b"]}");
    Some(printed)
}

/// Adds a field to a printed object that has others; the value is JSON already.
pub(crate) fn with_field(object: &impl Serialize, field: &str, value: &[&[u8]]) -> Option<Vec<u8>> {
    let mut printed = print(object)?;
    let bytes = value.iter().map(|part| part.len()).sum::<usize>();
    printed.reserve_exact(bytes.saturating_add(field.len()).saturating_add(FRAME));
    let (first, rest) = value.split_first()?;
    let (opening, first) = first.split_first()?;
    open(&mut printed, field, *opening)?;
    printed.extend_from_slice(first);
    rest.iter().for_each(|part| printed.extend_from_slice(part));
    printed.push(b'}');
    Some(printed)
}

/// Reopens a printed object that has fields, and begins one more.
fn open(printed: &mut Vec<u8>, field: &str, first: u8) -> Option<()> {
    printed.pop_if(|last| *last == b'}')?;
    printed.extend_from_slice(b",\"");
    printed.extend_from_slice(field.as_bytes());
    printed.extend_from_slice(b"\":");
    printed.push(first);
    Some(())
}

/// Room for what is said of a file.
const HEAD: usize = 256;
/// Bytes around a field's name and value, and between two files: more than there are.
const FRAME: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn files_are_written_behind_the_other_fields() {
        let object = BTreeMap::from([("a", 1)]);
        let head = BTreeMap::from([("name", "x")]);
        let printed = with_files(&object, ("files", "body"), [(&head, "Zg=="), (&head, "Zm8=")].into_iter()).unwrap();
        let text = core::str::from_utf8(&printed).unwrap();
        assert_eq!(text, r#"{"a":1,"files":[{"name":"x","body":"Zg=="},{"name":"x","body":"Zm8="}]}"#);
    }

    #[test]
    fn a_content_that_could_end_its_string_is_not_printed() {
        let object = BTreeMap::from([("a", 1)]);
        for content in ["\"", "\\", "a\nb", "é"] {
            assert!(with_files(&object, ("files", "body"), [(&object, content)].into_iter()).is_none(), "{content}");
        }
    }
}
