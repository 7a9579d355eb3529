//! File source: documents in one JSON or TOML file, watched.
//!
//! The file holds one object (JSON) or table (TOML) whose keys are flag keys and whose values are documents. A file that
//! cannot be read or parsed as a whole leaves everything as it is; one bad document in it is refused alone. The folder
//! is watched rather than the file, so replacing it by a rename and swapping a symbolic link are seen too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::value::RawValue;

use super::{Change, Mode, Source, SourceError};

/// Documents in a file. The name's ending chooses the format: `.toml` is TOML, everything else JSON.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    /// Whether a file that never was there is a file without documents.
    is_optional: bool,
    /// The file as it was when it was read last.
    seen: Option<Stamp>,
    unasked: Vec<String>,
    /// None where the system gives no watcher; changes are then seen at the end of a wait.
    watcher: Option<RecommendedWatcher>,
    touched: Receiver<()>,
    touch: SyncSender<()>,
}

/// What changes when a file changes.
type Stamp = (u64, Option<SystemTime>, u64);

/// An editor writes a file in several steps; reading between them would only meet half a file.
const QUIET: Duration = Duration::from_millis(10);
const LONGEST_UNREST: u32 = 20;

/// The largest file that is read: as large as the largest document.
const MAX_BYTES: u64 = crate::rules::MAX_BYTES as u64;

impl FileSource {
    /// Documents in this file; it may appear later.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        // One place is enough: it says that something happened, not what.
        let (touch, touched) = sync_channel(1);
        Self { path: path.into(), is_optional: false, seen: None, unasked: Vec::new(), watcher: None, touched, touch }
    }

    /// The same, but a file that is not there yet holds no documents. One that has been read and is gone keeps them.
    pub(crate) fn optional(path: impl Into<PathBuf>) -> Self {
        Self { is_optional: true, ..Self::new(path) }
    }

    fn watch(&mut self) {
        if self.watcher.is_some() {
            return;
        }
        let touch = self.touch.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is an event as well, ours included.
            if event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                return;
            }
            match touch.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        });
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        self.watcher = watcher
            .ok()
            .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).ok().map(|()| watcher));
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        #[cfg(unix)]
        let file_number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let file_number = 0;
        Some((metadata.len(), metadata.modified().ok(), file_number))
    }

    fn read(&self) -> Result<BTreeMap<String, Vec<u8>>, SourceError> {
        let wrong = |what: &str| SourceError::data(what);
        if let Ok(metadata) = fs::metadata(&self.path) {
            // A pipe would keep its reader waiting for ever.
            if !metadata.is_file() {
                return Err(wrong("is no regular file"));
            }
            if metadata.len() > MAX_BYTES {
                return Err(wrong(&format!("has {} bytes; at most {MAX_BYTES} are read", metadata.len())));
            }
        }
        let text = fs::read_to_string(&self.path).map_err(|error| wrong("cannot be read").with_source(error))?;
        if self.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            parse_toml(&text).map_err(|error| wrong("is not a TOML table of documents").with_source(error))
        } else {
            parse_json(&text).map_err(|error| wrong("is not a JSON object of documents").with_source(error))
        }
    }
}

impl Source for FileSource {
    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        self.watch();
        // Before reading: a change in between is then seen again, not missed.
        self.seen = self.stamp();
        let mut documents = match self.seen {
            None if self.is_optional => BTreeMap::new(),
            _ => self.read()?,
        };
        self.is_optional &= self.seen.is_none();
        let asked = keys.iter().map(|key| documents.remove(*key)).collect();
        self.unasked = documents.into_keys().collect();
        Ok(asked)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        if self.touched.recv_timeout(timeout).is_ok() {
            for _ in 0..LONGEST_UNREST {
                if self.touched.recv_timeout(QUIET).is_err() {
                    break;
                }
            }
        }
        // Looked at without a word from the watcher too: it is silent on some network file systems, and after its folder
        // was replaced.
        Ok(if self.stamp() == self.seen { Change::Nothing } else { Change::Everything })
    }

    fn unasked(&self) -> Vec<String> {
        self.unasked.clone()
    }

    fn mode(&self) -> Mode {
        if self.watcher.is_some() { Mode::Push } else { Mode::Polling }
    }
}

fn parse_json(text: &str) -> serde_json::Result<BTreeMap<String, Vec<u8>>> {
    // Each document stays text here: one that is wrong must not take the others with it.
    let documents: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    Ok(documents.into_iter().map(|(key, document)| (key, document.get().as_bytes().to_vec())).collect())
}

fn parse_toml(text: &str) -> Result<BTreeMap<String, Vec<u8>>, toml::de::Error> {
    let documents: toml::Table = toml::from_str(text)?;
    Ok(documents.into_iter().map(|(key, document)| (key, as_json(&document).into_bytes())).collect())
}

/// A TOML value as JSON text. What JSON does not have stays visibly wrong, so that the document is refused.
fn as_json(value: &toml::Value) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        toml::Value::String(text) => quoted(text),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) if number.is_finite() => serde_json::Value::from(*number).to_string(),
        toml::Value::Float(_) => "NaN".to_owned(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => quoted(&time.to_string()),
        toml::Value::Array(elements) => {
            format!("[{}]", elements.iter().map(as_json).collect::<Vec<_>>().join(","))
        }
        toml::Value::Table(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}:{}", quoted(name), as_json(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_documents_read_as_the_same_json() {
        let documents = parse_toml(
            "[pricing]\nenabled = true\nrollout_percentage = 33.333\nallowed_users = [\"a\\\"b\"]\nvalue = \"variant_b\"\n",
        )
        .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&documents["pricing"]).unwrap();
        let expected = serde_json::json!({
            "enabled": true, "rollout_percentage": 33.333, "allowed_users": ["a\"b"], "value": "variant_b"
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn toml_numbers_that_json_lacks_refuse_their_document_alone() {
        let documents = parse_toml("[bad]\nrollout_percentage = nan\n[good]\nenabled = true\n").unwrap();
        assert!(crate::rules::Document::parse(&documents["bad"]).is_err());
        assert!(crate::rules::Document::parse(&documents["good"]).is_ok());
    }
}
