//! What holds for each kind of gate, whatever the numbers: exact means, order, monotony, range.
//!
//! The mean of an e-value is summed over all outcomes of small experiments, so that the promise
//! behind every verdict is checked without chance.

use proptest::prelude::*;
use rollout_core::gate::numerics::ln_gamma;
use rollout_core::gate::{
    AtRisk, Baseline, Block, CountGate, EventEvidence, EventRate, EventTally, HazardEvidence,
    HazardGate, Hours, LnE, MeanEvidence, MeanGate, Moment, Proportion, Rate, Ratio, Risk, Tally,
    Trust, TwoArmEvidence, TwoArmGate,
};
use rollout_core::time::Span;

/// What rounding may add to a mean of 1.
const ROUNDING: f64 = 1e-9;

fn risk() -> Risk {
    Risk::new(0.01).expect("a risk")
}

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a rate")
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

fn tally(bad: u64, of: u64) -> Tally {
    Tally::new(bad, of).expect("bad ones are among all")
}

fn share(value: f64) -> Proportion {
    Proportion::new(value).expect("a share")
}

fn two_arm(r_abort: f64, r_pass: f64, p_ref: f64, kappa: f64) -> TwoArmGate {
    let kappa = Trust::new(kappa).expect("a number of devices");
    let baseline = Baseline { p_ref: rate(p_ref), kappa };
    TwoArmGate::new(ratio(r_abort), ratio(r_pass), baseline, risk(), risk()).expect("a gate")
}

fn hazard(r_abort: f64, r_pass: f64) -> HazardGate {
    HazardGate::new(ratio(r_abort), ratio(r_pass), risk(), risk()).expect("a gate")
}

fn moment(canaries: f64, controls: f64, on_canaries: u64, on_controls: u64) -> Moment {
    let at_risk = |value| AtRisk::new(value).expect("an amount");
    Moment::new(at_risk(canaries), at_risk(controls), on_canaries, on_controls).expect("a moment")
}

fn count(limit: f64, pass: f64) -> CountGate {
    let rate = |value| EventRate::new(value).expect("a rate of events");
    CountGate::new(rate(limit), rate(pass), risk(), risk()).expect("a gate")
}

fn events(count: u64, hours: f64) -> EventTally {
    EventTally::new(count, Hours::new(hours).expect("hours")).expect("events in an exposure")
}

