//! A certificate authority of one's own, and a server certificate by it: `rolloutd init --tls`.
//!
//! What is there stays: a second call makes only what is missing, which is also how a certificate
//! is renewed. Invariant: a key is born readable by its owner alone, and nothing is overwritten.
//! Not here: what listeners show; see [`crate::certificates`].

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rollout_core::id::Digest;
use rollout_core::time::Timestamp;
use rollout_tls::rustls::RootCertStore;
use rollout_tls::rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rollout_tls::rustls::pki_types::pem::PemObject as _;
use rollout_tls::rustls::pki_types::{CertificateDer, UnixTime};
use rollout_tls::rustls::server::ParsedCertificate;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Folder of the files, inside that of the settings.
pub const FOLDER: &str = "tls";
/// The files: what devices and operators believe, its key, what the server shows, its key.
pub const CA: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";
/// Names without which nobody on this machine could connect.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY: Duration = Duration::from_secs(86_400);
/// Clocks of devices that have just begun are behind.
const LENIENCE: Duration = DAY;
/// How long the authority is good: as long as devices are out there.
const CA_LIFE: Duration = DAY.saturating_mul(3650);
/// How long a server certificate is good, lenience included.
//= CA/Browser Forum, Baseline Requirements 6.3.2: at most 398 days
const SERVER_LIFE: Duration = DAY.saturating_mul(397);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Half a pair.
    #[error("{} is there and {} is not", there.display(), missing.display())]
    Half {
        /// What there is.
        there: PathBuf,
        /// What there is not.
        missing: PathBuf,
    },
    /// The key of another authority.
    #[error("{} is not the key of {}, or that has ended", key.display(), ca.display())]
    Stranger {
        /// The authority.
        ca: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A name nobody can have, or a key that is none.
    #[error("cannot make a certificate with {}", what)]
    Unfit {
        /// Which name or file.
        what: String,
        /// Why.
        source: rcgen::Error,
    },
}

impl AuthorityError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "SV-108",
            Self::Half { .. } => "SV-109",
            Self::Unfit { .. } => "SV-110",
            Self::Stranger { .. } => "SV-111",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "look at the folder's owner, its permissions and the disk",
            Self::Half { .. } => "bring the other half back, or move this one away as well",
            Self::Stranger { .. } => "bring the key that was made with this CA",
            Self::Unfit { .. } => "use names and addresses, and the key that was made here",
        }
    }
}

/// What there is in the end, and what of it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// Where.
    pub folder: PathBuf,
    /// Names the server certificate was made for; none if it was there.
    pub names: Vec<String>,
    /// Whether the authority was made.
    pub is_ca_new: bool,
}

/// Makes what is missing of an authority and a server certificate in `folder`.
///
/// # Errors
/// [`AuthorityError`].
pub fn ensure(
    folder: &Path,
    more: &[String],
    host: Option<&str>,
    now: Timestamp,
) -> Result<Papers, AuthorityError> {
    let failed = |source| AuthorityError::File { action: "make", path: folder.into(), source };
    crate::private::make_folder(folder).map_err(failed)?;
    let at = |name: &str| folder.join(name);
    let [ca, ca_key, server, server_key] = [CA, CA_KEY, SERVER, SERVER_KEY].map(at);
    let mut papers = Papers { folder: folder.into(), names: Vec::new(), is_ca_new: false };
    if both(&server, &server_key)? {
        // Nothing is to be signed: the authority's key may be elsewhere, where it is safe.
        return Ok(papers);
    }
    if !both(&ca, &ca_key)? {
        papers.is_ca_new = true;
        let key = new_key()?;
        write(&ca_key, &key.serialize_pem(), 0o600)?;
        let made = authority(&key, now).and_then(|params| params.self_signed(&key));
        write(&ca, &made.map_err(|source| unfit("the new CA", source))?.pem(), 0o644)?;
    }
    let text = fs::read_to_string(&ca_key);
    let unread = |source| AuthorityError::File { action: "read", path: ca_key.clone(), source };
    let signs = |source| unfit(ca_key.display(), source);
    let signer = KeyPair::from_pem(&text.map_err(unread)?).map_err(signs)?;
    let issuer = Issuer::new(authority(&signer, now).map_err(signs)?, signer);
    papers.names = names(more, host);
    let key = new_key()?;
    let made = leaf(&papers.names, now).and_then(|params| params.signed_by(&key, &issuer));
    let made = made.map_err(|source| unfit(papers.names.join(", "), source))?;
    if !vouches(&ca, made.der(), now) {
        return Err(AuthorityError::Stranger { ca, key: ca_key });
    }
    write(&server_key, &key.serialize_pem(), 0o600)?;
    write(&server, &made.pem(), 0o644)?;
    Ok(papers)
}

/// Whether both files are there.
fn both(one: &Path, other: &Path) -> Result<bool, AuthorityError> {
    let half = |there: &Path, missing: &Path| {
        Err(AuthorityError::Half { there: there.into(), missing: missing.into() })
    };
    match (one.exists(), other.exists()) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) => half(one, other),
        (false, true) => half(other, one),
    }
}

/// Whether those who believe the file `ca` will believe a certificate.
fn vouches(ca: &Path, certificate: &CertificateDer<'_>, now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::from_pem_file(ca));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unix_secs()));
    let algorithms = rollout_tls::provider().signature_verification_algorithms;
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|leaf| verify(&leaf, &roots, &[], now, algorithms.all).is_ok())
}

fn unfit(what: impl ToString, source: rcgen::Error) -> AuthorityError {
    AuthorityError::Unfit { what: what.to_string(), source }
}

fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate().map_err(|source| unfit("a new key", source))
}

/// What an authority says of itself: all but its dates follow from its key, so that a certificate
/// can be signed with the key alone.
fn authority(key: &KeyPair, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    let print = Digest::of(key.public_key_raw()).to_string();
    let name = print.get(..8).unwrap_or_default();
    params.distinguished_name.push(DnType::CommonName, format!("rollout CA {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    live(&mut params, now, CA_LIFE);
    Ok(params)
}

fn leaf(names: &[String], now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "rolloutd");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    live(&mut params, now, SERVER_LIFE);
    Ok(params)
}

fn live(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let now = Duration::from_secs(now.unix_secs());
    let begins = rcgen::date_time_ymd(1970, 1, 1) + now.saturating_sub(LENIENCE);
    (params.not_before, params.not_after) = (begins, begins + life);
}

/// Whom the certificate is for: those that were named first, and always this machine.
fn names(more: &[String], host: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let own = OWN.into_iter().chain(host).map(String::from);
    for name in more.iter().cloned().chain(own) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// This machine's name, if it is one that can stand in a certificate.
pub fn host() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?.to_ascii_lowercase();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name.len() <= 253 && name.chars().all(is_plain)).then_some(name)
}

/// A file that was not there, whole, with its mode from its first moment on.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |source| AuthorityError::File { action: "write", path: path.into(), source };
    // Made under another name, so that half a file never has this one.
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // A link is refused where there is something, as a renaming is not.
    let linked = written.and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh).map_err(failed)?;
    linked.map_err(failed)
}
