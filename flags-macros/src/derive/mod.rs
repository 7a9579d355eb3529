//! `#[derive(FlagValue)]`: an enum without fields as the type of a flag.

mod case;
mod expand;
mod fallback;
mod model;
mod parse;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// The expansion of the derive.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let item = parse::ValueItem::read(input, &mut diagnostics);
    let runtime = item.arguments.runtime(&mut diagnostics);
    let expansion = match validate::validate(&item, &mut diagnostics) {
        Some(variants) => expand::expand(&item.ident, &variants, &runtime),
        None => fallback::stand_in(&item, &runtime),
    };
    let mut tokens = diagnostics.into_compile_errors();
    tokens.extend(expansion);
    tokens
}
