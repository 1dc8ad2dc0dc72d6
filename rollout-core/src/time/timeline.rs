//! What was seen over time, with less detail the longer it is.
//!
//! When there is no more room, the spacing doubles and what is closer goes. Not here: what is seen.
//! Invariants: never more than the bound; the first and the newest are always there, in the order
//! of time; all but the newest are at least a spacing apart; whatever was dropped has a neighbor
//! less than two spacings before it; and the spacing is the finest one, or at most twice the time
//! that is covered divided by the bound less one.

use super::{Span, Timestamp};
use alloc::vec::Vec;

/// Fewest points of a timeline.
const FEWEST: usize = 4;

/// Points in time, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline<T> {
    points: Vec<(Timestamp, T)>,
    most: usize,
    spacing: Span,
}

impl<T> Timeline<T> {
    /// An empty one of at most `most` points (at least 4), which are kept `finest` (at least one
    /// millisecond) apart as long as there is room.
    pub fn new(most: usize, finest: Span) -> Self {
        Self { points: Vec::new(), most: most.max(FEWEST), spacing: finest.max(Span(1)) }
    }

    /// Adds what is seen now. A time before that of the newest point counts as that.
    pub fn push(&mut self, at: Timestamp, seen: T) {
        let at = self.points.last().map_or(at, |(newest, _)| at.max(*newest));
        if let [.., (before, _), newest] = self.points.as_mut_slice()
            && newest.0.since(*before) < self.spacing
        {
            *newest = (at, seen);
        } else {
            self.points.push((at, seen));
        }
        while self.points.len() > self.most {
            self.spacing = self.spacing.plus(self.spacing);
            self.thin();
        }
    }

    /// Drops what is closer than a spacing to what is kept before it, but for the ends.
    fn thin(&mut self) {
        let newest = self.points.pop();
        let mut kept: Option<Timestamp> = None;
        let spacing = self.spacing;
        self.points.retain(|(at, _)| {
            let is_far = kept.is_none_or(|before| at.since(before) >= spacing);
            if is_far {
                kept = Some(*at);
            }
            is_far
        });
        self.points.extend(newest);
    }

    /// The points, oldest first.
    pub fn points(&self) -> &[(Timestamp, T)] {
        &self.points
    }

    /// How far apart points are kept.
    pub const fn spacing(&self) -> Span {
        self.spacing
    }
}
