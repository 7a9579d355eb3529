//! Bucketing: where a user falls between 0 and 100 for a flag, and the exact threshold of a percentage.
//!
//! The formula is shared with other languages and never changes: the first 8 hex digits of SHA-256 of `<name>:<user>`
//! as a number `n`, then `(n / 4294967295.0) * 100.0` in f64. Guaranteed: a compiled threshold decides with one integer
//! comparison exactly what the f64 formula decides, for every percentage and every `n`.

use sha2::{Digest, Sha256, block_api::compress256};

/// Where `user` falls for the flag `name`: 0 to 100, both included.
///
/// The user is in a rollout of `p` percent if the bucket is below `p`.
///
/// ```
/// assert_eq!(flags_runtime::bucket("new_checkout", "user-42"), 3.7257881610947168);
/// ```
pub fn bucket(name: &str, user: &str) -> f64 {
    percent(position(name, user))
}

/// The first 8 hex digits of SHA-256 of `<name>:<user>`, as a number.
pub fn position(name: &str, user: &str) -> u32 {
    let (name, user) = (name.as_bytes(), user.as_bytes());
    let length = name.len() + 1 + user.len();
    if length > ONE_BLOCK {
        let digest = Sha256::new().chain_update(name).chain_update(b":").chain_update(user).finalize();
        return u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    }
    // Padding one block by hand saves the buffering of the streaming interface, a sixth of the time.
    let mut block = [0_u8; 64];
    block[..name.len()].copy_from_slice(name);
    block[name.len()] = b':';
    block[name.len() + 1..length].copy_from_slice(user);
    block[length] = 0x80;
    block[56..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
    let mut state = INITIAL_STATE;
    compress256(&mut state, &[block]);
    state[0]
}

/// The count of positions that a percentage switches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(u64);

impl Threshold {
    /// Finds by binary search how many of the 2^32 positions are below `percentage`; the formula is monotone in `n`.
    pub(crate) fn of(percentage: f64) -> Self {
        let (mut low, mut high) = (0_u64, u64::from(u32::MAX) + 1);
        while low < high {
            let middle = low.midpoint(high);
            // `middle` is below 2^32 wherever it is read, so the conversion never falls back.
            if percent(u32::try_from(middle).unwrap_or(u32::MAX)) < percentage {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Self(low)
    }

    pub(crate) fn admits(self, position: u32) -> bool {
        u64::from(position) < self.0
    }
}

/// The one place of the formula; the order of the two operations is part of it.
pub(crate) fn percent(position: u32) -> f64 {
    (f64::from(position) / 4_294_967_295.0) * 100.0
}

/// The longest message that fits one SHA-256 block beside its end mark and length.
const ONE_BLOCK: usize = 55;

/// SHA-256's initial hash value (FIPS 180-4, section 5.3.3).
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_and_many_blocks_are_the_same_hash() {
        for length in 0..200 {
            let user = "u".repeat(length);
            let digest = Sha256::digest(format!("flag:{user}").as_bytes());
            let expected = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
            assert_eq!(position("flag", &user), expected, "user of {length} bytes");
        }
    }

    #[test]
    fn threshold_equals_the_formula_around_every_boundary() {
        let percentages =
            [0.0, f64::MIN_POSITIVE, 1e-9, 0.1, 1.0, 10.0, 33.333, 50.0, 99.999_999_99, 100.0, -1.0, 1e300];
        let positions = [0, 1, 2, 1_000_003, 429_496_729, 2_147_483_647, 2_147_483_648, u32::MAX - 1, u32::MAX];
        let near = positions.iter().flat_map(|&n| {
            let at = percent(n);
            [at.next_down(), at, at.next_up()]
        });
        for percentage in percentages.into_iter().chain(near) {
            let threshold = Threshold::of(percentage);
            let edge = u32::try_from(threshold.0.min(u64::from(u32::MAX))).unwrap();
            for n in positions.into_iter().chain([edge.saturating_sub(1), edge, edge.saturating_add(1)]) {
                assert_eq!(threshold.admits(n), percent(n) < percentage, "position {n}, {percentage} %");
            }
        }
    }
}
