//! What the clock on a device's wall shows, and when a plan's windows are open by it.
//!
//! Not here: what happens outside a window; see `rollout/schedule.rs`. Invariant: a moment is in a
//! window exactly if the wall clock of the window's zone shows a time that is, on a day that is.
//! The rules of zones come with the program and change with it, so no journalled state depends
//! on them: they decide who is given what, and a permit that was given stands.

mod freeze;
mod opening;
mod weekly;
mod zone;

pub use freeze::Freeze;
pub use opening::{Opening, Openings, Rough, Windows};
pub use weekly::{Days, Minute, Weekly, WindowZone};
pub use zone::{Local, Zone, Zones};
