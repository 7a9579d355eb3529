//! Events: what happens in the background, for `builder().on_event(..)` and, with feature `tracing`, for `tracing`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crate::registry::Declaration;
use crate::status::Status;

/// Something that happened in the background. `Display` is a line for people; it never holds a password.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Once, after the first contact with the source or its first failure: what is in force from the start.
    #[non_exhaustive]
    Started {
        /// what is known now
        status: Box<Status>,
    },
    /// At start: flags of this program whose last day is over. They answer as before; remove them and the code behind
    /// them, or move their dates.
    #[non_exhaustive]
    Expired {
        /// what was declared about each, sorted by name
        flags: Vec<&'static Declaration>,
    },
    /// Contact was lost, or refused: the last decisions stay.
    #[non_exhaustive]
    Lost {
        /// the source
        source: String,
        /// why
        error: String,
    },
    /// Contact has been lost for as long as `builder().stale_after(..)` says: once for each outage.
    #[non_exhaustive]
    Stale {
        /// the source
        source: String,
        /// how old its last answer is, or the snapshot, or the start if there is neither
        age: Duration,
    },
    /// The source has been away for longer than these flags allow (`on_outage`): they answer their declared defaults until
    /// it is back.
    #[non_exhaustive]
    Outage {
        /// the source
        source: String,
        /// their names
        flags: Vec<&'static str>,
    },
    /// Most of the documents vanished at once, as after a FLUSHALL or a failover to an empty server: the last good ones
    /// stay in force for a while.
    #[non_exhaustive]
    Held {
        /// the source
        source: String,
        /// the names of the flags whose documents are gone
        flags: Vec<&'static str>,
        /// after how long it is obeyed, unless they come back
        grace: Duration,
    },
    /// The snapshot cannot be used; declared defaults are in force until the source answers.
    #[non_exhaustive]
    SnapshotNotUsed {
        /// its file
        path: PathBuf,
        /// why
        error: String,
    },
    /// The snapshot could not be written: a restart while the source is down would begin with older decisions.
    #[non_exhaustive]
    SnapshotNotWritten {
        /// its file
        path: PathBuf,
        /// why
        error: String,
    },
    /// Contact is back and everything was read again.
    #[non_exhaustive]
    Recovered {
        /// the source
        source: String,
    },
    /// These flags go by another document than before.
    #[non_exhaustive]
    Changed {
        /// their names
        flags: Vec<&'static str>,
    },
    /// A document was refused; its flag stays at the last good state.
    #[non_exhaustive]
    Refused {
        /// the flag's name
        flag: &'static str,
        /// what is wrong with the document
        error: String,
    },
    /// A document is in force and has fields that mean nothing here: misspelt ones, which then read as missing, or those
    /// of a newer version.
    #[non_exhaustive]
    UnknownFields {
        /// the flag's name
        flag: &'static str,
        /// the first 16 of them, as they are to be shown: in backticks, long names cut
        fields: Vec<String>,
    },
    /// The source holds documents that belong to no flag of this program: misspelt, or another program's.
    #[non_exhaustive]
    Unknown {
        /// the source
        source: String,
        /// their keys
        keys: Vec<String>,
    },
    /// What this process tells of itself (heartbeat, dark-launch results) could not be left where a fleet's is read. It stays
    /// in the process, and is left later.
    #[non_exhaustive]
    NotReported {
        /// where they were to go
        source: String,
        /// why
        error: String,
    },
    /// A provider answers reliably, from now on or again.
    #[non_exhaustive]
    ProviderReady {
        /// its name
        provider: String,
    },
    /// A provider cannot answer reliably, or is not asked for a flag for a while since that failed again and again.
    #[non_exhaustive]
    ProviderFailing {
        /// its name
        provider: String,
        /// why
        error: String,
    },
    /// The guard was dropped: nothing is followed any more, the last decisions stay.
    Stopped,
    /// The background thread died of a panic and was started again.
    #[non_exhaustive]
    Restarted {
        /// the source
        source: String,
    },
}

