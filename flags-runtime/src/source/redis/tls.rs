//! TLS: whom to trust and how to show who we are, read from PEM files at each connect.
//!
//! Certificates are read anew for every connection, so that one which was renewed is used without a restart. Without
//! `cacert` the certificates of the system are trusted. A server's name or address is always checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::source::SourceError;

/// The files of one login; none of them holds a password of ours.
#[cfg(feature = "redis-tls")]
#[derive(Clone, Debug)]
pub(super) struct Tls {
    /// Whom to trust instead of the system's authorities.
    authorities: Option<PathBuf>,
    /// Who we are: a certificate chain and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

/// Without the feature there is none.
#[cfg(not(feature = "redis-tls"))]
#[derive(Clone, Debug)]
pub(super) enum Tls {}

impl Tls {
    /// Takes `cacert`, `cert` and `key` out of the settings of a URL; none if the URL asks for no TLS.
    ///
    /// # Errors
    ///
    /// If they stand beside a scheme without TLS, only one of `cert` and `key` is there, a file cannot be used, or the
    /// feature `redis-tls` is off.
    pub(super) fn from_settings(
        is_asked_for: bool,
        settings: &mut BTreeMap<String, String>,
    ) -> Result<Option<Self>, SourceError> {
        let mut file = |name| settings.remove(name).map(PathBuf::from);
        let (authorities, certificate, key) = (file("cacert"), file("cert"), file("key"));
        if !is_asked_for {
            if authorities.is_some() || certificate.is_some() || key.is_some() {
                return Err(SourceError::configuration(
                    "the redis URL names certificates but not TLS: begin it with `rediss`",
                ));
            }
            return Ok(None);
        }
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(SourceError::configuration(
                    "the redis URL has only one of `cert=` and `key=`: a client certificate needs both",
                ));
            }
        };
        Self::of(authorities, identity).map(Some)
    }
}

#[cfg(not(feature = "redis-tls"))]
impl Tls {
    fn of(_: Option<PathBuf>, _: Option<(PathBuf, PathBuf)>) -> Result<Self, SourceError> {
        Err(SourceError::configuration(
            "TLS (`rediss`) needs the feature `redis-tls` of flags-runtime, which is off: add it in Cargo.toml",
        ))
    }
}

#[cfg(feature = "redis-tls")]
pub(super) use self::on::TlsStream;

/// Whether a connection was ended for what only a person can mend: a client certificate that is missing or not trusted.
pub(super) fn is_refusal(error: &std::io::Error) -> bool {
    #[cfg(feature = "redis-tls")]
    let is_refusal = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|error| matches!(error, rustls::Error::AlertReceived(_)));
    #[cfg(not(feature = "redis-tls"))]
    let is_refusal = {
        let _ = error;
        false
    };
    is_refusal
}

#[cfg(feature = "redis-tls")]
mod on {
    use std::io::{self, Read, Write};
    use std::net::TcpStream;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::Tls;
    use crate::source::SourceError;

    impl Tls {
        /// Whether the files can be used is said when the URL is read, not at the first connect.
        pub(super) fn of(
            authorities: Option<PathBuf>,
            identity: Option<(PathBuf, PathBuf)>,
        ) -> Result<Self, SourceError> {
            let tls = Self { authorities, identity };
            tls.config().map(|_| tls)
        }

        fn config(&self) -> Result<ClientConfig, SourceError> {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| SourceError::configuration("TLS cannot be set up").with_source(error))?
                .with_root_certificates(self.trusted()?);
            let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
            let key_error = |error| file_error("key", key, "holds no private key in PEM form").with_source(error);
            let private = PrivateKeyDer::from_pem_file(key).map_err(key_error)?;
            builder
                .with_client_auth_cert(certificates("cert", certificate)?, private)
                .map_err(|error| file_error("cert", certificate, "does not go with the private key").with_source(error))
        }

        fn trusted(&self) -> Result<RootCertStore, SourceError> {
            let mut trusted = RootCertStore::empty();
            if let Some(path) = &self.authorities {
                for certificate in certificates("cacert", path)? {
                    let error = |error| file_error("cacert", path, "holds no authority").with_source(error);
                    trusted.add(certificate).map_err(error)?;
                }
                return Ok(trusted);
            }
            // One certificate of the system that cannot be read must not hide the others.
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if trusted.is_empty() {
                return Err(SourceError::configuration(
                    "the system has no certificates to trust: name a file by `?cacert=` in the redis URL, or install them",
                ));
            }
            Ok(trusted)
        }
    }

    fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SourceError> {
        let wrong = || file_error(setting, path, "holds no certificates in PEM form");
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(certificates) if certificates.is_empty() => Err(wrong()),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(wrong().with_source(error)),
        }
    }

    fn file_error(setting: &str, path: &Path, what: &str) -> SourceError {
        SourceError::configuration(format!("`{setting}={}` of the redis URL {what}", path.display()))
    }

    /// How long a handshake may take, however its bytes drip.
    const HANDSHAKE: Duration = Duration::from_secs(3);

    /// A TLS session on a socket. Reads take one step at a time, so that whoever reads can look at its clock between
    /// the bytes of a peer that drips.
    pub(in crate::source::redis) struct TlsStream {
        session: Box<ClientConnection>,
        pub(in crate::source::redis) socket: TcpStream,
    }

    impl TlsStream {
        /// Shakes hands within the socket's limits, each of which counts from the last byte.
        pub(in crate::source::redis) fn connect(
            tls: &Tls,
            host: &str,
            mut socket: TcpStream,
        ) -> Result<Self, SourceError> {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| SourceError::configuration("the host is no name for TLS").with_source(error))?;
            let mut session = ClientConnection::new(Arc::new(tls.config()?), name)
                .map_err(|error| SourceError::configuration("TLS cannot be set up").with_source(error))?;
            let unfinished =
                |error: io::Error| SourceError::unreachable("the TLS handshake was not finished").with_source(error);
            let give_up = Instant::now() + HANDSHAKE;
            while session.is_handshaking() || session.wants_write() {
                if Instant::now() >= give_up {
                    return Err(unfinished(io::ErrorKind::TimedOut.into()));
                }
                if session.wants_write() {
                    session.write_tls(&mut socket).map_err(unfinished)?;
                } else if session.read_tls(&mut socket).map_err(unfinished)? == 0 {
                    return Err(unfinished(io::ErrorKind::UnexpectedEof.into()));
                } else if let Err(error) = session.process_new_packets() {
                    // A certificate that is not trusted stays so until a person mends it.
                    return Err(SourceError::configuration("the TLS handshake failed").with_source(error));
                }
            }
            Ok(Self { session: Box::new(session), socket })
        }
    }

    impl Read for TlsStream {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.session.read_tls(&mut self.socket)? == 0 {
                // An end without the word for it: the session then says so instead of reading as whole.
                self.session.process_new_packets().map_err(io::Error::other)?;
                return Ok(0);
            }
            self.session.process_new_packets().map_err(io::Error::other)?;
            while self.session.wants_write() {
                self.session.write_tls(&mut self.socket)?;
            }
            // Not a whole record yet, or one without data of ours: to be read on.
            Err(io::ErrorKind::Interrupted.into())
        }
    }

    impl Write for TlsStream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.session.writer().write(bytes)?;
            self.flush()?;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            while self.session.wants_write() {
                match self.session.write_tls(&mut self.socket) {
                    // The session has the bytes already: whoever wrote them must not be told to write them again.
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    written => drop(written?),
                }
            }
            self.socket.flush()
        }
    }
}
