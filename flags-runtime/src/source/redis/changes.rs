//! Changes: the invalidations that Redis pushed and nobody has taken yet.
//!
//! Bounded: past [`MAX_NAMES`] names it only remembers that anything may have changed.

use std::collections::BTreeSet;

use redis::{PushKind, Value};

use super::keys::Prefix;
use crate::source::Change;

/// How many names are kept apart; re-reading all is cheaper than more of them.
const MAX_NAMES: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Changes {
    names: BTreeSet<String>,
    is_everything: bool,
}

impl Changes {
    /// Takes in one push. Pushes of other kinds and keys of others (servers and proxies differ in how strictly they
    /// match a prefix) change nothing.
    pub(super) fn record(&mut self, prefix: &Prefix, kind: &PushKind, data: &[Value]) {
        if *kind != PushKind::Invalidate {
            return;
        }
        for item in data {
            match item {
                Value::Array(keys) => self.record_keys(prefix, keys),
                // FLUSHALL, FLUSHDB, or a replica that loaded anew.
                Value::Nil => self.is_everything = true,
                _ => {}
            }
        }
    }

    fn record_keys(&mut self, prefix: &Prefix, keys: &[Value]) {
        for key in keys {
            if let Value::BulkString(key) = key {
                self.names.extend(prefix.name_of(key).map(str::to_owned));
            }
        }
        if self.names.len() > MAX_NAMES {
            self.names.clear();
            self.is_everything = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.is_everything
    }

    /// Hands over what there is and forgets it.
    pub(super) fn take(&mut self) -> Change {
        let Self { names, is_everything } = std::mem::take(self);
        if is_everything {
            Change::Everything
        } else if names.is_empty() {
            Change::Nothing
        } else {
            Change::Keys(names.into_iter().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalidated(keys: impl IntoIterator<Item = String>) -> Vec<Value> {
        vec![Value::Array(keys.into_iter().map(|key| Value::BulkString(key.into_bytes())).collect())]
    }

    #[test]
    fn each_own_key_is_told_once_and_keys_of_others_never() {
        let mut changes = Changes::default();
        let keys = ["ff:a", "ff:b", "ff:a", "other:c", "ff-audit"].map(str::to_owned);
        changes.record(&Prefix::default(), &PushKind::Invalidate, &invalidated(keys));
        assert_eq!(changes.take(), Change::Keys(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(changes.take(), Change::Nothing);
    }

    #[test]
    fn too_many_names_become_everything() {
        let mut changes = Changes::default();
        let keys = (0..=MAX_NAMES).map(|number| format!("ff:{number}"));
        changes.record(&Prefix::default(), &PushKind::Invalidate, &invalidated(keys));
        assert_eq!(changes.take(), Change::Everything);
    }

    #[test]
    fn pushes_of_other_kinds_change_nothing() {
        let mut changes = Changes::default();
        changes.record(&Prefix::default(), &PushKind::Message, &[Value::Nil]);
        assert!(changes.is_empty());
    }
}
