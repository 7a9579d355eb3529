//! Forcing a flag on the current thread.
//!
//! A forced value is seen by this thread only, stands above everything else, and lasts as long as its guard; guards may
//! be dropped in any order, the latest one that lives counts.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use crate::flag::Flag;
use crate::registry::declaration::FlagCore;
use crate::store;
use crate::types::{FlagValue, Json, Scalar};
use crate::value::CompiledValue;

/// Keeps a flag forced on this thread; dropping it ends that.
#[must_use = "the flag is forced only as long as this guard lives: `let _on = FLAG.force(true);`"]
#[derive(Debug)]
pub struct ForceGuard {
    token: u64,
    /// Thread-local, so it must not be sent.
    not_send: PhantomData<*const ()>,
}

/// A value that a flag of type `T` can be forced to: the type itself; for `String` any string; for `Json<V>` a `V`.
pub trait IntoForced<T> {
    #[doc(hidden)]
    fn into_forced(self) -> CompiledValue;
}

struct Forced {
    token: u64,
    core: &'static FlagCore,
    value: CompiledValue,
}

thread_local! {
    static FORCED: RefCell<Vec<Forced>> = const { RefCell::new(Vec::new()) };
    static NEXT_TOKEN: Cell<u64> = const { Cell::new(0) };
}

impl<T: FlagValue> Flag<T> {
    /// Forces this flag on the current thread until the guard is dropped.
    ///
    /// Needs no start and no source. Other threads and tests see nothing of it; a value forced outside stays in force
    /// for the others when this guard goes. Not for async code that may change threads.
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
        let core = self.__core();
        let token = NEXT_TOKEN.replace(NEXT_TOKEN.get() + 1);
        FORCED.with_borrow_mut(|forced| forced.push(Forced { token, core, value: value.into_forced() }));
        store::change_forces(core, |forces| {
            forces.fetch_add(1, Ordering::Relaxed);
        });
        ForceGuard { token, not_send: PhantomData }
    }
}

impl Drop for ForceGuard {
    fn drop(&mut self) {
        // While the thread is torn down the list is gone; the count then stays, which only keeps the flag slow.
        let removed = FORCED.try_with(|forced| {
            let mut forced = forced.borrow_mut();
            let at = forced.iter().position(|forced| forced.token == self.token)?;
            Some(forced.remove(at))
        });
        if let Ok(Some(forced)) = removed {
            store::change_forces(forced.core, |forces| {
                forces.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// The value that this thread forces the flag to.
#[inline]
pub(crate) fn forced_value(core: &FlagCore) -> Option<CompiledValue> {
    // Relaxed: a thread sees its own forces in any case, and those of others do not concern it.
    if core.forces.load(Ordering::Relaxed) == 0 { None } else { forced_here(core) }
}

#[cold]
fn forced_here(core: &FlagCore) -> Option<CompiledValue> {
    FORCED
        .try_with(|forced| {
            let forced = forced.borrow();
            forced.iter().rev().find(|forced| std::ptr::eq(forced.core, core)).map(|forced| forced.value.clone())
        })
        .ok()
        .flatten()
}

impl<T: Scalar> IntoForced<T> for T {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Bits(self.to_bits())
    }
}

impl IntoForced<String> for String {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Text(self.into())
    }
}

impl IntoForced<String> for &str {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Text(self.into())
    }
}

impl<T: serde::de::DeserializeOwned + Send + Sync + 'static> IntoForced<Json<T>> for T {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Json(std::sync::Arc::new(self))
    }
}
