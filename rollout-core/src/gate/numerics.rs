//! Special functions, exact enough that a verdict at ten million devices is right.
//!
//! Everything is built on `libm`, so the same input gives the same bits on every machine. Not
//! here: anything that knows what a device is. Invariant: no function returns NaN for arguments
//! in its stated range.

use core::f64::consts::PI;

/// From here on the Stirling remainder is used: below, its first left-out term would show.
const STIRLING_FROM: f64 = 10.0;

/// `ln Γ(x)` for `x > 0`.
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// `ln B(a, b)` for `a, b > 0`, to about 1e-16 of the larger term.
//= gates.md §11: three lgammas cancel for large arguments, so the remainder series takes over
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (p, q) = if a < b { (a, b) } else { (b, a) };
    if p == 1.0 {
        return -libm::log(q);
    }
    let sum = p + q;
    let share = libm::log1p(-p / sum);
    if p >= STIRLING_FROM {
        0.5 * (libm::log(2.0 * PI) - libm::log(q)) + remainder(p) + remainder(q) - remainder(sum)
            + (p - 0.5) * libm::log(p / sum)
            + q * share
    } else if q >= STIRLING_FROM {
        ln_gamma(p) + remainder(q) - remainder(sum) + p - p * libm::log(sum) + (q - 0.5) * share
    } else {
        ln_gamma(p) + ln_gamma(q) - ln_gamma(sum)
    }
}

/// `ln Γ(1 + k) − k·ln k + k` for `k >= 0`: what a factorial has beyond its leading terms.
//= gates §11: r(k)
pub fn ln_factorial_excess(k: f64) -> f64 {
    if k >= STIRLING_FROM {
        0.5 * libm::log(2.0 * PI * k) + remainder(k)
    } else {
        ln_gamma(1.0 + k) - x_ln_y(k, k) + k
    }
}

/// What Stirling's formula leaves out of `ln Γ(x)`, for `x >= 10`.
fn remainder(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    let tail = 1.0 / 1188.0 - y * (691.0 / 360_360.0);
    let tail = 1.0 / 1680.0 - y * tail;
    let tail = 1.0 / 1260.0 - y * tail;
    let tail = 1.0 / 360.0 - y * tail;
    (1.0 / 12.0 - y * tail) / x
}

/// `x·ln y` for `x, y >= 0`, where nothing times anything is nothing.
pub fn x_ln_y(x: f64, y: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x * libm::log(y) }
}

/// `x·ln(1 − y)` for `x >= 0` and `y <= 1`, where nothing times anything is nothing.
pub fn x_ln_1m(x: f64, y: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x * libm::log1p(-y) }
}

/// `ln Σ exp(term)`, with the largest term taken out. Minus infinity for no term at all.
pub fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    most + libm::log(terms.map(|term| libm::exp(term - most)).sum())
}

/// `ln(p/(1 − p))` for `0 < p < 1`.
pub fn logit(p: f64) -> f64 {
    libm::log(p) - libm::log1p(-p)
}

/// `ln p` for `p = 1/(1 + exp(−x))`, without ever forming `p`. Of `−x` it is `ln(1 − p)`.
pub fn ln_logistic(x: f64) -> f64 {
    if x >= 0.0 { -libm::log1p(libm::exp(-x)) } else { x - libm::log1p(libm::exp(x)) }
}

/// The smallest number in `low..=high` for which `holds` is true, if it is false up to some
/// number and true from there on. `None` if it is true nowhere.
pub fn first_true(low: u64, high: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (low, high);
    if low > high || !holds(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::LN_2;

    #[test]
    fn branches_of_ln_beta_meet() {
        for q in [0.5, 3.0, 9.0, 30.0, 1e6] {
            let (below, above) = (ln_beta(10.0 - 1e-9, q), ln_beta(10.0 + 1e-9, q));
            assert!((below - above).abs() < 1e-6 * (1.0 + below.abs()), "{q}: {below} {above}");
        }
        assert_eq!(ln_beta(2.5, 700.0).to_bits(), ln_beta(700.0, 2.5).to_bits());
    }

    #[test]
    fn branches_of_a_factorial_meet() {
        let (below, above) = (10.0 - 1e-9, 10.0 + 1e-9);
        assert!((ln_factorial_excess(below) - ln_factorial_excess(above)).abs() < 1e-8);
        assert_eq!(ln_factorial_excess(0.0), 0.0);
        assert!((ln_factorial_excess(1.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn sums_of_exponentials_neither_overflow_nor_vanish() {
        let sum = log_sum_exp([1000.0, 1000.0].into_iter());
        assert!((sum - 1000.0 - LN_2).abs() < 1e-12);
        assert_eq!(log_sum_exp([].into_iter()), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp([f64::NEG_INFINITY].into_iter()), f64::NEG_INFINITY);
    }

    #[test]
    fn first_true_is_the_border() {
        for border in 0..20 {
            assert_eq!(
                first_true(3, 15, |n| n >= border),
                match border {
                    0..=3 => Some(3),
                    4..=15 => Some(border),
                    16.. => None,
                }
            );
        }
        assert_eq!(first_true(5, 4, |_| true), None);
    }
}
