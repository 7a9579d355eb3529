//! Questions about values: how whole results, or what is in their `Ok`, are compared, shown and kept.

use std::fmt::Debug;

use super::Of;
use super::errors::ErrorsAsText;
use crate::dark_launch::rules::{Comparator, Hidden, Show, Shown};

/// How two values are compared: whole results, or what is in their `Ok`.
pub struct Values<'a, V>(pub(super) Comparator<'a, V>);

/// How a value is shown, if it can be.
pub struct Texts<V>(for<'x> fn(&'x V) -> &'x dyn Debug);

/// How a value is kept once the caller has it.
pub struct Keeper<V>(pub(super) fn(&V) -> V);

impl<V> Clone for Texts<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Texts<V> {}

#[diagnostic::on_unimplemented(
    message = "results of a dark launch are compared, and `{Self}` has no `PartialEq`",
    label = "cannot be compared",
    note = "derive `PartialEq` (of a type parameter: write `T: PartialEq`), or say how: `compare = same`, a `fn(&T, &T) -> bool` over the results (over what is in `Ok`, \
            if they are `Result`s), or `keep = part`, a `fn(&T) -> K` whose results are compared instead"
)]
pub trait Comparable {}

#[diagnostic::on_unimplemented(
    message = "the caller of a detached trial goes with its result, of which a clone is kept for comparing, and `{Self}` has \
               no `Clone`",
    label = "cannot be kept",
    note = "derive `Clone`, or say what is compared: `keep = part`, a `fn(&T) -> K`"
)]
pub trait Keepable {}

// How values are compared: what is in `Ok`, or all of the result.

pub trait Values0<V> {
    fn values<'a>(&self) -> Values<'a, V>
    where
        V: PartialEq + 'a,
    {
        Values(Box::new(V::eq))
    }
}

impl<V: PartialEq, E> Values0<V> for &&&Of<Result<V, E>> {}

pub trait IncomparableValues0<V> {
    fn values<'a>(&self) -> Values<'a, V>
    where
        V: Comparable + 'a,
    {
        unreachable!("it does not compile")
    }
}

impl<V, E> IncomparableValues0<V> for &&Of<Result<V, E>> {}

pub trait Values1<T> {
    fn values<'a>(&self) -> Values<'a, T>
    where
        T: PartialEq + 'a,
    {
        Values(Box::new(T::eq))
    }
}

impl<T: PartialEq> Values1<T> for &Of<T> {}

pub trait Values2<T> {
    fn values<'a>(&self) -> Values<'a, T>
    where
        T: Comparable + 'a,
    {
        unreachable!("it does not compile")
    }
}

impl<T> Values2<T> for Of<T> {}

pub trait ValuesBy0<V> {
    fn values_by<'a>(&self, compare: impl Fn(&V, &V) -> bool + Send + 'a) -> Values<'a, V> {
        Values(Box::new(compare))
    }
}

impl<V, E> ValuesBy0<V> for &&Of<Result<V, E>> {}

pub trait ValuesBy1<T> {
    fn values_by<'a>(&self, compare: impl Fn(&T, &T) -> bool + Send + 'a) -> Values<'a, T> {
        Values(Box::new(compare))
    }
}

impl<T> ValuesBy1<T> for &Of<T> {}

// How values are shown.

pub trait Texts0<V: Debug> {
    fn texts(&self) -> Texts<V> {
        Texts(|value| value)
    }
}

impl<V: Debug, E> Texts0<V> for &&&Of<Result<V, E>> {}

pub trait Texts1<V> {
    fn texts(&self) -> Texts<V> {
        Texts(|_| const { &Hidden::<V>::NEW })
    }
}

impl<V, E> Texts1<V> for &&Of<Result<V, E>> {}

pub trait Texts2<T: Debug> {
    fn texts(&self) -> Texts<T> {
        Texts(|value| value)
    }
}

impl<T: Debug> Texts2<T> for &Of<T> {}

pub trait Texts3<T> {
    fn texts(&self) -> Texts<T> {
        Texts(|_| const { &Hidden::<T>::NEW })
    }
}

impl<T> Texts3<T> for Of<T> {}

// How values are kept.

pub trait Keep0<V: Clone> {
    fn keeper(&self) -> Keeper<V> {
        Keeper(V::clone)
    }
}

impl<V: Clone, E> Keep0<V> for &&&Of<Result<V, E>> {}

pub trait Keep1<V> {
    fn keeper(&self) -> Keeper<V>
    where
        V: Keepable,
    {
        unreachable!("it does not compile")
    }
}

impl<V, E> Keep1<V> for &&Of<Result<V, E>> {}

pub trait Keep2<T: Clone> {
    fn keeper(&self) -> Keeper<T> {
        Keeper(T::clone)
    }
}

impl<T: Clone> Keep2<T> for &Of<T> {}

pub trait Keep3<T> {
    fn keeper(&self) -> Keeper<T>
    where
        T: Keepable,
    {
        unreachable!("it does not compile")
    }
}

impl<T> Keep3<T> for Of<T> {}

impl<V> Texts<V> {
    pub(super) fn show<'a>(self) -> Show<'a, V>
    where
        V: 'a,
    {
        Show::of(move |value| Shown::Value((self.0)(value)))
    }

    pub(super) fn show_result<'a, E: 'a>(self, errors: impl ErrorsAsText<E>) -> Show<'a, Result<V, E>>
    where
        V: 'a,
    {
        Show::of(move |result: &Result<V, E>| match result {
            Ok(value) => Shown::Ok((self.0)(value)),
            Err(error) => Shown::Err(errors.text(error)),
        })
    }
}
