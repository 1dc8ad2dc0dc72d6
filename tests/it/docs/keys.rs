//! Tables of the operating pages against what reads them: plan, wire, roles, settings.
//!
//! Invariant: a table has every key and no other, and its defaults are those that are in force.

use super::markdown::{Page, backticked};
use rollout_core::rollout::{Change, Consequence};
use rollout_core::wire;
use rollout_http::auth::{Operation, may, role_name};
use rollout_http::body::v1::{parse_plan, plan_json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A plan that says as little as possible.
const LEAST: &str = "release = \"vacuum@1.0.0\"\n";

/// The keys of a plan: documented, read, shown, with their defaults.
pub fn check(page: &Page, source: &str) -> Vec<String> {
    let told = first_cells(page, "Keys");
    let refused = first_cells(page, "Refused by name");
    let mut complaints = differ("key", &told, &listed(source, "known"));
    complaints.extend(differ("refused key", &refused, &listed(source, "later")));
    let mut shown = BTreeSet::new();
    for block in page.blocks().iter().filter(|block| block.tag == "toml") {
        match parse_plan(&block.lines.join("\n")) {
            Ok(plan) => shown.extend(leaves(&plan_json(&plan)).into_keys()),
            Err(error) => complaints.push(format!("{}:{}: {error}", page.path, block.line)),
        }
    }
    complaints.extend(differ("key of the examples", &shown, &told));
    complaints.extend(refused.iter().filter_map(|key| is_refused(key)));
    complaints.extend(defaults(page));
    complaints.extend(changing(page, &told));
    complaints
}

fn is_refused(key: &str) -> Option<String> {
    let plan = match key.rsplit_once('.') {
        None => format!("{LEAST}{key} = 1\n"),
        Some((table, key)) => format!("{LEAST}[{table}]\n{key} = 1\n"),
    };
    match parse_plan(&plan) {
        Err(error) if error.to_string().contains("not decided by this version") => None,
        Err(error) => Some(format!("`{key}` is refused otherwise: {error}")),
        Ok(_) => Some(format!("`{key}` is accepted")),
    }
}

/// Defaults as written against those that are in force; a cell without a value is checked too.
fn defaults(page: &Page) -> Vec<String> {
    let plan = parse_plan(LEAST).expect("the least plan");
    let in_force = leaves(&plan_json(&plan));
    let mut complaints = Vec::new();
    for row in page.rows("Keys") {
        let key = backticked(&row[0])[0];
        let written = &row[2];
        if written == "required" || written.starts_with("as ") {
            continue;
        }
        let wanted = in_force.get(key).map_or("none".into(), |value| format!("`{value}`"));
        if *written != wanted {
            complaints.push(format!("{}: default of `{key}` is {wanted}", page.path));
        }
    }
    complaints
}

/// The table of changes: a row for every key, which says of it what the code does.
fn changing(page: &Page, keys: &BTreeSet<String>) -> Vec<String> {
    let rows = page.rows("Changing a plan");
    let covers = |row: &[String], key: &str| {
        let under = |named: &str| key.strip_prefix(named).is_some_and(|rest| rest.starts_with('.'));
        backticked(&row[0]).iter().any(|named| *named == key || under(named))
    };
    let rows_of = |key: &str| rows.iter().filter(|row| covers(row, key)).collect::<Vec<_>>();
    let mut complaints: Vec<_> = keys
        .iter()
        .map(|key| (key, rows_of(key).len()))
        .filter(|(_, rows)| *rows != 1)
        .map(|(key, rows)| format!("{rows} rows say what changing `{key}` does"))
        .collect();
    for change in Change::all(&parse_plan(LEAST).expect("the least plan")) {
        let said = rows_of(change.key).into_iter().next().map(|row| match (&*row[1], &row[2]) {
            ("until it has begun", _) => Consequence::AtOnce,
            (_, effect) if effect.contains("evidence starts anew") => Consequence::EvidenceAnew,
            (_, effect) if effect.contains("the rungs to come") => Consequence::RungsToCome,
            (when, _) if when.starts_with("fixed") => Consequence::Fixed,
            (_, _) => Consequence::AtOnce,
        });
        if said != Some(change.consequence) {
            complaints
                .push(format!("changing `{}` is {:?}: {said:?}", change.key, change.consequence));
        }
    }
    complaints
}

/// Keys of the reader's lists named `list`, with their tables; the tables themselves left out.
fn listed(source: &str, list: &str) -> BTreeSet<String> {
    let quoted = |text: &str| -> Vec<String> {
        text.split('"').skip(1).step_by(2).map(String::from).collect()
    };
    let mut found = BTreeSet::new();
    let mut tables = BTreeSet::new();
    for keys in source.split("Keys {").skip(1) {
        let Some((_, path)) = keys.split_once("path: ") else { continue };
        let path = quoted(path)[0].clone();
        let (_, names) = keys.split_once(&format!("{list}: &[")).expect("a list of keys");
        let names = quoted(names.split(']').next().unwrap_or(names));
        let join = |name: &String| {
            if path.is_empty() { name.clone() } else { format!("{path}.{name}") }
        };
        found.extend(names.iter().map(join));
        tables.insert(path);
    }
    assert!(!found.is_empty(), "the reader's list `{list}` was not found");
    found.difference(&tables).cloned().collect()
}

fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        if value.is_object() {
            let below = leaves(value).into_iter();
            found.extend(below.map(|(name, value)| (format!("{key}.{name}"), value)));
        } else {
            found.insert(key.clone(), value.to_string());
        }
    }
    found
}

