//! GrowthBook: its client with features given by hand.
//!
//! A read copies all features of the client, so each work has a client with its one feature; and it takes the attributes of the user
//! as its own, so each read copies them, as a request with more than one read has to. The list is a saved group, which takes a sixth
//! of the time of a list in the rule itself.

use futures::executor::block_on;
use growthbook_rust::client::{GrowthBookClient, GrowthBookClientBuilder, GrowthBookClientTrait as _};
use growthbook_rust::model_public::GrowthBookAttribute;
use serde_json::{Value, json};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let on = client(peers::ON, &json!({ "defaultValue": true }), json!({}));
    let rule = json!({ "force": true, "coverage": 0.5, "hashAttribute": "id" });
    let half = client(peers::HALF, &json!({ "defaultValue": false, "rules": [rule] }), json!({}));
    let rule = json!({ "force": true, "condition": { "id": { "$inGroup": "listed" } } });
    let groups = json!({ "listed": users::listed() });
    let list = client(peers::LIST, &json!({ "defaultValue": false, "rules": [rule] }), groups);
    let text = client(peers::TEXT, &json!({ "defaultValue": peers::SAID }), json!({}));
    peers
        .library("GrowthBook", "growthbook-rust", |name| {
            GrowthBookAttribute::from(json!({ "id": name })).expect("it is an object")
        })
        .on(|user| on.is_on(peers::ON, Some(user.clone())))
        .half(|user| half.is_on(peers::HALF, Some(user.clone())))
        .list(|user| list.is_on(peers::LIST, Some(user.clone())))
        .text(|user| match text.feature_result(peers::TEXT, Some(user.clone())).value {
            Value::String(text) => text,
            other => panic!("no text: {other}"),
        });
}

fn client(key: &str, feature: &Value, groups: Value) -> &'static GrowthBookClient {
    let builder = GrowthBookClientBuilder::new().features_json(json!({ key: feature })).expect("it is a feature");
    let builder = builder.saved_groups(groups);
    Box::leak(Box::new(block_on(builder.build()).expect("it needs no server")))
}
