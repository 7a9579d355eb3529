//! Writer: typed, audited writes by the flags themselves, seen by one's own next read.
//!
//! A misspelt flag or a value of another type does not compile. After a write the call waits until the source of this
//! process has brought it, so that what is written is what is read next, also in the middle of a request; it does not wait
//! where no source runs, or where contact is lost.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::flag::Flag;
use crate::registry::Declaration;
use crate::source::redis::admin::{
    Admin, AdminError, AuditNote, Existing, Names, NewDocument, StoredDocument, Written,
};
use crate::status::{BOARD, SourceState};
use crate::store;
use crate::types::scalar::Scalar;
use crate::types::{FlagValue, Json};
use crate::view;

/// Writes the documents of flags.
///
/// ```no_run
/// use flags_runtime::source::redis::admin::{Admin, AuditNote};
/// use flags_runtime::writer::FlagWriter;
/// use flags_runtime::{Flag, feature_flag, flag};
///
/// #[feature_flag(name = "page_size", default = 20, expires = "2099-03-01")]
/// static PAGE_SIZE: Flag<u32>;
///
/// let admin = Admin::connect("redis://127.0.0.1:6379", "ff:")?;
/// let mut writer = FlagWriter::new(admin, AuditNote::new("ada").why("pages are slow"));
/// writer.set(&PAGE_SIZE, 10)?;
/// assert_eq!(flag!(PAGE_SIZE), 10);
/// # Ok::<(), flags_runtime::source::redis::admin::AdminError>(())
/// ```
#[derive(Debug)]
pub struct FlagWriter {
    admin: Admin,
    note: AuditNote,
}

/// A write that happened, and whether this process goes by it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlagWritten {
    /// What was written, when, and how many replicas have it.
    pub written: Written,
    /// Whether the next read here goes by it.
    pub applied: Applied,
}

/// Whether a process goes by a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// Its source has brought this document, or a newer one.
    Here,
    /// Not within a second: contact is lost, or the source is another server.
    NotYet,
    /// It follows no source.
    NotRunning,
}

/// What can be written as the value of a flag: the flag's own type; `&str` for a `Flag<String>`, `&T` for a `Flag<Json<T>>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a flag of type `{F}`",
    label = "not a value of this flag",
    note = "write a value of the flag's type; a `&str` for a `String`, a `&T` for a `Json<T>` whose `T` serializes"
)]
pub trait ValueOf<F: FlagValue>: sealed::Sealed<F> {}

mod sealed {
    use crate::types::FlagValue;

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is no value of a flag of type `{F}`",
        label = "not a value of this flag",
        note = "write a value of the flag's type; a `&str` for a `String`, a `&T` for a `Json<T>` whose `T` serializes"
    )]
    pub trait Sealed<F: FlagValue> {
        /// The value as JSON text, or why no document can hold it.
        fn json(&self) -> Result<String, String>;
    }
}

impl<F: FlagValue, V: sealed::Sealed<F>> ValueOf<F> for V {}

impl<T: Scalar> sealed::Sealed<T> for T {
    fn json(&self) -> Result<String, String> {
        self.to_json()
    }
}

impl sealed::Sealed<String> for &str {
    fn json(&self) -> Result<String, String> {
        Ok(serde_json::Value::from(*self).to_string())
    }
}

impl sealed::Sealed<String> for String {
    fn json(&self) -> Result<String, String> {
        Ok(serde_json::Value::from(self.as_str()).to_string())
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> sealed::Sealed<Json<T>> for &T {
    fn json(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| error.to_string())
    }
}

/// How long a write waits for this process's own source.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_micros(200);

impl FlagWriter {
    /// Writes through a connection; every entry of the trail says what the note says.
    pub fn new(admin: Admin, note: AuditNote) -> Self {
        Self { admin, note }
    }

    /// Changes what the next entries of the trail say.
    pub fn note(&mut self, note: AuditNote) {
        self.note = note;
    }

    /// Sets the value and keeps the rest: a disabled document stays disabled. If there was no document, the new one is
    /// enabled, for everybody. Of a bool flag, which has no value, it is [`enable`](Self::enable) or
    /// [`disable`](Self::disable).
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] for what no document can hold (NaN, or what does not serialize); as [`Admin::edit`].
    #[allow(clippy::needless_pass_by_value, reason = "a value is handed over to be set, as to an assignment")]
    pub fn set<T: FlagValue>(
        &mut self,
        flag: &'static Flag<T>,
        value: impl ValueOf<T>,
    ) -> Result<FlagWritten, AdminError> {
        let declaration = flag.declaration();
        let json = value.json().map_err(|why| {
            AdminError::Invalid(format!("the value of `{}` cannot be written: {why}", declaration.name()))
        })?;
        if declaration.is_switch() {
            return self.edit(declaration, |document| Ok(document.enabled(json == "true")));
        }
        self.edit(declaration, |document| document.value(&json))
    }

    /// Turns a flag on for those whom its percentage and lists name; for everybody if there was no document.
    ///
    /// # Errors
    ///
    /// As [`Admin::edit`].
    pub fn enable<T: FlagValue>(&mut self, flag: &'static Flag<T>) -> Result<FlagWritten, AdminError> {
        self.edit(flag.declaration(), |document| Ok(document.enabled(true)))
    }

