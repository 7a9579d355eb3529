//! Admin: the audited way to write documents.
//!
//! A write is one script at the server that compares the document with what the writer read, records the change and
//! makes it: two writers never undo each other unseen. Then it asks how many replicas have it. Every document that it
//! writes has the six fields that all readers know. It does not stop anybody who may `SET` from writing by hand.

mod audit;
mod connection;
mod document;
mod error;
mod fleet;
mod role;
mod trail;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

pub use self::audit::{AuditEntry, AuditNote};
pub use self::document::{Existing, Names, NewDocument, StoredDocument};
pub use self::error::AdminError;
pub use self::fleet::{BuildRecord, FlagInForce, Found, Heartbeat, Observed, Spread, Stand};
pub use self::role::Role;

use self::connection::{Connection, Outcome, Write};
use super::keys::{self, Prefix};
use crate::rules::Document;

/// How long a read-modify-write is tried while others write the same document. Counted in time, not in attempts: a busy
/// machine uses up attempts, and a kill must not fail for that.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause between two of these attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// One connection that reads and writes documents below a prefix.
///
/// ```no_run
/// use flags_runtime::source::redis::admin::{Admin, AuditNote};
///
/// let mut admin = Admin::connect("redis://127.0.0.1:6379", "ff:")?;
/// let written = admin.disable("new_checkout", &AuditNote::new("ada").why("orders are lost"))?;
/// println!("off since {}", written.at);
/// # Ok::<(), flags_runtime::source::redis::admin::AdminError>(())
/// ```
#[derive(Debug)]
pub struct Admin {
    connection: Connection,
    prefix: Prefix,
}

/// A write that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The text that is there now; none after a deletion.
    pub text: Option<String>,
    /// When, by the server's clock: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// How many replicas the server has; none where it could not be asked.
    pub replicas_known: Option<usize>,
    /// How many replicas said within a second that they have the write; none where it could not be asked. While it is
    /// 0, a failover can lose the write.
    pub replicas_acknowledged: Option<usize>,
}

impl Admin {
    /// Connects and logs in. The URL is that of [`RedisSource::new`](super::RedisSource::new), the prefix that of
    /// [`Prefix::new`]. After a lost connection the next call opens another.
    ///
    /// # Errors
    ///
    /// [`AdminError::Settings`] if the URL or the prefix is wrong, [`AdminError::Connection`] if the server cannot be
    /// reached or refuses the login.
    pub fn connect(url: &str, prefix: &str) -> Result<Self, AdminError> {
        let prefix = Prefix::new(prefix).map_err(AdminError::Settings)?;
        Ok(Self { connection: Connection::open(url, &prefix)?, prefix })
    }

    /// The server, for people: `host:port` or `unix:/path`, and the database where it is not 0. Never a password.
    pub fn server(&self) -> String {
        self.connection.deployment().place()
    }

    /// Reads the document of a flag; none if there is none.
    ///
    /// # Errors
    ///
    /// If the name is not one, the key holds another type, or the server cannot or will not answer.
    pub fn get(&mut self, name: &str) -> Result<Option<StoredDocument>, AdminError> {
        let key = self.key(name)?;
        self.connection.get(&key)
    }

