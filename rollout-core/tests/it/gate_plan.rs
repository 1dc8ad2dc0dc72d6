//! Many gates at once: metrics, strata and batches as one promise.

use proptest::prelude::*;
use rollout_core::gate::{AtRisk, pacing::min_budget};
use rollout_core::gate::{
    Block, Breach, Budget, CellAt, Epoch, Evidence, EvidenceCells, Extent, FailureGate, GateError,
    GatePlan, HardStops, HazardEvidence, HazardGate, HoldReason, Judgment, LnE, Metric, Moment,
    Monitor, Rate, Risk, Scope, Seen, Standing, StopCounts, StopRule, Stratum, Tally,
    TwoArmEvidence, TwoArmGate, Verdict, Weight,
};
use rollout_core::rollout::{RungIndex, StratumId};

const EU: StratumId = StratumId(0);
const US: StratumId = StratumId(1);
const JP: StratumId = StratumId(2);

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a rate")
}

fn risk(value: f64) -> Risk {
    Risk::new(value).expect("a risk")
}

fn weight(value: f64) -> Weight {
    Weight::new(value).expect("a weight")
}

pub fn metric(name: &str, gate: impl Into<Monitor>) -> Metric {
    Metric { name: name.into(), gate: gate.into(), weight: None }
}

fn failure() -> Metric {
    metric("failure", FailureGate::default())
}

pub fn strata() -> Vec<Stratum> {
    let named = [(EU, "v960/eu"), (US, "v960/us"), (JP, "v980/jp")];
    named.map(|(id, name)| Stratum { id, name: name.into() }).into()
}

pub fn plan(metrics: Vec<Metric>, strata: Vec<Stratum>, batches: u16) -> GatePlan {
    GatePlan::new(metrics, strata, batches, HardStops::default()).expect("a plan")
}

pub fn at(batch: u16, stratum: StratumId) -> CellAt {
    CellAt { batch: RungIndex(batch), stratum }
}

/// Adds matured devices to what the first metric saw in a cell.
pub fn mature(plan: &GatePlan, cells: &mut EvidenceCells, at: CellAt, bad: u64, of: u64) {
    let cell = cells.cell_mut(plan, at);
    let more = Evidence::new(of, bad, of, bad).expect("counters agree");
    cell.seen[0].absorb(&more.into()).expect("of its kind");
    cell.permitted += of;
    cell.matured += of;
}

/// As many devices everywhere as it takes.
fn wide() -> Extent {
    let many = 1_000_000;
    Extent { strata: [EU, US, JP].map(|stratum| (stratum, many)).into(), fleet: 3 * many }
}

pub fn judged(plan: &GatePlan, cells: &EvidenceCells) -> Judgment {
    plan.judge(Epoch(0), cells, &StopCounts::default(), &wide()).expect("cells of the plan")
}

#[test]
fn half_goes_to_the_fleet_and_half_to_what_just_began() {
    let plan = plan(vec![failure()], strata()[..2].to_vec(), 2);
    let parts = plan.set().components().iter().zip(plan.set().weights().iter());
    let parts: Vec<_> = parts.map(|(part, weight)| (part.name.as_str(), weight.get())).collect();
    assert_eq!(
        parts,
        [
            ("failure", 0.25),
            ("failure, rung 1", 0.125),
            ("failure, rung 2", 0.125),
            ("failure, v960/eu", 0.125),
            ("failure, v960/eu, rung 1", 0.0625),
            ("failure, v960/eu, rung 2", 0.0625),
            ("failure, v960/us", 0.125),
            ("failure, v960/us, rung 1", 0.0625),
            ("failure, v960/us, rung 2", 0.0625),
        ]
    );
    let scope = Scope { stratum: Some(US), batch: Some(RungIndex(1)) };
    assert_eq!(plan.place(0, scope), Some(8));
    assert_eq!(plan.place(1, scope), None);
    assert_eq!(plan.place(0, Scope { stratum: Some(JP), batch: None }), None);
    assert_eq!((plan.batches(), plan.strata().len(), plan.scopes().len()), (2, 2, 9));
}

