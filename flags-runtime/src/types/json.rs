//! JSON values: any type that serde can read.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shared::{FlagRef, SETTLED_AT_DEFAULT, Shareable};
use super::{DefaultValue, FlagValue, Held, Loaded, PublicValue};
use crate::details::AnyValue;
use crate::value::{CompiledValue, ConstDefault, DefaultText, Shape, TextValue};

/// The type of a flag whose value is any JSON that `T` reads: `Flag<Json<Limits>>`.
///
/// It is a marker; a read gives a `FlagRef<T>`. A document whose value `T` does not accept is refused whole.
pub struct Json<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + Send + Sync + 'static> Shareable for T {
    #[inline]
    fn within(compiled: &CompiledValue) -> Option<&Self> {
        match compiled {
            CompiledValue::Json(value) => value.downcast_ref(),
            _ => None,
        }
    }

    fn any(&self, is_default: bool) -> AnyValue<'_> {
        AnyValue::Json { value: self, is_default }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> PublicValue for Json<T> {
    fn to_json(value: &FlagRef<T>) -> Result<String, String> {
        serde_json::to_string(&**value).map_err(|error| error.to_string())
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> FlagValue for Json<T> {
    type Default = T;
    type Made = T;
    type Ref = FlagRef<T>;
    type Text<D: ConstDefault<Value = T>> = JsonText;
    const SHAPE: Shape = Shape { name: "json", variants: &[], idents: &[], is_switch: false };

    fn decode(text: &str) -> Result<Option<CompiledValue>, String> {
        match serde_json::from_str::<T>(text) {
            Ok(value) => Ok(Some(CompiledValue::Json(Arc::new(value)))),
            Err(error) => Err(format!("does not fit the flag's type: {error}")),
        }
    }

    fn default_bits(_: &'static DefaultValue<Self>) -> u64 {
        SETTLED_AT_DEFAULT
    }

    #[inline]
    fn from_settled(_: u64, default: &'static DefaultValue<Self>) -> Option<Self::Ref> {
        Some(FlagRef::settled(default_json(default)))
    }

    #[inline]
    fn from_held(held: Held, default: &'static DefaultValue<Self>) -> Self::Ref {
        FlagRef::of(held, || default_json(default))
    }

    #[inline]
    fn shared(published: Loaded) -> Option<Self::Ref> {
        FlagRef::shared(published)
    }

    fn variant(_: &Self::Ref) -> Option<&'static str> {
        None
    }
}

#[inline]
fn default_json<T: DeserializeOwned + Send + Sync + 'static>(default: &'static DefaultValue<Json<T>>) -> &'static T {
    match default {
        DefaultValue::Constant(value) => value,
        DefaultValue::Made { make, made } => super::made(*make, made),
    }
}

#[doc(hidden)]
pub struct JsonText;

impl DefaultText for JsonText {
    const TEXT: TextValue = TextValue::Expression;
}
