//! A look at DNS: what is still to be asked, and what the answers say of each record.

use super::{
    doh::{Answer, Question},
    plan::{DMARC_NAME, Purpose, RecordPlan, RecordType, WantedRecord},
    spf::{MAX_LOOKUPS, Spf},
    standing::Outcome,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A look under way.
pub struct Check<'p> {
    plan: &'p RecordPlan,
    /// Few: a list is smaller than a tree.
    answers: Vec<(Question, Answer)>,
}

/// What DNS says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// It is there as wanted.
    Found,
    /// There is nothing of the kind.
    Missing,
    /// There is something else.
    Differs,
    /// The resolver could not tell.
    Unknown,
}

/// A record with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'p> {
    /// The record.
    pub record: &'p WantedRecord,
    /// What DNS says of it.
    pub state: RecordState,
    /// What to publish in the place of what is there: of an SPF record both together, because a name may have but one.
    pub merged: Option<String>,
    /// Terms of the published SPF record that ask DNS, when they are more than receivers follow.
    pub too_many_lookups: Option<usize>,
}

impl RecordState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
        }
    }
}

impl<'p> Check<'p> {
    /// A look at a plan's records.
    #[must_use]
    pub const fn of(plan: &'p RecordPlan) -> Self {
        Self { plan, answers: Vec::new() }
    }

    /// Takes an answer in.
    pub fn learn(&mut self, question: Question, answer: Answer) {
        self.answers.push((question, answer));
    }

    fn answer(&self, question: &Question) -> Option<&Answer> {
        self.answers.iter().find(|(known, _)| known == question).map(|(_, answer)| answer)
    }

