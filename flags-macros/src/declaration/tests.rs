//! Tests of a declaration's expansion as tokens.

use std::time::SystemTime;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::Item;

use crate::attribute;
use crate::expiry::Environment;
use crate::text::Compact as _;

fn on(today: &str) -> Environment {
    Environment {
        flags_today: Some(today.to_owned()),
        flags_expired: None,
        source_date_epoch: None,
        flags_embed: None,
        package: "shop".to_owned(),
        version: "1.2.3".to_owned(),
        clock: SystemTime::UNIX_EPOCH,
    }
}

fn expand(arguments: TokenStream, item: TokenStream) -> String {
    let tokens = attribute::expand(arguments, item, &on("2026-11-01"));
    assert!(syn::parse2::<syn::File>(tokens.clone()).is_ok(), "not items: {tokens}");
    tokens.compact()
}

fn valid_arguments() -> TokenStream {
    quote!(
        name = "new.check-out",
        default = false,
        expires = "2099-03-01",
        owner = "payments",
        kind = ops,
        public,
        provider = launchdarkly
    )
}

fn valid_static() -> TokenStream {
    quote! {
        /// Checkout on the new cart service.
        ///
        /// Second line.
        #[cfg(feature = "shop")]
        #[allow(dead_code)]
        pub(crate) static NEW_CHECKOUT: Flag<bool>;
    }
}

#[test]
fn a_declaration_expands_to_the_contract() {
    let expected = quote! {
        #[doc = r" Checkout on the new cart service."]
        #[doc = r""]
        #[doc = r" Second line."]
        #[cfg(feature = "shop")]
        #[allow(dead_code)]
        pub(crate) static NEW_CHECKOUT: Flag<bool> = ::flags_runtime::__flags_declare! {
            static = NEW_CHECKOUT,
            type = Flag<bool>,
            name = "new.check-out",
            key = "",
            default = value(false),
            default_expr = "false",
            expires = "2099-03-01",
            expired_from = 4076092800,
            never = "",
            owner = "payments",
            created = "",
            ticket = "",
            kind = "ops",
            public = true,
            provider = "launchdarkly",
            outage_limit = 0,
            doc = "Checkout on the new cart service.\n\nSecond line.",
            line = 0,
            column = 0,
            record = [
                true,
                "{\"v\":1,\"k\":\"flag\",\"rt\":\"0.1.0\",\"name\":\"new.check-out\",\"pkg\":\"shop\",\"ver\":\"1.2.3\",\"file\":\"\",\"line\":0,\"col\":0,\"mod\":\"",
                "{\"expr\":\"false\"}",
                ",\"expires\":\"2099-03-01\",\"owner\":\"payments\",\"created\":null,\"ticket\":null,\"kind\":\"ops\",\"public\":true,\"provider\":\"launchdarkly\",\"doc\":\"Checkout on the new cart service.\\n\\nSecond line.\"}\n"
            ],
            tracked = [
                ::core::option_env!("FLAGS_EMBED"),
                ::core::option_env!("CARGO_PKG_NAME"),
                ::core::option_env!("CARGO_PKG_VERSION"),
                ::core::option_env!("FLAGS_TODAY"),
                ::core::option_env!("FLAGS_EXPIRED"),
                ::core::option_env!("SOURCE_DATE_EPOCH")
            ],
        };

        #[cfg(feature = "shop")]
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! __flags_two_are_named_newDcheckHout { () => {}; }
    };
    assert_eq!(expand(valid_arguments(), valid_static()), expected.compact());
}

