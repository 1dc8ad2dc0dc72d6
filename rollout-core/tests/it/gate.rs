//! Promises of the gates that no table lists.

use proptest::prelude::*;
use rollout_core::gate::failure::NEED_LIMIT;
use rollout_core::gate::operating::{Means, max_pass, min_abort, n95, operating, smallest_proof};
use rollout_core::gate::pacing::{cap, min_budget};
use rollout_core::gate::sprt::Sprt;
use rollout_core::gate::{
    Breach, Budget, Component, Epoch, Evaluation, Evidence, FailureGate, GateError, GateSet,
    HardStops, HoldReason, LnE, Pacing, Proportion, Rate, Risk, StopCounts, StopRule, Tally,
    Verdict, Weight, Weights,
};

/// Distance of ln e from its threshold below which rounding may decide.
const BORDER: f64 = 1e-6;

/// A generator whose whole state is its seed.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn hits(&mut self, chance: f64) -> bool {
        ((self.next() >> 11) as f64) < chance * (1_u64 << 53) as f64
    }
}

fn gate_of(p_max: f64, p_pass: f64, alpha: f64, beta: f64) -> FailureGate {
    let rate = |value| Rate::new(value).expect("a rate");
    let risk = |value| Risk::new(value).expect("a risk");
    FailureGate::new(rate(p_max), rate(p_pass), risk(alpha), risk(beta), 1).expect("a gate")
}

fn tally(bad: u64, of: u64) -> Tally {
    Tally::new(bad, of).expect("bad ones are among all")
}

fn evidence(exposed: u64, failed: u64, matured: u64, bad: u64) -> Evidence {
    Evidence::new(exposed, failed, matured, bad).expect("counters agree")
}

fn part(name: &str, weight: f64, gate: FailureGate) -> Component {
    let weight = Weight::new(weight).expect("a weight");
    Component { name: name.into(), weight, gate: gate.into() }
}

fn single(gate: &FailureGate) -> GateSet {
    GateSet::single(gate.clone(), HardStops::default())
}

fn evaluate(gate: &FailureGate, evidence: Evidence) -> Evaluation {
    single(gate).evaluate(Epoch(0), &[evidence], &StopCounts::default())
}

prop_compose! {
    fn gate()(
        exponent in -9.0..-1.2_f64,
        zone in 1.0..3.0_f64,
        alpha in prop::sample::select(vec![0.001, 0.01, 0.05]),
        beta in prop::sample::select(vec![0.001, 0.01, 0.05]),
    ) -> FailureGate {
        let p_max = exponent.exp();
        gate_of(p_max, (p_max * zone).min(0.99), alpha, beta)
    }
}

prop_compose! {
    fn counts()(exponent in 0.0..14.0_f64, share in 0.0..1.0_f64, steep in 0_i32..8)
        -> (u64, u64) {
        let of = exponent.exp() as u64;
        ((of as f64 * share.powi(steep)) as u64, of)
    }
}

