//! The records that a domain needs and what a look at DNS says of them, with a resolver that the test scripts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail loudly")]

use sendgate_core::{
    domain::{
        Answer, Check, DomainName, MAX_QUESTIONS, MAX_RECORDS, Outcome, PlanError, ProviderUse, Purpose, RecordPlan,
        RecordState, RecordType, ownership_token,
    },
    http::HttpResponse,
    outcome::TransportFailure,
    provider::ProviderKind,
};
use std::collections::BTreeMap;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const RESOLVER: &str = "https://dns.example/dns-query";

type Parameters = serde_json::Map<String, serde_json::Value>;

fn shop() -> DomainName {
    DomainName::parse("shop.example").unwrap()
}

fn parameters(list: &[(&str, &str)]) -> Parameters {
    list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn plan(providers: &[(&str, ProviderKind, Parameters)]) -> Result<RecordPlan, PlanError> {
    let uses: Vec<_> =
        providers.iter().map(|(name, kind, parameters)| ProviderUse { name, kind: *kind, parameters }).collect();
    RecordPlan::of(&shop(), TOKEN, &uses)
}

/// The records of a plan, as `purpose type name value`.
fn lines(plan: &RecordPlan) -> Vec<String> {
    let line = |record: &sendgate_core::domain::WantedRecord| {
        let (record_type, _) = record.record_type.row();
        format!("{:?} {record_type} {} {}", record.purpose, record.name, record.value)
    };
    plan.records.iter().map(line).collect()
}

fn two_selectors() -> Parameters {
    Parameters::from_iter([("dkim".into(), serde_json::json!(["aaa", "bbb"]))])
}

/// A zone, and how many questions it was asked.
#[derive(Default)]
struct Zone {
    records: BTreeMap<(String, &'static str), Vec<String>>,
    broken: Vec<String>,
    asked: usize,
}

impl Zone {
    fn add(&mut self, name: &str, record_type: &'static str, data: &str) -> &mut Self {
        self.records.entry((name.into(), record_type)).or_default().push(data.into());
        self
    }

    /// What is published when a plan's records are, as a resolver writes them.
    fn of(plan: &RecordPlan) -> Self {
        let mut zone = Self::default();
        for record in &plan.records {
            let data = match record.record_type {
                RecordType::Txt => format!("\"{}\"", record.value),
                RecordType::Cname => format!("{}.", record.value.to_uppercase()),
                RecordType::Mx => format!("20 {}.", record.value.rsplit(' ').next().unwrap()),
            };
            zone.add(&record.name, record.record_type.row().0, &data);
        }
        zone
    }

    fn without(mut self, name: &str) -> Self {
        self.records.retain(|(known, _), _| known != name);
        self
    }

    fn with(mut self, name: &str, record_type: &'static str, data: &str) -> Self {
        self.records.insert((name.into(), record_type), vec![data.into()]);
        self
    }

    fn answer(&mut self, name: &str, record_type: RecordType, url: &str) -> Result<HttpResponse, TransportFailure> {
        self.asked += 1;
        let (word, number) = record_type.row();
        assert_eq!(url, format!("{RESOLVER}?name={name}&type={word}"));
        if self.broken.iter().any(|broken| broken == name) {
            return Ok(HttpResponse { status: 200, headers: vec![], body: br#"{"Status":2}"#.to_vec() });
        }
        let found = self.records.get(&(name.to_owned(), word)).cloned().unwrap_or_default();
        let answer: Vec<_> = found.iter().map(|data| serde_json::json!({"type": number, "data": data})).collect();
        let body = serde_json::json!({"Status": if found.is_empty() { 3 } else { 0 }, "Answer": answer});
        Ok(HttpResponse { status: 200, headers: vec![], body: body.to_string().into_bytes() })
    }

    /// Looks until there are no more questions.
    fn look<'p>(&mut self, plan: &'p RecordPlan) -> Check<'p> {
        let mut check = Check::of(plan);
        loop {
            let questions = check.questions();
            if questions.is_empty() {
                return check;
            }
            for question in questions {
                let url = question.request(RESOLVER).url;
                let result = self.answer(&question.name, question.record_type, &url);
                let answer = question.answer(result.as_ref().map_err(|failure| *failure));
                check.learn(question, answer);
            }
        }
    }
}

fn state_of(check: &Check<'_>, purpose: Purpose) -> RecordState {
    check.findings().iter().find(|finding| finding.record.purpose == purpose).unwrap().state
}

/// R075: what SES's console shows, with the account's own selectors and region; a whole set of records.
#[test]
fn the_records_of_a_provider_are_filled_with_the_accounts_own_values() {
    let mut ses = two_selectors();
    ses.extend(parameters(&[("return_path", "bounce"), ("region", "eu-west-1")]));
    assert_eq!(
        lines(&plan(&[("main", ProviderKind::Ses, ses)]).unwrap()),
        [
            "Ownership TXT _sendgate.shop.example sendgate=0123456789abcdef0123456789abcdef",
            "Dkim CNAME aaa._domainkey.shop.example aaa.dkim.amazonses.com",
            "Dkim CNAME bbb._domainkey.shop.example bbb.dkim.amazonses.com",
            "ReturnPath MX bounce.shop.example 10 feedback-smtp.eu-west-1.amazonses.com",
            "Spf TXT bounce.shop.example v=spf1 include:amazonses.com ~all",
            "Dmarc TXT _dmarc.shop.example v=DMARC1; p=none",
        ]
    );
}

/// R075: one name has one SPF record, however many providers send.
#[test]
fn spf_records_of_several_providers_are_one() {
    let mailgun = parameters(&[("selector", "mg"), ("dkim", "k=rsa; p=AAAA")]);
    let plan = plan(&[
        ("first", ProviderKind::Mailgun, mailgun),
        ("second", ProviderKind::Mailersend, Parameters::new()),
        ("third", ProviderKind::Smtp, parameters(&[("spf", "_spf.host.example")])),
    ])
    .unwrap();
    let spf: Vec<_> = plan.records.iter().filter(|record| record.purpose == Purpose::Spf).collect();
    assert_eq!(spf.len(), 1);
    assert_eq!(spf[0].value, "v=spf1 include:mailgun.org include:_spf.mailersend.net include:_spf.host.example ~all");
    assert_eq!(spf[0].providers, ["first", "second", "third"]);
    assert!(spf[0].required && !plan.asks_too_often());
}

/// A provider that is there twice wants its records once.
#[test]
fn the_same_record_is_wanted_once() {
    let plan =
        plan(&[("one", ProviderKind::Ses, two_selectors()), ("two", ProviderKind::Ses, two_selectors())]).unwrap();
    assert_eq!(plan.records.len(), 4);
    assert_eq!(plan.records[1].providers, ["one", "two"]);
}

#[test]
fn what_is_missing_unknown_or_malformed_is_named() {
    let error = |kind, parameters| {
        let error = plan(&[("main", kind, parameters)]).unwrap_err();
        (error.code(), error.field())
    };
    assert_eq!(error(ProviderKind::Ses, Parameters::new()), ("missing_parameter", "providers.main.dkim".into()));
    let extra = parameters(&[("dkim", "aaa"), ("selector", "x")]);
    assert_eq!(error(ProviderKind::Ses, extra), ("unknown_parameter", "providers.main".into()));
    for bad in ["", "a b", "a..b", "a{b}", "ä", "a\nb", &"x".repeat(64), &"x".repeat(1_001)] {
        let (code, _) = error(ProviderKind::Ses, parameters(&[("dkim", bad)]));
        assert!(["invalid_value", "invalid_record_name"].contains(&code), "{bad}: {code}");
    }
    let many = |n: usize| Parameters::from_iter([("dkim".into(), serde_json::json!(vec!["x"; n]))]);
    assert_eq!(error(ProviderKind::Ses, many(0)).0, "invalid_value");
    assert_eq!(error(ProviderKind::Ses, many(9)).0, "invalid_value");
    for odd in [serde_json::json!(7), serde_json::json!([7]), serde_json::json!({}), serde_json::json!(null)] {
        assert_eq!(error(ProviderKind::Ses, Parameters::from_iter([("dkim".into(), odd)])).0, "invalid_value");
    }
    let texts: Vec<_> = (0..8).map(|n| format!("s{n}")).collect();
    let set = |name: usize| {
        let values: Vec<_> = texts.iter().map(|text| format!("{text}-{name}")).collect();
        Parameters::from_iter([("dkim".into(), serde_json::json!(values))])
    };
    let sets: Vec<_> = (0..4).map(|n| ("main", ProviderKind::Ses, set(n))).collect();
    assert_eq!(plan(&sets).unwrap_err(), PlanError::TooMany { got: MAX_RECORDS + 2 });
}

/// R074: verified only on matching DNS: whole, and with any one required record taken away or changed.
#[test]
fn every_required_record_counts() {
    let plan = plan(&[
        ("ses", ProviderKind::Ses, two_selectors()),
        ("mailgun", ProviderKind::Mailgun, parameters(&[("selector", "mg"), ("dkim", "k=rsa; p=AAAA")])),
        ("resend", ProviderKind::Resend, parameters(&[("dkim", "p=BBBB")])),
    ])
    .unwrap();
    assert_eq!(Zone::of(&plan).look(&plan).outcome(), Outcome::Matches);
    assert_eq!(Zone::default().look(&plan).outcome(), Outcome::Missing);
    for record in &plan.records {
        let missing = Zone::of(&plan).without(&record.name).look(&plan).outcome();
        let (word, _) = record.record_type.row();
        let changed = Zone::of(&plan).with(&record.name, word, "\"other.example\"").look(&plan).outcome();
        let want = if record.required { Outcome::Missing } else { Outcome::Matches };
        assert_eq!((missing, changed), (want, want), "{}", record.name);
        let mut zone = Zone::of(&plan);
        zone.broken.push(record.name.clone());
        let want = if record.required { Outcome::Unknown } else { Outcome::Matches };
        assert_eq!(zone.look(&plan).outcome(), want, "{}", record.name);
    }
}

/// Nobody verifies a domain with what another account published.
#[test]
fn the_ownership_text_is_an_accounts_own() {
    let token = |secret, account, domain: &str| ownership_token(secret, account, &DomainName::parse(domain).unwrap());
    let one = token("a secret", "shop", "shop.example");
    assert_eq!(one.len(), 32);
    assert_eq!(one, token("a secret", "shop", "SHOP.example"));
    for other in [
        token("a secret", "bank", "shop.example"),
        token("another secret", "shop", "shop.example"),
        token("a secret", "shop", "other.example"),
        token("a secret", "shops", "hop.example"),
    ] {
        assert_ne!(one, other);
    }
    let plan = plan(&[]).unwrap();
    let zone = || Zone::of(&plan);
    assert_eq!(zone().look(&plan).outcome(), Outcome::Matches);
    let other = format!("\"sendgate={}\"", TOKEN.replace('0', "1"));
    assert_eq!(zone().with("_sendgate.shop.example", "TXT", &other).look(&plan).outcome(), Outcome::Missing);
}

#[test]
fn a_dkim_key_is_compared_as_a_key() {
    let plan =
        plan(&[("pm", ProviderKind::Postmark, parameters(&[("selector", "pm"), ("dkim", "k=rsa; p=AA+/BB==")]))]);
    let plan = plan.unwrap();
    let state = |text: &str| {
        state_of(&Zone::of(&plan).with("pm._domainkey.shop.example", "TXT", text).look(&plan), Purpose::Dkim)
    };
    assert_eq!(state("\"v=DKIM1; k=rsa; t=s; p=AA+/\" \" BB==\""), RecordState::Found);
    assert_eq!(state("\"p=AA+/BC==\""), RecordState::Differs);
    assert_eq!(state("\"v=DKIM1; p=\""), RecordState::Differs, "a revoked key");
    assert_eq!(state("\"something else\""), RecordState::Missing);
}

/// Cloudflare publishes its own key: any that is not revoked will do.
#[test]
fn a_key_that_nobody_names_may_be_any() {
    let plan = plan(&[("cf", ProviderKind::Cloudflare, Parameters::new())]).unwrap();
    let state = |text: &str| {
        state_of(&Zone::of(&plan).with("cf-bounce._domainkey.shop.example", "TXT", text).look(&plan), Purpose::Dkim)
    };
    assert_eq!(state("\"v=DKIM1; p=AAAA\""), RecordState::Found);
    assert_eq!(state("\"v=DKIM1; p=\""), RecordState::Differs);
    assert_eq!(state("\"v=DKIM1\""), RecordState::Missing);
}

/// RFC 7208 section 4.5: what is there already is kept, and two records are an error.
#[test]
fn an_spf_record_that_is_there_is_merged() {
    let plan = plan(&[("ms", ProviderKind::Mailersend, Parameters::new())]).unwrap();
    let spf = |zone: Zone| {
        let mut zone = zone;
        let check = zone.look(&plan);
        let finding = check.findings().into_iter().find(|finding| finding.record.purpose == Purpose::Spf).unwrap();
        (finding.state, finding.merged)
    };
    let published = |text: &str| Zone::of(&plan).with("shop.example", "TXT", &format!("\"{text}\""));
    assert_eq!(spf(published("v=spf1 mx include:_spf.mailersend.net -all")), (RecordState::Found, None));
    let merged = Some("v=spf1 mx include:_spf.mailersend.net -all".into());
    assert_eq!(spf(published("v=spf1 mx -all")), (RecordState::Differs, merged));
    assert_eq!(spf(published("another text")), (RecordState::Missing, None));
    let mut two = Zone::of(&plan);
    two.add("shop.example", "TXT", "\"v=spf1 include:other.example -all\"");
    let merged = Some("v=spf1 include:_spf.mailersend.net include:other.example ~all".into());
    assert_eq!(spf(two), (RecordState::Differs, merged));
}

/// RFC 7208 section 4.6.4: ten are followed, an eleventh is an error; included records count.
#[test]
fn lookups_are_counted_through_included_records() {
    let plan = plan(&[("ms", ProviderKind::Mailersend, Parameters::new())]).unwrap();
    let lookups = |deep: usize| {
        let mut zone = Zone::of(&plan);
        let inner: Vec<_> = (0..deep).map(|n| format!("include:d{n}.example")).collect();
        zone.add("_spf.mailersend.net", "TXT", &format!("\"v=spf1 {} -all\"", inner.join(" ")));
        let check = zone.look(&plan);
        let finding = check.findings().into_iter().find(|finding| finding.record.purpose == Purpose::Spf).unwrap();
        (finding.state, finding.too_many_lookups)
    };
    assert_eq!(lookups(9), (RecordState::Found, None));
    assert_eq!(lookups(10), (RecordState::Found, Some(11)));
    let mut circle = Zone::of(&plan);
    circle.add("_spf.mailersend.net", "TXT", "\"v=spf1 include:_spf.mailersend.net -all\"");
    let finding = circle.look(&plan).findings().into_iter().find(|f| f.record.purpose == Purpose::Spf).unwrap();
    assert_eq!(finding.too_many_lookups, Some(11), "a circle ends");
    assert!(circle.asked < 10);
}

/// RFC 7489 section 6.6.3, and section 6.6.3 step 5: more than one policy is none.
#[test]
fn a_dmarc_policy_may_be_the_organisations() {
    let domain = DomainName::parse("news.shop.example").unwrap();
    let plan = RecordPlan::of(&domain, TOKEN, &[]).unwrap();
    let state = |zone: Zone| state_of(&{ zone }.look(&plan), Purpose::Dmarc);
    let bare = || Zone::of(&plan).without("_dmarc.news.shop.example");
    assert_eq!(state(Zone::of(&plan)), RecordState::Found);
    assert_eq!(state(bare()), RecordState::Missing);
    assert_eq!(state(bare().with("_dmarc.shop.example", "TXT", "\"v=DMARC1; p=reject; sp=none\"")), RecordState::Found);
    for odd in ["v=DMARC1", "v=DMARC1; p=maybe"] {
        let zone = bare().with("_dmarc.shop.example", "TXT", &format!("\"{odd}\""));
        assert_eq!(state(zone), RecordState::Differs, "{odd}");
    }
    assert_eq!(state(bare().with("_dmarc.shop.example", "TXT", "\"p=none; v=DMARC1\"")), RecordState::Missing);
    let mut two = Zone::of(&plan);
    two.add("_dmarc.news.shop.example", "TXT", "\"v=DMARC1; p=none\"");
    assert_eq!(state(two), RecordState::Differs);
}

/// What cannot be asked any more stays unknown, and unknown verifies nothing.
#[test]
fn a_look_ends_after_a_bounded_number_of_questions() {
    let plan = plan(&[("ms", ProviderKind::Mailersend, Parameters::new())]).unwrap();
    let mut check = Check::of(&plan);
    assert_eq!(check.outcome(), Outcome::Unknown, "nothing was asked");
    let asked = check.questions().len();
    assert!((1..=MAX_QUESTIONS).contains(&asked));
    for question in check.questions() {
        check.learn(question, Answer::Unknown("the resolver was not reached"));
    }
    assert_eq!((check.questions().len(), check.outcome()), (0, Outcome::Unknown));
}
