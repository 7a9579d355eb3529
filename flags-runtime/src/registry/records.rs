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
    /// from `"file"` to the end of line, with the file's name as it is
    pub place: &'static str,
}

/// Bytes of a flag's record.
#[doc(hidden)]
pub const fn flag_record_len(text: &FlagText) -> usize {
    Writer::onto(&mut []).flag(text).count
}

/// A flag's record.
#[doc(hidden)]
pub const fn flag_record<const N: usize>(text: &FlagText) -> [u8; N] {
    let mut bytes = [b' '; N];
    let _ = Writer::onto(&mut bytes).flag(text);
    bytes
}

/// Bytes of a call site's record, whatever the flag's name.
#[doc(hidden)]
pub const fn site_record_len(site: &Site) -> usize {
    let embed = parse_embed(site.embed);
    if matches!(embed, Embed::None) {
        return 0;
    }
    if is_plain(site.file.as_bytes()) && !is_absolute(site.file.as_bytes()) {
        return site_len_as_written(site, embed);
    }
    Writer::onto(&mut []).site("", site, embed, false).count + MAX_NAME
}

/// The same for a file whose name is written as it is.
const fn site_len_as_written(site: &Site, embed: Embed) -> usize {
    let named = SITE.len() + MAX_NAME + PACKAGE.len() + env_or_empty(site.package).len() + VERSION.len();
    let placed = if matches!(embed, Embed::Names) { NAMES_END.len() } else { PLACE.len() + site.place.len() };
    named + env_or_empty(site.version).len() + placed
}

/// A call site's record: spaces fill what a shorter name leaves.
#[doc(hidden)]
pub const fn site_record<const N: usize>(declaration: &Declaration, site: &Site) -> [u8; N] {
    let mut bytes = [b' '; N];
    if N > 0 {
        let (name, embed) = (declaration.name(), parse_embed(site.embed));
        // Whether the file's name is written as it is was seen when bytes were counted.
        let is_written = site_len_as_written(site, embed) == N;
        let end = Writer::onto(&mut bytes).site(name, site, embed, is_written).count;
        // The end of line moves behind the padding.
        bytes[end - 1] = b' ';
        bytes[N - 1] = b'\n';
    }
    bytes
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
const PACKAGE: &str = "\",\"pkg\":\"";
const VERSION: &str = "\",\"ver\":\"";
const NAMES_END: &str = "\"}\n";
const PLACE: &str = "\",";

/// Where the next bytes go, if there is room, and how many there were. By value, which costs constant evaluation least.
struct Writer<'a> {
    rest: &'a mut [u8],
    count: usize,
}

impl<'a> Writer<'a> {
    const fn onto(rest: &'a mut [u8]) -> Self {
        Self { rest, count: 0 }
    }

    const fn flag(self, text: &FlagText) -> Self {
        if text.before.is_empty() {
            return self;
        }
        let mut to = self.raw(text.before);
        if text.is_full {
            to = to.raw(text.module).raw("\",\"type\":\"").raw(text.shape.name).raw("\",\"default\":");
            to = to.default(&text.default, text.expression).raw(",\"variants\":[");
        } else {
            to = to.raw(",\"type\":\"").raw(text.shape.name).raw("\",\"variants\":[");
        }
        let mut index = 0;
        while index < text.shape.variants.len() {
            if index > 0 {
                to = to.raw(",");
            }
            to = to.string(text.shape.variants[index].as_bytes());
            index += 1;
        }
        to.raw("]").raw(text.after)
    }

    /// `is_written`: the file's name is written as it is. Names of flags, packages, versions and modules always are.
    const fn site(self, name: &str, site: &Site, embed: Embed, is_written: bool) -> Self {
        let (package, version) = (env_or_empty(site.package), env_or_empty(site.version));
        let to = self.raw(SITE).raw(name).raw(PACKAGE).raw(package).raw(VERSION).raw(version);
        if matches!(embed, Embed::Names) {
            return to.raw(NAMES_END);
        }
        let to = to.raw(PLACE);
        if is_written {
            return to.raw(site.place);
        }
        let file = site.file.as_bytes();
        let (_, file) = file.split_at(package_start(file, package.as_bytes(), version.as_bytes()));
        let (_, behind) = site.place.as_bytes().split_at("\"file\":\"\"".len() + site.file.len());
        to.raw("\"file\":").string(file).bytes(behind)
    }

