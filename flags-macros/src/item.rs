//! What the attribute stands on: a static, a function, or something else.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, LitStr, Token, Visibility};

use crate::declaration::StaticItem;
use crate::function::FunctionItem;

/// The item, as far as it could be read.
pub(crate) enum Item {
    Static(Box<StaticItem>),
    Function(Box<FunctionItem>),
    /// Neither; `keyword` is the first token behind attributes and visibility.
    Other {
        keyword: Option<TokenTree>,
    },
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        if input.peek(Token![static]) {
            return StaticItem::parse(attributes, visibility, input).map(|item| Self::Static(Box::new(item)));
        }
        if is_function(input) {
            return FunctionItem::parse(attributes, visibility, input).map(|item| Self::Function(Box::new(item)));
        }
        let rest: TokenStream = input.parse()?;
        Ok(Self::Other { keyword: rest.into_iter().next() })
    }
}

/// Whether a function begins here. Only the words before `fn` are looked at: what is wrong behind them is to be said
/// of a function.
fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while let Ok(word) = ahead.call(Ident::parse_any) {
        match word.to_string().as_str() {
            "fn" => return true,
            "extern" if ahead.peek(LitStr) => drop(ahead.parse::<LitStr>()),
            "default" | "const" | "async" | "unsafe" | "safe" | "extern" => {}
            _ => return false,
        }
    }
    false
}
