//! Records: the JSON lines that the `.fflags` section of a binary carries, written by constant evaluation.
//!
//! One line for each flag and each call site; docs/FORMAT.md has the fields. Constant evaluation cannot allocate, so
//! every record is written twice: once only to count, once into an array of that size. A call site cannot know its
//! flag's name when its size is fixed, so its record has room for the longest name and is padded with spaces.

use super::declaration::{Declaration, Metadata, Place};
use crate::value::TextValue;

/// How much a binary carries of its flags: the environment variable `FLAGS_EMBED` when it is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Embed {
    None,
    Names,
    Full,
}

/// The longest flag name, in bytes.
const MAX_NAME: usize = 128;

/// Bytes of a flag's record.
#[doc(hidden)]
pub const fn flag_record_len(meta: &Metadata, embed: Option<&str>) -> usize {
    let mut counter = Writer::<0>::new();
    write_flag(&mut counter, meta, parse_embed(embed));
    counter.at
}

/// A flag's record.
#[doc(hidden)]
pub const fn flag_record<const N: usize>(meta: &Metadata, embed: Option<&str>) -> [u8; N] {
    let mut writer = Writer::<N>::new();
    write_flag(&mut writer, meta, parse_embed(embed));
    writer.bytes
}

/// Bytes of a call site's record, whatever the flag's name.
#[doc(hidden)]
pub const fn site_record_len(place: &Place, embed: Option<&str>) -> usize {
    let mut counter = Writer::<0>::new();
    let embed = parse_embed(embed);
    write_site(&mut counter, "", place, embed);
    match embed {
        Embed::None => 0,
        Embed::Names | Embed::Full => counter.at + MAX_NAME,
    }
}

/// A call site's record: spaces fill what a shorter name leaves.
#[doc(hidden)]
pub const fn site_record<const N: usize>(declaration: &Declaration, place: &Place, embed: Option<&str>) -> [u8; N] {
    let mut writer = Writer::<N>::new();
    write_site(&mut writer, declaration.name(), place, parse_embed(embed));
    if N > 0 {
        // The end of line moves behind the padding.
        writer.bytes[writer.at - 1] = b' ';
        writer.bytes[N - 1] = b'\n';
    }
    writer.bytes
}

/// The text of `option_env!("CARGO_PKG_NAME")` and the like; builds without cargo have none.
#[doc(hidden)]
pub const fn env_or_empty(variable: Option<&'static str>) -> &'static str {
    match variable {
        Some(text) => text,
        None => "",
    }
}

const fn parse_embed(variable: Option<&str>) -> Embed {
    let Some(text) = variable else { return Embed::Full };
    if is_equal(text.as_bytes(), b"none") {
        Embed::None
    } else if is_equal(text.as_bytes(), b"names") {
        Embed::Names
    } else {
        // `full`, or a word that the attribute refuses.
        Embed::Full
    }
}

const fn write_flag<const N: usize>(to: &mut Writer<N>, meta: &Metadata, embed: Embed) {
    if matches!(embed, Embed::None) {
        return;
    }
    to.raw("{\"v\":1,\"k\":\"flag\"");
    to.field("rt", env!("CARGO_PKG_VERSION"));
    to.field("name", meta.name);
    to.optional("key", meta.key);
    write_place(to, &meta.place, embed);
    to.field("type", meta.shape.name);
    if matches!(embed, Embed::Full) {
        to.raw(",\"default\":");
        to.default(&meta.default, meta.default_expression);
    }
    to.raw(",\"variants\":[");
    let mut index = 0;
    while index < meta.shape.variants.len() {
        if index > 0 {
            to.raw(",");
        }
        to.string(meta.shape.variants[index]);
        index += 1;
    }
    to.raw("]");
    to.or_null("expires", meta.expires);
    if matches!(embed, Embed::Full) {
        to.optional("never", meta.never);
        to.or_null("owner", meta.owner);
        to.or_null("created", meta.created);
        to.or_null("ticket", meta.ticket);
        to.or_null("kind", meta.kind);
        to.raw(if meta.is_public { ",\"public\":true" } else { ",\"public\":false" });
        to.or_null("provider", "");
        to.or_null("doc", meta.doc);
    }
    to.raw("}\n");
}

const fn write_site<const N: usize>(to: &mut Writer<N>, name: &str, place: &Place, embed: Embed) {
    if matches!(embed, Embed::None) {
        return;
    }
    to.raw("{\"v\":1,\"k\":\"site\"");
    to.field("rt", env!("CARGO_PKG_VERSION"));
    to.field("name", name);
    write_place(to, place, embed);
    to.raw("}\n");
}

const fn write_place<const N: usize>(to: &mut Writer<N>, place: &Place, embed: Embed) {
    to.field("pkg", place.package);
    to.field("ver", place.version);
    if matches!(embed, Embed::Full) {
        to.raw(",\"file\":");
        to.file(place);
        to.raw(",\"line\":");
        to.integer(place.line as i128);
        to.raw(",\"col\":");
        to.integer(place.column as i128);
        to.field("mod", place.module);
    }
}

/// Bytes so far; with `N = 0` it only counts.
struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Self { bytes: [b' '; N], at: 0 }
    }

    const fn byte(&mut self, byte: u8) {
        if N > 0 {
            self.bytes[self.at] = byte;
        }
        self.at += 1;
    }

    const fn raw(&mut self, text: &str) {
        self.slice(text.as_bytes(), 0);
    }

    const fn slice(&mut self, bytes: &[u8], from: usize) {
        let mut index = from;
        while index < bytes.len() {
            self.byte(bytes[index]);
            index += 1;
        }
    }

    const fn field(&mut self, name: &str, text: &str) {
        self.raw(",\"");
        self.raw(name);
        self.raw("\":");
        self.string(text);
    }

    const fn or_null(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.raw(",\"");
            self.raw(name);
            self.raw("\":null");
        } else {
            self.field(name, text);
        }
    }

    const fn optional(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, text);
        }
    }

    const fn string(&mut self, text: &str) {
        self.byte(b'"');
        self.escaped(text.as_bytes(), 0);
        self.byte(b'"');
    }

    const fn escaped(&mut self, bytes: &[u8], from: usize) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut index = from;
        while index < bytes.len() {
            match bytes[index] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                b'\n' => self.raw("\\n"),
                control @ 0..0x20 => {
                    self.raw("\\u00");
                    self.byte(HEX[(control >> 4) as usize]);
                    self.byte(HEX[(control & 15) as usize]);
                }
                byte => self.byte(byte),
            }
            index += 1;
        }
    }

    const fn integer(&mut self, value: i128) {
        let mut digits = [0_u8; 40];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.byte(b'-');
        }
        self.slice(&digits, at);
    }

    /// A default as JSON: its value where constant evaluation knows it, else `{"expr": source text}`.
    const fn default(&mut self, default: &TextValue, expression: &str) {
        match default {
            TextValue::Bool(true) => self.raw("true"),
            TextValue::Bool(false) => self.raw("false"),
            TextValue::Integer(value) => self.integer(*value),
            TextValue::String(text) => self.string(text),
            TextValue::Expression if is_json_number(expression.as_bytes()) => self.raw(expression),
            TextValue::Expression => {
                self.raw("{\"expr\":");
                self.string(expression);
                self.raw("}");
            }
        }
    }

    /// The file's path; that of a registry package is cut to `<package>-<version>/..`, the same on every machine.
    const fn file(&mut self, place: &Place) {
        let path = place.file.as_bytes();
        self.byte(b'"');
        self.escaped(path, package_start(path, place.package.as_bytes(), place.version.as_bytes()));
        self.byte(b'"');
    }
}

