//! The tokens of a test: only quoted here, decided elsewhere.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{AttrStyle, Attribute, FnArg, ItemFn, Pat, ReturnType};

use super::matrix::{Case, Value};
use super::validate::Test;

pub(super) fn expand(test: &Test) -> TokenStream {
    let Test { function, runtime, all, forced, cases, exhaustive, is_bare } = test;
    let all = all.map(|is_on| quote!(.force_all(#is_on)));
    let values = forced.iter().map(|(flag, value)| quote!(.force(&#flag, #value)));
    // Recorded, for `assert_evaluated`.
    let overrides = quote!(#runtime::testing::Recording::brief().overrides() #all #(#values)*);
    let test_attribute = is_bare.then(|| quote!(#[::core::prelude::v1::test]));
    match cases {
        None => forced_function(function, &overrides, test_attribute.as_ref(), runtime),
        Some(cases) => matrix(function, cases, &overrides, exhaustive, test_attribute.as_ref(), runtime),
    }
}

/// The function itself, with its body in the scope.
fn forced_function(
    function: &ItemFn,
    overrides: &TokenStream,
    test_attribute: Option<&TokenStream>,
    runtime: &TokenStream,
) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let statements = &block.stmts;
    // `#![allow(..)]` at the beginning of a body stays there.
    let (outer, inner): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|attribute| matches!(attribute.style, AttrStyle::Outer));
    let body = if sig.asyncness.is_some() {
        // The type of the block, for what `?` converts errors to; of `impl Trait` there is none to write.
        let typed = output(&sig.output).map(|output| {
            quote! {
                if false {
                    return #runtime::__private::never_called::<#output>();
                }
            }
        });
        quote! {
            let __flags_overrides = #overrides;
            __flags_overrides.scope_async(async move {
                #typed
                #(#statements)*
            }).await
        }
    } else {
        quote! {
            let __flags_overrides = #overrides.enter();
            #(#statements)*
        }
    };
    quote! {
        #test_attribute
        #(#outer)*
        #vis #sig {
            #(#inner)*
            #body
        }
    }
}

/// The function as it is, and beside it a test for each case that calls it. In the same scope, so that paths mean there what they
/// mean here.
fn matrix(
    function: &ItemFn,
    cases: &[Case],
    overrides: &TokenStream,
    exhaustive: &[TokenStream],
    test_attribute: Option<&TokenStream>,
    runtime: &TokenStream,
) -> TokenStream {
    let ItemFn { attrs, sig, .. } = function;
    let name = &sig.ident;
    let outer = attrs.iter().filter(|attribute| matches!(attribute.style, AttrStyle::Outer));
    let (lints, tests): (Vec<_>, Vec<_>) = outer.partition(|attribute| is_lint(attribute));
    let conditions: Vec<_> = tests.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let mut plain = function.clone();
    plain.attrs.retain(|attribute| matches!(attribute.style, AttrStyle::Inner(_)));
    plain.sig.inputs.iter_mut().for_each(|input| attributes(input).clear());
    let (mut inputs, mut arguments) = (sig.inputs.clone(), Vec::new());
    for (index, input) in inputs.iter_mut().enumerate() {
        if let FnArg::Typed(typed) = input {
            let argument = match &*typed.pat {
                Pat::Ident(ident) => ident.ident.clone(),
                _ => Ident::new(&format!("__flags_argument_{index}"), Span::call_site()),
            };
            *typed.pat = syn::parse_quote!(#argument);
            arguments.push(argument);
        }
    }
    let functions = cases.iter().map(|Case { name: case, forced }| {
        let values = forced.iter().map(|(flag, value)| match value {
            Value::Bool(is_on) => quote!(.force(&#flag, #is_on)),
            Value::Expression(value) => quote!(.force(&#flag, #value)),
            Value::Variant(ident) => {
                let ident = ident.to_string();
                quote!(.force(&#flag, #runtime::__private::variant(&#flag, #ident)))
            }
        });
        let mut signature = sig.clone();
        signature.ident = Ident::new(&format!("{name}_{case}"), name.span());
        signature.inputs.clone_from(&inputs);
        let overrides = quote!(#overrides #(#values)*);
        let body = if sig.asyncness.is_some() {
            quote!(#overrides.scope_async(#name(#(#arguments),*)).await)
        } else {
            quote!(#overrides.scope(|| #name(#(#arguments),*)))
        };
        quote! {
            #test_attribute
            #(#tests)*
            #signature { #body }
        }
    });
    quote! {
        // Where nothing is tested nobody calls it.
        #(#conditions)*
        #[allow(dead_code)]
        #(#lints)*
        #plain
        #(#conditions)*
        const _: () = { #(#exhaustive)* };
        #(#functions)*
    }
}

/// What the function gives; none for `impl Trait`.
fn output(output: &ReturnType) -> Option<TokenStream> {
    match output {
        ReturnType::Default => Some(quote!(())),
        ReturnType::Type(_, output) => {
            let is_named = !quote!(#output).to_string().split(' ').any(|word| word == "impl");
            is_named.then(|| quote!(#output))
        }
    }
}

/// Whether an attribute sets lints, which are about the body.
fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"].iter().any(|word| attribute.path().is_ident(word))
}

fn attributes(input: &mut FnArg) -> &mut Vec<Attribute> {
    match input {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(typed) => &mut typed.attrs,
    }
}
