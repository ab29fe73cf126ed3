use super::*;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use proptest::prelude::*;

/// Characters that have a meaning in addresses, so that random texts come close to being some.
const MARKS: &str = "[-a-zA-Z0-9 .@<>()\",:;\\\\\\[\\]éßﬁ日\u{301}\u{200d}\u{202e}\r\n\t\u{0}]{0,24}";
const LOCAL: &str = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~éß日-]{1,8}(\\.[a-z0-9é]{1,8}){0,2}";
const QUOTED: &str = "\"[a-zA-Z @.,<>()\u{e9}]{1,12}\"";
const DOMAIN: &str = "[a-z0-9]([a-z0-9]{0,8}|[a-z0-9]{1,3}-[a-z]|[üéß]{1,4})(\\.[a-z]{2,6}){1,2}";

proptest! {
    #[test]
    fn no_text_panics(text in prop_oneof![".*", MARKS]) {
        let _ = Address::parse(&text);
        let _ = Mailbox::parse(&text);
    }

    #[test]
    fn what_was_read_prints_and_reads_as_the_same(text in prop_oneof![".{0,30}@.{0,30}", MARKS]) {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(Address::parse(address.as_str()), Ok(address));
        }
        if let Ok(mailbox) = Mailbox::parse(&text) {
            prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
        }
    }

    #[test]
    fn a_well_formed_address_is_read_and_its_print_is_its_own(
        local in prop_oneof![LOCAL, QUOTED], domain in DOMAIN, name in prop::option::of("[^\\p{C}\\p{Zl}\\p{Zp}]{1,40}")
    ) {
        let address = Address::parse(&format!("{local}@{domain}"));
        prop_assert!(address.is_ok(), "{:?}", address);
        let address = address.unwrap();
        prop_assert_eq!(&Address::parse(address.as_str()).unwrap(), &address);
        prop_assert_eq!(format!("{}@{}", address.local(), address.domain()), address.as_str());
        prop_assert!(address.domain().is_ascii());
        let mailbox = Mailbox::new(name.as_deref(), address).unwrap();
        prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
    }

    /// The quick way for plain addresses is no other grammar.
    #[test]
    fn a_plain_address_reads_as_the_whole_grammar_reads_it(
        text in prop_oneof![
            ".{0,30}@.{0,30}",
            MARKS,
            "[a-zA-Z0-9.!#'+_-]{0,70}@[a-zA-Z0-9.-]{0,80}",
            "[a-z.]{1,4}@([a-z0-9-]{0,5}\\.){1,4}[a-z0-9-]{0,4}",
            "[a-z]{60,68}@([a-z0-9]{60,66}\\.){1,4}[a-z0-9]{1,4}",
            "[a-z]{1,4}@(xn--|ab--)?[a-z0-9-]{1,8}\\.[a-z]{2,3}",
        ]
    ) {
        if let Some(address) = Address::parse_plain(&text) {
            prop_assert_eq!(Address::parse_whole(&text), Ok(address));
        }
        prop_assert_eq!(Address::read(text.as_str().into()), Address::parse_whole(&text));
        prop_assert_eq!(Mailbox::read(text.as_str().into()), Mailbox::parse(&text));
    }

    #[test]
    fn a_key_is_its_own_key_and_does_not_hang_on_case(local in LOCAL, domain in DOMAIN) {
        let key = Address::parse(&format!("{local}@{domain}")).unwrap().key();
        prop_assert_eq!(&Address::parse(&key).unwrap().key(), &key);
        let upper = format!("{}@{}", local.to_ascii_uppercase(), domain.to_ascii_uppercase());
        prop_assert_eq!(Address::parse(&upper).unwrap().key(), key);
    }

    /// Header injection: nothing that was read can end a line.
    #[test]
    fn no_print_holds_a_control_character(text in prop_oneof![".*", MARKS]) {
        if let Ok(mailbox) = Mailbox::parse(&text) {
            prop_assert!(!mailbox.to_string().chars().any(char::is_control));
        }
    }

    /// A comma-joined list of mailboxes has exactly the commas between them outside quotes, so it parts again.
    #[test]
    fn a_list_parts_at_its_commas(names in prop::collection::vec("[a-z,\"\\\\<>@ ]{1,10}", 1..5)) {
        let address = Address::parse("\"a,b\"@example.com").unwrap();
        let mailboxes: Vec<_> = names.iter().map(|name| Mailbox::new(Some(name), address.clone()).unwrap()).collect();
        let printed = MailboxList(&mailboxes.iter().collect::<Vec<_>>()).to_string();
        let (mut parts, mut quoted, mut escaped) = (Vec::from([String::new()]), false, false);
        for letter in printed.chars() {
            match letter {
                ',' if !quoted => parts.push(String::new()),
                other => parts.last_mut().unwrap().push(other),
            }
            quoted ^= letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
        }
        let read: Vec<_> = parts.iter().map(|part| Mailbox::parse(part).unwrap()).collect();
        prop_assert_eq!(read, mailboxes);
    }
}

#[test]
fn debug_shows_no_personal_data() {
    let mailbox = Mailbox::parse("Ann <ann@example.com>").unwrap();
    assert_eq!(
        format!("{mailbox:?} {:?} {:?}", mailbox.address, MailboxList(&[&mailbox])),
        "Mailbox(..) Address(..) MailboxList(1)"
    );
}

#[test]
fn errors_name_the_part_and_the_bound_and_never_the_text() {
    let long = format!("{}@example.com", "a".repeat(65));
    assert_eq!(Address::parse(&long).unwrap_err().to_string(), "the local part is longer than 64 octets");
    assert_eq!(Address::parse("secret@").unwrap_err().to_string(), "the domain is empty");
    assert_eq!(Address::parse("sec ret@a.example").unwrap_err().to_string(), "the local part is malformed");
    assert_eq!(Mailbox::parse("Team: a@b.example;").unwrap_err().to_string(), "group syntax is not supported");
    assert_eq!(
        Mailbox::parse("secret\n").unwrap_err().to_string(),
        "control characters and line breaks are not allowed"
    );
}

#[test]
fn every_code_is_listed_once() {
    let errors = [
        AddressError::Empty { part: Part::Local },
        AddressError::TooLong { part: Part::Name, bound: 1 },
        AddressError::ControlCharacter,
        AddressError::Malformed { part: Part::Mailbox },
        AddressError::Unsupported { syntax: "group" },
    ];
    assert_eq!(errors.map(|error| error.code()), AddressError::CODES);
}

#[test]
fn a_huge_text_is_refused_before_much_work() {
    let domain = "é.".repeat(1_000_000);
    assert!(Address::parse(&format!("a@{domain}")).is_err());
}

#[test]
fn the_addresses_that_most_people_have_are_plain() {
    for text in ["ann@example.com", "ann.b+news@mail.shop-1.example", "o'neil_%@7.example"] {
        assert!(Address::parse_plain(text).is_some(), "{text}");
    }
    let others = [
        "Ann@Example.com",
        "ann@bücher.example",
        "a..b@example.com",
        "ann@example",
        "ann@10.0.0.1",
        "ann@xn--a.example",
    ];
    for text in others {
        assert!(Address::parse_plain(text).is_none(), "{text}");
    }
}
