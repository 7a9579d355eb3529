//! The shapes of functions: which can be gated, and how their other side answers.
//!
//! What can be told from tokens is told here. A type alias that hides a future is not seen.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::{
    FnArg, GenericArgument, Ident, Pat, PathArguments, ReturnType, Safety, Signature, Type, TypeParamBound, TypePath,
};

use super::joint::{joint_kind, nested_impl};
use super::model::{Answer, AsyncBlock, Call, Joint, Place};
use super::parse::{Block, Body, FunctionItem};
use crate::diagnostics::Diagnostics;

/// What a function returns, as far as it matters here.
#[derive(Clone, Copy, PartialEq)]
enum Returned {
    /// `impl Future<..>`
    OpaqueFuture,
    /// `impl` of anything else, also inside of another type.
    Opaque,
    /// `Pin<Box<dyn Future<..>>>`
    BoxedFuture,
    /// `!`
    Never,
    Other,
}

/// Whether the gated statements return nothing, so that nobody has to answer for them.
pub(super) fn returns_nothing(item: &FunctionItem) -> bool {
    let ReturnType::Type(_, ty) = &item.signature.output else { return true };
    let is_unit = |ty: &Type| matches!(ungrouped(ty), Type::Tuple(tuple) if tuple.elems.is_empty());
    let is_gated_inside = || match &item.body {
        Body::Block(body) => sole_async_block(body).is_some_and(|block| holds_all(&block, &item.signature)),
        Body::None(_) => false,
    };
    is_unit(ty) || (output_of_future(ungrouped(ty)).is_some_and(is_unit) && is_gated_inside())
}

/// The `Output` of an `impl Future` or of a boxed one.
pub(super) fn output_of_future(ty: &Type) -> Option<&Type> {
    let bounds = match ty {
        Type::ImplTrait(opaque) => &opaque.bounds,
        Type::Path(path) => match boxed_object(path) {
            Some(Type::TraitObject(object)) => &object.bounds,
            _ => return output_of_alias(path),
        },
        _ => return None,
    };
    let arguments = bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|last| last.ident == "Future"),
        _ => None,
    });
    let PathArguments::AngleBracketed(arguments) = &arguments?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

/// The `T` of `BoxFuture<'a, T>`, which is the `futures` crate's.
fn output_of_alias(path: &TypePath) -> Option<&Type> {
    let last = path.path.segments.last().filter(|last| is_alias(&last.ident))?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_alias(ident: &Ident) -> bool {
    ident == "BoxFuture" || ident == "LocalBoxFuture"
}

/// Judges the shape; `None` if a sentence was reported.
pub(super) fn validate(item: &FunctionItem, diagnostics: &mut Diagnostics) -> Option<(Call, Place)> {
    let signature = &item.signature;
    if let Some(constness) = &signature.constness {
        diagnostics.report_at(constness, "`const fn` cannot be gated, a flag is read at run time: remove `const`");
        return None;
    }
    if let Some(variadic) = &signature.variadic {
        diagnostics.report_at(
            variadic.dots,
            "C variadic arguments cannot be passed on: read the flag in the body with `flag!`",
        );
        return None;
    }
    let Body::Block(body) = &item.body else {
        diagnostics.report_at(
            &signature.ident,
            "a function without a body cannot be gated: put the attribute where its body is",
        );
        return None;
    };
    if let Some(said) = nested_impl(&signature.output) {
        diagnostics.report_at(&signature.output, said);
        return None;
    }
    let returned = returned(&signature.output);
    let is_async = signature.asyncness.is_some();
    let call = |answer| Call { is_unsafe: matches!(signature.safety, Safety::Unsafe(_)), answer };
    if let Returned::OpaqueFuture | Returned::BoxedFuture = returned
        && !is_async
        && let Some(block) = sole_async_block(body)
        // What the future did not hold it must not hold for the gate's sake: that could not be sent, or not live so long.
        && holds_all(&block, signature)
    {
        return Some((call(Answer::Awaited), Place::AsyncBlock(block)));
    }
    let answer = match returned {
        Returned::Opaque | Returned::OpaqueFuture => match joint_kind(&signature.output) {
            Ok(kind) => Answer::Joined(Joint { is_async, kind }),
            Err(said) => {
                diagnostics.report_at(&signature.output, said);
                return None;
            }
        },
        Returned::Never => Answer::Diverges { is_async },
        _ if is_async => Answer::Awaited,
        Returned::BoxedFuture => Answer::Boxed,
        Returned::Other => Answer::Returned,
    };
    Some((call(answer), Place::Body(body.clone())))
}

fn returned(output: &ReturnType) -> Returned {
    let ReturnType::Type(_, ty) = output else { return Returned::Other };
    match ungrouped(ty) {
        Type::Never(_) => Returned::Never,
        Type::ImplTrait(opaque) if has_future(opaque.bounds.iter()) => Returned::OpaqueFuture,
        Type::Path(path) if is_boxed_future(path) => Returned::BoxedFuture,
        // `impl` is a keyword: wherever it stands in a type, something is opaque.
        ty if mentions_impl(quote!(#ty)) => Returned::Opaque,
        _ => Returned::Other,
    }
}

pub(super) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        }
    }
}

