//! Those of the user's attributes that every emitted item repeats.
//!
//! Repeated are `cfg` and `allow`, also inside `cfg_attr`; everything else (documentation, `deprecated`, other macros,
//! `expect`, which would find nothing to expect) belongs to the user's item alone.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// The attributes to repeat.
#[derive(Default)]
pub(crate) struct Repeated {
    /// When the item is there at all.
    pub(crate) conditions: Vec<TokenStream>,
    /// Which lints are silent in it.
    pub(crate) allows: Vec<TokenStream>,
}

impl Repeated {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let pick = |word: &str| {
            let metas = attributes.iter().filter_map(|attribute| reduced(&attribute.meta, word));
            metas.map(|meta| quote!(#[#meta])).collect()
        };
        Self { conditions: pick("cfg"), allows: pick("allow") }
    }
}

/// The attribute without everything but `word`; `None` if nothing is left.
fn reduced(meta: &Meta, word: &str) -> Option<TokenStream> {
    if meta.path().is_ident(word) {
        return Some(meta.to_token_stream());
    }
    let Meta::List(list) = meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    // One that cannot be read is rustc's to complain about, at the user's item.
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.iter();
    let condition = parts.next()?;
    let kept: Vec<_> = parts.filter_map(|part| reduced(part, word)).collect();
    (!kept.is_empty()).then(|| quote!(cfg_attr(#condition, #(#kept),*)))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn conditions_and_allows_are_repeated_and_nothing_else() {
        let attributes: [Attribute; 7] = [
            parse_quote!(#[doc = "text"]),
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[allow(dead_code)]),
            parse_quote!(#[deprecated]),
            parse_quote!(#[expect(dead_code)]),
            parse_quote!(#[cfg_attr(test, allow(unused), cfg(windows), inline)]),
            parse_quote!(#[cfg_attr(feature = "x", other::attribute)]),
        ];
        let repeated = Repeated::of(&attributes);
        let text = |tokens: &[TokenStream]| tokens.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(&repeated.conditions), ["# [cfg (unix)]", "# [cfg_attr (test , cfg (windows))]"]);
        assert_eq!(text(&repeated.allows), ["# [allow (dead_code)]", "# [cfg_attr (test , allow (unused))]"]);
    }
}
