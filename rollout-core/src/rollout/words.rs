//! How verdicts of the gates read in a sentence: one wording for explanations, API and screens.

use super::Plan;
use crate::gate::{Breach, HoldReason};
use alloc::{format, string::String};
use core::fmt;

impl Plan {
    /// What a rung that opens so many reachable devices, those before it included, can prove.
    //= design 4.3: a rung too small to count on a proof is labelled
    pub fn proof_label(&self, reachable: u64) -> String {
        if self.can_prove(reachable) {
            return "can prove".into();
        }
        let needs = self.proof();
        if reachable < needs {
            return format!("no proof (needs {needs}, has {reachable})");
        }
        format!("a proof is not likely (needs {needs} without a failure, has {reachable})")
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoData => f.write_str("nobody is exposed yet"),
            Self::TooFew { need } => write!(f, "a proof needs {need} devices past their horizon"),
            Self::Short { component, need } => write!(f, "a proof on {component} needs {need}"),
            Self::NotSoon { component } => {
                write!(f, "what was seen on {component} proves nothing soon")
            }
            Self::NoEvents { component } => write!(f, "{component}: no event in either arm yet"),
            Self::NoControl { component } => {
                write!(f, "{component}: no device on the old version to compare with")
            }
            Self::Indifferent { rate } => write!(f, "a failure rate of {rate} proves nothing soon"),
            Self::Silent { share } => write!(f, "{share} of the devices are silent"),
            Self::StageExhausted => f.write_str("all of the rung are past their horizon, no proof"),
            Self::StratumUnproven { stratum } => write!(f, "stratum {stratum} is not proven"),
            Self::Paced => f.write_str("as many are in flight as the evidence allows"),
            Self::BudgetSpent => f.write_str("the budget is spent and nothing is in flight"),
            Self::Baking { until_ms } => write!(f, "bakes until {} s", until_ms / 1000),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HardStop { rule, have, limit } => {
                write!(f, "{} reached: {have} of {limit}", rule.name())
            }
            Self::Evidence { component, ln_e, threshold } => {
                // `failure, v960/eu, rung 3` is a metric and where it was seen.
                match component.split_once(", ") {
                    Some((metric, place)) => {
                        write!(f, "{metric} rate is above its limit in {place}: ")?;
                    }
                    None => write!(f, "{component} rate is above its limit: ")?,
                }
                write!(f, "evidence {:.1}, {:.1} is enough", ln_e.get(), threshold.get())
            }
        }
    }
}
