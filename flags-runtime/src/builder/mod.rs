//! Starting: which source and which settings.

mod assigned;
mod guard;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use self::assigned::{Assigned, Given, assign};
pub use self::guard::Guard;
use crate::dark_launch::wire;
use crate::error::StartError;
use crate::event::{Event, Listener};
use crate::heartbeat::Process;
use crate::provider::Provider;
use crate::registry::registry;
use crate::reporter::Reporter;
use crate::rules::rule::Origin;
use crate::settings;
use crate::snapshot::{self, Keeper};
use crate::source::Source;
use crate::status::{BOARD, status};
use crate::store::{self, Generation};
use crate::synchronizer::{Kept, Pace, ProviderThread, Synchronizer};
use crate::targeting_keys::{self, TargetingKeys};

/// How to start; made by [`builder`].
pub struct Builder {
    source: Option<Box<dyn Source>>,
    providers: Vec<Given>,
    override_file: Option<PathBuf>,
    snapshot: Option<PathBuf>,
    refresh: Duration,
    empty_grace: Duration,
    stale_after: Duration,
    listener: Listener,
    tracks_reads: bool,
    targeting_keys: TargetingKeys,
    report_interval: Duration,
    shares_uncleaned: bool,
    service: Option<String>,
    sends_heartbeats: bool,
}

/// The interval after which everything is read again although nothing was said to have changed.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(30);

/// How long documents that vanished together stay in force, unless set.
const DEFAULT_EMPTY_GRACE: Duration = Duration::from_secs(60);
/// After how long without an answer that is told, unless set.
const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(30);
const SHORTEST_REFRESH: Duration = Duration::from_millis(100);
/// How often dark-launch results are reported, unless set.
const DEFAULT_REPORT_INTERVAL: Duration = Duration::from_secs(10);
const LONGEST_REPORT_INTERVAL: Duration = Duration::from_secs(60 * 60);
const LONGEST_REFRESH: Duration = Duration::from_secs(24 * 60 * 60);

static IS_STARTED: AtomicBool = AtomicBool::new(false);

/// Starts with nothing configured: no source, a refresh every 30 s.
///
/// ```
/// use flags_runtime::source::MemorySource;
///
/// let source = MemorySource::new();
/// let guard = flags_runtime::builder().source(source).start()?;
/// guard.wait_ready(std::time::Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn builder() -> Builder {
    Builder {
        source: None,
        providers: Vec::new(),
        override_file: None,
        snapshot: None,
        refresh: DEFAULT_REFRESH,
        empty_grace: DEFAULT_EMPTY_GRACE,
        stale_after: DEFAULT_STALE_AFTER,
        listener: Listener::default(),
        tracks_reads: false,
        targeting_keys: TargetingKeys::default(),
        report_interval: DEFAULT_REPORT_INTERVAL,
        shares_uncleaned: false,
        service: None,
        sends_heartbeats: true,
    }
}

/// Starts as the environment says.
///
/// | variable | meaning | without it |
/// |---|---|---|
/// | `FLAGS_SOURCE` | `redis://host/`, `redis+sentinel://host,host/name`, `redis+cluster://host`, `unix:/path`, over TLS `rediss..`, `file:flags.json`, `memory` | no source: declared defaults |
/// | `FLAGS_PREFIX` | the prefix of the documents' keys in Redis | `ff:` |
/// | `FLAGS_REFRESH` | the refresh interval: `30s`, `500ms`, `5m` | `30s` |
/// | `FLAGS_EMPTY_GRACE` | how long documents that vanish together stay in force: `60s`, `5m`; `0s` for not at all | `60s` |
/// | `FLAGS_SNAPSHOT` | a file that keeps the last good documents for the next start | no snapshot |
/// | `FLAGS_OVERRIDE_FILE` | a file whose documents stand above the source | no override |
/// | `FLAGS_SERVICE` | the name of this program in `cargo flags fleet` | the executable's file name |
///
/// # Errors
///
/// As [`Builder::start`], and [`StartError::Configuration`] for a variable that cannot be understood or that needs a
/// feature which is off; the message never holds a password.
pub fn start_from_env() -> Result<Guard, StartError> {
    builder().configured_by_env()?.start()
}

impl Builder {
    /// Where documents come from.
    #[must_use]
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Who decides the flags that name it in their declaration (`provider = launchdarkly`), in the place of documents. May be
    /// called once for each name.
    #[must_use]
    pub fn provider(mut self, provider: impl Provider) -> Self {
        self.providers.push(Given { provider: Box::new(provider), is_for_all: false });
        self
    }

    /// The same, and who decides all flags that name no provider. What it does not know is decided by documents.
    #[must_use]
    pub fn provider_for_all(mut self, provider: impl Provider) -> Self {
        self.providers.push(Given { provider: Box::new(provider), is_for_all: true });
        self
    }

