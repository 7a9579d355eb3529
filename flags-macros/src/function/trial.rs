//! The tokens of a dark launch: the legacy call alone where the flag is off, else a call in which both sides have arguments
//! of their own.
//!
//! The body stands once, in a closure, whoever answers: written twice it would have two of each of its statics. It finds
//! its arguments by the names that the user gave them, `self` too.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::expand::{call, denied, flag_path, otherwise};
use super::launch::Launch;
use super::model::{Answer, Gate};
use super::parameters::bindings;
use super::parse::Block;
use super::passed::Passed;
use crate::text::located;

/// The statements of the function, or of its one `async` block.
pub(super) fn statements(gate: &Gate, launch: &Launch, body: &Block) -> TokenStream {
    let decided = ident("__flags_decided");
    let (asked, otherwise) = (asked(gate, launch, &decided), otherwise(gate));
    let (dealt, run) = (dealt(gate, launch, &decided), run(gate, launch, &decided, body));
    quote! {
        #asked
        if #decided.is_off() { #otherwise }
        #dealt
        #run
    }
}

/// A name of ours, which meets none of the user's.
fn ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn call_ident() -> Ident {
    ident("__flags_call")
}

/// What the flag has decided; one mention of the flag.
fn asked(gate: &Gate, launch: &Launch, decided: &Ident) -> TokenStream {
    let runtime = &gate.runtime;
    let (flag, place) = flag_path(gate);
    let recorded = {
        let name = located(quote!(#runtime::__flags_recorded!), place);
        let mut arguments = Group::new(Delimiter::Parenthesis, flag);
        arguments.set_span(Span::call_site().located_at(place));
        quote!(#name #arguments)
    };
    let function = if launch.is_staged { quote!(decided_of_stages) } else { quote!(decided_of_shadow) };
    let function = located(quote!(#runtime::__private::#function), place);
    let denied = denied(gate);
    match &gate.context {
        None => quote!(#denied let #decided = #function(#recorded, ::core::option::Option::None);),
        Some(context) => {
            let name = ident("__flags_context");
            let at = Span::call_site().located_at(context.span());
            let bound = quote_spanned!(at=> &(#context));
            quote! {
                let #name: &#runtime::EvaluationContext = #bound;
                #denied let #decided = #function(#recorded, ::core::option::Option::Some(#name));
            }
        }
    }
}

/// The arguments of both sides: the originals for the one that answers, clones for the trial.
fn dealt(gate: &Gate, launch: &Launch, decided: &Ident) -> TokenStream {
    let Launch { sample, noise, max_in_flight, passed, .. } = launch;
    let call = call_ident();
    let begun = match max_in_flight {
        None => quote!(#decided.call(#sample, #noise)),
        Some(most) => quote!(#decided.call_detached(#sample, #noise, #most)),
    };
    let decided = gate.context.as_ref().map(|_| quote!(let #decided = #decided.without_context();));
    let otherwise = otherwise(gate);
    let alone = quote!(if #call.is_legacy_alone() { #otherwise });
    if passed.is_empty() {
        return quote!(let #call = #begun; #decided #alone);
    }
    let clones = clones(gate, launch);
    let of_trial: Vec<_> = (0..passed.len()).map(|at| ident(&format!("__flags_clone_{at}"))).collect();
    let of_legacy = of_legacy(launch);
    let none = passed.iter().map(|_| quote!(::core::option::Option::None));
    let is_underscored = |passed: &Passed| passed.binding.as_ref().is_some_and(|binding| binding.is_underscored);
    let allowed = passed.iter().any(is_underscored).then(underscored);
    let again = (*noise > 0.0).then(|| {
        let again = ident("__flags_again");
        quote!(#allowed let #again = #call.clones_for_noise(|| { #clones });)
    });
    let dealt = passed.iter().zip(&of_trial).zip(&of_legacy).map(|((Passed { name, binding, .. }, clone), legacy)| {
        let Some(binding) = binding else {
            return quote!(let #legacy = #call.deal_in_place(&mut #name, #clone););
        };
        let (pattern, lints) = (&binding.pattern, &binding.lints);
        let underscored = binding.is_underscored.then(underscored);
        quote!(#underscored #(#lints)* let (#legacy, #pattern) = #call.deal(#name, #clone);)
    });
    quote! {
        let mut #call = #begun;
        #decided
        #allowed
        let (#(#of_trial,)*) = match #call.clones(|| { #clones }) {
            ::core::option::Option::Some((#(#of_trial,)*)) => (#(::core::option::Option::Some(#of_trial),)*),
            ::core::option::Option::None => (#(#none,)*),
        };
        #again
        #alone
        #(#dealt)*
    }
}

/// The user's parameter is not used by the user.
fn underscored() -> TokenStream {
    quote!(#[allow(clippy::used_underscore_binding, clippy::no_effect_underscore_binding)])
}

/// What the legacy side's arguments are called.
fn of_legacy(launch: &Launch) -> Vec<Ident> {
    (0..launch.passed.len()).map(|at| ident(&format!("__flags_legacy_{at}"))).collect()
}

/// The trial's arguments, as a tuple.
fn clones(gate: &Gate, launch: &Launch) -> TokenStream {
    let runtime = &gate.runtime;
    let probe = quote!(#runtime::__private::probe);
    let is_detached = launch.max_in_flight.is_some();
    let asks = is_detached || launch.passed.iter().any(|passed| passed.own.is_none());
    let imported = asks.then(|| quote!(use #probe::of_arguments::*;));
    let sendable = launch.passed.iter().filter(|_| is_detached).map(|Passed { name, place, .. }| {
        let at = Span::mixed_site().located_at(*place);
        quote_spanned!(at=> (&&#probe::Value(&#name)).sendable();)
    });
    let clones = launch.passed.iter().map(|Passed { name, own, place, .. }| {
        let at = Span::mixed_site().located_at(*place);
        let cloned = || quote_spanned!(at=> (&&#probe::Value(&#name)).cloned());
        own.as_ref().map_or_else(cloned, ToTokens::to_token_stream)
    });
    quote!(#imported #(#sendable)* (#(#clones,)*))
}

/// The call that runs one side or both.
fn run(gate: &Gate, launch: &Launch, decided: &Ident, body: &Block) -> TokenStream {
    let (runtime, call) = (&gate.runtime, call_ident());
    let legacy = ident("__flags_legacy");
    let names = of_legacy(launch);
    // As one, because one of them may be a unit.
    let dealt = (!names.is_empty()).then(|| quote!(let (#(#names,)*) = (#(#runtime::__private::dealt(#names),)*);));
    let legacy_call = legacy_call(gate, launch, &names);
    let again = if launch.noise > 0.0 {
        let call = &legacy_call;
        if launch.passed.is_empty() {
            quote!(::core::option::Option::Some(move || { #call }))
        } else {
            let again = ident("__flags_again");
            quote!(#again.map(|(#(#names,)*)| move || { #call }))
        }
    } else {
        quote!(#runtime::__private::never_like(&#legacy))
    };
    let made = made(gate, launch, decided);
    let body = side(gate, launch, body);
    let is_async = gate.call.answer == Answer::Awaited;
    let (method, awaited) = match (launch.max_in_flight.is_some(), is_async) {
        (false, false) => ("run", None),
        (false, true) => ("run_async", Some(quote!(.await))),
        (true, false) => ("run_detached", None),
        (true, true) => ("run_detached_async", Some(quote!(.await))),
    };
    let (method, never) = (ident(method), ident("__flags_never"));
    quote! {
        let #legacy = move || { #dealt #legacy_call };
        let #never = #again;
        #call.#method(|| { #made }, #legacy, move || #body, #never) #awaited
    }
}

/// The legacy call with these arguments; those that both sides use as they are stand in their places.
fn legacy_call(gate: &Gate, launch: &Launch, dealt: &[Ident]) -> TokenStream {
    let argument = |argument: &TokenStream| {
        let is_this = |passed: &Passed| passed.name.to_string() == argument.to_string();
        let at = launch.passed.iter().position(is_this);
        at.and_then(|at| dealt.get(at)).map_or_else(|| argument.clone(), ToTokens::to_token_stream)
    };
    let arguments: Vec<_> = gate.parameters.iter().map(|parameter| argument(&parameter.argument)).collect();
    gate.off.as_ref().map(|off| call(gate, off, &arguments)).unwrap_or_default()
}

/// The experiment with its rules and options.
fn made(gate: &Gate, launch: &Launch, decided: &Ident) -> TokenStream {
    let runtime = &gate.runtime;
    let probe = quote!(#runtime::__private::probe);
    let Launch { output, options, compare, compare_errors, .. } = launch;
    let of = ident("__flags_of");
    // What cannot be compared is told at the type.
    let at = Span::mixed_site().located_at(output.span());
    let asked = quote_spanned!(at=> (&&&&#of));
    let made = if let Some(keep) = &launch.keep {
        let compare = compare.as_ref().map(|compare| quote!(.compare(#compare)));
        quote!(#asked.keeping(#decided, #keep) #compare)
    } else {
        let values = compare.as_ref().map_or_else(
            || quote_spanned!(at=> #asked.values()),
            |compare| quote_spanned!(at=> #asked.values_by(#compare)),
        );
        let errors = compare_errors.as_ref().map_or_else(
            || quote_spanned!(at=> #asked.errors()),
            |compare| quote_spanned!(at=> #asked.errors_by(#compare)),
        );
        let keeper = launch.max_in_flight.map(|_| quote_spanned!(at=> , #asked.keeper()));
        quote!(#probe::experiment(&#of, #decided, (#values, #errors, #asked.texts() #keeper)))
    };
    quote! {
        use #probe::of_results::*;
        let #of = #probe::Of::<#output>::NEW;
        #made #(#options)*
    }
}

/// The body as what its closure is: a block of the function's own type, or a future that gives it.
fn side(gate: &Gate, launch: &Launch, body: &Block) -> TokenStream {
    let (runtime, output) = (&gate.runtime, &launch.output);
    let bindings = bindings(&gate.parameters);
    let scope = body.scope();
    let block = |tokens: TokenStream| {
        let mut block = Group::new(Delimiter::Brace, tokens);
        block.set_span(Span::mixed_site().located_at(body.braces.span()));
        block
    };
    if gate.call.answer == Answer::Awaited {
        // The first `return` tells the type of what the others return: an `async` block has no place to write it.
        let block = block(quote! {
            if false { return #runtime::__private::never_called::<#output>(); }
            #bindings
            #scope
        });
        quote!(async move #block)
    } else {
        let block = block(quote!(#bindings #scope));
        quote!(-> #output #block)
    }
}
