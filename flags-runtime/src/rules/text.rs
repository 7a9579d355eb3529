//! The checks of a document's text that a JSON parser leaves out where it skips a value.
//!
//! A parser that steps over an unknown field, or keeps a value as text, does not decode it. The whole text counts,
//! though: other languages read it all. This scan refuses nesting over 128, lone surrogates and numbers outside f64
//! anywhere. It is iterative, so no depth overflows the stack, and it says nothing about syntax: that stays with the
//! parser.

use super::document::DocumentError;

/// Levels of arrays and objects that a document may have, itself included.
pub(super) const MAX_DEPTH: usize = 128;

/// Refuses what the parser would pass over.
pub(super) fn check(text: &str) -> Result<(), DocumentError> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = skip_string(bytes, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(DocumentError::invalid(format!(
                        "arrays and objects nest deeper than {MAX_DEPTH} levels at byte {at}"
                    )));
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => at = skip_number(text, at)?,
            _ => at += 1,
        }
    }
    Ok(())
}

/// The index after the closing quote of the string that starts at `at`.
fn skip_string(bytes: &[u8], mut at: usize) -> Result<usize, DocumentError> {
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') if bytes.get(at + 1) == Some(&b'u') => at = skip_unicode_escape(bytes, at)?,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            // The parser has the better words for a string without an end.
            None => return Ok(at),
        }
    }
}

/// The index after a `\uXXXX` escape, or after both halves of a surrogate pair.
fn skip_unicode_escape(bytes: &[u8], at: usize) -> Result<usize, DocumentError> {
    let lone = || DocumentError::invalid(format!("a lone surrogate in a string at byte {at}"));
    match escaped_unit(bytes, at) {
        Some(0xD800..=0xDBFF) => match escaped_unit(bytes, at + 6) {
            Some(0xDC00..=0xDFFF) => Ok(at + 12),
            _ => Err(lone()),
        },
        Some(0xDC00..=0xDFFF) => Err(lone()),
        Some(_) => Ok(at + 6),
        None => Ok(at + 2),
    }
}

/// The UTF-16 unit of a `\uXXXX` escape at `at`.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0_u16, |unit, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

/// The index after the number that starts at `at`.
fn skip_number(text: &str, at: usize) -> Result<usize, DocumentError> {
    let rest = &text[at..];
    let length = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
    let number = &rest[..length];
    match number.parse::<f64>() {
        Ok(value) if value.is_infinite() => {
            Err(DocumentError::invalid(format!("the number at byte {at} is outside the range of a 64-bit float")))
        }
        _ => Ok(at + length),
    }
}
