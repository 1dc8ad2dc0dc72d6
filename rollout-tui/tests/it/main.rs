//! Tests of the operator's side, in one binary.

mod ceremony;
mod cli;
mod context;
mod desk;
mod fake;
mod plan;
mod server;
mod shown;
mod wait;
mod watch;
