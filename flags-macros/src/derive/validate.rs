//! The sentences about an enum.

use std::collections::HashMap;

use syn::ext::IdentExt as _;
use syn::{Fields, LitStr};

use super::case::Case;
use super::model::Variant;
use super::parse::{ValueItem, VariantItem};
use crate::arguments::Key;
use crate::diagnostics::Diagnostics;

/// Judges the item; `None` if a sentence was reported.
pub(super) fn validate(item: &ValueItem, diagnostics: &mut Diagnostics) -> Option<Vec<Variant>> {
    let ident = &item.ident;
    let Some(variants) = &item.variants else {
        diagnostics.report(
            ident.span(),
            format_args!("`{ident}` is no enum: `FlagValue` is derived for enums without fields; for others there is `Json<{ident}>`"),
        );
        return None;
    };
    if !item.generics.params.is_empty() {
        diagnostics.report_at(
            &item.generics,
            format_args!("`{ident}` is generic, the value of a flag is not: remove the parameters"),
        );
    }
    if variants.is_empty() {
        diagnostics.report(ident.span(), format_args!("`{ident}` has no variants: a flag needs something to say"));
    }
    let case = case(item, diagnostics);
    let variants: Vec<Variant> = variants.iter().map(|item| variant(item, case, diagnostics)).collect();
    refuse_equal_texts(&variants, diagnostics);
    diagnostics.is_empty().then_some(variants)
}

fn case(item: &ValueItem, diagnostics: &mut Diagnostics) -> Case {
    let name = item.arguments.find(Key::RenameAll).and_then(|argument| argument.string(diagnostics));
    let Some(name) = name else { return Case::default() };
    Case::named(&name.value()).unwrap_or_else(|said| {
        diagnostics.report(name.span(), said);
        Case::default()
    })
}

fn variant(item: &VariantItem, case: Case, diagnostics: &mut Diagnostics) -> Variant {
    let ident = &item.ident;
    if !matches!(item.fields, Fields::Unit) {
        diagnostics.report_at(
            &item.fields,
            format_args!("`{ident}` has fields, a flag's variant has none: remove them, or use a flag of `Json`"),
        );
    }
    let rename = item.arguments.find(Key::Rename).and_then(|argument| argument.text(diagnostics));
    let text = rename.unwrap_or_else(|| LitStr::new(&case.apply(&ident.unraw().to_string()), ident.span()));
    let aliases = item.arguments.iter().filter(|argument| argument.key == Key::Alias);
    let aliases = aliases.filter_map(|argument| argument.text(diagnostics)).collect();
    Variant { ident: ident.clone(), text, aliases }
}

fn refuse_equal_texts(variants: &[Variant], diagnostics: &mut Diagnostics) {
    let mut taken = HashMap::new();
    // Texts before aliases: an alias gives way to a text, wherever it stands.
    let texts = variants.iter().map(|variant| (variant, &variant.text));
    let aliases = variants.iter().flat_map(|variant| variant.aliases.iter().map(move |alias| (variant, alias)));
    for (variant, text) in texts.chain(aliases) {
        if let Some(first) = taken.insert(text.value(), &variant.ident) {
            let text_of = text.value();
            diagnostics.report(
                text.span(),
                format_args!("`{text_of}` is already a text of `{first}`: give `{}` another", variant.ident),
            );
        }
    }
}
