//! Functions of all shapes, each behind a flag that is on and behind one that is off.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

use std::fmt::Display;

use flags_runtime::{EvaluationContext, Flag, feature_flag};

/// On.
#[feature_flag(name = "on", default = true, expires = "2099-03-01")]
pub static ON: Flag<bool>;

/// Off.
#[feature_flag(name = "off", default = false, expires = "2099-03-01")]
pub static OFF: Flag<bool>;

/// Two functions with one body and one other side.
macro_rules! twins {
    ($on:ident, $off:ident, [$($legacy:tt)*], ($($parameters:tt)*) -> $output:ty, $body:block) => {
        #[feature_flag(ON, off = $($legacy)*)]
        fn $on($($parameters)*) -> $output $body

        #[feature_flag(OFF, off = $($legacy)*)]
        fn $off($($parameters)*) -> $output $body
    };
}

mod legacy {
    pub(crate) struct Old;

    pub(crate) trait Answers<A> {
        fn answer<T: From<u8>>(argument: A) -> T;
    }

    impl Answers<u8> for Old {
        fn answer<T: From<u8>>(argument: u8) -> T {
            T::from(argument)
        }
    }

    pub(crate) fn of_nothing() -> &'static str {
        "old"
    }

    pub(crate) fn of_user(_: &str) -> &'static str {
        "old"
    }

    pub(crate) fn owned(text: String, mut more: Vec<u8>) -> (String, usize) {
        more.push(0);
        (format!("old {text}"), more.len())
    }

    pub(crate) fn borrowed<'a>(first: &'a str, _second: &str) -> &'a str {
        &first[1..]
    }

    pub(crate) fn mutable(target: &mut Vec<u8>) -> Option<&mut u8> {
        target.push(1);
        target.first_mut()
    }

    pub(crate) fn generic<T: Default, const N: usize>(_: [T; N]) -> (T, usize) {
        (T::default(), N + 100)
    }

    pub(crate) fn opaque(argument: impl std::fmt::Display, call: impl FnOnce() -> u8) -> String {
        format!("old {argument} {}", call())
    }

    pub(crate) fn patterns((a, b): (u8, u8), _: u8, c: super::Pair, _unused: u8) -> u8 {
        a + b + c.left + c.right + 100
    }
}

struct Pair {
    left: u8,
    right: u8,
}

twins!(nothing_on, nothing_off, [legacy::of_nothing], () -> &'static str, { "new" });

twins!(empty_on, empty_off, [drop], (_: String) -> (), {});

twins!(qualified_on, qualified_off, [<legacy::Old as legacy::Answers<u8>>::answer::<u16>], (a: u8) -> u16, {
    u16::from(a) + 100
});

twins!(owned_on, owned_off, [legacy::owned], (text: String, mut more: Vec<u8>) -> (String, usize), {
    more.clear();
    (text, more.len())
});

twins!(early_on, early_off, [legacy::of_nothing], () -> &'static str, {
    if std::env::args().count() > 0 {
        return "new";
    }
    "never"
});

/// Visible, with lifetimes.
#[feature_flag(ON, off = legacy::borrowed)]
#[must_use]
pub fn borrowed_on<'a>(first: &'a str, second: &str) -> &'a str {
    if second.is_empty() { "" } else { first }
}

#[feature_flag(OFF, off = legacy::borrowed)]
fn borrowed_off<'a>(first: &'a str, _second: &str) -> &'a str {
    first
}

twins!(mutable_on, mutable_off, [legacy::mutable], (target: &mut Vec<u8>) -> Option<&mut u8>, { target.last_mut() });

#[feature_flag(ON, off = legacy::generic::<T, N>)]
fn generic_on<T, const N: usize>(array: [T; N]) -> (T, usize)
where
    T: Default,
{
    drop(array);
    (T::default(), N)
}

#[feature_flag(OFF, off = legacy::generic)]
fn generic_off<T: Default, const N: usize>(array: [T; N]) -> (T, usize) {
    drop(array);
    (T::default(), N)
}

twins!(opaque_on, opaque_off, [legacy::opaque], (argument: impl Display, call: impl FnOnce() -> u8) -> String, {
    format!("new {argument} {}", call())
});