impl Event {
    /// Whether somebody should look at it.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Self::Expired { .. }
                | Self::Lost { .. }
                | Self::Stale { .. }
                | Self::Outage { .. }
                | Self::Held { .. }
                | Self::SnapshotNotUsed { .. }
                | Self::SnapshotNotWritten { .. }
                | Self::Refused { .. }
                | Self::UnknownFields { .. }
                | Self::NotReported { .. }
                | Self::ProviderFailing { .. }
                | Self::Restarted { .. }
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { status } => status.fmt(f),
            Self::Expired { flags } => {
                let shown: Vec<_> = flags.iter().map(|flag| expired(flag)).collect();
                write!(f, "expired flags, which answer as before: {}", shown.join(", "))
            }
            Self::Lost { source, error } => write!(f, "{source}: {error}; decisions stay as they are"),
            Self::Stale { source, age } => {
                write!(f, "{source}: no answer for {} s; decisions stay as they were", age.as_secs())
            }
            Self::Outage { source, flags } => {
                write!(f, "{source}: away for too long for {}: declared defaults", flags.join(", "))
            }
            Self::Held { source, flags, grace } => write!(
                f,
                "{source}: the documents of {} vanished at once; the last good ones stay for {} s unless they come back",
                flags.join(", "),
                grace.as_secs_f32()
            ),
            Self::SnapshotNotUsed { path, error } => {
                write!(f, "the snapshot {} {error}; it is not used", path.display())
            }
            Self::SnapshotNotWritten { path, error } => {
                write!(f, "the snapshot {} {error}; a restart without the source would know less", path.display())
            }
            Self::Recovered { source } => write!(f, "{source}: back, everything read again"),
            Self::Changed { flags } => write!(f, "changed: {}", flags.join(", ")),
            Self::Refused { flag, error } => {
                write!(f, "document of `{flag}` refused, the last good state stays: {error}")
            }
            Self::Unknown { source, keys } => {
                write!(f, "{source}: no flag of this program is named {}", keys.join(", "))
            }
            Self::UnknownFields { flag, fields } => write!(
                f,
                "document of `{flag}` is in force, but nothing knows its {} {}: misspelt fields read as missing",
                if fields.len() == 1 { "field" } else { "fields" },
                fields.join(", ")
            ),
            Self::NotReported { source, error } => {
                write!(f, "{source}: not reported (heartbeat or dark-launch results), tried again later: {error}")
            }
            Self::ProviderReady { provider } => write!(f, "provider {provider}: ready"),
            Self::ProviderFailing { provider, error } => write!(f, "provider {provider}: {error}"),
            Self::Stopped => f.write_str("stopped: the guard was dropped, the last decisions stay"),
            Self::Restarted { source } => write!(f, "{source}: the background thread panicked and was started again"),
        }
    }
}

fn expired(flag: &Declaration) -> String {
    let (name, date) = (flag.name(), flag.expires().unwrap_or_default());
    format!("{name} (on {date}, {})", flag.owner().unwrap_or("no owner"))
}

/// Whoever wants to hear of events.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    callback: Option<Arc<Callback>>,
    /// Wakes a thread that tells others what has happened; with room for one word.
    nudge: Option<SyncSender<()>>,
}

type Callback = dyn Fn(&Event) + Send + Sync;

impl Listener {
    pub(crate) fn new(listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { callback: Some(Arc::new(listener)), nudge: None }
    }

    /// The same listener, which is woken by each event too.
    pub(crate) fn nudging(&self, nudge: SyncSender<()>) -> Self {
        Self { callback: self.callback.clone(), nudge: Some(nudge) }
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(nudge) = &self.nudge {
            // Full: it is woken anyway. Closed: nobody is there to be woken.
            let _ = nudge.try_send(());
        }
        // A listener that panics must not take the flags down with it; the panic hook has told of it.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(feature = "tracing")]
            if event.is_trouble() {
                tracing::warn!(target: "flags_runtime", "{event}");
            } else {
                tracing::info!(target: "flags_runtime", "{event}");
            }
            if let Some(listener) = &self.callback {
                listener(event);
            }
        }));
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.callback.is_some() { "Listener" } else { "none" })
    }
}
