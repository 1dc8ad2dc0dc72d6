//! The deciding half of a control plane for firmware rollouts: pure, `no_std`, and explained.
//!
//! Facts and the time go in; the next state, what to do outside and the reason for waiting come
//! out. No clock, no randomness, no I/O, no async, no log: time and entropy are arguments.
//!
//! # A rollout over a thousand devices
//!
//! ```
//! # #[cfg(feature = "decide")] {
//! use rollout_core::cohort::Selector;
//! use rollout_core::release::{ReleaseId, Target};
//! use rollout_core::rollout::{Ladder, Membership, Plan, PlanFields, Rung};
//! use rollout_core::sim::{Conduct, Rehearsal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ladder = ["20", "5%", "100%"].iter().filter_map(|rung| Rung::parse(rung)).collect();
//! let fields = PlanFields::new(
//!     "winter fixes",
//!     Target::Release(ReleaseId::parse("vacuum@2.4.1")?),
//!     Membership::Query(Selector::parse("model==v980")?),
//!     Ladder::new(ladder)?,
//! );
//! let plan = Plan::check(fields)?;
//!
//! // A good release reaches everybody; the gate needs 281 devices to prove it.
//! let mut rehearsal = Rehearsal::start(1000, "v980", plan.clone())?;
//! let counts = rehearsal.run(60 * 48, |_| Conduct::Works);
//! assert_eq!(counts.confirmed, 1000);
//! assert!(rehearsal.rollout().and_then(|r| r.proven).is_some_and(|p| p.matured >= 281));
//!
//! // A release that silences every device is stopped by its silence, after twenty at most.
//! let mut rehearsal = Rehearsal::start(1000, "v980", plan)?;
//! let counts = rehearsal.run(60 * 48, |_| Conduct::GoesDark);
//! assert!(counts.exposed <= 20);
//! let why = rehearsal.explain(7).ok_or("no such device")?;
//! assert_eq!(why.verdict.to_string(), "not offered: the rollout is halted");
//! # Ok(()) }
//! # main().expect("the example holds");
//! # }
//! ```
//!
//! Modules without the feature `decide` need no allocator and run on the device as well:
//! [`id`], [`image`], [`position`], [`trust`], [`version`], [`wire`].
#![no_std]

#[cfg(feature = "decide")]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "decide")]
pub mod calendar;
#[cfg(feature = "decide")]
pub mod cohort;
#[cfg(feature = "decide")]
pub mod device;
#[cfg(feature = "decide")]
pub mod fleet;
#[cfg(feature = "decide")]
pub mod gate;
#[cfg(feature = "decide")]
pub mod hosting;
pub mod id;
pub mod image;
#[cfg(feature = "decide")]
pub mod journal;
pub mod limits;
#[cfg(feature = "decide")]
pub mod port;
pub mod position;
#[cfg(feature = "decide")]
pub mod reach;
#[cfg(feature = "decide")]
pub mod release;
#[cfg(feature = "decide")]
pub mod rollout;
#[cfg(feature = "decide")]
pub mod sim;
#[cfg(feature = "decide")]
pub mod time;
pub mod trust;
pub mod version;
pub mod wire;
