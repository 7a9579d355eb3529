//! The pages: plain HTML, with a panel that shows this user's flags and why they are so.

use std::collections::VecDeque;
use std::fmt::Write as _;

use flags_runtime::exposure::Exposure;
use flags_runtime::web::Flags;
use flags_runtime::{dark_launch, flag};

use crate::flags::{BANNER, Pricing};
use crate::orders::{PRODUCTS, price};

/// The products, at this user's prices.
pub(crate) fn shop(flags: &Flags, pricing: Pricing, exposures: &VecDeque<Exposure>) -> String {
    let products = PRODUCTS.iter().fold(String::new(), |mut list, (name, cents)| {
        let _ = write!(list, "<li>{} <b>{}</b></li>", escape(name), euros(price(*cents, pricing)));
        list
    });
    let banner = flag!(BANNER);
    let body = format!(
        "<p id=banner>{}</p><ul id=products>{products}</ul><p><a id=checkout href=/checkout>Checkout</a></p>",
        escape(&banner)
    );
    page("Shoes", &body, flags, exposures)
}

/// The steps of the checkout.
pub(crate) fn checkout(flags: &Flags, steps: &[&str], exposures: &VecDeque<Exposure>) -> String {
    let steps = steps.iter().fold(String::new(), |list, step| list + "<li>" + &escape(step) + "</li>");
    let body = format!("<ol id=steps>{steps}</ol><p><a id=back href=/>Back to the shop</a></p>");
    page("Checkout", &body, flags, exposures)
}

fn page(title: &str, body: &str, flags: &Flags, exposures: &VecDeque<Exposure>) -> String {
    let user = escape(flags.context().targeting_key());
    let panel = panel(flags, exposures);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }}
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
aside {{ margin-top: 3rem; padding: 1rem; border: 1px solid; border-radius: .5rem; overflow-x: auto }}
pre {{ white-space: pre-wrap }}
caption, th, td {{ text-align: left; padding: .1rem 1rem .1rem 0 }}
</style>
<h1>{title}</h1>{body}{panel}
<footer><p>You are <b id=user>{user}</b>. Be <a href='/be/ada'>ada</a> or <a href='/be/bob'>bob</a>.</p></footer></html>"
    )
}

/// What a developer wants to know: this user's flags, who was shown what, and how the dark launch does.
fn panel(flags: &Flags, exposures: &VecDeque<Exposure>) -> String {
    let mut rows = String::new();
    for (name, answer) in flags.snapshot().iter() {
        let (value, reason) = match answer {
            Ok(details) => (details.value.as_str(), details.reason.as_str()),
            Err(why) => (why, "ERROR"),
        };
        let (name, value) = (escape(name), escape(value));
        let _ = write!(rows, "<tr id='flag-{name}'><th scope=row>{name}</th><td>{value}</td><td>{reason}</td></tr>");
    }
    let shown =
        exposures.iter().fold(String::new(), |list, shown| list + "<li>" + &escape(&shown.to_string()) + "</li>");
    let report = dark_launch::report("order_processor").map_or_else(|| "no order yet".to_owned(), |it| it.to_string());
    format!(
        "<aside aria-label='Flags of this user'><table><caption>Flags of this user</caption>
<thead><tr><th scope=col>flag</th><th scope=col>value</th><th scope=col>reason</th></tr></thead><tbody id=flags>{rows}</tbody></table>
<h2>Shown lately</h2><ul id=exposures>{shown}</ul><h2>The new order processor</h2><pre id=orders>{}</pre></aside>",
        escape(&report)
    )
}

fn euros(cents: u64) -> String {
    format!("{}.{:02} €", cents / 100, cents % 100)
}

/// Text as it may stand in HTML, in quoted attributes too.
fn escape(text: &str) -> String {
    let replaced = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    replaced.replace('"', "&quot;").replace('\'', "&#39;")
}
