//! Promises of the gates as frequencies: runs from one seed, someone looks after every outcome.
//!
//! Each gate is run where its null just holds, with the conditions that break simpler rules: rates
//! that swing by day and night, and arms whose sizes change as the rollout grows. It may then be
//! wrong in a share of alpha of the runs, and three standard deviations. At three times the limit
//! it must say so nearly always.

use crate::gate::SplitMix64;
use crate::gate_plan::{at, judged, mature, metric, plan, strata};
use rollout_core::gate::{
    AtRisk, Baseline, Block, CountGate, EventRate, EventTally, EvidenceCells, FailureGate,
    HazardEvidence, HazardGate, Hours, LnE, MeanEvidence, MeanGate, Measure, Moment, Percentile,
    Proportion, QuantileLimit, Rate, Ratio, Risk, SilenceGate, Tally, TwoArmEvidence, TwoArmGate,
    Verdict,
};
use rollout_core::rollout::StratumId;

/// All runs follow from this number.
const SEED: u64 = 20_240_229;
/// What is accepted of either error, large enough to be seen in a thousand runs.
const ERROR: f64 = 0.05;
const RUNS: u32 = 1000;
/// Runs where an error is not what is looked for.
const FEW: u32 = 200;

fn risk() -> Risk {
    Risk::new(ERROR).expect("a risk")
}

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a rate")
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

fn reaches(ln_e: LnE) -> bool {
    ln_e >= risk().ln_threshold()
}

/// A number from 0 (included) to 1.
fn uniform(random: &mut SplitMix64) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many of `of` hit, each with the same chance: jumps from one hit to the next.
fn drawn(random: &mut SplitMix64, of: u64, chance: f64) -> u64 {
    let (mut hits, mut at) = (0, 0.0);
    loop {
        at += ((1.0 - uniform(random)).ln() / (-chance).ln_1p()).floor() + 1.0;
        if at > of as f64 {
            return hits;
        }
        hits += 1;
    }
}

fn bad_of(random: &mut SplitMix64, of: u64, chance: f64) -> Tally {
    Tally::new(drawn(random, of, chance), of).expect("bad ones are among all")
}

/// Three quarters of a level at night, five quarters by day; a day has 24 ticks.
fn by_daylight(level: f64, tick: u32) -> f64 {
    level * if tick % 24 < 12 { 0.25 } else { 1.75 }
}

/// How many of the runs end with a verdict, each from its own part of the seed.
fn count(name: &str, runs: u32, run: impl Fn(&mut SplitMix64) -> bool) -> u32 {
    let purpose = name.bytes().fold(SEED, |mixed, byte| mixed.rotate_left(7) ^ u64::from(byte));
    let mut random = SplitMix64(purpose);
    (0..runs).map(|_| u32::from(run(&mut random))).sum()
}

/// At most a share of the error, and three standard deviations, of the runs; but not none, or the
/// runs never came near the border.
#[expect(
    clippy::print_stdout,
    reason = "the frequency and its seed are what a reader wants to see"
)]
fn rarely(name: &str, run: impl Fn(&mut SplitMix64) -> bool) {
    let (wrong, runs) = (count(name, RUNS, run), f64::from(RUNS));
    println!("{name}: wrong in {wrong} of {RUNS} runs, seed {SEED}");
    let most = runs * ERROR + 3.0 * (runs * ERROR * (1.0 - ERROR)).sqrt();
    assert!(wrong > 0, "{name} never came near, seed {SEED}");
    assert!(f64::from(wrong) <= most, "{name}: {wrong} of {RUNS}, seed {SEED}");
}

/// In all but a twentieth of the runs.
fn nearly_always(name: &str, run: impl Fn(&mut SplitMix64) -> bool) {
    let right = count(name, FEW, run);
    assert!(right * 20 >= FEW * 19, "{name}: {right} of {FEW}, seed {SEED}");
}

fn two_arms() -> TwoArmGate {
    let baseline = Baseline::expected(rate(0.02));
    TwoArmGate::new(ratio(1.0), ratio(2.0), baseline, risk(), risk()).expect("a gate")
}

/// Blocks of a rollout that grows, at `times` the rate of a control that swings; the first estimate
/// of that rate is wrong by half. Whether `done` was true after one of them.
fn blocks(
    random: &mut SplitMix64,
    times: f64,
    most: u32,
    done: impl Fn(&TwoArmGate, &TwoArmEvidence) -> bool,
) -> bool {
    let (gate, mut seen) = (two_arms(), TwoArmEvidence::default());
    (0..most).any(|tick| {
        let control = by_daylight(0.03, tick);
        let (na, nb) = (40 - u64::from(tick / 8).min(30), 3 + u64::from(tick / 6));
        let block = Block {
            control: bad_of(random, na, control),
            canary: bad_of(random, nb, times * control),
        };
        gate.record(&mut seen, block);
        done(&gate, &seen)
    })
}

