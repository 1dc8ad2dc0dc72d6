//! Rollouts and explanations, as the bodies show them.

use super::check::{proof, rungs_of};
use crate::body::v1::{
    BlamedBody, CountsBody, EditedBody, EvidenceBody, ExecutionBody, ExplanationBody, GateBody,
    LookBody, MemberLine, PaceBody, ProvenBody, ReachBody, ReturnBody, ReviewBody, RolloutBody,
    RolloutLine, plan_json,
};
use rollout_core::device::{Bucket, Device, Execution, ExecutionStatus, Failure, Outcome};
use rollout_core::fleet::{EndCounts, Explanation, Fleet, Group, Look, Running, Verdict};
use rollout_core::gate;
use rollout_core::id::{DeviceId, RolloutId};
use rollout_core::release::Target;
use rollout_core::rollout::{Cause, Patience, Phase, Rollout, StratumId, Waiting};
use rollout_core::time::Timestamp;

/// Most devices that a rollback names.
const NAMED: usize = 1000;

pub(crate) fn line(running: &Running) -> RolloutLine {
    let rollout = &running.rollout;
    RolloutLine {
        id: rollout.id.to_string(),
        name: rollout.plan.name.clone(),
        target: rollout.plan.target.to_string(),
        author: rollout.author.as_str().into(),
        phase: rollout.phase.name().into(),
        rung: rollout.rung.0 + 1,
        rungs: rollout.plan.ladder.last().0 + 1,
        waiting: waiting(running),
        verdict: running.evaluation.as_ref().map_or("", |said| said.verdict.name()).into(),
        is_proven: rollout.proven.is_some(),
        counts: counts(running.counts()),
        review: review(running),
    }
}

fn edited(rollout: &Rollout) -> Option<EditedBody> {
    let last = rollout.edits.last.as_ref()?;
    let alpha = rollout.plan.gate_set().alpha(rollout.epoch).get();
    Some(EditedBody {
        times: rollout.edits.count,
        by: last.by.as_str().into(),
        at: last.at.unix_secs(),
        voided_approvals: last.voided,
        is_evidence_new: last.restarted,
        alpha,
    })
}

fn review(running: &Running) -> Option<ReviewBody> {
    let rollout = &running.rollout;
    let Phase::Paused { review, nags, .. } = &rollout.phase else { return None };
    Some(ReviewBody {
        owner: review.owner.as_str().into(),
        reason: review.reason.clone(),
        at: review.at.unix_secs(),
        is_overdue: nags.0 > 0,
        reminders: nags.0,
        then: rollout.plan.on_overdue.then.name().into(),
        ends_at: rollout.ends_by_itself().map(|(_, at)| at.unix_secs()),
    })
}

fn waiting(running: &Running) -> Option<String> {
    if running.rollout.phase == Phase::Draft {
        return Some(Waiting::Start.to_string());
    }
    running.waiting.as_ref().map(ToString::to_string)
}

fn counts(counts: EndCounts) -> CountsBody {
    let EndCounts { exposed, confirmed, failed, rolled_back, silent } = counts;
    CountsBody { exposed, confirmed, failed, rolled_back, silent }
}

/// How a device of its cohort stands in a rollout.
pub(crate) fn member(running: &Running, device: &Device, stands: Bucket) -> MemberLine {
    let version = device.facts.as_ref().map(|facts| facts.running.version.clone());
    MemberLine {
        device: device.id.as_str().into(),
        hardware: device.hardware.as_str().into(),
        version,
        bucket: stands.name().into(),
        execution: running.executions.get(&device.id).map(execution),
    }
}

