//! Redis source: documents from one Redis server, from the primary that sentinels name, or from a cluster, pushed as they
//! change.
//!
//! It connects when documents are first asked for, asks the server to push every change below the prefix, and only
//! then reads: no update falls in between. Where the server or the user's ACL has no pushes it goes on by polling and says
//! why. Any error drops the connection; the next read opens another, resolves the host and asks sentinels or the cluster
//! anew. It reads no flag's meaning.

#[cfg(feature = "admin")]
pub mod admin;
mod changes;
mod cluster;
mod deployment;
mod endpoint;
mod handshake;
mod home;
mod keys;
mod link;
mod outbox;
mod router;
mod scout;
mod sentinel;
mod shards;
mod stream;
mod tls;

use std::fmt;
use std::time::{Duration, Instant};

use redis::Value;

pub use self::deployment::is_redis_url;
pub use self::keys::{MAX_KEY_BYTES, Prefix};

use self::deployment::Deployment;
use self::home::Home;
use self::outbox::RedisOutbox;
use self::shards::Shards;
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
    deployment: Deployment,
    prefix: Prefix,
    reader: Option<Reader>,
    /// Why the connection, or the last one there was, has no pushes.
    polling_reason: Option<String>,
    /// Keys that hold something else than a text, as the last read saw them.
    unreadable: Vec<String>,
    /// Keys whose server did not answer the last read.
    unreached: Vec<String>,
    /// Whether the user may not run EXISTS; then such keys read as no document.
    is_blind: bool,
}

/// What is at a key.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Text(Vec<u8>),
    Nothing,
    /// A list, a hash, ..
    OtherType,
    /// Its server does not answer, and others do.
    NotAsked,
}

/// How documents are read.
enum Reader {
    Home(Box<Home>),
    Shards(Box<Shards>),
}

impl RedisSource {
    /// A source for what a URL names; connects at the first read.
    ///
    /// | URL | |
    /// |---|---|
    /// | `redis://[[user]:password@]host[:port][/database]` | one server; port 6379 and database 0 unless given |
    /// | `unix:/path`, `redis+unix:///path`, with `?db=`, `user=`, `pass=` | one server, on a socket |
    /// | `redis+sentinel://[[user]:password@]host[:port],host[:port]/name[/database]` | whom these sentinels call the primary of `name`; their port is 26379, their own login `?sentinel_user=&sentinel_password=` |
    /// | `redis+cluster://[[user]:password@]host[:port],host[:port]` | the cluster that one of these nodes belongs to |
    ///
    /// `rediss`, `rediss+sentinel` and `rediss+cluster` speak TLS (feature `redis-tls`); then `?cacert=`, `cert=` and `key=`
    /// name PEM files: whom to trust instead of the system's authorities, and the client's certificate with its key.
    /// Special characters are percent-encoded.
    ///
    /// # Errors
    ///
    /// A configuration error if the URL or a file that it names cannot be read. It never repeats the password.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        Ok(Self {
            deployment: Deployment::parse(url)?,
            prefix: Prefix::default(),
            reader: None,
            polling_reason: None,
            unreadable: Vec::new(),
            unreached: Vec::new(),
            is_blind: false,
        })
    }

    /// Sets what documents' keys begin with; `ff:` unless set.
    ///
    /// # Errors
    ///
    /// As [`Prefix::new`].
    pub fn prefix(mut self, prefix: &str) -> Result<Self, SourceError> {
        self.prefix = Prefix::new(prefix)?;
        self.reader = None;
        Ok(self)
    }

    fn read(&mut self, names: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        let Self { deployment, prefix, reader, polling_reason, is_blind, .. } = self;
        let reader = if let Some(reader) = reader {
            reader
        } else {
            let (opened, reason) = Reader::open(deployment, prefix)?;
            *polling_reason = reason;
            *is_blind = false;
            reader.insert(opened)
        };
        let mut documents = Vec::with_capacity(names.len());
        self.unreadable.clear();
        self.unreached.clear();
        // A cluster is asked for each key apart, and one of its servers that hangs is to be waited for once.
        let chunk = if matches!(reader, Reader::Home(_)) { CHUNK } else { names.len().max(1) };
        for names in names.chunks(chunk) {
            let keys: Vec<_> = names.iter().map(|name| prefix.document(name)).collect();
            let mut read = reader.documents(&keys)?;
            *is_blind = *is_blind || !reader.find_other_types(&keys, &mut read)?;
            for (name, found) in names.iter().zip(read) {
                documents.push(match found {
                    Found::Text(document) => Some(document),
                    Found::Nothing => None,
                    Found::OtherType => {
                        self.unreadable.push((*name).to_owned());
                        None
                    }
                    Found::NotAsked => {
                        self.unreached.push((*name).to_owned());
                        None
                    }
                });
            }
        }
        if let Reader::Home(home) = reader {
            home.check_role()?;
        }
        Ok(documents)
    }
}

impl Reader {
    fn open(deployment: &Deployment, prefix: &Prefix) -> Result<(Self, Option<String>), SourceError> {
        Ok(match deployment {
            Deployment::Cluster(_) => {
                let (shards, reason) = Shards::open(deployment, prefix)?;
                (Self::Shards(Box::new(shards)), reason)
            }
            Deployment::Single(_) | Deployment::Sentinel(_) => {
                let (home, reason) = Home::open(deployment, prefix)?;
                (Self::Home(Box::new(home)), reason)
            }
        })
    }

