//! How long to wait before the next attempt.
//!
//! Deliberately not here: waiting. Invariant: between [`FIRST_MS`] / 2 and [`MOST_MS`], and not the
//! same for everybody who lost the same server.

/// The first wait, milliseconds.
pub const FIRST_MS: u64 = 500;
/// The longest wait: an operator who looks at a dead screen wants it back.
pub const MOST_MS: u64 = 15_000;

/// Milliseconds before an attempt, from 0; doubled each time, half of it by chance.
pub fn backoff(attempt: u32, seed: u64) -> u64 {
    let whole = FIRST_MS.saturating_mul(1 << attempt.min(10)).min(MOST_MS);
    whole / 2 + mix(seed ^ u64::from(attempt)) % (whole / 2 + 1)
}

/// SplitMix64: any seed is a good one.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded_and_differ() {
        for seed in 0..50 {
            let waits: Vec<u64> = (0..40).map(|attempt| backoff(attempt, seed)).collect();
            assert!(waits.iter().all(|wait| (FIRST_MS / 2..=MOST_MS).contains(wait)), "{waits:?}");
            assert!(waits[9] >= MOST_MS / 2);
        }
        let mut first: Vec<u64> = (0..50).map(|seed| backoff(3, seed)).collect();
        first.sort_unstable();
        first.dedup();
        assert!(first.len() > 40);
    }
}
