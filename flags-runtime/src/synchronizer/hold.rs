//! Hold: documents that vanished together are not believed gone at once.
//!
//! A FLUSHALL, or a failover to a server that came up empty, is most often an accident, and obeying it would switch every
//! flag to its declared default. One document that is deleted is an operator's wish.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What is held, and until when.
#[derive(Debug)]
pub(super) struct Hold {
    /// Zero switches holding off.
    grace: Duration,
    keys: BTreeSet<String>,
    /// When it is believed, if anything is held.
    until: Option<Instant>,
}

impl Hold {
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, keys: BTreeSet::new(), until: None }
    }

    /// When everything is to be read again to believe what is still gone.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Looks at a batch. `known` had a document before, held ones too; `batch` says for each key whether it has one now;
    /// `is_everything` if the server said that anything may have changed. Gives true if more is held than before.
    pub(super) fn look<'a>(
        &mut self,
        known: &BTreeSet<&str>,
        batch: impl Iterator<Item = (&'a str, bool)>,
        is_everything: bool,
        now: Instant,
    ) -> bool {
        let (mut vanished, mut still_gone) = (BTreeSet::new(), 0);
        for (key, is_there) in batch {
            if is_there {
                self.keys.remove(key);
            } else if self.holds(key) {
                still_gone += 1;
            } else if known.contains(key) {
                vanished.insert(key.to_owned());
            }
        }
        // Only what was just looked at is believed gone, so all of it must have been.
        if self.until.is_some_and(|until| until <= now) && still_gone == self.keys.len() {
            self.keys.clear();
            self.until = None;
        }
        let others = known.iter().filter(|key| !self.holds(key)).count();
        let is_most = vanished.len() * 2 > others;
        let is_accident = is_most && (vanished.len() >= 2 || is_everything && !vanished.is_empty());
        if is_accident && !self.grace.is_zero() {
            self.until.get_or_insert(now + self.grace);
            self.keys.append(&mut vanished);
        }
        if self.keys.is_empty() {
            self.until = None;
        }
        is_accident && !self.grace.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    struct Fleet {
        hold: Hold,
        known: BTreeSet<&'static str>,
        now: Instant,
    }

    impl Fleet {
        fn of(known: &[&'static str]) -> Self {
            Self { hold: Hold::new(GRACE), known: known.iter().copied().collect(), now: Instant::now() }
        }

        /// What is held after these keys were there or not.
        fn sees(&mut self, batch: &[(&'static str, bool)], is_everything: bool) -> Vec<String> {
            self.hold.look(&self.known, batch.iter().copied(), is_everything, self.now);
            for (key, is_there) in batch {
                if !is_there && !self.hold.holds(key) {
                    self.known.remove(key);
                } else if *is_there {
                    self.known.insert(key);
                }
            }
            self.hold.keys().map(str::to_owned).collect()
        }
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn one_document_that_goes_is_believed() {
        let mut fleet = Fleet::of(&["a", "b", "c"]);
        assert_eq!(fleet.sees(&[("a", false)], false), NONE);
        assert_eq!(fleet.sees(&[("b", false)], false), NONE);
        assert_eq!(fleet.sees(&[("c", false)], false), NONE);
        assert!(fleet.known.is_empty());
    }

    #[test]
    fn most_at_once_are_held_until_they_come_back_or_the_time_is_up() {
        let mut fleet = Fleet::of(&["a", "b", "c"]);
        assert_eq!(fleet.sees(&[("a", false), ("b", false), ("c", true)], false), ["a", "b"]);
        let until = fleet.hold.until();
        assert_eq!(until, Some(fleet.now + GRACE));
        fleet.now += GRACE / 2;
        assert_eq!(fleet.sees(&[("a", true), ("b", false), ("c", true)], false), ["b"]);
        assert_eq!(fleet.hold.until(), until);
        fleet.now += GRACE;
        assert_eq!(fleet.sees(&[("a", true), ("b", false), ("c", true)], false), NONE);
        assert_eq!((fleet.hold.until(), fleet.known.contains("b")), (None, false));
    }

    #[test]
    fn the_only_document_is_held_if_the_server_lost_everything_and_only_then() {
        assert_eq!(Fleet::of(&["a"]).sees(&[("a", false)], true), ["a"]);
        assert_eq!(Fleet::of(&["a"]).sees(&[("a", false)], false), NONE);
        assert_eq!(Fleet::of(&["a", "b", "c"]).sees(&[("a", false)], true), NONE);
    }

    #[test]
    fn a_deletion_during_a_hold_is_obeyed() {
        let mut fleet = Fleet::of(&["a", "b", "c"]);
        fleet.sees(&[("a", false), ("b", false), ("c", false)], true);
        assert_eq!(fleet.sees(&[("a", true), ("b", true)], false), ["c"]);
        assert_eq!(fleet.sees(&[("a", false)], false), ["c"]);
        assert!(!fleet.known.contains("a"));
    }

    #[test]
    fn what_is_not_looked_at_is_held_on_when_the_time_is_up() {
        let mut fleet = Fleet::of(&["a", "b", "c"]);
        fleet.sees(&[("a", false), ("b", false), ("c", false)], true);
        fleet.now += GRACE;
        assert_eq!(fleet.sees(&[("c", true)], false), ["a", "b"]);
        assert!(fleet.hold.until().is_some(), "nobody would look at them again");
        assert_eq!(fleet.sees(&[("a", false), ("b", false), ("c", true)], false), NONE);
        assert_eq!((fleet.hold.until(), fleet.known.len()), (None, 1));
    }

    #[test]
    fn without_grace_everything_is_believed() {
        let mut fleet = Fleet::of(&["a", "b"]);
        fleet.hold = Hold::new(Duration::ZERO);
        assert_eq!(fleet.sees(&[("a", false), ("b", false)], true), NONE);
        assert_eq!(fleet.hold.until(), None);
    }
}
