//! Many devices in one process, over real HTTP.
//!
//! Provisioned once, run as often as wanted: a device's whole state is in its folder. Invariant:
//! the same options and seed give the same devices with the same faults. Not here: the server.

use super::client::Client;
use super::device::{Device, Ending, Shared};
use super::sim::{self, Factory, FileFlash, Random};
use super::{Error, image};
use crate::agent::Config;
use crate::backoff::Pace;
use crate::boot::BootRecord;
use crate::cell;
use crate::flash::SECTOR_BYTES;
use crate::record::Order;
use crate::text::Text;
use crate::verify;
use rollout_core::id::{Digest, is_device_id, is_hardware, is_product};
use rollout_core::image::ImageHeader;
use rollout_core::trust::{Envelope, Manifest, Role, Root};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes of a slot unless said otherwise.
pub const SLOT_BYTES: u32 = 1024 * 1024;
/// HTTP requests under way at a time unless said otherwise.
pub const PARALLEL: usize = 256;
/// Bytes asked for at once.
const PIECE_BYTES: u32 = 256 * 1024;

/// Rates from 0 to 1 of things that go wrong, on top of what images bring along.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Devices that fail the self-test of each new image.
    pub fail: f64,
    /// Devices that go dark with each new image.
    pub brick: f64,
    /// Devices that crash on trial with each new image.
    pub crash: f64,
    /// Replies that are lost after the server has answered. Enrollment is spared.
    pub drop: f64,
}

/// A fleet.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// Base URL of the server.
    pub server: String,
    /// File with the CAs that are believed, and nobody else is; those of this machine without.
    pub ca: Option<PathBuf>,
    /// How many devices.
    pub count: usize,
    /// Number of the first.
    pub first_index: usize,
    /// What precedes the number in an id.
    pub id_prefix: String,
    /// Hardware model.
    pub hardware: String,
    /// Product.
    pub product: String,
    /// Folder with a folder for each device.
    pub directory: PathBuf,
    /// Envelope of the root document that devices pin.
    pub root: Vec<u8>,
    /// Image that devices leave the factory with.
    pub factory_image: Vec<u8>,
    /// Envelope of its manifest; without it the confirmed counter is 0.
    pub factory_manifest: Option<Vec<u8>>,
    /// Token with which devices enroll.
    pub enroll_token: String,
    /// Determines incarnations, waits, nonces and faults.
    pub seed: u64,
    /// Replaces the poll interval that the server gives.
    pub poll: Option<Duration>,
    /// What goes wrong.
    pub faults: Faults,
    /// Self-description of every device.
    pub attributes: Vec<(String, String)>,
    /// Bytes of a slot.
    pub slot_bytes: u32,
    /// HTTP requests under way at a time.
    pub parallel: usize,
}

impl FleetOptions {
    /// One device `dev-0001`; set the other fields after.
    pub fn new(server: &str, directory: &Path, root: Vec<u8>, factory_image: Vec<u8>) -> Self {
        Self {
            server: server.to_owned(),
            ca: None,
            count: 1,
            first_index: 1,
            id_prefix: "dev-".to_owned(),
            hardware: "sim-a1".to_owned(),
            product: "thermostat".to_owned(),
            directory: directory.to_path_buf(),
            root,
            factory_image,
            factory_manifest: None,
            enroll_token: String::new(),
            seed: 1,
            poll: None,
            faults: Faults::default(),
            attributes: Vec::new(),
            slot_bytes: SLOT_BYTES,
            parallel: PARALLEL,
        }
    }

    /// The ids of its devices.
    pub fn device_ids(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.count).map(|index| device_id(&self.id_prefix, self.first_index + index))
    }
}

/// The id of a device: prefix and at least four digits.
pub fn device_id(prefix: &str, index: usize) -> String {
    format!("{prefix}{index:04}")
}

/// What happened while a fleet ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetSummary {
    /// Devices.
    pub devices: usize,
    /// Devices that are dark.
    pub dark: usize,
    /// Devices whose flash failed.
    pub broken: usize,
    /// Boots.
    pub boots: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Images confirmed.
    pub confirmed: u64,
    /// Images that failed or crashed on trial.
    pub returned: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) boots: AtomicU64,
    pub(super) confirmed: AtomicU64,
    pub(super) returned: AtomicU64,
}

/// Makes the folders of all devices that have none. Existing devices stay as they are.
///
/// # Errors
/// [`Error`] if an option cannot be used or a file cannot be written.
pub fn provision(options: &FleetOptions) -> Result<(), Error> {
    let root = verify::pinned_root(&options.root).map_err(Error::Root)?;
    let digest = check_factory_image(options)?;
    let order = factory_order(options, &root, digest)?;
    for id in options.device_ids() {
        config(options, &id)?;
        provision_device(options, &id, digest, order)?;
    }
    Ok(())
}

