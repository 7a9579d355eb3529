//! What the attribute says, without a compiler.

use proc_macro2::TokenStream;
use quote::quote;

use super::{expand, place};

fn expanded(arguments: TokenStream, item: TokenStream) -> String {
    expand(arguments, item, false).to_string()
}

#[test]
fn a_plain_function_becomes_a_test_and_others_keep_what_makes_them_one() {
    let test = "# [:: core :: prelude :: v1 :: test]";
    assert!(
        expanded(
            quote!(A = true),
            quote!(
                fn x() {}
            )
        )
        .starts_with(test)
    );
    for attribute in
        [quote!(#[test]), quote!(#[tokio::test]), quote!(#[rstest]), quote!(#[test_case(1)]), quote!(#[test_log::test])]
    {
        let expansion = expanded(quote!(A = true), quote!(#attribute fn x() {}));
        assert!(!expansion.contains(test), "{expansion}");
    }
}

#[test]
fn mistakes_are_sentences_and_the_function_stays() {
    for (arguments, item, expected) in [
        (
            quote!(),
            quote!(
                fn x() {}
            ),
            "forces no flag",
        ),
        (
            quote!(A),
            quote!(
                fn x() {}
            ),
            "`A` is given no value: write `A = true`, or `matrix(A)` for both",
        ),
        (
            quote!(3 = true),
            quote!(
                fn x() {}
            ),
            "write `FLAG = value`",
        ),
        (
            quote!(all = maybe),
            quote!(
                fn x() {}
            ),
            "`all` is `on` or `off`, not `maybe`",
        ),
        (
            quote!(all = on, all = off),
            quote!(
                fn x() {}
            ),
            "`all` is given twice",
        ),
        (
            quote!(A = true),
            quote!(
                async fn x() {}
            ),
            "an `async` test needs a runtime",
        ),
        (
            quote!(A = true),
            quote!(
                #[::core::prelude::v1::test]
                fn x() {}
            ),
            "move it to the top",
        ),
        (
            quote!(A = true),
            quote!(
                static X: u8 = 1;
            ),
            "belongs on a test function",
        ),
        (
            quote!(matrix()),
            quote!(
                fn x() {}
            ),
            "an empty `matrix` has no case",
        ),
        (
            quote!(matrix(A = [])),
            quote!(
                fn x() {}
            ),
            "this flag has no value in the matrix",
        ),
        (
            quote!(matrix(A = [1, 1])),
            quote!(
                fn x() {}
            ),
            "this value is in the matrix already",
        ),
        (
            quote!(matrix(A), matrix(B)),
            quote!(
                fn x() {}
            ),
            "one `matrix(..)` is enough",
        ),
    ] {
        let expansion = expanded(arguments, item.clone());
        assert!(expansion.contains("compile_error") && expansion.contains(expected), "{expected}: {expansion}");
        assert!(expansion.ends_with(&item.to_string()), "{expansion}");
    }
}

#[test]
fn a_matrix_has_a_case_for_each_combination() {
    let expansion = expanded(
        quote!(matrix(CART, a::PRICING = [Control, Pricing::VariantA, ..])),
        quote!(
            fn pays() {}
        ),
    );
    for case in ["cart_off_pricing_control", "cart_on_pricing_variant_a"] {
        assert!(expansion.contains(&format!("fn pays_{case} ()")), "{case}: {expansion}");
    }
    assert_eq!(expansion.matches("| pays ()").count(), 4);
    assert!(
        expansion.contains(r#"expect_variants (& a :: PRICING , & ["Control"] , & ["VariantA"] , true)"#),
        "{expansion}"
    );
    let many = quote!(A, B, C, D, E, F);
    let count = |expansion: String| expansion.matches("| x ()").count();
    assert!(
        count(expanded(
            quote!(matrix(#many)),
            quote!(
                fn x() {}
            )
        )) < 16
    );
    assert_eq!(
        count(expanded(
            quote!(matrix(#many, full)),
            quote!(
                fn x() {}
            )
        )),
        64
    );
}

#[test]
fn the_line_above_tells_whether_it_stands_below_a_test() {
    assert!(place::is_below(&["fn before() {}", "", "#[test]", "/// A doc.", "#[should_panic]", ""]));
    assert!(place::is_below(&["#[ test ] // here"]));
    assert!(!place::is_below(&["#[test]", "fn before() {}"]));
    assert!(!place::is_below(&["#[test] fn before() {}", ""]), "another one, on one line");
    assert!(place::is_below(&["    #[test] "]), "on the same line");
    assert!(!place::is_below(&["#[test]", "", "    "]), "of an item that is over");
    assert!(!place::is_below(&["#[tokio::test]"]), "that one leaves a mark");
    assert!(!place::is_below(&[]));
}
