//! Eppo: the core that its SDKs are built on, with the configuration that they get from a server, and no assignment to be logged.

use std::sync::Arc;

use eppo_core::configuration_store::ConfigurationStore;
use eppo_core::eval::{Evaluator, EvaluatorConfig};
use eppo_core::ufc::{AssignmentValue, UniversalFlagConfig, VariationType};
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};
use serde_json::{Value, json};

use crate::peers::{self, Peers};
use crate::users;

/// A user: the key and the attributes.
type User = (Str, Arc<Attributes>);

pub(crate) fn add(peers: &mut Peers) {
    let evaluator = evaluator();
    peers
        .library("Eppo core", "eppo_core", |name| (Str::new(name), Arc::new(Attributes::default())))
        .on(|user| is_on(evaluator, peers::ON, user))
        .half(|user| is_on(evaluator, peers::HALF, user))
        .list(|user| is_on(evaluator, peers::LIST, user))
        .text(|user| {
            let text = assigned(evaluator, peers::TEXT, user, VariationType::String);
            text.and_then(AssignmentValue::to_string).expect("the text is known")
        });
}

fn is_on(evaluator: &Evaluator, key: &str, user: &User) -> bool {
    assigned(evaluator, key, user, VariationType::Boolean).is_some_and(|value| value.as_boolean() == Some(true))
}

fn assigned(evaluator: &Evaluator, key: &str, user: &User, expected: VariationType) -> Option<AssignmentValue> {
    let assignment = evaluator.get_assignment(key, &user.0, &user.1, Some(expected));
    assignment.expect("the flag is known").map(|assignment| assignment.value)
}

fn evaluator() -> &'static Evaluator {
    let everybody = json!([{ "shards": [], "variationKey": "first" }]);
    let half = |variation: &str, start: u32| {
        let ranges = json!([{ "start": start, "end": start + 5000 }]);
        json!({ "shards": [{ "salt": peers::HALF, "ranges": ranges }], "variationKey": variation })
    };
    let is_listed = json!({ "attribute": "id", "operator": "ONE_OF", "value": users::listed() });
    let halves = json!([half("first", 0), half("second", 5000)]);
    let both = json!([true, false]);
    let flags = json!({
        "createdAt": "2026-01-01T00:00:00Z", "format": "SERVER", "environment": { "name": "bench" },
        "flags": {
            peers::ON: flag(peers::ON, "BOOLEAN", &both, &json!([]), &everybody),
            peers::HALF: flag(peers::HALF, "BOOLEAN", &both, &json!([]), &halves),
            peers::LIST: flag(peers::LIST, "BOOLEAN", &both, &json!([{ "conditions": [is_listed] }]), &everybody),
            peers::TEXT: flag(peers::TEXT, "STRING", &json!([peers::SAID, "default"]), &json!([]), &everybody),
        },
    });
    let sdk_metadata = SdkMetadata { name: "bench", version: "0" };
    let flags = UniversalFlagConfig::from_json(sdk_metadata, flags.to_string().into_bytes());
    let configuration = Configuration::from_server_response(flags.expect("flags as a server sends them"), None);
    let configuration_store = Arc::new(ConfigurationStore::new());
    configuration_store.set_configuration(Arc::new(configuration));
    Box::leak(Box::new(Evaluator::new(EvaluatorConfig { configuration_store, sdk_metadata })))
}

fn flag(key: &str, kind: &str, values: &Value, rules: &Value, splits: &Value) -> Value {
    json!({
        "key": key, "enabled": true, "variationType": kind, "totalShards": 10_000,
        "variations": {
            "first": { "key": "first", "value": values[0] }, "second": { "key": "second", "value": values[1] },
        },
        "allocations": [{ "key": "only", "rules": rules, "splits": splits, "doLog": false }],
    })
}
