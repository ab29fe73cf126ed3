//! HTTP calls, by a kept library.

use crate::Roots;
use sendgate_core::{
    http::{HttpRequest, HttpResponse},
    outcome::TransportFailure,
};
use std::{
    io::{self, Read},
    time::Duration,
};
use ureq::{
    Agent, Error, SendBody,
    http::{Request, Response},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// A client with its kept connections.
pub(crate) struct Web {
    agent: Agent,
}

impl Web {
    pub(crate) fn new(roots: &Roots) -> Self {
        let roots = match roots {
            Roots::Public => RootCerts::WebPki,
            Roots::Only(roots) => {
                let certificates: Vec<_> = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
                RootCerts::new_with_certs(&certificates)
            }
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(IDLE)
            // Where a call goes is its base URL's to say, and not the environment's.
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        Self { agent: config.build().new_agent() }
    }

    /// Sends a request and reads its answer, within `timeout` altogether.
    pub(crate) fn send(&self, call: &HttpRequest, timeout: Duration) -> Result<HttpResponse, TransportFailure> {
        let mut request = Request::builder().method(call.method).uri(&call.url);
        for (name, value) in &call.headers {
            request = request.header(*name, &**value);
        }
        if call.body.is_empty() {
            let request = request.body(()).map_err(|_| TransportFailure::NotSent)?;
            let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
            let answer = self.agent.run(request);
            return answer.map(received).map_err(|error| failure(&error));
        }
        let mut body = Body { bytes: &call.body };
        let request = request.header("content-length", call.body.len()).body(SendBody::from_reader(&mut body));
        let request = request.map_err(|_| TransportFailure::NotSent)?;
        let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
        match self.agent.run(request) {
            Ok(response) => Ok(received(response)),
            // A request without its last byte is none, whatever stopped it.
            Err(_) if !body.bytes.is_empty() => Err(TransportFailure::NotSent),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// A body that knows how much of it was taken.
struct Body<'a> {
    bytes: &'a [u8],
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

/// The status is the provider's decision; a body cut short or too long takes nothing away from it.
fn received(response: Response<ureq::Body>) -> HttpResponse {
    let (head, body) = response.into_parts();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().into(), text(value.as_bytes()))).collect();
    let mut bytes = Vec::new();
    // What was read before an error stays in the buffer.
    let _ = body.into_reader().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
    HttpResponse { status: head.status.as_u16(), headers, body: bytes }
}

/// What an error says about a request that was handed out whole, or has no body.
fn failure(error: &Error) -> TransportFailure {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let surely = matches!(
        error,
        Error::BadUri(_) | Error::Http(_) | Error::HostNotFound | Error::ConnectionFailed | Error::TlsRequired
    );
    if surely || matches!(error, Error::Io(error) if refused(error)) {
        return TransportFailure::NotSent;
    }
    // Everything else may have come after the request, and so may what a later version adds.
    TransportFailure::MaybeSent
}

/// Providers answer with a few hundred bytes; a batch answer for 500 messages stays below 100 kB.
const MAX_ANSWER_BYTES: u64 = 1_000_000;
/// Below the shortest time after which servers let go of an idle connection: a request that meets the end of its
/// connection may have been sent.
const IDLE: Duration = Duration::from_secs(3);
