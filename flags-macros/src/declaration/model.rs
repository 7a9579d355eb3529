//! What a declaration expands from: only what is known to be right.

use proc_macro2::TokenStream;
use syn::{Ident, Token, Type, Visibility};

use super::Repeated;
use crate::expiry::Expired;
use crate::settings::Settings;

/// A static of a flag.
pub(crate) struct Declaration {
    pub(crate) tokens: StaticTokens,
    pub(crate) settings: Settings,
    pub(crate) expired: Option<Expired>,
    /// The parts of its record.
    pub(crate) record: TokenStream,
    /// The path of the runtime.
    pub(crate) runtime: TokenStream,
}

/// The static without its value, in the user's own tokens, so that labels of rustc land there.
pub(crate) struct StaticTokens {
    /// All attributes of the static itself.
    pub(crate) attributes: TokenStream,
    pub(crate) repeated: Repeated,
    /// The documentation as text.
    pub(crate) doc: String,
    pub(crate) visibility: Visibility,
    pub(crate) static_token: Token![static],
    pub(crate) ident: Ident,
    pub(crate) colon: Token![:],
    pub(crate) ty: Type,
    pub(crate) semicolon: Token![;],
}
