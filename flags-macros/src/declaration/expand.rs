//! The tokens of a declaration.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;

use super::{Declaration, StaticTokens};
use crate::expiry::{Expired, tracking};
use crate::settings::{DefaultValue, Expires};
use crate::{name, text};

/// The static, its registration, the lint at its date if that has passed, and the guard of its name.
pub(crate) fn expand(declaration: &Declaration) -> TokenStream {
    let Declaration { tokens, settings, expired, runtime } = declaration;
    let StaticTokens { attributes, repeated, doc, visibility, static_token, ident, colon, ty, semicolon } = tokens;
    let conditions = &repeated.conditions;
    let allows = &repeated.allows;

    let name = &settings.name;
    let key = text_of(settings.key.as_ref());
    let (default, default_expr) = match &settings.default {
        DefaultValue::Const(value) => (quote!(value(#value)), text::as_written(quote!(#value))),
        DefaultValue::Call(path) => (quote!(call(#path)), format!("{}()", text::as_written(quote!(#path)))),
    };
    let (expires, never) = match &settings.expires {
        Expires::On { literal, .. } => (literal.value(), String::new()),
        Expires::Never { reason } => (String::new(), reason.value()),
    };
    let owner = text_of(settings.owner.as_ref());
    let created = text_of(settings.created.as_ref());
    let ticket = text_of(settings.ticket.as_ref());
    let kind = settings.kind.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_public = settings.is_public;
    let (line, column) = text::position(ident.span());
    let (line, column) = (Literal::usize_unsuffixed(line), Literal::usize_unsuffixed(column));

    let deprecated = expired.as_ref().map(|Expired { note, .. }| quote!(#[deprecated(note = #note)]));
    // Only where it is needed: users who forbid the lint may not have it allowed either.
    let unwarned = expired.as_ref().map(|_| quote!(#[allow(deprecated)]));
    let tracking = matches!(settings.expires, Expires::On { .. }).then(tracking);
    let warning = expired.as_ref().map(|expired| warning_at_date(expired, tokens));
    // Exported, so that it meets its like from any module or function body; that this is "non-local" is the point.
    let guard = name::guard(name);
    let guard = text::located(quote!(macro_rules! #guard { () => {}; }), name.span());

    quote! {
        #attributes
        #deprecated
        #visibility #static_token #ident #colon #ty = #runtime::__flags_declare! {
            static = #ident,
            type = #ty,
            name = #name,
            key = #key,
            default = #default,
            default_expr = #default_expr,
            expires = #expires,
            never = #never,
            owner = #owner,
            created = #created,
            ticket = #ticket,
            kind = #kind,
            public = #is_public,
            doc = #doc,
            line = #line,
            column = #column,
        } #semicolon

        #(#conditions)*
        #(#allows)*
        #[doc(hidden)]
        #unwarned
        const _: () = {
            #tracking
            #runtime::__flags_register!(#ident);
        };

        #warning

        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        #guard
    }
}

/// The use, at the date, of a constant that is deprecated for the reason that the flag is.
fn warning_at_date(Expired { note, at, is_denied }: &Expired, tokens: &StaticTokens) -> TokenStream {
    let conditions = &tokens.repeated.conditions;
    let allows = &tokens.repeated.allows;
    let denied = is_denied.then(|| quote!(#[deny(deprecated)]));
    let constant = quote_spanned!(*at=> EXPIRED);
    quote! {
        #(#conditions)*
        #(#allows)*
        #[doc(hidden)]
        #denied
        const _: () = {
            #[deprecated(note = #note)]
            const #constant: () = ();
            #constant
        };
    }
}

fn text_of(literal: Option<&LitStr>) -> String {
    literal.map(LitStr::value).unwrap_or_default()
}
