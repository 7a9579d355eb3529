//! Mention: what rustc says of one use of an expired flag, in the words that the attribute gives it.

use cargo_metadata::diagnostic::{Diagnostic, DiagnosticSpan};
use serde::Serialize;

/// One use of an expired flag; its declaration is one, too.
#[derive(Debug, PartialEq)]
pub(crate) struct Mention {
    pub(crate) flag: ExpiredFlag,
    pub(crate) place: Place,
    /// Whether the place is the flag's date.
    pub(crate) is_declaration: bool,
}

/// A flag that has expired.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct ExpiredFlag {
    pub(crate) name: String,
    /// Its last day.
    pub(crate) expires: String,
    pub(crate) owner: Option<String>,
}

/// Where a token begins; line and column from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mention {
    /// Reads a message of the compiler; none if it speaks of something else.
    pub(crate) fn read(diagnostic: &Diagnostic) -> Option<Self> {
        if diagnostic.code.as_ref()?.code != "deprecated" {
            return None;
        }
        let flag = read_note(&diagnostic.message)?;
        let span = diagnostic.spans.iter().find(|span| span.is_primary)?;
        let place = Place { file: span.file_name.clone(), line: span.line_start, column: span.column_start };
        Some(Self { flag, place, is_declaration: is_string(span) })
    }
}

/// `..: feature flag `NAME` expired on DATE (owner: OWNER): remove it ..`, or `(no owner)`.
fn read_note(message: &str) -> Option<ExpiredFlag> {
    let (_, note) = message.split_once(": feature flag `")?;
    let (name, note) = note.split_once("` expired on ")?;
    let (expires, note) = note.split_once(" (")?;
    let (owner, _) = note.rsplit_once("): remove it")?;
    let owner = owner.strip_prefix("owner: ").map(str::to_owned);
    Some(ExpiredFlag { name: name.to_owned(), expires: expires.to_owned(), owner })
}

/// Whether the marked text is a string: a flag is used by its path, declared by its date.
fn is_string(span: &DiagnosticSpan) -> bool {
    let marked = span.text.first().and_then(|line| line.text.chars().nth(line.highlight_start.saturating_sub(1)));
    marked == Some('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_whatever_the_owner_is_called() {
        let read = |owner: &str| {
            read_note(&format!(
                "use of deprecated static `a::X`: feature flag `x.y` expired on 2025-09-01 ({owner}): remove it and the \
                 code behind it, or move its date"
            ))
            .map(|flag| (flag.name, flag.expires, flag.owner))
        };
        let flag = |owner: Option<&str>| Some(("x.y".to_owned(), "2025-09-01".to_owned(), owner.map(str::to_owned)));
        assert_eq!(read("no owner"), flag(None));
        assert_eq!(read("owner: payments"), flag(Some("payments")));
        assert_eq!(read("owner: a (b): remove it"), flag(Some("a (b): remove it")));
    }

    #[test]
    fn other_deprecations_are_no_mention() {
        for message in ["use of deprecated static `X`", "use of deprecated static `X`: use `Y`", ""] {
            assert_eq!(read_note(message), None, "{message}");
        }
    }
}
