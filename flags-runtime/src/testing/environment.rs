//! Environment: `FLAGS_FORCE`, which forces flags for a whole test run.
//!
//! It is read by test builds only: features of cargo reach release binaries, and what a variable does to tests must not happen
//! to production. Scopes of a test stand above it.

use std::cell::Cell;
use std::env;
use std::path::Path;
use std::sync::OnceLock;

use serde::de::IgnoredAny;

use super::names;
use super::overrides::Overrides;

const VARIABLE: &str = "FLAGS_FORCE";
/// Set by who has held the names against all test programs.
const CHECKED: &str = "FLAGS_FORCE_CHECKED";

/// What the variable forces; none where it is not set, or not read.
///
/// # Panics
///
/// If it holds a value that its flag cannot have, or a name that is nearly one of a flag: a misspelt name would test nothing.
#[inline]
pub(crate) fn overrides() -> Option<&'static Overrides> {
    static FORCED: OnceLock<Option<Result<Overrides, String>>> = OnceLock::new();
    if IS_READING.get() {
        // Reading a value runs users' code, which may read flags.
        return None;
    }
    let read = || {
        IS_READING.set(true);
        let read = read();
        IS_READING.set(false);
        read
    };
    match FORCED.get_or_init(read) {
        None => None,
        Some(Ok(overrides)) => Some(overrides),
        Some(Err(why)) => panic!("{VARIABLE} cannot be obeyed: {why}"),
    }
}

thread_local! {
    static IS_READING: Cell<bool> = const { Cell::new(false) };
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

/// Reads `name=value,name=value`; `all-on` and `all-off` among them count less, wherever they stand.
fn parse(text: &str) -> Result<Overrides, String> {
    let mut overrides = Overrides::new();
    let words = split(text)?;
    for word in &words {
        match *word {
            "all-on" => overrides = overrides.force_all(true),
            "all-off" => overrides = overrides.force_all(false),
            _ => {}
        }
    }
    for word in words {
        overrides = match word.split_once('=') {
            Some((name, value)) => one(overrides, name.trim(), value.trim())?,
            None if matches!(word, "all-on" | "all-off") => overrides,
            None => return Err(format!("`{word}` is given no value: write `{word}=true`, `all-on` or `all-off`")),
        };
    }
    Ok(overrides)
}

fn one(overrides: Overrides, name: &str, value: &str) -> Result<Overrides, String> {
    let Ok(flag) = names::find(name) else {
        // Of another test binary of the workspace, unless it is a slip; who has looked at all of them says so.
        let is_checked = env::var_os(CHECKED).is_some();
        return match names::slip_of(name).filter(|_| !is_checked) {
            None => Ok(overrides),
            Some(meant) => Err(format!(
                "this program has no flag `{name}`: did you mean `{meant}`? (`cargo flags test --force` looks at the flags of all test programs)"
            )),
        };
    };
    let decode = flag.declaration().decode();
    // As JSON, or as a plain word for a string or a variant.
    let as_json = decode(value);
    let as_word = || decode(&serde_json::Value::from(value).to_string());
    let decoded = match as_json {
        Ok(Some(value)) => Ok(Some(value)),
        as_json => match as_word() {
            Ok(Some(value)) => Ok(Some(value)),
            // Of what is JSON, what is wrong with that.
            as_word => {
                if serde_json::from_str::<IgnoredAny>(value).is_ok() {
                    as_json
                } else {
                    as_word
                }
            }
        },
    };
    match decoded {
        Ok(Some(value)) => Ok(overrides.force_registered(flag, &value)),
        Ok(None) => Err(format!("`{value}` is no value of `{name}`: write `true` or `false`")),
        Err(why) => Err(format!("`{value}` is no value of `{name}`: it {why}")),
    }
}

/// The parts between commas; a value that begins as JSON ends as JSON does.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let comma = rest.find(',').unwrap_or(rest.len());
        let json =
            rest[..comma].find('=').map(|at| at + 1).filter(|at| rest[*at..].trim_start().starts_with(['"', '{', '[']));
        let end = match json {
            None => comma,
            Some(at) => {
                let mut values = serde_json::Deserializer::from_str(&rest[at..]).into_iter::<IgnoredAny>();
                let whole = values.next().is_some_and(|value| value.is_ok());
                let end = at + values.byte_offset();
                let is_alone = rest[end..].trim_start().starts_with(',') || rest[end..].trim().is_empty();
                if !whole || !is_alone {
                    return Err(format!(
                        "`{rest}` begins with a value that is no whole JSON: close its quotes and brackets"
                    ));
                }
                end + rest[end..].find(',').unwrap_or(rest.len() - end)
            }
        };
        let part = rest[..end].trim();
        if !part.is_empty() {
            parts.push(part);
        }
        rest = rest[end..].strip_prefix(',').unwrap_or_default();
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_values_split_nothing() {
        assert_eq!(
            split(" a=1, b=\"x,y\\\",z\" ,c={\"d\":[1,2]},,all-on ").unwrap(),
            ["a=1", "b=\"x,y\\\",z\"", "c={\"d\":[1,2]}", "all-on"]
        );
        assert!(split(" , ").unwrap().is_empty());
        assert_eq!(split("a=5\" pipe,b=:{,c=x]").unwrap(), ["a=5\" pipe", "b=:{", "c=x]"], "plain words");
        for open in ["a=\"x,b=1", "a={\"b\":1,c=2", "a=\"x\" y,b=1"] {
            assert!(split(open).unwrap_err().contains("close its quotes and brackets"), "{open}");
        }
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
