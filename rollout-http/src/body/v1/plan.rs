//! The plan as people write it, TOML or JSON, read into the core's checked [`Plan`].
//!
//! Not here: whether what it names is there (`Fleet::check_plan`). Invariant: no key is silently
//! ignored; an absent key has the default that [`super::plan_json`] shows.

use super::plan_schedule::{read_schedule, read_when};
use super::plan_table::{Keys, Table, field};
use rollout_core::cohort::Selector;
use rollout_core::gate::{Budget, FailureGate, HardStops, Rate, Risk};
use rollout_core::id::{CohortId, DeviceId};
use rollout_core::journal::CohortRecord;
use rollout_core::release::{ComponentId, ReleaseId, Target};
use rollout_core::rollout::{
    Again, AgreedBy, Approval, Gates, Growth, Installed, Ladder, Membership, OnOverdue, OnSmall,
    Overdue, Pace, PerMinute, Plan, PlanError, PlanFields, Reaching, Rung, Silence,
};
use rollout_core::time::Span;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The query of a plan that names no cohort.
const EVERYBODY: &str = "device==*";
/// The ladder of a plan that names none.
const LADDER: [&str; 4] = ["1%", "5%", "25%", "100%"];
/// How long a device must stay well.
const SOAK: Span = Span::hours(6);
/// How long an offer lasts without progress: a slow link and a night without power included.
const LEASE: Span = Span::hours(6);

const PLAN: Keys = Keys {
    path: "",
    known: &[
        "name",
        "release",
        "cohort",
        "devices",
        "require",
        "ladder",
        "soak",
        "component",
        "start_at",
        "stop_at",
        "zone_default",
        "window",
        "freeze",
        "emergency",
        "min_reach",
        "max_open",
        "min_matured_share",
        "min_bake",
        "on_small",
        "again",
        "pace",
        "gate",
        "stop",
        "approval",
        "on_halt",
        "on_overdue",
    ],
    later: &["stratify", "hold_back", "keep_way_back"],
};
const WINDOW: Keys = Keys { path: "window", known: &["days", "from", "to", "zone"], later: &[] };
const FREEZE: Keys = Keys { path: "freeze", known: &["from", "until", "reason"], later: &[] };
const PACE: Keys = Keys {
    path: "pace",
    known: &["max_in_flight", "budget", "max_offers", "lease", "per_minute"],
    later: &[],
};
const PER_MINUTE: Keys =
    Keys { path: "pace.per_minute", known: &["base", "factor", "every", "max"], later: &[] };
const GATE: Keys =
    Keys { path: "gate", known: &["failure", "silence"], later: &["crashes", "count", "mean"] };
const FAILURE: Keys = Keys {
    path: "gate.failure",
    known: &["p_max", "p_pass", "alpha", "beta", "min_failures"],
    later: &["weight", "prior", "versus"],
};
const SILENCE: Keys = Keys {
    path: "gate.silence",
    known: &["after", "at_least", "confirm_window"],
    later: &["weight"],
};
const STOP: Keys = Keys {
    path: "stop",
    known: &["max_bricked", "max_safety_faults", "max_consecutive_failures"],
    later: &[],
};
const APPROVAL: Keys = Keys { path: "approval", known: &["before", "by", "no_return"], later: &[] };
const ON_OVERDUE: Keys = Keys { path: "on_overdue", known: &["then", "after"], later: &[] };
const ON_HALT: Keys = Keys { path: "on_halt", known: &["pending", "installed"], later: &[] };

/// Reads a plan that names no cohort of the server (rungs may).
///
/// # Errors
/// [`PlanError`] naming the key.
pub fn parse_plan(text: &str) -> Result<Plan, PlanError> {
    parse_plan_with(text, &|_| None)
}

/// Reads a plan; `cohorts` says what `cohort = "cohort:NAME"` means.
///
/// # Errors
/// [`PlanError`] naming the key.
pub fn parse_plan_with(
    text: &str,
    cohorts: &dyn Fn(&CohortId) -> Option<CohortRecord>,
) -> Result<Plan, PlanError> {
    read_plan(&read_text(text)?, cohorts)
}

