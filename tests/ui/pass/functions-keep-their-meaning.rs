//! What a gate must not change: what names and macros mean, when values are dropped, what futures hold.
#![deny(warnings, clippy::pedantic)]
#![allow(clippy::needless_pass_by_value, clippy::unused_async, clippy::used_underscore_binding, reason = "the shapes")]

use std::cell::RefCell;
use std::future::Future;
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use flags_runtime::{feature_flag, flag, Flag};

#[feature_flag(name = "f", default = false, expires = "2099-01-01")]
static F: Flag<bool>;

/// What both sides give: off, then on.
fn both<T>(look: impl Fn() -> T) -> [T; 2] {
    [false, true].map(|is_on| {
        let _forced = F.force(is_on);
        look()
    })
}

fn poll<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing in here waits"),
    }
}

mod fragments {
    use super::{both, feature_flag, F};

    macro_rules! function {
        ($name:ident, $value:expr, $count:expr, $($statement:stmt);*) => {
            #[feature_flag(F, off = old)]
            fn $name(array: [u8; $count * 2]) -> u8 {
                $($statement)*
                let _ = array.len();
                $value * 2
            }
        };
    }

    function!(new, 1 + 2, 1 + 2, let a = 1; let _ = a);

    fn old(array: [u8; 6]) -> u8 {
        array[0]
    }

    macro_rules! block {
        ($block:block) => {
            #[feature_flag(F, off = old_block)]
            fn block() -> u8 {
                let _x = 1;
                $block
            }
        };
    }

    block!({ 2 });

    fn old_block() -> u8 {
        1
    }

    pub(crate) fn check() {
        assert_eq!(both(|| new([7; 6])), [7, 6]);
        assert_eq!(both(block), [1, 2]);
    }
}

mod names {
    use super::{both, feature_flag, F};

    // What the body declares stands for nothing in the attribute.
    #[feature_flag(F, off = helper)]
    fn items(a: u8) -> u8 {
        const F: u8 = 3;
        fn helper(a: u8) -> u8 {
            a
        }
        helper(a) + F
    }

    fn helper(a: u8) -> u8 {
        a + 100
    }

    // Names of ours meet none of the user's.
    #[feature_flag(F, off = three)]
    fn underscores(_a: u8, __a: u8, _gen: u8) -> u8 {
        0
    }

    fn three(a: u8, b: u8, c: u8) -> u8 {
        a + b + c
    }

    #[allow(clippy::duplicate_underscore_argument)]
    #[feature_flag(F, off = pair)]
    fn arguments((a, b): (u8, u8), _argument_1: u8) -> u8 {
        a * b
    }

    fn pair((a, b): (u8, u8), c: u8) -> u8 {
        a + b + c
    }

    // Beside a method, a function of its name is another one.
    struct Service;

    impl Service {
        #[feature_flag(F, off = call)]
        fn call(&self) -> u8 {
            let Self = self;
            2
        }
    }

    fn call(_: &Service) -> u8 {
        1
    }

    // Flags may be called like anything.
    mod flags {
        use super::super::{feature_flag, flag, Flag};

        #[feature_flag(name = "record", default = true, expires = "2099-01-01")]
        static RECORD: Flag<bool>;
        #[feature_flag(name = "text", default = true, expires = "2099-01-01")]
        static TEXT: Flag<bool>;
        #[feature_flag(name = "declaration", default = true, expires = "2099-01-01")]
        static DECLARATION: Flag<bool>;
        #[feature_flag(name = "embed", default = true, expires = "2099-01-01")]
        static EMBED: Flag<bool>;

        pub(crate) fn check() {
            assert!(flag!(RECORD) && flag!(TEXT) && flag!(DECLARATION) && flag!(EMBED));
        }
    }

    pub(crate) fn check() {
        assert_eq!(both(|| items(1)), [101, 4]);
        assert_eq!(both(|| underscores(1, 2, 3)), [6, 0]);
        assert_eq!(both(|| arguments((2, 3), 4)), [9, 6]);
        assert_eq!(both(|| Service.call()), [1, 2]);
        flags::check();
    }
}

mod types {
    use super::{both, feature_flag, F};

    // Parameters that nothing tells are passed on.
    #[feature_flag(F, off = old)]
    fn make<'a, T: Default, const N: usize>(text: &'a str, others: impl Fn(&str) -> usize) -> usize {
        drop(T::default());
        let text: &'a str = text;
        size_of::<T>() + N + others(text)
    }

    fn old<T: Default, const N: usize>(text: &str, others: impl Fn(&str) -> usize) -> usize {
        drop(T::default());
        100 * size_of::<T>() + N + others(text)
    }

    struct Service;

    impl Service {
        #[feature_flag(F, off = Self::old)]
        fn make<T: Default>(&self) -> usize {
            let Self = self;
            size_of::<T>()
        }

        fn old<T: Default>(&self) -> usize {
            let Self = self;
            10 * size_of::<T>()
        }
    }

    pub(crate) fn check() {
        assert_eq!(both(|| make::<u32, 3>("ab", str::len)), [405, 9]);
        assert_eq!(both(|| Service.make::<u16>()), [20, 2]);
    }
}

mod drops {
    use super::{both, feature_flag, log, poll, Future, Log, RefCell, F};

    #[feature_flag(F, off = drop_three)]
    fn pattern((a, b): (Log, Log), c: Log) {
        let _local = Log("l");
        let _ = (&a, &b, &c);
    }

