//! Asking for something whose feature is off is an error that names the feature. Built without features only.
#![cfg(not(any(feature = "file", feature = "redis")))]

use std::process::Command;

use flags_runtime::{builder, start_from_env};

#[test]
fn an_override_file_without_its_feature_is_an_error_that_names_it() {
    let error = builder().override_file("override.json").start().unwrap_err().to_string();
    assert!(error.contains("feature `file`") && error.contains("features = [\"file\"]"), "{error}");
}

/// Does nothing unless it is started by the next one.
#[test]
fn child() {
    if std::env::var_os("TEST_CHILD").is_some() {
        println!("error={}", start_from_env().unwrap_err());
    }
}

#[test]
fn a_source_without_its_feature_is_an_error_that_names_it() {
    for (source, feature) in [
        ("file:flags.json", "file"),
        ("redis://ada:hunter2@localhost/", "redis"),
        ("rediss://ada:hunter2@localhost/", "redis"),
        ("redis+cluster://ada:hunter2@localhost/", "redis"),
        ("unix:/run/redis.sock", "redis"),
    ] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]).env("TEST_CHILD", "1").env("FLAGS_SOURCE", source);
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(said.contains("`FLAGS_SOURCE`") && said.contains(&format!("feature `{feature}`")), "{source}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
