//! When a plan gives anything: its windows, its freezes and its end, as people write them.
//!
//! Not here: which keys there are; see `plan.rs`. Invariant: what is shown reads back as the same.

use super::plan_table::{Keys, Table, field};
use super::{parse_when, show_when};
use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::rollout::{Lane, PlanError, Schedule};
use rollout_core::time::Timestamp;
use serde_json::{Value, json};

/// What stands for the zone of each device.
const DEVICE: &str = "device";

/// Reads what a plan says about when; `window` and `freeze` are the keys of one of these.
pub(super) fn read_schedule(
    plan: &Table,
    window: Keys,
    freeze: Keys,
) -> Result<Schedule, PlanError> {
    let zone_default = plan.text("zone_default")?.map(|name| read_zone(plan, "zone_default", name));
    Ok(Schedule {
        stop_at: read_when(plan, "stop_at")?,
        windows: Windows {
            weekly: each(plan, window, read_window)?,
            zone_default: zone_default.transpose()?,
        },
        freezes: each(plan, freeze, read_freeze)?,
        lane: match plan.truth("emergency")? {
            Some(true) => Lane::Emergency,
            Some(false) | None => Lane::Usual,
        },
    })
}

/// An instant.
pub(super) fn read_when(table: &Table, key: &str) -> Result<Option<Timestamp>, PlanError> {
    let text = match table.get(key) {
        None => return Ok(None),
        Some(Value::Number(secs)) => secs.to_string(),
        Some(_) => table.text(key)?.unwrap_or_default().into(),
    };
    let forms = "write 2026-03-01T08:00:00Z or Unix seconds";
    let wrong = || field(&table.path(key), format!("`{text}` is no time; {forms}"));
    parse_when(&text).map(Some).ok_or_else(wrong)
}

/// One table, or several: `[window]` or `[[window]]`.
fn each<T>(
    plan: &Table,
    keys: Keys,
    read: impl Fn(&Table) -> Result<T, PlanError>,
) -> Result<Vec<T>, PlanError> {
    let open = |value| Table::open(keys, Some(value)).and_then(|table| read(&table));
    match plan.get(keys.path) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let numbered = items.iter().enumerate();
            numbered.map(|(at, item)| open(item).map_err(|e| of(keys.path, at + 1, e))).collect()
        }
        Some(one) => open(one).map(|one| vec![one]),
    }
}

/// Says of which of several tables a mistake is.
fn of(path: &str, number: usize, error: PlanError) -> PlanError {
    let place = |key: String| match key.strip_prefix(path) {
        Some(rest) => format!("{path}[{number}]{rest}"),
        None => key,
    };
    match error {
        PlanError::Field { key, problem } => PlanError::Field { key: place(key), problem },
        PlanError::UnknownKey { key, nearest } => {
            PlanError::UnknownKey { key: place(key), nearest }
        }
        PlanError::Selector { .. } | PlanError::Gate(_) | _ => error,
    }
}

fn read_window(table: &Table) -> Result<Weekly, PlanError> {
    let days = match table.text("days")? {
        None => Days::ALL,
        Some(text) => Days::parse(text).ok_or_else(|| {
            let problem = format!("`{text}` are no days; write `mon-fri` or `sat,sun`");
            field(&table.path("days"), problem)
        })?,
    };
    let minute = |key: &str| {
        let text = table.text(key)?.ok_or_else(|| field(&table.path(key), "is missing"))?;
        let wrong = || format!("`{text}` is no time of day; write `01:00`, up to `24:00`");
        Minute::parse(text).ok_or_else(|| field(&table.path(key), wrong()))
    };
    let zone = match table.text("zone")? {
        None | Some(DEVICE) => WindowZone::Device,
        Some(name) => WindowZone::Fixed(read_zone(table, "zone", name)?),
    };
    Weekly::new(days, minute("from")?, minute("to")?, zone)
        .map_err(|problem| field(&table.path("to"), problem))
}

fn read_zone(table: &Table, key: &str, name: &str) -> Result<Zone, PlanError> {
    Zone::find(name).ok_or_else(|| {
        let nearest = Zone::nearest(name).unwrap_or("Europe/Berlin");
        let problem = format!("`{name}` is no time zone; one is called `{nearest}`");
        field(&table.path(key), problem)
    })
}

fn read_freeze(table: &Table) -> Result<Freeze, PlanError> {
    let when =
        |key: &str| read_when(table, key)?.ok_or_else(|| field(&table.path(key), "is missing"));
    let reason = table.text("reason")?.ok_or_else(|| field(&table.path("reason"), "is missing"))?;
    Ok(Freeze { from: when("from")?, until: when("until")?, reason: reason.into() })
}

/// What is shown of it, by key.
pub(super) fn schedule_json(schedule: &Schedule) -> [(&'static str, Value); 5] {
    let Schedule { stop_at, windows, freezes, lane } = schedule;
    let window = |window: &Weekly| {
        json!({
            "days": window.days().to_string(),
            "from": window.from().to_string(),
            "to": window.to().to_string(),
            "zone": window.zone().to_string(),
        })
    };
    let freeze = |freeze: &Freeze| {
        json!({
            "from": show_when(freeze.from),
            "until": show_when(freeze.until),
            "reason": freeze.reason,
        })
    };
    [
        ("stop_at", json!(stop_at.map(show_when))),
        ("zone_default", json!(windows.zone_default.as_ref().map(Zone::name))),
        ("window", one_or_many(windows.weekly.iter().map(window).collect())),
        ("freeze", one_or_many(freezes.iter().map(freeze).collect())),
        ("emergency", if *lane == Lane::Emergency { json!(true) } else { Value::Null }),
    ]
}

fn one_or_many(mut shown: Vec<Value>) -> Value {
    match shown.len() {
        0 => Value::Null,
        1 => shown.remove(0),
        _ => Value::Array(shown),
    }
}
