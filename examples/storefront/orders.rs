//! Checkout and orders: a gate, and a rewritten order processor that is tried on live orders before anybody relies on it.

use flags_runtime::{feature_flag, flag};
use serde::{Deserialize, Serialize};

use crate::flags::{NEW_CHECKOUT, ORDER_LIMIT, Pricing};

/// What is sold: a name, and a price in cents.
pub(crate) const PRODUCTS: [(&str, u64); 3] = [("Walking shoe", 8_995), ("Running shoe", 11_999), ("Sandal", 3_450)];

/// What somebody wants to buy.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Order {
    pub product: String,
    pub pairs: u32,
}

/// What was bought, in cents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Receipt {
    pub product: String,
    pub pairs: u32,
    pub total: u64,
}

/// The steps of the checkout. On: these. Off: `legacy_steps`.
#[feature_flag(NEW_CHECKOUT, off = legacy_steps)]
pub(crate) fn steps() -> Vec<&'static str> {
    vec!["Address and payment", "Done"]
}

fn legacy_steps() -> Vec<&'static str> {
    vec!["Basket", "Address", "Payment", "Confirm"]
}

/// What one pair costs, in cents.
pub(crate) fn price(cents: u64, pricing: Pricing) -> u64 {
    match pricing {
        Pricing::Control => cents,
        Pricing::VariantA => cents * 9 / 10,
        Pricing::VariantB => cents * 9 / 1_000 * 100,
    }
}

/// Takes an order.
///
/// # Errors
///
/// A sentence for the customer.
pub(crate) fn take(order: &Order, pricing: Pricing) -> Result<Receipt, String> {
    let known = PRODUCTS.iter().find(|(name, _)| *name == order.product);
    let (_, cents) = known.ok_or_else(|| format!("there is no product `{}`", order.product))?;
    let most = flag!(ORDER_LIMIT);
    if order.pairs == 0 || order.pairs > most {
        return Err(format!("`pairs` is {}: order 1 to {most}", order.pairs));
    }
    Ok(process(order, price(*cents, pricing)))
}

/// Adds up an order in whole cents. On: tried beside the old one, which still answers; `order_processor` is its flag.
#[feature_flag(name = "order_processor", default = false, expires = "2099-03-01", owner = "orders", shadow = legacy_process)]
fn process(order: &Order, cents: u64) -> Receipt {
    Receipt { product: order.product.clone(), pairs: order.pairs, total: cents * u64::from(order.pairs) }
}

/// Adds up in floating point, and cuts off what is less than a cent: sometimes a whole one.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as it was written"
)]
fn legacy_process(order: &Order, cents: u64) -> Receipt {
    let total = (0..order.pairs).fold(0.0, |sum, _| sum + cents as f64 / 100.0);
    Receipt { product: order.product.clone(), pairs: order.pairs, total: (total * 100.0) as u64 }
}
