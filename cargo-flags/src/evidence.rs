//! Evidence: what Redis knows of flags at one moment, beside the documents also what happened to them and who reads them.
//!
//! It comes from a server, or from the file that `export --all` wrote where a server is out of reach. Times are Unix seconds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flags_runtime::source::redis::admin::{AdminError, BuildRecord, FlagInForce, Found, Heartbeat, StoredDocument};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::failure::{Failure, warn};
use crate::live::Live;

/// What a server knows. A part is none where its user may not read it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Evidence {
    v: u32,
    /// When it was taken.
    pub(crate) at: i64,
    /// Where, for people.
    pub(crate) server: String,
    pub(crate) prefix: String,
    /// The documents, by key.
    pub(crate) documents: BTreeMap<String, String>,
    /// The keys at which another type stands.
    #[serde(default)]
    pub(crate) other_types: Vec<String>,
    /// The writes of the trail, the oldest first.
    pub(crate) trail: Option<Vec<Write>>,
    /// Since when documents are in force, as processes saw it.
    pub(crate) since: Option<Vec<Observation>>,
    /// When flags were last evaluated, by key.
    pub(crate) seen: Option<BTreeMap<String, i64>>,
    pub(crate) builds: Option<Vec<Build>>,
    pub(crate) processes: Option<Vec<Process>>,
}

/// One write, as the audit trail tells it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Write {
    pub(crate) at: i64,
    pub(crate) key: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// A document that some process went by, and since when at the latest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Observation {
    pub(crate) key: String,
    pub(crate) sha: String,
    pub(crate) at: i64,
}

/// One build that tells of its flags.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) service: String,
    /// When a process of it first said so, and when one last did.
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) flags: Vec<Box<RawValue>>,
}

/// One process that reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) service: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) flags: BTreeMap<String, FlagThere>,
}

/// What a process tells of one flag.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct FlagThere {
    pub(crate) refused: Option<String>,
    /// Of which document.
    pub(crate) refused_sha: Option<String>,
    /// Why its override file's document is refused.
    pub(crate) override_refused: Option<String>,
    pub(crate) is_overridden: bool,
    pub(crate) missing_keys: u64,
}

/// The version of the file.
const VERSION: u32 = 1;
/// How long ago a build that runs was heard of at most, in seconds.
pub(crate) const GONE: i64 = 24 * 60 * 60;
/// The writes that are read: all that a trail keeps.
const WRITES: usize = 11_000;
/// The builds that are read, the latest first.
const BUILDS: usize = 1_000;

impl Evidence {
    /// Asks a server.
    pub(crate) fn of_server(live: &mut Live) -> Result<Self, Failure> {
        let documents = live.admin.documents()?;
        let documents = documents.into_iter().map(|(key, document)| (key, document.text().into_owned())).collect();
        let other_types = live.admin.names_of_other_types()?;
        let trail = allowed("the audit trail", live.admin.history(None, WRITES))?;
        let since = allowed("since when documents are in force", live.admin.observed())?;
        let seen = allowed("when flags were evaluated", live.admin.seen())?;
        let builds = allowed("the builds", live.admin.builds(BUILDS))?;
        let fleet = allowed("the heartbeats", live.admin.fleet())?;
        let write = |entry: flags_runtime::source::redis::admin::AuditEntry| {
            Some(Write {
                at: entry.at.parse::<Timestamp>().ok()?.as_second(),
                key: live.name_of(&entry.key)?,
                old: entry.old.map(|document| document.text().into_owned()),
                new: entry.new.map(|document| document.text().into_owned()),
            })
        };
        Ok(Self {
            v: VERSION,
            at: Timestamp::now().as_second(),
            server: live.admin.server(),
            prefix: live.key(""),
            documents,
            other_types,
            trail: trail.map(|entries| entries.into_iter().rev().filter_map(write).collect()),
            since: since.map(|since| {
                let observation = |observed: flags_runtime::source::redis::admin::Observed| Observation {
                    key: observed.key,
                    sha: observed.short_sha,
                    at: seconds(observed.at),
                };
                since.into_iter().map(observation).collect()
            }),
            seen: seen.map(|seen| seen.into_iter().map(|(key, at)| (key, seconds(at))).collect()),
            builds: builds.map(|found| readable("build records", found).into_iter().map(build).collect()),
            processes: fleet.map(|found| readable("heartbeats", found).into_iter().map(process).collect()),
        })
    }

