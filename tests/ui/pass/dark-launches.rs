//! Every shape of function that can be tried, inline: legacy answers and the body is tried, or the other way round.
#![deny(warnings, clippy::pedantic)]
#![allow(
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::needless_pass_by_value,
    clippy::used_underscore_binding,
    clippy::boxed_local,
    reason = "the shapes"
)]

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use flags_runtime::dark_launch::Stage;
use flags_runtime::{dark_launch, feature_flag, EvaluationContext, Flag};

#[feature_flag(name = "shadowed", default = true, expires = "2099-01-01")]
static SHADOWED: Flag<bool>;

#[feature_flag(name = "staged", default = Stage::Live, expires = "2099-01-01")]
static STAGED: Flag<Stage>;

// Sync.

#[feature_flag(name = "plain", default = true, expires = "2099-01-01", shadow = legacy_plain)]
fn plain(query: &str, mut limit: usize) -> Vec<String> {
    limit += 1;
    if limit == 100 {
        return Vec::new();
    }
    vec![query.to_owned(); limit]
}

fn legacy_plain(query: &str, limit: usize) -> Vec<String> {
    vec![query.to_owned(); limit + 1]
}

#[feature_flag(SHADOWED, shadow = legacy_nothing)]
fn nothing() {}

fn legacy_nothing() {}

#[feature_flag(SHADOWED, shadow = legacy_generic)]
fn generic<T: Ord + Clone + std::fmt::Debug, const N: usize>(items: [T; N], _unused: u8) -> Option<T> {
    items.into_iter().max()
}

fn legacy_generic<T: Ord + Clone, const N: usize>(mut items: [T; N], _: u8) -> Option<T> {
    items.sort();
    items.last().cloned()
}

#[feature_flag(SHADOWED, shadow = legacy_borrowed)]
fn borrowed<'a>(text: &'a str, (from, to): (usize, usize), _: ()) -> Cow<'a, str> {
    Cow::Borrowed(&text[from..to])
}

fn legacy_borrowed(text: &str, range: (usize, usize), _: ()) -> Cow<'_, str> {
    Cow::Owned(text[range.0..range.1].to_owned())
}

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

type Fallible<T> = Result<T, Broken>;

#[feature_flag(STAGED, stages = legacy_fallible, context = EvaluationContext::new(text))]
fn fallible(text: &str) -> Fallible<u32> {
    let number: u32 = text.parse().map_err(|_| Broken)?;
    Ok(number)
}

fn legacy_fallible(text: &str) -> Fallible<u32> {
    text.parse().map_err(|_| Broken)
}

// An error that is only `Debug`, and one that is neither.
#[derive(Debug)]
struct Silent;
struct Mute;

#[feature_flag(SHADOWED, shadow = legacy_silent)]
fn silent() -> Result<u32, Silent> {
    Err(Silent)
}

fn legacy_silent() -> Result<u32, Silent> {
    Err(Silent)
}

#[feature_flag(SHADOWED, shadow = legacy_mute, compare_errors = |_: &Mute, _| true)]
fn mute() -> Result<u32, Mute> {
    Err(Mute)
}

fn legacy_mute() -> Result<u32, Mute> {
    Err(Mute)
}

// No `PartialEq`, no `Debug`.
struct Opaque(f64);

fn nearly(one: &Opaque, other: &Opaque) -> bool {
    (one.0 - other.0).abs() < 1e-9
}

#[feature_flag(SHADOWED, shadow = legacy_opaque, compare = nearly, ignore = |one, _| one.0 < 0.0, ignore = |_, _| false)]
fn opaque(value: f64) -> Opaque {
    Opaque(value * 0.1)
}

fn legacy_opaque(value: f64) -> Opaque {
    Opaque(value / 10.0)
}

#[feature_flag(SHADOWED, shadow = legacy_opaque, keep = |value| format!("{:.3}", value.0), clean = |_| "clean")]
fn kept(value: f64) -> Opaque {
    Opaque(value * 0.1)
}

#[feature_flag(SHADOWED, shadow = legacy_compared, compare = |one, other| one == other, sample = 100, noise = 0.0,
    timeout = "10s", order = shuffled, run = inline)]
fn compared(value: u32) -> Fallible<u32> {
    Ok(value)
}

fn legacy_compared(value: u32) -> Fallible<u32> {
    Ok(value)
}

// A value that only an expression can make.
struct Ticket(u32);

#[feature_flag(SHADOWED, shadow = legacy_owned, own(ticket = Ticket(ticket.0)))]
fn owned(ticket: Ticket) -> u32 {
    ticket.0
}

fn legacy_owned(ticket: Ticket) -> u32 {
    ticket.0
}

#[feature_flag(SHADOWED, shadow = legacy_unsafe)]
unsafe fn unsafe_function(value: u8) -> u8 {
    value
}

unsafe fn legacy_unsafe(value: u8) -> u8 {
    value
}

// Methods.

#[derive(Clone, Debug, PartialEq)]
struct Cart {
    items: Vec<u32>,
}