#[test]
fn what_would_be_the_same_bet_twice_is_one() {
    let names = |plan: GatePlan| -> Vec<_> {
        plan.set().components().iter().map(|part| part.name.clone()).collect()
    };
    let one = strata()[..1].to_vec();
    assert_eq!(names(plan(vec![failure()], vec![], 1)), ["failure"]);
    assert_eq!(names(plan(vec![failure()], one.clone(), 1)), ["failure"]);
    let batches = ["failure", "failure, rung 1", "failure, rung 2"];
    assert_eq!(names(plan(vec![failure()], one, 2)), batches);
    let groups = names(plan(vec![failure()], strata(), 1));
    assert_eq!(groups, ["failure", "failure, v960/eu", "failure, v960/us", "failure, v980/jp"]);
}

#[test]
fn metrics_share_equally_unless_weighted() {
    let of = |plan: &GatePlan, name: &str| {
        let parts = plan.set().components().iter();
        let of_metric = parts.filter(|part| part.name.starts_with(name));
        of_metric.map(|part| part.weight.get()).sum::<f64>()
    };
    let crashes = || metric("crashes", HazardGate::default());
    let equal = plan(vec![failure(), crashes()], strata(), 3);
    assert!((of(&equal, "failure") - 0.5).abs() < 1e-12, "{}", of(&equal, "failure"));
    let heavy = Metric { weight: Some(weight(0.8)), ..failure() };
    let light = Metric { weight: Some(weight(0.2)), ..crashes() };
    let weighted = plan(vec![heavy, light], strata(), 3);
    assert!((of(&weighted, "failure") - 0.8).abs() < 1e-12);
    assert!((of(&weighted, "crashes") - 0.2).abs() < 1e-12);
}

#[test]
fn plans_that_promise_too_much_or_nothing_are_refused() {
    let new = |metrics: Vec<Metric>, strata: Vec<Stratum>, batches: u16| {
        GatePlan::new(metrics, strata, batches, HardStops::default()).expect_err("refused")
    };
    let weighted = |name: &str, share: f64| Metric {
        weight: Some(weight(share)),
        ..metric(name, FailureGate::default())
    };
    let other = FailureGate::default().with_alpha(risk(0.05));
    let same_name = vec![strata()[0].clone(), Stratum { id: US, name: "v960/eu".into() }];
    let same_id = vec![strata()[0].clone(), Stratum { id: EU, name: "v960/us".into() }];
    let many = (0..600).map(|id| Stratum { id: StratumId(id), name: format!("s{id}") });
    let refused = [
        (new(vec![], vec![], 1), "GA-007", "there is no gate to evaluate"),
        (new(vec![failure()], vec![], 0), "GA-023", "the gates of a rollout are planned for 0"),
        (new(vec![failure(), failure()], vec![], 1), "GA-024", "two metrics are called `failure`"),
        (new(vec![failure()], same_name, 1), "GA-024", "two strata are called `v960/eu`"),
        (new(vec![failure()], same_id, 1), "GA-024", "two strata are called `v960/us` or have its"),
        (
            new(vec![weighted("boot", 0.5), failure()], vec![], 1),
            "GA-025",
            "1 of 2 metrics have a weight",
        ),
        (new(vec![weighted("boot", 0.5)], vec![], 1), "GA-009", "the weights sum to 0.5"),
        (
            new(vec![failure(), metric("other", other)], strata(), 1),
            "GA-010",
            "component `other` has another alpha",
        ),
        (new(vec![failure()], many.collect(), 32), "GA-026", "metrics, strata and batches make 19"),
    ];
    for (error, code, text) in refused {
        assert_eq!(error.code(), code);
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(!error.hint().is_empty());
    }
}

/// The e-value of one scope, from the cells themselves.
fn scope_ln_e(plan: &GatePlan, cells: &EvidenceCells, scope: Scope) -> LnE {
    let within = |at: &CellAt| {
        scope.stratum.is_none_or(|stratum| at.stratum == stratum)
            && scope.batch.is_none_or(|batch| at.batch == batch)
    };
    let mut counts = (0, 0);
    for (_, cell) in cells.iter().filter(|(at, _)| within(at)) {
        let Seen::Failure(seen) = &cell.seen[0] else { panic!("a failure gate") };
        counts = (counts.0 + seen.for_abort().bad(), counts.1 + seen.exposed());
    }
    let Monitor::Failure(gate) = &plan.metrics()[0].gate else { panic!("a failure gate") };
    gate.ln_e_abort(Tally::new(counts.0, counts.1).expect("bad ones are among all"))
}

prop_compose! {
    fn filled()(
        seed in prop::collection::vec((0..5_u16, 0..4_u32, 0..40_u64, 0.0..0.4_f64), 0..16),
    ) -> Vec<(CellAt, u64, u64)> {
        let cell = |(batch, stratum, of, share): (u16, u32, u64, f64)| {
            (at(batch, StratumId(stratum)), (of as f64 * share * share) as u64, of)
        };
        seed.into_iter().map(cell).collect()
    }
}

