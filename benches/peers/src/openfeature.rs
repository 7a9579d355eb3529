//! OpenFeature: its client over the smallest provider that can do the work, which is a hash map of rules.
//!
//! It tells what the standard's API costs, whoever decides behind it. A read is a future; `block_on` of `futures` polls it, which
//! costs less than a runtime, and never has to wait.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use futures::executor::block_on;
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    Client, EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationResult, OpenFeature, StructValue,
};

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let client = block_on(client());
    peers
        .library("OpenFeature", "open-feature", |name| EvaluationContext::default().with_targeting_key(name))
        .on(|user| is_on(client, peers::ON, user))
        .half(|user| is_on(client, peers::HALF, user))
        .list(|user| is_on(client, peers::LIST, user))
        .text(|user| block_on(client.get_string_value(peers::TEXT, Some(user), None)).expect("the text is known"));
}

async fn client() -> &'static Client {
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(Rules::new()).await;
    Box::leak(Box::new(api.create_client()))
}

fn is_on(client: &Client, key: &str, user: &EvaluationContext) -> bool {
    block_on(client.get_bool_value(key, Some(user), None)).expect("the flag is known")
}

enum Rule {
    Everybody,
    HalfOfThem,
    Listed(HashSet<String>),
    Text(String),
}

/// The provider.
struct Rules {
    rules: HashMap<&'static str, Rule>,
    metadata: ProviderMetadata,
}

impl Rules {
    fn new() -> Self {
        let rules = HashMap::from([
            (peers::ON, Rule::Everybody),
            (peers::HALF, Rule::HalfOfThem),
            (peers::LIST, Rule::Listed(users::listed().into_iter().collect())),
            (peers::TEXT, Rule::Text(peers::SAID.to_owned())),
        ]);
        Self { rules, metadata: ProviderMetadata::new("a hash map") }
    }

    fn find(&self, key: &str) -> EvaluationResult<&Rule> {
        self.rules.get(key).ok_or_else(|| refused(EvaluationErrorCode::FlagNotFound))
    }
}

#[async_trait::async_trait]
impl FeatureProvider for Rules {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        let user = context.targeting_key.as_deref().unwrap_or_default();
        let is_on = match self.find(key)? {
            Rule::Everybody => true,
            Rule::HalfOfThem => BuildHasherDefault::<DefaultHasher>::default().hash_one((key, user)) % 100 < 50,
            Rule::Listed(users) => users.contains(user),
            Rule::Text(_) => return Err(refused(EvaluationErrorCode::TypeMismatch)),
        };
        Ok(ResolutionDetails::new(is_on))
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        match self.find(key)? {
            Rule::Text(text) => Ok(ResolutionDetails::new(text.as_str())),
            _ => Err(refused(EvaluationErrorCode::TypeMismatch)),
        }
    }

    async fn resolve_int_value(&self, _: &str, _: &EvaluationContext) -> EvaluationResult<ResolutionDetails<i64>> {
        Err(refused(EvaluationErrorCode::TypeMismatch))
    }

    async fn resolve_float_value(&self, _: &str, _: &EvaluationContext) -> EvaluationResult<ResolutionDetails<f64>> {
        Err(refused(EvaluationErrorCode::TypeMismatch))
    }

    async fn resolve_struct_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        Err(refused(EvaluationErrorCode::TypeMismatch))
    }
}

fn refused(code: EvaluationErrorCode) -> EvaluationError {
    EvaluationError { code, message: None }
}
