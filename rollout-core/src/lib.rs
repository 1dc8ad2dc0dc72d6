//! The deciding half of a control plane for firmware rollouts: pure, `no_std`, and explained.
//!
//! Facts and the time go in; the next state, what to do outside and the reason for waiting come
//! out. No clock, no randomness, no I/O, no async, no log: time and entropy are arguments.
//!
//! Modules without the feature `decide` need no allocator and run on the device as well:
//! [`id`], [`image`], [`position`], [`trust`], [`version`], [`wire`].
#![no_std]

#[cfg(feature = "decide")]
extern crate alloc;
#[cfg(test)]
extern crate std;

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
pub mod release;
#[cfg(feature = "decide")]
pub mod rollout;
#[cfg(feature = "decide")]
pub mod time;
pub mod trust;
pub mod version;
pub mod wire;
