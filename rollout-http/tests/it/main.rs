//! The routes, in process, over a small backend that keeps everything in memory.

mod access;
mod attributes;
mod channels;
#[cfg(feature = "client")]
mod client;
mod device;
mod edit;
mod evidence;
mod fake;
mod follow;
mod gate;
mod images;
mod import;
mod journey;
mod life;
mod lists;
mod metrics;
mod openapi;
mod overview;
mod plan;
mod quiet;
mod renew;
mod schedule;
mod ways;
mod world;
