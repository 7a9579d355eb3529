//! The sentences about a static and its date.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token, parse_quote};

use super::{Repeated, StaticItem, StaticTokens, types};
use crate::arguments::Arguments;
use crate::diagnostics::Diagnostics;
use crate::expiry::{Environment, Expired};
use crate::name;
use crate::settings::{Expires, Settings};

/// Judges the static and its arguments. The tokens make a static in any case; settings are there if all was right.
pub(super) fn validate(
    item: StaticItem,
    arguments: &Arguments,
    runtime: &TokenStream,
    diagnostics: &mut Diagnostics,
) -> (StaticTokens, Option<Settings>) {
    if let Some(mutability) = item.mutability {
        diagnostics.report_at(mutability, "a flag is not `static mut`: remove `mut`, the runtime changes what it says");
    }
    if !item.value.is_empty() {
        diagnostics
            .report_at(&item.value, "the attribute writes the value of the static: end it with `;` behind the type");
    }
    let mut type_annotation = item.type_annotation;
    if let Some((_, ty)) = &mut type_annotation
        && let Some(mistake) = types::mistake(ty)
    {
        diagnostics.report_at(&*ty, &mistake.sentence);
        *ty = mistake.meant(runtime);
    }
    let settings = Settings::validate(arguments, &name::suggested_by(&item.ident), diagnostics);
    let attributes = &item.attributes;
    // That a type is missing rustc has already said, when it read the item.
    let is_whole = diagnostics.is_empty() && type_annotation.is_some();
    let (colon, ty) =
        type_annotation.unwrap_or_else(|| (Token![:](item.ident.span()), parse_quote!(#runtime::Flag<bool>)));
    let tokens = StaticTokens {
        attributes: quote!(#(#attributes)*),
        repeated: Repeated::of(attributes),
        doc: documentation(attributes),
        visibility: item.visibility,
        static_token: item.static_token,
        ident: item.ident,
        colon,
        ty,
        semicolon: item.semicolon.unwrap_or_default(),
    };
    (tokens, settings.filter(|_| is_whole))
}

/// Whether the flag has expired. A malformed variable of the build is reported and changes nothing.
pub(crate) fn expiry(settings: &Settings, environment: &Environment, diagnostics: &mut Diagnostics) -> Option<Expired> {
    if let Some(sentence) = environment.embed_problem() {
        diagnostics.report(Span::call_site(), sentence);
    }
    let Expires::On { date, literal } = &settings.expires else { return None };
    match environment.calendar() {
        Ok(calendar) => {
            let owner = settings.owner.as_ref().map(syn::LitStr::value);
            calendar.expired(&settings.name.value(), owner.as_deref(), *date, literal.span())
        }
        Err(sentences) => {
            for sentence in sentences {
                diagnostics.report(Span::call_site(), sentence);
            }
            None
        }
    }
}

/// The lines of the doc comments, each without the space that stands before its first word.
fn documentation(attributes: &[Attribute]) -> String {
    let texts = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            // `include_str!` and its like are for rustdoc; a macro cannot read them.
            _ => None,
        },
        _ => None,
    });
    let mut lines = Vec::new();
    for text in texts {
        if text.is_empty() {
            lines.push(String::new());
        }
        lines.extend(text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_loses_one_space_a_line() {
        let attributes: [Attribute; 6] = [
            parse_quote!(#[doc = " Checkout."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   indented"]),
            parse_quote!(#[doc = include_str!("x.md")]),
            parse_quote!(#[doc(hidden)]),
            parse_quote!(#[doc = " a\n b"]),
        ];
        assert_eq!(documentation(&attributes), "Checkout.\n\n  indented\na\nb");
    }
}
