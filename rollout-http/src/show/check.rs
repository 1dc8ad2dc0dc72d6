//! What a plan would do to the fleet as it is, and which rung can count on a proof.
//!
//! One pass over the devices with the functions that admit them. Invariant: members are the
//! eligible and the excluded, and nobody is both.

use super::ways;
use crate::body::v1::{CheckBody, ExclusionBody, ProofBody, RungBody, plan_json};
use rollout_core::calendar::{Freeze, Opening, WindowZone, Windows};
use rollout_core::device::Device;
use rollout_core::fleet::{Fleet, Running};
use rollout_core::gate::Tally;
use rollout_core::id::{CohortId, DeviceId};
use rollout_core::position::Position;
use rollout_core::release::Release;
use rollout_core::rollout::{
    Candidate, Lane, Losses, Membership, Phase, Plan, Rollout, Rung, RungIndex, StratumId,
};
use rollout_core::time::{Span, Timestamp};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A device that the rollout can reach, and what lets it in.
struct Reachable<'a> {
    device: &'a Device,
    position: Position,
}

pub(crate) fn check(fleet: &Fleet, running: &Running, now: Timestamp) -> Option<CheckBody> {
    let plan = &running.rollout.plan;
    let release = fleet.releases.get(plan.target.release())?;
    let (mut members, mut eligible, mut zoneless) = (0, 0, 0);
    let mut reachable = Vec::new();
    let mut excluded: BTreeMap<&'static str, ExclusionBody> = BTreeMap::new();
    for device in fleet.devices.values() {
        let suits = with_candidate(fleet, running, release, device, now, |candidate| {
            running.rollout.has_member(candidate).ok()?;
            let zone = running.rollout.opening(candidate);
            Some(running.rollout.suits(candidate).map(|_| zone == Some(Opening::NoZone)))
        });
        let Some(suits) = suits else { continue };
        members += 1;
        match suits {
            Ok(is_zoneless) => {
                eligible += 1;
                zoneless += u64::from(is_zoneless);
                if fleet.is_reachable(device, now) {
                    let position = Position::of(device.key, running.rollout.salt());
                    reachable.push(Reachable { device, position });
                }
            }
            Err(reason) => {
                let entry = excluded.entry(reason.code()).or_insert_with(|| ExclusionBody {
                    code: reason.code().into(),
                    reason: reason.to_string(),
                    devices: 0,
                    example: device.id.as_str().into(),
                });
                entry.devices += 1;
            }
        }
    }
    let rungs = rungs(fleet, running, &reachable, &fleet.losses(running, now));
    let at_least = least_time(plan, &rungs, fleet.usual);
    let (ways, no_return) = (ways::ways(fleet, running, now), ways::losses(fleet, running, now));
    let mut warnings = warnings(plan, release);
    if zoneless > 0 {
        let what = "wait: their `zone` is not known, and there is no `zone_default`";
        warnings.push(format!("{zoneless} of the eligible devices {what}"));
    }
    warnings.extend(ways::warnings(ways.as_ref(), &no_return, plan.approval.no_return.0));
    warnings.extend(vacant(&rungs, reachable.len() as u64));
    if let Some(why) = fleet.barred(running, now) {
        warnings.push(format!("nobody of the cohort can ever take it: {why}"));
    } else if reachable.is_empty() {
        warnings.push("no device of the cohort can be reached now".into());
    }
    Some(CheckBody {
        plan: plan_json(plan),
        members,
        eligible,
        reachable: reachable.len() as u64,
        excluded: excluded.into_values().collect(),
        rungs,
        proof_devices: plan.proof(),
        schedule: schedule(fleet, plan, now),
        at_least_secs: at_least.as_secs(),
        ways,
        no_return,
        warnings,
    })
}

