//! `audit`: what the code alone tells, who is asked, and what machines are told; servers are in `audit_live`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::made::{artifact, flag, site};
use crate::support::{Said, cargo_flags, run};

const DAY: &str = "2026-11-01";

/// The audit of an artifact on the day of all tests.
fn audit(file: &Path, words: &[&str]) -> Said {
    let mut command = cargo_flags();
    command.args(["audit", "--as-of", DAY]).args(words).arg("--artifact").arg(file);
    run(&mut command)
}

/// `kind flag` of every finding.
pub(crate) fn findings(audit: &Value) -> Vec<String> {
    let findings = audit["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| format!("{} {}", finding["kind"].as_str().unwrap(), finding["flag"].as_str().unwrap()))
        .collect()
}

fn of_kind(audit: &Value, kind: &str) -> Vec<String> {
    findings(audit).into_iter().filter_map(|line| line.strip_prefix(&format!("{kind} ")).map(str::to_owned)).collect()
}

/// One of everything that the code tells.
fn debts(folder: &Path) -> std::path::PathBuf {
    let records = [
        flag("clean", "shop", json!({})),
        flag("over", "shop", json!({"expires": "2026-10-31", "owner": "payments"})),
        flag("last_day", "shop", json!({"expires": DAY})),
        flag("near", "shop", json!({"expires": "2026-12-01"})),
        flag("far", "shop", json!({"expires": "2026-12-02"})),
        flag("lost", "shop", json!({"owner": null})),
        flag("dial", "shop", json!({"expires": null, "never": "it is a | dial"})),
        flag("kill", "shop", json!({"expires": null, "never": "for bad days", "kind": "ops", "created": "2020-01-01"})),
        flag("unread", "shop", json!({"doc": "Nobody reads it."})),
        flag("aged", "api", json!({"created": "2026-05-04"})),
        flag("young", "api", json!({"created": "2026-05-05"})),
    ];
    let read = ["clean", "over", "over", "last_day", "near", "far", "lost", "dial", "kill", "aged", "young"];
    let sites = (10..).zip(read).map(|(line, name)| site(name, "shop", line));
    artifact(folder, "debts", &records.into_iter().chain(sites).collect::<Vec<_>>())
}

#[test]
fn each_kind_that_the_code_tells_is_found_on_its_day_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let json = audit(&debts(folder.path()), &["--format", "json"]).json();
    let expected = [
        "expired over",
        "unused unread",
        "old aged",
        "expiring last_day",
        "expiring near",
        "no-owner lost",
        "never-expires dial",
    ];
    assert_eq!(findings(&json), expected, "the worst first");
    assert_eq!((&json["as_of"], &json["flags"], &json["call_sites"]), (&json!(DAY), &json!(11), &json!(11)));
    assert_eq!(
        json["kinds"],
        json!({"expired": 1, "unused": 1, "old": 1, "expiring": 2, "no-owner": 1, "never-expires": 1})
    );
    assert_eq!(json["not_asked"].as_object().unwrap().len(), 7, "{json}");
    assert_eq!(
        json["findings"][0],
        json!({
            "kind": "expired", "flag": "over", "key": "over", "owner": "payments", "package": "shop",
            "declared": [{"file": "shop/src/lib.rs", "line": 3, "column": 12}],
            "call_sites": [{"file": "shop/src/main.rs", "line": 11, "column": 8}, {"file": "shop/src/main.rs", "line": 12, "column": 8}],
            "expires": "2026-10-31", "age_days": 31, "message": "expired on 2026-10-31, 1 day ago",
            "fix": "remove the flag and the code behind it, or move its date", "is_known": false, "is_denied": false
        })
    );
}

