//! What changing a plan means, key by key.
//!
//! Not here: whether a rollout takes the change; see `edit`. Invariant: every field of a plan has
//! its place in this list, so a field that is added does not compile until it has one.

use super::{Approval, Gates, Pace, Plan, PlanFields, Reaching, Rollout, Schedule, Silence};
use crate::calendar::Windows;
use crate::gate::{FailureGate, HardStops};
use alloc::{vec, vec::Vec};

/// What the change of a key does to a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consequence {
    /// It counts from the next decision on.
    AtOnce,
    /// It counts for rungs that are not open yet.
    RungsToCome,
    /// What was seen was judged otherwise: evidence starts anew.
    EvidenceAnew,
    /// It cannot change.
    Fixed,
}

impl Consequence {
    /// Its name in APIs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::RungsToCome => "rungs_to_come",
            Self::EvidenceAnew => "evidence_anew",
            Self::Fixed => "fixed",
        }
    }
}

/// A key in which two plans differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// As plans write it.
    pub key: &'static str,
    /// What it does.
    pub consequence: Consequence,
}

impl Change {
    /// Every key in which another plan may differ from this one, and what it does; `start_at` and
    /// `emergency` do so only until a rollout has begun.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let keys = differences(plan, plan).into_iter();
        keys.map(|(key, _, consequence)| Self { key, consequence }).collect()
    }
}

impl Rollout {
    /// Where another plan differs from its own, and what that does.
    pub fn changes(&self, new: &Plan) -> Vec<Change> {
        let differing = differences(&self.plan, new).into_iter().filter(|(_, differs, _)| *differs);
        let begun = self.has_begun();
        differing
            .map(|(key, _, consequence)| {
                let consequence = match consequence {
                    // Nobody was judged yet.
                    Consequence::EvidenceAnew if !begun => Consequence::AtOnce,
                    // Its time has come.
                    Consequence::AtOnce if begun && key == "start_at" => Consequence::Fixed,
                    // People were asked, or nobody was, before its first rung.
                    Consequence::AtOnce if begun && key == "emergency" => Consequence::Fixed,
                    Consequence::AtOnce
                    | Consequence::RungsToCome
                    | Consequence::EvidenceAnew
                    | Consequence::Fixed => consequence,
                };
                Change { key, consequence }
            })
            .collect()
    }
}

fn differences(old: &Plan, new: &Plan) -> Vec<(&'static str, bool, Consequence)> {
    use Consequence::{AtOnce, EvidenceAnew, Fixed, RungsToCome};
    let PlanFields {
        name,
        target,
        component,
        members,
        require,
        ladder,
        soak,
        pace,
        gates: Gates { failure, stops },
        silence,
        reaching,
        on_small,
        approval,
        on_halt,
        start_at,
        again,
        schedule,
        on_overdue,
    } = &**old;
    let Approval { before, by, no_return } = approval;
    let mut all = vec![
        ("name", *name != new.name, AtOnce),
        ("release", *target != new.target, Fixed),
        ("component", *component != new.component, Fixed),
        ("cohort", *members != new.members, Fixed),
        ("require", *require != new.require, AtOnce),
        ("ladder", *ladder != new.ladder, RungsToCome),
        ("soak", *soak != new.soak, EvidenceAnew),
        ("on_small", *on_small != new.on_small, AtOnce),
        ("approval.before", *before != new.approval.before, RungsToCome),
        ("approval.by", *by != new.approval.by, RungsToCome),
        ("approval.no_return", *no_return != new.approval.no_return, RungsToCome),
        ("on_halt.installed", *on_halt != new.on_halt, AtOnce),
        ("start_at", *start_at != new.start_at, AtOnce),
        ("again", *again != new.again, AtOnce),
        ("on_overdue", *on_overdue != new.on_overdue, AtOnce),
    ];
    all.extend(of_schedule(schedule, &new.schedule));
    all.extend(of_pace(pace, &new.pace));
    all.extend(of_failure(failure, &new.gates.failure));
    all.extend(of_silence(silence, &new.silence));
    all.extend(of_reaching(reaching, &new.reaching));
    let HardStops { max_bricked, max_safety_faults, max_consecutive_failures } = stops;
    let other = &new.gates.stops;
    all.extend([
        ("stop.max_bricked", *max_bricked != other.max_bricked, AtOnce),
        ("stop.max_safety_faults", *max_safety_faults != other.max_safety_faults, AtOnce),
        (
            "stop.max_consecutive_failures",
            *max_consecutive_failures != other.max_consecutive_failures,
            AtOnce,
        ),
    ]);
    all
}

fn of_schedule(old: &Schedule, new: &Schedule) -> [(&'static str, bool, Consequence); 5] {
    let Schedule { stop_at, windows: Windows { weekly, zone_default }, freezes, lane } = old;
    let differs = [
        ("stop_at", *stop_at != new.stop_at),
        ("window", *weekly != new.windows.weekly),
        ("zone_default", *zone_default != new.windows.zone_default),
        ("freeze", *freezes != new.freezes),
        ("emergency", *lane != new.lane),
    ];
    differs.map(|(key, differs)| (key, differs, Consequence::AtOnce))
}

fn of_pace(old: &Pace, new: &Pace) -> [(&'static str, bool, Consequence); 5] {
    let Pace { max_in_flight, budget, max_offers, lease, per_minute } = old;
    [
        ("pace.max_in_flight", *max_in_flight != new.max_in_flight, Consequence::AtOnce),
        ("pace.budget", *budget != new.budget, Consequence::AtOnce),
        ("pace.max_offers", *max_offers != new.max_offers, Consequence::AtOnce),
        ("pace.lease", *lease != new.lease, Consequence::AtOnce),
        ("pace.per_minute", *per_minute != new.per_minute, Consequence::AtOnce),
    ]
}

fn of_failure(old: &FailureGate, new: &FailureGate) -> [(&'static str, bool, Consequence); 5] {
    let differs = [
        ("gate.failure.p_max", old.p_max() != new.p_max()),
        ("gate.failure.p_pass", old.p_pass() != new.p_pass()),
        ("gate.failure.alpha", old.alpha() != new.alpha()),
        ("gate.failure.beta", old.beta() != new.beta()),
        ("gate.failure.min_failures", old.min_failures() != new.min_failures()),
    ];
    differs.map(|(key, differs)| (key, differs, Consequence::EvidenceAnew))
}

/// Each of them decides what counts as bad, or when.
fn of_silence(old: &Silence, new: &Silence) -> [(&'static str, bool, Consequence); 3] {
    let Silence { intervals, at_least, confirm_window } = old;
    let differs = [
        ("gate.silence.after", *intervals != new.intervals),
        ("gate.silence.at_least", *at_least != new.at_least),
        ("gate.silence.confirm_window", *confirm_window != new.confirm_window),
    ];
    differs.map(|(key, differs)| (key, differs, Consequence::EvidenceAnew))
}

fn of_reaching(old: &Reaching, new: &Reaching) -> [(&'static str, bool, Consequence); 4] {
    let Reaching { min_reach_bp, max_open, min_matured_bp, min_bake } = old;
    let differs = [
        ("min_reach", *min_reach_bp != new.min_reach_bp),
        ("max_open", *max_open != new.max_open),
        ("min_matured_share", *min_matured_bp != new.min_matured_bp),
        ("min_bake", *min_bake != new.min_bake),
    ];
    differs.map(|(key, differs)| (key, differs, Consequence::AtOnce))
}
