//! What is rolled out: releases of a product, one signed artifact per hardware model and component.
//!
//! Invariant: everything here was read from manifests that the release keys signed; nothing was
//! typed in by hand. Not here: who gets it, and when.

mod artifact;
mod lifecycle;
mod marks;

pub use artifact::{Artifact, ComponentId};
pub use lifecycle::{Lifecycle, Release, ReleaseId, Target, WayBack};
pub use marks::Marks;
