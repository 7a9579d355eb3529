//! Value: what a flag of a type can be forced to.

use std::sync::Arc;

use crate::types::{Json, Scalar};
use crate::value::CompiledValue;

/// A value that a flag of type `T` can be forced to: the type itself; for `String` any string; for `Json<V>` a `V`.
pub trait IntoForced<T> {
    #[doc(hidden)]
    fn into_forced(self) -> CompiledValue;
}

impl<T: Scalar> IntoForced<T> for T {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Bits(self.to_bits())
    }
}

impl IntoForced<String> for String {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Text(self.into())
    }
}

impl IntoForced<String> for &String {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Text(self.as_str().into())
    }
}

impl IntoForced<String> for &str {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Text(self.into())
    }
}

impl<T: serde::de::DeserializeOwned + Send + Sync + 'static> IntoForced<Json<T>> for T {
    fn into_forced(self) -> CompiledValue {
        CompiledValue::Json(Arc::new(self))
    }
}
