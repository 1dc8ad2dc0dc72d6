//! A backend in memory: the core's own model behind a lock, and images in a map.

use rollout_core::device::Facts;
use rollout_core::fleet::{Answer, Ask, Fleet, Look, Registered, Reply};
use rollout_core::id::{DeviceId, Digest, Principal, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, Seq, Stored};
use rollout_core::port::{ImageError, ImageStore, ImageUpload};
use rollout_core::rollout::Commanded;
use rollout_core::time::Timestamp;
use rollout_http::backend::{Backend, Check, CheckedIn, Problem, Terms};
use rollout_http::meters::{Followers, Meters};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    state: Mutex<(Fleet, Vec<Stored>)>,
    images: Images,
    now: AtomicU64,
    drawn: AtomicU64,
    meters: Meters,
    pages: AtomicU64,
    /// Entries of each registration.
    batches: Mutex<Vec<usize>>,
    /// Whether writes wait, and that one does.
    gate: (watch::Sender<bool>, watch::Sender<bool>),
    folded: watch::Sender<u64>,
}

#[derive(Clone, Default)]
pub struct Images(Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>);

pub struct Upload {
    images: Images,
    digest: Digest,
    length: u64,
    bytes: Vec<u8>,
}

impl Fake {
    pub fn new(fleet: Fleet, now: Timestamp) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new((fleet, Vec::new())),
            images: Images::default(),
            now: AtomicU64::new(now.0),
            drawn: AtomicU64::new(0),
            meters: Meters::default(),
            pages: AtomicU64::new(0),
            batches: Mutex::default(),
            gate: (watch::channel(false).0, watch::channel(false).0),
            folded: watch::channel(0).0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, (Fleet, Vec<Stored>)> {
        self.0.state.lock().expect("no test panics with the lock")
    }

    pub fn pass(&self, millis: u64) {
        self.0.now.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn write(&self, entries: Vec<Entry>) -> Vec<Stored> {
        let at = self.now();
        let (fleet, journal) = &mut *self.state();
        let from = journal.len();
        for entry in entries {
            let stored = Stored { seq: Seq(journal.len() as u64 + 1), at, entry };
            fleet.fold(&stored).expect("folds");
            journal.push(stored);
        }
        self.0.folded.send_replace(journal.len() as u64);
        journal[from..].to_vec()
    }

    fn decide(&self, ask: Ask) -> Answer {
        let now = self.now();
        let decided = {
            let (fleet, _) = &mut *self.state();
            fleet.refresh(now);
            fleet.decide(now, &[ask])
        };
        self.write(decided.entries);
        decided.answers.into_iter().next().expect("one answer to one ask")
    }

    /// Those who follow the journal.
    pub fn meters_of_followers(&self) -> Arc<Followers> {
        Arc::clone(self.0.meters.followers())
    }

    /// Commands wait until [`Self::go_on`].
    pub fn hold_writes(&self) {
        self.0.gate.0.send_replace(true);
    }

    /// Returns when a command waits.
    pub async fn held(&self) {
        drop(self.0.gate.1.subscribe().wait_for(|held| *held).await);
    }

    /// Lets commands be carried out.
    pub fn go_on(&self) {
        self.0.gate.0.send_replace(false);
    }

    /// Pages that were read of the journal.
    pub fn pages(&self) -> u64 {
        self.0.pages.load(Ordering::Relaxed)
    }

    /// How many entries each registration wrote.
    pub fn batches(&self) -> Vec<usize> {
        self.0.batches.lock().expect("no test panics with the lock").clone()
    }

    pub fn journal(&self) -> Vec<Stored> {
        self.state().1.clone()
    }
}

impl Backend for Fake {
    type Images = Images;

    fn images(&self) -> &Images {
        &self.0.images
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.0.now.load(Ordering::Relaxed))
    }