#[test]
fn another_day_and_other_limits_find_other_things() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let json = |words: &[&str]| {
        run(cargo_flags().arg("audit").args(words).args(["--format", "json", "--artifact"]).arg(&file)).json()
    };
    let next = json(&["--as-of", "2027-01-15", "--only", "expired"]);
    assert_eq!(
        findings(&next),
        ["expired over", "expired last_day", "expired near", "expired far"],
        "overdue for longest first"
    );
    assert_eq!(of_kind(&json(&["--as-of", DAY, "--expiring", "31d"]), "expiring"), ["last_day", "near", "far"]);
    assert_eq!(of_kind(&json(&["--as-of", DAY, "--expiring", "0d"]), "expiring"), ["last_day"]);
    assert_eq!(of_kind(&json(&["--as-of", DAY, "--old", "26w"]), "old"), [""; 0]);
    assert_eq!(of_kind(&json(&["--as-of", DAY, "--old", "179d"]), "old"), ["aged", "young"]);
    let skipped = json(&["--as-of", DAY, "--skip", "old,unused,expiring"]);
    assert_eq!(findings(&skipped), ["expired over", "no-owner lost", "never-expires dial"]);
}

#[test]
fn only_denied_kinds_end_with_1_and_all_is_what_can_be_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    assert_eq!(audit(&file, &[]).code, Some(0));
    let said = audit(&file, &["--deny", "expired,no-owner"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("error: 2 findings are denied: 1 expired, 1 no-owner"), "{said:?}");
    assert!(said.stdout.contains("expired on 2026-10-31"), "the answer is there all the same: {said:?}");
    let said = audit(&file, &["--deny", "all"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("7 findings are denied: 1 expired, 1 unused, 1 old, 2 expiring"), "{said:?}");
    assert_eq!(audit(&file, &["--deny", "expired", "--as-of", DAY]).code, Some(2), "twice the same option");
    // What cannot be looked for is no clean report.
    let error = audit(&file, &["--deny", "silent"]).failed(2);
    assert!(error.contains("--deny silent cannot be told: it takes --redis or --snapshot"), "{error}");
    let error = audit(&file, &["--deny", "old", "--skip", "old"]).failed(2);
    assert!(error.contains("--deny old is of no use"), "{error}");
    let error = audit(&file, &["--deny", "no_owner"]).failed(2);
    assert!(error.contains("there is no kind `no_owner`: did you mean `no-owner`?"), "{error}");
}

#[test]
fn a_baseline_lets_known_findings_be_and_only_gets_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let baseline = folder.path().join("debts.txt");
    let path = baseline.to_str().unwrap();
    let error = audit(&file, &["--baseline", path]).failed(2);
    assert!(error.contains("there is no baseline") && error.contains("--update-baseline writes one"), "{error}");
    assert!(!baseline.exists());
    let first = audit(&file, &["--baseline", path, "--update-baseline", "--deny", "all"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let lines = || {
        let text = fs::read_to_string(&baseline).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = [
        "expired over",
        "expiring last_day",
        "expiring near",
        "never-expires dial",
        "no-owner lost",
        "old aged",
        "unused unread",
    ];
    assert_eq!(lines(), all);
    let said = audit(&file, &["--baseline", path, "--deny", "all"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("(known)") && said.stdout.contains("7 of them known"), "{said:?}");

    // One is mended, and another one is new: only that is denied, and nothing makes it known.
    let records = [
        flag("lost", "shop", json!({"owner": null})),
        flag("worse", "shop", json!({"owner": null})),
        flag("dial", "shop", json!({"expires": null, "never": "it is a dial"})),
        site("lost", "shop", 1),
        site("worse", "shop", 2),
        site("dial", "shop", 3),
    ];
    let later = artifact(folder.path(), "later", &records);
    let said = audit(&later, &["--baseline", path, "--update-baseline", "--deny", "all", "--format", "json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("1 finding is denied: 1 no-owner"), "{said:?}");
    assert_eq!(lines(), ["never-expires dial", "no-owner lost"]);
    let said = audit(&later, &["--baseline", path]);
    assert!(!said.stderr.contains("mended"), "{said:?}");
    // Kinds that were not looked for stay.
    audit(&later, &["--baseline", path, "--update-baseline", "--only", "no-owner"]).done();
    assert_eq!(lines(), ["never-expires dial", "no-owner lost"]);
    let clean = artifact(folder.path(), "clean", &[flag("dial", "shop", json!({})), site("dial", "shop", 3)]);
    let said = audit(&clean, &["--baseline", path]);
    assert!(
        said.stderr.contains("mended since the baseline: never-expires dial, no-owner lost (`--update-baseline`"),
        "{said:?}"
    );

    fs::write(&baseline, "expired over\nexpird near\n").unwrap();
    let error = audit(&file, &["--baseline", path]).failed(2);
    assert!(error.contains("holds no finding at line 2: `expird near`"), "{error}");
    let error = audit(&file, &["--baseline", folder.path().to_str().unwrap()]).failed(2);
    assert!(error.contains("the baseline") && error.contains("cannot be read"), "{error}");
}

#[test]
fn findings_are_put_together_by_owner_or_crate() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let groups = |by: &str| {
        let json = audit(&file, &["--by", by, "--format", "json"]).json();
        let groups = json["groups"].as_array().unwrap().iter();
        groups.map(|group| format!("{} {}", group["name"].as_str().unwrap(), group["findings"])).collect::<Vec<_>>()
    };
    assert_eq!(groups("owner"), ["team 5", "(no owner) 1", "payments 1"]);
    assert_eq!(groups("crate"), ["shop 6", "api 1"]);
    let table = audit(&file, &["--by", "crate"]).done();
    assert!(
        table.starts_with("CRATE  FINDINGS  OF WHICH\nshop   6         1 expired, 1 unused, 2 expiring,"),
        "{table}"
    );
}

#[test]
fn tables_and_csv_have_a_line_for_each_finding() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let csv = audit(&file, &["--format", "csv"]).done();
    assert_eq!(csv.lines().count(), 8, "{csv}");
    assert_eq!(csv.lines().next(), Some("kind,flag,owner,crate,age,what,where,what to do"));
    assert!(csv.contains("\nexpired,over,payments,shop,31 d,\"expired on 2026-10-31, 1 day ago\",\"shop/src/lib.rs:3:12, read at shop/src/main.rs:11:8 and 1 other place\","), "{csv}");
    let said = audit(&file, &[]);
    assert!(said.stdout.ends_with("\n7 findings about 7 of 11 flags as of 2026-11-01: 1 expired, 1 unused, 1 old, 2 expiring, 1 no-owner, 1 never-expires\n"), "{said:?}");
    assert!(said.stderr.contains("note: not looked for: drift, fully-rolled-out, no-context, silent, undeclared, undocumented, unshareable (it takes --redis or --snapshot)"), "{said:?}");
    let clean = artifact(folder.path(), "clean", &[flag("dial", "shop", json!({})), site("dial", "shop", 3)]);
    assert_eq!(audit(&clean, &[]).done(), "no findings in 1 flag as of 2026-11-01\n");
}

#[test]
fn the_post_has_each_owners_own_and_quotes_what_means_something() {
    let folder = tempfile::tempdir().unwrap();
    let post = audit(&debts(folder.path()), &["--format", "markdown"]).done();
    for part in [
        "## Feature flags on 2026-11-01\n\n7 findings about 7 of 11 flags as of 2026-11-01: 1 expired, ",
        "\n| expired | 1 | the last day of the flag is over |\n",
        "\n### team (5)\n",
        "\n### payments (1)\n\n| | flag | what | where | what to do |\n| --- | --- | --- | --- | --- |\n| expired | over | expired on 2026-10-31, 1 day ago | shop/src/lib.rs:3:12,",
        "| never-expires | dial | never expires: it is a \\| dial |",
        "\nnot looked for: drift, ",
    ] {
        assert!(post.contains(part), "{part}\n\n{post}");
    }
    assert!(!post.contains("must be mended"));
    let said = audit(&debts(folder.path()), &["--format", "markdown", "--deny", "expired"]);
    assert!(
        said.stdout.contains("**1 of them must be mended.**") && said.stdout.contains("| **expired** | over |"),
        "{said:?}"
    );
}

#[test]
fn github_is_told_the_worst_first_and_given_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let mut command = cargo_flags();
    command.args(["audit", "--as-of", DAY, "--github", "--deny", "no-owner", "--artifact"]).arg(&file);
    let said = run(command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_WORKSPACE", "/nowhere"));
    assert_eq!(said.code, Some(1), "{said:?}");
    let commands: Vec<_> = said.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(
        commands[..2],
        [
            "::error file=shop/src/lib.rs,line=3,col=12,title=no-owner%3A lost::`lost`: has no owner. declare whose it is: `owner = \"team\"`",
            "::warning file=shop/src/lib.rs,line=3,col=12,title=expired%3A over::`over`: expired on 2026-10-31, 1 day ago. remove the flag and the code behind it, or move its date",
        ]
    );
    assert_eq!(commands.len(), 7);
    assert!(commands[4].starts_with("::notice ") && commands[4].contains("expiring%3A last_day"), "{commands:?}");
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n## Feature flags on 2026-11-01\n") && text.contains("### team (5)"), "{text}");

    // A summary of a mebibyte is the largest that is taken.
    let records: Vec<_> = (0..5000)
        .map(|n| flag(&format!("flag_{n}"), "shop", json!({"owner": null, "expires": "2020-01-01"})))
        .collect();
    let many = artifact(folder.path(), "many", &records);
    let mut command = cargo_flags();
    command.args(["audit", "--as-of", DAY, "--github", "--artifact"]).arg(&many);
    run(command.env("GITHUB_STEP_SUMMARY", folder.path().join("long.md"))).done();
    let text = fs::read_to_string(folder.path().join("long.md")).unwrap();
    assert!(text.len() < 1 << 20 && text.contains("\nand 14800 more\n"), "{}", text.len());
    let mut command = cargo_flags();
    command.args(["audit", "--github", "--artifact"]).arg(&file);
    let said = run(command.env("GITHUB_STEP_SUMMARY", folder.path()));
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("the summary of the job cannot be written"), "{said:?}");
}

#[test]
fn paths_are_told_from_the_root_of_the_repository() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("backend");
    fs::create_dir_all(&inside).unwrap();
    git(folder.path(), &["init", "-q"]);
    let file = artifact(folder.path(), "made", &[flag("lost", "a b", json!({"owner": null})), site("lost", "a b", 1)]);
    let annotate = |words: &[&str]| {
        let mut command = cargo_flags();
        command
            .current_dir(&inside)
            .args(["audit", "--as-of", DAY, "--only", "no-owner"])
            .args(words)
            .arg("--artifact")
            .arg(&file);
        run(&mut command).done()
    };
    assert!(
        annotate(&["--github"]).starts_with("::notice file=backend/a b/src/lib.rs,line=3,"),
        "{}",
        annotate(&["--github"])
    );
    let sarif: Value = serde_json::from_str(&annotate(&["--format", "sarif"])).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "backend/a%20b/src/lib.rs");
    assert_eq!(location["region"], json!({"startLine": 3, "startColumn": 12}));
}

#[test]
fn sarif_has_a_rule_for_each_kind_and_a_result_for_each_finding() {
    let folder = tempfile::tempdir().unwrap();
    let said = audit(&debts(folder.path()), &["--format", "sarif", "--deny", "expired"]);
    assert_eq!(said.code, Some(1));
    let sarif: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!((rules.len(), results.len()), (13, 7));
    for result in results {
        assert_eq!(rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()]["id"], result["ruleId"]);
    }
    let levels: Vec<_> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "warning", "warning", "note", "note", "note", "note"]);
    assert_eq!(results[0]["relatedLocations"].as_array().unwrap().len(), 2);
    assert_eq!(results[0]["partialFingerprints"]["flag/v1"], "expired over");
}