/// Keys that a template leaves open.
const GIVEN_LATER: [&str; 2] = ["release", "name"];

/// Reads the template of a channel: a plan without release and name, which promoting gives it.
///
/// # Errors
/// [`PlanError`] naming the key.
pub fn parse_template(
    text: &str,
    release: &ReleaseId,
    name: &str,
    cohorts: &dyn Fn(&CohortId) -> Option<CohortRecord>,
) -> Result<Plan, PlanError> {
    let mut value = read_text(text)?;
    let given = [release.to_string(), name.to_owned()];
    for (key, given) in GIVEN_LATER.iter().zip(given) {
        if value.get(key).is_some() {
            return Err(field(key, "is given when a release is promoted; leave it out"));
        }
        value[*key] = Value::String(given);
    }
    read_plan(&value, cohorts)
}

fn read_plan(
    value: &Value,
    cohorts: &dyn Fn(&CohortId) -> Option<CohortRecord>,
) -> Result<Plan, PlanError> {
    let plan = Table::open(PLAN, Some(value))?;
    let release = plan.text("release")?.ok_or_else(|| field("release", "is missing"))?;
    let id = ReleaseId::parse(release).map_err(|error| field("release", error.to_string()))?;
    let ladder = read_ladder(&plan)?;
    let gate = Table::open(GATE, plan.get("gate"))?;
    let component = plan.whole("component")?.map_or(ComponentId::MAIN, ComponentId);
    Plan::check(PlanFields {
        name: plan.text("name")?.unwrap_or(release).into(),
        target: Target::Release(id),
        component,
        members: read_members(&plan, cohorts)?,
        require: plan.query("require")?,
        approval: read_approval(&plan, &ladder)?,
        ladder,
        soak: plan.span("soak")?.unwrap_or(SOAK),
        pace: read_pace(&plan)?,
        gates: Gates { failure: read_failure(&gate)?, stops: read_stops(&plan)? },
        silence: read_silence(&gate)?,
        reaching: read_reaching(&plan)?,
        on_small: one_of(&plan, "on_small", &[("quiet", OnSmall::Quiet), ("hold", OnSmall::Hold)])?,
        on_halt: read_on_halt(&plan)?,
        start_at: read_when(&plan, "start_at")?,
        schedule: read_schedule(&plan, WINDOW, FREEZE)?,
        again: one_of(&plan, "again", &[("no", Again::No), ("yes", Again::Yes)])?,
        on_overdue: read_on_overdue(&plan)?,
    })
}

fn read_text(text: &str) -> Result<Value, PlanError> {
    let unreadable = |error: String| field("plan", error.trim().replace('\n', " "));
    if text.trim_start().starts_with('{') {
        // TOML's own values refuse a key that is given twice; JSON's would take the last.
        let read = serde_json::from_str::<toml::Value>(text).map(to_json);
        return read.map_err(|error| unreadable(error.to_string()));
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let (line, column) = before.chars().fold((1, 1), |(line, column), c| match c {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        });
        unreadable(format!("line {line}, column {column}: {}", error.message()))
    })?;
    Ok(Value::Object(table.into_iter().map(|(key, value)| (key, to_json(value))).collect()))
}

fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(when) => Value::String(when.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(to_json).collect()),
        toml::Value::Table(table) => {
            let keys = table.into_iter().map(|(key, value)| (key, to_json(value)));
            Value::Object(keys.collect::<Map<_, _>>())
        }
    }
}

