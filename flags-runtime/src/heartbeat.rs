//! Heartbeat: what this process tells of itself, as the JSON documents that it leaves where a fleet's are read.
//!
//! One says that it lives and which document of each flag is in force here; the other one, the same for all processes of a
//! build, which flags that build has. docs/FORMAT.md has their fields. Nothing here leaves the process by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, process};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::dark_launch::wire;
use crate::hex::hex;
use crate::registry::{Declaration, registry};
use crate::rules::rule::Origin;
use crate::source::Mode;
use crate::status::{SourceState, status};
use crate::store::{self, InForce};

/// Who this process is; the same from its start to its end.
#[derive(Debug)]
pub(crate) struct Process {
    service: String,
    host: String,
    build: String,
    started: SystemTime,
}

/// Of a refusal, in characters: a heartbeat is no place for documents.
const LONGEST_REFUSAL: usize = 300;
/// The hex digits that documents and builds are told apart by.
const DIGITS: usize = 16;

impl Process {
    pub(crate) fn new(service: String) -> Self {
        let build = build_of(&service, &records());
        Self { service, host: host(), build, started: SystemTime::now() }
    }

    /// What tells builds apart: the service and the records of its flags.
    pub(crate) fn build(&self) -> &str {
        &self.build
    }

    /// What is in force here, now.
    pub(crate) fn heartbeat(&self) -> String {
        let source = status().source;
        let held = source.as_ref().map(|source| source.held.clone()).unwrap_or_default();
        let told = |flag: InForce| {
            let (key, is_held) = (flag.key.to_owned(), held.contains(&flag.name));
            let mut told = flag_json(flag);
            if is_held {
                told["held"] = true.into();
            }
            (key, told)
        };
        let flags: Map<String, Value> = store::in_force().into_iter().map(told).collect();
        json!({
            "v": 1,
            "instance": wire::instance(),
            "service": self.service,
            "host": self.host,
            "pid": process::id(),
            "build": self.build,
            "runtime": env!("CARGO_PKG_VERSION"),
            "started": milliseconds(self.started),
            "at": milliseconds(SystemTime::now()),
            "source": source.as_ref().map(|source| &source.description),
            "mode": source.as_ref().and_then(|source| source.mode).map(mode_word),
            "state": source.as_ref().map(|source| state_word(source.state)),
            "age_ms": source.as_ref().and_then(|source| source.age).map(whole_milliseconds),
            "flags": flags,
        })
        .to_string()
    }

    /// The flags of this build.
    pub(crate) fn build_record(&self) -> String {
        let service = Value::from(&*self.service);
        let (build, at, flags) = (&self.build, milliseconds(SystemTime::now()), records().join(","));
        let runtime = env!("CARGO_PKG_VERSION");
        format!(r#"{{"v":1,"build":"{build}","service":{service},"at":{at},"runtime":"{runtime}","flags":[{flags}]}}"#)
    }
}

fn flag_json(flag: InForce) -> Value {
    let InForce { good, last, is_overridden, is_outage, missing_keys, refused, .. } = flag;
    let mut told = json!({ "sha": good.map(|sha256| short(&sha256)) });
    if missing_keys > 0 {
        told["missing_keys"] = missing_keys.into();
    }
    for (origin, error) in refused {
        let sentence: String = error.to_string().chars().take(LONGEST_REFUSAL).collect();
        match origin {
            Origin::Source => {
                told["refused"] = sentence.into();
                told["refused_sha"] = last.map(|sha256| short(&sha256)).into();
            }
            Origin::OverrideFile => told["override_refused"] = sentence.into(),
        }
    }
    if is_overridden {
        told["overridden"] = true.into();
    } else if is_outage {
        told["outage"] = true.into();
    }
    told
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Push => "push",
        Mode::Polling => "polling",
    }
}

fn state_word(state: SourceState) -> &'static str {
    match state {
        SourceState::Connecting => "connecting",
        SourceState::Live => "live",
        SourceState::Lost => "lost",
        SourceState::Stopped => "stopped",
    }
}

/// The records of all flags as the binary carries them, sorted; where it carries none, what tools cannot do without.
fn records() -> Vec<String> {
    let record = |declared: &'static Declaration| match str::from_utf8(declared.record()).map(str::trim) {
        Ok(record) if !record.is_empty() => record.to_owned(),
        _ => minimal(declared).to_string(),
    };
    let mut records: Vec<_> = registry().flags().iter().map(|flag| record(flag.declaration())).collect();
    records.sort_unstable();
    records
}

fn minimal(declared: &Declaration) -> Value {
    json!({
        "v": 1,
        "k": "flag",
        "rt": env!("CARGO_PKG_VERSION"),
        "name": declared.name(),
        "key": declared.key(),
        "pkg": declared.package(),
        "ver": declared.package_version(),
        "type": declared.type_name(),
        "variants": declared.variants(),
        "expires": declared.expires(),
    })
}

fn build_of(service: &str, records: &[String]) -> String {
    let mut hash = Sha256::new();
    for line in std::iter::once(service).chain(records.iter().map(String::as_str)) {
        hash.update(line);
        hash.update("\n");
    }
    short(&hash.finalize())
}

/// The hash of each flag's document that is in force here, by key; none where the declared default is.
pub(crate) fn documents() -> impl Iterator<Item = (&'static str, Option<String>)> {
    store::in_force().into_iter().map(|flag| (flag.key, flag.good.map(|sha256| short(&sha256))))
}

/// The beginning of a hash, by which documents and builds are told apart.
fn short(hash: &[u8]) -> String {
    hex(&hash[..DIGITS / 2])
}

/// The machine's name, as far as it can be had without asking a program.
fn host() -> String {
    let name = |text: String| Some(text.trim().to_owned()).filter(|name| !name.is_empty());
    fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .and_then(name)
        .or_else(|| {
            ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|variable| env::var(variable).ok().and_then(name))
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

fn milliseconds(moment: SystemTime) -> u64 {
    whole_milliseconds(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::declaration::{Metadata, Place};
    use crate::value::Shape;

    #[test]
    fn a_build_is_told_apart_by_its_service_and_its_flags() {
        let records = ["a".to_owned(), "b".to_owned()];
        let build = build_of("checkout", &records);
        assert_eq!((build.len(), &build), (16, &build_of("checkout", &records)));
        assert_ne!(build, build_of("search", &records));
        assert_ne!(build, build_of("checkout", &records[..1]));
        assert_ne!(build_of("x", &["a\nb".to_owned()]), build_of("x\na", &["c".to_owned()]));
    }

    #[test]
    fn a_binary_without_records_tells_what_tools_cannot_do_without() {
        let declared = Declaration::new(
            Metadata {
                name: "pricing",
                key: "Pricing",
                expires: "2099-01-01",
                shape: Shape { name: "enum", variants: &["a", "b"], idents: &["A", "B"], is_switch: false },
                place: Place { package: "shop", version: "1.0.0", ..Metadata::EMPTY.place },
                ..Metadata::EMPTY
            },
            |_| Ok(None),
            || 0,
            b"",
        );
        let expected = json!({"v": 1, "k": "flag", "rt": env!("CARGO_PKG_VERSION"), "name": "pricing", "key": "Pricing",
            "pkg": "shop", "ver": "1.0.0", "type": "enum", "variants": ["a", "b"], "expires": "2099-01-01"});
        assert_eq!(minimal(&declared), expected);
    }
}
