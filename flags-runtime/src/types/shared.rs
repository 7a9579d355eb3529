//! Shared values: strings, and the reference through which shared values are read.

use std::fmt;
use std::ops::Deref;

use arc_swap::Guard;

use super::{DefaultValue, FlagValue, Held, Loaded, PublicValue, Shown};
use crate::details::AnyValue;
use crate::value::{CompiledValue, ConstDefault, DefaultText, Shape, TextValue};

/// A string or JSON flag's value, borrowed from where it lives: the declared default or the rule that was published
/// when it was read. It stays as it is while it is held, whatever is published meanwhile.
///
/// `Deref` to the value; `Send`, `Sync` and `'static`, so it may be kept across `.await`. Keep it for a request, not
/// for ever: a long-held one keeps a whole rule in memory.
pub struct FlagRef<V: Shareable + ?Sized> {
    place: Place<V>,
}

enum Place<V: ?Sized + 'static> {
    Static(&'static V),
    Rule(Loaded),
    Own(CompiledValue),
}

/// What a [`FlagRef`] can refer to: `str`, and the `T` of a `Json<T>`.
#[doc(hidden)]
pub trait Shareable: Send + Sync + 'static {
    /// The value inside a compiled one; none if it is of another type, which compiling excludes.
    fn within(compiled: &CompiledValue) -> Option<&Self>;
    fn any(&self, is_default: bool) -> AnyValue<'_>;
}

impl Shareable for str {
    #[inline]
    fn within(compiled: &CompiledValue) -> Option<&Self> {
        match compiled {
            CompiledValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn any(&self, _: bool) -> AnyValue<'_> {
        AnyValue::String(self)
    }
}

impl<V: Shareable + ?Sized> Shown for FlagRef<V> {
    fn any(&self) -> AnyValue<'_> {
        (**self).any(matches!(self.place, Place::Static(_)))
    }
}

impl PublicValue for String {
    fn to_json(value: &FlagRef<str>) -> Result<String, String> {
        serde_json::to_string(&**value).map_err(|error| error.to_string())
    }
}

impl<V: Shareable + ?Sized> FlagRef<V> {
    #[inline]
    pub(super) fn of(held: Held, default: impl FnOnce() -> &'static V) -> Self {
        let place = match held {
            Held::Rule(published) if within_rule::<V>(&published).is_some() => Place::Rule(published),
            Held::Own(value) if V::within(&value).is_some() => Place::Own(value),
            Held::Default | Held::Bits(_) | Held::Rule(_) | Held::Own(_) => Place::Static(default()),
        };
        Self { place }
    }

    /// The declared default.
    #[inline]
    pub(super) fn settled(default: &'static V) -> Self {
        Self { place: Place::Static(default) }
    }

    /// The value that everybody gets; none if what is published has another one for others.
    #[inline]
    pub(super) fn shared(published: Loaded) -> Option<Self> {
        V::within(published.as_ref()?.shared_value()?)?;
        Some(Self { place: Place::Rule(published) })
    }

    /// The value as an owned one: a `String` for a string flag, a clone of `T` for `Json<T>`.
    pub fn into_owned(self) -> V::Owned
    where
        V: ToOwned,
    {
        (*self).to_owned()
    }
}

#[inline]
fn within_rule<V: Shareable + ?Sized>(published: &Loaded) -> Option<&V> {
    V::within(published.as_ref()?.on_value()?)
}

impl<V: Shareable + ?Sized> Deref for FlagRef<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        let found = match &self.place {
            Place::Static(value) => return value,
            Place::Rule(published) => within_rule(published),
            Place::Own(value) => V::within(value),
        };
        match found {
            Some(value) => value,
            None => unreachable!("`FlagRef::of` looked at this very value, and it does not change"),
        }
    }
}

/// Costs a reference count where the value is a rule's.
impl<V: Shareable + ?Sized> Clone for FlagRef<V> {
    fn clone(&self) -> Self {
        let place = match &self.place {
            Place::Static(value) => Place::Static(*value),
            Place::Rule(published) => Place::Rule(Guard::from_inner(Option::clone(published))),
            Place::Own(value) => Place::Own(value.clone()),
        };
        Self { place }
    }
}

impl<V: Shareable + ?Sized> AsRef<V> for FlagRef<V> {
    fn as_ref(&self) -> &V {
        self
    }
}

impl<V: Shareable + fmt::Debug + ?Sized> fmt::Debug for FlagRef<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<V: Shareable + fmt::Display + ?Sized> fmt::Display for FlagRef<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl<V: Shareable + PartialEq + ?Sized> PartialEq for FlagRef<V> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<V: Shareable + PartialEq + ?Sized> PartialEq<V> for FlagRef<V> {
    fn eq(&self, other: &V) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for FlagRef<str> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl FlagValue for String {
    type Default = &'static str;
    type Made = String;
    type Ref = FlagRef<str>;
    type Text<D: ConstDefault<Value = &'static str>> = StringText<D>;
    const SHAPE: Shape = Shape { name: "string", variants: &[], idents: &[], is_switch: false };

    fn decode(text: &str) -> Result<Option<CompiledValue>, String> {
        let value: String = serde_json::from_str(text).map_err(|_| "is not a string".to_owned())?;
        Ok(Some(CompiledValue::Text(value.into())))
    }

    fn default_bits(_: &'static DefaultValue<Self>) -> u64 {
        SETTLED_AT_DEFAULT
    }

    #[inline]
    fn from_settled(_: u64, default: &'static DefaultValue<Self>) -> Option<Self::Ref> {
        Some(FlagRef::settled(default_text(default)))
    }

    #[inline]
    fn from_held(held: Held, default: &'static DefaultValue<Self>) -> Self::Ref {
        FlagRef::of(held, || default_text(default))
    }

    #[inline]
    fn shared(published: Loaded) -> Option<Self::Ref> {
        FlagRef::shared(published)
    }

    fn variant(_: &Self::Ref) -> Option<&'static str> {
        None
    }
}

/// The only settled state of a shared value: everybody gets the default, which is no number.
pub(super) const SETTLED_AT_DEFAULT: u64 = 0;

#[inline]
fn default_text(default: &'static DefaultValue<String>) -> &'static str {
    match default {
        DefaultValue::Constant(text) => text,
        DefaultValue::Made { make, made } => super::made(*make, made).as_str(),
    }
}

#[doc(hidden)]
pub struct StringText<D>(D);

impl<D: ConstDefault<Value = &'static str>> DefaultText for StringText<D> {
    const TEXT: TextValue = TextValue::String(D::VALUE);
}
