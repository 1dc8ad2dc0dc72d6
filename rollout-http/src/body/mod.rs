//! Bodies, by version of the API. A version, once released, only gains optional fields.
//!
//! Not here: documents of the device plane, which are the core's `wire`. Invariant: requests refuse
//! fields they do not know, so nothing that was asked for is silently ignored.

pub mod v1;