fn first_cells(page: &Page, heading: &str) -> BTreeSet<String> {
    let rows = page.rows(heading);
    assert!(!rows.is_empty(), "{} has no table below `{heading}`", page.path);
    rows.iter().flat_map(|row| backticked(&row[0])).map(String::from).collect()
}

fn differ(what: &str, told: &BTreeSet<String>, known: &BTreeSet<String>) -> Vec<String> {
    let missing = known.difference(told).map(|key| format!("{what} `{key}` is not documented"));
    let stale = told.difference(known).map(|key| format!("{what} `{key}` does not exist"));
    missing.chain(stale).collect()
}

/// The wire's documents: each example reads as its type and says nothing that the type has not.
pub fn wire(page: &Page) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut seen = BTreeSet::new();
    for block in page.blocks() {
        let Some(kind) = block.tag.strip_prefix("json ") else { continue };
        seen.insert(kind.to_string());
        let text = block.lines.join("\n");
        let read = match kind {
            "enroll" => again::<wire::Enroll>(&text),
            "enroll-answer" => again::<wire::EnrollAnswer>(&text),
            "check-in" => again::<wire::CheckIn<BTreeMap<String, String>>>(&text),
            "check-in-answer" => again::<wire::CheckInAnswer>(&text),
            "begin" => again::<wire::Begin>(&text),
            "begin-answer" => again::<wire::BeginAnswer>(&text),
            "reports" => again::<wire::ReportBatch<Vec<wire::Report>>>(&text),
            "reports-answer" => again::<wire::ReportsAnswer>(&text),
            other => Err(format!("no document is called `{other}`")),
        };
        complaints.extend(read.err().map(|why| format!("{}:{}: {why}", page.path, block.line)));
    }
    if seen.len() != 8 {
        complaints.push(format!("{} shows {seen:?} of eight documents", page.path));
    }
    for word in first_cells(page, "Report") {
        let event: wire::Event = serde_json::from_value(word.clone().into()).expect("a word");
        if event == wire::Event::Unknown {
            complaints.push(format!("{}: there is no event `{word}`", page.path));
        }
    }
    complaints
}

/// Reads a document and writes it: nothing may be lost on the way.
fn again<'a, T: serde::Deserialize<'a> + serde::Serialize>(text: &'a str) -> Result<(), String> {
    let read: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(read).map_err(|error| error.to_string())?;
    let shown: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if written == shown { Ok(()) } else { Err(format!("reads as {written}")) }
}

/// The table of roles against the one that is asked.
pub fn roles(page: &Page) -> Vec<String> {
    use rollout_core::journal::Role;
    let roles =
        [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin, Role::Auditor];
    let head = page.text.lines().find(|line| line.starts_with("| Operation |"));
    let names: Vec<&str> = roles.iter().map(|role| role_name(*role)).collect();
    assert_eq!(head, Some(format!("| Operation | {} |", names.join(" | ")).as_str()));
    let known: BTreeSet<String> = Operation::ALL
        .iter()
        .map(|operation| {
            let may = roles.iter().map(|role| if may(*role, *operation) { "yes" } else { "" });
            format!("{}: {}", operation.name(), may.collect::<Vec<_>>().join(","))
        })
        .collect();
    let told = page.rows("Roles");
    let told = told.iter().map(|row| format!("{}: {}", row[0], row[1..].join(",")));
    differ("role of", &told.collect(), &known)
}

/// The table of settings against the file that `init` writes.
pub fn settings(page: &Page) -> Vec<String> {
    let template = rolloutd::config::Config::template();
    let known = template.lines().collect::<Vec<_>>();
    let known = known.chunks(2).map(|pair| {
        let (key, value) = pair[1].split_once(" = ").expect("a setting");
        (key.to_string(), value.trim_matches('"').to_string())
    });
    let told = page.rows("Settings");
    let told = told.iter().map(|row| {
        let cell = |at: usize| backticked(&row[at]).concat();
        (cell(0), cell(1))
    });
    let text = |(key, value)| format!("{key} = {value}");
    differ("setting", &told.map(text).collect(), &known.map(text).collect())
}
