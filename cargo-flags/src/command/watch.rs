//! `watch`: a line for each change of a document, as it happens.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use clap::Args;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{AuditEntry, StoredDocument};
use flags_runtime::source::{Change, Source as _};
use jiff::Timestamp;
use serde_json::json;

use crate::cli::Server;
use crate::failure::{Failure, note, warn};
use crate::live::{self, Live};
use crate::report::{Format, visible};
use crate::story;

/// Print a line for each change of a document as it happens, until interrupted
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Names of flags [default: all documents]
    names: Vec<String>,

    #[command(flatten)]
    server: Server,

    /// Lines for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// As long as a wait takes at most.
const SLICE: Duration = Duration::from_millis(250);
/// Before another attempt after a loss.
const PAUSE: Duration = Duration::from_secs(1);
/// Where no changes are told.
const POLL: Duration = Duration::from_secs(5);

/// How many entries of a flag are looked through for who made a change.
const RECENT: usize = 20;

struct Watch<'a> {
    arguments: &'a Arguments,
    live: Live,
    source: RedisSource,
    known: BTreeMap<String, StoredDocument>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut live = Live::open(&arguments.server)?;
    let (url, prefix) = (live::url(&arguments.server)?, live::prefix(&arguments.server)?);
    let source = RedisSource::new(&url)
        .and_then(|source| source.prefix(prefix.as_str()))
        .map_err(|error| Failure::because("redis cannot be used as configured", error))?;
    let known = live.admin.documents()?.into_iter().collect();
    let mut watch = Watch { arguments, live, source, known };
    let mut is_lost = false;
    loop {
        match watch.follow() {
            Err(Ended::Output(failure)) => return Err(failure),
            Err(Ended::Lost(said)) => {
                if !std::mem::replace(&mut is_lost, true) {
                    warn(format_args!("contact is lost, tried again until it is back: {said}"));
                }
                thread::sleep(PAUSE);
                if watch.live.admin.documents().is_ok() {
                    is_lost = false;
                    note("contact is back");
                }
            }
        }
    }
}

/// Who made a change.
enum Author {
    Entry(Box<AuditEntry>),
    /// No entry tells of it.
    Outside,
    /// The trail cannot be read.
    Unknown,
}

impl Author {
    fn entry(&self) -> Option<&AuditEntry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Outside | Self::Unknown => None,
        }
    }
}

/// Why it does not go on.
enum Ended {
    Output(Failure),
    Lost(String),
}

impl Watch<'_> {
    /// Follows until contact is lost.
    fn follow(&mut self) -> Result<std::convert::Infallible, Ended> {
        let lost = |error: flags_runtime::source::SourceError| Ended::Lost(error.to_string());
        // Connects, so that changes are told from here on; what changed before is seen by reading everything.
        self.source.fetch(&[]).map_err(lost)?;
        self.read_all()?;
        let mut quiet = Duration::ZERO;
        loop {
            match self.source.wait(SLICE).map_err(lost)? {
                Change::Nothing if self.source.polling_reason().is_some() && quiet >= POLL => {
                    quiet = Duration::ZERO;
                    self.read_all()?;
                }
                Change::Nothing => quiet += SLICE,
                Change::Keys(keys) => {
                    for name in keys {
                        let now = self.live.admin.get(&name).map_err(|error| Ended::Lost(error.to_string()))?;
                        self.tell(&name, now.as_ref())?;
                    }
                }
                _ => self.read_all()?,
            }
        }
    }

    fn read_all(&mut self) -> Result<(), Ended> {
        let documents = self.live.admin.documents().map_err(|error| Ended::Lost(error.to_string()))?;
        let mut now: BTreeMap<_, _> = documents.into_iter().collect();
        for name in self.known.keys().cloned().collect::<Vec<_>>() {
            let document = now.remove(&name);
            self.tell(&name, document.as_ref())?;
        }
        for (name, document) in now {
            self.tell(&name, Some(&document))?;
        }
        Ok(())
    }

    /// Prints what changed, if anything did.
    fn tell(&mut self, name: &str, now: Option<&StoredDocument>) -> Result<(), Ended> {
        let old = self.known.get(name).cloned();
        if old.as_ref() == now {
            return Ok(());
        }
        match now {
            Some(now) => drop(self.known.insert(name.to_owned(), now.clone())),
            None => drop(self.known.remove(name)),
        }
        let names = &self.arguments.names;
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            return Ok(());
        }
        let author = self.author(name, old.as_ref(), now);
        let at = Timestamp::now();
        let what = story::change(old.as_ref(), now);
        let text = |document: Option<&StoredDocument>| document.map(|document| document.text().into_owned());
        let line = if self.arguments.format == Format::Json {
            let entry = author.entry();
            json!({
                "at": format!("{at:.3}"), "name": name, "what": what, "old": text(old.as_ref()), "new": text(now),
                "by": entry.as_ref().map(|entry| &entry.by), "why": entry.as_ref().map(|entry| &entry.why),
            })
            .to_string()
        } else {
            let by = match &author {
                Author::Entry(entry) if entry.why.is_empty() => format!(" (by {})", entry.by),
                Author::Entry(entry) => format!(" (by {}: {})", entry.by, entry.why),
                Author::Outside => " (outside the trail)".to_owned(),
                Author::Unknown => String::new(),
            };
            visible(&format!("{at:.0} {name}: {what}{by}"))
        };
        let mut stdout = io::stdout().lock();
        let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        written.map_err(|error| Ended::Output(Failure::output(error)))
    }
    /// Who made a change: of the last entry if it left just this, else of one of those before it that made just this step.
    fn author(&mut self, name: &str, old: Option<&StoredDocument>, now: Option<&StoredDocument>) -> Author {
        // Whoever may not read the trail hears the rest.
        let Ok(mut entries) = self.live.admin.history(Some(name), 1) else { return Author::Unknown };
        if entries.first().is_none_or(|last| last.new.as_ref() != now) {
            // Others may have written since.
            let Ok(more) = self.live.admin.history(Some(name), RECENT) else { return Author::Unknown };
            entries = more;
            entries.retain(|entry| entry.new.as_ref() == now && entry.old.as_ref() == old);
        }
        entries.into_iter().next().map_or(Author::Outside, |entry| Author::Entry(Box::new(entry)))
    }
}
