//! Confidence: how often something may still happen that was seen `k` times in `n`.

/// The upper end of the one-sided 95 % confidence interval of a share: with 95 % confidence it is below this. From 0 to 1.
///
/// Exact (Clopper and Pearson, 1934) up to 1,000 occurrences; above, by the Wilson score, which is the same there to
/// three digits.
pub(super) fn upper_bound(occurrences: u64, runs: u64) -> f64 {
    if runs == 0 || occurrences >= runs {
        return 1.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "counts of runs are far below 2^53")]
    let (k, n) = (occurrences as f64, runs as f64);
    if occurrences > 1000 { wilson(k, n) } else { clopper_pearson(occurrences, n) }
}

const DOUBT: f64 = 0.05;
/// The normal quantile of 95 %.
const Z: f64 = 1.644_853_627;

fn wilson(k: f64, n: f64) -> f64 {
    let share = k / n;
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (share + Z * Z / (2.0 * n) + spread) / (1.0 + Z * Z / n)
}

/// The share at which `k` or fewer occurrences have a probability of 5 %.
fn clopper_pearson(k: u64, n: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Halved until an f64 has no more digits.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if at_most(k, n, middle) > DOUBT { low = middle } else { high = middle }
    }
    high
}

/// The probability of at most `k` occurrences in `n` runs, each with probability `p`.
fn at_most(k: u64, n: f64, p: f64) -> f64 {
    // In logarithms: the first terms of a long sum are too small for an f64.
    let mut logarithm = n * (-p).ln_1p();
    let (mut sum, mut i) = (logarithm.exp(), 0.0);
    let odds = p.ln() - (-p).ln_1p();
    for _ in 0..k {
        logarithm += ((n - i) / (i + 1.0)).ln() + odds;
        sum += logarithm.exp();
        i += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(actual: f64, expected: f64) {
        assert!((actual / expected - 1.0).abs() < 1e-3, "{actual} is not {expected}");
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        // 1 - 0.05^(1/n), the closed form for none.
        assert_close(upper_bound(0, 41_200), 1.0 - 0.05_f64.powf(1.0 / 41_200.0));
        assert_close(upper_bound(0, 10), 0.258_866);
        // qbeta(0.95, k + 1, n - k)
        assert_close(upper_bound(1, 10), 0.394_163);
        assert_close(upper_bound(5, 100), 0.102_253);
        assert_close(upper_bound(12, 41_200), 0.000_471_864);
    }

    #[test]
    fn both_ways_agree_where_they_meet() {
        assert_close(clopper_pearson(1000, 1e6), 0.001_053_57);
        assert!((wilson(1000.0, 1e6) / clopper_pearson(1000, 1e6) - 1.0).abs() < 2e-3);
        assert!((wilson(1000.0, 2000.0) / clopper_pearson(1000, 2000.0) - 1.0).abs() < 2e-3);
    }

    #[test]
    fn nothing_known_is_no_bound_and_more_runs_narrow_it() {
        assert_close(upper_bound(0, 0), 1.0);
        assert_close(upper_bound(7, 7), 1.0);
        let bounds: Vec<f64> = (1..6).map(|exponent| upper_bound(0, 10_u64.pow(exponent))).collect();
        assert!(bounds.windows(2).all(|pair| pair[1] < pair[0]), "{bounds:?}");
    }
}