    /// What processes left of a flag's dark launch: one JSON document each, for
    /// [`Report::from_document`](crate::dark_launch::Report::from_document).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn shadow_documents(&mut self, name: &str) -> Result<Vec<Vec<u8>>, AdminError> {
        // The check of the name is the document's.
        self.key(name)?;
        let index = self.prefix.shadow(name);
        let instances = self.connection.members(&index)?;
        let keys: Vec<_> = instances.iter().map(|instance| self.prefix.shadow_of(name, instance)).collect();
        self.connection.texts(&keys)
    }

    /// Writes a document if the stored one is still `expected` (none: if there is none), byte by byte.
    ///
    /// # Errors
    ///
    /// [`AdminError::Conflict`] with what is there now, [`AdminError::Invalid`] for what readers would refuse,
    /// [`AdminError::Uncertain`] if the connection breaks on the way, and what [`get`](Self::get) may say.
    pub fn write(
        &mut self,
        name: &str,
        expected: Option<&StoredDocument>,
        change: &NewDocument,
        note: &AuditNote,
    ) -> Result<Written, AdminError> {
        let text = change.text(name);
        // Nobody may be able to write through us what every reader refuses, for example a value that nests too deep.
        Document::parse(text.as_bytes())
            .map_err(|error| AdminError::Invalid(format!("the new document of `{name}` would be refused: {error}")))?;
        self.replace(name, expected, Some(text), note)
    }

    /// Deletes a document if it is still `expected`: the flag then has its declared default.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn delete(&mut self, name: &str, expected: &StoredDocument, note: &AuditNote) -> Result<Written, AdminError> {
        self.replace(name, Some(expected), None, note)
    }

    /// Reads a document, changes and writes it, again and again while others write in between. Where there is none, the
    /// change starts from one that is on for everybody: `NewDocument::default().enabled(true)`.
    ///
    /// # Errors
    ///
    /// What `change` says; as [`NewDocument::from_stored`] for what cannot be kept; as [`write`](Self::write), a
    /// conflict after five seconds of lost races.
    pub fn edit(
        &mut self,
        name: &str,
        existing: Existing,
        note: &AuditNote,
        change: impl FnMut(NewDocument) -> Result<NewDocument, AdminError>,
    ) -> Result<Written, AdminError> {
        // A change of the percentage or the value alone must not turn off a flag whose default is on.
        self.edit_from(name, existing, note, || Ok(NewDocument::default().enabled(true)), change)
    }

    /// [`edit`](Self::edit) that starts from what `missing` says where there is no document at the moment of the write.
    fn edit_from(
        &mut self,
        name: &str,
        existing: Existing,
        note: &AuditNote,
        missing: impl Fn() -> Result<NewDocument, AdminError>,
        mut change: impl FnMut(NewDocument) -> Result<NewDocument, AdminError>,
    ) -> Result<Written, AdminError> {
        let give_up = Instant::now() + PATIENCE;
        let mut stored = self.get(name)?;
        let mut lost = 0;
        loop {
            let old = match &stored {
                Some(stored) => NewDocument::from_stored(name, stored, existing)?,
                None => missing()?,
            };
            match self.write(name, stored.as_ref(), &change(old)?, note) {
                Err(AdminError::Conflict { .. }) if Instant::now() < give_up => {}
                result => return result,
            }
            lost += 1;
            pause(lost);
            // What the conflict told is from before the pause: to build on it would lose again, the surer the longer.
            stored = self.get(name)?;
        }
    }

    /// Turns a flag on for those whom its percentage and lists name; for everybody if there was no document.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit).
    pub fn enable(&mut self, name: &str, note: &AuditNote) -> Result<Written, AdminError> {
        self.edit(name, Existing::MustBeKept, note, |document| Ok(document.enabled(true)))
    }

    /// Turns a flag off for everybody and keeps the rest.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit).
    pub fn disable(&mut self, name: &str, note: &AuditNote) -> Result<Written, AdminError> {
        self.edit(name, Existing::MustBeKept, note, |document| Ok(document.enabled(false)))
    }

    /// Sets the percent of users for whom the flag is on, 0 to 100, and keeps the rest: a disabled document stays
    /// disabled. If there was no document, the new one is enabled.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit) and [`NewDocument::rollout_percentage`].
    pub fn rollout(&mut self, name: &str, percent: f64, note: &AuditNote) -> Result<Written, AdminError> {
        self.edit(name, Existing::MustBeKept, note, |document| document.rollout_percentage(percent))
    }

    /// Sets the value, given as JSON, and keeps the rest: a disabled document stays disabled. If there was no document,
    /// the new one is enabled, for everybody.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit) and [`NewDocument::value`].
    pub fn set(&mut self, name: &str, json: &str, note: &AuditNote) -> Result<Written, AdminError> {
        self.edit(name, Existing::MustBeKept, note, |document| document.value(json))
    }

    /// Puts users and groups on the lists of a flag, for whom it is then on whatever the percentage, and keeps the rest: a
    /// disabled document stays disabled. If there was no document, the new one is enabled for them and nobody else.
    /// Gives back those that were listed already.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit).
    pub fn allow(
        &mut self,
        name: &str,
        names: &Names,
        existing: Existing,
        note: &AuditNote,
    ) -> Result<(Written, Names), AdminError> {
        let mut known = Names::default();
        let for_nobody = || NewDocument::default().enabled(true).rollout_percentage(0.0);
        let written = self.edit_from(name, existing, note, for_nobody, |mut document| {
            known = document.allow(names);
            Ok(document)
        })?;
        Ok((written, known))
    }

    /// Takes users and groups off the lists of a flag, and keeps the rest; who is in its percentage still gets it. Gives
    /// back those that were not listed.
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] if there is no document; as [`edit`](Self::edit).
    pub fn deny(
        &mut self,
        name: &str,
        names: &Names,
        existing: Existing,
        note: &AuditNote,
    ) -> Result<(Written, Names), AdminError> {
        let no_list =
            || Err(AdminError::Invalid(format!("there is no document of `{name}`, so nobody is on its lists")));
        let mut missing = Names::default();
        let written = self.edit_from(name, existing, note, no_list, |mut document| {
            missing = document.deny(names);
            Ok(document)
        })?;
        Ok((written, missing))
    }

    /// All documents below the prefix, with their names, sorted by those. Keys of another type are left out.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn documents(&mut self) -> Result<Vec<(String, StoredDocument)>, AdminError> {
        // A checked prefix holds nothing that a pattern reads as more than itself.
        let keys = self.connection.scan(&format!("{}*", self.prefix.as_str()), "string")?;
        let texts = self.connection.texts_of(&keys)?;
        let named = keys.iter().map(|key| self.prefix.name_of(key.as_bytes()).unwrap_or_default().to_owned());
        Ok(named.zip(texts).filter_map(|(name, text)| Some((name, text?.into()))).collect())
    }

    /// The names at which another type than a string stands, which no reader takes for a document; sorted.
    ///
    /// # Errors
    ///
    /// As [`documents`](Self::documents).
    pub fn names_of_other_types(&mut self) -> Result<Vec<String>, AdminError> {
        let mut names = Vec::new();
        for of_type in ["list", "set", "zset", "hash", "stream"] {
            let keys = self.connection.scan(&format!("{}*", self.prefix.as_str()), of_type)?;
            names.extend(keys.iter().filter_map(|key| self.prefix.name_of(key.as_bytes())).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Writes the exact text of a document if the stored one is still `expected`; what readers would stumble over is written
    /// as it reads.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`AdminError::UnknownFields`] for what no version knows.
    pub fn restore(
        &mut self,
        name: &str,
        expected: Option<&StoredDocument>,
        document: &StoredDocument,
        note: &AuditNote,
    ) -> Result<Written, AdminError> {
        let text = self.as_written(name, document)?.text().into_owned();
        self.replace(name, expected, Some(text), note)
    }

    /// What [`restore`](Self::restore) writes for a document: its exact text if every reader takes it as it is, else what it
    /// says in six fields.
    ///
    /// # Errors
    ///
    /// [`AdminError::Unreadable`], [`AdminError::UnknownFields`], and [`AdminError::Invalid`] if the name is not one.
    pub fn as_written(&self, name: &str, document: &StoredDocument) -> Result<StoredDocument, AdminError> {
        self.key(name)?;
        document.restored(name, Existing::MustBeKept).map(StoredDocument::from)
    }

    fn key(&self, name: &str) -> Result<String, AdminError> {
        keys::check_name(name).map_err(AdminError::Invalid)?;
        Ok(self.prefix.document(name))
    }

    fn replace(
        &mut self,
        name: &str,
        expected: Option<&StoredDocument>,
        new: Option<String>,
        note: &AuditNote,
    ) -> Result<Written, AdminError> {
        let write =
            Write { name, key: &self.key(name)?, audit: &self.trail(name), expected, new: new.as_deref(), note };
        match self.connection.write(&write)? {
            Outcome::Conflict(current) => Err(AdminError::Conflict { name: name.to_owned(), current }),
            Outcome::Written { at } => {
                let replicas_known = self.connection.replicas(write.key);
                let replicas_acknowledged =
                    if replicas_known == Some(0) { Some(0) } else { self.connection.wait_for_replica(write.key) };
                Ok(Written { text: new, at, replicas_known, replicas_acknowledged })
            }
        }
    }
}

/// Lets others finish: random, so that those who collided once do not collide again, and longer each time.
fn pause(lost: u32) {
    let longest = Duration::from_millis(1 << lost.min(5)).min(LONGEST_PAUSE);
    // A fresh `RandomState` is the randomness that the standard library has.
    let random = u32::try_from(RandomState::new().hash_one(lost) % 1000).unwrap_or(0);
    std::thread::sleep(longest * random / 1000);
}
