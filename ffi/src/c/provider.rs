//! Requests to providers, what their answers mean, and what they report.

use super::{
    SendgateError, SendgateStatus,
    arena::Owned,
    copy_out, free, free_owned, guarded, items, optional, places, read, text,
    values_provider::{
        SendgateAnswer, SendgateCall, SendgateHttpResponse, SendgateProviderSettings, SendgateReport, SendgateWebhook,
        answer_view, call_view, report_view,
    },
    written,
};
use sendgate_core::{event::Trust, time::UnixMillis};
use sendgate_embed::{Provider, ProviderSettings};
use std::ffi::c_char;

/// A provider with its settings.
pub struct SendgateProvider(pub(crate) Provider);

/// Makes a provider of its word, such as "resend".
///
/// Free it with sendgate_provider_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_new(
    kind: *const c_char,
    settings: *const SendgateProviderSettings,
    provider: *mut *mut SendgateProvider,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (given, out) = (read("settings", settings)?, written("provider", provider)?);
        let owned = |name, pointer| Ok::<_, Box<SendgateError>>(optional(name, pointer)?.map(str::to_owned));
        let settings = ProviderSettings {
            credential: optional("credential", given.credential)?.unwrap_or_default().into(),
            base_url: owned("base_url", given.base_url)?,
            domain: owned("domain", given.domain)?,
            account_id: owned("account_id", given.account_id)?,
            region: owned("region", given.region)?,
        };
        let made = Provider::new(text("kind", kind)?, settings, sendgate_mime::compose)?;
        out.set(Box::into_raw(Box::new(SendgateProvider(made))))
    })
}

/// Makes the call that hands a message, as JSON text, to the provider. `message_id` is the caller's own id of it, up to
/// 256 visible ASCII characters: the idempotency key where there is one. The same arguments give the same bytes.
///
/// Free it with sendgate_call_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_build(
    provider: *const SendgateProvider,
    message_json: *const c_char,
    message_id: *const c_char,
    now: u64,
    call: *mut *mut SendgateCall,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (provider, out) = (read("provider", provider)?, written("call", call)?);
        let (message, id) = (text("message_json", message_json)?, text("message_id", message_id)?);
        let built = provider.0.build(message, id, UnixMillis::new(now))?;
        out.set(Owned::let_go(|arena| call_view(arena, built)))
    })
}

/// Makes the call that hands `count` messages, each with its id, to the provider at once. The code is "not_together" when
/// they cannot share a call.
///
/// Free it with sendgate_call_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_build_batch(
    provider: *const SendgateProvider,
    messages_json: *const *const c_char,
    message_ids: *const *const c_char,
    count: usize,
    now: u64,
    call: *mut *mut SendgateCall,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (provider, out) = (read("provider", provider)?, written("call", call)?);
        let messages = items("messages_json", messages_json, count)?;
        let both = messages.iter().zip(items("message_ids", message_ids, count)?);
        let both = both.map(|(message, id)| Ok((text("messages_json", *message)?, text("message_ids", *id)?)));
        let built =
            provider.0.build_batch(&both.collect::<Result<Vec<_>, Box<SendgateError>>>()?, UnixMillis::new(now))?;
        out.set(Owned::let_go(|arena| call_view(arena, built)))
    })
}

/// Says what an HTTP answer means. Any answer has a meaning.
///
/// Free it with sendgate_answer_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_classify(
    provider: *const SendgateProvider,
    response: *const SendgateHttpResponse,
    now: u64,
    answer: *mut *mut SendgateAnswer,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (provider, out) = (read("provider", provider)?, written("answer", answer)?);
        let reply = read("response", response)?.read()?.into();
        let classified = provider.0.classify(&reply, UnixMillis::new(now));
        out.set(Owned::let_go(|arena| answer_view(arena, &classified)))
    })
}

/// Says what an HTTP answer to a call of `count` messages means for each of them, in `answers`, which has room for
/// `count` pointers.
///
/// Free each with sendgate_answer_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_classify_batch(
    provider: *const SendgateProvider,
    response: *const SendgateHttpResponse,
    count: usize,
    now: u64,
    answers: *mut *mut SendgateAnswer,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let provider = read("provider", provider)?;
        let reply = read("response", response)?.read()?.into();
        let classified = provider.0.classify_batch(&reply, count, UnixMillis::new(now))?;
        places("answers", answers, count)?;
        let of = |answer| Owned::let_go(|arena| answer_view(arena, answer));
        copy_out("answers", &classified.iter().map(of).collect::<Vec<_>>(), answers)
    })
}

/// Verifies a provider's report and reads its events. When it fails, nothing of the request may be believed.
///
/// Free it with sendgate_report_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_parse_webhook(
    provider: *const SendgateProvider,
    webhook: *const SendgateWebhook,
    now: u64,
    report: *mut *mut SendgateReport,
    error: *mut *mut SendgateError,
) -> SendgateStatus {
    guarded(error, || {
        let (provider, out) = (read("provider", provider)?, written("report", report)?);
        let given = read("webhook", webhook)?;
        let owned = |name, list, count| {
            items(name, list, count)?
                .iter()
                .map(|one| text(name, *one).map(str::to_owned))
                .collect::<Result<Vec<_>, _>>()
        };
        let trust = Trust {
            secrets: owned("secrets", given.secrets, given.secret_count)?,
            header: optional("header", given.header)?.map(str::to_owned),
            // SAFETY: by the contract it is NULL or points to a number.
            tolerance_ms: unsafe { given.tolerance_ms.as_ref() }.copied(),
            topics: owned("topics", given.topics, given.topic_count)?,
            anchors: optional("roots", given.roots)?.map(str::to_owned),
        };
        let certificate = optional("certificate_url", given.certificate_url)?;
        let certificate = certificate.zip(optional("certificate_pem", given.certificate_pem)?);
        let headers = super::values_provider::headers(given.headers, given.header_count)?;
        let body = given.body.read("body")?;
        let received = provider.0.parse_webhook(&headers, body, &trust, certificate, UnixMillis::new(now))?;
        out.set(Owned::let_go(|arena| report_view(arena, received)))
    })
}

/// Frees a provider. What was made with it stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_provider_free(provider: *mut SendgateProvider) {
    free(provider);
}

/// Frees a call that sendgate_provider_build wrote.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_call_free(call: *mut SendgateCall) {
    free_owned(call);
}

/// Frees an answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_answer_free(answer: *mut SendgateAnswer) {
    free_owned(answer);
}

/// Frees a report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendgate_report_free(report: *mut SendgateReport) {
    free_owned(report);
}
