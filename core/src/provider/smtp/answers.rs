//! What a mail server's answers mean.
//!
//! Codes after RFC 5321, RFC 4954 and RFC 3463. Before the final dot nobody has the mail, whatever happens; after it,
//! only an answer tells. What is refused before the mail was spoken of concerns the account, not the mail.

use super::super::{
    ProviderKind,
    classify::{Class, readable_id},
};
use crate::{
    event::{BounceTable, Enhanced, Evidence},
    outcome::{Answer, Outcome, Refused, RefusedReason},
    transport::{SmtpAnswer, SmtpEnd, SmtpRefusal, SmtpReply, SmtpStage, SmtpStop},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The meaning of a conversation.
pub(super) fn classify(reply: &SmtpReply) -> Answer {
    match &reply.end {
        SmtpEnd::Answered(answer) if is_taken(reply.stage, answer) => Answer {
            outcome: Outcome::Accepted { provider_message_id: message_id(&answer.text) },
            status: Some(answer.code),
            provider_code: None,
            refused: refused(&reply.refused),
        },
        SmtpEnd::Answered(answer) => refusal(reply.stage, answer),
        SmtpEnd::NobodyLeft => nobody_left(&reply.refused),
        SmtpEnd::Lost | SmtpEnd::Malformed if reply.stage == SmtpStage::Taken => {
            Answer::without_status(Outcome::Unknown)
        }
        SmtpEnd::Lost => Answer::without_status(Outcome::Transient { retry_at: None }),
        SmtpEnd::Malformed => word(Outcome::Transient { retry_at: None }, "malformed_answer"),
        SmtpEnd::Stopped(SmtpStop::NoTls) => word(Outcome::CredentialsWrong, "starttls_missing"),
        SmtpEnd::Stopped(SmtpStop::NoLogin) => word(Outcome::CredentialsWrong, "auth_missing"),
        SmtpEnd::Stopped(SmtpStop::TooLarge) => word(Outcome::PermanentlyRefused, "message_too_large"),
        SmtpEnd::Stopped(SmtpStop::NoSmtpUtf8) => word(Outcome::PermanentlyRefused, "smtputf8_missing"),
    }
}

fn is_taken(stage: SmtpStage, answer: &SmtpAnswer) -> bool {
    stage == SmtpStage::Taken && (200..300).contains(&answer.code)
}

/// An answer that ended the mail.
fn refusal(stage: SmtpStage, answer: &SmtpAnswer) -> Answer {
    Answer::new(class(stage, answer).outcome(None), answer.code, code_of(answer))
}

/// Every recipient was refused: what can pass for one of them is tried again, without those who were refused for good.
fn nobody_left(refusals: &[SmtpRefusal]) -> Answer {
    let answers = || refusals.iter().filter_map(|refusal| refusal.answer.as_ref());
    let ranked = answers().map(|answer| (rank(class(SmtpStage::Recipients, answer)), answer));
    let mut answer = match ranked.min_by_key(|(rank, _)| *rank) {
        Some((_, answer)) => refusal(SmtpStage::Recipients, answer),
        None => Answer::without_status(Outcome::Transient { retry_at: None }),
    };
    let is_theirs = |refusal: &&SmtpRefusal| {
        refusal.answer.as_ref().is_some_and(|answer| class(SmtpStage::Recipients, answer) == Class::Refused)
    };
    // A server that wants another login or sender has not looked at them.
    if !matches!(answer.outcome, Outcome::CredentialsWrong | Outcome::SenderRefused) {
        let theirs: Vec<SmtpRefusal> = refusals.iter().filter(is_theirs).cloned().collect();
        answer.refused = refused(&theirs);
    }
    answer
}

/// How much is left to hope for: least first.
const fn rank(class: Class) -> u8 {
    match class {
        Class::CredentialsWrong => 0,
        Class::SenderRefused => 1,
        Class::QuotaSpent => 2,
        Class::Throttled => 3,
        Class::Transient => 4,
        Class::RecipientSuppressed | Class::Refused | Class::Unknown => 5,
    }
}

fn class(stage: SmtpStage, answer: &SmtpAnswer) -> Class {
    let says = |words: &str| answer.text.contains(words);
    match (answer.code, answer.enhanced) {
        // RFC 4954 section 6, and RFC 5248 for 5.7.8 and 5.7.9 behind another code.
        (530 | 534 | 535 | 538, _) | (500..600, Some([5, 7, 8 | 9])) => Class::CredentialsWrong,
        // Amazon SES: "Throttling failure: Daily message quota exceeded", "... Maximum sending rate exceeded".
        (454, _) if says("Daily message quota exceeded") => Class::QuotaSpent,
        (454, _) if says("Throttling failure") => Class::Throttled,
        // "Mail system full": the storage that a submission service counts is the account's.
        (452, Some([4, 3, 1])) => Class::QuotaSpent,
        (421, _) | (400..500, Some([4, 7, _])) => Class::Throttled,
        (400..500, _) => Class::Transient,
        (500..600, _) if stage < SmtpStage::From => Class::CredentialsWrong,
        // RFC 3463 section 3.2: the sender's address is bad, whatever it is said in answer to.
        (500..600, Some([5, 1, 7 | 8])) => Class::SenderRefused,
        // A sender that is not the login's: servers say so at once, or at the first recipient.
        (553, Some([5, 7, 1])) => Class::SenderRefused,
        (550 | 553, _) | (500..600, Some([5, 7, _])) if stage == SmtpStage::From => Class::SenderRefused,
        // Amazon SES says it of the whole mail.
        (554, _) if says("Email address is not verified") => Class::SenderRefused,
        (500..600, _) => Class::Refused,
        _ => Class::Unknown,
    }
}

/// Who was refused alone; the bounce table says what a refusal for good means for the address.
fn refused(refusals: &[SmtpRefusal]) -> Vec<Refused> {
    let for_good = |refusal: &SmtpRefusal| refusal.answer.as_ref().is_some_and(|answer| answer.code >= 500);
    let table = refusals.iter().any(for_good).then(BounceTable::embedded);
    let one = |refusal: &SmtpRefusal| match (&refusal.answer, &table) {
        (Some(answer), Some(table)) if answer.code >= 500 => {
            let bounce = Some(table.classify(&evidence(answer)).0);
            Refused { bounce, ..Refused::new(refusal.address.clone(), RefusedReason::Permanent) }
        }
        (Some(_) | None, _) => Refused::new(refusal.address.clone(), RefusedReason::Transient),
    };
    refusals.iter().map(one).collect()
}

fn evidence(answer: &SmtpAnswer) -> Evidence<'_> {
    let enhanced = answer
        .enhanced
        .and_then(|[class, subject, detail]| Some(Enhanced { class: u8::try_from(class).ok()?, subject, detail }));
    let provider = ProviderKind::Smtp.as_str();
    Evidence { provider, word: None, enhanced, smtp: Some(answer.code), text: Some(&answer.text) }
}

/// The enhanced code as it is written.
fn code_of(answer: &SmtpAnswer) -> Option<String> {
    answer.enhanced.map(|[class, subject, detail]| format!("{class}.{subject}.{detail}"))
}

/// The id that a server hides in the text of its last answer: `queued as ID` (Postfix), `id=ID` (Exim), `Ok ID` (Amazon
/// SES), `Ok <ID>` (Cloudflare).
fn message_id(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let found = match &words[..] {
        [.., queued, "as", id] if queued.eq_ignore_ascii_case("queued") => Some(*id),
        [ok, id] if ok.trim_end_matches(':').eq_ignore_ascii_case("ok") && id.len() >= MIN_ID => Some(*id),
        _ => None,
    };
    let named = words.iter().find_map(|word| word.strip_prefix("id="));
    let id = named.or(found)?.trim_start_matches('<').trim_end_matches(['>', '.', ',', ';']);
    readable_id(id)
}

fn word(outcome: Outcome, code: &str) -> Answer {
    let mut answer = Answer::without_status(outcome);
    answer.provider_code = Some(code.to_string());
    answer
}

/// Shorter than any server's id, longer than the words that stand behind `Ok`.
const MIN_ID: usize = 12;
