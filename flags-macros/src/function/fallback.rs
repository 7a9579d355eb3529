//! What stands in for a gated function with a mistake.

use proc_macro2::TokenStream;
use quote::quote;

use super::parse::FunctionItem;
use super::validate::{is_staged, no_sibling, static_tokens};
use crate::arguments::{Arguments, Key};
use crate::declaration;
use crate::diagnostics::Diagnostics;
use crate::name;

/// The function as the user wrote it, and the static that it would declare if a usable name says which.
pub(super) fn stand_in(item: &FunctionItem, arguments: &Arguments, runtime: &TokenStream) -> TokenStream {
    // What is wrong with the name has been said.
    let unheard = &mut Diagnostics::default();
    let name = arguments.find(Key::Name).and_then(|name| name.string(unheard));
    let sibling = name
        .filter(|name| {
            arguments.flag.is_none() && name::problem(&name.value()).is_none() && no_sibling(item, arguments).is_none()
        })
        .and_then(|name| name::static_ident(&name))
        .map(|ident| declaration::stand_in(&static_tokens(item, ident, is_staged(arguments), runtime), runtime));
    quote!(#sibling #item)
}
