//! What a decision does outside, under keys that make twice the same as once, and rollouts that
//! begin as they are drafted.
//!
//! Not here: who carries it out. Invariant: a decision taken anew after a conflict has the keys it
//! had before.

use crate::id::{Principal, RolloutId};
use crate::journal::{Entry, Outgoing};
use crate::rollout::{Command, Commanded, Effect, Input, Plan, Rollout, Step};
use crate::time::Timestamp;
use alloc::{boxed::Box, format, sync::Arc, vec, vec::Vec};

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

/// A rollout that begins as soon as it is drafted, in the name of `by`.
pub(super) fn drafted_and_started(
    rollout: RolloutId,
    plan: Arc<Plan>,
    by: &Principal,
    now: Timestamp,
) -> (Vec<Entry>, Vec<Outgoing>) {
    let draft = Rollout::draft(rollout, plan.clone(), by.clone(), now);
    let start = Input::Command(Commanded { by: by.clone(), command: Command::Start });
    let mut entries = vec![Entry::Drafted { rollout, plan, by: by.clone() }];
    let mut outbox = Vec::new();
    // A draft can always be started.
    if let Ok(started) = draft.step(&start, now) {
        let state = started.next.state_hash();
        outbox.extend(outgoing(&started));
        entries.push(Entry::Stepped { rollout, input: Box::new(start), state });
    }
    (entries, outbox)
}
