//! The plan of a rollout is changed: what it names must be there, and the gates are asked first.
//!
//! Not here: what may change; see [`Rollout::edit_to`]. Invariant: what was told beforehand is what
//! is done.
//!
//! [`Rollout::edit_to`]: crate::rollout::Rollout::edit_to

use super::{Fleet, RegistryError, Running};
use crate::gate;
use crate::id::RolloutId;
use crate::rollout::{Command, Commanded, Edit, Ladder, Plan, Refusal};

impl Fleet {
    /// What changing a rollout's plan would do. Without effect.
    ///
    /// # Errors
    /// [`RegistryError`]: no such rollout or cohort, or its refusal.
    pub fn edit_of(&self, rollout: RolloutId, plan: &Plan) -> Result<Edit, RegistryError> {
        let running = self.rollouts.get(&rollout);
        let running = running.ok_or_else(|| RegistryError::unknown("rollout", rollout))?;
        self.edit_in(running, plan)
    }

    fn edit_in(&self, running: &Running, plan: &Plan) -> Result<Edit, RegistryError> {
        self.knows_cohorts(&plan.ladder)?;
        let rollout = &running.rollout;
        // A report that came just before must not be judged by limits that came after it.
        let said = rollout.evaluate(&self.observation(running));
        if matches!(said.verdict, gate::Verdict::Abort(_)) && rollout.has_begun() {
            return Err(Refusal::EditHalted.into());
        }
        Ok(rollout.edit_to(plan)?)
    }

    /// A command as it is journalled: a change of the plan says what it does.
    pub(super) fn with_words(
        &self,
        running: &Running,
        commanded: &Commanded,
    ) -> Result<Commanded, RegistryError> {
        let Command::Edit { plan, .. } = &commanded.command else { return Ok(commanded.clone()) };
        let says = self.edit_in(running, plan)?.says();
        let command = Command::Edit { plan: plan.clone(), says };
        Ok(Commanded { by: commanded.by.clone(), command })
    }

    /// Whether the cohorts that a ladder names are there.
    pub(super) fn knows_cohorts(&self, ladder: &Ladder) -> Result<(), RegistryError> {
        match ladder.cohorts_open_at(ladder.last()).find(|name| !self.cohorts.contains_key(*name)) {
            Some(name) => Err(RegistryError::unknown("cohort", name)),
            None => Ok(()),
        }
    }
}