/// The chance of `k` among `n`, each with chance `p`.
fn binomial(n: u64, k: u64, p: f64) -> f64 {
    let choose = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

fn gain(after: LnE, before: LnE) -> f64 {
    (after.get() - before.get()).exp()
}

/// The mean factor by which a block multiplies both sides, if arms have these true rates.
fn mean_of_block(
    gate: &TwoArmGate,
    seen: &TwoArmEvidence,
    (na, nb): (u64, u64),
    (control, canary): (f64, f64),
) -> (f64, f64) {
    let mut mean = (0.0, 0.0);
    for ya in 0..=na {
        for yb in 0..=nb {
            let mut after = seen.clone();
            gate.record(&mut after, Block { control: tally(ya, na), canary: tally(yb, nb) });
            let chance = binomial(na, ya, control) * binomial(nb, yb, canary);
            mean.0 += chance * gain(gate.ln_e_abort(&after), gate.ln_e_abort(seen));
            mean.1 += chance * gain(gate.ln_e_pass(&after), gate.ln_e_pass(seen));
        }
    }
    mean
}

prop_compose! {
    fn two_arm_gates()(
        r_abort in 0.5..3.0_f64, zone in 1.0..4.0_f64, p_ref in 0.001..0.5_f64,
        kappa in prop::sample::select(vec![1.0, 20.0, 100.0, 500.0]),
    ) -> TwoArmGate {
        two_arm(r_abort, r_abort * zone, p_ref, kappa)
    }
}

prop_compose! {
    fn small_blocks()(na in 0..9_u64, nb in 0..7_u64, bad in 0.0..1.0_f64, worse in 0.0..1.0_f64)
        -> Block {
        let of = |share: f64, n: u64| tally((share * share * (n + 1) as f64) as u64, n);
        Block { control: of(bad, na), canary: of(worse, nb) }
    }
}

fn after_blocks(gate: &TwoArmGate, blocks: &[Block]) -> TwoArmEvidence {
    let mut seen = TwoArmEvidence::default();
    blocks.iter().for_each(|block| gate.record(&mut seen, *block));
    seen
}

proptest! {
    /// Whatever the control's rate is, even one the estimate is far from.
    #[test]
    fn a_version_within_its_ratio_gains_nothing_on_average(
        gate in two_arm_gates(), history in prop::collection::vec(small_blocks(), 0..12),
        na in 0..7_u64, nb in 0..6_u64, control in 0.0..1.0_f64, within in 0.0..1.0_f64,
    ) {
        let seen = after_blocks(&gate, &history);
        let most = (gate.r_abort().get() * control).min(1.0);
        for canary in [most, most * within] {
            let (abort, _) = mean_of_block(&gate, &seen, (na, nb), (control, canary));
            prop_assert!(abort <= 1.0 + ROUNDING, "abort {abort} at {control}, {canary}");
        }
        let control = control / gate.r_pass().get().max(1.0);
        let least = (gate.r_pass().get() * control).min(1.0);
        for canary in [least, least + (1.0 - least) * within] {
            let (_, pass) = mean_of_block(&gate, &seen, (na, nb), (control, canary));
            prop_assert!(pass <= 1.0 + ROUNDING, "pass {pass} at {control}, {canary}");
        }
    }

    #[test]
    fn in_a_block_bad_canaries_accuse_and_bad_controls_excuse(
        gate in two_arm_gates(), history in prop::collection::vec(small_blocks(), 0..12),
        na in 1..200_u64, nb in 1..200_u64, bad in 0.0..1.0_f64, worse in 0.0..1.0_f64,
    ) {
        let seen = after_blocks(&gate, &history);
        let (ya, yb) = ((bad * na as f64) as u64, (worse * nb as f64) as u64);
        let after = |ya: u64, yb: u64| {
            let mut after = seen.clone();
            gate.record(&mut after, Block { control: tally(ya, na), canary: tally(yb, nb) });
            (gate.ln_e_abort(&after).get(), gate.ln_e_pass(&after).get())
        };
        let (now, worse, excused) = (after(ya, yb), after(ya, yb + 1), after(ya + 1, yb));
        prop_assert!(worse.0 >= now.0 - ROUNDING && worse.1 <= now.1 + ROUNDING);
        prop_assert!(excused.0 <= now.0 + ROUNDING && excused.1 >= now.1 - ROUNDING);
    }

    /// Outcomes of several strata add up, in any order, to what the strata say together.
    #[test]
    fn strata_add_up_in_any_order(
        gate in two_arm_gates(),
        strata in prop::collection::vec(prop::collection::vec(small_blocks(), 0..5), 1..5),
    ) {
        let each: Vec<_> = strata.iter().map(|blocks| after_blocks(&gate, blocks)).collect();
        let sum = |parts: &mut dyn Iterator<Item = &TwoArmEvidence>| {
            let mut sum = TwoArmEvidence::default();
            parts.for_each(|part| sum.absorb(part));
            sum
        };
        let (one, other) = (sum(&mut each.iter()), sum(&mut each.iter().rev()));
        let all = |arm: fn(&Block) -> Tally| {
            strata.iter().flatten().map(arm).fold(Tally::NONE, Tally::plus)
        };
        let (control, canary) = (all(|block| block.control), all(|block| block.canary));
        prop_assert_eq!([one.control(), one.canary()], [control, canary]);
        prop_assert_eq!([other.control(), other.canary()], [control, canary]);
        let apart = gate.ln_e_abort(&one).get() - gate.ln_e_abort(&other).get();
        prop_assert!(apart.abs() < ROUNDING, "{apart}");
        // A batch of one stratum goes on with the history of its controls.
        let mut blocks = strata.into_iter().flatten();
        let (mut whole, mut first) = (TwoArmEvidence::default(), TwoArmEvidence::default());
        blocks.by_ref().take(3).for_each(|block| {
            gate.record(&mut whole, block);
            gate.record(&mut first, block);
        });
        let (mut second, mut history) = (TwoArmEvidence::default(), first.control());
        blocks.for_each(|block| {
            gate.record(&mut whole, block);
            gate.record_after(&mut second, history, block);
            history = history.plus(block.control);
        });
        first.absorb(&second);
        let apart = gate.ln_e_pass(&first).get() - gate.ln_e_pass(&whole).get();
        prop_assert!(apart.abs() < ROUNDING, "{apart}");
    }

    #[test]
    fn events_within_their_ratio_gain_nothing_on_average(
        r_abort in 0.5..3.0_f64, zone in 1.0..4.0_f64, within in 0.0..1.0_f64,
        canaries in 0.0..1e4_f64, controls in 0.0..1e4_f64, of in 0..9_u64,
    ) {
        prop_assume!(canaries > 1e-6 && controls > 1e-6);
        let gate = hazard(r_abort, r_abort * zone);
        let mean = |times: f64, side: fn(&HazardGate, &HazardEvidence) -> LnE| -> f64 {
            let chance = times * canaries / (times * canaries + controls);
            let outcomes = (0..=of).map(|on_canaries| {
                let mut seen = HazardEvidence::default();
                gate.record(&mut seen, moment(canaries, controls, on_canaries, of - on_canaries));
                binomial(of, on_canaries, chance) * side(&gate, &seen).get().exp()
            });
            outcomes.sum()
        };
        for times in [r_abort, r_abort * within] {
            prop_assert!(mean(times, HazardGate::ln_e_abort) <= 1.0 + ROUNDING);
        }
        for times in [r_abort * zone, r_abort * zone * (1.0 + 9.0 * within)] {
            prop_assert!(mean(times, HazardGate::ln_e_pass) <= 1.0 + ROUNDING);
        }
        let exact = mean(r_abort, HazardGate::ln_e_abort);
        prop_assert!((exact - 1.0).abs() < ROUNDING, "{exact}: a fair bet loses nothing either");
    }

    #[test]
    fn ticks_may_come_in_any_order(
        mut ticks in prop::collection::vec((1..90_u32, 1..90_u32, 0..4_u64, 0..9_u64), 1..20),
        cut in 0..20_usize,
    ) {
        let gate = hazard(1.2, 2.0);
        let run = |ticks: &[(u32, u32, u64, u64)]| {
            let mut seen = HazardEvidence::default();
            for (canaries, controls, new, old) in ticks {
                gate.record(&mut seen, moment((*canaries).into(), (*controls).into(), *new, *old));
            }
            seen
        };
        let whole = run(&ticks);
        let (one, other) = ticks.split_at(cut.min(ticks.len()));
        let mut parts = run(one);
        parts.absorb(&run(other));
        ticks.reverse();
        for seen in [run(&ticks), parts] {
            prop_assert_eq!(seen.events(), whole.events());
            let apart = gate.ln_e_abort(&seen).get() - gate.ln_e_abort(&whole).get();
            prop_assert!(apart.abs() < ROUNDING, "{apart}");
            prop_assert!((seen.explained().get() - whole.explained().get()).abs() < ROUNDING);
        }
    }

    /// All or nothing is the value that wins most for a given mean.
    #[test]
    fn a_mean_within_its_limit_gains_nothing_on_average(
        m_abort in 0.001..0.9_f64, zone in 0.0..1.0_f64, within in 0.0..1.0_f64,
        low in 0.0..1.0_f64,
    ) {
        let m_pass = m_abort + (0.99 - m_abort) * zone;
        let gate = MeanGate::new(rate(m_abort), rate(m_pass), risk(), risk()).expect("a gate");
        let mean = |truth: f64, side: fn(&MeanGate, &MeanEvidence) -> LnE| -> f64 {
            let low = low * truth;
            let chance = (truth - low) / (1.0 - low);
            let after = |value| {
                let mut seen = MeanEvidence::default();
                gate.record(&mut seen, share(value));
                side(&gate, &seen).get().exp()
            };
            chance * after(1.0) + (1.0 - chance) * after(low)
        };
        for truth in [m_abort, m_abort * within] {
            prop_assert!(mean(truth, MeanGate::ln_e_abort) <= 1.0 + ROUNDING);
        }
        for truth in [m_pass, m_pass + (1.0 - m_pass) * within * 0.99] {
            prop_assert!(mean(truth, MeanGate::ln_e_pass) <= 1.0 + ROUNDING);
        }
    }

    #[test]
    fn higher_values_accuse_and_their_order_does_not_matter(
        mut values in prop::collection::vec(0.0..1.0_f64, 1..40), more in 0.0..1.0_f64,
    ) {
        let gate = MeanGate::new(rate(0.1), rate(0.3), risk(), risk()).expect("a gate");
        let run = |values: &[f64]| {
            let mut seen = MeanEvidence::default();
            values.iter().for_each(|value| gate.record(&mut seen, share(*value)));
            seen
        };
        let seen = run(&values);
        values.reverse();
        let back = run(&values);
        prop_assert!((gate.ln_e_pass(&back).get() - gate.ln_e_pass(&seen).get()).abs() < ROUNDING);
        values[0] += (1.0 - values[0]) * more;
        let worse = run(&values);
        prop_assert!(gate.ln_e_abort(&worse).get() >= gate.ln_e_abort(&back).get() - ROUNDING);
        prop_assert!(gate.ln_e_pass(&worse).get() <= gate.ln_e_pass(&back).get() + ROUNDING);
    }

    /// At one moment: every number of events that the limit makes likely, weighed by its chance.
    #[test]
    fn events_within_their_limit_gain_nothing_on_average(
        expected in 0.01..60.0_f64, hours in 0.1..1e6_f64, within in 0.0..1.0_f64,
    ) {
        let limit = expected / hours;
        let gate = count(limit, limit);
        let mean = |truth: f64, side: fn(&CountGate, EventTally) -> LnE| -> f64 {
            let outcomes = (0..(60.0 + 20.0 * truth) as u64).map(|k| {
                let ln_chance = k as f64 * truth.ln() - truth - ln_gamma(1.0 + k as f64);
                (ln_chance + side(&gate, events(k, hours)).get()).exp()
            });
            outcomes.sum()
        };
        for truth in [expected, expected * (0.01 + 0.99 * within)] {
            prop_assert!(mean(truth, CountGate::ln_e_abort) <= 1.0 + ROUNDING);
        }
        for truth in [expected, expected * (1.0 + within)] {
            prop_assert!(mean(truth, CountGate::ln_e_pass) <= 1.0 + ROUNDING);
        }
    }

    #[test]
    fn one_more_event_never_helps_and_bounds_agree_with_verdicts(
        exponent in -20.0..2.0_f64, zone in 1.0..4.0_f64,
        load in 0.0..16.0_f64, times in 0.0..8.0_f64,
    ) {
        let limit = exponent.exp();
        let (gate, hours) = (count(limit, limit * zone), load.exp() / limit);
        let k = (times * load.exp()) as u64;
        let (now, worse) = (events(k, hours), events(k + 1, hours));
        let slack = ROUNDING * (1.0 + gate.ln_e_abort(now).get().abs());
        prop_assert!(gate.ln_e_abort(worse).get() >= gate.ln_e_abort(now).get() - slack);
        prop_assert!(gate.ln_e_pass(worse).get() <= gate.ln_e_pass(now).get() + slack);
        prop_assert!(gate.aborts(worse) || !gate.aborts(now));
        prop_assert!(gate.passes(now) || !gate.passes(worse));
        let (lower, upper) = (gate.lower(now), gate.upper(now).expect("an exposure"));
        prop_assert!(lower <= k as f64 / hours && k as f64 / hours <= upper);
        let near = |ln_e: LnE| (ln_e.get() - risk().ln_threshold().get()).abs() < 1e-6;
        if !near(gate.ln_e_abort(now)) {
            prop_assert_eq!(gate.aborts(now), lower >= gate.limit().get());
        }
        if !near(gate.ln_e_pass(now)) {
            prop_assert_eq!(gate.passes(now), upper <= gate.pass().get());
        }
    }

    #[test]
    fn a_need_is_where_the_same_rate_passes(k in 1..40_u64, off in 1.2..9.0_f64) {
        let gate = count(0.01, 0.02);
        let passes = |off: f64| gate.passes(events(k, k as f64 / 0.02 * off));
        let mut nearer = (0..9).map(|halvings| 1.0 + off / f64::from(1 << halvings));
        let off = nearer.find(|off| !passes(*off)).expect("the limit does not pass");
        let hours = k as f64 / 0.02 * off;
        let need = gate.need(events(k, hours)).expect("a rate below the limit") as f64;
        prop_assert!(need > hours);
        // Whole multiples of what was seen have the same rate.
        let times = (need / hours).ceil();
        prop_assert!(gate.passes(events(k * times as u64, hours * times)));
        let before = ((need - 1.0) / hours).floor();
        prop_assert!(!gate.passes(events(k * before as u64, hours * before)));
        let too_often = k as f64 / 0.02 / (1.0 + off / 9.0);
        prop_assert_eq!(gate.need(events(k, too_often)), None);
    }

    #[test]
    fn counts_of_devices_add_up_exactly(
        mut parts in prop::collection::vec(
            (0..9_u64, 1..1_u64 << 40, 0..9_u64, 1..1_u64 << 40), 1..9),
    ) {
        let sum = |parts: &[(u64, u64, u64, u64)]| {
            let mut sum = EventEvidence::default();
            for (late, now, settled, before) in parts {
                let part = EventEvidence::new(
                    (settled + late, Span(now + before)),
                    (*settled, Span(*before)),
                );
                sum.absorb(part.expect("counters agree"));
            }
            sum
        };
        let one = sum(&parts);
        parts.reverse();
        prop_assert_eq!(one, sum(&parts));
        let late = parts.iter().map(|part| part.0).sum::<u64>();
        prop_assert_eq!(one.for_abort().events() - one.for_pass().events(), late);
        let hours = |ms: u64| ms as f64 / 3_600_000.0;
        let late = parts.iter().map(|part| part.1).sum::<u64>();
        let apart = one.for_abort().hours().get() - one.for_pass().hours().get() - hours(late);
        prop_assert!(apart.abs() < 1e-6);
    }
}

fn finite(ln_e: LnE) -> bool {
    ln_e.get().is_finite()
}

prop_compose! {
    /// From none to more than there are, most often at either end.
    fn huge()(kind in 0..6_u32, any in 0..1_000_000_000_000_u64) -> u64 {
        [0, 1, any % 100, any, 1_000_000_000_000, u64::MAX / 4][kind as usize]
    }
}

proptest! {
    #[test]
    fn no_number_of_devices_is_too_large(
        (na, ya, nb, yb) in (huge(), huge(), huge(), huge()), exponent in -9.0..-0.001_f64,
        zone in 1.0..50.0_f64, blocks in 1..4_u32,
    ) {
        let p = 10_f64.powf(exponent);
        let gate = two_arm(1.0, zone, p, 1e12);
        let mut seen = TwoArmEvidence::default();
        for _ in 0..blocks {
            let block = Block { control: tally(ya.min(na), na), canary: tally(yb.min(nb), nb) };
            gate.record(&mut seen, block);
        }
        prop_assert!(finite(gate.ln_e_abort(&seen)) && finite(gate.ln_e_pass(&seen)));
        let _ = (gate.need(&seen), gate.is_quiet(&seen));

        let ratios = hazard(1.0, zone);
        let (canaries, controls) = (AtRisk::devices(na), AtRisk::devices(nb));
        let (new, old) = (ya * u64::from(na > 0), yb * u64::from(nb > 0));
        let mut seen = HazardEvidence::default();
        for _ in 0..blocks {
            ratios.record(&mut seen, Moment::new(canaries, controls, new, old).expect("a moment"));
        }
        prop_assert!(finite(ratios.ln_e_abort(&seen)) && finite(ratios.ln_e_pass(&seen)));
        let _ = (ratios.need(&seen), ratios.is_quiet(&seen));
    }

    #[test]
    fn no_rate_and_no_value_is_too_extreme(
        exponent in -15.0..8.9_f64, k in huge(), ms in huge(), value in 0.0..1.0_f64,
        edge in 0..3_u32, mean in -9.0..-1e-12_f64,
    ) {
        let gate = count(10_f64.powf(exponent), 10_f64.powf(exponent));
        let seen = EventEvidence::new((k * u64::from(ms > 0), Span(ms)), (0, Span(ms)));
        let seen = seen.expect("counters agree").for_abort();
        prop_assert!(finite(gate.ln_e_abort(seen)) && finite(gate.ln_e_pass(seen)));
        prop_assert!(gate.lower(seen).is_finite() && gate.upper(seen).is_none_or(f64::is_finite));
        let _ = (gate.need(seen), gate.is_quiet(seen));

        let (m, value) = (10_f64.powf(mean), [0.0, 1.0, value][edge as usize]);
        let gate = MeanGate::new(rate(m), rate(m), risk(), risk()).expect("a gate");
        let mut seen = MeanEvidence::default();
        for _ in 0..3 {
            gate.record(&mut seen, share(value));
        }
        prop_assert!(finite(gate.ln_e_abort(&seen)) && finite(gate.ln_e_pass(&seen)));
        let _ = (gate.need(&seen), gate.is_quiet(&seen), seen.mean());
    }
}
