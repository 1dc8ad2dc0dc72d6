//! What the routes of operators share: the backend, its bounds, and what is kept between requests.
//!
//! Not here: what is answered. Invariant: everything kept here can be lost; it is made anew from
//! the model and the journal.

use crate::backend::Backend;
use crate::body::v1::{CensusBody, FleetBody};
use crate::follow::Hub;
use crate::gate::{Gate, Rate};
use crate::openapi::Answered;
use crate::routes::metrics::Process;
use crate::show;
use rollout_core::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Bounds that a daemon may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest image, in bytes.
    pub image_bytes: u64,
}

impl Default for Limits {
    /// 4 GiB: what a file system on a small device can hold.
    fn default() -> Self {
        Self { image_bytes: 4 << 30 }
    }
}

/// How a daemon wants the operator plane to be.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The server's name, for people with several.
    pub name: String,
    /// Bounds.
    pub limits: Limits,
    /// Turns true when the daemon stops, so that endless answers end. Without one they do not.
    pub stopped: Option<watch::Receiver<bool>>,
    /// How often one principal may ask.
    pub rate: Rate,
    /// How often one address may be refused for want of a good token.
    pub refusals: Rate,
    /// What the operating system says of the process; nothing if nobody knows.
    pub process: fn() -> Option<Process>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            name: "rollout".into(),
            limits: Limits::default(),
            stopped: None,
            rate: Rate::default(),
            refusals: Rate::of_strangers(),
            process: || None,
        }
    }
}

/// What the routes of operators share.
#[derive(Clone)]
pub(crate) struct Desk<B> {
    pub backend: B,
    pub limits: Limits,
    pub shared: Arc<Shared>,
    pub hub: Arc<Hub<B>>,
    pub gate: Arc<Gate>,
}

/// What is kept between requests.
pub(crate) struct Shared {
    pub name: String,
    pub process: fn() -> Option<Process>,
    fleet: Mutex<Option<(u64, Arc<FleetBody>)>>,
    census: Mutex<Option<(u64, Arc<CensusBody>)>>,
}

impl<B: Backend> Desk<B> {
    pub(crate) fn new(backend: B, setup: Setup, answered: Answered) -> Self {
        let shared = Shared {
            name: setup.name,
            process: setup.process,
            fleet: Mutex::new(None),
            census: Mutex::new(None),
        };
        let gate = Arc::new(Gate::new(setup.rate, setup.refusals, answered));
        let hub = Arc::new(Hub::new(backend.clone(), setup.stopped));
        Self { backend, limits: setup.limits, shared: Arc::new(shared), hub, gate }
    }

    /// How the fleet stands: a pass over all devices, so at most one a second.
    pub(crate) fn fleet(&self, now: Timestamp) -> Arc<FleetBody> {
        let make = || self.backend.read(|fleet| show::fleet(fleet, now));
        once_a_second(&self.shared.fleet, now, |_| true, make)
    }

    /// Devices by two attributes: a pass over them, so for one table at most one a second.
    pub(crate) fn census(&self, row: &str, column: &str) -> Arc<CensusBody> {
        let make = || self.backend.read(|fleet| show::census(fleet, row, column));
        let fits = |kept: &CensusBody| kept.row == row && kept.column == column;
        once_a_second(&self.shared.census, self.backend.now(), fits, make)
    }
}

/// What is kept if it is of this second, or else made anew; others wait for it meanwhile.
fn once_a_second<T>(
    kept: &Mutex<Option<(u64, Arc<T>)>>,
    now: Timestamp,
    fits: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> Arc<T> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let second = now.unix_secs();
    if let Some((at, found)) = &*kept
        && *at == second
        && fits(found)
    {
        return Arc::clone(found);
    }
    let made = Arc::new(make());
    *kept = Some((second, Arc::clone(&made)));
    made
}