trait Total {
    fn total_of(&self, factor: u32) -> u32;
}

impl Cart {
    #[feature_flag(SHADOWED, shadow = Self::legacy_total)]
    fn total(&self, factor: u32) -> u32 {
        struct Inner(u32);
        impl Inner {
            fn value(&self) -> u32 {
                self.0
            }
        }
        self.items.iter().map(|item| Inner(item * factor).value()).sum()
    }

    fn legacy_total(&self, factor: u32) -> u32 {
        self.items.iter().sum::<u32>() * factor
    }

    #[feature_flag(STAGED, stages = Self::legacy_with)]
    fn with(mut self, item: u32) -> Self {
        fn same(item: u32) -> u32 {
            item
        }
        self.items.push(same(item));
        self
    }

    fn legacy_with(mut self, item: u32) -> Self {
        self.items.extend([item]);
        self
    }

    #[feature_flag(SHADOWED, shadow = Self::legacy_shared)]
    fn shared(self: Arc<Self>) -> usize {
        self.items.len()
    }

    fn legacy_shared(self: Arc<Self>) -> usize {
        self.items.len()
    }

    #[feature_flag(SHADOWED, shadow = Self::legacy_first)]
    fn first(&self) -> Option<&u32> {
        self.items.first()
    }

    fn legacy_first(&self) -> Option<&u32> {
        self.items.iter().min()
    }

    #[feature_flag(SHADOWED, shadow = Self::legacy_sum)]
    async fn sum(&self, add: u32) -> u32 {
        self.items.iter().sum::<u32>() + add
    }

    async fn legacy_sum(&self, add: u32) -> u32 {
        add + self.items.iter().sum::<u32>()
    }

    #[feature_flag(STAGED, stages = Self::legacy_into)]
    async fn into(self: Rc<Self>, _label: &str) -> Result<usize, std::io::Error> {
        if self.items.is_empty() {
            return Err(std::io::Error::other("empty"));
        }
        Ok(self.items.len())
    }

    async fn legacy_into(self: Rc<Self>, _label: &str) -> Result<usize, std::io::Error> {
        Ok(self.items.len())
    }
}

impl Total for Cart {
    #[feature_flag(SHADOWED, shadow = Self::legacy_total)]
    fn total_of(&self, factor: u32) -> u32 {
        self.items.iter().map(|item| item * factor).sum()
    }
}

// What a body may say of itself.

#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount(u32);

macro_rules! doubled {
    ($name:ident, $this:ident, $amount:expr) => {
        #[feature_flag(STAGED, stages = Self::legacy_doubled)]
        fn $name($this) -> u32 {
            $amount * 2
        }
    };
}

macro_rules! with_inner_attribute {
    ($name:ident, $amount:ident, $more:expr, $ticket:ident) => {
        #[feature_flag(STAGED, stages = legacy_more, own($ticket = Ticket($more * 2)), compare = |a, b| *a - *b == $more * 0)]
        fn $name($amount: u32, $ticket: Ticket) -> u32 {
            #![allow(unused_variables)]
            $more * 2
        }
    };
}

with_inner_attribute!(more, amount, amount + 1, ticket);

fn legacy_more(amount: u32, _: Ticket) -> u32 {
    (amount + 1) * 2
}

impl Amount {
    doubled!(doubled, self, self.0 + 1);

    fn legacy_doubled(self) -> u32 {
        (self.0 + 1) * 2
    }

    #[feature_flag(STAGED, stages = Self::legacy_told)]
    fn told(mut self) -> String {
        use std::collections::{self, BTreeMap};
        struct Inner {
            pub(self) of: BTreeMap<u32, Amount>,
        }
        self.0 += 1;
        let inner = Inner { of: collections::BTreeMap::from([(1, self)]) };
        assert_eq!(inner.of.len(), 1, "{self:?}");
        format!("{self:?} {}", stringify!(self.0))
    }

    fn legacy_told(self) -> String {
        format!("{:?} self.0", Amount(self.0 + 1))
    }

    #[feature_flag(STAGED, stages = Self::legacy_taken, own(self = Box::new(Amount(self.0)), ticket = Ticket(ticket.0)))]
    fn taken(self: Box<Self>, (a, b): (u32, u32), ref mut list: Vec<u32>, ticket: Ticket) -> u32 {
        list.push(a + b + ticket.0);
        list.iter().sum::<u32>() + self.0
    }

    fn legacy_taken(self: Box<Self>, pair: (u32, u32), list: Vec<u32>, ticket: Ticket) -> u32 {
        list.iter().sum::<u32>() + pair.0 + pair.1 + ticket.0 + self.0
    }
}

#[feature_flag(SHADOWED, shadow = legacy_linted, context = ctx, noise = 50)]
fn linted(
    ctx: EvaluationContext,
    #[allow(unused_variables)] ignored: String,
    #[allow(unused_mut)] mut kept: u32,
) -> u32 {
    kept
}

fn legacy_linted(_: EvaluationContext, _: String, kept: u32) -> u32 {
    kept
}

