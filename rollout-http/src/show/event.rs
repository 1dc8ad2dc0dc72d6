//! Entries of the journal, in a sentence each.

use crate::body::v1::EventLine;
use rollout_core::calendar::Freeze;
use rollout_core::id::{DeviceId, HardwareModel, Principal, RolloutId};
use rollout_core::journal::{Entry, ReportRecord, StandingChange, Stored};
use rollout_core::rollout::{Command, Commanded, Input, Overdue};
use std::collections::{BTreeMap, BTreeSet};

/// Most changes of attributes that are told one by one.
const CHANGES: usize = 4;

pub(crate) fn event(stored: &Stored) -> EventLine {
    let (rollout, device) = subject(&stored.entry);
    EventLine {
        seq: stored.seq.0,
        at_ms: stored.at.0,
        kind: stored.entry.kind().into(),
        summary: summary(&stored.entry),
        rollout: rollout.map(|id| id.to_string()),
        device: device.map(|id| id.as_str().into()),
    }
}

fn subject(entry: &Entry) -> (Option<RolloutId>, Option<&DeviceId>) {
    match entry {
        Entry::Offered { rollout, device, .. }
        | Entry::Permitted { rollout, device, .. }
        | Entry::Unasked { rollout, device, .. }
        | Entry::Held { rollout, device, .. }
        | Entry::Excluded { rollout, device, .. }
        | Entry::Included { rollout, device, .. } => (Some(*rollout), Some(device)),
        Entry::Reported(report) => (Some(report.rollout), Some(&report.device)),
        Entry::Drafted { rollout, .. }
        | Entry::Stepped { rollout, .. }
        | Entry::Promoted { rollout, .. } => (Some(*rollout), None),
        Entry::Enrolled { device, .. }
        | Entry::Seen { device, .. }
        | Entry::StandingSet { device, .. }
        | Entry::TokenRotated { device, .. }
        | Entry::Noted { device, .. }
        | Entry::AttributesSet { device, .. }
        | Entry::Replaced { new: device, .. } => (None, Some(device)),
        Entry::RootAccepted { .. }
        | Entry::HostingSet(_)
        | Entry::ProductAdded { .. }
        | Entry::Published(_)
        | Entry::Withdrawn { .. }
        | Entry::Renewed { .. }
        | Entry::StonesSet { .. }
        | Entry::DeadEndSet { .. }
        | Entry::CohortDefined { .. }
        | Entry::TokenMade(_)
        | Entry::TokenRevoked { .. }
        | Entry::EnrollmentOpened(_)
        | Entry::ChannelSet { .. }
        | Entry::ChannelRemoved { .. }
        | Entry::FreezeSet { .. }
        | Entry::FreezeLifted { .. }
        | Entry::Once(_)
        | Entry::Answered { .. }
        | Entry::Clock
        | Entry::Outage(_) => (None, None),
    }
}

