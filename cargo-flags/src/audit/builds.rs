//! Builds: what those that report to a server tell of flags, by flag: a server has many, and each has all of its flags.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::artifact::FlagRecord;
use crate::evidence::{Build, Evidence, GONE};

/// What builds tell, by flag.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    /// When a build with the flag was first heard of, and when last, by key.
    lives: HashMap<String, Vec<(i64, i64)>>,
    /// What the builds that run take the flag for, and a service of each, by name.
    shapes: HashMap<String, BTreeMap<String, String>>,
    now: i64,
}

impl Builds {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut builds = Self { now: evidence.at, ..Self::default() };
        let flags = |build: &Build| -> Vec<FlagRecord> {
            build.flags.iter().filter_map(|flag| serde_json::from_str(flag.get()).ok()).collect()
        };
        for build in evidence.builds.iter().flatten() {
            let keys: HashSet<_> = flags(build).iter().map(|record| record.key().to_owned()).collect();
            for key in keys {
                builds.lives.entry(key).or_default().push((build.first, build.last));
            }
        }
        for build in evidence.running() {
            for record in flags(build) {
                let shapes = builds.shapes.entry(record.name.clone()).or_default();
                shapes.entry(shape(&record)).or_insert_with(|| format!("the service {}", build.service));
            }
        }
        builds.lives.values_mut().for_each(|lives| lives.sort_unstable());
        builds
    }

    /// Whether any has a flag with this key.
    pub(super) fn know(&self, key: &str) -> bool {
        self.lives.contains_key(key)
    }

    /// What those that run take a flag for, and who does.
    pub(super) fn shapes(&self, name: &str) -> impl Iterator<Item = (&String, &String)> {
        self.shapes.get(name).into_iter().flatten()
    }

    /// Whether at all times since then one ran that has the flag and tells when it is read. A day without one is let pass: that
    /// is a deploy that took long rather than another life.
    pub(super) fn cover(&self, key: &str, start: i64) -> bool {
        let mut covered = None;
        for (first, last) in self.lives.get(key).into_iter().flatten() {
            let is_next = match covered {
                None => *first <= start,
                Some(covered) => *first <= covered + GONE,
            };
            if is_next {
                covered = covered.max(Some(*last));
            }
        }
        covered.is_some_and(|covered| covered + GONE >= self.now)
    }
}

/// What a document of the flag has to suit.
pub(super) fn shape(record: &FlagRecord) -> String {
    let key = record.key.as_ref().map(|key| format!(" at the key {key}")).unwrap_or_default();
    let variants =
        if record.variants.is_empty() { String::new() } else { format!(" of {}", record.variants.join(", ")) };
    format!("{}{variants}{key}", record.value_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_builds_that_follow_on_each_other_cover_a_time() {
        const DAY: i64 = GONE;
        let cover = |lives: &[(i64, i64)]| {
            let lives = lives.iter().map(|(first, last)| (first * DAY, last * DAY)).collect();
            let lives = HashMap::from([("x".to_owned(), lives)]);
            Builds { lives, now: 100 * DAY, ..Builds::default() }.cover("x", 70 * DAY)
        };
        assert!(cover(&[(10, 100)]));
        assert!(cover(&[(10, 80), (81, 99)]), "a day between them");
        assert!(!cover(&[(71, 100)]), "it began later");
        assert!(!cover(&[(10, 98)]), "it is gone");
        assert!(!cover(&[(10, 80), (82, 100)]), "two days without any");
        assert!(cover(&[(10, 20), (15, 100)]), "one within the other");
        assert!(!cover(&[(10, 60), (69, 100)]), "the first was gone before the time began");
        assert!(!cover(&[]));
    }
}
