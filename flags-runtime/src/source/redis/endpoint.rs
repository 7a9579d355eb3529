//! Endpoint: where a Redis server is and who asks it, read from a URL.
//!
//! It holds the password, so it is shown through [`Display`](fmt::Display) only, which never has it, and its `Debug` is
//! the same.

use std::fmt;
use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::source::SourceError;

/// The parts of a URL that a connection needs.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    pub(super) credentials: Option<Credentials>,
    pub(super) database: i64,
}

/// Where the server listens. A host is resolved at each connect, never here.
#[derive(Clone)]
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
    /// `?db=`, `user=` and `pass=`.
    ///
    /// # Errors
    ///
    /// A configuration error that says which part is wrong. It does not repeat the URL: a password may be in it.
    pub(super) fn parse(url: &str) -> Result<Self, SourceError> {
        check_scheme(url)?;
        check_characters(url)?;
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
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let credentials = match (given(settings.username()), given(settings.password())) {
            (None, None) => None,
            (username, password) => Some(Credentials { username, password: password.unwrap_or_default() }),
        };
        Ok(Self { address, credentials, database: settings.db() })
    }

    /// Where it is, without a word about what it is: `127.0.0.1:6379, database 3`.
    pub(super) fn place(&self) -> String {
        match self.database {
            0 => self.address.to_string(),
            database => format!("{}, database {database}", self.address),
        }
    }
}

/// Tells schemes that are not there yet from those that nobody knows.
fn check_scheme(url: &str) -> Result<(), SourceError> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let missing = |what: &str, instead: &str| {
        Err(SourceError::configuration(format!("this version does not support {what} yet: {instead}")))
    };
    match scheme.as_deref() {
        Some("redis" | "unix" | "redis+unix") => Ok(()),
        Some("rediss") => missing("TLS (`rediss://`)", "use `redis://` through a local TLS tunnel"),
        Some("redis+sentinel") => missing("sentinel (`redis+sentinel://`)", "give the server itself as `redis://`"),
        Some("redis+cluster") => missing("cluster (`redis+cluster://`)", "give a single server as `redis://`"),
        _ => Err(SourceError::configuration(
            "the redis URL does not begin with a known scheme: write `redis://host:6379` or `unix:/path/to/socket`",
        )),
    }
}

/// Refuses what a URL parser would cut off without a word: half a password, or settings that nobody reads.
fn check_characters(url: &str) -> Result<(), SourceError> {
    if url.contains('#') {
        return Err(SourceError::configuration("the redis URL holds a `#`: in a user or password it is written `%23`"));
    }
    let is_tcp = url.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("redis:"));
    if is_tcp && url.contains('?') {
        return Err(SourceError::configuration(
            "the redis URL holds a `?`: in a user or password it is written `%3F`, and settings stand elsewhere: \
             `redis://user:password@host:6379/database`",
        ));
    }
    Ok(())
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
