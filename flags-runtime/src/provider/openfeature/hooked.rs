//! A provider with its hooks: asked directly if it has none, else by the SDK's client, which runs them.

use std::sync::Arc;

use open_feature::provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails};
use open_feature::{
    Client, EvaluationContext, EvaluationDetails, EvaluationResult, HookWrapper, OpenFeature, StructValue, async_trait,
};

/// A provider, ready to be asked.
pub(super) struct Hooked {
    provider: Arc<dyn FeatureProvider>,
    client: Option<Client>,
}

impl Hooked {
    pub(super) async fn new(provider: Arc<dyn FeatureProvider>) -> Self {
        let client = if provider.hooks().is_empty() {
            None
        } else {
            // An instance of its own: what the program does with the global one does not concern it.
            let mut api = OpenFeature::default();
            api.set_provider(Lent(Arc::clone(&provider))).await;
            Some(api.create_client())
        };
        Self { provider, client }
    }

    pub(super) fn shared(&self) -> Arc<dyn FeatureProvider> {
        Arc::clone(&self.provider)
    }

    pub(super) async fn bool(&self, key: &str, ctx: &EvaluationContext) -> EvaluationResult<ResolutionDetails<bool>> {
        match &self.client {
            Some(client) => client.get_bool_details(key, Some(ctx), None).await.map(resolved),
            None => self.provider.resolve_bool_value(key, ctx).await,
        }
    }

    pub(super) async fn int(&self, key: &str, ctx: &EvaluationContext) -> EvaluationResult<ResolutionDetails<i64>> {
        match &self.client {
            Some(client) => client.get_int_details(key, Some(ctx), None).await.map(resolved),
            None => self.provider.resolve_int_value(key, ctx).await,
        }
    }

    pub(super) async fn float(&self, key: &str, ctx: &EvaluationContext) -> EvaluationResult<ResolutionDetails<f64>> {
        match &self.client {
            Some(client) => client.get_float_details(key, Some(ctx), None).await.map(resolved),
            None => self.provider.resolve_float_value(key, ctx).await,
        }
    }

    pub(super) async fn string(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        match &self.client {
            Some(client) => client.get_string_details(key, Some(ctx), None).await.map(resolved),
            None => self.provider.resolve_string_value(key, ctx).await,
        }
    }

    pub(super) async fn object(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        match &self.client {
            Some(client) => client.get_struct_details(key, Some(ctx), None).await.map(resolved),
            None => self.provider.resolve_struct_value(key, ctx).await,
        }
    }
}

fn resolved<V>(details: EvaluationDetails<V>) -> ResolutionDetails<V> {
    let EvaluationDetails { flag_key: _, value, reason, variant, flag_metadata } = details;
    ResolutionDetails { value, variant, reason, flag_metadata: Some(flag_metadata) }
}

/// The provider for the client, which takes one of its own; it is initialised already.
struct Lent(Arc<dyn FeatureProvider>);

#[async_trait]
impl FeatureProvider for Lent {
    fn status(&self) -> ProviderStatus {
        self.0.status()
    }

    fn metadata(&self) -> &ProviderMetadata {
        self.0.metadata()
    }

    fn hooks(&self) -> &[HookWrapper] {
        self.0.hooks()
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.0.resolve_bool_value(key, ctx).await
    }

    async fn resolve_int_value(&self, key: &str, ctx: &EvaluationContext) -> EvaluationResult<ResolutionDetails<i64>> {
        self.0.resolve_int_value(key, ctx).await
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.0.resolve_float_value(key, ctx).await
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.0.resolve_string_value(key, ctx).await
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        ctx: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.0.resolve_struct_value(key, ctx).await
    }
}
