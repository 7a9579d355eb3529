//! Passed parameters: those of a dark launch of which each side gets its own.
//!
//! What is passed by `&` is not among them: both sides use that as it is.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, Ident, Pat, ReceiverKind, Signature, Type, parse_quote};

use super::parameters::{Parameter, distinct_conditions, has_ref_mut, is_lint, is_underscored};
use super::parse::FunctionItem;
use super::shape::ungrouped;
use super::validate::idents;
use crate::arguments::{Argument, Arguments, Key, Written};
use crate::diagnostics::Diagnostics;

/// A parameter of which the trial gets a clone.
pub(super) struct Passed {
    /// What the function calls it.
    pub(super) name: TokenStream,
    /// What the body finds it by; nothing for `self`, which is dealt in its place.
    pub(super) binding: Option<Binding>,
    /// How the trial's is made, if not by `Clone`.
    pub(super) own: Option<Written>,
    /// Where rustc speaks of it.
    pub(super) place: Span,
}

/// The parameter as it is bound anew for the body.
pub(super) struct Binding {
    /// The user's own pattern, if it is a name; else a name of ours, which the pattern takes apart later.
    pub(super) pattern: TokenStream,
    /// The levels of lints that the user set for it.
    pub(super) lints: Vec<Attribute>,
    pub(super) is_underscored: bool,
}

/// Judges the parameters, and those that `own` names.
pub(super) fn passed(
    item: &FunctionItem,
    arguments: &Arguments,
    parameters: &[Parameter],
    diagnostics: &mut Diagnostics,
) -> Vec<Passed> {
    if !distinct_conditions(parameters).is_empty() {
        diagnostics.report_at(
            &item.signature.inputs,
            "a dark launch takes no `cfg` on a parameter: put it on the function, or use `dark_launch!` in the body",
        );
    }
    let mut owned: Vec<(&Ident, &Written)> = Vec::new();
    for (name, expression) in arguments.find(Key::Own).into_iter().flat_map(Argument::assignments) {
        if owned.iter().any(|(known, _)| *known == name) {
            diagnostics.report(name.span(), format_args!("`{name}` is given twice: keep one"));
        }
        owned.push((name, expression));
    }
    let named = named(arguments);
    let mut passed = Vec::new();
    for (input, parameter) in item.signature.inputs.iter().zip(parameters) {
        let name = parameter.name.as_ref().map_or_else(|| parameter.argument.to_string(), ToString::to_string);
        let own = owned.iter().position(|(own, _)| **own == name).map(|at| owned.swap_remove(at));
        match shared(input) {
            Shared::No => {
                let own = own.map(|(_, expression)| expression.clone());
                passed.push(Passed { own, ..of(input, parameter, &named) });
            }
            Shared::ByReference => {
                if let Some((ident, _)) = own {
                    diagnostics.report(
                        ident.span(),
                        format_args!("`{ident}` is passed by `&`, and both sides use it as it is: remove it from `own`"),
                    );
                }
            }
            Shared::Mutably => diagnostics.report_at(
                input,
                format_args!(
                    "both sides of a dark launch would change `{name}`: take it by value or by `&` and return what is new, \
                     or use `dark_launch!` on a part of the body"
                ),
            ),
        }
    }
    for (name, _) in owned {
        diagnostics.report(
            name.span(),
            format_args!(
                "`{name}` is no parameter of `{}` that has a name: `own` makes what one of them is for the trial",
                item.signature.ident
            ),
        );
    }
    passed
}

/// The words in the options. A parameter that only they name is used, and rustc shall not call it unused.
fn named(arguments: &Arguments) -> Vec<Ident> {
    let unheard = &mut Diagnostics::default();
    let options = arguments.iter().filter(|argument| !argument.key.declares());
    let tokens = options.flat_map(|argument| {
        let written = argument.written(unheard).map(ToTokens::into_token_stream);
        let owned = argument.assignments().iter().map(|(_, expression)| expression.to_token_stream());
        written.into_iter().chain(owned).collect::<Vec<_>>()
    });
    idents(tokens.collect())
}

