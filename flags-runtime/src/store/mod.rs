//! The store: the only writer of cells. Turns documents into published rules, one lock for all of it.
//!
//! Guaranteed: a rule is published before the cell that sends readers to it; a refused document leaves its flag at the
//! last good rule and touches no other flag; a reader never waits for the lock; no code of users (`Deserialize`,
//! `default_fn`, `Drop`) runs while it is held; nothing of a start that is over is published into the next; what open views
//! do not see yet is not settled.

mod reads;
mod slot;
mod views;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::reads::note_seen;
pub(crate) use self::reads::{arm, is_every_read_watched, note_read, take_read, track_reads, watch_every_read};
use self::slot::{Compiled, FlagState, Slot, compile};
use self::views::Held;
pub(crate) use self::views::{open_view, release_if_due};
use crate::provider::Provided;
use crate::registry::declaration::FlagCore;
use crate::registry::{Declaration, RegisteredFlag, registry};
use crate::rules::DocumentError;
use crate::rules::rule::{ForEverybody, Origin, Published};
use crate::value::CompiledValue;

/// Documents of one origin, key by key: none means that there is no document.
pub(crate) type Documents<'a> = Vec<(&'a str, Option<Vec<u8>>)>;

/// Which start of this process. What a thread of an earlier one brings too late is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// What one batch of documents did.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Names of flags that go by another document than before.
    pub(crate) changed: Vec<&'static str>,
    /// Their keys and documents.
    pub(crate) taken: Vec<(&'static str, Option<Vec<u8>>)>,
    /// Names of flags whose document was refused now, with the reason.
    pub(crate) refused: Vec<(&'static str, DocumentError)>,
    /// Names of flags whose document now has fields that nobody knows, with those.
    pub(crate) unknown_fields: Vec<(&'static str, Vec<String>)>,
}

/// What is in force of one flag, for `status()`.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct InForce {
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    /// SHA-256 of the source's document that is in force, and of the one that was read last.
    pub(crate) good: Option<[u8; 32]>,
    pub(crate) last: Option<[u8; 32]>,
    /// Nobody has read it since reads are tracked.
    pub(crate) is_unread: bool,
    pub(crate) is_overridden: bool,
    pub(crate) is_outage: bool,
    /// A provider decides it.
    pub(crate) is_provided: bool,
    /// How often a percentage or a list decided without a targeting key.
    pub(crate) missing_keys: u64,
    pub(crate) refused: Vec<(Origin, DocumentError)>,
}

struct State {
    generation: Generation,
    tracks_reads: bool,
    flags: BTreeMap<&'static str, FlagState>,
    held: Held,
}

static STORE: Mutex<State> =
    Mutex::new(State { generation: Generation(0), tracks_reads: false, flags: BTreeMap::new(), held: Held::NOTHING });

/// What is replaced: dropped after the lock, since a value's `Drop` is users' code.
type Replaced = Vec<Option<Arc<Published>>>;

/// A new start: threads of earlier ones publish nothing from here on.
pub(crate) fn begin() -> Generation {
    let mut state = lock();
    state.generation = Generation(state.generation.0 + 1);
    state.tracks_reads = false;
    state.generation
}

/// Publishes a batch of documents.
pub(crate) fn apply(generation: Generation, origin: Origin, documents: Documents<'_>) -> Applied {
    let hashed = documents.into_iter().filter_map(|(key, document)| {
        let sha256: Option<[u8; 32]> = document.as_deref().map(|text| Sha256::digest(text).into());
        Some((registry().by_key(key)?, sha256, document))
    });
    let mut batch: Vec<_> = hashed.collect();
    {
        let mut state = lock();
        batch.retain(|(flag, sha256, _)| state.slot(flag, origin).sha256 != *sha256);
    }
    // Without the lock: this runs users' code. One thread at a time applies an origin, so nothing changes meanwhile.
    let compiled: Vec<_> = batch
        .into_iter()
        .map(|(flag, sha256, document)| {
            flag.cores().iter().for_each(|core| make_default(core));
            Change { flag, sha256, compiled: compile(document.as_deref(), flag.declaration()), text: document }
        })
        .collect();
    publish(generation, origin, compiled)
}

/// Refuses what is at a key and is no document, with what it is: the flag stays at the last good state.
pub(crate) fn refuse(generation: Generation, origin: Origin, key: &str, why: &str) -> Applied {
    let Some(flag) = registry().by_key(key) else { return Applied::default() };
    if lock().slot(flag, origin).sha256 == Some(NO_TEXT) {
        return Applied::default();
    }
    flag.cores().iter().for_each(|core| make_default(core));
    let compiled = Some(Err(DocumentError::mismatch(why)));
    publish(generation, origin, vec![Change { flag, sha256: Some(NO_TEXT), compiled, text: None }])
}

/// Stands for the hash of what has no text; no text has it.
const NO_TEXT: [u8; 32] = [0; 32];

/// A flag with its new document, the hash of that and what it compiled to.
struct Change {
    flag: &'static RegisteredFlag,
    sha256: Option<[u8; 32]>,
    compiled: Compiled,
    text: Option<Vec<u8>>,
}

fn publish(generation: Generation, origin: Origin, compiled: Vec<Change>) -> Applied {
    let mut applied = Applied::default();
    let (mut old_rules, mut replaced) = (Vec::new(), Replaced::new());
    let mut state = lock();
    if state.generation != generation {
        return applied;
    }
    for Change { flag, sha256, compiled, text } in compiled {
        let name = flag.declaration().name();
        let slot = state.slot(flag, origin);
        old_rules.push(slot.replace(sha256, compiled));
        if let Some(error) = &slot.refused {
            applied.refused.push((name, error.clone()));
        } else {
            applied.changed.push(name);
            applied.taken.push((flag.declaration().key(), text));
            let unknown = slot.last_good.as_ref().map(|rule| rule.unknown_fields.clone());
            applied.unknown_fields.extend(unknown.filter(|fields| !fields.is_empty()).map(|fields| (name, fields)));
        }
        state.publish(flag, &mut replaced);
    }
    state.end_batch(&mut replaced);
    drop(state);
    applied
}

/// The SHA-256 of the document that the source had of a flag last, good or not; none if it had none.
#[cfg(feature = "admin")]
pub(crate) fn hash_in_source(flag: &Declaration) -> Option<[u8; 32]> {
    let mut state = lock();
    registry().by_key(flag.key()).and_then(|flag| state.slot(flag, Origin::Source).sha256)
}

/// The keys of an origin that have a document, good or not.
pub(crate) fn known(origin: Origin) -> Vec<&'static str> {
    let mut state = lock();
    let flags = registry().flags().iter();
    let known = flags.filter(|flag| state.slot(flag, origin).sha256.is_some());
    known.map(|flag| flag.declaration().key()).collect()
}

