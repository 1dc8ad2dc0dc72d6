//! The ladder: in which steps a rollout opens, and what a device's step is called.

use crate::id::CohortId;
use crate::position::Frontier;
use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// Most rungs of a ladder.
pub const RUNGS: usize = 32;

/// A rung, counted from 0. The batch of a device is the rung that was open at its permit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RungIndex(pub u16);

impl RungIndex {
    /// The rung after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A value of the stratifying attributes; 0 where a plan names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StratumId(pub u32);

/// What let a device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admitted {
    /// Its position is below the frontier.
    ByPosition,
    /// It belongs to a named cohort that is open.
    ByName,
}

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rung {
    /// A named cohort.
    Cohort(CohortId),
    /// So many devices, by position.
    Count(u64),
    /// A share of the fleet, basis points, 1 to 10 000.
    Share(u16),
}

impl Rung {
    /// Reads `cohort:dogfood`, `20`, `1%`, `0.25%`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("cohort:") {
            return CohortId::new(name.trim()).ok().map(Self::Cohort);
        }
        if let Some(share) = text.strip_suffix('%') {
            return parse_share(share.trim_end()).map(Self::Share);
        }
        parse_digits(text).filter(|count| *count > 0).map(Self::Count)
    }
}

/// Digits and nothing else: no sign, which `parse` would take.
fn parse_digits<T: core::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Percent with at most two decimals, above 0 and at most 100, as basis points.
fn parse_share(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = if part.len() == 1 { 10 } else { 1 };
    // Two digits of percent and three before them: no sum leaves 32 bits.
    let bp = u32::from(parse_digits::<u16>(whole)?) * 100 + part.parse::<u32>().ok()? * scale;
    u16::try_from(bp).ok().filter(|bp| (1..=10_000).contains(bp))
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cohort(name) => write!(f, "cohort:{name}"),
            Self::Count(count) => count.fmt(f),
            Self::Share(bp) if bp % 100 == 0 => write!(f, "{}%", bp / 100),
            Self::Share(bp) if bp % 10 == 0 => write!(f, "{}.{}%", bp / 100, bp % 100 / 10),
            Self::Share(bp) => write!(f, "{}.{:02}%", bp / 100, bp % 100),
        }
    }
}

/// The rungs, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ladder(Vec<Rung>);

impl Ladder {
    /// Checks the order: shares rise, counts rise, and no count follows a share.
    ///
    /// # Errors
    /// What is wrong with which rung, in words.
    pub fn new(rungs: Vec<Rung>) -> Result<Self, String> {
        if rungs.is_empty() || rungs.len() > RUNGS {
            return Err(format!("a ladder has 1 to {RUNGS} rungs, this one has {}", rungs.len()));
        }
        let (mut count, mut share) = (0, 0);
        for (index, rung) in rungs.iter().enumerate() {
            let rises = match rung {
                Rung::Cohort(_) => true,
                Rung::Count(next) => share == 0 && *next > core::mem::replace(&mut count, *next),
                Rung::Share(next) => *next > core::mem::replace(&mut share, *next),
            };
            if !rises {
                let place = index + 1;
                return Err(format!("rung {place} (`{rung}`) opens no more than those before it"));
            }
        }
        Ok(Self(rungs))
    }

    /// The rungs.
    pub fn rungs(&self) -> &[Rung] {
        &self.0
    }

    /// The rung at `index`. A rollout's index is always within its ladder.
    pub fn rung(&self, index: RungIndex) -> Option<&Rung> {
        self.0.get(usize::from(index.0))
    }

    /// The last rung.
    pub fn last(&self) -> RungIndex {
        RungIndex((self.0.len() - 1) as u16)
    }

    /// The rung written as `text`, for a plan that names one.
    ///
    /// # Errors
    /// The rungs there are, in words, if none is written so.
    pub fn find(&self, text: &str) -> Result<RungIndex, String> {
        let names: Vec<String> = self.0.iter().map(|rung| format!("{rung}")).collect();
        let wanted = Rung::parse(text).map_or_else(|| text.into(), |rung| format!("{rung}"));
        if let Some(index) = names.iter().position(|name| *name == wanted) {
            return Ok(RungIndex(index as u16));
        }
        Err(format!("the ladder has no rung `{text}`, it has {}", names.join(", ")))
    }

    /// Named cohorts that are open once `rung` is.
    pub fn cohorts_open_at(&self, rung: RungIndex) -> impl Iterator<Item = &CohortId> {
        self.0[..=usize::from(rung.0)].iter().filter_map(|rung| match rung {
            Rung::Cohort(name) => Some(name),
            Rung::Count(_) | Rung::Share(_) => None,
        })
    }

    /// How many may be admitted by position while `rung` is open; `None` without a bound.
    pub fn count_limit(&self, rung: RungIndex) -> Option<u64> {
        let mut limit = Some(0);
        for step in &self.0[..=usize::from(rung.0)] {
            match step {
                Rung::Cohort(_) => {}
                Rung::Count(count) => limit = Some(*count),
                Rung::Share(_) => limit = None,
            }
        }
        limit
    }

    /// The frontier that the shares up to `rung` open.
    pub fn share_frontier(&self, rung: RungIndex) -> Frontier {
        self.0[..=usize::from(rung.0)].iter().fold(Frontier::CLOSED, |open, rung| match rung {
            Rung::Share(bp) => open.raised_to(Frontier::at_bp(*bp)),
            Rung::Cohort(_) | Rung::Count(_) => open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_read_what_they_print() {
        for text in ["cohort:dogfood", "20", "1%", "0.25%", "0.5%", "100%", "33.33%"] {
            let rung = Rung::parse(text).expect(text);
            assert_eq!(format!("{rung}"), text);
        }
        for text in [
            "",
            "0",
            "0%",
            "100.01%",
            "1.234%",
            "-1",
            "5 %%",
            "cohort:",
            "cohort:A",
            "+5",
            "+5%",
            "655.36%",
            "655.37%",
            "655.99%",
            "65535.99%",
        ] {
            assert_eq!(Rung::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_ladder_only_opens() {
        let ladder =
            |steps: &[&str]| Ladder::new(steps.iter().filter_map(|s| Rung::parse(s)).collect());
        assert!(ladder(&["cohort:dogfood", "20", "1%", "cohort:brave", "100%"]).is_ok());
        for wrong in [&[][..], &["5%", "5%"], &["20", "10"], &["1%", "20"]] {
            assert!(ladder(wrong).is_err(), "{wrong:?}");
        }
        let ladder = ladder(&["cohort:dogfood", "20", "1%"]).expect("rises");
        assert_eq!(ladder.count_limit(RungIndex(0)), Some(0));
        assert_eq!(ladder.count_limit(RungIndex(1)), Some(20));
        assert_eq!(ladder.count_limit(RungIndex(2)), None);
        assert_eq!(ladder.find("1.0%"), Ok(RungIndex(2)));
        assert!(ladder.find("2%").expect_err("none").ends_with("20, 1%"));
    }
}
