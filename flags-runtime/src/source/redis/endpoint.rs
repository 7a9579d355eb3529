//! Endpoint: where one Redis server is, who asks it and whether over TLS.
//!
//! It holds the password, so it is shown through [`Display`](fmt::Display) only, which never has it, and its `Debug` is
//! the same.

use std::fmt;
use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo};

use super::tls::Tls;
use crate::source::SourceError;

/// The parts of a URL that a connection needs.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    pub(super) credentials: Option<Credentials>,
    pub(super) database: i64,
    /// None speaks in the clear.
    pub(super) tls: Option<Tls>,
}

/// Where the server listens. A host is resolved at each connect, never here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// Who asks.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: String,
}

impl Endpoint {
    /// Reads `redis://[user:password@]host[:port][/database]`, `unix:/path` or `redis+unix:///path`, the latter two with
    /// `?db=`, `user=` and `pass=`. Whether it speaks TLS is not said by such a URL.
    ///
    /// # Errors
    ///
    /// A configuration error that says which part is wrong. It does not repeat the URL: a password may be in it.
    pub(super) fn parse(url: &str, tls: Option<Tls>) -> Result<Self, SourceError> {
        let info = url.into_connection_info().map_err(|error| {
            // The parser's own words name the part that is wrong and never quote the URL.
            SourceError::configuration(
                "the redis URL cannot be read: write `redis://user:password@host:6379/0` with special characters \
                 percent-encoded, or `unix:/path/to/socket`",
            )
            .with_source(error)
        })?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Address::Tcp { host: host.clone(), port: *port },
            ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
            _ => return Err(SourceError::configuration("the redis URL asks for a transport that is not supported")),
        };
        let settings = info.redis_settings();
        Ok(Self {
            address,
            credentials: Credentials::given(settings.username(), settings.password()),
            database: settings.db(),
            tls,
        })
    }

    /// Another server that lets the same user in.
    pub(super) fn at(&self, address: Address) -> Self {
        Self { address, ..self.clone() }
    }

    /// Where it is, without a word about what it is: `127.0.0.1:6379, database 3`.
    pub(super) fn place(&self) -> String {
        in_database(&self.address.to_string(), self.database)
    }
}

/// A place and its database, which is said unless it is 0.
pub(super) fn in_database(place: &str, database: i64) -> String {
    match database {
        0 => place.to_owned(),
        database => format!("{place}, database {database}"),
    }
}

impl Credentials {
    /// What a URL gives; empty parts are not given.
    pub(super) fn given(username: Option<&str>, password: Option<&str>) -> Option<Self> {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        match (given(username), given(password)) {
            (None, None) => None,
            (username, password) => Some(Self { username, password: password.unwrap_or_default() }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis at {}", self.place())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}
