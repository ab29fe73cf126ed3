//! Reads a stream of bytes up to a limit.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// How reading ended.
pub(crate) enum Read {
    /// The stream ended within the limit.
    Whole(Vec<u8>),
    /// The stream goes on past the limit; nothing was kept.
    TooLong,
    /// The stream broke after these bytes.
    Broken(Vec<u8>),
}

impl Read {
    /// What was kept.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) | Self::Broken(bytes) => bytes,
            Self::TooLong => Vec::new(),
        }
    }
}

/// Reads `stream` to its end, or to `limit` bytes and cancels the rest.
///
/// The chunks wait outside until their sum is known: this instance's memory never shrinks, and a buffer that grows needs
/// up to three times what it ends up with.
pub(crate) async fn read_up_to(stream: &ReadableStream, limit: usize) -> Read {
    let (mut chunks, mut length) = (Vec::new(), 0_usize);
    let Ok(reader) = stream.get_reader().dyn_into::<ReadableStreamDefaultReader>() else {
        return Read::Broken(Vec::new());
    };
    loop {
        match next_chunk(&reader).await {
            Ok(Some(chunk)) => {
                length = length.saturating_add(chunk.length() as usize);
                if length > limit {
                    let _ = reader.cancel();
                    return Read::TooLong;
                }
                chunks.push(chunk);
            }
            Ok(None) => return Read::Whole(joined(chunks, length)),
            Err(_) => return Read::Broken(joined(chunks, length)),
        }
    }
}

fn joined(chunks: Vec<Uint8Array>, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut rest = bytes.as_mut_slice();
    for chunk in chunks {
        let Some((place, after)) = rest.split_at_mut_checked(chunk.length() as usize) else { break };
        chunk.copy_to(place);
        rest = after;
    }
    bytes
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

/// The chunks of a stream, one at a time.
pub(crate) struct Chunks(ReadableStreamDefaultReader);

impl Chunks {
    /// `None` when somebody else reads the stream.
    pub(crate) fn of(stream: &ReadableStream) -> Option<Self> {
        stream.get_reader().dyn_into().ok().map(Self)
    }

    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// The stream broke.
    pub(crate) async fn next(&self) -> Result<Option<Uint8Array>, JsValue> {
        next_chunk(&self.0).await
    }

    /// Wants no more of it.
    pub(crate) fn cancel(&self) {
        let _ = self.0.cancel();
    }
}

async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, JsValue> {
    let result = JsFuture::from(reader.read()).await?;
    if Reflect::get(&result, &JsValue::from_str("done"))?.is_truthy() {
        return Ok(None);
    }
    Reflect::get(&result, &JsValue::from_str("value"))?.dyn_into().map(Some)
}
