//! Reading address texts as providers do: `a@b.example`, `Ann <a@b.example>`, and comma-joined lists of them.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The bare address in `text`, which must hold exactly one mailbox.
pub(crate) fn one(text: &str) -> Option<&str> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return None;
    }
    match text.strip_suffix('>') {
        None => is_address(text).then_some(text),
        Some(head) => {
            let (name, address) = head.rsplit_once('<')?;
            (is_name(name.trim()) && is_address(address)).then_some(address)
        }
    }
}

/// What a list shows of the mailbox in `text`: its name without quotes, or else its address.
pub(crate) fn shown(text: &str) -> String {
    let name = text.trim().strip_suffix('>').and_then(|head| head.rsplit_once('<')).map(|(name, _)| name.trim());
    let mut shown = String::new();
    let mut escaped = false;
    for letter in name.unwrap_or_default().chars() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => {}
            other => {
                shown.push(other);
                escaped = false;
            }
        }
    }
    if shown.is_empty() { one(text).unwrap_or(text).to_string() } else { shown }
}

/// The mailboxes of a comma-joined list, each as its own text; a comma inside quotes or angles does not part them.
pub(crate) fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped, mut angled) = (Vec::new(), 0, false, false, false);
    for (at, letter) in list.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            ',' if !quoted && !angled => {
                parts.push(list.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list.get(start..).unwrap_or_default().trim());
    parts
}

/// A mailbox as text, its name quoted when it holds anything but letters, digits, spaces and harmless marks.
pub(crate) fn join(name: Option<&str>, address: &str) -> String {
    match name.filter(|name| !name.is_empty()) {
        None => address.to_string(),
        Some(name) if name.chars().all(|c| c.is_alphanumeric() || " -_'!.".contains(c)) => {
            format!("{name} <{address}>")
        }
        Some(name) => format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Whether `name` may stand before an angle address: words and quoted strings.
fn is_name(name: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for letter in name.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' | '>' | ',' | ';' | ':' | '@' | '\\' | '[' | ']' if !quoted => return false,
            _ => {}
        }
    }
    !quoted && !escaped
}

/// Whether `text` is a bare address of a local part and a domain.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let plain = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_letter));
    local.len() <= MOST_LOCAL_BYTES
        && text.len() <= MOST_ADDRESS_BYTES
        && (quoted || plain)
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

fn is_atom_letter(letter: char) -> bool {
    letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter)
}

/// RFC 5321 section 4.5.3.1.1.
const MOST_LOCAL_BYTES: usize = 64;
/// RFC 5321 section 4.5.3.1.3: a path of 256 octets with its angle brackets.
const MOST_ADDRESS_BYTES: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_mailbox_is_read_with_and_without_a_name() {
        assert_eq!(one("ann@example.com"), Some("ann@example.com"));
        assert_eq!(one("Ann <ann@example.com>"), Some("ann@example.com"));
        assert_eq!(one("\"Zoë's Shop, Inc.\" <orders@shop.example>"), Some("orders@shop.example"));
        assert_eq!(one("\"Carbon \\\"Copy\\\"\" <cc@example.org>"), Some("cc@example.org"));
        assert_eq!(one("\"a <b\" <cc@example.org>"), Some("cc@example.org"));
    }

    #[test]
    fn what_a_provider_cannot_parse_is_none() {
        let wrong = [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a b@example.com",
            "Shop, Inc. <a@b.example>",
            "a@b.example, c@d.example",
            "\"open <a@b.example>",
            "a@b.example\r\nBcc: c@d.example",
            "a@-b.example",
            "a@b..example",
            ".a@b.example",
            "<a@b.example> x",
            "a@b@c.example <d@e.example>",
        ];
        for text in wrong {
            assert_eq!(one(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_shows_the_name_or_else_the_address() {
        assert_eq!(shown("\"Carbon \\\"Copy\\\", Inc.\" <cc@example.org>"), "Carbon \"Copy\", Inc.");
        assert_eq!(shown("Ann <ann@example.com>"), "Ann");
        assert_eq!(shown("<ann@example.com>"), "ann@example.com");
        assert_eq!(shown("ann@example.com"), "ann@example.com");
    }

    #[test]
    fn a_list_parts_at_bare_commas_only() {
        let list = "\"Ünïcode, Ann\" <ann@example.com>, bob@example.net,\"a\\\",b\" <c@d.example>";
        let parts = vec!["\"Ünïcode, Ann\" <ann@example.com>", "bob@example.net", "\"a\\\",b\" <c@d.example>"];
        assert_eq!(split(list), parts);
    }

    #[test]
    fn a_joined_mailbox_reads_back() {
        assert_eq!(join(Some("Ann"), "a@b.example"), "Ann <a@b.example>");
        assert_eq!(join(Some("Shop, \"Inc\""), "a@b.example"), "\"Shop, \\\"Inc\\\"\" <a@b.example>");
        assert_eq!(one(&join(Some("Shop, \"Inc\" \\"), "a@b.example")), Some("a@b.example"));
        assert_eq!(join(None, "a@b.example"), "a@b.example");
    }
}