fn check_factory_image(options: &FleetOptions) -> Result<Digest, Error> {
    let (image, slot_bytes) = (&options.factory_image, options.slot_bytes);
    ImageHeader::parse(image).map_err(Error::FactoryImage)?;
    if slot_bytes == 0 || !slot_bytes.is_multiple_of(SECTOR_BYTES) {
        return Err(Error::FactoryImageUnfit("needs slots of whole sectors of 4096 bytes"));
    }
    if image.len() > slot_bytes as usize {
        return Err(Error::FactoryImageUnfit("does not fit the slot"));
    }
    let mut flash = sim::RamFlash::new(slot_bytes, 0);
    let written = flash.flash_image(crate::flash::Slot::A, image);
    let whole = written.and_then(|()| image::whole(&mut flash, crate::flash::Slot::A));
    match whole {
        Ok(Some(digest)) if digest == Digest::of(image) => Ok(digest),
        Ok(Some(_) | None) | Err(_) => {
            Err(Error::FactoryImageUnfit("is not whole by its own hash"))
        }
    }
}

fn factory_order(options: &FleetOptions, root: &Root, image: Digest) -> Result<Order, Error> {
    let Some(manifest) = &options.factory_manifest else {
        return Ok(Order { epoch: root.epoch().0, counter: 0 });
    };
    let envelope = Envelope::open(manifest).map_err(|_| Error::FactoryManifest)?;
    root.verify_role(Role::Release, &envelope).map_err(|_| Error::FactoryManifest)?;
    let manifest = Manifest::decode(envelope.payload()).map_err(|_| Error::FactoryManifest)?;
    if manifest.image != image || manifest.fleet != root.fleet() {
        return Err(Error::FactoryManifest);
    }
    Ok(Order { epoch: manifest.epoch.0, counter: manifest.counter.0 })
}

fn provision_device(
    options: &FleetOptions,
    id: &str,
    digest: Digest,
    order: Order,
) -> Result<(), Error> {
    let directory = options.directory.join(id);
    let mut random = Random::named(options.seed, id);
    let incarnation = random.next();
    let mut flash = FileFlash::open(directory.clone(), options.slot_bytes, random);
    // The boot record is written last, so a folder with one is complete.
    let complete = cell::load::<BootRecord, _>(&mut flash).map_err(|error| broken(id, error))?;
    if complete.is_some() {
        return Ok(());
    }
    fs::create_dir_all(&directory).map_err(Error::file("make", &directory))?;
    let shared = options.directory.join(format!("factory-{digest}.bin"));
    if !shared.exists() {
        fs::write(&shared, &options.factory_image).map_err(Error::file("write", &shared))?;
    }
    let slot = directory.join("slot0.bin");
    if !slot.exists() && fs::hard_link(&shared, &slot).is_err() {
        fs::write(&slot, &options.factory_image).map_err(Error::file("write", &slot))?;
    }
    let factory = Factory { root: &options.root, order, image: digest, incarnation };
    sim::provision(&mut flash, &factory).map_err(|error| broken(id, error))
}

fn config(options: &FleetOptions, id: &str) -> Result<Config, Error> {
    fn name<const N: usize>(
        what: &'static str,
        text: &str,
        check: fn(&str) -> bool,
    ) -> Result<Text<N>, Error> {
        let name = Text::new(text).filter(|_| check(text));
        name.ok_or_else(|| Error::Name { what, text: text.to_owned() })
    }
    let pace = match options.poll {
        Some(poll) => Pace::fast((poll.as_millis() as u64).max(1)),
        None => Pace::default(),
    };
    let header = ImageHeader::parse(&options.factory_image).map_err(Error::FactoryImage)?;
    Ok(Config {
        device: name("a device id", id, is_device_id)?,
        hardware: name("a hardware model", &options.hardware, is_hardware)?,
        product: name("a product", &options.product, is_product)?,
        chip_id: header.chip_id.0,
        pace,
        piece_bytes: PIECE_BYTES,
    })
}

/// Runs a provisioned fleet until `shutdown` becomes true, its sender is gone, or all are dark.
///
/// # Errors
/// [`Error`] if an option cannot be used. A single device that breaks is counted, not an error.
pub async fn run(
    options: FleetOptions,
    shutdown: watch::Receiver<bool>,
) -> Result<FleetSummary, Error> {
    let shared = share(&options, None)?;
    let mut devices = JoinSet::new();
    for id in options.device_ids() {
        devices.spawn(device(&options, &id, &shared, &shutdown)?.live());
    }
    let mut summary = FleetSummary { devices: options.count, ..FleetSummary::default() };
    while let Some(ended) = devices.join_next().await {
        match ended {
            Ok(Ok(Ending::Dark)) => summary.dark += 1,
            Ok(Ok(Ending::Told)) => {}
            Ok(Err(_)) | Err(_) => summary.broken += 1,
        }
    }
    Ok(FleetSummary {
        boots: shared.counters.boots.load(Ordering::Relaxed),
        requests: shared.client.requests(),
        confirmed: shared.counters.confirmed.load(Ordering::Relaxed),
        returned: shared.counters.returned.load(Ordering::Relaxed),
        ..summary
    })
}

