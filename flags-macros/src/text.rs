//! Tokens as text and as places in a file.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// The line and the column, both from 1, at which `span` begins; `(0, 0)` outside of a compiler, where there is no
/// file to speak of.
pub(crate) fn position(span: Span) -> (usize, usize) {
    // `unwrap` of a span panics outside of a macro call, which is where unit tests run.
    if !proc_macro::is_available() {
        return (0, 0);
    }
    let start = span.unwrap().start();
    (start.line(), start.column())
}

/// The file in which `span` begins, as `file!()` has it; empty outside of a compiler.
pub(crate) fn file(span: Span) -> String {
    if proc_macro::is_available() { span.unwrap().file() } else { String::new() }
}

/// The tokens as the user spaced them, with every gap as one space.
///
/// A token stream's own `to_string` puts spaces where nobody would (`Pricing :: Control`), because a macro sees no
/// spacing. The places of the tokens do tell it.
pub(crate) fn as_written(tokens: TokenStream) -> String {
    if !proc_macro::is_available() {
        return tokens.to_string();
    }
    let mut pieces = Vec::new();
    flatten(tokens, &mut pieces);
    let mut text = String::new();
    let mut last: Option<&Piece> = None;
    for piece in &pieces {
        if last.is_some_and(|last| last.end != piece.start || (last.is_word && piece.is_word)) {
            text.push(' ');
        }
        text.push_str(&piece.text);
        last = Some(piece);
    }
    text
}

/// The tokens with what rustc says of them said at `place`. They stay tokens of a macro, which matters to lints.
pub(crate) fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &mut token {
            *group = Group::new(group.delimiter(), located(group.stream(), place));
        }
        token.set_span(Span::call_site().located_at(place));
        token
    };
    tokens.into_iter().map(relocate).collect()
}

struct Piece {
    text: String,
    is_word: bool,
    start: (usize, usize),
    end: (usize, usize),
}

fn flatten(tokens: TokenStream, pieces: &mut Vec<Piece>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => {
                        flatten(group.stream(), pieces);
                        continue;
                    }
                };
                pieces.push(piece(open.to_owned(), group.span_open(), false));
                flatten(group.stream(), pieces);
                pieces.push(piece(close.to_owned(), group.span_close(), false));
            }
            TokenTree::Punct(punct) => pieces.push(piece(punct.to_string(), punct.span(), false)),
            TokenTree::Ident(ident) => pieces.push(piece(ident.to_string(), ident.span(), true)),
            TokenTree::Literal(literal) => pieces.push(piece(literal.to_string(), literal.span(), true)),
        }
    }
}

fn piece(text: String, span: Span, is_word: bool) -> Piece {
    let end = span.unwrap().end();
    Piece { text, is_word, start: position(span), end: (end.line(), end.column()) }
}

/// Tokens without any spacing, which is all that differs between equal streams of different makers.
#[cfg(test)]
pub(crate) trait Compact: ToString {
    fn compact(&self) -> String {
        self.to_string().replace(char::is_whitespace, "")
    }
}

#[cfg(test)]
impl<T: ToString> Compact for T {}
