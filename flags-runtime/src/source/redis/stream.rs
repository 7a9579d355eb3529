//! Stream: the socket below a link, TCP or unix, connected within a deadline.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::endpoint::Address;

/// How long one address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// How long all addresses of a host may take together.
const CONNECT_TO_ANY: Duration = Duration::from_secs(3);

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Connects. A host name is resolved now, so that a failover by DNS is followed; how long that takes is up to the
    /// system's resolver.
    pub(super) fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => connect_tcp(host, *port).map(Self::Tcp),
            #[cfg(unix)]
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "no unix sockets on this platform")),
        }
    }

    /// Limits how long a read waits for its first byte. Zero means that it does not wait.
    pub(super) fn set_read_limit(&self, limit: Duration) -> io::Result<()> {
        let is_nonblocking = limit.is_zero();
        // A timeout of zero is an error to the standard library, and one below a millisecond may round to none.
        let limit = Some(limit.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(is_nonblocking).and_then(|()| stream.set_read_timeout(limit)),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_nonblocking(is_nonblocking).and_then(|()| stream.set_read_timeout(limit)),
        }
    }

    /// Limits how long a write waits for room.
    pub(super) fn set_write_limit(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(limit)),
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
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
        }
    }
}