    /// What is still to be asked; nothing when the look is over. At most [`MAX_QUESTIONS`] are asked in all: what is beyond
    /// them stays unknown.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let mut open: Vec<Question> = Vec::new();
        for record in &self.plan.records {
            match record.purpose {
                Purpose::Dmarc => open.extend(self.dmarc().err()),
                Purpose::Spf => {
                    let own = ask(&record.name, RecordType::Txt);
                    match self.answer(&own) {
                        None => open.push(own),
                        Some(Answer::Records(texts)) => {
                            let spf = texts.iter().find_map(|text| Spf::parse(text));
                            open.extend(spf.and_then(|spf| self.lookups(&spf).err()).unwrap_or_default());
                        }
                        Some(Answer::Unknown(_)) => {}
                    }
                }
                Purpose::Ownership | Purpose::Dkim | Purpose::ReturnPath | Purpose::Tracking => {
                    let own = ask(&record.name, record.record_type);
                    if self.answer(&own).is_none() {
                        open.push(own);
                    }
                }
            }
        }
        open.sort_unstable();
        open.dedup();
        open.truncate(MAX_QUESTIONS.saturating_sub(self.answers.len()));
        open
    }

    /// What the answers say of each record, in the plan's order.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding<'p>> {
        self.plan.records.iter().map(|record| self.finding(record)).collect()
    }

    /// What the answers say of the domain: what is missing counts more than what is unknown.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let required: Vec<_> = self.findings().into_iter().filter(|finding| finding.record.required).collect();
        let any = |state| required.iter().any(|finding| finding.state == state);
        if any(RecordState::Missing) || any(RecordState::Differs) {
            Outcome::Missing
        } else if any(RecordState::Unknown) {
            Outcome::Unknown
        } else {
            Outcome::Matches
        }
    }

    fn finding(&self, record: &'p WantedRecord) -> Finding<'p> {
        let with = |state| Finding { record, state, merged: None, too_many_lookups: None };
        if record.purpose == Purpose::Dmarc {
            return with(self.dmarc().unwrap_or(RecordState::Unknown));
        }
        let Some(Answer::Records(found)) = self.answer(&ask(&record.name, record.record_type)) else {
            return with(RecordState::Unknown);
        };
        match record.purpose {
            Purpose::Spf => self.spf(record, found),
            Purpose::Dkim if record.record_type == RecordType::Txt => {
                let keys: Vec<_> = found.iter().filter_map(|text| public_key(text)).collect();
                let wanted = public_key(&record.value);
                let fits = |key: &String| !key.is_empty() && wanted.as_ref().is_none_or(|wanted| wanted == key);
                with(state(keys.iter().any(fits), keys.is_empty()))
            }
            Purpose::Ownership | Purpose::Dkim | Purpose::ReturnPath | Purpose::Tracking | Purpose::Dmarc => {
                let wanted = match record.record_type {
                    RecordType::Txt => record.value.clone(),
                    RecordType::Cname => record.value.trim_end_matches('.').to_ascii_lowercase(),
                    RecordType::Mx => {
                        let host = record.value.rsplit(' ').next().unwrap_or_default();
                        host.trim_end_matches('.').to_ascii_lowercase()
                    }
                };
                // Other texts of a name say nothing of this one; another alias or mail server is in its place.
                let others = record.record_type != RecordType::Txt && !found.is_empty();
                with(state(found.iter().any(|text| text.trim() == wanted), !others))
            }
        }
    }

    fn spf(&self, record: &'p WantedRecord, found: &[String]) -> Finding<'p> {
        let with = |state| Finding { record, state, merged: None, too_many_lookups: None };
        let published: Vec<Spf<'_>> = found.iter().filter_map(|text| Spf::parse(text)).collect();
        let wanted = Spf::parse(&record.value).map(|spf| spf.followed()).unwrap_or_default();
        match published.as_slice() {
            [] => with(RecordState::Missing),
            [spf] => {
                let is_whole = wanted.iter().all(|domain| spf.includes(domain));
                Finding {
                    merged: (!is_whole).then(|| spf.with(&wanted)),
                    too_many_lookups: self.lookups(spf).ok().filter(|lookups| *lookups > MAX_LOOKUPS),
                    ..with(state(is_whole, false))
                }
            }
            // Two records are an error for every receiver (RFC 7208 section 4.5).
            [first, others @ ..] => {
                let all: Vec<&str> = others.iter().flat_map(Spf::followed).chain(wanted).collect();
                Finding { merged: Some(first.with(&all)), ..with(RecordState::Differs) }
            }
        }
    }

    /// How many terms of an SPF record ask DNS, those of included records counted in, up to one more than are allowed; or
    /// what has to be asked first. A record that is not known asks nothing more.
    fn lookups(&self, spf: &Spf<'_>) -> Result<usize, Vec<Question>> {
        let mut lookups = spf.lookups();
        let mut open = Vec::new();
        let mut ahead: Vec<String> = spf.followed().iter().map(|domain| domain.to_ascii_lowercase()).collect();
        while let Some(domain) = ahead.pop() {
            if lookups > MAX_LOOKUPS {
                break;
            }
            // A macro's value hangs on the mail.
            if !domain.split('.').all(|label| !label.is_empty() && label.bytes().all(is_name_byte)) {
                continue;
            }
            let question = ask(&domain, RecordType::Txt);
            match self.answer(&question) {
                Some(Answer::Records(texts)) => {
                    if let Some(included) = texts.iter().find_map(|text| Spf::parse(text)) {
                        lookups = lookups.saturating_add(included.lookups());
                        ahead.extend(included.followed().iter().map(|domain| domain.to_ascii_lowercase()));
                    }
                }
                Some(Answer::Unknown(_)) => {}
                None => open.push(question),
            }
        }
        if open.is_empty() || lookups > MAX_LOOKUPS { Ok(lookups) } else { Err(open) }
    }

    /// Whether the domain, or one that it is below, has a DMARC policy; or what has to be asked first. Receivers take the
    /// policy of the organisation where a domain has none (RFC 7489 section 6.6.3).
    fn dmarc(&self) -> Result<RecordState, Question> {
        let mut domain = self.plan.domain.as_str();
        let mut state = RecordState::Missing;
        while domain.contains('.') {
            let question = ask(&format!("{DMARC_NAME}.{domain}"), RecordType::Txt);
            match self.answer(&question) {
                None => return Err(question),
                Some(Answer::Unknown(_)) => return Ok(RecordState::Unknown),
                Some(Answer::Records(texts)) => {
                    let mut policies = texts.iter().filter(|text| is_dmarc(text));
                    match (policies.next(), policies.next()) {
                        (Some(text), None) if has_policy(text) => return Ok(RecordState::Found),
                        // Two, or one without a policy, are none for a receiver.
                        (Some(_), _) => state = RecordState::Differs,
                        (None, _) => {}
                    }
                }
            }
            domain = domain.split_once('.').map_or("", |(_, parent)| parent);
        }
        Ok(state)
    }
}

const fn state(is_there: bool, is_empty: bool) -> RecordState {
    match (is_there, is_empty) {
        (true, _) => RecordState::Found,
        (false, true) => RecordState::Missing,
        (false, false) => RecordState::Differs,
    }
}

fn ask(name: &str, record_type: RecordType) -> Question {
    Question { name: name.to_string(), record_type }
}

/// The key of a DKIM record, without the spaces that it may be folded with (RFC 6376 section 3.6.1); empty when it was
/// revoked, `None` when there is none.
fn public_key(text: &str) -> Option<String> {
    let key = tag(text, "p")?;
    Some(key.chars().filter(|character| !character.is_ascii_whitespace()).collect())
}

/// RFC 7489 section 6.3: the version stands first.
fn is_dmarc(text: &str) -> bool {
    text.split(';')
        .next()
        .and_then(|first| first.split_once('='))
        .is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("v") && value.trim() == "DMARC1")
}

fn has_policy(text: &str) -> bool {
    tag(text, "p").is_some_and(|policy| {
        ["none", "quarantine", "reject"].iter().any(|known| policy.trim().eq_ignore_ascii_case(known))
    })
}

/// The value of a tag in a list of them.
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';')
        .filter_map(|tag| tag.split_once('='))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// A Worker may ask 50 times a request on the free plan.
pub const MAX_QUESTIONS: usize = 48;
