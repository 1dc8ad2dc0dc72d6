//! Certificates of the listeners: read, judged, shown to peers, and read again when asked to.
//!
//! What the other side will say about the time of a certificate is asked of the library that the
//! other side asks. Invariant: what is shown was whole, with its own key and in time when it was
//! read; a file that is not leaves what is shown as it was. Not here: the making of certificates.

use rollout_core::time::{Span, Timestamp};
use rollout_tls::rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rollout_tls::rustls::pki_types::pem::{self, PemObject as _};
use rollout_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rollout_tls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rollout_tls::rustls::sign::CertifiedKey;
use rollout_tls::rustls::{CertificateError as Judgment, Error as TlsError};
use rollout_tls::rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// A certificate that ends within this is told of at start.
const SOON: Span = Span::hours(24 * 30);

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
            Self::Unfit { .. } => "CF-009",
            Self::Time { .. } => "CF-010",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "look at the path, its permissions and its form, which is PEM",
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
    shown: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads a pair of files, and says in the log if the certificate ends soon.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read(pair: &Pair, now: Timestamp) -> Result<Arc<Self>, CertificateError> {
        let shown = RwLock::new(Arc::new(load(pair, now)?));
        Ok(Arc::new(Self { pair: pair.clone(), shown }))
    }

    /// Reads the files again; what is shown stays if they are not good.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read_again(&self, now: Timestamp) -> Result<(), CertificateError> {
        let fresh = Arc::new(load(&self.pair, now)?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
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
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn load(pair: &Pair, now: Timestamp) -> Result<CertifiedKey, CertificateError> {
    let (cert, key) = (pair.cert.as_path(), pair.key.as_path());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("certificate", cert))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(unreadable("private key", key))?;
    let unfit = |source| CertificateError::Unfit { pair: pair.clone(), source };
    let first = chain.first().cloned().ok_or(pem::Error::NoItemsFound);
    let first = first.map_err(unreadable("certificate", cert))?;
    let loaded = CertifiedKey::from_der(chain, secret, &rollout_tls::provider()).map_err(unfit)?;
    let parsed = ParsedCertificate::try_from(&first).map_err(unfit)?;
    if let Some(why) = out_of_time(&parsed, now) {
        return Err(CertificateError::Time { path: cert.into(), why });
    }
    if let Some(days) = ends_soon(&parsed, now) {
        tracing::warn!(days, "the certificate in {} ends in {days} days", cert.display());
    }
    Ok(loaded)
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

/// How many days are left, if those are few.
#[expect(clippy::wildcard_enum_match_arm, reason = "only time is asked about")]
fn ends_soon(certificate: &ParsedCertificate<'_>, now: Timestamp) -> Option<u64> {
    match judge(certificate, now.after(SOON))? {
        Judgment::ExpiredContext { not_after, .. } => {
            Some(not_after.as_secs().saturating_sub(now.unix_secs()) / 86_400)
        }
        _ => None,
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
