//! Records: the JSON lines that the `.fflags` section of a binary carries, written by constant evaluation.
//!
//! One line for each flag and each call site; docs/FORMAT.md has the fields. Constant evaluation cannot allocate, so a record
//! is written twice, once only to count. It is also slow, some microseconds for a byte or a call: whatever is text already
//! comes as text, from the attribute or from `concat!`, and is copied many bytes at a time. A call site cannot know its
//! flag's name when its size is fixed, so its record has room for the longest name and is padded with spaces.

use super::declaration::Declaration;
use crate::value::{Shape, TextValue};

/// How much a binary carries of its flags: the environment variable `FLAGS_EMBED` when it is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Embed {
    None,
    Names,
    Full,
}

/// The longest flag name, in bytes.
const MAX_NAME: usize = 128;

/// A flag's record, as far as the attribute knows it; what it leaves empty is not embedded.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, clippy::exhaustive_structs, reason = "written by macro expansions only")]
pub struct FlagText {
    /// from the brace to `,"mod":"`
    pub before: &'static str,
    /// whether module and default are embedded
    pub is_full: bool,
    pub module: &'static str,
    pub shape: Shape,
    pub default: TextValue,
    /// a default that constant evaluation does not know
    pub expression: &'static str,
    /// from `,"expires"` to the end of line
    pub after: &'static str,
    /// variables that the attribute went by, named here so that cargo builds again when they change
    pub tracked: &'static [Option<&'static str>],
}

/// Where a call site is, and what is to be said of it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, clippy::exhaustive_structs, reason = "written by macro expansions only")]
pub struct Site {
    /// `FLAGS_EMBED`
    pub embed: Option<&'static str>,
    pub package: Option<&'static str>,
    pub version: Option<&'static str>,
    pub file: &'static str,
    /// from `"file"` to the end of line, for a file whose name is written as it is
    pub place: &'static str,
    /// the same behind the file
    pub position: &'static str,
}

/// Bytes of a flag's record.
#[doc(hidden)]
pub const fn flag_record_len(text: &FlagText) -> usize {
    let mut counter = Writer { bytes: [], at: 0 };
    counter.flag(text);
    counter.at
}

/// A flag's record.
#[doc(hidden)]
pub const fn flag_record<const N: usize>(text: &FlagText) -> [u8; N] {
    let mut writer = Writer { bytes: [b' '; N], at: 0 };
    writer.flag(text);
    writer.bytes
}

/// Bytes of a call site's record, whatever the flag's name.
#[doc(hidden)]
pub const fn site_record_len(site: &Site) -> usize {
    let embed = parse_embed(site.embed);
    if matches!(embed, Embed::None) {
        return 0;
    }
    let mut counter = Writer { bytes: [], at: MAX_NAME };
    counter.site("", site, embed);
    counter.at
}

