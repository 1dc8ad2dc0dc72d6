//! From a store to a running engine: fold the journal, note how long we were away, begin.

use super::course::Courses;
use super::pulse::Pulse;
use super::{Engine, QUEUE, Shared, queue};
use crate::clock::Clock;
use rollout_core::fleet::{Fleet, FoldError};
use rollout_core::hosting::{Endpoint, Home, HostedVersion, Hosting, HostingError};
use rollout_core::id::IdError;
use rollout_core::journal::{Entry, Seq};
use rollout_core::port::{ImageStore, Store, StoreError};
use rollout_core::time::{Span, Timestamp};
use rollout_http::meters::Meters;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, RwLock};
use tokio::sync::{mpsc, watch};

/// Entries read from the journal at a time.
const PAGE: usize = 4096;
/// Name under which the key of signed image URLs is kept.
const URL_KEY: &str = "url-key";

/// How the daemon behaves; no rollout depends on it but through what devices are asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often devices are asked to check in.
    pub poll: Span,
    /// How often rollouts are looked at when nothing happens.
    pub tick: Span,
    /// How often we note that we could serve.
    pub beat: Span,
    /// How long nothing may be done until it counts as an outage of ours.
    pub absent_after: Span,
    /// Base URL of the backend that devices are bound to.
    pub endpoint: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Span::secs(3600),
            tick: Span::secs(1),
            beat: Span::secs(5),
            absent_after: Self::absent_after(Span::secs(1)),
            endpoint: "http://127.0.0.1:8471".into(),
        }
    }
}

/// Why the engine could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The journal does not fold.
    #[error("the journal cannot be folded")]
    Fold(#[from] FoldError),
    /// The endpoint.
    #[error("the endpoint cannot be used")]
    Endpoint(#[from] IdError),
    /// The hosting.
    #[error("the hosting cannot be used")]
    Hosting(#[from] HostingError),
}

impl StartError {
    /// Stable code of the cause; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Fold(error) => error.code(),
            Self::Endpoint(error) => error.code(),
            Self::Hosting(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Fold(error) => error.hint(),
            Self::Endpoint(error) => error.hint(),
            Self::Hosting(error) => error.hint(),
        }
    }
}

impl<S: Store + 'static, I: ImageStore + 'static> Engine<S, I> {
    /// Folds the journal and starts the queue. `seed` becomes the URL key of a new store.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        store: S,
        images: I,
        clock: Arc<dyn Clock>,
        settings: Settings,
        seed: [u8; 32],
    ) -> Result<Self, StartError> {
        let mut fleet = Fleet::new(hosting(&settings)?, settings.poll);
        fold_all(&store, &mut fleet).await?;
        note_outage(&store, &mut fleet, clock.now(), &settings).await?;
        let url_key = url_key(&store, seed).await?;
        store.beat(clock.now()).await?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (folded, _) = watch::channel(fleet.read_to.0);
        let (fleet, unsure) = (RwLock::new(fleet), AtomicBool::new(false));
        let meters = Meters::default();
        let pulse = Pulse::begin(clock.as_ref());
        let shared = Shared {
            store,
            images,
            fleet,
            clock,
            url_key,
            settings,
            meters,
            folded,
            unsure,
            pulse,
            courses: Courses::default(),
            lock: OnceLock::new(),
        };
        let shared = Arc::new(shared);
        tokio::spawn(queue::run(Arc::clone(&shared), jobs));
        Ok(Self { shared, queue })
    }
}

/// Reads and folds a database without writing to its journal.
///
/// # Errors
/// [`StartError`].
pub async fn inspect(database: &std::path::Path, settings: &Settings) -> Result<Fleet, StartError> {
    let store = rollout_store::SqliteStore::open(database)?;
    let mut fleet = Fleet::new(hosting(settings)?, settings.poll);
    fold_all(&store, &mut fleet).await?;
    Ok(fleet)
}

/// One home with one hosted service version, until the journal says more.
fn hosting(settings: &Settings) -> Result<Hosting, StartError> {
    let single = Hosting::single(Endpoint::new(&settings.endpoint)?);
    let poll_secs = u32::try_from(settings.poll.as_secs()).unwrap_or(u32::MAX);
    let homes: Vec<Home> =
        single.homes().iter().map(|home| Home { poll_secs, ..home.clone() }).collect();
    let hosted: Vec<HostedVersion> = single.hosted().to_vec();
    Ok(Hosting::new(homes, hosted)?)
}

async fn fold_all<S: Store>(store: &S, fleet: &mut Fleet) -> Result<(), StartError> {
    loop {
        let page = store.read(fleet.read_to, PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for stored in &page {
            fleet.fold(stored)?;
        }
    }
}

/// From the last sign that we served until devices have had time to find us again.
//= design 4.4: the daemon journals its own availability
async fn note_outage<S: Store>(
    store: &S,
    fleet: &mut Fleet,
    now: Timestamp,
    settings: &Settings,
) -> Result<(), StartError> {
    if fleet.read_to == Seq(0) {
        return Ok(());
    }
    let from = store.last_beat().await?.unwrap_or_default().max(fleet.clock).min(now);
    let outage = settings.outage(from, now);
    for stored in store.append(now, vec![Entry::Outage(outage)]).await? {
        fleet.fold(&stored)?;
    }
    Ok(())
}

async fn url_key<S: Store>(store: &S, seed: [u8; 32]) -> Result<[u8; 32], StartError> {
    if let Some(Ok(key)) = store.get(URL_KEY).await?.map(<[u8; 32]>::try_from) {
        return Ok(key);
    }
    store.set(URL_KEY, seed.to_vec()).await?;
    Ok(seed)
}