    /// Reads a file of `export --all`.
    pub(crate) fn of_file(file: &Path) -> Result<Self, Failure> {
        let shown = file.display();
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::because(format!("the snapshot {shown} cannot be read"), error))?;
        let how = "make one by `cargo flags export --all`";
        match serde_json::from_str::<Self>(&text) {
            Ok(evidence) if evidence.v == VERSION => Ok(evidence),
            Ok(evidence) => Err(Failure::wrong(format!(
                "the snapshot {shown} is of version {} and this program reads version {VERSION}: {how} of this version",
                evidence.v
            ))),
            Err(error) => Err(Failure::because(format!("{shown} is no snapshot of a server ({how})"), error)),
        }
    }

    /// The builds that run: processes tell of theirs each hour, so what is silent for a day is gone.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Build> {
        self.builds.iter().flatten().filter(|build| self.at - build.last <= GONE)
    }

    /// When it was taken: RFC 3339, UTC.
    pub(crate) fn taken_at(&self) -> String {
        Timestamp::from_second(self.at).unwrap_or(Timestamp::MIN).to_string()
    }

    /// The document of a key.
    pub(crate) fn document(&self, key: &str) -> Option<StoredDocument> {
        self.documents.get(key).map(|text| StoredDocument::from(&**text))
    }
}

/// The documents of a file by key: of a snapshot, or of a JSON object as `export` and override files have it.
pub(crate) fn documents(text: &str) -> serde_json::Result<BTreeMap<String, StoredDocument>> {
    if let Ok(evidence) = serde_json::from_str::<Evidence>(text) {
        return Ok(evidence.documents.iter().map(|(key, text)| (key.clone(), StoredDocument::from(&**text))).collect());
    }
    let documents: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    Ok(documents.into_iter().map(|(key, document)| (key, StoredDocument::from(document.get()))).collect())
}

/// The same of a file that somebody names.
pub(crate) fn documents_of_file(file: &Path) -> Result<BTreeMap<String, StoredDocument>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| Failure::because(format!("{shown} cannot be read"), error))?;
    documents(&text)
        .map_err(|error| Failure::because(format!("{shown} is no JSON object of keys and documents"), error))
}

/// What the user may not read is left out, loudly; anything else that goes wrong is an error.
fn allowed<T>(what: &str, answer: Result<T, AdminError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error @ (AdminError::Forbidden { .. } | AdminError::NotResults { .. } | AdminError::NotATrail { .. })) => {
            warn(format_args!("{what} cannot be read: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn readable<T>(what: &str, found: Found<T>) -> Vec<T> {
    if found.unreadable > 0 {
        warn(format_args!(
            "{} of the {what} cannot be read: a newer version wrote them, or another program",
            found.unreadable
        ));
    }
    found.items
}

fn build(record: BuildRecord) -> Build {
    let flags = record.flags.into_iter().filter_map(|flag| RawValue::from_string(flag).ok());
    Build {
        service: record.service,
        first: seconds(record.at),
        last: seconds(record.last_seen),
        flags: flags.collect(),
    }
}

fn process(heartbeat: Heartbeat) -> Process {
    let Heartbeat { service, host, pid, flags, .. } = heartbeat;
    let there = flags.into_iter().map(|(key, flag)| {
        let FlagInForce { refused, refused_sha, override_refused, is_overridden, missing_keys, .. } = flag;
        (key, FlagThere { refused, refused_sha, override_refused, is_overridden, missing_keys })
    });
    Process { service, host, pid, flags: there.collect() }
}

fn seconds(moment: SystemTime) -> i64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
