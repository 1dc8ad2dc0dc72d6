//! The daemon: wires store, model and routes together, decides in one queue, shuts down cleanly.
pub mod clock;
pub mod engine;
