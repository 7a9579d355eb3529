//! Parameters as arguments of the other side.
//!
//! A parameter that is a plain name is passed by that name. Any other pattern takes its value apart, so the signature
//! gets a name of ours instead and the pattern becomes a `let` in front of the body. Then all parameters behind it become
//! one, too: what is bound last is dropped first, as ever. Names of ours are hygienic: they meet none of the user's.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, FnArg, Ident, Pat, PatIdent, Signature, Token};

use crate::diagnostics::Diagnostics;

/// Each condition doubles the calls that are emitted.
const MOST_CONDITIONS: usize = 4;

/// One argument of the call to the other side.
pub(super) struct Parameter {
    /// What is passed.
    pub(super) argument: TokenStream,
    /// The name, where it is a plain one.
    pub(super) name: Option<Ident>,
    /// What the signature no longer has.
    pub(super) pattern: Option<Pattern>,
    /// The parameter's own `cfg`s.
    pub(super) conditions: Vec<Attribute>,
}

/// A pattern that is bound in front of the body.
pub(super) struct Pattern {
    /// As the user wrote it.
    pub(super) user: Pat,
    /// What the parameter is called instead.
    pub(super) name: Ident,
    /// The levels of lints that the user set for the pattern.
    pub(super) lints: Vec<Attribute>,
}

/// Which plain names are bound in front of the body as well.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum BoundAnew {
    /// Those behind a pattern.
    BehindPattern,
    /// All, because the body takes them along.
    All,
    /// None: they are dealt, and bound then.
    None,
}

/// Reads the parameters of a function.
pub(super) fn parameters(signature: &Signature, anew: BoundAnew, diagnostics: &mut Diagnostics) -> Vec<Parameter> {
    let mut are_moved = anew == BoundAnew::All;
    let mut parameters = Vec::new();
    for (at, input) in signature.inputs.iter().enumerate() {
        let parameter = parameter(at, input, are_moved);
        are_moved |= anew != BoundAnew::None && parameter.pattern.as_ref().is_some_and(|pattern| !pattern.is_wild());
        parameters.push(parameter);
    }
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

fn parameter(at: usize, input: &FnArg, is_moved: bool) -> Parameter {
    let (argument, name, pattern, attributes) = match input {
        FnArg::Receiver(receiver) => (receiver.self_token.to_token_stream(), None, None, &receiver.attrs),
        FnArg::Typed(typed) => match plain_name(&typed.pat) {
            Some(name) if !is_moved => (name.to_token_stream(), Some(name.clone()), None, &typed.attrs),
            name => {
                let own = own_name(at, name);
                let lints = typed.attrs.iter().filter(|attribute| is_lint(attribute)).cloned().collect();
                let pattern = Pattern { user: (*typed.pat).clone(), name: own.clone(), lints };
                (own.into_token_stream(), name.cloned(), Some(pattern), &typed.attrs)
            }
        },
    };
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    Parameter { argument, name, pattern, conditions }
}

/// The name that the parameter can be passed by.
fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => Some(ident),
        _ => None,
    }
}

pub(super) fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"].iter().any(|level| attribute.path().is_ident(level))
}

/// A name of ours; for rustdoc the user's own, where there is one.
fn own_name(at: usize, name: Option<&Ident>) -> Ident {
    let mut own = name.cloned().unwrap_or_else(|| Ident::new(&format!("argument_{}", at + 1), Span::mixed_site()));
    own.set_span(Span::mixed_site());
    own
}

/// Puts the names of ours into the signature; whether there are any.
pub(super) fn rename(signature: &mut Signature, parameters: &[Parameter]) -> bool {
    for (input, parameter) in signature.inputs.iter_mut().zip(parameters) {
        if let (FnArg::Typed(typed), Some(Pattern { user, name, .. })) = (input, &parameter.pattern) {
            let is_borrowed_mutably = has_ref_mut(quote!(#user));
            typed.attrs.retain(|attribute| !is_lint(attribute));
            *typed.pat = Pat::Ident(PatIdent {
                attrs: Vec::new(),
                by_ref: None,
                mutability: is_borrowed_mutably.then(|| Token![mut](Span::mixed_site())),
                ident: name.clone(),
                subpat: None,
            });
        }
    }
    parameters.iter().any(|parameter| parameter.pattern.is_some())
}

pub(super) fn has_ref_mut(tokens: TokenStream) -> bool {
    let mut is_ref = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) if is_ref && ident == "mut" => return true,
            TokenTree::Group(group) if has_ref_mut(group.stream()) => return true,
            _ => {}
        }
        is_ref = matches!(&token, TokenTree::Ident(ident) if ident == "ref");
    }
    false
}

/// The patterns as statements. What a pattern leaves of a value stays in the parameter, and is dropped behind the pattern's
/// own parts; where there are several, each gets a place of its own for that.
pub(super) fn bindings(parameters: &[Parameter]) -> TokenStream {
    let is_first = |parameter: &&Parameter| parameter.pattern.as_ref().is_none_or(Pattern::is_wild);
    let bound: Vec<_> = parameters.iter().skip_while(is_first).collect();
    let are_many = bound.len() > 1;
    let statements = bound.iter().filter_map(|Parameter { pattern, conditions, .. }| {
        let Pattern { user, name, lints } = pattern.as_ref()?;
        let leaves_nothing = plain_name(user).is_some() || has_ref_mut(quote!(#user));
        let place = (are_many && !leaves_nothing).then(|| quote!(#(#conditions)* let #name = #name;));
        // What is not used is bound all the same, for the order.
        let unused = plain_name(user).is_some_and(|name| name.to_string().starts_with('_'));
        let unused = unused.then(|| quote!(#[allow(clippy::no_effect_underscore_binding)]));
        let binding =
            (!matches!(user, Pat::Wild(_))).then(|| quote!(#(#conditions)* #unused #(#lints)* let #user = #name;));
        Some(quote!(#place #binding))
    });
    statements.collect()
}

impl Pattern {
    /// `_` binds nothing: the value stays in the parameter.
    fn is_wild(&self) -> bool {
        matches!(self.user, Pat::Wild(_))
    }
}

/// Whether the parameter is passed by a name that says it is not used.
pub(super) fn is_underscored(parameter: &Parameter) -> bool {
    parameter.pattern.is_none() && parameter.name.as_ref().is_some_and(|name| name.to_string().starts_with('_'))
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
