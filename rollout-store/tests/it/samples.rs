//! One entry of every kind, and more where a kind has variants.

use rollout_core::cohort::Selector;
use rollout_core::device::{Exposure, Facts, RunningImage};
use rollout_core::gate::{FailureGate, HardStops, Rate, Risk};
use rollout_core::hosting::{Endpoint, HomeId, Hosting};
use rollout_core::id::{
    CohortId, DeviceId, Digest, HardwareModel, Principal, ProductId, RolloutId,
};
use rollout_core::journal::{
    CohortRecord, EnrollmentRecord, Entry, PublishRecord, ReportRecord, Role, TokenRecord,
};
use rollout_core::position::Frontier;
use rollout_core::release::{ComponentId, ReleaseId, Target};
use rollout_core::rollout::{
    Admitted, Again, Approval, Arm, Cell, CellKey, Command, Commanded, EvidenceEpoch, FailureRun,
    Gates, Input, Installed, Ladder, Membership, Observation, OnOverdue, OnSmall, Pace, Pending,
    PerMinute, Plan, PlanFields, Reach, Reaching, Rung, RungIndex, Schedule, Silence, StateHash,
    StratumId, Tally,
};
use rollout_core::time::{ServiceTime, Span, Timestamp, Window};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, ImageState, Reason};
use std::num::NonZeroU64;
use std::sync::Arc;

const AT: Timestamp = Timestamp(1_795_292_534_123);

pub fn device() -> DeviceId {
    DeviceId::new("dev-0001").expect("a device id")
}

pub fn by() -> Principal {
    Principal::new("ada@example".replace('@', ".").as_str()).expect("a principal")
}

pub fn rollout() -> RolloutId {
    RolloutId::parse("0192f7a0-0000-7000-8000-000000000001").expect("a UUID")
}

pub fn release() -> ReleaseId {
    ReleaseId::parse("vacuum@2.4.1-rc.1+build.7").expect("a release")
}

pub fn model() -> HardwareModel {
    HardwareModel::new("esp32-c3").expect("a model")
}

pub fn query(text: &str) -> Selector {
    Selector::parse(text).expect("a query")
}

/// Every kind of the first rows once, then their variants, then what came later, as it came.
pub fn entries() -> Vec<Entry> {
    let mut entries = registered();
    entries.extend(happened());
    entries.extend(variants());
    entries.extend(crate::later::entries());
    entries.extend(crate::people::entries());
    entries.extend(crate::ways::entries());
    entries
}

/// How many kinds [`entries`] has.
pub const KINDS: usize = 37;

fn registered() -> Vec<Entry> {
    let hash = Digest::of(b"secret");
    let endpoint = Endpoint::new("https://control.example/v1").expect("an endpoint");
    vec![
        Entry::RootAccepted { envelope: vec![0, 1, 254, 255] },
        Entry::HostingSet(Hosting::single(endpoint)),
        Entry::ProductAdded { product: ProductId::new("vacuum").expect("a product"), by: by() },
        Entry::Published(Box::new(PublishRecord {
            release: release(),
            counter: ReleaseCounter(17),
            manifests: vec![vec![1, 2, 3], vec![]],
            way_back: Some((semver::Version::new(2, 3, 0), vec![vec![9; 5]])),
            from: semver::VersionReq::parse(">=2.1, <2.4.1").ok(),
            by: by(),
            notes: None,
            source: None,
            provenance: None,
            marks: Default::default(),
        })),
        Entry::Withdrawn { release: release(), by: by(), reason: "it \"beeps\"\n ✂".into() },
        Entry::Renewed { release: release(), manifests: vec![vec![1, 2, 4], vec![]], by: by() },
        Entry::CohortDefined {
            cohort: CohortId::new("dogfood").expect("a cohort"),
            record: CohortRecord::Query(query("model==esp32-*;(country=in=(de,at),beta==true)")),
            by: by(),
        },
        Entry::TokenMade(TokenRecord {
            id: "t1".into(),
            hash,
            principal: by(),
            roles: [
                Role::Viewer,
                Role::Operator,
                Role::Publisher,
                Role::Approver,
                Role::Admin,
                Role::Auditor,
            ]
            .into(),
            expires: AT,
        }),
        Entry::TokenRevoked { id: "t1".into() },
        Entry::EnrollmentOpened(EnrollmentRecord {
            id: "e1".into(),
            hash,
            hardware: model(),
            count: u64::MAX,
            expires: Timestamp(u64::MAX),
        }),
        Entry::Enrolled {
            device: device(),
            hardware: model(),
            home: HomeId::new("main").expect("a home"),
            token: hash,
            enrollment: Some("e1".into()),
            attributes: Default::default(),
            by: None,
        },
    ]
}

