//! ConfigCat: its client with overrides only, so that it asks no server.
//!
//! A read takes the user as its own, so each read copies it, as a request with more than one read has to. And it is a future;
//! `block_on` of `futures` polls it.

use std::collections::HashMap;

use ::configcat::{Client, OverrideBehavior, OverrideDataSource, Setting, User};
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let client = client();
    peers
        .library("ConfigCat", "configcat", User::new)
        .on(|user| block_on(client.get_value(peers::ON, false, Some(user.clone()))))
        .half(|user| block_on(client.get_value(peers::HALF, false, Some(user.clone()))))
        .list(|user| block_on(client.get_value(peers::LIST, false, Some(user.clone()))))
        .text(|user| block_on(client.get_value(peers::TEXT, String::new(), Some(user.clone()))));
}

/// The settings in the form of its configuration file, whose names are letters.
struct Settings(HashMap<String, Setting>);

impl OverrideDataSource for Settings {
    fn settings(&self) -> &HashMap<String, Setting> {
        &self.0
    }
}

fn client() -> &'static Client {
    let is_on = |is_on: bool| json!({ "b": is_on });
    let halves = json!([{ "p": 50, "v": is_on(true) }, { "p": 50, "v": is_on(false) }]);
    // 0 is "is one of" in clear; its hashed form costs a SHA-256 more.
    let is_listed = json!([{ "u": { "a": "Identifier", "c": 0, "l": users::listed() } }]);
    let settings = [
        (peers::ON, json!({ "t": 0, "v": is_on(true) })),
        (peers::HALF, json!({ "t": 0, "v": is_on(false), "p": halves })),
        (peers::LIST, json!({ "t": 0, "v": is_on(false), "r": [{ "c": is_listed, "s": { "v": is_on(true) } }] })),
        (peers::TEXT, json!({ "t": 1, "v": { "s": peers::SAID } })),
    ];
    let settings = Settings(settings.into_iter().map(|(key, parts)| (key.to_owned(), setting(parts))).collect());
    let builder = Client::builder("no key").overrides(Box::new(settings), OverrideBehavior::LocalOnly);
    Box::leak(Box::new(builder.build().expect("nothing is missing")))
}

fn setting(parts: Value) -> Setting {
    serde_json::from_value(parts).expect("a setting as its configuration file has it")
}
