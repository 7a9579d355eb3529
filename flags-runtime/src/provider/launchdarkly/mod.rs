//! LaunchDarkly: its own Rust SDK decides, and flags that it answers alike to everybody are settled.
//!
//! The SDK streams flags and evaluates in memory, so it is asked in the reader's thread. What could not be tried without an account:
//! LaunchDarkly's own servers. The tests run the real SDK against a server of ours that speaks its streaming protocol.

mod answer;
mod context;
mod known;
mod stream;

use std::env;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use launchdarkly_sdk_transport::Uri;
/// LaunchDarkly's SDK, for its configuration and what only it can do.
pub use launchdarkly_server_sdk as sdk;
use launchdarkly_server_sdk::{Client, ConfigBuilder, FlagValue, PersistentDataStoreBuilder, ServiceEndpointsBuilder};
use tokio::runtime::{Builder, Runtime};

use self::known::{Known, KnownFactory};
use self::stream::Watch;
use super::{Provider, ProviderError, ProviderEvents, Resolution, ResolutionError, ValueType};
use crate::context::EvaluationContext;

/// LaunchDarkly as a provider, under the name `launchdarkly`. Its clones are the same client, which starts once: each start of this
/// library needs one of its own.
///
/// ```no_run
/// use flags_runtime::provider::launchdarkly::LaunchDarkly;
/// use flags_runtime::{Flag, feature_flag, flag};
///
/// #[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", provider = launchdarkly)]
/// static NEW_CHECKOUT: Flag<bool>;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let launchdarkly = LaunchDarkly::from_env()?; // LAUNCHDARKLY_SDK_KEY
/// let guard = flags_runtime::builder().provider(launchdarkly.clone()).start()?;
/// guard.wait_ready(std::time::Duration::from_secs(5))?;
/// if flag!(NEW_CHECKOUT) {
///     println!("the new checkout");
/// }
/// # Ok(())
/// # }
/// ```
///
/// | ours | LaunchDarkly's |
/// |---|---|
/// | the flag's key | the flag key |
/// | targeting key, kind, attributes | key, kind (`user` unless given), attributes; an attribute `key` or `kind` is left out |
/// | groups | the attribute `groups`, a list |
/// | no targeting key | an anonymous context with the key `anonymous`; `details` have `TARGETING_KEY_MISSING` |
/// | variant | the variation's index |
/// | reason | `OFF`, `PREREQUISITE_FAILED`: `DISABLED`; `TARGET_MATCH`, `RULE_MATCH`: `TARGETING_MATCH`; `FALLTHROUGH`: `STATIC` if it is the same for everybody, `SPLIT` of a percentage, else `DEFAULT` |
/// | flag metadata | `variationIndex`, and of its reason `kind`, `ruleIndex`, `ruleId`, `prerequisiteKey`, `inExperiment` (if it is) |
///
/// A flag that is off, or on without targets, rules, prerequisites and percentage, is *settled*: reads do not reach the SDK. So that
/// LaunchDarkly sees that it is in use, the first read of each minute does; [`count_every_read`](Self::count_every_read) gives
/// that up. Flags of which it wants every event (experiments, data export, debugging) are never settled.
///
/// Keys and attributes go to LaunchDarkly as its SDK sends them: make attributes private in
/// [`with_config`](Self::with_config). The SDK needs rustc 1.95, and writes its own log with the crate `log`.
#[derive(Clone)]
pub struct LaunchDarkly {
    inner: Arc<Inner>,
    counts_every_read: bool,
}

struct Inner {
    client: Client,
    known: Arc<Known>,
    watch: Arc<Watch>,
    /// It cannot be started twice: the SDK's stream ends with it.
    was_started: AtomicBool,
    runtime: Mutex<Option<Runtime>>,
}

/// After how long without a first answer that is told.
const PATIENCE: Duration = Duration::from_secs(10);

impl LaunchDarkly {
    /// A client for an SDK key, with the SDK's own settings.
    ///
    /// # Errors
    ///
    /// If the key is empty, or the SDK cannot be set up.
    pub fn new(sdk_key: &str) -> Result<Self, ProviderError> {
        Self::with_endpoints(sdk_key, &ServiceEndpointsBuilder::new())
    }

