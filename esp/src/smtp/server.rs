//! Carries bytes between a socket and a session.

use super::{
    desk::{Desk, Way},
    session::{Session, Step},
    settings::Settings,
};
use crate::host::Host;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::block_in_place,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// A socket, encrypted or not.
trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// Takes connections for ever; `implicit` for a port that speaks TLS from the first byte.
pub(crate) async fn listen(host: Arc<Host>, listener: TcpListener, acceptor: TlsAcceptor, implicit: bool) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let (host, acceptor) = (Arc::clone(&host), acceptor.clone());
                tokio::spawn(async move {
                    // A client that goes away, or that does not like the certificate, is no fault of the server.
                    let _ = converse(&host, socket, &acceptor, implicit).await;
                });
            }
            Err(error) => {
                eprintln!("sendgate-simulator: a connection could not be taken: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(host: &Host, socket: TcpStream, acceptor: &TlsAcceptor, implicit: bool) -> io::Result<()> {
    // A reply is one small packet after the other.
    socket.set_nodelay(true)?;
    let settings = block_in_place(|| host.transaction(|sql| Settings::load(sql))).map_err(io::Error::other)?;
    let mut pipe: Box<dyn Pipe> = if implicit { Box::new(acceptor.accept(socket).await?) } else { Box::new(socket) };
    let mut session = Session::new(settings.terms(!implicit), implicit);
    let mut desk = Desk::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match session.step() {
            Step::Send(bytes) => {
                pipe.write_all(&bytes).await?;
                pipe.flush().await?;
            }
            Step::Ask(ask) => {
                let way = Way { implicit, secured: session.is_secured() };
                let verdict = block_in_place(|| desk.decide(host, way, &ask));
                session.answer(verdict);
            }
            Step::Refused(code) => block_in_place(|| desk.refused(host, code)),
            Step::StartTls => {
                pipe = Box::new(acceptor.accept(pipe).await?);
                session.secured();
            }
            Step::Wait => {
                let read = timeout(PATIENCE, pipe.read(&mut buffer)).await??;
                match buffer.get(..read).filter(|bytes| !bytes.is_empty()) {
                    Some(bytes) => session.feed(bytes),
                    None => return Ok(()),
                }
            }
            Step::Close => return pipe.shutdown().await,
            Step::Hang => {
                while pipe.read(&mut buffer).await? > 0 {}
                return Ok(());
            }
        }
    }
}

const BUFFER_BYTES: usize = 16_384;
/// RFC 5321 section 4.5.3.2.7.
const PATIENCE: Duration = Duration::from_secs(300);
/// So that a listener without free descriptors does not spin.
const PAUSE: Duration = Duration::from_millis(100);
