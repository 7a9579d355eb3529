//! An order processor that is being rewritten: its new totals run beside the legacy ones until they are proven right.
//!
//! `cargo run --example dark_launch` needs nothing else. The first rewriting rounds money once too late; on a stream of
//! orders the report finds it. The second is right, and goes from shadow by live to on. Nothing is rebuilt in between.
//!
//! `FLAGS_SOURCE=redis://127.0.0.1/ cargo run --example dark_launch` does the same with a Redis, under the prefix
//! `dark-launch:`, and leaves its results there for `cargo flags shadow`.

use std::error::Error;
use std::time::Duration;

use flags_runtime::dark_launch::Stage;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AuditNote, Existing};
use flags_runtime::source::{MemorySource, MemoryWriter};
use flags_runtime::{EvaluationContext, builder, dark_launch, feature_flag, flag};

/// Money in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cents(i64);

#[derive(Clone, Debug)]
struct Line {
    unit_price: Cents,
    quantity: i64,
    /// Percent off, in tenths.
    discount: i64,
}

#[derive(Clone, Debug)]
struct Order {
    customer: String,
    lines: Vec<Line>,
    /// Value-added tax in tenths of a percent.
    tax: i64,
}

/// What a customer is asked to pay.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Invoice {
    net: Cents,
    tax: Cents,
    total: Cents,
}

#[derive(Debug)]
struct EmptyOrder;

impl std::fmt::Display for EmptyOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the order has no lines")
    }
}

/// The legacy way: every line is rounded to cents, half away from zero, and so is the tax.
fn legacy_invoice(order: &Order) -> Result<Invoice, EmptyOrder> {
    if order.lines.is_empty() {
        return Err(EmptyOrder);
    }
    let mut net = 0;
    for line in &order.lines {
        net += rounded(line.unit_price.0 * line.quantity * (1000 - line.discount), 1000);
    }
    Ok(invoice(net, rounded(net * order.tax, 1000)))
}

/// The first rewriting. It adds up exact amounts and rounds once, which is more precise, and not what was agreed.
#[feature_flag(
    name = "invoice_v2", default = Stage::Off, expires = "2099-03-01", owner = "payments", stages = legacy_invoice,
    context = EvaluationContext::new(&*order.customer), clean = summary
)]
fn invoice_v2(order: &Order) -> Result<Invoice, EmptyOrder> {
    if order.lines.is_empty() {
        return Err(EmptyOrder);
    }
    let exact: i64 = order.lines.iter().map(|line| line.unit_price.0 * line.quantity * (1000 - line.discount)).sum();
    Ok(invoice(rounded(exact, 1000), rounded(exact * order.tax, 1_000_000)))
}

/// The second one.
#[feature_flag(
    name = "invoice_v3", default = Stage::Off, expires = "2099-03-01", owner = "payments", stages = legacy_invoice,
    context = EvaluationContext::new(&*order.customer), clean = summary
)]
fn invoice_v3(order: &Order) -> Result<Invoice, EmptyOrder> {
    if order.lines.is_empty() {
        return Err(EmptyOrder);
    }
    let line = |line: &Line| rounded(line.unit_price.0 * line.quantity * (1000 - line.discount), 1000);
    let net = order.lines.iter().map(line).sum();
    Ok(invoice(net, rounded(net * order.tax, 1000)))
}

fn invoice(net: i64, tax: i64) -> Invoice {
    Invoice { net: Cents(net), tax: Cents(tax), total: Cents(net + tax) }
}

/// Half away from zero.
fn rounded(amount: i64, divisor: i64) -> i64 {
    (amount.abs() + divisor / 2) / divisor * amount.signum()
}

/// What may leave the process of an invoice: no customer, no order.
fn summary(invoice: &Result<Invoice, EmptyOrder>) -> String {
    match invoice {
        Ok(Invoice { net, tax, total }) => format!("net {} + tax {} = {}", net.0, tax.0, total.0),
        Err(error) => error.to_string(),
    }
}

/// Where stages are set: an operator's `cargo flags set invoice_v3 '"shadow"'`.
enum Operator {
    Memory(MemoryWriter),
    Redis(Box<Admin>),
}

