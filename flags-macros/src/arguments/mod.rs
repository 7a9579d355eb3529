//! The arguments in the parentheses of our attributes, still unjudged but for their names and places.

mod parse;
mod table;
mod value;

pub(crate) use parse::{parse, parse_helpers};
pub(crate) use table::{Key, Target};
pub(crate) use value::string_literal;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Ident, Path};

use crate::diagnostics::Diagnostics;

/// What stands in the parentheses.
#[derive(Default)]
pub(crate) struct Arguments {
    /// The path of a declared flag, which stands first and without a name.
    pub(crate) flag: Option<Path>,
    given: Vec<Argument>,
    /// Those that were probably meant by words that are none: not to be called missing as well.
    misspelt: Vec<Key>,
}

/// One named argument; each name occurs once, but for those that may be repeated.
pub(crate) struct Argument {
    pub(crate) key: Key,
    pub(crate) ident: Ident,
    value: Value,
}

enum Value {
    /// Nothing follows the name.
    Word,
    Expression(Box<Written>),
    /// `(name = expression, ..)`, behind the word itself.
    Assignments(Vec<(Ident, Written)>),
    /// Already reported; remembered so that the argument is not called missing as well.
    Unreadable,
}

/// An expression: read to be judged, and as it was written to be emitted. Written out of what was read, a fragment of a
/// `macro_rules!` would lose the parentheses that are invisible around it.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) expression: Expr,
    tokens: TokenStream,
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.tokens.clone());
    }
}

impl Arguments {
    pub(crate) fn find(&self, key: Key) -> Option<&Argument> {
        self.given.iter().find(|argument| argument.key == key)
    }

    /// Whether the argument is not there, and nothing that could have been meant to be it.
    pub(crate) fn lacks(&self, key: Key) -> bool {
        self.find(key).is_none() && !self.misspelt.contains(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Argument> {
        self.given.iter()
    }

    /// The path of the runtime: that of `crate = path`, or the usual one, also after a mistake.
    pub(crate) fn runtime(&self, diagnostics: &mut Diagnostics) -> TokenStream {
        let path = self.find(Key::Crate).and_then(|argument| argument.path(diagnostics));
        path.map_or_else(|| quote!(::flags_runtime), |path| quote!(#path))
    }
}
