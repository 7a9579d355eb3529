//! `history`: the audit trail as a story, with what was written past it.

use std::collections::HashMap;

use clap::Args;
use flags_runtime::source::redis::admin::{AdminError, AuditEntry, StoredDocument};
use serde_json::{Value, json};

use crate::cli::{Check, Server};
use crate::failure::{Failure, note, warn};
use crate::known::{self, Need};
use crate::live::Live;
use crate::report::{self, ListFormat, Rows};
use crate::story;

/// Show who changed a flag, or all of them, when, how and why, the oldest first
///
/// Whoever may SET can write past the trail; where a document was not what the entry before had left, a line of its own says
/// so. The trail keeps about 10,000 writes.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name [default: all flags]
    name: Option<String>,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    check: Check,

    /// The last so many writes
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    limit: usize,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| "give a whole number above 0".to_owned())
}

/// One line of the story.
enum Line {
    Write {
        entry: AuditEntry,
        gap_before: bool,
    },
    /// What is there now is not what the last entry left.
    ChangedSince {
        key: String,
        left: Option<StoredDocument>,
        now: Option<StoredDocument>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut live = match &arguments.name {
        Some(name) => Live::connect(&arguments.server, name)?,
        None => Live::open(&arguments.server)?,
    };
    let key = match &arguments.name {
        None => None,
        Some(name) => match known::target(&mut live.admin, &arguments.check.artifact, name, Need::NameToRead, false) {
            Ok(target) => Some(target.key),
            // Whoever has a history is known.
            Err(_) if !live.admin.history(Some(name), 1)?.is_empty() => Some(name.clone()),
            Err(unknown) => return Err(unknown),
        },
    };
    // One more, to see whether the first one that is shown follows on it.
    let mut entries = live.admin.history(key.as_deref(), arguments.limit.saturating_add(1))?;
    entries.reverse();
    let is_cut = entries.len() > arguments.limit;
    let lines = lines(&mut live, entries, is_cut)?;
    if lines.is_empty() {
        note("the trail has no entry of it: nothing was written by `cargo flags` or `Admin` yet");
    }
    show(&lines, arguments.format)
}

fn lines(live: &mut Live, entries: Vec<AuditEntry>, is_cut: bool) -> Result<Vec<Line>, Failure> {
    let mut last: HashMap<String, AuditEntry> = HashMap::new();
    let mut lines = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let gap_before = last.get(&entry.key).is_some_and(|before| before.sha_after != entry.sha_before);
        last.insert(entry.key.clone(), entry.clone());
        if index > 0 || !is_cut {
            lines.push(Line::Write { entry, gap_before });
        }
    }
    let mut keys: Vec<_> = last.into_iter().collect();
    keys.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (key, entry) in keys {
        let Some(name) = live.name_of(&key) else { continue };
        let now = match live.admin.get(&name) {
            // What somebody put in its place is no document, and keeps back no story of the others.
            Err(error @ AdminError::NotADocument { .. }) => {
                warn(error);
                continue;
            }
            now => now?,
        };
        // A write comes with its entry: only if there is no newer one, somebody wrote past the trail.
        if now != entry.new && live.admin.history(Some(&name), 1)?.pop().is_none_or(|last| last.id == entry.id) {
            lines.push(Line::ChangedSince { key, left: entry.new, now });
        }
    }
    Ok(lines)
}

fn show(lines: &[Line], format: ListFormat) -> Result<(), Failure> {
    let mut rows = Rows::new(&["at", "key", "what", "by", "why", "via", "id"]);
    let mut values = Vec::new();
    for line in lines {
        match line {
            Line::Write { entry, gap_before } => {
                if *gap_before {
                    let what = "changed outside the trail before the next line".to_owned();
                    rows.push(vec![
                        String::new(),
                        entry.key.clone(),
                        what,
                        String::new(),
                        String::new(),
                        String::new(),
                        String::new(),
                    ]);
                }
                let by = if entry.acl_user.is_empty() || entry.acl_user == "default" {
                    entry.by.clone()
                } else {
                    format!("{} (as {})", entry.by, entry.acl_user)
                };
                let what = story::change(entry.old.as_ref(), entry.new.as_ref());
                let (at, key, why) = (entry.at.clone(), entry.key.clone(), entry.why.clone());
                rows.push(vec![at, key, what, by, why, entry.via.clone(), entry.id.clone()]);
                values.push(written(entry, *gap_before));
            }
            Line::ChangedSince { key, left, now } => {
                let what = format!("changed outside the trail since: {}", story::change(left.as_ref(), now.as_ref()));
                rows.push(vec![
                    String::new(),
                    key.clone(),
                    what,
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                ]);
                values.push(json!({
                    "key": key, "changed_outside": true,
                    "old": text(left.as_ref()), "new": text(now.as_ref()),
                    "what": story::change(left.as_ref(), now.as_ref()),
                }));
            }
        }
    }
    report::print(format, &rows, &values)
}

fn written(entry: &AuditEntry, gap_before: bool) -> Value {
    json!({
        "id": entry.id, "at": entry.at, "by": entry.by, "acl_user": entry.acl_user, "via": entry.via, "why": entry.why,
        "key": entry.key, "old": text(entry.old.as_ref()), "new": text(entry.new.as_ref()),
        "sha_before": entry.sha_before, "sha_after": entry.sha_after, "gap_before": gap_before,
        "changed_outside": false, "what": story::change(entry.old.as_ref(), entry.new.as_ref()),
    })
}

fn text(document: Option<&StoredDocument>) -> Option<String> {
    document.map(|document| document.text().into_owned())
}
