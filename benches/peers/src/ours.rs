//! This library: flags declared as a service declares them, their documents in memory.

use std::time::Duration;

use flags_runtime::source::MemorySource;
use flags_runtime::{EvaluationContext, Flag, Guard, builder, feature_flag, flag};

use crate::peers::{self, Peers};
use crate::users;

#[feature_flag(name = "peers_on", default = false, expires = "2099-01-01")]
static ON: Flag<bool>;
#[feature_flag(name = "peers_half", default = false, expires = "2099-01-01")]
static HALF: Flag<bool>;
#[feature_flag(name = "peers_list", default = false, expires = "2099-01-01")]
static LIST: Flag<bool>;
#[feature_flag(name = "peers_text", default = "default", expires = "2099-01-01")]
static TEXT: Flag<String>;

/// Adds its cases, and keeps the flags running as long as the guard is kept.
pub(crate) fn add(peers: &mut Peers) -> Guard {
    let source = MemorySource::new();
    let writer = source.writer();
    writer.set(peers::ON, r#"{"enabled":true}"#);
    writer.set(peers::HALF, r#"{"enabled":true,"rollout_percentage":50}"#);
    let listed = serde_json::json!({ "enabled": true, "rollout_percentage": 0, "allowed_users": users::listed() });
    writer.set(peers::LIST, listed.to_string());
    writer.set(peers::TEXT, format!(r#"{{"enabled":true,"value":"{}"}}"#, peers::SAID));
    let guard = builder().source(source).start().expect("nothing else started");
    guard.wait_ready(Duration::from_secs(30)).expect("memory answers");
    peers
        .ours(|name| EvaluationContext::new(name))
        .on(|user| flag!(ON, user))
        .half(|user| flag!(HALF, user))
        .list(|user| flag!(LIST, user))
        .text(|user| flag!(TEXT, user));
    guard
}
