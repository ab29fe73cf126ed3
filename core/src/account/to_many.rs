//! Mail to many says how to leave and where its sender is, or an account's policy says what becomes of it (R055).
//!
//! A postal address is looked for in every body that the message has, because a reader sees one of them: CAN-SPAM (16 CFR
//! 316, 15 U.S.C. 7704(a)(5)) wants a valid one in each commercial message. Which one only the account can say, so nothing is
//! looked for until it does. Letters and digits are compared, so line ends, markup and punctuation do not matter; letters
//! written as named entities (`&uuml;`) are not read. What a provider's template holds cannot be seen here.

use crate::{
    config::{AccountConfig, Missing},
    message::{Class, Message},
    problem::Flaw,
};
use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// The warnings for a message, or the flaws that it is refused for; `at` is where it stands in the request.
pub(super) fn judge(
    config: &AccountConfig,
    at: &dyn fmt::Display,
    message: &Message,
) -> Result<Vec<&'static str>, Vec<Flaw>> {
    if !matches!(message.class, Class::Drip | Class::Bulk) {
        return Ok(Vec::new());
    }
    let exit = (config.missing_unsubscribe, lacks_exit(message), MISSING_UNSUBSCRIBE, EXIT_WANTED);
    let address = config.postal_address.as_ref().and_then(|address| lacks_address(address, message));
    let address = (config.missing_postal_address.unwrap_or_default(), address, MISSING_POSTAL_ADDRESS, ADDRESS_WANTED);
    let (mut warnings, mut flaws) = (Vec::new(), Vec::new());
    for (policy, lacking, code, detail) in [exit, address] {
        match (policy, lacking) {
            (Missing::Reject, Some(field)) => {
                flaws.push(Flaw { field: format!("{at}.{field}"), code, detail: detail.into() });
            }
            (Missing::Warn, Some(_)) => warnings.push(code),
            (Missing::Accept, Some(_)) | (_, None) => {}
        }
    }
    if flaws.is_empty() { Ok(warnings) } else { Err(flaws) }
}

/// The field in which the way out is missing.
fn lacks_exit(message: &Message) -> Option<&'static str> {
    let says_how = message.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("list-unsubscribe"));
    (!says_how).then_some("headers")
}

/// The first body without the address.
pub(crate) fn lacks_address(address: &str, message: &Message) -> Option<&'static str> {
    let wanted = signs(address.chars());
    let lacks = |body: String| !body.contains(&wanted);
    if message.html_body.as_deref().is_some_and(|body| lacks(signs(visible(body)))) {
        return Some("html_body");
    }
    match &message.text_body {
        Some(body) => lacks(signs(body.chars())).then_some("text_body"),
        None => (message.html_body.is_none() && message.template.is_none()).then_some("text_body"),
    }
}

/// Letters and digits alone, in lower case.
fn signs(text: impl Iterator<Item = char>) -> String {
    text.filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The signs of an HTML text without its tags and comments, with numbered entities read and named ones left out.
fn visible(html: &str) -> impl Iterator<Item = char> {
    let mut rest = html;
    core::iter::from_fn(move || {
        loop {
            let sign = rest.chars().next()?;
            let after = rest.get(sign.len_utf8()..).unwrap_or_default();
            rest = match sign {
                '<' => {
                    let end = if rest.starts_with(COMMENT) { COMMENT_END } else { ">" };
                    rest.split_once(end).map_or("", |(_, after)| after)
                }
                '&' => match entity(after) {
                    Some((Some(named), after)) => {
                        rest = after;
                        return Some(named);
                    }
                    Some((None, after)) => after,
                    None => after,
                },
                _ => {
                    rest = after;
                    return Some(sign);
                }
            };
        }
    })
}

/// The sign that an entity stands for, where it is numbered, and what follows; `None` when this is an ampersand alone.
fn entity(text: &str) -> Option<(Option<char>, &str)> {
    let (name, after) = text.split_once(';').filter(|(name, _)| !name.is_empty() && name.len() <= LONGEST_ENTITY)?;
    let Some(number) = name.strip_prefix('#') else {
        return name.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some((None, after));
    };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    Some((number.ok().and_then(char::from_u32), after))
}

/// The word for mail to many without a way out.
const MISSING_UNSUBSCRIBE: &str = "missing_unsubscribe";
const EXIT_WANTED: &str = "mail of this class needs a List-Unsubscribe header";
/// The word for mail to many without its sender's postal address.
const MISSING_POSTAL_ADDRESS: &str = "missing_postal_address";
const ADDRESS_WANTED: &str = "mail of this class needs the account's postal_address in every body";
const COMMENT: &str = "<!--";
const COMMENT_END: &str = "-->";
/// HTML's longest name (`CounterClockwiseContourIntegral`) has 31 signs.
const LONGEST_ENTITY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "Zoë's Shop, 12 Main St., 80331 München";

    fn lacking(bodies: &str) -> Option<&'static str> {
        let text = format!(r#"{{"from":"a@shop.example","to":"b@example.com","subject":"S","class":"bulk",{bodies}}}"#);
        lacks_address(ADDRESS, &Message::parse(&text).unwrap())
    }

    /// R055: as people write it, over lines and between tags; what stands in a comment or an attribute nobody sees.
    #[test]
    fn an_address_is_found_as_readers_see_it() {
        for bodies in [
            r#""text_body":"News.\n\nZoë's Shop\n12 Main St.\n80331 München\n""#,
            r#""text_body":"ZOË'S SHOP | 12 MAIN ST | 80331 MÜNCHEN""#,
            r#""html_body":"<p>News</p><footer><b>Zo&#235;&#x27;s Shop</b><br>12&nbsp;Main&nbsp;St., 80331 M&#xFC;nchen</footer>""#,
            r#""html_body":"a < b & c > d <i>Zoë's Shop, 12 Main St., 80331 München""#,
            r#""template":{"id":"t"}"#,
        ] {
            assert_eq!(lacking(bodies), None, "{bodies}");
        }
        let in_text = r#""text_body":"Zoë's Shop, 12 Main St., 80331 München""#;
        for (bodies, field) in [
            (r#""text_body":"News.""#.into(), "text_body"),
            (r#""text_body":"Zoë's Shop, 13 Main St., 80331 München""#.into(), "text_body"),
            (r#""html_body":"<!-- Zoë's Shop, 12 Main St., 80331 München -->""#.into(), "html_body"),
            (r#""html_body":"<img alt='Zoë's Shop, 12 Main St., 80331 München'>""#.into(), "html_body"),
            (r#""html_body":"Zoë's Shop, 12 Main St., 80331 München <""#.replace("80331", "<"), "html_body"),
            (format!(r#"{in_text},"html_body":"<p>News</p>""#), "html_body"),
        ] {
            assert_eq!(lacking(&bodies), Some(field), "{bodies}");
        }
    }

    #[test]
    fn an_entity_is_read_where_it_is_one() {
        assert_eq!(entity("#8364;x"), Some((Some('€'), "x")));
        assert_eq!(entity("amp; b"), Some((None, " b")));
        assert_eq!(entity("#xD800;x"), Some((None, "x")), "no sign");
        for text in [" b; c", "b", ";", "an-element;"] {
            assert_eq!(entity(text), None, "{text}");
        }
    }
}
