//! The agent as a program on a workstation: simulated flash, HTTP, one device or thousands.
//!
//! For demonstrations, world tests and load; everything that decides is in the library above.
//! Invariant: evidence of what booted is written by the simulated bootloader, never by the agent.
//! Not here: a real board's drivers.

mod client;
mod device;
pub mod fleet;
pub mod image;
mod log;
pub mod sim;

use rollout_core::image::ImageError;
use rollout_core::trust::RootError;
use rollout_tls::{Fault, TrustError};
use std::path::{Path, PathBuf};

/// Why the host program could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The root document was refused.
    #[error("the root document cannot be pinned")]
    Root(#[source] RootError),
    /// The factory image is none.
    #[error("the factory image is no app image")]
    FactoryImage(#[source] ImageError),
    /// The factory image is damaged or does not fit.
    #[error("the factory image {0}")]
    FactoryImageUnfit(&'static str),
    /// The factory manifest was refused.
    #[error("the factory manifest is not one of this root's release keys for the factory image")]
    FactoryManifest,
    /// A name is longer or of another form than it may be.
    #[error("`{text}` cannot be used as {what}")]
    Name {
        /// What it should be.
        what: &'static str,
        /// What was given.
        text: String,
    },
    /// Devices have no token and no means to get one.
    #[error("device {device} has no token yet and no enrollment token was given")]
    NotEnrolled {
        /// The device.
        device: String,
    },
    /// The HTTP client could not be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The server did not answer within the time to enroll.
    #[error("no answer from {server}")]
    Unreachable {
        /// The server.
        server: String,
    },
    /// Somebody is there, but not by TLS, or nobody that devices believe.
    #[error("cannot speak to {server}: {fault}")]
    Tls {
        /// The server.
        server: String,
        /// Why.
        fault: Fault,
    },
    /// Nobody could be believed.
    #[error("no server can be believed")]
    Trust(#[source] TrustError),
    /// The server refused to enroll the device.
    #[error("the server refused to enroll {device}: {detail}")]
    EnrollmentRefused {
        /// The device.
        device: String,
        /// What the server said.
        detail: String,
    },
    /// A device's flash holds no usable record.
    #[error("device {device} cannot start: {reason}")]
    Broken {
        /// The device.
        device: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "FA-001",
            Self::Root(_) => "FA-002",
            Self::FactoryImage(_) | Self::FactoryImageUnfit(_) => "FA-003",
            Self::FactoryManifest => "FA-004",
            Self::Name { .. } => "FA-005",
            Self::NotEnrolled { .. } => "FA-006",
            Self::Client(_) => "FA-007",
            Self::Unreachable { .. } => "FA-008",
            Self::Tls { fault, .. } => fault.code(),
            Self::Trust(error) => error.code(),
            Self::EnrollmentRefused { .. } => "FA-009",
            Self::Broken { .. } => "FA-010",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "check the path, its permissions and the free space",
            Self::Root(_) => "give the envelope that `rollout root new` wrote",
            Self::FactoryImage(_) | Self::FactoryImageUnfit(_) => {
                "give an app image, such as `firmware-agent image` writes"
            }
            Self::FactoryManifest => "give the manifest that was published for this image",
            Self::Name { .. } => "use a shorter name of letters, digits, `.`, `_`, `:` and `-`",
            Self::NotEnrolled { .. } => {
                "give --enroll-token, made with `rollout device enroll-token`"
            }
            Self::Client(_) => "report this as a bug",
            Self::Unreachable { .. } => "check the URL and that the server runs",
            Self::Tls { fault, .. } => fault.hint(),
            Self::Trust(error) => error.hint(),
            Self::EnrollmentRefused { .. } => "make a new enrollment token for this model",
            Self::Broken { .. } => "remove the device's folder and provision it again",
        }
    }

    /// Exit code of a program that ends with it: 1 refused, 2 usage, 3 unreachable, 4 bug.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tls { fault, .. } if fault.is_of_address() => 2,
            Self::File { .. }
            | Self::EnrollmentRefused { .. }
            | Self::Broken { .. }
            | Self::Tls { .. } => 1,
            Self::Root(_)
            | Self::FactoryImage(_)
            | Self::FactoryImageUnfit(_)
            | Self::FactoryManifest
            | Self::Name { .. }
            | Self::NotEnrolled { .. }
            | Self::Trust(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::Client(_) => 4,
        }
    }

    fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }
}
