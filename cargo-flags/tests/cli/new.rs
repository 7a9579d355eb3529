//! `new`: a declaration where it belongs, which compiles and is listed; what must not happen does not.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Said, cargo_flags, repository, run};

/// A package with these files.
fn package(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let runtime = repository("flags-runtime").display().to_string();
    let manifest = format!(
        "[package]\nname = \"shop\"\nversion = \"1.2.3\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nflags-runtime = {{ path = {runtime:?} }}\n"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::copy(repository("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    for (file, text) in files {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn new(folder: &Path, words: &[&str]) -> Said {
    run(cargo_flags().arg("new").args(words).current_dir(folder))
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

/// The flags of a package that is built.
fn listed(folder: &Path) -> Value {
    let mut command = cargo_flags();
    // One target directory for all, so that dependencies are built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new");
    run(command.args(["list", "--format", "json"]).current_dir(folder).env("CARGO_TARGET_DIR", target)).json()
}

#[test]
fn a_first_flag_gets_a_module_of_its_own_and_the_next_ones_join_it() {
    let folder = package(&[(
        "src/main.rs",
        "//! A shop.\n\n#![deny(missing_docs)]\n\nuse std::fmt;\n\nfn main() {\n    let _: Option<fmt::Error> = None;\n    println!(\"{}\", flags_runtime::flag!(flags::FAST_CART));\n}\n",
    )]);
    let root = folder.path();
    let said = new(root, &["fast_cart", "--owner", "payments", "--doc", "The cart\n  without locks."]).done();
    assert!(
        said.contains("src/flags.rs:5")
            && said.contains("src/main.rs")
            && said.contains("flag!(crate::flags::FAST_CART)"),
        "{said}"
    );
    new(root, &["page-size.max", "--type", "u8", "--default", "20", "--kind", "experiment", "--ticket", "PAY-7"])
        .done();
    new(root, &["stop_mail", "--kind", "kill-switch", "--reason", "mails must \"stop\" at once", "--owner", "ops"])
        .done();
    new(root, &["gold", "--kind", "permission", "--expires", "2098-01-02", "--default", "true"]).done();
    new(root, &["watch_it", "--kind", "ops"]).done();
    new(root, &["greeting", "--type", "String"]).done();
    let main = read(root, "src/main.rs");
    assert!(main.starts_with("//! A shop.\n\n#![deny(missing_docs)]\n\nmod flags;\n\nuse std::fmt;\n"), "{main}");
    let listed = listed(root);
    let flags: Vec<_> = listed.as_array().unwrap().iter().map(|flag| flag["name"].as_str().unwrap()).collect();
    assert_eq!(flags, ["fast_cart", "gold", "greeting", "page-size.max", "stop_mail", "watch_it"]);
    let days = |index: usize| {
        let day = |field: &str| listed[index][field].as_str().map(|day| day.parse::<jiff::civil::Date>().unwrap());
        day("expires").map(|expires| expires.since((jiff::Unit::Day, day("created").unwrap())).unwrap().get_days())
    };
    assert_eq!([days(0), days(2), days(3), days(5)], [Some(40), Some(40), Some(40), Some(7)]);
    assert_eq!(
        (&listed[0]["doc"], &listed[0]["kind"], &listed[0]["owner"]),
        (&"The cart without locks.".into(), &"release".into(), &"payments".into())
    );
    assert_eq!(
        (&listed[1]["expires"], &listed[1]["kind"], &listed[1]["default"]),
        (&"2098-01-02".into(), &"permission".into(), &true.into())
    );
    assert_eq!(
        (&listed[3]["type"], &listed[3]["default"], &listed[3]["ticket"]),
        (&"u8".into(), &20.into(), &"PAY-7".into())
    );
    assert_eq!((&listed[4]["never"], &listed[4]["kind"]), (&"mails must \"stop\" at once".into(), &"ops".into()));
}

#[test]
fn a_flag_goes_to_where_most_flags_are_and_changes_nothing_else() {
    let library = "//! A library.\r\npub mod cart;\r\npub mod other;\r\n";
    let cart = "\
//! Carts.
use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};

/// One.
#[feature_flag(name = \"one\", default = false, expires = \"2099-01-01\")]
pub static ONE: Flag<bool>;

#[feature_flag(
    name = \"two\",
    default = false, // a static X: in a comment
    expires = \"2099-01-01\",
)]
static TWO: Flag<bool>;
/// Reads.
pub fn read(ctx: &EvaluationContext) -> bool { flag!(ONE, ctx) && flag!(TWO, ctx) }
";
    let other = "/// Three.\n#[flags_runtime::feature_flag(name = \"three\", default = false, expires = \"2099-01-01\")]\npub static THREE: flags_runtime::Flag<bool>;\n";
    let folder = package(&[("src/lib.rs", library), ("src/cart.rs", cart), ("src/other.rs", other)]);
    let root = folder.path();
    new(root, &["four"]).done();
    assert_eq!((read(root, "src/lib.rs"), read(root, "src/other.rs")), (library.to_owned(), other.to_owned()));
    let text = read(root, "src/cart.rs");
    let at = text.find("\n/// four: ").unwrap();
    assert!(text[..at].ends_with("static TWO: Flag<bool>;\n"), "{text}");
    let behind = "pub static FOUR: Flag<bool>;\n\n/// Reads.\n";
    assert!(text.contains(behind), "{text}");
    // A file that is named, which imports nothing.
    let said = new(root, &["five", "--in", "src/other.rs", "--format", "json"]).json();
    assert_eq!((&said["read_by"], &said["constant"]), (&"flag!(crate::other::FIVE)".into(), &"FIVE".into()));
    assert!(
        read(root, "src/other.rs").contains("#[flags_runtime::feature_flag(\n    name = \"five\","),
        "{}",
        read(root, "src/other.rs")
    );
    let listed = listed(root);
    assert_eq!(listed.as_array().unwrap().len(), 5, "{listed}");
    let line = said["line"].as_u64().unwrap();
    assert!(
        read(root, "src/other.rs").lines().nth(usize::try_from(line).unwrap() - 1).unwrap().starts_with("/// five: ")
    );
}

#[test]
fn nothing_is_written_on_a_dry_run_or_where_something_is_wrong() {
    let main = "fn main() {}\n";
    let folder = package(&[("src/main.rs", main)]);
    let root = folder.path();
    let said = new(root, &["x", "--dry-run"]);
    assert!(said.stdout.contains("would be at") && said.stdout.contains("pub static X: Flag<bool>;"), "{said:?}");
    for (words, expected) in [
        (&["NewCheckout"][..], "`NewCheckout` is no name for a new flag"),
        (&["9lives"], "a letter first"),
        (&["x", "--kind", "kill-switch"], "needs a reason that its readers understand in a year: --reason"),
        (&["x", "--kind", "permission"], "needs a reason"),
        (&["x", "--type", "Pricing"], "a flag of type `Pricing` needs a default: --default EXPRESSION"),
        (&["x", "--type", "u8 u8"], "--type: `u8 u8` is no Rust type"),
        (&["x", "--default", "1 +"], "--default: `1 +` is no Rust expression"),
        (&["x", "--in", "src/none.rs"], "src/none.rs cannot be read"),
        (&["x", "--type", "u8", "--default", "300"], "--default: `300` is no value of `u8`"),
        (&["x", "--type", "u32", "--default", "-1"], "--default: `-1` is no value of `u32`"),
        (&["x", "--default", "1"], "--default: `1` is no value of `bool`"),
        (&["x", "--owner", " "], "--owner is empty"),
        (&["x", "--ticket", ""], "--ticket is empty"),
        (&["x", "--kind", "kill-switch", "--reason", " "], "--reason is empty"),
        (&["x", "--expires", "2020-01-01"], "2020-01-01 is over already"),
        (&["x", "--package", "shpo"], "no package `shpo` in this workspace: did you mean `shop`?"),
    ] {
        let error = new(root, words).failed(2);
        assert!(error.contains(expected), "{words:?}: {error}");
    }
    assert_eq!(read(root, "src/main.rs"), main);
    assert!(!root.join("src/flags.rs").exists());

    new(root, &["x"]).done();
    let before = read(root, "src/flags.rs");
    let error = new(root, &["x"]).failed(2);
    assert!(error.contains("`x` or X is declared already") && error.contains("flags.rs:7"), "{error}");
    assert_eq!(read(root, "src/flags.rs"), before);
    fs::write(root.join("src/flags.rs"), "#[feature_flag( struct").unwrap();
    let error = new(root, &["y"]).failed(2);
    assert!(
        error.contains("flags.rs:1:") && error.contains("cannot be read as Rust, so nothing is put there"),
        "{error}"
    );
    let said = run(cargo_flags().args(["new", "y"]).current_dir(std::env::temp_dir()));
    assert!(said.failed(2).contains("cargo finds no package here"));
}

#[test]
fn only_files_that_a_mod_leads_to_take_a_flag() {
    let folder = package(&[
        (
            "src/lib.rs",
            "pub mod r#type;\n#[path = \"odd name's file.rs\"]\npub mod odd;\npub mod outer {\n    pub mod inner;\n}\npub mod deep;\n",
        ),
        ("src/type.rs", "//! Types.\r\n\r\n/// A.\r\npub struct A;\r\n"),
        ("src/odd name's file.rs", ""),
        ("src/outer/inner.rs", ""),
        ("src/deep/mod.rs", "pub mod er;\n"),
        ("src/deep/er.rs", ""),
        ("src/orphan.rs", ""),
        ("tests/t.rs", ""),
    ]);
    let root = folder.path();
    let read_by =
        |name: &str, file: &str| new(root, &[name, "--in", file, "--format", "json"]).json()["read_by"].clone();
    assert_eq!(read_by("type_a", "src/type.rs"), "flag!(crate::r#type::TYPE_A)");
    assert_eq!(read_by("b", "src/odd name's file.rs"), "flag!(crate::odd::B)");
    assert_eq!(read_by("c", "src/outer/inner.rs"), "flag!(crate::outer::inner::C)");
    assert_eq!(read_by("d", root.join("src/deep/er.rs").to_str().unwrap()), "flag!(crate::deep::er::D)");
    let crlf = read(root, "src/type.rs");
    assert_eq!(crlf.matches('\n').count(), crlf.matches("\r\n").count(), "{crlf:?}");
    for file in ["src/orphan.rs", "tests/t.rs"] {
        let error = new(root, &["x", "--in", file]).failed(2);
        assert!(error.contains("no `mod` leads to it, so a flag there would not be compiled"), "{error}");
        assert_eq!(read(root, file), "");
    }
    assert_eq!(listed(root).as_array().unwrap().len(), 4);
}

#[test]
fn a_module_that_cannot_be_made_is_not() {
    // The module is there, inline: the flag goes to the root.
    let folder = package(&[("src/lib.rs", "pub mod flags {\n    pub fn f() {}\n}\n")]);
    assert_eq!(new(folder.path(), &["a", "--format", "json"]).json()["read_by"], "flag!(crate::A)");
    // A file beside a program of src/bin would be a program.
    let programs = package(&[("src/bin/a.rs", "fn main() {}\n"), ("src/bin/b.rs", "fn main() {}\n")]);
    new(programs.path(), &["b"]).done();
    assert!(read(programs.path(), "src/bin/a.rs").contains("pub static B: flags_runtime::Flag<bool>;"));
    for folder in [&folder, &programs] {
        assert_eq!(listed(folder.path()).as_array().unwrap().len(), 1);
    }
    let orphan = package(&[("src/lib.rs", ""), ("src/flags.rs", "")]);
    let error = new(orphan.path(), &["c"]).failed(2);
    assert!(error.contains("no `mod flags;` leads to it"), "{error}");
    // A whole number is a float where one is wanted.
    let float = package(&[("src/lib.rs", "")]);
    new(float.path(), &["share", "--type", "f64", "--default", "1"]).done();
    assert_eq!(listed(float.path())[0]["default"], 1.0);
}

#[test]
fn a_package_without_the_library_is_told_to_depend_on_it() {
    let folder = package(&[("src/main.rs", "fn main() {}\n")]);
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"bare\"\nversion = \"0.1.0\"\n[workspace]\n")
        .unwrap();
    let said = new(folder.path(), &["x"]);
    assert!(
        said.stderr.contains("warning: the package `bare` does not depend on `flags-runtime` yet: `cargo add` it"),
        "{said:?}"
    );
    assert!(said.stderr.contains("note: nobody is asked about `x`"), "{said:?}");
    assert_eq!(said.code, Some(0));
}
