//! A text with places for values: `{{name}}`, and `{{{name}}}` for a value that goes into HTML as it is.
//!
//! A pair of braces that opens nothing is a fault and not a text: a slip in a template would be seen by everybody it
//! goes to.

use alloc::{borrow::Cow, collections::BTreeMap, collections::BTreeSet, string::String, vec::Vec};
use core::ops::Range;

/// A text and the places in it.
pub(super) struct Pattern {
    text: String,
    holes: Vec<Hole>,
}

/// A place for a value.
struct Hole {
    /// From the first brace to behind the last one.
    at: Range<usize>,
    name: Range<usize>,
    /// Whether the value goes into HTML as it is.
    raw: bool,
}

/// The values of one recipient, by name.
pub(super) type Values<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// What a text is: in HTML the five characters that mean something there are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup {
    Plain,
    Html,
}

impl Pattern {
    /// Finds the places of a text; `None` when braces open something else than a name.
    pub(super) fn parse(text: String) -> Option<Self> {
        let mut holes = Vec::new();
        let mut from = 0;
        while let Some(start) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
            let hole = Hole::read(&text, start)?;
            from = hole.at.end;
            holes.push(hole);
        }
        Some(Self { text, holes })
    }

    /// The text with the values in their places, if it fits into `room`, which it takes away from. A name without a value is
    /// noted, and its place is left empty.
    pub(super) fn fill(
        &self,
        markup: Markup,
        values: &Values<'_>,
        lacking: &mut BTreeSet<String>,
        room: &mut usize,
    ) -> Option<String> {
        let mut pieces = Vec::with_capacity(self.holes.len());
        let mut length = self.text.len();
        for hole in &self.holes {
            let name = self.text.get(hole.name.clone()).unwrap_or_default();
            let value = values.get(name).map(|value| &**value);
            if value.is_none() && !lacking.contains(name) {
                lacking.insert(name.into());
            }
            let value = value.unwrap_or_default();
            let is_escaped = markup == Markup::Html && !hole.raw;
            let bytes = if is_escaped { escaped(value).map(str::len).sum() } else { value.len() };
            length = length.saturating_sub(hole.at.len()).saturating_add(bytes);
            pieces.push((hole, value, is_escaped));
        }
        *room = room.checked_sub(length)?;
        // Made once in its full length: a text that grows would need twice the room of a large body.
        let mut filled = String::with_capacity(length);
        let mut from = 0;
        for (hole, value, is_escaped) in pieces {
            filled.push_str(self.text.get(from..hole.at.start).unwrap_or_default());
            from = hole.at.end;
            if is_escaped {
                filled.extend(escaped(value));
            } else {
                filled.push_str(value);
            }
        }
        filled.push_str(self.text.get(from..).unwrap_or_default());
        Some(filled)
    }
}

impl Hole {
    fn read(text: &str, start: usize) -> Option<Self> {
        let rest = text.get(start..)?;
        let (open, close) = if rest.starts_with("{{{") { ("{{{", "}}}") } else { ("{{", "}}") };
        let inner = rest.get(open.len()..)?;
        let inner = inner.get(..inner.find(close)?)?;
        let name = inner.trim();
        if !is_name(name) {
            return None;
        }
        let first = start + open.len();
        let before = inner.len().saturating_sub(inner.trim_start().len());
        Some(Self {
            at: start..first + inner.len() + close.len(),
            name: first + before..first + before + name.len(),
            raw: open.len() == close.len() && open.len() > 2,
        })
    }
}

/// Whether this may stand between the braces.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// A value as HTML shows it, in a text and in a quoted attribute.
fn escaped(value: &str) -> impl Iterator<Item = &str> {
    value.split_inclusive(['&', '<', '>', '"', '\'']).flat_map(|piece| {
        let entity = match piece.as_bytes().last() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            Some(b'\'') => "&#39;",
            Some(_) | None => return [piece, ""],
        };
        [piece.get(..piece.len().saturating_sub(1)).unwrap_or_default(), entity]
    })
}

/// Bytes of a name: longer than any that a person would write.
pub(super) const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn filled(text: &str, markup: Markup, values: &[(&'static str, &'static str)]) -> (String, Vec<String>) {
        let values = values.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))).collect();
        let mut lacking = BTreeSet::new();
        let text = Pattern::parse(text.into()).unwrap().fill(markup, &values, &mut lacking, &mut 1_000).unwrap();
        (text, lacking.into_iter().collect())
    }

    #[test]
    fn values_stand_in_their_places() {
        let values = [("name", "Ann"), ("order.id", "7")];
        for (text, want) in [
            ("Dear {{name}}, order {{ order.id }} is on its way", "Dear Ann, order 7 is on its way"),
            ("{{name}}{{name}}", "AnnAnn"),
            ("{{{name}}}", "Ann"),
            ("no places, { one } brace, }} none", "no places, { one } brace, }} none"),
            ("é{{name}}é", "éAnné"),
            ("", ""),
        ] {
            assert_eq!(filled(text, Markup::Plain, &values), (want.into(), vec![]), "{text}");
        }
    }

    /// A value is a text in HTML unless three braces say otherwise; what a value holds is never looked at for places.
    #[test]
    fn values_are_escaped_in_html_and_nowhere_else() {
        let values = [("v", "<b title=\"a'b\">&</b>{{v}}")];
        let (html, _) = filled("<p>{{v}}</p>", Markup::Html, &values);
        assert_eq!(html, "<p>&lt;b title=&quot;a&#39;b&quot;&gt;&amp;&lt;/b&gt;{{v}}</p>");
        assert_eq!(filled("{{{v}}}", Markup::Html, &values).0, values[0].1);
        assert_eq!(filled("{{v}}", Markup::Plain, &values).0, values[0].1);
    }

    #[test]
    fn names_without_a_value_are_noted_once() {
        let (text, lacking) = filled("{{b}}-{{a}}-{{b}}", Markup::Plain, &[]);
        assert_eq!((text.as_str(), lacking), ("--", vec!["a".into(), "b".into()]));
    }

    #[test]
    fn braces_that_open_no_name_are_a_fault() {
        for text in ["{{", "{{}}", "{{a b}}", "{{#if x}}", "{{a}", "{{{a}}", "{{{{a}}}}", "{{é}}", "{{a\n}"] {
            assert!(Pattern::parse(text.into()).is_none(), "{text}");
        }
        assert!(Pattern::parse(["{{", &"a".repeat(MAX_NAME + 1), "}}"].concat()).is_none());
    }

    /// The room is asked for once, whatever the escapes.
    #[test]
    fn a_filled_text_has_exactly_the_room_it_needs() {
        let (text, _) = filled("<p>{{v}}</p>{{{v}}}{{gone}}", Markup::Html, &[("v", "a&b")]);
        assert_eq!(text.capacity(), text.len());
    }

    /// A value may be long and stand in many places: what comes of it is measured before it is written.
    #[test]
    fn a_text_that_has_no_room_is_not_written() {
        let pattern = Pattern::parse("{{v}}{{v}}{{v}}".into()).unwrap();
        let values = Values::from([(Cow::Borrowed("v"), Cow::Borrowed("1234"))]);
        let fill = |room: &mut usize| pattern.fill(Markup::Plain, &values, &mut BTreeSet::new(), room);
        let mut room = 30;
        assert_eq!((fill(&mut room).is_some(), room), (true, 18));
        assert_eq!((fill(&mut 12).is_some(), fill(&mut 11)), (true, None));
    }
}
