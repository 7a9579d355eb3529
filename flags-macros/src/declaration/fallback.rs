//! The static that stands in for a declaration with a mistake.

use proc_macro2::TokenStream;
use quote::quote;

use super::StaticTokens;

/// The user's static with a value that compiles, so that its uses do; not registered, and its name not guarded.
pub(crate) fn stand_in(tokens: &StaticTokens, runtime: &TokenStream) -> TokenStream {
    let StaticTokens { attributes, visibility, static_token, ident, colon, ty, semicolon, .. } = tokens;
    quote! {
        #attributes
        #visibility #static_token #ident #colon #ty = #runtime::__flags_stand_in!(#ty) #semicolon
    }
}
