//! What LaunchDarkly has sent: the SDK's data store, in which we see each change and which flags are settled.
//!
//! The SDK reads from its own cache, which never expires; this is asked for what is not there.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use launchdarkly_server_sdk::{
    AllData, DataKind, FlagValue, PersistentDataStore, PersistentDataStoreFactory, PersistentStoreError,
    Reason as Theirs, SerializedItem,
};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answer;
use crate::details::{ErrorCode, Reason};
use crate::provider::{ProviderEvents, Resolution, ResolutionError};

/// The flags and segments that are in force.
#[derive(Default)]
pub(super) struct Known {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_initialized: bool,
    flags: HashMap<String, Flag>,
    segments: HashMap<String, SerializedItem>,
    events: Option<ProviderEvents>,
}

struct Flag {
    item: SerializedItem,
    /// None of one that was deleted.
    facts: Option<Facts>,
}

/// What is to be known of a flag beside its answers.
#[derive(Debug)]
struct Facts {
    /// What everybody gets.
    settled: Option<Resolution>,
    has_percentage: bool,
    has_segments: bool,
    prerequisites: Vec<String>,
}

/// Makes the SDK's store.
pub(super) struct KnownFactory(pub(super) Arc<Known>);

struct Store(Arc<Known>);

impl Known {
    /// Tells of changes from now on.
    pub(super) fn tell(&self, events: ProviderEvents) {
        self.lock().events = Some(events);
    }

    /// What everybody gets, if that is so.
    pub(super) fn settled(&self, key: &str) -> Option<Result<Resolution, ResolutionError>> {
        let state = self.lock();
        if !state.is_initialized {
            return None;
        }
        match state.flags.get(key).and_then(|flag| flag.facts.as_ref()) {
            Some(facts) => facts.settled.clone().map(Ok),
            None => Some(Err(ResolutionError::new(ErrorCode::FlagNotFound, "LaunchDarkly does not know the flag"))),
        }
    }

    /// Whether a percentage decides for those whom no target and no rule is about.
    pub(super) fn has_percentage(&self, key: &str) -> bool {
        let state = self.lock();
        state.flags.get(key).and_then(|flag| flag.facts.as_ref()).is_some_and(|facts| facts.has_percentage)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and tells whose answers may be others by it.
    fn change(&self, change: impl FnOnce(&mut State) -> BTreeSet<String>) {
        let mut state = self.lock();
        let was_initialized = state.is_initialized;
        let mut changed = change(&mut state);
        state.add_dependents(&mut changed);
        let events = state.events.clone().filter(|_| was_initialized && !changed.is_empty());
        drop(state);
        if let Some(events) = events {
            events.changed(changed);
        }
    }
}

impl State {
    fn put(&mut self, key: String, item: SerializedItem) {
        let facts = if item.deleted { None } else { Facts::of(&item.serialized_item) };
        self.flags.insert(key, Flag { item, facts });
    }

    /// The flags that need one of these to answer.
    fn add_dependents(&self, keys: &mut BTreeSet<String>) {
        loop {
            let needs_one = |flag: &Flag| {
                let prerequisites = flag.facts.as_ref().map(|facts| facts.prerequisites.as_slice()).unwrap_or_default();
                prerequisites.iter().any(|key| keys.contains(key))
            };
            let dependents = self.flags.iter().filter(|(key, flag)| !keys.contains(*key) && needs_one(flag));
            let dependents: Vec<_> = dependents.map(|(key, _)| key.clone()).collect();
            if dependents.is_empty() {
                return;
            }
            keys.extend(dependents);
        }
    }

