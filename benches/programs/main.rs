//! What a whole program gains: crates, the time of a first build, and bytes, beside a program that only says hello. `cargo bench --bench
//! programs` takes some 15 minutes, since it builds everything from nothing; `-- --write` writes the table of the README.
//!
//! Versions are those that `benches/peers` is locked to. CPU times are Linux's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should say where")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use bench_harness::{Settings, Table};

/// A program: what it is called, its dependencies, and its source.
struct Program {
    name: &'static str,
    dependencies: &'static [&'static str],
    source: &'static str,
}

const HELLO: Program = Program { name: "floor: hello", dependencies: &[], source: include_str!("with/nothing.rs") };

const PROGRAMS: [Program; 8] = [
    Program {
        name: "flags-runtime",
        dependencies: &[r#"flags-runtime = { path = "ROOT/flags-runtime" }"#],
        source: include_str!("with/flags.rs"),
    },
    Program {
        name: "flags-runtime, `redis`",
        dependencies: &[r#"flags-runtime = { path = "ROOT/flags-runtime", features = ["redis"] }"#],
        source: include_str!("with/flags_redis.rs"),
    },
    Program {
        name: "flags-runtime, `redis-tls`",
        dependencies: &[r#"flags-runtime = { path = "ROOT/flags-runtime", features = ["redis-tls"] }"#],
        source: include_str!("with/flags_redis.rs"),
    },
    Program {
        name: "flags-runtime, `openfeature`",
        dependencies: &[
            r#"flags-runtime = { path = "ROOT/flags-runtime", features = ["openfeature"] }"#,
            r#"open-feature = "0.3""#,
        ],
        source: include_str!("with/flags_openfeature.rs"),
    },
    Program {
        name: "flags-runtime, `launchdarkly`",
        dependencies: &[r#"flags-runtime = { path = "ROOT/flags-runtime", features = ["launchdarkly"] }"#],
        source: include_str!("with/flags_launchdarkly.rs"),
    },
    Program {
        name: "LaunchDarkly's SDK 3.2",
        dependencies: &[
            r#"launchdarkly-server-sdk = "~3.2.0""#,
            r#"launchdarkly-server-sdk-evaluation = "=2.2.1""#,
            TOKIO,
        ],
        source: include_str!("with/launchdarkly.rs"),
    },
    Program {
        name: "Unleash's client 0.17",
        dependencies: &[r#"unleash-api-client = { version = "0.17", features = ["reqwest-client"] }"#, SERDE, TOKIO],
        source: include_str!("with/unleash.rs"),
    },
    Program {
        name: "OpenFeature's SDK 0.3",
        dependencies: &[r#"open-feature = "0.3""#, TOKIO],
        source: include_str!("with/openfeature.rs"),
    },
];

/// What the others' own examples start them with.
const TOKIO: &str = r#"tokio = { version = "1", features = ["macros", "rt"] }"#;
/// For the derive of its keys.
const SERDE: &str = r#"serde = { version = "1", features = ["derive"] }"#;

fn main() {
    let settings = Settings::from_args_without_time();
    let mut table = Table::new(&["program", "crates", "CPU time of a first build", "more bytes, stripped"]);
    let floor = Built::of(&HELLO, &settings);
    floor.row(HELLO.name, None, &mut table);
    // The others take minutes.
    let programs = if settings.is_test { &PROGRAMS[..1] } else { &PROGRAMS[..] };
    for program in programs {
        Built::of(program, &settings).row(program.name, Some(&floor), &mut table);
    }
    table.publish_columns("README.md", "programs", &settings);
}

struct Built {
    crates: usize,
    used: Duration,
    bytes: u64,
}

impl Built {
    fn of(program: &Program, settings: &Settings) -> Self {
        let crate_folder = write(program);
        let target = crate_folder.join("target");
        let _ = fs::remove_dir_all(&target);
        let before = children();
        if !settings.is_test {
            cargo(&crate_folder, &["build", "--jobs", "2"]);
        }
        let used = children().saturating_sub(before);
        // Only its size is of interest, and hello's.
        cargo(&crate_folder, &["build", "--release"]);
        let bytes = fs::metadata(target.join("release/program")).unwrap().len();
        let tree = cargo(&crate_folder, &["tree", "--edges", "normal,build", "--prefix", "none"]);
        let crates: BTreeSet<_> = tree.lines().map(|line| line.split(" (").next().unwrap_or(line)).collect();
        Self { crates: crates.len() - 1, used, bytes }
    }

    fn row(&self, name: &str, floor: Option<&Self>, table: &mut Table) {
        let used = format!("{:.0} s", self.used.as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let more = floor.map(|floor| format!("{:.2} MB", (self.bytes - floor.bytes) as f64 / 1e6));
        let cells = [self.crates.to_string(), used, more.unwrap_or_default()];
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
}

/// Puts a program into a crate of its own.
fn write(program: &Program) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder: String = program.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let crate_folder = root.join("target/programs").join(folder);
    fs::create_dir_all(crate_folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n{}\n\n\
         [profile.release]\nstrip = true\n\n[workspace]\n",
        program.dependencies.join("\n").replace("ROOT", root.to_str().unwrap())
    );
    fs::write(crate_folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("benches/peers/Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
    fs::write(crate_folder.join("src/main.rs"), program.source).unwrap();
    crate_folder
}

/// Runs cargo in a crate; what it says.
fn cargo(crate_folder: &Path, words: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(words)
        .arg("--quiet")
        .current_dir(crate_folder)
        .env("CARGO_TARGET_DIR", crate_folder.join("target"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {words:?} in {}: {errors}", crate_folder.display());
    String::from_utf8(output.stdout).unwrap()
}

/// CPU time of all processes that were waited for, and of those that they waited for.
fn children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    // Behind the name, which may hold anything: fields 3 and up; 16 and 17 are these, in hundredths of a second.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let hundredths: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(hundredths * 10)
}
