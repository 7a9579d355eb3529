//! New document: the six fields that are about to be written, each as the JSON text that it had or got.
//!
//! What a change does not touch keeps its exact text: the digits of a percentage, the spelling of a value. What other
//! readers stumble over is mended on the way: a missing field and a null where no null belongs get their reading.

use std::borrow::Cow;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::AdminError;
use crate::hex::hex;
use crate::rules::{Document, DocumentError};

/// A document as it stands in Redis, whatever it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    bytes: Vec<u8>,
}

/// The document that a write puts there. By default off for everybody, 100 percent, no lists, no value; where there is
/// no document yet, [`Admin::edit`](super::Admin::edit) starts from one that is enabled.
///
/// ```
/// use flags_runtime::source::redis::admin::NewDocument;
///
/// let document = NewDocument::default().enabled(true).rollout_percentage(12.5)?.value("\"variant_a\"")?;
/// assert_eq!(
///     document.text("pricing"),
///     r#"{"name":"pricing","enabled":true,"rollout_percentage":12.5,"allowed_users":[],"allowed_groups":[],"value":"variant_a"}"#,
/// );
/// # Ok::<(), flags_runtime::source::redis::admin::AdminError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    is_enabled: bool,
    rollout_percentage: String,
    allowed_users: String,
    allowed_groups: String,
    value: String,
}

/// Users and groups of a document's lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a document has these two lists")]
pub struct Names {
    /// Targeting keys.
    pub users: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
}

/// What to do with a stored document that a write cannot keep as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// Refuse: unknown fields would be lost, and what cannot be read cannot be kept.
    #[default]
    MustBeKept,
    /// Go on (`--force`): unknown fields are dropped, and what cannot be read gives way to [`NewDocument::default`], which
    /// is off for everybody.
    MayBeLost,
}

impl StoredDocument {
    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What heartbeats name the document by: the first 16 hex digits of the text's SHA-256.
    pub fn short_sha(&self) -> String {
        hex(&Sha256::digest(self.bytes())[..8])
    }

    /// The text, for people; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The text to write where this document is to stand again for a flag: itself if every reader takes it as it is, else
    /// what it says in six fields.
    pub(super) fn restored(&self, name: &str, existing: Existing) -> Result<String, AdminError> {
        let document = self.parse().map_err(|source| AdminError::Unreadable { name: name.to_owned(), source })?;
        let raw = &document.raw;
        let lists = [raw.rollout_percentage, raw.allowed_users, raw.allowed_groups];
        // A null is no list to a Python reader.
        let is_whole = lists.iter().all(|field| field.is_some_and(|field| field.get() != "null"))
            && raw.value.is_some()
            && raw.enabled.is_some()
            && document.name.as_deref() == Some(name)
            && document.unknown_fields.is_empty();
        if is_whole {
            return Ok(self.text().into_owned());
        }
        NewDocument::from_stored(name, self, existing).map(|document| document.text(name))
    }

    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// As [`Document::parse`]: services refuse this document too and stay with the last good one.
    pub fn parse(&self) -> Result<Document<'_>, DocumentError> {
        Document::parse(&self.bytes)
    }
}

impl From<Vec<u8>> for StoredDocument {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl From<&str> for StoredDocument {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for StoredDocument {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl Default for NewDocument {
    fn default() -> Self {
        Self {
            is_enabled: false,
            rollout_percentage: "100".to_owned(),
            allowed_users: "[]".to_owned(),
            allowed_groups: "[]".to_owned(),
            value: "null".to_owned(),
        }
    }
}

impl NewDocument {
    /// The new document that says what the stored one says. `name` is for errors.
    ///
    /// # Errors
    ///
    /// [`AdminError::Unreadable`] and [`AdminError::UnknownFields`], unless `existing` lets them pass.
    pub fn from_stored(name: &str, stored: &StoredDocument, existing: Existing) -> Result<Self, AdminError> {
        let document = match (stored.parse(), existing) {
            (Ok(document), _) => document,
            (Err(_), Existing::MayBeLost) => return Ok(Self::default()),
            (Err(source), Existing::MustBeKept) => {
                return Err(AdminError::Unreadable { name: name.to_owned(), source });
            }
        };
        if !document.unknown_fields.is_empty() && existing == Existing::MustBeKept {
            return Err(AdminError::UnknownFields { name: name.to_owned(), fields: document.unknown_fields });
        }
        let default = Self::default();
        let kept = |raw: Option<&RawValue>, default: String| match raw {
            Some(raw) if raw.get() != "null" => raw.get().to_owned(),
            _ => default,
        };
        Ok(Self {
            is_enabled: document.enabled,
            rollout_percentage: kept(document.raw.rollout_percentage, default.rollout_percentage),
            allowed_users: kept(document.raw.allowed_users, default.allowed_users),
            allowed_groups: kept(document.raw.allowed_groups, default.allowed_groups),
            value: kept(document.raw.value, default.value),
        })
    }

    /// Sets whether the flag is on for anybody at all.
    #[must_use]
    pub fn enabled(self, is_enabled: bool) -> Self {
        Self { is_enabled, ..self }
    }

    /// Sets the percent of users for whom the flag is on, 0 to 100.
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] outside that range, and for NaN.
    pub fn rollout_percentage(self, percent: f64) -> Result<Self, AdminError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(AdminError::Invalid(format!("the rollout percentage {percent} is not between 0 and 100")));
        }
        // The shortest digits that read as the same number, and never an exponent; plus 0 makes -0 a 0.
        Ok(Self { rollout_percentage: format!("{}", percent + 0.0), ..self })
    }