/// When a plan gives anything, in words.
fn schedule(fleet: &Fleet, plan: &Plan, now: Timestamp) -> Vec<String> {
    let Windows { weekly, zone_default } = &plan.schedule.windows;
    let windows = weekly.iter().map(|window| match (window.zone(), zone_default) {
        (WindowZone::Device, None) => format!("window {window} by the clock of each device"),
        (WindowZone::Device, Some(zone)) => {
            format!("window {window} by the clock of each device, or that of {zone}")
        }
        (WindowZone::Fixed(zone), _) => {
            let alone = Windows { weekly: vec![window.clone()], zone_default: None };
            let stands = match alone.opening(None, now) {
                Some(Opening::Open { until }) => format!("open until {until}"),
                Some(Opening::Closed { opens, .. }) => format!("opens {opens}"),
                Some(Opening::NoZone) | None => "never open".into(),
            };
            format!("window {window} {zone}, {stands}")
        }
    });
    let freezes = plan.schedule.freezes.iter().map(|freeze| {
        format!("nothing from {} until {}: {}", freeze.from, freeze.until, freeze.reason)
    });
    let stop = plan.schedule.stop_at.map(|at| format!("nothing from {at} on"));
    let lane = match plan.schedule.lane {
        Lane::Usual => None,
        Lane::Emergency => Some("an emergency: also in freezes".into()),
    };
    // Of the fleet's, those that are to come or in force.
    let all = fleet.freezes.iter().filter(|(_, named)| named.freeze.until > now);
    let all = all.map(|(name, named)| {
        let Freeze { from, until, reason } = &named.freeze;
        format!("freeze {name} of the fleet from {from} until {until}: {reason}")
    });
    windows.chain(freezes).chain(all).chain(stop).chain(lane).collect()
}

/// The least time the ladder takes if every device asks at once and nothing goes wrong: each rung
/// takes the permits of those it opens, its bake time, and the horizon of those it waits for.
fn least_time(plan: &Plan, rungs: &[RungBody], usual: Span) -> Span {
    let permits = |devices| plan.pace.per_minute.least_time(devices);
    let mut before = 0;
    let mut sum = Span::ZERO;
    for rung in rungs {
        let waits = rung.reachable > before && plan.reaching.min_matured_bp > 0;
        let horizon = if waits { plan.horizon(usual) } else { Span::ZERO };
        let own = Span(permits(rung.reachable).0.saturating_sub(permits(before).0));
        sum = sum.plus(own.max(plan.reaching.min_bake).max(horizon));
        before = rung.reachable.max(before);
    }
    sum
}

/// The rungs of a rollout that has begun or not, with the devices that can be reached now.
pub(super) fn rungs_of(fleet: &Fleet, running: &Running, now: Timestamp) -> Vec<RungBody> {
    let plan = &running.rollout.plan;
    let Some(release) = fleet.releases.get(plan.target.release()) else { return Vec::new() };
    let salt = running.rollout.salt();
    let could = |device: &&Device| {
        let served = running.executions.get(&device.id).is_some_and(|e| e.exposure.is_some());
        let suits = || {
            with_candidate(fleet, running, release, device, now, |candidate| {
                running.rollout.suits(candidate).is_ok()
            })
        };
        fleet.is_reachable(device, now) && (served || suits())
    };
    let reachable: Vec<_> = fleet
        .devices
        .values()
        .filter(could)
        .map(|device| Reachable { device, position: Position::of(device.key, salt) })
        .collect();
    rungs(fleet, running, &reachable, &fleet.known_losses(running))
}

/// Whether the devices there are can prove the release, reachable or not.
pub(super) fn proof(fleet: &Fleet, running: &Running, now: Timestamp) -> ProofBody {
    let plan = &running.rollout.plan;
    let epoch = running.rollout.epoch;
    let seen = running.tally.sum(|key| key.epoch == epoch);
    let to_come = fleet.releases.get(plan.target.release()).map_or(0, |release| {
        let could = |device: &&Device| {
            with_candidate(fleet, running, release, device, now, |candidate| {
                let exposed = candidate.execution.is_some_and(|one| one.exposure.is_some());
                // Whoever has not said yet what it runs may still turn out to suit.
                let suits = || match running.rollout.suits(candidate) {
                    Ok(_) => true,
                    Err(reason) => !reason.excludes(),
                };
                !exposed && running.rollout.has_member(candidate).is_ok() && suits()
            })
        };
        fleet.devices.values().filter(could).count() as u64
    });
    let can_have = seen.permitted + to_come;
    let gate = &plan.gates.failure;
    let at_best = Tally::new(seen.failed_known, can_have);
    let is_possible =
        running.rollout.proven.is_some() || at_best.is_ok_and(|tally| gate.passes(tally));
    ProofBody { needs: plan.proof(), can_have, is_possible }
}

