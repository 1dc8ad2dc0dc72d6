//! How many devices each rung of a ladder opens to, over a whole fleet at once.
//!
//! One pass over two columns, the kinds of the devices and their keys: what a kind means is asked
//! before ([`Kinds`](crate::cohort::Kinds)), where a device stands follows from its key. This is
//! for planning; who is admitted is asked of each device. Not here: reachability, and counts and
//! named cohorts of a ladder, which depend on more than position.
//!
//! Invariant: a device counts at the first rung whose share opens its position, exactly as
//! [`Frontier::opens`](crate::position::Frontier::opens) says, and nowhere else.

use super::{Ladder, RungIndex};
use crate::cohort::KindId;
use crate::position::{DeviceKey, Frontier, Position, Salt};
use alloc::vec;
use alloc::vec::Vec;

/// Counts that are kept side by side and added up at the end: adding to a number that was written
/// just before waits for it.
const LANES: usize = 4;

/// A number for devices that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(pub u16);

/// Devices by group and by the rung that opens to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    rungs: usize,
    /// For each group: one count per rung, and those that no rung opens to.
    counts: Vec<u64>,
}

impl Spread {
    /// Devices of a group that a rung opens to and none before it did.
    pub fn opened(&self, group: Group, rung: RungIndex) -> u64 {
        let rung = usize::from(rung.0);
        if rung < self.rungs { self.count(group, rung) } else { 0 }
    }

    /// Devices of a group that no rung opens to.
    pub fn beyond(&self, group: Group) -> u64 {
        self.count(group, self.rungs)
    }

    /// Devices of all groups.
    pub fn members(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn count(&self, group: Group, place: usize) -> u64 {
        let row = usize::from(group.0).saturating_mul(self.rungs + 1);
        self.counts.get(row.saturating_add(place)).copied().unwrap_or(0)
    }
}

impl Ladder {
    /// Counts a fleet by group and rung. `kinds` and `keys` have one entry per device; `groups`
    /// says for each kind the group of its devices, such as their stratum, or `None` if they do
    /// not belong. A device of a kind that `groups` has no word of does not belong.
    pub fn spread(
        &self,
        salt: Salt,
        kinds: &[KindId],
        keys: &[DeviceKey],
        groups: &[Option<Group>],
    ) -> Spread {
        let places = Places::of(self);
        let width = places.last.len();
        let most = groups.iter().flatten().max().map_or(0, |group| usize::from(group.0) + 1);
        // A row for whoever does not belong comes first: one look-up per device.
        let row = |group: &Group| (usize::from(group.0) + 1) * width;
        let rows: Vec<usize> = groups.iter().map(|group| group.as_ref().map_or(0, row)).collect();
        let lane = (most + 1) * width;
        let mut counts = vec![0_u64; LANES * lane];
        for (index, (kind, key)) in kinds.iter().zip(keys).enumerate() {
            let row = rows.get(kind.0 as usize).copied().unwrap_or(0);
            if row != 0 {
                let place = places.find(Position::of(*key, salt));
                counts[index % LANES * lane + row + place] += 1;
            }
        }
        let sum = |place| counts[place..].iter().step_by(lane).sum();
        let counts = (width..lane).map(sum).collect();
        Spread { rungs: width - 1, counts }
    }
}

/// The first rung that opens each position.
struct Places {
    /// For each rung the last position it opens, and one more for whoever no rung opens to. Of
    /// those that open to nobody any number: they are never looked at.
    last: Vec<u64>,
    /// For each 1024th of the positions: the rung that opens its first.
    first: Vec<u8>,
}

impl Places {
    fn of(ladder: &Ladder) -> Self {
        let frontiers =
            (0..ladder.rungs().len()).map(|rung| ladder.share_frontier(RungIndex(rung as u16)));
        let closed = frontiers.clone().take_while(|frontier| *frontier == Frontier::CLOSED).count();
        let last = frontiers.map(|frontier| frontier.raw().saturating_sub(1) as u64);
        let mut places = Self { last: last.chain([u64::MAX]).collect(), first: Vec::new() };
        let first = |slice: u64| places.climb(closed, slice << 54) as u8;
        places.first = (0..1024).map(first).collect();
        places
    }

    /// The place of the first rung that opens a position, or one past the last.
    fn find(&self, position: Position) -> usize {
        self.climb(usize::from(self.first[(position.0 >> 54) as usize]), position.0)
    }

    fn climb(&self, mut place: usize, position: u64) -> usize {
        while position > self.last[place] {
            place += 1;
        }
        place
    }
}