pub(crate) fn rollout(fleet: &Fleet, running: &Running, now: Timestamp) -> RolloutBody {
    let rollout = &running.rollout;
    let (buckets, members) = fleet.census(running, now);
    RolloutBody {
        line: line(running),
        cause: match &rollout.phase {
            Phase::Halted { cause, at, .. } => Some(halted(running, cause, *at)),
            Phase::Paused { review, .. } => Some(format!("{}: {}", review.owner, review.reason)),
            Phase::Canceled { by } => Some(format!("canceled by {by}")),
            Phase::Draft
            | Phase::AwaitingApproval { .. }
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Completed { .. } => None,
        },
        ladder: rungs_of(fleet, running, now),
        open_to: rollout.frontier(StratumId(0)).to_string(),
        buckets: buckets.iter().map(|(name, count)| (name.name().into(), *count)).collect(),
        members,
        gate: gate_of(fleet, running),
        pace: pace_of(running),
        reach: ReachBody { reachable: running.reach.reachable, served: running.reach.served },
        way_back: way_back(fleet, running),
        proof: proof(fleet, running, now),
        proven: rollout
            .proven
            .map(|proven| ProvenBody { matured: proven.matured, at: proven.at.unix_secs() }),
        nobody: fleet.barred(running, now).map(|why| why.to_string()),
        at_end: running.at_end.map(counts),
        superseded_by: running.superseded_by.map(|id| id.to_string()),
        generation: rollout.generation,
        edited: edited(rollout),
        plan: plan_json(&rollout.plan),
    }
}

pub(crate) fn gate_of(fleet: &Fleet, running: &Running) -> GateBody {
    let rollout = &running.rollout;
    let said = rollout.evaluate(&fleet.observation(running));
    let sum = running.tally.sum(|key| key.epoch == rollout.epoch);
    let failure = &rollout.plan.gates.failure;
    GateBody {
        verdict: said.verdict.name().into(),
        reason: match &said.verdict {
            gate::Verdict::Pass => String::new(),
            gate::Verdict::Hold(hold) => hold.to_string(),
            gate::Verdict::Abort(breach) => breach.to_string(),
        },
        ln_e_abort: said.ln_e_abort.get(),
        abort_at: said.abort_at.get(),
        ln_e_pass: said.ln_e_pass.get(),
        pass_at: said.pass_at.get(),
        lower: said.lower.get(),
        upper: said.upper.get(),
        p_max: failure.p_max().get(),
        p_pass: failure.p_pass().get(),
        need: said.need,
        matured: sum.matured,
        matured_bad: sum.matured_bad,
        exposed: sum.permitted,
        failed_known: sum.failed_known,
        epoch: rollout.epoch.0,
        blame: running.blame().into_iter().flat_map(|blame| blame.groups).map(blamed).collect(),
    }
}

fn blamed(group: Group) -> BlamedBody {
    let Group { attribute, value, count, others, ln_e_abort, stands_out } = group;
    BlamedBody {
        attribute,
        value,
        bad: count.bad,
        exposed: count.exposed,
        others_bad: others.bad,
        others: others.exposed,
        ln_e_abort: ln_e_abort.get(),
        stands_out,
    }
}

/// How the evidence of a rollout went.
pub(crate) fn evidence(id: RolloutId, looks: &[(Timestamp, Look)]) -> EvidenceBody {
    let looks = looks.iter().map(|(at, look)| LookBody {
        at_ms: at.0,
        epoch: look.epoch.0,
        ln_e_abort: look.ln_e_abort.get(),
        ln_e_pass: look.ln_e_pass.get(),
        lower: look.lower.get(),
        upper: look.upper.get(),
        matured: look.matured,
        matured_bad: look.matured_bad,
        in_flight: look.in_flight,
        cap: look.cap,
    });
    EvidenceBody { rollout: id.to_string(), looks: looks.collect() }
}

/// Why a rollout was halted; by the gates, with the devices that are to blame.
fn halted(running: &Running, cause: &Cause, at: Timestamp) -> String {
    let worst = match cause {
        Cause::Breach(_) => running.blame().and_then(|blame| blame.groups.into_iter().next()),
        Cause::Operator { .. } | Cause::Overdue { .. } => None,
    };
    let blamed = worst.filter(|group| group.stands_out);
    let blamed = blamed.map(|group| format!("; blamed: {group}")).unwrap_or_default();
    format!("{cause} (at {at}){blamed}")
}

