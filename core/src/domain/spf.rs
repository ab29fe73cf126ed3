//! SPF records (RFC 7208): one a name, for all providers together.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A published SPF record, by its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spf<'a> {
    terms: Vec<&'a str>,
}

impl<'a> Spf<'a> {
    /// Reads a TXT record; `None` when it is not an SPF record (RFC 7208 section 4.5).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut terms = text.split(' ').filter(|term| !term.is_empty());
        let version = terms.next()?;
        version.eq_ignore_ascii_case(VERSION).then(|| Self { terms: terms.collect() })
    }

    /// Whether what this domain allows is allowed: an `include` that passes.
    #[must_use]
    pub fn includes(&self, domain: &str) -> bool {
        self.terms.iter().any(|term| {
            let term = term.strip_prefix('+').unwrap_or(term);
            mechanism(term, "include").is_some_and(|included| included.eq_ignore_ascii_case(domain))
        })
    }

    /// How many terms ask DNS by themselves (section 4.6.4): `include`, `a`, `mx`, `ptr`, `exists` and `redirect`.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.terms.iter().filter(|term| asks(term)).count()
    }

    /// The domains whose own records are evaluated as part of this one.
    #[must_use]
    pub fn followed(&self) -> Vec<&'a str> {
        let follow = |term: &&'a str| {
            let bare = term.trim_start_matches(['+', '-', '~', '?']);
            mechanism(bare, "include").or_else(|| prefixed(bare, "redirect="))
        };
        self.terms.iter().filter_map(follow).collect()
    }

    /// This record with more includes, before the term that ends it.
    #[must_use]
    pub fn with(&self, domains: &[&str]) -> String {
        let more = domains.iter().filter(|domain| !self.includes(domain)).map(|domain| format!("include:{domain}"));
        let ends = |term: &&str| {
            let bare = term.trim_start_matches(['+', '-', '~', '?']);
            bare.eq_ignore_ascii_case("all") || prefixed(bare, "redirect=").is_some()
        };
        let place = self.terms.iter().position(ends).unwrap_or(self.terms.len());
        let (before, after) = self.terms.split_at_checked(place).unwrap_or((&self.terms, &[]));
        let terms = before.iter().map(ToString::to_string).chain(more).chain(after.iter().map(ToString::to_string));
        let terms: Vec<String> = core::iter::once(VERSION.to_string()).chain(terms).collect();
        terms.join(" ")
    }

    /// The record for these includes alone; what they do not allow fails softly.
    #[must_use]
    pub fn of(domains: &[&str]) -> String {
        Spf { terms: alloc::vec!["~all"] }.with(domains)
    }
}

fn asks(term: &str) -> bool {
    let bare = term.trim_start_matches(['+', '-', '~', '?']);
    let name = bare.split([':', '/', '=']).next().unwrap_or_default();
    ["include", "a", "mx", "ptr", "exists", "redirect"].iter().any(|asking| name.eq_ignore_ascii_case(asking))
}

/// The domain of a mechanism of this name.
fn mechanism<'a>(term: &'a str, name: &str) -> Option<&'a str> {
    let (found, domain) = term.split_once(':')?;
    found.eq_ignore_ascii_case(name).then_some(domain)
}

fn prefixed<'a>(term: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = term.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

const VERSION: &str = "v=spf1";
/// RFC 7208 section 4.6.4: more than ten terms that ask DNS, those of included records counted in, are an error for ever.
pub const MAX_LOOKUPS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7208 section 4.5: the version is the whole first term.
    #[test]
    fn only_a_whole_version_makes_an_spf_record() {
        assert!(Spf::parse("v=spf1").is_some() && Spf::parse("V=SPF1 -all").is_some());
        for text in ["", "v=spf10", "v=spf1;", "v=DKIM1; p=x", "spf1 include:a.example"] {
            assert_eq!(Spf::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_include_counts_only_if_it_passes() {
        let spf = Spf::parse("v=spf1 include:A.example +include:b.example ~include:c.example -all").unwrap();
        assert!(spf.includes("a.example") && spf.includes("b.example"));
        assert!(!spf.includes("c.example") && !spf.includes("example"));
    }

    /// RFC 7208 section 4.6.4: `all`, `ip4`, `ip6` and `exp` ask nothing.
    #[test]
    fn the_terms_that_ask_are_those_of_the_standard() {
        let text = "v=spf1 a a:x.example a/24 mx mx:y.example ptr exists:%{i}.z.example include:i.example \
                    ip4:192.0.2.0/24 ip6:2001:db8::/32 exp=e.example redirect=r.example -all";
        let spf = Spf::parse(text).unwrap();
        assert_eq!(spf.lookups(), 9);
        assert_eq!(spf.followed(), ["i.example", "r.example"]);
    }

    #[test]
    fn includes_are_merged_into_what_is_there_and_stand_before_its_end() {
        let merged = |text: &str| Spf::parse(text).unwrap().with(&["a.example", "b.example"]);
        assert_eq!(merged("v=spf1 mx include:a.example -all"), "v=spf1 mx include:a.example include:b.example -all");
        assert_eq!(
            merged("v=spf1 ip4:192.0.2.1 redirect=x.example"),
            "v=spf1 ip4:192.0.2.1 include:a.example include:b.example redirect=x.example"
        );
        assert_eq!(merged("v=spf1"), "v=spf1 include:a.example include:b.example");
        assert_eq!(Spf::of(&["a.example"]), "v=spf1 include:a.example ~all");
    }
}
