//! The courses of rollouts: how their evidence went, for charts.
//!
//! Kept in memory since the start, and gone with the process. The journal has what was decided and
//! why; what lies between two decisions is nowhere else. Invariant: what is kept is bounded,
//! however many rollouts there are and however long they take.

use rollout_core::fleet::Look;
use rollout_core::id::RolloutId;
use rollout_core::time::{Span, Timeline, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most looks at one rollout: more than a screen has columns.
const LOOKS: usize = 512;
/// Finest distance of two looks: that of two ticks.
const FINEST: Span = Span::secs(1);
/// Most rollouts. With all their looks they take some 10 MB.
const ROLLOUTS: usize = 200;

/// How the evidence of each rollout went.
#[derive(Debug, Default)]
pub(super) struct Courses(Mutex<BTreeMap<RolloutId, Timeline<Look>>>);

impl Courses {
    /// Notes what is seen now. Beyond the bound the rollout goes that was seen longest ago.
    pub(super) fn note(&self, now: Timestamp, looks: Vec<(RolloutId, Look)>) {
        let mut courses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, look) in looks {
            let course = courses.entry(id).or_insert_with(|| Timeline::new(LOOKS, FINEST));
            course.push(now, look);
        }
        while courses.len() > ROLLOUTS {
            let newest = |course: &Timeline<Look>| course.points().last().map(|(at, _)| *at);
            let oldest = courses.iter().min_by_key(|(_, course)| newest(course));
            let Some(oldest) = oldest.map(|(id, _)| *id) else { break };
            courses.remove(&oldest);
        }
    }

    /// How the evidence of a rollout went, oldest first.
    pub(super) fn of(&self, rollout: RolloutId) -> Vec<(Timestamp, Look)> {
        let courses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        courses.get(&rollout).map_or_else(Vec::new, |course| course.points().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollout_core::gate::{LnE, Proportion};
    use rollout_core::rollout::EvidenceEpoch;

    fn look() -> Look {
        Look {
            epoch: EvidenceEpoch::default(),
            ln_e_abort: LnE::ZERO,
            ln_e_pass: LnE::ZERO,
            lower: Proportion::ZERO,
            upper: Proportion::ONE,
            matured: 0,
            matured_bad: 0,
            in_flight: 0,
            cap: None,
        }
    }

    #[test]
    fn the_rollout_seen_longest_ago_is_forgotten_first() {
        let courses = Courses::default();
        let id = |place: usize| RolloutId::derived(&format!("rollout {place}"));
        for place in 0..=ROLLOUTS {
            courses.note(Timestamp(place as u64), vec![(id(place), look())]);
        }
        assert_eq!(courses.of(id(0)), []);
        for place in 1..=ROLLOUTS {
            assert_eq!(courses.of(id(place)), [(Timestamp(place as u64), look())]);
        }
    }

    #[test]
    fn a_course_is_bounded_and_reaches_from_its_first_look_to_the_newest() {
        let courses = Courses::default();
        let id = RolloutId::derived("rollout");
        for second in 0..5_000 {
            courses.note(Timestamp(second * 1_000), vec![(id, look())]);
        }
        let kept = courses.of(id);
        assert!(kept.len() > LOOKS / 4 && kept.len() <= LOOKS, "{}", kept.len());
        let ends = (kept.first().map(|(at, _)| at.0), kept.last().map(|(at, _)| at.0));
        assert_eq!(ends, (Some(0), Some(4_999_000)));
    }
}
