//! The model, as the bodies show it. Pure: a model and a time go in, a body comes out.
//!
//! Not here: who may see it. Invariant: sentences are the core's own; nothing is worded twice.

mod check;
mod device;
mod event;
mod overview;
mod release;
mod rollout;
mod ways;

pub(crate) use check::check;
pub(crate) use device::{cohort, device, device_in_full};
pub(crate) use event::event;
pub(crate) use overview::{census, fleet, newest, newest_ones};
pub(crate) use release::{channel, channels, product, release, release_in_full};
pub(crate) use rollout::{
    evidence, explanation, gate_of as gate, line, member, pace_of as pace, rollout,
    without_way_back,
};
pub(crate) use ways::way_of;
