//! How gates are configured, put together and read: what is refused, what is asked of a device.

use crate::gate::SplitMix64;
use proptest::prelude::*;
use rollout_core::gate::cadence::{ERROR, KNOWN_FROM};
use rollout_core::gate::{
    AtRisk, Baseline, Bets, Block, Breach, Cadence, Component, CountGate, Epoch, EventEvidence,
    EventRate, EventTally, Evidence, FailureGate, GateError, GateSet, HardStops, HazardEvidence,
    HazardGate, HoldReason, Hours, LnE, MeanEvidence, MeanGate, Measure, Moment, Monitor, Need,
    Patience, Percentile, Proportion, QuantileLimit, Rate, Ratio, Risk, Seen, SilenceGate,
    StopCounts, Tally, Total, Trust, TwoArmEvidence, TwoArmGate, Verdict, Weight,
};
use rollout_core::time::Span;
use std::hash::{DefaultHasher, Hash, Hasher};

fn risk() -> Risk {
    Risk::new(0.01).expect("a risk")
}

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a rate")
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

fn per_hour(value: f64) -> EventRate {
    EventRate::new(value).expect("a rate of events")
}

fn share(value: f64) -> Proportion {
    Proportion::new(value).expect("a share")
}

fn tally(bad: u64, of: u64) -> Tally {
    Tally::new(bad, of).expect("bad ones are among all")
}

fn block(ya: u64, na: u64, yb: u64, nb: u64) -> Block {
    Block { control: tally(ya, na), canary: tally(yb, nb) }
}

fn moment(canaries: u64, controls: u64, on_canaries: u64, on_controls: u64) -> Moment {
    let (canaries, controls) = (AtRisk::devices(canaries), AtRisk::devices(controls));
    Moment::new(canaries, controls, on_canaries, on_controls).expect("a moment")
}

/// One of each kind but the first, and what it saw.
fn kinds() -> Vec<(Monitor, Seen)> {
    let arms = TwoArmGate::expecting(rate(0.01));
    let mut outcomes = TwoArmEvidence::default();
    arms.record(&mut outcomes, block(1, 100, 0, 20));
    let counts = CountGate::new(per_hour(0.001), per_hour(0.002), risk(), risk()).expect("a gate");
    let events = EventEvidence::new((2, Span::hours(900)), (1, Span::hours(700)));
    let hazard = HazardGate::default();
    let mut ticks = HazardEvidence::default();
    hazard.record(&mut ticks, moment(30, 300, 0, 6));
    let mean = MeanGate::new(rate(0.05), rate(0.1), risk(), risk()).expect("a gate");
    let mut values = MeanEvidence::default();
    mean.record(&mut values, share(0.02));
    vec![
        (Monitor::TwoArm(arms), Seen::TwoArm(outcomes)),
        (Monitor::Count(counts), Seen::Count(events.expect("counters agree"))),
        (Monitor::Hazard(hazard), Seen::Hazard(ticks)),
        (Monitor::Mean(mean), Seen::Mean(values)),
    ]
}

