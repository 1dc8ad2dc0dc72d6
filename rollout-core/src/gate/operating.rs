//! What a gate will do before it is used: exact answers for a known true rate.
//!
//! Outcomes arrive one by one, both sides look at all of them, and the distribution of bad
//! devices over what is still undecided is carried along. Not here: random numbers, time models
//! and ladders; those are the simulator's.
//!
//! Invariant: probabilities of abort, pass and undecided sum to 1 but for rounding.

use super::evidence::Tally;
use super::failure::FailureGate;
use super::numerics::first_true;
use super::rate::Proportion;
use alloc::vec;
use alloc::vec::Vec;

/// Means over a decision are not given below this chance of it: they would be noise.
const RARE: f64 = 1e-6;
/// Undecided probability below which a walk ends.
const NOTHING_LEFT: f64 = 1e-17;
/// Search bound for a proof, in devices: no fleet is larger.
const LARGEST: u64 = 1 << 40;

/// Means at one kind of decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Means {
    /// Devices that had matured.
    pub devices: f64,
    /// Bad ones among them.
    pub bad: f64,
}

/// Operating characteristics of a gate at one true rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operating {
    /// Probability of an abort.
    pub p_abort: f64,
    /// Probability of a pass.
    pub p_pass: f64,
    /// Probability of neither by the largest sample.
    pub p_undecided: f64,
    /// Means at an abort; `None` if that is rarer than one in a million.
    pub at_abort: Option<Means>,
    /// Means at a pass; `None` if that is rarer than one in a million.
    pub at_pass: Option<Means>,
    /// Devices by which half of all runs are decided; `None` beyond the largest sample.
    pub median: Option<u64>,
    /// Devices by which 95 % of all runs are decided; `None` beyond the largest sample.
    pub n95: Option<u64>,
}

/// Operating characteristics at the true rate `truth`, for at most `largest` devices.
///
/// Costs about `largest` times the spread of undecided counts (some hundred at 1e5 devices).
pub fn operating(gate: &FailureGate, truth: Proportion, largest: u64) -> Operating {
    let mut walk = Walk::new(gate, truth);
    let (mut median, mut n95) = (None, None);
    while walk.size < largest && walk.undecided > NOTHING_LEFT {
        walk.advance();
        let decided = walk.abort.chance + walk.pass.chance;
        if decided >= 0.5 && median.is_none() {
            median = Some(walk.size);
        }
        if decided >= 0.95 && n95.is_none() {
            n95 = Some(walk.size);
        }
    }
    Operating {
        p_abort: walk.abort.chance,
        p_pass: walk.pass.chance,
        p_undecided: walk.undecided,
        at_abort: walk.abort.means(),
        at_pass: walk.pass.means(),
        median,
        n95,
    }
}

/// Devices by which 95 % of all runs are decided if the true rate is `truth`; `None` if that
/// takes more than `largest`.
pub fn n95(gate: &FailureGate, truth: Proportion, largest: u64) -> Option<u64> {
    let mut walk = Walk::new(gate, truth);
    while walk.size < largest {
        walk.advance();
        if walk.abort.chance + walk.pass.chance >= 0.95 {
            return Some(walk.size);
        }
    }
    None
}

/// The smallest number of devices that pass without a failure. A fleet below it proves nothing.
/// `None` beyond 2^40.
pub fn smallest_proof(gate: &FailureGate) -> Option<u64> {
    first_true(1, LARGEST, |size| gate.passes(Tally::of(0, size)))
}

/// The fewest bad ones among `size` devices that abort; `None` if not even all of them do.
pub fn min_abort(gate: &FailureGate, size: u64) -> Option<u64> {
    first_true(1, size, |bad| gate.aborts(Tally::of(bad, size)))
}

/// The most bad ones among `size` devices that pass; `None` if not even none of them does.
pub fn max_pass(gate: &FailureGate, size: u64) -> Option<u64> {
    if !gate.passes(Tally::of(0, size)) {
        return None;
    }
    first_true(1, size, |bad| !gate.passes(Tally::of(bad, size))).map(|bad| bad - 1)
}

/// Probability that has arrived at one decision, with its weighted sums.
#[derive(Default)]
struct Absorbed {
    chance: f64,
    devices: f64,
    bad: f64,
}

impl Absorbed {
    fn add(&mut self, mass: f64, bad: u64, size: u64) {
        self.chance += mass;
        self.devices += mass * size as f64;
        self.bad += mass * bad as f64;
    }

    fn means(&self) -> Option<Means> {
        (self.chance >= RARE)
            .then(|| Means { devices: self.devices / self.chance, bad: self.bad / self.chance })
    }
}

/// The distribution of bad devices over undecided runs, one more device at a time.
struct Walk<'a> {
    gate: &'a FailureGate,
    truth: f64,
    size: u64,
    /// Probability by number of bad devices; decided counts hold 0.
    mass: Vec<f64>,
    /// The fewest bad ones not yet passed.
    open_from: usize,
    /// The fewest bad ones that abort at this size.
    aborts_from: u64,
    abort: Absorbed,
    pass: Absorbed,
    undecided: f64,
}

impl<'a> Walk<'a> {
    fn new(gate: &'a FailureGate, truth: Proportion) -> Self {
        Self {
            gate,
            truth: truth.get(),
            size: 0,
            mass: vec![1.0],
            open_from: 0,
            aborts_from: 1,
            abort: Absorbed::default(),
            pass: Absorbed::default(),
            undecided: 1.0,
        }
    }

    /// Lets one more device mature. Both borders only ever rise with the size.
    fn advance(&mut self) {
        self.size += 1;
        self.spread();
        let size = self.size;
        while self.aborts_from <= size && !self.gate.aborts(Tally::of(self.aborts_from, size)) {
            self.aborts_from += 1;
        }
        self.absorb_aborts();
        self.absorb_passes();
        self.undecided = self.mass[self.open_from.min(self.mass.len())..].iter().sum();
    }

    /// Splits every undecided run into one with a good and one with a bad device more.
    fn spread(&mut self) {
        self.mass.push(0.0);
        for bad in (self.open_from..self.mass.len()).rev() {
            let from_below = if bad > self.open_from { self.mass[bad - 1] } else { 0.0 };
            self.mass[bad] = self.mass[bad] * (1.0 - self.truth) + from_below * self.truth;
        }
    }

    /// Takes out the counts that abort; they lie at the upper end.
    fn absorb_aborts(&mut self) {
        while self.mass.len() as u64 > self.aborts_from {
            let bad = self.mass.len() as u64 - 1;
            let Some(mass) = self.mass.pop() else { return };
            self.abort.add(mass, bad, self.size);
        }
    }

    /// Takes out the counts that pass; they lie at the lower end.
    fn absorb_passes(&mut self) {
        while self.open_from < self.mass.len()
            && self.gate.passes(Tally::of(self.open_from as u64, self.size))
        {
            let mass = core::mem::take(&mut self.mass[self.open_from]);
            self.pass.add(mass, self.open_from as u64, self.size);
            self.open_from += 1;
        }
    }
}
