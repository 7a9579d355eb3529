//! Redis source: documents from one Redis server, pushed as they change.
//!
//! It connects when documents are first asked for, asks the server to push every change below the prefix, and only
//! then reads, on the same connection: no update falls in between. Where the server or the user's ACL has no pushes it
//! goes on by polling and says why. Any error drops the connection; the next read opens another and resolves the host
//! anew. It starts no thread and reads no flag's meaning.

#[cfg(feature = "admin")]
pub mod admin;
mod changes;
mod endpoint;
mod handshake;
mod keys;
mod link;
mod outbox;
mod stream;

use std::fmt;
use std::time::Duration;

use redis::Value;

pub use self::keys::{MAX_KEY_BYTES, Prefix};

use self::endpoint::Endpoint;
use self::link::Link;
use self::outbox::RedisOutbox;
use super::{Change, Mode, Outbox, Source, SourceError};

/// How many keys one MGET asks for: more of them keep other clients of the server waiting.
const CHUNK: usize = 500;

/// Documents in Redis, below one prefix.
///
/// ```
/// use flags_runtime::source::Source;
/// use flags_runtime::source::redis::RedisSource;
///
/// let source = RedisSource::new("redis://reader:s3cret@127.0.0.1:6379")?.prefix("shop:ff:")?;
/// assert_eq!(source.describe(), "redis at 127.0.0.1:6379");
/// # Ok::<(), flags_runtime::source::SourceError>(())
/// ```
pub struct RedisSource {
    endpoint: Endpoint,
    prefix: Prefix,
    link: Option<Link>,
    /// Why the link, or the last one there was, has no pushes.
    polling_reason: Option<String>,
}

impl RedisSource {
    /// A source for the server at a URL; connects at the first read.
    ///
    /// `redis://[[user]:password@]host[:port][/database]`, port 6379 and database 0 unless given, special characters
    /// percent-encoded; or a unix socket as `unix:/path` or `redis+unix:///path`, with `?db=`, `user=` and `pass=`.
    ///
    /// # Errors
    ///
    /// A configuration error if the URL cannot be read, or asks for what this version does not have yet: `rediss://`,
    /// `redis+sentinel://` and `redis+cluster://`. It never repeats the password.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        let endpoint = Endpoint::parse(url)?;
        Ok(Self { endpoint, prefix: Prefix::default(), link: None, polling_reason: None })
    }

    /// Sets what documents' keys begin with; `ff:` unless set.
    ///
    /// # Errors
    ///
    /// As [`Prefix::new`].
    pub fn prefix(mut self, prefix: &str) -> Result<Self, SourceError> {
        self.prefix = Prefix::new(prefix)?;
        self.link = None;
        Ok(self)
    }

    fn read(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        let Self { endpoint, prefix, link, polling_reason } = self;
        let link = if let Some(link) = link {
            link
        } else {
            let (opened, reason) = open(endpoint, prefix)?;
            *polling_reason = reason;
            link.insert(opened)
        };
        let mut documents = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            documents.extend(read_chunk(link, endpoint, prefix, chunk)?);
        }
        Ok(documents)
    }
}

impl Source for RedisSource {
    fn describe(&self) -> String {
        self.endpoint.to_string()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        // After an error nobody knows what the connection would answer next.
        self.read(keys).inspect_err(|_| self.link = None)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        let Some(link) = &mut self.link else {
            return Err(SourceError::unreachable("there is no connection"));
        };
        link.wait(timeout).inspect_err(|_| self.link = None)
    }

    fn mode(&self) -> Mode {
        match (&self.link, &self.polling_reason) {
            (Some(_), None) => Mode::Push,
            _ => Mode::Polling,
        }
    }

    fn outbox(&self) -> Option<Box<dyn Outbox>> {
        Some(Box::new(RedisOutbox::new(self.endpoint.clone(), self.prefix.clone())))
    }

    fn polling_reason(&self) -> Option<String> {
        self.polling_reason.clone()
    }
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSource")
            .field("endpoint", &self.endpoint)
            .field("prefix", &self.prefix.as_str())
            .field("is_connected", &self.link.is_some())
            .field("polling_reason", &self.polling_reason)
            .finish()
    }
}

/// A link that is logged in and tracks the prefix, and why it has no pushes, if so.
fn open(endpoint: &Endpoint, prefix: &Prefix) -> Result<(Link, Option<String>), SourceError> {
    let mut link = Link::connect(endpoint, prefix.clone())?;
    let polling_reason = match handshake::log_in(&mut link, endpoint)? {
        // Tracking on a RESP2 link is answered with OK and never delivered.
        Some(reason) => Some(reason),
        None => handshake::track(&mut link, prefix)?,
    };
    Ok((link, polling_reason))
}

fn read_chunk(
    link: &mut Link,
    endpoint: &Endpoint,
    prefix: &Prefix,
    names: &[&str],
) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
    let mut command = redis::cmd("MGET");
    for name in names {
        command.arg(prefix.document(name));
    }
    let unexpected = || SourceError::unreachable("the server answered MGET with something else than documents");
    match link.call(&command)? {
        Value::Array(values) if values.len() == names.len() => values
            .into_iter()
            .map(|value| match value {
                Value::BulkString(document) => Ok(Some(document)),
                // No key, or one that holds a list or another type.
                Value::Nil => Ok(None),
                _ => Err(unexpected()),
            })
            .collect(),
        Value::ServerError(refused) => Err(handshake::refusal(endpoint, "MGET", &refused)),
        _ => Err(unexpected()),
    }
}
