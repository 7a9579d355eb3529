//! Rules: how two results are compared, which differences do not count, and what is kept of them as text.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use super::side::{Panic, judging};
use super::text;

/// What is compared, and how. All of it is users' code, and a panic in it becomes a fault.
pub(super) struct Rules<'a, K> {
    pub(super) compare: Comparator<'a, K>,
    pub(super) ignore: Vec<Comparator<'a, K>>,
    pub(super) show: Show<'a, K>,
}

pub(super) type Comparator<'a, K> = Box<dyn Fn(&K, &K) -> bool + Send + 'a>;

/// How a result becomes text.
pub(super) struct Show<'a, K> {
    text: Box<dyn Fn(&K) -> String + Send + 'a>,
    /// The field in which two differ; only `Debug` knows.
    field: Option<Differing<'a, K>>,
    /// Whether the text was made to leave the process.
    pub(super) is_clean: bool,
}

type Differing<'a, K> = Box<dyn Fn(&K, &K) -> Option<String> + Send + 'a>;

/// What two results are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    Equal,
    Ignored,
    Different,
}

/// Code of users that panicked where it judged a run.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) step: &'static str,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(step: &'static str, panic: &Panic) -> Self {
        Self { step, message: panic.message().to_owned() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` panicked: {}", self.step, self.message)
    }
}

impl<K> Rules<'_, K> {
    /// Compares; asks the ignore rules only where it found a difference, and only up to the first that holds. One that
    /// panics ignores nothing.
    pub(super) fn judge(&self, legacy: &K, body: &K, faults: &mut Vec<Fault>) -> Option<Likeness> {
        match judging(|| (self.compare)(legacy, body)) {
            Ok(true) => return Some(Likeness::Equal),
            Ok(false) => {}
            Err(panic) => {
                faults.push(Fault::new("compare", &panic));
                return None;
            }
        }
        for ignore in &self.ignore {
            match judging(|| ignore(legacy, body)) {
                Ok(true) => return Some(Likeness::Ignored),
                Ok(false) => {}
                Err(panic) => faults.push(Fault::new("ignore", &panic)),
            }
        }
        Some(Likeness::Different)
    }

    pub(super) fn text(&self, result: &K, faults: &mut Vec<Fault>) -> String {
        let step = if self.show.is_clean { "clean" } else { "Debug" };
        judging(|| (self.show.text)(result)).unwrap_or_else(|panic| {
            let fault = Fault::new(step, &panic);
            let text = format!("({fault})");
            faults.push(fault);
            text
        })
    }

    pub(super) fn differing_field(&self, legacy: &K, body: &K) -> Option<String> {
        // What panics here was told when the text was made.
        self.show.field.as_ref().and_then(|field| judging(|| field(legacy, body)).ok().flatten())
    }
}

/// Compares the values of two results, or their errors; one of each is different.
pub(super) fn either<'a, V: 'a, E: 'a>(
    values: Comparator<'a, V>,
    errors: Comparator<'a, E>,
) -> Comparator<'a, Result<V, E>> {
    Box::new(move |legacy, body| match (legacy, body) {
        (Ok(legacy), Ok(body)) => values(legacy, body),
        (Err(legacy), Err(body)) => errors(legacy, body),
        _ => false,
    })
}

impl<'a, K> Show<'a, K> {
    pub(super) fn debug() -> Self
    where
        K: fmt::Debug + 'a,
    {
        Self::of(|result| Shown::Value(result))
    }

    pub(super) fn of(shown: impl Fn(&K) -> Shown<'_> + Clone + Send + 'a) -> Self
    where
        K: 'a,
    {
        let too = shown.clone();
        Self {
            text: Box::new(move |result| text::debug(&shown(result))),
            field: Some(Box::new(move |legacy, body| text::differing_field(&too(legacy), &too(body)))),
            is_clean: false,
        }
    }

    /// The same with another way to become text, but still with the field in which two differ.
    pub(super) fn clean<D: fmt::Display>(self, clean: impl Fn(&K) -> D + Send + 'a) -> Self
    where
        K: 'a,
    {
        let text = move |result: &K| text::cut(text::LONGEST_LOOK, |to| write!(to, "{}", clean(result)));
        Self { text: Box::new(text), field: self.field, is_clean: true }
    }
}

/// A result as reports show it.
pub(super) enum Shown<'a> {
    Value(&'a dyn fmt::Debug),
    Ok(&'a dyn fmt::Debug),
    Err(String),
}

/// What stands for a value of a type without `Debug`.
pub(super) struct Hidden<T>(PhantomData<fn() -> T>);

impl<T> Hidden<T> {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Ok(value) => f.debug_tuple("Ok").field(value).finish(),
            Self::Err(text) => f.debug_tuple("Err").field(&format_args!("{text}")).finish(),
        }
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(not shown: `{}` has no `Debug`)", type_name::<T>())
    }
}
