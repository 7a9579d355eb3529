//! Settings from the environment: parsed once, at the edge. A variable that is set and not understood is an error, and
//! so is one that asks for a feature that is off.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::StartError;
use crate::source::{MemorySource, REDIS_SCHEMES, Source};

/// `FLAGS_SOURCE`, with `FLAGS_PREFIX` where it applies.
pub(crate) fn source_from_env() -> Result<Option<Box<dyn Source>>, StartError> {
    let Some(text) = variable("FLAGS_SOURCE")? else { return Ok(None) };
    let Some((scheme, rest)) = text.split_once(':') else {
        return match text.as_str() {
            "memory" => Ok(Some(Box::new(MemorySource::new()))),
            _ => Err(unknown_source(&text)),
        };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => file_source("FLAGS_SOURCE", PathBuf::from(rest)).map(Some),
        scheme if REDIS_SCHEMES.contains(&scheme) => redis_source(&text).map(Some),
        // Only the scheme: the rest may hold a password.
        _ => Err(unknown_source(scheme)),
    }
}

/// `FLAGS_REFRESH`: a whole number with its unit.
pub(crate) fn refresh_from_env() -> Result<Option<Duration>, StartError> {
    let Some(text) = variable("FLAGS_REFRESH")? else { return Ok(None) };
    parse_interval(&text).map(Some).ok_or_else(|| StartError::Configuration {
        setting: "FLAGS_REFRESH",
        message: format!(
            "`{text}` is not a whole number above 0 with the unit `ms`, `s` or `m`: write `30s`, `500ms` or `5m`"
        ),
    })
}

/// `FLAGS_EMPTY_GRACE`: a whole number with its unit, which may be 0.
pub(crate) fn empty_grace_from_env() -> Result<Option<Duration>, StartError> {
    let Some(text) = variable("FLAGS_EMPTY_GRACE")? else { return Ok(None) };
    let is_zero = matches!(text.as_str(), "0ms" | "0s" | "0m");
    let grace = if is_zero { Some(Duration::ZERO) } else { parse_interval(&text) };
    grace.map(Some).ok_or_else(|| StartError::Configuration {
        setting: "FLAGS_EMPTY_GRACE",
        message: format!("`{text}` is not a whole number with the unit `ms`, `s` or `m`: write `60s`, `5m` or `0s`"),
    })
}

/// The snapshot: as set in code, else `FLAGS_SNAPSHOT`.
pub(crate) fn snapshot_path(path: Option<PathBuf>) -> Option<PathBuf> {
    path.or_else(|| env::var_os("FLAGS_SNAPSHOT").filter(|path| !path.is_empty()).map(PathBuf::from))
}

/// The override file: as set in code, else `FLAGS_OVERRIDE_FILE`.
pub(crate) fn override_source(path: Option<PathBuf>) -> Result<Option<Box<dyn Source>>, StartError> {
    let path = match path {
        Some(path) => Some(path),
        None => env::var_os("FLAGS_OVERRIDE_FILE").filter(|path| !path.is_empty()).map(PathBuf::from),
    };
    path.map(override_file).transpose()
}

/// What heartbeats name this program: as set in code, else `FLAGS_SERVICE`, else the executable's file name.
pub(crate) fn service(set: Option<String>) -> Result<String, StartError> {
    let (setting, name) = match set {
        Some(name) => ("service", name),
        None => match variable("FLAGS_SERVICE")? {
            Some(name) => ("FLAGS_SERVICE", name),
            None => return Ok(executable()),
        },
    };
    if name.trim().is_empty() || name.len() > LONGEST_SERVICE || name.chars().any(char::is_control) {
        let message = format!(
            "{name:?} cannot be a service's name: give 1 to {LONGEST_SERVICE} bytes without control characters, for \
             example `checkout`"
        );
        return Err(StartError::Configuration { setting, message });
    }
    Ok(name)
}

