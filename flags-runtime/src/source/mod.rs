//! Sources: who hands over documents and says when they change.
//!
//! A source knows no flag, no type and no cell. It runs on the synchronizer's thread, may block there, and is asked
//! again after every error; the synchronizer owns back-off, intervals and stopping.

#[cfg(feature = "file")]
mod file;
mod memory;
#[cfg(feature = "redis")]
pub mod redis;

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

#[cfg(feature = "file")]
pub use file::FileSource;
pub use memory::{MemorySource, MemoryWriter};

/// The schemes of URLs that name a Redis; `redis/deployment.rs` says what each means.
pub(crate) const REDIS_SCHEMES: [&str; 8] =
    ["redis", "rediss", "unix", "redis+unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"];

/// Hands over documents and says when they change.
pub trait Source: Send + 'static {
    /// Where the documents come from, for people; never a password. Example: `redis at 127.0.0.1:6379`.
    fn describe(&self) -> String;

    /// Reads the documents of these keys (without prefix). The answer has their length and order; none means that there
    /// is no document. Called again for all keys after every error and every refresh interval.
    ///
    /// # Errors
    ///
    /// If the source cannot answer now. Everything that was known stays in force.
    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError>;

    /// Waits at most `timeout` for a change; returns at once if one is queued.
    ///
    /// # Errors
    ///
    /// If the source is lost; `fetch` is called next, after a pause.
    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError>;

    /// How changes reach us now; may differ after each `fetch`.
    fn mode(&self) -> Mode;

    /// Keys at which the last `fetch` saw documents that it was not asked for. Only sources that see all keys know; there
    /// a name that no flag has is most often misspelt.
    fn unasked(&self) -> Vec<String> {
        Vec::new()
    }

    /// Keys for which the last `fetch` gave no document although something is there, with what it is: for example a list.
    /// Their flags stay at the last good state, as with a document that is refused.
    fn unreadable(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Keys for which the last `fetch` gave no document because whoever has them does not answer, while others do. Their flags
    /// stay as they are.
    fn unreached(&self) -> Vec<String> {
        Vec::new()
    }

    /// When it last gave a sign of life, if it knows that better than by its answers: a connection that waits for pushes does.
    fn last_heard(&self) -> Option<Instant> {
        None
    }

    /// Whether all documents may vanish by an accident, as those of a server that restarts without its data. If most of them
    /// do at once, the last good ones stay in force for the `empty_grace`.
    fn may_lose_everything(&self) -> bool {
        false
    }

    /// What tells this source from others whose documents mean something else; a snapshot of another one is not used.
    fn identity(&self) -> String {
        self.describe()
    }

    /// What somebody should know although the source answers, for people: for example that it may be out of date itself.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Where this process may leave its own results, beside the documents; none unless there is such a place. Asked once,
    /// before `fetch`.
    fn outbox(&self) -> Option<Box<dyn Outbox>> {
        None
    }

    /// Why changes are only polled where they could be pushed, for people; none if nothing is amiss.
    fn polling_reason(&self) -> Option<String> {
        None
    }
}

/// Takes what this process tells of itself to where a fleet's is read. It runs on a background thread and may block there.
pub trait Outbox: Send + 'static {
    /// Where it goes, for people; never a password.
    fn describe(&self) -> String;

    /// Leaves one letter, in the place of the last one of its kind. A kind that it does not know is passed over.
    ///
    /// # Errors
    ///
    /// If it cannot be left now; it is tried again with newer content.
    fn leave(&mut self, letter: &Letter<'_>) -> Result<(), SourceError>;
}

/// Something that a process tells of itself. Documents are JSON objects; docs/FORMAT.md has their fields. Keys of flags are
/// without prefix, times in Unix seconds, and `instance` is what tells this process from others.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "said above")]
pub enum Letter<'a> {
    /// The dark-launch results of one flag.
    Shadow { key: &'a str, instance: &'a str, document: &'a str },
    /// That the process lives, and what is in force there; at an interval, and soon after a change.
    Heartbeat { instance: &'a str, document: &'a str },
    /// That the process ends in good order.
    Farewell { instance: &'a str },
    /// What was built: the records of all its flags.
    Build { build: &'a str, document: &'a str },
    /// When flags were last evaluated; none of these times goes back.
    Seen { flags: &'a [(&'a str, u64)] },
    /// Since when documents are in force here, as far as this process knows. Of several processes the first counts.
    Since { documents: &'a [Since<'a>] },
}

/// A document that a process came to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since<'a> {
    /// The flag's key, without prefix.
    pub key: &'a str,
    /// The first 16 hex digits of the SHA-256 of its document; none if it is gone.
    pub document: Option<&'a str>,
    /// The one before it, if the process had one.
    pub before: Option<&'a str>,
    /// When the process first had it, in Unix seconds.
    pub at: u64,
}

/// What a source saw while it waited.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Nothing until the timeout.
    Nothing,
    /// These keys (without prefix) may have changed.
    Keys(Vec<String>),
    /// Anything may have changed.
    Everything,
}

/// How changes reach us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The source tells of each change at once.
    Push,
    /// Changes are seen at the next refresh.
    Polling,
}

/// Why a source does not answer.
#[derive(Debug)]
pub struct SourceError {
    kind: SourceErrorKind,
    message: String,
    is_login: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// It cannot be reached now; tried again soon.
    Unreachable,
    /// It refuses us as we are configured (a wrong password, say); tried again slowly.
    Configuration,
    /// It answers, but with nothing that can be read as documents (a half-written file, say); tried again soon.
    Data,
}

impl SourceError {
    /// It cannot be reached now.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { kind: SourceErrorKind::Unreachable, message: message.into(), is_login: false, source: None }
    }

    /// It refuses us as we are configured.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self { kind: SourceErrorKind::Configuration, message: message.into(), is_login: false, source: None }
    }

    /// It answers with nothing that can be read.
    pub fn data(message: impl Into<String>) -> Self {
        Self { kind: SourceErrorKind::Data, message: message.into(), is_login: false, source: None }
    }

    /// An error of a kind.
    #[cfg(feature = "redis")]
    pub(crate) fn of_kind(kind: SourceErrorKind, message: String) -> Self {
        Self { kind, message, is_login: false, source: None }
    }

    /// The same, of a login that is refused: every connection of ours hears it, and it may be mended in a moment.
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn of_login(mut self) -> Self {
        self.is_login = true;
        self
    }

    /// Whether it is a login that is refused.
    pub(crate) fn is_login(&self) -> bool {
        self.is_login
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether trying again helps.
    pub fn kind(&self) -> SourceErrorKind {
        self.kind
    }

    /// The error and those below it in one line, for where only text is kept.
    pub(crate) fn in_one_line(&self) -> String {
        let mut message = self.message.clone();
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat their causes in their own text.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        message.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
