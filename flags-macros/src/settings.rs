//! What a declaration says about its flag, checked.

use std::time::Duration;

use proc_macro2::Span;
use quote::quote;
use syn::{Expr, ExprCall, ExprPath, Ident, LitStr};

use crate::arguments::{Argument, Arguments, Key, Written, string_literal};
use crate::date::Date;
use crate::diagnostics::Diagnostics;
use crate::name;
use crate::suggestion::{listed, nearest};
use crate::text;

const KINDS: [&str; 4] = ["release", "experiment", "ops", "permission"];
const LONGEST_KEY: usize = 256;

/// The arguments of a declaration once every one is right.
pub(crate) struct Settings {
    pub(crate) name: LitStr,
    pub(crate) key: Option<LitStr>,
    pub(crate) default: DefaultValue,
    pub(crate) expires: Expires,
    pub(crate) owner: Option<LitStr>,
    pub(crate) created: Option<LitStr>,
    pub(crate) ticket: Option<LitStr>,
    pub(crate) kind: Option<Ident>,
    pub(crate) is_public: bool,
    /// Who decides the flag in the place of documents.
    pub(crate) provider: Option<String>,
    /// How long the source may be away before the declared default is answered; none keeps the last decision.
    pub(crate) outage_limit: Option<Duration>,
}

/// Where the declared default comes from.
pub(crate) enum DefaultValue {
    Const(Written),
    Call(ExprPath),
}

/// The end of a flag's life.
pub(crate) enum Expires {
    On { date: Date, literal: LitStr },
    Never { reason: LitStr },
}

