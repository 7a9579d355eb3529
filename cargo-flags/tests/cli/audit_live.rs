//! `audit --redis` and `--snapshot`: declarations beside documents, their history, and what processes tell; a real server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flags_runtime::source::redis::admin::StoredDocument;
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::audit::findings;
use crate::fixture::fixture;
use crate::fleet::fleet;
use crate::made::{artifact, flag, site};
use crate::support::{Said, at, cargo_flags, run};

const DAY: u64 = 24 * 60 * 60;
const WHY: &str = "the user may not read what processes tell";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The day so many days ago.
fn day(days: u64) -> String {
    let seconds = i64::try_from(now() - days * DAY).unwrap();
    jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// An artifact with flags that have nothing else to be found.
fn made(folder: &Path, flags: &[(&str, Value)]) -> PathBuf {
    let records = flags.iter().flat_map(|(name, fields)| [flag(name, "shop", fields.clone()), site(name, "shop", 1)]);
    artifact(folder, "made", &records.collect::<Vec<_>>())
}

fn audit(server: &RedisServer, file: &Path, words: &[&str]) -> Said {
    run(at(server, &["audit", "--skip", "old,no-owner,expired"]).args(words).arg("--artifact").arg(file))
}

fn audited(server: &RedisServer, file: &Path) -> Value {
    audit(server, file, &["--format", "json"]).json()
}

fn set(server: &RedisServer, key: &str, document: &str) {
    server.cli(&["SET", &format!("ff:{key}"), document]);
}

fn finding<'a>(audit: &'a Value, line: &str) -> &'a Value {
    let at = findings(audit).iter().position(|found| found == line);
    &audit["findings"][at.unwrap_or_else(|| panic!("no {line}: {audit:#}"))]
}

fn message(audit: &Value, line: &str) -> String {
    finding(audit, line)["message"].as_str().unwrap().to_owned()
}

/// Notes that a process went by a document so many days ago.
fn observe(server: &RedisServer, key: &str, document: &str, days: u64) {
    let member = format!("{}:{key}", StoredDocument::from(document).short_sha());
    server.cli(&["ZADD", "ff-meta:since", &(now() - days * DAY).to_string(), &member]);
}

/// An entry of the trail, so many days old.
fn entry(server: &RedisServer, key: &str, old: &str, new: &str, days: u64) {
    let at = jiff::Timestamp::from_second(i64::try_from(now() - days * DAY).unwrap()).unwrap();
    let (at, key) = (format!("{at:.3}"), format!("ff:{key}"));
    let words =
        ["XADD", "ff-audit", "*", "at", &at, "by", "ada", "acl_user", "default", "via", "test", "why", "", "key", &key];
    let sha = |text: &str| match text {
        "" => String::new(),
        text => server.cli(&["EVAL", "return redis.sha1hex(ARGV[1])", "0", text]),
    };
    let (before, after) = (sha(old), sha(new));
    server.cli(&[&words[..], &["old", old, "new", new, "sha_before", &before, "sha_after", &after]].concat());
}

/// A build with these flags that began and was last heard of so many days ago.
fn build(server: &RedisServer, id: &str, flags: &[Value], first: u64, last: u64) {
    let document = json!({"v": 1, "build": id, "service": format!("service-{id}"), "at": (now() - first * DAY) * 1000, "runtime": "0.1.0", "flags": flags});
    server.cli(&["SET", &format!("ff-meta:build:{id}"), &document.to_string()]);
    server.cli(&["ZADD", "ff-meta:builds", &(now() - last * DAY).to_string(), id]);
}

/// A process that tells this of its flags.
fn process(server: &RedisServer, pid: u32, flags: &Value) {
    let (instance, now) = (format!("process{pid}"), now() * 1000);
    let document = json!({"v": 1, "instance": instance, "service": "web", "host": "h", "pid": pid, "build": "b", "started": now,
        "at": now, "state": "live", "flags": flags});
    server.cli(&["SET", &format!("ff-meta:instance:{instance}"), &document.to_string()]);
    server.cli(&["ZADD", "ff-meta:instances", &(now / 1000).to_string(), &instance]);
}

