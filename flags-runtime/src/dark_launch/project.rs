//! Projections: what is compared of a result, by reference where the result itself is, and what is kept of it.

/// Compares results as they are.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

/// Compares what a function makes of a result.
#[derive(Clone, Copy)]
pub struct Keep<F>(pub(super) F);

/// Results of which `Err` counts as an error.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Fallible<P>(pub(super) P);

/// What is compared of a result of type `T`. Sealed in effect: made by [`Experiment`] only.
#[doc(hidden)]
pub trait Project<T, K> {
    fn lend(&self, result: &T, see: &mut dyn FnMut(&K));
    fn is_error(&self, _: &T) -> bool {
        false
    }
}

/// What can be kept of a result once the caller has it.
#[doc(hidden)]
pub trait Own<T, K>: Project<T, K> {
    fn own(&self, result: &T) -> K;
}

impl<T> Project<T, T> for Whole {
    fn lend(&self, result: &T, see: &mut dyn FnMut(&T)) {
        see(result);
    }
}

impl<T: Clone> Own<T, T> for Whole {
    fn own(&self, result: &T) -> T {
        result.clone()
    }
}

impl<T, K, F: Fn(&T) -> K> Project<T, K> for Keep<F> {
    fn lend(&self, result: &T, see: &mut dyn FnMut(&K)) {
        see(&(self.0)(result));
    }
}

impl<T, K, F: Fn(&T) -> K> Own<T, K> for Keep<F> {
    fn own(&self, result: &T) -> K {
        (self.0)(result)
    }
}

impl<V, E, K, P: Project<Result<V, E>, K>> Project<Result<V, E>, K> for Fallible<P> {
    fn lend(&self, result: &Result<V, E>, see: &mut dyn FnMut(&K)) {
        self.0.lend(result, see);
    }

    fn is_error(&self, result: &Result<V, E>) -> bool {
        result.is_err()
    }
}

impl<V, E, K, P: Own<Result<V, E>, K>> Own<Result<V, E>, K> for Fallible<P> {
    fn own(&self, result: &Result<V, E>) -> K {
        self.0.own(result)
    }
}
