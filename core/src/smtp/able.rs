//! What a server offers in its answer to `EHLO`.

/// The extensions that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Able {
    /// RFC 3207.
    pub(super) starttls: bool,
    /// RFC 4954 with the mechanism of RFC 4616.
    pub(super) auth_plain: bool,
    /// The same with the older mechanism LOGIN.
    pub(super) auth_login: bool,
    /// RFC 2920.
    pub(super) pipelining: bool,
    /// RFC 6152.
    pub(super) eight_bit: bool,
    /// RFC 6531.
    pub(super) smtputf8: bool,
    /// RFC 1870: whether it is offered, and the largest mail when one is named.
    pub(super) size: Option<Option<u64>>,
}

impl Able {
    /// Reads the text of the answer: its first line greets, each of the others is a keyword with its parameters.
    pub(super) fn of(text: &str) -> Self {
        let mut able = Self::default();
        for line in text.lines().skip(1) {
            // Old servers write `AUTH=PLAIN LOGIN` for clients older still.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default();
            let is = |name: &str| keyword.eq_ignore_ascii_case(name);
            if is("STARTTLS") {
                able.starttls = true;
            } else if is("PIPELINING") {
                able.pipelining = true;
            } else if is("8BITMIME") {
                able.eight_bit = true;
            } else if is("SMTPUTF8") {
                able.smtputf8 = true;
            } else if is("SIZE") {
                // Zero means that there is no bound.
                able.size = Some(words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0));
            } else if is("AUTH") {
                for mechanism in words {
                    able.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    able.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }
            }
        }
        able
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_any_case_and_any_order() {
        let able = Able::of(
            "cap.example greets you\nPIPELINING\nsize 10485760\n8bitmime\nSMTPUTF8\nSTARTTLS\nAUTH PLAIN LOGIN",
        );
        let all = Able {
            starttls: true,
            auth_plain: true,
            auth_login: true,
            pipelining: true,
            eight_bit: true,
            smtputf8: true,
            size: Some(Some(10_485_760)),
        };
        assert_eq!(able, all);
    }

    #[test]
    fn a_greeting_is_no_keyword_and_a_size_of_zero_is_no_bound() {
        assert_eq!(Able::of("STARTTLS"), Able::default());
        for text in ["x\nSIZE", "x\nSIZE 0", "x\nSIZE many"] {
            assert_eq!(Able::of(text).size, Some(None), "{text}");
        }
        assert!(Able::of("x\nAUTH=LOGIN CRAM-MD5").auth_login);
        assert!(!Able::of("x\nAUTH CRAM-MD5").auth_plain);
    }
}
