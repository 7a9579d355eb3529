//! A gated function: the user's function with a question to the flag in front of its body.

mod expand;
mod fallback;
mod joint;
mod launch;
mod model;
mod parameters;
mod parse;
mod passed;
mod shape;
#[cfg(test)]
mod tests;
mod trial;
mod validate;

pub(crate) use parse::FunctionItem;

use proc_macro2::TokenStream;

use crate::arguments::Arguments;
use crate::diagnostics::Diagnostics;
use crate::expiry::Environment;

/// The expansion of the attribute on a function.
pub(crate) fn expand(
    item: FunctionItem,
    arguments: &Arguments,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let runtime = arguments.runtime(diagnostics);
    match validate::validate(&item, arguments, &runtime, environment, diagnostics) {
        Some(gate) => expand::expand(item, &gate),
        None => fallback::stand_in(&item, arguments, &runtime),
    }
}
