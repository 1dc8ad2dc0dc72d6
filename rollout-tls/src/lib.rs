//! One TLS stack for all programs: who is believed at the other end, and why not.
//!
//! rustls over ring, TLS 1.2 and 1.3, HTTP/1.1 inside. Invariant: where a CA is named, nobody else
//! is believed. Not here: listeners, and the making of certificates.

mod fault;

pub use fault::Fault;
pub use rustls;

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is spoken inside.
//= RFC 7301 §6: the protocol identifier of HTTP/1.1
pub const INSIDE: &[u8] = b"http/1.1";
/// What is spoken around it.
pub static VERSIONS: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file of the CA.
    #[error("cannot read the CA in `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No certificate in it, or none that can be believed.
    #[error("`{}` holds no certificate of a CA", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// This machine has no roots.
    #[error("this machine has no certificates of public CAs")]
    Machine(#[source] rustls::Error),
}

impl TrustError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "TL-001",
            Self::Empty { .. } => "TL-002",
            Self::Machine(_) => "TL-003",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "look at the path, its permissions and its form, which is PEM",
            Self::Empty { .. } => "give the file `ca.pem` that `rolloutd init --tls` has made",
            Self::Machine(_) => "name the server's CA with `--ca`, or install `ca-certificates`",
        }
    }
}

/// How all programs reckon.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whom a client of `server` believes: the CAs of a file and nobody else, or those of this machine.
///
/// # Errors
/// [`TrustError`]. Without a file, roots are looked for only if `server` begins with `https:`.
pub fn client(server: &str, ca: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let builder = ClientConfig::builder_with_provider(provider());
    let Ok(builder) = builder.with_protocol_versions(VERSIONS) else {
        unreachable!("ring has suites of both versions");
    };
    let scheme = server.get(..6).unwrap_or_default();
    let believes: ConfigBuilder<ClientConfig, WantsClientCert> = match ca {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None if scheme.eq_ignore_ascii_case("https:") => {
            builder.with_platform_verifier().map_err(TrustError::Machine)?
        }
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    let mut config = believes.with_no_client_auth();
    config.alpn_protocols = vec![INSIDE.to_vec()];
    Ok(config)
}

fn roots(path: &Path) -> Result<RootCertStore, TrustError> {
    let unreadable = |source| TrustError::Read { path: path.into(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        if roots.add(certificate).is_err() {
            return Err(TrustError::Empty { path: path.into() });
        }
    }
    if roots.is_empty() { Err(TrustError::Empty { path: path.into() }) } else { Ok(roots) }
}