pub(super) fn mentions_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => mentions_impl(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

pub(super) fn has_future<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>) -> bool {
    bounds.any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Future"),
        _ => false,
    })
}

/// `Pin<Box<dyn Future>>`, and the aliases of the `futures` crate for it.
fn is_boxed_future(path: &TypePath) -> bool {
    let Some(last) = path.path.segments.last() else { return false };
    if is_alias(&last.ident) {
        return true;
    }
    matches!(boxed_object(path), Some(Type::TraitObject(object)) if has_future(object.bounds.iter()))
}

/// The type in a `Pin<Box<..>>`.
fn boxed_object(path: &TypePath) -> Option<&Type> {
    let last = path.path.segments.last().filter(|last| last.ident == "Pin")?;
    let Type::Path(boxed) = only_type(&last.arguments)? else { return None };
    let last = boxed.path.segments.last().filter(|last| last.ident == "Box")?;
    only_type(&last.arguments)
}

/// Whether the block names every parameter; all that a pattern binds, where it is one.
fn holds_all(block: &AsyncBlock, signature: &Signature) -> bool {
    let mut words = HashSet::new();
    collect_words(block.block.statements.clone(), &mut words);
    signature.inputs.iter().all(|input| match input {
        FnArg::Receiver(_) => words.contains("self"),
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => words.contains(&name.ident.to_string()),
            _ => false,
        },
    })
}

fn collect_words(tokens: TokenStream, words: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(words.insert(ident.to_string())),
            TokenTree::Group(group) => collect_words(group.stream(), words),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn only_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) if arguments.args.len() == 1 => Some(ungrouped(ty)),
        _ => None,
    }
}

/// The body taken apart if it is nothing but `async { .. }` or `Box::pin(async { .. })`.
fn sole_async_block(body: &Block) -> Option<AsyncBlock> {
    let tokens: Vec<TokenTree> = body.statements.clone().into_iter().collect();
    if let Some((head, block)) = async_block(&tokens) {
        return Some(AsyncBlock { body: body.clone(), wrapper: TokenStream::new(), parentheses: None, head, block });
    }
    let (last, wrapper) = tokens.split_last()?;
    let parentheses = group_of(last, Delimiter::Parenthesis)?;
    if !is_box_pin(wrapper) {
        return None;
    }
    let mut inner: Vec<TokenTree> = parentheses.stream().into_iter().collect();
    inner.pop_if(|last| matches!(last, TokenTree::Punct(comma) if comma.as_char() == ','));
    let (head, block) = async_block(&inner)?;
    Some(AsyncBlock {
        body: body.clone(),
        wrapper: wrapper.iter().cloned().collect(),
        parentheses: Some(parentheses.clone()),
        head,
        block,
    })
}

/// `async { .. }` or `async move { .. }`, read as the latter: what is borrowed from this function could not be returned.
fn async_block(tokens: &[TokenTree]) -> Option<(TokenStream, Block)> {
    let (words, braces) = match tokens {
        [words @ .., last] if words.len() <= 2 => (words, group_of(last, Delimiter::Brace)?),
        _ => return None,
    };
    let is_word = |token: &TokenTree, word| matches!(token, TokenTree::Ident(ident) if ident == word);
    let head = match words {
        [first] if is_word(first, "async") => quote!(#first move),
        [first, second] if is_word(first, "async") && is_word(second, "move") => quote!(#first #second),
        _ => return None,
    };
    Some((head, Block::parse(braces.clone()).ok()?))
}

/// A path that ends in `Box::pin`.
fn is_box_pin(tokens: &[TokenTree]) -> bool {
    let is_path = tokens.iter().all(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    });
    let words: Vec<String> = tokens
        .iter()
        .filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        })
        .collect();
    is_path && matches!(words.as_slice(), [.., boxed, pin] if boxed == "Box" && pin == "pin")
}

fn group_of(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}
