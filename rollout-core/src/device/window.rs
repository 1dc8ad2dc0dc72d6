//! Which reports of a device have been taken, in constant space.

use alloc::vec::Vec;

/// Incarnations remembered, so that a duplicate from before a re-flash is still one.
const INCARNATIONS: usize = 4;

/// Takes each (incarnation, sequence) once, in any order within 64 of the highest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportWindow {
    known: Vec<Incarnation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Incarnation {
    id: u64,
    highest: u64,
    /// Bit i: `highest - i` was taken.
    taken: u64,
}

impl ReportWindow {
    /// Whether a report has not been taken yet. What lies too far back counts as taken.
    pub fn is_new(&self, incarnation: u64, sequence: u64) -> bool {
        let Some(known) = self.known.iter().find(|known| known.id == incarnation) else {
            return true;
        };
        match known.highest.checked_sub(sequence) {
            None => true,
            Some(back) => back < 64 && known.taken & (1 << back) == 0,
        }
    }

    /// Takes a report; says whether it was new.
    pub fn take(&mut self, incarnation: u64, sequence: u64) -> bool {
        if !self.is_new(incarnation, sequence) {
            return false;
        }
        let Some(known) = self.known.iter_mut().find(|known| known.id == incarnation) else {
            if self.known.len() == INCARNATIONS {
                self.known.remove(0);
            }
            self.known.push(Incarnation { id: incarnation, highest: sequence, taken: 1 });
            return true;
        };
        match sequence.checked_sub(known.highest) {
            Some(ahead) => {
                known.taken = u32::try_from(ahead)
                    .ok()
                    .and_then(|ahead| known.taken.checked_shl(ahead))
                    .unwrap_or(0)
                    | 1;
                known.highest = sequence;
            }
            None => known.taken |= 1 << (known.highest - sequence),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_taken_once_in_any_order() {
        let mut window = ReportWindow::default();
        for sequence in [5, 3, 4, 70, 69, 7] {
            assert!(window.take(1, sequence), "{sequence}");
            assert!(!window.take(1, sequence), "{sequence} again");
        }
        assert!(!window.is_new(1, 3), "a duplicate far behind");
        assert!(!window.is_new(1, 6), "further back than 64 counts as taken");
        assert!(window.take(2, 3), "another incarnation counts for itself");
        assert!(!window.take(1, 70));
    }
}
