//! Tests of the operator's side, in one binary.

mod ceremony;
mod cli;
mod desk;
mod fake;
mod server;
mod shown;
mod wait;
