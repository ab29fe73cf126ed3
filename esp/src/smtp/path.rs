//! Mailboxes as SMTP's envelope writes them (RFC 5321 section 4.1.2), read strictly and by code of this crate's own.

/// The address between the angle brackets of `text`, and what follows them; the address is empty for `<>`.
pub(crate) fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

/// What is wrong with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// It is no mailbox.
    Syntax,
    /// It is longer than SMTP allows.
    Length,
    /// It holds letters outside ASCII.
    NotAscii,
}

/// Whether `address` is a mailbox: a local part, `@`, and a domain or an address literal.
pub(crate) fn check(address: &str, utf8: bool) -> Result<(), Wrong> {
    let (local, domain) = address.rsplit_once('@').ok_or(Wrong::Syntax)?;
    if address.len() > MOST_ADDRESS_BYTES || local.len() > MOST_LOCAL_BYTES || domain.len() > MOST_DOMAIN_BYTES {
        return Err(Wrong::Length);
    }
    if !utf8 && !address.is_ascii() {
        return Err(Wrong::NotAscii);
    }
    let right = (is_dotted(local) || is_quoted(local)) && (is_domain(domain) || is_literal(domain));
    if right { Ok(()) } else { Err(Wrong::Syntax) }
}

/// Whether `text` may follow EHLO: a domain or an address literal.
pub(crate) fn is_host(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_DOMAIN_BYTES && text.is_ascii() && (is_domain(text) || is_literal(text))
}

fn is_dotted(local: &str) -> bool {
    let is_letter =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || !letter.is_ascii();
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_letter))
}

fn is_quoted(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for letter in inner.chars() {
        match letter {
            letter if letter.is_control() => return false,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || !letter.is_ascii();
        !label.is_empty()
            && label.len() <= MOST_LABEL_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_letter)
    })
}

fn is_literal(domain: &str) -> bool {
    let Some(inner) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    let address = inner.strip_prefix("IPv6:").unwrap_or(inner);
    address.parse::<std::net::IpAddr>().is_ok()
}

/// RFC 5321 section 4.5.3.1.1.
const MOST_LOCAL_BYTES: usize = 64;
/// RFC 5321 section 4.5.3.1.2.
const MOST_DOMAIN_BYTES: usize = 255;
/// RFC 5321 section 4.5.3.1.3: a path of 256 octets with its angle brackets.
const MOST_ADDRESS_BYTES: usize = 254;
/// RFC 1035 section 2.3.4.
const MOST_LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_at_its_own_bracket() {
        assert_eq!(bracketed("<a@b.example> SIZE=1"), Some(("a@b.example", " SIZE=1")));
        assert_eq!(bracketed("<>"), Some(("", "")));
        assert_eq!(bracketed("<\"a>b\"@c.example>"), Some(("\"a>b\"@c.example", "")));
        assert_eq!(bracketed("a@b.example"), None);
        assert_eq!(bracketed("<a@b.example"), None);
    }

    #[test]
    fn an_address_is_checked_for_form_length_and_letters() {
        for right in ["a@b.example", "a.b+c@d.example", "\"a b\\\"c\"@d.example", "a@[127.0.0.1]", "a@[IPv6:::1]"] {
            assert_eq!(check(right, false), Ok(()), "{right}");
        }
        for wrong in ["", "a", "@b.example", "a@", "a b@c.example", ".a@b.example", "a@-b.example", "a@b..example"] {
            assert_eq!(check(wrong, false), Err(Wrong::Syntax), "{wrong}");
        }
        assert_eq!(check("zoë@shop.example", false), Err(Wrong::NotAscii));
        assert_eq!(check("zoë@shöp.example", true), Ok(()));
        assert_eq!(check(&format!("{}@b.example", "a".repeat(64)), false), Ok(()));
        assert_eq!(check(&format!("{}@b.example", "a".repeat(65)), false), Err(Wrong::Length));
    }
}
