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

/// The assembly of the fixture, with these features of its own.
fn assembly(features: &str) -> String {
    let (mut cargo, target) = cargo_in_fixture("assembly");
    // Where it stays, should cargo find that there is nothing to do.
    let file = target.join(format!("read{features}.s"));
    let emit = format!("--emit=asm={}", file.display());
    let words = ["rustc", "--release", "--lib", "--quiet", "--features", features, "--", &emit, "-Ccodegen-units=1"];
    assert!(cargo.args(words).status().unwrap().success());
    std::fs::read_to_string(file).unwrap()
}

/// An instruction without what another build calls its labels and symbols.
fn without_names(line: &str) -> String {
    let words = line.split_inclusive(['\t', ' ', ',', '(']);
    let is_name = |word: &str| word.starts_with(".L") || word.starts_with("_ZN") || word.starts_with("_R");
    words.map(|word| if is_name(word) { "name" } else { word }).collect()
}

#[test]
fn a_settled_read_is_one_load_and_a_branch_and_the_same_where_tests_can_force_it() {
    let with_testing = assembly("testing");
    let assembly = assembly("");

    // Longest: an enum of three picks its variant without a table.
    for (function, longest) in [("read_bool", 6), ("read_integer", 6), ("read_colour", 11)] {
        let path = settled_path(&assembly, function);
        assert!(!path.is_empty() && path.len() <= longest, "{function}: {path:#?}");
        let named = |path: &[&str]| path.iter().map(|line| without_names(line)).collect::<Vec<_>>();
        assert_eq!(
            named(&settled_path(&with_testing, function)),
            named(&path),
            "{function} with the feature `testing`"
        );
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
