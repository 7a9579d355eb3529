//! The tokens of an enum and of its `#[flag_value(..)]`s.

use syn::{Data, DeriveInput, Fields, Generics, Ident};

use crate::arguments::{Arguments, Target, parse_helpers};
use crate::diagnostics::Diagnostics;

/// The item that the derive stands on.
pub(super) struct ValueItem {
    pub(super) ident: Ident,
    pub(super) generics: Generics,
    pub(super) arguments: Arguments,
    /// None if it is no enum.
    pub(super) variants: Option<Vec<VariantItem>>,
}

/// One of its variants.
pub(super) struct VariantItem {
    pub(super) ident: Ident,
    pub(super) fields: Fields,
    pub(super) arguments: Arguments,
}

impl ValueItem {
    pub(super) fn read(input: DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let arguments = parse_helpers(&input.attrs, Target::Enum, diagnostics);
        let variants = match input.data {
            Data::Enum(data) => Some(
                data.variants
                    .into_iter()
                    .map(|variant| VariantItem {
                        arguments: parse_helpers(&variant.attrs, Target::Variant, diagnostics),
                        ident: variant.ident,
                        fields: variant.fields,
                    })
                    .collect(),
            ),
            Data::Struct(_) | Data::Union(_) => None,
        };
        Self { ident: input.ident, generics: input.generics, arguments, variants }
    }
}
