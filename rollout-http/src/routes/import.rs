//! Devices from a table, as many as there are: read, checked and written in batches.
//!
//! Invariants: memory is bounded by a batch, however long the table; what is wrong is named by line
//! and column, and what came before it stays, so that the same table can be sent again.

use super::{Answer, Asked, json, life, query};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Kind, Problem, Terms};
use crate::body::v1::Imported;
use crate::csv::{self, Row, Wrong};
use crate::desk::Desk;
use crate::input;
use crate::openapi::{Table, param, post};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use rollout_core::fleet::{DeviceError, Fleet, NewDevice};
use rollout_core::hosting::HomeId;
use rollout_core::id::{DeviceId, HardwareModel, Principal};
use serde::Deserialize;

/// The route of imports.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let rows = serde_json::json!({ "type": "string" });
    let example = serde_json::json!("id,model,region\nsn-0001,bench-1,eu-west\n");
    table.add(
        post("import_devices", "/v1/devices/import", "Add the devices of a table.")
            .asks(Operation::ManageDevices)
            .takes(&[param::DRY_RUN])
            .reads_raw(&["text/csv"], &rows, example)
            .refuses(&[415])
            .answers::<Imported>(200, "All of them are in.")
            .refuses(&[404, 409]),
        import::<B>,
    )
}

/// Devices written at a time.
const BATCH: usize = 1000;
/// Bytes of rows after which a batch is written, however few they are.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of a refused table that are still read: some million rows.
const HEARD_OUT: u64 = 256 << 20;
/// Columns that are not attributes.
const ID: &str = "id";
const MODEL: &str = "model";
const HOME: &str = "home";

/// How a table is to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taken {
    #[serde(default)]
    dry_run: bool,
}

/// Rows that wait to be written.
#[derive(Default)]
struct Batch {
    devices: Vec<NewDevice>,
    lines: Vec<u64>,
    bytes: usize,
}

/// `POST /v1/devices/import?dry_run=`
pub(crate) async fn import<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    taken: Asked<Taken>,
    mut body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::ManageDevices)?;
    let Taken { dry_run } = query(taken)?;
    input::media_type(&headers, &["text/csv"])?;
    let mut import = Import { backend, by, dry_run, done: Imported::default() };
    let taken = take(&mut import, &mut body).await;
    if taken.is_err() {
        // Whoever still sends would not hear why it is refused.
        input::hear_out(&mut body, HEARD_OUT).await;
    }
    taken?;
    json(StatusCode::OK, &import.done)
}

/// Reads, checks and writes a whole table.
async fn take<B: Backend>(import: &mut Import<B>, body: &mut Body) -> Result<(), Problem> {
    let mut table = csv::Table::new();
    let mut batch = Batch::default();
    let mut columns = None;
    let mut is_open = true;
    while is_open {
        let piece = match body.frame().await {
            None => None,
            Some(frame) => {
                match frame.map_err(|_| import.behind(input::cut_short()))?.into_data() {
                    Ok(piece) => Some(piece).filter(|piece| !piece.is_empty()),
                    Err(_) => continue,
                }
            }
        };
        is_open = piece.is_some();
        // A piece may hold more rows than a batch; it is bounded by what a connection buffers.
        let backend = &import.backend;
        let read = table.feed(&piece.unwrap_or_default(), &mut |header, row| {
            let columns = match &columns {
                Some(columns) => columns,
                None => columns.insert(Columns::of(header)?),
            };
            let device = device(backend, columns, header, row)?;
            batch.bytes += row.fields.iter().map(|field| field.len()).sum::<usize>();
            batch.lines.push(row.line);
            batch.devices.push(device);
            Ok::<_, Problem>(())
        });
        read.map_err(|problem| import.behind(problem))?;
        if !is_open || batch.devices.len() >= BATCH || batch.bytes >= BATCH_BYTES {
            import.write(std::mem::take(&mut batch)).await?;
        }
    }
    let no_header = || wrong(1, "is missing: a header that names the columns, `id` and `model`");
    Columns::of(table.header().ok_or_else(no_header)?)?;
    Ok(())
}

struct Import<B> {
    backend: B,
    by: Principal,
    dry_run: bool,
    done: Imported,
}

