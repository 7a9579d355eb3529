//! The sentences about a gated function.

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, Expr, ExprPath, FnArg, GenericParam, Ident, Lit, Pat, Path, PathArguments, Token, parse_quote};

use super::launch;
use super::model::{Answer, Call, Gate, GatingFlag};
use super::parameters::{self, BoundAnew, Parameter, Pattern};
use super::parse::FunctionItem;
use super::shape;
use crate::arguments::{Argument, Arguments, Key, Written};
use crate::declaration::{Declaration, Repeated, StaticTokens, expiry};
use crate::diagnostics::Diagnostics;
use crate::expiry::Environment;
use crate::name;
use crate::settings::{DefaultValue, Settings};

/// Judges function and arguments; `None` if a sentence was reported that leaves nothing sound to expand.
pub(super) fn validate(
    item: &FunctionItem,
    arguments: &Arguments,
    runtime: &TokenStream,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<Gate> {
    // What an argument in error was to say is not missed as well.
    let are_arguments_read = diagnostics.is_empty();
    let shape = shape::validate(item, diagnostics);
    let is_joined = matches!(shape, Some((Call { answer: Answer::Joined(_), .. }, _)));
    let side = launch::side(arguments, diagnostics);
    let anew = match side {
        Some(side) if side.key != Key::Off => BoundAnew::None,
        _ if is_joined => BoundAnew::All,
        _ => BoundAnew::BehindPattern,
    };
    let parameters = parameters::parameters(&item.signature, anew, diagnostics);
    let off = off(item, side, &parameters, are_arguments_read, diagnostics);
    let launch = launch::validate(item, arguments, shape.as_ref(), &parameters, runtime, diagnostics);
    let context = context(arguments, &parameters, diagnostics);
    let settings = match &arguments.flag {
        Some(path) => {
            refuse_declaring(path, arguments, diagnostics);
            None
        }
        None => settings(item, arguments, are_arguments_read, diagnostics),
    };
    if !diagnostics.is_empty() {
        return None;
    }
    let flag = match &arguments.flag {
        Some(path) => GatingFlag::Named(path.clone()),
        None => GatingFlag::Declared(Box::new(declaration(
            item,
            settings?,
            is_staged(arguments),
            runtime,
            environment,
            diagnostics,
        )?)),
    };
    let (call, place) = shape?;
    Some(Gate { runtime: runtime.clone(), flag, context, off, launch, parameters, call, place })
}

/// The settings of a flag that the function declares.
fn settings(
    item: &FunctionItem,
    arguments: &Arguments,
    are_arguments_read: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Settings> {
    let declares = arguments.iter().any(|argument| argument.key.declares());
    if !declares {
        if are_arguments_read {
            diagnostics.report(
                Span::call_site(),
                "no flag is named: put the path of a declared one first, or declare one with `name`, `default` and \
                 `expires`",
            );
        }
        return None;
    }
    if let Some(reason) = no_sibling(item, arguments)
        && let Some(name) = arguments.find(Key::Name)
    {
        diagnostics.report(
            name.ident.span(),
            format_args!(
                "`name` declares a static beside the function, and {reason}: declare a static, and gate the function by \
                 its path"
            ),
        );
        return None;
    }
    let settings = Settings::validate(arguments, &name::suggested_by(&item.signature.ident), diagnostics)?;
    if name::static_ident(&settings.name).is_none() {
        diagnostics.report(
            settings.name.span(),
            format_args!(
                "`{}` makes no identifier: declare a static of another name, and gate the function by its path",
                settings.name.value()
            ),
        );
    }
    if let DefaultValue::Const(Written { expression: Expr::Path(path), .. }) = &settings.default
        && !is_staged(arguments)
        && path.path.segments.iter().rev().nth(1).is_some_and(|segment| segment.ident == "Stage")
    {
        diagnostics.report_at(
            path,
            "the flag of a gated function is a bool: write `default = false`, or name the legacy function by `stages`",
        );
    }
    if let DefaultValue::Const(Written { expression: Expr::Lit(literal), .. }) = &settings.default {
        if is_staged(arguments) {
            diagnostics.report_at(
                literal,
                "the flag of `stages` is a `Stage`: write `default = flags_runtime::dark_launch::Stage::Off`",
            );
        } else if !matches!(literal.lit, Lit::Bool(_)) {
            diagnostics.report_at(literal, "the flag of a gated function is a bool: write `default = false`");
        }
    }
    Some(settings)
}

/// Why no static can stand beside the function, if that can be seen.
pub(super) fn no_sibling(item: &FunctionItem, arguments: &Arguments) -> Option<&'static str> {
    if matches!(item.signature.inputs.first(), Some(FnArg::Receiver(_))) {
        return Some("a method has none beside it");
    }
    let signature = &item.signature;
    // What is wrong with the other arguments is said elsewhere.
    let unheard = &mut Diagnostics::default();
    let off = launch::side(arguments, &mut Diagnostics::default()).and_then(|off| off.expression(unheard));
    let context = arguments.find(Key::Context).and_then(|context| context.expression(unheard));
    mentions_self(quote!(#signature #off #context)).then_some("an associated function has none beside it")
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// A flag that is declared elsewhere is described there.
fn refuse_declaring(path: &Path, arguments: &Arguments, diagnostics: &mut Diagnostics) {
    let path = crate::text::as_written(path.to_token_stream());
    for argument in arguments.iter() {
        if !argument.key.declares() {
            continue;
        }
        let ident = &argument.ident;
        diagnostics.report(
            ident.span(),
            format_args!("`{ident}` belongs on the declaration of `{path}`: move it there, or remove `{path}` here"),
        );
    }
}

/// The declaration beside the function; `None` only if its name makes no identifier, which was reported.
fn declaration(
    item: &FunctionItem,
    settings: Settings,
    is_staged: bool,
    runtime: &TokenStream,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<Declaration> {
    let expired = expiry(&settings, environment, diagnostics);
    let tokens = static_tokens(item, name::static_ident(&settings.name)?, is_staged, runtime);
    Some(Declaration::new(tokens, settings, expired, runtime.clone(), environment))
}

/// The static that stands beside the function.
pub(super) fn static_tokens(item: &FunctionItem, ident: Ident, is_staged: bool, runtime: &TokenStream) -> StaticTokens {
    let doc = format!("Gates the function `{}`.", item.signature.ident);
    let repeated = Repeated::of(&item.attributes);
    let (conditions, allows) = (&repeated.conditions, &repeated.allows);
    let hidden = item.attributes.iter().filter(|attribute| is_hidden(attribute));
    StaticTokens {
        attributes: quote!(#[doc = #doc] #(#hidden)* #(#conditions)* #(#allows)*),
        repeated,
        doc,
        visibility: item.visibility.clone(),
        static_token: Token![static](Span::call_site()),
        ident,
        colon: Token![:](Span::call_site()),
        ty: if is_staged {
            parse_quote!(#runtime::Flag<#runtime::dark_launch::Stage>)
        } else {
            parse_quote!(#runtime::Flag<bool>)
        },
        semicolon: Token![;](Span::call_site()),
    }
}

/// Whether the flag has stages, and is no bool.
pub(super) fn is_staged(arguments: &Arguments) -> bool {
    arguments.find(Key::Stages).is_some()
}

/// `#[doc(hidden)]`: what is gated by the flag is not for everybody, so nor is the flag.
fn is_hidden(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc") && attribute.parse_args::<Ident>().is_ok_and(|word| word == "hidden")
}

/// `#[test]`, or one that makes a test, like `#[tokio::test]`.
fn is_test(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

fn off(
    item: &FunctionItem,
    side: Option<&Argument>,
    parameters: &[Parameter],
    are_arguments_read: bool,
    diagnostics: &mut Diagnostics,
) -> Option<ExprPath> {
    let function = &item.signature.ident;
    let Some(argument) = side else {
        if let Some(test) = item.attributes.iter().find(|attribute| is_test(attribute)) {
            diagnostics.report_at(
                test,
                format_args!(
                    "the test `{function}` would pass without running when the flag is off: force the flag in its body, \
                     `let _on = FLAG.force(true);`"
                ),
            );
        } else if are_arguments_read && !shape::returns_nothing(item) {
            diagnostics.report(
                function.span(),
                format_args!(
                    "`{function}` returns something: say who answers when the flag is off, `off = path::to::function` (or `shadow`, or `stages`: \
                     it answers, and this body is tried beside it)"
                ),
            );
        }
        return None;
    };
    let mut off = argument.function(diagnostics)?;
    // Beside a method an unqualified name is another function's.
    let is_method = matches!(item.signature.inputs.first(), Some(FnArg::Receiver(_)));
    if is_path(&off, &quote!(Self::#function)) || (!is_method && off.path.is_ident(function)) {
        diagnostics.report_at(
            &off,
            format_args!(
                "`{}` is the gated function itself: name the one that answered before, by a longer path if it has this name",
                argument.ident
            ),
        );
        return None;
    }
    if let Some(hidden) =
        parameters.iter().filter_map(|parameter| parameter.name.as_ref()).find(|name| off.path.is_ident(*name))
    {
        diagnostics.report_at(
            &off,
            format_args!("`{hidden}` is a parameter here, not a function: write a longer path, like `self::{hidden}`"),
        );
        return None;
    }
    pass_on_generics(&mut off, item);
    Some(off)
}

fn is_path(off: &ExprPath, path: &TokenStream) -> bool {
    off.to_token_stream().to_string() == path.to_string()
}

/// Names the parameters of types and constants that neither arguments nor result tell: the other side's are taken for the
/// same, in the same order.
fn pass_on_generics(off: &mut ExprPath, item: &FunctionItem) {
    let signature = &item.signature;
    let (inputs, output) = (&signature.inputs, &signature.output);
    let told = idents(quote!(#inputs #output));
    let own = signature.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        GenericParam::Const(parameter) => Some(&parameter.ident),
        GenericParam::Lifetime(_) => None,
    });
    let own: Vec<&Ident> = own.collect();
    let is_told = |parameter: &&Ident| told.contains(parameter);
    if let Some(last) = off.path.segments.last_mut()
        && last.arguments.is_none()
        && !own.iter().all(is_told)
    {
        last.arguments = PathArguments::AngleBracketed(parse_quote!(::<#(#own),*>));
    }
}

/// The context expression, which stands in front of the patterns of the parameters.
fn context(arguments: &Arguments, parameters: &[Parameter], diagnostics: &mut Diagnostics) -> Option<Written> {
    let context = arguments.find(Key::Context)?.written(diagnostics)?;
    let patterns = parameters.iter().filter_map(|parameter| parameter.pattern.as_ref());
    // A word in lower case in a pattern is nearly always a binding; a struct's field may be mistaken for one, and gets
    // the same advice.
    let bound: Vec<String> = patterns
        .filter(|pattern| !matches!(&pattern.user, Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none()))
        .flat_map(|Pattern { user, .. }| idents(quote!(#user)))
        .map(|ident| ident.to_string())
        .filter(|word| !word.starts_with(char::is_uppercase) && word != "mut" && word != "ref")
        .collect();
    if let Some(word) = idents(quote!(#context)).iter().find(|word| bound.contains(&word.to_string())) {
        diagnostics.report(
            word.span(),
            format_args!("`{word}` is bound by a pattern, behind the gate: give the parameter a name and use that"),
        );
        return None;
    }
    Some(context)
}

/// All identifiers but those behind a dot, which are fields and methods.
pub(super) fn idents(tokens: TokenStream) -> Vec<Ident> {
    let mut found = Vec::new();
    let mut is_member = false;
    for token in tokens {
        let is_dot = matches!(&token, TokenTree::Punct(dot) if dot.as_char() == '.' && dot.spacing() == Spacing::Alone);
        match token {
            TokenTree::Ident(ident) if !is_member => found.push(ident),
            TokenTree::Group(group) => found.extend(idents(group.stream())),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        is_member = is_dot;
    }
    found
}
