//! What one look at the evidence costs, from ten devices to ten million.

use divan::{Bencher, black_box};
use rollout_core::gate::operating::operating;
use rollout_core::gate::pacing::cap;
use rollout_core::gate::{
    AtRisk, Block, Budget, Cadence, CellAt, CountGate, Epoch, EventRate, EventTally, Evidence,
    EvidenceCells, Extent, FailureGate, GatePlan, GateSet, HardStops, HazardEvidence, HazardGate,
    Hours, MeanEvidence, MeanGate, Metric, Moment, Proportion, Rate, Risk, StopCounts, Stratum,
    Tally, TwoArmEvidence, TwoArmGate,
};
use rollout_core::rollout::{RungIndex, StratumId};
use rollout_core::time::Span;

const SIZES: [u64; 4] = [10, 1_000, 100_000, 10_000_000];

fn main() {
    divan::main();
}

fn tally(of: u64) -> Tally {
    Tally::new(of / 70, of).expect("bad ones are among all")
}

#[divan::bench(args = SIZES)]
fn evaluate(bencher: Bencher<'_, '_>, of: u64) {
    let set = GateSet::single(FailureGate::default(), HardStops::default());
    let evidence = [Evidence::new(of, of / 60, of - of / 9, of / 70).expect("counters agree")];
    let counts = StopCounts::default();
    bencher.bench(|| set.evaluate(Epoch(0), black_box(&evidence), &counts));
}

#[divan::bench(args = SIZES)]
fn evidence_of_one_side(bencher: Bencher<'_, '_>, of: u64) {
    let gate = FailureGate::default();
    bencher.bench(|| gate.ln_e_pass(black_box(tally(of))));
}

#[divan::bench(args = SIZES)]
fn bounds(bencher: Bencher<'_, '_>, of: u64) {
    let gate = FailureGate::default();
    bencher.bench(|| (gate.lower(black_box(tally(of))), gate.upper(black_box(tally(of)))));
}

#[divan::bench(args = SIZES)]
fn in_flight_cap(bencher: Bencher<'_, '_>, of: u64) {
    let gate = FailureGate::default();
    let set = GateSet::single(gate.clone(), HardStops::default());
    let budget = Budget::new(Budget::DEFAULT_DEVICES, &set, Epoch(0)).expect("a budget");
    bencher.bench(|| cap(&gate, black_box(tally(of)), budget));
}

#[divan::bench(args = [1_000, 10_000])]
fn operating_characteristics(bencher: Bencher<'_, '_>, largest: u64) {
    let gate = FailureGate::default();
    let truth = Proportion::new(0.015).expect("a share");
    bencher.bench(|| operating(&gate, black_box(truth), largest));
}

fn risk() -> Risk {
    Risk::new(0.01).expect("a risk")
}

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a rate")
}

/// A block of five canaries and their controls, recorded.
#[divan::bench]
fn two_arm_block(bencher: Bencher<'_, '_>) {
    let gate = TwoArmGate::expecting(rate(0.01));
    let tally = |bad, of| Tally::new(bad, of).expect("bad ones are among all");
    let block = Block { control: tally(1, 25), canary: tally(0, 5) };
    bencher
        .with_inputs(TwoArmEvidence::default)
        .bench_refs(|seen| gate.record(seen, black_box(block)));
}

/// A tick with three events, recorded.
#[divan::bench]
fn hazard_tick(bencher: Bencher<'_, '_>) {
    let gate = HazardGate::default();
    let moment = Moment::new(AtRisk::devices(900), AtRisk::devices(36_000), 1, 2);
    let moment = moment.expect("events of those at risk");
    bencher
        .with_inputs(HazardEvidence::default)
        .bench_refs(|seen| gate.record(seen, black_box(moment)));
}

/// The value of one device, recorded.
#[divan::bench]
fn mean_value(bencher: Bencher<'_, '_>) {
    let gate = MeanGate::new(rate(0.05), rate(0.1), risk(), risk()).expect("a gate");
    let value = Proportion::new(0.02).expect("a share");
    bencher
        .with_inputs(MeanEvidence::default)
        .bench_refs(|seen| gate.record(seen, black_box(value)));
}

/// A gap between two check-ins, recorded, and the percentile after it.
#[divan::bench]
fn cadence_gap(bencher: Bencher<'_, '_>) {
    let mut cadence = Cadence::default();
    (0..200).for_each(|minute| cadence.record(Span::secs(60 * minute)));
    bencher.with_inputs(|| cadence).bench_refs(|cadence| {
        cadence.record(black_box(Span::secs(840)));
        cadence.percentile_95()
    });
}

fn count_gate() -> CountGate {
    let limit = |value| EventRate::new(value).expect("a rate of events");
    CountGate::new(limit(0.001), limit(0.002), risk(), risk()).expect("a gate")
}

fn events(hours: u64) -> EventTally {
    let exposure = Hours::new(hours as f64).expect("hours");
    EventTally::new(hours / 700, exposure).expect("events in an exposure")
}

#[divan::bench(args = SIZES)]
fn count_evidence(bencher: Bencher<'_, '_>, hours: u64) {
    let gate = count_gate();
    bencher.bench(|| gate.ln_e_pass(black_box(events(hours))));
}

#[divan::bench(args = SIZES)]
fn count_bounds(bencher: Bencher<'_, '_>, hours: u64) {
    let gate = count_gate();
    bencher.bench(|| (gate.lower(black_box(events(hours))), gate.upper(black_box(events(hours)))));
}

/// One look at all components of one metric: so many strata, eight batches.
#[divan::bench(args = [1, 10, 100])]
fn judge(bencher: Bencher<'_, '_>, strata: u32) {
    let gate = FailureGate::default().into();
    let metrics = vec![Metric { name: "failure".into(), gate, weight: None }];
    let named = |id| Stratum { id: StratumId(id), name: format!("s{id}") };
    let named = (0..strata).map(named).collect();
    let plan = GatePlan::new(metrics, named, 8, HardStops::default()).expect("a plan");
    let mut cells = EvidenceCells::default();
    for place in 0..8 * strata {
        let batch = RungIndex((place % 8) as u16);
        let cell = cells.cell_mut(&plan, CellAt { batch, stratum: StratumId(place / 8) });
        cell.seen[0] = Evidence::new(900, 3, 800, 2).expect("counters agree").into();
        (cell.permitted, cell.matured) = (900, 800);
    }
    let (counts, extent) = (StopCounts::default(), Extent::default());
    bencher.bench(|| plan.judge(Epoch(0), black_box(&cells), &counts, &extent));
}