impl<B: Backend> Import<B> {
    async fn write(&mut self, batch: Batch) -> Result<(), Problem> {
        let Batch { devices, lines, .. } = batch;
        let (by, total) = (self.by.clone(), devices.len() as u64);
        let written = if self.dry_run {
            let checked = self.backend.read(|fleet| fleet.add_devices(devices, &by));
            checked.map(entries).map_err(|error| self.behind(refused(&lines, &error)))?
        } else {
            let check = move |fleet: &Fleet, _| {
                fleet.add_devices(devices, &by).map_err(|error| refused(&lines, &error))
            };
            let written = self.backend.register(Box::new(check), Terms::default()).await;
            written.map_err(|problem| self.behind(problem))?.len() as u64
        };
        self.done.rows += total;
        self.done.added += written;
        self.done.known += total - written;
        Ok(())
    }

    /// A problem, with what was done before it.
    fn behind(&self, problem: Problem) -> Problem {
        let Imported { rows, .. } = self.done;
        if self.dry_run || rows == 0 {
            return problem;
        }
        let detail = format!("{} ({rows} rows before it are in)", problem.detail);
        Problem { detail, ..problem }
    }
}

fn entries(registered: rollout_core::fleet::Registered) -> u64 {
    use rollout_core::fleet::Registered;
    match registered {
        Registered::New(entries) | Registered::Decided(entries, _) => entries.len() as u64,
        Registered::Known => 0,
    }
}

/// A device that the fleet refuses, with the line it stands on.
fn refused(lines: &[u64], error: &DeviceError) -> Problem {
    let line = error.index().and_then(|index| lines.get(index)).copied().unwrap_or_default();
    let mut source = error;
    while let DeviceError::Row { source: inner, .. } = source {
        source = inner;
    }
    let problem = Problem::from(source.clone());
    Problem { detail: format!("line {line}: {}", problem.detail), ..problem }
}

fn wrong(line: u64, what: &str) -> Problem {
    let hint = "correct it and send the table again; what is in is not added twice";
    Problem::new(Kind::Invalid, "IP-001", format!("line {line} {what}"), hint)
}

impl From<Wrong> for Problem {
    fn from(Wrong { line, what }: Wrong) -> Self {
        wrong(line, &what)
    }
}

/// Where the columns are.
struct Columns {
    id: usize,
    model: usize,
    home: Option<usize>,
    attributes: Vec<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Result<Self, Problem> {
        for (place, name) in header.iter().enumerate() {
            if name.is_empty() || header[..place].contains(name) {
                let number = place + 1;
                let what = format!("names column {number} `{name}`: each has a name of its own");
                return Err(wrong(1, &what));
            }
        }
        for (place, name) in header.iter().enumerate() {
            if super::attribute(name).is_err() {
                let what = format!(
                    "names column {} `{name}`: a name has 1 to 64 letters, digits, `.`, `_`, `-`",
                    place + 1
                );
                return Err(wrong(1, &what));
            }
        }
        let at = |name: &str| header.iter().position(|column| column == name);
        let needed = |name| at(name).ok_or_else(|| wrong(1, &format!("has no column `{name}`")));
        let (id, model, home) = (needed(ID)?, needed(MODEL)?, at(HOME));
        let is_other = |place: &usize| ![Some(id), Some(model), home].contains(&Some(*place));
        let attributes = (0..header.len()).filter(is_other).collect();
        Ok(Self { id, model, home, attributes })
    }
}

fn device<B: Backend>(
    backend: &B,
    columns: &Columns,
    header: &[String],
    row: &Row<'_>,
) -> Result<NewDevice, Problem> {
    let misread = |place: usize, error: &dyn std::fmt::Display| {
        let (column, name) = (place + 1, &header[place]);
        wrong(row.line, &format!("column {column} (`{name}`): {error}"))
    };
    let Columns { id, model, home, attributes } = columns;
    let device = DeviceId::new(row.fields[*id]).map_err(|error| misread(*id, &error))?;
    let hardware = HardwareModel::new(row.fields[*model]);
    let named = home.filter(|place| !row.fields[*place].is_empty());
    let served = named.map(|place| {
        let home = HomeId::new(row.fields[place]).map_err(|error| misread(place, &error))?;
        let is_there = backend.read(|fleet| fleet.hosting.home(&home).is_some());
        is_there.then_some(home).ok_or_else(|| misread(place, &"there is no such home"))
    });
    let attributes = attributes.iter().filter(|place| !row.fields[**place].is_empty());
    let attributes = attributes.map(|place| (header[*place].clone(), row.fields[*place].into()));
    let (_, token) = life::first_token(backend, &device);
    Ok(NewDevice {
        device,
        hardware: hardware.map_err(|error| misread(*model, &error))?,
        home: served.transpose()?,
        token,
        attributes: attributes.collect(),
    })
}
