//! How ways read: the hops of devices to a release, and for whom the way back ends.
//!
//! Deliberately not here: which way it is; the server has looked.
//!
//! Invariant: every hop says who gives it, or that nobody does.

use crate::words;
use rollout_http::body::v1::{CheckBody, HopBody, RungBody, WayBody};

/// What a check says of ways, both ways.
pub(super) fn of_check(body: &CheckBody) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(ways) = body.ways.as_ref().filter(|ways| ways.through + ways.orphans > 0) {
        lines.push(format!(
            "ways: {} at once, {} over other releases, {} without a way",
            ways.direct, ways.through, ways.orphans
        ));
        lines.extend(ways.classes.iter().map(|way| {
            let (devices, example) = (words::count(way.devices, "device"), &way.example);
            format!("  {devices}, such as {example} ({}): {}", at(way), line(way))
        }));
        if ways.further > 0 {
            lines.push(format!("  {} of further kinds", words::count(ways.further, "device")));
        }
    }
    if !body.no_return.is_empty() {
        lines.push("the way back ends".into());
    }
    lines.extend(body.no_return.iter().map(|loss| {
        let devices = words::count(loss.devices, "device");
        format!("  {devices}, such as {}: {}", loss.example, loss.reason)
    }));
    lines
}

fn at(way: &WayBody) -> String {
    format!("{} on {}", way.version, way.model)
}

/// The hops of a way, and what it ends at.
pub(super) fn line(way: &WayBody) -> String {
    let mut parts: Vec<_> = way.hops.iter().map(hop).collect();
    match (&way.reason, &way.code) {
        (Some(reason), Some(code)) => parts.push(format!("stuck: {reason} ({code})")),
        (Some(reason), None) => parts.push(format!("stuck: {reason}")),
        (None, _) => {}
    }
    parts.join(" → ")
}

fn hop(hop: &HopBody) -> String {
    match (&hop.rollout, hop.why.as_str()) {
        (_, "goal") => hop.release.clone(),
        (Some(rollout), _) => format!("{} (rollout {rollout})", hop.release),
        (None, _) => format!("{} (no rollout gives it)", hop.release),
    }
}

/// What a rung takes away, and who has agreed; nothing if it takes nothing.
pub(super) fn ends(rung: &RungBody) -> String {
    let (have, need) = (rung.no_return_agreed, rung.no_return_agreed + rung.no_return_missing);
    match rung.no_return {
        0 => String::new(),
        devices => {
            let devices = words::count(devices, "device");
            format!(", the way back ends for {devices} (agreed by {have} of {need})")
        }
    }
}
