//! LaunchDarkly decides: the same `flag!` with an account's own flags, heard of as they change.
//!
//!     LAUNCHDARKLY_SDK_KEY=sdk-.. cargo run --example launchdarkly --features launchdarkly
//!
//! Make a boolean flag `new-checkout` and a string flag `pricing` with the variations `control` and `variant_a` in an
//! environment, and put its SDK key into the variable. `LAUNCHDARKLY_RELAY_URL` names a Relay Proxy, if there is one.

use std::error::Error;
use std::io::{self, BufRead as _};
use std::time::Duration;

use flags_runtime::provider::launchdarkly::LaunchDarkly;
use flags_runtime::{EvaluationContext, Event, Flag, FlagValue, feature_flag, flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

/// Checkout on the new cart service.
#[feature_flag(
    name = "new_checkout",
    key = "new-checkout",
    default = false,
    expires = "2099-03-01",
    provider = launchdarkly
)]
static NEW_CHECKOUT: Flag<bool>;

/// What the basket costs.
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01", provider = launchdarkly)]
static PRICING: Flag<Pricing>;

fn main() -> Result<(), Box<dyn Error>> {
    let guard = flags_runtime::builder()
        .provider(LaunchDarkly::from_env()?)
        .on_event(|event| {
            println!("{event}");
            if matches!(event, Event::Changed { .. }) {
                show();
            }
        })
        .start()?;
    guard.wait_ready(Duration::from_secs(10))?;
    show();
    println!("change a flag there; enter ends");
    io::stdin().lock().read_line(&mut String::new())?;
    println!("{}", flags_runtime::status());
    Ok(())
}

fn show() {
    for user in ["ada", "bob"] {
        let ctx = EvaluationContext::new(user).attribute("plan", "pro");
        let checkout = flag!(NEW_CHECKOUT, &ctx, details);
        let pricing = flag!(PRICING, &ctx, details);
        println!(
            "{user}: new checkout {} ({}), pricing {:?} ({})",
            checkout.value, checkout.reason, pricing.value, pricing.reason
        );
        if let Some(error) = checkout.error_message.or(pricing.error_message) {
            println!("{user}: {error}");
        }
    }
}