    /// The documents at keys, in their order.
    fn documents(&mut self, keys: &[String]) -> Result<Vec<Found>, SourceError> {
        let unexpected = || SourceError::unreachable("the server answered MGET with something else than documents");
        let (values, endpoint) = match self {
            Self::Home(home) => match home.link.call(redis::cmd("MGET").arg(keys))? {
                Value::Array(values) if values.len() == keys.len() => {
                    (values.into_iter().map(Some).collect(), Some(&home.endpoint))
                }
                Value::ServerError(refused) => return Err(handshake::refusal(&home.endpoint, "MGET", &refused)),
                _ => return Err(unexpected()),
            },
            Self::Shards(shards) => (shards.read(keys)?, shards.router.endpoint()),
        };
        let found = |value: Option<Value>| match (value, endpoint) {
            (Some(Value::BulkString(document)), _) => Ok(Found::Text(document)),
            // No key, or one that holds a list or another type.
            (Some(Value::Nil), _) => Ok(Found::Nothing),
            (None, _) => Ok(Found::NotAsked),
            (Some(Value::ServerError(refused)), Some(endpoint)) => Err(handshake::refusal(endpoint, "MGET", &refused)),
            (Some(_), _) => Err(unexpected()),
        };
        values.into_iter().map(found).collect()
    }

    /// Tells keys that hold another type from those that are not there. False if the user may not ask.
    fn find_other_types(&mut self, keys: &[String], read: &mut [Found]) -> Result<bool, SourceError> {
        let missing: Vec<usize> = (0..read.len()).filter(|at| read[*at] == Found::Nothing).collect();
        let missing_keys: Vec<String> = missing.iter().map(|at| keys[*at].clone()).collect();
        let Some(are_there) = self.exist(&missing_keys)? else { return Ok(false) };
        for (at, _) in missing.into_iter().zip(are_there).filter(|(_, is_there)| *is_there) {
            // It may have been written since.
            read[at] = match self.documents(&keys[at..=at])?.pop() {
                Some(Found::Nothing) | None => Found::OtherType,
                Some(found) => found,
            };
        }
        Ok(true)
    }

    /// Whether anything is at these keys. None if the user may not ask.
    fn exist(&mut self, keys: &[String]) -> Result<Option<Vec<bool>>, SourceError> {
        let exists = |key: &str| {
            let mut command = redis::cmd("EXISTS");
            command.arg(key);
            command
        };
        let replies = match self {
            _ if keys.is_empty() => return Ok(Some(Vec::new())),
            // Mostly nothing is at all, and one question is enough.
            Self::Home(home) => match home.link.call(redis::cmd("EXISTS").arg(keys))? {
                Value::Int(0) => return Ok(Some(vec![false; keys.len()])),
                Value::Int(_) => {
                    let commands: Vec<_> = keys.iter().map(|key| exists(key)).collect();
                    home.link.call_all(&commands)?.into_iter().map(Some).collect()
                }
                _ => return Ok(None),
            },
            Self::Shards(shards) => shards.router.each(keys, exists)?,
        };
        let is_there = |reply| match reply {
            Some(Value::Int(count)) => Some(count > 0),
            // Its server is away since.
            None => Some(false),
            Some(_) => None,
        };
        Ok(replies.into_iter().map(is_there).collect())
    }
}

impl Source for RedisSource {
    fn describe(&self) -> String {
        self.deployment.to_string()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        // After an error nobody knows what the connection would answer next.
        self.read(keys).inspect_err(|_| self.reader = None)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        let changed = match &mut self.reader {
            Some(Reader::Home(home)) => home.wait(timeout),
            Some(Reader::Shards(shards)) => shards.wait(timeout),
            None => Err(SourceError::unreachable("there is no connection")),
        };
        changed.inspect_err(|_| self.reader = None)
    }

    fn mode(&self) -> Mode {
        match (&self.reader, &self.polling_reason) {
            (Some(_), None) => Mode::Push,
            _ => Mode::Polling,
        }
    }

    fn unreadable(&self) -> Vec<(String, String)> {
        let why = "the redis key holds another type than a string: rename or delete that key";
        self.unreadable.iter().map(|name| (name.clone(), why.to_owned())).collect()
    }

    fn unreached(&self) -> Vec<String> {
        self.unreached.clone()
    }

    fn last_heard(&self) -> Option<Instant> {
        match &self.reader {
            // Without pushes nobody listens between two reads.
            _ if self.polling_reason.is_some() => None,
            Some(Reader::Home(home)) => Some(home.link.last_heard()),
            Some(Reader::Shards(shards)) => shards.last_heard(),
            None => None,
        }
    }

    fn may_lose_everything(&self) -> bool {
        true
    }

    fn identity(&self) -> String {
        format!("{}, {}", self.deployment, self.prefix.as_str())
    }

    fn trouble(&self) -> Option<String> {
        match &self.reader {
            Some(Reader::Home(home)) => home.trouble(),
            Some(Reader::Shards(shards)) => shards.trouble(),
            None => None,
        }
    }

    fn outbox(&self) -> Option<Box<dyn Outbox>> {
        Some(Box::new(RedisOutbox::new(self.deployment.clone(), self.prefix.clone())))
    }

    fn polling_reason(&self) -> Option<String> {
        self.polling_reason.clone()
    }
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSource")
            .field("deployment", &self.deployment)
            .field("prefix", &self.prefix.as_str())
            .field("is_connected", &self.reader.is_some())
            .field("polling_reason", &self.polling_reason)
            .finish_non_exhaustive()
    }
}