    /// How often everything is read again although nothing was said to have changed; 30 s unless set, and
    /// between 100 ms and a day whatever is set. Each time it is shortened by up to a half, so that a fleet does not ask at
    /// once. Sources without push are asked every 5 s at least.
    #[must_use]
    pub fn refresh(mut self, interval: Duration) -> Self {
        self.refresh = interval.clamp(SHORTEST_REFRESH, LONGEST_REFRESH);
        self
    }

    /// A file that keeps the last good documents: a start while the source is down goes on with them. It is written by a
    /// thread of its own, at most once a second, and replaced as a whole. `FLAGS_SNAPSHOT` is used if this is not called.
    #[must_use]
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// How long documents stay in force that vanished from Redis together (more than half of them at once, as after a
    /// FLUSHALL or a failover to an empty server), unless they come back; 60 s unless set, zero obeys at once. One document
    /// that is deleted is obeyed at once in any case.
    #[must_use]
    pub fn empty_grace(mut self, grace: Duration) -> Self {
        self.empty_grace = grace.min(LONGEST_REFRESH);
        self
    }

    /// After how long without an answer of the source [`Event::Stale`] tells of it; 30 s unless set.
    #[must_use]
    pub fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = age;
        self
    }

    /// A file whose documents stand above every source, in release builds too: a kill that needs no Redis.
    /// `FLAGS_OVERRIDE_FILE` is used if this is not called. Needs the feature `file`.
    #[must_use]
    pub fn override_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.override_file = Some(path.into());
        self
    }

    /// Calls this for every [`Event`], on a background thread; without a source once, within `start`. It should return
    /// soon: updates wait for it.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// Notices the first read of each flag: `status().unread` then names the flags that nobody has read since start.
    /// Costs one slow read per flag.
    #[must_use]
    pub fn track_reads(mut self) -> Self {
        self.tracks_reads = true;
        self
    }

    /// How targeting keys are shown in results that people read or that leave the process; hashed unless set. It holds
    /// from `start` on, for the whole process.
    #[must_use]
    pub fn targeting_keys(mut self, targeting_keys: TargetingKeys) -> Self {
        self.targeting_keys = targeting_keys;
        self
    }

    /// How often dark-launch results are left where a fleet's are added up (with Redis), if there are new ones; 10 s unless
    /// set, and between 100 ms and an hour whatever is set. Heartbeats come at six times that, but every minute at least.
    #[must_use]
    pub fn report_interval(mut self, interval: Duration) -> Self {
        self.report_interval = interval.clamp(SHORTEST_REFRESH, LONGEST_REPORT_INTERVAL);
        self
    }

    /// Lets the values of mismatches leave the process with the results, also those that no `clean` has shaped: whatever
    /// their `Debug` shows stands in Redis then.
    #[must_use]
    pub fn share_uncleaned_values(mut self) -> Self {
        self.shares_uncleaned = true;
        self
    }

    /// The name of this program in heartbeats and in `cargo flags fleet`: 1 to 128 bytes without control characters. Unless
    /// set it is `FLAGS_SERVICE`, else the executable's file name.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Whether this process tells of itself (with Redis): that it lives, what is in force here, which flags its build has and
    /// when they were last evaluated. It does unless this says no. Dark-launch results are left in both cases.
    #[must_use]
    pub fn heartbeats(mut self, are_sent: bool) -> Self {
        self.sends_heartbeats = are_sent;
        self
    }

    /// Takes the settings of [`start_from_env`], so that more can be set before `start`.
    ///
    /// # Errors
    ///
    /// [`StartError::Configuration`], as [`start_from_env`].
    pub fn configured_by_env(mut self) -> Result<Self, StartError> {
        if let Some(source) = settings::source_from_env()? {
            self.source = Some(source);
        }
        if let Some(interval) = settings::refresh_from_env()? {
            self = self.refresh(interval);
        }
        if let Some(grace) = settings::empty_grace_from_env()? {
            self = self.empty_grace(grace);
        }
        Ok(self)
    }

    /// Starts following the source, in the background; does not wait for it. A source that cannot be reached is no
    /// error: flags answer their declared defaults until it can.
    ///
    /// # Errors
    ///
    /// [`StartError::Duplicates`] if two declarations share a name, [`StartError::AlreadyStarted`] while an earlier guard
    /// lives or was detached, [`StartError::Configuration`] for a wrong setting, [`StartError::Thread`].
    pub fn start(self) -> Result<Guard, StartError> {
        if !registry().duplicates().is_empty() {
            return Err(StartError::Duplicates(registry().duplicates().to_vec()));
        }
        let override_file = settings::override_source(self.override_file)?;
        let service = settings::service(self.service)?;
        let providers = assign(self.providers)?;
        if IS_STARTED.swap(true, Ordering::AcqRel) {
            return Err(StartError::AlreadyStarted);
        }
        targeting_keys::set(self.targeting_keys);
        wire::share_uncleaned(self.shares_uncleaned);
        // Before anything is published, which would settle flags.
        #[cfg(feature = "testing")]
        crate::testing::overrides::arm();
        let generation = store::begin();
        BOARD.begin(generation);
        let listener = self.listener.clone();
        let synchronizers = Vec::new();
        let mut guard = Guard {
            generation,
            synchronizers,
            providers: Vec::new(),
            reporter: None,
            snapshot: None,
            #[cfg(feature = "metrics")]
            metrics: None,
            listener,
            is_detached: false,
        };
        #[cfg(feature = "metrics")]
        {
            guard.metrics = Some(crate::telemetry::metrics::Recorder::start().map_err(StartError::Thread)?);
        }
        for (origin, source) in [(Origin::OverrideFile, &override_file), (Origin::Source, &self.source)] {
            if source.is_none() {
                store::clear(generation, origin);
            }
        }
        // Who decided at an earlier start does so no more.
        store::clear_provided(generation);
        for Assigned { provider, flags } in providers {
            let started = ProviderThread::start(generation, provider, &flags, self.listener.clone());
            guard.providers.push(started.map_err(StartError::Thread)?);
        }
        if self.tracks_reads {
            store::track_reads();
        }
        let expired = registry().expired(SystemTime::now());
        if !expired.is_empty() {
            self.listener.tell(&Event::Expired { flags: expired });
        }
        let has_source = self.source.is_some();
        let mut kept = match (&self.source, settings::snapshot_path(self.snapshot)) {
            (Some(source), Some(path)) => {
                let (kept, ended) = keep(generation, &**source, path, &self.listener)?;
                guard.snapshot = Some(ended);
                kept
            }
            _ => Kept::default(),
        };
        let mut listener = self.listener.clone();
        if let Some(outbox) = self.source.as_ref().and_then(|source| source.outbox()) {
            let process = self.sends_heartbeats.then(|| Process::new(service));
            let reporter = Reporter::start(outbox, self.report_interval, process, self.listener.clone());
            let reporter = reporter.map_err(StartError::Thread)?;
            // Whatever happens to the documents is soon told to the fleet.
            listener = listener.nudging(reporter.nudge());
            guard.reporter = Some(reporter);
        }
        for (origin, source) in [(Origin::OverrideFile, override_file), (Origin::Source, self.source)] {
            if let Some(source) = source {
                let pace = Pace { refresh: self.refresh, empty_grace: self.empty_grace, stale_after: self.stale_after };
                let kept = if origin == Origin::Source { std::mem::take(&mut kept) } else { Kept::default() };
                let synchronizer = Synchronizer::start(generation, origin, source, pace, kept, listener.clone());
                guard.synchronizers.push(synchronizer.map_err(StartError::Thread)?);
            }
        }
        if !has_source {
            self.listener.tell(&Event::Started { status: Box::new(status()) });
        }
        Ok(guard)
    }
}

