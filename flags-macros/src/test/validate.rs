//! What a test is allowed to be, and what is said where it is not.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ItemFn, Path};

use super::matrix::{self, Case};
use super::parse::Arguments;
use crate::diagnostics::Diagnostics;

/// A test, which may be emitted unless something was said.
pub(super) struct Test {
    pub(super) function: ItemFn,
    /// Where `flags_runtime` is.
    pub(super) runtime: TokenStream,
    /// `force_all(..)` first, then each flag.
    pub(super) all: Option<bool>,
    pub(super) forced: Vec<(Path, syn::Expr)>,
    /// None without a matrix.
    pub(super) cases: Option<Vec<Case>>,
    /// What every variant of a matrix's enums is compared with.
    pub(super) exhaustive: Vec<TokenStream>,
    /// Nothing makes it a test yet.
    pub(super) is_bare: bool,
}

pub(super) fn validate(
    arguments: Arguments,
    function: ItemFn,
    is_below_test: bool,
    diagnostics: &mut Diagnostics,
) -> Test {
    let Arguments { forced, all, matrix, runtime } = arguments;
    let runtime = runtime.map_or_else(|| quote!(::flags_runtime), |path| quote!(#path));
    if forced.is_empty() && all.is_empty() && matrix.is_none() && diagnostics.is_empty() {
        diagnostics.report(
            function.sig.ident.span(),
            "`#[flags_runtime::test]` forces no flag: write `#[flags_runtime::test(FLAG = value)]`, or `#[test]` alone",
        );
    }
    let mut is_all = None;
    for word in all {
        match &*word.to_string() {
            _ if is_all.is_some() => diagnostics.report(word.span(), "`all` is given twice"),
            "on" | "true" => is_all = Some(true),
            "off" | "false" => is_all = Some(false),
            other => diagnostics.report(word.span(), format!("`all` is `on` or `off`, not `{other}`")),
        }
    }
    let dimensions = matrix.iter().flat_map(|matrix| &matrix.dimensions).map(|dimension| &dimension.flag);
    let named: Vec<&Path> = forced.iter().map(|(flag, _)| flag).chain(dimensions).collect();
    for (index, flag) in named.iter().enumerate() {
        let text = quote!(#flag).to_string();
        if named[..index].iter().any(|before| quote!(#before).to_string() == text) {
            diagnostics.report_at(flag, "this flag is given twice");
        }
    }
    let is_expanded = function.attrs.iter().any(is_prelude_test);
    let is_async = function.sig.asyncness.is_some();
    if is_below_test || is_expanded {
        diagnostics.report(
            function.sig.ident.span(),
            "`#[flags_runtime::test]` stands above the attribute that makes the test: move it to the top",
        );
    } else if is_async && !function.attrs.iter().any(makes_test) {
        diagnostics.report(
            function.sig.ident.span(),
            "an `async` test needs a runtime: write the attribute that starts one below, like `#[tokio::test]`",
        );
    }
    let (cases, exhaustive) = match &matrix {
        Some(matrix) => {
            let cases = matrix::cases(matrix, diagnostics);
            (Some(cases), matrix::exhaustive(matrix, &runtime))
        }
        None => (None, Vec::new()),
    };
    let is_bare = !function.attrs.iter().any(makes_test);
    Test { function, runtime, all: is_all, forced, cases, exhaustive, is_bare }
}

/// Whether an attribute makes a test of a function: `#[test]`, `#[tokio::test]`, `#[rstest]`, ..
fn makes_test(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last().map(|segment| segment.ident.to_string());
    last.is_some_and(|word| {
        word.ends_with("test") || matches!(&*word, "test_case" | "quickcheck" | "proptest" | "bench")
    })
}

/// What other attributes leave of themselves once they have made a test.
fn is_prelude_test(attribute: &Attribute) -> bool {
    let words: Vec<_> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    words == ["core", "prelude", "v1", "test"]
}
