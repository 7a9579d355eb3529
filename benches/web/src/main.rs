//! What flags cost a web service: requests with the layer and 10 flags read in each, beside the same service without, in one run,
//! while flags change. `cargo run --release -p web-bench` takes 60 s, or as `-- --seconds N` says; `-- --write` writes the table of the
//! README.
//!
//! The services stand in one process, each on a thread; clients on another one ask each in turn, a quarter of a second at a time,
//! so that whatever the machine does meanwhile it does to all; ratios are medians of such rounds. One request in 16 reads its flags twice, with an await between, and
//! says if the answers differ: none may. Of the 10 flags eight are settled, one is a rollout and one an A/B test at 50 %; five of them
//! change 50 times a second.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should say where")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::{Query, Request};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, ServiceExt as _};
use bench_harness::{Settings, Table, median, nanoseconds};
use cpu_time::ThreadTime;
use flags_runtime::source::{MemorySource, MemoryWriter};
use flags_runtime::web::{FlagsLayer, TrustedHeaders};
use flags_runtime::{Flag, FlagValue, builder, feature_flag, flag};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::{Identity, Layer as _};
use tower_service::Service;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

macro_rules! switches {
    ($($id:ident $name:literal),*) => {
        $(#[feature_flag(name = $name, default = false, expires = "2099-01-01")]
        static $id: Flag<bool>;)*
    };
}

switches!(CART "web_cart", MAIL "web_mail", SEARCH "web_search", WISH "web_wish", GIFT "web_gift", ROLLOUT "web_rollout");

#[feature_flag(name = "web_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "web_size", default = 20, expires = "2099-01-01")]
static SIZE: Flag<u32>;
#[feature_flag(name = "web_banner", default = "Welcome", expires = "2099-01-01")]
static BANNER: Flag<String>;
#[feature_flag(name = "web_ratio", default = 0.5, expires = "2099-01-01")]
static RATIO: Flag<f64>;

const CONNECTIONS: usize = 16;
const SLICE: Duration = Duration::from_millis(250);
/// Between two changes.
const PACE: Duration = Duration::from_millis(20);
/// How many products a page lists: about 1 KB and 10 KB of JSON.
const SIZES: [(&str, u32); 2] = [("1 KB of JSON", 20), ("10 KB of JSON", 200)];

static TORN: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize)]
struct Asked {
    product: u32,
    count: u32,
}

/// What both services do: a query is parsed, a page of products is listed, JSON is written.
#[derive(Serialize)]
struct Listing {
    product: u32,
    products: Vec<Product>,
}

#[derive(Serialize)]
struct Product {
    id: u32,
    name: String,
    price: f64,
}

fn listing(Asked { product, count }: &Asked) -> axum::Json<Listing> {
    let products =
        (0..*count).map(|n| Product { id: *product + n, name: format!("Product {n}"), price: f64::from(n) + 0.99 });
    axum::Json(Listing { product: *product, products: products.collect() })
}

async fn plain(Query(asked): Query<Asked>) -> axum::Json<Listing> {
    tokio::task::yield_now().await;
    listing(&asked)
}

async fn flagged(Query(asked): Query<Asked>) -> axum::Json<Listing> {
    let switches = || (flag!(CART), flag!(MAIL), flag!(SEARCH), flag!(WISH), flag!(GIFT), flag!(ROLLOUT));
    let values = || (flag!(PRICING), flag!(SIZE), flag!(RATIO));
    let (first, first_values, banner) = (switches(), values(), flag!(BANNER));
    tokio::task::yield_now().await;
    // The second look is the measurement's own: it costs as much again, so it is taken in one of 16 requests.
    if asked.product % 16 == 0 && (first != switches() || first_values != values() || banner != *flag!(BANNER)) {
        TORN.fetch_add(1, Ordering::Relaxed);
    }
    listing(&asked)
}

