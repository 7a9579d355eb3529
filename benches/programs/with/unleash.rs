//! One flag, by Unleash's own client.

use unleash_api_client::client::{ClientBuilder, FeatureKey};

#[allow(non_camel_case_types)]
#[derive(Debug, Clone, Copy, FeatureKey)]
enum Features {
    new_checkout,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let client = ClientBuilder::default().into_client::<Features>(&url, "app", "instance", None).unwrap();
    client.register().await.unwrap();
    client.poll_for_updates().await;
    println!("hello {}", client.is_enabled(Features::new_checkout, None, false));
}