#[test]
fn documents_are_held_against_declarations() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(
        folder.path(),
        &[
            ("broken", json!({})),
            ("misfit", json!({"type": "u8", "default": 7, "key": "Mis Fit"})),
            ("missing", json!({"default": true})),
            ("nameless", json!({})),
            ("half", json!({})),
        ],
    );
    set(&server, "broken", "{");
    set(&server, "Mis Fit", r#"{"name":"Mis Fit","enabled":true,"rollout_percentage":50,"value":"x"}"#);
    set(&server, "nameless", r#"{"enabled":true,"rollout_percentage":null,"surprise":1,"allowed_users":["u"]}"#);
    set(&server, "half", r#"{"name":"half","enabled":true,"rollout_percentage":50}"#);
    set(&server, "of_python", r#"{"name":"of_python","enabled":true}"#);
    set(&server, "of_a_build", r#"{"name":"of_a_build","enabled":true}"#);
    build(&server, "b1", &[flag("of_a_build", "api", json!({}))], 3, 0);
    let json = audited(&server, &file);
    assert_eq!(
        findings(&json),
        [
            "drift broken",
            "drift misfit",
            "unshareable nameless",
            "fully-rolled-out nameless",
            "undeclared of_python",
            "undocumented missing"
        ]
    );
    assert_eq!(json["server"], format!("127.0.0.1:{}", server.port()));
    assert!(message(&json, "drift broken").starts_with("every reader refuses the document: "), "{json}");
    assert_eq!(finding(&json, "drift misfit")["key"], "Mis Fit");
    assert!(message(&json, "drift misfit").contains("does not fit `misfit`, which is `u8`"), "{json}");
    let nameless = message(&json, "unshareable nameless");
    for words in ["has no `name`", "fields that no engine knows (surprise)", "`rollout_percentage` is null"] {
        assert!(nameless.contains(words), "{nameless}");
    }
    assert_eq!(message(&json, "undocumented missing"), "has no document: everybody gets the declared default, true");
    let undeclared = finding(&json, "undeclared of_python");
    assert_eq!(
        (&undeclared["package"], &undeclared["declared"], &undeclared["owner"]),
        (&Value::Null, &json!([]), &Value::Null)
    );
    assert_eq!(undeclared["fix"], "`cargo flags delete of_python`, unless services in other languages read it");
    // And the fix works as it is printed, whatever the key is.
    run(&mut at(&server, &["delete", "of_python"])).done();
    set(&server, "it's\nodd", r#"{"enabled":true}"#);
    let odd = audited(&server, &file);
    assert_eq!(
        finding(&odd, "undeclared it's\nodd")["fix"],
        "`cargo flags delete 'it'\\''s\nodd'`, unless services in other languages read it"
    );
    server.cli(&["DEL", "ff:it's\nodd"]);
    assert!(!findings(&audited(&server, &file)).contains(&"undeclared of_python".to_owned()));
}

#[test]
fn fully_rolled_out_says_since_when_and_how_well_that_is_known() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let flags = ["exact", "grown", "seen", "gap", "unknown", "fresh", "boundary", "some", "nobody", "partly"];
    let mut flags: Vec<_> = flags.iter().map(|name| (*name, json!({}))).collect();
    flags.push(("kill", json!({"kind": "ops", "expires": null, "never": "for bad days"})));
    let file = made(folder.path(), &flags);
    let document = |name: &str, rest: &str| format!(r#"{{"name":"{name}"{rest}}}"#);
    let on = |name: &str| document(name, r#","enabled":true"#);
    for name in ["exact", "seen", "gap", "unknown", "fresh", "boundary", "kill"] {
        set(&server, name, &on(name));
    }
    entry(&server, "exact", &document("exact", r#","enabled":true,"rollout_percentage":50"#), &on("exact"), 40);
    // On for everybody since 40 days, whatever was written since.
    let grown = document("grown", r#","enabled":true,"value":1"#);
    set(&server, "grown", &grown);
    entry(&server, "grown", "", &on("grown"), 40);
    entry(&server, "grown", &on("grown"), &grown, 2);
    observe(&server, "seen", &on("seen"), 30);
    // What the trail says last is not what is there.
    entry(&server, "gap", "", &document("gap", r#","enabled":false"#), 90);
    observe(&server, "gap", &on("gap"), 20);
    observe(&server, "fresh", &on("fresh"), 3);
    observe(&server, "boundary", &on("boundary"), 14);
    set(&server, "some", &document("some", r#","enabled":true,"rollout_percentage":0,"allowed_users":["u"]"#));
    set(&server, "partly", &document("partly", r#","enabled":true,"rollout_percentage":99.9"#));
    let nobody = document("nobody", r#","enabled":true,"rollout_percentage":0"#);
    set(&server, "nobody", &nobody);
    observe(&server, "nobody", &nobody, 15);
    let json = audited(&server, &file);
    let rolled = ["exact", "gap", "grown", "nobody", "seen", "unknown"].map(|name| format!("fully-rolled-out {name}"));
    assert_eq!(findings(&json), rolled);
    let since = |name: &str| finding(&json, &format!("fully-rolled-out {name}"))["since"].clone();
    assert_eq!(since("exact"), json!({"date": day(40), "certainty": "exact"}));
    assert_eq!(since("grown"), json!({"date": day(40), "certainty": "exact"}));
    assert_eq!(since("seen"), json!({"date": day(30), "certainty": "observed"}));
    assert_eq!(since("gap"), json!({"date": day(20), "certainty": "observed"}));
    assert_eq!(since("unknown"), json!({"date": null, "certainty": "unknown"}));
    assert_eq!(message(&json, "fully-rolled-out exact"), format!("on for everybody since {}, 40 days", day(40)));
    assert_eq!(
        message(&json, "fully-rolled-out seen"),
        format!("on for everybody since {} or before, 30 days at least", day(30))
    );
    assert_eq!(
        message(&json, "fully-rolled-out nobody"),
        format!("off for everybody since {} or before, 15 days at least", day(15))
    );
    assert_eq!(message(&json, "fully-rolled-out unknown"), "on for everybody, and nobody knows since when");
    let json = audit(&server, &file, &["--format", "json", "--rolled-out", "2d", "--only", "fully-rolled-out"]);
    assert!(json.code == Some(2), "--skip and --only: {json:?}");
    let json = run(at(&server, &["audit", "--only", "fully-rolled-out", "--rolled-out", "2d", "--format", "json"])
        .arg("--artifact")
        .arg(&file))
    .json();
    assert_eq!(findings(&json).len(), 8, "with boundary and fresh: {json}");
    // A trail whose beginning is gone: at least since its first entry.
    server.cli(&["XTRIM", "ff-audit", "MAXLEN", "2"]);
    let json = audited(&server, &file);
    assert_eq!(finding(&json, "fully-rolled-out exact")["since"]["certainty"], "unknown");
}

#[test]
fn a_trail_that_was_cut_tells_since_when_at_least() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("x", json!({}))]);
    let (old, new) = (r#"{"name":"x","enabled":true}"#, r#"{"name":"x","enabled":true,"value":2}"#);
    set(&server, "x", new);
    entry(&server, "x", old, new, 20);
    let since = |json: &Value| finding(json, "fully-rolled-out x")["since"].clone();
    assert_eq!(since(&audited(&server, &file)), json!({"date": day(20), "certainty": "observed"}));
    // Somebody saw the very document before that: it was there once, and came back.
    observe(&server, "x", new, 25);
    assert_eq!(since(&audited(&server, &file)), json!({"date": day(25), "certainty": "observed"}));
}

#[test]
fn silent_is_who_nobody_evaluates_while_builds_with_it_run() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let names = ["read", "forgotten", "never_read", "new_here", "retired"];
    let file = made(folder.path(), &names.map(|name| (name, json!({}))));
    let records = |names: &[&str]| names.iter().map(|name| flag(name, "shop", json!({}))).collect::<Vec<_>>();
    build(&server, "old", &records(&["read", "forgotten", "never_read", "retired"]), 200, 5);
    build(&server, "new", &records(&["read", "forgotten", "never_read", "new_here"]), 5, 0);
    for (name, days) in [("read", 1), ("forgotten", 31), ("retired", 90)] {
        server.cli(&["ZADD", "ff-meta:seen", &(now() - days * DAY).to_string(), name]);
    }
    let silent = |words: &[&str]| {
        let json = run(at(&server, &["audit", "--only", "silent", "--format", "json"])
            .args(words)
            .arg("--artifact")
            .arg(&file))
        .json();
        (findings(&json), json)
    };
    let (found, json) = silent(&[]);
    assert_eq!(
        found,
        ["silent forgotten", "silent never_read"],
        "the new one was not there long enough, the retired one is gone"
    );
    assert_eq!(message(&json, "silent forgotten"), format!("last evaluated on {}", day(31)));
    assert_eq!(message(&json, "silent never_read"), "not evaluated for 30 days or more, as far as anybody remembers");
    assert_eq!(silent(&["--silent", "60d"]).0, ["silent never_read"]);
    assert_eq!(silent(&["--silent", "4d"]).0, ["silent forgotten", "silent never_read", "silent new_here"]);
    assert_eq!(silent(&["--silent", "300d"]).0, [""; 0], "nobody told so long ago");
}

#[test]
fn what_processes_tell_is_drift_or_a_lost_context() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let names = ["refused", "overridden", "keyless", "fine", "split"];
    let file = made(folder.path(), &names.map(|name| (name, json!({}))));
    for name in names {
        set(&server, name, &json!({"name": name, "enabled": true, "rollout_percentage": 50}).to_string());
    }
    let good = json!({"sha": "1"});
    let refused = StoredDocument::from(server.cli(&["GET", "ff:refused"])).short_sha();
    process(
        &server,
        1,
        &json!({"refused": {"sha": null, "refused": "`value` is no such thing", "refused_sha": refused}, "overridden": {"overridden": true},
        "keyless": {"missing_keys": 7}, "fine": good}),
    );
    process(&server, 2, &json!({"refused": good, "overridden": good, "keyless": {"missing_keys": 3}, "fine": good}));
    build(&server, "b1", &[flag("split", "shop", json!({"type": "u8"})), flag("fine", "shop", json!({}))], 3, 0);
    build(&server, "b2", &[flag("fine", "shop", json!({"type": "string"}))], 9, 8);
    // What a process refused before somebody mended it is over.
    process(&server, 3, &json!({"fine": {"sha": null, "refused": "old", "refused_sha": "0123456789abcdef"}}));
    let json = audited(&server, &file);
    assert_eq!(findings(&json), ["drift overridden", "drift refused", "drift split", "no-context keyless"]);
    assert_eq!(message(&json, "drift refused"), "1 of 2 processes refuse its document (h/1): `value` is no such thing");
    assert_eq!(message(&json, "drift overridden"), "an override file answers in 1 of 2 processes (h/1)");
    assert_eq!(
        message(&json, "drift split"),
        "builds differ about it: shop 1.0.0 has bool, the service service-b1 has u8"
    );
    assert_eq!(message(&json, "no-context keyless"), "10 reads without a targeting key since the start of web");
}

#[test]
fn what_nobody_goes_by_is_drift_and_not_rolled_out() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let number = |key: Value| json!({"type": "u8", "default": 7, "key": key});
    let file =
        made(folder.path(), &[("size", number(Value::Null)), ("fits", number(Value::Null)), ("list", json!({}))]);
    set(&server, "size", r#"{"name":"size","enabled":true,"value":300}"#);
    set(&server, "fits", r#"{"name":"fits","enabled":true,"value":30}"#);
    server.cli(&["LPUSH", "ff:list", "x"]);
    server.cli(&["HSET", "ff:a hash", "x", "y"]);
    build(&server, "b1", &[], 3, 0);
    let json = audited(&server, &file);
    assert_eq!(findings(&json), ["drift list", "drift size", "fully-rolled-out fits", "undeclared a hash"]);
    assert!(
        finding(&json, "drift size")["fix"].as_str().unwrap().ends_with("and write one that fits"),
        "there is no trail"
    );
    assert_eq!(finding(&json, "drift list")["fix"], "delete it or rename it: `redis-cli DEL ff:list`");
    assert_eq!(finding(&json, "undeclared a hash")["fix"], "delete it or rename it: `redis-cli DEL 'ff:a hash'`");
    let fix = finding(&json, "fully-rolled-out fits")["fix"].as_str().unwrap();
    assert!(fix.starts_with("write 30 into the code, remove the flag"), "{fix}");
    let table = audit(&server, &file, &[]).done();
    assert!(table.contains("4 findings about 3 of 3 flags and 1 document of nobody as of "), "{table}");
}

#[test]
fn one_document_on_which_python_fails_is_told_whoever_has_it() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("mine", json!({}))]);
    set(&server, "mine", r#"{"name":"mine","enabled":true,"rollout_percentage":5}"#);
    set(&server, "nameless", r#"{"enabled":true}"#);
    set(&server, "broken", r#"{"enabled":"#);
    let json = audited(&server, &file);
    assert_eq!(findings(&json), ["unshareable broken", "unshareable nameless"]);
    assert!(message(&json, "unshareable broken").contains("Python services load no other flag either"), "{json}");
}

#[test]
fn where_no_build_reports_no_document_is_called_nobodys() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("mine", json!({}))]);
    set(&server, "of_another_service", r#"{"name":"of_another_service","enabled":true}"#);
    let json = audited(&server, &file);
    assert_eq!(findings(&json), ["undocumented mine"]);
    assert!(json["not_asked"]["undeclared"].as_str().unwrap().starts_with("no build reports to the server"), "{json}");
    let error = audit(&server, &file, &["--deny", "undeclared"]).failed(2);
    assert!(error.contains("--deny undeclared cannot be told: no build reports"), "{error}");
    let said = run(&mut at(&server, &["audit", "--fleet"]));
    assert!(said.stderr.contains("warning: no build that reports to the server has flags"), "{said:?}");
}

#[test]
fn a_lost_context_is_over_when_everybody_gets_the_same() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("x", json!({}))]);
    process(&server, 1, &json!({"x": {"missing_keys": 7}}));
    let of = |document: &str| {
        set(&server, "x", document);
        findings(&audited(&server, &file))
    };
    assert_eq!(of(r#"{"name":"x","enabled":true,"rollout_percentage":50}"#), ["no-context x"]);
    assert_eq!(of(r#"{"name":"x","enabled":true,"rollout_percentage":0,"allowed_users":["u"]}"#), ["no-context x"]);
    assert_eq!(of(r#"{"name":"x","enabled":true}"#), ["fully-rolled-out x"]);
}

#[test]
fn a_key_writes_no_line_into_a_baseline_but_its_own() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("new_checkout", json!({}))]);
    build(&server, "b1", &[], 3, 0);
    let key = " x\nexpired new_checkout\nexpired other ";
    set(&server, key, r#"{"name":"x","enabled":true}"#);
    let baseline = folder.path().join("debts.txt");
    let words = ["--only", "undeclared", "--baseline", baseline.to_str().unwrap()];
    let audit = |more: &[&str]| run(at(&server, &[&["audit"], &words[..], more].concat()).arg("--artifact").arg(&file));
    audit(&["--update-baseline"]).done();
    let text = fs::read_to_string(&baseline).unwrap();
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
        ["undeclared x expired new_checkout expired other"]
    );
    assert_eq!(audit(&["--deny", "all"]).code, Some(0));
}

#[test]
fn an_old_snapshot_says_how_old_it_is() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("x", json!({}))]);
    let exported = run(&mut at(&server, &["export", "--all"])).json();
    let snapshot = folder.path().join("flags.json");
    let audit = |days: u64| {
        let mut exported = exported.clone();
        exported["at"] = (now() - days * DAY).into();
        fs::write(&snapshot, exported.to_string()).unwrap();
        run(cargo_flags()
            .args(["audit", "--skip", "old", "--format", "json", "--snapshot"])
            .arg(&snapshot)
            .arg("--artifact")
            .arg(&file))
    };
    assert_eq!(audit(0).stderr, "");
    let said = audit(400);
    assert!(said.stderr.contains("warning: the snapshot is 400 days old: what the server tells is of "), "{said:?}");
    assert!(said.json()["server_at"].as_str().unwrap().starts_with(&day(400)));
}

#[test]
fn a_snapshot_tells_the_same_as_its_server() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("on", json!({})), ("broken", json!({})), ("quiet", json!({}))]);
    let on = r#"{"name":"on","enabled":true}"#;
    set(&server, "on", on);
    set(&server, "broken", "{\"\u{fffd}");
    set(&server, "quiet", r#"{"name":"quiet","enabled":true,"rollout_percentage":5}"#);
    entry(&server, "on", "", on, 33);
    observe(&server, "on", on, 32);
    build(&server, "b1", &[flag("quiet", "shop", json!({}))], 90, 0);
    process(&server, 1, &json!({"quiet": {"missing_keys": 3}}));
    let snapshot = folder.path().join("flags.json");
    let exported = run(&mut at(&server, &["export", "--all"])).done();
    assert_eq!(exported.lines().count(), 1);
    fs::write(&snapshot, &exported).unwrap();
    let by_server = audit(&server, &file, &["--format", "json"]).json();
    let offline = |words: &[&str]| {
        let mut command = cargo_flags();
        command.args(["audit", "--skip", "old,no-owner,expired", "--format", "json", "--snapshot"]).arg(&snapshot);
        run(command.args(words).arg("--artifact").arg(&file))
    };
    let without_time = |mut audit: Value| {
        assert!(audit["server_at"].is_string());
        audit["server_at"].take();
        audit
    };
    assert_eq!(without_time(offline(&[]).json()), without_time(by_server.clone()));
    assert_eq!(findings(&by_server), ["drift broken", "no-context quiet", "silent quiet", "fully-rolled-out on"]);

    // The same file brings the documents back, and explains them.
    let error = run(at(&server, &["import", "--dry-run"]).arg(&snapshot)).failed(2);
    assert!(error.contains("the document of `broken` would be refused"), "{error}");
    let explained =
        run(cargo_flags().args(["explain", "on", "--user", "u", "--format", "json", "--file"]).arg(&snapshot)).json();
    assert_eq!(explained["value"], true);

    for (text, words) in [
        ("{\"on\":{\"enabled\":true}}", "is no snapshot of a server (make one by `cargo flags export --all`)"),
        (&exported.replacen("\"v\":1", "\"v\":2", 1), "is of version 2 and this program reads version 1"),
        (&exported[..exported.len() / 2], "is no snapshot of a server"),
        ("", "is no snapshot of a server"),
    ] {
        fs::write(&snapshot, text).unwrap();
        let error = offline(&[]).failed(2);
        assert!(error.contains(words), "{error}");
    }
    fs::remove_file(&snapshot).unwrap();
    assert!(offline(&[]).failed(2).contains("the snapshot"), "it is gone");
}

#[test]
fn an_auditor_needs_no_right_to_write_and_is_told_what_it_may_not_read() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("on", json!({}))]);
    set(&server, "on", r#"{"name":"on","enabled":true}"#);
    entry(&server, "on", "", r#"{"name":"on","enabled":true}"#, 33);
    let user = |name: &str, rules: &str| {
        let words = format!("ACL SETUSER {name} reset on >pw {rules}");
        server.cli(&words.split_whitespace().collect::<Vec<_>>());
        let mut command = cargo_flags();
        command
            .args(["audit", "--format", "json", "--skip", "old", "--redis", &server.url_as(name, "pw"), "--artifact"])
            .arg(&file);
        run(&mut command)
    };
    // As the README has it.
    let all = user(
        "auditor",
        "resetkeys -@all %R~ff:* %R~ff-meta:* %R~ff-audit %R~ff-audit:* +hello +scan +mget +get +zrange +xrevrange",
    );
    assert_eq!(all.stderr, "");
    assert_eq!(finding(&all.json(), "fully-rolled-out on")["since"]["certainty"], "exact");
    let some = user("reader", "resetkeys -@all %R~ff:* +hello +scan +mget +get");
    for what in [
        "the audit trail",
        "since when documents are in force",
        "when flags were evaluated",
        "the builds",
        "the heartbeats",
    ] {
        assert!(some.stderr.contains(&format!("warning: {what} cannot be read: ")), "{some:?}");
    }
    let json = some.json();
    assert_eq!(finding(&json, "fully-rolled-out on")["since"]["certainty"], "unknown");
    assert_eq!(
        json["not_asked"],
        json!({"drift": format!("by documents alone: {WHY}"), "no-context": WHY, "silent": WHY, "undeclared": WHY})
    );
    let nothing = user("nobody", "resetkeys -@all +hello");
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    let error = run(cargo_flags().args(["audit", "--redis", "redis://127.0.0.1:1", "--artifact"]).arg(&file)).failed(2);
    assert!(error.contains("127.0.0.1:1"), "{error}");
    let error = run(cargo_flags().args(["audit", "--redis", "--artifact"]).arg(&file)).failed(2);
    assert!(error.contains("no server is named"), "{error}");
}

#[test]
fn with_a_server_nothing_is_built() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("src")).unwrap();
    fs::write(root.join("Cargo.toml"), "[package]\nname = \"unbuilt\"\nversion = \"0.1.0\"\n[workspace]\n").unwrap();
    fs::write(root.join("src/main.rs"), "fn main() {}\n").unwrap();
    let error = run(at(&server, &["audit"]).current_dir(root)).failed(2);
    assert!(
        error.contains("nothing is built here, and where a server is asked nothing is built")
            && error.contains("--fleet"),
        "{error}"
    );
    assert!(!root.join("target").exists());
    // What the last build left is read.
    run(&mut fixture().command("shop", &["list"])).done();
    let mut command =
        fixture().command("shop", &["audit", "--skip", "old", "--format", "json", "--redis", &server.url()]);
    let json = run(&mut command).json();
    assert_eq!(json["flags"], 3, "{json}");
    assert!(findings(&json).contains(&"undocumented new_checkout".to_owned()), "{json}");
    let error = run(&mut at(&server, &["audit"])).failed(2);
    assert!(error.contains("cargo finds no package here"), "{error}");
    // What would be ignored is an error, and what is old is said to be.
    for words in [&["--features", "x"][..], &["--", "--profile", "dist"]] {
        let mut command = fixture().command("shop", &["audit", "--redis", &server.url()]);
        let error = run(command.args(words)).failed(2);
        assert!(error.contains("options for building would be ignored"), "{error}");
    }
    let mut command = fixture().command("shop-prices", &["audit", "--skip", "old", "--redis", &server.url()]);
    run(&mut fixture().command("shop-prices", &["list"])).done();
    assert!(!run(&mut command).stderr.contains("is older than"));
    let source = fixture().path("shop-prices/src/lib.rs");
    let before = fs::metadata(&source).unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(&source).unwrap();
    file.set_modified(SystemTime::now() + std::time::Duration::from_secs(60)).unwrap();
    let said = run(&mut command);
    file.set_modified(before).unwrap();
    assert!(
        said.stderr.contains("libshop_prices.rlib is older than ")
            && said.stderr.contains("shop-prices/src/lib.rs, so it tells of the past"),
        "{said:?}"
    );
}

#[test]
fn a_fleet_is_audited_without_any_file() {
    let server = RedisServer::start();
    let _fleet = fleet(&server, &["checkout", "search"]);
    build(&server, "gone", &[flag("of_a_build_that_is_gone", "shop", json!({"owner": null}))], 90, 2);
    let json = run(&mut at(&server, &["audit", "--fleet", "--skip", "old", "--format", "json"])).json();
    let found = findings(&json);
    for line in ["undocumented fleet_kill", "undocumented fleet_size", "no-owner fleet_kill"] {
        assert!(found.contains(&line.to_owned()), "{line}: {found:?}");
    }
    assert!(!found.iter().any(|line| line.contains("gone")), "{found:?}");
    assert_eq!(json["not_asked"], json!({"unused": "only files tell who reads a flag"}));
    assert!(
        finding(&json, "undocumented fleet_size")["declared"][0]["file"].as_str().unwrap().ends_with("cli/fleet.rs")
    );
    let error = run(cargo_flags().args(["audit", "--fleet"])).failed(2);
    assert!(error.contains("--fleet takes --redis or --snapshot"), "{error}");

    // Once a process goes by a document, it is known since when.
    let document = r#"{"name":"fleet_kill","enabled":true}"#;
    server.cli(&["SET", "ff:fleet_kill", document]);
    let seen = || {
        let words = ["audit", "--fleet", "--only", "fully-rolled-out", "--rolled-out", "0d", "--format", "json"];
        let json = run(&mut at(&server, &words)).json();
        // Of today: not longer than no day at all.
        json["findings"].as_array().unwrap().is_empty()
    };
    assert!(flags_workspace_tests::eventually(std::time::Duration::from_secs(20), seen));
}