fn git(folder: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-C"]).arg(folder).args(words);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder);
    assert!(command.status().unwrap().success(), "{words:?}");
}

fn commit(folder: &Path, day: &str) {
    git(folder, &["add", "-A"]);
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-C"])
        .arg(folder)
        .args(["commit", "-qm", "x"]);
    let date = format!("{day}T12:00:00Z");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder);
    assert!(command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).status().unwrap().success());
}

#[test]
fn without_created_git_tells_how_old_a_line_is_wherever_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let source = |old: &str, new: &str| format!("use flags_runtime::Flag;\n{old}\n{new}\n");
    let old = "pub static TWO: Flag<bool>;";
    let new = "pub static NEW_FLAG: Flag<bool>;";
    fs::create_dir_all(root.join("shop/src")).unwrap();
    git(root, &["init", "-q"]);
    fs::write(root.join("shop/src/old.rs"), source(old, "")).unwrap();
    commit(root, "2026-01-15");
    // It moves to another file, and is indented there.
    fs::remove_file(root.join("shop/src/old.rs")).unwrap();
    fs::write(root.join("shop/src/lib.rs"), source(&format!("    {old}"), new)).unwrap();
    commit(root, "2026-09-01");
    let records = [
        flag("old", "shop", json!({"created": null, "line": 2})),
        flag("new", "shop", json!({"created": null, "line": 3})),
        flag("gone", "shop", json!({"created": null, "line": 99})),
        flag("elsewhere", "other", json!({"created": null})),
    ];
    let file = artifact(root, "made", &records);
    let audit = |folder: &Path, words: &[&str]| {
        let mut command = cargo_flags();
        command
            .current_dir(folder)
            .args(["audit", "--as-of", DAY, "--only", "old"])
            .args(words)
            .arg("--artifact")
            .arg(&file);
        run(&mut command)
    };
    let json = audit(root, &["--format", "json"]).json();
    assert_eq!(findings(&json), ["old old"]);
    // What nobody knows is no clean report.
    assert_eq!(json["not_asked"]["old"], "neither `created` nor git tells the age of elsewhere, gone");
    let error = audit(root, &["--deny", "old"]).failed(2);
    assert!(error.contains("--deny old cannot be told: neither `created` nor git"), "{error}");
    let table = audit(root, &[]);
    assert!(table.stderr.contains("note: not looked for everywhere: old (neither `created`"), "{table:?}");
    assert_eq!(
        (&json["findings"][0]["age_days"], &json["findings"][0]["message"]),
        (&json!(290), &json!("declared on 2026-01-15, 290 days ago"))
    );
    assert_eq!(of_kind(&audit(root, &["--format", "json", "--old", "30d"]).json(), "old"), ["old", "new"]);

    // A shallow clone knows the last commit only: every flag would look new.
    let clones = tempfile::tempdir().unwrap();
    let shallow = clones.path().join("shallow");
    let url = format!("file://{}", root.display());
    git(clones.path(), &["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let error = audit(&shallow, &[]).failed(2);
    for words in ["the clone is shallow", "git fetch --unshallow", "fetch-depth: 0", "--skip old"] {
        assert!(error.contains(words), "{error}");
    }
    // Flags that say it themselves need no git.
    let said = artifact(root, "said", &[flag("old", "shop", json!({"created": "2026-01-01", "line": 2}))]);
    let mut command = cargo_flags();
    command
        .current_dir(&shallow)
        .args(["audit", "--as-of", DAY, "--only", "old", "--format", "json", "--artifact"])
        .arg(&said);
    assert_eq!(findings(&run(&mut command).json()), ["old old"]);

    // Without a repository nobody knows.
    let bare = clones.path().join("bare");
    fs::create_dir_all(bare.join("shop/src")).unwrap();
    fs::copy(root.join("shop/src/lib.rs"), bare.join("shop/src/lib.rs")).unwrap();
    let json = audit(&bare, &["--format", "json"]).json();
    assert_eq!(json["not_asked"]["old"], "the sources are in no git repository");
    let error = audit(&bare, &["--deny", "old"]).failed(2);
    assert!(error.contains("--deny old cannot be told: the sources are in no git repository"), "{error}");
}

#[test]
fn records_without_places_are_not_taken_for_clean_ones() {
    let folder = tempfile::tempdir().unwrap();
    // As `FLAGS_EMBED=names` leaves them.
    let names = json!({"v": 1, "k": "flag", "rt": "0.1.0", "name": "x", "key": "x", "pkg": "shop", "ver": "1.0.0", "type": "bool",
        "variants": [], "expires": "2026-01-01"});
    let file = artifact(folder.path(), "names", &[names, site("x", "shop", 1)]);
    let json = audit(&file, &["--format", "json"]).json();
    assert_eq!(findings(&json), ["expired x"]);
    for kind in ["no-owner", "never-expires"] {
        assert_eq!(json["not_asked"][kind], "FLAGS_EMBED=names leaves it out of the records of x");
        assert_eq!(audit(&file, &["--deny", kind]).code, Some(2));
    }
}

#[test]
fn flags_of_one_name_have_their_own_places() {
    run(&mut fixture().command("shop-kiosk", &["dump"])).done();
    let files = ["shop", "shop-kiosk"].map(|name| fixture().built(&format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    let mut command = cargo_flags();
    command
        .args(["audit", "--as-of", "2099-02-20", "--only", "expiring", "--format", "json", "--artifact"])
        .args(files);
    let json = run(&mut command).json();
    let places = |package: &str| {
        let of_package = |finding: &&Value| finding["package"] == package && finding["flag"] == "new_checkout";
        let finding = json["findings"].as_array().unwrap().iter().find(of_package).unwrap();
        finding["call_sites"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| place["file"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(places("shop"), ["shop/src/lib.rs", "shop/src/main.rs"]);
    assert_eq!(places("shop-kiosk"), ["shop-kiosk/src/main.rs"]);
}

#[test]
fn a_baseline_keeps_its_remarks_and_what_another_run_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    let baseline = folder.path().join("debts.txt");
    let path = baseline.to_str().unwrap();
    fs::write(
        &baseline,
        "\u{feff}# ours\nexpired   over # ada mends it\n\n# theirs\nunused\tunread\nno-owner mended_long_ago\n",
    )
    .unwrap();
    let said = audit(&file, &["--baseline", path, "--update-baseline", "--deny", "expired,unused"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("note: taken off the baseline: no-owner mended_long_ago"), "{said:?}");
    assert_eq!(
        fs::read_to_string(&baseline).unwrap(),
        "# ours\nexpired   over # ada mends it\n\n# theirs\nunused\tunread\n"
    );
    // Nothing is known of what is not there.
    let empty = artifact(folder.path(), "empty", &[]);
    let error = audit(&empty, &["--baseline", path, "--update-baseline"]).failed(2);
    assert!(error.contains("there is no flag here, so nothing tells what is mended"), "{error}");

    // One package tells nothing of another one's flags.
    fs::write(&baseline, "no-owner pricing\nno-owner discount\nno-owner page_size\nunused page_size\n").unwrap();
    let words = ["audit", "-p", "shop", "--only", "no-owner,unused", "--baseline", path, "--update-baseline"];
    run(&mut fixture().command("", &words)).done();
    assert_eq!(fs::read_to_string(&baseline).unwrap(), "no-owner pricing\nno-owner discount\nno-owner page_size\n");
}

#[test]
fn a_gate_that_is_piped_is_one_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..5000).map(|n| flag(&format!("flag_{n}"), "shop", json!({"owner": null}))).collect();
    let file = artifact(folder.path(), "many", &records);
    let mut command = cargo_flags();
    command.args(["audit", "--as-of", DAY, "--deny", "no-owner", "--artifact"]).arg(&file);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn machines_get_one_thing_on_standard_output_and_hear_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = debts(folder.path());
    for format in ["json", "sarif", "csv", "markdown", "html"] {
        let error = audit(&file, &["--github", "--format", format]).failed(2);
        assert!(error.contains("--github writes annotations beside a table"), "{error}");
    }
    for format in ["csv", "sarif"] {
        assert!(audit(&file, &["--format", format]).stderr.contains("note: not looked for: drift"), "{format}");
    }
    let empty = artifact(folder.path(), "empty", &[flag("x", "shop", json!({})), site("x", "shop", 1)]);
    assert_eq!(audit(&empty, &["--format", "csv"]).done().lines().count(), 1);
    let sarif: Value = serde_json::from_str(&audit(&empty, &["--format", "sarif"]).done()).unwrap();
    assert_eq!(sarif["runs"][0]["results"], json!([]));
}

#[test]
fn packages_are_built_and_audited_as_they_are_listed() {
    let json = run(&mut fixture().command("", &["audit", "--as-of", DAY, "--skip", "old", "--format", "json"])).json();
    assert_eq!(
        findings(&json),
        ["no-owner discount", "no-owner page_size", "no-owner pricing", "never-expires pricing"]
    );
    assert_eq!(json["unlinked"], json!(["shop-prices"]));
    let places = fixture().places("shop/src/lib.rs");
    let pricing = &json["findings"][2]["call_sites"][0];
    assert_eq!(format!("{}:{}:{}", pricing["file"].as_str().unwrap(), pricing["line"], pricing["column"]), places[1]);
    let error = run(&mut fixture().command("shop-broken", &["audit"])).failed(2);
    assert!(error.contains("the build failed"), "{error}");
}