    fn entropy(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.0.drawn.fetch_add(1, Ordering::Relaxed);
            let block = Digest::of(&drawn.to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }

    fn url_key(&self) -> &[u8; 32] {
        &[42; 32]
    }

    /// Two looks: one a second ago, and one now.
    fn course(&self, rollout: RolloutId) -> Vec<(Timestamp, Look)> {
        let now = self.now();
        let looks = |fleet: &Fleet| fleet.looks().find(|(id, _)| *id == rollout);
        let look = self.read(looks).map(|(_, look)| look);
        look.into_iter().flat_map(|look| [(Timestamp(now.0 - 1_000), look), (now, look)]).collect()
    }

    fn meters(&self) -> &Meters {
        &self.0.meters
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.folded.subscribe()
    }

    fn read<T>(&self, read: impl FnOnce(&Fleet) -> T) -> T {
        read(&self.state().0)
    }

    async fn check_in(&self, device: DeviceId, facts: Facts) -> Result<CheckedIn, Problem> {
        let facts = Box::new(facts);
        self.write(vec![Entry::Seen { device: device.clone(), facts }]);
        let (now, id) = (self.now(), device.clone());
        self.state().0.touch(&id, now);
        let Answer::Offer(offer) = self.decide(Ask::Offer { device }) else {
            panic!("an offer was asked for");
        };
        self.read(|fleet| {
            let device = fleet.devices.get(&id).ok_or_else(|| Problem::unknown("device", &id))?;
            let root = device.facts.as_ref().map_or(0, |facts| facts.root_version);
            Ok(CheckedIn::with(fleet, device, root, offer))
        })
    }

    async fn begin(
        &self,
        device: DeviceId,
        rollout: RolloutId,
        attempt: u32,
        digest: Digest,
    ) -> Result<Reply, Problem> {
        match self.decide(Ask::Begin { device, rollout, attempt, digest }) {
            Answer::Begin(reply) => Ok(reply?),
            Answer::Offer(_) => panic!("a permit was asked for"),
        }
    }

    async fn report(&self, reports: Vec<ReportRecord>) -> Result<(), Problem> {
        self.write(reports.into_iter().map(Entry::Reported).collect());
        Ok(())
    }

    async fn register(&self, check: Check, terms: Terms) -> Result<Vec<Stored>, Problem> {
        let now = self.now();
        terms.check(&self.state().0, now)?;
        let registered = check(&self.state().0, now)?;
        let mut entries = match registered {
            Registered::New(entries) | Registered::Decided(entries, _) => entries,
            Registered::Known => Vec::new(),
        };
        let effects = entries.len();
        self.0.batches.lock().expect("no test panics with the lock").push(effects);
        entries.extend(terms.entry());
        let mut written = self.write(entries);
        written.truncate(effects);
        Ok(written)
    }

    async fn answered(
        &self,
        principal: Principal,
        key: String,
        status: u16,
        body: Vec<u8>,
    ) -> Result<(), Problem> {
        self.write(vec![Entry::Answered { principal, key, status, body }]);
        Ok(())
    }

    async fn command(
        &self,
        rollout: RolloutId,
        commanded: Commanded,
        terms: Terms,
    ) -> Result<(), Problem> {
        self.0.gate.1.send_replace(true);
        drop(self.0.gate.0.subscribe().wait_for(|hold| !*hold).await);
        let now = self.now();
        terms.check(&self.state().0, now)?;
        let (mut entries, _) = self.read(|fleet| fleet.command(rollout, &commanded, now))?;
        entries.extend(terms.entry());
        self.write(entries);
        Ok(())
    }

    async fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Stored>, Problem> {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
        let (_, journal) = &*self.state();
        let behind = journal.get(after.0 as usize..).unwrap_or_default();
        Ok(behind.iter().take(limit).cloned().collect())
    }
}

impl ImageStore for Images {
    type Upload = Upload;

    async fn begin(&self, digest: Digest, length: u64) -> Result<Upload, ImageError> {
        Ok(Upload { images: self.clone(), digest, length, bytes: Vec::new() })
    }

    async fn length(&self, digest: Digest) -> Result<Option<u64>, ImageError> {
        let images = self.0.lock().expect("no test panics with the lock");
        Ok(images.get(&digest).map(|image| image.len() as u64))
    }

    async fn read(&self, digest: Digest, offset: u64, limit: usize) -> Result<Vec<u8>, ImageError> {
        let images = self.0.lock().expect("no test panics with the lock");
        let image = images.get(&digest).ok_or(ImageError::Unknown(digest))?;
        Ok(image.iter().skip(offset as usize).take(limit).copied().collect())
    }
}

impl ImageUpload for Upload {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self) -> Result<(), ImageError> {
        let (wanted, found) = (self.length, self.bytes.len() as u64);
        if wanted != found {
            return Err(ImageError::Length { wanted, found });
        }
        let found = Digest::of(&self.bytes);
        if found != self.digest {
            return Err(ImageError::Digest { wanted: self.digest, found });
        }
        let mut images = self.images.0.lock().expect("no test panics with the lock");
        images.insert(found, self.bytes);
        Ok(())
    }
}
