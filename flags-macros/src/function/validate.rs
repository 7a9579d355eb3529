//! The sentences about a gated function.

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Expr, ExprPath, FnArg, Ident, Lit, Path, Token, parse_quote};

use super::model::{Gate, GatingFlag};
use super::parameters::{self, Parameter};
use super::parse::FunctionItem;
use super::shape;
use crate::arguments::{Arguments, Key};
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
    let shape = shape::validate(item, diagnostics);
    let parameters = parameters::parameters(&item.signature, diagnostics);
    let off = off(item, arguments, diagnostics);
    let context = context(arguments, &parameters, diagnostics);
    let settings = match &arguments.flag {
        Some(path) => {
            refuse_declaring(path, arguments, diagnostics);
            None
        }
        None => settings(item, arguments, diagnostics),
    };
    if !diagnostics.is_empty() {
        return None;
    }
    let flag = match &arguments.flag {
        Some(path) => GatingFlag::Named(path.clone()),
        None => GatingFlag::Declared(Box::new(declaration(item, settings?, runtime, environment, diagnostics)?)),
    };
    let (call, place) = shape?;
    Some(Gate { runtime: runtime.clone(), flag, context, off, parameters, call, place })
}

/// The settings of a flag that the function declares.
fn settings(item: &FunctionItem, arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let declares = arguments.iter().any(|argument| !matches!(argument.key, Key::Off | Key::Context | Key::Crate));
    if !declares {
        diagnostics.report(
            Span::call_site(),
            "no flag is named: put the path of a declared one first, or declare one with `name`, `default` and `expires`",
        );
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
    if let DefaultValue::Const(Expr::Lit(literal)) = &settings.default
        && !matches!(literal.lit, Lit::Bool(_))
    {
        diagnostics.report_at(literal, "the flag of a gated function is a bool: write `default = false`");
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
    let off = arguments.find(Key::Off).and_then(|off| off.expression(unheard));
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
        if matches!(argument.key, Key::Off | Key::Context | Key::Crate) {
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
    runtime: &TokenStream,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<Declaration> {
    let expired = expiry(&settings, environment, diagnostics);
    let tokens = static_tokens(item, name::static_ident(&settings.name)?, runtime);
    Some(Declaration::new(tokens, settings, expired, runtime.clone(), environment))
}

/// The static that stands beside the function.
pub(super) fn static_tokens(item: &FunctionItem, ident: Ident, runtime: &TokenStream) -> StaticTokens {
    let doc = format!("Gates the function `{}`.", item.signature.ident);
    let repeated = Repeated::of(&item.attributes);
    let (conditions, allows) = (&repeated.conditions, &repeated.allows);
    StaticTokens {
        attributes: quote!(#[doc = #doc] #(#conditions)* #(#allows)*),
        repeated,
        doc,
        visibility: item.visibility.clone(),
        static_token: Token![static](Span::call_site()),
        ident,
        colon: Token![:](Span::call_site()),
        ty: parse_quote!(#runtime::Flag<bool>),
        semicolon: Token![;](Span::call_site()),
    }
}

fn off(item: &FunctionItem, arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<ExprPath> {
    let function = &item.signature.ident;
    let Some(argument) = arguments.find(Key::Off) else {
        if !shape::returns_nothing(&item.signature) {
            diagnostics.report(
                function.span(),
                format_args!(
                    "`{function}` returns something: say who answers when the flag is off, `off = path::to::function`"
                ),
            );
        }
        return None;
    };
    let off = argument.function(diagnostics)?;
    // Only what is certain: an unqualified name may be another function's.
    if quote!(#off).to_string() == quote!(Self::#function).to_string() {
        diagnostics.report_at(&off, "`off` is the gated function itself: name the one that answered before");
        return None;
    }
    Some(off)
}

/// The context expression, which stands in front of the patterns of the parameters.
fn context(arguments: &Arguments, parameters: &[Parameter], diagnostics: &mut Diagnostics) -> Option<Expr> {
    let context = arguments.find(Key::Context)?.expression(diagnostics)?.clone();
    let patterns = parameters.iter().filter_map(|parameter| parameter.pattern.as_ref());
    // A word in lower case in a pattern is nearly always a binding; a struct's field may be mistaken for one, and gets
    // the same advice.
    let bound: Vec<String> = patterns
        .flat_map(|(pattern, _)| idents(quote!(#pattern)))
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
fn idents(tokens: TokenStream) -> Vec<Ident> {
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
