//! What a refusal means: a table of codes and words, as data.
//!
//! Five kinds of evidence are asked in this order: the provider's own word for the refusal, which it chose with all it
//! knows; the enhanced status code (RFC 3463); words of the receiver's text; the SMTP reply code (RFC 5321). Security codes
//! (X.7.Y) are given for spam, for senders and for rules alike, so there the text speaks first. An answer that is `ambiguous` lets the next kind speak and stands when none of them knows better. What no row knows is soft and
//! marked as unclassified: it counts, and alone suppresses nobody (R045).

use super::{Bounce, BounceClass};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::Deserialize;

/// An enhanced status code: `5.1.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl Enhanced {
    /// Reads a code that is the whole text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |text: &str| -> Option<u16> {
            (text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
        };
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let code = Self { class, subject: number(subject)?, detail: number(detail)? };
        parts.next().is_none().then_some(code)
    }

    /// The first code that stands in a text as a word of its own.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        words(text).find_map(Self::parse)
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of a refusal.
#[derive(Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The provider's word in configuration: `sendgrid`.
    pub provider: &'a str,
    /// The provider's own word for it: `HardBounce`, `Permanent/General`.
    pub word: Option<&'a str>,
    /// The enhanced status code.
    pub enhanced: Option<Enhanced>,
    /// The SMTP reply code.
    pub smtp: Option<u16>,
    /// What the receiver said. Codes are read out of it when they are not given.
    pub text: Option<&'a str>,
}

/// Shows codes and the provider's word; a receiver's text can hold addresses.
impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evidence({} {:?} {:?} {:?})", self.provider, self.word, self.enhanced, self.smtp)
    }
}

/// The table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BounceTable<'a> {
    #[serde(borrow)]
    as_of: &'a str,
    #[serde(borrow)]
    words: Vec<WordRow<'a>>,
    #[serde(borrow)]
    enhanced: Vec<EnhancedRow<'a>>,
    #[serde(borrow)]
    texts: Vec<TextRow<'a>>,
    #[serde(borrow)]
    smtp: Vec<SmtpRow<'a>>,
}

/// A provider's own word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordRow<'a> {
    provider: &'a str,
    word: &'a str,
    class: &'a str,
    #[serde(default)]
    echo: bool,
    #[allow(dead_code, reason = "for readers of the table; a test asks that every row has one")]
    source: &'a str,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnhancedRow<'a> {
    code: &'a str,
    class: &'a str,
    #[allow(dead_code, reason = "for readers of the table; a test asks that every row has one")]
    source: &'a str,
}

/// Words in lower case that stand in a receiver's text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextRow<'a> {
    text: &'a str,
    class: &'a str,
    #[allow(dead_code, reason = "for readers of the table; a test asks that every row has one")]
    source: &'a str,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpRow<'a> {
    code: u16,
    class: &'a str,
    #[allow(dead_code, reason = "for readers of the table; a test asks that every row has one")]
    source: &'a str,
}

impl BounceTable<'static> {
    /// The built-in table.
    #[must_use]
    pub fn embedded() -> Self {
        // A test reads it; were it broken, everything would be soft and unclassified.
        serde_json::from_str(EMBEDDED).unwrap_or_default()
    }
}

impl<'a> BounceTable<'a> {
    /// The day on which the table's sources were read.
    #[must_use]
    pub const fn as_of(&self) -> &'a str {
        self.as_of
    }

    /// What the evidence means, and whether it only echoes the provider's own list.
    #[must_use]
    pub fn classify(&self, evidence: &Evidence<'_>) -> (Bounce, bool) {
        let text = evidence.text.map(|text| text.chars().take(MAX_TEXT).collect::<String>());
        let enhanced = evidence.enhanced.or_else(|| text.as_deref().and_then(Enhanced::find));
        let smtp = evidence.smtp.or_else(|| text.as_deref().and_then(smtp_in));
        let word = evidence.word.and_then(|word| self.of_word(evidence.provider, word));
        let of_word = word.and_then(|row| BounceClass::from_word(row.class));
        let of_code = enhanced.and_then(|code| self.of_enhanced(code));
        let of_text = text.as_deref().and_then(|text| self.of_text(text));
        let is_security = enhanced.is_some_and(|code| code.subject == SECURITY);
        let [second, third] = if is_security { [of_text, of_code] } else { [of_code, of_text] };
        let answers = [of_word, second, third, smtp.and_then(|code| self.of_smtp(code))];
        let known = answers.iter().flatten();
        let class = known.clone().find(|class| **class != BounceClass::Ambiguous).or_else(|| known.clone().next());
        let bounce = Bounce {
            class: class.copied().unwrap_or(BounceClass::Soft),
            unclassified: class.is_none(),
            counts: class.copied().unwrap_or(BounceClass::Soft).counts(),
            smtp,
            enhanced,
        };
        (bounce, word.is_some_and(|row| row.echo))
    }

    fn of_word(&self, provider: &str, word: &str) -> Option<&WordRow<'a>> {
        let row =
            |word: &str| self.words.iter().find(|row| row.provider == provider && row.word.eq_ignore_ascii_case(word));
        // A type with a subtype that no row knows is still of its type.
        row(word).or_else(|| row(word.split('/').next()?))
    }

    fn of_enhanced(&self, code: Enhanced) -> Option<BounceClass> {
        let row = self.enhanced.iter().find(|row| Enhanced::parse(row.code) == Some(code))?;
        BounceClass::from_word(row.class)
    }

    fn of_text(&self, text: &str) -> Option<BounceClass> {
        let text = text.to_ascii_lowercase();
        let row = self.texts.iter().find(|row| text.contains(row.text))?;
        BounceClass::from_word(row.class)
    }

    fn of_smtp(&self, code: u16) -> Option<BounceClass> {
        let row = self.smtp.iter().find(|row| row.code == code)?;
        BounceClass::from_word(row.class)
    }
}

