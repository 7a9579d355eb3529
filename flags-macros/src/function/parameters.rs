//! Parameters as arguments of the other side.
//!
//! A parameter that is a plain name is passed by that name. Any other pattern takes its value apart, so the signature
//! gets a name of ours instead and the pattern becomes the first statement of the body; so does a name that says with
//! an underscore that nobody uses it. Names of ours are hygienic: they meet none of the user's.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, FnArg, Ident, Pat, PatIdent, Signature};

use crate::diagnostics::Diagnostics;

/// Each condition doubles the calls that are emitted.
const MOST_CONDITIONS: usize = 4;

/// One argument of the call to the other side.
pub(super) struct Parameter {
    /// What is passed.
    pub(super) argument: TokenStream,
    /// The pattern that the signature no longer has, and the name that it has instead.
    pub(super) pattern: Option<(Pat, Ident)>,
    /// The parameter's own `cfg`s.
    pub(super) conditions: Vec<Attribute>,
}

/// Reads the parameters of a function.
pub(super) fn parameters(signature: &Signature, diagnostics: &mut Diagnostics) -> Vec<Parameter> {
    let parameters: Vec<_> = signature.inputs.iter().enumerate().map(|(at, input)| parameter(at, input)).collect();
    if distinct_conditions(&parameters).len() > MOST_CONDITIONS {
        diagnostics.report_at(
            &signature.inputs,
            format_args!(
                "more than {MOST_CONDITIONS} different `cfg`s on the parameters of a gated function: read the flag in \
                 the body with `flag!`"
            ),
        );
    }
    parameters
}

fn parameter(at: usize, input: &FnArg) -> Parameter {
    let (argument, pattern, attributes) = match input {
        FnArg::Receiver(receiver) => (receiver.self_token.to_token_stream(), None, &receiver.attrs),
        FnArg::Typed(typed) => {
            let plain = plain_name(&typed.pat);
            let name = plain.cloned().unwrap_or_else(|| own_name(at, &typed.pat));
            let pattern = plain.is_none().then(|| ((*typed.pat).clone(), name.clone()));
            (name.to_token_stream(), pattern, &typed.attrs)
        }
    };
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    Parameter { argument, pattern, conditions }
}

/// The name that the parameter can be passed by. One with an underscore in front says that it is not used.
fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) if !ident.to_string().starts_with('_') => {
            Some(ident)
        }
        _ => None,
    }
}

/// A name of ours, for rustdoc as near to the user's as can be: `_text` -> `text`.
fn own_name(at: usize, pattern: &Pat) -> Ident {
    let unused = match pattern {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => {
            syn::parse_str::<Ident>(ident.to_string().trim_start_matches('_')).ok()
        }
        _ => None,
    };
    let text = unused.map_or_else(|| format!("argument_{}", at + 1), |name| name.to_string());
    Ident::new(&text, Span::mixed_site())
}

/// Puts the names of ours into the signature.
pub(super) fn rename(signature: &mut Signature, parameters: &[Parameter]) {
    for (input, parameter) in signature.inputs.iter_mut().zip(parameters) {
        if let (FnArg::Typed(typed), Some((_, name))) = (input, &parameter.pattern) {
            *typed.pat = Pat::Ident(PatIdent {
                attrs: Vec::new(),
                by_ref: None,
                mutability: None,
                ident: name.clone(),
                subpat: None,
            });
        }
    }
}

/// Whether the pattern has something to bind in these statements. `_` has not, and hardly ever `_text`; what is not
/// bound lives in the parameter, for as long.
pub(super) fn binds(pattern: &Pat, statements: &TokenStream) -> bool {
    match pattern {
        Pat::Wild(_) => false,
        Pat::Ident(PatIdent { subpat: None, ident, .. }) => mentions(statements.clone(), &ident.to_string()),
        _ => true,
    }
}

fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        // `format!("{_text}")`
        TokenTree::Literal(literal) => literal.to_string().contains(name),
        TokenTree::Punct(_) => false,
    })
}

/// `cfg`s of parameters, each once, as what stands in their parentheses.
pub(super) fn distinct_conditions(parameters: &[Parameter]) -> Vec<TokenStream> {
    let mut distinct: Vec<TokenStream> = Vec::new();
    for condition in parameters.iter().flat_map(conditions_of) {
        if !distinct.iter().any(|known| known.to_string() == condition.to_string()) {
            distinct.push(condition);
        }
    }
    distinct
}

/// What stands in the parentheses of the parameter's `cfg`s.
pub(super) fn conditions_of(parameter: &Parameter) -> impl Iterator<Item = TokenStream> {
    // `#[cfg]` without parentheses is rustc's to refuse.
    let always = || quote!(all());
    parameter
        .conditions
        .iter()
        .map(move |condition| condition.meta.require_list().map_or_else(|_| always(), |list| list.tokens.clone()))
}
