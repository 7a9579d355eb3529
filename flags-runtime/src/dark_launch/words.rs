//! Words: numbers and texts as reports say them.

use std::time::Duration;

/// A part of a whole, from 0 to 1; none of nothing.
#[allow(clippy::cast_precision_loss, reason = "counts of runs are far below 2^53")]
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// `1 run`, `2 runs`
pub(super) fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{} runs", grouped(count)) }
}

/// `1.2ms`
pub(super) fn duration(duration: Duration) -> String {
    if duration < Duration::from_micros(1) { format!("{duration:?}") } else { format!("{duration:.1?}") }
}

/// Text that cannot steer a terminal or make up lines of a log.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    text.chars().map(shown).collect()
}

/// `41,200`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share with two digits that mean something: `0.029 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", rounded(share * 100.0, f64::round))
}

/// The same, and never below the share: a bound stays one.
pub(super) fn percent_above(share: f64) -> String {
    format!("{} %", rounded(share * 100.0, f64::ceil))
}

fn rounded(percent: f64, round: fn(f64) -> f64) -> String {
    if percent <= 0.0 {
        return "0".to_owned();
    }
    if percent >= 99.0 {
        // What is nearly everything is not called everything.
        let share = (round(percent * 1000.0) / 1000.0).min(if percent < 100.0 { 99.999 } else { 100.0 });
        return share.to_string();
    }
    #[allow(clippy::cast_possible_truncation, reason = "the exponent of an f64 is small")]
    let places = (1 - percent.log10().floor() as i32).max(0);
    let scale = 10_f64.powi(places);
    // Without the last digit's dust, which would be rounded up as well.
    let scaled = percent * scale;
    let nearest = scaled.round();
    let whole = if (scaled - nearest).abs() < 1e-9 { nearest } else { round(scaled) };
    format!("{:.*}", usize::try_from(places).unwrap_or_default(), whole / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_two_digits_and_bounds_are_rounded_up() {
        assert_eq!(percent(0.000_291), "0.029 %");
        assert_eq!(percent_above(0.000_291), "0.030 %");
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(percent(0.999_999_9), "99.999 %");
        assert_eq!(percent_above(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
