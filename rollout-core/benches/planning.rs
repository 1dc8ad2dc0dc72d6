//! What planning a whole fleet costs, beside adding up a column of as many numbers.
//!
//! The plan asks a query of four attributes, finds each device's place and the first rung that
//! opens to it, and counts by region and rung. Both sides run by turns in one thread, and the
//! figure is the time they had a core, as Linux counts it. `DEVICES` says how many; a million
//! without it.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use rollout_core::cohort::{KindId, Kinds, Selector};
use rollout_core::position::{DeviceKey, Position, Salt};
use rollout_core::rollout::{Group, Ladder, Rung};
use std::collections::BTreeMap;
use std::hint::black_box;

/// How often each side has its turn; the figure is that of its best turn.
const TURNS: usize = 7;
/// Devices that one turn looks at, one after the other or again: the clock of the system moves in
/// steps of milliseconds.
const PER_TURN: u64 = 120_000_000;
const MODELS: [&str; 6] = ["v960", "v970", "v980", "s10", "s20", "s30"];
const REGIONS: [&str; 5] = ["eu-west", "eu-central", "us-east", "us-west", "ap-south"];
const CHANNELS: [&str; 3] = ["stable", "beta", "dogfood"];
const REVISIONS: [&str; 4] = ["a", "b", "c", "d"];
/// A tenth of the fleet, and all but a few.
const QUERIES: [&str; 2] = [
    "model=in=(v960,v970,v980);region!=ap-south;channel==stable;revision<=c",
    "model!=v961;region!=af-north;channel=null=false;revision<=d",
];

fn main() {
    let text = std::env::var_os("DEVICES").unwrap_or_else(|| "1000000".into());
    let devices = text.to_str().and_then(|text| text.parse().ok()).expect("DEVICES is a number");
    let (kinds, of, keys) = fleet(devices);
    let rungs = ["20", "1%", "5%", "20%", "50%", "100%"].map(Rung::parse);
    let ladder = Ladder::new(rungs.into_iter().flatten().collect()).expect("a ladder");
    let salt = Salt::of("0192f7a0-0000-7000-8000-000000000001");
    println!("{devices} devices of {} kinds; time on a core, best of {TURNS} turns", kinds.len());
    for text in QUERIES {
        let query = Selector::parse(text).expect("a query");
        let plan = || {
            let mut belongs = kinds.matching(&query).into_iter();
            let groups = kinds.ask(|attributes| {
                let region = REGIONS.iter().position(|name| attributes["region"] == *name);
                belongs.next()?.then(|| Group(region.unwrap_or(0) as u16))
            });
            black_box(&ladder).spread(salt, &of, &keys, &groups).members()
        };
        let members = plan();
        let sum = || black_box(&keys).iter().fold(0_u64, |sum, key| sum.wrapping_add(key.0));
        let (mut planned, mut summed) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..TURNS {
            planned = planned.min(turn(devices, plan));
            summed = summed.min(turn(devices, sum));
        }
        println!("plan  {planned:6.2} ns per device, {members} members: {text}");
        println!("sum   {summed:6.2} ns per number of 64 bits");
        println!("ratio {:6.1}", planned / summed);
    }
}

/// Kinds, and the kind and key of each device.
fn fleet(devices: u64) -> (Kinds, Vec<KindId>, Vec<DeviceKey>) {
    let mut kinds = Kinds::default();
    let (mut of, mut keys) = (Vec::new(), Vec::new());
    let pick = |names: &[&str], bits: u64| String::from(names[bits as usize % names.len()]);
    for index in 0..devices {
        // Any spread-out numbers do: the key of a real device is a digest.
        let key = Position::of(DeviceKey(index), Salt(7)).0;
        let attributes = BTreeMap::from([
            ("model".into(), pick(&MODELS, key >> 8)),
            ("region".into(), pick(&REGIONS, key >> 16)),
            ("channel".into(), pick(&CHANNELS, key >> 24)),
            ("revision".into(), pick(&REVISIONS, key >> 32)),
        ]);
        of.push(kinds.learn(&attributes).expect("few kinds"));
        keys.push(DeviceKey(key));
    }
    (kinds, of, keys)
}

/// Nanoseconds per device that this thread had a core for the work.
fn turn<T>(devices: u64, work: impl Fn() -> T) -> f64 {
    let now = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).expect("nanoseconds")
    };
    let times = PER_TURN.div_ceil(devices);
    let before = now();
    for _ in 0..times {
        black_box(work());
    }
    (now() - before) / (times * devices) as f64
}
