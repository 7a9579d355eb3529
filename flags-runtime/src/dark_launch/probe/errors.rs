//! Questions about errors: how they are compared, become text, and are kept.

use std::fmt::{self, Debug, Display};

use super::Of;
use crate::dark_launch::rules::Comparator;

/// The text of an error, which is all that is kept of one.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorText(String);

/// Errors are compared by their `Display`, an alternate one: that has the causes, where there are two forms.
#[derive(Clone, Copy)]
pub struct ByText;
/// Errors without text are compared by their `Debug`.
#[derive(Clone, Copy)]
pub struct ByDebug;
/// Errors are compared by a function, and become text by another rule.
pub struct By<'a, E, R>(Comparator<'a, E>, R);
/// Errors that become no text.
#[derive(Clone, Copy)]
pub struct Unshown;
/// There are no errors.
pub struct NoErrors;

/// How an error becomes text.
pub trait ErrorsAsText<E>: Copy + Send + 'static {
    fn text(self, error: &E) -> String;
}

/// How the errors of a function are compared and shown.
pub trait ErrorRule<'a, E> {
    type AsText: ErrorsAsText<E>;
    fn parts(self) -> (Comparator<'a, E>, Self::AsText);
}

/// How errors are compared once they are kept, how those become text, and how they are kept.
type KeptRule<'a, E, K, T> = (Comparator<'a, K>, T, fn(&E) -> K);

/// How they are kept once the caller has them.
pub trait KeptErrors<'a, E> {
    type Kept;
    type AsText: ErrorsAsText<Self::Kept>;
    fn keeping(self) -> KeptRule<'a, E, Self::Kept, Self::AsText>;
}

#[diagnostic::on_unimplemented(
    message = "errors of a dark launch are compared by their text, and `{Self}` has neither `Display` nor `Debug`",
    label = "cannot be compared",
    note = "implement one of them, or say how: `compare_errors = same`, a `fn(&E, &E) -> bool`"
)]
pub trait ComparableError {}

#[diagnostic::on_unimplemented(
    message = "`compare_errors` is for functions that return a `Result`, and this one returns `{Self}`",
    label = "no `Result`",
    note = "remove `compare_errors`"
)]
pub trait HasErrors {}

impl Debug for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Display> ErrorsAsText<E> for ByText {
    fn text(self, error: &E) -> String {
        format!("{error:#}")
    }
}

impl<E: Debug> ErrorsAsText<E> for ByDebug {
    fn text(self, error: &E) -> String {
        format!("{error:?}")
    }
}

impl<E> ErrorsAsText<E> for Unshown {
    fn text(self, _: &E) -> String {
        format!("(not shown: `{}` has neither `Display` nor `Debug`)", std::any::type_name::<E>())
    }
}

macro_rules! compared_by_text {
    ($rule:ident, $bound:ident) => {
        impl<'a, E: $bound + 'a> ErrorRule<'a, E> for $rule {
            type AsText = Self;

            fn parts(self) -> (Comparator<'a, E>, Self) {
                (Box::new(move |legacy, body| self.text(legacy) == self.text(body)), self)
            }
        }

        impl<'a, E: $bound> KeptErrors<'a, E> for $rule {
            type Kept = ErrorText;
            type AsText = ByText;

            fn keeping(self) -> KeptRule<'a, E, ErrorText, ByText> {
                (Box::new(ErrorText::eq), ByText, |error| ErrorText($rule.text(error)))
            }
        }
    };
}

compared_by_text!(ByText, Display);
compared_by_text!(ByDebug, Debug);

impl<'a, E, R: ErrorsAsText<E>> ErrorRule<'a, E> for By<'a, E, R> {
    type AsText = R;

    fn parts(self) -> (Comparator<'a, E>, R) {
        (self.0, self.1)
    }
}

impl<'a, E: Clone, R: ErrorsAsText<E>> KeptErrors<'a, E> for By<'a, E, R> {
    type Kept = E;
    type AsText = R;

    fn keeping(self) -> KeptRule<'a, E, E, R> {
        (self.0, self.1, E::clone)
    }
}

// Nothing to compare by: the method that makes one does not compile, and this only keeps the error alone.
impl<'a, E: 'a> ErrorRule<'a, E> for Unshown {
    type AsText = Self;

    fn parts(self) -> (Comparator<'a, E>, Self) {
        (Box::new(|_, _| true), self)
    }
}

pub trait Errors0 {
    fn errors(&self) -> ByText {
        ByText
    }
}

impl<V, E: Display> Errors0 for &&&Of<Result<V, E>> {}

pub trait Errors1 {
    fn errors(&self) -> ByDebug {
        ByDebug
    }
}

impl<V, E: Debug> Errors1 for &&Of<Result<V, E>> {}

pub trait Errors2<E> {
    fn errors(&self) -> Unshown
    where
        E: ComparableError,
    {
        Unshown
    }
}

impl<V, E> Errors2<E> for &Of<Result<V, E>> {}

pub trait Errors3 {
    fn errors(&self) -> NoErrors {
        NoErrors
    }
}

impl<T> Errors3 for Of<T> {}

pub trait ErrorsBy0<E> {
    fn errors_by<'a>(&self, compare: impl Fn(&E, &E) -> bool + Send + 'a) -> By<'a, E, ByText> {
        By(Box::new(compare), ByText)
    }
}

impl<V, E: Display> ErrorsBy0<E> for &&&Of<Result<V, E>> {}

pub trait ErrorsBy1<E> {
    fn errors_by<'a>(&self, compare: impl Fn(&E, &E) -> bool + Send + 'a) -> By<'a, E, ByDebug> {
        By(Box::new(compare), ByDebug)
    }
}

impl<V, E: Debug> ErrorsBy1<E> for &&Of<Result<V, E>> {}

pub trait ErrorsBy2<E> {
    fn errors_by<'a>(&self, compare: impl Fn(&E, &E) -> bool + Send + 'a) -> By<'a, E, Unshown> {
        By(Box::new(compare), Unshown)
    }
}

impl<V, E> ErrorsBy2<E> for &Of<Result<V, E>> {}

pub trait ErrorsBy3<T> {
    fn errors_by<F>(&self, _: F) -> NoErrors
    where
        T: HasErrors,
    {
        NoErrors
    }
}

impl<T> ErrorsBy3<T> for Of<T> {}
