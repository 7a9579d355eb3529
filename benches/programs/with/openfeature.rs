//! One flag, by OpenFeature's own SDK, and a provider that knows nothing.

use open_feature::OpenFeature;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = OpenFeature::default().create_client();
    println!("hello {:?}", client.get_bool_value("new_checkout", None, None).await);
}
