//! A TCP socket of the platform: bytes out, bytes in, and TLS.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use sendgate_core::transport::{MailServer, Security};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ReadableStream, ReadableStreamDefaultReader, WritableStream, WritableStreamDefaultWriter};

#[wasm_bindgen(module = "cloudflare:sockets")]
extern "C" {
    #[wasm_bindgen(js_name = connect, catch)]
    fn connect(address: &Object, options: &Object) -> Result<Socket, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    type Socket;
    #[wasm_bindgen(method, catch, getter)]
    fn readable(this: &Socket) -> Result<ReadableStream, JsValue>;
    #[wasm_bindgen(method, catch, getter)]
    fn writable(this: &Socket) -> Result<WritableStream, JsValue>;
    #[wasm_bindgen(method, catch, getter)]
    fn opened(this: &Socket) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, getter)]
    fn closed(this: &Socket) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = startTls)]
    fn start_tls(this: &Socket) -> Result<Socket, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &Socket) -> Result<Promise, JsValue>;
}

/// A socket with its two streams taken. Left open, it counts among the six that an event may have: dropped, it is closed.
pub(crate) struct Connection {
    /// Absent once another socket took its place.
    socket: Option<Socket>,
    reader: ReadableStreamDefaultReader,
    writer: WritableStreamDefaultWriter,
}

impl Connection {
    /// Connects to a server, encrypted from the start when it says so.
    ///
    /// # Errors
    /// The platform refused, nobody listens there, or the certificate is not the server's.
    pub(crate) async fn open(server: &MailServer) -> Result<Self, JsValue> {
        let bracketed = server.host.contains(':');
        let host = if bracketed { format!("[{}]", server.host) } else { server.host.clone() };
        let secure = match server.security {
            Security::Implicit => "on",
            Security::StartTls => "starttls",
            Security::None => "off",
        };
        let address = object(&[("hostname", host.into()), ("port", server.port.into())])?;
        Self::of(connect(&address, &object(&[("secureTransport", secure.into())])?)?).await
    }

    async fn of(socket: Socket) -> Result<Self, JsValue> {
        // Whoever is not asked about the end may still reject it: unheard, that is an error of the whole isolate.
        hear(socket.closed());
        let reader = socket.readable()?.get_reader().dyn_into()?;
        let opened = socket.opened()?;
        let connection = Self { reader, writer: socket.writable()?.get_writer()?, socket: Some(socket) };
        // A refused connection shows here; without it, only as a cancelled stream at the first read.
        JsFuture::from(opened).await?;
        Ok(connection)
    }

    /// Writes all of the bytes.
    ///
    /// # Errors
    /// The connection was lost.
    pub(crate) async fn write(&self, bytes: &[u8]) -> Result<(), JsValue> {
        JsFuture::from(self.writer.write_with_chunk(&Uint8Array::from(bytes))).await.map(|_| ())
    }

    /// Reads what has come, at least one byte.
    ///
    /// # Errors
    /// The connection was lost or ended.
    pub(crate) async fn read(&self) -> Result<Vec<u8>, JsValue> {
        let read = JsFuture::from(self.reader.read()).await?;
        match Reflect::get(&read, &JsValue::from_str("value"))?.dyn_into::<Uint8Array>() {
            Ok(bytes) if bytes.length() > 0 => Ok(bytes.to_vec()),
            Ok(_) | Err(_) => Err(JsValue::from_str("the connection ended")),
        }
    }

    /// Encrypts the connection. The socket gives its place to another one, once its streams are let go.
    ///
    /// # Errors
    /// The handshake failed, or the certificate is not the server's.
    pub(crate) async fn start_tls(&mut self) -> Result<(), JsValue> {
        self.reader.release_lock();
        self.writer.release_lock();
        let plain = self.socket.take().ok_or_else(|| JsValue::from_str("the connection is encrypted already"))?;
        *self = Self::of(plain.start_tls()?).await?;
        Ok(())
    }
}

impl Drop for Connection {
    /// Begins the end of the connection. Its end is not waited for: after STARTTLS it has been seen never to come.
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            hear(socket.close());
        }
    }
}

/// Takes note of a promise's end, whatever it is.
fn hear(promise: Result<Promise, JsValue>) {
    if let Ok(promise) = promise {
        spawn_local(async move {
            let _ = JsFuture::from(promise).await;
        });
    }
}

fn object(fields: &[(&str, JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &JsValue::from_str(name), value)?;
    }
    Ok(object)
}
