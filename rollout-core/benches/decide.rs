//! What one decision costs: a step, an admission, a permit, a group of questions, a count.
//!
//! The fleet is the one the tests of the core move by hand; the rollout of it is running.

use divan::{Bencher, black_box};
use rollout_core::device::Execution;
use rollout_core::fleet::{Ask, Running};
use rollout_core::id::DeviceId;
use rollout_core::rollout::{Candidate, Input, PlanFields, StratumId};
use rollout_core::time::ServiceTime;
use rollout_core::wire::Event;

#[path = "../tests/it/desk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod desk;

use desk::{Desk, USUAL, device, fields};

/// Devices of the fleet.
const FLEET: usize = 10_000;
/// Devices that ask at once.
const GROUP: usize = 100;

fn main() {
    divan::main();
}

/// A fleet with a rollout that is open to everybody and has a hundred devices updated.
fn running() -> Desk {
    let plan = fields(&["100%"]);
    let pace = rollout_core::rollout::Pace { max_offers: Some(FLEET as u64), ..plan.pace };
    let mut desk = Desk::started(FLEET, PlanFields { pace, ..plan });
    for index in 0..GROUP {
        desk.update(&device(index));
    }
    desk
}

fn held(desk: &Desk) -> &Running {
    &desk.fleet.rollouts[&desk.rollout]
}

#[divan::bench]
fn step(bencher: Bencher<'_, '_>) {
    let desk = running();
    let input = Input::Observed(desk.fleet.observation(held(&desk)));
    bencher.bench(|| held(&desk).rollout.step(black_box(&input), desk.now));
}

#[divan::bench]
fn admit(bencher: Bencher<'_, '_>) {
    let desk = running();
    let asking = device(FLEET / 2);
    assert!(matches!(desk.fleet.admission(desk.rollout, &asking, desk.now), Some(Ok(_))));
    bencher.bench(|| desk.fleet.admission(desk.rollout, black_box(&asking), desk.now));
}

/// A device that has the image, as a candidate.
fn candidate<'a>(desk: &'a Desk, device: &DeviceId, execution: &'a Execution) -> Candidate<'a> {
    let fleet = &desk.fleet;
    let plan = &held(desk).rollout.plan;
    Candidate {
        device: &fleet.devices[device],
        execution: Some(execution),
        release: &fleet.releases[plan.target.release()],
        hosting: &fleet.hosting,
        atlas: &fleet.atlas,
        in_cohort: &|_| false,
        other_execution: None,
        superseded_by: None,
        excluded: None,
        stratum: StratumId(0),
        calendar: fleet.calendar(held(desk)),
        recent: &held(desk).recent,
        now: desk.now,
    }
}

#[divan::bench]
fn permit(bencher: Bencher<'_, '_>) {
    let mut desk = running();
    let asking = device(FLEET / 2);
    assert!(desk.offer(&asking), "nothing was offered");
    desk.report(&asking, Event::Downloaded, None);
    let Running { rollout, tally, executions, .. } = held(&desk);
    let execution = &executions[&asking];
    let candidate = candidate(&desk, &asking, execution);
    let service = ServiceTime(desk.now.0);
    let candidate = || black_box(&candidate);
    bencher.bench_local(|| rollout.permit(tally, candidate(), execution, service, USUAL));
}

/// Gates once, then an offer for each.
#[divan::bench]
fn decide_group_of_100(bencher: Bencher<'_, '_>) {
    let desk = running();
    let asks: Vec<Ask> =
        (0..GROUP).map(|index| Ask::Offer { device: device(FLEET / 2 + index) }).collect();
    let decided = desk.fleet.decide(desk.now, &asks);
    assert!(decided.entries.len() >= GROUP, "some were not offered anything");
    bencher.bench(|| desk.fleet.decide(desk.now, black_box(&asks)));
}

/// What a tick counts: reach and frontiers over the whole fleet.
#[divan::bench]
fn measure_10_000_devices(bencher: Bencher<'_, '_>) {
    let desk = running();
    bencher.bench(|| desk.fleet.measure(black_box(held(&desk)), desk.now));
}

/// How every device of the cohort gets to the release, class by class.
#[divan::bench]
fn survey_10_000_devices(bencher: Bencher<'_, '_>) {
    let desk = running();
    bencher.bench(|| desk.fleet.survey(black_box(held(&desk)), desk.now, |survey| survey.totals));
}