#[test]
fn a_made_default_a_key_and_another_path_of_the_runtime_are_handed_on() {
    let tokens = expand(
        quote!(
            name = "limits",
            key = "Limits",
            default_fn = Limits::usual,
            expires = never("a quota"),
            created = "2025-01-01",
            ticket = "OPS-1",
            crate = crate::flags
        ),
        quote!(
            static LIMITS: Flag<Json<Limits>>;
        ),
    );
    let declared = quote! {
        static LIMITS: Flag<Json<Limits>> = crate::flags::__flags_declare! {
            static = LIMITS,
            type = Flag<Json<Limits>>,
            name = "limits",
            key = "Limits",
            default = call(Limits::usual),
            default_expr = "Limits :: usual()",
            expires = "",
            expired_from = 18446744073709551615,
            never = "a quota",
            owner = "",
            created = "2025-01-01",
            ticket = "OPS-1",
            kind = "",
            public = false,
            provider = "",
            outage_limit = 0,
            doc = "",
            line = 0,
            column = 0,
            record = [
                true,
                "{\"v\":1,\"k\":\"flag\",\"rt\":\"0.1.0\",\"name\":\"limits\",\"key\":\"Limits\",\"pkg\":\"shop\",\"ver\":\"1.2.3\",\"file\":\"\",\"line\":0,\"col\":0,\"mod\":\"",
                "{\"expr\":\"Limits :: usual()\"}",
                ",\"expires\":null,\"never\":\"a quota\",\"owner\":null,\"created\":\"2025-01-01\",\"ticket\":\"OPS-1\",\"kind\":null,\"public\":false,\"provider\":null,\"doc\":null}\n"
            ],
            tracked = [
                ::core::option_env!("FLAGS_EMBED"),
                ::core::option_env!("CARGO_PKG_NAME"),
                ::core::option_env!("CARGO_PKG_VERSION")
            ],
        };
    };
    assert!(tokens.starts_with(&declared.compact()), "{tokens}");
    // Without a date no day matters.
    assert!(!tokens.contains("FLAGS_TODAY"), "{tokens}");
}

