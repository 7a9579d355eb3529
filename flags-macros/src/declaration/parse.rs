//! The tokens of a static, whether or not they make a declaration.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::{Attribute, Ident, Token, Type, Visibility};

/// `attributes visibility static [mut] NAME [: Type] [= value] [;]`
pub(crate) struct StaticItem {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) static_token: Token![static],
    pub(super) mutability: Option<Token![mut]>,
    pub(super) ident: Ident,
    pub(super) type_annotation: Option<(Token![:], Type)>,
    /// The value, with its `=`, that the user wrote and should not have.
    pub(super) value: TokenStream,
    pub(super) semicolon: Option<Token![;]>,
}

impl StaticItem {
    pub(crate) fn parse(
        attributes: Vec<Attribute>,
        visibility: Visibility,
        input: ParseStream<'_>,
    ) -> syn::Result<Self> {
        Ok(Self {
            attributes,
            visibility,
            static_token: input.parse()?,
            mutability: input.parse()?,
            ident: input.parse()?,
            type_annotation: parse_type_annotation(input)?,
            value: parse_up_to_semicolon(input)?,
            semicolon: input.parse()?,
        })
    }
}

fn parse_type_annotation(input: ParseStream<'_>) -> syn::Result<Option<(Token![:], Type)>> {
    let Some(colon) = input.parse::<Option<Token![:]>>()? else { return Ok(None) };
    Ok(Some((colon, input.parse()?)))
}

fn parse_up_to_semicolon(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![;]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}
