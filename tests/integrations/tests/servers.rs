//! One layer, four servers: axum, hyper, tonic and actix-web know who asks, and carry the flags that a test forces.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flags_runtime::source::MemorySource;
use flags_runtime::web::{ContextExtension, Flags, FlagsLayer, TrustedHeaders};
use flags_runtime::{EvaluationContext, Flag, builder, context, feature_flag, flag};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

#[feature_flag(name = "servers_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "servers_size", default = 0, expires = "2099-01-01", public)]
static SIZE: Flag<u64>;

/// Who asks, and whether the flag is on: here, behind an await, and in a task that was taken along.
async fn seen() -> String {
    let key = || context::current().map(|ctx| (ctx.targeting_key().to_owned(), ctx.all_groups().join("+")));
    let (before, cart) = (key(), flag!(CART));
    tokio::task::yield_now().await;
    let spawned = tokio::spawn(context::carry_async(async move { (key(), flag!(CART)) })).await.unwrap();
    assert_eq!((before.clone(), cart), (key(), flag!(CART)));
    assert_eq!((before.clone(), cart), spawned);
    let (user, groups) = before.unwrap_or_default();
    format!("{user} [{groups}] {cart}")
}

async fn ask(address: SocketAddr, user: &str) -> String {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = hyper::Request::get(format!("http://{address}/"))
        .header("X-User-ID", user)
        .header("X-User-Groups", "beta, staff")
        .body(Full::default())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

/// Twenty users at once, each of whom is to be told its own name.
async fn expect_each_is_itself(address: SocketAddr, cart: bool) {
    let users = (0..20).map(|n| format!("user-{n}"));
    let asked: Vec<_> = users
        .map(|user| tokio::spawn(async move { (ask(address, &user).await, format!("{user} [beta+staff] {cart}")) }))
        .collect();
    for asked in asked {
        let (answer, expected) = asked.await.unwrap();
        assert_eq!(answer, expected);
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[flags_runtime::test(CART = true)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hyper_without_a_framework_knows_who_asks() {
    let answer = async |_: hyper::Request<Incoming>| {
        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(seen().await))))
    };
    let service = ServiceBuilder::new().layer(FlagsLayer::new(TrustedHeaders::new())).service(service_fn(answer));
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    expect_each_is_itself(address, true).await;
}

#[flags_runtime::test(CART = true)]
#[test]
fn actix_web_knows_who_asks() {
    // Outside of the closure, which runs on the server's own threads.
    let flags = FlagsLayer::new(TrustedHeaders::new());
    let (send, address) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || actix_web::App::new().route("/", actix_web::web::get().to(seen)).wrap(flags.clone());
            let server = actix_web::HttpServer::new(app).workers(2).bind("127.0.0.1:0").unwrap();
            let address = server.addrs()[0];
            let server = server.disable_signals().run();
            send.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (address, handle) = address.recv_timeout(Duration::from_secs(20)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        expect_each_is_itself(address, true).await;
        handle.stop(false).await;
    });
    server.join().unwrap();
}

#[tokio::test]
async fn actix_web_takes_a_context_of_an_extension_too() {
    use actix_web::{HttpMessage as _, test, web};

    let app = actix_web::App::new().route("/", web::get().to(seen)).wrap(FlagsLayer::new(ContextExtension));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/").to_request();
    request.extensions_mut().insert(EvaluationContext::new("ada").group("beta"));
    assert_eq!(test::call_and_read_body(&app, request).await, "ada [beta] false");
}

#[flags_runtime::test(CART = true)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum_knows_who_asks() {
    use axum::routing::get;

    let app = axum::Router::new().route("/", get(seen)).layer(FlagsLayer::new(TrustedHeaders::new()));
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    expect_each_is_itself(address, true).await;
}

#[tokio::test]
async fn an_inner_layer_that_finds_nobody_keeps_whoever_is_known() {
    let app = axum::Router::new()
        .route("/", axum::routing::get(seen))
        .layer(FlagsLayer::new(ContextExtension))
        .layer(FlagsLayer::new(TrustedHeaders::new()));
    let request = hyper::Request::get("/").header("x-user-id", "ada").body(axum::body::Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "ada [] false");
}

mod grpc {
    use tonic::codegen::tokio_stream::Stream;
    use tonic::{Request, Response, Status};
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_server::Health;
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

    /// Serving to those for whom the flag is on; says in an error who asked else.
    pub(super) struct Flagged;

    #[tonic::async_trait]
    impl Health for Flagged {
        async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
            let seen = super::seen().await;
            if !seen.ends_with("true") {
                return Err(Status::permission_denied(seen));
            }
            Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
        }

        type WatchStream = std::pin::Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

        async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
            Err(Status::unimplemented("not asked here"))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tonic_knows_who_asks() {
    use tonic::transport::{Channel, Server};
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::health_server::HealthServer;

    let start = async || {
        let (listener, address) = listen().await;
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let mut server = Server::builder().layer(FlagsLayer::new(TrustedHeaders::new()));
        tokio::spawn(server.add_service(HealthServer::new(grpc::Flagged)).serve_with_incoming(incoming));
        Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
    };
    let check = async |channel: Channel| {
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        request.metadata_mut().insert("x-user-id", "ada".parse().unwrap());
        HealthClient::new(channel).check(request).await
    };
    let off = check(start().await).await.unwrap_err();
    assert_eq!(off.message(), "ada [] false");
    // A server that was made where the flag is forced.
    let channel = CART.force_in(true, start()).await;
    assert!(check(channel).await.is_ok());
}

/// Whatever is published meanwhile, what a request is told first it is told to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_of_one_moment() {
    assert_eq!(flag!(SIZE), 0);
    let source = MemorySource::new();
    let writer = source.writer();
    let _guard = builder().source(source).start().unwrap();
    let give_up = Instant::now() + Duration::from_secs(20);
    let (mut n, mut seen) = (0, std::collections::BTreeSet::new());
    while seen.len() < 50 {
        assert!(Instant::now() < give_up, "{} changes were seen", seen.len());
        n += 1;
        writer.set("servers_size", format!(r#"{{"enabled":true,"value":{n}}}"#));
        let app = axum::Router::new()
            .route(
                "/",
                axum::routing::get(async |flags: Flags| {
                    let first = serde_json::to_string(&flags.snapshot()).unwrap();
                    tokio::task::yield_now().await;
                    assert_eq!(serde_json::to_string(&flags.snapshot()).unwrap(), first);
                    first
                }),
            )
            .layer(FlagsLayer::new(TrustedHeaders::new()));
        let request = hyper::Request::get("/").body(axum::body::Body::empty()).unwrap();
        let told = app.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        seen.insert(told["servers_size"]["value"].as_u64());
    }
}