/// Where `<package>-<version>` starts as a folder of an absolute path; 0 if it is none of its folders.
const fn package_start(path: &[u8], package: &[u8], version: &[u8]) -> usize {
    let length = package.len() + 1 + version.len();
    let mut start = 1;
    while start + length < path.len() {
        let is_folder = is_separator(path[start - 1]) && is_separator(path[start + length]);
        if is_folder
            && starts_with(path, start, package)
            && path[start + package.len()] == b'-'
            && starts_with(path, start + package.len() + 1, version)
        {
            return start;
        }
        start += 1;
    }
    0
}

const fn is_separator(byte: u8) -> bool {
    byte == b'/' || byte == b'\\'
}

const fn starts_with(bytes: &[u8], at: usize, prefix: &[u8]) -> bool {
    let mut index = 0;
    while index < prefix.len() {
        if bytes[at + index] != prefix[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && starts_with(left, 0, right)
}

/// Whether a Rust float literal is a JSON number as it stands: digits, a point, digits, perhaps a sign before.
const fn is_json_number(text: &[u8]) -> bool {
    let start = if !text.is_empty() && text[0] == b'-' { 1 } else { 0 };
    let mut whole_digits = 0;
    let mut fraction_digits = 0;
    let mut has_point = false;
    let mut index = start;
    while index < text.len() {
        match text[index] {
            b'0'..=b'9' if has_point => fraction_digits += 1,
            b'0'..=b'9' => whole_digits += 1,
            b'.' if !has_point => has_point = true,
            _ => return false,
        }
        index += 1;
    }
    let has_leading_zero = whole_digits > 1 && text[start] == b'0';
    whole_digits > 0 && !has_leading_zero && (fraction_digits > 0 || !has_point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_numbers_are_written_as_such() {
        for text in ["0", "7", "-7", "0.5", "-12.25"] {
            assert!(is_json_number(text.as_bytes()), "{text}");
        }
        for text in ["", "-", ".5", "5.", "05", "1e3", "1_000", "0.5f32", "1.2.3", "MAX"] {
            assert!(!is_json_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn registry_paths_are_cut_to_the_package() {
        let cut = |path: &'static str| &path[package_start(path.as_bytes(), b"my-lib", b"1.2.3")..];
        assert_eq!(cut("/x/registry/src/index-123/my-lib-1.2.3/src/a.rs"), "my-lib-1.2.3/src/a.rs");
        assert_eq!(cut(r"C:\cargo\my-lib-1.2.3\src\a.rs"), r"my-lib-1.2.3\src\a.rs");
        assert_eq!(cut("src/a.rs"), "src/a.rs");
        assert_eq!(cut("/x/my-lib-1.2.30/src/a.rs"), "/x/my-lib-1.2.30/src/a.rs");
    }
}
