//! Questions about arguments: whether the trial can have its own, and take them elsewhere.

/// A value, to be asked about.
pub struct Value<'a, T>(pub &'a T);

#[diagnostic::on_unimplemented(
    message = "the trial gets clones of the arguments, and `{Self}` has no `Clone`",
    label = "cannot be cloned",
    note = "derive `Clone` (of a type parameter: write `T: Clone`), make one with `own(parameter = expression)`, or take it by reference"
)]
pub trait Cloneable {}

#[diagnostic::on_unimplemented(
    message = "a detached trial runs on another thread, and `{Self}` cannot be sent there: it is not `Send`",
    label = "cannot be sent",
    note = "take an owned value that is `Send`, or leave out `run = detached`"
)]
pub trait Sendable {}

pub trait Clone0<T> {
    fn cloned(&self) -> T;
}

impl<T: Clone> Clone0<T> for &Value<'_, T> {
    fn cloned(&self) -> T {
        self.0.clone()
    }
}

pub trait Clone1<T> {
    fn cloned(&self) -> T
    where
        T: Cloneable;
}

impl<T> Clone1<T> for Value<'_, T> {
    fn cloned(&self) -> T
    where
        T: Cloneable,
    {
        unreachable!("it does not compile")
    }
}

pub trait Send0 {
    fn sendable(&self) {}
}

impl<T: Send> Send0 for &Value<'_, T> {}

pub trait Send1<T> {
    fn sendable(&self)
    where
        T: Sendable,
    {
    }
}

impl<T> Send1<T> for Value<'_, T> {}
