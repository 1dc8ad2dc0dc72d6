//! Tests that cross rooms.

mod ack;
mod crash;
mod docs;
mod no_std;
mod outage;
mod replay;
mod tidy;
mod world;
