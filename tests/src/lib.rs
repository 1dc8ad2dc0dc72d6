//! Everything that crosses rooms: worlds, crashes and judges for the tests in `it`.
//!
//! [`stage`] prepares, [`desk`] is a daemon without a wire, [`world`] plays under virtual time,
//! [`crash`] plays with real processes, [`judge`] and [`logs`] judge. Not here: tests. Invariant: a
//! judge counts for itself and never
//! asks the code it judges for a sum.

pub mod crash;
pub mod desk;
pub mod device;
pub mod judge;
pub mod logs;
pub mod script;
pub mod stage;
pub mod world;
