//! LaunchDarkly: its server-side SDK with its own source of test data, in place of the stream, and without sending events.
//!
//! An evaluation makes its event nevertheless; sending it would cost more.

use std::time::{Duration, Instant};

use launchdarkly_server_sdk::{Client, ConfigBuilder, Context, ContextBuilder, NullEventProcessorBuilder, TestData};
use serde_json::{Value, json};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let rollout = json!({ "rollout": { "variations": [
        { "variation": 0, "weight": 50_000 }, { "variation": 1, "weight": 50_000 },
    ]}});
    let first = json!({ "variation": 0 });
    let second = json!({ "variation": 1 });
    let both = json!([true, false]);
    let data = TestData::new();
    for flag in [
        flag(peers::ON, &both, &json!([]), &first),
        flag(peers::HALF, &both, &json!([]), &rollout),
        flag(peers::LIST, &both, &json!([{ "values": users::listed(), "variation": 0 }]), &second),
        flag(peers::TEXT, &json!([peers::SAID, "default"]), &json!([]), &first),
    ] {
        data.use_preconfigured_flag(serde_json::from_value(flag).expect("a flag as the server sends it"));
    }
    let client = started(&data);
    peers
        .library("LaunchDarkly", "launchdarkly-server-sdk", user)
        .on(|user| client.bool_variation(user, peers::ON, false))
        .half(|user| client.bool_variation(user, peers::HALF, false))
        .list(|user| client.bool_variation(user, peers::LIST, false))
        .text(|user| client.str_variation(user, peers::TEXT, String::new()));
}

fn flag(key: &str, variations: &Value, targets: &Value, fallthrough: &Value) -> Value {
    json!({
        "key": key, "version": 1, "on": true, "targets": targets, "contextTargets": [], "rules": [],
        "prerequisites": [], "fallthrough": fallthrough, "offVariation": 1, "variations": variations, "salt": "salt",
        "clientSideAvailability": { "usingMobileKey": false, "usingEnvironmentId": false },
    })
}

fn user(name: &str) -> Context {
    ContextBuilder::new(name).build().expect("a name is enough")
}

fn started(data: &TestData) -> &'static Client {
    let config = ConfigBuilder::new("no key")
        .data_source(data)
        .event_processor(&NullEventProcessorBuilder::new())
        .build()
        .expect("nothing is missing");
    let client = Client::build(config).expect("it connects to nothing");
    client.start_with_runtime().expect("a runtime of its own");
    let end = Instant::now() + Duration::from_secs(30);
    while !client.initialized() {
        assert!(Instant::now() < end, "LaunchDarkly's client does not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    Box::leak(Box::new(client))
}
