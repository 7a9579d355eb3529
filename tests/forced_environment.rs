//! `FLAGS_FORCE`: forced flags for a whole test run, in test builds alone. The variable is process-wide, so each case is this
//! binary, started again.

use std::env;
use std::fs;
use std::process::Command;

use flags_runtime::source::MemorySource;
use flags_runtime::{Flag, FlagValue, Json, builder, feature_flag, flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantB,
}

#[feature_flag(name = "env_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "env_mail", default = true, expires = "2099-01-01")]
static MAIL: Flag<bool>;
#[feature_flag(name = "env_size", key = "Env Size", default = 20, expires = "2099-01-01")]
static SIZE: Flag<u8>;
#[feature_flag(name = "env_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
/// Asks a flag while it is read.
#[derive(Debug)]
struct Limit(u8);

impl<'de> serde::Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u8::deserialize(deserializer)?;
        if flag!(CART) && limit > 5 { Err(serde::de::Error::custom("too large")) } else { Ok(Self(limit)) }
    }
}

#[feature_flag(name = "env_limit", default = Limit(1), expires = "2099-01-01")]
static LIMIT: Flag<Json<Limit>>;
#[feature_flag(name = "env_title", default = "declared", expires = "2099-01-01")]
static TITLE: Flag<String>;

fn read() -> String {
    let limit = flag!(LIMIT).0;
    let limit = if limit == 1 { String::new() } else { format!(" {limit}") };
    format!("{} {} {} {:?} {}{limit}", flag!(CART), flag!(MAIL), flag!(SIZE), flag!(PRICING), flag!(TITLE))
}

/// Does nothing unless it is started by one of the others.
#[test]
fn child() {
    let Ok(expected) = env::var("TEST_EXPECTED") else { return };
    if env::var_os("TEST_STARTED").is_some() {
        let source = MemorySource::new();
        let writer = source.writer();
        writer.set("env_cart", r#"{"enabled":false}"#);
        writer.set("env_mail", r#"{"enabled":false}"#);
        let guard = builder().source(source).start().unwrap();
        guard.wait_ready(std::time::Duration::from_secs(10)).unwrap();
        assert_eq!(read(), expected);
        return;
    }
    assert_eq!(read(), expected);
    // Everybody in the process sees it, and scopes stand above it.
    assert_eq!(std::thread::spawn(read).join().unwrap(), expected);
    let scope = SIZE.force(99);
    assert_eq!(flag!(SIZE), 99);
    drop(scope);
    assert_eq!(read(), expected);
}

fn run(program: &std::path::Path, force: &str, expected: &str, more: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(["--exact", "child", "--nocapture"]).env("FLAGS_FORCE", force).env("TEST_EXPECTED", expected);
    command.env("RUST_BACKTRACE", "0").envs(more.iter().copied());
    // A file that was just written is busy while another thread's child has it open.
    let output = loop {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.unwrap(),
        }
    };
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
    )
}

#[track_caller]
fn assert_reads(force: &str, expected: &str, more: &[(&str, &str)]) {
    let (is_good, said) = run(&env::current_exe().unwrap(), force, expected, more);
    assert!(is_good, "{said}");
}

#[test]
fn flags_are_forced_by_name_or_key_as_json_or_plain_words() {
    let defaults = "false true 20 Control declared";
    assert_reads("", defaults, &[]);
    assert_reads("env_cart=true", "true true 20 Control declared", &[]);
    let all = r#"env_cart=true, Env Size=7, env_pricing=variant_b, env_title="a, b""#;
    assert_reads(all, "true true 7 VariantB a, b", &[]);
    assert_reads("env_title=true", "false true 20 Control true", &[]);
    assert_reads("all-on,env_size=1", "true true 1 Control declared", &[]);
    assert_reads("all-off,env_cart=true", "true false 20 Control declared", &[]);
    assert_reads("env_cart=true,all-off", "true false 20 Control declared", &[]);
    assert_reads("env_title=5\" pipe,env_size=1", "false true 1 Control 5\" pipe", &[]);
    assert_reads("env_limit=3", "false true 20 Control declared 3", &[]);
    // A workspace has many test binaries, and each has flags of its own.
    for elsewhere in ["some_other_binary_has_this", "new_cart", "old_cart", "my_mail", "env_cart2"] {
        assert_reads(&format!("{elsewhere}=true"), defaults, &[]);
    }
    // Who has looked at all of them is believed.
    assert_reads("env_crat=true", defaults, &[("FLAGS_FORCE_CHECKED", "1")]);
}