/// The source has been away for so long: flags that allow less answer their declared defaults from now on. Gives the names
/// of those that did not before.
pub(crate) fn begin_outage(generation: Generation, away: Duration) -> Vec<&'static str> {
    change_outage(generation, |flag, was| was || flag.outage_limit().is_some_and(|limit| limit <= away))
}

/// The source is back: its documents count again. Gives the names of flags for which they did not.
pub(crate) fn end_outage(generation: Generation) -> Vec<&'static str> {
    change_outage(generation, |_, _| false)
}

fn change_outage(generation: Generation, is_outage: impl Fn(&Declaration, bool) -> bool) -> Vec<&'static str> {
    let mut replaced = Replaced::new();
    let concerned = registry().flags().iter().filter(|flag| flag.declaration().outage_limit().is_some());
    let concerned: Vec<_> = concerned.collect();
    for core in concerned.iter().flat_map(|flag| flag.cores()) {
        make_default(core);
    }
    let mut changed = Vec::new();
    let mut state = lock();
    if state.generation == generation {
        for flag in concerned {
            let now = is_outage(flag.declaration(), state.of(flag).is_outage);
            if std::mem::replace(&mut state.of(flag).is_outage, now) != now {
                state.publish(flag, &mut replaced);
                changed.push(flag.declaration().name());
            }
        }
        state.end_batch(&mut replaced);
    }
    drop(state);
    changed
}

/// Takes flags from the providers of an earlier start.
pub(crate) fn clear_provided(generation: Generation) {
    let provided: Vec<_> = {
        let state = lock();
        let known = |flag: &RegisteredFlag| state.flags.get(flag.declaration().name());
        let is_provided = |flag: &&RegisteredFlag| known(flag).is_some_and(|flag| flag.provided.is_some());
        registry().flags().iter().filter(is_provided).map(|flag| (flag, None)).collect()
    };
    provide(generation, provided);
}

