//! Dark launch: a new function runs beside the legacy one on live calls, and its results are compared, not used.
//!
//! One word on the new function does it: `shadow = legacy_function`, for a flag that is off or on, or `stages =
//! legacy_function`, for a [`Flag<Stage>`](Stage) that goes from off by shadow and live to on. Blocks take
//! [`dark_launch!`](crate::dark_launch!); who wants no macro takes an [`Experiment`]. (`use flags_runtime::dark_launch;` imports
//! this module and the macro of that name.)
//!
//! ```
//! use flags_runtime::{dark_launch, feature_flag};
//!
//! #[feature_flag(name = "fast_total", default = false, expires = "2099-03-01", shadow = legacy_total)]
//! fn total(prices: &[u64]) -> u64 {
//!     prices.iter().sum()
//! }
//!
//! fn legacy_total(prices: &[u64]) -> u64 {
//!     prices.iter().fold(0, |sum, price| sum + price)
//! }
//!
//! # fn main() {
//! # #[cfg(feature = "testing")]
//! # let _on = FAST_TOTAL.force(true);
//! assert_eq!(total(&[1, 2]), 3);
//! if let Some(report) = dark_launch::report("fast_total") {
//!     println!("{report}");
//! #   assert!(report.verdict().starts_with("0 of 1 differ"), "{report}");
//! }
//! # }
//! ```
//!
//! # What the caller gets
//!
//! Always what the answering side came to: its value, its error, its panic with the same payload, of the same arguments.
//! Of the trial nothing reaches the caller but, inline, the time it takes: of a function all of it, of a future its polls.
//! Both sides have all their side effects: what must not happen twice (a charge, a mail) does not belong into a trial;
//! [`in_candidate`] tells the code that it is one.
//!
//! Two things they cannot help sharing. A clone of an `Arc` or `Rc` is another owner of the same value, which the answering
//! side can see (`Arc::try_unwrap`, `strong_count`): `own(x = ..)` makes a value of its own. And a lock that one side holds
//! keeps the other one waiting: an inline trial that waits with a lock in its hands delays the answer that needs it, and a
//! result that is a guard (`MutexGuard`) blocks the trial.
//!
//! # Where the trial runs
//!
//! Inline unless told otherwise. A function on trial runs after the answer is known, in the caller's thread. A future on
//! trial is polled beside the answer in the caller's task, and dropped when the answer is there, or when its `timeout` is
//! over. `run = detached` lets it run to its end elsewhere, bounded in number and time. (At its deadline a function that does
//! not end is late, and its thread is given up.) In a trial, a comparator or a hook another dark launch runs its answering
//! side alone.
//!
//! With `panic = "abort"` nothing can be caught: trials are not run, and counted as such.
//!
//! # What is kept
//!
//! Counts, latencies to 1 %, kinds of mismatch and the last 32 mismatches of each flag: [`report`]. Values and targeting keys
//! stay in the process, unless `clean` makes texts that may leave it; keys are hashed. See [`subscribe`] for a hook.

mod confidence;
mod decided;
mod detached;
mod event;
#[doc(hidden)]
pub mod expanded;
mod experiment;
mod hook;
mod inline;
mod latency;
mod pool;
#[doc(hidden)]
pub mod probe;
mod project;
mod record;
mod report;
mod result;
mod rules;
mod run;
mod side;
mod stage;
#[cfg(feature = "testing")]
pub(crate) mod strict;
mod text;
mod timer;
pub(crate) mod wire;
mod words;

#[doc(hidden)]
pub use decided::Decided;
pub use experiment::{DEFAULT_DEADLINE, DEFAULT_IN_FLIGHT, Experiment, Order};
pub use hook::{Subscription, subscribe};
pub use project::{Keep, Whole};
pub use report::{Mismatch, Report, SideReport};
pub use result::{Ended, Observation, ShadowResult, Verdict};
pub use side::in_candidate;
pub use stage::{LaunchValue, Stage};
#[doc(hidden)]
pub use stage::{ShadowValue, StagesValue};

/// What this process knows of a flag's dark launch, by the flag's name; none if it has had no run.
pub fn report(name: &str) -> Option<Report> {
    record::known(name).map(|record| record.report())
}

/// What this process knows of all dark launches that have had a run, sorted by the flags' names.
pub fn reports() -> Vec<Report> {
    record::all().iter().map(|record| record.report()).collect()
}
