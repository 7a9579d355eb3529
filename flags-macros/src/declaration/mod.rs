//! A declared flag: the user's static with its value filled in, its registration, and the guard of its name.

mod attributes;
mod expand;
mod fallback;
mod model;
mod parse;
mod record;
#[cfg(test)]
mod tests;
mod types;
mod validate;

pub(crate) use attributes::Repeated;
pub(crate) use expand::{at_date, expand as expand_declaration, warning_at_date};
pub(crate) use fallback::stand_in;
pub(crate) use model::{Declaration, StaticTokens};
pub(crate) use parse::StaticItem;
pub(crate) use validate::expiry;

use proc_macro2::TokenStream;

use crate::arguments::Arguments;
use crate::diagnostics::Diagnostics;
use crate::expiry::{Environment, Expired};
use crate::settings::Settings;

impl Declaration {
    /// The declaration, with what its environment makes of its record.
    pub(crate) fn new(
        tokens: StaticTokens,
        settings: Settings,
        expired: Option<Expired>,
        runtime: TokenStream,
        environment: &Environment,
    ) -> Self {
        let record = record::parts(&settings, &tokens, environment);
        Self { tokens, settings, expired, record, runtime }
    }
}

/// The expansion of the attribute on a static.
pub(crate) fn expand(
    item: StaticItem,
    arguments: &Arguments,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let runtime = arguments.runtime(diagnostics);
    let (tokens, settings) = validate::validate(item, arguments, &runtime, diagnostics);
    match settings {
        Some(settings) => {
            let expired = validate::expiry(&settings, environment, diagnostics);
            let declaration = Declaration::new(tokens, settings, expired, runtime, environment);
            let mut expansion = expand::expand(&declaration);
            expansion.extend(expand::warning_at_date(&declaration));
            expansion
        }
        None => fallback::stand_in(&tokens, &runtime),
    }
}
