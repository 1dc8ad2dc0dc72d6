//! What is measured, in the text format of Prometheus.
//!
//! Names follow its conventions: base units, `_total` for counters, one series for each label.
//! Not here: what is counted where. Invariants: the number of series is bounded by the rollouts
//! that an overview shows; a scrape goes over the fleet at most once a second.

use super::Answer;
use crate::auth::{Operation, authorize};
use crate::backend::Backend;
use crate::body::v1::{GateBody, PaceBody};
use crate::desk::Desk;
use crate::meters::{BUCKETS_MICROS, Door, Meters};
use crate::openapi::{Table, get};
use crate::show;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse as _;
use std::fmt::Write as _;

/// The type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The route of metrics.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    table.add(
        get("metrics", "/metrics", "What is measured, for Prometheus.")
            .asks(Operation::Read)
            .answers_raw(200, "text/plain", "The text format, version 0.0.4."),
        metrics::<B>,
    )
}

/// What the operating system says of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// CPU time, user and system, seconds.
    pub cpu_secs: f64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Files that are open.
    pub open_files: u64,
    /// When it began, Unix seconds.
    pub began: f64,
}

/// `GET /metrics`
pub(crate) async fn metrics<B: Backend>(State(desk): State<Desk<B>>, headers: HeaderMap) -> Answer {
    authorize(&desk.backend, &headers, Operation::Read)?;
    let mut text = Text::default();
    of_fleet(&mut text, &desk);
    of_rollouts(&mut text, &desk.backend);
    of_meters(&mut text, desk.backend.meters());
    of_doors(&mut text, desk.backend.meters());
    if let Some(process) = (desk.shared.process)() {
        of_process(&mut text, &process);
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(TEXT))];
    Ok((kind, text.0).into_response())
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// Begins a family of series.
    fn family(&mut self, name: &str, kind: &str, about: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = labels.join(",");
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "{name}{braces} {}", number(value));
    }

    /// A family of one series.
    fn one(&mut self, name: &str, kind: &str, about: &str, value: f64) {
        self.family(name, kind, about);
        self.sample(name, &[], value);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    value.to_string()
}

fn of_fleet<B: Backend>(text: &mut Text, desk: &Desk<B>) {
    let fleet = desk.fleet(desk.backend.now());
    text.family("rollout_devices", "gauge", "Devices by where they stand.");
    for (part, devices) in &fleet.parts {
        text.sample("rollout_devices", &[("bucket", part)], *devices as f64);
    }
    let reachable = fleet.reachable as f64;
    text.one("rollout_devices_reachable", "gauge", "Devices heard of lately.", reachable);
    let end = desk.backend.read(|fleet| fleet.read_to.0) as f64;
    text.one("rollout_journal_end", "gauge", "The last entry that was folded.", end);
}

/// One rollout, as far as it is measured.
struct Measured {
    id: String,
    name: String,
    phase: &'static str,
    gate: GateBody,
    pace: PaceBody,
}