proptest! {
    /// Cells of a fifth batch and a fourth stratum, which were not planned, included.
    #[test]
    fn evidence_is_the_weighted_mean_over_all_scopes(filled in filled()) {
        let plan = plan(vec![failure()], strata(), 4);
        let mut cells = EvidenceCells::default();
        filled.iter().for_each(|(at, bad, of)| mature(&plan, &mut cells, *at, *bad, *of));
        let rungs = || std::iter::once(None).chain((0..4).map(|rung| Some(RungIndex(rung))));
        let mut mean = 0.0;
        for stratum in [None, Some(EU), Some(US), Some(JP)] {
            for batch in rungs() {
                let share = if stratum.is_none() { 0.5 } else { 0.5 / 3.0 };
                let weight = share * if batch.is_none() { 0.5 } else { 0.5 / 4.0 };
                mean += weight * scope_ln_e(&plan, &cells, Scope { stratum, batch }).get().exp();
            }
        }
        let judgment = judged(&plan, &cells);
        let ln_e = judgment.charge.ln_e.get();
        prop_assert!((ln_e - mean.ln()).abs() < 1e-9 * (1.0 + ln_e.abs()), "{ln_e} {}", mean.ln());
        let aborts = mean.ln() >= risk(0.01).ln_threshold().get();
        prop_assert_eq!(matches!(judgment.verdict, Verdict::Abort(_)), aborts);
    }

    #[test]
    fn the_budget_is_enough_wherever_devices_are_lost(
        places in prop::collection::vec((0..4_u16, 0..3_u32), 64),
        metrics in 1..4_usize, exponent in -4.0..-1.5_f64, epoch in 0..3_u32,
    ) {
        let p_max = rate(exponent.exp());
        let two = p_max.doubled().expect("a rate");
        let gate = FailureGate::new(p_max, two, risk(0.01), risk(0.01), 1).expect("a gate");
        let named = |place: usize| metric(&format!("m{place}"), gate.clone());
        let plan = plan((0..metrics).map(named).collect(), strata(), 4);
        let epoch = Epoch(epoch);
        let lost = |count: u64| {
            let mut cells = EvidenceCells::default();
            for (batch, stratum) in places.iter().cycle().take(count as usize) {
                let cell = cells.cell_mut(&plan, at(*batch, StratumId(*stratum)));
                cell.permitted += 1;
                // Each is bad by the first metric; the others know nothing yet.
                for (place, seen) in cell.seen.iter_mut().enumerate() {
                    let bad = u64::from(place == 0);
                    let more = Evidence::new(1, bad, 0, 0).expect("counters agree");
                    seen.absorb(&more.into()).expect("of its kind");
                }
            }
            let judgment = plan.judge(epoch, &cells, &StopCounts::default(), &wide());
            matches!(judgment.expect("cells of the plan").verdict, Verdict::Abort(_))
        };
        let need = plan.min_budget(epoch);
        prop_assert!(need < 40 && lost(need), "{need}");
        prop_assert!(Budget::for_plan(need, &plan, epoch).is_ok());
        let short = GateError::BudgetTooSmall { have: need - 1, need };
        prop_assert_eq!(Budget::for_plan(need - 1, &plan, epoch), Err(short));
    }
}

#[test]
fn a_plan_of_one_gate_asks_for_the_budget_of_that_gate() {
    let alone = plan(vec![failure()], vec![], 1);
    assert_eq!(alone.min_budget(Epoch(0)), 3);
    assert_eq!(min_budget(alone.set(), Epoch(0)), 3);
    // A quarter of the purse is what two restarts leave.
    let shared = plan(vec![failure()], strata(), 5);
    for epoch in 0..9 {
        assert_eq!(shared.min_budget(Epoch(epoch)), alone.min_budget(Epoch(epoch + 2)));
    }
    let gate = FailureGate::new(rate(0.3), rate(0.6), risk(0.01), risk(0.01), 1).expect("a gate");
    let slow = plan(vec![metric("slow", gate.clone())], vec![], 1);
    let both = plan(vec![failure(), metric("slow", gate)], vec![], 1);
    assert_eq!(both.min_budget(Epoch(0)), slow.min_budget(Epoch(1)), "whichever sees them");
    assert_eq!(
        plan(vec![metric("x", HazardGate::default())], vec![], 1).min_budget(Epoch(0)),
        1 << 40
    );
}