/// As a busy day has it: switches go on and off for everybody, a rollout grows, an A/B test and a text change.
fn change(writer: &MemoryWriter, is_over: &AtomicBool) -> usize {
    let mut n = 0;
    while !is_over.load(Ordering::Relaxed) {
        n += 1;
        let name = ["web_cart", "web_mail", "web_search", "web_wish", "web_gift"][n % 5];
        let percentage = if n % 2 == 0 { 100 } else { 0 };
        writer.set(name, format!(r#"{{"enabled":true,"rollout_percentage":{percentage}}}"#));
        writer.set("web_rollout", format!(r#"{{"enabled":true,"rollout_percentage":{}}}"#, 40 + n % 20));
        writer.set("web_size", format!(r#"{{"enabled":true,"value":{n}}}"#));
        writer.set("web_banner", format!(r#"{{"enabled":true,"value":"banner {n}"}}"#));
        let pricing = ["control", "variant_a", "variant_b"][n % 3];
        writer.set("web_pricing", format!(r#"{{"enabled":true,"rollout_percentage":50,"value":"{pricing}"}}"#));
        thread::sleep(PACE);
    }
    n
}

/// A running service.
struct Served {
    address: SocketAddr,
    /// The CPU time of its thread so far, in nanoseconds.
    used: Arc<AtomicU64>,
}

/// A service on a thread and a runtime of its own.
fn serve<S>(name: &str, app: S) -> Served
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let (tell, told) = std::sync::mpsc::channel();
    let used = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&used);
    let thread = thread::Builder::new().name(name.to_owned());
    let served = thread.spawn(move || {
        let count = move || {
            let nanoseconds = u64::try_from(ThreadTime::now().as_duration().as_nanos()).unwrap();
            counted.store(nanoseconds, Ordering::Relaxed);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(count).build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, app.into_make_service()).await.unwrap();
        });
    });
    served.unwrap();
    Served { address: told.recv().unwrap(), used }
}

/// Asks until the time is up, over and over on one connection; gives the number of answers.
async fn ask(stream: &mut TcpStream, user: usize, count: u32, until: Instant) -> u64 {
    let mut answers = 0;
    let mut buffer = vec![0; 64 * 1024];
    while Instant::now() < until {
        let request = format!(
            "GET /products?product={answers}&count={count} HTTP/1.1\r\nHost: x\r\nX-User-ID: user-{user}\r\nX-User-Groups: beta\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut filled = 0;
        loop {
            filled += stream.read(&mut buffer[filled..]).await.unwrap();
            let text = &buffer[..filled];
            if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
                assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(text));
                let head = std::str::from_utf8(&text[..end]).unwrap().to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
                if filled >= end + 4 + length.trim().parse::<usize>().unwrap() {
                    break;
                }
            }
        }
        answers += 1;
    }
    answers
}

async fn connect(address: SocketAddr) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    streams
}

/// All connections at once, for one slice.
async fn slice(streams: Vec<TcpStream>, count: u32) -> (Vec<TcpStream>, u64) {
    let until = Instant::now() + SLICE;
    let asking: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(user, mut stream)| {
            tokio::spawn(async move {
                let answers = ask(&mut stream, user, count, until).await;
                (stream, answers)
            })
        })
        .collect();
    let (mut streams, mut answers) = (Vec::new(), 0);
    for asked in asking {
        let (stream, of_stream) = asked.await.unwrap();
        streams.push(stream);
        answers += of_stream;
    }
    (streams, answers)
}

fn main() {
    let settings = Settings::from_args(Duration::from_secs(60));
    let length = if settings.is_test { Duration::from_secs(2) } else { settings.time };
    let source = MemorySource::new();
    let writer = source.writer();
    let _guard = builder().source(source).start().unwrap();
    let router = || Router::new().route("/products", get(plain));
    let with_flags = || Router::new().route("/products", get(flagged));
    let layer = || FlagsLayer::new(TrustedHeaders::new());
    let services = [
        ("without flags", serve("plain", router())),
        // Any layer at all: what axum takes to put one around a route.
        ("any layer of axum's", serve("layered", router().layer(Identity::new()))),
        ("`Router::layer(FlagsLayer)`", serve("flagged", with_flags().layer(layer()))),
        ("`FlagsLayer` around the whole app", serve("around", layer().layer(with_flags()))),
    ];
    let is_over = Arc::new(AtomicBool::new(false));
    let changing = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || change(&writer, &is_over)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names = services.each_ref().map(|(name, _)| *name);
    let mut table = Table::new(&[&["a page of"], &names[..]].concat());
    for (what, count) in SIZES {
        let used = || services.each_ref().map(|(_, served)| served.used.load(Ordering::Relaxed));
        let before = used();
        let rounds = runtime.block_on(measure(&services, count, length / 2));
        let after = used();
        #[allow(clippy::cast_precision_loss, reason = "counts of a minute")]
        let cells = (0..services.len()).map(|at| {
            let answers: u64 = rounds.iter().map(|round| round[at]).sum();
            let cost = nanoseconds((after[at] - before[at]) as f64 / answers as f64);
            let ratio = median(rounds.iter().map(|round| round[at] as f64 / round[0] as f64).collect());
            if at == 0 { format!("{cost} of CPU") } else { format!("{cost}, {ratio:.2} of the requests") }
        });
        table.row(std::iter::once(what.to_owned()).chain(cells));
    }
    table.publish("README.md", "web", &settings);
    is_over.store(true, Ordering::Relaxed);
    let changes = changing.join().unwrap();
    let torn = TORN.load(Ordering::Relaxed);
    println!("{CONNECTIONS} connections, {changes} rounds of changes; requests that saw two answers: {torn}");
    assert_eq!(torn, 0, "a request saw two answers for one flag");
}

/// Asks each service in turn, round by round, a different one first; gives the numbers of their answers.
async fn measure<const N: usize>(services: &[(&str, Served); N], count: u32, length: Duration) -> Vec<[u64; N]> {
    let mut streams = Vec::new();
    for (_, served) in services {
        streams.push(connect(served.address).await);
    }
    let mut rounds = Vec::new();
    let until = Instant::now() + length;
    while Instant::now() < until {
        let mut round = [0; N];
        for turn in 0..N {
            let at = (rounds.len() + turn) % N;
            (streams[at], round[at]) = slice(std::mem::take(&mut streams[at]), count).await;
        }
        rounds.push(round);
    }
    rounds
}