    fn with_segments(&self) -> impl Iterator<Item = String> {
        let has_segments = |flag: &Flag| flag.facts.as_ref().is_some_and(|facts| facts.has_segments);
        self.flags.iter().filter(move |(_, flag)| has_segments(flag)).map(|(key, _)| key.clone())
    }
}

impl Facts {
    /// Reads a flag as the SDK writes it; none if that is not to be understood, which leaves all to the SDK.
    fn of(text: &str) -> Option<Self> {
        let flag: Wire = serde_json::from_str(text).ok()?;
        let has_targets = flag.targets.iter().chain(&flag.context_targets).any(|target| !target.values.is_empty());
        let clauses = || flag.rules.iter().flat_map(|rule| &rule.clauses);
        let is_watched = flag.track_events || flag.debug_events_until_date.is_some();
        let is_for_everybody = !flag.on || (!has_targets && flag.rules.is_empty() && flag.prerequisites.is_empty());
        let settled = if is_watched || !is_for_everybody {
            None
        } else if !flag.on {
            flag.variation(flag.off_variation, &Theirs::Off)
        } else if flag.fallthrough.rollout.is_none() && !flag.track_events_fallthrough {
            let fallthrough = flag.fallthrough.variation.filter(|index| *index >= 0);
            let reason = Theirs::Fallthrough { in_experiment: false };
            fallthrough.and_then(|index| flag.variation(Some(index), &reason)).map(|all| all.reason(Reason::Static))
        } else {
            None
        };
        Some(Self {
            settled,
            has_percentage: flag.fallthrough.rollout.is_some(),
            has_segments: clauses().any(|clause| clause.op == "segmentMatch"),
            prerequisites: flag.prerequisites.into_iter().map(|prerequisite| prerequisite.key).collect(),
        })
    }
}

/// The parts of a flag that matter here; docs of LaunchDarkly's SDKs call this the "flag data model".
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    on: bool,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    context_targets: Vec<Target>,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    prerequisites: Vec<Prerequisite>,
    fallthrough: Fallthrough,
    off_variation: Option<isize>,
    variations: Vec<Value>,
    #[serde(default)]
    track_events: bool,
    #[serde(default)]
    track_events_fallthrough: bool,
    debug_events_until_date: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Target {
    values: Vec<IgnoredAny>,
}

#[derive(serde::Deserialize)]
struct Rule {
    #[serde(default)]
    clauses: Vec<Clause>,
}

#[derive(serde::Deserialize)]
struct Clause {
    op: String,
}

#[derive(serde::Deserialize)]
struct Prerequisite {
    key: String,
}

#[derive(serde::Deserialize)]
struct Fallthrough {
    variation: Option<isize>,
    rollout: Option<IgnoredAny>,
}

impl Wire {
    /// A variation that everybody gets; none if there is none of that index, which the SDK calls malformed.
    fn variation(&self, index: Option<isize>, reason: &Theirs) -> Option<Resolution> {
        let resolution = match index {
            None => Resolution::declared_default(),
            Some(index) => {
                let value = self.variations.get(usize::try_from(index).ok()?)?;
                answer::varied(&FlagValue::from(value.clone()), index)
            }
        };
        Some(answer::because(resolution, reason, || false))
    }
}

impl PersistentDataStore for Store {
    fn init(&mut self, all: AllData<SerializedItem, SerializedItem>) -> Result<(), PersistentStoreError> {
        self.0.change(|state| {
            let is_other = |old: Option<&SerializedItem>, new: &SerializedItem| {
                old.is_none_or(|old| old.version != new.version || old.deleted != new.deleted)
            };
            let has_other_segments = all.segments.len() != state.segments.len()
                || all.segments.iter().any(|(key, new)| is_other(state.segments.get(key), new));
            let mut changed: BTreeSet<String> =
                state.flags.keys().filter(|key| !all.flags.contains_key(*key)).cloned().collect();
            state.flags.retain(|key, _| all.flags.contains_key(key));
            state.segments = all.segments;
            for (key, item) in all.flags {
                if is_other(state.flags.get(&key).map(|flag| &flag.item), &item) {
                    changed.insert(key.clone());
                }
                state.put(key, item);
            }
            if has_other_segments {
                changed.extend(state.with_segments());
            }
            state.is_initialized = true;
            changed
        });
        Ok(())
    }

    fn upsert(&mut self, kind: DataKind, key: &str, item: SerializedItem) -> Result<bool, PersistentStoreError> {
        let mut is_newer = false;
        self.0.change(|state| {
            let old = match kind {
                DataKind::Flag => state.flags.get(key).map(|flag| &flag.item),
                DataKind::Segment => state.segments.get(key),
            };
            // Patches may come in any order; the highest version counts.
            is_newer = old.is_none_or(|old| old.version < item.version);
            match kind {
                _ if !is_newer => BTreeSet::new(),
                DataKind::Flag => {
                    state.put(key.to_owned(), item);
                    BTreeSet::from([key.to_owned()])
                }
                DataKind::Segment => {
                    state.segments.insert(key.to_owned(), item);
                    state.with_segments().collect()
                }
            }
        });
        Ok(is_newer)
    }

    fn flag(&self, key: &str) -> Result<Option<SerializedItem>, PersistentStoreError> {
        Ok(self.0.lock().flags.get(key).map(|flag| flag.item.clone()))
    }

    fn segment(&self, key: &str) -> Result<Option<SerializedItem>, PersistentStoreError> {
        Ok(self.0.lock().segments.get(key).cloned())
    }

    fn all_flags(&self) -> Result<HashMap<String, SerializedItem>, PersistentStoreError> {
        Ok(self.0.lock().flags.iter().map(|(key, flag)| (key.clone(), flag.item.clone())).collect())
    }

    fn is_initialized(&self) -> bool {
        self.0.lock().is_initialized
    }
}

impl PersistentDataStoreFactory for KnownFactory {
    fn create_persistent_data_store(&self) -> Result<Box<dyn PersistentDataStore>, io::Error> {
        Ok(Box::new(Store(Arc::clone(&self.0))))
    }
}