fn happened() -> Vec<Entry> {
    let fields = plan_fields(Membership::Query(query("model==esp32-c3")));
    vec![
        Entry::Drafted { rollout: rollout(), plan: checked(fields), by: by() },
        Entry::Seen { device: device(), facts: Box::new(facts()) },
        report(Event::Returned, Some(Reason::PowerLoss)),
        Entry::Clock,
        Entry::Outage(Window { from: Timestamp(5), to: AT }),
        stepped(Input::Observed(observation())),
        Entry::Offered {
            rollout: rollout(),
            device: device(),
            attempt: 2,
            image: Digest::of(b"image"),
            lease_until: AT,
        },
        Entry::Permitted {
            rollout: rollout(),
            device: device(),
            exposure: Exposure {
                batch: RungIndex(2),
                stratum: StratumId(7),
                epoch: EvidenceEpoch(1),
                admitted: Admitted::ByName,
                at: AT,
                horizon: Span(3_600_001),
                deadline: ServiceTime(AT.0 + 3_600_001),
            },
        },
        Entry::Held { rollout: rollout(), device: device(), deadline: ServiceTime(u64::MAX) },
    ]
}

fn variants() -> Vec<Entry> {
    let mut entries = vec![
        Entry::Published(Box::new(PublishRecord {
            release: release(),
            counter: ReleaseCounter(0),
            manifests: vec![],
            way_back: None,
            from: None,
            by: by(),
            notes: None,
            source: None,
            provenance: None,
            marks: Default::default(),
        })),
        Entry::CohortDefined {
            cohort: CohortId::new("brave").expect("a cohort"),
            record: CohortRecord::Listed([device()].into()),
            by: by(),
        },
    ];
    for command in commands() {
        entries.push(stepped(Input::Command(Commanded { by: by(), command })));
    }
    entries.extend(EVENTS.map(|event| report(event, None)));
    entries.extend(REASONS.map(|reason| report(Event::Failed, Some(reason))));
    let back = Membership::StillRunning { rollout: rollout() };
    let listed = Membership::Listed([device()].into());
    for (members, target) in [(back, Target::WayBackOf(release())), (listed, target())] {
        let fields = PlanFields {
            target,
            require: None,
            on_small: OnSmall::Hold,
            on_halt: Installed::Keep,
            start_at: None,
            ..plan_fields(members)
        };
        entries.push(Entry::Drafted { rollout: rollout(), plan: checked(fields), by: by() });
    }
    entries
}

const EVENTS: [Event; 11] = [
    Event::Downloading,
    Event::Downloaded,
    Event::Booted,
    Event::Confirmed,
    Event::Failed,
    Event::Returned,
    Event::Refused,
    Event::Deferred,
    Event::Stopped,
    Event::Crashed,
    Event::Unknown,
];

const REASONS: [Reason; 18] = [
    Reason::PowerLoss,
    Reason::NoRoundTrip,
    Reason::SelfTest,
    Reason::Crash,
    Reason::Watchdog,
    Reason::SafetyFault,
    Reason::Storage,
    Reason::Signature,
    Reason::Digest,
    Reason::Hardware,
    Reason::Counter,
    Reason::SecureVersion,
    Reason::Expired,
    Reason::Size,
    Reason::FailedBefore,
    Reason::Download,
    Reason::Told,
    Reason::Other,
];

fn commands() -> [Command; 7] {
    [
        Command::Start,
        Command::Pause { reason: "lunch".into(), review_at: AT },
        Command::Resume,
        Command::Advance,
        Command::Approve { rung: RungIndex(3) },
        Command::Halt { reason: "smoke".into() },
        Command::Cancel,
    ]
}

fn report(event: Event, reason: Option<Reason>) -> Entry {
    Entry::Reported(ReportRecord {
        device: device(),
        incarnation: 0xfedc_ba98_7654_3210,
        sequence: 41,
        rollout: rollout(),
        attempt: 1,
        event,
        reason,
        detail: Some("brown-out at 2.9 V".into()),
    })
}

