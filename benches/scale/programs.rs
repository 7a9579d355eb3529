//! Programs with many flags: built, run against a Redis of their own, and asked for what they measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use bench_harness::median;
use flags_workspace_tests::redis::RedisServer;

/// Medians by name.
pub(crate) type Measured = Box<dyn Fn(&str) -> f64>;

const MANIFEST: &str = r#"[package]
name = "scale-NUMBER"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
cpu-time = "1.0"
flags-runtime = { path = "ROOT/flags-runtime", features = ["redis"] }

[workspace]
"#;

/// What so many flags take.
pub(crate) fn flags(number: u32, rounds: usize) -> Measured {
    let program = build(number);
    let server = RedisServer::start();
    rounds_of(rounds, || {
        server.cli(&["FLUSHALL"]);
        for chunk in (0..number).collect::<Vec<_>>().chunks(500) {
            let pairs = chunk.iter().flat_map(|at| {
                [format!("ff:scale_{at}"), format!(r#"{{"name":"scale_{at}","enabled":true,"value":{}}}"#, at + 1)]
            });
            let words: Vec<_> = std::iter::once("MSET".to_owned()).chain(pairs).collect();
            server.cli(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        run(&program, &server, &["flags"])
    })
}

/// What so many users in one list take.
pub(crate) fn list(length: u32, rounds: usize) -> Measured {
    let program = build(10);
    let server = RedisServer::start();
    rounds_of(rounds, || {
        server.cli(&["FLUSHALL"]);
        run(&program, &server, &["list", &length.to_string()])
    })
}

fn rounds_of(rounds: usize, round: impl Fn() -> BTreeMap<String, f64>) -> Measured {
    let rounds: Vec<_> = (0..rounds).map(|_| round()).collect();
    Box::new(move |name| {
        let of_round = |round: &BTreeMap<String, f64>| {
            round.get(name).copied().unwrap_or_else(|| panic!("the program tells no `{name}`: {round:?}"))
        };
        median(rounds.iter().map(of_round).collect())
    })
}

/// A program with so many flags, and one for lists.
fn build(number: u32) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = root.join("target/scale");
    let package = place.join(format!("flags-{number}"));
    let source = package.join("src");
    fs::create_dir_all(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let manifest = MANIFEST.replace("NUMBER", &number.to_string()).replace("ROOT", root.to_str().unwrap());
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions that everything else here is measured with.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    fs::write(source.join("main.rs"), include_str!("program.rs")).unwrap();
    fs::write(source.join("flags.rs"), declarations(number)).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(place.join("build"))
        .current_dir(&package)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "a program of {number} flags does not build");
    place.join("build/release").join(format!("scale-{number}"))
}

fn declarations(number: u32) -> String {
    let mut text = "//! So many flags.\n\nuse flags_runtime::{Flag, feature_flag};\n".to_owned();
    let mut all = String::new();
    for at in 0..number {
        write!(
            text,
            "#[feature_flag(name = \"scale_{at}\", default = 0, expires = \"2099-01-01\")]\nstatic SCALE_{at}: Flag<u64>;\n"
        )
        .unwrap();
        write!(all, "&SCALE_{at}, ").unwrap();
    }
    text += "#[feature_flag(name = \"scale_listed\", default = false, expires = \"2099-01-01\")]\n";
    text += "pub static LISTED: Flag<bool>;\n";
    text + &format!("pub static ALL: [&Flag<u64>; {number}] = [{all}];\n")
}

/// Runs a program; what it tells, by name.
fn run(program: &Path, server: &RedisServer, work: &[&str]) -> BTreeMap<String, f64> {
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let output = Command::new(program).args([server.url(), started.to_string()]).args(work).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {work:?}: {errors}", program.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let told = text.lines().filter_map(|line| line.split_once(' '));
    told.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect()
}
