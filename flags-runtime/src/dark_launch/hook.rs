//! Hooks: who wants to hear of every run, on a thread of their own.
//!
//! A run is handed over through a bounded queue and never waits: what a hook cannot take in is dropped and counted. A
//! hook that panics is called again for the next run; one that blocks fills its own queue and nothing else.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::record;
use super::result::ShadowResult;
use super::side::judging;

/// How many results wait for a hook at most.
pub(super) const QUEUE: usize = 1024;
const LONGEST_STOP: Duration = Duration::from_secs(1);

static SUBSCRIBERS: LazyLock<ArcSwap<Vec<Arc<Subscriber>>>> = LazyLock::new(ArcSwap::default);

struct Subscriber {
    queue: SyncSender<ShadowResult>,
    dropped: AtomicU64,
}

/// Keeps a hook subscribed. Dropping it ends that, within a second at most; what is still in its queue is told before.
#[must_use = "the hook is called only as long as this lives"]
pub struct Subscription {
    subscriber: Option<Arc<Subscriber>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

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
    let (queue, results) = sync_channel::<ShadowResult>(QUEUE);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    thread::Builder::new().name("flags-shadow-hook".to_owned()).spawn(move || {
        for result in results {
            if let Err(panic) = judging(|| hook(&result)) {
                record::note_fault(result.flag(), "hook", panic.message());
            }
        }
        drop(end);
    })?;
    let subscriber = Arc::new(Subscriber { queue, dropped: AtomicU64::new(0) });
    SUBSCRIBERS.rcu(|known| known.iter().cloned().chain([Arc::clone(&subscriber)]).collect::<Vec<_>>());
    Ok(Subscription { subscriber: Some(subscriber), ended })
}

/// Whether anybody wants results.
pub(super) fn has_subscribers() -> bool {
    !SUBSCRIBERS.load().is_empty()
}

pub(super) fn publish(result: &ShadowResult) {
    for subscriber in SUBSCRIBERS.load().iter() {
        if subscriber.queue.try_send(result.clone()).is_err() {
            subscriber.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Subscription {
    /// How many results were dropped because the hook was too slow.
    pub fn dropped(&self) -> u64 {
        self.subscriber.as_ref().map_or(0, |subscriber| subscriber.dropped.load(Ordering::Relaxed))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(own) = self.subscriber.take() else { return };
        SUBSCRIBERS.rcu(|known| known.iter().filter(|other| !Arc::ptr_eq(other, &own)).cloned().collect::<Vec<_>>());
        drop(own);
        // The queue closes once nobody is about to publish; a hook may drop its own subscription, and is not waited for.
        if thread::current().name() != Some("flags-shadow-hook") {
            let _ = self.ended.recv_timeout(LONGEST_STOP);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
