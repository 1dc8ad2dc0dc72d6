//! Why a device has, or has not, what a rollout installs: told by the code that decides.

use super::{Fleet, Running};
use crate::device::{Bucket, Device, Execution, bucket};
use crate::id::{DeviceId, RolloutId};
use crate::position::Position;
use crate::rollout::{Candidate, Ineligible, Patience, Permit, Phase, StratumId};
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, format, string::String};

/// What the next check-in, or the next question for a permit, would be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be offered the image.
    Eligible {
        /// From 1.
        attempt: u32,
        /// Why its permit must wait: of a device that has its offer whatever the reason, of any
        /// other its window.
        ahead: Option<Patience>,
    },
    /// It has the image, or is getting it, and this is what its permit waits for.
    WaitsForPermit(Patience),
    /// It would get its permit.
    WouldBePermitted,
    /// It would not be offered it, for this reason.
    Not(Ineligible),
}

/// Everything there is to say about a device in a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Where it stands.
    pub bucket: Bucket,
    /// What it would be told.
    pub verdict: Verdict,
    /// The earliest time at which it may switch, or be told otherwise, if that is known.
    pub not_before: Option<Timestamp>,
    /// Its place in the order, in ten-thousandths.
    pub position_bp: u16,
    /// How far its stratum is open.
    pub open_to: String,
    /// Its execution, if there is one.
    pub execution: Option<Execution>,
}

impl Explanation {
    /// Whether a check-in would be answered with an offer.
    pub fn is_eligible(&self) -> bool {
        matches!(self.verdict, Verdict::Eligible { .. })
    }
}

impl Verdict {
    /// The earliest time at which it may switch, or be told otherwise, if that is known.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::Eligible { ahead, .. } => ahead.as_ref()?.not_before(),
            Self::WaitsForPermit(why) => why.not_before(),
            Self::Not(why) => why.not_before(),
            Self::WouldBePermitted => None,
        }
    }
}

impl core::fmt::Display for Verdict {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Eligible { attempt, ahead } => {
                write!(f, "eligible: its next check-in is offered the image (attempt {attempt})")?;
                ahead.as_ref().map_or(Ok(()), |why| write!(f, "; to switch it waits: {why}"))
            }
            Self::WaitsForPermit(why) => write!(f, "waits for its permit: {why}"),
            Self::WouldBePermitted => f.write_str("would be permitted to switch if it asked now"),
            Self::Not(why) => write!(f, "not offered: {why}"),
        }
    }
}

impl Fleet {
    /// Explains a device in a rollout. `None` if either is unknown.
    pub fn explain(
        &self,
        rollout: RolloutId,
        device: &DeviceId,
        now: Timestamp,
    ) -> Option<Explanation> {
        let running = self.rollouts.get(&rollout)?;
        let known = self.devices.get(device)?;
        let execution = running.executions.get(device);
        let verdict = self.verdict(running, known, now)?;
        let not_before = match (&verdict, &running.rollout.phase) {
            (Verdict::Not(_), Phase::Scheduled { at }) => Some(*at),
            (verdict, _) => verdict.not_before(),
        };
        let frontier = running.rollout.frontier(StratumId(0));
        Some(Explanation {
            bucket: self.bucket_of(running, known, now),
            verdict,
            not_before,
            position_bp: Position::of(known.key, running.rollout.salt()).bucket(),
            open_to: format!("{frontier}"),
            execution: execution.cloned(),
        })
    }

    /// What a device that is offered the image waits for before it may switch. Once it has its
    /// offer, by the very function that gives the permit.
    fn ahead(&self, running: &Running, candidate: &Candidate, now: Timestamp) -> Option<Patience> {
        let rollout = &running.rollout;
        let Some(execution) = candidate.execution.filter(|known| known.state.holds_offer()) else {
            return rollout.is_in_window(candidate).err().map(Patience::Not);
        };
        let service = self.availability.at(now);
        match rollout.permit(&running.tally, candidate, execution, service, self.usual) {
            Permit::Wait(patience) => Some(patience),
            Permit::Grant(_) | Permit::Again | Permit::Stop(_) => None,
        }
    }

    fn verdict(&self, running: &Running, device: &Device, now: Timestamp) -> Option<Verdict> {
        let rollout = &running.rollout;
        self.candidate(running, device, now, |candidate| {
            match rollout.admit(&running.tally, &candidate) {
                Ok(terms) => match self.newer_first(rollout.id, device, now) {
                    Some(newer) => Verdict::Not(Ineligible::NewerFirst(newer)),
                    None => {
                        let ahead = self.ahead(running, &candidate, now);
                        Verdict::Eligible { attempt: terms.attempt, ahead }
                    }
                },
                Err(reason @ Ineligible::OnTrial) => Verdict::Not(reason),
                Err(reason) if candidate.execution.is_none_or(|e| !e.is_open()) => {
                    Verdict::Not(reason)
                }
                Err(reason) => {
                    let Some(execution) = candidate.execution else { return Verdict::Not(reason) };
                    let service = self.availability.at(now);
                    match rollout.permit(&running.tally, &candidate, execution, service, self.usual)
                    {
                        Permit::Grant(_) | Permit::Again => Verdict::WouldBePermitted,
                        Permit::Wait(patience) => Verdict::WaitsForPermit(patience),
                        Permit::Stop(_) => Verdict::Not(reason),
                    }
                }
            }
        })
    }

    /// The newest rollout that admits a device, if it is newer than `rollout`: it offers first.
    pub(super) fn newer_first(
        &self,
        rollout: RolloutId,
        device: &Device,
        now: Timestamp,
    ) -> Option<RolloutId> {
        let newer = self.order.iter().rev().take_while(|id| **id != rollout);
        newer.copied().find(|id| {
            let Some(running) = self.rollouts.get(id) else { return false };
            let admits = self.candidate(running, device, now, |candidate| {
                running.rollout.admit(&running.tally, &candidate).is_ok()
            });
            admits == Some(true)
        })
    }

    /// The bucket of a device in a rollout.
    pub fn bucket_of(&self, running: &Running, device: &Device, now: Timestamp) -> Bucket {
        let execution = running.executions.get(&device.id);
        if running.is_left_out(&device.id) {
            return Bucket::Excluded;
        }
        bucket(running.rollout.id, device, execution, || {
            let suits = self.candidate(running, device, now, |candidate| {
                running.rollout.suits(&candidate).err().is_some_and(|reason| reason.excludes())
            });
            suits.unwrap_or(true)
        })
    }

    /// How many members of a rollout's cohort stand in each bucket, and how many there are.
    /// The counts sum to the cohort.
    pub fn census(&self, running: &Running, now: Timestamp) -> (BTreeMap<Bucket, u64>, u64) {
        let mut counts: BTreeMap<Bucket, u64> = Bucket::ALL.map(|bucket| (bucket, 0)).into();
        let mut members = 0;
        for device in self.devices.values() {
            if self.is_counted(running, device, now) {
                members += 1;
                *counts.entry(self.bucket_of(running, device, now)).or_default() += 1;
            }
        }
        (counts, members)
    }

    /// Whether a rollout counts a device: as a member of its cohort, or for its execution.
    pub fn is_counted(&self, running: &Running, device: &Device, now: Timestamp) -> bool {
        let is_member = || {
            self.candidate(running, device, now, |candidate| {
                running.rollout.has_member(&candidate).is_ok()
            })
        };
        running.executions.contains_key(&device.id) || is_member().unwrap_or(false)
    }
}