fn summary(entry: &Entry) -> String {
    match entry {
        Entry::RootAccepted { .. } => "a root document is in force".into(),
        Entry::HostingSet(hosting) => format!("{} homes are hosted", hosting.homes().len()),
        Entry::ProductAdded { product, by } => format!("{by} added product {product}"),
        Entry::Published(record) => format!("{} published {}", record.by, record.release),
        Entry::Withdrawn { release, by, reason } => format!("{by} withdrew {release}: {reason}"),
        Entry::Renewed { release, by, .. } => format!("{by} renewed {release}"),
        Entry::StonesSet { release, models, by } => {
            format!("{by}: {} must pass through {release}", listed(models))
        }
        Entry::DeadEndSet { product, model, versions, reason, by } => {
            format!("{by}: {product} {versions} of {model} is {}", dead_end(reason.as_deref()))
        }
        Entry::CohortDefined { cohort, by, .. } => format!("{by} defined cohort {cohort}"),
        Entry::TokenMade(record) => format!("token {} for {}", record.id, record.principal),
        Entry::TokenRevoked { id } => format!("token {id} was revoked"),
        Entry::EnrollmentOpened(record) => {
            format!("enrollment {} for {} devices {}", record.id, record.count, record.hardware)
        }
        Entry::Enrolled { device, hardware, by: Some(by), .. } => {
            format!("{by} added {device} as {hardware}")
        }
        Entry::Enrolled { device, hardware, .. } => format!("{device} enrolled as {hardware}"),
        Entry::Drafted { rollout, plan, by } => {
            format!("{by} drafted {} ({rollout}) of {}", plan.name, plan.target)
        }
        Entry::Seen { device, facts } => format!("{device} runs {}", facts.running.version),
        Entry::Reported(report) => reported(report),
        Entry::Clock => "time has passed".into(),
        Entry::Outage(window) => {
            let secs = window.to.since(window.from).as_secs();
            format!("deadlines stand still for {secs} s: we were away, or are being found again")
        }
        Entry::Stepped { rollout, input, .. } => stepped(*rollout, input),
        Entry::Offered { device, attempt, .. } => format!("{device} may download ({attempt})"),
        Entry::Permitted { device, exposure, .. } => {
            format!("{device} may switch, in rung {}", exposure.batch.0 + 1)
        }
        Entry::Unasked { device, exposure, .. } => {
            format!("{device} switched without leave, in rung {}", exposure.batch.0 + 1)
        }
        Entry::Held { device, .. } => format!("{device} waits for us; its horizon stands still"),
        Entry::ChannelSet { product, channel, by, .. } => {
            format!("{by} set channel {channel} of {product}")
        }
        Entry::ChannelRemoved { product, channel, by } => {
            format!("{by} removed channel {channel} of {product}")
        }
        Entry::FreezeSet { freeze, record: Freeze { from, until, reason }, by } => {
            format!("{by} set freeze {freeze} from {from} until {until}: {reason}")
        }
        Entry::FreezeLifted { freeze, by } => format!("{by} lifted freeze {freeze}"),
        Entry::Promoted { release, channel, rollout, by } => {
            format!("{by} promoted {release} to {channel} ({rollout})")
        }
        Entry::StandingSet { device, standing, by } => stands(device, standing, by),
        Entry::TokenRotated { device, generation, by, .. } => {
            format!("{by} rotated the token of {device} ({generation})")
        }
        Entry::Noted { device, text, by } => format!("{by} on {device}: {text}"),
        Entry::AttributesSet { device, set, unset, by } => changed(by, device, set, unset),
        Entry::Replaced { old, new, by } => format!("{by} replaced {old} by {new}"),
        Entry::Excluded { device, reason, by, .. } => format!("{by} excluded {device}: {reason}"),
        Entry::Once(record) => format!("a request of {} is remembered", record.principal),
        Entry::Answered { principal, status, .. } => format!("{principal} was answered {status}"),
        Entry::Included { device, by, .. } => format!("{by} included {device} again"),
    }
}

fn reported(report: &ReportRecord) -> String {
    let reason = report.reason.map(|reason| format!(" ({})", word(&reason)));
    let event = word(&report.event);
    format!("{}: {event}{}", report.device, reason.unwrap_or_default())
}

fn listed(models: &BTreeSet<HardwareModel>) -> String {
    let models: Vec<_> = models.iter().map(HardwareModel::as_str).collect();
    if models.is_empty() { "nobody any more".into() } else { models.join(", ") }
}

fn dead_end(reason: Option<&str>) -> String {
    reason.map_or("no dead end any more".into(), |why| format!("a dead end: {why}"))
}

/// What operators know otherwise of a device.
fn changed(
    by: &Principal,
    device: &DeviceId,
    set: &BTreeMap<String, String>,
    unset: &BTreeSet<String>,
) -> String {
    let said = set.iter().map(|(name, value)| format!("{name}={value}"));
    let said = said.chain(unset.iter().map(|name| format!("no {name}")));
    let shown = said.take(CHANGES).collect::<Vec<_>>().join(", ");
    match (set.len() + unset.len()).saturating_sub(CHANGES) {
        0 => format!("{by} on {device}: {shown}"),
        more => format!("{by} on {device}: {shown}, and {more} more"),
    }
}

fn stands(device: &DeviceId, standing: &StandingChange, by: &Principal) -> String {
    match standing {
        StandingChange::Hold { reason } => format!("{by} holds {device}: {reason}"),
        StandingChange::Release => format!("{by} released {device}"),
        StandingChange::Retire { reason } => format!("{by} retired {device}: {reason}"),
    }
}

fn stepped(rollout: RolloutId, input: &Input) -> String {
    match input {
        Input::Command(given) | Input::Informed(given, _) => ordered(rollout, given),
        Input::Observed(_) => format!("{rollout} moved on"),
        Input::Overdue(Overdue::Nag) => format!("the review of {rollout}'s pause is overdue"),
        Input::Overdue(what) => {
            format!("{rollout} {} by itself: nobody reviewed its pause", what.verb())
        }
    }
}

fn ordered(rollout: RolloutId, Commanded { by, command }: &Commanded) -> String {
    match command {
        Command::Edit { says, .. } => format!("{by} changed the plan of {rollout}: {says}"),
        Command::Start
        | Command::Pause { .. }
        | Command::Resume
        | Command::Advance
        | Command::Approve { .. }
        | Command::ApproveNoReturn { .. }
        | Command::Halt { .. }
        | Command::Cancel => format!("{by}: {} {rollout}", command.name()),
    }
}

/// The word that the wire has for it.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