    const fn raw(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Many bytes a step.
    const fn bytes(self, mut from: &[u8]) -> Self {
        let count = self.count + from.len();
        let mut to = self.rest;
        loop {
            match (to, from) {
                (
                    [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, rest @ ..],
                    [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, more @ ..],
                ) => {
                    *a0 = *b0;
                    *a1 = *b1;
                    *a2 = *b2;
                    *a3 = *b3;
                    *a4 = *b4;
                    *a5 = *b5;
                    *a6 = *b6;
                    *a7 = *b7;
                    *a8 = *b8;
                    *a9 = *b9;
                    *a10 = *b10;
                    *a11 = *b11;
                    *a12 = *b12;
                    *a13 = *b13;
                    *a14 = *b14;
                    *a15 = *b15;
                    (to, from) = (rest, more);
                }
                ([a0, a1, a2, a3, rest @ ..], [b0, b1, b2, b3, more @ ..]) => {
                    *a0 = *b0;
                    *a1 = *b1;
                    *a2 = *b2;
                    *a3 = *b3;
                    (to, from) = (rest, more);
                }
                ([a0, rest @ ..], [b0, more @ ..]) => {
                    *a0 = *b0;
                    (to, from) = (rest, more);
                }
                (rest, _) => return Self { rest, count },
            }
        }
    }

    const fn string(self, bytes: &[u8]) -> Self {
        let to = self.raw("\"");
        let to = if is_plain(bytes) { to.bytes(bytes) } else { to.escaped(bytes) };
        to.raw("\"")
    }

    const fn escaped(self, bytes: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut to = self;
        let mut index = 0;
        while index < bytes.len() {
            to = match bytes[index] {
                b'"' => to.raw("\\\""),
                b'\\' => to.raw("\\\\"),
                b'\n' => to.raw("\\n"),
                control @ 0..0x20 => {
                    to.raw("\\u00").bytes(&[HEX[(control >> 4) as usize], HEX[(control & 15) as usize]])
                }
                byte => to.bytes(&[byte]),
            };
            index += 1;
        }
        to
    }

    /// A default as JSON: its value where constant evaluation knows it, else what the attribute wrote.
    const fn default(self, default: &TextValue, expression: &str) -> Self {
        match default {
            TextValue::Bool(true) => self.raw("true"),
            TextValue::Bool(false) => self.raw("false"),
            TextValue::Integer(value) => self.integer(*value),
            TextValue::String(text) => self.string(text.as_bytes()),
            TextValue::Expression => self.raw(expression),
        }
    }

    const fn integer(self, value: i128) -> Self {
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
        let to = if value < 0 { self.raw("-") } else { self };
        let (_, digits) = digits.split_at(at);
        to.bytes(digits)
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
    use crate::registry::declaration::Metadata;

    #[test]
    fn registry_paths_are_cut_to_the_package() {
        let cut = |path: &'static str| &path[package_start(path.as_bytes(), b"my-lib", b"1.2.3")..];
        assert_eq!(cut("/x/registry/src/index-123/my-lib-1.2.3/src/a.rs"), "my-lib-1.2.3/src/a.rs");
        assert_eq!(cut(r"C:\cargo\my-lib-1.2.3\src\a.rs"), r"my-lib-1.2.3\src\a.rs");
        assert_eq!(cut("src/a.rs"), "src/a.rs");
        assert_eq!(cut("/x/my-lib-1.2.30/src/a.rs"), "/x/my-lib-1.2.30/src/a.rs");
    }

    const DECLARATION: Declaration =
        Declaration::new(Metadata { name: "new_checkout", ..Metadata::EMPTY }, |_| Ok(None), || 0, &[]);

    /// A call site's record, of the size that was counted for it.
    macro_rules! recorded {
        ($file:literal, $embed:expr) => {{
            const SITE: Site = Site {
                embed: $embed,
                package: Some("my-lib"),
                version: Some("1.2.3"),
                file: $file,
                place: concat!("\"file\":\"", $file, "\",\"line\":3,\"col\":5,\"mod\":\"m\"}\n"),
            };
            const RECORD: [u8; site_record_len(&SITE)] = site_record(&DECLARATION, &SITE);
            String::from_utf8(RECORD.to_vec()).unwrap()
        }};
    }

    #[test]
    fn a_call_site_is_one_line_of_json_whatever_its_file_is_called() {
        for (record, file) in [
            (recorded!("src/a.rs", None), "src/a.rs"),
            (recorded!("src/\"\u{1}.rs", None), "src/\"\u{1}.rs"),
            (recorded!("/x/registry/my-lib-1.2.3/src/a.rs", None), "my-lib-1.2.3/src/a.rs"),
        ] {
            assert!(record.ends_with(" \n") && record.trim_end().ends_with('}'), "{record:?}");
            let json: serde_json::Value = serde_json::from_str(&record).unwrap();
            let expected = serde_json::json!({
                "v": 1, "k": "site", "rt": env!("CARGO_PKG_VERSION"), "name": "new_checkout",
                "pkg": "my-lib", "ver": "1.2.3", "file": file, "line": 3, "col": 5, "mod": "m"
            });
            assert_eq!(json, expected);
        }
        let names = recorded!("src/a.rs", Some("names"));
        assert!(names.contains("\"ver\":\"1.2.3\"}") && !names.contains("file"), "{names}");
        assert_eq!(recorded!("src/a.rs", Some("none")), "");
    }
}
