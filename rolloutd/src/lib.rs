//! The daemon: wires store, model and routes together, decides in one queue, shuts down cleanly.
//!
//! [`engine`] is its heart; [`serve`] gives it listeners; [`demo`] shows the whole system in one
//! process. Not here: what is decided, what is stored how, what a body looks like.

pub mod args;
pub mod authority;
pub mod certificates;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod engine;
pub mod executor;
pub mod init;
pub mod kill;
pub mod listener;
pub mod private;
pub mod process;
pub mod serve;
pub mod shutdown;

/// The code of an error, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Stable; see `docs/errors`.
    pub code: &'static str,
    /// What to do.
    pub hint: String,
}

/// The first of an error's causes that has a code.
pub fn told(error: &anyhow::Error) -> Option<Told> {
    macro_rules! first_of {
        ($cause:expr, $($kind:ty),+) => {
            $(if let Some(error) = $cause.downcast_ref::<$kind>() {
                return Some(Told { code: error.code(), hint: error.hint().into() });
            })+
        };
    }
    for cause in error.chain() {
        first_of!(
            cause,
            init::InitError,
            serve::ServeError,
            certificates::CertificateError,
            authority::AuthorityError,
            engine::StartError,
            config::ConfigError,
            rollout_core::port::StoreError,
            rollout_core::port::ImageError,
            rollout_core::fleet::FoldError,
            rollout_core::id::IdError,
            rollout_core::hosting::HostingError
        );
    }
    None
}
