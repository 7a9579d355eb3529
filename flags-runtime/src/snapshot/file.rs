//! The file of a snapshot: one line that names it with a checksum of the rest, and the rest as JSON.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Which source it is of: another one's documents may mean something else.
    pub(crate) identity: String,
    /// When the source last answered.
    pub(crate) at: SystemTime,
    /// The last good document of each key.
    pub(crate) documents: BTreeMap<String, String>,
}

/// What the file begins with; behind it stand the checksum and a line feed.
const MAGIC: &str = "flags-snapshot 1 ";
const VERSION: u64 = 1;
/// More than this is no snapshot of ours.
const MAX_BYTES: u64 = 1 << 30;

impl Snapshot {
    /// Reads the file; none if there is none.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be used.
    pub(super) fn read(path: &Path, identity: &str) -> Result<Option<Self>, String> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        // A pipe would keep its reader waiting for ever.
        if !metadata.is_file() {
            return Err("is no regular file".to_owned());
        }
        if metadata.len() > MAX_BYTES {
            return Err(format!("has {} bytes; at most {MAX_BYTES} are read", metadata.len()));
        }
        let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
        let Some((checksum, body)) = text.strip_prefix(MAGIC).and_then(|rest| rest.split_once('\n')) else {
            let is_newer = text.starts_with("flags-snapshot ") && !text.starts_with(MAGIC);
            return Err(if is_newer {
                "is of another version".to_owned()
            } else {
                "is no snapshot, or only the beginning of one".to_owned()
            });
        };
        if checksum != checksum_of(body) {
            return Err("is torn: its checksum is not that of its content".to_owned());
        }
        let snapshot = parse(body).ok_or("holds something else than a snapshot of this version")?;
        if snapshot.identity != identity {
            return Err(format!("is of another source: `{}` and not `{identity}`", snapshot.identity));
        }
        Ok(Some(snapshot))
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    ///
    /// A sentence that says why it could not; the file is as it was.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        check_replaceable(path)?;
        let temporary = temporary(path)?;
        let written = self.write_new(&temporary).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // It may not have been made at all.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(|error| format!("cannot be written: {error}"))?;
        // The rename outlives a crash of the machine only with its folder; not every file system can do that.
        if let Some(Ok(folder)) = path.parent().map(File::open) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let at = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let documents: Map<String, Value> =
            self.documents.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect();
        let body = json!({
            "v": VERSION,
            "source": self.identity,
            "at": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            "documents": documents,
        })
        .to_string();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Documents may name users.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(format!("{MAGIC}{}\n{body}", checksum_of(&body)).as_bytes())?;
        file.sync_all()
    }
}

fn checksum_of(body: &str) -> String {
    hex(&Sha256::digest(body.as_bytes()))
}

fn parse(body: &str) -> Option<Snapshot> {
    let Value::Object(mut fields) = serde_json::from_str(body).ok()? else { return None };
    if fields.get("v")?.as_u64()? != VERSION {
        return None;
    }
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(fields.get("at")?.as_u64()?))?;
    let identity = fields.get("source")?.as_str()?.to_owned();
    let Value::Object(documents) = fields.remove("documents")? else { return None };
    let text = |(key, value)| match value {
        Value::String(text) => Some((key, text)),
        _ => None,
    };
    let documents = documents.into_iter().map(text).collect::<Option<_>>()?;
    Some(Snapshot { identity, at, documents })
}

/// Whether nothing of others is lost when the file is replaced.
fn check_replaceable(path: &Path) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot be replaced: {error}");
    // Looked at before it is opened: a pipe would keep whoever opens it waiting for ever.
    let is_file = match fs::metadata(path) {
        Ok(metadata) => metadata.is_file(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot(error)),
    };
    if !is_file {
        return Err("is there and is no file, so it is left alone: name another one".to_owned());
    }
    let mut file = File::open(path).map_err(cannot)?;
    let mut beginning = [0; "flags-snapshot ".len()];
    let is_ours = is_file && file.read_exact(&mut beginning).is_ok() && beginning == *b"flags-snapshot ";
    // An empty file may have been made for us.
    let is_empty = is_file && file.metadata().is_ok_and(|metadata| metadata.len() == 0);
    if is_ours || is_empty {
        return Ok(());
    }
    Err("is there and is no snapshot, so it is left alone: name another file".to_owned())
}

/// A name beside the file that no other process or thread has.
fn temporary(path: &Path) -> Result<PathBuf, String> {
    let Some(name) = path.file_name() else { return Err("names no file".to_owned()) };
    // Random: in containers every process has the same number, and one that was killed leaves its file behind.
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{:016x}.tmp", RandomState::new().hash_one(name)));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("flags-snapshot-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn snapshot() -> Snapshot {
        let documents = [("a", "{\"enabled\":true}"), ("ü \"x\"", "{}")];
        let documents = documents.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
        Snapshot { identity: "redis at a, ff:".to_owned(), at: UNIX_EPOCH + Duration::from_millis(1234), documents }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = folder("round");
        let path = folder.join("flags");
        assert_eq!(Snapshot::read(&path, "x"), Ok(None));
        snapshot().write(&path).unwrap();
        snapshot().write(&path).unwrap();
        assert_eq!(Snapshot::read(&path, "redis at a, ff:"), Ok(Some(snapshot())));
        assert!(Snapshot::read(&path, "redis at b, ff:").unwrap_err().contains("of another source"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "temporary files are left");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_not_used() {
        let folder = folder("torn");
        let path = folder.join("flags");
        snapshot().write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Snapshot::read(&path, "redis at a, ff:").is_err(), "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(Snapshot::read(&path, "redis at a, ff:").is_err(), "changed at {at}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_others_is_neither_read_nor_replaced() {
        let folder = folder("foreign");
        let path = folder.join("flags");
        fs::write(&path, "precious").unwrap();
        assert!(snapshot().write(&path).unwrap_err().contains("left alone"));
        assert!(Snapshot::read(&path, "x").unwrap_err().contains("no snapshot"));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert!(snapshot().write(&folder).unwrap_err().contains("left alone"));
        assert!(Snapshot::read(&folder, "x").unwrap_err().contains("no regular file"));
        assert!(snapshot().write(&path.join("below")).is_err());
        // A newer version's is not ours to read, but ours to replace: it is a snapshot.
        fs::write(&path, "flags-snapshot 2 ..").unwrap();
        assert!(Snapshot::read(&path, "x").unwrap_err().contains("another version"));
        fs::write(&path, "").unwrap();
        snapshot().write(&path).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_keeps_nobody_waiting_and_any_name_is_one() {
        let folder = folder("pipe");
        let pipe = folder.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(snapshot().write(&pipe).unwrap_err().contains("left alone"));
        assert!(Snapshot::read(&pipe, "x").unwrap_err().contains("no regular file"));
        let path = folder.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"fl\xffgs"));
        snapshot().write(&path).unwrap();
        assert_eq!(Snapshot::read(&path, "redis at a, ff:"), Ok(Some(snapshot())));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_disk_that_is_full_leaves_the_file_as_it_was() {
        // Nothing can be written to this file system at all.
        let path = Path::new("/proc/flags");
        if path.parent().is_some_and(Path::exists) {
            assert!(snapshot().write(path).unwrap_err().contains("cannot be written"));
        }
    }
}
