//! Changes: what a source says while it is followed.

use std::time::{Duration, Instant};

use flags_runtime::source::{Change, Source};

/// As long as the synchronizer waits at a time.
const SLICE: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_secs(5);

/// The next change that is one.
pub fn next_change(source: &mut impl Source) -> Change {
    let give_up = Instant::now() + SOON;
    loop {
        match source.wait(SLICE).expect("the source is not lost") {
            Change::Nothing => assert!(Instant::now() < give_up, "no change within {SOON:?}"),
            change => return change,
        }
    }
}

/// A change of these keys.
pub fn keys(names: &[&str]) -> Change {
    Change::Keys(names.iter().map(|name| (*name).to_owned()).collect())
}
