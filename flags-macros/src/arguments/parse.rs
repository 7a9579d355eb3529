//! Reading of the argument list, which goes on after a mistake.
//!
//! Every value is a Rust expression, so one grammar reads all arguments; what kind of expression it must be is judged
//! where it is used. After a mistake reading continues behind the next comma.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Expr, Ident, Path, Token, parenthesized, token};

use super::table::{is_known, look_up, meant};
use super::{Argument, Arguments, Key, Target, Value, Written};
use crate::diagnostics::Diagnostics;
use crate::text::{tokens_between, with_visible_parentheses};

/// Reads all arguments of an attribute that stands on `target`.
pub(crate) fn parse(tokens: TokenStream, target: Target, diagnostics: &mut Diagnostics) -> Arguments {
    let mut arguments = Arguments::default();
    let reader = |input: ParseStream<'_>| {
        if is_flag_path(input) {
            arguments.flag = read_flag_path(input, target, diagnostics)?;
            if arguments.flag.is_none() {
                arguments.misspelt.extend(Key::REQUIRED);
            }
            end_argument(input, diagnostics)?;
        }
        read_arguments(input, target, &mut arguments, diagnostics)
    };
    if let Err(error) = reader.parse2(tokens) {
        diagnostics.report(error.span(), error);
    }
    arguments
}

/// Reads all `#[flag_value(..)]` among the attributes of an enum or a variant, as if they were one.
pub(crate) fn parse_helpers(attributes: &[Attribute], target: Target, diagnostics: &mut Diagnostics) -> Arguments {
    let mut arguments = Arguments::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("flag_value")) {
        let Ok(list) = attribute.meta.require_list() else {
            let form = target.example();
            diagnostics
                .report_at(attribute, format_args!("`flag_value` takes arguments: write `#[flag_value({form})]`"));
            continue;
        };
        let reader = |input: ParseStream<'_>| read_arguments(input, target, &mut arguments, diagnostics);
        if let Err(error) = reader.parse2(list.tokens.clone()) {
            diagnostics.report(error.span(), error);
        }
    }
    arguments
}

fn read_arguments(
    input: ParseStream<'_>,
    target: Target,
    arguments: &mut Arguments,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    while !input.is_empty() {
        if let Some(argument) = read_argument(input, target, arguments, diagnostics)? {
            arguments.given.push(argument);
        }
        end_argument(input, diagnostics)?;
    }
    Ok(())
}

/// Whether the list begins with a path: not `word =`, and not the bare name of an argument.
fn is_flag_path(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let Ok(path) = ahead.call(Path::parse_mod_style) else { return false };
    let is_alone = ahead.is_empty() || ahead.peek(Token![,]);
    is_alone && !path.get_ident().is_some_and(|word| is_known(&word.to_string()))
}

fn read_flag_path(input: ParseStream<'_>, target: Target, diagnostics: &mut Diagnostics) -> syn::Result<Option<Path>> {
    let path = input.call(Path::parse_mod_style)?;
    if target == Target::Function {
        return Ok(Some(path));
    }
    match path.get_ident().map(ToString::to_string).and_then(|word| look_up(&word, target).err()) {
        // A word in lower case is a misspelt argument, not a static.
        Some(unknown) if is_lower_case(&path) => diagnostics.report_at(&path, unknown),
        _ => diagnostics.report_at(
            &path,
            "a path of a declared flag belongs on a function: a static declares its own with `name = \"new_checkout\"`",
        ),
    }
    Ok(None)
}

fn is_lower_case(path: &Path) -> bool {
    path.get_ident().is_some_and(|word| !word.to_string().contains(|letter: char| letter.is_ascii_uppercase()))
}