/// In bytes.
const LONGEST_SERVICE: usize = 128;

fn executable() -> String {
    let path = env::current_exe().ok();
    let name = path.as_deref().and_then(std::path::Path::file_stem).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}

fn variable(name: &'static str) -> Result<Option<String>, StartError> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(StartError::Configuration { setting: name, message: "is not UTF-8 text".to_owned() })
        }
    }
}

fn unknown_source(named: &str) -> StartError {
    // Text around an `@` may be a password that lost its scheme.
    let shown = if named.contains('@') { "the text given".to_owned() } else { format!("`{named}`") };
    StartError::Configuration {
        setting: "FLAGS_SOURCE",
        message: format!(
            "{shown} is not a source: write `redis://host:6379/`, `unix:/path/to/redis.sock`, `file:flags.json` or \
             `memory`"
        ),
    }
}

#[cfg(feature = "file")]
fn file_source(setting: &'static str, path: PathBuf) -> Result<Box<dyn Source>, StartError> {
    if path.as_os_str().is_empty() {
        return Err(StartError::Configuration {
            setting,
            message: "names no file: write `file:flags.json`".to_owned(),
        });
    }
    Ok(Box::new(crate::source::FileSource::new(path)))
}

#[cfg(feature = "file")]
#[allow(clippy::unnecessary_wraps, reason = "without the feature it is an error")]
fn override_file(path: PathBuf) -> Result<Box<dyn Source>, StartError> {
    Ok(Box::new(crate::source::FileSource::optional(path)))
}

#[cfg(not(feature = "file"))]
fn file_source(setting: &'static str, _: PathBuf) -> Result<Box<dyn Source>, StartError> {
    Err(feature_is_off(setting, "file"))
}

#[cfg(not(feature = "file"))]
fn override_file(_: PathBuf) -> Result<Box<dyn Source>, StartError> {
    Err(feature_is_off("FLAGS_OVERRIDE_FILE", "file"))
}

#[cfg(feature = "redis")]
fn redis_source(url: &str) -> Result<Box<dyn Source>, StartError> {
    let wrong = |setting| {
        move |error: crate::source::SourceError| StartError::Configuration { setting, message: error.in_one_line() }
    };
    let source = crate::source::redis::RedisSource::new(url).map_err(wrong("FLAGS_SOURCE"))?;
    Ok(match variable("FLAGS_PREFIX")? {
        Some(prefix) => Box::new(source.prefix(&prefix).map_err(wrong("FLAGS_PREFIX"))?),
        None => Box::new(source),
    })
}

#[cfg(not(feature = "redis"))]
fn redis_source(_: &str) -> Result<Box<dyn Source>, StartError> {
    Err(feature_is_off("FLAGS_SOURCE", "redis"))
}

#[cfg(not(all(feature = "file", feature = "redis")))]
fn feature_is_off(setting: &'static str, feature: &str) -> StartError {
    StartError::Configuration {
        setting,
        message: format!(
            "needs the feature `{feature}` of flags-runtime, which is off: write `flags-runtime = {{ version = \"{}\", \
             features = [\"{feature}\"] }}` in Cargo.toml",
            env!("CARGO_PKG_VERSION")
        ),
    }
}

fn parse_interval(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_after_its_program_unless_it_has_a_name() {
        assert_eq!(service(Some("checkout".to_owned())).unwrap(), "checkout");
        assert!(service(None).unwrap().starts_with("flags_runtime-"), "{:?}", service(None));
    }

    #[test]
    fn intervals_need_a_unit_and_a_number_above_zero() {
        assert_eq!(parse_interval("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_interval("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_interval("5m"), Some(Duration::from_secs(300)));
        for wrong in ["", "30", "0s", "-1s", "1h", "s", "1 s", "99999999999999999999s"] {
            assert_eq!(parse_interval(wrong), None, "{wrong}");
        }
    }
}
