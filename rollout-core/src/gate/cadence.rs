//! How often a device checks in: the 95th percentile of its own gaps, in 32 bytes.
//!
//! A histogram over gaps from a minute to a month, two classes to an octave. What it gives is the
//! upper end of the class that holds the percentile: never below it and above it by a factor of
//! [`ERROR`] at most. Shorter gaps count as a minute, longer ones as 32 days. Not here: outages of
//! ours, which the caller takes out of a gap, and what a deadline is made of ([`super::silence`]).
//!
//! Invariant: at most 255 gaps are counted. Reaching that, all counts are halved, so a gap weighs
//! half as much after 128 later ones. Halving keeps the rank of each class right to one gap of 127,
//! so from then on the percentile is one between the 94.2th and the 95.8th of what is counted.

use crate::time::Span;

/// How far above the percentile its class may end.
pub const ERROR: f64 = 1.4143;
/// Gaps without which a device has no cadence of its own.
//= gates §7: class value until 20 gaps are known
pub const KNOWN_FROM: u32 = 20;

const CLASSES: usize = 32;
const FULL: u32 = 255;
/// Upper ends of the first two classes, in milliseconds: a minute, and √2 minutes rounded up.
const FIRST_MS: [u64; 2] = [60_000, 84_853];

/// The gaps of one device, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cadence([u8; CLASSES]);

impl Cadence {
    /// From stored counts, as [`Cadence::counts`] gave them. `None` if they are too many.
    pub fn from_counts(counts: [u8; CLASSES]) -> Option<Self> {
        let cadence = Self(counts);
        (cadence.gaps() < FULL).then_some(cadence)
    }

    /// The counts by class, to be stored.
    pub const fn counts(&self) -> &[u8; CLASSES] {
        &self.0
    }

    /// Gaps that are counted, at most 254.
    pub fn gaps(&self) -> u32 {
        self.0.iter().map(|count| u32::from(*count)).sum()
    }

    /// Counts one more gap between two check-ins.
    pub fn record(&mut self, gap: Span) {
        let class = (0..CLASSES).find(|class| gap <= end_of(*class)).unwrap_or(CLASSES - 1);
        self.0[class] += 1;
        if self.gaps() == FULL {
            self.halve();
        }
    }

    /// The 95th percentile of the gaps, rounded up to the end of its class; `None` before
    /// [`KNOWN_FROM`] gaps are known.
    pub fn percentile_95(&self) -> Option<Span> {
        let gaps = self.gaps();
        if gaps < KNOWN_FROM {
            return None;
        }
        let mut up_to = 0;
        let class = self.0.iter().position(|count| {
            up_to += u32::from(*count);
            20 * up_to >= 19 * gaps
        });
        class.map(end_of)
    }

    /// Halves the number of gaps up to the end of each class, rounding down.
    fn halve(&mut self) {
        let (mut up_to, mut halved) = (0, 0);
        for count in &mut self.0 {
            up_to += u32::from(*count);
            *count = (up_to / 2 - halved) as u8;
            halved = up_to / 2;
        }
    }
}

/// The longest gap of a class.
const fn end_of(class: usize) -> Span {
    Span(FIRST_MS[class % 2] << (class / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_reach_from_a_minute_to_a_month_in_steps_of_the_error() {
        assert_eq!(end_of(0), Span::secs(60));
        assert!(end_of(CLASSES - 1) > Span::hours(24 * 32));
        for class in 1..CLASSES {
            let step = end_of(class).0 as f64 / end_of(class - 1).0 as f64;
            assert!(step > 1.4 && step < ERROR, "{class}: {step}");
        }
    }

    #[test]
    fn stored_counts_are_taken_back_unless_they_are_too_many() {
        let mut cadence = Cadence::default();
        for minute in 0..1000 {
            cadence.record(Span::secs(60 * (minute % 50)));
        }
        assert_eq!(Cadence::from_counts(*cadence.counts()), Some(cadence));
        assert_eq!(Cadence::from_counts([200; CLASSES]), None);
    }
}
