//! Which reports of a device have been taken, in bounded space.
//!
//! Invariant: a report is called known only if it is remembered as taken. What was forgotten is
//! called so, and is taken again with care.

use alloc::vec::Vec;

/// Incarnations remembered, so that a duplicate from before a re-flash is still one.
const INCARNATIONS: usize = 4;

/// Runs of sequences remembered for each. An agent that reports in order needs one.
const RUNS: usize = 16;

/// How far above the highest sequence taken the next one may lie. At a report a second it is
/// reached in 136 years: what jumps further is no counter.
pub const JUMP: u64 = 1 << 32;

/// What is known of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not taken before.
    New,
    /// It was taken before.
    Known,
    /// It lies where something has been forgotten: it may have been taken before.
    Forgotten,
}

/// Takes each (incarnation, sequence) once, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportWindow {
    known: Vec<Incarnation>,
    /// Whether an incarnation was forgotten: one that is not known may be that one.
    has_forgotten: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Incarnation {
    id: u64,
    /// Disjoint, apart and rising.
    taken: Vec<Run>,
    /// End of the highest run that was forgotten.
    forgotten: Option<u64>,
}

/// Sequences from the first to the last, both taken, and all between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
}

impl Incarnation {
    fn judge(&self, sequence: u64) -> Seen {
        if self.taken.iter().any(|run| (run.first..=run.last).contains(&sequence)) {
            return Seen::Known;
        }
        match self.forgotten {
            Some(end) if sequence <= end => Seen::Forgotten,
            Some(_) | None => Seen::New,
        }
    }

    /// Remembers a sequence that no run has.
    fn remember(&mut self, sequence: u64) {
        let place = self.taken.partition_point(|run| run.last < sequence);
        let follows = place.checked_sub(1).filter(|before| {
            self.taken.get(*before).is_some_and(|run| run.last.checked_add(1) == Some(sequence))
        });
        let precedes = self.taken.get(place).is_some_and(|run| run.first - 1 == sequence);
        match (follows, precedes) {
            (Some(before), true) => {
                let next = self.taken.remove(place);
                self.taken[before].last = next.last;
            }
            (Some(before), false) => self.taken[before].last = sequence,
            (None, true) => self.taken[place].first = sequence,
            (None, false) => self.taken.insert(place, Run { first: sequence, last: sequence }),
        }
        if self.taken.len() > RUNS {
            self.forgotten = Some(self.taken.remove(0).last);
        }
    }
}

impl ReportWindow {
    fn incarnation(&self, id: u64) -> Option<&Incarnation> {
        self.known.iter().find(|known| known.id == id)
    }

    /// What is known of a report.
    pub fn judge(&self, incarnation: u64, sequence: u64) -> Seen {
        match self.incarnation(incarnation) {
            Some(known) => known.judge(sequence),
            None if self.has_forgotten => Seen::Forgotten,
            None => Seen::New,
        }
    }

    /// The highest sequence that was taken, if `sequence` lies further above it than a counter
    /// comes.
    pub fn jumped_from(&self, incarnation: u64, sequence: u64) -> Option<u64> {
        let highest = self.incarnation(incarnation)?.taken.last()?.last;
        (sequence.saturating_sub(highest) > JUMP).then_some(highest)
    }

    /// Takes a report; says what was known of it.
    pub fn take(&mut self, incarnation: u64, sequence: u64) -> Seen {
        let seen = self.judge(incarnation, sequence);
        if let Some(known) = self.known.iter_mut().find(|known| known.id == incarnation) {
            if seen == Seen::New {
                known.remember(sequence);
            }
            return seen;
        }
        if self.known.len() == INCARNATIONS {
            self.known.remove(0);
            self.has_forgotten = true;
        }
        let taken = [Run { first: sequence, last: sequence }].into();
        self.known.push(Incarnation { id: incarnation, taken, forgotten: None });
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_taken_once_in_any_order() {
        let mut window = ReportWindow::default();
        for sequence in [500, 3, 4, 70, 69, 7, 5, 6, u64::MAX, 0, u64::MAX - 1] {
            assert_eq!(window.take(1, sequence), Seen::New, "{sequence}");
            assert_eq!(window.take(1, sequence), Seen::Known, "{sequence} again");
        }
        for sequence in [1, 2, 8, 68, 71, 499, 501, u64::MAX - 2] {
            assert_eq!(window.judge(1, sequence), Seen::New, "{sequence} was never sent");
        }
        assert_eq!(window.take(2, 3), Seen::New, "another incarnation counts for itself");
        assert_eq!(window.judge(1, 70), Seen::Known);
    }

    #[test]
    fn an_agent_that_reports_in_order_is_remembered_for_good() {
        let mut window = ReportWindow::default();
        (1..=10_000).for_each(|sequence| assert_eq!(window.take(1, sequence), Seen::New));
        assert!((1..=10_000).all(|sequence| window.judge(1, sequence) == Seen::Known));
        assert_eq!(window.known[0].taken.len(), 1);
    }

    #[test]
    fn an_incarnation_that_was_forgotten_is_not_called_new() {
        let mut window = ReportWindow::default();
        for incarnation in 1..=5 {
            assert_eq!(window.take(incarnation, 1), Seen::New, "{incarnation}");
        }
        assert_eq!(window.judge(2, 1), Seen::Known);
        assert_eq!(window.take(1, 1), Seen::Forgotten, "the oldest made room");
        assert_eq!(window.take(1, 1), Seen::Known, "and is remembered again");
        assert_eq!(window.take(9, 1), Seen::Forgotten, "nobody knows that it is new");
    }

    #[test]
    fn what_is_forgotten_is_not_called_known() {
        let mut window = ReportWindow::default();
        for sequence in (0..1000).step_by(10) {
            window.take(1, sequence);
            assert!(window.known[0].taken.len() <= RUNS, "memory is bounded");
        }
        assert_eq!(window.take(1, 0), Seen::Forgotten);
        assert_eq!(window.take(1, 1), Seen::Forgotten, "never sent, but that cannot be told");
        assert_eq!((window.judge(1, 990), window.judge(1, 991)), (Seen::Known, Seen::New));
        (1..9).for_each(|incarnation| assert_ne!(window.take(incarnation, 3), Seen::Known));
        assert_eq!(window.known.len(), INCARNATIONS);
    }

    #[test]
    fn a_jump_is_told_from_a_gap() {
        let mut window = ReportWindow::default();
        assert_eq!(window.jumped_from(1, u64::MAX), None, "a counter may start anywhere");
        window.take(1, 200);
        assert_eq!(window.jumped_from(1, 200 + JUMP), None);
        assert_eq!(window.jumped_from(1, 201 + JUMP), Some(200));
        assert_eq!(window.jumped_from(2, u64::MAX), None, "another incarnation");
        assert_eq!(window.jumped_from(1, 3), None, "late is no jump");
    }
}