#[feature_flag(SHADOWED, shadow = legacy_called, run = detached)]
fn called(by: Arc<dyn Fn(&str) -> usize + Send + Sync>, plain: fn(&str) -> usize) -> usize {
    by("a") + plain("b")
}

fn legacy_called(by: Arc<dyn Fn(&str) -> usize + Send + Sync>, plain: fn(&str) -> usize) -> usize {
    plain("b") + by("a")
}

#[feature_flag(SHADOWED, shadow = legacy_spawned, run = detached, timeout = "1m", max_in_flight = 8, noise = 1)]
fn spawned<'a>(text: String) -> Pin<Box<dyn Future<Output = Result<usize, std::io::Error>> + Send + 'a>> {
    Box::pin(async move { Ok(text.len()) })
}

fn legacy_spawned<'a>(text: String) -> Pin<Box<dyn Future<Output = Result<usize, std::io::Error>> + Send + 'a>> {
    Box::pin(async move { Ok(text.len()) })
}

// Futures.

#[feature_flag(SHADOWED, shadow = legacy_fetch)]
async fn fetch(url: String, (a, b): (u8, u8)) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    if url.is_empty() {
        Err("no url")?;
    }
    Ok(format!("{url}{a}{b}"))
}

async fn legacy_fetch(url: String, tuple: (u8, u8)) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(format!("{url}{}{}", tuple.0, tuple.1))
}

#[feature_flag(SHADOWED, shadow = legacy_boxed)]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { text.len() })
}

fn legacy_boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { text.chars().count() })
}

#[feature_flag(SHADOWED, shadow = legacy_coerced)]
async fn coerced(text: &str) -> Option<&dyn Shown> {
    if text.is_empty() {
        return None;
    }
    None
}

async fn legacy_coerced(_: &str) -> Option<&dyn Shown> {
    None
}

trait Shown {}

impl PartialEq for dyn Shown + '_ {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) =
            future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
        {
            return output;
        }
    }
}

fn main() {
    assert_eq!(plain("a", 1), ["a", "a"]);
    nothing();
    assert_eq!(generic([1, 3, 2], 0), Some(3));
    assert_eq!(borrowed("abc", (1, 2), ()), "b");
    assert_eq!(fallible("7").unwrap(), 7);
    assert!(fallible("x").is_err());
    assert!(silent().is_err() && mute().is_err());
    assert!(nearly(&opaque(1.0), &kept(1.0)));
    assert_eq!(compared(1).unwrap(), 1);
    assert_eq!(owned(Ticket(3)), 3);
    assert_eq!(unsafe { unsafe_function(9) }, 9);

    let cart = Cart { items: vec![1, 2] };
    assert_eq!((cart.total(2), cart.total_of(2), cart.first()), (6, 6, Some(&1)));
    assert_eq!(cart.clone().with(3).items, [1, 2, 3]);
    assert_eq!(Arc::new(cart.clone()).shared(), 2);
    assert_eq!(block_on(is_send(cart.sum(1))), 4);
    assert_eq!(block_on(Rc::new(cart.clone()).into("x")).unwrap(), 2);
    assert_eq!(block_on(is_send(fetch("u".to_owned(), (1, 2)))).unwrap(), "u12");
    assert_eq!(block_on(boxed("é")), 1);
    assert!(block_on(coerced("x")).is_none());

    assert_eq!((Amount(2).doubled(), more(2, Ticket(1))), (6, 6));
    assert_eq!(Amount(2).told(), "Amount(3) self.0");
    assert_eq!(Box::new(Amount(1)).taken((2, 3), vec![4], Ticket(5)), 15);
    let ctx = EvaluationContext::new("user-1");
    assert_eq!(linted(ctx.clone(), String::new(), 3), 3);
    assert_eq!(called(Arc::new(str::len), str::len), 2);
    assert_eq!(block_on(spawned("abc".to_owned())).unwrap(), 3);
    let sum: u32 = dark_launch!(SHADOWED, control => cart.items.iter().sum(), candidate => || 3);
    assert_eq!(sum, 3);
    let sum = dark_launch!(STAGED, &ctx, control => 4, candidate => || 3, sample => 100.0, compare => |a: &i32, b: &i32| a - b == 1);
    assert_eq!(sum, 3);
    let later = dark_launch!(SHADOWED, control => async { 1 }, candidate => async move { 1 },);
    assert_eq!(block_on(is_send(later)), 1);
    assert_eq!(dark_launch!(SHADOWED, control => 5), 5);

    // Detached trials end by themselves.
    let start = std::time::Instant::now();
    while dark_launch::reports().iter().any(|report| report.in_flight() > 0) {
        assert!(start.elapsed().as_secs() < 30, "trials are still running");
        std::thread::yield_now();
    }
    for report in dark_launch::reports() {
        let expected = match report.flag() {
            // The boxed future counts bytes.
            "shadowed" => 1,
            _ => 0,
        };
        assert_eq!(report.count(dark_launch::Verdict::Mismatched), expected, "{report}");
        assert!(report.compared() > 0, "{report}");
    }
}
