//! Fleet: what processes tell of themselves, read back, and how far a document has come among them.
//!
//! Everything here was written by processes of any version, so what cannot be read is counted and left out. A process that
//! was stopped in good order is not among them; one that was killed is for two and a half minutes.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Admin, AdminError};

/// What processes left, as far as it can be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// How many could not: a newer version wrote them, or another program.
    pub unreadable: usize,
}

/// What one process last told of itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Heartbeat {
    /// What tells it from every other process.
    pub instance: String,
    /// The name of its program.
    pub service: String,
    /// The machine.
    pub host: String,
    /// Its process id there.
    pub pid: u32,
    /// Which build it is of, see [`BuildRecord`].
    pub build: String,
    /// The version of flags-runtime.
    pub runtime: String,
    /// When it started, by its own clock.
    pub started: SystemTime,
    /// When it told this, by its own clock.
    pub at: SystemTime,
    /// Where its documents come from; never a password.
    pub source: String,
    /// How changes reach it: `push` or `polling`; none before the first contact.
    pub mode: Option<String>,
    /// How its source is: `connecting`, `live`, `lost` or `stopped`.
    pub state: String,
    /// The age of its documents then; none before the first contact.
    pub age: Option<Duration>,
    /// The flags it knows, by key.
    pub flags: BTreeMap<String, FlagInForce>,
}

/// What is in force of one flag in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlagInForce {
    /// The [`short_sha`](super::StoredDocument::short_sha) of the document that is applied; none if it is the declared
    /// default.
    pub sha: Option<String>,
    /// Why a later document was refused.
    pub refused: Option<String>,
    /// That document's `short_sha`.
    pub refused_sha: Option<String>,
    /// Whether the process's override file answers.
    pub is_overridden: bool,
    /// Whether its document is gone from Redis together with most others, and not believed to be gone yet.
    pub is_held: bool,
    /// Whether its source has been away for longer than the flag allows (`on_outage`): the declared default answers.
    pub is_outage: bool,
    /// Why the override file's document was refused.
    pub override_refused: Option<String>,
    /// How often since its start a percentage or a list decided for nobody: without a targeting key.
    pub missing_keys: u64,
}

/// Since when a document is in force, as the first process that went by it told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// The flag's key.
    pub key: String,
    /// The document's [`short_sha`](super::StoredDocument::short_sha).
    pub short_sha: String,
    /// Since when at the latest: a process that starts tells of documents that may have been there before.
    pub at: SystemTime,
}

/// The flags of one build: those of a program with all that was linked into it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildRecord {
    /// What tells it from other builds.
    pub build: String,
    /// The name of its program.
    pub service: String,
    /// The version of flags-runtime.
    pub runtime: String,
    /// When a process of it first said so.
    pub at: SystemTime,
    /// When a process of it last said so; by the hour.
    pub last_seen: SystemTime,
    /// The records of its flags, as JSON: those of the section `.fflags`.
    pub flags: Vec<String>,
}

/// How far the document of one flag has come among the processes that know the flag.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Spread {
    /// The `short_sha` of the document that is there now; none without one.
    pub sha: Option<String>,
    /// Those that know the flag, and where they stand; sorted by service, host and process id.
    pub processes: Vec<(Heartbeat, Stand)>,
    /// Those whose build does not know it.
    pub unaware: Vec<Heartbeat>,
    /// How many could not be read.
    pub unreadable: usize,
}

/// Where a process stands with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stand {
    /// It has applied it.
    Applied,
    /// It refuses it; the heartbeat says why.
    Refused,
    /// It has not told of it yet.
    NotYet,
}

impl Admin {
    /// What every process last told of itself, sorted by service, host and process id.
    ///
    /// # Errors
    ///
    /// If the server cannot or will not answer.
    pub fn fleet(&mut self) -> Result<Found<Heartbeat>, AdminError> {
        let keys = self.instance_keys(|_| true)?;
        self.heartbeats(&keys)
    }

    /// The builds that processes were started from in the last 400 days, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`fleet`](Self::fleet).
    pub fn builds(&mut self, limit: usize) -> Result<Found<BuildRecord>, AdminError> {
        let mut listed = self.connection.scored(&self.prefix.builds())?;
        listed.reverse();
        listed.truncate(limit);
        let keys: Vec<_> = listed.iter().map(|(build, _)| self.prefix.build(build)).collect();
        let documents = self.connection.texts(&keys)?;
        let last_seen: HashMap<_, _> = listed.into_iter().collect();
        let mut found = read_all(&documents, read_build);
        for record in &mut found.items {
            record.last_seen = last_seen.get(&record.build).map_or(record.at, |seconds| moment(*seconds));
        }
        found.items.sort_by_key(|record| std::cmp::Reverse(record.last_seen));
        Ok(found)
    }

