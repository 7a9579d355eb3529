//! `allow`, `deny`, `delete`, `rollback` and `history` against a real Redis: what is written, and the story that it makes.

use flags_runtime::source::redis::admin::{Admin, AuditNote};
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::support::{at, checked, run};

fn document(server: &RedisServer, key: &str) -> Value {
    serde_json::from_str(&server.cli(&["GET", key])).unwrap_or_default()
}

fn history(server: &RedisServer, words: &[&str]) -> Vec<Value> {
    let said = run(at(server, &["history"]).args(words).args(["--format", "json"]));
    said.json().as_array().unwrap().clone()
}

#[test]
fn allow_and_deny_change_the_lists_and_nothing_else() {
    let server = RedisServer::start();
    let words = ["allow", "new_checkout", "--user", "u1", "ü 2", "--group", "beta"];
    checked(&server, &words).done();
    let expected = json!({
        "name": "new_checkout", "enabled": true, "rollout_percentage": 0, "allowed_users": ["u1", "ü 2"],
        "allowed_groups": ["beta"], "value": null
    });
    assert_eq!(document(&server, "ff:new_checkout"), expected, "a new document is for them and nobody else");
    let said = checked(&server, &["allow", "new_checkout", "--user", "u1", "u3"]);
    assert!(said.stderr.contains("`u1` was on the list already"), "{said:?}");
    assert_eq!(document(&server, "ff:new_checkout")["allowed_users"], json!(["u1", "ü 2", "u3"]));
    checked(&server, &["rollout", "new_checkout", "33.30"]).done();
    let said = checked(&server, &["deny", "new_checkout", "--user", "u1", "nobody"]);
    assert!(said.stderr.contains("`nobody` was not on the list"), "{said:?}");
    assert!(said.stderr.contains("may still get it by the percentage (33.3) or a listed group"), "{said:?}");
    assert_eq!(document(&server, "ff:new_checkout")["allowed_users"], json!(["ü 2", "u3"]));
    assert_eq!(document(&server, "ff:new_checkout")["rollout_percentage"], json!(33.3));
    checked(&server, &["off", "new_checkout"]).done();
    let said = checked(&server, &["allow", "new_checkout", "--group", "staff"]);
    assert!(said.stderr.contains("stays off for everybody"), "{said:?}");
    let error = checked(&server, &["deny", "pricing", "--user", "u1"]).failed(2);
    assert!(error.contains("nobody is on its lists"), "{error}");
    assert_eq!(server.cli(&["EXISTS", "ff:pricing"]), "0");
    checked(&server, &["allow", "new_checkout"]).failed(2);
    let error = checked(&server, &["allow", "new_chekcout", "--user", "u"]).failed(2);
    assert!(error.contains("new_checkout"), "{error}");
}

#[test]
fn a_document_that_was_to_expire_still_does() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:new_checkout", r#"{"name":"new_checkout","enabled":true}"#, "EX", "1000"]);
    checked(&server, &["off", "new_checkout"]).done();
    assert!(server.cli(&["TTL", "ff:new_checkout"]).parse::<i64>().unwrap() > 900);
}