impl Operator {
    fn set(&mut self, name: &str, stage: &str) -> Result<(), Box<dyn Error>> {
        println!("-- {name}: {stage}");
        match self {
            Self::Memory(writer) => writer.set(name, format!(r#"{{"enabled":true,"value":"{stage}"}}"#)),
            Self::Redis(admin) => {
                let note = AuditNote::new("the example");
                admin.edit(name, Existing::MustBeKept, &note, |document| {
                    document.enabled(true).value(&format!("\"{stage}\""))
                })?;
            }
        }
        Ok(())
    }
}

const PREFIX: &str = "dark-launch:";

fn main() -> Result<(), Box<dyn Error>> {
    let redis = std::env::var("FLAGS_SOURCE").ok().filter(|source| source.starts_with("redis:"));
    let (mut operator, guard) = if let Some(url) = &redis {
        let source = RedisSource::new(url)?.prefix(PREFIX)?;
        (Operator::Redis(Box::new(Admin::connect(url, PREFIX)?)), builder().source(source).start()?)
    } else {
        let source = MemorySource::new();
        (Operator::Memory(source.writer()), builder().source(source).start()?)
    };
    guard.wait_ready(Duration::from_secs(5))?;

    println!("The first rewriting, in the shadow of legacy:");
    operator.set("invoice_v2", "shadow")?;
    wait_until(|| flag!(INVOICE_V2) == Stage::Shadow)?;
    process(20_000, invoice_v2)?;
    println!("{}\n", dark_launch::report("invoice_v2").ok_or("it had runs")?);
    operator.set("invoice_v2", "off")?;

    println!("It rounds once, and legacy rounds every line. The second rewriting does, too:");
    operator.set("invoice_v3", "shadow")?;
    wait_until(|| flag!(INVOICE_V3) == Stage::Shadow)?;
    process(20_000, invoice_v3)?;
    let report = dark_launch::report("invoice_v3").ok_or("it had runs")?;
    println!("{report}\n");
    if report.mismatch_bound() > 0.001 {
        return Err("not proven: it stays in the shadow".into());
    }

    println!("Proven: now it answers, and legacy is tried beside it; then it stands alone.");
    operator.set("invoice_v3", "live")?;
    wait_until(|| flag!(INVOICE_V3) == Stage::Live)?;
    process(20_000, invoice_v3)?;
    println!("{}", dark_launch::report("invoice_v3").ok_or("it had runs")?.verdict());
    operator.set("invoice_v3", "on")?;
    wait_until(|| flag!(INVOICE_V3) == Stage::On)?;
    process(20_000, invoice_v3)?;
    let runs = dark_launch::report("invoice_v3").ok_or("it had runs")?.runs();
    println!("still {runs} runs: alone it is a plain call");
    drop(guard);
    if redis.is_some() {
        println!("\ncargo flags shadow invoice_v2 --prefix {PREFIX}");
    }
    Ok(())
}

/// Works through a stream of orders and adds up what customers pay.
fn process(orders: u64, invoice: fn(&Order) -> Result<Invoice, EmptyOrder>) -> Result<(), Box<dyn Error>> {
    let mut turnover = 0;
    for number in 0..orders {
        // Carts without a line come in, too, and are sent back.
        if let Ok(invoice) = invoice(&order(number)) {
            turnover += invoice.total.0;
        }
    }
    if turnover <= 0 {
        return Err("nobody has paid".into());
    }
    println!("   {orders} orders, {}.{:02} taken", turnover / 100, turnover % 100);
    Ok(())
}

/// An order as they come in: one to five lines, some with a discount, now and then none at all.
fn order(number: u64) -> Order {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = |below: u64| {
        state ^= state >> 33;
        state = state.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        i64::try_from((state >> 33) % below).unwrap_or_default()
    };
    let count = if next(500) == 0 { 0 } else { 1 + next(5) };
    let lines = (0..count).map(|_| Line {
        unit_price: Cents(99 + next(200) * 50),
        quantity: 1 + next(4),
        discount: [0, 0, 0, 0, 0, 0, 0, 50, 100, 125][usize::try_from(next(10)).unwrap_or_default()],
    });
    Order {
        lines: lines.collect(),
        customer: format!("customer-{}", next(5000)),
        tax: [190, 70][usize::try_from(next(2)).unwrap_or_default()],
    }
}

/// A change arrives in the background, within milliseconds.
fn wait_until(condition: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
    let start = std::time::Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(10) {
            return Err("the change has not arrived within 10 s".into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
