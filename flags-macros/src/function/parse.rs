//! The tokens of a function; its body stays unread.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Ident, Signature, Token, Visibility};

use crate::text::{tokens_between, with_visible_parentheses};

/// `attributes visibility [default] signature { [inner attributes] statements }`
pub(crate) struct FunctionItem {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    /// The `default` of a specialization.
    pub(super) defaultness: Option<Ident>,
    pub(super) signature: Signature,
    /// The tokens from visibility to signature. Fragments of a `macro_rules!` keep in them what they are.
    pub(super) head: TokenStream,
    pub(super) body: Body,
}

/// What is behind the signature.
pub(super) enum Body {
    Block(Block),
    /// A semicolon, or nothing.
    None(Option<Token![;]>),
}

/// Braces and what is in them.
#[derive(Clone)]
pub(super) struct Block {
    /// Kept whole for its spans, which tell rustc where the body is.
    pub(super) braces: Group,
    /// `#![..]`, which have to come first.
    pub(super) inner_attributes: Vec<Attribute>,
    pub(super) statements: TokenStream,
}

impl FunctionItem {
    pub(crate) fn parse(
        attributes: Vec<Attribute>,
        visibility: Visibility,
        input: ParseStream<'_>,
    ) -> syn::Result<Self> {
        let mut head = visibility.to_token_stream();
        let start = input.cursor();
        let defaultness = if input.peek(Ident) { Some(input.parse()?) } else { None };
        let signature = input.parse()?;
        head.extend(tokens_between(start, input.cursor()));
        let body = match input.parse::<Option<TokenTree>>()? {
            Some(TokenTree::Group(braces)) => Body::Block(Block::parse(braces)?),
            Some(other) => Body::None(syn::parse2(other.into_token_stream())?),
            None => Body::None(None),
        };
        Ok(Self { attributes, visibility, defaultness, signature, head, body })
    }
}

impl Block {
    pub(super) fn parse(braces: Group) -> syn::Result<Self> {
        let braces = without_invisible(braces);
        let parser = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, input.parse()?));
        let (inner_attributes, statements): (Vec<_>, _) = parser.parse2(braces.stream())?;
        // Not taken apart where there is no need: fragments of a `macro_rules!` are no longer what they were then.
        let statements =
            if inner_attributes.is_empty() { braces.stream() } else { with_visible_parentheses(statements) };
        Ok(Self { braces, inner_attributes, statements })
    }

    /// The block with `gate` in front of its statements, which keep a scope of their own: what they declare must not stand
    /// for what the gate names.
    pub(super) fn behind(&self, gate: TokenStream) -> Group {
        let mut statements = gate;
        statements.extend([TokenTree::Group(self.scope())]);
        self.with_statements(statements)
    }

    /// The statements in braces of ours, which rustc does not call unused; what it says of the body it says there.
    pub(super) fn scope(&self) -> Group {
        let mut scope = Group::new(Delimiter::Brace, self.statements.clone());
        scope.set_span(Span::call_site().located_at(self.braces.span()));
        scope
    }

    /// The block with other statements.
    pub(super) fn with_statements(&self, statements: TokenStream) -> Group {
        let mut tokens: TokenStream = self.inner_attributes.iter().map(ToTokens::to_token_stream).collect();
        tokens.extend(statements);
        let mut block = Group::new(self.braces.delimiter(), tokens);
        block.set_span(self.braces.span());
        block
    }
}

/// The braces inside the invisible delimiters in which a `$body:block` of a `macro_rules!` arrives.
fn without_invisible(group: Group) -> Group {
    let inner = if group.delimiter() == Delimiter::None { group.stream().into_iter().next() } else { None };
    match inner {
        Some(TokenTree::Group(inner)) => without_invisible(inner),
        _ => group,
    }
}

impl ToTokens for FunctionItem {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, head, body, .. } = self;
        for attribute in attributes {
            attribute.to_tokens(tokens);
        }
        head.to_tokens(tokens);
        match body {
            Body::Block(block) => block.braces.to_tokens(tokens),
            Body::None(semicolon) => semicolon.to_tokens(tokens),
        }
    }
}