    #[feature_flag(F, off = drop_three)]
    fn rests((a, _): (Log, Log), (_, d): (Log, Log)) {
        let _local = Log("l");
        let _ = (&a, &d);
    }

    fn drop_three<T, U>(first: T, second: U) {
        drop((first, second));
    }

    #[feature_flag(F, off = drop_three)]
    fn unused(_a: Log, b: Log) {
        let _ = (&_a, &b);
    }

    #[feature_flag(F, off = once)]
    fn joined(a: Log, _b: Log, c: Log) -> impl Iterator<Item = u8> {
        a.touch();
        c.touch();
        std::iter::once(1)
    }

    fn once(first: Log, second: Log, third: Log) -> impl Iterator<Item = u8> {
        drop((first, second, third));
        std::iter::once(2)
    }

    #[feature_flag(F, off = drop_two)]
    async fn asynchronous((a, b): (Log, Log), c: Log) {
        std::future::ready(()).await;
        let _ = (&a, &b, &c);
    }

    async fn drop_two(pair: (Log, Log), third: Log) {
        drop((pair, third));
    }

    #[feature_flag(F, off = borrowed)]
    fn borrows(ref mut text: String, (ref a, _): (RefCell<u8>, u8)) -> usize {
        text.push('x');
        *a.borrow_mut() += 1;
        text.len()
    }

    fn borrowed(text: String, (a, b): (RefCell<u8>, u8)) -> usize {
        text.len() + usize::from(a.into_inner() + b)
    }

    fn on(run: impl FnOnce()) -> String {
        let _on = F.force(true);
        run();
        log().join(" ")
    }

    pub(crate) fn check() {
        assert_eq!(on(|| pattern((Log("a"), Log("b")), Log("c"))), "l c b a");
        assert_eq!(on(|| rests((Log("a"), Log("b")), (Log("c"), Log("d")))), "l d c a b");
        assert_eq!(on(|| unused(Log("a"), Log("b"))), "b a");
        assert_eq!(on(|| drop(joined(Log("a"), Log("b"), Log("c")))), "c b a");
        assert_eq!(on(|| poll(asynchronous((Log("a"), Log("b")), Log("c")))), "c b a");
        assert_eq!(both(|| borrows(String::from("ab"), (RefCell::new(1), 1))), [4, 3]);
        let _: &dyn Fn() -> Box<dyn Future<Output = ()>> = &|| Box::new(async {});
        log();
    }
}

/// Tells when it is dropped.
struct Log(&'static str);

thread_local! {
    static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl Log {
    fn touch(&self) {
        assert!(!self.0.is_empty());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
    }
}

fn log() -> Vec<&'static str> {
    DROPPED.take()
}

mod futures {
    use super::{both, feature_flag, poll, Future, Pin, Rc, F};

    // A future that does not hold a parameter is not made to.
    #[feature_flag(F, off = old_send)]
    fn send(_rc: Rc<u8>, n: u8) -> impl Future<Output = u8> + Send {
        async move { n }
    }

    fn old_send(rc: Rc<u8>, _n: u8) -> impl Future<Output = u8> + Send {
        std::future::ready(*rc)
    }

    #[feature_flag(F, off = old_static)]
    fn long(_name: &str) -> Pin<Box<dyn Future<Output = u8>>> {
        Box::pin(async { 1 })
    }

    fn old_static(_name: &str) -> Pin<Box<dyn Future<Output = u8>>> {
        Box::pin(async { 2 })
    }

    // Nothing is returned, in a box of a future as elsewhere.
    #[feature_flag(F)]
    fn unit(a: &RefCell<u8>) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            *a.borrow_mut() += 1;
        })
    }

    use super::RefCell;

    pub(crate) fn check() {
        assert_eq!(both(|| poll(send(Rc::new(7), 1))), [7, 1]);
        assert_eq!(both(|| poll(long("x"))), [2, 1]);
        let count = RefCell::new(0);
        both(|| poll(unit(&count)));
        assert_eq!(count.into_inner(), 1);
    }
}

mod never {
    use super::{feature_flag, F};

    #[feature_flag(F, off = old)]
    unsafe fn new() -> ! {
        panic!("new")
    }

    unsafe fn old() -> ! {
        panic!("old")
    }

    #[feature_flag(F, off = old_async)]
    async fn new_async() -> ! {
        loop {
            std::future::ready(()).await;
        }
    }

    async fn old_async() -> ! {
        panic!("old")
    }

    pub(crate) fn check() {
        std::panic::set_hook(Box::new(|_| {}));
        let said = |run: fn() -> _| std::panic::catch_unwind(run).unwrap_err().downcast_ref::<&str>().copied().unwrap();
        assert_eq!(super::both(|| said(|| unsafe { new() })), ["old", "new"]);
        assert_eq!(said(|| super::poll(new_async())), "old");
        drop(std::panic::take_hook());
    }
}

mod lints {
    use super::{both, feature_flag, F};

    // The level that is set for a pattern goes with it.
    #[feature_flag(F, off = old)]
    fn levels(#[allow(unused_variables)] (a, b): (u8, u8), #[expect(unused_mut)] mut c: u8) -> u8 {
        a + c
    }

    fn old((a, b): (u8, u8), c: u8) -> u8 {
        a + b + c
    }

    pub(crate) fn check() {
        assert_eq!(both(|| levels((1, 2), 3)), [6, 4]);
    }
}

fn main() {
    assert!(!flag!(F));
    fragments::check();
    names::check();
    types::check();
    drops::check();
    futures::check();
    never::check();
    lints::check();
}
