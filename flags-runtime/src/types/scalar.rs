//! Scalars: values that fit the 64 bits of a cell.

use super::{DefaultValue, FlagValue, Held, PublicValue, Shown};
use crate::details::AnyValue;
use crate::value::{CompiledValue, ConstDefault, DefaultText, Shape, TextValue};

/// A type whose values fit 64 bits. Implemented by this crate and by `#[derive(FlagValue)]` only.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a flag can have",
    label = "not a flag type",
    note = "a flag is a bool, an integer or float of at most 64 bits, a `String`, a `Json<T>`, or an enum without fields \
            that has `#[derive(FlagValue)]`"
)]
pub trait Scalar: Sized + Send + Sync + 'static {
    const SHAPE: Shape;
    type Text<D: ConstDefault<Value = Self>>: DefaultText;
    fn to_bits(&self) -> u64;
    fn from_bits(bits: u64) -> Self;
    /// The same of a settled cell; none sends the reader the slow way. An enum has no other bits than its variants', so that this and
    /// whether the cell is settled are one comparison.
    #[inline]
    fn from_settled(bits: u64) -> Option<Self> {
        Some(Self::from_bits(bits))
    }
    /// The value of a document in this type; none only where a value that does not fit is not an error.
    fn decode(text: &str) -> Result<Option<Self>, String>;
    fn variant(&self) -> Option<&'static str> {
        None
    }
    fn any(&self) -> AnyValue<'static> {
        AnyValue::Variant(self.variant().unwrap_or_default())
    }
    /// The value as a document holds it; an error for what no document can hold. An enum's is the name of its variant.
    fn to_json(&self) -> Result<String, String> {
        Ok(serde_json::Value::from(self.variant()).to_string())
    }
}

impl<T: Scalar> FlagValue for T {
    type Default = T;
    type Made = T;
    type Ref = T;
    type Text<D: ConstDefault<Value = T>> = <T as Scalar>::Text<D>;
    const SHAPE: Shape = <T as Scalar>::SHAPE;
    const IS_SCALAR: bool = true;

    fn decode(text: &str) -> Result<Option<CompiledValue>, String> {
        Ok(<T as Scalar>::decode(text)?.map(|value| CompiledValue::Bits(value.to_bits())))
    }

    fn default_bits(default: &'static DefaultValue<T>) -> u64 {
        match default {
            DefaultValue::Constant(value) => value.to_bits(),
            DefaultValue::Made { make, made } => super::made(*make, made).to_bits(),
        }
    }

    #[inline]
    fn from_settled(bits: u64, _: &'static DefaultValue<T>) -> Option<T> {
        Scalar::from_settled(bits)
    }

    fn from_held(held: Held, default: &'static DefaultValue<T>) -> T {
        let compiled = match &held {
            Held::Bits(bits) => return T::from_bits(*bits),
            Held::Default => None,
            Held::Rule(published) => published.as_ref().and_then(|published| published.on_value()),
            Held::Own(value) => Some(value),
        };
        match compiled {
            Some(CompiledValue::Bits(bits)) => T::from_bits(*bits),
            _ => T::from_bits(Self::default_bits(default)),
        }
    }

    fn variant(value: &T) -> Option<&'static str> {
        Scalar::variant(value)
    }
}

impl<T: Scalar> Shown for T {
    fn any(&self) -> AnyValue<'_> {
        Scalar::any(self)
    }
}

impl<T: Scalar> PublicValue for T {
    fn to_json(value: &T) -> Result<String, String> {
        Scalar::to_json(value)
    }
}

impl Scalar for bool {
    const SHAPE: Shape = Shape { name: "bool", variants: &[], idents: &[], is_switch: true };
    type Text<D: ConstDefault<Value = Self>> = BoolText<D>;

    fn to_bits(&self) -> u64 {
        u64::from(*self)
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits != 0
    }

    /// Any value is allowed beside a switch; only `configured()` looks at it.
    fn decode(text: &str) -> Result<Option<Self>, String> {
        Ok(match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    fn variant(&self) -> Option<&'static str> {
        Some(if *self { "on" } else { "off" })
    }

    fn any(&self) -> AnyValue<'static> {
        AnyValue::Bool(*self)
    }