#[test]
fn limits_that_cannot_be_kept_are_refused_by_code() {
    let twice = |one: f64| GateError::RatiosCross { r_abort: ratio(one), r_pass: ratio(1.0) };
    let baseline = Baseline::expected(rate(0.01));
    let arms = TwoArmGate::new(ratio(2.0), ratio(1.0), baseline, risk(), risk());
    let ratios = HazardGate::new(ratio(1.2), ratio(1.0), risk(), risk());
    let (low, high) = (per_hour(0.001), per_hour(0.002));
    let counts = CountGate::new(high, low, risk(), risk());
    let means = MeanGate::new(rate(0.1), rate(0.05), risk(), risk());
    assert_eq!(arms, Err(twice(2.0)));
    assert_eq!(ratios, Err(twice(1.2)));
    assert_eq!(counts, Err(GateError::EventRatesCross { limit: high, pass: low }));
    let crossed = GateError::MeansCross { m_abort: rate(0.1), m_pass: rate(0.05) };
    assert_eq!(means, Err(crossed.clone()));
    let refused = [
        (Ratio::new(0.25).err(), "GA-013", "a ratio of 0.25 is not above 0.25"),
        (Some(twice(2.0)), "GA-014", "r_pass 1x is below r_abort 2x"),
        (Trust::new(0.0).err(), "GA-015", "a baseline that counts as 0 devices"),
        (EventRate::new(-1.0).err(), "GA-016", "-1 events by device-hour are not at least"),
        (counts.err(), "GA-017", "a limit of 0.001 by device-hour for a pass is below 0.002"),
        (Some(crossed), "GA-018", "m_pass 5% is below m_abort 10%"),
        (Percentile::new(10_000).err(), "GA-019", "a percentile of 10000 basis points"),
        (Percentile::new(0).err(), "GA-019", "a percentile of 0 basis points"),
        (Measure::new(f64::NAN).err(), "GA-020", "NaN is not a finite number"),
        (Hours::new(-2.0).err(), "GA-021", "-2 device-hours are not an amount"),
        (AtRisk::new(-2.0).err(), "GA-021", "-2 devices at risk are not an amount"),
        (Patience::new(0, Span::hours(1)).err(), "GA-022", "a deadline of 0 check-ins and"),
        (Patience::new(3, Span::ZERO).err(), "GA-022", "a deadline of 3 check-ins and at least"),
    ];
    for (error, code, text) in refused {
        let error = error.expect("refused");
        assert_eq!(error.code(), code);
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(!error.hint().is_empty() && !error.hint().ends_with('.'), "{code}");
    }
    // Equal limits leave no zone between them, and are allowed.
    assert!(HazardGate::new(ratio(2.0), ratio(2.0), risk(), risk()).is_ok());
    let baseline = Baseline::expected(rate(0.01));
    assert!(TwoArmGate::new(ratio(2.0), ratio(2.0), baseline, risk(), risk()).is_ok());
    assert!(CountGate::new(low, low, risk(), risk()).is_ok());
    assert!(MeanGate::new(rate(0.1), rate(0.1), risk(), risk()).is_ok());
}

#[test]
fn what_nobody_can_have_counted_is_no_evidence() {
    let at = |canaries, controls, new, old| {
        Moment::new(AtRisk::devices(canaries), AtRisk::devices(controls), new, old)
    };
    assert!(at(0, 10, 1, 0).is_err() && at(10, 0, 0, 1).is_err() && at(0, 0, 0, 0).is_ok());
    assert!(EventTally::new(1, Hours::ZERO).is_err() && EventTally::new(0, Hours::ZERO).is_ok());
    let hours = Span::hours;
    for (known, settled) in [
        ((1, hours(5)), (2, hours(5))),
        ((2, hours(5)), (1, hours(6))),
        ((1, Span::ZERO), (0, Span::ZERO)),
        ((1, hours(1)), (1, Span::ZERO)),
    ] {
        assert!(EventEvidence::new(known, settled).is_err(), "{known:?} {settled:?}");
    }
    let error = at(0, 10, 1, 0).expect_err("refused");
    assert_eq!(error.code(), "GA-012");
}

#[test]
fn what_was_stored_is_what_was_seen() {
    for (monitor, seen) in kinds() {
        let back = match &seen {
            Seen::TwoArm(seen) => Seen::TwoArm(TwoArmEvidence::from_parts(
                *seen.abort(),
                *seen.pass(),
                Block { control: seen.control(), canary: seen.canary() },
            )),
            Seen::Hazard(seen) => Seen::Hazard(HazardEvidence::from_parts(
                Bets::from_sums(seen.abort().sums().map(LnE::get)).expect("finite sums"),
                *seen.pass(),
                (seen.on_canaries(), seen.on_controls()),
                Total::new(seen.explained().get()).expect("a sum"),
            )),
            Seen::Mean(seen) => Seen::Mean(MeanEvidence::from_parts(
                *seen.abort(),
                *seen.pass(),
                seen.devices(),
                seen.sum(),
            )),
            Seen::Failure(_) | Seen::Count(_) => seen.clone(),
        };
        assert_eq!(back, seen);
        assert_ne!(seen, monitor.nothing());
        assert!(monitor.read(&back).is_ok_and(|reading| !reading.is_empty()));
    }
}

