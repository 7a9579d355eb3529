//! The quickstart against a real Redis, as the README has it: a `SET` by redis-cli is seen while it runs.

use std::process::Command;

use flags_workspace_tests::example;
use flags_workspace_tests::redis::RedisServer;

#[test]
fn the_quickstart_sees_a_set_of_redis_cli_arrive() {
    let server = RedisServer::start();
    let mut quickstart = Command::new(example("quickstart"));
    quickstart.env("FLAGS_SOURCE", server.url());
    let output = quickstart.env_remove("FLAGS_PREFIX").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("4 flags, redis at 127.0.0.1:{} (push), 4 documents", server.port())), "{said}");
    assert!(said.contains("ms after redis-cli was started: DISABLED"), "{said}");
    assert_eq!(server.cli(&["GET", "quickstart:new_checkout"]), r#"{"name":"new_checkout","enabled":false}"#);
}
