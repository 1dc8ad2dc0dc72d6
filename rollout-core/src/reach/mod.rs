//! Reachability: whether and how a device comes from what it runs to a release, and back from it.
//!
//! One graph of a product's releases. Its edges are what a device accepts (counters, fuse, slot),
//! what a release asks of the version before it, and what is published and hosted; stepping stones
//! and dead ends, which people declare for each model, cut it down. [`Graph::hop`] names the next
//! release on the way, [`Graph::route`] all of them, [`way_back`] the way home.
//!
//! Not here: whose turn it is, and who carries a hop; each is installed by a rollout of its own, so
//! that its outcome counts for the release it is about. Deltas will only shorten [`Hop::bytes`].
//! Invariants: counters rise with every hop, so every way ends; no stone of the model is jumped,
//! whether it can be had or not.

mod atlas;
mod class;
mod graph;
mod way_back;

pub use atlas::{Atlas, DeadEnd};
pub use class::{Class, Footing, fits};
pub use graph::{Graph, Hop, Route, Unreachable, Why};
pub use way_back::{NoReturn, way_back};
