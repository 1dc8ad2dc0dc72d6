//! A small chart of a number against its limit, one character high.
//!
//! Deliberately not here: labels. Invariants: a full character is the limit and nothing less; what
//! is above zero is visible; a column before the first value is empty.

/// Steps of height.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character for each value; `top` is the limit, or the highest value without one.
pub fn spark(values: &[Option<u64>], top: u64) -> String {
    let height = |value: u64| {
        let step = u128::from(value) * 8 / u128::from(top.max(1));
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        STEPS[step.saturating_sub(usize::from(value < top || value == 0)).min(7)]
    };
    values
        .iter()
        .map(|value| match value {
            None => ' ',
            Some(0) => '·',
            Some(value) => height(*value),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_limit_is_full() {
        let values = [None, Some(0), Some(1), Some(50), Some(99), Some(100), Some(120)];
        assert_eq!(spark(&values, 100), " ·▁▄▇██");
        assert_eq!(spark(&[Some(0), Some(0)], 0), "··");
    }
}
