//! A long list of users: what it keeps in memory, and that everybody in it is found.

use flags_runtime::EvaluationContext;
use flags_runtime::evaluate::evaluate;
use flags_runtime::rules::{Document, Targeting};

const USERS: u64 = 100_000;

fn user(number: u64) -> String {
    format!("user-{number:07}")
}

#[test]
fn a_list_takes_little_more_than_its_names() {
    let users: Vec<_> = (0..USERS).map(|number| format!("\"{}\"", user(number))).collect();
    let text = format!(r#"{{"enabled":true,"rollout_percentage":0,"allowed_users":[{}]}}"#, users.join(","));
    let document = Document::parse(text.as_bytes()).unwrap();
    let mut compiled = None;
    let kept = allocation_counter::measure(|| compiled = Some(Targeting::compile(&document)));
    let targeting = compiled.unwrap();
    // 12 of them are the name.
    let each = u64::try_from(kept.bytes_current).unwrap() / USERS;
    assert!((13..=30).contains(&each), "{each} bytes a user: {kept:?}");
    assert!(kept.count_current <= 4, "allocations for each user: {kept:?}");
    let is_on = |name: &str| evaluate("x", Some(&targeting), &EvaluationContext::new(name)).is_on;
    assert!((0..USERS).all(|number| is_on(&user(number))), "somebody is not found");
    assert!((USERS..2 * USERS).all(|number| !is_on(&user(number))), "somebody is found who is not there");
}
