//! Under `panic = "abort"` trials are not run, and a program says so: tried with one that would end at once.

use flags_workspace_tests::cargo_in_fixture;

#[test]
fn b15_with_panic_abort_trials_are_not_run_and_that_is_counted() {
    let (mut cargo, _) = cargo_in_fixture("abort");
    let output = cargo.args(["run", "--quiet"]).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    let verdict = "nothing can be said: this program aborts when it panics, so trials are not run";
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines,
        ["detached 1 1", verdict, "fetch 1 1", verdict, "search 1 1", verdict, "staged 1 1", verdict],
        "{errors}"
    );
}