#[test]
fn delete_and_rollback_are_audited_and_undo_each_other() {
    let server = RedisServer::start();
    checked(&server, &["rollout", "new_checkout", "12.50", "--why", "a start"]).done();
    let before = server.cli(&["GET", "ff:new_checkout"]);
    let answer = checked(&server, &["delete", "new_checkout"]).done();
    assert!(answer.contains("none: the flag has its declared default"), "{answer}");
    assert_eq!(server.cli(&["EXISTS", "ff:new_checkout"]), "0");
    let error = checked(&server, &["delete", "new_checkout"]).failed(2);
    assert!(error.contains("has its declared default already"), "{error}");
    checked(&server, &["rollback", "new_checkout"]).done();
    assert_eq!(server.cli(&["GET", "ff:new_checkout"]), before);
    checked(&server, &["rollback", "new_checkout"]).done();
    assert_eq!(server.cli(&["EXISTS", "ff:new_checkout"]), "0");
    let entries = history(&server, &["new_checkout"]);
    let whys: Vec<_> = entries.iter().map(|entry| entry["why"].as_str().unwrap().to_owned()).collect();
    assert_eq!(whys[0], "a start");
    assert_eq!(whys[2], format!("rollback to before {}", entries[1]["id"].as_str().unwrap()));
    // As an entry left it, whatever came since.
    let first = entries[0]["id"].as_str().unwrap();
    checked(&server, &["rollback", "new_checkout", "--to", first, "--why", "it was better"]).done();
    assert_eq!(server.cli(&["GET", "ff:new_checkout"]), before);
    assert_eq!(history(&server, &["new_checkout"]).last().unwrap()["why"], "it was better");
    // Going back from the first write removes what it made.
    checked(&server, &["off", "pricing"]).done();
    checked(&server, &["rollback", "pricing"]).done();
    assert_eq!(server.cli(&["EXISTS", "ff:pricing"]), "0");
    for (words, part) in [
        (&["rollback", "page_size"][..], "no entry of `Page Size`"),
        (&["rollback", "new_checkout", "--to", "1-1"], "no entry `1-1`"),
    ] {
        let error = checked(&server, words).failed(2);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_was_written_past_the_trail_is_told_and_not_rolled_over() {
    let server = RedisServer::start();
    checked(&server, &["on", "new_checkout", "--by", "ada", "--why", "launch"]).done();
    checked(&server, &["rollout", "new_checkout", "25", "--by", "bob"]).done();
    server.cli(&["SET", "ff:new_checkout", r#"{"name":"new_checkout","enabled":false}"#]);
    let error = checked(&server, &["rollback", "new_checkout"]).failed(2);
    assert!(error.contains("changed outside the trail"), "{error}");
    checked(&server, &["on", "new_checkout", "--by", "eve"]).done();
    server.cli(&["SET", "ff:new_checkout", r#"{"name":"new_checkout","enabled":true,"rollout_percentage":5}"#]);

    let story = run(&mut at(&server, &["history", "new_checkout"])).done();
    let lines: Vec<_> = story.lines().skip(1).collect();
    for (line, words) in lines.iter().zip([
        &["created: on", "ada", "launch"][..],
        &["rollout 100 % -> 25 %", "bob"],
        &["changed outside the trail before the next line"],
        &["on (was off)", "eve"],
        &["changed outside the trail since: rollout 100 % -> 5 %"],
    ]) {
        assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    }
    assert_eq!(lines.len(), 5, "{story}");
    let entries = history(&server, &["new_checkout"]);
    let gaps: Vec<_> = entries.iter().map(|entry| entry["gap_before"].as_bool()).collect();
    assert_eq!(gaps, [Some(false), Some(false), Some(true), None]);
    assert_eq!(entries[3]["changed_outside"], json!(true));
    // The beginning of what is shown is no gap.
    let last = history(&server, &["new_checkout", "--limit", "2"]);
    assert_eq!((last.len(), &last[0]["by"], &last[0]["gap_before"]), (3, &json!("bob"), &json!(false)));
    let all = history(&server, &[]);
    assert_eq!(all.len(), 4);
    // `force` goes back from what is there to before the last entry.
    checked(&server, &["rollback", "new_checkout", "--force"]).done();
    assert_eq!(document(&server, "ff:new_checkout")["enabled"], json!(false));
}

#[test]
fn a_key_that_became_a_list_is_named_and_keeps_back_no_story() {
    let server = RedisServer::start();
    checked(&server, &["on", "new_checkout"]).done();
    checked(&server, &["off", "pricing"]).done();
    server.cli(&["DEL", "ff:new_checkout"]);
    server.cli(&["RPUSH", "ff:new_checkout", "1"]);
    let said = run(at(&server, &["history"]).args(["--format", "json"]));
    assert!(said.stderr.contains("`ff:new_checkout` holds another type"), "{said:?}");
    assert_eq!(said.json().as_array().unwrap().len(), 2);
}

#[test]
fn a_write_while_history_reads_is_not_told_as_one_past_the_trail() {
    let server = RedisServer::start();
    let url = server.url();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        let mut admin = Admin::connect(&url, "ff:").unwrap();
        admin.enable("f", &AuditNote::new("ada")).unwrap();
        scope.spawn(|| {
            let mut admin = Admin::connect(&url, "ff:").unwrap();
            for percent in (0..=100).cycle().take_while(|_| !is_over.load(ordering)) {
                admin.rollout("f", f64::from(percent), &AuditNote::new("bob")).unwrap();
            }
        });
        let told: Vec<_> = (0..20).map(|_| history(&server, &["f", "--limit", "5"])).collect();
        is_over.store(true, ordering);
        let is_false = |story: &Vec<Value>| story.iter().any(|line| line["changed_outside"] == json!(true));
        let count = told.iter().filter(|story| is_false(story)).count();
        assert_eq!(count, 0, "of {}", told.len());
    });
}

#[test]
fn history_of_nothing_says_so_and_of_a_name_that_nobody_knows_is_an_error() {
    let server = RedisServer::start();
    let said = run(&mut at(&server, &["history"]));
    assert!(said.stderr.contains("the trail has no entry"), "{said:?}");
    assert_eq!(said.done(), "");
    checked(&server, &["history", "new_chekcout"]).failed(2);
    let error = checked(&server, &["history", "new_checkout", "--limit", "0"]).failed(2);
    assert!(error.contains("a whole number above 0"), "{error}");
    let csv = {
        checked(&server, &["off", "new_checkout"]).done();
        run(&mut at(&server, &["history", "--format", "csv"])).done()
    };
    assert!(csv.starts_with("at,key,what,by,why,via,id\n") && csv.contains(",ff:new_checkout,created: off,"), "{csv}");
}
