//! Tests that cross rooms.

mod no_std;
mod tidy;
