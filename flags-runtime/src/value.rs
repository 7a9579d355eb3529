//! Values outside their Rust type: what a document's value compiles to, and how a type and a default look in a record.

use std::any::Any;
use std::sync::Arc;

/// A document's value, compiled for the flag's type.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum CompiledValue {
    /// A scalar, as the flag's type encodes it.
    Bits(u64),
    /// A string.
    Text(Box<str>),
    /// What serde read for a `Json<T>`: a `T`.
    Json(Arc<dyn Any + Send + Sync>),
}

#[cfg(feature = "testing")]
impl CompiledValue {
    /// The bits of a scalar.
    pub(crate) fn bits(&self) -> Option<u64> {
        if let Self::Bits(bits) = self { Some(*bits) } else { None }
    }
}

/// Reads a JSON text in a flag's type. None only where a value that does not fit is no error; an error completes the
/// sentence "`value` .. ".
pub(crate) type Decode = fn(&str) -> Result<Option<CompiledValue>, String>;

/// What a flag's type looks like from outside Rust.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `bool`, `u8` .. `i64`, `f32`, `f64`, `string`, `json`, `enum`
    pub name: &'static str,
    /// The names of an enum's variants, in declaration order.
    pub variants: &'static [&'static str],
    /// The same as Rust calls them.
    pub idents: &'static [&'static str],
    /// A switch is on or off, and its document's value is not read for decisions.
    pub is_switch: bool,
}

/// A constant default, lifted to a type so that its text can be computed at compile time.
#[doc(hidden)]
pub trait ConstDefault {
    type Value: 'static;
    const VALUE: Self::Value;
}

/// How a flag's type writes a default into a record.
#[doc(hidden)]
pub trait DefaultText {
    const TEXT: TextValue;
}

/// A default, as far as constant evaluation can write it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum TextValue {
    Bool(bool),
    Integer(i128),
    String(&'static str),
    /// Only the source text of the expression is known.
    Expression,
}