    /// When flags were last evaluated by any process that reports, to a minute, by their keys; the longest ago first. What
    /// is older than 400 days is not known.
    ///
    /// # Errors
    ///
    /// As [`fleet`](Self::fleet).
    pub fn seen(&mut self) -> Result<Vec<(String, SystemTime)>, AdminError> {
        let listed = self.connection.scored(&self.prefix.seen())?;
        Ok(listed.into_iter().map(|(key, seconds)| (key, moment(seconds))).collect())
    }

    /// Since when documents are in force, by processes that saw them; also of some that are there no more.
    ///
    /// # Errors
    ///
    /// As [`fleet`](Self::fleet).
    pub fn observed(&mut self) -> Result<Vec<Observed>, AdminError> {
        let listed = self.connection.scored(&self.prefix.since())?;
        let read = |(member, seconds): &(String, u64)| {
            let (short_sha, key) = member.split_once(':')?;
            Some(Observed { key: key.to_owned(), short_sha: short_sha.to_owned(), at: moment(*seconds) })
        };
        Ok(listed.iter().filter_map(read).collect())
    }

    /// How far the document of a flag has come. With what was `before`, only those are asked again that did not have the
    /// document then.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn spread(&mut self, name: &str, before: Option<Spread>) -> Result<Spread, AdminError> {
        let sha = self.get(name)?.map(|document| document.short_sha());
        let mut spread = Spread { sha, ..Spread::default() };
        let mut kept: HashMap<String, (Heartbeat, bool)> = HashMap::new();
        if let Some(before) = before.filter(|before| before.sha == spread.sha) {
            let has_it = before.processes.into_iter().filter(|(_, stand)| *stand == Stand::Applied);
            let known = has_it.map(|(process, _)| (process, true));
            let unaware = before.unaware.into_iter().map(|process| (process, false));
            kept.extend(known.chain(unaware).map(|(process, knows)| (process.instance.clone(), (process, knows))));
        }
        let keys = self.instance_keys(|instance| match kept.remove(instance) {
            Some((process, true)) => {
                spread.processes.push((process, Stand::Applied));
                false
            }
            Some((process, false)) => {
                spread.unaware.push(process);
                false
            }
            None => true,
        })?;
        let Found { items, unreadable } = self.heartbeats(&keys)?;
        spread.unreadable = unreadable;
        for process in items {
            match process.flags.get(name).map(|flag| flag.stand(spread.sha.as_deref())) {
                Some(stand) => spread.processes.push((process, stand)),
                None => spread.unaware.push(process),
            }
        }
        spread.processes.sort_by(|(left, _), (right, _)| left.order().cmp(&right.order()));
        Ok(spread)
    }

    /// The keys of the heartbeats that are wanted.
    fn instance_keys(&mut self, mut is_wanted: impl FnMut(&str) -> bool) -> Result<Vec<String>, AdminError> {
        let instances = self.connection.members(&self.prefix.instances())?;
        let wanted = instances.iter().filter(|instance| is_wanted(instance));
        Ok(wanted.map(|instance| self.prefix.instance(instance)).collect())
    }

    /// Of those that have not expired.
    fn heartbeats(&mut self, keys: &[String]) -> Result<Found<Heartbeat>, AdminError> {
        let mut found = read_all(&self.connection.texts(keys)?, read_heartbeat);
        found.items.sort_by(|left, right| left.order().cmp(&right.order()));
        Ok(found)
    }
}

impl Heartbeat {
    fn order(&self) -> (&str, &str, u32, &str) {
        (&self.service, &self.host, self.pid, &self.instance)
    }
}

impl FlagInForce {
    /// Where its process stands with the document that has this `short_sha`.
    pub fn stand(&self, sha: Option<&str>) -> Stand {
        if self.sha.as_deref() == sha && self.refused.is_none() && !self.is_outage {
            Stand::Applied
        } else if self.refused.is_some() && self.refused_sha.as_deref() == sha {
            Stand::Refused
        } else {
            Stand::NotYet
        }
    }
}

fn read_all<T>(documents: &[Vec<u8>], read: impl Fn(&[u8]) -> Option<T>) -> Found<T> {
    let all = documents.len();
    let items: Vec<_> = documents.iter().filter_map(|document| read(document)).collect();
    Found { unreadable: all - items.len(), items }
}

