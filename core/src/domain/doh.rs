//! Questions to a resolver over HTTPS, in the JSON that Cloudflare's and Google's take (`application/dns-json`).

use super::plan::RecordType;
use crate::{
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
};
use alloc::{format, string::String, vec::Vec};
use serde::Deserialize;

/// A name and a type to ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The whole name.
    pub name: String,
    /// The type.
    pub record_type: RecordType,
}

/// What is known of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These records, and no others; a name that does not exist has none.
    Records(Vec<String>),
    /// The resolver could not tell, and why.
    Unknown(&'static str),
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "Status")]
    status: u16,
    #[serde(rename = "TC", default)]
    truncated: bool,
    #[serde(rename = "Answer", default)]
    answer: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    number: u16,
    data: String,
}

/// What is wrong with a resolver's address; `None` when nothing is. It is `https`, or `http` on the loopback.
#[must_use]
pub fn resolver_fault(url: &str) -> Option<&'static str> {
    let is_loopback = |rest: &str| {
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        matches!(host, "127.0.0.1" | "localhost" | "[::1]")
    };
    let is_safe = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => !rest.is_empty(),
        (None, Some(rest)) => is_loopback(rest),
        (None, None) => false,
    };
    let is_bare = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['?', '#', '@']);
    (!is_safe || !is_bare).then_some("a resolver is an https address, or http on the loopback, without a query")
}

impl Question {
    /// The request that asks it of a resolver.
    #[must_use]
    pub fn request(&self, resolver: &str) -> HttpRequest {
        let (record_type, _) = self.record_type.row();
        // A name of ours has letters, digits, hyphens, underscores and dots only.
        let url = format!("{resolver}?name={}&type={record_type}", self.name);
        let headers = alloc::vec![("accept", MEDIA_TYPE.into())];
        HttpRequest { method: "GET", url, headers, body: Vec::new() }
    }

    /// What a resolver's answer says.
    #[must_use]
    pub fn answer(&self, result: Result<&HttpResponse, TransportFailure>) -> Answer {
        let Ok(response) = result else { return Answer::Unknown("the resolver was not reached") };
        if response.status != 200 {
            return Answer::Unknown("the resolver answered with another status than 200");
        }
        if response.body.len() > MAX_BODY {
            return Answer::Unknown("the resolver's answer is too long");
        }
        let Ok(body) = serde_json::from_slice::<Body>(&response.body) else {
            return Answer::Unknown("the resolver's answer is not application/dns-json");
        };
        match body.status {
            _ if body.truncated => Answer::Unknown("the resolver's answer is cut off"),
            NO_ERROR | NO_SUCH_NAME => {
                let (_, number) = self.record_type.row();
                // A chain of aliases stands in the answer as well; only what was asked for counts.
                let own = body.answer.into_iter().filter(|entry| entry.number == number);
                Answer::Records(own.map(|entry| self.plain(&entry.data)).collect())
            }
            _ => Answer::Unknown("the resolver says that it failed"),
        }
    }

    /// A record's data in one form, however the resolver writes it.
    fn plain(&self, data: &str) -> String {
        match self.record_type {
            RecordType::Txt => unquoted(data),
            RecordType::Cname => data.trim_end_matches('.').to_ascii_lowercase(),
            RecordType::Mx => {
                let host = data.rsplit(' ').next().unwrap_or_default();
                host.trim_end_matches('.').to_ascii_lowercase()
            }
        }
    }
}

/// The text of a TXT record: its strings in quotes behind each other, or the text alone.
fn unquoted(data: &str) -> String {
    if !data.starts_with('"') {
        return data.into();
    }
    let (mut text, mut is_inside, mut is_escaped) = (String::new(), false, false);
    for character in data.chars() {
        match character {
            _ if is_escaped => {
                text.push(character);
                is_escaped = false;
            }
            '\\' if is_inside => is_escaped = true,
            '"' => is_inside = !is_inside,
            _ if is_inside => text.push(character),
            _ => {}
        }
    }
    text
}