    /// Turns a flag off for everybody and keeps the rest.
    ///
    /// # Errors
    ///
    /// As [`Admin::edit`].
    pub fn disable<T: FlagValue>(&mut self, flag: &'static Flag<T>) -> Result<FlagWritten, AdminError> {
        self.edit(flag.declaration(), |document| Ok(document.enabled(false)))
    }

    /// Sets the percent of users for whom the flag is on, 0 to 100, and keeps the rest.
    ///
    /// # Errors
    ///
    /// As [`Admin::rollout`].
    pub fn rollout<T: FlagValue>(&mut self, flag: &'static Flag<T>, percent: f64) -> Result<FlagWritten, AdminError> {
        self.edit(flag.declaration(), |document| document.rollout_percentage(percent))
    }

    /// Puts users and groups on the lists of a flag; see [`Admin::allow`].
    ///
    /// # Errors
    ///
    /// As [`Admin::allow`].
    pub fn allow<T: FlagValue>(&mut self, flag: &'static Flag<T>, names: &Names) -> Result<FlagWritten, AdminError> {
        self.waited(flag.declaration(), |admin, key, note| Ok(admin.allow(key, names, Existing::MustBeKept, note)?.0))
    }

    /// Takes users and groups off the lists of a flag; see [`Admin::deny`].
    ///
    /// # Errors
    ///
    /// As [`Admin::deny`].
    pub fn deny<T: FlagValue>(&mut self, flag: &'static Flag<T>, names: &Names) -> Result<FlagWritten, AdminError> {
        self.waited(flag.declaration(), |admin, key, note| Ok(admin.deny(key, names, Existing::MustBeKept, note)?.0))
    }

    /// Deletes the document of a flag: it has its declared default then.
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] if there is none; as [`Admin::delete`].
    pub fn delete<T: FlagValue>(&mut self, flag: &'static Flag<T>) -> Result<FlagWritten, AdminError> {
        self.waited(flag.declaration(), |admin, key, note| match admin.get(key)? {
            Some(stored) => admin.delete(key, &stored, note),
            None => Err(AdminError::Invalid(format!("there is no document of `{key}` to delete"))),
        })
    }

    /// Puts a document back as it was before the last write of the trail; see [`Admin::rollback`].
    ///
    /// # Errors
    ///
    /// As [`Admin::rollback`].
    pub fn rollback<T: FlagValue>(&mut self, flag: &'static Flag<T>) -> Result<FlagWritten, AdminError> {
        self.waited(flag.declaration(), |admin, key, note| admin.rollback(key, None, Existing::MustBeKept, note))
    }

    /// The connection, for what has no typed form.
    pub fn into_admin(self) -> Admin {
        self.admin
    }

    fn edit(
        &mut self,
        flag: &'static Declaration,
        change: impl FnMut(NewDocument) -> Result<NewDocument, AdminError>,
    ) -> Result<FlagWritten, AdminError> {
        self.waited(flag, |admin, key, note| admin.edit(key, Existing::MustBeKept, note, change))
    }

    fn waited(
        &mut self,
        flag: &'static Declaration,
        write: impl FnOnce(&mut Admin, &str, &AuditNote) -> Result<Written, AdminError>,
    ) -> Result<FlagWritten, AdminError> {
        let before = store::hash_in_source(flag);
        let written = write(&mut self.admin, flag.key(), &self.note)?;
        // What a request has written it reads.
        view::end_here();
        let expected = written.text.as_ref().map(|text| Sha256::digest(text.as_bytes()).into());
        // Somebody may have written since: then it is what is there now that counts.
        let is_there_now = |applied: Option<[u8; 32]>| {
            let now = self.admin.get(flag.key()).ok();
            now.is_some_and(|now| now.map(|now| Sha256::digest(now.bytes()).into()) == applied)
        };
        Ok(FlagWritten { applied: wait(flag, before, expected, is_there_now), written })
    }
}

/// Waits until the source has brought a document, or any other than before: somebody may have written since.
fn wait(
    flag: &Declaration,
    before: Option<[u8; 32]>,
    expected: Option<[u8; 32]>,
    mut is_there_now: impl FnMut(Option<[u8; 32]>) -> bool,
) -> Applied {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match BOARD.source_state() {
            None | Some(SourceState::Stopped) => return Applied::NotRunning,
            Some(SourceState::Lost | SourceState::Connecting) => return Applied::NotYet,
            Some(SourceState::Live) => {}
        }
        let now = store::hash_in_source(flag);
        if now == expected || now != before && is_there_now(now) {
            return Applied::Here;
        }
        if Instant::now() >= give_up {
            return Applied::NotYet;
        }
        thread::sleep(LOOK);
    }
}

impl fmt::Display for FlagWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.written.text.as_deref().unwrap_or("no document");
        write!(f, "{text} since {}", self.written.at)?;
        match self.applied {
            Applied::Here => f.write_str(", in force here"),
            Applied::NotYet => f.write_str(", not in force here yet"),
            Applied::NotRunning => Ok(()),
        }
    }
}

impl FlagWritten {
    /// The document that is there now; none after a deletion.
    pub fn document(&self) -> Option<StoredDocument> {
        self.written.text.clone().map(StoredDocument::from)
    }
}
