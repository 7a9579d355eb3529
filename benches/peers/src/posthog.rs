//! PostHog: the local evaluation of its SDK, with the definitions that it gets from a server.
//!
//! Its client would also make an event of the first read of each flag for a user.

use std::collections::HashMap;

use posthog_rs::{FlagCache, FlagValue, LocalEvaluationResponse, LocalEvaluator};
use serde_json::{Value, json};

use crate::peers::{self, Peers};
use crate::users;

/// A user: the id, the properties, and no groups.
#[derive(Default)]
struct User {
    id: String,
    properties: HashMap<String, Value>,
    groups: HashMap<String, String>,
    group_properties: HashMap<String, HashMap<String, Value>>,
}

pub(crate) fn add(peers: &mut Peers) {
    let evaluator = evaluator();
    peers
        .library("PostHog", "posthog-rs", |name| User {
            id: name.to_owned(),
            properties: HashMap::from([("id".to_owned(), Value::from(name))]),
            ..User::default()
        })
        .on(|user| is_on(evaluator, peers::ON, user))
        .half(|user| is_on(evaluator, peers::HALF, user))
        .list(|user| is_on(evaluator, peers::LIST, user))
        .text(|user| match evaluated(evaluator, peers::TEXT, user) {
            Some(FlagValue::String(variant)) => variant,
            other => panic!("no text: {other:?}"),
        });
}

fn is_on(evaluator: &LocalEvaluator, key: &str, user: &User) -> bool {
    matches!(evaluated(evaluator, key, user), Some(FlagValue::Boolean(true)))
}

fn evaluated(evaluator: &LocalEvaluator, key: &str, user: &User) -> Option<FlagValue> {
    let value = evaluator.evaluate_flag(key, &user.id, &user.properties, &user.groups, &user.group_properties);
    value.expect("all properties are there")
}

fn evaluator() -> &'static LocalEvaluator {
    // A percentage of 100 would be hashed, too; without one it is not.
    let of = |share: Option<u32>| json!({ "properties": [], "rollout_percentage": share });
    let is_listed = json!({ "key": "id", "operator": "exact", "type": "person", "value": users::listed() });
    let listed = json!({ "properties": [is_listed], "rollout_percentage": null });
    let text = json!({ "variants": [{ "key": peers::SAID, "rollout_percentage": 100 }] });
    let definitions = json!({ "property_matching_version": 2, "flags": [
        { "key": peers::ON, "active": true, "filters": { "groups": [of(None)] } },
        { "key": peers::HALF, "active": true, "filters": { "groups": [of(Some(50))] } },
        { "key": peers::LIST, "active": true, "filters": { "groups": [listed] } },
        { "key": peers::TEXT, "active": true, "filters": { "groups": [of(None)], "multivariate": text } },
    ]});
    let definitions: LocalEvaluationResponse =
        serde_json::from_value(definitions).expect("definitions as a server sends them");
    let cache = FlagCache::new();
    cache.update(definitions);
    Box::leak(Box::new(LocalEvaluator::new(cache)))
}
