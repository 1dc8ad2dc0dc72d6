//! Channels of a product, and what carries a release from one to the next.
//!
//! Invariants: a release is promoted to a channel only after it has passed the channel before, and
//! never to one in which everybody is such as cannot take it; the answer says what stands in its
//! way; promoting twice is promoting once. Not here: how a template reads; the API makes the plan.

use super::{Barred, Fleet, Registered, RegistryError, Running};
use crate::id::{ChannelId, Principal, ProductId, RolloutId};
use crate::journal::{ChannelRecord, Entry, Seq, Stored};
use crate::limits::TEMPLATE_BYTES;
use crate::release::{Lifecycle, ReleaseId, Target};
use crate::rollout::{Phase, Plan, Rollout};
use crate::time::Timestamp;
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};

/// A channel as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What it does.
    pub record: ChannelRecord,
    /// The entry that set it.
    pub revision: Seq,
}

/// How a release stands in a channel: by the last rollout that carried it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It was never promoted there.
    Never,
    /// Neither completed nor proven.
    Running {
        /// The rollout.
        rollout: RolloutId,
        /// Where it stands.
        phase: &'static str,
    },
    /// Completed, or proven and not stopped since.
    Passed {
        /// The rollout.
        rollout: RolloutId,
    },
    /// Stopped by its gates or by somebody.
    Halted {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        cause: String,
    },
    /// Canceled, or taken back.
    Ended {
        /// The rollout.
        rollout: RolloutId,
        /// How: `canceled by ann`, `taken back by rollout …`.
        how: String,
    },
}

impl Passed {
    /// Its name in APIs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Running { .. } => "running",
            Self::Passed { .. } => "passed",
            Self::Halted { .. } => "halted",
            Self::Ended { .. } => "ended",
        }
    }

    /// The rollout that it is told of.
    pub const fn rollout(&self) -> Option<RolloutId> {
        match self {
            Self::Never => None,
            Self::Running { rollout, .. }
            | Self::Passed { rollout }
            | Self::Halted { rollout, .. }
            | Self::Ended { rollout, .. } => Some(*rollout),
        }
    }
}

/// A promotion that may be written, or is there already.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// The rollout that carries it out.
    pub rollout: RolloutId,
    /// What to write; nothing if the release was promoted before.
    pub registered: Registered,
    /// How the release stands in the channel. One that was halted there is not started again.
    pub stands: Passed,
}

/// Why a release is not promoted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// No such channel.
    #[error("product {product} has no channel `{channel}`")]
    NoChannel {
        /// Of which product.
        product: String,
        /// Which.
        channel: String,
    },
    /// The release may not be rolled out.
    #[error("{release} is {state}")]
    Release {
        /// Which.
        release: String,
        /// What it is.
        state: &'static str,
    },
    /// It skipped a channel.
    #[error("{release} has not passed {before}: it was never promoted there")]
    Never {
        /// The release.
        release: String,
        /// The channel before.
        before: String,
    },
    /// The channel before is not done with it.
    #[error(
        "{release} has not passed {before}: \
         rollout {rollout} is {phase}, neither completed nor proven"
    )]
    Running {
        /// The release.
        release: String,
        /// The channel before.
        before: String,
        /// The rollout there.
        rollout: RolloutId,
        /// Where it stands.
        phase: &'static str,
    },
    /// It was stopped in the channel before.
    #[error("{release} has not passed {before}: rollout {rollout} was halted: {cause}")]
    Halted {
        /// The release.
        release: String,
        /// The channel before.
        before: String,
        /// The rollout there.
        rollout: RolloutId,
        /// Why.
        cause: String,
    },
    /// It was canceled or taken back in the channel before.
    #[error("{release} has not passed {before}: rollout {rollout} was {how}")]
    Ended {
        /// The release.
        release: String,
        /// The channel before.
        before: String,
        /// The rollout there.
        rollout: RolloutId,
        /// How.
        how: String,
    },
    /// Everybody in the channel is one that will never take it.
    #[error("{channel} has nobody who can take {release}: {why}")]
    Nobody {
        /// The release.
        release: String,
        /// The channel.
        channel: String,
        /// Whom each reason keeps from it.
        why: Barred,
    },
    /// The plan is not for this release.
    #[error("the plan installs {found}, not {release}")]
    OtherTarget {
        /// The release.
        release: String,
        /// What the plan installs.
        found: String,
    },
    /// The plan does not fit what there is.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl PromoteError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoChannel { .. } => "PR-001",
            Self::Release { .. } => "PR-002",
            Self::Never { .. } => "PR-003",
            Self::Running { .. } => "PR-004",
            Self::Halted { .. } => "PR-005",
            Self::Ended { .. } => "PR-006",
            Self::OtherTarget { .. } => "PR-007",
            Self::Nobody { .. } => "PR-008",
            Self::Registry(source) => source.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoChannel { .. } => "list the product's channels, or set this one",
            Self::Release { .. } => "publish it first, or choose another",
            Self::Never { .. } => "promote it to the channel before, and wait until it is proven",
            Self::Running { .. } => "wait for that rollout: `rollout wait ROLLOUT --for proven`",
            Self::Halted { .. } => "publish a better version, or let two people resume that one",
            Self::Ended { .. } => "promote it to the channel before once more",
            Self::OtherTarget { .. } => "make the plan from the channel's template",
            Self::Nobody { .. } => {
                "publish a newer version, or look at whom the channel's plan means"
            }
            Self::Registry(source) => source.hint(),
        }
    }

    /// Why a release that stands so in the channel before may not go on.
    fn not_passed(release: &ReleaseId, before: &ChannelId, stands: Passed) -> Option<Self> {
        let (release, before) = (release.to_string(), before.to_string());
        match stands {
            Passed::Passed { .. } => None,
            Passed::Never => Some(Self::Never { release, before }),
            Passed::Running { rollout, phase } => {
                Some(Self::Running { release, before, rollout, phase })
            }
            Passed::Halted { rollout, cause } => {
                Some(Self::Halted { release, before, rollout, cause })
            }
            Passed::Ended { rollout, how } => Some(Self::Ended { release, before, rollout, how }),
        }
    }
}

