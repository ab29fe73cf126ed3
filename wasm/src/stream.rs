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

/// Reads `stream` to its end, or to `limit` bytes and cancels the rest. It is expected to have `length` bytes, where that is
/// known.
///
/// This instance's memory never shrinks, and a buffer that grows needs up to three times what it ends up with. So it is
/// made once: at its length, or, when that is not known, at the limit as soon as the stream is seen to be a long one.
pub(crate) async fn read_up_to(stream: &ReadableStream, limit: usize, length: Option<usize>) -> Read {
    let Ok(reader) = stream.get_reader().dyn_into::<ReadableStreamDefaultReader>() else {
        return Read::Broken(Vec::new());
    };
    let mut bytes = Gathered { room: length.map(|length| length.min(limit)), ..Gathered::default() };
    loop {
        match next_chunk(&reader).await {
            Ok(Some(chunk)) => {
                if bytes.length.saturating_add(chunk.length() as usize) > limit {
                    let _ = reader.cancel();
                    return Read::TooLong;
                }
                bytes.add(chunk, limit);
            }
            Ok(None) => return Read::Whole(bytes.into_bytes()),
            Err(_) => return Read::Broken(bytes.into_bytes()),
        }
    }
}

/// The bytes of a stream so far.
#[derive(Default)]
struct Gathered {
    length: usize,
    /// The room that all of them need, once it is known.
    room: Option<usize>,
    bytes: Vec<u8>,
    /// What waits outside of this instance until the room is known.
    outside: Vec<Uint8Array>,
}

impl Gathered {
    fn add(&mut self, chunk: Uint8Array, limit: usize) {
        self.length = self.length.saturating_add(chunk.length() as usize);
        self.outside.push(chunk);
        if self.room.is_none() && self.length > MAX_OUTSIDE {
            self.room = Some(limit);
        }
        if let Some(room) = self.room {
            self.take_in(room);
        }
    }

    fn take_in(&mut self, room: usize) {
        self.bytes.reserve_exact(room.saturating_sub(self.bytes.len()));
        for chunk in self.outside.drain(..) {
            let start = self.bytes.len();
            self.bytes.resize(start.saturating_add(chunk.length() as usize), 0);
            if let Some(place) = self.bytes.get_mut(start..) {
                chunk.copy_to(place);
            }
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.take_in(self.length);
        self.bytes
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

/// What a stream of unknown length may hold outside before it is taken for a long one.
const MAX_OUTSIDE: usize = 4_000_000;