/// Publishes who decides flags in the place of documents, and what they answer everybody.
pub(crate) fn provide(generation: Generation, provided: Vec<(&'static RegisteredFlag, Option<Provided>)>) {
    for core in provided.iter().flat_map(|(flag, _)| flag.cores()) {
        make_default(core);
    }
    let (mut replaced, mut before) = (Replaced::new(), Vec::new());
    let mut state = lock();
    if state.generation == generation {
        for (flag, provided) in provided {
            // Dropped after the lock: a provider is users' code.
            before.push(std::mem::replace(&mut state.of(flag).provided, provided));
            state.publish(flag, &mut replaced);
        }
        state.end_batch(&mut replaced);
    }
    drop(state);
}

/// Forgets all documents of an origin.
pub(crate) fn clear(generation: Generation, origin: Origin) {
    let keys = registry().flags().iter().map(|flag| (flag.declaration().key(), None));
    apply(generation, origin, keys.collect());
    if origin == Origin::Source {
        end_outage(generation);
    }
}

/// What is in force, flag by flag, in the order of the registry.
pub(crate) fn in_force() -> Vec<InForce> {
    let mut state = lock();
    let tracks_reads = state.tracks_reads;
    let of = |flag: &RegisteredFlag| {
        let was_read = |core: &&FlagCore| core.was_read.load(Ordering::Relaxed) || core.cell.is_seen();
        let FlagState { source, override_file, is_outage, provided } = state.of(flag);
        let refused = |origin, slot: &Slot| slot.refused.clone().map(|error| (origin, error));
        let both = [refused(Origin::Source, source), refused(Origin::OverrideFile, override_file)];
        InForce {
            name: flag.declaration().name(),
            key: flag.declaration().key(),
            good: source.good,
            last: source.sha256,
            // Read means that any of its cells was.
            is_unread: tracks_reads && !flag.cores().iter().any(was_read),
            is_overridden: override_file.last_good.is_some(),
            is_outage: *is_outage,
            is_provided: provided.is_some(),
            missing_keys: flag.missing_keys(),
            refused: both.into_iter().flatten().collect(),
        }
    };
    registry().flags().iter().map(of).collect()
}

/// What a document compiles to for a flag; none without a document. Nothing is published.
#[cfg(feature = "testing")]
pub(crate) fn compile_document(text: Option<&[u8]>, flag: &Declaration) -> slot::Compiled {
    compile(text, flag)
}

/// Forgets all documents of a source that is over; one that is not publishes nothing from here on.
#[cfg(feature = "testing")]
pub(crate) fn forget_source() {
    clear(begin(), Origin::Source);
}

/// Changes how often a flag is forced, and its cell with it.
#[cfg(feature = "testing")]
pub(crate) fn change_forces(core: &FlagCore, change: impl FnOnce(&std::sync::atomic::AtomicUsize)) {
    let _state = lock();
    change(&core.forces);
    write_cell(core);
}

/// Makes a flag's default ready for [`write_cell`]. One that panics keeps its own flag slow, and tells its readers.
fn make_default(core: &FlagCore) {
    // Unwinding leaves the core as it was: nothing is stored before the default is there.
    let _ = catch_unwind(AssertUnwindSafe(|| core.default_bits()));
}

fn lock() -> MutexGuard<'static, State> {
    // Nothing panics while the lock is held: no users' code runs then.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one cell by what is published. The lock is held.
fn write_cell(core: &FlagCore) {
    note_seen(core, core.cell.forget_seen());
    if core.cell.is_armed() || is_forced(core) || is_every_read_watched() {
        return core.cell.watch();
    }
    let published = core.published.load();
    match published.as_deref() {
        Some(published) if !published.earlier.is_empty() => core.cell.decide(),
        Some(published) => match published.for_everybody(core.declaration.is_switch()) {
            ForEverybody::Default => settle_at_default(core),
            ForEverybody::Value(CompiledValue::Bits(bits)) => core.cell.settle(*bits),
            ForEverybody::Value(CompiledValue::Text(_) | CompiledValue::Json(_)) => core.cell.share(),
            ForEverybody::Nothing => core.cell.decide(),
        },
        None => settle_at_default(core),
    }
}

/// A default that panicked is made anew by each reader.
fn settle_at_default(core: &FlagCore) {
    match core.known_default_bits() {
        Some(bits) => core.cell.settle(bits),
        None => core.cell.decide(),
    }
}

#[cfg(feature = "testing")]
fn is_forced(core: &FlagCore) -> bool {
    core.forces.load(std::sync::atomic::Ordering::Relaxed) > 0
}

#[cfg(not(feature = "testing"))]
fn is_forced(_: &FlagCore) -> bool {
    false
}

impl State {
    /// Publishes what is in force of a flag.
    fn publish(&mut self, flag: &RegisteredFlag, replaced: &mut Replaced) {
        let published = self.of(flag).published();
        for core in flag.cores() {
            let next = self.held.beside_earlier(core, published.as_ref().map(Published::alone));
            // First: whoever has met the new rule finds no settled value of the old one any more, nor anything that was remembered of it.
            core.cell.watch();
            if let Some(next) = self.held.next_epoch() {
                // Relaxed: the swap below is behind it for whoever meets what that publishes.
                core.since.store(next, Ordering::Relaxed);
            }
            replaced.push(core.published.swap(next.map(Arc::new)));
            write_cell(core);
        }
    }

    /// Behind the last publish of a batch: from here on views see it.
    fn end_batch(&mut self, replaced: &mut Replaced) {
        if !replaced.is_empty() {
            self.held.end_batch();
        }
        self.held.release(replaced);
    }

    fn of(&mut self, flag: &RegisteredFlag) -> &mut FlagState {
        self.flags.entry(flag.declaration().name()).or_default()
    }

    fn slot(&mut self, flag: &RegisteredFlag, origin: Origin) -> &mut Slot {
        self.of(flag).slot(origin)
    }
}
