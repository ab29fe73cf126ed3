//! One connection to a mail server: bytes in and out until a deadline, in the clear or encrypted.

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

/// A connection. Every wait ends at its deadline, however slowly the other side drips.
pub(crate) struct Stream {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Stream {
    /// Connects to the first address of the host that answers.
    pub(crate) fn open(host: &str, port: u16, deadline: Instant) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(tcp) => {
                    tcp.set_nodelay(true)?;
                    return Ok(Self { tcp, tls: None });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Encrypts the connection; the server has to prove that it is `host`.
    pub(crate) fn secure(&mut self, host: &str, config: &Arc<ClientConfig>, deadline: Instant) -> io::Result<()> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let tls = self.tls.insert(Box::new(tls));
        while tls.is_handshaking() {
            flush(&mut self.tcp, tls, deadline)?;
            if tls.is_handshaking() {
                fill(&mut self.tcp, tls, deadline)?;
            }
        }
        flush(&mut self.tcp, tls, deadline)
    }

    /// Reads what has come, at least one byte.
    pub(crate) fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            self.tcp.set_read_timeout(Some(left(deadline)?))?;
            return some(self.tcp.read(buffer)?);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return some(other?),
            }
            fill(&mut self.tcp, tls, deadline)?;
            flush(&mut self.tcp, tls, deadline)?;
        }
    }

    /// Writes all of the bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            while !bytes.is_empty() {
                self.tcp.set_write_timeout(Some(left(deadline)?))?;
                let written = some(self.tcp.write(bytes)?)?;
                bytes = bytes.get(written..).unwrap_or_default();
            }
            return Ok(());
        };
        while !bytes.is_empty() {
            let written = some(tls.writer().write(bytes)?)?;
            bytes = bytes.get(written..).unwrap_or_default();
            flush(&mut self.tcp, tls, deadline)?;
        }
        Ok(())
    }

    /// Whether the other side has said nothing since: neither a word nor its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let waiting = || -> io::Result<()> {
            self.tcp.set_nonblocking(true)?;
            let peeked = self.tcp.peek(&mut [0; 1]);
            self.tcp.set_nonblocking(false)?;
            peeked.map(|_| ())
        };
        waiting().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

fn fill(tcp: &mut TcpStream, tls: &mut ClientConnection, deadline: Instant) -> io::Result<()> {
    tcp.set_read_timeout(Some(left(deadline)?))?;
    some(tls.read_tls(tcp)?)?;
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            // What is wrong is told to the other side, too, if it still listens.
            let _ = flush(tcp, tls, deadline);
            Err(io::Error::other(error))
        }
    }
}

fn flush(tcp: &mut TcpStream, tls: &mut ClientConnection, deadline: Instant) -> io::Result<()> {
    while tls.wants_write() {
        tcp.set_write_timeout(Some(left(deadline)?))?;
        some(tls.write_tls(tcp)?)?;
    }
    Ok(())
}

/// Nothing read or written is the connection's end.
fn some(bytes: usize) -> io::Result<usize> {
    if bytes == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

/// The time that is left; none is a time-out.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
