//! What an agent promises, held by tests: power cuts, lost replies, bad images, bad documents.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod cli;
mod documents;
mod fleet;
mod install;
mod power;
mod refusals;
mod trial;
mod world;
