//! A kill switch, a 10 % rollout, an enum, a string and a gated function, answered from a file or from Redis.
//!
//! `cargo run --example quickstart` needs nothing else: it works on a copy of `examples/flags.json`.
//! `FLAGS_SOURCE=redis://127.0.0.1/ cargo run --example quickstart` does the same with a Redis, under the prefix
//! `quickstart:`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use flags_runtime::source::FileSource;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AuditNote, Existing, NewDocument, StoredDocument};
use flags_runtime::{EvaluationContext, Flag, FlagValue, bucket, builder, feature_flag, flag, registry};

/// The new checkout; switch it off and everybody is back on the old one.
#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "payments", kind = ops)]
static NEW_CHECKOUT: Flag<bool>;

/// What customers pay.
#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

/// The price test of this spring.
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01", kind = experiment)]
static PRICING: Flag<Pricing>;

/// The line above the shop.
#[feature_flag(name = "banner_text", default = "Welcome", expires = never("marketing writes it"), owner = "marketing")]
static BANNER_TEXT: Flag<String>;

/// Searches with the new index for those who have the flag `fast_search`; `legacy_search` serves all others.
#[feature_flag(name = "fast_search", default = false, expires = "2099-03-01", off = legacy_search)]
fn search(query: &str) -> String {
    format!("`{query}` from the new index")
}

fn legacy_search(query: &str) -> String {
    format!("`{query}` from the old index")
}

fn price(ctx: &EvaluationContext) -> f64 {
    match flag!(PRICING, ctx) {
        Pricing::Control => 10.0,
        Pricing::VariantA => 9.5,
        Pricing::VariantB => 8.9,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flags.json");
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("flags.json");
    let redis = std::env::var("FLAGS_SOURCE").ok().filter(|source| source.starts_with("redis:"));
    let guard = if let Some(url) = &redis {
        fill_redis(url, &documents)?;
        builder().source(RedisSource::new(url)?.prefix(&prefix())?).start()?
    } else {
        std::fs::copy(&documents, &copy)?;
        builder().source(FileSource::new(&copy)).start()?
    };
    guard.wait_ready(Duration::from_secs(5))?;
    println!("{}\n", guard.status());

    who_gets_what();
    list_registry();
    match &redis {
        Some(url) => kill_in_redis(url),
        None => kill_in_file(&copy),
    }
}

fn who_gets_what() {
    println!("Who gets what");
    let ada = EvaluationContext::new("ada");
    let bob = EvaluationContext::new("bob").group("beta");
    let eve = EvaluationContext::new("eve");
    for ctx in [&ada, &bob, &eve] {
        // Inside the scope the gated function finds out for itself who asks.
        let hits = ctx.scope(|| search("red shoes"));
        println!("  {}: {hits}, {:.2}, {}", ctx.targeting_key(), price(ctx), flag!(BANNER_TEXT, ctx));
    }
    println!("\nWhy eve gets what she gets");
    println!("{}", flag!(NEW_CHECKOUT, &eve, explain));
    println!("{}", flag!(PRICING, &eve, explain));
    println!("{}", FAST_SEARCH.explain_for(&eve));

    let users: Vec<_> = (1..=1000).map(|n| EvaluationContext::new(format!("user-{n}"))).collect();
    let share = |is_in: &dyn Fn(&EvaluationContext) -> bool| {
        let count = users.iter().filter(|ctx| is_in(ctx)).fold(0.0, |count, _| count + 1.0);
        100.0 * count / 1000.0
    };
    println!("\nOf 1,000 users");
    println!("  fast_search at 10 %: {:.1} %", share(&|ctx| FAST_SEARCH.get_for(ctx)));
    println!("  pricing at 50 %:     {:.1} %", share(&|ctx| flag!(PRICING, ctx) == Pricing::VariantB));
    println!("  user-1 is in bucket {:.3} of fast_search, in all languages", bucket("fast_search", "user-1"));
}

fn list_registry() {
    println!("\nFlags of this program");
    for flag in registry().flags() {
        let declared = flag.declaration();
        println!(
            "  {:<13} {:<7} default {:<17} expires {:<11} {}:{}",
            declared.name(),
            declared.type_name(),
            declared.default_expression(),
            declared.expires().unwrap_or("never"),
            declared.file(),
            declared.line()
        );
    }
}

/// The kill, as an editor would do it.
fn kill_in_file(file: &Path) -> Result<(), Box<dyn Error>> {
    println!("\nKilling new_checkout in {}", file.display());
    let text = std::fs::read_to_string(file)?;
    // The first document of the file.
    let killed = text.replacen("\"enabled\": true", "\"enabled\": false", 1);
    let start = Instant::now();
    std::fs::write(file, killed)?;
    report_kill(start, "later")
}

/// The kill, as an operator would do it: a plain `SET` by redis-cli.
fn kill_in_redis(url: &str) -> Result<(), Box<dyn Error>> {
    let key = format!("{}new_checkout", prefix());
    let document = r#"{"name":"new_checkout","enabled":false}"#;
    println!("\nredis-cli SET {key} '{document}'");
    let start = Instant::now();
    match Command::new("redis-cli").args(["-u", url, "SET", &key, document]).output() {
        Ok(output) => println!("  {}", String::from_utf8_lossy(&output.stdout).trim()),
        Err(_) => println!("  There is no redis-cli here: type that line in another terminal; waiting a minute."),
    }
    report_kill(start, "after redis-cli was started")
}

fn report_kill(start: Instant, since: &str) -> Result<(), Box<dyn Error>> {
    while flag!(NEW_CHECKOUT) {
        if start.elapsed() > Duration::from_secs(60) {
            return Err("new_checkout is still on after a minute".into());
        }
        std::thread::yield_now();
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    println!("  off {milliseconds:.1} ms {since}: {}", flag!(NEW_CHECKOUT, details).reason);
    Ok(())
}

/// Puts the documents of the file into Redis where there are none, and switches on what is to be killed.
fn fill_redis(url: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let documents: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut admin = Admin::connect(url, &prefix())?;
    let note = AuditNote::new("quickstart").why("to have something to show");
    for (name, document) in documents {
        if admin.get(&name)?.is_none() {
            let document = StoredDocument::from(document.to_string());
            admin.write(&name, None, &NewDocument::from_stored(&name, &document, Existing::MustBeKept)?, &note)?;
        }
    }
    admin.enable("new_checkout", &note)?;
    Ok(())
}

/// A prefix of its own: whatever lives in that Redis is left alone.
fn prefix() -> String {
    std::env::var("FLAGS_PREFIX").unwrap_or_else(|_| "quickstart:".to_owned())
}
