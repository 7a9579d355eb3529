//! Who asks: made before anything is timed, and for each thread apart, as each request has its own.

use std::cell::Cell;
use std::thread;

/// How many users the list has.
pub(crate) const LISTED: u32 = 1000;

thread_local! {
    static IS_FIRST: Cell<bool> = const { Cell::new(false) };
}

/// What each of the two threads that read at once has for itself, so that no library pays for a counter that both of them count in.
pub(crate) struct Seats<T> {
    first: Box<T>,
    second: Box<T>,
}

/// Makes the calling thread the one of the first seat; every other one has the second.
pub(crate) fn take_first_seat() {
    IS_FIRST.set(true);
}

impl<T: Send> Seats<T> {
    /// Makes each on a thread of its own, or the allocator puts one beside the other, into the same line of a cache.
    pub(crate) fn new(make: impl Fn() -> T + Sync) -> Self {
        let apart =
            || thread::scope(|scope| scope.spawn(|| Box::new(make())).join().expect("users are made without a panic"));
        Self { first: apart(), second: apart() }
    }

    /// What the calling thread has.
    pub(crate) fn own(&self) -> &T {
        if IS_FIRST.get() { &self.first } else { &self.second }
    }
}

/// The name of a user.
pub(crate) fn named(number: u32) -> String {
    format!("user-{number:07}")
}

/// The names of all users of the list.
pub(crate) fn listed() -> Vec<String> {
    (0..LISTED).map(named).collect()
}

/// The next user of the list, far from the one before, for each thread by itself.
pub(crate) fn in_turn<U>(users: &[U]) -> &U {
    thread_local! {
        static TURN: Cell<usize> = const { Cell::new(0) };
    }
    let turn = TURN.get();
    TURN.set(turn.wrapping_add(613));
    &users[turn % users.len()]
}