/// The first SMTP reply code of a refusal in a text: three digits as a word, 400 to 599.
fn smtp_in(text: &str) -> Option<u16> {
    words(text)
        .filter(|word| word.len() == 3)
        .find_map(|word| word.parse().ok().filter(|code| (400..600).contains(code)))
}

/// Runs of letters, digits and dots; a reply writes `550-5.1.1` as well as `550 5.1.1`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').map(|word| word.trim_matches('.'))
}

const EMBEDDED: &str = include_str!("../../data/bounces.json");
/// The subject of security and policy codes (RFC 3463, section 3.8).
const SECURITY: u16 = 7;
/// A reply line has at most 512 octets (RFC 5321 4.5.3.1.5); a reply of several lines says what it means in the first.
const MAX_TEXT: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, format};

    fn class_of(evidence: &Evidence<'_>) -> (BounceClass, bool) {
        let (bounce, _) = BounceTable::embedded().classify(evidence);
        (bounce.class, bounce.unclassified)
    }

    /// R045: every row has a class that exists and a source, stands once, and is the answer to its own evidence.
    #[test]
    fn every_row_answers_for_itself() {
        let table = BounceTable::embedded();
        assert_eq!(table.as_of.len(), 10);
        let mut seen = BTreeSet::new();
        let mut check = |key: String, class: &str, source: &str, evidence: Evidence<'_>| {
            assert!(seen.insert(key.clone()), "{key} stands twice");
            assert!(!source.is_empty(), "{key} has no source");
            let class = BounceClass::from_word(class).unwrap_or_else(|| panic!("{key}: no such class"));
            assert_eq!(class_of(&evidence), (class, false), "{key}");
        };
        for row in &table.words {
            let known = crate::provider::ProviderKind::ALL.iter().any(|kind| kind.as_str() == row.provider);
            assert!(known, "{}", row.provider);
            let evidence = Evidence { provider: row.provider, word: Some(row.word), ..Evidence::default() };
            assert_eq!(table.classify(&evidence).1, row.echo);
            check(format!("{} {}", row.provider, row.word.to_ascii_lowercase()), row.class, row.source, evidence);
        }
        for row in &table.enhanced {
            let code = Enhanced::parse(row.code).unwrap();
            check(row.code.into(), row.class, row.source, Evidence { enhanced: Some(code), ..Evidence::default() });
        }
        for row in &table.texts {
            assert_eq!(row.text, row.text.to_ascii_lowercase());
            let upper = row.text.to_ascii_uppercase();
            check(row.text.into(), row.class, row.source, Evidence { text: Some(&upper), ..Evidence::default() });
        }
        for row in &table.smtp {
            check(
                format!("{}", row.code),
                row.class,
                row.source,
                Evidence { smtp: Some(row.code), ..Evidence::default() },
            );
        }
        assert!(seen.len() > 150, "{} rows", seen.len());
    }

    /// R045: what no row knows is soft, and says that it was not classified.
    #[test]
    fn the_unknown_is_soft_and_unclassified() {
        for evidence in [
            Evidence::default(),
            Evidence { provider: "sendgrid", word: Some("a word of tomorrow"), ..Evidence::default() },
            Evidence { text: Some("599 9.9.9 who knows"), ..Evidence::default() },
        ] {
            assert_eq!(class_of(&evidence), (BounceClass::Soft, true), "{evidence:?}");
        }
    }

    /// The order of the module's documentation, and what is read out of a text.
    #[test]
    fn the_surer_evidence_wins_and_ambiguity_asks_on() {
        let text = |text| Evidence { text: Some(text), ..Evidence::default() };
        assert_eq!(class_of(&text("smtp; 550 5.1.1 user unknown")), (BounceClass::Hard, false));
        assert_eq!(
            class_of(&text(
                "550-5.7.1 [192.0.2.1] our system has detected that this message is likely unsolicited mail"
            )),
            (BounceClass::Spam, false)
        );
        assert_eq!(class_of(&text("550 who knows")), (BounceClass::Ambiguous, false));
        assert_eq!(
            class_of(&text("452-4.2.2 The recipient's inbox is out of storage space")),
            (BounceClass::Quota, false)
        );
        let blocked = Evidence {
            provider: "sendgrid",
            word: Some("blocked"),
            smtp: Some(550),
            text: Some("5.1.1"),
            ..Evidence::default()
        };
        assert_eq!(class_of(&blocked), (BounceClass::Block, false));
    }

    /// RFC 3463, section 2: three numbers of at most three digits.
    #[test]
    fn an_enhanced_code_reads_and_prints() {
        assert_eq!(format!("{}", Enhanced::parse("5.1.10").unwrap()), "5.1.10");
        assert_eq!(Enhanced::find("smtp; 550-5.1.1 gone"), Enhanced::parse("5.1.1"));
        for text in ["", "5.1", "3.1.1", "5.1.1.1", "5.1000.1", "5.-1.1", "192.0.2.1", "5..1"] {
            assert_eq!(Enhanced::parse(text), None, "{text}");
        }
    }
}
