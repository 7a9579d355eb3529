//! Tests of a gated function's expansion as tokens.

use std::time::SystemTime;

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute;
use crate::expiry::Environment;
use crate::text::Compact as _;

fn environment() -> Environment {
    Environment {
        flags_today: Some("2026-11-01".to_owned()),
        flags_expired: None,
        source_date_epoch: None,
        flags_embed: None,
        package: "shop".to_owned(),
        version: "1.2.3".to_owned(),
        clock: SystemTime::UNIX_EPOCH,
    }
}

fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(arguments, item, &environment())
}

/// What `#[feature_flag(FLAG, off = old)]` makes of a function.
fn gated(item: TokenStream) -> String {
    expand(quote!(FLAG, off = old), item).compact()
}

/// The one sentence of an expansion.
fn sentence(tokens: &TokenStream) -> String {
    let text = tokens.to_string();
    assert_eq!(text.matches("compile_error").count(), 1, "{text}");
    text.split("compile_error").nth(1).and_then(|said| said.split('"').nth(1)).unwrap_or_default().to_owned()
}

fn refused(item: &TokenStream) -> String {
    let tokens = expand(quote!(FLAG, off = old), item.clone());
    assert!(tokens.compact().ends_with(&item.compact()), "not left alone: {tokens}");
    sentence(&tokens)
}

#[test]
fn a_function_keeps_its_tokens_and_gets_a_gate() {
    assert_eq!(
        gated(quote! {
            /// Finds.
            #[must_use]
            pub fn search<T: Ord>(query: &Query, mut limit: T) -> Hits where T: Copy {
                #![allow(unused)]
                limit.min(); query.run()
            }
        }),
        quote! {
            /// Finds.
            #[must_use]
            pub fn search<T: Ord>(query: &Query, mut limit: T) -> Hits where T: Copy {
                #![allow(unused)]
                if !::flags_runtime::flag!(FLAG) { return old(query, limit); }
                { limit.min(); query.run() }
            }
        }
        .compact()
    );
}

