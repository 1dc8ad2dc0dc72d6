//! What a rollout's decision sees of the fleet.

use super::{Fleet, Running};
use crate::calendar::Opening;
use crate::device::{Device, Execution, State};
use crate::id::RolloutId;
use crate::position::{Frontier, Position};
use crate::rollout::{Admitted, Candidate, Ineligible, Observation, Reach, Rollout, Rung};
use crate::time::Timestamp;
use alloc::vec::Vec;

/// Later than any window opens.
const NEVER: Timestamp = Timestamp(u64::MAX);

/// What one pass over the devices finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Of the open set.
    pub reach: Reach,
    /// For each count of the ladder: the frontier that opens so many reachable devices.
    pub count_frontiers: Vec<(u64, Frontier)>,
    /// When the first of the reachable devices of the open set that are not served comes into its
    /// window; `None` if one of them is in it, or there is none.
    pub first_opening: Option<Timestamp>,
}

impl Fleet {
    /// Counts the open set of a rollout anew: one pass over the devices, for ticks.
    pub fn measure(&self, running: &Running, now: Timestamp) -> Measured {
        let mut reach = Reach { rung: Some(running.rollout.rung), ..Reach::default() };
        let mut first = None;
        let (mut positions, mut inside, mut beyond) = (Vec::new(), 0_u64, 0_u64);
        for device in self.devices.values() {
            let counted = self.candidate(running, device, now, |candidate| {
                self.count(&running.rollout, &candidate)
            });
            let Some(Some(counted)) = counted else { continue };
            if counted.is_open && counted.is_reachable {
                reach.reachable += 1;
                reach.served += u64::from(counted.is_served);
                if !counted.is_served {
                    first =
                        Some(first.map_or(counted.opens, |at: Timestamp| at.min(counted.opens)));
                }
            }
            inside += u64::from(counted.is_open);
            beyond += u64::from(!counted.is_open && counted.is_reachable);
            positions.extend(counted.position);
        }
        reach.is_vacant = inside == 0 && beyond > 0;
        positions.sort_unstable();
        let frontiers =
            counts(&running.rollout).map(|count| (count, nth(&positions, count))).collect();
        let first_opening = first.filter(|at| *at > now && *at < NEVER);
        Measured { reach, count_frontiers: frontiers, first_opening }
    }

    /// How a device counts towards reach; `None` if it does not.
    fn count(&self, rollout: &Rollout, candidate: &Candidate) -> Option<Counted> {
        let Candidate { device, execution, now, .. } = candidate;
        let is_served = execution.is_some_and(is_served);
        let open = rollout.opens_to(candidate);
        match rollout.suits(candidate) {
            Ok(_) => {}
            Err(_) if is_served => {}
            // It may turn out to suit: whoever is waited for is in no count but this one.
            Err(Ineligible::NeverSeen) => {
                return Some(Counted { is_open: open.is_ok(), ..Counted::default() });
            }
            Err(_) => return None,
        }
        let is_reachable = self.is_reachable(device, *now);
        let by_name = matches!(open, Ok(Admitted::ByName));
        // A device that was let in stays among the first, reachable or not.
        let exposed = execution.is_some_and(|execution| execution.exposure.is_some());
        let position = (!by_name && (is_reachable || exposed)).then(|| place(rollout, device));
        let opens = match rollout.opening(candidate) {
            Some(Opening::Closed { opens, .. }) => opens,
            // One whose zone nobody knows has no window that could be waited for.
            Some(Opening::NoZone) => NEVER,
            Some(Opening::Open { .. }) | None => *now,
        };
        Some(Counted { is_open: open.is_ok(), is_reachable, is_served, position, opens })
    }

    /// What a decision on a rollout looks at.
    pub fn observation(&self, running: &Running) -> Observation {
        Observation {
            tally: running.tally.clone(),
            reach: running.reach,
            count_frontiers: running.count_frontiers.clone(),
            losses: self.known_losses(running),
        }
    }

    /// Refreshes what is counted by a pass over the devices, for every rollout that still climbs.
    pub fn refresh(&mut self, now: Timestamp) {
        for id in self.order.clone() {
            self.refresh_one(id, now);
        }
    }

    fn refresh_one(&mut self, id: RolloutId, now: Timestamp) {
        let Some(running) = self.rollouts.get_mut(&id) else { return };
        // Also of one that has completed: it still gives.
        if running.rollout.phase.gives() {
            let windows = &running.rollout.plan.schedule.windows;
            running.openings.refresh(windows, &self.zones, now);
        }
        let Some(running) = self.rollouts.get(&id) else { return };
        if running.rollout.phase.is_over() {
            return;
        }
        let Measured { reach, count_frontiers, first_opening } = self.measure(running, now);
        let losses = self.losses(running, now);
        if let Some(running) = self.rollouts.get_mut(&id) {
            running.reach = reach;
            running.count_frontiers = count_frontiers;
            running.first_opening = first_opening;
            running.losses = Some(losses);
        }
    }
}

#[derive(Default)]
struct Counted {
    is_open: bool,
    is_reachable: bool,
    is_served: bool,
    position: Option<Position>,
    /// When it is in its window: not later than asked for if it is.
    opens: Timestamp,
}

fn is_served(execution: &Execution) -> bool {
    execution.exposure.is_some() || execution.state == State::Confirmed
}

fn place(rollout: &Rollout, device: &Device) -> Position {
    Position::of(device.key, rollout.salt())
}

fn counts(rollout: &Rollout) -> impl Iterator<Item = u64> {
    rollout.plan.ladder.rungs().iter().filter_map(|rung| match rung {
        Rung::Count(count) => Some(*count),
        Rung::Cohort(_) | Rung::Share(_) => None,
    })
}

/// The frontier that opens `count` of the sorted positions; all if there are fewer.
fn nth(positions: &[Position], count: u64) -> Frontier {
    let index = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
    positions.get(index).map_or(Frontier::OPEN, |position| Frontier::above(*position))
}