pub(crate) fn pace_of(running: &Running) -> PaceBody {
    let rollout = &running.rollout;
    let plan = &rollout.plan;
    let (free, held_by) = match rollout.slots(&running.tally) {
        Ok(u64::MAX) => (None, None),
        Ok(free) => (Some(free), None),
        Err(patience) => (Some(0), Some(patience.to_string())),
    };
    PaceBody {
        in_flight: running.tally.sum(|_| true).unconfirmed,
        cap: running.evidence_cap(),
        free,
        held_by,
        offers: running.tally.pending.offers,
        max_in_flight: plan.pace.max_in_flight,
        per_minute: rollout.rate(&running.tally),
        budget: plan.pace.budget,
    }
}

pub(crate) fn explanation(
    rollout: RolloutId,
    device: &DeviceId,
    said: &Explanation,
) -> ExplanationBody {
    let code = match &said.verdict {
        Verdict::Not(reason) => Some(reason.code().into()),
        Verdict::WaitsForPermit(patience) => Some(code_of(patience)),
        Verdict::Eligible { ahead, .. } => ahead.as_ref().map(code_of),
        Verdict::WouldBePermitted => None,
    };
    ExplanationBody {
        device: device.as_str().into(),
        rollout: rollout.to_string(),
        bucket: said.bucket.name().into(),
        verdict: said.verdict.to_string(),
        code,
        eligible: said.is_eligible(),
        not_before: said.not_before.map(Timestamp::unix_secs),
        position_bp: said.position_bp,
        open_to: said.open_to.clone(),
        execution: said.execution.as_ref().map(execution),
        way: None,
        no_return: None,
    }
}

fn code_of(patience: &Patience) -> String {
    match patience {
        Patience::Not(reason) => reason.code(),
        Patience::Paced(hold) => hold.name(),
        Patience::InFlight(_) => "in_flight",
        Patience::Rate { .. } => "rate",
        Patience::Standing(phase) => phase,
    }
    .into()
}

pub(super) fn execution(execution: &Execution) -> ExecutionBody {
    ExecutionBody {
        attempt: execution.attempt,
        status: status(execution.status()).into(),
        image: execution.image.to_string(),
        permitted_at: execution.exposure.map(|exposure| exposure.at.unix_secs()),
        batch: execution.exposure.map(|exposure| exposure.batch.0 + 1),
        outcome: execution.outcome.map(|outcome| match outcome {
            Outcome::Good => "good".into(),
            Outcome::Bad(_) => "bad".into(),
        }),
        failure: execution.failure.map(|failure| match failure {
            Failure::Reported(reason) => {
                format!("reported: {}", super::event::word(&reason).replace('_', " "))
            }
            Failure::Silent => "silent".into(),
            Failure::FellBack => "runs another image again".into(),
            Failure::InterruptedTooOften => "interrupted too often".into(),
        }),
    }
}

const fn status(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Queued => "QUEUED",
        ExecutionStatus::InProgress => "IN_PROGRESS",
        ExecutionStatus::Succeeded => "SUCCEEDED",
        ExecutionStatus::Failed => "FAILED",
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Rejected => "REJECTED",
        ExecutionStatus::Removed => "REMOVED",
        ExecutionStatus::Canceled => "CANCELED",
    }
}

fn way_back(fleet: &Fleet, running: &Running) -> Option<ReturnBody> {
    let plan = &running.rollout.plan;
    let Target::Release(id) = &plan.target else { return None };
    let release = fleet.releases.get(id)?;
    let version = release.way_back.as_ref()?.version.to_string();
    let back = Target::WayBackOf(id.clone());
    let has_one =
        |device: &&Device| release.artifact(&back, &device.hardware, plan.component).is_some();
    let devices = fleet.still_running(running).count() as u64;
    let signed_for = fleet.still_running(running).filter(has_one).count() as u64;
    Some(ReturnBody { version, devices, signed_for })
}

/// Of those that still run it, such as could not go back by `back`: for want of an image, or for
/// one that they would refuse.
pub(crate) fn without_way_back(
    fleet: &Fleet,
    running: &Running,
    back: &Running,
    now: Timestamp,
) -> Vec<String> {
    fleet
        .still_running(running)
        .filter(|device| fleet.bucket_of(back, device, now) == Bucket::Excluded)
        .map(|device| device.id.as_str().into())
        .take(NAMED)
        .collect()
}
