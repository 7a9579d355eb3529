//! `list`, `refs` and `dump`: what real built crates record.

use std::collections::HashSet;
use std::fs;

use flags_runtime::registry::introspect::read_file;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::support::{Said, cargo_flags, run};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|flag| flag["name"].as_str().unwrap()).collect()
}

#[test]
fn list_names_every_flag_of_the_package_with_all_that_was_declared() {
    let list = run(&mut fixture().command("shop", &["list", "--format", "json"])).json();
    assert_eq!(names(&list), ["new_checkout", "page_size", "pricing"]);
    let line =
        fixture().source("shop/src/lib.rs").lines().position(|line| line.contains("static NEW_CHECKOUT")).unwrap() + 1;
    assert_eq!(
        list[0],
        json!({
            "name": "new_checkout", "key": "new_checkout", "type": "bool", "default": false, "variants": [],
            "expires": "2099-03-01", "never": null, "owner": "payments", "created": null, "ticket": "PAY-7",
            "kind": "release", "public": false, "provider": null, "doc": "Checkout on the \"new\" cart | service.", "package": "shop",
            "version": "1.2.3", "file": "shop/src/lib.rs", "line": line, "column": 12, "module": "shop",
            "call_sites": 2
        })
    );
    assert_eq!(
        (&list[1]["key"], &list[1]["type"], &list[1]["default"]),
        (&json!("Page Size"), &json!("u8"), &json!(20))
    );
    let pricing = &list[2];
    assert_eq!(pricing["variants"], json!(["control", "variant_a", "variant_b"]));
    assert_eq!((&pricing["never"], &pricing["public"]), (&json!("it is a price list"), &json!(true)));
}