    /// Sets the value, given as JSON; `null` means the declared default.
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] if it is not JSON.
    pub fn value(self, json: &str) -> Result<Self, AdminError> {
        let value: &RawValue = serde_json::from_str(json).map_err(|error| {
            AdminError::Invalid(format!("the value {json:?} is not JSON ({error}); a string needs quotes of its own"))
        })?;
        Ok(Self { value: value.get().to_owned(), ..self })
    }

    /// Sets the users for whom the flag is on whatever the percentage.
    #[must_use]
    pub fn allowed_users(self, users: &[String]) -> Self {
        Self { allowed_users: as_list(users), ..self }
    }

    /// Sets the groups for which the flag is on whatever the percentage.
    #[must_use]
    pub fn allowed_groups(self, groups: &[String]) -> Self {
        Self { allowed_groups: as_list(groups), ..self }
    }

    /// Puts names on the lists of users and groups, behind those that are there; gives back those that were there already.
    pub fn allow(&mut self, names: &Names) -> Names {
        let mut known = Names::default();
        for (list, wanted, known) in [
            (&mut self.allowed_users, &names.users, &mut known.users),
            (&mut self.allowed_groups, &names.groups, &mut known.groups),
        ] {
            let mut listed = names_of(list);
            for name in wanted {
                if listed.contains(name) { known.push(name.clone()) } else { listed.push(name.clone()) }
            }
            if wanted.len() > known.len() {
                *list = as_list(&listed);
            }
        }
        known
    }

    /// Takes names off the lists of users and groups; gives back those that were not there.
    pub fn deny(&mut self, names: &Names) -> Names {
        let mut missing = Names::default();
        for (list, unwanted, missing) in [
            (&mut self.allowed_users, &names.users, &mut missing.users),
            (&mut self.allowed_groups, &names.groups, &mut missing.groups),
        ] {
            let mut listed = names_of(list);
            let before = listed.len();
            missing.extend(unwanted.iter().filter(|name| !listed.contains(name)).cloned());
            listed.retain(|name| !unwanted.contains(name));
            if listed.len() < before {
                *list = as_list(&listed);
            }
        }
        missing
    }

    /// The JSON text of the document for a flag: exactly six fields in a fixed order, because the Python reader fails on
    /// any other and on a missing one.
    pub fn text(&self, name: &str) -> String {
        let Self { is_enabled, rollout_percentage, allowed_users, allowed_groups, value } = self;
        let name = serde_json::Value::from(name);
        format!(
            r#"{{"name":{name},"enabled":{is_enabled},"rollout_percentage":{rollout_percentage},"allowed_users":{allowed_users},"allowed_groups":{allowed_groups},"value":{value}}}"#
        )
    }
}

/// What a list of a document holds: it was read as one, or written by us.
fn names_of(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_default()
}

fn as_list(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn rewritten(text: &str, existing: Existing) -> Result<String, AdminError> {
        NewDocument::from_stored("x", &StoredDocument::from(text), existing).map(|document| document.text("x"))
    }

    #[test]
    fn what_is_not_changed_keeps_its_exact_text() {
        let text = r#"{"name":"x","enabled":true,"rollout_percentage":33.333333333333333333,"allowed_users":["a\/b", "\u00e9"],"allowed_groups":[],"value":{"n":1.50e3,"n":2}}"#;
        assert_eq!(rewritten(text, Existing::MustBeKept).unwrap(), text);
    }

    #[test]
    fn missing_and_null_fields_are_written_as_they_read() {
        let text = rewritten(r#"{"rollout_percentage":null,"allowed_users":null}"#, Existing::MustBeKept).unwrap();
        assert_eq!(text, NewDocument::default().text("x"));
    }

    #[test]
    fn unknown_fields_are_refused_by_name_and_dropped_only_when_allowed() {
        let text = r#"{"enabled":true,"rules":[],"note":1}"#;
        let refused = rewritten(text, Existing::MustBeKept).unwrap_err();
        assert!(
            matches!(&refused, AdminError::UnknownFields { fields, .. } if *fields == ["rules", "note"]),
            "{refused}"
        );
        assert_eq!(rewritten(text, Existing::MayBeLost).unwrap(), NewDocument::default().enabled(true).text("x"));
    }

    #[test]
    fn an_unreadable_document_is_refused_unless_it_may_be_lost() {
        assert!(matches!(rewritten("{", Existing::MustBeKept), Err(AdminError::Unreadable { .. })));
        assert_eq!(rewritten("{", Existing::MayBeLost).unwrap(), NewDocument::default().text("x"));
    }

    #[test]
    fn percentages_are_written_shortest_and_without_exponent() {
        let text = |percent| NewDocument::default().rollout_percentage(percent).map(|new| new.rollout_percentage);
        assert_eq!(text(10.0).unwrap(), "10");
        assert_eq!(text(-0.0).unwrap(), "0");
        assert_eq!(text(1e-7).unwrap(), "0.0000001");
        for wrong in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(text(wrong), Err(AdminError::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn names_and_lists_are_escaped_plainly() {
        let text = NewDocument::default().allowed_users(&["a/\"b\"é".to_owned()]).text("q\"/");
        assert!(text.starts_with(r#"{"name":"q\"/","#), "{text}");
        assert!(text.contains(r#""allowed_users":["a/\"b\"é"]"#), "{text}");
    }
}