#[test]
fn the_body_of_a_dark_launch_stands_once_and_the_legacy_call_alone_first() {
    let item = quote!(
        async fn search(&self, mut query: Query, _: u8) -> Hits {
            static BODY: u8 = 1;
            query.run(self)
        }
    );
    for side in [quote!(shadow), quote!(stages)] {
        let text = expand(quote!(FLAG, #side = Self::legacy), item.clone()).compact();
        assert_eq!((text.matches("BODY").count(), text.matches("FLAG").count()), (1, 1), "{text}");
        let alone = text.find("is_off(){returnSelf::legacy(self,query,").unwrap_or_else(|| panic!("{text}"));
        assert!(alone < text.find("run_async").unwrap_or_default(), "{text}");
    }
}

#[test]
fn the_body_of_a_dark_launch_finds_its_arguments_by_their_own_names() {
    let item = quote!(
        fn total(self, #[allow(unused)] mut count: u32, (a, b): (u8, u8), text: &str) -> u32 {
            self.add(count, a, b, text)
        }
    );
    let text = expand(quote!(FLAG, shadow = Self::legacy), item).compact();
    for part in [
        "fntotal(mutself,count:u32,argument_3:(u8,u8),text:&str)",
        "=__flags_call.deal_in_place(&mutself,__flags_clone_0);",
        "#[allow(unused)]let(__flags_legacy_1,mutcount)=__flags_call.deal(count,__flags_clone_1);",
        "let(__flags_legacy_2,argument_3)=__flags_call.deal(argument_3,__flags_clone_2);",
        // Both sides use what is passed by reference.
        "Self::legacy(__flags_legacy_0,__flags_legacy_1,__flags_legacy_2,text)",
        "move||->u32{letargument_3=argument_3;let(a,b)=argument_3;{self.add(count,a,b,text)}}",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_method_passes_itself_first() {
    for (receiver, off) in [
        (quote!(self), quote!(Self::old)),
        (quote!(&mut self), quote!(<Self as Trait<u8>>::old::<u16>)),
        (quote!(self: Box<Self>), quote!(other::old)),
    ] {
        assert_eq!(
            expand(quote!(crate::FLAG, off = #off, context = self.ctx()), quote!(fn f(#receiver, a: u8) -> u8 { a }))
                .compact(),
            quote! {
                fn f(#receiver, a: u8) -> u8 {
                    if !::flags_runtime::flag!(crate::FLAG, &(self.ctx())) { return #off(self, a); }
                    { a }
                }
            }
            .compact()
        );
    }
}

#[test]
fn patterns_are_taken_apart_behind_the_gate() {
    assert_eq!(
        gated(quote! {
            fn f(_a: u8, (b, c): (u8, u8), _: u8, ref mut d @ Some(_): Option<u8>, #[allow(x)] mut e: u8, _f: u8) -> u8 { e }
        }),
        quote! {
            fn f(_a: u8, argument_2: (u8, u8), argument_3: u8, mut argument_4: Option<u8>, e: u8, _f: u8) -> u8 {
                if !::flags_runtime::flag!(FLAG) {
                    #[allow(clippy::used_underscore_binding)]
                    return old(_a, argument_2, argument_3, argument_4, e, _f);
                }
                let argument_2 = argument_2;
                let (b, c) = argument_2;
                let argument_3 = argument_3;
                let ref mut d @ Some(_) = argument_4;
                #[allow(x)]
                let mut e = e;
                #[allow(clippy::no_effect_underscore_binding)]
                let _f = _f;
                { e }
            }
        }
        .compact()
    );
}

#[test]
fn conditional_parameters_give_one_call_for_each_case() {
    assert_eq!(
        gated(quote!(
            fn f(a: u8, #[cfg(x)] (b, c): (u8, u8), #[cfg(not(y))] d: u8) -> u8 {
                a
            }
        )),
        quote! {
            fn f(a: u8, #[cfg(x)] argument_2: (u8, u8), #[cfg(not(y))] d: u8) -> u8 {
                if !::flags_runtime::flag!(FLAG) {
                    #[cfg(all(not(x), not(not(y))))] return old(a);
                    #[cfg(all(x, not(not(y))))] return old(a, argument_2);
                    #[cfg(all(not(y), not(x)))] return old(a, d);
                    #[cfg(all(x, not(y),))] return old(a, argument_2, d);
                }
                #[cfg(x)] let argument_2 = argument_2;
                #[cfg(x)] let (b, c) = argument_2;
                #[cfg(not(y))] let d = d;
                { a }
            }
        }
        .compact()
    );
}

#[test]
fn two_opaque_types_are_joined() {
    let either = quote!(::flags_runtime::__private::Either);
    let gate = |on: TokenStream, off: TokenStream| {
        quote!(
            if __flags_is_on { #either::On(#on) } else { let __flags_off = #off; #either::Off(__flags_off) }
        )
    };
    let run = |body: TokenStream| quote!(::flags_runtime::__private::run_body(move || #body));
    let sides = gate(
        run(quote!({
            let a = a;
            { a..9 }
        })),
        quote!(old(a)),
    );
    assert_eq!(
        gated(quote!(
            fn f(a: u8) -> impl Iterator<Item = u8> + Clone {
                a..9
            }
        )),
        quote!(fn f(a: u8) -> impl Iterator<Item = u8> + Clone {
            let __flags_is_on = ::flags_runtime::flag!(FLAG);
            #sides
        })
        .compact()
    );
    let sides = gate(
        quote!(
            async move {
                let a = a;
                { a..9 }
            }
            .await
        ),
        quote!(old(a).await),
    );
    assert_eq!(
        gated(quote!(
            async fn f(a: u8) -> impl Iterator<Item = u8> {
                a..9
            }
        )),
        quote!(async fn f(a: u8) -> impl Iterator<Item = u8> {
            let __flags_is_on = ::flags_runtime::flag!(FLAG);
            #sides
        })
        .compact()
    );
    let sides = gate(
        run(quote!({
            let a = a;
            { g(a) }
        })),
        quote!(old(a)),
    );
    assert_eq!(
        gated(quote!(
            fn f(a: u8) -> impl Future<Output = u8> {
                g(a)
            }
        )),
        quote!(fn f(a: u8) -> impl Future<Output = u8> {
            let __flags_is_on = ::flags_runtime::flag!(FLAG);
            let __flags_side = #sides;
            async move {
                match __flags_side { #either::On(__flags_side) => __flags_side.await, #either::Off(__flags_side) => __flags_side.await, }
            }
        })
        .compact()
    );
}

#[test]
fn futures_are_awaited_where_ours_is_polled() {
    let question = quote!(if !::flags_runtime::flag!(FLAG) {
        return old(a).await;
    });
    for (item, expected) in [
        (
            quote!(
                async fn f(a: u8) -> u8 {
                    a
                }
            ),
            quote!(async fn f(a: u8) -> u8 { #question { a } }),
        ),
        (
            quote!(
                fn f(a: u8) -> impl Future<Output = u8> + Send + use<> {
                    async move { a }
                }
            ),
            quote!(fn f(a: u8) -> impl Future<Output = u8> + Send + use<> { async move { #question { a } } }),
        ),
        (
            quote!(
                fn f(a: u8) -> impl std::future::Future<Output = u8> {
                    async { a }
                }
            ),
            quote!(fn f(a: u8) -> impl std::future::Future<Output = u8> { async move { #question { a } } }),
        ),
        (
            quote!(
                fn f(a: u8) -> Pin<Box<dyn Future<Output = u8> + 'static>> {
                    ::std::boxed::Box::pin(async move { a })
                }
            ),
            quote!(fn f(a: u8) -> Pin<Box<dyn Future<Output = u8> + 'static>> { ::std::boxed::Box::pin(async move { #question { a } }) }),
        ),
    ] {
        assert_eq!(gated(item), expected.compact());
    }
}

#[test]
fn a_boxed_future_that_is_made_otherwise_is_answered_by_a_boxed_one() {
    for ty in [quote!(Pin<Box<dyn Future<Output = u8>>>), quote!(BoxFuture<'static, u8>)] {
        assert_eq!(
            gated(quote!(fn f(a: u8) -> #ty { let b = a; Box::pin(async move { b }) })),
            quote! {
                fn f(a: u8) -> #ty {
                    if !::flags_runtime::flag!(FLAG) { return ::flags_runtime::__private::Box::pin(old(a)); }
                    { let b = a; Box::pin(async move { b }) }
                }
            }
            .compact()
        );
    }
}

#[test]
fn unsafe_and_diverging_functions_answer_in_kind() {
    assert_eq!(
        gated(quote!(
            unsafe extern "C" fn f(a: u8) -> u8 {
                a
            }
        )),
        quote! {
            unsafe extern "C" fn f(a: u8) -> u8 {
                if !::flags_runtime::flag!(FLAG) { #[allow(unused_unsafe)] return unsafe { old(a) }; }
                { a }
            }
        }
        .compact()
    );
    assert!(
        gated(quote!(
            fn f() -> ! {
                loop {}
            }
        ))
        .contains(
            &quote!({
                #[allow(unreachable_code, clippy::diverging_sub_expression)]
                match ::flags_runtime::__private::never(old()) {};
            })
            .compact()
        )
    );
}

#[test]
fn nobody_answers_where_nothing_is_returned() {
    for output in [quote!(), quote!(-> ())] {
        assert_eq!(
            expand(quote!(FLAG), quote!(async fn f((a, b): (u8, u8)) #output { g(a) })).compact(),
            quote! {
                async fn f(argument_1: (u8, u8)) #output {
                    if !::flags_runtime::flag!(FLAG) { return; }
                    let (a, b) = argument_1;
                    { g(a) }
                }
            }
            .compact()
        );
    }
}

#[test]
fn somebody_answers_where_a_future_is_made_outside_of_its_block() {
    // The block does not name the parameter, so the flag is read at the call, where a future is to be returned.
    for ty in [quote!(Pin<Box<dyn Future<Output = ()>>>), quote!(impl Future<Output = ()>)] {
        let tokens = expand(quote!(FLAG), quote!(fn f(_a: &str) -> #ty { async move { g() } }));
        assert!(sentence(&tokens).starts_with("`f` returns something: say who answers"), "{tokens}");
    }
}

#[test]
fn a_name_declares_a_static_beside_the_function() {
    let arguments = quote!(name = "fast-search", default = false, expires = "2099-03-01", off = old);
    let tokens = expand(
        arguments,
        quote!(
            #[cfg(x)]
            #[inline]
            #[allow(y)]
            pub(crate) fn search() -> u8 {
                1
            }
        ),
    )
    .compact();
    let declared = quote! {
        #[doc = "Gates the function `search`."] #[cfg(x)] #[allow(y)]
        pub(crate) static FAST_SEARCH: ::flags_runtime::Flag<bool> = ::flags_runtime::__flags_declare!
    };
    assert!(tokens.starts_with(&declared.compact()), "{tokens}");
    let function = quote! {
        #[cfg(x)] #[inline] #[allow(y)]
        pub(crate) fn search() -> u8 { if !::flags_runtime::flag!(FAST_SEARCH) { return old(); } { 1 } }
    };
    assert!(tokens.ends_with(&function.compact()), "{tokens}");
}

#[test]
fn an_expired_flag_warns_by_its_gate_alone() {
    let arguments = || quote!(name = "fast_search", default = false, expires = "2025-03-01", off = old);
    let function = || {
        quote!(
            fn search() -> u8 {
                1
            }
        )
    };
    let tokens = expand(arguments(), function()).compact();
    let gate =
        |denied| quote!(fn search() -> u8 { #denied if !::flags_runtime::flag!(FAST_SEARCH) { return old(); } { 1 } });
    assert!(tokens.contains(&gate(None).compact()), "{tokens}");
    assert_eq!(tokens.matches("#[deprecated").count(), 1, "{tokens}");

    let deny = Environment { flags_expired: Some("deny".to_owned()), ..environment() };
    let tokens = attribute::expand(arguments(), function(), &deny).compact();
    assert!(
        tokens.contains(
            &quote!(
                #[deny(deprecated)]
                const _: () = {
                    let _ = &FAST_SEARCH;
                };
            )
            .compact()
        ),
        "{tokens}"
    );
    assert!(tokens.contains(&gate(Some(quote!(#[allow(deprecated)]))).compact()), "{tokens}");
}

#[test]
fn shapes_that_cannot_be_gated_are_refused_and_left_alone() {
    assert!(
        refused(&quote!(
            const fn f() -> u8 {
                1
            }
        ))
        .starts_with("`const fn` cannot be gated")
    );
    assert!(
        refused(&quote!(
            unsafe extern "C" fn f(a: u8, ...) {}
        ))
        .starts_with("C variadic arguments cannot be passed on")
    );
    assert!(
        refused(&quote!(
            fn f(&self) -> u8;
        ))
        .starts_with("a function without a body cannot be gated")
    );
    for output in [quote!(impl Fn() -> u8), quote!(impl Iterator + ours::Trait), quote!(impl Future + Unpin)] {
        let said = refused(&quote!(fn f() -> #output { g() }));
        assert!(said.starts_with("the two sides of a gated function have two types"), "{output}: {said}");
    }
    for output in [quote!(Box<impl Fn()>), quote!(Option<(u8, impl Fn())>), quote!((impl Iterator, impl Iterator))] {
        for word in [quote!(), quote!(async)] {
            let said = refused(&quote!(#word fn f() -> #output { g() }));
            assert!(said.starts_with("`impl` inside of `"), "{output}: {said}");
        }
    }
    let five = refused(&quote!(
        fn f(#[cfg(a)] a: u8, #[cfg(b)] b: u8, #[cfg(c)] c: u8, #[cfg(d)] d: u8, #[cfg(e)] e: u8) {}
    ));
    assert!(five.starts_with("more than 4 different `cfg`s"), "{five}");
}

#[test]
fn arguments_that_do_not_fit_the_function_are_refused() {
    let said = |arguments: TokenStream, item: TokenStream| sentence(&expand(arguments, item));
    let function = || {
        quote!(
            fn f() -> u8 {
                1
            }
        )
    };
    assert!(said(quote!(FLAG), function()).starts_with("`f` returns something: say who answers when the flag is off"));
    assert!(said(quote!(off = g), function()).starts_with("no flag is named"));
    assert!(said(quote!(FLAG, off = |a| a), function()).starts_with("`off` takes a path"));
    assert!(said(quote!(FLAG, off = Self::f), function()).starts_with("`off` is the gated function itself"));
    assert!(
        said(quote!(FLAG, off = g, owner = "x"), function())
            .starts_with("`owner` belongs on the declaration of `FLAG`")
    );
    let declaring = || quote!(name = "x", expires = "2099-01-01", off = g);
    for method in [
        quote!(
            fn f(&self) -> u8 {
                1
            }
        ),
        quote!(
            fn f() -> Self {
                1
            }
        ),
        quote!(
            fn f(a: Option<Self>) -> u8 {
                1
            }
        ),
    ] {
        let declaring = declaring();
        assert!(
            said(quote!(#declaring, default = true), method)
                .starts_with("`name` declares a static beside the function")
        );
    }
    let declaring = declaring();
    assert!(said(quote!(#declaring, default = 1), function()).starts_with("the flag of a gated function is a bool"));
    assert!(
        said(quote!(name = "2fa", default = true, expires = "2099-01-01", off = g), function())
            .starts_with("`2fa` makes no identifier")
    );
    assert!(
        said(
            quote!(FLAG, off = g, context = a.ctx()),
            quote!(
                fn f((a, b): (A, u8)) -> u8 {
                    b
                }
            )
        )
        .starts_with("`a` is bound by a pattern")
    );
}

#[test]
fn a_member_of_the_context_is_not_taken_for_a_binding() {
    let tokens = expand(
        quote!(FLAG, off = g, context = &mut self.user(c)),
        quote!(
            fn f(&self, (user, ref mut b): (A, u8), c: u8) -> u8 {
                b
            }
        ),
    );
    assert!(!tokens.to_string().contains("compile_error"), "{tokens}");
}

#[test]
fn a_mistake_leaves_the_function_and_its_flag() {
    let item = quote!(
        pub fn f() -> u8 {
            1
        }
    );
    let tokens = expand(quote!(name = "x", default = false, off = g), item.clone()).compact();
    let left = quote! {
        #[doc = "Gates the function `f`."]
        pub static X: ::flags_runtime::Flag<bool> = ::flags_runtime::__flags_stand_in!(::flags_runtime::Flag<bool>);
        #item
    };
    assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    assert!(tokens.ends_with(&left.compact()), "{tokens}");
}
