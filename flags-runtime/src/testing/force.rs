//! Forcing one flag: on the current thread, or for a future.

use std::future::Future;

use super::overrides::{ForceGuard, Overrides};
use super::value::IntoForced;
use crate::flag::Flag;
use crate::types::FlagValue;

impl<T: FlagValue> Flag<T> {
    /// Forces this flag on the current thread until the guard is dropped.
    ///
    /// Needs no start and no source. Other threads and tests see nothing of it; a value forced outside stays in force
    /// for the others when this guard goes. Not for async code: a guard does not follow its task, see
    /// [`force_in`](Self::force_in).
    ///
    /// ```
    /// use flags_runtime::{Flag, feature_flag, flag};
    ///
    /// #[feature_flag(name = "force_example", default = false, expires = "2099-01-01")]
    /// static FORCE_EXAMPLE: Flag<bool>;
    ///
    /// # fn main() {
    /// let on = FORCE_EXAMPLE.force(true);
    /// assert!(flag!(FORCE_EXAMPLE));
    /// drop(on);
    /// assert!(!flag!(FORCE_EXAMPLE));
    /// # }
    /// ```
    pub fn force(&'static self, value: impl IntoForced<T>) -> ForceGuard {
        Overrides::new().force(self, value).enter()
    }

    /// Forces this flag for a future: whenever it is polled, on whatever thread, and for nobody between polls.
    ///
    /// ```
    /// use flags_runtime::{Flag, feature_flag, flag};
    ///
    /// #[feature_flag(name = "force_in_example", default = false, expires = "2099-01-01")]
    /// static FORCE_IN_EXAMPLE: Flag<bool>;
    ///
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
    /// #         Poll::Ready(output) => output,
    /// #         Poll::Pending => panic!("nothing here waits"),
    /// #     }
    /// # }
    /// # fn main() {
    /// let read = async || flag!(FORCE_IN_EXAMPLE);
    /// assert!(block_on(FORCE_IN_EXAMPLE.force_in(true, read())));
    /// assert!(!block_on(read()));
    /// # }
    /// ```
    pub fn force_in<V: IntoForced<T>, F: Future>(
        &'static self,
        value: V,
        future: F,
    ) -> impl Future<Output = F::Output> + use<T, V, F> {
        Overrides::new().force(self, value).scope_async(future)
    }
}

/// Forces every bool flag of the program on, or off, on the current thread until the guard is dropped.
pub fn force_all(is_on: bool) -> ForceGuard {
    Overrides::new().force_all(is_on).enter()
}

/// Forces every bool flag of the program on, or off, for a future: whenever it is polled.
pub fn force_all_in<F: Future>(is_on: bool, future: F) -> impl Future<Output = F::Output> + use<F> {
    Overrides::new().force_all(is_on).scope_async(future)
}