/// After so many good devices, how many of which one in twenty is bad it takes to notice.
fn noticed(plan: &GatePlan) -> u64 {
    let after = |more: u64| {
        let mut cells = EvidenceCells::default();
        mature(plan, &mut cells, at(0, EU), 0, 50_000);
        mature(plan, &mut cells, at(1, EU), more / 20, more);
        matches!(judged(plan, &cells).verdict, Verdict::Abort(_))
    };
    (1..2000).map(|step| step * 20).find(|more| after(*more)).expect("noticed")
}

#[test]
fn a_batch_that_starts_from_nothing_notices_a_change_at_once() {
    let (alone, windows) = (plan(vec![failure()], vec![], 1), plan(vec![failure()], vec![], 4));
    let (late, soon) = (noticed(&alone), noticed(&windows));
    assert!((12_000..16_000).contains(&late), "{late}");
    assert!((100..400).contains(&soon), "{soon}");
}

#[test]
fn blame_is_named_as_people_would() {
    let plan = plan(vec![failure()], strata(), 4);
    let mut cells = EvidenceCells::default();
    for stratum in [EU, US, JP] {
        mature(&plan, &mut cells, at(0, stratum), 0, 4000);
        mature(&plan, &mut cells, at(1, stratum), 0, 4000);
    }
    mature(&plan, &mut cells, at(2, EU), 12, 60);
    mature(&plan, &mut cells, at(2, US), 0, 60);
    mature(&plan, &mut cells, at(2, JP), 0, 60);
    let judgment = judged(&plan, &cells);
    let Verdict::Abort(breach) = &judgment.verdict else { panic!("{:?}", judgment.verdict) };
    let Breach::Evidence { component, ln_e, threshold } = breach else { panic!("{breach:?}") };
    assert_eq!(component, "failure, v960/eu, rung 3");
    assert!(ln_e >= threshold && *threshold == judgment.charge.abort_at);
    assert!(breach.to_string().starts_with("failure rate is above its limit in v960/eu, rung 3: "));
    let blame = &judgment.charge.blame;
    let name = |place: usize| plan.set().components()[blame[place].component].name.as_str();
    assert_eq!([name(0), name(1)], ["failure, v960/eu, rung 3", "failure, rung 3"]);
    assert!(blame.is_sorted_by(|one, other| one.ln_share >= other.ln_share));
    assert!(blame[0].ln_share >= judgment.charge.abort_at, "proven bad on its own");
}

/// Of what a plan says of strata, the words.
fn words(judgment: &Judgment) -> Vec<&'static str> {
    let word = |standing: &Standing| match standing {
        Standing::Proven => "proven",
        Standing::Quiet => "quiet",
        Standing::Unproven { .. } => "unproven",
    };
    judgment.strata.iter().map(|(_, standing)| word(standing)).collect()
}

#[test]
fn a_stratum_is_proven_quiet_if_too_small_or_unproven() {
    let plan = plan(vec![failure()], strata(), 3);
    let mut cells = EvidenceCells::default();
    mature(&plan, &mut cells, at(0, EU), 0, 300);
    mature(&plan, &mut cells, at(1, US), 1, 200);
    mature(&plan, &mut cells, at(0, JP), 0, 40);
    let small = |us: u64, jp: u64| Extent {
        strata: [(EU, 5000), (US, us), (JP, jp)].into(),
        fleet: 10_000,
    };
    let judge = |cells: &EvidenceCells, extent: &Extent| {
        plan.judge(Epoch(0), cells, &StopCounts::default(), extent).expect("cells of the plan")
    };
    let now = judge(&cells, &small(1247, 1248));
    assert_eq!(words(&now), ["proven", "quiet", "unproven"], "1248 devices can count on a proof");
    let Standing::Unproven { metric, reason } = &now.strata[2].1 else { panic!("{now:?}") };
    assert_eq!((metric.as_str(), reason), ("failure", &HoldReason::TooFew { need: 281 }));
    assert_eq!(now.verdict.name(), "pass", "the fleet as a whole is proven: {now:?}");
    assert_eq!(now.fleet, Standing::Proven);
    // One device is still out: nothing is quiet before all have come to something.
    cells.cell_mut(&plan, at(1, US)).permitted += 1;
    assert_eq!(words(&judge(&cells, &small(100, 100))), ["proven", "unproven", "quiet"]);
    cells.cell_mut(&plan, at(1, US)).matured += 1;
    assert_eq!(words(&judge(&cells, &small(100, 100))), ["proven", "quiet", "quiet"]);
    // A second stray failure of forty stands out.
    mature(&plan, &mut cells, at(0, JP), 2, 2);
    assert_eq!(words(&judge(&cells, &small(100, 100))), ["proven", "quiet", "unproven"]);
    let nobody = judge(&EvidenceCells::default(), &small(0, 0));
    assert_eq!(words(&nobody), ["unproven"; 3], "without a device nothing is quiet");
    assert_eq!(nobody.verdict, Verdict::Hold(HoldReason::NoData));
}

