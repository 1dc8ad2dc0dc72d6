//! `agent.log`: what a device did, one JSON object a line, for tests to hold a server against.
//!
//! Appended to and never read by the agent. Invariant: a line is written before the agent acts on
//! what it says. Not here: boots as the bootloader saw them; those are in `boots.log`.

use super::Error;
use super::sim::{self, Boot};
use crate::agent::Agent;
use crate::boot::State;
use crate::confirm::Start;
use crate::health::ResetCause;
use crate::outbox::Entry;
use rollout_core::wire::{Begin, Event, Reason, ReportsAnswer};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The log of one device.
pub(super) struct Log {
    path: PathBuf,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Line<'a> {
    Boot {
        digest: String,
        slot: usize,
        state: &'a str,
        cause: &'a str,
    },
    Permit {
        rollout: &'a str,
        attempt: u32,
        digest: String,
    },
    Acknowledged {
        incarnation: u64,
        sequence: u64,
        rollout: &'a str,
        attempt: u32,
        event: Event,
        reason: Option<Reason>,
    },
    Returned {
        rollout: &'a str,
        attempt: u32,
        reason: Reason,
    },
    Dark {
        digest: String,
    },
    Declined {
        request: &'a str,
        status: u16,
        body: &'a str,
    },
}

impl Log {
    pub(super) fn new(directory: &Path) -> Self {
        Self { path: directory.join("agent.log") }
    }

    pub(super) fn boot(&self, boot: &Boot, cause: ResetCause) -> Result<(), Error> {
        let state = match boot.state {
            State::New => "new",
            State::PendingVerify => "pending_verify",
            State::Valid => "valid",
        };
        let (digest, slot, cause) = (boot.digest.to_string(), boot.slot.index(), sim::name(cause));
        self.write(&[Line::Boot { digest, slot, state, cause }])
    }

    /// What the start of an agent meant, if it meant a return.
    pub(super) fn returned(&self, agent: &Agent) -> Result<(), Error> {
        let Start::Returned { reason, .. } = agent.start_meant() else { return Ok(()) };
        let Some(report) = agent.record().outbox.iter().last() else { return Ok(()) };
        let Entry { identity, .. } = report;
        let (rollout, attempt) = (identity.rollout.as_str(), identity.attempt);
        self.write(&[Line::Returned { rollout, attempt, reason }])
    }

    pub(super) fn permit(&self, begin: &Begin<'_>) -> Result<(), Error> {
        let digest = begin.digest.to_string();
        self.write(&[Line::Permit { rollout: begin.rollout, attempt: begin.attempt, digest }])
    }

    /// What of a batch the server has acknowledged.
    pub(super) fn acknowledged(&self, agent: &Agent, answer: ReportsAnswer) -> Result<(), Error> {
        let batch = agent.reports();
        let lines: Vec<Line<'_>> = batch
            .reports
            .iter()
            .filter(|entry| entry.sequence <= answer.acknowledged)
            .map(|entry| Line::Acknowledged {
                incarnation: batch.incarnation,
                sequence: entry.sequence,
                rollout: entry.identity.rollout.as_str(),
                attempt: entry.identity.attempt,
                event: entry.event,
                reason: entry.reason,
            })
            .collect();
        self.write(&lines)
    }

    pub(super) fn dark(&self, boot: &Boot) -> Result<(), Error> {
        self.write(&[Line::Dark { digest: boot.digest.to_string() }])
    }

    pub(super) fn declined(&self, request: &str, status: u16, body: &[u8]) -> Result<(), Error> {
        let body = String::from_utf8_lossy(&body[..body.len().min(512)]);
        self.write(&[Line::Declined { request, status, body: &body }])
    }

    fn write(&self, lines: &[Line<'_>]) -> Result<(), Error> {
        let mut text = Vec::new();
        for line in lines {
            // Plain structures with text keys: they always serialize.
            if serde_json::to_writer(&mut text, line).is_ok() {
                text.push(b'\n');
            }
        }
        sim::append(&self.path, &text).map_err(Error::file("append to", &self.path))
    }
}
