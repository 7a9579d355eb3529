//! The two tests that every web team writes: a client against a running server with every flag forced on, and with every flag
//! forced off; at once, in one process.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use flags_runtime::web::{FlagsLayer, TrustedHeaders};
use flags_runtime::{Flag, feature_flag, flag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[feature_flag(name = "server_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "server_mail", default = true, expires = "2099-01-01")]
static MAIL: Flag<bool>;

/// A service as it would run anywhere; the layer carries the overrides of whoever makes it to its requests.
fn service() -> Router {
    let answer = || async {
        tokio::task::yield_now().await;
        format!("cart {}, mail {}", flag!(CART), flag!(MAIL))
    };
    Router::new().route("/", get(answer)).layer(FlagsLayer::new(TrustedHeaders::new()))
}

/// Starts a server on a task of its own, as a real one would be.
async fn start(service: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

#[flags_runtime::test(all = on)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_works_with_every_flag_on() {
    let address = start(service()).await;
    for _ in 0..50 {
        assert_eq!(ask(address).await, "cart true, mail true");
    }
}

#[flags_runtime::test(all = off)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_works_with_every_flag_off() {
    let address = start(service()).await;
    for _ in 0..50 {
        assert_eq!(ask(address).await, "cart false, mail false");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_of_a_test_without_overrides_has_the_declared_defaults() {
    let address = start(service()).await;
    for _ in 0..50 {
        assert_eq!(ask(address).await, "cart false, mail true");
    }
}
