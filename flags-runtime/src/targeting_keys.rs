//! Targeting keys where people read them: hashed unless the program says otherwise.
//!
//! A targeting key is most often a person's id. One setting holds for every place that shows one.

use std::sync::atomic::{AtomicU8, Ordering};

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// How targeting keys are shown in results that people read or that leave the process; set by
/// [`Builder::targeting_keys`](crate::Builder::targeting_keys).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetingKeys {
    /// The first 16 hex digits of the key's SHA-256: two results of one user can be told to be of one user. Who knows all
    /// ids can still find out whose it is.
    #[default]
    Hashed,
    /// As they are.
    Raw,
    /// Not at all.
    Omitted,
}

static SETTING: AtomicU8 = AtomicU8::new(TargetingKeys::Hashed as u8);

pub(crate) fn set(setting: TargetingKeys) {
    // Relaxed: a setting that stands alone; nothing is published with it.
    SETTING.store(setting as u8, Ordering::Relaxed);
}

/// The key as it may be shown; none where nobody is known.
pub(crate) fn shown(targeting_key: &str) -> Option<String> {
    if targeting_key.is_empty() {
        return None;
    }
    match SETTING.load(Ordering::Relaxed) {
        raw if raw == TargetingKeys::Raw as u8 => Some(targeting_key.to_owned()),
        omitted if omitted == TargetingKeys::Omitted as u8 => None,
        _ => Some(hashed(targeting_key)),
    }
}

fn hashed(targeting_key: &str) -> String {
    hex(&Sha256::digest(targeting_key.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hashed_unless_set_otherwise_and_nobody_is_nobody() {
        // SHA-256 of "user-42", by another program.
        assert_eq!(shown("user-42").as_deref(), Some("6d894aa3ee802549"));
        assert_eq!(shown(""), None);
    }
}
