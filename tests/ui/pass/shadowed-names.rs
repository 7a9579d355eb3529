//! Expansions name nothing that a user can shadow.
#![deny(warnings, clippy::pedantic, missing_docs)]
#![forbid(unsafe_code)]
#![allow(dead_code, non_camel_case_types, reason = "that is what this program is about")]

mod shadowed {
    pub(crate) struct Option;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Result;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct Vec;
    pub(crate) struct Iterator;
    pub(crate) struct Future;
    pub(crate) struct Send;
    pub(crate) struct Sync;
    pub(crate) struct Sized;
    pub(crate) struct str;
    pub(crate) struct u8;
    pub(crate) struct u64;
    pub(crate) struct usize;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod inventory {}
    pub(crate) mod flags_runtime {}
}

/// Everything that an expansion could take for the real thing, and every form of one.
mod user {
    use ::flags_runtime::{EvaluationContext, Flag, FlagValue, Json, feature_flag, flag};

    #[allow(unused_imports, clippy::wildcard_imports, reason = "unused is what they are to be")]
    use super::shadowed::*;

    type bool = ::core::primitive::bool;

    #[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
    pub(crate) enum Pricing {
        Control,
        #[flag_value(rename = "b", alias = "old-b")]
        None,
    }

    #[feature_flag(name = "pricing", default = Pricing::None, expires = "2099-03-01", owner = "us", kind = ops, public)]
    pub(crate) static PRICING: Flag<Pricing>;

    #[feature_flag(name = "text", default = "text", expires = never("a dial"))]
    pub(crate) static TEXT: Flag<::std::string::String>;

    #[feature_flag(name = "count", default_fn = count, expires = "2099-03-01")]
    pub(crate) static COUNT: Flag<::core::primitive::u8>;

    fn count() -> ::core::primitive::u8 {
        3
    }

    #[feature_flag(name = "json", default = 1.5, expires = "2099-03-01")]
    pub(crate) static JSON: Flag<Json<f64>>;

    #[feature_flag(name = "expired", default = false, expires = "2020-01-01")]
    #[allow(deprecated)]
    pub(crate) static EXPIRED: Flag<bool>;

    #[feature_flag(name = "gate", default = false, expires = "2099-03-01", off = old)]
    fn new((first, _): (f32, f32)) -> f32 {
        first
    }

    fn old((_, second): (f32, f32)) -> f32 {
        second
    }

    #[feature_flag(GATE, off = old_boxed)]
    fn boxed(is_on: f32) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = f32>>> {
        let off = is_on;
        ::std::boxed::Box::pin(async move { off })
    }

    fn old_boxed(side: f32) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = f32>>> {
        ::std::boxed::Box::pin(async move { side })
    }

    // Parameters with the names that the expansion has for its own.
    #[feature_flag(GATE, off = old_numbers)]
    fn numbers(off: f32, is_on: f32, side: f32) -> impl ::core::iter::Iterator<Item = f32> {
        [off, is_on, side].into_iter()
    }

    fn old_numbers(off: f32, is_on: f32, side: f32) -> impl ::core::iter::Iterator<Item = f32> {
        [side, is_on, off].into_iter()
    }

    #[feature_flag(GATE, off = old_future)]
    fn future(side: f32) -> impl ::core::future::Future<Output = f32> {
        let off = side;
        ::core::future::ready(off)
    }

    async fn old_future(side: f32) -> f32 {
        side
    }

    #[allow(deprecated, reason = "one of them has expired")]
    pub(crate) fn read_all() {
        let ctx = EvaluationContext::new("u1");
        assert_eq!(flag!(PRICING), Pricing::None);
        assert_eq!(flag!(PRICING, &ctx, details).variant.as_deref(), ::core::option::Option::Some("b"));
        assert_eq!(flag!(TEXT, &ctx), "text");
        assert_eq!((flag!(COUNT), *flag!(JSON)), (3, 1.5));
        assert!(!flag!(EXPIRED, explain).details.value);
        assert!((new((1.0, 2.0)) - 2.0).abs() < 0.1);
        assert!(numbers(1.0, 2.0, 3.0).eq([3.0, 2.0, 1.0]));
        drop((boxed(1.0), future(1.0)));
    }
}

fn main() {
    user::read_all();
}
