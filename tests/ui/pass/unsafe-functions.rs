//! Unsafe functions, whose other side may be unsafe or safe.
#![deny(warnings, unsafe_op_in_unsafe_fn)]

use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "off", default = false, expires = "2099-03-01")]
static OFF: Flag<bool>;

unsafe fn old(a: u8) -> u8 {
    a + 1
}

fn safe_old(a: u8) -> u8 {
    a + 2
}

async unsafe fn async_old(a: u8) -> u8 {
    a + 3
}

#[feature_flag(OFF, off = old)]
unsafe fn by_unsafe(a: u8) -> u8 {
    a
}

#[feature_flag(OFF, off = safe_old)]
unsafe extern "C" fn by_safe(a: u8) -> u8 {
    a
}

#[feature_flag(OFF, off = async_old)]
async unsafe fn by_async(a: u8) -> u8 {
    a
}

#[feature_flag(OFF, off = async_old)]
unsafe fn by_future(a: u8) -> impl Future<Output = u8> {
    async move { a }
}

fn main() {
    use std::task::{Context, Poll, Waker};

    // SAFETY: they are unsafe in name only.
    let (a, b, c, d) = unsafe { (by_unsafe(1), by_safe(1), by_async(1), by_future(1)) };
    assert_eq!((a, b), (2, 3));
    let context = &mut Context::from_waker(Waker::noop());
    assert_eq!(std::pin::pin!(c).poll(context), Poll::Ready(4));
    assert_eq!(std::pin::pin!(d).poll(context), Poll::Ready(4));
}