#[test]
fn only_proven_strata_go_on() {
    let plan = plan(vec![failure()], strata(), 3);
    let mut cells = EvidenceCells::default();
    mature(&plan, &mut cells, at(0, EU), 0, 300);
    mature(&plan, &mut cells, at(0, US), 0, 20);
    let judgment = judged(&plan, &cells);
    let go = |eu: u64, us: u64, jp: u64| {
        let advance = judgment.advance(&[(EU, eu), (US, us), (JP, jp)].into());
        (advance.go, advance.left_out)
    };
    assert_eq!(go(1000, 1000, 0), (vec![EU], vec![US]));
    assert_eq!(go(9501, 499, 0), (vec![EU, US], vec![]), "below a twentieth");
    assert_eq!(go(9500, 500, 0), (vec![EU], vec![US]), "a twentieth");
    // With one large stratum left out, the small one is all there is, and needs its own proof.
    assert_eq!(go(0, 10_000, 400), (vec![], vec![US, JP]));
    assert_eq!(go(0, 0, 0), (vec![], vec![]));
    // A stratum that came later is judged with the fleet.
    let newcomer = StratumId(9);
    let advance = judgment.advance(&[(newcomer, 100), (US, 100)].into());
    assert_eq!((advance.go, advance.left_out), (vec![newcomer], vec![US]));
    let nothing = judged(&plan, &EvidenceCells::default());
    let advance = nothing.advance(&[(newcomer, 100)].into());
    assert_eq!((advance.go, advance.left_out), (vec![], vec![newcomer]));
    let advance = nothing.advance(&[(EU, 400), (US, 10_000)].into());
    assert_eq!(advance.left_out, [EU, US], "in the order of their numbers");
}

#[test]
fn every_metric_must_pass() {
    let crashes = HazardGate::default();
    let plan = plan(vec![failure(), metric("crashes", crashes.clone())], strata()[..2].to_vec(), 2);
    let mut cells = EvidenceCells::default();
    mature(&plan, &mut cells, at(0, EU), 0, 400);
    let now = judged(&plan, &cells);
    assert_eq!(now.verdict.name(), "hold");
    let hold = HoldReason::NoEvents { component: "crashes".into() };
    assert_eq!(now.verdict, Verdict::Hold(hold.clone()));
    let (failure, events) = (&now.metrics[0], &now.metrics[1]);
    assert!(failure.passes && !events.passes && events.need.is_none());
    // How many devices a proof takes without an event, nobody knows.
    assert_eq!(words(&now), ["quiet", "unproven"]);
    cells.cell_mut(&plan, at(0, EU)).permitted += 1;
    let now = judged(&plan, &cells);
    assert_eq!(now.strata[0].1, Standing::Unproven { metric: "crashes".into(), reason: hold });
    cells.cell_mut(&plan, at(0, EU)).matured += 1;
    // With some events it is known: as many more devices as bring the events that are needed.
    let mut seen = HazardEvidence::default();
    let few = Moment::new(AtRisk::devices(200), AtRisk::devices(1000), 0, 6).expect("a moment");
    crashes.record(&mut seen, few);
    let need = 400 * crashes.need(&seen).expect("a need").div_ceil(6);
    cells.cell_mut(&plan, at(0, EU)).seen[1] = seen.into();
    for (eu, word) in [(need / 2, "quiet"), (2 * need, "unproven")] {
        let extent = Extent { strata: [(EU, eu)].into(), fleet: 10_000 };
        let now = plan.judge(Epoch(0), &cells, &StopCounts::default(), &extent);
        assert_eq!(words(&now.expect("cells of the plan"))[0], word, "{eu}");
    }
    let mut seen = HazardEvidence::default();
    let moment = Moment::new(AtRisk::devices(200), AtRisk::devices(1000), 0, 30).expect("a moment");
    crashes.record(&mut seen, moment);
    cells.cell_mut(&plan, at(0, EU)).seen[1] = seen.into();
    let now = judged(&plan, &cells);
    assert_eq!(now.verdict, Verdict::Pass);
    assert_eq!(words(&now), ["proven", "unproven"]);
}

