//! Flag types: the types a flag can have, and what a read of each gives.
//!
//! Two families. *Scalars* (bool, numbers, enums) fit the 64 bits of a cell and are read by value. *Shared* values
//! ([`String`], [`Json`]) are read as a [`FlagRef`]: borrowed from the default or from the published rule, without an
//! allocation and without touching a shared counter.

mod json;
pub(crate) mod scalar;
mod shared;

use std::sync::{Arc, OnceLock};

use arc_swap::Guard;

pub use json::Json;
pub use scalar::{Scalar, decode_variant};
pub use shared::FlagRef;

use crate::details::AnyValue;
use crate::rules::rule::Published;
use crate::value::{CompiledValue, ConstDefault, DefaultText, Shape};

/// A type that a flag can have.
///
/// Implemented for `bool`, all integers up to 64 bits, `f32`, `f64`, [`String`], [`Json<T>`](Json), and for enums
/// without fields by `#[derive(FlagValue)]`. Sealed: there is no other way to implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a flag can have",
    label = "not a flag type",
    note = "a flag is a bool, an integer or float of at most 64 bits, a `String`, a `Json<T>`, or an enum without fields \
            that has `#[derive(FlagValue)]`"
)]
pub trait FlagValue: Sized + 'static {
    /// What `default = ..` takes: the type itself for scalars, `&'static str` for `String`, `T` for `Json<T>`.
    type Default: Send + Sync + 'static;
    /// What `default_fn = ..` returns: the type itself for scalars, `String` for `String`, `T` for `Json<T>`.
    type Made: Send + Sync + 'static;
    /// What a read gives: the type itself for scalars, else a [`FlagRef`].
    type Ref: Shown + Send + Sync + 'static;

    #[doc(hidden)]
    const SHAPE: Shape;
    #[doc(hidden)]
    const IS_SCALAR: bool = false;
    #[doc(hidden)]
    type Text<D: ConstDefault<Value = Self::Default>>: DefaultText;
    #[doc(hidden)]
    fn decode(text: &str) -> Result<Option<CompiledValue>, String>;
    #[doc(hidden)]
    fn default_bits(default: &'static DefaultValue<Self>) -> u64;
    #[doc(hidden)]
    fn from_settled(bits: u64, default: &'static DefaultValue<Self>) -> Option<Self::Ref>;
    #[doc(hidden)]
    fn from_held(held: Held, default: &'static DefaultValue<Self>) -> Self::Ref;
    /// What everybody gets by what is published; none for scalars, and where that has changed.
    #[doc(hidden)]
    fn shared(_: Loaded) -> Option<Self::Ref> {
        None
    }
    #[doc(hidden)]
    fn variant(value: &Self::Ref) -> Option<&'static str>;
}

/// What a read gives, for code that is told of every flag. Implemented for what [`FlagValue::Ref`] can be.
#[doc(hidden)]
pub trait Shown {
    fn any(&self) -> AnyValue<'_>;
}

/// A type whose flags may be `public`: their values can be written as JSON.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a flag of type `{Self}` cannot be `public`: its values do not serialize",
    label = "not serializable",
    note = "public values leave the process as JSON: add `#[derive(serde::Serialize)]` to the type inside `Json<..>`"
)]
pub trait PublicValue: FlagValue {
    fn to_json(value: &Self::Ref) -> Result<String, String>;
}

/// What was published when a reader looked.
pub(crate) type Loaded = Guard<Option<Arc<Published>>>;

/// The outcome of an evaluation, holding what the value is borrowed from.
#[doc(hidden)]
pub enum Held {
    Default,
    Bits(u64),
    /// The rule's own value.
    Rule(Loaded),
    /// A value of its own, as a forced one is.
    Own(CompiledValue),
}

/// A declared default: a constant, or a function that is called once, at the first need.
#[doc(hidden)]
pub enum DefaultValue<T: FlagValue> {
    Constant(T::Default),
    Made { make: fn() -> T::Made, made: OnceLock<T::Made> },
}

impl<T: FlagValue> DefaultValue<T> {
    /// A constant default.
    pub const fn constant(value: T::Default) -> Self {
        Self::Constant(value)
    }

    /// A default made at the first need. Concurrent first readers may each call `make`; the first result counts.
    pub const fn made_by(make: fn() -> T::Made) -> Self {
        Self::Made { make, made: OnceLock::new() }
    }
}

/// The value of a default that is made. Not made inside `get_or_init`: a reader must not wait for another one's code.
fn made<M>(make: fn() -> M, slot: &OnceLock<M>) -> &M {
    if let Some(value) = slot.get() {
        return value;
    }
    let value = make();
    slot.get_or_init(|| value)
}
