//! What came with ways: stepping stones, dead ends, and who knew that a way back ends.

use crate::samples::{by, checked, model, plan_fields, query, release, rollout, stepped};
use rollout_core::id::ProductId;
use rollout_core::journal::{Entry, PublishRecord};
use rollout_core::release::Marks;
use rollout_core::rollout::{
    AgreedBy, Approval, Command, Commanded, Input, Losses, Membership, Observation, PlanFields,
    RungIndex,
};
use rollout_core::version::ReleaseCounter;

/// In the order in which they came.
pub fn entries() -> Vec<Entry> {
    let input = |command, losses| {
        let commanded = Commanded { by: by(), command };
        stepped(match losses {
            None => Input::Command(commanded),
            Some(losses) => Input::Informed(commanded, losses),
        })
    };
    let losses = || Losses::new([(RungIndex(1), 120), (RungIndex(3), 1 << 60)]);
    let members = Membership::Query(query("model==esp32-c3"));
    let fields = plan_fields(members);
    let approval = Approval { no_return: AgreedBy(2), ..fields.approval.clone() };
    let versions = || semver::VersionReq::parse("<1.2, >=1").expect("a range");
    let ended = |reason| Entry::DeadEndSet {
        product: ProductId::new("vacuum").expect("a product"),
        model: model(),
        versions: versions(),
        reason,
        by: by(),
    };
    let observed = Observation { losses: losses(), ..Observation::default() };
    vec![
        Entry::Published(Box::new(PublishRecord {
            release: release(),
            counter: ReleaseCounter(19),
            manifests: vec![],
            way_back: None,
            from: None,
            by: by(),
            notes: None,
            source: None,
            provenance: None,
            marks: Marks { stones: [model()].into(), irreversible: Some("moves the map".into()) },
        })),
        Entry::StonesSet { release: release(), models: [model()].into(), by: by() },
        Entry::StonesSet { release: release(), models: [].into(), by: by() },
        ended(Some("no radio".into())),
        ended(None),
        Entry::Drafted {
            rollout: rollout(),
            plan: checked(PlanFields { approval, ..fields }),
            by: by(),
        },
        input(Command::ApproveNoReturn { rung: RungIndex(3) }, None),
        input(Command::Start, Some(losses())),
        stepped(Input::Observed(observed)),
    ]
}