fn read_argument(
    input: ParseStream<'_>,
    target: Target,
    arguments: &mut Arguments,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Argument>> {
    if !input.peek(Ident::peek_any) {
        diagnostics.report(input.span(), format_args!("here an argument is expected, like `{}`", target.example()));
        arguments.misspelt.extend(Key::REQUIRED);
        skip_to_comma(input)?;
        return Ok(None);
    }
    let ident = input.call(Ident::parse_any)?;
    let name = ident.to_string();
    match look_up(&name, target) {
        Ok(key) => {
            let value = match key {
                Key::Own => read_assignments(input, &ident, diagnostics)?,
                _ => read_value(input, &ident, key.form(), diagnostics)?,
            };
            if !key.may_repeat() && arguments.given.iter().any(|argument| argument.key == key) {
                diagnostics.report(ident.span(), format_args!("`{name}` is given twice: keep one"));
                return Ok(None);
            }
            Ok(Some(Argument { key, ident, value }))
        }
        Err(said) => {
            diagnostics.report(ident.span(), said);
            arguments.misspelt.extend(meant(&name, target));
            // One mistake, one error: what is wrong with the value of an unknown argument is of no interest.
            read_value(input, &ident, "", &mut Diagnostics::default())?;
            Ok(None)
        }
    }
}

fn read_value(input: ParseStream<'_>, ident: &Ident, form: &str, diagnostics: &mut Diagnostics) -> syn::Result<Value> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Value::Word);
    }
    if !input.peek(Token![=]) {
        diagnostics.report(input.span(), format_args!("`{ident}` takes its value behind a `=`: write `{form}`"));
        skip_to_comma(input)?;
        return Ok(Value::Unreadable);
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        diagnostics.report(ident.span(), format_args!("`{ident}` has no value: write `{form}`"));
        return Ok(Value::Unreadable);
    }
    let start = input.span();
    let begin = input.cursor();
    if let Ok(expression) = input.parse::<Expr>() {
        let tokens = with_visible_parentheses(tokens_between(begin, input.cursor()));
        return Ok(Value::Expression(Box::new(Written { expression, tokens })));
    }
    diagnostics.report(start, format_args!("the value of `{ident}` is not an expression: write `{form}`"));
    skip_to_comma(input)?;
    Ok(Value::Unreadable)
}

/// `(name = expression, ..)`
fn read_assignments(input: ParseStream<'_>, ident: &Ident, diagnostics: &mut Diagnostics) -> syn::Result<Value> {
    let start = input.span();
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        let assignment = |input: ParseStream<'_>| {
            let name = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            let begin = input.cursor();
            let expression = input.parse()?;
            Ok((name, Written { expression, tokens: with_visible_parentheses(tokens_between(begin, input.cursor())) }))
        };
        if let Ok(assignments) = content.parse_terminated(assignment, Token![,])
            && !assignments.is_empty()
        {
            return Ok(Value::Assignments(assignments.into_iter().collect()));
        }
        // What is left of it is of no interest.
        content.parse::<TokenStream>()?;
    } else {
        skip_to_comma(input)?;
    }
    diagnostics.report(start, format_args!("`{ident}` takes parameters in parentheses: write `{}`", Key::Own.form()));
    Ok(Value::Unreadable)
}

/// Takes the comma behind an argument; says so where it is missing.
fn end_argument(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<()> {
    if input.is_empty() || input.parse::<Option<Token![,]>>()?.is_some() {
        return Ok(());
    }
    let next = input.cursor().token_tree().map(|(token, _)| token.to_string()).unwrap_or_default();
    diagnostics.report(input.span(), format_args!("a comma is missing before `{next}`"));
    if !(input.peek(Ident::peek_any) && input.peek2(Token![=])) {
        skip_to_comma(input)?;
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(())
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(tokens: TokenStream, target: Target) -> (Vec<Key>, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let arguments = parse(tokens, target, &mut diagnostics);
        (arguments.iter().map(|argument| argument.key).collect(), diagnostics.messages())
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_read() {
        let (keys, messages) = read(
            quote!(ownr = "x", name "y", default = , expires = "2099-01-01" owner = "z", owner = "w", + 3, ticket = 1 2),
            Target::Static,
        );
        assert_eq!(keys, [Key::Name, Key::Default, Key::Expires, Key::Owner, Key::Ticket]);
        assert_eq!(
            messages,
            [
                "unknown argument `ownr`: did you mean `owner`?",
                "`name` takes its value behind a `=`: write `name = \"new_checkout\"`",
                "`default` has no value: write `default = false`",
                "a comma is missing before `owner`",
                "`owner` is given twice: keep one",
                "here an argument is expected, like `owner = \"payments\"`",
                "a comma is missing before `2`",
            ]
        );
    }

    #[test]
    fn commas_inside_a_value_do_not_end_it() {
        let (keys, messages) =
            read(quote!(off = legacy::<A, B>, context = <T as Trait<A, B>>::of(x, y), public), Target::Function);
        assert_eq!(keys, [Key::Off, Key::Context, Key::Public]);
        assert!(messages.is_empty(), "{messages:?}");
    }

    #[test]
    fn a_path_stands_first_on_a_function_only() {
        let mut diagnostics = Diagnostics::default();
        let arguments = parse(quote!(crate::flags::NEW, off = legacy), Target::Function, &mut diagnostics);
        assert!(arguments.flag.is_some() && diagnostics.is_empty());

        let said = |tokens| read(tokens, Target::Static).1;
        assert!(said(quote!(NEW))[0].starts_with("a path of a declared flag belongs on a function"));
        assert_eq!(said(quote!(publik)), ["unknown argument `publik`: did you mean `public`?"]);
        assert_eq!(said(quote!(public)), [""; 0]);
    }
}
