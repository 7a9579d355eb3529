//! The tokens of an enum's implementation.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::Ident;

use super::model::Variant;

/// The call of the runtime's macro.
pub(super) fn expand(ident: &Ident, variants: &[Variant], runtime: &TokenStream) -> TokenStream {
    let variants = variants.iter().enumerate().map(|(at, Variant { ident, text, aliases })| {
        let bits = Literal::usize_unsuffixed(at);
        quote!((#ident, #bits, #text, [#(#aliases),*]))
    });
    quote! {
        #runtime::__flags_enum! {
            type = #ident,
            variants = [#(#variants),*],
        }
    }
}
