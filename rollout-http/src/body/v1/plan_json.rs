//! A checked plan in the words it is written in, every default spelled out.
//!
//! Invariant: what is shown of a plan for a release reads back to the same plan. One that takes
//! another rollout back is shown with `way_back_of` and `still_running`, which nobody can write.

use super::plan_schedule::schedule_json;
use super::show_when;
use rollout_core::release::Target;
use rollout_core::rollout::{Again, Growth, Installed, Membership, OnSmall, PerMinute, Plan};
use serde_json::{Map, Value, json};

/// The plan as JSON, in the grammar that [`super::parse_plan`] reads.
pub fn plan_json(plan: &Plan) -> Value {
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            shown.insert(key.into(), value);
        }
    };
    put("name", json!(plan.name));
    match &plan.target {
        Target::Release(id) => put("release", json!(id.to_string())),
        Target::WayBackOf(id) => put("way_back_of", json!(id.to_string())),
    }
    match &plan.members {
        Membership::Query(query) => put("cohort", json!(query.to_string())),
        Membership::Listed(list) => {
            put("devices", list.iter().map(|id| json!(id.as_str())).collect());
        }
        Membership::StillRunning { rollout } => put("still_running", json!(rollout.to_string())),
    }
    put("require", json!(plan.require.as_ref().map(ToString::to_string)));
    put("ladder", plan.ladder.rungs().iter().map(|rung| json!(rung.to_string())).collect());
    put("soak", json!(plan.soak.to_string()));
    put("component", json!(plan.component.0));
    put("start_at", json!(plan.start_at.map(show_when)));
    for (key, value) in schedule_json(&plan.schedule) {
        put(key, value);
    }
    put("min_reach", share(plan.reaching.min_reach_bp));
    put("max_open", json!(plan.reaching.max_open.to_string()));
    put("min_matured_share", share(plan.reaching.min_matured_bp));
    put("min_bake", json!(plan.reaching.min_bake.to_string()));
    put("on_small", json!(on_small(plan.on_small)));
    match plan.again {
        Again::No => {}
        Again::Yes => put("again", json!("yes")),
    }
    put("pace", pace(plan));
    put("gate", gate(plan));
    put("stop", stop(plan));
    put("approval", approval(plan));
    let installed = match plan.on_halt {
        Installed::Keep => "keep",
        Installed::RollBack => "roll_back",
    };
    put("on_halt", json!({ "pending": "revoke", "installed": installed }));
    let rule = plan.on_overdue;
    let after = rule.after.to_string();
    put("on_overdue", json!({ "then": rule.then.name(), "after": after }));
    Value::Object(shown)
}

fn share(bp: u16) -> Value {
    json!(f64::from(bp) / 10_000.0)
}

fn on_small(on_small: OnSmall) -> &'static str {
    match on_small {
        OnSmall::Quiet => "quiet",
        OnSmall::Hold => "hold",
    }
}

fn pace(plan: &Plan) -> Value {
    let pace = &plan.pace;
    without_nulls(json!({
        "max_in_flight": pace.max_in_flight,
        "budget": pace.budget,
        "max_offers": pace.max_offers,
        "lease": pace.lease.to_string(),
        "per_minute": per_minute(pace.per_minute),
    }))
}

fn per_minute(rate: PerMinute) -> Value {
    match rate {
        PerMinute::Unbounded => Value::Null,
        PerMinute::Constant(base) => json!({ "base": base }),
        PerMinute::Growing(base, Growth { factor_milli, every, max }) => {
            let factor = f64::from(factor_milli) / 1000.0;
            without_nulls(json!({ "base": base, "factor": factor, "every": every, "max": max }))
        }
    }
}

fn gate(plan: &Plan) -> Value {
    let (failure, silence) = (&plan.gates.failure, &plan.silence);
    json!({
        "failure": {
            "p_max": failure.p_max().get(),
            "p_pass": failure.p_pass().get(),
            "alpha": failure.alpha().get(),
            "beta": failure.beta().get(),
            "min_failures": failure.min_failures(),
        },
        "silence": {
            "after": format!("{} check-ins", silence.intervals),
            "at_least": silence.at_least.to_string(),
            "confirm_window": silence.confirm_window.to_string(),
        },
    })
}

fn stop(plan: &Plan) -> Value {
    let stops = &plan.gates.stops;
    let value = without_nulls(json!({
        "max_bricked": stops.max_bricked,
        "max_safety_faults": stops.max_safety_faults,
        "max_consecutive_failures": stops.max_consecutive_failures,
    }));
    if value.as_object().is_some_and(Map::is_empty) { Value::Null } else { value }
}

fn approval(plan: &Plan) -> Value {
    let no_return = plan.approval.no_return.0;
    if plan.approval.before.is_empty() {
        return json!({ "no_return": no_return });
    }
    let rungs = plan.approval.before.iter().filter_map(|index| plan.ladder.rung(*index));
    let before: Vec<_> = rungs.map(ToString::to_string).collect();
    json!({ "before": before, "by": plan.approval.by, "no_return": no_return })
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    value
}
