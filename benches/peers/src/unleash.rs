//! Unleash: the engine that its SDKs are built on, with the state that they get from a server.
//!
//! An SDK also counts each read; the engine alone does not.

use serde_json::json;
use unleash_yggdrasil::{Context, EngineState, UpdateMessage};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let rollout = json!({ "rollout": "50", "stickiness": "userId", "groupId": peers::HALF });
    let text = json!([{
        "name": "text", "weight": 1000, "weightType": "variable", "stickiness": "default",
        "payload": { "type": "string", "value": peers::SAID },
    }]);
    let features = json!({ "version": 2, "features": [
        feature(peers::ON, "default", &json!({}), &json!([])),
        feature(peers::HALF, "flexibleRollout", &rollout, &json!([])),
        feature(peers::LIST, "userWithId", &json!({ "userIds": users::listed().join(",") }), &json!([])),
        feature(peers::TEXT, "default", &json!({}), &text),
    ]});
    let features: UpdateMessage = serde_json::from_value(features).expect("features as a server sends them");
    let engine = EngineState::default();
    let warnings = engine.take_state(features);
    assert!(warnings.is_none(), "{warnings:?}");
    let engine: &EngineState = Box::leak(Box::new(engine));
    peers
        .library("Unleash engine", "unleash-yggdrasil", |name| Context {
            user_id: Some(name.to_owned()),
            ..Context::default()
        })
        .on(|user| engine.is_enabled(peers::ON, user, &None))
        .half(|user| engine.is_enabled(peers::HALF, user, &None))
        .list(|user| engine.is_enabled(peers::LIST, user, &None))
        .text(|user| engine.get_variant(peers::TEXT, user, &None).payload.map(|it| it.value).unwrap_or_default());
}

fn feature(
    name: &str,
    strategy: &str,
    parameters: &serde_json::Value,
    variants: &serde_json::Value,
) -> serde_json::Value {
    json!({
        "name": name, "type": "release", "enabled": true, "variants": variants,
        "strategies": [{ "name": strategy, "parameters": parameters }],
    })
}
