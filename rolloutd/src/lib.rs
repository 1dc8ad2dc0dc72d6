//! The daemon: wires store, model and routes together, decides in one queue, shuts down cleanly.
//!
//! [`engine`] is its heart; [`serve`] gives it listeners; [`demo`] shows the whole system in one
//! process. Not here: what is decided, what is stored how, what a body looks like.

pub mod args;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod engine;
pub mod executor;
pub mod init;
pub mod kill;
pub mod listener;
pub mod serve;
pub mod shutdown;

/// What to do about an error of this crate, if it knows.
pub fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<config::ConfigError>() {
        return Some(error.hint());
    }
    let store = |error: &(dyn std::error::Error + 'static)| {
        error.downcast_ref::<rollout_core::port::StoreError>().map(|error| error.hint())
    };
    error.chain().find_map(store)
}
