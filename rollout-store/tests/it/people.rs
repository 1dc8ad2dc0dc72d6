//! What came with people and time: pauses that nobody reviews.

use crate::samples::{by, checked, plan_fields, query, rollout, stepped};
use rollout_core::journal::Entry;
use rollout_core::rollout::{
    Command, Commanded, Growth, Input, Membership, OnOverdue, Overdue, PerMinute, PlanFields,
};
use rollout_core::time::Span;

/// In the order in which they came.
pub fn entries() -> Vec<Entry> {
    let mut entries: Vec<_> =
        Overdue::ALL.into_iter().map(|what| stepped(Input::Overdue(what))).collect();
    let fields = PlanFields {
        on_overdue: OnOverdue { then: Overdue::Resume, after: Span::hours(2) },
        ..plan_fields(Membership::Query(query("model==esp32-c3")))
    };
    entries.push(Entry::Drafted { rollout: rollout(), plan: checked(fields.clone()), by: by() });
    let command = Command::Edit { plan: checked(fields), says: "soak; 1 approval is void".into() };
    entries.push(stepped(Input::Command(Commanded { by: by(), command })));
    let growth = |max| Growth { factor_milli: 1500, every: 1000, max };
    for per_minute in [
        PerMinute::Constant(50),
        PerMinute::Growing(50, growth(None)),
        PerMinute::Growing(50, growth(Some(1000))),
    ] {
        let mut fields = plan_fields(Membership::Query(query("model==esp32-c3")));
        fields.pace.per_minute = per_minute;
        entries.push(Entry::Drafted { rollout: rollout(), plan: checked(fields), by: by() });
    }
    entries
}