fn of_rollouts<B: Backend>(text: &mut Text, backend: &B) {
    let measured: Vec<_> = backend.read(|fleet| {
        let shown = show::newest_ones(fleet).map(|running| Measured {
            id: running.rollout.id.to_string(),
            name: running.rollout.plan.name.clone(),
            phase: running.rollout.phase.name(),
            gate: show::gate(fleet, running),
            pace: show::pace(running),
        });
        shown.collect()
    });
    text.family("rollout_phase", "gauge", "The phase of each rollout: 1 for the one it is in.");
    for Measured { id, name, phase, .. } in &measured {
        text.sample("rollout_phase", &[("rollout", id), ("name", name), ("phase", phase)], 1.0);
    }
    let logs = "Evidence of the failure gate, as natural logarithms: it acts at the limits.";
    text.family("rollout_gate_ln_e", "gauge", logs);
    for Measured { id, gate, .. } in &measured {
        let each = [
            ("abort", gate.ln_e_abort),
            ("abort_limit", gate.abort_at),
            ("pass", gate.ln_e_pass),
            ("pass_limit", gate.pass_at),
        ];
        for (which, value) in each {
            text.sample("rollout_gate_ln_e", &[("rollout", id), ("which", which)], value);
        }
    }
    let bounds = "Rates of failure that are not ruled out, and the plan's limits for them.";
    text.family("rollout_gate_bound", "gauge", bounds);
    for Measured { id, gate, .. } in &measured {
        let each = [
            ("lower", gate.lower),
            ("upper", gate.upper),
            ("p_max", gate.p_max),
            ("p_pass", gate.p_pass),
        ];
        for (which, value) in each {
            text.sample("rollout_gate_bound", &[("rollout", id), ("which", which)], value);
        }
    }
    text.family("rollout_in_flight", "gauge", "Devices permitted and not confirmed.");
    for Measured { id, pace, .. } in &measured {
        text.sample("rollout_in_flight", &[("rollout", id)], pace.in_flight as f64);
    }
    let cap = "Devices that the evidence lets be at risk; none once proven.";
    text.family("rollout_in_flight_cap", "gauge", cap);
    for Measured { id, pace, .. } in &measured {
        if let Some(cap) = pace.cap {
            text.sample("rollout_in_flight_cap", &[("rollout", id)], cap as f64);
        }
    }
}

fn of_meters(text: &mut Text, meters: &Meters) {
    let check_ins = meters.check_ins();
    let count = check_ins.count() as f64;
    text.one("rollout_check_ins_total", "counter", "Check-ins that were answered.", count);
    let name = "rollout_check_in_seconds";
    text.family(name, "histogram", "How long the answer to a check-in took.");
    let mut below = 0;
    for (bucket, end) in check_ins.buckets.iter().zip(BUCKETS_MICROS) {
        below += bucket;
        let end = number(end as f64 / 1e6);
        text.sample(&format!("{name}_bucket"), &[("le", &end)], below as f64);
    }
    text.sample(&format!("{name}_bucket"), &[("le", "+Inf")], count);
    text.sample(&format!("{name}_sum"), &[], check_ins.sum.as_secs_f64());
    text.sample(&format!("{name}_count"), &[], count);
    let lag = "How long the newest answer waited for the journal.";
    text.one("rollout_journal_lag_seconds", "gauge", lag, meters.lag().as_secs_f64());
    let followers = meters.followers();
    let there = followers.there() as f64;
    text.one("rollout_followers", "gauge", "Streams of the journal.", there);
    let dropped = "Streams that were ended because nobody read them.";
    text.one("rollout_followers_dropped_total", "counter", dropped, followers.dropped() as f64);
    let held = "Bytes that wait for the readers of streams.";
    text.one("rollout_followers_held_bytes", "gauge", held, followers.held_bytes() as f64);
}

fn of_doors(text: &mut Text, meters: &Meters) {
    let listeners = Door::ALL.map(|door| (door.name(), meters.door(door)));
    let name = "rollout_connections_refused_total";
    let about = "Connections closed at once: too many of their address showed no good token.";
    text.family(name, "counter", about);
    for (listener, door) in listeners {
        text.sample(name, &[("listener", listener)], door.refused() as f64);
    }
    let name = "rollout_tls_handshakes_failed_total";
    text.family(name, "counter", "Handshakes of TLS that came to nothing, or took too long.");
    for (listener, door) in listeners {
        text.sample(name, &[("listener", listener)], door.unshaken() as f64);
    }
    let name = "rollout_certificate_expiry_timestamp_seconds";
    text.family(name, "gauge", "When the certificate ends that a listener shows.");
    for (listener, door) in listeners {
        if let Some(expires) = door.expires() {
            text.sample(name, &[("listener", listener)], expires as f64);
        }
    }
}

fn of_process(text: &mut Text, process: &Process) {
    let cpu = "CPU time, user and system.";
    text.one("process_cpu_seconds_total", "counter", cpu, process.cpu_secs);
    let resident = process.resident_bytes as f64;
    text.one("process_resident_memory_bytes", "gauge", "Resident memory.", resident);
    text.one("process_open_fds", "gauge", "Files that are open.", process.open_files as f64);
    text.one("process_start_time_seconds", "gauge", "When it began.", process.began);
}
