//! What a decision does outside, under keys that make twice the same as once.
//!
//! Not here: who carries it out. Invariant: a decision taken anew after a conflict has the keys it
//! had before.

use crate::journal::Outgoing;
use crate::rollout::{Effect, Step};
use alloc::format;

/// Effects under keys that are the same however often the decision is taken.
pub(super) fn outgoing(step: &Step) -> impl Iterator<Item = Outgoing> + '_ {
    step.effects.iter().map(|effect| {
        let (id, epoch, name) = (step.next.id, step.next.epoch.0, effect.name());
        let key = match effect {
            Effect::RungOpened(rung) | Effect::PassedOver(rung) => {
                format!("{id}/{epoch}/{name}/{}", rung.0)
            }
            Effect::Paused
            | Effect::Resumed
            | Effect::Overdue
            | Effect::Edited
            | Effect::EvidenceAnew => {
                format!("{id}/{epoch}/{name}/{}", step.next.generation)
            }
            Effect::Proven | Effect::Halted | Effect::Completed | Effect::Canceled => {
                format!("{id}/{epoch}/{name}")
            }
        };
        Outgoing { key, kind: name.into(), rollout: id }
    })
}