fn read_members(
    plan: &Table,
    cohorts: &dyn Fn(&CohortId) -> Option<CohortRecord>,
) -> Result<Membership, PlanError> {
    if let Some(list) = plan.texts("devices")? {
        if plan.get("cohort").is_some() {
            return Err(field("devices", "either a list of devices or a cohort, not both"));
        }
        let read = |text: &str| DeviceId::new(text);
        let ids: BTreeSet<_> = list
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|error| field("devices", error.to_string()))?;
        if ids.is_empty() {
            return Err(field("devices", "at least one device"));
        }
        return Ok(Membership::Listed(ids));
    }
    let selector = |source| PlanError::Selector { key: "cohort", source };
    match plan.text("cohort")?.map(str::trim) {
        None => Selector::parse_new(EVERYBODY).map(Membership::Query).map_err(selector),
        Some(text) => match text.strip_prefix("cohort:") {
            None => Selector::parse_new(text).map(Membership::Query).map_err(selector),
            Some(name) => {
                let name = CohortId::new(name.trim())
                    .map_err(|error| field("cohort", error.to_string()))?;
                match cohorts(&name) {
                    Some(CohortRecord::Query(query)) => Ok(Membership::Query(query)),
                    Some(CohortRecord::Listed(list)) => Ok(Membership::Listed(list)),
                    None => Err(field("cohort", format!("there is no cohort `{name}` here"))),
                }
            }
        },
    }
}

fn read_ladder(plan: &Table) -> Result<Ladder, PlanError> {
    let rungs = plan.texts("ladder")?.unwrap_or_else(|| LADDER.to_vec());
    let read = |text: &&str| {
        let forms = "write `cohort:name`, a count such as `20` or a share such as `5%`";
        Rung::parse(text).ok_or_else(|| field("ladder", format!("`{text}` is no rung; {forms}")))
    };
    let rungs = rungs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ladder::new(rungs).map_err(|problem| field("ladder", problem))
}

fn read_approval(plan: &Table, ladder: &Ladder) -> Result<Approval, PlanError> {
    let table = Table::open(APPROVAL, plan.get("approval"))?;
    let find = |text: &&str| ladder.find(text).map_err(|problem| field("approval.before", problem));
    let before = table.texts("before")?.unwrap_or_default();
    let before = before.iter().map(find).collect::<Result<BTreeSet<_>, _>>()?;
    let by = u8::try_from(table.whole("by")?.unwrap_or(0))
        .map_err(|_| field("approval.by", "at most 255 people"))?;
    let no_return = table.whole("no_return")?.map_or(Ok(AgreedBy::default()), |people| {
        let read = u8::try_from(people).map(AgreedBy);
        read.map_err(|_| field("approval.no_return", "at most 255 people"))
    });
    Ok(Approval { before, by, no_return: no_return? })
}

fn read_pace(plan: &Table) -> Result<Pace, PlanError> {
    let table = Table::open(PACE, plan.get("pace"))?;
    Ok(Pace {
        max_in_flight: table.whole("max_in_flight")?,
        budget: table.whole("budget")?.unwrap_or(Budget::DEFAULT_DEVICES),
        max_offers: table.whole("max_offers")?,
        lease: table.span("lease")?.unwrap_or(LEASE),
        per_minute: read_per_minute(table.get("per_minute"))?,
    })
}

/// A number is a rate that stays; `base` alone says the same.
fn read_per_minute(value: Option<&Value>) -> Result<PerMinute, PlanError> {
    let Some(value) = value else { return Ok(PerMinute::Unbounded) };
    if let Value::Number(number) = value {
        let whole = || field(PER_MINUTE.path, "a whole number of permits, from 1, or a table");
        return number.as_u64().map(PerMinute::Constant).ok_or_else(whole);
    }
    let table = Table::open(PER_MINUTE, Some(value))?;
    let missing = |key: &str, why: &str| field(&table.path(key), format!("is missing{why}"));
    let base = table.whole("base")?.ok_or_else(|| missing("base", ""))?;
    let (factor, every) = (table.rate("factor")?, table.whole("every")?);
    match (factor, every, table.whole("max")?) {
        (None, None, None) => Ok(PerMinute::Constant(base)),
        (None, _, _) => Err(missing("factor", ": by what the rate grows")),
        (_, None, _) => Err(missing("every", ": for how many devices that have confirmed")),
        (Some(factor), Some(every), max) => {
            let milli = (factor * 1000.0).round();
            if (milli / 1000.0 - factor).abs() > 1e-9 || !(0.0..=60_000.0).contains(&milli) {
                let problem = "above 1 and at most 5, in steps of 0.001";
                return Err(field(&table.path("factor"), problem));
            }
            let growth = Growth { factor_milli: milli as u16, every, max };
            Ok(PerMinute::Growing(base, growth))
        }
    }
}

