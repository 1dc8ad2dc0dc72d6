//! What one look at the evidence costs, from ten devices to ten million.

use divan::{Bencher, black_box};
use rollout_core::gate::operating::operating;
use rollout_core::gate::pacing::cap;
use rollout_core::gate::{
    Budget, Epoch, Evidence, FailureGate, GateSet, HardStops, Proportion, StopCounts, Tally,
};

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