#[test]
fn a_version_like_its_control_is_rarely_aborted() {
    rarely("two-arm abort", |random| {
        blocks(random, 1.0, 240, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

#[test]
fn a_version_twice_as_bad_as_its_control_rarely_passes() {
    rarely("two-arm pass", |random| {
        blocks(random, 2.0, 240, |gate, seen| reaches(gate.ln_e_pass(seen)))
    });
}

#[test]
fn a_version_three_times_as_bad_as_its_control_is_aborted() {
    nearly_always("two-arm power", |random| {
        blocks(random, 3.0, 240, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

#[test]
fn a_version_like_its_control_passes() {
    nearly_always("two-arm proof", |random| {
        blocks(random, 1.0, 480, |gate, seen| reaches(gate.ln_e_pass(seen)))
    });
}

/// Devices of both arms have their first event at a rate that swings, canaries at `times` the one
/// of controls; a device with an event leaves, and the canaries grow from few to many.
fn ticks(
    random: &mut SplitMix64,
    times: f64,
    most: u32,
    done: impl Fn(&HazardGate, &HazardEvidence) -> bool,
) -> bool {
    let gate = HazardGate::new(ratio(1.2), ratio(2.0), risk(), risk()).expect("a gate");
    let mut seen = HazardEvidence::default();
    let (mut canaries, mut controls) = (20_u64, 900_u64);
    (0..most).any(|tick| {
        let level = by_daylight(0.001, tick);
        let on_canaries = drawn(random, canaries, times * level);
        let on_controls = drawn(random, controls, level);
        let at_risk = (AtRisk::devices(canaries), AtRisk::devices(controls));
        let moment = Moment::new(at_risk.0, at_risk.1, on_canaries, on_controls);
        gate.record(&mut seen, moment.expect("events of those at risk"));
        canaries = canaries - on_canaries + u64::from(tick / 6).min(20);
        controls = controls - on_controls - u64::from(tick / 12).min(5);
        done(&gate, &seen)
    })
}

#[test]
fn a_fifth_more_events_than_the_control_are_rarely_aborted() {
    rarely("hazard abort", |random| {
        ticks(random, 1.2, 150, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

#[test]
fn twice_the_events_of_the_control_rarely_pass() {
    rarely("hazard pass", |random| {
        ticks(random, 2.0, 150, |gate, seen| reaches(gate.ln_e_pass(seen)))
    });
}

#[test]
fn three_times_the_events_of_the_control_are_aborted() {
    nearly_always("hazard power", |random| {
        ticks(random, 3.6, 150, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

/// Events of `devices` in a rollout of `most` hours, `chance` of one by hour and device; whether an
/// abort or a pass came at any hour. A device with an event leaves if only first ones count.
struct Events {
    first_only: bool,
    looping: u64,
    chance: f64,
    most: u32,
}

impl Events {
    fn any(&self, random: &mut SplitMix64, done: impl Fn(&CountGate, EventTally) -> bool) -> bool {
        let limit = EventRate::new(0.001).expect("a rate");
        let pass = limit.doubled().expect("a rate");
        let gate = CountGate::new(limit, pass, risk(), risk()).expect("a gate");
        let (mut events, mut hours, mut healthy, mut looping) = (0, 0, 200, self.looping);
        (0..self.most).any(|_| {
            let failed = drawn(random, healthy, self.chance);
            hours += healthy + looping;
            events += failed + looping;
            if self.first_only {
                healthy -= failed;
                looping = 0;
            }
            let hours = Hours::new(hours as f64).expect("hours");
            done(&gate, EventTally::new(events, hours).expect("events in an exposure"))
        })
    }
}

#[test]
fn events_at_the_limit_are_rarely_aborted() {
    let at_limit = Events { first_only: true, looping: 0, chance: 0.001, most: 1500 };
    rarely("count abort", |random| at_limit.any(random, |gate, seen| gate.aborts(seen)));
}

#[test]
fn events_at_the_limit_of_a_pass_rarely_pass() {
    let at_pass = Events { first_only: true, looping: 0, chance: 0.002, most: 600 };
    rarely("count pass", |random| at_pass.any(random, |gate, seen| gate.passes(seen)));
}

#[test]
fn three_times_the_events_of_the_limit_are_aborted() {
    let bad = Events { first_only: true, looping: 0, chance: 0.003, most: 600 };
    nearly_always("count power", |random| bad.any(random, |gate, seen| gate.aborts(seen)));
}

/// Why the caller counts first events: one device of two hundred reboots every hour.
#[test]
fn a_crash_loop_counts_once_or_it_aborts_every_build() {
    let looping = |first_only| Events { first_only, looping: 1, chance: 0.0005, most: 48 };
    let aborted = |first_only| {
        count("crash loop", FEW, |random| {
            looping(first_only).any(random, |gate, seen| gate.aborts(seen))
        })
    };
    assert_eq!(aborted(false), FEW);
    assert!(aborted(true) * 20 < FEW, "{} of {FEW}, seed {SEED}", aborted(true));
}

/// Values with mean `mean`: all or nothing on one device in three, small ones on the others.
fn values(
    random: &mut SplitMix64,
    mean: f64,
    most: u32,
    done: impl Fn(&MeanGate, &MeanEvidence) -> bool,
) -> bool {
    let gate = MeanGate::new(rate(0.05), rate(0.1), risk(), risk()).expect("a gate");
    let mut seen = MeanEvidence::default();
    (0..most).any(|place| {
        let value = match place % 3 {
            0 => f64::from(u8::from(random.hits(mean))),
            _ => 2.0 * mean * uniform(random),
        };
        gate.record(&mut seen, Proportion::new(value).expect("a share"));
        done(&gate, &seen)
    })
}

#[test]
fn a_mean_at_its_limit_is_rarely_aborted() {
    rarely("mean abort", |random| {
        values(random, 0.05, 1500, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

#[test]
fn a_mean_at_the_limit_of_a_pass_rarely_passes() {
    rarely("mean pass", |random| {
        values(random, 0.1, 1500, |gate, seen| reaches(gate.ln_e_pass(seen)))
    });
}

#[test]
fn a_mean_of_three_times_the_limit_is_aborted() {
    nearly_always("mean power", |random| {
        values(random, 0.15, 600, |gate, seen| reaches(gate.ln_e_abort(seen)))
    });
}

/// Boot times whose 95th percentile is the limit itself.
fn boots(random: &mut SplitMix64, slow: f64, gate: &FailureGate, limit: &QuantileLimit) -> bool {
    let mut bad = 0;
    (1..=1000).any(|of| {
        let seconds = if random.hits(slow) { 61.0 } else { 60.0 };
        bad += u64::from(limit.is_bad(Measure::new(seconds).expect("a number")));
        gate.aborts(Tally::new(bad, of).expect("bad ones are among all"))
    })
}

#[test]
fn a_percentile_at_its_limit_is_rarely_aborted_and_one_beyond_it_is() {
    let percentile = Percentile::new(9500).expect("a percentile");
    let limit = QuantileLimit::new(percentile, Measure::new(60.0).expect("a number"));
    let gate = limit.gate(risk(), risk()).expect("a gate");
    rarely("quantile abort", |random| boots(random, 0.05, &gate, &limit));
    nearly_always("quantile power", |random| boots(random, 0.15, &gate, &limit));
}

/// One device in a hundred goes dark whatever it runs.
#[test]
fn silence_within_its_limit_is_rarely_aborted_and_three_times_it_is() {
    let dark = Proportion::new(0.01).expect("a share");
    let silence = SilenceGate::against_limit(dark, risk(), risk()).expect("a gate");
    let SilenceGate::Limit(gate) = silence else { panic!("a limit") };
    let run = |random: &mut SplitMix64, chance| {
        let mut dark = 0;
        (1..=2000).any(|of| {
            dark += u64::from(random.hits(chance));
            gate.aborts(Tally::new(dark, of).expect("bad ones are among all"))
        })
    };
    rarely("silence abort", |random| run(random, 0.015));
    nearly_always("silence power", |random| run(random, 0.045));
}

/// Every stratum at its limit, in batches, with a look after every failure.
#[test]
fn a_good_build_is_rarely_aborted_by_any_of_many_gates() {
    let gate = FailureGate::new(rate(0.05), rate(0.05), risk(), risk(), 1).expect("a gate");
    let plan = plan(vec![metric("failure", gate)], strata(), 4);
    rarely("plan abort", |random| {
        let mut cells = EvidenceCells::default();
        (0..400_u16).any(|device| {
            let place = at(device / 100, StratumId(u32::from(device) % 3));
            let bad = random.hits(0.05);
            mature(&plan, &mut cells, place, bad.into(), 1);
            bad && matches!(judged(&plan, &cells).verdict, Verdict::Abort(_))
        })
    });
}
