//! The tokens of a declaration.

use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::{Ident, LitStr};

use super::{Declaration, Repeated, StaticTokens};
use crate::expiry::{Expired, tracked};
use crate::settings::{DefaultValue, Expires};
use crate::{name, text};

/// The static, which registers itself, and the guard of its name.
pub(crate) fn expand(declaration: &Declaration) -> TokenStream {
    let Declaration { tokens, settings, expired, record, runtime } = declaration;
    let StaticTokens { attributes, repeated, doc, visibility, static_token, ident, colon, ty, semicolon } = tokens;
    let conditions = &repeated.conditions;

    let name = &settings.name;
    let key = text_of(settings.key.as_ref());
    let default = match &settings.default {
        DefaultValue::Const(value) => quote!(value(#value)),
        DefaultValue::Call(path) => quote!(call(#path)),
    };
    let default_expr = settings.default.as_written();
    let (expires, expired_from, never) = match &settings.expires {
        Expires::On { date, literal } => (literal.value(), date.end_in_unix_seconds(), String::new()),
        Expires::Never { reason } => (String::new(), u64::MAX, reason.value()),
    };
    let expired_from = Literal::u64_unsuffixed(expired_from);
    let owner = text_of(settings.owner.as_ref());
    let created = text_of(settings.created.as_ref());
    let ticket = text_of(settings.ticket.as_ref());
    let kind = settings.kind.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_public = settings.is_public;
    let provider = settings.provider.as_deref().unwrap_or_default();
    let outage_limit = settings.outage_limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    let outage_limit = Literal::u64_unsuffixed(outage_limit);
    let (line, column) = text::position(ident.span());
    let (line, column) = (Literal::usize_unsuffixed(line), Literal::usize_unsuffixed(column));

    let deprecated = expired.as_ref().map(|Expired { note, .. }| quote!(#[deprecated(note = #note)]));
    let tracked = tracked(matches!(settings.expires, Expires::On { .. }));
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
            expired_from = #expired_from,
            never = #never,
            owner = #owner,
            created = #created,
            ticket = #ticket,
            kind = #kind,
            public = #is_public,
            provider = #provider,
            outage_limit = #outage_limit,
            doc = #doc,
            line = #line,
            column = #column,
            record = #record,
            tracked = [#tracked],
        } #semicolon

        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        #guard
    }
}

/// What makes rustc warn at the date, if that has passed: a use of the flag there.
pub(crate) fn warning_at_date(declaration: &Declaration) -> Option<TokenStream> {
    let Expired { at, is_denied, .. } = declaration.expired.as_ref()?;
    let StaticTokens { repeated: Repeated { conditions, allows }, ident, .. } = &declaration.tokens;
    let denied = is_denied.then(|| quote!(#[deny(deprecated)]));
    let flag = at_date(ident, *at);
    Some(quote! {
        #(#conditions)*
        #(#allows)*
        #[doc(hidden)]
        #denied
        const _: () = {
            let _ = &#flag;
        };
    })
}

/// The flag's own name, for what rustc says of it to be said at its date.
pub(crate) fn at_date(ident: &Ident, date: Span) -> Ident {
    Ident::new(&ident.to_string(), ident.span().located_at(date))
}

fn text_of(literal: Option<&LitStr>) -> String {
    literal.map(LitStr::value).unwrap_or_default()
}
