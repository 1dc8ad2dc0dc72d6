//! Services in process, for tests and the demo.
//!
//! They keep the rules of the real ones as far as we know them; see each module for what not.

mod iot;

pub use iot::FakeIot;
