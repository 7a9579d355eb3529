//! The arguments of a test, with their spans.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Path, Token, bracketed, parenthesized};

use crate::diagnostics::Diagnostics;

/// What stands between the parentheses.
#[derive(Default)]
pub(super) struct Arguments {
    /// `FLAG = value`
    pub(super) forced: Vec<(Path, Expr)>,
    /// `all = on`: the word behind it.
    pub(super) all: Vec<Ident>,
    /// `matrix(..)`
    pub(super) matrix: Option<Matrix>,
    /// `crate = path`
    pub(super) runtime: Option<Path>,
}

/// All combinations of some flags' values.
pub(super) struct Matrix {
    pub(super) word: Ident,
    pub(super) dimensions: Vec<Dimension>,
    /// All of them, however many there are.
    pub(super) is_full: bool,
}

/// One flag and its values.
pub(super) struct Dimension {
    pub(super) flag: Path,
    /// None for a bool: off and on.
    pub(super) values: Option<Vec<Expr>>,
    /// `..`: some are left out on purpose.
    pub(super) is_open: bool,
}

enum Argument {
    Forced(Path, Box<Expr>),
    All(Ident),
    Matrix(Matrix),
    Runtime(Path),
}

impl Arguments {
    pub(super) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut arguments = Self::default();
        let parsed = match Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(parsed) => parsed,
            Err(error) => {
                diagnostics.report(error.span(), error);
                return arguments;
            }
        };
        for argument in parsed {
            match argument {
                Argument::Forced(flag, value) => arguments.forced.push((flag, *value)),
                Argument::All(word) => arguments.all.push(word),
                Argument::Runtime(path) => arguments.runtime = Some(path),
                Argument::Matrix(matrix) if arguments.matrix.is_some() => {
                    diagnostics.report(matrix.word.span(), "one `matrix(..)` is enough: put all flags into it");
                }
                Argument::Matrix(matrix) => arguments.matrix = Some(matrix),
            }
        }
        arguments
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            return input.call(Path::parse_mod_style).map(Self::Runtime);
        }
        let ahead = input.fork();
        if let Ok(word) = ahead.parse::<Ident>() {
            if word == "matrix" && ahead.peek(syn::token::Paren) {
                return input.parse().map(Self::Matrix);
            }
            if word == "all" && ahead.peek(Token![=]) {
                input.parse::<Ident>()?;
                input.parse::<Token![=]>()?;
                let word = input.call(syn::ext::IdentExt::parse_any)?;
                return Ok(Self::All(word));
            }
        }
        let flag = input.call(Path::parse_mod_style).map_err(|error| {
            syn::Error::new(
                error.span(),
                "write `FLAG = value`, `all = on`, `all = off` or `matrix(FLAG, OTHER = [A, B])`",
            )
        })?;
        if !input.peek(Token![=]) {
            let shown = flag.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            return Err(syn::Error::new_spanned(
                flag,
                format!("`{shown}` is given no value: write `{shown} = true`, or `matrix({shown})` for both"),
            ));
        }
        input.parse::<Token![=]>()?;
        Ok(Self::Forced(flag, Box::new(input.parse()?)))
    }
}

impl Parse for Matrix {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word = input.parse()?;
        let content;
        parenthesized!(content in input);
        let mut matrix = Self { word, dimensions: Vec::new(), is_full: false };
        while !content.is_empty() {
            let ahead = content.fork();
            let is_word = ahead.parse::<Ident>().is_ok_and(|word| word == "full") && !ahead.peek(Token![=]);
            if is_word && (ahead.is_empty() || ahead.peek(Token![,])) {
                content.parse::<Ident>()?;
                matrix.is_full = true;
            } else {
                matrix.dimensions.push(content.parse()?);
            }
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        Ok(matrix)
    }
}

impl Parse for Dimension {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let flag = input.call(Path::parse_mod_style)?;
        if !input.peek(Token![=]) {
            return Ok(Self { flag, values: None, is_open: false });
        }
        input.parse::<Token![=]>()?;
        let content;
        bracketed!(content in input);
        let (mut values, mut is_open) = (Vec::new(), false);
        while !content.is_empty() {
            if content.peek(Token![..]) {
                content.parse::<Token![..]>()?;
                is_open = true;
            } else {
                values.push(content.parse()?);
            }
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        Ok(Self { flag, values: Some(values), is_open })
    }
}
