//! A settled read is one load and a branch, seen in the machine code of a release build.

use flags_workspace_tests::cargo_in_fixture;

/// The instructions of a function up to its first return: the settled path, since the slow one is laid out behind it.
fn settled_path<'a>(assembly: &'a str, function: &str) -> Vec<&'a str> {
    let is_label = |line: &&str| line.starts_with("_ZN") || line.starts_with("_R");
    let body = assembly.lines().skip_while(|line| !(is_label(line) && line.contains(function) && line.ends_with(':')));
    let instructions =
        body.map(str::trim).filter(|line| !line.starts_with('.') && !line.ends_with(':') && !line.is_empty());
    let mut path: Vec<_> = instructions.take_while(|line| !line.starts_with("ret")).collect();
    path.retain(|line| !line.starts_with('#'));
    path
}

#[test]
fn a_settled_read_is_one_load_and_a_branch() {
    let (mut cargo, target) = cargo_in_fixture("assembly");
    let status = cargo
        .args(["rustc", "--release", "--lib", "--quiet", "--", "--emit=asm", "-Ccodegen-units=1"])
        .status()
        .unwrap();
    assert!(status.success());
    let deps = std::fs::read_dir(target.join("release/deps")).unwrap().map(|entry| entry.unwrap().path());
    let newest = deps
        .filter(|path| path.extension().is_some_and(|ending| ending == "s"))
        .max_by_key(|path| path.metadata().and_then(|metadata| metadata.modified()).ok())
        .expect("rustc wrote assembly");
    let assembly = std::fs::read_to_string(newest).unwrap();

    // Longest: an enum of three picks its variant without a table.
    for (function, longest) in [("read_bool", 6), ("read_integer", 6), ("read_colour", 11)] {
        let path = settled_path(&assembly, function);
        assert!(!path.is_empty() && path.len() <= longest, "{function}: {path:#?}");
        if cfg!(target_arch = "x86_64") {
            let count = |is: &dyn Fn(&str) -> bool| path.iter().filter(|line| is(line)).count();
            assert_eq!(count(&|line| line.contains("(%rip)") && line.starts_with("mov")), 1, "one load: {path:#?}");
            assert_eq!(count(&|line| line.starts_with('j')), 1, "one branch: {path:#?}");
            for forbidden in ["call", "lock", "xchg", "mfence"] {
                assert_eq!(count(&|line| line.starts_with(forbidden)), 0, "{forbidden}: {path:#?}");
            }
        } else {
            assert!(!path.iter().any(|line| line.starts_with("bl ") || line.starts_with("dmb")), "{path:#?}");
        }
    }
}