/// A call site's record: spaces fill what a shorter name leaves.
#[doc(hidden)]
pub const fn site_record<const N: usize>(declaration: &Declaration, site: &Site) -> [u8; N] {
    let mut writer = Writer { bytes: [b' '; N], at: 0 };
    if N > 0 {
        writer.site(declaration.name(), site, parse_embed(site.embed));
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

const SITE: &str = concat!("{\"v\":1,\"k\":\"site\",\"rt\":\"", env!("CARGO_PKG_VERSION"), "\",\"name\":\"");

/// Bytes so far; with `N = 0` it only counts.
struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    const fn flag(&mut self, text: &FlagText) {
        if text.before.is_empty() {
            return;
        }
        self.raw(text.before);
        if text.is_full {
            self.raw(text.module);
            self.raw("\"");
        }
        self.raw(",\"type\":\"");
        self.raw(text.shape.name);
        if text.is_full {
            self.raw("\",\"default\":");
            self.default(&text.default, text.expression);
            self.raw(",\"variants\":[");
        } else {
            self.raw("\",\"variants\":[");
        }
        let mut index = 0;
        while index < text.shape.variants.len() {
            if index > 0 {
                self.raw(",");
            }
            self.string(text.shape.variants[index].as_bytes());
            index += 1;
        }
        self.raw("]");
        self.raw(text.after);
    }

    /// Names of flags, packages, versions and modules hold nothing to escape.
    const fn site(&mut self, name: &str, site: &Site, embed: Embed) {
        let (package, version) = (env_or_empty(site.package), env_or_empty(site.version));
        self.raw(SITE);
        self.raw(name);
        self.raw("\",\"pkg\":\"");
        self.raw(package);
        self.raw("\",\"ver\":\"");
        self.raw(version);
        if matches!(embed, Embed::Names) {
            self.raw("\"}\n");
            return;
        }
        self.raw("\",");
        let file = site.file.as_bytes();
        // Whether the file's name is written as it is was seen when bytes were counted.
        let is_written = if N == 0 { is_plain(file) && !is_absolute(file) } else { self.is_last(name, site.place) };
        if is_written {
            self.raw(site.place);
        } else {
            let (_, file) = file.split_at(package_start(file, package.as_bytes(), version.as_bytes()));
            self.raw("\"file\":");
            self.string(file);
            self.raw(site.position);
        }
    }

    /// Whether `text` and what a longer name would have taken fill the record.
    const fn is_last(&self, name: &str, text: &str) -> bool {
        self.at + text.len() + (MAX_NAME - name.len()) == N
    }

    const fn raw(&mut self, text: &str) {
        self.copy(text.as_bytes());
    }

    /// Many bytes a step.
    const fn copy(&mut self, mut from: &[u8]) {
        let start = self.at;
        self.at += from.len();
        if N == 0 {
            return;
        }
        let (_, mut to) = self.bytes.split_at_mut(start);
        loop {
            match (to, from) {
                (
                    [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, rest @ ..],
                    [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, more @ ..],
                ) => {
                    (*a0, *a1, *a2, *a3, *a4, *a5, *a6, *a7) = (*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7);
                    (*a8, *a9, *a10, *a11, *a12, *a13, *a14, *a15) = (*b8, *b9, *b10, *b11, *b12, *b13, *b14, *b15);
                    (to, from) = (rest, more);
                }
                ([a0, a1, a2, a3, rest @ ..], [b0, b1, b2, b3, more @ ..]) => {
                    (*a0, *a1, *a2, *a3) = (*b0, *b1, *b2, *b3);
                    (to, from) = (rest, more);
                }
                ([a0, rest @ ..], [b0, more @ ..]) => {
                    *a0 = *b0;
                    (to, from) = (rest, more);
                }
                _ => return,
            }
        }
    }

    const fn byte(&mut self, byte: u8) {
        self.copy(&[byte]);
    }

    const fn string(&mut self, bytes: &[u8]) {
        self.raw("\"");
        if is_plain(bytes) {
            self.copy(bytes);
        } else {
            self.escaped(bytes);
        }
        self.raw("\"");
    }

    const fn escaped(&mut self, bytes: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut index = 0;
        while index < bytes.len() {
            match bytes[index] {
                b'"' => self.copy(b"\\\""),
                b'\\' => self.copy(b"\\\\"),
                b'\n' => self.copy(b"\\n"),
                control @ 0..0x20 => {
                    self.copy(b"\\u00");
                    self.byte(HEX[(control >> 4) as usize]);
                    self.byte(HEX[(control & 15) as usize]);
                }
                byte => self.byte(byte),
            }
            index += 1;
        }
    }

    /// A default as JSON: its value where constant evaluation knows it, else what the attribute wrote.
    const fn default(&mut self, default: &TextValue, expression: &str) {
        match default {
            TextValue::Bool(true) => self.raw("true"),
            TextValue::Bool(false) => self.raw("false"),
            TextValue::Integer(value) => self.integer(*value),
            TextValue::String(text) => self.string(text.as_bytes()),
            TextValue::Expression => self.raw(expression),
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
        let (_, digits) = digits.split_at(at);
        self.copy(digits);
    }
}

/// Whether nothing has to be escaped.
const fn is_plain(bytes: &[u8]) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] < 0x20 || bytes[index] == b'"' || bytes[index] == b'\\' {
            return false;
        }
        index += 1;
    }
    true
}

const fn is_absolute(path: &[u8]) -> bool {
    path.len() > 1 && (is_separator(path[0]) || path[1] == b':')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_paths_are_cut_to_the_package() {
        let cut = |path: &'static str| &path[package_start(path.as_bytes(), b"my-lib", b"1.2.3")..];
        assert_eq!(cut("/x/registry/src/index-123/my-lib-1.2.3/src/a.rs"), "my-lib-1.2.3/src/a.rs");
        assert_eq!(cut(r"C:\cargo\my-lib-1.2.3\src\a.rs"), r"my-lib-1.2.3\src\a.rs");
        assert_eq!(cut("src/a.rs"), "src/a.rs");
        assert_eq!(cut("/x/my-lib-1.2.30/src/a.rs"), "/x/my-lib-1.2.30/src/a.rs");
    }
}