#[test]
fn list_reads_packages_the_workspace_or_files() {
    let list = |package: &str, words: &[&str]| {
        let words = [&["list", "--format", "json"], words].concat();
        let list = run(&mut fixture().command(package, &words)).json();
        names(&list).join(" ")
    };
    let shop = "new_checkout page_size pricing";
    assert_eq!(list("shop", &[]), shop);
    assert_eq!(list("shop/src", &[]), shop, "from a folder inside the package");
    assert_eq!(list("shop-plugin", &[]), "plugin_mode", "a C library");
    assert_eq!(list("shop-prices", &[]), "discount", "a Rust library alone");
    assert_eq!(list("shop-prices", &["-p", "shop"]), shop);
    assert_eq!(list("", &[]), "discount new_checkout page_size plugin_mode pricing", "the default members");
    let plugin = format!("{}shop_plugin{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let (program, plugin) = (fixture().program(), fixture().built(&plugin));
    let files = ["--artifact", program.to_str().unwrap(), plugin.to_str().unwrap()];
    assert_eq!(list("", &files), "new_checkout page_size plugin_mode pricing");
}

#[test]
fn list_comes_as_table_csv_and_markdown() {
    let list = |format: &str| run(&mut fixture().command("shop", &["list", "--format", format])).done();
    let table = list("table");
    assert_eq!(table, run(&mut fixture().command("shop", &["list"])).done(), "a table is the default");
    assert!(table.starts_with("FLAG "), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(!table.contains('\u{1b}') && !table.contains(" \n"), "{table:?}");
    let csv = list("csv");
    let header = "flag,type,default,expires,owner,call sites,package,declared at,provider\n";
    assert!(csv.starts_with(header), "{csv}");
    assert!(csv.contains("\npricing,enum,\"\"\"control\"\"\",never,,1,shop 1.2.3,shop/src/lib.rs:"), "{csv}");
    let markdown = list("markdown");
    assert!(markdown.starts_with("| flag | type | default |"), "{markdown}");
    assert!(
        markdown.contains("| new\\_checkout | bool | false | 2099-03-01 | payments | 2 | shop 1.2.3 |"),
        "{markdown}"
    );
}

#[test]
fn colour_follows_the_usual_variables() {
    let list = |variables: &[(&str, &str)]| {
        let mut command = fixture().command("shop", &["list"]);
        run(command.envs(variables.iter().copied())).done().contains('\u{1b}')
    };
    assert!(!list(&[]), "piped");
    assert!(list(&[("CLICOLOR_FORCE", "1")]));
    assert!(!list(&[("CLICOLOR_FORCE", "0")]));
    assert!(!list(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn refs_names_every_line_that_reads_a_flag() {
    let refs = |name: &str| {
        let json = run(&mut fixture().command("shop", &["refs", name, "--format", "json"])).json();
        let place = |site: &Value| format!("{}:{}:{}", site["file"].as_str().unwrap(), site["line"], site["column"]);
        (json["call_sites"].as_array().unwrap().iter().map(place).collect::<Vec<_>>(), json)
    };
    let library = fixture().places("shop/src/lib.rs");
    let program = fixture().places("shop/src/main.rs");
    assert_eq!((library.len(), program.len()), (2, 1));
    let (places, json) = refs("new_checkout");
    assert_eq!(places, [&*library[0], &*program[0]]);
    assert_eq!(json["call_sites"][0]["module"], "shop");
    assert_eq!(json["declared"][0]["file"], "shop/src/lib.rs");
    assert_eq!(json["declared"][0]["source"], "pub static NEW_CHECKOUT: Flag<bool>;");
    assert_eq!(json["call_sites"][0]["source"], "flag!(NEW_CHECKOUT, ctx)");
    assert_eq!(refs("pricing").0, [&*library[1]]);
    let example = refs("page_size").0;
    assert_eq!(example.len(), 1, "{example:?}");
    assert!(example[0].starts_with("shop/examples/tour.rs:4:"), "{example:?}");

    let table = run(&mut fixture().command("shop", &["refs", "new_checkout"])).done();
    assert!(table.lines().nth(1).unwrap().starts_with(&format!("{} ", library[0])), "{table}");
    let csv = run(&mut fixture().command("shop", &["refs", "new_checkout", "--format", "csv"])).done();
    assert_eq!(
        csv,
        format!(
            "call site,module,package,source\n{},shop,shop 1.2.3,\"flag!(NEW_CHECKOUT, ctx)\"\n\
             {},shop,shop 1.2.3,\"println!(\"\"{{}}\"\", flag!(shop::NEW_CHECKOUT, &ctx));\"\n",
            library[0], program[0]
        )
    );
}

#[test]
fn refs_of_an_unknown_name_suggests_the_right_one() {
    let error = run(&mut fixture().command("shop", &["refs", "new_chekcout"])).failed(2);
    assert!(error.contains("no flag `new_chekcout` is declared there: did you mean `new_checkout`?"), "{error}");
    let error = run(&mut fixture().command("shop", &["refs", "zebra"])).failed(2);
    assert!(!error.contains("did you mean"), "{error}");
}

#[test]
fn refs_of_a_flag_that_nothing_reads_says_so_and_is_no_error() {
    let program = fixture().program();
    let said = run(cargo_flags().args(["refs", "page_size", "--artifact", program.to_str().unwrap()]));
    assert!(said.stderr.contains("warning: nothing reads `page_size` there"), "{said:?}");
    assert_eq!(said.done(), "");
}

#[test]
fn dump_writes_every_record_unchanged_and_once() {
    let program = fixture().program();
    let dumped = run(cargo_flags().args(["dump", "--artifact"]).arg(&program).arg(&program)).done();
    let lines: Vec<_> = dumped.lines().collect();
    let recorded: HashSet<_> = read_file(&program).unwrap().into_iter().map(|record| record.json).collect();
    assert_eq!(lines.iter().map(|line| (*line).to_owned()).collect::<HashSet<_>>(), recorded);
    assert_eq!(lines.len(), recorded.len(), "each once");
    let json: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds = |kind: &str| json.iter().filter(|record| record["v"] == 1 && record["k"] == kind).count();
    assert_eq!((kinds("flag"), kinds("site")), (3, 3), "{dumped}");
    let built = run(&mut fixture().command("shop", &["dump"])).done();
    assert!(built.lines().count() == lines.len() + 1, "the example reads one flag more: {built}");
}

#[test]
fn dump_comes_as_csv_markdown_and_table_with_a_column_for_each_field() {
    let program = fixture().program();
    let dump = |format: &str| run(cargo_flags().args(["dump", "--format", format, "--artifact"]).arg(&program)).done();
    let csv = dump("csv");
    let header = "k,name,key,pkg,ver,file,line,col,mod,type,default,variants,expires,never,owner,created,ticket,kind,public,\
                  provider,doc,rt";
    assert_eq!(csv.lines().next(), Some(header));
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let of_flag = csv.lines().find(|line| line.starts_with("flag,pricing,")).unwrap();
    assert!(
        of_flag.contains(
            ",enum,\"\"\"control\"\"\",\"[\"\"control\"\",\"\"variant_a\"\",\"\"variant_b\"\"]\",,it is a price list,"
        ),
        "{of_flag}"
    );
    assert!(dump("markdown").starts_with("| k | name | key |"));
    assert!(dump("table").starts_with("K     NAME"), "{}", dump("table"));
}

#[test]
fn a_place_whose_source_is_not_at_hand_is_listed_without_it() {
    let program = fixture().program();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = cargo_flags();
    command
        .args(["refs", "new_checkout", "--format", "json", "--artifact"])
        .arg(&program)
        .current_dir(elsewhere.path());
    let json = run(&mut command).json();
    assert_eq!(json["call_sites"].as_array().unwrap().len(), 2);
    assert!(json["call_sites"][0]["source"].is_null() && json["call_sites"][0]["line"].is_u64(), "{json}");
}

#[test]
fn programs_profiles_and_features_can_be_chosen() {
    let list = |words: &[&str]| {
        let words = [&["list", "--format", "json"], words].concat();
        let list = run(&mut fixture().command("shop-kiosk", &words)).json();
        list.as_array().unwrap().iter().map(|flag| format!("{}", flag["package"])).collect::<Vec<_>>()
    };
    assert_eq!(list(&["--bin", "shop-kiosk"]), [r#""shop-kiosk""#]);
    assert_eq!(list(&["--bin", "both"]).len(), 4, "with those of the shop");
    let error = run(&mut fixture().command("shop-kiosk", &["list", "--bin", "no-such"])).failed(2);
    assert!(error.contains("no-such"), "{error}");
    let error = run(&mut fixture().command("shop-kiosk", &["list", "--features", "no-such"])).failed(2);
    assert!(error.contains("no-such"), "{error}");
    let error = run(cargo_flags().args(["list", "--release", "--artifact", "x"])).failed(2);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn what_cannot_be_built_or_read_is_an_error() {
    let error = run(&mut fixture().command("shop", &["list", "-p", "shop-broken"])).failed(2);
    assert!(error.contains("mismatched types") && error.contains("the build failed"), "{error}");
    let error = run(&mut fixture().command("shop", &["list", "-p", "shop-plugni"])).failed(2);
    assert!(error.contains("no package `shop-plugni` in this workspace: did you mean `shop-plugin`?"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = run(cargo_flags().arg("list").current_dir(empty.path())).failed(2);
    assert!(error.contains("cargo finds no package"), "{error}");

    let file = empty.path().join("notes.txt");
    let error = run(cargo_flags().args(["list", "--artifact"]).arg(&file)).failed(2);
    assert!(error.contains("notes.txt: the file cannot be read: "), "{error}");
    fs::write(&file, "not a program").unwrap();
    let error = run(cargo_flags().args(["dump", "--artifact"]).arg(&file)).failed(2);
    assert!(error.contains("no flags can be read from") && error.contains("notes.txt"), "{error}");
}

#[test]
fn a_program_without_flags_has_an_empty_list() {
    let own = env!("CARGO_BIN_EXE_cargo-flags");
    let said = run(cargo_flags().args(["list", "--format", "json", "--artifact", own]));
    assert!(said.stderr.contains("warning: no flags are recorded there"), "{said:?}");
    assert_eq!(said.done(), "[]\n");
}

#[test]
fn options_after_two_dashes_go_to_cargo() {
    let error = run(&mut fixture().command("shop", &["list", "--", "--features", "no-such"])).failed(2);
    assert!(error.contains("no-such"), "{error}");
    let list = run(&mut fixture().command("shop", &["list", "--format", "json", "--", "--bin", "shop"])).json();
    assert_eq!(names(&list), ["new_checkout", "page_size", "pricing"]);
}

#[test]
fn list_warns_of_a_name_that_two_places_declare_and_counts_the_reads_of_each() {
    run(&mut fixture().command("shop-kiosk", &["dump"])).done();
    let list = |programs: &[&str], words: &[&str]| {
        let files = programs.iter().map(|name| fixture().built(&format!("{name}{}", std::env::consts::EXE_SUFFIX)));
        run(cargo_flags().arg("list").args(words).arg("--artifact").args(files))
    };
    let counts = |said: Said| -> Vec<String> {
        let csv = said.done();
        let of_name = csv.lines().filter(|line| line.starts_with("new_checkout,"));
        of_name.map(|line| line.split(',').nth(5).unwrap().to_owned()).collect()
    };
    let said = list(&["shop", "shop-kiosk"], &["--format", "csv"]);
    let warning = said.stderr.lines().find(|line| line.starts_with("warning: `new_checkout` is declared 2 times: at "));
    let warning = warning.unwrap_or_else(|| panic!("{said:?}"));
    for words in [
        "shop/src/lib.rs:",
        " (package shop 1.2.3) and at shop-kiosk/src/main.rs:",
        " (package shop-kiosk 1.2.3); start() will refuse them if they are linked into one binary",
    ] {
        assert!(warning.contains(words), "{words}: {warning}");
    }
    assert_eq!(counts(said), ["2", "1"]);
    assert_eq!(list(&["shop", "shop"], &[]).stderr, "", "one declaration in two files is one");

    let said = list(&["both"], &["--format", "csv"]);
    assert!(said.stderr.contains("is declared 2 times"), "{said:?}");
    assert_eq!(counts(said), ["2 of all of this name", "2 of all of this name"], "nothing tells them apart");
}
