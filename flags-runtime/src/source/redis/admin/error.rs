//! Admin error: why a document was not read or written.

use std::error::Error;
use std::fmt;

use super::document::StoredDocument;
use crate::rules::DocumentError;
use crate::source::SourceError;

/// Why a document was not read or written. Unless it is [`AdminError::Uncertain`], nothing has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AdminError {
    /// The URL or the prefix is wrong.
    Settings(SourceError),
    /// The server cannot be reached, or refuses the login.
    #[non_exhaustive]
    Connection {
        /// the server, for people: `redis at 127.0.0.1:6379`
        server: String,
        /// what is wrong with it
        source: SourceError,
    },
    /// Somebody else wrote between reading and writing: a lost race.
    #[non_exhaustive]
    Conflict {
        /// the flag
        name: String,
        /// what is there now; none if the document is gone
        current: Option<StoredDocument>,
    },
    /// The stored document has fields that this version would lose.
    #[non_exhaustive]
    UnknownFields {
        /// the flag
        name: String,
        /// the fields, in the order of the document
        fields: Vec<String>,
    },
    /// The stored document is refused by every reader, so that nothing of it can be kept.
    #[non_exhaustive]
    Unreadable {
        /// the flag
        name: String,
        /// what is wrong with it
        source: DocumentError,
    },
    /// The document is not what the last entry of the trail left: somebody wrote past the trail, and what was before the last
    /// entry is not what was before.
    #[non_exhaustive]
    ChangedOutside {
        /// the flag
        name: String,
    },
    /// The trail does not hold what is to be put back.
    #[non_exhaustive]
    NotInTheTrail {
        /// the flag
        name: String,
        /// the entry that was asked for; none if there is no entry of the flag at all
        entry: Option<String>,
    },
    /// A name, percentage or value that no document can hold.
    Invalid(String),
    /// The key holds a list or another type, not a document.
    #[non_exhaustive]
    NotADocument {
        /// the key, with prefix
        key: String,
    },
    /// A key of what processes leave (dark-launch results, heartbeats) holds something else.
    NotResults {
        /// the key, with prefix
        key: String,
    },
    /// The key of the audit trail holds another type than a stream, so that nothing can be recorded or read there.
    #[non_exhaustive]
    NotATrail {
        /// the trail's key
        key: String,
    },
    /// The ACL of the Redis user does not allow it.
    #[non_exhaustive]
    Forbidden {
        /// the server's words
        said: String,
    },
    /// The server is a replica.
    #[non_exhaustive]
    ReadOnly {
        /// the server, for people
        server: String,
    },
    /// The server refuses for another reason.
    #[non_exhaustive]
    Refused {
        /// the command
        command: &'static str,
        /// the server's words
        said: String,
    },
    /// The connection broke after the write was sent: it may have happened or not.
    #[non_exhaustive]
    Uncertain {
        /// the flag
        name: String,
        /// how it broke
        source: SourceError,
    },
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(_) => f.write_str("redis cannot be used as configured"),
            Self::Connection { server, .. } => write!(f, "{server} cannot be used"),
            Self::Conflict { name, current: Some(_) } => {
                write!(f, "somebody else changed `{name}` meanwhile: read it again and decide anew")
            }
            Self::Conflict { name, current: None } => {
                write!(f, "there is no document of `{name}` (any more): read it again and decide anew")
            }
            Self::UnknownFields { name, fields } => write!(
                f,
                "the document of `{name}` has fields that this version does not know and would drop: {}; use a newer \
                 version, or force it",
                fields.join(", ")
            ),
            Self::Unreadable { name, .. } => write!(
                f,
                "the document of `{name}` cannot be read, so nothing of it can be kept: mend it, or force a new one"
            ),
            Self::ChangedOutside { name } => write!(
                f,
                "the document of `{name}` was changed outside the trail since its last entry: look at its history, then \
                 name an entry or force it"
            ),
            Self::NotInTheTrail { name, entry: None } => {
                write!(f, "the trail has no entry of `{name}` to go back from")
            }
            Self::NotInTheTrail { name, entry: Some(entry) } => {
                write!(f, "the trail has no entry `{entry}` of `{name}`: its history shows their ids")
            }
            Self::Invalid(message) => f.write_str(message),
            Self::NotADocument { key } => {
                write!(f, "the redis key `{key}` holds another type than a string: rename or delete that key")
            }
            Self::NotResults { key } => {
                write!(
                    f,
                    "the redis key `{key}` holds something else than dark-launch results or heartbeats: rename or delete \
                     that key"
                )
            }
            Self::NotATrail { key } => write!(
                f,
                "the redis key `{key}` is that of the audit trail but holds another type than a stream: rename that key; \
                 what cannot be recorded is not written"
            ),
            Self::Forbidden { said } => {
                write!(f, "the redis user may not do this ({said}): use the writer's login, or extend the user's ACL")
            }
            Self::ReadOnly { server } => write!(f, "{server} is a replica: give the URL of its primary"),
            Self::Refused { command, said } => write!(f, "redis refuses {command} ({said})"),
            Self::Uncertain { name, .. } => write!(
                f,
                "the connection broke after the write of `{name}` was sent, so it may have happened or not: read it again"
            ),
        }
    }
}

impl Error for AdminError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Settings(source) | Self::Connection { source, .. } | Self::Uncertain { source, .. } => Some(source),
            Self::Unreadable { source, .. } => Some(source),
            Self::Conflict { .. }
            | Self::UnknownFields { .. }
            | Self::Invalid(_)
            | Self::NotADocument { .. }
            | Self::NotATrail { .. }
            | Self::NotResults { .. }
            | Self::Forbidden { .. }
            | Self::ReadOnly { .. }
            | Self::ChangedOutside { .. }
            | Self::NotInTheTrail { .. }
            | Self::Refused { .. } => None,
        }
    }
}