#[test]
fn evidence_of_another_kind_is_refused() {
    let failure = (Monitor::from(FailureGate::default()), Seen::from(Evidence::default()));
    let all: Vec<_> = std::iter::once(failure).chain(kinds()).collect();
    for (place, (monitor, own)) in all.iter().enumerate() {
        for (other, (_, seen)) in all.iter().enumerate() {
            assert_eq!(monitor.read(seen).is_ok(), place == other);
            assert_eq!(own.clone().absorb(seen).is_ok(), place == other);
        }
        let nothing = monitor.nothing();
        let reading = monitor.read(&nothing).expect("of its kind");
        assert!(reading.is_empty() && !reading.passes());
        assert!(
            reading.ln_e_abort().get().abs() < 1e-15 && reading.ln_e_pass().get().abs() < 1e-15
        );
        assert!(!matches!(reading.missing("x"), HoldReason::NoData | HoldReason::NotSoon { .. }));
        assert_eq!(reading.pass_at(), monitor.pass_at());
        assert_eq!(reading.pass_at(), monitor.beta().ln_threshold());
        let compares_events = matches!(monitor, Monitor::Hazard(_));
        let reason = match compares_events {
            true => HoldReason::NoEvents { component: "x".into() },
            false => HoldReason::NoData,
        };
        assert_eq!(reading.verdict("x", monitor.alpha()), Verdict::Hold(reason));
    }
}

/// A component and a set as they were when every component was a failure gate.
#[derive(Hash)]
struct OldComponent {
    name: String,
    weight: Weight,
    gate: FailureGate,
}

#[derive(Hash)]
struct OldSet {
    components: Vec<OldComponent>,
    weights: Vec<Weight>,
    stops: HardStops,
}

fn hash(value: &impl Hash) -> u64 {
    let mut state = DefaultHasher::new();
    value.hash(&mut state);
    state.finish()
}

