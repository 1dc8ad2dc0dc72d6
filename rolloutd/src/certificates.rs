//! Certificates of the listeners: read, judged, shown to peers, and read again when asked to.
//!
//! What the other side will say about the time of a certificate is asked of the library that the
//! other side asks. Invariant: what is shown was whole, with its own key and in time when it was
//! read; a file that is not leaves what is shown as it was; a key that others get at is not used.
//! Not here: the making of certificates.

use crate::clock::Clock;
use crate::private::{self, Open};
use rollout_core::time::{Span, Timestamp};
use rollout_tls::rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rollout_tls::rustls::pki_types::pem::{self, PemObject as _};
use rollout_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rollout_tls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rollout_tls::rustls::sign::CertifiedKey;
use rollout_tls::rustls::{CertificateError as Judgment, Error as TlsError};
use rollout_tls::rustls::{RootCertStore, ServerConfig};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_rustls::TlsAcceptor;

/// A certificate that ends within this is told of at start, and every day.
const SOON: Span = Span::hours(24 * 30);
const DAY: Duration = Duration::from_secs(86_400);

/// The files of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and those that vouch for it.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file.
    #[error("cannot read the {what} in {}", path.display())]
    Read {
        /// Certificate, or private key.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A key that is no secret.
    #[error("the private key in {} {open}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// How.
        open: Open,
    },
    /// A certificate that is none, or with a key that is not its own.
    #[error("{} and {} do not belong together", pair.cert.display(), pair.key.display())]
    Unfit {
        /// Which.
        pair: Pair,
        /// Why.
        source: TlsError,
    },
    /// Its time is over, or has not come.
    #[error("the certificate in {} {why}", path.display())]
    Time {
        /// Which.
        path: PathBuf,
        /// When it was, or will be.
        why: String,
    },
}

impl CertificateError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "CF-008",
            Self::Open { .. } => "CF-011",
            Self::Unfit { .. } => "CF-009",
            Self::Time { .. } => "CF-010",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "look at the path, its permissions and its form, which is PEM",
            Self::Open { .. } => {
                "`chmod 600` it, and renew it if others may have read it; one of root's may be 640"
            }
            Self::Unfit { .. } => "give the key the certificate was made for, the server's first",
            Self::Time { .. } => {
                "renew it: move it and its key away, then `rolloutd init --tls`; look at the clock"
            }
        }
    }
}

/// What a listener shows to its peers.
#[derive(Debug)]
pub struct Certificates {
    pair: Pair,
    shown: RwLock<Shown>,
}

/// A certificate with its key, and when it ends, or the first of those that vouch for it.
#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    ends: Timestamp,
}

impl Certificates {
    /// Reads a pair of files, and says in the log if the certificate ends soon.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read(pair: &Pair, now: Timestamp) -> Result<Arc<Self>, CertificateError> {
        let certificates = Self { pair: pair.clone(), shown: RwLock::new(load(pair, now)?) };
        certificates.remind(now, &log);
        Ok(Arc::new(certificates))
    }

    /// Reads the files again; what is shown stays if they are not good.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read_again(&self, now: Timestamp) -> Result<(), CertificateError> {
        let fresh = load(&self.pair, now)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.remind(now, &log);
        Ok(())
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the certificate ends that is shown.
    pub fn ends(&self) -> Timestamp {
        self.shown().ends
    }

    /// Tells that the certificate ends soon, or has ended, if that is so.
    fn remind(&self, now: Timestamp, tell: &impl Fn(&Path, String)) {
        let days = |from: Timestamp, to: Timestamp| (to.unix_secs() - from.unix_secs()) / 86_400;
        let ends = self.ends();
        if ends <= now {
            let ago = days(ends, now);
            tell(self.path(), format!("has ended {ago} days ago, and no client believes it"));
        } else if ends <= now.after(SOON) {
            tell(self.path(), format!("ends in {} days", days(now, ends)));
        }
    }

    /// Where its certificate is.
    pub fn path(&self) -> &Path {
        &self.pair.cert
    }

    /// Agrees with peers on TLS and shows them what there is.
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let builder = ServerConfig::builder_with_provider(rollout_tls::provider());
        let Ok(builder) = builder.with_protocol_versions(rollout_tls::VERSIONS) else {
            unreachable!("ring has suites of both versions");
        };
        let shown: Arc<Self> = Arc::clone(self);
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![rollout_tls::INSIDE.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown().key)
    }
}

