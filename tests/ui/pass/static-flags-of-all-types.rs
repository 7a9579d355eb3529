//! Flags of every type, declared at every place where a static can stand.
#![deny(warnings, missing_docs, unreachable_pub, non_local_definitions)]
#![forbid(unsafe_code)]

use flags_runtime::{Flag, FlagValue, Json, feature_flag, flag};

/// An enum.
#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
pub enum Pricing {
    /// Usual.
    Control,
    /// Bold.
    VariantA,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// At most.
    pub max: u32,
}

impl<'de> serde::Deserialize<'de> for Limits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { max: u32::deserialize(deserializer)? })
    }
}

impl Limits {
    fn usual() -> Self {
        Self { max: 7 }
    }
}

/// An alias of the type is as good as the type.
pub type Switch = Flag<bool>;

/// A bool.
#[feature_flag(name = "bool", default = true, expires = "2099-03-01", owner = "payments", kind = release, public)]
pub static BOOL: Flag<bool>;

#[feature_flag(name = "alias", default = false, expires = "2099-03-01")]
static ALIAS: Switch;

#[feature_flag(name = "u8", default = u8::MAX, expires = "2099-03-01", created = "2025-01-01", ticket = "PAY-1")]
static U8: Flag<u8>;

#[feature_flag(name = "i64", default = -1, expires = "2099-03-01", key = "Größe X")]
static I64: Flag<i64>;

#[feature_flag(name = "f64", default = 0.5, expires = never("a threshold"), kind = ops, public = false)]
static F64: flags_runtime::Flag<f64>;

/// An enum.
#[feature_flag(name = "enum", default = Pricing::Control, expires = "2099-03-01")]
pub static PRICING: Flag<Pricing>;

#[feature_flag(name = "string", default = "hello", expires = "2099-03-01")]
static STRING: Flag<String>;

#[feature_flag(name = "json", default = Limits { max: 60 * 60 }, expires = "2099-03-01")]
static JSON: Flag<Json<Limits>>;

#[feature_flag(name = "json-made", default_fn = Limits::usual, expires = "2099-03-01")]
static JSON_MADE: Flag<Json<Limits>>;

#[cfg(any())]
#[feature_flag(name = "absent", default = no_such_thing, expires = "2099-03-01")]
static ABSENT: NoSuchType;

#[feature_flag(name = "absent", default = no_such_thing, expires = "2099-03-01")]
#[cfg(any())]
static ABSENT: NoSuchType;

#[feature_flag(name = "absent", default = true, expires = "2099-03-01")]
#[allow(dead_code)]
static ABSENT: Flag<bool>;

#[feature_flag(name = "lower", default = true, expires = "2099-03-01")]
#[allow(non_upper_case_globals)]
static lower: Flag<bool>;

mod inner {
    use flags_runtime::{Flag, feature_flag};

    #[feature_flag(name = "inner.visible", default = true, expires = "2099-03-01")]
    pub(super) static VISIBLE: Flag<bool>;
}

macro_rules! declare {
    ($(#[$attribute:meta])* $visibility:vis $ident:ident, $name:literal, $default:expr, $type:ty) => {
        $(#[$attribute])*
        #[feature_flag(name = $name, default = $default, expires = "2099-03-01")]
        $visibility static $ident: Flag<$type>;
    };
}

declare! {
    /// Made by a macro.
    pub MADE, "made", 1 + 1, u16
}

fn main() {
    #[feature_flag(name = "local", default = true, expires = "2099-03-01")]
    static LOCAL: Flag<bool>;
    let in_closure = || {
        #[feature_flag(name = "in_closure", default = true, expires = "2099-03-01")]
        static LOCAL: Flag<bool>;
        flag!(LOCAL)
    };

    assert!(flag!(BOOL) && !flag!(ALIAS) && flag!(ABSENT) && flag!(lower) && flag!(inner::VISIBLE));
    assert!(flag!(LOCAL) && in_closure());
    assert_eq!((flag!(U8), flag!(I64), flag!(MADE)), (255, -1, 2));
    assert!((flag!(F64) - 0.5).abs() < f64::EPSILON);
    assert_eq!(flag!(PRICING), Pricing::Control);
    assert_eq!(flag!(STRING), *"hello");
    assert_eq!((flag!(JSON).max, flag!(JSON_MADE).max), (3600, 7));
}
