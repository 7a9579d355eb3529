//! What an enum's expansion is made from: variants without fields, whose texts differ.

use syn::{Ident, LitStr};

/// One variant; their order numbers them.
pub(super) struct Variant {
    pub(super) ident: Ident,
    /// The text that documents have for it.
    pub(super) text: LitStr,
    /// Further texts that are understood.
    pub(super) aliases: Vec<LitStr>,
}