/// Says in the log what is the matter with a certificate.
pub fn log(certificate: &Path, what: String) {
    tracing::warn!("the certificate in {} {what}", certificate.display());
}

/// Tells every day of certificates that end soon, until all is to end. What is so at the start was
/// told when they were read.
pub async fn remind(
    certificates: Vec<Arc<Certificates>>,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
    tell: impl Fn(&Path, String),
) {
    let mut days = interval_at(Instant::now() + DAY, DAY);
    days.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = days.tick() => {
                certificates.iter().for_each(|shown| shown.remind(clock.now(), &tell));
            }
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

fn load(pair: &Pair, now: Timestamp) -> Result<Shown, CertificateError> {
    let (cert, key) = (pair.cert.as_path(), pair.key.as_path());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("certificate", cert))?;
    let unfit = |source| CertificateError::Unfit { pair: pair.clone(), source };
    let first = chain.first().cloned().ok_or(pem::Error::NoItemsFound);
    let first = first.map_err(unreadable("certificate", cert))?;
    let secret = secret(key)?;
    let ends = chain.iter().filter_map(|one| ParsedCertificate::try_from(one).ok());
    let ends = ends.map(|one| end(&one)).min().unwrap_or(Timestamp(u64::MAX));
    let loaded = CertifiedKey::from_der(chain, secret, &rollout_tls::provider()).map_err(unfit)?;
    let parsed = ParsedCertificate::try_from(&first).map_err(unfit)?;
    if let Some(why) = out_of_time(&parsed, now) {
        return Err(CertificateError::Time { path: cert.into(), why });
    }
    Ok(Shown { key: Arc::new(loaded), ends })
}

/// The private key in a file that is a secret.
fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let unread = |source| unreadable("private key", path)(pem::Error::Io(source));
    // Looked at and read by one handle: nobody puts another file there in between.
    let mut file = File::open(path).map_err(unread)?;
    if let Some(open) = private::key(&file.metadata().map_err(unread)?) {
        return Err(CertificateError::Open { path: path.into(), open });
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(unread)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(unreadable("private key", path))
}

fn unreadable(what: &'static str, path: &Path) -> impl Fn(pem::Error) -> CertificateError {
    move |source| CertificateError::Read { what, path: path.into(), source }
}

/// What is wrong with the time of a certificate, in words; nothing else of it is looked at.
#[expect(clippy::wildcard_enum_match_arm, reason = "only time is asked about")]
fn out_of_time(certificate: &ParsedCertificate<'_>, now: Timestamp) -> Option<String> {
    let days = |from: UnixTime, to: UnixTime| to.as_secs().saturating_sub(from.as_secs()) / 86_400;
    match judge(certificate, now)? {
        Judgment::ExpiredContext { time, not_after } => {
            Some(format!("has ended {} days ago", days(not_after, time)))
        }
        Judgment::NotValidYetContext { time, not_before } => {
            Some(format!("begins in {} days", days(time, not_before)))
        }
        Judgment::Expired => Some("has ended".into()),
        Judgment::NotValidYet => Some("has not begun".into()),
        _ => None,
    }
}

/// When a certificate ends: what is said of it at the end of time.
fn end(certificate: &ParsedCertificate<'_>) -> Timestamp {
    match judge(certificate, Timestamp(u64::MAX)) {
        Some(Judgment::ExpiredContext { not_after, .. }) => Timestamp(not_after.as_secs() * 1000),
        _ => Timestamp(u64::MAX),
    }
}

/// What a peer that believes nobody says first. Time is looked at before anything else.
fn judge(certificate: &ParsedCertificate<'_>, now: Timestamp) -> Option<Judgment> {
    let algorithms = rollout_tls::provider().signature_verification_algorithms;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unix_secs()));
    match verify(certificate, &RootCertStore::empty(), &[], now, algorithms.all) {
        Err(TlsError::InvalidCertificate(judgment)) => Some(judgment),
        Err(_) | Ok(()) => None,
    }
}
