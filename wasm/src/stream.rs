//! Reads a stream of bytes up to a limit.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// How reading ended.
pub(crate) enum Read {
    /// The stream ended within the limit.
    Whole(Vec<u8>),
    /// The stream goes on past the limit; these are its first bytes.
    TooLong(Vec<u8>),
    /// The stream broke after these bytes.
    Broken(Vec<u8>),
}

impl Read {
    /// What was read.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) | Self::TooLong(bytes) | Self::Broken(bytes) => bytes,
        }
    }
}

/// Reads `stream` to its end, or to `limit` bytes and cancels the rest.
pub(crate) async fn read_up_to(stream: &ReadableStream, limit: usize) -> Read {
    let mut bytes = Vec::new();
    let Ok(reader) = stream.get_reader().dyn_into::<ReadableStreamDefaultReader>() else { return Read::Broken(bytes) };
    loop {
        let chunk = match next_chunk(&reader).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Read::Whole(bytes),
            Err(_) => return Read::Broken(bytes),
        };
        let room = limit.saturating_sub(bytes.len());
        let length = chunk.length() as usize;
        if length > room {
            let _ = reader.cancel();
            return Read::TooLong(bytes);
        }
        let start = bytes.len();
        bytes.resize(start.saturating_add(length), 0);
        if let Some(place) = bytes.get_mut(start..) {
            chunk.copy_to(place);
        }
    }
}

/// Reads `stream` to its end, or to `limit` bytes, and keeps nothing.
pub(crate) async fn discard(stream: &ReadableStream, limit: usize) {
    let Ok(reader) = stream.get_reader().dyn_into::<ReadableStreamDefaultReader>() else { return };
    let mut seen: usize = 0;
    while let Ok(Some(chunk)) = next_chunk(&reader).await {
        seen = seen.saturating_add(chunk.length() as usize);
        if seen > limit {
            let _ = reader.cancel();
            return;
        }
    }
}

async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, JsValue> {
    let result = JsFuture::from(reader.read()).await?;
    if Reflect::get(&result, &JsValue::from_str("done"))?.is_truthy() {
        return Ok(None);
    }
    Reflect::get(&result, &JsValue::from_str("value"))?.dyn_into().map(Some)
}
