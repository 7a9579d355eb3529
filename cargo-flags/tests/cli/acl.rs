//! `acl`: each role over a real server does what it is for, and nothing else.

use std::process::Command;

use flags_workspace_tests::redis::RedisServer;

use crate::fixture::fixture;
use crate::support::{cargo_flags, repository, run, run_with};

fn line(words: &[&str]) -> String {
    run(cargo_flags().arg("acl").args(words)).done()
}

/// Gives a server the user of a line as it is printed; its URL.
fn log_in(server: &RedisServer, line: &str) -> String {
    let line = line.trim_end().replace("PASSWORD", "pw");
    let piped = format!("redis-cli -e -p {} <<'END'\n{line}\nEND", server.port());
    let output = Command::new("bash").args(["-ec", &piped]).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"OK"), "{line}: {output:?}");
    server.url_as(line.split(' ').nth(2).unwrap(), "pw")
}

#[test]
fn a_writer_can_use_every_verb_and_nothing_else() {
    let server = RedisServer::start();
    let url = log_in(&server, &line(&["writer"]));
    let program = fixture().program();
    for words in [
        &["on", "new_checkout"][..],
        &["rollout", "new_checkout", "10"],
        &["allow", "new_checkout", "--user", "u"],
        &["deny", "new_checkout", "--user", "u"],
        &["set", "pricing", "\"variant_b\""],
        &["off", "new_checkout"],
        &["rollback", "new_checkout"],
        &["delete", "new_checkout"],
        &["get", "pricing"],
        &["history", "pricing"],
        &["shadow", "pricing"],
        &["fleet", "pricing"],
    ] {
        run(cargo_flags().args(words).args(["--redis", &url]).arg("--artifact").arg(&program)).done();
    }
    let text = run(cargo_flags().args(["export", "--redis", &url])).done();
    assert!(text.contains("variant_b"), "{text}");
    let words = ["import", "-", "--delete-others", "--redis", &url];
    let table = run_with(cargo_flags().args(words), text.replace("variant_b", "control").as_bytes()).done();
    assert!(table.contains("-> \"control\""), "{table}");
    refused(
        &server,
        "flags-writer",
        &[
            &["FLUSHALL"],
            &["KEYS", "*"],
            &["CONFIG", "GET", "*"],
            &["SET", "other", "1"],
            &["GET", "other"],
            &["DEL", "ff-shadow:x"],
        ],
    );
}

#[test]
fn a_reader_reads_and_a_reporter_writes_no_document() {
    let server = RedisServer::start();
    log_in(&server, &line(&["reader"]));
    log_in(&server, &line(&["reporter", "--user", "service"]));
    server.cli(&["SET", "ff:a", "1"]);
    for user in ["flags-reader", "service"] {
        assert_eq!(as_user(&server, user, &["MGET", "ff:a"]).unwrap(), "1");
        refused(
            &server,
            user,
            &[&["SET", "ff:a", "1"], &["DEL", "ff:a"], &["GET", "ff-audit"], &["KEYS", "*"], &["FLUSHALL"]],
        );
    }
    refused(&server, "flags-reader", &[&["SET", "ff-shadow:a:b", "1"]]);
    as_user(&server, "service", &["SET", "ff-shadow:a:b", "1"]).unwrap();
}

#[test]
fn a_writer_of_one_owner_writes_the_flags_of_that_owner_only() {
    let server = RedisServer::start();
    let program = fixture().program().display().to_string();
    let url = log_in(&server, &line(&["writer", "--user", "payments", "--owner", "payments", "--artifact", &program]));
    let words = |verb: &'static str, name: &'static str| {
        run(cargo_flags().args([verb, name, "--redis", &url, "--artifact", &program]))
    };
    words("off", "new_checkout").done();
    let error = words("off", "pricing").failed(2);
    assert!(error.contains("the redis user may not do this"), "{error}");
    words("get", "pricing").done();
    let error = run(cargo_flags().args(["acl", "writer", "--owner", "nobody", "--artifact", &program])).failed(2);
    assert!(error.contains("no flag is owned by `nobody`; owners are: "), "{error}");
    run(cargo_flags().args(["acl", "reader", "--owner", "payments", "--artifact", &program])).failed(2);
}

#[test]
fn the_readme_names_the_rights_of_each_role() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    for role in ["reader", "reporter", "writer"] {
        let line = line(&[role]);
        let rules = line.trim_end().split(">PASSWORD ").nth(1).unwrap();
        assert!(readme.contains(&format!("`{rules}`")), "the README has other rights of a {role} than {rules}");
    }
}

#[test]
fn another_prefix_has_keys_of_its_own_and_spaces_are_no_name() {
    assert!(line(&["reporter", "--prefix", "shop:ff:"]).contains(" %R~shop:ff:* ~shop:ff-shadow:* ~shop:ff-meta:* "));
    run(cargo_flags().args(["acl", "reader", "--user", "two words"])).failed(2);
}

fn as_user(server: &RedisServer, user: &str, words: &[&str]) -> Result<String, String> {
    let output = Command::new("redis-cli")
        .args(["-e", "--no-auth-warning", "-p", &server.port().to_string(), "--user", user, "--pass", "pw"])
        .args(words)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said.trim_end().to_owned()) } else { Err(said) }
}

#[track_caller]
fn refused(server: &RedisServer, user: &str, commands: &[&[&str]]) {
    for words in commands {
        let said = as_user(server, user, words).unwrap_err();
        assert!(said.contains("NOPERM"), "{user} {words:?}: {said}");
    }
}
