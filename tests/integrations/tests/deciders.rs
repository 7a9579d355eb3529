//! The same application, answered in turn by a file, Redis, LaunchDarkly and OpenFeature.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flags_runtime::provider::launchdarkly::LaunchDarkly;
use flags_runtime::provider::launchdarkly::sdk::{
    ConfigBuilder, NullEventProcessorBuilder, ServiceEndpointsBuilder, StreamingDataSourceBuilder,
};
use flags_runtime::provider::openfeature::FromOpenFeature;
use flags_runtime::source::FileSource;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{Builder, EvaluationContext, Flag, FlagValue, Readiness, builder, feature_flag, flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::launchdarkly::LaunchDarklyServer;
use flags_workspace_tests::redis::RedisServer;
use launchdarkly_sdk_transport::HyperTransport;
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext as OpenContext, EvaluationError, EvaluationErrorCode, EvaluationResult, StructValue, async_trait,
};
use serde_json::json;

/// What customers pay.
#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[feature_flag(name = "new_checkout", default = false, expires = "2099-01-01")]
static NEW_CHECKOUT: Flag<bool>;
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;

const SOON: Duration = Duration::from_secs(20);

/// The application: it does not know who decides.
fn shop(user: &str) -> String {
    EvaluationContext::new(user).scope(|| {
        let steps = if flag!(NEW_CHECKOUT) { "new" } else { "old" };
        let price = match flag!(PRICING) {
            Pricing::Control => 10,
            Pricing::VariantA => 9,
        };
        format!("{user}: {steps} checkout, {price} EUR")
    })
}

/// Somebody decides: the checkout for ada, the price for all; then nobody has the checkout any more.
fn visit(builder: Builder, kill: impl FnOnce()) {
    assert_eq!(shop("ada"), "ada: old checkout, 10 EUR", "nobody decides yet");
    let guard = builder.start().unwrap();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    assert_eq!(shop("ada"), "ada: new checkout, 9 EUR");
    assert_eq!(shop("bob"), "bob: old checkout, 9 EUR");
    kill();
    assert!(eventually(SOON, || shop("ada") == "ada: old checkout, 9 EUR"), "{}", shop("ada"));
    drop(guard);
    // The next one begins with declared defaults.
    drop(flags_runtime::builder().start().unwrap());
}

const CHECKOUT: &str = r#"{"name":"new_checkout","enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}"#;
const KILLED: &str = r#"{"name":"new_checkout","enabled":false}"#;
const PRICE: &str = r#"{"name":"pricing","enabled":true,"value":"variant_a"}"#;

/// OpenFeature's side: whoever is in the list has the checkout.
struct InMemory {
    metadata: ProviderMetadata,
    users: Arc<Mutex<HashMap<String, bool>>>,
}

fn unknown<T>() -> EvaluationResult<T> {
    Err(EvaluationError { code: EvaluationErrorCode::FlagNotFound, message: None })
}

#[async_trait]
impl FeatureProvider for InMemory {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(&self, key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<bool>> {
        assert_eq!(key, "new_checkout");
        let user = ctx.targeting_key.clone().unwrap_or_default();
        Ok(ResolutionDetails::new(self.users.lock().unwrap().get(&user).copied().unwrap_or(false)))
    }

    async fn resolve_int_value(&self, _: &str, _: &OpenContext) -> EvaluationResult<ResolutionDetails<i64>> {
        unknown()
    }

    async fn resolve_float_value(&self, _: &str, _: &OpenContext) -> EvaluationResult<ResolutionDetails<f64>> {
        unknown()
    }

    async fn resolve_string_value(&self, key: &str, _: &OpenContext) -> EvaluationResult<ResolutionDetails<String>> {
        assert_eq!(key, "pricing");
        Ok(ResolutionDetails::new("variant_a"))
    }

    async fn resolve_struct_value(&self, _: &str, _: &OpenContext) -> EvaluationResult<ResolutionDetails<StructValue>> {
        unknown()
    }
}

#[test]
fn the_same_application_is_answered_by_file_redis_launchdarkly_and_openfeature() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    fs::write(&file, format!(r#"{{"new_checkout":{CHECKOUT},"pricing":{PRICE}}}"#)).unwrap();
    visit(builder().source(FileSource::new(&file)), || {
        fs::write(&file, format!(r#"{{"new_checkout":{KILLED},"pricing":{PRICE}}}"#)).unwrap();
    });

    let redis = RedisServer::start();
    redis.cli(&["SET", "ff:new_checkout", CHECKOUT]);
    redis.cli(&["SET", "ff:pricing", PRICE]);
    visit(builder().source(RedisSource::new(&redis.url()).unwrap()), || {
        redis.cli(&["SET", "ff:new_checkout", KILLED]);
    });

    let server = LaunchDarklyServer::start("sdk-key");
    server.set(
        "new_checkout",
        json!({ "targets": [{"values": ["ada"], "variation": 0}], "fallthrough": {"variation": 1} }),
    );
    server.set("pricing", json!({ "variations": ["variant_a", "control"] }));
    let mut stream = StreamingDataSourceBuilder::new();
    stream.transport(HyperTransport::builder().build_http().unwrap());
    let config = ConfigBuilder::new("sdk-key")
        .service_endpoints(ServiceEndpointsBuilder::new().relay_proxy(&server.url()))
        .data_source(&stream)
        .event_processor(&NullEventProcessorBuilder::new());
    let launchdarkly = LaunchDarkly::with_config(config).unwrap();
    visit(builder().provider_for_all(launchdarkly), || server.set("new_checkout", json!({ "on": false })));

    let users = Arc::new(Mutex::new(HashMap::from([("ada".to_owned(), true)])));
    let in_memory = InMemory { metadata: ProviderMetadata::new("in memory"), users: Arc::clone(&users) };
    visit(builder().provider_for_all(FromOpenFeature::new("in-memory", in_memory)), || users.lock().unwrap().clear());
}
