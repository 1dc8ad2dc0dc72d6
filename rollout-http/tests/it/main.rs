//! The routes, in process, over a small backend that keeps everything in memory.

mod access;
#[cfg(feature = "client")]
mod client;
mod device;
mod fake;
mod images;
mod journey;
mod plan;
mod world;
