//! The implementation that stands in for one with a mistake, so that flags of the type are no second one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use super::parse::ValueItem;

/// An implementation that compiles for any type that could be in a static, and is never run: the mistake fails the build.
pub(super) fn stand_in(item: &ValueItem, runtime: &TokenStream) -> TokenStream {
    // A value with a lifetime cannot be in a static, whatever is implemented.
    if item.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let ident = &item.ident;
    let mut generics = item.generics.clone();
    if !generics.params.is_empty() {
        // What the trait asks of its types; of a parameter nothing is known.
        let asked = parse_quote!(Self: ::core::marker::Send + ::core::marker::Sync + 'static);
        generics.make_where_clause().predicates.push(asked);
    }
    let (generics, arguments, conditions) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[doc(hidden)]
            pub struct __FlagsText<D>(D);

            impl<D> #runtime::__private::DefaultText for __FlagsText<D> {
                const TEXT: #runtime::__private::TextValue = #runtime::__private::TextValue::Expression;
            }

            impl #generics #runtime::__private::Scalar for #ident #arguments #conditions {
                const SHAPE: #runtime::__private::Shape =
                    #runtime::__private::Shape { name: "enum", variants: &[], idents: &[], is_switch: false };
                type Text<D: #runtime::__private::ConstDefault<Value = Self>> = __FlagsText<D>;

                fn to_bits(&self) -> ::core::primitive::u64 {
                    0
                }

                fn from_bits(_: ::core::primitive::u64) -> Self {
                    ::core::unreachable!()
                }

                fn decode(
                    _: &::core::primitive::str,
                ) -> ::core::result::Result<::core::option::Option<Self>, #runtime::__private::String> {
                    ::core::unreachable!()
                }
            }
        };
    }
}