#[test]
fn a_set_of_one_failure_gate_keeps_its_hash_and_other_kinds_have_their_own() {
    let (gate, stops) = (FailureGate::default(), HardStops::default());
    let weight = Weight::ONE;
    let old = OldSet {
        components: vec![OldComponent { name: "failure".into(), weight, gate: gate.clone() }],
        weights: vec![weight],
        stops: stops.clone(),
    };
    assert_eq!(hash(&GateSet::single(gate.clone(), stops)), hash(&old));
    let mut hashes: Vec<_> = kinds().iter().map(|(monitor, _)| hash(monitor)).collect();
    hashes.push(hash(&Monitor::Failure(gate)));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

fn set(gates: Vec<Monitor>) -> GateSet {
    let weight = Weight::new(1.0 / gates.len() as f64).expect("a weight");
    let parts = gates.into_iter().enumerate();
    let parts = parts.map(|(place, gate)| Component { name: format!("g{place}"), weight, gate });
    GateSet::new(parts.collect(), HardStops::default()).expect("a set")
}

#[test]
fn components_of_every_kind_abort_together_and_pass_one_by_one() {
    let (mut gates, mut seen): (Vec<_>, Vec<_>) = kinds().into_iter().unzip();
    gates.insert(0, FailureGate::default().into());
    seen.insert(0, Evidence::new(300, 0, 300, 0).expect("counters agree").into());
    let gates = set(gates);
    let at = |seen: &[Seen]| gates.evaluate(Epoch(0), seen, &StopCounts::default());
    let now = at(&seen);
    assert_eq!(now.need, None, "the failure gate has its proof");
    let Verdict::Hold(HoldReason::Short { component, need: Need::Devices(need) }) = now.verdict
    else {
        panic!("{:?}", now.verdict)
    };
    assert_eq!(component, "g1");
    assert!(need > 20, "{need}");
    assert_eq!(now.upper, FailureGate::default().upper(tally(0, 300)));

    let mut worse = seen.clone();
    let hazard = HazardGate::default();
    let mut ticks = HazardEvidence::default();
    for _ in 0..30 {
        hazard.record(&mut ticks, moment(30, 300, 3, 1));
    }
    worse[3] = Seen::Hazard(ticks);
    let aborted = at(&worse);
    let Verdict::Abort(Breach::Evidence { component, ln_e, threshold }) = aborted.verdict else {
        panic!("{:?}", aborted.verdict)
    };
    assert_eq!((component.as_str(), aborted.blame[0].component), ("g3", 3));
    assert!(ln_e >= threshold && ln_e == aborted.ln_e_abort);

    let alone = set(vec![hazard.into()]);
    let nothing = [HazardEvidence::default()];
    let nobody = alone.evaluate(Epoch(0), &nothing, &StopCounts::default());
    let reason = HoldReason::NoEvents { component: "g0".into() };
    assert_eq!(nobody.verdict, Verdict::Hold(reason));
    let nothing: Vec<_> = gates.components().iter().map(|part| part.gate.nothing()).collect();
    assert_eq!(at(&nothing).verdict, Verdict::Hold(HoldReason::NoData));
    assert_eq!((nobody.lower, nobody.upper), (Proportion::ZERO, Proportion::ONE));
}

#[test]
fn a_hold_of_any_kind_says_what_is_missing() {
    let arms = TwoArmGate::expecting(rate(0.01));
    let saying = |gate: Monitor, seen: Seen| {
        let reading = gate.read(&seen).expect("of its kind");
        reading.missing("boot").to_string()
    };
    let after = |blocks: u64, block: Block| {
        let mut seen = TwoArmEvidence::default();
        (0..blocks).for_each(|_| arms.record(&mut seen, block));
        Seen::TwoArm(seen)
    };
    let alone = saying(arms.clone().into(), after(3, block(0, 0, 0, 9)));
    assert_eq!(alone, "boot: no device on the old version to compare with");
    let like_control = saying(arms.clone().into(), after(9, block(1, 100, 0, 20)));
    assert!(like_control.starts_with("a proof on boot needs "), "{like_control}");
    let too_bad = saying(arms.clone().into(), after(9, block(1, 100, 1, 20)));
    assert_eq!(too_bad, "what was seen on boot proves nothing soon");
    let (gate, seen) = &kinds()[1];
    let hours = saying(gate.clone(), seen.clone());
    assert!(hours.ends_with("device-hours"), "{hours}");
    let mean = MeanGate::new(rate(0.05), rate(0.1), risk(), risk()).expect("a gate");
    let mut values = MeanEvidence::default();
    mean.record(&mut values, share(0.0));
    let (unseen, one) = (mean.need(&MeanEvidence::default()), mean.need(&values));
    assert!(unseen.is_some() && unseen == one, "{unseen:?} {one:?}");
    let need = one.expect("a need");
    (1..need).for_each(|_| mean.record(&mut values, share(0.0)));
    assert!(mean.ln_e_pass(&values) >= risk().ln_threshold());
}

#[test]
fn no_baseline_is_estimated_below_one_in_ten_thousand_or_above_one_half() {
    let arms = TwoArmGate::expecting(rate(0.5));
    let after = |history| {
        let mut seen = TwoArmEvidence::default();
        arms.record_after(&mut seen, history, block(2, 40, 3, 9));
        seen
    };
    let many = 1_000_000_000;
    assert_eq!(after(tally(many, many)), after(tally(many / 2, many)));
    assert_eq!(after(tally(0, many)), after(tally(0, 10 * many)));
    assert_ne!(after(tally(many / 5, many)), after(tally(many / 2, many)));
}

/// Two thousand canaries on average, as runs of this gate at these rates have shown.
#[test]
fn a_comparison_knows_before_it_starts_about_how_many_it_takes() {
    let arms = TwoArmGate::expecting(rate(0.01));
    let need = arms.need(&TwoArmEvidence::default()).expect("a need");
    assert!((1500..3000).contains(&need), "{need}");
    assert!(TwoArmGate::expecting(rate(0.2)).need(&TwoArmEvidence::default()) < Some(need / 10));
}

/// Each device brings what each of those before it brought.
#[test]
fn hours_and_events_are_told_in_devices_too() {
    let of = |place: usize| {
        let (gate, seen) = kinds()[place].clone();
        let reading = gate.read(&seen).expect("of its kind");
        (reading.need(), reading.devices_needed(10))
    };
    let (Some(Need::Hours(hours)), Some(devices)) = of(1) else { panic!("{:?}", of(1)) };
    assert_eq!(devices, (10 * hours).div_ceil(700));
    let (Some(Need::Events(events)), Some(devices)) = of(2) else { panic!("{:?}", of(2)) };
    assert_eq!(devices, (10 * events).div_ceil(6));
    let (Some(Need::Devices(need)), devices) = of(3) else { panic!("{:?}", of(3)) };
    assert_eq!(devices, Some(need));
    let nothing = CountGate::new(per_hour(0.001), per_hour(0.002), risk(), risk());
    let (gate, seen) = (Monitor::from(nothing.expect("a gate")), EventEvidence::default().into());
    assert_eq!(gate.read(&seen).expect("of its kind").devices_needed(10), None);
}

#[test]
fn a_small_batch_is_quiet_up_to_one_stray_event() {
    let quiet = |gate: Monitor, seen: Seen| gate.read(&seen).expect("of its kind").is_quiet();
    let arms = |bad| {
        let gate = TwoArmGate::expecting(rate(0.01));
        let mut seen = TwoArmEvidence::default();
        gate.record(&mut seen, block(2, 100, bad, 50));
        quiet(gate.into(), seen.into())
    };
    // Twice three of two hundred, of fifty canaries: one and a half, and the stray one.
    assert_eq!([2, 3].map(arms), [true, false]);
    let events = |settled| {
        let limit = per_hour(0.001);
        let gate = CountGate::new(limit, per_hour(0.002), risk(), risk()).expect("a gate");
        let known = (settled, Span::hours(600));
        quiet(gate.into(), EventEvidence::new(known, known).expect("counters agree").into())
    };
    assert_eq!([2, 3].map(events), [true, false]);
    let ticks = |on_canaries| {
        let gate = HazardGate::default();
        let mut seen = HazardEvidence::default();
        gate.record(&mut seen, moment(100, 200, on_canaries, 2));
        quiet(gate.into(), seen.into())
    };
    // At twice the rate half the events are the canaries': three of six, three and a half of seven.
    assert_eq!([4, 5].map(ticks), [true, false]);
    let values = |whole: u32| {
        let gate = MeanGate::new(rate(0.05), rate(0.1), risk(), risk()).expect("a gate");
        let mut seen = MeanEvidence::default();
        (0..10).for_each(|place| {
            gate.record(&mut seen, share(if place < whole { 1.0 } else { 0.0 }));
        });
        quiet(gate.into(), seen.into())
    };
    assert_eq!([2, 3].map(values), [true, false]);
}

#[test]
fn a_percentile_is_a_share_of_devices_above_a_limit() {
    let limit = |bp| {
        let percentile = Percentile::new(bp).expect("a percentile");
        QuantileLimit::new(percentile, Measure::new(60.0).expect("a number"))
    };
    let bad = |value: f64| limit(9500).is_bad(Measure::new(value).expect("a number"));
    assert_eq!([59.9, 60.0, 60.1].map(bad), [false, false, true]);
    assert_eq!(limit(9500).to_string(), "p95 at most 60");
    assert_eq!(limit(9990).to_string(), "p99.9 at most 60");
    let gate = limit(9500).gate(risk(), risk()).expect("a gate");
    assert_eq!((gate.p_max(), gate.p_pass()), (rate(0.05), rate(0.1)));
    let median = limit(5000).gate(risk(), risk());
    assert_eq!(median, Err(GateError::RateOutside { value: 1.0 }));
}

#[test]
fn silence_is_held_against_what_goes_dark_anyway() {
    let dark = share(0.01);
    let SilenceGate::Limit(gate) =
        SilenceGate::against_limit(dark, risk(), risk()).expect("a gate")
    else {
        panic!("a limit")
    };
    assert_eq!((gate.p_max(), gate.p_pass()), (rate(0.015), rate(0.03)));
    let all = SilenceGate::against_limit(share(0.6), risk(), risk());
    assert_eq!(all.expect_err("refused").code(), "GA-001");
    let SilenceGate::Control(arms) = SilenceGate::against_control(dark).expect("a gate") else {
        panic!("a comparison")
    };
    assert_eq!(arms, TwoArmGate::expecting(rate(0.01)));
    let none = SilenceGate::against_control(Proportion::ZERO).expect("a gate");
    assert_eq!(Monitor::from(none), Monitor::TwoArm(TwoArmGate::expecting(rate(1e-4))));
}

fn gaps(cadence: &mut Cadence, count: u32, minutes: u64) {
    (0..count).for_each(|_| cadence.record(Span::secs(60 * minutes)));
}

#[test]
fn a_device_is_overdue_by_its_own_habits_once_they_are_known() {
    let (patience, class) = (Patience::default(), Span::hours(24));
    let mut cadence = Cadence::default();
    gaps(&mut cadence, KNOWN_FROM - 1, 64);
    assert_eq!(patience.deadline(&cadence, class), Span::hours(72));
    gaps(&mut cadence, 1, 64);
    assert_eq!(patience.deadline(&cadence, class), Span::secs(3 * 64 * 60));
    let mut eager = Cadence::default();
    gaps(&mut eager, 30, 2);
    assert_eq!(patience.deadline(&eager, class), Span::hours(1), "never below an hour");
    let other = Patience::new(5, Span::secs(1)).expect("a patience");
    assert_eq!(other.deadline(&eager, class), Span::secs(5 * 2 * 60));
    assert_eq!(other.deadline(&Cadence::default(), Span(u64::MAX)), Span(u64::MAX));
    assert_eq!(size_of::<Cadence>(), 32);
}

#[test]
fn a_new_habit_replaces_the_old_one() {
    let mut cadence = Cadence::default();
    gaps(&mut cadence, 1000, 60 * 24);
    gaps(&mut cadence, 1000, 15);
    let now = cadence.percentile_95().expect("known").0;
    assert!(now <= (ERROR * 15.0 * 60_000.0) as u64, "{now}");
}

proptest! {
    /// Against all gaps in order; later on between two percentiles, with old gaps weighing less.
    #[test]
    fn a_percentile_of_gaps_is_off_by_its_error_at_most(
        seed: u64, count in 20..250_usize, spread in 0.0..9.0_f64,
    ) {
        let mut random = SplitMix64(seed);
        let mut gap = || {
            let uniform = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
            Span((60_000.0 * (spread * uniform).exp()) as u64)
        };
        let mut cadence = Cadence::default();
        let mut all: Vec<_> = (0..count).map(|_| gap()).collect();
        all.iter().for_each(|gap| cadence.record(*gap));
        all.sort_unstable();
        let exact = all[(19 * count).div_ceil(20) - 1].0 as f64;
        let given = cadence.percentile_95().expect("known").0 as f64;
        prop_assert!(exact <= given && given <= exact * ERROR, "{exact} {given}");
        for _ in 0..4000 {
            cadence.record(gap());
        }
        prop_assert!(cadence.gaps() < 255);
        // Uniform in the logarithm: any percentile is known. A sample of 127 has one within 8 %.
        let given = cadence.percentile_95().expect("known").0 as f64;
        let at = |share: f64| 60_000.0 * (spread * share).exp();
        prop_assert!(given > at(0.87) * 0.999 && given < at(1.0) * ERROR, "{given} {spread}");
    }
}
