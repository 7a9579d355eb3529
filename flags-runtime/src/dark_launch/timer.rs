//! Timer: one thread that says when the time of a trial is up. It starts with the first alarm and ends after a second
//! without any.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use super::side::caught;

const IDLE: Duration = Duration::from_secs(1);

static TIMER: Timer =
    Timer { state: Mutex::new(State { alarms: BTreeMap::new(), next: 0, is_running: false }), changed: Condvar::new() };

struct Timer {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    alarms: BTreeMap<Key, Alarm>,
    next: u64,
    is_running: bool,
}

/// When, and a number that tells alarms of one moment apart.
type Key = (Instant, u64);

/// What is done when the time is up.
pub(super) enum Alarm {
    Wake(Waker),
    Call(Box<dyn FnOnce() + Send>),
}

/// An alarm that is set. Dropping this calls it off.
pub(super) struct Alert(Key);

/// Sets an alarm; none if the system gives no thread for it.
pub(super) fn set(at: Instant, alarm: Alarm) -> Option<Alert> {
    let mut state = TIMER.state();
    let key = (at, state.next);
    state.next += 1;
    state.alarms.insert(key, alarm);
    if !state.is_running {
        if thread::Builder::new().name("flags-shadow-timer".to_owned()).spawn(run).is_err() {
            state.alarms.remove(&key);
            return None;
        }
        state.is_running = true;
    } else if state.alarms.first_key_value().is_some_and(|(first, _)| *first == key) {
        TIMER.changed.notify_one();
    }
    Some(Alert(key))
}

fn run() {
    let mut state = TIMER.state();
    loop {
        let now = Instant::now();
        let wait = match state.alarms.first_entry() {
            Some(first) if first.key().0 <= now => {
                let alarm = first.remove();
                drop(state);
                // A waker and what it wakes are others' code.
                let _ = caught(|| match alarm {
                    Alarm::Wake(waker) => waker.wake(),
                    Alarm::Call(call) => call(),
                });
                state = TIMER.state();
                continue;
            }
            Some(first) => first.key().0 - now,
            None => IDLE,
        };
        let (next, waited) = TIMER.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        state = next;
        if waited.timed_out() && state.alarms.is_empty() {
            state.is_running = false;
            return;
        }
    }
}

impl Timer {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code of others runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alert {
    fn drop(&mut self) {
        let alarm = TIMER.state().alarms.remove(&self.0);
        // Not under the lock: what it holds may be dropped with it.
        drop(caught(|| drop(alarm)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn alarms_ring_in_the_order_of_their_times_and_not_when_called_off() {
        let (sender, heard) = mpsc::channel();
        let ring = |name: &'static str| {
            let sender = sender.clone();
            Alarm::Call(Box::new(move || sender.send(name).expect("somebody listens")))
        };
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let late = set(at(60), ring("late"));
        let early = set(at(20), ring("early"));
        drop(set(at(40), ring("never")));
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok("early"));
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok("late"));
        assert!(start.elapsed() >= Duration::from_millis(60));
        drop((late, early));
        assert!(heard.try_recv().is_err());
    }
}