fn rungs(
    fleet: &Fleet,
    running: &Running,
    reachable: &[Reachable],
    losses: &Losses,
) -> Vec<RungBody> {
    let rollout = &running.rollout;
    let plan = &rollout.plan;
    let indexed = plan.ladder.rungs().iter().enumerate();
    indexed
        .map(|(place, rung)| {
            let index = RungIndex(place as u16);
            let reachable = open_at(fleet, plan, index, reachable);
            let approvals = running.rollout.approvals.get(&index);
            let approved_by = approvals.into_iter().flatten().map(|by| by.as_str().into());
            let epoch = running.rollout.epoch;
            let done = running.tally.sum(|key| key.batch == index && key.epoch == epoch);
            RungBody {
                rung: rung.to_string(),
                reachable,
                label: plan.proof_label(reachable),
                approved_by: approved_by.collect(),
                approvals_needed: plan.approvals_needed(index),
                state: rung_state(&running.rollout, index).into(),
                permitted: done.permitted,
                confirmed: done.confirmed,
                bad: done.failed_known,
                no_return: losses.at(index),
                no_return_agreed: rollout.consents.covering(index, losses.at(index)),
                no_return_missing: rollout.consents_missing(index, losses),
            }
        })
        .collect()
}

fn rung_state(rollout: &Rollout, index: RungIndex) -> &'static str {
    match &rollout.phase {
        Phase::Draft | Phase::Scheduled { .. } => "to come",
        Phase::Completed { .. } => "done",
        Phase::AwaitingApproval { .. } if index == rollout.rung => "to come",
        Phase::AwaitingApproval { .. }
        | Phase::Deploying
        | Phase::Soaking
        | Phase::Paused { .. }
        | Phase::Halted { .. }
        | Phase::Canceled { .. } => match index.cmp(&rollout.rung) {
            Ordering::Less => "done",
            Ordering::Equal => "open",
            Ordering::Greater => "to come",
        },
    }
}

/// How many of the reachable devices are in once a rung is open.
fn open_at(fleet: &Fleet, plan: &Plan, index: RungIndex, reachable: &[Reachable]) -> u64 {
    let named: Vec<&CohortId> = plan.ladder.cohorts_open_at(index).collect();
    let by_name = |device: &Device| named.iter().any(|cohort| fleet.is_in_cohort(cohort, device));
    let (mut names, mut others, mut below) = (0, 0, 0);
    let frontier = plan.ladder.share_frontier(index);
    for Reachable { device, position } in reachable {
        if by_name(device) {
            names += 1;
        } else {
            others += 1;
            below += u64::from(frontier.opens(*position));
        }
    }
    match plan.ladder.count_limit(index) {
        Some(limit) => names + others.min(limit),
        None => names + below,
    }
}

fn warnings(plan: &Plan, release: &Release) -> Vec<String> {
    let mut warnings = Vec::new();
    if release.way_back.is_none() {
        warnings.push(format!("{} was published without a way back", release.id));
    }
    if plan.approval.before.is_empty() && plan.schedule.lane == Lane::Usual {
        warnings.push("nobody has to approve any rung".into());
    }
    if matches!(plan.ladder.rungs().first(), Some(Rung::Share(bp)) if *bp > 1_000) {
        warnings.push("the first rung opens more than a tenth of the fleet".into());
    }
    warnings
}

/// Rungs that open to nobody, the last one apart, if there is anybody at all.
fn vacant(rungs: &[RungBody], reachable: u64) -> Option<String> {
    let (_, others) = rungs.split_last()?;
    let empty: Vec<&str> =
        others.iter().filter(|rung| rung.reachable == 0).map(|rung| rung.rung.as_str()).collect();
    if empty.is_empty() || reachable == 0 {
        return None;
    }
    let counts: Vec<String> =
        rungs.iter().map(|rung| format!("{}: {}", rung.rung, rung.reachable)).collect();
    let (empty, counts) = (empty.join(", "), counts.join(", "));
    Some(format!("nobody who can be reached is in {empty}; devices per rung: {counts}"))
}

fn with_candidate<T>(
    fleet: &Fleet,
    running: &Running,
    release: &Release,
    device: &Device,
    now: Timestamp,
    judge: impl FnOnce(&Candidate<'_>) -> T,
) -> T {
    judge(&Candidate {
        device,
        execution: running.executions.get(&device.id),
        release,
        hosting: &fleet.hosting,
        atlas: &fleet.atlas,
        in_cohort: &|cohort| fleet.is_in_cohort(cohort, device),
        other_execution: other_execution(fleet, &running.rollout.plan, &device.id),
        superseded_by: running.superseded_by,
        excluded: running.excluded.get(&device.id),
        stratum: StratumId(0),
        calendar: fleet.calendar(running),
        recent: &running.recent,
        now,
    })
}

fn other_execution<'a>(
    fleet: &'a Fleet,
    plan: &Plan,
    device: &DeviceId,
) -> Option<&'a rollout_core::device::Execution> {
    match &plan.members {
        Membership::StillRunning { rollout } => fleet.rollouts.get(rollout)?.executions.get(device),
        Membership::Query(_) | Membership::Listed(_) => None,
    }
}
