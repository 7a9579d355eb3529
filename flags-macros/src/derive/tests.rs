//! Tests of the derive's expansion as tokens.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

/// The sentences, in order.
fn said(item: TokenStream) -> Vec<String> {
    let file: syn::File = match syn::parse2(expand(item)) {
        Ok(file) => file,
        Err(error) => panic!("not items: {error}"),
    };
    let macros = file.items.into_iter().filter_map(|item| match item {
        syn::Item::Macro(item) if item.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error") => {
            item.mac.parse_body::<syn::LitStr>().ok().map(|text| text.value())
        }
        _ => None,
    });
    macros.collect()
}

#[test]
fn an_enum_expands_to_the_contract() {
    let tokens = expand(quote! {
        pub enum Pricing {
            Control,
            VariantA,
            #[flag_value(rename = "b", alias = "old-b", alias = "B")]
            VariantB = 7,
            r#Dyn,
        }
    });
    let expected = quote! {
        ::flags_runtime::__flags_enum! {
            type = Pricing,
            variants = [
                (Control, 0, "control", []),
                (VariantA, 1, "variant_a", []),
                (VariantB, 2, "b", ["old-b", "B"]),
                (r#Dyn, 3, "dyn", [])
            ],
        }
    };
    assert_eq!(tokens.to_string(), expected.to_string());
}

#[test]
fn arguments_may_stand_in_several_attributes() {
    let tokens = expand(quote! {
        #[flag_value(rename_all = "SCREAMING-KEBAB-CASE")]
        #[flag_value(crate = crate::flags)]
        enum Pricing { #[doc = "text"] VariantA }
    });
    let expected = quote! {
        crate::flags::__flags_enum! { type = Pricing, variants = [(VariantA, 0, "VARIANT-A", [])], }
    };
    assert_eq!(tokens.to_string(), expected.to_string());
}

#[test]
fn all_mistakes_are_reported_at_once() {
    assert_eq!(
        said(quote! {
            #[flag_value(rename_all = "snakecase", rename = "x")]
            enum Pricing<T> {
                A(T),
                B { field: u8 },
                #[flag_value(rename = "")]
                C,
                #[flag_value(rename = "same", rename = "other", crate = a)]
                D,
                #[flag_value(alias = "same")]
                E,
                #[flag_value(rename = 1, renam = "f")]
                F,
                #[flag_value]
                G,
            }
        }),
        [
            "`rename` belongs on a variant: move it there, or write `rename_all`",
            "`rename` is given twice: keep one",
            "`crate` belongs on the enum: move it there",
            "unknown argument `renam`: did you mean `rename`?",
            "`flag_value` takes arguments: write `#[flag_value(rename = \"variant_b\")]`",
            "`Pricing` is generic, the value of a flag is not: remove the parameters",
            "unknown case `snakecase`: did you mean `snake_case`?",
            "`A` has fields, a flag's variant has none: remove them, or use a flag of `Json`",
            "`B` has fields, a flag's variant has none: remove them, or use a flag of `Json`",
            "`rename` is empty: fill it in or leave it out",
            "`rename` takes a string literal: write `rename = \"variant_b\"`",
            "`same` is already a text of `D`: give `E` another",
        ]
    );
}

#[test]
fn what_is_no_enum_or_says_nothing_is_refused() {
    assert_eq!(
        said(quote!(
            struct Limits {
                max: u8,
            }
        )),
        ["`Limits` is no enum: `FlagValue` is derived for enums without fields; for others there is `Json<Limits>`"]
    );
    assert_eq!(
        said(quote!(
            enum Never {}
        )),
        ["`Never` has no variants: a flag needs something to say"]
    );
}

#[test]
fn a_mistake_leaves_an_implementation() {
    for item in [
        quote!(
            struct Limits;
        ),
        quote!(
            enum Never {}
        ),
        quote!(
            enum Of<T> {
                A(T),
            }
        ),
    ] {
        let tokens = expand(item).to_string();
        assert!(tokens.contains("__private :: Scalar for"), "{tokens}");
    }
}
