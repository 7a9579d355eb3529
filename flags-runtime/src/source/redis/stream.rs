//! Stream: the socket below a link, TCP or unix, in the clear or with TLS, connected within a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::endpoint::{Address, Endpoint};
#[cfg(feature = "redis-tls")]
use super::tls::TlsStream;
use crate::source::SourceError;

/// How long one address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// How long all addresses of a host may take together.
const CONNECT_TO_ANY: Duration = Duration::from_secs(3);

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "redis-tls")]
    Tls(TlsStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Connects; reads and writes are limited to `limit` then. A host name is resolved now, so that a failover by DNS is
    /// followed; how long that takes is up to the system's resolver.
    pub(super) fn connect(endpoint: &Endpoint, limit: Duration) -> Result<Self, SourceError> {
        let cannot = |error: io::Error| SourceError::unreachable("cannot connect").with_source(error);
        let limited = |stream: Self| {
            stream.set_read_limit(limit).and_then(|()| stream.set_write_limit(limit)).map_err(cannot).map(|()| stream)
        };
        match (&endpoint.address, &endpoint.tls) {
            (Address::Tcp { host, port }, None) => limited(Self::Tcp(connect_tcp(host, *port).map_err(cannot)?)),
            #[cfg(feature = "redis-tls")]
            (Address::Tcp { host, port }, Some(tls)) => {
                let Self::Tcp(socket) = limited(Self::Tcp(connect_tcp(host, *port).map_err(cannot)?))? else {
                    return Err(cannot(io::ErrorKind::Unsupported.into()));
                };
                TlsStream::connect(tls, host, socket).map(Self::Tls)
            }
            #[cfg(unix)]
            (Address::Unix(path), None) => limited(Self::Unix(UnixStream::connect(path).map_err(cannot)?)),
            _ => Err(SourceError::configuration("this transport is not supported here")),
        }
    }

    /// The server's address; none for a unix socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.tcp().and_then(|stream| stream.peer_addr().ok())
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            #[cfg(feature = "redis-tls")]
            Self::Tls(stream) => Some(&stream.socket),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Limits how long a read waits for its first byte. Zero means that it does not wait.
    pub(super) fn set_read_limit(&self, limit: Duration) -> io::Result<()> {
        let is_nonblocking = limit.is_zero();
        // A timeout of zero is an error to the standard library, and one below a millisecond may round to none.
        let limit = Some(limit.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(is_nonblocking).and_then(|()| stream.set_read_timeout(limit)),
            #[cfg(feature = "redis-tls")]
            Self::Tls(TlsStream { socket, .. }) => {
                socket.set_nonblocking(is_nonblocking).and_then(|()| socket.set_read_timeout(limit))
            }
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_nonblocking(is_nonblocking).and_then(|()| stream.set_read_timeout(limit)),
        }
    }

    /// Limits how long a write waits for room.
    pub(super) fn set_write_limit(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(limit)),
            #[cfg(feature = "redis-tls")]
            Self::Tls(stream) => stream.socket.set_write_timeout(Some(limit)),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_write_timeout(Some(limit)),
        }
    }
}

fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let give_up = Instant::now() + CONNECT_TO_ANY;
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, CONNECT.min(left)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(feature = "redis-tls")]
            Self::Tls(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "redis-tls")]
            Self::Tls(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(feature = "redis-tls")]
            Self::Tls(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
        }
    }
}
