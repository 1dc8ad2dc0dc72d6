//! Tests that cross rooms.

mod ack;
mod course;
mod crash;
mod demo;
mod docs;
mod errors;
mod keyed;
mod no_std;
mod once;
mod orders;
mod outage;
mod queue;
mod replay;
mod tidy;
mod tls;
mod world;
