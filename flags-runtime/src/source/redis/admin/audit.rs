//! Audit: who wrote which document when and why, one stream entry for each write.
//!
//! The trail holds the last 10,000 writes or a little more. Whoever may `SET` can write past it; that shows as a gap,
//! where an entry's `sha_before` is not the `sha_after` of the entry before it for the same key.

use redis::Value;

use super::document::StoredDocument;

/// What a writer says about a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNote {
    pub(super) by: String,
    pub(super) via: String,
    pub(super) why: String,
}

/// One write of the trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The entry's id in the stream.
    pub id: String,
    /// When, by the server's clock: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// Who, by their own word.
    pub by: String,
    /// The Redis user of the connection; empty where it could not be asked.
    pub acl_user: String,
    /// The program, for example `cargo-flags 0.1.0`.
    pub via: String,
    /// Why, in the writer's words; may be empty.
    pub why: String,
    /// The document's key, with prefix.
    pub key: String,
    /// The document before; none if there was none.
    pub old: Option<StoredDocument>,
    /// The document after; none if it was deleted.
    pub new: Option<StoredDocument>,
    /// SHA-1 of the document before in 40 hex digits; empty if there was none.
    pub sha_before: String,
    /// SHA-1 of the document after in 40 hex digits; empty if it was deleted.
    pub sha_after: String,
}

impl AuditNote {
    /// A note by somebody, for example `ada@build-7`; via this library, without a reason.
    pub fn new(by: impl Into<String>) -> Self {
        Self { by: by.into(), via: concat!("flags-runtime ", env!("CARGO_PKG_VERSION")).to_owned(), why: String::new() }
    }

    /// The program that writes, for example `cargo-flags 0.1.0`.
    #[must_use]
    pub fn via(self, via: impl Into<String>) -> Self {
        Self { via: via.into(), ..self }
    }

    /// The reason if there is none yet.
    #[must_use]
    pub(super) fn or_why(self, why: impl FnOnce() -> String) -> Self {
        if self.why.is_empty() { self.why(why()) } else { self }
    }

    /// The reason.
    #[must_use]
    pub fn why(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }
}

impl AuditEntry {
    /// Reads one element of an `XRANGE` reply; none if it is not of the shape of a stream entry. Fields of later
    /// versions are passed over.
    pub(super) fn read(entry: Value) -> Option<Self> {
        let Value::Array(entry) = entry else { return None };
        let [Value::BulkString(id), Value::Array(fields)] = <[Value; 2]>::try_from(entry).ok()? else { return None };
        let mut read = Self { id: text(id), ..Self::default() };
        let (mut old, mut new) = (Vec::new(), Vec::new());
        let mut fields = fields.into_iter();
        while let (Some(Value::BulkString(field)), Some(Value::BulkString(value))) = (fields.next(), fields.next()) {
            match &*field {
                b"at" => read.at = text(value),
                b"by" => read.by = text(value),
                b"acl_user" => read.acl_user = text(value),
                b"via" => read.via = text(value),
                b"why" => read.why = text(value),
                b"key" => read.key = text(value),
                b"old" => old = value,
                b"new" => new = value,
                b"sha_before" => read.sha_before = text(value),
                b"sha_after" => read.sha_after = text(value),
                _ => {}
            }
        }
        // An empty document is not the same as none, and only its hash tells.
        read.old = (!read.sha_before.is_empty()).then(|| old.into());
        read.new = (!read.sha_after.is_empty()).then(|| new.into());
        Some(read)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
