//! Parity with the Python engine, decision by decision.
//!
//! `tests/python/make_vectors.py` wrote the vectors; they are never changed to make this pass. With the feature
//! `arbitrary-precision` the same runs with `serde_json`'s feature of that name, which a user's crate may switch on.

use std::fs;
use std::path::Path;

use flags_runtime::rules::bucket::position;
use flags_runtime::{bucket, rules};
use proptest::prelude::*;
use serde_json::Value;

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn every_golden_bucket_is_the_same_to_the_last_bit() {
    let vectors = vectors("buckets.jsonl");
    assert!(vectors.len() >= 500, "{} vectors", vectors.len());
    for vector in vectors {
        let (name, user) = (vector["name"].as_str().unwrap(), vector["user"].as_str().unwrap());
        assert_eq!(u64::from(position(name, user)), vector["n"].as_u64().unwrap(), "{name}:{user}");
        let expected: f64 = vector["bucket"].to_string().trim_matches('"').parse().unwrap();
        assert_eq!(bucket(name, user).to_bits(), expected.to_bits(), "{name}:{user}");
    }
}

proptest! {
    #[test]
    fn rollout_never_takes_a_flag_away_while_it_grows(user in ".*", name in "[a-z]{1,20}", a in 0.0..=100.0, b in 0.0..=100.0) {
        let (small, large) = if a < b { (a, b) } else { (b, a) };
        let is_on = |percentage: f64| {
            let text = format!(r#"{{"enabled":true,"rollout_percentage":{percentage:?}}}"#);
            let document = rules::Document::parse(text.as_bytes()).unwrap();
            let targeting = rules::Targeting::compile(&document);
            let ctx = flags_runtime::EvaluationContext::new(user.as_str());
            flags_runtime::evaluate::evaluate(&name, Some(&targeting), &ctx).is_on
        };
        prop_assert!(!is_on(small) || is_on(large));
        prop_assert_eq!(is_on(large), large >= 100.0 || bucket(&name, &user) < large);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = rules::Document::parse(&bytes);
    }

    #[test]
    fn any_json_like_text_is_read_or_refused_without_a_panic(text in r#"([\[\]{}":,\\ud89eE+.0-]|true|null|"enabled"|"value"){0,60}"#) {
        let _ = rules::Document::parse(text.as_bytes());
    }
}

#[test]
fn hostile_sizes_and_depths_are_refused_in_bounded_time() {
    let deep = format!(r#"{{"enabled":true,"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(rules::Document::parse(deep.as_bytes()).unwrap_err().to_string().contains("128 levels"));
    let open = "[".repeat(50_000_000);
    assert!(rules::Document::parse(open.as_bytes()).is_err());
    let long_user = "u".repeat(50_000_000);
    let large = format!(r#"{{"enabled":true,"allowed_users":["{long_user}"]}}"#);
    assert_eq!(rules::Document::parse(large.as_bytes()).unwrap().allowed_users[0].len(), 50_000_000);
    let too_large = vec![b' '; rules::MAX_BYTES + 1];
    assert!(rules::Document::parse(&too_large).unwrap_err().to_string().contains("at most"));
    let invalid = rules::Document::parse(b"{\"name\":\"\xff\"}").unwrap_err();
    assert!(invalid.to_string().contains("not UTF-8"), "{invalid}");
}
