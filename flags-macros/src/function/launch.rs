//! Dark launches: the sentences about `shadow`, `stages` and their options, and what is understood of them.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{FnArg, ReceiverKind, ReturnType, Type, parse_quote};

use super::model::{Answer, Call, Place};
use super::parameters::Parameter;
use super::parse::FunctionItem;
use super::passed::{Passed, passed};
use super::shape::{has_future, output_of_future, ungrouped};
use crate::arguments::{Argument, Arguments, Key, Written};
use crate::diagnostics::Diagnostics;
use crate::settings::duration;

/// What a dark launch expands from.
pub(super) struct Launch {
    pub(super) is_staged: bool,
    /// Detached, at most so many at once.
    pub(super) max_in_flight: Option<usize>,
    /// What is returned; of a future, what that gives.
    pub(super) output: Type,
    pub(super) compare: Option<Written>,
    pub(super) compare_errors: Option<Written>,
    pub(super) keep: Option<Written>,
    /// Percent of the calls that are runs, and of those that are A/A runs.
    pub(super) sample: f64,
    pub(super) noise: f64,
    /// Calls of the builder with literals and expressions: `.sample(10.0)`.
    pub(super) options: Vec<TokenStream>,
    /// One for each parameter of which the trial gets a clone.
    pub(super) passed: Vec<Passed>,
}

/// The argument that names the other side, and refuses several of them.
pub(super) fn side<'a>(arguments: &'a Arguments, diagnostics: &mut Diagnostics) -> Option<&'a Argument> {
    let mut sides = [Key::Off, Key::Shadow, Key::Stages].into_iter().filter_map(|key| arguments.find(key));
    let first = sides.next();
    for other in sides {
        let (ident, first) = (&other.ident, first.map(|first| first.ident.to_string()).unwrap_or_default());
        diagnostics
            .report(ident.span(), format_args!("`{ident}` beside `{first}`: the other side is named once, keep one"));
    }
    first
}

/// Judges the options; `None` if there is no dark launch here, or if a sentence was reported.
pub(super) fn validate(
    item: &FunctionItem,
    arguments: &Arguments,
    shape: Option<&(Call, Place)>,
    parameters: &[Parameter],
    runtime: &TokenStream,
    diagnostics: &mut Diagnostics,
) -> Option<Launch> {
    let Some(side) = arguments.find(Key::Shadow).or_else(|| arguments.find(Key::Stages)) else {
        refuse_options(arguments, diagnostics);
        return None;
    };
    let is_staged = side.key == Key::Stages;
    let run = arguments.find(Key::Run).and_then(|run| run.word(&["inline", "detached"], diagnostics));
    let is_detached = run.as_deref() == Some("detached");
    let output = shape.and_then(|(call, place)| output(item, call.answer, place, diagnostics));
    if is_detached {
        refuse_borrowed(item, output.as_ref(), diagnostics);
    }
    let expression = |key: Key, diagnostics: &mut Diagnostics| {
        arguments.find(key).and_then(|argument| argument.written(diagnostics))
    };
    let compare = expression(Key::Compare, diagnostics);
    let compare_errors = expression(Key::CompareErrors, diagnostics);
    let keep = expression(Key::Keep, diagnostics);
    if let (Some(argument), Some(_)) = (arguments.find(Key::CompareErrors), &keep) {
        diagnostics.report(
            argument.ident.span(),
            "`compare_errors` beside `keep`: what `keep` returns is compared, errors included; remove one",
        );
    }
    if let (Some(argument), true) = (arguments.find(Key::Order), is_detached) {
        diagnostics.report(
            argument.ident.span(),
            "`order` means nothing for a detached trial, which begins once the answer is known: remove it",
        );
    }
    if let (Some(argument), false) = (arguments.find(Key::MaxInFlight), is_detached) {
        diagnostics.report(
            argument.ident.span(),
            "`max_in_flight` bounds detached trials: add `run = detached`, or remove it",
        );
    }
    let mut percent = |key: Key, otherwise: f64| {
        arguments.find(key).and_then(|percent| percent.number(0.0, 100.0, diagnostics)).unwrap_or(otherwise)
    };
    let (sample, noise) = (percent(Key::Sample, 100.0), percent(Key::Noise, 0.0));
    let options = options(arguments, runtime, diagnostics);
    let max_in_flight = is_detached.then(|| max_in_flight(arguments, diagnostics));
    let passed = passed(item, arguments, parameters, diagnostics);
    Some(Launch {
        is_staged,
        max_in_flight,
        output: output?,
        compare,
        compare_errors,
        keep,
        sample,
        noise,
        options,
        passed,
    })
}

fn refuse_options(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    let is_option = |key: Key| !key.declares() && !matches!(key, Key::Off | Key::Context | Key::Crate);
    for argument in arguments.iter().filter(|argument| is_option(argument.key)) {
        let ident = &argument.ident;
        diagnostics.report(
            ident.span(),
            format_args!(
                "`{ident}` belongs to a dark launch: name the legacy function by `shadow` or `stages`, or remove it"
            ),
        );
    }
}