impl Fleet {
    /// A product's channels, by name.
    pub fn channels_of(
        &self,
        product: &ProductId,
    ) -> impl Iterator<Item = (&ChannelId, &Channel)> + '_ {
        let product = product.clone();
        let all = self.channels.iter().filter(move |((of, _), _)| *of == product);
        all.map(|((_, name), channel)| (name, channel))
    }

    /// Checks a channel.
    ///
    /// # Errors
    /// [`RegistryError`]: no such product or channel before; a template that is too long; a channel
    /// that would come after itself.
    pub fn set_channel(
        &self,
        product: ProductId,
        channel: ChannelId,
        record: ChannelRecord,
        by: Principal,
    ) -> Result<Registered, RegistryError> {
        if !self.products.contains(&product) {
            return Err(RegistryError::unknown("product", product));
        }
        let wrong = |problem: String| {
            let channel = channel.to_string();
            Err(RegistryError::Channel { channel, problem })
        };
        if record.template.len() > TEMPLATE_BYTES {
            return wrong(format!("has a template of more than {TEMPLATE_BYTES} bytes"));
        }
        let mut before = record.after.clone();
        while let Some(name) = before {
            if name == channel {
                return wrong("would come after itself".into());
            }
            let known = self.channels.get(&(product.clone(), name.clone()));
            let known = known.ok_or_else(|| RegistryError::unknown("channel", &name))?;
            before = known.record.after.clone();
        }
        let known = self.channels.get(&(product.clone(), channel.clone()));
        if known.is_some_and(|known| known.record == record) {
            return Ok(Registered::Known);
        }
        Ok(Registered::New(vec![Entry::ChannelSet { product, channel, record, by }]))
    }

    /// Checks that nothing comes after a channel that is to be removed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_channel(
        &self,
        product: ProductId,
        channel: ChannelId,
        by: Principal,
    ) -> Result<Registered, RegistryError> {
        if !self.channels.contains_key(&(product.clone(), channel.clone())) {
            return Err(RegistryError::unknown("channel", channel));
        }
        let mut others = self.channels_of(&product);
        let next = others.find(|(_, other)| other.record.after.as_ref() == Some(&channel));
        if let Some((next, _)) = next {
            let problem = format!("is what `{next}` comes after");
            return Err(RegistryError::Channel { channel: channel.to_string(), problem });
        }
        Ok(Registered::New(vec![Entry::ChannelRemoved { product, channel, by }]))
    }

    /// How a release stands in a channel.
    pub fn passed(&self, release: &ReleaseId, channel: &ChannelId) -> Passed {
        let carried = self.promotions.get(&(release.clone(), channel.clone()));
        let last = carried.and_then(|rollouts| self.rollouts.get(rollouts.last()?));
        let Some(running) = last else { return Passed::Never };
        let Rollout { id, phase, proven, .. } = &running.rollout;
        let rollout = *id;
        if let Some(back) = running.superseded_by {
            return Passed::Ended { rollout, how: format!("taken back by rollout {back}") };
        }
        match phase {
            Phase::Halted { cause, .. } => Passed::Halted { rollout, cause: cause.to_string() },
            Phase::Canceled { by } => Passed::Ended { rollout, how: format!("canceled by {by}") },
            Phase::Completed { .. } => Passed::Passed { rollout },
            Phase::Draft
            | Phase::AwaitingApproval { .. }
            | Phase::Scheduled { .. }
            | Phase::Deploying
            | Phase::Soaking
            | Phase::Paused { .. } => match proven {
                Some(_) => Passed::Passed { rollout },
                None => Passed::Running { rollout, phase: phase.name() },
            },
        }
    }

    /// Decides whether a release is carried to a channel, by a rollout that starts at once. `plan`
    /// is the channel's template with this release. A rollout that was not canceled carries it
    /// already, halted or not: then there is nothing to write.
    ///
    /// # Errors
    /// [`PromoteError`]: what stands in its way.
    pub fn promote(
        &self,
        release: &ReleaseId,
        channel: &ChannelId,
        plan: Plan,
        by: Principal,
        now: Timestamp,
    ) -> Result<Promotion, PromoteError> {
        let now = now.max(self.clock);
        let place = (release.product.clone(), channel.clone());
        let known = self.channels.get(&place).ok_or_else(|| PromoteError::NoChannel {
            product: release.product.to_string(),
            channel: channel.to_string(),
        })?;
        let stands = self.passed(release, channel);
        if let Some(rollout) = stands.rollout().filter(|id| !self.is_canceled(*id)) {
            return Ok(Promotion { rollout, registered: Registered::Known, stands });
        }
        self.may_be_promoted(release, &known.record, &plan)?;
        let rollout = self.promotion_id(release, channel);
        if self.rollouts.contains_key(&rollout) {
            let name = rollout.to_string();
            return Err(RegistryError::Exists { kind: "rollout", name }.into());
        }
        self.check_plan(&plan)?;
        let tried = Arc::new(plan.clone());
        let tried = Running::new(Rollout::draft(rollout, tried, by.clone(), now));
        if let Some(why) = self.barred(&tried, now) {
            let (release, channel) = (release.to_string(), channel.to_string());
            return Err(PromoteError::Nobody { release, channel, why });
        }
        let (mut entries, outbox) = self.drafted_and_started(rollout, plan, &by, now);
        let (release, channel) = (release.clone(), channel.clone());
        entries.insert(1, Entry::Promoted { release, channel, rollout, by });
        let registered = Registered::Decided(entries, outbox);
        Ok(Promotion { rollout, registered, stands })
    }

    fn may_be_promoted(
        &self,
        release: &ReleaseId,
        record: &ChannelRecord,
        plan: &Plan,
    ) -> Result<(), PromoteError> {
        let not = |state| Err(PromoteError::Release { release: release.to_string(), state });
        match self.releases.get(release).map(|known| &known.lifecycle) {
            None | Some(Lifecycle::Draft) => return not("not published"),
            Some(Lifecycle::Withdrawn { .. }) => return not("withdrawn"),
            Some(Lifecycle::Published) => {}
        }
        if plan.target != Target::Release(release.clone()) {
            let (release, found) = (release.to_string(), plan.target.to_string());
            return Err(PromoteError::OtherTarget { release, found });
        }
        let Some(before) = &record.after else { return Ok(()) };
        match PromoteError::not_passed(release, before, self.passed(release, before)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn is_canceled(&self, rollout: RolloutId) -> bool {
        let running = self.rollouts.get(&rollout);
        running.is_some_and(|held| matches!(held.rollout.phase, Phase::Canceled { .. }))
    }

    /// The id of the next rollout that carries a release to a channel: asking twice is asking once.
    fn promotion_id(&self, release: &ReleaseId, channel: &ChannelId) -> RolloutId {
        let carried = self.promotions.get(&(release.clone(), channel.clone()));
        let before = carried.map_or(0, Vec::len);
        let ReleaseId { product, version } = release;
        RolloutId::derived(&format!("promotion-v1/{product}/{version}/{channel}/{before}"))
    }

    pub(super) fn fold_channels(&mut self, stored: &Stored) {
        let revision = stored.seq;
        if let Entry::ChannelSet { product, channel, record, .. } = &stored.entry {
            let set = Channel { record: record.clone(), revision };
            self.channels.insert((product.clone(), channel.clone()), set);
        }
        if let Entry::ChannelRemoved { product, channel, .. } = &stored.entry {
            self.channels.remove(&(product.clone(), channel.clone()));
        }
        if let Entry::Promoted { release, channel, rollout, .. } = &stored.entry {
            let place = (release.clone(), channel.clone());
            self.promotions.entry(place).or_default().push(*rollout);
        }
    }
}