proptest! {
    #[test]
    fn one_more_bad_device_never_helps(gate in gate(), (bad, of) in counts()) {
        prop_assume!(bad < of);
        let (one, other) = (tally(bad, of), tally(bad + 1, of));
        let slack = 1e-12 * of as f64 + 1e-12;
        prop_assert!(gate.ln_e_abort(other).get() >= gate.ln_e_abort(one).get() - slack);
        prop_assert!(gate.ln_e_pass(other).get() <= gate.ln_e_pass(one).get() + slack);
        prop_assert!(gate.aborts(other) || !gate.aborts(one));
        prop_assert!(gate.passes(one) || !gate.passes(other));
        prop_assert!(gate.lower(other) >= gate.lower(one));
        prop_assert!(gate.upper(other) >= gate.upper(one));
    }

    #[test]
    fn bounds_agree_with_verdicts(gate in gate(), (bad, of) in counts()) {
        let tally = tally(bad, of);
        let near = |e: LnE, risk: Risk| (e.get() - risk.ln_threshold().get()).abs() < BORDER;
        if !near(gate.ln_e_abort(tally), gate.alpha()) {
            let exceeded = gate.lower(tally).get() >= gate.p_max().get();
            prop_assert_eq!(gate.aborts(tally), exceeded);
        }
        if !near(gate.ln_e_pass(tally), gate.beta()) {
            let undercut = gate.upper(tally).get() <= gate.p_pass().get();
            prop_assert_eq!(gate.passes(tally), undercut);
        }
        let share = tally.share().expect("someone counted");
        prop_assert!(gate.lower(tally) <= share && share <= gate.upper(tally));
    }

    #[test]
    fn need_is_what_trying_every_size_finds(gate in gate(), bad in 0..6_u64, of in 1..400_u64) {
        prop_assume!(bad <= of && !gate.passes(tally(bad, of)));
        let need = gate.need(tally(bad, of));
        let first = (of + 1..=20_000)
            .find(|size| gate.passes(tally((size * bad).div_ceil(of), *size)));
        prop_assert_eq!(need.filter(|need| *need <= 20_000), first);
    }

    #[test]
    fn evidence_together_is_never_weaker_than_each_share_alone(
        parts in prop::collection::vec((0.05..1.0_f64, -800.0..800.0_f64), 1..9),
    ) {
        let sum: f64 = parts.iter().map(|part| part.0).sum();
        let weights: Vec<_> =
            parts.iter().map(|part| Weight::new(part.0 / sum).expect("a weight")).collect();
        let ln_e: Vec<_> = parts.iter().map(|part| LnE::of(part.1)).collect();
        let weights = Weights::new(weights).expect("weights sum to 1");
        let (total, blame) = (weights.combine(&ln_e), weights.blame(&ln_e));
        prop_assert!(total.get() >= blame[0].ln_share.get() - 1e-9);
        let most = parts.iter().map(|part| part.1).fold(f64::MIN, f64::max);
        prop_assert!(total.get() <= most + 1e-9);
        prop_assert!(blame.is_sorted_by(|one, other| one.ln_share >= other.ln_share));
        let mut places: Vec<_> = blame.iter().map(|blame| blame.component).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..parts.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_cap_starts_at_the_budget_and_good_devices_raise_it(
        gate in gate(), good in 0..100_000_u64, budget in 20..200_u64,
    ) {
        let set = single(&gate);
        prop_assume!(min_budget(&set, Epoch(0)) <= budget);
        let budget = Budget::new(budget, &set, Epoch(0)).expect("a budget");
        prop_assert_eq!(cap(&gate, Tally::NONE, budget), budget.devices());
        let less = cap(&gate, tally(0, good), budget);
        let more = cap(&gate, tally(0, good + 1), budget);
        prop_assert!(budget.devices() <= less && less <= more);
    }

    /// Every device goes dark, each after a time of its own; some failures are reported at once.
    #[test]
    fn a_brick_costs_at_most_the_budget(
        seed: u64, p_max in 0.001..0.3_f64, budget in 8..60_u64, spread in 1..40_u64,
        reported in 0.0..1.0_f64,
    ) {
        let gate = gate_of(p_max, (2.0 * p_max).min(0.9), 0.01, 0.01);
        let budget = Budget::new(budget, &single(&gate), Epoch(0)).expect("a budget");
        let mut random = SplitMix64(seed);
        let mut ends: Vec<(u64, bool)> = Vec::new();
        for now in 0.. {
            let matured = ends.iter().filter(|(end, _)| *end <= now).count() as u64;
            let known = ends.iter().filter(|(end, told)| *told || *end <= now).count() as u64;
            let seen = evidence(ends.len() as u64, known, matured, matured);
            match evaluate(&gate, seen).verdict {
                Verdict::Abort(_) => break,
                Verdict::Pass => prop_assert!(false, "a brick passed"),
                Verdict::Hold(_) => {}
            }
            let pacing = Pacing::of(&gate, seen, budget);
            prop_assert!(!matches!(pacing, Pacing::BudgetSpent { .. }), "deadlock at {seen:?}");
            for _ in 0..pacing.slots_left() {
                ends.push((now + 1 + random.next() % spread, random.hits(reported)));
            }
            prop_assert!(ends.len() as u64 <= budget.devices());
        }
    }
}

/// Failures are reported at once, successes late, and someone looks after every single report.
#[test]
fn peeking_at_every_report_aborts_few_good_builds() {
    let gate = gate_of(0.05, 0.1, 0.05, 0.05);
    let (mut random, mut aborted) = (SplitMix64(7), 0);
    let runs = 1500;
    for _ in 0..runs {
        let mut failed = 0;
        // Between failures the evidence only falls, so looks at failures are all looks.
        aborted += u32::from((1..=1000).any(|exposed| {
            let fails = random.hits(0.05);
            failed += u64::from(fails);
            fails && gate.aborts(tally(failed, exposed))
        }));
    }
    assert!(aborted > 0, "the simulation never came near");
    assert!(f64::from(aborted) <= 0.05 * f64::from(runs), "{aborted} of {runs}");
}

/// Outcomes of whole waves, admitted as the budget allows, at rates around and far above p_max.
#[test]
fn a_budget_of_twenty_never_deadlocks() {
    let mut random = SplitMix64(11);
    for p_max in [0.001, 0.01, 0.05, 0.1, 0.3] {
        let gate = gate_of(p_max, 2.0 * p_max, 0.01, 0.01);
        let budget = Budget::new(20, &single(&gate), Epoch(0)).expect("a budget");
        for factor in [0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 1000.0] {
            for _ in 0..10 {
                let (mut of, mut bad) = (0, 0);
                while of < 20_000 && !gate.aborts(tally(bad, of)) && !gate.passes(tally(bad, of)) {
                    let pacing = Pacing::of(&gate, evidence(of, bad, of, bad), budget);
                    assert!(pacing.slots_left() > 0, "{pacing:?} at {bad} of {of}, p_max {p_max}");
                    for _ in 0..pacing.slots_left().min(1000) {
                        of += 1;
                        bad += u64::from(random.hits((p_max * factor).min(1.0)));
                    }
                }
            }
        }
    }
}

#[test]
fn a_small_budget_is_refused_and_a_spent_one_named() {
    let least =
        |p_max: f64| min_budget(&single(&gate_of(p_max, 2.0 * p_max, 0.01, 0.01)), Epoch(0));
    assert_eq!([0.001, 0.01, 0.1, 0.3].map(least), [3, 3, 3, 5]);
    let gate = FailureGate::default();
    let set = single(&gate);
    assert_eq!(Budget::new(2, &set, Epoch(0)), Err(GateError::BudgetTooSmall { have: 2, need: 3 }));
    // A restart asks for more evidence, so a budget that was enough is no longer.
    assert!(min_budget(&set, Epoch(8)) > 3);
    let budget = Budget::new(3, &set, Epoch(0)).expect("a budget");
    let spent = Pacing::of(&gate, evidence(4, 4, 4, 4), budget);
    assert_eq!(spent, Pacing::BudgetSpent { cap: 3 });
    let full = Pacing::of(&gate, evidence(4, 3, 3, 3), budget);
    assert_eq!(full, Pacing::Full { cap: 3 });
    let open = Pacing::of(&gate, evidence(1, 0, 0, 0), budget);
    assert_eq!(open, Pacing::Open { slots: 2, cap: 3 });
}

#[test]
fn defaults_are_the_published_numbers() {
    let gate = FailureGate::default();
    assert_eq!(gate, gate_of(0.01, 0.02, 0.01, 0.01));
    assert_eq!(smallest_proof(&gate), Some(281));
    assert_eq!(smallest_proof(&gate_of(0.01, 0.01, 0.01, 0.01)), Some(564));
    let half = Proportion::new(0.005).expect("a share");
    assert_eq!(n95(&gate, half, 10_000), Some(1248));
    assert_eq!(n95(&gate, half, 1247), None);
    assert_eq!([3, 16, 17].map(|n| min_abort(&gate, n)), [Some(3), Some(3), Some(4)]);
    assert_eq!([280, 281].map(|n| max_pass(&gate, n)), [None, Some(0)]);
}

#[test]
fn a_hold_says_what_is_missing() {
    let gate = FailureGate::default();
    let reason = |seen| match evaluate(&gate, seen).verdict {
        Verdict::Hold(reason) => reason,
        Verdict::Pass | Verdict::Abort(_) => panic!("no hold at {seen:?}"),
    };
    assert_eq!(reason(Evidence::default()), HoldReason::NoData);
    assert_eq!(evaluate(&gate, Evidence::default()).need, Some(281));
    assert_eq!(reason(evidence(10, 0, 0, 0)), HoldReason::TooFew { need: 281 });
    assert_eq!(reason(evidence(300, 1, 280, 0)), HoldReason::TooFew { need: 281 });
    let rate = Proportion::new(0.02).expect("a share");
    assert_eq!(reason(evidence(100, 2, 100, 2)), HoldReason::Indifferent { rate });
    assert_eq!(evaluate(&gate, evidence(281, 0, 281, 0)).verdict, Verdict::Pass);
}

#[test]
fn an_abort_names_what_it_rests_on() {
    let gate = FailureGate::default();
    let abort = evaluate(&gate, evidence(16, 3, 0, 0));
    let Verdict::Abort(Breach::Evidence { component, ln_e, threshold }) = abort.verdict else {
        panic!("three of sixteen abort");
    };
    assert_eq!(component, "failure");
    assert_eq!((ln_e, threshold), (abort.ln_e_abort, abort.abort_at));
    assert!(ln_e >= threshold && abort.lower.get() >= 0.01);
    assert_eq!(evaluate(&gate, evidence(17, 3, 0, 0)).verdict.name(), "hold");
    let counts = StopCounts { safety_faults: 1, ..StopCounts::default() };
    let stopped = single(&gate).evaluate(Epoch(0), &[evidence(281, 0, 281, 0)], &counts);
    let rule = StopRule::SafetyFaults;
    let breach = Breach::HardStop { rule, have: 1, limit: 1 };
    assert_eq!(stopped.verdict, Verdict::Abort(breach));
}

#[test]
fn a_restart_halves_the_risk() {
    let gate = FailureGate::default();
    let set = single(&gate);
    let verdict = |epoch, failed| {
        let seen = [evidence(16, failed, 0, 0)];
        set.evaluate(Epoch(epoch), &seen, &StopCounts::default()).verdict.name()
    };
    assert_eq!([verdict(0, 3), verdict(3, 3), verdict(3, 4)], ["abort", "hold", "abort"]);
    let later = set.evaluate(Epoch(3), &[evidence(16, 3, 0, 0)], &StopCounts::default());
    assert_eq!(later.lower, gate.with_alpha(Epoch(3).of(gate.alpha())).lower(tally(3, 16)));
    assert!(later.lower < evaluate(&gate, evidence(16, 3, 0, 0)).lower);
    let halved = gate.with_alpha(Epoch(1).of(gate.alpha()));
    assert_eq!(halved.alpha().get(), 0.005);
}

#[test]
fn min_failures_only_ever_delays_an_abort() {
    let plain = FailureGate::default();
    let (p_max, p_pass) = (plain.p_max(), plain.p_pass());
    let (alpha, beta) = (plain.alpha(), plain.beta());
    let patient = FailureGate::new(p_max, p_pass, alpha, beta, 10).expect("a gate");
    for failed in 0..=20 {
        let seen = evidence(20, failed, 0, 0);
        let (plain, patient) = (evaluate(&plain, seen), evaluate(&patient, seen));
        assert_eq!(plain.ln_e_abort, patient.ln_e_abort);
        let aborted = |evaluation: &Evaluation| evaluation.verdict.name() == "abort";
        assert_eq!(aborted(&patient), aborted(&plain) && failed >= 10, "{failed}");
    }
    assert_eq!(min_abort(&patient, 20), Some(10));
    assert_eq!(min_budget(&single(&patient), Epoch(0)), 10);
    let brick = operating(&patient, Proportion::ONE, 100);
    assert_eq!(brick.at_abort, Some(Means { devices: 10.0, bad: 10.0 }));
}

#[test]
fn components_share_alpha_and_pass_one_by_one() {
    let gate = FailureGate::default();
    let parts = vec![part("boot", 0.5, gate.clone()), part("health", 0.5, gate.clone())];
    let set = GateSet::new(parts, HardStops::default()).expect("a set");
    let at = |boot, health| set.evaluate(Epoch(0), &[boot, health], &StopCounts::default());
    let (clean, worse) = (evidence(400, 0, 400, 0), evidence(400, 30, 400, 30));
    assert_eq!(at(clean, clean).verdict, Verdict::Pass);
    let late = at(clean, evidence(400, 0, 100, 0));
    assert_eq!((late.verdict.name(), late.need), ("hold", Some(281)));
    assert_eq!(late.ln_e_pass, gate.ln_e_pass(tally(0, 100)));
    assert_eq!(late.upper, gate.upper(tally(0, 100)));
    let bad = at(clean, worse);
    assert_eq!(bad.blame[0].component, 1);
    let half = Weight::new(0.5).expect("a weight");
    let alone = gate.with_alpha(half.of(gate.alpha()));
    assert_eq!(bad.lower, alone.lower(tally(30, 400)));
    let Verdict::Abort(Breach::Evidence { component, .. }) = bad.verdict else {
        panic!("one bad component aborts");
    };
    assert_eq!(component, "health");
    let fresh = at(Evidence::default(), clean);
    assert_eq!(fresh.verdict, Verdict::Hold(HoldReason::TooFew { need: 281 }));
    // Three of sixteen decide with all of alpha, not with half of it.
    assert_eq!(at(Evidence::default(), evidence(16, 3, 0, 0)).verdict.name(), "hold");

    let other = gate.with_alpha(Risk::new(0.05).expect("a risk"));
    let mixed = vec![part("boot", 0.5, gate.clone()), part("health", 0.5, other)];
    let refused = GateSet::new(mixed, HardStops::default());
    assert_eq!(refused, Err(GateError::AlphaDiffers { name: "health".into() }));
    let half = vec![part("boot", 0.5, gate)];
    assert_eq!(GateSet::new(half, HardStops::default()), Err(GateError::WeightSum { sum: 0.5 }));
    assert_eq!(GateSet::new(vec![], HardStops::default()), Err(GateError::NoComponent));
}

#[test]
fn limits_that_cross_are_refused() {
    let (low, high) = (Rate::new(0.01).expect("a rate"), Rate::new(0.02).expect("a rate"));
    let risk = Risk::new(0.01).expect("a risk");
    let crossed = FailureGate::new(high, low, risk, risk, 1);
    assert_eq!(crossed, Err(GateError::PassBelowMax { p_max: high, p_pass: low }));
    assert_eq!(FailureGate::new(low, high, risk, risk, 0), Err(GateError::NoMinFailures));
    assert_eq!(low.doubled(), Ok(high));
    let (error, text) = (crossed.expect_err("refused"), "p_pass 1% is below p_max 2%");
    assert_eq!((error.to_string().as_str(), error.code()), (text, "GA-004"));
}

#[test]
fn verdicts_latch() {
    let breach = Breach::HardStop { rule: StopRule::Bricked, have: 2, limit: 2 };
    let other = Breach::HardStop { rule: StopRule::SafetyFaults, have: 1, limit: 1 };
    let hold = || Verdict::Hold(HoldReason::NoData);
    let abort = || Verdict::Abort(breach.clone());
    assert_eq!(hold().latched(Verdict::Pass), Verdict::Pass);
    assert_eq!(Verdict::Pass.latched(hold()), Verdict::Pass);
    assert_eq!(Verdict::Pass.latched(abort()), abort());
    for next in [hold(), Verdict::Pass, Verdict::Abort(other)] {
        assert_eq!(abort().latched(next), abort());
    }
}

#[test]
fn what_would_take_too_long_is_not_waited_for() {
    let rare = |p: f64| gate_of(p, p, 0.01, 0.01);
    // 5.62 devices over p_pass without a failure: within a million at one, beyond at the other.
    assert_eq!(rare(1e-5).need(Tally::NONE), smallest_proof(&rare(1e-5)));
    assert!(smallest_proof(&rare(1e-6)).is_some_and(|size| size > 5_600_000));
    assert_eq!(rare(1e-6).need(Tally::NONE), None);
    assert_eq!(rare(0.02).need(tally(199, 10_000)), None);
    assert_eq!(rare(0.02).need(tally(1 << 33, 1 << 40)), None);
    assert_eq!(rare(0.02).need(tally(1, u64::MAX)), None);
    // Sizes with four bad ones reach across the limit.
    let needs: Vec<_> = (1..200)
        .filter_map(|step| rare(5e-6 + f64::from(step) * 1e-7).need(tally(1, 300_000)))
        .collect();
    assert!(!needs.is_empty() && needs.iter().all(|need| *need <= NEED_LIMIT));
    let seen = evaluate(&rare(1e-6), evidence(5, 0, 0, 0));
    assert_eq!(seen.verdict, Verdict::Hold(HoldReason::TooFew { need: seen.need.unwrap_or(0) }));
    assert_eq!(seen.need, smallest_proof(&rare(1e-6)));
}

#[test]
fn one_stray_failure_is_still_quiet() {
    let gate = FailureGate::default();
    for (bad, of, quiet) in
        [(0, 5, true), (1, 5, true), (2, 5, false), (2, 50, true), (3, 99, false)]
    {
        assert_eq!(gate.is_quiet(tally(bad, of)), quiet, "{bad} of {of}");
    }
}

#[test]
fn a_sequential_test_needs_two_rates_in_order() {
    let (low, high) = (Rate::new(0.01).expect("a rate"), Rate::new(0.02).expect("a rate"));
    let risk = Risk::new(0.01).expect("a risk");
    for (p0, p1) in [(high, low), (low, low)] {
        assert_eq!(Sprt::new(p0, p1, risk, risk), Err(GateError::RatesNotApart { p0, p1 }));
    }
}

#[test]
fn a_budget_must_do_for_the_lightest_component() {
    let gate = FailureGate::default();
    let parts = vec![part("heavy", 0.9, gate.clone()), part("light", 0.1, gate.clone())];
    let set = GateSet::new(parts, HardStops::default()).expect("a set");
    assert_eq!((min_budget(&set, Epoch(0)), min_budget(&single(&gate), Epoch(0))), (4, 3));
}

/// A component that waits for more failures adds nothing, and its losses still weigh.
#[test]
fn a_waiting_component_does_not_count_as_no_evidence() {
    let gate = gate_of(0.01, 0.02, 0.5, 0.01);
    let mean = |size| gate.ln_e_abort(tally(1, size)).get().exp();
    // Half of it is just below 2, the threshold; with half of 1 beside it, it would be above.
    let size = (1..200).find(|size| (3.2..3.8).contains(&mean(*size))).expect("a size");
    let parts = vec![part("clean", 0.5, gate.clone()), part("bad", 0.5, gate.clone())];
    let set = GateSet::new(parts, HardStops::default()).expect("a set");
    let seen = [evidence(4000, 0, 0, 0), evidence(size, 1, 0, 0)];
    let now = set.evaluate(Epoch(0), &seen, &StopCounts::default());
    assert_eq!(now.verdict.name(), "hold");
}
