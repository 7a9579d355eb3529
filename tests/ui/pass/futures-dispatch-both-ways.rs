//! Futures: `async fn`, `impl Future`, boxed ones, and what `async_trait` makes of a method.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use flags_runtime::{EvaluationContext, Flag, feature_flag};

#[feature_flag(name = "on", default = true, expires = "2099-03-01")]
static ON: Flag<bool>;

#[feature_flag(name = "off", default = false, expires = "2099-03-01")]
static OFF: Flag<bool>;

async fn old(text: &str, number: u8) -> Result<String, String> {
    Ok(format!("old {text} {number}"))
}

async fn fails() -> Result<(), String> {
    Err("new".to_owned())
}

#[feature_flag(name = "declared", default = true, expires = "2099-03-01", off = old)]
async fn function_on(text: &str, number: u8) -> Result<String, String> {
    fails().await?;
    Ok(format!("{text} {number}"))
}

#[feature_flag(OFF, off = old, context = EvaluationContext::new(text))]
async fn function_off(text: &str, number: u8) -> Result<String, String> {
    fails().await?;
    Ok(format!("{text} {number}"))
}

#[feature_flag(ON)]
async fn nobody_on(said: &mut Vec<u8>, (first, _): (u8, u8)) {
    said.push(first);
}

#[feature_flag(OFF)]
async fn nobody_off(said: &mut Vec<u8>, (first, _): (u8, u8)) {
    said.push(first);
}

#[feature_flag(ON, off = old)]
fn opaque_on<'a>(text: &'a str, number: u8) -> impl Future<Output = Result<String, String>> + Send + use<'a> {
    async move {
        fails().await?;
        Ok(format!("{text} {number}"))
    }
}

#[feature_flag(OFF, off = old)]
fn opaque_off(text: &str, number: u8) -> impl Future<Output = Result<String, String>> {
    async {
        fails().await?;
        Ok(format!("{} {}", text.len(), number))
    }
}

#[feature_flag(OFF, off = old)]
fn boxed_at_call(text: &str, number: u8) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
    let length = text.len();
    Box::pin(async move { Ok(format!("{length} {number}")) })
}

/// A trait with futures in its methods.
trait Service {
    fn opaque(&self, text: &str) -> impl Future<Output = u8> + Send;

    /// What `async_trait` makes of `async fn boxed(&self, (a, b): (u8, u8), text: &str) -> u8`.
    fn boxed<'life0, 'life1, 'async_trait>(
        &'life0 self,
        __arg1: (u8, u8),
        text: &'life1 str,
    ) -> Pin<Box<dyn Future<Output = u8> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait;
}

struct Shop;

impl Shop {
    async fn old_opaque(&self, text: &str) -> u8 {
        u8::try_from(text.len()).unwrap_or_default()
    }

    async fn old_boxed(&self, (a, b): (u8, u8), text: &str) -> u8 {
        a + b + self.old_opaque(text).await
    }

    #[feature_flag(OFF, off = Self::old_opaque)]
    async fn method(&self, _text: &str) -> u8 {
        0
    }
}

impl Service for Shop {
    #[feature_flag(OFF, off = Shop::old_opaque)]
    fn opaque(&self, _text: &str) -> impl Future<Output = u8> + Send {
        async move { 0 }
    }

    #[feature_flag(OFF, off = Self::old_boxed)]
    fn boxed<'life0, 'life1, 'async_trait>(
        &'life0 self,
        __arg1: (u8, u8),
        text: &'life1 str,
    ) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + ::core::marker::Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<u8> {
                #[allow(unreachable_code)]
                return __ret;
            }
            let __self = self;
            let (a, _) = __arg1;
            let text = text;
            let __ret: u8 = {
                let _ = (__self, text);
                a
            };
            #[allow(unreachable_code)]
            __ret
        })
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn main() {
    let (new, old) = (Err("new".to_owned()), Ok("old a 1".to_owned()));
    assert_eq!((run(is_send(function_on("a", 1))), run(is_send(function_off("a", 1)))), (new.clone(), old.clone()));
    assert_eq!((run(opaque_on("a", 1)), run(is_send(opaque_off("a", 1)))), (new, old.clone()));
    assert_eq!(run(boxed_at_call("a", 1)), old);
    let mut said = Vec::new();
    run(nobody_off(&mut said, (1, 2)));
    assert!(said.is_empty());
    run(nobody_on(&mut said, (1, 2)));
    assert_eq!(said, [1]);
    assert_eq!((run(Shop.method("abc")), run(Shop.opaque("abc")), run(Shop.boxed((1, 2), "abc"))), (3, 3, 6));
}
