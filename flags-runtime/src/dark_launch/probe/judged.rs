//! Experiments made of the answers.

use std::fmt::Debug;

use super::Of;
use super::errors::{ErrorRule, KeptErrors, NoErrors};
use super::values::{Keeper, Texts, Values};
use crate::dark_launch::decided::Decided;
use crate::dark_launch::experiment::Experiment;
use crate::dark_launch::project::{Fallible, Keep, Whole};
use crate::dark_launch::rules::{Rules, Show, either};

/// Rules for results that are compared as they are, or as they were kept.
pub trait Judged<'a, T> {
    type Seen;
    type Project;
    fn experiment(self, decided: Decided<'_>) -> Experiment<'a, Self::Seen, Self::Project>;
}

/// An experiment whose results are of the type that was asked about.
pub fn experiment<'a, T, R: Judged<'a, T>>(
    _: &Of<T>,
    decided: Decided<'_>,
    rules: R,
) -> Experiment<'a, R::Seen, R::Project> {
    rules.experiment(decided)
}

impl<'a, T: 'a> Judged<'a, T> for (Values<'a, T>, NoErrors, Texts<T>) {
    type Seen = T;
    type Project = Whole;

    fn experiment(self, decided: Decided<'_>) -> Experiment<'a, T, Whole> {
        let (Values(compare), NoErrors, texts) = self;
        Experiment::with(decided, Whole, Rules { compare, ignore: Vec::new(), show: texts.show() })
    }
}

impl<'a, V: 'a, E: 'a, R: ErrorRule<'a, E>> Judged<'a, Result<V, E>> for (Values<'a, V>, R, Texts<V>) {
    type Seen = Result<V, E>;
    type Project = Fallible<Whole>;

    fn experiment(self, decided: Decided<'_>) -> Experiment<'a, Result<V, E>, Fallible<Whole>> {
        let (Values(values), errors, texts) = self;
        let (errors, as_text) = errors.parts();
        let rules = Rules { compare: either(values, errors), ignore: Vec::new(), show: texts.show_result(as_text) };
        Experiment::with(decided, Fallible(Whole), rules)
    }
}

impl<'a, T: 'a> Judged<'a, T> for (Values<'a, T>, NoErrors, Texts<T>, Keeper<T>) {
    type Seen = T;
    type Project = Keep<fn(&T) -> T>;

    fn experiment(self, decided: Decided<'_>) -> Experiment<'a, T, Self::Project> {
        let (Values(compare), NoErrors, texts, Keeper(keep)) = self;
        Experiment::with(decided, Keep(keep), Rules { compare, ignore: Vec::new(), show: texts.show() })
    }
}

/// How a result is kept whose errors are kept as something else.
type KeepResult<V, E, K> = Box<dyn Fn(&Result<V, E>) -> Result<V, K> + Send>;

impl<'a, V, E, R> Judged<'a, Result<V, E>> for (Values<'a, V>, R, Texts<V>, Keeper<V>)
where
    V: 'static,
    E: 'static,
    R: KeptErrors<'a, E>,
    R::Kept: 'static,
{
    type Seen = Result<V, R::Kept>;
    type Project = Fallible<Keep<KeepResult<V, E, R::Kept>>>;

    fn experiment(self, decided: Decided<'_>) -> Experiment<'a, Self::Seen, Self::Project> {
        let (Values(values), errors, texts, Keeper(keep)) = self;
        let (errors, as_text, keep_error) = errors.keeping();
        let rules = Rules { compare: either(values, errors), ignore: Vec::new(), show: texts.show_result(as_text) };
        let keep: KeepResult<V, E, R::Kept> = Box::new(move |result| match result {
            Ok(value) => Ok(keep(value)),
            Err(error) => Err(keep_error(error)),
        });
        Experiment::with(decided, Fallible(Keep(keep)), rules)
    }
}

// `keep`: what a function makes of a result is compared.

pub trait Keeping0<V, E> {
    fn keeping<'a, K, F>(&self, decided: Decided<'_>, keep: F) -> Experiment<'a, K, Fallible<Keep<F>>>
    where
        K: PartialEq + Debug + 'a,
        F: Fn(&Result<V, E>) -> K,
    {
        let rules = Rules { compare: Box::new(K::eq), ignore: Vec::new(), show: Show::debug() };
        Experiment::with(decided, Fallible(Keep(keep)), rules)
    }
}

impl<V, E> Keeping0<V, E> for &&Of<Result<V, E>> {}

pub trait Keeping1<T> {
    fn keeping<'a, K, F>(&self, decided: Decided<'_>, keep: F) -> Experiment<'a, K, Keep<F>>
    where
        K: PartialEq + Debug + 'a,
        F: Fn(&T) -> K,
    {
        Experiment::decided(decided).keep(keep)
    }
}

impl<T> Keeping1<T> for &Of<T> {}
