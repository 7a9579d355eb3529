//! Fixture: a real workspace with flags, built by the command under test as a user's would be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{cargo_flags, repository, write_changed};

/// The programs of the workspace `shop`.
pub(crate) struct Fixture {
    folder: PathBuf,
}

/// The fixture. Its folder is the same for every run, so that its dependencies are built once.
pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shop");
        write_workspace(&folder);
        let fixture = Fixture { folder };
        let output = fixture.command("", &["dump"]).output().unwrap();
        assert!(output.status.success(), "the fixture does not build: {}", String::from_utf8_lossy(&output.stderr));
        fixture
    })
}

impl Fixture {
    /// The command in the folder of a package.
    pub(crate) fn command(&self, package: &str, words: &[&str]) -> Command {
        let mut command = cargo_flags();
        command.args(words).current_dir(self.folder.join(package));
        command
    }

    /// The built program of `shop`.
    pub(crate) fn program(&self) -> PathBuf {
        self.built(&format!("shop{}", std::env::consts::EXE_SUFFIX))
    }

    /// A built file.
    pub(crate) fn built(&self, file: &str) -> PathBuf {
        self.folder.join("target/debug").join(file)
    }

    /// Where a file of it is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// A source file.
    pub(crate) fn source(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    /// `file:line:col` of every `flag!` of a file.
    pub(crate) fn places(&self, file: &str) -> Vec<String> {
        let source = self.source(file);
        let lines = source.lines().enumerate();
        lines.filter_map(|(line, text)| Some(format!("{file}:{}:{}", line + 1, text.find("flag!(")? + 1))).collect()
    }
}

/// A workspace of five packages: programs and an example, a C library, a Rust library alone, one that declares a flag's
/// name again, and one that does not build.
pub(crate) fn write_workspace(folder: &Path) {
    let runtime = repository("flags-runtime").display().to_string();
    let manifest = |name: &str, more: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2024\"\n{more}\n\
             [dependencies]\nflags-runtime = {{ path = {runtime:?} }}\n"
        )
    };
    let write = |file: &str, text: &str| write_changed(&folder.join(file), text);
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"shop\", \"shop-plugin\", \"shop-prices\", \"shop-kiosk\", \"shop-broken\"]\n\
         default-members = [\"shop\", \"shop-plugin\", \"shop-prices\"]\n\
         [profile.dev]\ndebug = false\n",
    );
    // The versions that the workspace itself was built with are the ones that are there.
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    write("shop/Cargo.toml", &manifest("shop", ""));
    write("shop/src/lib.rs", LIBRARY);
    write("shop/src/main.rs", PROGRAM);
    write("shop/examples/tour.rs", EXAMPLE);
    write("shop-plugin/Cargo.toml", &manifest("shop-plugin", "[lib]\ncrate-type = [\"cdylib\"]\n"));
    write("shop-plugin/src/lib.rs", PLUGIN);
    write("shop-prices/Cargo.toml", &manifest("shop-prices", ""));
    write("shop-prices/src/lib.rs", PRICES);
    write("shop-kiosk/Cargo.toml", &(manifest("shop-kiosk", "") + "shop = { path = \"../shop\" }\n"));
    write("shop-kiosk/src/main.rs", KIOSK);
    write(
        "shop-kiosk/src/bin/both.rs",
        &KIOSK.replace("// and the shop", "shop::checkout(&flags_runtime::EvaluationContext::new(\"u\"));"),
    );
    write("shop-broken/Cargo.toml", &manifest("shop-broken", ""));
    write("shop-broken/src/lib.rs", "pub fn broken() -> u8 { \"no\" }\n");
}

const LIBRARY: &str = r#"//! The shop.
use flags_runtime::{EvaluationContext, Flag, FlagValue, feature_flag, flag};

/// Checkout on the "new" cart | service.
#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "payments", ticket = "PAY-7", kind = release)]
pub static NEW_CHECKOUT: Flag<bool>;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
pub enum Pricing { Control, VariantA, VariantB }

#[feature_flag(name = "pricing", default = Pricing::Control, expires = never("it is a price list"), public)]
pub static PRICING: Flag<Pricing>;

#[feature_flag(name = "page_size", key = "Page Size", default = 20, expires = "2099-01-01")]
pub static PAGE_SIZE: Flag<u8>;

pub fn checkout(ctx: &EvaluationContext) -> bool {
    flag!(NEW_CHECKOUT, ctx)
}

pub fn price() -> u8 {
    match flag!(PRICING) {
        Pricing::Control => 1,
        Pricing::VariantA | Pricing::VariantB => 2,
    }
}
"#;

const PROGRAM: &str = r#"use flags_runtime::{EvaluationContext, flag};

fn main() {
    let ctx = EvaluationContext::new("user-42");
    if shop::checkout(&ctx) { println!("{}", shop::price()); }
    println!("{}", flag!(shop::NEW_CHECKOUT, &ctx));
}
"#;

const EXAMPLE: &str = r#"fn main() {
    println!(
        "{}",
        flags_runtime::flag!(shop::PAGE_SIZE)
    );
}
"#;

const PLUGIN: &str = r#"use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "plugin_mode", default = true, expires = "2099-03-01", owner = "tools")]
pub static PLUGIN_MODE: Flag<bool>;

#[unsafe(no_mangle)]
pub extern "C" fn plugin_mode() -> bool {
    flag!(PLUGIN_MODE)
}
"#;

const PRICES: &str = r#"use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "discount", default = 0.25, expires = "2099-03-01")]
pub static DISCOUNT: Flag<f64>;

pub fn discount() -> f64 {
    flag!(DISCOUNT)
}
"#;

const KIOSK: &str = r#"use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "kiosk")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    // and the shop
    println!("{}", flag!(NEW_CHECKOUT));
}
"#;