fn read_failure(gate: &Table) -> Result<FailureGate, PlanError> {
    let table = Table::open(FAILURE, gate.get("failure"))?;
    let default = FailureGate::default();
    let risk = |key, default| table.rate(key)?.map_or(Ok(default), |r| Ok(Risk::new(r)?));
    let p_max = match table.rate("p_max")? {
        None => default.p_max(),
        Some(rate) => Rate::new(rate)?,
    };
    let p_pass = match table.rate("p_pass")? {
        Some(rate) => Rate::new(rate)?,
        None => p_max.doubled().map_err(|_| {
            let problem = format!(
                "it is twice `p_max` unless it is given, and twice {p_max} is no rate below 1"
            );
            PlanError::Field { key: "gate.failure.p_pass".into(), problem }
        })?,
    };
    let alpha: Result<_, PlanError> = risk("alpha", default.alpha());
    let beta: Result<_, PlanError> = risk("beta", default.beta());
    let min_failures = table.whole("min_failures")?.unwrap_or(default.min_failures());
    Ok(FailureGate::new(p_max, p_pass, alpha?, beta?, min_failures)?)
}

fn read_stops(plan: &Table) -> Result<HardStops, PlanError> {
    let table = Table::open(STOP, plan.get("stop"))?;
    let default = HardStops::default();
    Ok(HardStops {
        max_bricked: table.positive("max_bricked")?.or(default.max_bricked),
        max_safety_faults: table.positive("max_safety_faults")?.or(default.max_safety_faults),
        max_consecutive_failures: table
            .positive("max_consecutive_failures")?
            .or(default.max_consecutive_failures),
    })
}

fn read_silence(gate: &Table) -> Result<Silence, PlanError> {
    let table = Table::open(SILENCE, gate.get("silence"))?;
    let intervals = match table.text("after")? {
        None => 3,
        Some(text) => {
            let count = text.trim().strip_suffix("check-ins");
            let count = count.or_else(|| text.trim().strip_suffix("check-in"));
            count.and_then(|count| count.trim().parse().ok()).ok_or_else(|| {
                field("gate.silence.after", format!("`{text}`; write `3 check-ins`"))
            })?
        }
    };
    Ok(Silence {
        intervals,
        at_least: table.span("at_least")?.unwrap_or(Span::hours(1)),
        confirm_window: table.span("confirm_window")?.unwrap_or(Span::hours(2)),
    })
}

fn read_reaching(plan: &Table) -> Result<Reaching, PlanError> {
    Ok(Reaching {
        min_reach_bp: plan.share_bp("min_reach")?.unwrap_or(9_000),
        max_open: plan.span("max_open")?.unwrap_or(Span::hours(14 * 24)),
        min_matured_bp: plan.share_bp("min_matured_share")?.unwrap_or(5_000),
        min_bake: plan.span("min_bake")?.unwrap_or(Span::ZERO),
    })
}

fn read_on_halt(plan: &Table) -> Result<Installed, PlanError> {
    let table = Table::open(ON_HALT, plan.get("on_halt"))?;
    one_of(&table, "pending", &[("revoke", ())])?;
    one_of(&table, "installed", &[("keep", Installed::Keep), ("roll_back", Installed::RollBack)])
}

fn read_on_overdue(plan: &Table) -> Result<OnOverdue, PlanError> {
    let table = Table::open(ON_OVERDUE, plan.get("on_overdue"))?;
    let words = Overdue::ALL.map(|then| (then.name(), then));
    let after = table.span("after")?.unwrap_or(OnOverdue::default().after);
    Ok(OnOverdue { then: one_of(&table, "then", &words)?, after })
}

/// The value of one of these words; the first if the key is absent.
fn one_of<T: Copy>(table: &Table, key: &str, words: &[(&str, T)]) -> Result<T, PlanError> {
    let text = table.text(key)?;
    let found = match text {
        None => words.first(),
        Some(text) => words.iter().find(|(word, _)| *word == text),
    };
    found.map(|(_, value)| *value).ok_or_else(|| {
        let list: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        field(&table.path(key), format!("one of {}", list.join(", ")))
    })
}