fn of(input: &FnArg, parameter: &Parameter, named: &[Ident]) -> Passed {
    let name = parameter.argument.clone();
    match input {
        FnArg::Receiver(receiver) => Passed { name, binding: None, own: None, place: receiver.self_token.span },
        FnArg::Typed(typed) => {
            let pattern = match &parameter.pattern {
                None => typed.pat.to_token_stream(),
                Some(pattern) if has_ref_mut(pattern.user.to_token_stream()) => quote!(mut #name),
                Some(_) => name.clone(),
            };
            // Those of patterns stand where these are bound.
            let lints = if parameter.pattern.is_none() { typed.attrs.as_slice() } else { &[] };
            let mut lints: Vec<_> = lints.iter().filter(|attribute| is_lint(attribute)).cloned().collect();
            if parameter.name.as_ref().is_some_and(|name| named.contains(name)) {
                lints.push(parse_quote!(#[allow(unused_variables)]));
            }
            let first = typed.ty.to_token_stream().into_iter().next();
            let place = first.map_or_else(Span::call_site, |token| token.span());
            let binding = Binding { pattern, lints, is_underscored: is_underscored(parameter) };
            Passed { name, binding: Some(binding), own: None, place }
        }
    }
}

/// How both sides could use one value.
enum Shared {
    No,
    ByReference,
    Mutably,
}

fn shared(input: &FnArg) -> Shared {
    let ty = match input {
        FnArg::Receiver(receiver) => match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => return Shared::Mutably,
            ReceiverKind::Reference(..) => return Shared::ByReference,
            ReceiverKind::Typed(_, ty) => ty,
            _ => return Shared::No,
        },
        FnArg::Typed(typed) => &typed.ty,
    };
    match ungrouped(ty) {
        ty if holds_mutable(ty.to_token_stream()) => Shared::Mutably,
        Type::Reference(_) => Shared::ByReference,
        _ => Shared::No,
    }
}

/// Whether a `&mut` is in the type: outside of parentheses, in which there may be what a function takes.
fn holds_mutable(ty: TokenStream) -> bool {
    let mut is_reference = false;
    for token in ty {
        match token {
            TokenTree::Ident(word) if is_reference && word == "mut" => return true,
            TokenTree::Group(group) if group.delimiter() != Delimiter::Parenthesis && holds_mutable(group.stream()) => {
                return true;
            }
            TokenTree::Punct(punct) => {
                is_reference = punct.as_char() == '&' || (is_reference && punct.as_char() == '\'');
                continue;
            }
            // The name of a lifetime.
            TokenTree::Ident(_) if is_reference => continue,
            _ => {}
        }
        is_reference = false;
    }
    false
}

/// The signature as it has to be: without the `mut` of names that are bound anew, and with one for a `self` that is dealt in
/// its place. Whether it changed.
pub(super) fn adapt(signature: &mut Signature, passed: &[Passed]) -> bool {
    let mut is_changed = false;
    let is_self_passed = passed.iter().any(|passed| passed.binding.is_none());
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) if is_self_passed && receiver.mutability.is_none() => {
                receiver.mutability = Some(syn::Token![mut](Span::mixed_site()));
                is_changed = true;
            }
            FnArg::Receiver(_) => {}
            FnArg::Typed(typed) => {
                let is_reference = matches!(ungrouped(&typed.ty), Type::Reference(_));
                if let Pat::Ident(name) = &mut *typed.pat
                    && name.by_ref.is_none()
                    && name.subpat.is_none()
                    && !is_reference
                {
                    is_changed |= name.mutability.take().is_some();
                    // They go with the binding.
                    let before = typed.attrs.len();
                    typed.attrs.retain(|attribute| !is_lint(attribute));
                    is_changed |= typed.attrs.len() < before;
                }
            }
        }
    }
    is_changed
}
