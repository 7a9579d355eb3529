//! Trail: the writes that were recorded, read back and undone.

use super::Admin;
use super::Written;
use super::audit::{AuditEntry, AuditNote};
use super::document::Existing;
use super::error::AdminError;

impl Admin {
    /// Puts a document back as it was before the last write of the trail, or as one of its entries left it. The write has
    /// an entry of its own, so a second call undoes the first.
    ///
    /// # Errors
    ///
    /// [`AdminError::ChangedOutside`] if the document is not what the last entry left, unless an entry is named or
    /// `existing` lets it pass; [`AdminError::NotInTheTrail`]; [`AdminError::Unreadable`] for what no reader would take; as
    /// [`write`](Self::write).
    pub fn rollback(
        &mut self,
        name: &str,
        to: Option<&str>,
        existing: Existing,
        note: &AuditNote,
    ) -> Result<Written, AdminError> {
        let missing = || AdminError::NotInTheTrail { name: name.to_owned(), entry: to.map(str::to_owned) };
        let stored = self.get(name)?;
        let (id, old) = if let Some(id) = to {
            let entries = self.history(Some(name), usize::MAX)?;
            let entry = entries.into_iter().find(|entry| entry.id == id).ok_or_else(missing)?;
            (entry.id, entry.new)
        } else {
            let last = self.history(Some(name), 1)?.pop().ok_or_else(missing)?;
            if last.new != stored && existing == Existing::MustBeKept {
                // A write of the trail between the two reads is a lost race, and nothing outside.
                let current = self.get(name)?;
                let name = name.to_owned();
                let is_race = current != stored;
                return Err(if is_race {
                    AdminError::Conflict { name, current }
                } else {
                    AdminError::ChangedOutside { name }
                });
            }
            (format!("before {}", last.id), last.old)
        };
        let note = note.clone().or_why(|| format!("rollback to {id}"));
        let text = old.map(|old| old.restored(name, existing)).transpose()?;
        self.replace(name, stored.as_ref(), text, &note)
    }

    /// The last writes, newest first, at most `limit`; of one flag or of all.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn history(&mut self, name: Option<&str>, limit: usize) -> Result<Vec<AuditEntry>, AdminError> {
        let key = name.map(|name| self.key(name)).transpose()?;
        if let (Some(name), true) = (name, self.connection.is_cluster()) {
            return self.connection.history(&self.prefix.audit_of(name), None, limit);
        }
        if !self.connection.is_cluster() {
            return self.connection.history(&self.prefix.audit(), key.as_deref(), limit);
        }
        let mut entries = Vec::new();
        for stream in self.connection.scan(&self.prefix.audits(), "stream")? {
            entries.extend(self.connection.history(&stream, None, limit)?);
        }
        // Each primary has a clock of its own; the text of a time sorts as the time does.
        entries.sort_by(|one, other| other.at.cmp(&one.at));
        entries.truncate(limit);
        Ok(entries)
    }

    /// Where a write to a document is recorded.
    pub(super) fn trail(&self, name: &str) -> String {
        if self.connection.is_cluster() { self.prefix.audit_of(name) } else { self.prefix.audit() }
    }
}