#[test]
fn they_stand_above_a_source_that_is_started() {
    assert_reads("env_cart=true", "true false 20 Control declared", &[("TEST_STARTED", "1")]);
}

#[test]
fn what_cannot_be_meant_fails_at_the_first_read() {
    for (force, expected) in [
        (
            "env_crat=true",
            "FLAGS_FORCE cannot be obeyed: this program has no flag `env_crat`: did you mean `env_cart`?",
        ),
        ("env_cart=yes", "`yes` is no value of `env_cart`: write `true` or `false`"),
        ("env_size=300", "`300` is no value of `env_size`: it is not a whole number from 0 to 255"),
        ("env_pricing=variant_c", "`variant_c` is no value of `env_pricing`"),
        ("env_cart", "`env_cart` is given no value: write `env_cart=true`"),
    ] {
        let (is_good, said) = run(&env::current_exe().unwrap(), force, "", &[]);
        assert!(!is_good && said.contains(expected), "{force}: {said}");
    }
}

/// A release binary of a workspace in which some crate switches the feature on is no test build.
#[test]
fn a_program_that_is_no_test_build_does_not_obey() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("service");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let (is_good, said) = run(&program, "env_cart=true,env_size=300", "false true 20 Control declared", &[]);
    assert!(is_good, "{said}");
}

#[test]
fn coverage_has_each_side_that_was_seen_and_every_flag_that_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let coverage = folder.path().join("coverage");
    let variable = [("FLAGS_COVERAGE", coverage.to_str().unwrap())];
    assert_reads("", "false true 20 Control declared", &variable);
    assert_reads("env_pricing=variant_b", "false true 20 VariantB declared", &variable);
    let lines = || {
        let files = fs::read_dir(&coverage).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
        let text = files.collect::<Vec<_>>().concat();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let seen = |flag: &str| {
        let of_flag = lines().into_iter().filter(|line| line["flag"] == flag);
        of_flag.filter_map(|line| line["variant"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(fs::read_dir(&coverage).unwrap().count(), 2, "one for each process");
    // Once for each process, however often it was read.
    assert_eq!((seen("env_cart"), seen("env_mail")), (vec!["off".to_owned(); 2], vec!["on".to_owned(); 2]));
    let mut pricing = seen("env_pricing");
    pricing.sort();
    assert_eq!(pricing, ["control", "variant_b"]);
    let declared: Vec<_> =
        lines().into_iter().filter(|line| line["flag"] == "env_cart" && line["variants"].is_array()).collect();
    assert_eq!(
        (&declared[0]["variants"], &declared[0]["file"]),
        (&serde_json::json!(["off", "on"]), &"tests/forced_environment.rs".into())
    );
    // What is no test build leaves nothing, and what cannot be written is said.
    let program = folder.path().join("service");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let (is_good, said) = run(&program, "", "false true 20 Control declared", &variable);
    assert!(is_good, "{said}");
    assert_eq!(fs::read_dir(&coverage).unwrap().count(), 2);
    let (is_good, said) = run(&env::current_exe().unwrap(), "", "", &[("FLAGS_COVERAGE", program.to_str().unwrap())]);
    assert!(!is_good && said.contains("FLAGS_COVERAGE: ") && said.contains("cannot be written"), "{said}");
}
