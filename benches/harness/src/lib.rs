//! The harness of the benches: cases checked for their answer, timed in turns, and told as one table.
//!
//! Whatever a shared machine does meanwhile it does to all cases: they take turns of a few milliseconds, a turn of each makes a
//! round, and a ratio is the median of the rounds' ratios. A bench's `--write` puts its table where a document keeps a place for it.

mod bench;
mod settings;
mod table;

pub use bench::{Bench, Measured};
pub use settings::{Settings, built_with};
pub use table::{Table, factor, grouped, nanoseconds};

/// The median.
///
/// # Panics
///
/// Without values.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "a median of nothing");
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