fn read_heartbeat(document: &[u8]) -> Option<Heartbeat> {
    let told: Value = serde_json::from_slice(document).ok()?;
    if told["v"] != 1 {
        return None;
    }
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let flags = told["flags"].as_object()?.iter().map(|(key, flag)| (key.clone(), read_flag(flag)));
    Some(Heartbeat {
        instance: text("instance")?,
        service: text("service")?,
        host: text("host")?,
        pid: told["pid"].as_u64()?.try_into().ok()?,
        build: text("build")?,
        runtime: text("runtime").unwrap_or_default(),
        started: in_milliseconds(&told["started"])?,
        at: in_milliseconds(&told["at"])?,
        source: text("source").unwrap_or_default(),
        mode: text("mode"),
        state: text("state").unwrap_or_default(),
        age: told["age_ms"].as_u64().map(Duration::from_millis),
        flags: flags.collect(),
    })
}

fn read_flag(flag: &Value) -> FlagInForce {
    let text = |name: &str| flag[name].as_str().map(str::to_owned);
    FlagInForce {
        sha: text("sha"),
        refused: text("refused"),
        refused_sha: text("refused_sha"),
        is_overridden: flag["overridden"] == true,
        is_held: flag["held"] == true,
        is_outage: flag["outage"] == true,
        override_refused: text("override_refused"),
        missing_keys: flag["missing_keys"].as_u64().unwrap_or(0),
    }
}

fn read_build(document: &[u8]) -> Option<BuildRecord> {
    // Records are kept to the letter, not read and written again.
    let told: HashMap<String, Box<RawValue>> = serde_json::from_slice(document).ok()?;
    let field = |name: &str| told.get(name).and_then(|value| serde_json::from_str::<Value>(value.get()).ok());
    let text = |name: &str| field(name)?.as_str().map(str::to_owned);
    if field("v")? != 1 {
        return None;
    }
    let flags: Vec<Box<RawValue>> = serde_json::from_str(told.get("flags")?.get()).ok()?;
    let at = in_milliseconds(&field("at")?)?;
    Some(BuildRecord {
        build: text("build")?,
        service: text("service")?,
        runtime: text("runtime").unwrap_or_default(),
        at,
        last_seen: at,
        flags: flags.iter().map(|record| record.get().to_owned()).collect(),
    })
}

fn in_milliseconds(value: &Value) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(value.as_u64()?))
}

/// Of whole seconds; what no clock can show is the beginning of time.
fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_stands_where_its_documents_do() {
        let of = |sha: Option<&str>, refused: Option<&str>| FlagInForce {
            sha: sha.map(str::to_owned),
            refused: refused.map(|_| "no".to_owned()),
            refused_sha: refused.map(str::to_owned),
            ..FlagInForce::default()
        };
        assert_eq!(of(Some("a"), None).stand(Some("a")), Stand::Applied);
        assert_eq!(of(None, None).stand(None), Stand::Applied);
        assert_eq!(of(Some("a"), None).stand(Some("b")), Stand::NotYet);
        assert_eq!(of(None, None).stand(Some("b")), Stand::NotYet);
        assert_eq!(of(Some("a"), Some("b")).stand(Some("b")), Stand::Refused);
        assert_eq!(of(None, Some("b")).stand(Some("b")), Stand::Refused);
        // It has not told yet that the good one is back, or that there is none any more.
        assert_eq!(of(Some("a"), Some("b")).stand(Some("a")), Stand::NotYet);
        assert_eq!(of(None, Some("b")).stand(None), Stand::NotYet);
        // It has it, and answers its default: not what was written.
        let away = FlagInForce { is_outage: true, ..of(Some("a"), None) };
        assert_eq!(away.stand(Some("a")), Stand::NotYet);
    }

    #[test]
    fn what_is_of_another_form_or_of_a_newer_version_is_counted() {
        let good = br#"{"v":1,"instance":"i","service":"s","host":"h","pid":1,"build":"b","started":1,"at":2,"flags":{"a":{"sha":null}}}"#;
        let newer = good.map(|byte| if byte == b'1' { b'2' } else { byte });
        let documents = [&good[..], &newer, b"", b"[]", b"{\"v\":1}", b"null"].map(<[u8]>::to_vec).to_vec();
        let found = read_all(&documents, read_heartbeat);
        assert_eq!((found.items.len(), found.unreadable), (1, 5));
        assert_eq!(found.items[0].flags["a"], FlagInForce::default());
        let good = br#"{"v":1,"build":"b","service":"s","at":2,"flags":[{"name":"x",  "default":1e400}]}"#;
        let found = read_all(&[good.to_vec(), b"{}".to_vec()], read_build);
        assert_eq!(found.unreadable, 1);
        assert_eq!(found.items[0].flags, [r#"{"name":"x",  "default":1e400}"#]);
    }
}