impl DefaultValue {
    /// The expression, as the user spaced it.
    pub(crate) fn as_written(&self) -> String {
        match self {
            Self::Const(value) => text::as_written(quote!(#value)),
            Self::Call(path) => format!("{}()", text::as_written(quote!(#path))),
        }
    }
}

impl Settings {
    /// Judges all arguments; `None` if a sentence was reported. `suggested_name` is what a flag here would be called.
    pub(crate) fn validate(arguments: &Arguments, suggested_name: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let given = |key| arguments.find(key);
        // Each is judged before any is missed: all the errors at once.
        let name = match given(Key::Name) {
            Some(argument) => name(argument, diagnostics),
            None => missing(
                arguments,
                Key::Name,
                &format!("`name` is missing: add `name = \"{suggested_name}\"`"),
                diagnostics,
            ),
        };
        let key = given(Key::Remote).map(|argument| key(argument, diagnostics));
        let default = match (given(Key::Default), given(Key::DefaultFn)) {
            (None, None) => missing(
                arguments,
                Key::Default,
                "`default` is missing: add what the flag says when nobody decides otherwise, like `default = false`",
                diagnostics,
            ),
            (value, function) => default(value, function, diagnostics),
        };
        let expires = match given(Key::Expires) {
            Some(argument) => expires(argument, diagnostics),
            None => missing(
                arguments,
                Key::Expires,
                "`expires` is missing: add `expires = \"YYYY-MM-DD\"`, or `expires = never(\"reason\")`",
                diagnostics,
            ),
        };
        let owner = given(Key::Owner).map(|argument| argument.text(diagnostics));
        let created = given(Key::Created).map(|argument| argument.date(diagnostics).map(|(_, literal)| literal));
        let ticket = given(Key::Ticket).map(|argument| argument.text(diagnostics));
        let kind = given(Key::Kind).map(|argument| kind(argument, diagnostics));
        let is_public = given(Key::Public).map(|argument| argument.switch(diagnostics));
        let provider = given(Key::Provider).map(|argument| provider(argument, diagnostics));
        let on_outage = given(Key::OnOutage).map(|argument| on_outage(argument, diagnostics));
        Some(Self {
            name: name?,
            key: sound(key)?,
            default: default?,
            expires: expires?,
            owner: sound(owner)?,
            created: sound(created)?,
            ticket: sound(ticket)?,
            kind: sound(kind)?,
            is_public: sound(is_public)?.unwrap_or(false),
            provider: sound(provider)?,
            outage_limit: sound(on_outage)?.flatten(),
        })
    }
}

/// Not given is sound, given and wrong is not.
#[expect(clippy::option_option, reason = "outside: was it given; inside: was it right; it is turned around at once")]
fn sound<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn name(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<LitStr> {
    let literal = argument.string(diagnostics)?;
    match name::problem(&literal.value()) {
        Some(problem) => {
            diagnostics.report(literal.span(), problem);
            None
        }
        None => Some(literal),
    }
}

fn key(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<LitStr> {
    let literal = argument.string(diagnostics)?;
    let key = literal.value();
    let problem = if key.is_empty() {
        "`key` is empty: fill it in, or leave it out to use `name`".to_owned()
    } else if key.len() > LONGEST_KEY {
        format!("`key` has {} bytes: it may have at most {LONGEST_KEY}", key.len())
    } else if key.chars().any(char::is_control) {
        "`key` has a control character: remove it".to_owned()
    } else {
        return Some(literal);
    };
    diagnostics.report(literal.span(), problem);
    None
}

fn default(
    value: Option<&Argument>,
    function: Option<&Argument>,
    diagnostics: &mut Diagnostics,
) -> Option<DefaultValue> {
    match (value, function) {
        (Some(value), None) => value.written(diagnostics).map(DefaultValue::Const),
        (None, Some(function)) => function.function(diagnostics).map(DefaultValue::Call),
        (Some(_), Some(function)) => {
            diagnostics.report(function.ident.span(), "`default` and `default_fn` exclude each other: keep one");
            None
        }
        (None, None) => None,
    }
}

fn expires(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<Expires> {
    match argument.expression(diagnostics)? {
        Expr::Call(call) if is_never(&call.func) => never(call, diagnostics),
        expression if is_never(expression) => {
            diagnostics.report_at(expression, "`never` needs a reason: write `expires = never(\"reason\")`");
            None
        }
        expression if string_literal(expression).is_some_and(|text| text.value() == "never") => {
            diagnostics.report_at(expression, "`never` needs a reason: write `expires = never(\"reason\")`");
            None
        }
        expression if string_literal(expression).is_none() => {
            diagnostics.report_at(
                expression,
                "`expires` takes a date or a reason: write `\"YYYY-MM-DD\"` or `never(\"reason\")`",
            );
            None
        }
        _ => argument.date(diagnostics).map(|(date, literal)| Expires::On { date, literal }),
    }
}

fn never(call: &ExprCall, diagnostics: &mut Diagnostics) -> Option<Expires> {
    let reason = match call.args.first() {
        Some(first) if call.args.len() == 1 => string_literal(first),
        _ => None,
    };
    match reason {
        Some(reason) if !reason.value().trim().is_empty() => Some(Expires::Never { reason }),
        _ => {
            diagnostics.report_at(call, "`never` needs a reason: write `expires = never(\"reason\")`");
            None
        }
    }
}

/// `last_known`, which is none, or `default(after = "5m")`.
#[expect(clippy::option_option, reason = "outside: is it right; inside: is there a limit")]
fn on_outage(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<Option<Duration>> {
    let expression = argument.expression(diagnostics)?;
    let is = |expression: &Expr, word: &str| matches!(expression, Expr::Path(path) if path.path.is_ident(word));
    if is(expression, "last_known") {
        return Some(None);
    }
    let after = match expression {
        Expr::Call(call) if is(&call.func, "default") => match call.args.first() {
            Some(Expr::Assign(after)) if call.args.len() == 1 && is(&after.left, "after") => {
                string_literal(&after.right)
            }
            _ => None,
        },
        _ => None,
    };
    let form = argument.key.form();
    if let Some(literal) = after {
        return duration(&literal, form, diagnostics).map(Some);
    }
    diagnostics.report_at(
        expression,
        format_args!("`on_outage` says what is answered while the source is away: write `{form}` or `last_known`"),
    );
    None
}

/// A whole number above 0 with its unit.
pub(crate) fn duration(literal: &LitStr, form: &str, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let text = literal.value();
    let parsed = text.find(|c: char| !c.is_ascii_digit()).and_then(|digits| {
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            _ => None,
        }
    });
    if parsed.is_none() {
        diagnostics.report(
            literal.span(),
            format_args!("`{text}` is not a whole number above 0 with the unit `ms`, `s` or `m`: write `{form}`"),
        );
    }
    parsed
}

fn is_never(expression: &Expr) -> bool {
    matches!(expression, Expr::Path(path) if path.path.is_ident("never"))
}

fn kind(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<Ident> {
    let expression = argument.expression(diagnostics)?;
    let word = match expression {
        Expr::Path(ExprPath { qself: None, path, .. }) => path.get_ident(),
        _ => None,
    };
    let said = word.map(ToString::to_string);
    if let Some(said) = &said
        && KINDS.contains(&said.as_str())
    {
        return word.cloned();
    }
    match said.as_deref().and_then(|said| Some((said, nearest(said, KINDS)?))) {
        Some((said, meant)) => {
            diagnostics.report_at(expression, format_args!("unknown kind `{said}`: did you mean `{meant}`?"));
        }
        None => diagnostics.report_at(expression, format_args!("`kind` takes a word: one of {}", listed(KINDS))),
    }
    None
}

/// The name of a provider: a word, or a string where it makes no word.
fn provider(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<String> {
    let expression = argument.expression(diagnostics)?;
    let said = match expression {
        Expr::Path(ExprPath { qself: None, path, .. }) => path.get_ident().map(ToString::to_string),
        _ => string_literal(expression).map(|literal| literal.value()),
    };
    let form = argument.key.form();
    match said {
        Some(said) if name::problem(&said).is_none() => return Some(said),
        Some(said) => diagnostics.report_at(
            expression,
            format_args!(
                "`{said}` is not the name of a provider: lower-case letters, digits, `_`, `-` and `.`; write `{form}`"
            ),
        ),
        None => diagnostics.report_at(
            expression,
            format_args!("`provider` takes the name of who decides: write `{form}`, or \"my-provider\""),
        ),
    }
    None
}

/// What is missing is reported at the whole attribute, which is where it goes.
fn missing<T>(arguments: &Arguments, key: Key, sentence: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    if arguments.lacks(key) {
        diagnostics.report(Span::call_site(), sentence);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{self, Target};
    use proc_macro2::TokenStream;

    fn said(tokens: TokenStream) -> Vec<String> {
        let mut diagnostics = Diagnostics::default();
        let arguments = arguments::parse(tokens, Target::Static, &mut diagnostics);
        let settings = Settings::validate(&arguments, "new_checkout", &mut diagnostics);
        assert_eq!(settings.is_some(), diagnostics.is_empty());
        diagnostics.messages()
    }

    #[test]
    fn all_missing_arguments_are_named() {
        assert_eq!(
            said(quote!()),
            [
                "`name` is missing: add `name = \"new_checkout\"`",
                "`default` is missing: add what the flag says when nobody decides otherwise, like `default = false`",
                "`expires` is missing: add `expires = \"YYYY-MM-DD\"`, or `expires = never(\"reason\")`",
            ]
        );
    }

    #[test]
    fn an_unreadable_argument_is_not_also_called_missing() {
        assert_eq!(said(quote!(name =, default =, expires =)).len(), 3);
        assert_eq!(said(quote!(name, default, expires)).len(), 3);
    }

    #[test]
    fn every_argument_is_accepted_in_every_form() {
        let none: [String; 0] = [];
        assert_eq!(said(quote!(name = "x", default = false, expires = "2099-03-01")), none);
        assert_eq!(
            said(quote!(
                name = "x.y-z",
                key = "Größe X",
                default_fn = Self::<u8>::limits,
                expires = never("kill switch"),
                owner = "payments",
                created = "2024-02-29",
                ticket = "PAY-1",
                kind = ops,
                public,
                provider = launchdarkly,
                crate = ::a::b,
            )),
            none
        );
        assert_eq!(said(quote!(name = "x", default = { 1 + 1 }, expires = "2099-03-01", public = false)), none);
        assert_eq!(said(quote!(name = "x", default = 1, expires = "2099-03-01", provider = "my-provider")), none);
    }

    #[test]
    fn each_wrong_value_has_its_sentence() {
        let wrong = |tokens: TokenStream| {
            let mut said = said(quote!(#tokens, name = "x", default = 1, expires = "2099-01-01"));
            // The wrong one stands first; the second of its name is "given twice".
            said.retain(|said| !said.contains("twice"));
            assert_eq!(said.len(), 1, "{said:?}");
            said.remove(0)
        };
        assert_eq!(wrong(quote!(name = x)), "`name` takes a string literal: write `name = \"new_checkout\"`");
        assert!(wrong(quote!(name = "X")).starts_with("`X` is not a flag name: "));
        assert_eq!(wrong(quote!(key = "")), "`key` is empty: fill it in, or leave it out to use `name`");
        assert_eq!(wrong(quote!(key = "a\nb")), "`key` has a control character: remove it");
        let long = "x".repeat(257);
        assert_eq!(wrong(quote!(key = #long)), "`key` has 257 bytes: it may have at most 256");
        assert_eq!(wrong(quote!(default_fn = f)), "`default` and `default_fn` exclude each other: keep one");
        assert_eq!(
            wrong(quote!(expires = "2025-02-30")),
            "`2025-02-30` is not a day of the calendar: write `expires = \"YYYY-MM-DD\"`"
        );
        assert_eq!(
            wrong(quote!(expires = 2025)),
            "`expires` takes a date or a reason: write `\"YYYY-MM-DD\"` or `never(\"reason\")`"
        );
        for reasonless in
            [quote!(never), quote!(never()), quote!(never("")), quote!(never(" ")), quote!(never("a", "b"))]
        {
            assert_eq!(
                wrong(quote!(expires = #reasonless)),
                "`never` needs a reason: write `expires = never(\"reason\")`"
            );
        }
        assert_eq!(wrong(quote!(owner = "")), "`owner` is empty: fill it in or leave it out");
        assert_eq!(wrong(quote!(owner = payments)), "`owner` takes a string literal: write `owner = \"payments\"`");
        assert_eq!(
            wrong(quote!(created = "yesterday")),
            "`yesterday` is not of the form `YYYY-MM-DD`: write `created = \"YYYY-MM-DD\"`"
        );
        assert_eq!(wrong(quote!(kind = oops)), "unknown kind `oops`: did you mean `ops`?");
        assert_eq!(
            wrong(quote!(kind = "ops")),
            "`kind` takes a word: one of `release`, `experiment`, `ops`, `permission`"
        );
        assert_eq!(
            wrong(quote!(provider = LaunchDarkly)),
            "`LaunchDarkly` is not the name of a provider: lower-case letters, digits, `_`, `-` and `.`; write \
             `provider = launchdarkly`"
        );
        assert_eq!(
            wrong(quote!(provider = open::feature)),
            "`provider` takes the name of who decides: write `provider = launchdarkly`, or \"my-provider\""
        );
        assert_eq!(wrong(quote!(public = yes)), "`public` is a switch: write `public`, or `public = false`");
    }
}
