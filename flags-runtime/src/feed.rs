//! The feed: events for whoever subscribed, each on a thread of its own.
//!
//! An event is handed over through a bounded queue and never waits: what a subscriber cannot take in is dropped and counted. One
//! that blocks fills its own queue and nothing else.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use arc_swap::ArcSwap;

/// Who wants events of type `E`, and what each wants of them.
pub(crate) struct Feed<E: 'static, W: 'static> {
    thread_name: &'static str,
    subscribers: LazyLock<ArcSwap<Subscribers<E, W>>>,
}

type Subscribers<E, W> = Vec<Arc<Subscriber<E, W>>>;

struct Subscriber<E, W> {
    queue: SyncSender<E>,
    dropped: Arc<AtomicU64>,
    wants: W,
}

/// Keeps a subscription. Dropping it ends that, and waits until what is in its queue is told, for a second at most: whoever may not wait, as
/// async code, drops it on a thread that may.
#[must_use = "events are told only as long as this lives"]
pub struct Subscription {
    end: Option<Box<dyn FnOnce() + Send + Sync>>,
    dropped: Arc<AtomicU64>,
    thread: ThreadId,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

const LONGEST_STOP: Duration = Duration::from_secs(1);

impl<E: Send, W: Send + Sync> Feed<E, W> {
    pub(crate) const fn new(thread_name: &'static str) -> Self {
        Self { thread_name, subscribers: LazyLock::new(ArcSwap::default) }
    }

    /// Calls `each` for every event, on a new thread; it says whether it has taken the event, and must not panic.
    pub(crate) fn subscribe(
        &'static self,
        wants: W,
        longest_queue: usize,
        each: impl Fn(E) -> bool + Send + 'static,
    ) -> io::Result<Subscription> {
        let (queue, events) = sync_channel::<E>(longest_queue);
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let dropped = Arc::new(AtomicU64::new(0));
        let not_taken = Arc::clone(&dropped);
        let thread = thread::Builder::new().name(self.thread_name.to_owned()).spawn(move || {
            for event in events {
                if !each(event) {
                    not_taken.fetch_add(1, Ordering::Relaxed);
                }
            }
            drop(end);
        })?;
        let subscriber = Arc::new(Subscriber { queue, dropped: Arc::clone(&dropped), wants });
        self.subscribers.rcu(|known| known.iter().cloned().chain([Arc::clone(&subscriber)]).collect::<Vec<_>>());
        let end = move || {
            let is_other = |other: &&Arc<_>| !Arc::ptr_eq(other, &subscriber);
            self.subscribers.rcu(|known| known.iter().filter(is_other).cloned().collect::<Vec<_>>());
        };
        Ok(Subscription { end: Some(Box::new(end)), dropped, thread: thread.thread().id(), ended })
    }

    /// Whether anybody wants events.
    pub(crate) fn has_subscribers(&self) -> bool {
        !self.subscribers.load().is_empty()
    }

    /// Hands each subscriber what `event` makes for what it wants; calls `lost` where that does not fit its queue.
    pub(crate) fn publish(&self, event: impl Fn(&W) -> Option<E>, lost: impl Fn(&W)) {
        for subscriber in self.subscribers.load().iter() {
            let Some(event) = event(&subscriber.wants) else { continue };
            if subscriber.queue.try_send(event).is_err() {
                subscriber.dropped.fetch_add(1, Ordering::Relaxed);
                lost(&subscriber.wants);
            }
        }
    }
}

impl Subscription {
    /// How many events were dropped because they came faster than they were taken, or nobody took them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(end) = self.end.take() else { return };
        // The queue closes once nobody is about to publish.
        end();
        // Whoever drops its own subscription is not waited for.
        if thread::current().id() != self.thread {
            let _ = self.ended.recv_timeout(LONGEST_STOP);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