#[test]
fn hard_stops_come_before_all_evidence() {
    let stops = HardStops { max_consecutive_failures: 5.try_into().ok(), ..HardStops::default() };
    let plan = GatePlan::new(vec![failure()], strata(), 3, stops).expect("a plan");
    let mut cells = EvidenceCells::default();
    mature(&plan, &mut cells, at(0, EU), 5, 5000);
    let judge = |consecutive_failures| {
        let counts = StopCounts { consecutive_failures, ..StopCounts::default() };
        plan.judge(Epoch(0), &cells, &counts, &wide()).expect("cells of the plan").verdict
    };
    assert_eq!(judge(4), Verdict::Pass);
    let breach = Breach::HardStop { rule: StopRule::ConsecutiveFailures, have: 5, limit: 5 };
    assert_eq!(judge(5), Verdict::Abort(breach));
}

#[test]
fn a_restart_asks_for_more() {
    let plan = plan(vec![failure()], strata(), 3);
    let charge = |epoch| {
        let cells = EvidenceCells::default();
        let counts = StopCounts::default();
        plan.judge(Epoch(epoch), &cells, &counts, &wide()).expect("cells of the plan").charge
    };
    let more = charge(1).abort_at.get() - charge(0).abort_at.get();
    assert!((more - std::f64::consts::LN_2).abs() < 1e-12);
    assert!(plan.min_budget(Epoch(4)) > plan.min_budget(Epoch(0)));
}

#[test]
fn arms_are_compared_within_a_stratum_and_remember_its_controls() {
    let arms = TwoArmGate::expecting(rate(0.02));
    let plan = plan(vec![metric("boot", arms.clone())], strata()[..2].to_vec(), 2);
    let block = |ya, na, yb, nb| Block {
        control: Tally::new(ya, na).expect("bad ones are among all"),
        canary: Tally::new(yb, nb).expect("bad ones are among all"),
    };
    let mut cells = EvidenceCells::default();
    let (mut eu, mut us) = (TwoArmEvidence::default(), TwoArmEvidence::default());
    for tick in 0..40 {
        let (one, other) = (block(tick % 3, 30, tick % 2, 6), block(6, 20, tick % 3, 4));
        let batch = u16::from(tick >= 20);
        cells.record_block(&plan, at(batch, EU), 0, one).expect("two arms");
        cells.record_block(&plan, at(batch, US), 0, other).expect("two arms");
        arms.record(&mut eu, one);
        arms.record(&mut us, other);
    }
    let seen = plan.gather(&cells).expect("cells of the plan");
    let ln_e = |scope| {
        let place = plan.place(0, scope).expect("a component");
        let Seen::TwoArm(seen) = &seen[place] else { panic!("two arms") };
        arms.ln_e_abort(seen).get()
    };
    let of = |stratum| Scope { stratum: Some(stratum), batch: None };
    assert!((ln_e(of(EU)) - arms.ln_e_abort(&eu).get()).abs() < 1e-9);
    assert!((ln_e(of(US)) - arms.ln_e_abort(&us).get()).abs() < 1e-9);
    eu.absorb(&us);
    assert!((ln_e(Scope::FLEET) - arms.ln_e_abort(&eu).get()).abs() < 1e-9);
    let refused = cells.record_block(&plan, at(0, EU), 1, block(0, 1, 0, 1));
    assert_eq!(refused.expect_err("refused").code(), "GA-012");
}

#[test]
fn a_cell_of_another_plan_is_refused() {
    let one = plan(vec![failure()], strata(), 2);
    let two = plan(vec![failure(), metric("crashes", HazardGate::default())], strata(), 2);
    let other = plan(vec![metric("crashes", HazardGate::default())], strata(), 2);
    let mut cells = EvidenceCells::default();
    mature(&one, &mut cells, at(0, EU), 0, 3);
    for plan in [two, other] {
        let refused = plan.judge(Epoch(0), &cells, &StopCounts::default(), &wide());
        assert_eq!(refused.expect_err("refused").code(), "GA-012");
    }
    cells.cell_mut(&one, at(0, EU)).matured = 4;
    assert!(one.gather(&cells).is_err(), "more matured than permitted");
}
