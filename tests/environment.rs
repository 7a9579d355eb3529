//! Starting as the environment says. Each case runs in a process of its own: this test binary, started again.

use std::process::Command;
use std::time::Duration;

use flags_runtime::{Flag, feature_flag, flag, start_from_env};

#[feature_flag(name = "from_env", default = false, expires = "2099-01-01")]
static FROM_ENV: Flag<bool>;

/// Does nothing unless it is started by one of the others.
#[test]
fn child() {
    if std::env::var_os("TEST_CHILD").is_none() {
        return;
    }
    match start_from_env() {
        Ok(guard) => {
            // Who expects an answer waits for it; who expects none does not wait long.
            let patience = std::env::var("TEST_PATIENCE_MS").map_or(300, |patience| patience.parse().unwrap());
            let ready = guard.wait_ready(Duration::from_millis(patience));
            println!("value={} ready={ready:?}\nstatus={}\n{:?}", flag!(FROM_ENV), guard.status(), guard);
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            println!("error={error} cause={cause:?} {error:?}");
        }
    }
}

const PATIENT: (&str, &str) = ("TEST_PATIENCE_MS", "20000");

fn run(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env("TEST_CHILD", "1");
    for name in ["FLAGS_SOURCE", "FLAGS_PREFIX", "FLAGS_REFRESH", "FLAGS_OVERRIDE_FILE", "FLAGS_SERVICE"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn no_source_means_declared_defaults() {
    let said = run(&[]);
    assert!(said.contains("value=false ready=Ok(NoSource)"), "{said}");
    assert!(said.contains("status=1 flag, no source: declared defaults"), "{said}");
}

#[test]
fn a_file_and_an_override_file_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (documents, overrides) = (folder.path().join("flags.json"), folder.path().join("override.json"));
    std::fs::write(&documents, r#"{"from_env":{"enabled":true}}"#).unwrap();
    std::fs::write(&overrides, r#"{"from_env":{"enabled":false}}"#).unwrap();
    let source = format!("file:{}", documents.display());
    let said = run(&[("FLAGS_SOURCE", &source), ("FLAGS_REFRESH", "500ms"), PATIENT]);
    assert!(said.contains("value=true ready=Ok(Live)"), "{said}");
    let said = run(&[("FLAGS_SOURCE", &source), ("FLAGS_OVERRIDE_FILE", overrides.to_str().unwrap()), PATIENT]);
    assert!(said.contains("value=false ready=Ok(Live)") && said.contains("overridden from_env"), "{said}");
}

#[test]
fn a_misspelt_source_says_what_to_write() {
    for wrong in ["reddis://localhost", "memry", "http://localhost/flags", "file:"] {
        let said = run(&[("FLAGS_SOURCE", wrong)]);
        assert!(said.contains("error=`FLAGS_SOURCE`") && said.contains("write `"), "{wrong}: {said}");
    }
}

#[test]
fn a_wrong_interval_or_prefix_says_what_to_write() {
    for wrong in ["30", "0s", "1h", "often"] {
        let said = run(&[("FLAGS_SOURCE", "memory"), ("FLAGS_REFRESH", wrong)]);
        assert!(said.contains("`FLAGS_REFRESH`") && said.contains("write `30s`"), "{wrong}: {said}");
    }
    for wrong in ["ff", "f*:", ":"] {
        let said = run(&[("FLAGS_SOURCE", "redis://127.0.0.1:1/"), ("FLAGS_PREFIX", wrong)]);
        assert!(said.contains("`FLAGS_PREFIX`"), "{wrong}: {said}");
    }
}

#[test]
fn a_password_never_appears() {
    for url in [
        "redis://ada:hunter2@127.0.0.1:1/",
        "redis://:hunter2@127.0.0.1:1/notadb",
        "redis://ada:hunter2@[bad/",
        "rediss://ada:hunter2@127.0.0.1:1/",
        "redis+sentinel://ada:hunter2@127.0.0.1:1/",
        "reddis://ada:hunter2@127.0.0.1:1/",
        "ada:hunter2@127.0.0.1",
        "redis://ada:127#hunter2@127.0.0.1:1/",
        "redis://127.0.0.1:1/?password=hunter2",
        "hunter2@127.0.0.1",
    ] {
        let said = run(&[("FLAGS_SOURCE", url)]);
        assert!(!said.contains("hunter2"), "{url}: {said}");
        assert!(said.contains("error=") || said.contains("ready=Err"), "{url}: {said}");
    }
}

#[test]
fn a_redis_that_is_down_is_no_reason_not_to_start() {
    for source in ["redis://127.0.0.1:1/", "REDIS://127.0.0.1:1/"] {
        let said = run(&[("FLAGS_SOURCE", source)]);
        assert!(said.contains("value=false ready=Err") && said.contains("127.0.0.1:1"), "{said}");
    }
}