/// What is compared: the type that is returned, or that the future gives.
fn output(item: &FunctionItem, answer: Answer, place: &Place, diagnostics: &mut Diagnostics) -> Option<Type> {
    let output = &item.signature.output;
    let refuse = |said: &str, diagnostics: &mut Diagnostics| {
        diagnostics.report_at(output, said);
        None
    };
    let returned = match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    match (answer, place) {
        (Answer::Returned, _) | (Answer::Awaited, Place::Body(_)) => Some(returned),
        (Answer::Awaited, Place::AsyncBlock(_)) => match output_of_future(ungrouped(&returned)) {
            Some(output) => Some(output.clone()),
            None => refuse(
                "what this future gives cannot be told from its type: write it as an `async fn`, or as \
                 `Pin<Box<dyn Future<Output = ..>>>`",
                diagnostics,
            ),
        },
        (Answer::Boxed | Answer::Joined(_), _) if is_future(ungrouped(&returned)) => refuse(
            "both futures of a dark launch run in one: write an `async fn`, or a body that is one `async move` block which \
             names every parameter",
            diagnostics,
        ),
        (Answer::Diverges { .. }, _) => {
            refuse("a function that never returns has nothing to compare: gate it with `off`", diagnostics)
        }
        (Answer::Boxed | Answer::Joined(_), _) => refuse(
            "an `impl` has two types here, which cannot be compared: return a named type, or gate the function with `off`",
            diagnostics,
        ),
    }
}

fn is_future(ty: &Type) -> bool {
    output_of_future(ty).is_some() || matches!(ty, Type::ImplTrait(opaque) if has_future(opaque.bounds.iter()))
}

/// A detached trial outlives the call.
fn refuse_borrowed(item: &FunctionItem, output: Option<&Type>, diagnostics: &mut Diagnostics) {
    for input in &item.signature.inputs {
        match input {
            FnArg::Receiver(receiver) if is_borrowed(&receiver.kind) => diagnostics.report_at(
                receiver,
                "a detached trial outlives the call, so it cannot borrow `self`: take `self: Arc<Self>` or `self`, or leave \
                 out `run = detached`",
            ),
            FnArg::Typed(typed) if borrows(typed.ty.to_token_stream()) => diagnostics.report_at(
                typed,
                "a detached trial outlives the call, so it cannot borrow this: take an owned value (a `String`, an `Arc<..>`), \
                 or leave out `run = detached`",
            ),
            FnArg::Receiver(_) | FnArg::Typed(_) => {}
        }
    }
    if output.is_some_and(|output| borrows(output.to_token_stream())) {
        diagnostics.report_at(
            output,
            "what a detached trial returns outlives the call, so it cannot be borrowed: return an owned value, or leave out \
             `run = detached`",
        );
    }
}

fn is_borrowed(receiver: &ReceiverKind) -> bool {
    match receiver {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => borrows(ty.to_token_stream()),
        _ => false,
    }
}

/// Whether the type holds a reference or a lifetime, other than `'static` and what a function in it takes.
fn borrows(ty: TokenStream) -> bool {
    let mut tokens = ty.into_iter().peekable();
    let mut word = String::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => word = ident.to_string(),
            TokenTree::Punct(punct) if punct.as_char() == '\'' && !is_static(tokens.peek()) => return true,
            // Before a lifetime that is what counts.
            TokenTree::Punct(punct) if punct.as_char() == '&' && !is_quote(tokens.peek()) => return true,
            // `for<'a> ..`
            TokenTree::Punct(punct) if punct.as_char() == '<' && word == "for" => {
                let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(end) if end.as_char() == '>');
                while tokens.next().is_some_and(|token| !is_end(&token)) {}
            }
            TokenTree::Group(group) if !is_function(&word) && borrows(group.stream()) => return true,
            _ => {}
        }
    }
    false
}

fn is_static(lifetime: Option<&TokenTree>) -> bool {
    matches!(lifetime, Some(TokenTree::Ident(name)) if name == "static")
}

fn is_quote(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '\'')
}

/// Whether what stands in parentheses behind the word is what a function takes.
fn is_function(word: &str) -> bool {
    ["fn", "Fn", "FnMut", "FnOnce", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"].contains(&word)
}

fn options(arguments: &Arguments, runtime: &TokenStream, diagnostics: &mut Diagnostics) -> Vec<TokenStream> {
    let mut options = Vec::new();
    for argument in arguments.iter() {
        options.extend(match argument.key {
            Key::Ignore => argument.written(diagnostics).map(|ignore| quote!(.ignore(#ignore))),
            Key::Clean => argument.written(diagnostics).map(|clean| quote!(.clean(#clean))),
            Key::Timeout => timeout(argument, diagnostics).map(|timeout| {
                let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                quote!(.timeout(::core::time::Duration::from_millis(#milliseconds)))
            }),
            Key::Order => argument.word(&["answer_first", "shuffled"], diagnostics).map(|order| {
                let order = if order == "shuffled" { quote!(Shuffled) } else { quote!(AnswerFirst) };
                quote!(.order(#runtime::dark_launch::Order::#order))
            }),
            _ => None,
        });
    }
    options
}

/// As the runtime's own number, unless given.
const DEFAULT_IN_FLIGHT: usize = 64;

fn max_in_flight(arguments: &Arguments, diagnostics: &mut Diagnostics) -> usize {
    let most = arguments.find(Key::MaxInFlight).and_then(|most| most.whole_number(1, 1_000_000, diagnostics));
    most.unwrap_or(DEFAULT_IN_FLIGHT)
}

fn timeout(argument: &Argument, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let literal = argument.string(diagnostics)?;
    duration(&literal, argument.key.form(), diagnostics)
}