    /// The same at other endpoints: a Relay Proxy, or an instance of one's own.
    ///
    /// # Errors
    ///
    /// If the key is empty, or the SDK cannot be set up.
    pub fn with_endpoints(sdk_key: &str, endpoints: &ServiceEndpointsBuilder) -> Result<Self, ProviderError> {
        let key = sdk_key.trim();
        if key.is_empty() {
            return Err(ProviderError::new("the SDK key is empty: LaunchDarkly shows it with its environment"));
        }
        let urls = endpoints.build().map_err(|error| set_up(&error))?;
        for url in [urls.streaming_base_url(), urls.polling_base_url(), urls.events_base_url()] {
            // The SDK itself would panic.
            let is_url = url.parse::<Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
            });
            if !is_url {
                return Err(ProviderError::new(format!("`{url}` is no URL: it looks like `http://relay:8030`")));
            }
        }
        let watch = Arc::new(Watch::default());
        let stream = stream::watched(Arc::clone(&watch))?;
        Self::build(ConfigBuilder::new(key).service_endpoints(endpoints).data_source(&stream), watch)
    }

    /// A client as the environment says: the SDK key in `LAUNCHDARKLY_SDK_KEY`, and in `LAUNCHDARKLY_RELAY_URL` the URL of a Relay
    /// Proxy if there is one.
    ///
    /// # Errors
    ///
    /// If there is no key, or the SDK cannot be set up.
    pub fn from_env() -> Result<Self, ProviderError> {
        let key = env::var("LAUNCHDARKLY_SDK_KEY").map_err(|_| {
            ProviderError::new("`LAUNCHDARKLY_SDK_KEY` is not set: it takes the SDK key of an environment")
        })?;
        let mut endpoints = ServiceEndpointsBuilder::new();
        if let Ok(url) = env::var("LAUNCHDARKLY_RELAY_URL") {
            endpoints.relay_proxy(&url);
        }
        let built = Self::with_endpoints(&key, &endpoints);
        built.map_err(|error| ProviderError::new(format!("LAUNCHDARKLY_SDK_KEY, LAUNCHDARKLY_RELAY_URL: {error}")))
    }

    /// A client with settings of its own: events, polling, private attributes. Its data store is ours, which is how changes are
    /// heard of. Of a data source that is set here it is not known whether it is cut: only what is made by the other functions
    /// becomes `Stale`.
    ///
    /// # Errors
    ///
    /// If the SDK cannot be set up.
    pub fn with_config(config: ConfigBuilder) -> Result<Self, ProviderError> {
        Self::build(config, Arc::default())
    }

    fn build(config: ConfigBuilder, watch: Arc<Watch>) -> Result<Self, ProviderError> {
        let known = Arc::new(Known::default());
        let mut store = PersistentDataStoreBuilder::new(Arc::new(KnownFactory(Arc::clone(&known))));
        let config = config.data_store(store.cache_forever()).build();
        let client = config
            .map_err(|error| set_up(&error))
            .and_then(|config| Client::build(config).map_err(|error| set_up(&error)))?;
        let inner = Inner { client, known, watch, was_started: AtomicBool::new(false), runtime: Mutex::new(None) };
        Ok(Self { inner: Arc::new(inner), counts_every_read: false })
    }

    /// Asks the SDK for every read, so that LaunchDarkly's insights count them all; no flag is settled then.
    #[must_use]
    pub fn count_every_read(mut self) -> Self {
        self.counts_every_read = true;
        self
    }

    /// LaunchDarkly's client, for what only it can do: `track_event`, `identify`, `flush`. It is closed with the guard.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }
}

impl Provider for LaunchDarkly {
    fn name(&self) -> &'static str {
        "launchdarkly"
    }

    fn resolve(&self, key: &str, _: ValueType, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
        let Inner { client, known, .. } = &*self.inner;
        let theirs = context::theirs(ctx)?;
        // What it would answer without a value of its own: no variation then, so the declared default.
        let detail = client.variation_detail(&theirs, key, FlagValue::Json(serde_json::Value::Null));
        let is_percentage = || known.has_percentage(key);
        let resolution = answer::resolution(&detail, is_percentage)?;
        Ok(if ctx.targeting_key().is_empty() { resolution.without_targeting_key() } else { resolution })
    }

    fn resolve_now(
        &self,
        key: &str,
        value_type: ValueType,
        ctx: &EvaluationContext,
    ) -> Option<Result<Resolution, ResolutionError>> {
        Some(self.resolve(key, value_type, ctx))
    }

    fn settled(&self, key: &str, _: ValueType) -> Option<Result<Resolution, ResolutionError>> {
        if self.counts_every_read { None } else { self.inner.known.settled(key) }
    }

    fn counts_settled_reads(&self) -> bool {
        true
    }

    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        if self.inner.was_started.swap(true, Ordering::AcqRel) {
            return Err(ProviderError::new(
                "this client of LaunchDarkly was started before, and its SDK starts once: make a new one for each start",
            ));
        }
        self.inner.known.tell(events.clone());
        self.inner.watch.tell(events.clone());
        // One thread is enough: it waits for the stream.
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("flags-launchdarkly").enable_all().build();
        let runtime = runtime.map_err(|error| set_up(&error))?;
        let inside = runtime.enter();
        self.inner.client.start_with_default_executor();
        drop(inside);
        let inner = Arc::clone(&self.inner);
        runtime.spawn(async move {
            loop {
                match inner.client.wait_for_initialization(PATIENCE).await {
                    Some(true) => return events.ready(),
                    // Told, and better.
                    Some(false) if inner.watch.is_refused() => return,
                    Some(false) => {
                        return events.fatal(
                            "LaunchDarkly refuses the SDK key, or what it sends cannot be read; the SDK's log says more",
                        );
                    }
                    None if inner.watch.has_trouble() => {}
                    None => events.error(format!("no answer of LaunchDarkly for {} s", PATIENCE.as_secs())),
                }
            }
        });
        *lock(&self.inner.runtime) = Some(runtime);
        Ok(())
    }

    fn stop(&self) {
        // Sends what is still to be sent.
        self.inner.client.close();
        self.inner.end();
    }
}

impl Inner {
    fn end(&self) {
        if let Some(runtime) = lock(&self.runtime).take() {
            // A runtime that is merely dropped waits for its threads, and panics in an async block.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for LaunchDarkly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchDarkly").field("counts_every_read", &self.counts_every_read).finish_non_exhaustive()
    }
}

fn set_up(error: &dyn fmt::Display) -> ProviderError {
    ProviderError::new(format!("LaunchDarkly's SDK cannot be set up: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
