//! Carries HTTP between a socket and the simulator.

use crate::host::Host;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use sendgate_core::http::HttpResponse;
use sendgate_simulator::{Arrival, Reply};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::block_in_place};

/// Takes connections for ever.
pub(crate) async fn listen(host: Arc<Host>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let host = Arc::clone(&host);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&host), request));
                    let mut builder = http1::Builder::new();
                    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                    // A client that goes away is no fault of the server.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
            Err(error) => {
                eprintln!("sendgate-simulator: a connection could not be taken: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(host: Arc<Host>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
        return Ok(response(crate::fields::problem(413, "too_large", "the body is larger than 64 MB", None)));
    };
    let body = body.to_bytes();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let arrival = Arrival {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    match block_in_place(|| host.handle(&arrival)) {
        Ok(Reply::Answer(answer)) => Ok(response(answer)),
        // The connection's end drops this.
        Ok(Reply::Hang) => std::future::pending().await,
        Err(error) => {
            eprintln!("sendgate-simulator: {error}");
            Ok(response(crate::fields::problem(500, "store", "the simulator's store failed", None)))
        }
    }
}

fn response(answer: HttpResponse) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// More than any provider takes: Mailgun's 52.4 MiB.
const MOST_BODY: usize = 64_000_000;
/// How long a client may take for its header fields.
const PATIENCE: Duration = Duration::from_secs(60);
/// So that a listener without free descriptors does not spin.
const PAUSE: Duration = Duration::from_millis(100);
