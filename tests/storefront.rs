//! The shop of `examples/storefront`, as its own process: over HTTP, with a file and with Redis, and in a real browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use fantoccini::{Client, Locator};
use flags_workspace_tests::browser::look;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::{eventually, example};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const NEW: [&str; 2] = ["Address and payment", "Done"];
const LEGACY: [&str; 4] = ["Basket", "Address", "Payment", "Confirm"];

/// A running shop, which ends with the test.
struct Shop {
    process: Child,
    address: String,
}

/// An answer: its status, head and body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| example("storefront"))
}

impl Shop {
    fn open(source: Option<&str>) -> Self {
        let mut command = Command::new(program());
        command.env("STOREFRONT_ADDRESS", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::null());
        for variable in ["FLAGS_SOURCE", "FLAGS_PREFIX", "FLAGS_OVERRIDE_FILE", "FLAGS_SNAPSHOT"] {
            command.env_remove(variable);
        }
        if let Some(source) = source {
            command.env("FLAGS_SOURCE", source);
        }
        let mut process = command.spawn().unwrap();
        let line = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let address = line.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { process, address }
    }

    fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n");
        self.send(format!("{head}Content-Length: {length}\r\n{headers}\r\n{body}").as_bytes())
    }

    fn steps(&self, headers: &str) -> Vec<String> {
        serde_json::from_value(self.get("/checkout", headers).json()["steps"].clone()).unwrap()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn alone_with_its_file_the_shop_knows_who_asks() {
    let shop = Shop::open(None);
    assert!(eventually(SOON, || shop.steps("X-User-ID: ada\r\n") == NEW), "its file is read");
    assert_eq!(shop.steps("X-User-ID: bob\r\n"), LEGACY);
    assert_eq!(shop.steps("X-User-ID: bob\r\nX-User-Groups: staff, beta\r\n"), NEW);
    assert_eq!(shop.steps(""), LEGACY);
    let told = shop.get("/", "X-User-ID: ada\r\n").json();
    assert_eq!(told["user_id"], "ada");
    let checkout = json!({"value": true, "variant": "on", "reason": "TARGETING_MATCH"});
    assert_eq!(told["features"]["new_checkout"], checkout);
    assert!(told["features"].get("order_limit").is_none(), "it is not public: {told}");
    assert_eq!(shop.get("/", "").json()["user_id"], "anonymous");
    assert_eq!(shop.get("/nowhere", "").status, 404);
}

#[test]
fn the_pages_show_the_prices_and_why_and_let_nothing_in() {
    let shop = Shop::open(None);
    let page = |user: &str| shop.get("/", &format!("Accept: text/html\r\nX-User-ID: {user}\r\n")).body;
    assert!(eventually(SOON, || page("ada").contains("<p id=banner>Two for one until Sunday</p>")));
    let evil = page("<script>alert('x')</script>");
    assert!(evil.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") && !evil.contains("<script"), "{evil}");
    // Both prices are shown to somebody, and to whom is told.
    let shown =
        |users: std::ops::Range<u32>, price: &str| users.filter(|n| page(&format!("u{n}")).contains(price)).count();
    let (old, new) = (shown(0..40, "89.95 €"), shown(0..40, "80.00 €"));
    assert_eq!((old + new, old > 5, new > 5), (40, true, true), "{old} and {new}");
    assert!(eventually(SOON, || page("ada").contains("pricing = variant_b (SPLIT) to ")));
    assert!(eventually(SOON, || page("ada").matches("pricing = ").count() == 20), "the last ones");
}

#[test]
fn orders_are_taken_while_the_new_processor_is_tried_and_bad_ones_are_told_why() {
    let shop = Shop::open(None);
    let order = |body: &str| shop.post("/orders", "X-User-ID: ada\r\n", body);
    assert!(eventually(SOON, || shop.steps("X-User-ID: ada\r\n") == NEW));
    let pricing = shop.get("/", "X-User-ID: ada\r\n").json()["features"]["pricing"]["value"].clone();
    let price = if pricing == "control" { 3_450 } else { 3_100 };
    let taken = order(r#"{"product":"Sandal","pairs":2}"#);
    assert_eq!((taken.status, taken.json()), (201, json!({"product": "Sandal", "pairs": 2, "total": 2 * price})));
    for (body, status, part) in [
        (r#"{"product":"Boot","pairs":1}"#, 422, "there is no product `Boot`"),
        (r#"{"product":"Sandal","pairs":0}"#, 422, "`pairs` is 0: order 1 to 20"),
        (r#"{"product":"Sandal","pairs":4000000000}"#, 422, "order 1 to 20"),
        (r#"{"product":"Sandal"}"#, 422, "pairs"),
        ("{", 400, ""),
    ] {
        let refused = order(body);
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
        assert!(refused.body.contains(part), "{body}: {}", refused.body);
    }
    // The old one loses a cent now and then: the panel tells.
    for pairs in 1..=20 {
        assert_eq!(order(&format!(r#"{{"product":"Walking shoe","pairs":{pairs}}}"#)).status, 201);
    }
    let panel = shop.get("/checkout", "Accept: text/html\r\n").body;
    assert!(panel.contains("order_processor: 21 runs"), "{panel}");
}

#[test]
fn with_redis_a_set_decides_the_next_request_and_a_kill_the_one_after() {
    let redis = RedisServer::start();
    let shop = Shop::open(Some(&redis.url()));
    assert_eq!(shop.steps("X-User-ID: bob\r\n"), LEGACY);
    let set = |document: &str| redis.cli(&["SET", "ff:new_checkout", document]);
    set(r#"{"name":"new_checkout","enabled":true}"#);
    assert!(eventually(SOON, || shop.steps("X-User-ID: bob\r\n") == NEW));
    set(r#"{"name":"new_checkout","enabled":false}"#);
    assert!(eventually(SOON, || shop.steps("X-User-ID: bob\r\n") == LEGACY));
    let reason = &shop.get("/", "").json()["features"]["new_checkout"]["reason"];
    assert_eq!(reason, "DISABLED");
}

#[test]
fn without_its_redis_the_shop_opens_with_the_declared_defaults_and_ctrl_c_closes_it() {
    let mut redis = RedisServer::start();
    redis.kill();
    let mut shop = Shop::open(Some(&redis.url()));
    assert_eq!(shop.steps("X-User-ID: ada\r\n"), LEGACY);
    redis.restart();
    redis.cli(&["SET", "ff:new_checkout", r#"{"name":"new_checkout","enabled":true}"#]);
    assert!(eventually(SOON, || shop.steps("X-User-ID: ada\r\n") == NEW), "it follows once it can");
    let interrupt = Command::new("kill").args(["-INT", &shop.process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut ended = None;
    assert!(eventually(SOON, || {
        ended = shop.process.try_wait().unwrap();
        ended.is_some()
    }));
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}

#[test]
fn hostile_headers_are_nobody_and_the_shop_lives() {
    let shop = Shop::open(None);
    assert!(eventually(SOON, || shop.steps("X-User-ID: ada\r\n") == NEW));
    let user = |request: &[u8]| {
        let answer = shop.send(request);
        (answer.status, answer.json()["user_id"].clone())
    };
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-User-ID: {}\r\n\r\n", "x".repeat(10_240));
    assert_eq!(user(long.as_bytes()), (200, json!("anonymous")));
    let invalid =
        [b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-User-ID: \xff\xfe".as_slice(), b"\r\n\r\n"].concat();
    assert_eq!(user(&invalid), (200, json!("anonymous")));
    let groups = |last: usize| {
        (0..1000).map(|n| if n == last { "beta".to_owned() } else { format!("g{n}") }).collect::<Vec<_>>().join(",")
    };
    let many = |last: usize| shop.steps(&format!("X-User-ID: bob\r\nX-User-Groups: {}\r\n", groups(last)));
    assert_eq!(many(255), NEW, "the first 256 groups count");
    assert_eq!(many(256), LEGACY, "and no more");
    let twice = "X-User-ID: bob\r\nX-User-ID: ada\r\n";
    assert_eq!(shop.steps(twice), LEGACY);
    assert_eq!(shop.steps("X-User-ID: ada\r\n"), NEW, "still there");
}

#[test]
fn openfeature_clients_read_the_public_flags_of_their_own_request_only() {
    let shop = Shop::open(None);
    assert!(eventually(SOON, || shop.steps("X-User-ID: ada\r\n") == NEW));
    let claim = r#"{"context":{"targetingKey":"ada"}}"#;
    let one = |user: &str, key: &str| {
        shop.post(&format!("/ofrep/v1/evaluate/flags/{key}"), &format!("X-User-ID: {user}\r\n"), claim)
    };
    assert_eq!(one("ada", "new_checkout").json()["value"], true);
    assert_eq!(one("bob", "new_checkout").json()["value"], false, "whoever he says that he is");
    assert_eq!(one("ada", "order_limit").status, 404);
    let all = |headers: &str| shop.post("/ofrep/v1/evaluate/flags", headers, claim);
    let answer = all("X-User-ID: ada\r\n");
    assert_eq!(answer.json()["flags"].as_array().unwrap().len(), 3);
    let tag = answer.head.split("etag: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let again = all(&format!("X-User-ID: ada\r\nIf-None-Match: {tag}\r\n"));
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(all(&format!("X-User-ID: bob\r\nIf-None-Match: {tag}\r\n")).status, 200);
}

/// The page of the checkout reads one flag twice, for its steps and for the panel. `STOREFRONT_LOAD_SECONDS=60` takes longer.
#[test]
fn under_load_no_page_has_two_answers_for_a_flag_that_flips() {
    let redis = RedisServer::start();
    let shop = Shop::open(Some(&redis.url()));
    let seconds = std::env::var("STOREFRONT_LOAD_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let flip = || {
        let mut writer = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        let mut flips = 0;
        while Instant::now() < until {
            flips += 1;
            let percentage = [100, 0, 50][flips % 3];
            let document = format!(r#"{{"name":"new_checkout","enabled":true,"rollout_percentage":{percentage}}}"#);
            writer.write_all(format!("SET ff:new_checkout '{document}'\r\n").as_bytes()).unwrap();
            writer.read_exact(&mut [0; 5]).unwrap();
            std::thread::sleep(Duration::from_micros(500)); // a pace: some 1,500 changes a second
        }
        flips
    };
    let ask = |thread: u32| {
        let (mut pages, mut news) = (0_u32, 0_u32);
        while Instant::now() < until {
            pages += 1;
            let user = format!("Accept: text/html\r\nX-User-ID: user-{thread}-{pages}\r\n");
            let page = shop.get("/checkout", &user).body;
            let steps_are_new = page.contains("<li>Done</li>");
            let panel = page.split("<tr id='flag-new_checkout'>").nth(1).unwrap();
            assert_eq!(panel.split("</tr>").next().unwrap().contains("<td>true</td>"), steps_are_new, "{page}");
            news += u32::from(steps_are_new);
        }
        (pages, news)
    };
    let (pages, news, flips) = std::thread::scope(|scope| {
        let flipping = scope.spawn(flip);
        let asking: Vec<_> = (0..4).map(|thread| scope.spawn(move || ask(thread))).collect();
        let asked = asking.into_iter().map(|asking| asking.join().unwrap());
        let (pages, news) = asked.fold((0, 0), |(pages, news), asked| (pages + asked.0, news + asked.1));
        (pages, news, flipping.join().unwrap())
    });
    println!("{pages} pages in {seconds} s, {news} of them new, {flips} flips");
    assert!(news > pages / 10 && news < pages - pages / 10, "{news} of {pages} pages are new");
}

/// The texts of what a selector finds.
async fn texts(client: &Client, selector: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for element in client.find_all(Locator::Css(selector)).await.unwrap() {
        texts.push(element.text().await.unwrap());
    }
    texts
}

async fn click(client: &Client, selector: &str) {
    client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
}

/// Goes to the checkout and back until it has these steps.
async fn click_until(client: &Client, steps: &[&str]) {
    let give_up = Instant::now() + SOON;
    loop {
        click(client, "#checkout").await;
        if texts(client, "#steps li").await == steps {
            return;
        }
        assert!(Instant::now() < give_up, "{:?}", texts(client, "#steps li").await);
        click(client, "#back").await;
    }
}

#[test]
fn in_a_browser_a_set_in_redis_changes_what_the_next_click_does() {
    let redis = RedisServer::start();
    let shop = Shop::open(Some(&redis.url()));
    let url = format!("http://{}/be/ada", shop.address);
    look(&url, |client| async move {
        assert_eq!(texts(&client, "#user").await, ["ada"]);
        assert_eq!(texts(&client, "#products li").await.len(), 3);
        click(&client, "#checkout").await;
        assert_eq!(texts(&client, "#steps li").await, LEGACY);
        assert_eq!(texts(&client, "#flag-new_checkout td").await, ["false", "DEFAULT"]);
        click(&client, "#back").await;
        redis.cli(&[
            "SET",
            "ff:new_checkout",
            r#"{"name":"new_checkout","enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}"#,
        ]);
        click_until(&client, &NEW).await;
        assert_eq!(texts(&client, "#flag-new_checkout td").await, ["true", "TARGETING_MATCH"]);
        // Somebody else is not on the list.
        click(&client, "footer a[href='/be/bob']").await;
        assert_eq!(texts(&client, "#user").await, ["bob"]);
        click(&client, "#checkout").await;
        assert_eq!(texts(&client, "#steps li").await, LEGACY);
    });
}
