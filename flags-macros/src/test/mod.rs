//! `#[flags_runtime::test]`: a test whose flags are forced, whatever makes it a test.

mod expand;
mod matrix;
mod parse;
mod place;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

pub(crate) use place::stands_below_test;

/// The expansion; after a mistake the function is still there, as it was written.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, is_below_test: bool) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let arguments = parse::Arguments::read(arguments, &mut diagnostics);
    let expansion = if let Ok(function) = syn::parse2::<syn::ItemFn>(item.clone()) {
        let test = validate::validate(arguments, function, is_below_test, &mut diagnostics);
        diagnostics.is_empty().then(|| expand::expand(&test))
    } else {
        diagnostics.report_at(&item, "`#[flags_runtime::test]` belongs on a test function: move it there");
        None
    };
    let mut tokens = diagnostics.into_compile_errors();
    tokens.extend(expansion.unwrap_or(item));
    tokens
}
