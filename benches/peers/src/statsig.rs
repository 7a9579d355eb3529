//! Statsig: its server-side SDK with the specs that it gets from a server given by hand, and with no events.
//!
//! Its flags are on or off; a text is a value of what it calls a dynamic config.

use std::sync::Arc;

use serde_json::{Value, json};
use statsig_rust::{Statsig, StatsigBootstrapSpecsAdapter, StatsigOptions, StatsigUser};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let statsig = started(&specs());
    peers
        .library("Statsig", "statsig-rust", |name| StatsigUser::with_user_id(name))
        .on(|user| statsig.check_gate(user, peers::ON))
        .half(|user| statsig.check_gate(user, peers::HALF))
        .list(|user| statsig.check_gate(user, peers::LIST))
        .text(|user| statsig.get_dynamic_config(user, peers::TEXT).get_string("text", String::new()));
}

fn specs() -> Value {
    let gate = |condition: &str, share: u32| spec("feature_gate", condition, share, &json!(false), &json!(true));
    let text = spec("dynamic_config", "everybody", 100, &json!({}), &json!({ "text": peers::SAID }));
    json!({
        "time": 1, "has_updates": true, "experiment_to_layer": {}, "layer_configs": {},
        "feature_gates": {
            peers::ON: gate("everybody", 100), peers::HALF: gate("everybody", 50), peers::LIST: gate("listed", 100),
        },
        "dynamic_configs": { peers::TEXT: text },
        "condition_map": {
            "everybody": { "type": "public", "idType": "userID" },
            // The other operator, which tells capitals apart, looks at each of the list.
            "listed": { "type": "unit_id", "idType": "userID", "operator": "any", "targetValue": users::listed() },
        },
    })
}

fn spec(kind: &str, condition: &str, share: u32, default: &Value, value: &Value) -> Value {
    let rule = json!({
        "name": "only", "id": "only", "salt": "rule", "idType": "userID", "groupName": "only",
        "passPercentage": share, "conditions": [condition], "returnValue": value,
    });
    json!({
        "type": kind, "entity": kind, "salt": "spec", "idType": "userID", "enabled": true, "isActive": true,
        "defaultValue": default, "rules": [rule],
    })
}

fn started(specs: &Value) -> &'static Statsig {
    let options = StatsigOptions {
        specs_adapter: Some(Arc::new(StatsigBootstrapSpecsAdapter::new(specs.to_string()))),
        disable_all_logging: Some(true),
        disable_country_lookup: Some(true),
        disable_disk_access: Some(true),
        disable_network: Some(true),
        ..StatsigOptions::default()
    };
    let statsig = Statsig::new("secret-key", Some(Arc::new(options)));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(statsig.initialize()).expect("the specs are there");
    // Its tasks end with the runtime, which is to last as long as the process.
    std::mem::forget(runtime);
    Box::leak(Box::new(statsig))
}
