//! The device's half of firmware rollouts: a state machine without I/O.
//!
//! Answers, bytes and the time go in; what to send, where to jump and how long to wait come out
//! ([`agent::Agent`]). Flash, fuses and entropy are a trait ([`flash::Board`]); the network, the
//! clock and the reset line belong to the caller. No allocator: every buffer has a bound.
//!
//! Deliberately not here: sockets, JSON, tokens, drivers. The feature `host` adds a program for
//! workstations with simulated flash and HTTP; boards live in a workspace of their own.
//!
//! Invariants: the boot slot changes only through [`session::Session::activate`], which exists
//! for verified images alone; a report leaves the outbox only after its acknowledgement; a power
//! cut at any flash operation leaves a device that boots and continues.
#![cfg_attr(not(any(feature = "host", test)), no_std)]

pub mod agent;
pub mod attributes;
pub mod backoff;
mod base64;
pub mod boot;
pub mod cell;
pub mod confirm;
pub mod download;
pub mod flash;
pub mod health;
pub mod outbox;
pub mod record;
pub mod session;
pub mod text;
pub mod verify;

#[cfg(feature = "host")]
pub mod host;