const MEDIA_TYPE: &str = "application/dns-json";
/// RFC 1035 and RFC 2136: what a name has and that there is no such name.
const NO_ERROR: u16 = 0;
const NO_SUCH_NAME: u16 = 3;
/// A DNS message is at most 65,535 bytes; JSON and quotes may double it.
const MAX_BODY: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(record_type: RecordType, body: &str) -> Answer {
        let question = Question { name: "shop.example".into(), record_type };
        let response = HttpResponse { status: 200, headers: Vec::new(), body: body.into() };
        question.answer(Ok(&response))
    }

    fn records(list: &[&str]) -> Answer {
        Answer::Records(list.iter().map(|text| (*text).into()).collect())
    }

    #[test]
    fn a_question_is_a_get_for_json() {
        let question = Question { name: "_dmarc.shop.example".into(), record_type: RecordType::Txt };
        let request = question.request("https://cloudflare-dns.com/dns-query");
        assert_eq!(request.url, "https://cloudflare-dns.com/dns-query?name=_dmarc.shop.example&type=TXT");
        assert_eq!((request.method, request.headers.len(), request.body.len()), ("GET", 1, 0));
        assert_eq!(request.headers[0], ("accept", "application/dns-json".into()));
    }

    /// The shape of Cloudflare's documentation of its JSON format; aliases stand before what was asked for.
    #[test]
    fn the_records_asked_for_are_read_and_others_are_not() {
        let body = r#"{"Status":0,"TC":false,"RD":true,"RA":true,"AD":true,"CD":false,
            "Question":[{"name":"shop.example.","type":16}],
            "Answer":[{"name":"shop.example.","type":5,"TTL":60,"data":"other.example."},
                      {"name":"other.example.","type":16,"TTL":60,"data":"\"v=spf1 include:a.example\" \" ~all\""},
                      {"name":"other.example.","type":16,"TTL":60,"data":"as it is"},
                      {"name":"other.example.","type":16,"TTL":60,"data":"\"a \\\"quote\\\" and a \\\\\""}]}"#;
        assert_eq!(
            asked(RecordType::Txt, body),
            records(&["v=spf1 include:a.example ~all", "as it is", "a \"quote\" and a \\"])
        );
        assert_eq!(asked(RecordType::Cname, body), records(&["other.example"]));
        let mx = r#"{"Status":0,"Answer":[{"type":15,"data":"10 MX1.Shop.Example."}]}"#;
        assert_eq!(asked(RecordType::Mx, mx), records(&["mx1.shop.example"]));
    }

    #[test]
    fn a_name_that_does_not_exist_has_no_records_and_a_resolver_that_fails_says_nothing() {
        assert_eq!(asked(RecordType::Txt, r#"{"Status":3}"#), records(&[]));
        assert_eq!(asked(RecordType::Txt, r#"{"Status":0}"#), records(&[]));
        for body in [r#"{"Status":2}"#, r#"{"Status":5}"#, r#"{"Status":0,"TC":true}"#, "{}", "", "<html>", "[]"] {
            assert!(matches!(asked(RecordType::Txt, body), Answer::Unknown(_)), "{body}");
        }
        let question = Question { name: "shop.example".into(), record_type: RecordType::Txt };
        let response = HttpResponse { status: 503, headers: Vec::new(), body: br#"{"Status":0}"#.to_vec() };
        assert!(matches!(question.answer(Ok(&response)), Answer::Unknown(_)));
        let long = HttpResponse { status: 200, headers: Vec::new(), body: alloc::vec![b' '; 200_001] };
        assert!(matches!(question.answer(Ok(&long)), Answer::Unknown(_)));
    }

    #[test]
    fn a_resolver_is_asked_over_tls_or_on_this_machine() {
        for good in
            ["https://dns.example/q", "http://127.0.0.1:8053/dns-query", "http://localhost", "http://[::1]:80/x"]
        {
            assert_eq!(resolver_fault(good), None, "{good}");
        }
        let bad = [
            "",
            "https://",
            "http://dns.example/",
            "ftp://x",
            "https://x/?a",
            "https://u@x/",
            "http://127.0.0.1.example/",
        ];
        for bad in bad {
            assert!(resolver_fault(bad).is_some(), "{bad}");
        }
    }
}