twins!(patterns_on, patterns_off, [legacy::patterns], ((a, b): (u8, u8), _: u8, Pair { left, .. }: Pair, _unused: u8) -> u8, {
    a + b + left
});

/// Declares its flag; the parameters under `cfg` are there or not.
#[feature_flag(name = "fast-search", default = false, expires = "2099-03-01", off = with_conditions)]
#[allow(dead_code, unused_variables)]
pub fn search(
    first: u8,
    #[cfg(all())] second: u8,
    #[cfg(any())] third: NoSuchType,
    #[cfg(not(any()))] (a, b): (u8, u8),
) -> u8 {
    first
}

fn with_conditions(first: u8, second: u8, (a, b): (u8, u8)) -> u8 {
    first + second + a + b
}

#[feature_flag(ON)]
fn nobody_on(said: &mut Vec<u8>) {
    said.push(1);
}

#[feature_flag(OFF)]
fn nobody_off(said: &mut Vec<u8>) -> () {
    said.push(1);
}

#[feature_flag(OFF, off = legacy::of_user, context = &EvaluationContext::new(user).group("beta"))]
fn in_context(user: &str) -> &'static str {
    if user.is_empty() { "nobody" } else { "new" }
}

#[feature_flag(ON, off = never_old)]
fn never_on() -> ! {
    panic!("new")
}

#[feature_flag(OFF, off = never_old)]
fn never_off() -> ! {
    panic!("new")
}

fn never_old() -> ! {
    panic!("old")
}

#[feature_flag(OFF, off = inner_attribute_old)]
extern "C" fn inner_attribute(a: u8) -> u8 {
    #![allow(unused_variables)]
    let unused = a;
    a
}

fn inner_attribute_old(a: u8) -> u8 {
    a + 1
}

fn message_of(call: fn() -> !) -> &'static str {
    let payload = std::panic::catch_unwind(|| call()).expect_err("it never returns");
    payload.downcast_ref::<&str>().copied().unwrap_or_default()
}

fn main() {
    assert_eq!((nothing_on(), nothing_off()), ("new", "old"));
    empty_on(String::new());
    empty_off(String::new());
    assert_eq!((qualified_on(1), qualified_off(1)), (101, 1));
    assert_eq!(owned_on("a".to_owned(), vec![1]), ("a".to_owned(), 0));
    assert_eq!(owned_off("a".to_owned(), vec![1]), ("old a".to_owned(), 2));
    assert_eq!((early_on(), early_off()), ("new", "old"));
    assert_eq!((borrowed_on("ab", "x"), borrowed_off("ab", "x")), ("ab", "b"));
    let mut target = vec![7, 8];
    assert_eq!(mutable_on(&mut target).copied(), Some(8));
    assert_eq!(mutable_off(&mut target).copied(), Some(7));
    assert_eq!(target, [7, 8, 1]);
    assert_eq!((generic_on([1_u8, 2]), generic_off([1_u8, 2])), ((0, 2), (0, 102)));
    assert_eq!((opaque_on('x', || 1), opaque_off('x', || 2)), ("new x 1".to_owned(), "old x 2".to_owned()));
    let pair = || Pair { left: 3, right: 4 };
    assert_eq!((patterns_on((1, 2), 9, pair(), 9), patterns_off((1, 2), 9, pair(), 9)), (6, 110));
    assert_eq!(search(1, 2, (3, 4)), 10);
    assert!(!flags_runtime::flag!(FAST_SEARCH));
    let mut said = Vec::new();
    nobody_off(&mut said);
    assert!(said.is_empty());
    nobody_on(&mut said);
    assert_eq!(said, [1]);
    assert_eq!(in_context("user-42"), "old");
    assert_eq!((message_of(never_on), message_of(never_off)), ("new", "old"));
    assert_eq!(inner_attribute(1), 2);

    #[feature_flag(name = "nested", default = true, expires = "2099-03-01", off = legacy::of_nothing)]
    fn nested() -> &'static str {
        "new"
    }
    assert_eq!(nested(), "new");
}
