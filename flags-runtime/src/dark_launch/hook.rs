//! Hooks: who wants to hear of every run, on a thread of their own.
//!
//! A run never waits for them: what a hook cannot take in is dropped and counted. A hook that panics is called again for the next
//! run.

use std::io;

use super::record;
use super::result::ShadowResult;
use super::side::judging;
use crate::feed::Feed;
pub use crate::feed::Subscription;

/// How many results wait for a hook at most.
pub(super) const QUEUE: usize = 1024;

static RESULTS: Feed<ShadowResult, ()> = Feed::new("flags-shadow-hook");

/// Calls `hook` for the result of every run of every dark launch, A/A runs included, on a background thread of its own.
///
/// Results that come faster than it takes them wait, 1,024 at most; what comes then is dropped and counted. While anybody
/// is subscribed both sides of every run are made text, not only those of mismatches.
///
/// ```
/// use flags_runtime::dark_launch;
///
/// let subscription = dark_launch::subscribe(|result| {
///     println!("{}: {}", result.flag(), result.verdict().as_str());
/// })?;
/// # drop(subscription);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// If the system gives no thread.
pub fn subscribe(hook: impl Fn(&ShadowResult) + Send + 'static) -> io::Result<Subscription> {
    RESULTS.subscribe((), QUEUE, move |result| {
        if let Err(panic) = judging(|| hook(&result)) {
            record::note_fault(result.flag(), "hook", panic.message());
        }
        true
    })
}

/// Whether anybody wants results.
pub(super) fn has_subscribers() -> bool {
    RESULTS.has_subscribers()
}

pub(super) fn publish(result: &ShadowResult) {
    RESULTS.publish(|()| Some(result.clone()), |()| ());
}