#[test]
fn an_expired_flag_is_deprecated_and_warns_at_its_date() {
    let note = "feature flag `new.check-out` expired on 2099-03-01 (owner: payments): remove it and the code behind it, \
                or move its date";
    let expired = attribute::expand(valid_arguments(), valid_static(), &on("2099-03-02")).compact();
    let deprecated = quote!(#[deprecated(note = #note)]).compact();
    assert_eq!(expired.matches(&deprecated).count(), 1, "{expired}");
    assert!(!expired.contains("allow(deprecated)"), "{expired}");
    assert!(expired.contains(&quote! { const _: () = { let _ = &NEW_CHECKOUT; }; }.compact()), "{expired}");
    assert!(!expired.contains("compile_error"), "{expired}");

    let deny = Environment { flags_expired: Some("deny".to_owned()), ..on("2099-03-02") };
    let denied = attribute::expand(valid_arguments(), valid_static(), &deny).compact();
    assert!(denied.contains(&quote!(#[deny(deprecated)] const _: ()).compact()), "{denied}");
    assert!(!denied.contains("compile_error"), "{denied}");

    let allow = Environment { flags_expired: Some("allow".to_owned()), ..on("2099-03-02") };
    let allowed = attribute::expand(valid_arguments(), valid_static(), &allow).compact();
    assert_eq!(allowed, expand(valid_arguments(), valid_static()));
}

#[test]
fn a_malformed_variable_is_an_error_beside_the_whole_declaration() {
    let tokens = attribute::expand(valid_arguments(), valid_static(), &on("soon")).compact();
    assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    assert!(tokens.ends_with(&expand(valid_arguments(), valid_static())), "{tokens}");
}

#[test]
fn a_mistake_leaves_a_static_that_compiles_and_nothing_else() {
    let stand_in = quote!(
        pub static X: Flag<u8> = ::flags_runtime::__flags_stand_in!(Flag<u8>);
    )
    .compact();
    for (arguments, item) in [
        (
            quote!(),
            quote!(
                pub static X: Flag<u8>;
            ),
        ),
        (
            quote!(name = "x", default = 1, expires = "2099-01-01", colour = "red"),
            quote!(
                pub static X: Flag<u8>;
            ),
        ),
        (
            quote!(name = "x", default = 1, expires = "2099-01-01"),
            quote!(
                pub static mut X: Flag<u8>;
            ),
        ),
        (
            quote!(name = "x", default = 1, expires = "2099-01-01"),
            quote!(
                pub static X: Flag<u8> = Flag::new();
            ),
        ),
    ] {
        let tokens = expand(arguments, item);
        assert!(tokens.contains("compile_error"), "{tokens}");
        assert!(tokens.ends_with(&stand_in), "{tokens}");
    }
}

#[test]
fn other_items_are_left_as_they_are() {
    for item in [
        quote!(
            pub const X: u8 = 1;
        ),
        quote!(
            struct X;
        ),
        quote!(
            mod x {}
        ),
        quote!(
            extern "C" {}
        ),
    ] {
        let tokens = expand(valid_arguments(), item.clone());
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
        assert!(tokens.ends_with(&item.compact()), "{tokens}");
    }
}

/// The first `length` tokens, where a delimiter counts as one: an unfinished group holds what was typed so far.
fn prefix(tokens: &TokenStream, length: &mut usize) -> TokenStream {
    let mut kept = TokenStream::new();
    for token in tokens.clone() {
        if *length == 0 {
            break;
        }
        *length -= 1;
        match token {
            TokenTree::Group(group) => {
                let inner = prefix(&group.stream(), length);
                kept.extend([TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner))]);
            }
            other => kept.extend([other]),
        }
    }
    kept
}

/// All prefixes, the empty one first and the whole last.
fn prefixes(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut found = Vec::new();
    loop {
        let mut left = found.len();
        let kept = prefix(tokens, &mut left);
        found.push(kept);
        if left > 0 {
            return found;
        }
    }
}

fn declares(tokens: &TokenStream, ident: &str) -> bool {
    syn::parse2::<syn::File>(tokens.clone())
        .is_ok_and(|file| file.items.iter().any(|item| matches!(item, Item::Static(item) if item.ident == ident)))
}

#[test]
fn every_prefix_of_the_arguments_still_declares_the_static() {
    let arguments = quote!(
        name = "x",
        key = "X y",
        default_fn = <A as B<C, D>>::f::<E>,
        expires = never("because"),
        owner = "o",
        created = "2025-01-01",
        ticket = "t",
        kind = release,
        public = true,
        crate = ::a::b,
    );
    let all = prefixes(&arguments);
    assert!(all.len() > 50);
    for arguments in all {
        let tokens = attribute::expand(arguments.clone(), valid_static(), &on("2026-11-01"));
        assert!(declares(&tokens, "NEW_CHECKOUT"), "{arguments}\n{tokens}");
    }
}

#[test]
fn every_prefix_of_the_item_is_answered() {
    for item in prefixes(&valid_static()) {
        let tokens = attribute::expand(valid_arguments(), item.clone(), &on("2026-11-01"));
        let has_name = item.compact().contains("NEW_CHECKOUT");
        let is_unfinished =
            [":", "<"].iter().any(|end| item.compact().ends_with(end)) || item.compact().ends_with("bool");
        if has_name && !is_unfinished {
            assert!(declares(&tokens, "NEW_CHECKOUT"), "{item}\n{tokens}");
        }
    }
}

#[test]
fn every_prefix_of_a_gated_function_is_answered() {
    let arguments = quote!(name = "fast_search", default = false, expires = "2099-03-01", off = Self::legacy::<A, B>);
    let function = quote!(
        pub async unsafe fn search<'a, T: Into<u8>>(query: &'a T, (a, b): (u8, u8)) -> u8 {
            a + b
        }
    );
    for arguments in prefixes(&arguments) {
        let tokens = attribute::expand(arguments, function.clone(), &on("2026-11-01"));
        assert!(syn::parse2::<syn::File>(tokens.clone()).is_ok(), "{tokens}");
        assert!(tokens.compact().contains("fnsearch"), "{tokens}");
    }
    for item in prefixes(&function) {
        let tokens = attribute::expand(arguments.clone(), item, &on("2026-11-01"));
        assert!(!tokens.is_empty());
    }
}
