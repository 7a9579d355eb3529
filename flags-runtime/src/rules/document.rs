//! The document: the six-field JSON object at a flag's key, shared with other languages. The only place that knows the
//! wire form.
//!
//! Reading follows docs/FORMAT.md: an object only; missing and null fields have fixed readings; unknown fields are
//! ignored but named; of duplicate fields the last counts; anything else is refused whole. Nothing here knows a flag's
//! type: `value` stays text until the rule is compiled.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text;
use crate::details::ErrorCode;

/// The largest document that is read: 64 MiB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many unknown fields are named: enough for a message, and no more memory than that.
const UNKNOWN_FIELDS: usize = 16;

/// One flag's document, as it was written.
///
/// ```
/// use flags_runtime::rules::Document;
///
/// let document = Document::parse(br#"{"enabled":true,"rollout_percentage":10}"#)?;
/// assert!(document.enabled);
/// assert_eq!(document.rollout_percentage, 10.0);
/// assert!(document.allowed_users.is_empty());
/// # Ok::<(), flags_runtime::rules::DocumentError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Document<'a> {
    /// The `name` field; the name in the key counts, not this one.
    pub name: Option<Cow<'a, str>>,
    /// Whether the flag is on for anybody at all. Missing or null: false.
    pub enabled: bool,
    /// Percent of users, any finite number; 100 and above is everybody, 0 and below nobody. Missing or null: 100.
    pub rollout_percentage: f64,
    /// Targeting keys for which the flag is on whatever the percentage.
    pub allowed_users: Vec<Cow<'a, str>>,
    /// Groups for which the flag is on whatever the percentage.
    pub allowed_groups: Vec<Cow<'a, str>>,
    /// The JSON text of `value`; none if missing or null.
    pub value: Option<&'a RawValue>,
    /// The exact text of each known field that is there, so that a writer can keep what it does not change.
    pub raw: RawFields<'a>,
    /// Names of fields that this version does not know, the first 16 of them.
    pub unknown_fields: Vec<String>,
}

/// The exact JSON text of each known field; of duplicate fields the last.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RawFields<'a> {
    /// `name`
    pub name: Option<&'a RawValue>,
    /// `enabled`
    pub enabled: Option<&'a RawValue>,
    /// `rollout_percentage`
    pub rollout_percentage: Option<&'a RawValue>,
    /// `allowed_users`
    pub allowed_users: Option<&'a RawValue>,
    /// `allowed_groups`
    pub allowed_groups: Option<&'a RawValue>,
    /// `value`
    pub value: Option<&'a RawValue>,
}

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    code: ErrorCode,
    message: String,
}

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Everything that docs/FORMAT.md refuses: invalid UTF-8 or JSON, not an object, a field of the wrong type, a list
    /// with anything but strings, numbers outside f64, lone surrogates, nesting over 128, more than [`MAX_BYTES`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_BYTES {
            return Err(DocumentError::invalid(format!(
                "the document has {} bytes; at most {MAX_BYTES} are read",
                bytes.len()
            )));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::invalid(format!("the document is not UTF-8 text: {error}")))?;
        text::check(text)?;
        let fields: Fields<'a> = serde_json::from_str(text)
            .map_err(|error| DocumentError::invalid(format!("the document is not a JSON object: {error}")))?;
        let raw = fields.known;
        Ok(Self {
            name: read(raw.name, "name", "a string")?.map(|Text(name)| name),
            enabled: read(raw.enabled, "enabled", "true or false")?.unwrap_or(false),
            rollout_percentage: read(raw.rollout_percentage, "rollout_percentage", "a number")?.unwrap_or(100.0),
            allowed_users: read_list(raw.allowed_users, "allowed_users")?,
            allowed_groups: read_list(raw.allowed_groups, "allowed_groups")?,
            value: raw.value.filter(|value| value.get() != "null"),
            raw,
            unknown_fields: fields.unknown,
        })
    }
}

impl DocumentError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::ParseError, message: message.into() }
    }

    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::TypeMismatch, message: message.into() }
    }

    /// `PARSE_ERROR`, or `TYPE_MISMATCH` where the value does not fit the flag's type.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for DocumentError {}

fn read<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    field: &str,
    expected: &str,
) -> Result<Option<T>, DocumentError> {
    raw.filter(|raw| raw.get() != "null")
        .map(|raw| {
            serde_json::from_str(raw.get())
                .map_err(|_| DocumentError::invalid(format!("`{field}` must be {expected}, not {}", shown(raw.get()))))
        })
        .transpose()
}

fn read_list<'a>(raw: Option<&'a RawValue>, field: &str) -> Result<Vec<Cow<'a, str>>, DocumentError> {
    let list: Option<Vec<Text<'a>>> = read(raw, field, "an array of strings")?;
    Ok(list.unwrap_or_default().into_iter().map(|Text(element)| element).collect())
}

/// The start of a text, for a message.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS: usize = 40;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("`{}..`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// A string, borrowed from the text where it holds no escape.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// All fields as text. Written by hand: a derived struct would refuse duplicates and accept an array.
struct Fields<'a> {
    known: RawFields<'a>,
    unknown: Vec<String>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields { known: RawFields::default(), unknown: Vec::new() };
                while let Some(Text(name)) = map.next_key()? {
                    let known = &mut fields.known;
                    let slot = match &*name {
                        "name" => &mut known.name,
                        "enabled" => &mut known.enabled,
                        "rollout_percentage" => &mut known.rollout_percentage,
                        "allowed_users" => &mut known.allowed_users,
                        "allowed_groups" => &mut known.allowed_groups,
                        "value" => &mut known.value,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            if fields.unknown.len() < UNKNOWN_FIELDS {
                                fields.unknown.push(name.into_owned());
                            }
                            continue;
                        }
                    };
                    *slot = Some(map.next_value()?);
                }
                Ok(fields)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}
