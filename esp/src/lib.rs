//! The ESP simulator as a program of its own.
//!
//! `sendgate-simulator` gives the simulator's logic a SQLite file, a clock and sockets on loopback, and adds what only a
//! program can do: it takes mail over SMTP, and posts webhooks back.
//!
//! Out of scope: delivering anything to anyone, and any address but loopback.
#![forbid(unsafe_code)]

pub mod args;
mod control;
mod fields;
mod host;
mod http;
mod kept;
mod smtp;
mod tls;
mod webhooks;

use args::Options;
use core::fmt;
use host::Host;
use sendgate_embed::Database;
use std::{net::Ipv4Addr, sync::Arc};
use tokio::net::TcpListener;
use webhooks::Provider;

/// Why the program cannot serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServeError {
    /// The state cannot be opened or written.
    State(String),
    /// A port cannot be listened on.
    Listen(u16, String),
    /// The certificate cannot be made or written.
    Certificate(String),
    /// There is no such dialect.
    Root(String),
    /// The URL for webhooks is none.
    WebhookUrl(String),
    /// The system gives no runtime or no signals.
    System(String),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(reason) => write!(f, "--state: {reason}"),
            Self::Listen(port, reason) => write!(f, "port {port} cannot be listened on: {reason}"),
            Self::Certificate(reason) => write!(f, "--certificate-out: {reason}"),
            Self::Root(dialects) => write!(f, "--root must be one of {dialects}"),
            Self::WebhookUrl(reason) => write!(f, "--webhook-url {reason}"),
            Self::System(reason) => write!(f, "the system refuses: {reason}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Serves until SIGINT or SIGTERM. `ready` is told the URL of each listener.
///
/// # Errors
/// [`ServeError`] when it cannot begin.
pub fn serve(options: &Options, ready: impl Fn(&str)) -> Result<(), ServeError> {
    let host = Arc::new(open(options)?);
    if let Some(root) = &options.root {
        let dialects = host.dialects().map_err(|error| ServeError::State(error.to_string()))?;
        if !dialects.contains(root) {
            return Err(ServeError::Root(dialects.join(", ")));
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| ServeError::System(error.to_string()))?;
    runtime.block_on(listen(options, &host, ready))?;
    // A call that hangs on purpose would be waited for.
    runtime.shutdown_background();
    Ok(())
}

fn open(options: &Options) -> Result<Host, ServeError> {
    let database = match &options.state {
        Some(path) => Database::open(path),
        None => Database::in_memory(),
    };
    let database = database.map_err(|error| ServeError::State(error.to_string()))?;
    Host::new(database, options.seed).map_err(|error| ServeError::State(error.to_string()))
}

async fn listen(options: &Options, host: &Arc<Host>, ready: impl Fn(&str)) -> Result<(), ServeError> {
    let mut stop = Stop::new()?;
    let (acceptor, pem) = tls::make().map_err(ServeError::Certificate)?;
    if let Some(path) = &options.certificate_out {
        std::fs::write(path, pem).map_err(|error| ServeError::Certificate(error.to_string()))?;
    }
    let (http, http_port) = bind(options.port).await?;
    let (smtp, smtp_port) = bind(options.smtp_port).await?;
    let (smtps, smtps_port) = bind(options.smtps_port).await?;
    let base_url = format!("http://127.0.0.1:{http_port}");
    host.answers_at(base_url.clone());
    if let Some(url) = &options.webhook_url {
        hook(host, url)?;
    }
    webhooks::sender::start(Arc::clone(host));
    tokio::spawn(http::listen(Arc::clone(host), http, options.root.clone()));
    tokio::spawn(smtp::server::listen(Arc::clone(host), smtp, acceptor.clone(), false));
    tokio::spawn(smtp::server::listen(Arc::clone(host), smtps, acceptor, true));
    ready(&base_url);
    ready(&format!("smtp://127.0.0.1:{smtp_port}"));
    ready(&format!("smtps://127.0.0.1:{smtps_port}"));
    stop.wait().await;
    Ok(())
}

async fn bind(port: u16) -> Result<(TcpListener, u16), ServeError> {
    let refused = |error: std::io::Error| ServeError::Listen(port, error.to_string());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?.port();
    Ok((listener, bound))
}

/// Sends the webhooks of every provider that has no hook yet to `url`.
fn hook(host: &Host, url: &str) -> Result<(), ServeError> {
    let body: serde_json::Map<String, serde_json::Value> = Provider::ALL
        .into_iter()
        .map(|provider| {
            let url = url.replace("{dialect}", provider.word());
            (provider.word().to_string(), serde_json::json!({ "url": url }))
        })
        .collect();
    let hooks = webhooks::settings::read(&body.into()).map_err(|bad| ServeError::WebhookUrl(bad.detail))?;
    let moment = host.moment();
    let put = host.transaction(|sql| {
        let known = webhooks::settings::load(sql)?;
        let missing =
            hooks.into_iter().filter(|(provider, _)| !known.iter().any(|(known, _)| known == provider)).collect();
        webhooks::routes::put(sql, host, missing, &moment)
    });
    put.map_err(|error| ServeError::State(error.to_string()))
}

/// The signals that end the program, listened for from before it says that it is ready.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn new() -> Result<Self, ServeError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listened = |kind| signal(kind).map_err(|error| ServeError::System(error.to_string()));
        Ok(Self { interrupt: listened(SignalKind::interrupt())?, terminate: listened(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    fn new() -> Result<Self, ServeError> {
        Ok(Self {})
    }

    async fn wait(&mut self) {
        // Without a handler there is nothing to wait for, and the program ends.
        let _ = tokio::signal::ctrl_c().await;
    }
}
