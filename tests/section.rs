//! Records survive fat LTO, strip and panic=abort, and `FLAGS_EMBED` chooses what a binary carries.

use std::path::PathBuf;
use std::process::{Command, Output};

use flags_runtime::registry::introspect::{Record, RecordKind, read_file};
use flags_workspace_tests::cargo_in_fixture;

fn build(embed: Option<&str>) -> (Output, PathBuf) {
    let (mut command, target) = cargo_in_fixture("section");
    command.args(["build", "--release", "--quiet"]);
    let output = command.envs(embed.map(|embed| ("FLAGS_EMBED", embed))).output().unwrap();
    (output, target.join("release").join(format!("section{}", std::env::consts::EXE_SUFFIX)))
}

fn records(embed: Option<&str>) -> Vec<Record> {
    let (output, binary) = build(embed);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ran = Command::new(&binary).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "(1, true) (\"a\", true) false\n");
    read_file(&binary).unwrap()
}

#[test]
fn records_survive_a_small_release_build_and_embed_chooses_what_they_say() {
    let full = records(None);
    let names = |kind| {
        let mut names: Vec<_> = full.iter().filter(|record| record.kind == kind).map(|record| &*record.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(RecordKind::Flag), ["declared_twice", "section_bool"]);
    assert_eq!(names(RecordKind::Site), ["declared_twice", "section_bool"], "a generic function is one site");
    let flag = full.iter().find(|record| record.kind == RecordKind::Flag && record.name == "section_bool").unwrap();
    let expected = serde_json::json!({
        "v": 1, "k": "flag", "rt": "0.1.0", "name": "section_bool",
        "pkg": "section", "ver": "0.0.0", "file": "src/main.rs", "line": 10, "col": 8, "mod": "section",
        "type": "bool", "default": true, "variants": [], "expires": "2099-01-01", "owner": "payments", "created": null,
        "ticket": "PAY-1", "kind": null, "public": false, "provider": null, "doc": "Says \"hello\" \\ twice."
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&flag.json).unwrap(), expected);
    let site = full.iter().find(|record| record.kind == RecordKind::Site && record.name == "section_bool").unwrap();
    assert_eq!((site.line, site.column), (Some(13), Some(13)));

    let names_only = records(Some("names"));
    assert_eq!(names_only.len(), full.len());
    assert!(names_only.iter().all(|record| record.file.is_none() && !record.json.contains("payments")));
    assert_eq!(records(Some("none")), []);

    let (output, _) = build(Some("some"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("FLAGS_EMBED must be `none`, `names` or `full`"), "{said}");
}
