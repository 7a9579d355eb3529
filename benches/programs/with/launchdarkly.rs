//! One flag, by LaunchDarkly's own SDK.

use launchdarkly_server_sdk::{Client, ConfigBuilder, ContextBuilder};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let key = std::env::args().nth(1).unwrap();
    let client = Client::build(ConfigBuilder::new(&key).build().unwrap()).unwrap();
    client.start_with_default_executor();
    let context = ContextBuilder::new("user").build().unwrap();
    println!("hello {}", client.bool_variation(&context, "new_checkout", false));
}