pub fn stepped(input: Input) -> Entry {
    let state = StateHash::from_digest(Digest::of(b"state"));
    Entry::Stepped { rollout: rollout(), input: Box::new(input), state }
}

fn facts() -> Facts {
    Facts {
        running: RunningImage {
            digest: Digest::of(b"old"),
            version: "2.3.0".into(),
            epoch: 3,
            counter: ReleaseCounter(16),
            state: ImageState::PendingVerify,
        },
        secure_version: SecureVersion(2),
        slot_bytes: 1_966_080,
        spare: Some(Digest::of(b"new")),
        root_version: 4,
        attributes: [("country", "de"), ("kind", "clock"), ("v", "9")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
    }
}

fn observation() -> Observation {
    let key = |batch, arm| CellKey {
        epoch: EvidenceEpoch(0),
        batch: RungIndex(batch),
        stratum: StratumId(0),
        arm,
    };
    let cell = |permitted| Cell { permitted, confirmed: 3, by_position: 2, ..Cell::default() };
    let full = Cell {
        permitted: 1,
        failed_known: 2,
        matured: 3,
        matured_bad: 4,
        unconfirmed: 5,
        confirmed: 6,
        rolled_back: 7,
        failed: 8,
        silent: 9,
        safety_faults: 10,
        by_position: 11,
        withdrawn: 0,
    };
    Observation {
        tally: Tally {
            cells: [
                (key(0, Arm::Canary), cell(20)),
                (key(0, Arm::Control), cell(100)),
                (key(1, Arm::Canary), full),
            ]
            .into(),
            pending: Pending { offers: 4, already: 5, refused: 6 },
            run: FailureRun { epoch: EvidenceEpoch(1), length: 2 },
        },
        reach: Reach { rung: Some(RungIndex(1)), reachable: 1200, served: 1100, is_vacant: false },
        count_frontiers: vec![(20, Frontier::at_bp(3)), (50, Frontier::OPEN)],
        losses: Default::default(),
    }
}

fn target() -> Target {
    Target::Release(release())
}

pub fn checked(fields: PlanFields) -> Arc<Plan> {
    Arc::new(Plan::check(fields).expect("a plan"))
}

pub fn plan_fields(members: Membership) -> PlanFields {
    let rung = |text: &str| Rung::parse(text).expect("a rung");
    let rate = |value| Rate::new(value).expect("a rate");
    let risk = |value| Risk::new(value).expect("a risk");
    // Sums that no short decimal names: 0.1 + 0.2 is not 0.3.
    let (p_max, alpha) = (rate((0.1 + 0.2) / 10.0), risk(0.1 * 0.3));
    PlanFields {
        name: "vacuum 2.4.1 for all".into(),
        target: target(),
        component: ComponentId::MAIN,
        members,
        require: Some(query("battery=ge=30;docked==true")),
        ladder: Ladder::new(["cohort:dogfood", "20", "0.25%", "100%"].map(rung).into())
            .expect("a ladder"),
        soak: Span::hours(1),
        pace: Pace {
            max_in_flight: Some(5000),
            budget: 60,
            max_offers: None,
            lease: Span::hours(6),
            per_minute: PerMinute::Unbounded,
        },
        gates: Gates {
            failure: FailureGate::new(p_max, rate(0.07), alpha, risk(0.01), 2).expect("a gate"),
            stops: HardStops {
                max_bricked: NonZeroU64::new(3),
                max_safety_faults: NonZeroU64::new(1),
                max_consecutive_failures: None,
            },
        },
        silence: Silence {
            intervals: 3,
            at_least: Span::hours(4),
            confirm_window: Span::secs(600),
        },
        reaching: Reaching {
            min_reach_bp: 9000,
            max_open: Span::hours(14 * 24),
            min_matured_bp: 5000,
            min_bake: Span(1),
        },
        on_small: OnSmall::Quiet,
        approval: Approval { before: [RungIndex(3)].into(), by: 2, ..Approval::default() },
        on_halt: Installed::RollBack,
        start_at: Some(AT),
        again: Again::No,
        schedule: Schedule::default(),
        on_overdue: OnOverdue::default(),
    }
}
