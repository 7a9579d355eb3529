//! Tokens as text and as places in a file.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::buffer::Cursor;

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

/// The tokens from one place to another, as they stand.
pub(crate) fn tokens_between(start: Cursor<'_>, end: Cursor<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    let mut at = start;
    while at != end
        && let Some((token, next)) = at.token_tree()
    {
        tokens.extend([token]);
        at = next;
    }
    tokens
}

/// The tokens with parentheses around fragments of a `macro_rules!` that need them. Theirs are invisible, and taken apart and
/// written again they mean nothing: `$half * 2` with `1 + 1` would be `1 + 1 * 2`.
pub(crate) fn with_visible_parentheses(tokens: TokenStream) -> TokenStream {
    let visible = |token: TokenTree| {
        let TokenTree::Group(group) = token else { return token };
        let stream = with_visible_parentheses(group.stream());
        let is_invisible = group.delimiter() == Delimiter::None;
        let delimiter =
            if is_invisible && falls_apart(stream.clone()) { Delimiter::Parenthesis } else { group.delimiter() };
        let mut visible = Group::new(delimiter, stream);
        visible.set_span(group.span());
        TokenTree::Group(visible)
    };
    tokens.into_iter().map(visible).collect()
}

/// Whether it is an expression that another operator beside it would take apart.
fn falls_apart(tokens: TokenStream) -> bool {
    use syn::Expr::{Assign, Binary, Break, Cast, Closure, Let, Range, Reference, Return, Unary, Yield};
    matches!(
        syn::parse2(tokens),
        Ok(Assign(_)
            | Binary(_)
            | Break(_)
            | Cast(_)
            | Closure(_)
            | Let(_)
            | Range(_)
            | Reference(_)
            | Return(_)
            | Unary(_)
            | Yield(_))
    )
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
