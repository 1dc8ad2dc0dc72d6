//! HTTP.
pub mod backend;