/// Runs one provisioned device, whose whole id is `id`, and says why it stopped.
///
/// # Errors
/// [`Error`] if it cannot enroll or its flash fails.
pub async fn run_one(
    options: &FleetOptions,
    id: &str,
    shutdown: watch::Receiver<bool>,
) -> Result<FleetSummary, Error> {
    let shared = share(options, Some(super::device::ENROLL_ATTEMPTS))?;
    let ending = device(options, id, &shared, &shutdown)?.live().await?;
    Ok(FleetSummary {
        devices: 1,
        dark: usize::from(ending == Ending::Dark),
        broken: 0,
        boots: shared.counters.boots.load(Ordering::Relaxed),
        requests: shared.client.requests(),
        confirmed: shared.counters.confirmed.load(Ordering::Relaxed),
        returned: shared.counters.returned.load(Ordering::Relaxed),
    })
}

/// Asks the server once whether it can be believed, so that whoever starts devices is told why
/// they would ask in vain. A server that is away is no error: devices wait for it.
///
/// # Errors
/// [`Error::Trust`], [`Error::Tls`].
pub async fn greet(options: &FleetOptions) -> Result<(), Error> {
    Client::new(options)?.greet().await
}

/// Makes the folder of one device whose whole id is `id`.
///
/// # Errors
/// As [`provision`].
pub fn provision_one(options: &FleetOptions, id: &str) -> Result<(), Error> {
    let root = verify::pinned_root(&options.root).map_err(Error::Root)?;
    let digest = check_factory_image(options)?;
    let order = factory_order(options, &root, digest)?;
    config(options, id)?;
    provision_device(options, id, digest, order)
}

fn share(options: &FleetOptions, enroll_attempts: Option<u32>) -> Result<Arc<Shared>, Error> {
    Ok(Arc::new(Shared {
        client: Client::new(options)?,
        counters: Counters::default(),
        faults: options.faults,
        seed: options.seed,
        enroll_token: options.enroll_token.clone(),
        attributes: options.attributes.clone(),
        enroll_attempts,
    }))
}

fn device(
    options: &FleetOptions,
    id: &str,
    shared: &Arc<Shared>,
    shutdown: &watch::Receiver<bool>,
) -> Result<Device, Error> {
    let directory = options.directory.join(id);
    // A restarted process draws other numbers: nonces must not repeat.
    let lives = sim::boots(&directory).map_err(Error::file("read", &directory))?.len() as u64;
    let mut random = Random::named(options.seed ^ lives.rotate_left(32), id);
    let board = Random::new(random.next());
    Ok(Device {
        config: config(options, id)?,
        flash: FileFlash::open(directory, options.slot_bytes, board),
        shared: Arc::clone(shared),
        random,
        shutdown: shutdown.clone(),
    })
}

/// How many devices have ever booted an image, by their bootloaders' logs.
///
/// # Errors
/// [`Error`] if the folder or a log cannot be read.
pub fn booted(directory: &Path, digest: &Digest) -> Result<usize, Error> {
    let mut count = 0;
    for_each_device(directory, |_, boots| count += usize::from(boots.contains(digest)))?;
    Ok(count)
}

/// What devices booted last, by their bootloaders' logs, and how many.
///
/// # Errors
/// [`Error`] if the folder or a log cannot be read.
pub fn running(directory: &Path) -> Result<BTreeMap<Digest, usize>, Error> {
    let mut images = BTreeMap::new();
    for_each_device(directory, |_, boots| {
        if let Some(last) = boots.last() {
            *images.entry(*last).or_insert(0) += 1;
        }
    })?;
    Ok(images)
}

/// How many devices run an image still: they booted it last and are not dark.
///
/// # Errors
/// [`Error`] if the folder or a log cannot be read.
pub fn left_on(directory: &Path, digest: &Digest) -> Result<usize, Error> {
    let mut count = 0;
    for_each_device(directory, |path, boots| {
        let is_left = boots.last() == Some(digest) && !path.join("dark").exists();
        count += usize::from(is_left);
    })?;
    Ok(count)
}

/// How many devices are dark.
///
/// # Errors
/// [`Error`] if the folder or a log cannot be read.
pub fn dark(directory: &Path) -> Result<usize, Error> {
    let mut count = 0;
    for_each_device(directory, |path, _| count += usize::from(path.join("dark").exists()))?;
    Ok(count)
}

fn for_each_device(directory: &Path, mut look: impl FnMut(&Path, &[Digest])) -> Result<(), Error> {
    let unreadable = |path: &Path| Error::file("read", path);
    for entry in fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        if path.join("boot.bin").exists() {
            let boots = sim::boots(&path).map_err(unreadable(&path))?;
            look(&path, &boots);
        }
    }
    Ok(())
}

pub(super) fn broken(device: &str, reason: impl std::fmt::Display) -> Error {
    Error::Broken { device: device.to_owned(), reason: reason.to_string() }
}
