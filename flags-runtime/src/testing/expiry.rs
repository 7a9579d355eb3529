//! The test that no flag of this binary has expired, by the clock of the machine that runs it.

use std::time::SystemTime;

use crate::registry::{Declaration, registry};

/// Asserts that no flag that is linked into the test has expired today (UTC).
///
/// For those who want the calendar to fail a test. A compiler's warning is seen when a crate is compiled; this is
/// asked at every run. Flags of packages that cargo fetched, from a registry or a git repository, are not looked at:
/// nobody here can remove them.
///
/// ```
/// # use flags_runtime::{Flag, feature_flag};
/// # #[feature_flag(name = "assert_none_expired_example", default = false, expires = "2099-03-01")]
/// # static EXAMPLE: Flag<bool>;
/// // in a test of the program, as `#[test] fn no_flag_has_expired() { .. }`
/// # fn main() {
/// flags_runtime::testing::assert_none_expired();
/// # }
/// ```
///
/// # Panics
///
/// If one has; the message names every flag, its date, its owner and where it is declared.
#[track_caller]
pub fn assert_none_expired() {
    let expired = registry().expired(SystemTime::now());
    if let Some(report) = report(expired.into_iter().filter(|flag| !is_fetched(flag.file()))) {
        panic!("{report}");
    }
}

/// Whether the file lies where cargo unpacks what it fetches.
fn is_fetched(file: &str) -> bool {
    let file = file.replace('\\', "/");
    file.contains("/registry/src/") || file.contains("/git/checkouts/")
}

fn report<'a>(expired: impl Iterator<Item = &'a Declaration>) -> Option<String> {
    let lines: Vec<_> = expired.map(line).collect();
    let flags = match lines.len() {
        0 => return None,
        1 => "1 feature flag has",
        _ => &format!("{} feature flags have", lines.len()),
    };
    Some(format!("{flags} expired: remove each and the code behind it, or move its date\n{}", lines.concat()))
}

fn line(flag: &Declaration) -> String {
    let owner = flag.owner().map_or_else(|| "no owner".to_owned(), |owner| format!("owner: {owner}"));
    format!(
        "  `{}` on {} ({owner}), declared at {}:{}:{} (package {} {})\n",
        flag.name(),
        flag.expires().unwrap_or_default(),
        flag.file(),
        flag.line(),
        flag.column(),
        flag.package(),
        flag.package_version(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::declaration::{Metadata, Place};

    fn flag(name: &'static str, owner: &'static str) -> Declaration {
        let place =
            Place { package: "shop", version: "1.2.3", file: "src/lib.rs", line: 5, column: 12, module: "shop" };
        let meta = Metadata { name, owner, expires: "2026-10-31", place, ..Metadata::EMPTY };
        Declaration::new(meta, |_| Ok(None), || 0, &[])
    }

    #[test]
    fn the_report_names_flag_date_owner_and_place() {
        assert_eq!(report([].iter()), None);
        assert_eq!(
            report([flag("a", "payments"), flag("b", "")].iter()).unwrap(),
            "2 feature flags have expired: remove each and the code behind it, or move its date\n  \
             `a` on 2026-10-31 (owner: payments), declared at src/lib.rs:5:12 (package shop 1.2.3)\n  \
             `b` on 2026-10-31 (no owner), declared at src/lib.rs:5:12 (package shop 1.2.3)\n"
        );
        assert!(report([flag("a", "payments")].iter()).unwrap().starts_with("1 feature flag has expired"));
    }

    #[test]
    fn packages_that_cargo_fetched_are_told_by_their_place() {
        for file in ["shop/src/lib.rs", "/outer/lib/src/lib.rs", "/src/lib.rs", "registry/src/lib.rs"] {
            assert!(!is_fetched(file), "{file}");
        }
        for file in [
            "/cargo/registry/src/index-1/lib-1.0.0/src/lib.rs",
            "/cargo/git/checkouts/lib-1/abc/src/lib.rs",
            r"C:\cargo\registry\src\index-1\lib-1.0.0\src\lib.rs",
        ] {
            assert!(is_fetched(file), "{file}");
        }
    }
}
