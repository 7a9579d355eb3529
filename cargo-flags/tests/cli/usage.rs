//! Words and exit codes: what is understood, and what is a usage error.

use crate::support::{cargo_flags, run};

#[test]
fn cargo_and_the_plain_program_take_the_same_words() {
    let plain = run(cargo_flags().args(["eval", "--jsonl"])).done();
    let through_cargo = run(cargo_flags().args(["flags", "eval", "--jsonl"])).done();
    assert_eq!(plain, through_cargo);
    let help = run(cargo_flags().args(["flags", "--help"])).done();
    assert_eq!(help, run(cargo_flags().arg("--help")).done());
    for verb in ["list", "refs", "dump", "eval", "get", "set", "on", "off", "rollout", "audit", "explain", "new"] {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}: {help}");
        let own = run(cargo_flags().args([verb, "--help"])).done();
        assert!(own.contains(&format!("Usage: cargo flags {verb}")), "{own}");
    }
    assert!(run(cargo_flags().arg("--version")).done().starts_with("cargo-flags "));
}

#[test]
fn usage_errors_are_exit_code_2_and_are_said_on_stderr() {
    for words in [
        &["no-such-verb"][..],
        &["eval"],
        &["eval", "--jsonl", "file"],
        &["list", "--format", "xml"],
        &["list", "-p", "a", "--workspace"],
        &["list", "--workspace", "--artifact", "a"],
        &["refs"],
        &["dump", "--format", "sarif"],
        &["audit", "--format", "xml"],
        &["audit", "--deny", "old,odd"],
        &["audit", "--only", "old", "--skip", "old"],
        &["audit", "--as-of", "tomorrow"],
        &["audit", "--old", "1y"],
        &["audit", "--redis", "redis://127.0.0.1:1", "--snapshot", "x"],
        &["audit", "--update-baseline"],
        &["audit", "--fleet", "--artifact", "x"],
        &["explain"],
        &["explain", "x", "--attr", "plan"],
        &["explain", "x", "--file", "f", "--redis", "redis://127.0.0.1:1"],
        &["new"],
        &["new", "x", "--expires", "2027-01-01", "--reason", "y"],
        &["get"],
        &["get", "x", "--format", "csv"],
        &["set", "x"],
        &["set", "x", "1", "--document", "{}"],
        &["on"],
        &["off", "x", "y"],
        &["rollout", "x"],
    ] {
        let error = run(cargo_flags().args(words)).failed(2);
        assert!(error.contains("try '--help'"), "{words:?}: {error}");
    }
    let said = run(&mut cargo_flags());
    assert_eq!((said.code, &*said.stdout), (Some(2), ""));
}

#[test]
fn bad_values_are_refused_before_any_server_is_asked() {
    // Nobody listens there: had the command asked, it would say so.
    let server = ["--redis", "redis://127.0.0.1:1"];
    for (words, expected) in [
        (&["rollout", "x", "101"][..], "not between 0 and 100"),
        (&["rollout", "x", "-1"], "not between 0 and 100"),
        (&["rollout", "x", "NaN"], "not between 0 and 100"),
        (&["rollout", "x", "ten"], "`ten` is not a percentage"),
        (&["rollout", "x", ""], "`` is not a percentage"),
        (&["set", "x", "variant_a"], "a string needs quotes of its own"),
        (&["set", "x", "{"], "is not JSON"),
        (&["set", "x", "--document", "[]"], "the given document is refused"),
        (&["set", "x", "--document", r#"{"enabled":1}"#], "`enabled` must be true or false"),
        (
            &["set", "x", "--document", r#"{"enabeld":true}"#],
            "fields that nobody knows: enabeld: did you mean `enabled`?",
        ),
        (&["set", "x", "--document", r#"{"percent":1}"#], "; there are name, enabled, rollout_percentage, "),
        (&["off", "x", "--prefix", "ff"], "does not end in `:`"),
        (&["get", "x", "--prefix", "f*:"], "reads as a pattern"),
        (&["on", "ff:x"], "`ff:x` is the key: write `x`"),
        (&["off", "ff:x", "--force"], "`ff:x` is the key: write `x`"),
        (&["rollout", "ff:x", "0"], "`ff:x` is the key: write `x`"),
        (&["set", "ff:x", "1"], "`ff:x` is the key: write `x`"),
        (&["get", "shop:x", "--prefix", "shop:"], "`shop:x` is the key: write `x`"),
        (&["off", "ff:"], "`ff:` is what keys begin with"),
    ] {
        let error = run(cargo_flags().args(words).args(server)).failed(2);
        assert!(error.contains(expected), "{words:?}: {error}");
        assert!(!error.contains("cannot connect"), "{words:?}: {error}");
    }
}
