//! `#[feature_flag]` as a whole: reads, and hands to what the item is.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;

use crate::arguments::{self, Target};
use crate::diagnostics::Diagnostics;
use crate::expiry::Environment;
use crate::item::Item;
use crate::{declaration, function};

/// The expansion; never empty where `item` was not: after a mistake the item, or a stand-in for it, is still there.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, environment: &Environment) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expansion = match syn::parse2(item.clone()) {
        Ok(Item::Static(item)) => {
            let arguments = arguments::parse(arguments, Target::Static, &mut diagnostics);
            declaration::expand(*item, &arguments, environment, &mut diagnostics)
        }
        Ok(Item::Function(item)) => {
            let arguments = arguments::parse(arguments, Target::Function, &mut diagnostics);
            function::expand(*item, &arguments, environment, &mut diagnostics)
        }
        Ok(Item::Other { keyword }) => {
            let is_const = keyword.as_ref().is_some_and(|keyword| keyword.to_string() == "const");
            let message = if is_const {
                "`#[feature_flag]` does not take a `const`, which has no place in memory: write `static`"
            } else {
                "`#[feature_flag]` belongs on a `static NAME: Flag<T>;` or on a function: move it there"
            };
            match keyword {
                Some(keyword) => diagnostics.report_at(keyword.into_token_stream(), message),
                None => diagnostics.report(Span::call_site(), message),
            }
            item
        }
        Err(error) => {
            diagnostics.report(error.span(), error);
            item
        }
    };
    let mut tokens = diagnostics.into_compile_errors();
    tokens.extend(expansion);
    tokens
}
