//! What the compiler says to users: one program for each sentence, and programs that must say nothing.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the expected texts anew; read them before they are committed: one
//! mistake is one error.

#[test]
fn programs_pass_or_fail_with_the_sentence_beside_them() {
    // The expected texts speak of flags that have expired: the date comes from `.cargo/config.toml`.
    assert_eq!(std::env::var("FLAGS_TODAY").as_deref(), Ok("2026-11-01"), "run this through cargo, in this repository");
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
