//! Environment: `FLAGS_FORCE`, which forces flags for a whole test run.
//!
//! It is read by test builds only: features of cargo reach release binaries, and what a variable does to tests must not happen
//! to production. Scopes of a test stand above it.

use std::env;
use std::path::Path;
use std::sync::OnceLock;

use super::names;
use super::overrides::Overrides;
use crate::value::CompiledValue;

const VARIABLE: &str = "FLAGS_FORCE";

/// What the variable forces; none where it is not set, or not read.
///
/// # Panics
///
/// If it holds a value that its flag cannot have, or a name that is nearly one of a flag: a misspelt name would test nothing.
#[inline]
pub(crate) fn overrides() -> Option<&'static Overrides> {
    static FORCED: OnceLock<Option<Result<Overrides, String>>> = OnceLock::new();
    match FORCED.get_or_init(read) {
        None => None,
        Some(Ok(overrides)) => Some(overrides),
        Some(Err(why)) => panic!("{VARIABLE} cannot be obeyed: {why}"),
    }
}

#[cold]
fn read() -> Option<Result<Overrides, String>> {
    let text = env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty())?;
    let executable = env::current_exe().ok()?;
    is_test_build(&executable).then(|| parse(&text))
}

/// Whether cargo built this program as a test or a bench, or rustdoc as an example of the documentation.
pub(super) fn is_test_build(executable: &Path) -> bool {
    let folder = executable.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let folder = folder.unwrap_or_default();
    // `deps/name-0123456789abcdef`; programs stand beside this folder.
    let has_hash = executable.file_stem().is_some_and(|stem| {
        let stem = stem.to_string_lossy();
        stem.rsplit_once('-')
            .is_some_and(|(_, hash)| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    folder == "deps" && has_hash || folder.starts_with("rustdoctest")
}

/// Reads `name=value,name=value`, or `all-on` and `all-off` among them.
fn parse(text: &str) -> Result<Overrides, String> {
    let mut overrides = Overrides::new();
    for word in split(text) {
        overrides = match word.split_once('=') {
            Some((name, value)) => one(overrides, name.trim(), value.trim())?,
            None if word == "all-on" => overrides.force_all(true),
            None if word == "all-off" => overrides.force_all(false),
            None => return Err(format!("`{word}` is given no value: write `{word}=true`, `all-on` or `all-off`")),
        };
    }
    Ok(overrides)
}

fn one(overrides: Overrides, name: &str, value: &str) -> Result<Overrides, String> {
    let flag = match names::find(name) {
        Ok(flag) => flag,
        // Of another test binary of the workspace.
        Err(_) if names::near(name).is_empty() => return Ok(overrides),
        Err(why) => return Err(why),
    };
    let declaration = flag.declaration();
    let decode = declaration.decode();
    let is_settled = |value: &Result<Option<CompiledValue>, String>| matches!(value, Ok(Some(_)));
    // As JSON, or as a plain word for a string or a variant.
    let decoded = Some(decode(value)).filter(is_settled);
    let decoded = decoded.unwrap_or_else(|| decode(&serde_json::Value::from(value).to_string()));
    match decoded {
        Ok(Some(value)) => Ok(overrides.force_registered(flag, &value)),
        Ok(None) => Err(format!("`{value}` is no value of `{name}`: write `true` or `false`")),
        Err(why) => Err(format!("`{value}` is no value of `{name}`: it {why}")),
    }
}

/// The parts between commas that are in no string and no bracket.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut is_quoted, mut is_escaped) = (Vec::new(), 0, 0_i32, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '{' | '[' if !is_quoted => depth += 1,
            '}' | ']' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth <= 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_values_split_nothing() {
        assert_eq!(
            split(" a=1, b=\"x,y\\\",z\" ,c={\"d\":[1,2]},,all-on "),
            ["a=1", "b=\"x,y\\\",z\"", "c={\"d\":[1,2]}", "all-on"]
        );
        assert!(split(" , ").is_empty());
    }

    #[test]
    fn only_what_cargo_builds_as_a_test_is_a_test_build() {
        let is_test = |path: &str| is_test_build(Path::new(path));
        assert!(is_test("/w/target/debug/deps/shop-0123456789abcdef"));
        assert!(is_test("/w/target/release/deps/my-shop-00000000000000ff"));
        assert!(is_test("/tmp/rustdoctestAb12/rust_out"));
        for program in [
            "/w/target/release/shop",
            "/usr/bin/shop-0123456789abcdef",
            "/w/target/debug/deps/shop",
            "/w/target/debug/examples/shop-0123456789abcdef",
        ] {
            assert!(!is_test(program), "{program}");
        }
    }

    #[test]
    fn names_of_other_binaries_are_passed_over() {
        assert!(parse("nowhere_near_any_flag=true").is_ok());
        assert!(parse("word").unwrap_err().contains("write `word=true`, `all-on` or `all-off`"));
    }
}