/// Puts the documents of a snapshot in force, and starts to keep it up.
fn keep(
    generation: Generation,
    source: &dyn Source,
    path: PathBuf,
    listener: &Listener,
) -> Result<(Kept, snapshot::Ended), StartError> {
    let identity = source.identity();
    // What was in force before this start came from somewhere else.
    store::clear(generation, Origin::Source);
    let read = snapshot::read(&path, &identity, listener);
    let snapshot_at = read.as_ref().map(|snapshot| snapshot.at);
    let mut documents = read.map(|snapshot| snapshot.documents).unwrap_or_default();
    documents.retain(|key, _| registry().by_key(key).is_some());
    let texts = documents.iter().map(|(key, text)| (key.as_str(), Some(text.clone().into_bytes())));
    for (flag, error) in store::apply(generation, Origin::Source, texts.collect()).refused {
        listener.tell(&Event::Refused { flag, error: error.to_string() });
    }
    if let Some(at) = snapshot_at {
        // What a flag does not allow it does not answer from the first read on.
        let flags = store::begin_outage(generation, at.elapsed().unwrap_or_default());
        if !flags.is_empty() {
            listener.tell(&Event::Outage { source: source.describe(), flags });
        }
    }
    let started = Keeper::start(path, identity, documents, listener.clone());
    let (keeper, ended) = started.map_err(StartError::Thread)?;
    Ok((Kept { keeper: Some(keeper), snapshot_at }, ended))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("source", &self.source.as_ref().map(|source| source.describe()))
            .field("providers", &self.providers)
            .field("override_file", &self.override_file)
            .field("snapshot", &self.snapshot)
            .field("refresh", &self.refresh)
            .field("empty_grace", &self.empty_grace)
            .field("stale_after", &self.stale_after)
            .field("listener", &self.listener)
            .field("tracks_reads", &self.tracks_reads)
            .field("targeting_keys", &self.targeting_keys)
            .field("report_interval", &self.report_interval)
            .field("shares_uncleaned", &self.shares_uncleaned)
            .field("service", &self.service)
            .field("sends_heartbeats", &self.sends_heartbeats)
            .finish()
    }
}
