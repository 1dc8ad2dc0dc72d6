//! From settings to a running daemon, and back to nothing without losing what was acknowledged.

use crate::certificates::{CertificateError, Certificates, Pair};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::{Engine, Settings, StartError};
use crate::private::{self, Open};
use crate::{certificates, executor, listener};
use rollout_core::port::{ImageError, StoreError};
use rollout_http::backend::Backend as _;
use rollout_http::meters::Door;
use rollout_http::{DevicePlane, OperatorPlane, Setup};
use rollout_store::{FileImages, Probe, SqliteStore};
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often, and after how long, a folder is asked for that another process has.
const LOCK_TRIES: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// The daemon's engine over the stores it runs with.
pub type Daemon = Engine<SqliteStore, FileImages>;

/// Why the daemon could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder.
    #[error("cannot use folder {path}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others get at it.
    #[error("the data folder {path} {open}")]
    Open {
        /// Which.
        path: PathBuf,
        /// How.
        open: Open,
    },
    /// Another process works on the folder.
    #[error("another process has {path}")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The address.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// What would be shown to peers.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The store.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The images.
    #[error("the image store cannot be used")]
    Images(#[from] ImageError),
    /// The engine.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No entropy.
    #[error("the operating system gives no entropy: {0}")]
    Entropy(getrandom::Error),
    /// A listener ended.
    #[error("a listener ended")]
    Ended(#[source] std::io::Error),
}

impl ServeError {
    /// Stable code; see `docs/errors`. That of the cause, if the cause has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "SV-101",
            Self::Open { .. } => "SV-112",
            Self::InUse { .. } => "SV-107",
            Self::Listen { .. } => "SV-102",
            Self::Certificate(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Images(error) => error.code(),
            Self::Start(error) => error.code(),
            Self::Entropy(_) => "SV-103",
            Self::Ended(_) => "SV-104",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "look at the folder's owner and permissions",
            Self::Open { .. } => "`chmod 700` it: the database holds the key of signed paths",
            Self::InUse { .. } => "end the other one, or give this one a folder of its own",
            Self::Listen { .. } => "end what listens there, or set another address",
            Self::Certificate(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Images(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::Entropy(_) => "let the process reach /dev/urandom",
            Self::Ended(_) => "start the daemon again; nothing acknowledged is lost",
        }
    }
}

/// The database inside a data folder.
pub fn database(data: &Path) -> PathBuf {
    data.join("rollout.db")
}

/// Opens the stores in `data` and starts the engine over them.
///
/// # Errors
/// [`ServeError`].
pub async fn open(
    data: &Path,
    settings: Settings,
    clock: Arc<dyn Clock>,
    probe: impl Probe + 'static,
) -> Result<Daemon, ServeError> {
    private_folder(data)?;
    let lock = lock(data).await?;
    let store = SqliteStore::open_with(database(data), probe)?;
    let images = FileImages::open(data.join("images"))?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(ServeError::Entropy)?;
    let daemon = Engine::start(store, images, clock, settings, seed).await?;
    daemon.hold(lock);
    Ok(daemon)
}

/// Takes the folder for this process, until the file is closed: by a process that ends in
/// whatever way, too. One that is just ending is waited for.
///
/// # Errors
/// [`ServeError::InUse`], [`ServeError::Folder`].
pub async fn lock(data: &Path) -> Result<File, ServeError> {
    let path = data.join("lock");
    let failed = |source| ServeError::Folder { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_WAIT).await,
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    Err(ServeError::InUse { path: data.into() })
}

/// A folder for nobody but its owner: the database holds the key of signed URLs. One that is there
/// must be one.
///
/// # Errors
/// [`ServeError::Folder`], [`ServeError::Open`].
pub fn private_folder(data: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Folder { path: data.into(), source };
    private::make_folder(data).map_err(failed)?;
    match private::folder(&std::fs::metadata(data).map_err(failed)?) {
        Some(open) => Err(ServeError::Open { path: data.into(), open }),
        None => Ok(()),
    }
}

/// A daemon that listens.
pub struct Serving {
    /// Its heart.
    pub daemon: Daemon,
    /// Where operators connect.
    pub operators: SocketAddr,
    /// Where devices connect.
    pub devices: SocketAddr,
    certificates: Vec<(Door, Arc<Certificates>)>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<std::io::Result<()>>>,
}

/// Opens stores and listeners; port 0 takes a free one.
///
/// # Errors
/// [`ServeError`].
pub async fn listen(config: &Config, probe: impl Probe + 'static) -> Result<Serving, ServeError> {
    let [operators_tls, devices_tls] = certificates(config)?;
    for address in config.exposed() {
        tracing::warn!("tokens travel in the clear: {address} is for everybody and plain HTTP");
    }
    let daemon = open(&config.data, config.settings.clone(), Arc::new(SystemClock), probe).await?;
    let (stop, stopped) = watch::channel(false);
    let setup = Setup {
        name: config.name.clone(),
        stopped: Some(stopped.clone()),
        rate: config.rate,
        process: crate::process::this,
        refusals: config.refusals,
        ..Setup::default()
    };
    let door = |door: Door, shown: &Option<Arc<Certificates>>| listener::Door {
        tls: shown.as_ref().map(Certificates::acceptor),
        strangers: config.strangers,
        meters: Arc::clone(daemon.meters().door(door)),
    };
    let plane = OperatorPlane::new(daemon.clone(), setup);
    let shown = door(Door::Operators, &operators_tls);
    let (operators, operator_task) = spawn(config.operators, plane, shown, stopped.clone()).await?;
    let (plane, shown) = (DevicePlane::new(daemon.clone()), door(Door::Devices, &devices_tls));
    let (devices, device_task) = spawn(config.devices, plane, shown, stopped.clone()).await?;
    tokio::spawn(executor::run(daemon.clone(), stopped.clone()));
    let tasks = vec![operator_task, device_task];
    let shown = [(Door::Operators, operators_tls), (Door::Devices, devices_tls)];
    let shown = shown.into_iter().filter_map(|(door, shown)| Some((door, shown?)));
    let certificates: Vec<_> = shown.collect();
    let reminded = certificates.iter().map(|(_, shown)| Arc::clone(shown)).collect();
    tokio::spawn(certificates::remind(reminded, Arc::new(SystemClock), stopped, certificates::log));
    let serving = Serving { daemon, operators, devices, certificates, stop, tasks };
    serving.measure_certificates();
    Ok(serving)
}

/// What operators and devices are shown; nothing where plain HTTP is spoken.
///
/// # Errors
/// [`CertificateError`].
pub fn certificates(config: &Config) -> Result<[Option<Arc<Certificates>>; 2], CertificateError> {
    let now = SystemClock.now();
    let read =
        |pair: &Option<Pair>| pair.as_ref().map(|pair| Certificates::read(pair, now)).transpose();
    Ok([read(&config.operators_tls)?, read(&config.devices_tls)?])
}

async fn spawn(
    address: SocketAddr,
    plane: impl listener::Plane,
    door: listener::Door,
    stopped: watch::Receiver<bool>,
) -> Result<(SocketAddr, JoinHandle<std::io::Result<()>>), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((bound, tokio::spawn(listener::serve(listener, plane, door, stopped))))
}

impl Serving {
    /// Whether anybody is shown a certificate.
    pub fn shows_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Reads all certificates again; connections that are open keep what they were shown.
    pub fn read_certificates_again(&self) {
        let now = SystemClock.now();
        for (_, shown) in &self.certificates {
            let path = shown.path().display();
            match shown.read_again(now) {
                Ok(()) => tracing::info!("read {path} again"),
                Err(error) => {
                    let (code, source) = (error.code(), std::error::Error::source(&error));
                    let why = source.map(ToString::to_string).unwrap_or_default();
                    tracing::error!(code, why, "{path} is not good and stays as it was: {error}");
                }
            }
        }
        self.measure_certificates();
    }

    /// Notes for `/metrics` when what is shown ends.
    fn measure_certificates(&self) {
        for (door, shown) in &self.certificates {
            self.daemon.meters().door(*door).shows_until(shown.ends().unix_secs());
        }
    }

    /// Takes no new requests, answers those that are here, and ends.
    ///
    /// # Errors
    /// [`ServeError::Ended`] if a listener had failed before.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        for task in self.tasks {
            // A panic in a listener was reported where it happened.
            if let Ok(ended) = task.await {
                ended.map_err(ServeError::Ended)?;
            }
        }
        Ok(())
    }
}
