//! Random shares, from std alone: for jitter and sampling, which need no good ones.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A number from 0 up to 1, another one at each call.
pub(crate) fn share() -> f64 {
    // A fresh `RandomState` hashes anything to a random number.
    let random = RandomState::new().hash_one(());
    // The upper 53 bits, which an f64 holds exactly: so 1 itself is never reached.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_between_zero_and_one_and_are_spread() {
        let shares: Vec<f64> = (0..1000).map(|_| share()).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let low = shares.iter().filter(|share| **share < 0.5).count();
        assert!((300..700).contains(&low), "{low} of 1000 in the lower half");
    }
}