    fn to_json(&self) -> Result<String, String> {
        Ok(self.to_string())
    }
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        #[allow(
            clippy::cast_lossless,
            clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap,
            reason = "bits go in and come out through the same two's complement"
        )]
        impl Scalar for $type {
            const SHAPE: Shape = Shape { name: stringify!($type), variants: &[], idents: &[], is_switch: false };
            type Text<D: ConstDefault<Value = Self>> = IntegerText<$type, D>;

            fn to_bits(&self) -> u64 {
                // Two's complement, widened; the mask moves the cell's reserved patterns away from 0, -1
                // and the extremes, the numbers that people use.
                (*self as u64) ^ INTEGER_MASK
            }

            #[inline]
            fn from_bits(bits: u64) -> Self {
                (bits ^ INTEGER_MASK) as $type
            }

            fn decode(text: &str) -> Result<Option<Self>, String> {
                integral(text)
                    .and_then(|number| Self::try_from(number).ok())
                    .map(Some)
                    .ok_or_else(|| format!("is not a whole number from {} to {}", Self::MIN, Self::MAX))
            }

            fn any(&self) -> AnyValue<'static> {
                AnyValue::Integer(*self as i128)
            }

            fn to_json(&self) -> Result<String, String> {
                Ok(self.to_string())
            }
        }

        impl<D: ConstDefault<Value = $type>> DefaultText for IntegerText<$type, D> {
            const TEXT: TextValue = TextValue::Integer(D::VALUE as i128);
        }
    )*};
}

integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

const INTEGER_MASK: u64 = 0x5A6C_39D1_E8B7_4F23;

/// A JSON number that is integral, whatever its spelling (`7`, `7.0`, `7e0`).
fn integral(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = serde_json::from_str(text).ok()?;
    let is_exact = number.fract() == 0.0 && number.abs() <= 18_446_744_073_709_551_616.0;
    #[allow(clippy::cast_possible_truncation, reason = "integral and at most 2^64, far inside i128")]
    is_exact.then_some(number as i128)
}

macro_rules! floats {
    ($($type:ident)*) => {$(
        #[allow(clippy::cast_possible_truncation, reason = "the bits of an f32 were made from 32 bits")]
        impl Scalar for $type {
            const SHAPE: Shape = Shape { name: stringify!($type), variants: &[], idents: &[], is_switch: false };
            type Text<D: ConstDefault<Value = Self>> = FloatText;

            fn to_bits(&self) -> u64 {
                $type::to_bits(*self).into()
            }

            #[inline]
            fn from_bits(bits: u64) -> Self {
                $type::from_bits(bits as _)
            }

            fn decode(text: &str) -> Result<Option<Self>, String> {
                match serde_json::from_str::<$type>(text) {
                    Ok(number) if number.is_finite() => Ok(Some(number)),
                    _ => Err(concat!("is not a number that fits ", stringify!($type)).to_owned()),
                }
            }

            fn any(&self) -> AnyValue<'static> {
                AnyValue::Float((*self).into())
            }

            fn to_json(&self) -> Result<String, String> {
                if !self.is_finite() {
                    return Err(format!("{self} is no number that a document can hold"));
                }
                serde_json::to_string(self).map_err(|error| error.to_string())
            }
        }
    )*};
}

floats! { f32 f64 }

#[doc(hidden)]
pub struct BoolText<D>(D);

impl<D: ConstDefault<Value = bool>> DefaultText for BoolText<D> {
    const TEXT: TextValue = TextValue::Bool(D::VALUE);
}

#[doc(hidden)]
pub struct IntegerText<T, D>(T, D);

#[doc(hidden)]
pub struct FloatText;

impl DefaultText for FloatText {
    const TEXT: TextValue = TextValue::Expression;
}

/// Reads an enum's document value: a string that names a variant. Called by derived code.
#[doc(hidden)]
pub fn decode_variant(text: &str, names: &[&[&str]], variants: &[&str]) -> Result<usize, String> {
    let allowed =
        || format!("is none of {}", variants.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
    let name: std::borrow::Cow<'_, str> = serde_json::from_str(text).map_err(|_| allowed())?;
    names.iter().position(|of_variant| of_variant.contains(&&*name)).ok_or_else(allowed)
}
