//! No lock of ours is held while users' code runs, so it can ask us anything. Alone in its file: it starts the source.

use std::sync::mpsc::channel;
use std::time::Duration;

use flags_runtime::source::MemorySource;
use flags_runtime::{Flag, Json, builder, feature_flag, flag, status};
use serde::{Deserialize, Deserializer};

/// Reads flags and asks for the status while it is read and while it is dropped.
#[derive(Debug)]
struct Curious(u32);

impl<'de> Deserialize<'de> for Curious {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _ = (status(), flag!(PLAIN));
        u32::deserialize(deserializer).map(Self)
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        let _ = (status(), flag!(PLAIN));
    }
}

fn curious() -> u8 {
    let _ = (status(), flag!(PLAIN));
    7
}

#[feature_flag(name = "curious_default", default_fn = curious, expires = "2099-01-01")]
static CURIOUS_DEFAULT: Flag<u8>;
#[feature_flag(name = "curious_value", default = Curious(0), expires = "2099-01-01")]
static CURIOUS_VALUE: Flag<Json<Curious>>;
#[feature_flag(name = "plain", default = false, expires = "2099-01-01")]
static PLAIN: Flag<bool>;

#[test]
fn users_code_may_ask_for_status_and_flags_wherever_we_call_it() {
    // In a thread of its own: a deadlock is then a failure with a sentence, not a test that never ends.
    let (done, finished) = channel();
    std::thread::spawn(move || {
        let source = MemorySource::new();
        let writer = source.writer();
        writer.set("curious_default", r#"{"enabled":false}"#);
        writer.set("curious_value", r#"{"enabled":true,"value":1}"#);
        let guard = builder().source(source).track_reads().start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert_eq!((flag!(CURIOUS_DEFAULT), flag!(CURIOUS_VALUE).0), (7, 1));
        for n in 2..20 {
            writer.set("curious_value", format!(r#"{{"enabled":true,"value":{n}}}"#));
            writer.set("curious_default", format!(r#"{{"enabled":false,"value":{n}}}"#));
            while flag!(CURIOUS_VALUE).0 != n {
                let _ = (flag!(CURIOUS_DEFAULT), status());
            }
        }
        done.send(()).unwrap();
    });
    finished.recv_timeout(Duration::from_secs(20)).expect("users' code and ours wait for each other");
}
