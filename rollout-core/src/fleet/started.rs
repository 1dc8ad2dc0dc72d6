//! What starts a rollout, or opens a rung, knows whom that takes the way back from.
//!
//! Invariant: a command that may open a rung is journalled with what it was told about that.

use super::effects::outgoing;
use super::{Fleet, Running};
use crate::id::{Principal, RolloutId};
use crate::journal::{Entry, Outgoing};
use crate::rollout::{Command, Commanded, Input, Losses, Plan, Rollout};
use crate::time::Timestamp;
use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

impl Fleet {
    /// A command with what it has to know.
    pub(super) fn informed(
        &self,
        running: &Running,
        commanded: &Commanded,
        now: Timestamp,
    ) -> Input {
        let losses = match &commanded.command {
            Command::Edit { plan, .. } => self.losses_if(running, plan, now),
            Command::Start
            | Command::Resume
            | Command::Advance
            | Command::Approve { .. }
            | Command::ApproveNoReturn { .. } => self.losses(running, now),
            Command::Pause { .. } | Command::Halt { .. } | Command::Cancel => Losses::default(),
        };
        match losses.is_empty() {
            true => Input::Command(commanded.clone()),
            false => Input::Informed(commanded.clone(), losses),
        }
    }

    /// A rollout that begins as soon as it is drafted, in the name of `by`.
    pub(super) fn drafted_and_started(
        &self,
        rollout: RolloutId,
        plan: Plan,
        by: &Principal,
        now: Timestamp,
    ) -> (Vec<Entry>, Vec<Outgoing>) {
        let plan = Arc::new(plan);
        let draft = Running::new(Rollout::draft(rollout, plan.clone(), by.clone(), now));
        let start = Commanded { by: by.clone(), command: Command::Start };
        let start = self.informed(&draft, &start, now);
        let mut entries = vec![Entry::Drafted { rollout, plan, by: by.clone() }];
        let mut outbox = Vec::new();
        // A draft can always be started.
        if let Ok(started) = draft.rollout.step(&start, now) {
            let state = started.next.state_hash();
            outbox.extend(outgoing(&started));
            entries.push(Entry::Stepped { rollout, input: Box::new(start), state });
        }
        (entries, outbox)
    }
}
