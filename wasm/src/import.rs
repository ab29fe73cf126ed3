//! An import of the suppression list as it streams in: piece by piece, with other requests in between.

use crate::account_gate::{Desk, MAX_BODY_BYTES, failed};
use crate::stream::Chunks;
use crate::{clock, wire};
use sendgate_core::account::{AccountError, Begun, Ended, Import};
use wasm_bindgen::prelude::*;
use web_sys::ReadableStream;

/// Takes an import and answers its request.
///
/// # Errors
/// The connection broke: nobody waits for an answer.
pub(crate) async fn take(desk: &Desk, pass: &str, body: &ReadableStream) -> Result<JsValue, JsValue> {
    let mut import = match desk.decide(|account, sql, now| account.begin_import(pass, sql, now)) {
        Ok(Begun::Answer(answer)) => return wire::pack(&answer),
        Ok(Begun::Import(import)) => import,
        Err(error) => return failed(pass, &error),
    };
    let ended = match read(desk, &mut import, body).await {
        Ok(ended) => ended,
        Err(error) => return failed(pass, &error),
    };
    match desk.decide(|account, sql, now| account.end_import(import, ended, sql, now)) {
        Ok(_) if ended == Ended::Broken => Err(JsValue::from_str("the import's body broke off")),
        Ok(answer) => wire::pack(&answer),
        Err(error) => failed(pass, &error),
    }
}

/// Reads to the end. Whenever the import has enough, that is a transaction of its own.
async fn read(desk: &Desk, import: &mut Import, body: &ReadableStream) -> Result<Ended, AccountError> {
    let Some(chunks) = Chunks::of(body) else { return Ok(Ended::Broken) };
    let mut length = 0_usize;
    loop {
        let chunk = match chunks.next().await {
            Ok(Some(chunk)) => chunk.to_vec(),
            Ok(None) => return Ok(Ended::Whole),
            Err(_) => return Ok(Ended::Broken),
        };
        length = length.saturating_add(chunk.len());
        if length > MAX_BODY_BYTES {
            chunks.cancel();
            return Ok(Ended::TooLong);
        }
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            rest = rest.get(import.feed(rest, clock::now())..).unwrap_or_default();
            if !rest.is_empty() {
                desk.decide(|account, sql, now| account.keep_import(import, sql, now))?;
            }
        }
    }
}
