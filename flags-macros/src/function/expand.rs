//! The tokens of a gated function.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{ExprPath, Ident};

use super::model::{Answer, AsyncBlock, Gate, GatingFlag, Joint, JointKind, Place};
use super::parameters::{bindings, conditions_of, distinct_conditions, is_underscored, rename};
use super::parse::{Block, FunctionItem};
use super::passed::adapt;
use super::trial;
use crate::declaration::{Declaration, at_date, expand_declaration, warning_at_date};
use crate::text::located;

/// The declaration, if there is one, and the function.
pub(super) fn expand(mut item: FunctionItem, gate: &Gate) -> TokenStream {
    let declaration = declared(gate).map(expand_declaration);
    let denial = denied(gate).and_then(|_| warning_at_date(declared(gate)?));
    let block = match (&gate.place, &gate.launch, gate.call.answer) {
        (Place::Body(body), Some(launch), _) => body.with_statements(trial::statements(gate, launch, body)),
        (Place::Body(body), None, Answer::Joined(joint)) => body.with_statements(joined(gate, body, joint)),
        (Place::Body(body), None, _) => body.behind(opening(gate)),
        (Place::AsyncBlock(place), Some(launch), _) => {
            in_async_block(place, &place.block.with_statements(trial::statements(gate, launch, &place.block)))
        }
        (Place::AsyncBlock(place), None, _) => in_async_block(place, &place.block.behind(opening(gate))),
    };
    let is_adapted = gate.launch.as_ref().is_some_and(|launch| adapt(&mut item.signature, &launch.passed));
    if rename(&mut item.signature, &gate.parameters) || is_adapted {
        let FunctionItem { visibility, defaultness, signature, .. } = &item;
        item.head = quote!(#visibility #defaultness #signature);
    }
    let FunctionItem { attributes, head, .. } = &item;
    quote! {
        #declaration
        #denial
        #(#attributes)*
        #head #block
    }
}

fn in_async_block(place: &AsyncBlock, block: &Group) -> Group {
    let AsyncBlock { body, wrapper, parentheses, head, .. } = place;
    let future = quote!(#head #block);
    let Some(parentheses) = parentheses else { return body.with_statements(future) };
    let mut argument = Group::new(Delimiter::Parenthesis, future);
    argument.set_span(parentheses.span());
    body.with_statements(quote!(#wrapper #argument))
}

/// What stands in front of the user's statements: the question to the flag, then the patterns of the parameters, which
/// may only take the arguments apart once the other side does not need them.
fn opening(gate: &Gate) -> TokenStream {
    let (question, bindings) = (question(gate), bindings(&gate.parameters));
    quote!(#question #bindings)
}

/// Both sides as one value of a third type. The body runs in a closure of its own, where its `return`s stay.
fn joined(gate: &Gate, body: &Block, joint: Joint) -> TokenStream {
    let runtime = &gate.runtime;
    let (is_on, side) =
        (Ident::new("__flags_is_on", Span::mixed_site()), Ident::new("__flags_side", Span::mixed_site()));
    let read = read(gate);
    let bindings = bindings(&gate.parameters);
    let scope = body.scope();
    let mut block = Group::new(Delimiter::Brace, quote!(#bindings #scope));
    block.set_span(body.braces.span());
    let on = if joint.is_async {
        quote!(async move #block.await)
    } else {
        quote!(#runtime::__private::run_body(move || #block))
    };
    let (otherwise, off) = (otherwise(gate), off_answer());
    let either = quote!(#runtime::__private::Either);
    let sides = quote!(if #is_on { #either::On(#on) } else { #otherwise #either::Off(#off) });
    let one = match joint.kind {
        JointKind::Either => sides,
        JointKind::Future => quote! {
            let #side = #sides;
            async move {
                match #side {
                    #either::On(#side) => #side.await,
                    #either::Off(#side) => #side.await,
                }
            }
        },
    };
    let denied = denied(gate);
    quote!(#denied let #is_on = #read; #one)
}

/// `if !flag!(FLAG, &context) { return off(arguments..); }`
fn question(gate: &Gate) -> TokenStream {
    let otherwise = otherwise(gate);
    let (denied, read) = (denied(gate), read(gate));
    quote!(#denied if !#read { #otherwise })
}

/// Where the lint at the date is denied, it is a statement's of its own, and the gate's own use is not told as well.
pub(super) fn denied(gate: &Gate) -> Option<TokenStream> {
    declared(gate)?.expired.as_ref()?.is_denied.then(|| quote!(#[allow(deprecated)]))
}

fn declared(gate: &Gate) -> Option<&Declaration> {
    match &gate.flag {
        GatingFlag::Declared(declaration) => Some(declaration),
        GatingFlag::Named(_) => None,
    }
}

/// `flag!(FLAG, &context)`, located at the flag: where it is no flag of a bool, that is the place. A flag that is declared
/// here is located at its date once that has passed: there the one warning belongs.
fn read(gate: &Gate) -> TokenStream {
    let Gate { runtime, context, .. } = gate;
    let (flag, place) = flag_path(gate);
    let context = context.as_ref().map(|context| {
        let place = Span::call_site().located_at(context.span());
        quote_spanned!(place=> , &(#context))
    });
    let name = located(quote!(#runtime::flag!), place);
    let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#flag #context));
    arguments.set_span(Span::call_site().located_at(place));
    quote!(#name #arguments)
}

/// The flag, and where rustc speaks of it.
pub(super) fn flag_path(gate: &Gate) -> (TokenStream, Span) {
    match &gate.flag {
        GatingFlag::Named(path) => {
            let place = path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
            (path.to_token_stream(), place)
        }
        GatingFlag::Declared(declaration) => {
            let ident = &declaration.tokens.ident;
            let ident =
                declaration.expired.as_ref().map_or_else(|| ident.clone(), |expired| at_date(ident, expired.at));
            let place = ident.span();
            (ident.into_token_stream(), place)
        }
    }
}

/// What happens when the flag is off.
pub(super) fn otherwise(gate: &Gate) -> TokenStream {
    let Some(off) = &gate.off else { return quote!(return;) };
    let conditions = distinct_conditions(&gate.parameters);
    if conditions.is_empty() {
        return answer(gate, off, &[]);
    }
    // An argument cannot have a `cfg`, a statement can: one for each set of parameters that may be there.
    let sets = 0..1_usize << conditions.len();
    sets.map(|set| {
        let (mut held, mut failed) = (Vec::new(), Vec::new());
        for (at, condition) in conditions.iter().enumerate() {
            if set >> at & 1 == 1 { held.push(condition.clone()) } else { failed.push(condition) }
        }
        let answer = answer(gate, off, &held);
        quote!(#[cfg(all(#(#held,)* #(not(#failed)),*))] #answer)
    })
    .collect()
}

/// The other side's answer as one statement, called with the parameters that are there when `held` holds.
fn answer(gate: &Gate, off: &ExprPath, held: &[TokenStream]) -> TokenStream {
    let is_held = |condition: &TokenStream| held.iter().any(|held| held.to_string() == condition.to_string());
    let arguments = gate
        .parameters
        .iter()
        .filter(|parameter| conditions_of(parameter).all(|condition| is_held(&condition)))
        .map(|parameter| parameter.argument.clone());
    let value = call(gate, off, &arguments.collect::<Vec<_>>());
    let end = end_of(off);
    let runtime = &gate.runtime;
    let awaited = quote_spanned!(Span::call_site().located_at(end)=> .await);
    let mut allowed = Vec::new();
    if gate.call.is_unsafe {
        // The other side of an unsafe function may well be safe.
        allowed.push(quote!(unused_unsafe));
    }
    if gate.parameters.iter().any(is_underscored) {
        // The user's parameter is not used by the user.
        allowed.push(quote!(clippy::used_underscore_binding));
    }
    if let Answer::Diverges { .. } = gate.call.answer {
        allowed.push(quote!(unreachable_code));
        allowed.push(quote!(clippy::diverging_sub_expression));
    }
    let attribute = (!allowed.is_empty()).then(|| quote!(#[allow(#(#allowed),*)]));
    match gate.call.answer {
        Answer::Returned => quote!(#attribute return #value;),
        Answer::Awaited => quote!(#attribute return #value #awaited;),
        Answer::Boxed => quote!(#attribute return #runtime::__private::Box::pin(#value);),
        // A side that does return is refused by its type.
        Answer::Diverges { is_async } => {
            let awaited = is_async.then_some(awaited);
            let never = quote_spanned!(Span::call_site().located_at(end)=> #runtime::__private::never);
            quote!(#attribute match #never(#value #awaited) {};)
        }
        Answer::Joined(joint) => {
            let (name, awaited) = (off_answer(), joint.is_async.then_some(awaited));
            quote!(#attribute let #name = #value #awaited;)
        }
    }
}

/// The call of the other side.
pub(super) fn call(gate: &Gate, off: &ExprPath, arguments: &[TokenStream]) -> TokenStream {
    // The parentheses lie on the path: what rustc says of the call, it says there.
    let end = end_of(off);
    let arguments = quote_spanned!(end=> (#(#arguments),*));
    if gate.call.is_unsafe { quote!(unsafe { #off #arguments }) } else { quote!(#off #arguments) }
}

fn end_of(path: &ExprPath) -> Span {
    path.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span())
}

/// What [`answer`] calls the other side's answer where it does not return it.
fn off_answer() -> Ident {
    Ident::new("__flags_off", Span::mixed_site())
}
