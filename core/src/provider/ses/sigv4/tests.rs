use super::*;
use alloc::{borrow::ToOwned, vec};
use serde_json::Value;

/// Secret and region of the captures: `captures/*.json` were made with them.
const KEYS: Keys<'_> =
    Keys { access_key: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token: None };

/// R069: botocore's canonical request, string to sign and authorization, letter by letter.
#[test]
fn botocores_vectors_are_met() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/data/sigv4_vectors.json")).unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        let (host, rest) = field("url").strip_prefix("https://").unwrap().split_once('/').unwrap();
        let path = alloc::format!("/{rest}");
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let token = vector["session_token"].as_str();
        let mut headers = vec![];
        if field("method") == "POST" {
            headers.push(("content-type", "application/json"));
        }
        headers.extend([("host", host), ("x-amz-date", field("amz_date"))]);
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let request =
            Signable { method: field("method"), path, query, headers: &headers, body: field("body").as_bytes() };
        let canonical = canonical_request(&request);
        assert_eq!(canonical, field("canonical_request"), "{}", field("name"));
        let scope = scope(field("amz_date"), field("region")).unwrap();
        assert_eq!(string_to_sign(field("amz_date"), &scope, &canonical), field("string_to_sign"));
        let credential = [field("access_key"), field("secret_key")].join(":");
        let credential = token.map_or(credential.clone(), |token| [&*credential, token].join(":"));
        let keys = Keys::parse(&credential).unwrap();
        let signed = authorization(&request, &keys, field("region"), field("amz_date")).unwrap();
        assert_eq!(signed, field("authorization"), "{}", field("name"));
    }
}

/// R069: what the SDKs signed on the wire, each with the header fields that it chose.
#[test]
fn the_sdks_own_signatures_are_ours() {
    let boto3 = include_str!("../../../../tests/data/boto3-sesv2.json");
    let javascript = include_str!("../../../../tests/data/aws-sdk-js-sesv2.json");
    let mut count = 0;
    for text in [boto3, javascript] {
        let file: Value = serde_json::from_str(text).unwrap();
        for request in file["requests"].as_array().unwrap() {
            let fields: Vec<(String, &str)> = request["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| (field[0].as_str().unwrap().to_ascii_lowercase(), field[1].as_str().unwrap()))
                .collect();
            let value = |name: &str| fields.iter().find(|(field, _)| field == name).unwrap().1;
            let want = value("authorization");
            let names = want.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
            let headers: Vec<(&str, &str)> = names.split(';').map(|name| (name, value(name))).collect();
            let (path, query) = {
                let path = request["path"].as_str().unwrap();
                path.split_once('?').unwrap_or((path, ""))
            };
            let body = request["body_text"].as_str().unwrap().as_bytes();
            let method = request["method"].as_str().unwrap();
            let signable = Signable { method, path, query, headers: &headers, body };
            let signed = authorization(&signable, &KEYS, "eu-west-1", value("x-amz-date")).unwrap();
            assert_eq!(signed, want, "{method} {path}");
            count += 1;
        }
    }
    assert_eq!(count, 9, "eight of boto3 and one of JavaScript");
}

#[test]
fn a_date_has_sixteen_characters() {
    for (instant, want) in [
        (0, "19700101T000000Z"),
        (1_796_119_200_999, "20261201T100000Z"),
        (951_782_399_000, "20000228T235959Z"),
        (u64::MAX, "99991230T000000Z"),
    ] {
        assert_eq!(date(UnixMillis::new(instant)).unwrap(), want);
    }
}

#[test]
fn a_credential_has_two_or_three_parts() {
    assert_eq!(Keys::parse("a:b:c").map(|keys| keys.session_token.map(str::to_owned)), Some(Some("c".into())));
    assert!(Keys::parse("a:b").is_some_and(|keys| keys.session_token.is_none()));
    for malformed in ["", "a", ":b", "a:", "a::c", "a:b:", "a:b:c:d"] {
        assert!(Keys::parse(malformed).is_none(), "{malformed}");
    }
}
