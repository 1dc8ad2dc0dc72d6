//! What was seen over time, thinned.

use proptest::prelude::*;
use rollout_core::time::{Span, Timeline, Timestamp};

/// Times with repetitions, bursts and gaps; a few lie before the one before them.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![8 => 0..3_000_i64, 2 => -500..1_i64, 1 => 0..10_000_000_i64];
    prop::collection::vec(step, 1..600)
}

proptest! {
    /// Whatever comes when: bounded, in order, from the first to the newest, as fine as said.
    #[test]
    fn a_timeline_is_bounded_and_keeps_its_ends(steps in steps(), most in 0..40_usize) {
        let finest = Span::secs(1);
        let mut line = Timeline::new(most, finest);
        let (mut now, mut newest, mut pushed) = (1_000_000_i64, 0, Vec::new());
        for (count, step) in steps.into_iter().enumerate() {
            now += step;
            let at = Timestamp(now.max(0) as u64);
            line.push(at, count);
            newest = newest.max(at.0);
            pushed.push(newest);
            let points = line.points();
            prop_assert!(points.len() <= most.max(4));
            prop_assert_eq!(points[0], (Timestamp(pushed[0]), 0));
            prop_assert_eq!(points[points.len() - 1], (Timestamp(newest), count));
            for (at, place) in points {
                prop_assert_eq!(at.0, pushed[*place]);
            }
            let gaps = points.windows(2).map(|pair| pair[1].0.since(pair[0].0));
            let but_the_last = points.len().saturating_sub(2);
            prop_assert!(points.is_sorted_by_key(|(at, _)| *at));
            prop_assert!(gaps.take(but_the_last).all(|gap| gap >= line.spacing()));
        }
        let kept = |at: u64| line.points().iter().rev().find(|(kept, _)| kept.0 <= at);
        for at in &pushed {
            let before = kept(*at).map(|(kept, _)| at - kept.0);
            prop_assert!(before.is_some_and(|gap| gap < 2 * line.spacing().0), "{at}: {before:?}");
        }
        let covered = newest - pushed[0];
        let fine = finest.0.max(2 * covered / (most.max(4) as u64 - 1));
        prop_assert!(line.spacing().0 <= fine, "{:?}, {covered} ms", line.spacing());
    }
}

#[test]
fn looks_at_a_steady_pace_stay_evenly_spread() {
    let mut line = Timeline::new(8, Span(10));
    (0..20).for_each(|count| line.push(Timestamp(count * 10), count));
    let kept: Vec<_> = line.points().iter().map(|(_, count)| *count).collect();
    assert_eq!((kept, line.spacing()), (vec![0, 4, 8, 12, 16, 19], Span(40)));
}
