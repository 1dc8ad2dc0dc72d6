//! Kinds and fields that came after the first rows: each is appended, none is changed.

use crate::samples::{by, checked, device, model, plan_fields, query, release, rollout};
use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::device::Exposure;
use rollout_core::hosting::HomeId;
use rollout_core::id::{ChannelId, DeviceId, Digest, FreezeId, ProductId};
use rollout_core::journal::{ChannelRecord, Entry, OnceRecord, PublishRecord, StandingChange};
use rollout_core::release::Marks;
use rollout_core::rollout::{
    Admitted, Again, EvidenceEpoch, Lane, Membership, PlanFields, RungIndex, Schedule, StratumId,
};
use rollout_core::time::{ServiceTime, Span, Timestamp};
use rollout_core::version::ReleaseCounter;

/// In the order in which they came.
pub fn entries() -> Vec<Entry> {
    let mut entries = channels();
    entries.extend(devices());
    entries.extend(plans_and_releases());
    entries.extend(requests());
    entries.push(unasked());
    entries.push(Entry::AttributesSet {
        device: device(),
        set: [("region".into(), "eu-west".into()), ("rack".into(), "the \"red\" one".into())]
            .into(),
        unset: ["floor".into()].into(),
        by: by(),
    });
    entries.push(scheduled());
    entries.extend(freezes());
    entries
}

fn channels() -> Vec<Entry> {
    let product = || ProductId::new("vacuum").expect("a product");
    let channel = |name| ChannelId::new(name).expect("a channel");
    let template = "cohort = \"cohort:dogfood\"\nladder = [\"20\"]\n".into();
    let set = |name, after, template| Entry::ChannelSet {
        product: product(),
        channel: channel(name),
        record: ChannelRecord { template, after },
        by: by(),
    };
    vec![
        set("beta", None, String::new()),
        set("stable", Some(channel("beta")), template),
        Entry::ChannelRemoved { product: product(), channel: channel("beta"), by: by() },
        Entry::Promoted {
            release: release(),
            channel: channel("stable"),
            rollout: rollout(),
            by: by(),
        },
    ]
}

fn unasked() -> Entry {
    let exposure = Exposure {
        batch: RungIndex(2),
        stratum: StratumId(7),
        epoch: EvidenceEpoch(1),
        admitted: Admitted::ByPosition,
        at: Timestamp(1_795_292_534_123),
        horizon: Span(3_600_001),
        deadline: ServiceTime(1_795_296_134_124),
    };
    Entry::Unasked { rollout: rollout(), device: device(), exposure }
}

fn devices() -> Vec<Entry> {
    let (device, by, rollout) = (device(), by(), rollout());
    let text = || String::from("the owner says: \"it beeps\"");
    let mut entries: Vec<_> = [
        StandingChange::Hold { reason: text() },
        StandingChange::Release,
        StandingChange::Retire { reason: text() },
    ]
    .map(|standing| Entry::StandingSet { device: device.clone(), standing, by: by.clone() })
    .into();
    entries.extend([
        Entry::Enrolled {
            device: device.clone(),
            hardware: model(),
            home: HomeId::new("main").expect("a home"),
            token: Digest::of(b"secret"),
            enrollment: None,
            attributes: [("region".into(), "eu-west".into())].into(),
            by: Some(by.clone()),
        },
        Entry::TokenRotated {
            device: device.clone(),
            token: Digest::of(b"another"),
            generation: 3,
            by: by.clone(),
        },
        Entry::Noted { device: device.clone(), text: text(), by: by.clone() },
        Entry::Replaced {
            old: device.clone(),
            new: DeviceId::new("dev-0002").expect("a device id"),
            by: by.clone(),
        },
        Entry::Excluded { rollout, device: device.clone(), reason: text(), by: by.clone() },
        Entry::Included { rollout, device, by },
    ]);
    entries
}

fn freezes() -> [Entry; 2] {
    let freeze = || FreezeId::new("christmas-2027").expect("a name");
    let record = Freeze {
        from: Timestamp(1_798_000_000_001),
        until: Timestamp(1_798_900_000_000),
        reason: "nobody is in the office".into(),
    };
    [
        Entry::FreezeSet { freeze: freeze(), record, by: by() },
        Entry::FreezeLifted { freeze: freeze(), by: by() },
    ]
}

fn scheduled() -> Entry {
    let minute = |text| Minute::parse(text).expect("a time of day");
    let weekly = |days, from, to, zone| {
        let days = Days::parse(days).expect("days");
        Weekly::new(days, minute(from), minute(to), zone).expect("a window")
    };
    let berlin = || Zone::find("Europe/Berlin").expect("a zone");
    let schedule = Schedule {
        stop_at: Some(Timestamp(1_795_378_934_123)),
        windows: Windows {
            weekly: vec![
                weekly("mon-fri", "22:30", "05:00", WindowZone::Device),
                weekly("sat,sun", "00:00", "24:00", WindowZone::Fixed(berlin())),
            ],
            zone_default: Some(berlin()),
        },
        freezes: vec![Freeze {
            from: Timestamp(1_795_300_000_000),
            until: Timestamp(1_795_300_000_001),
            reason: "the \"holidays\"".into(),
        }],
        lane: Lane::Usual,
    };
    let members = Membership::Query(query("model==esp32-c3"));
    let fields = PlanFields { schedule, ..plan_fields(members) };
    Entry::Drafted { rollout: rollout(), plan: checked(fields), by: by() }
}

fn plans_and_releases() -> Vec<Entry> {
    let members = Membership::Query(query("model==esp32-c3"));
    let fields = PlanFields { again: Again::Yes, ..plan_fields(members) };
    vec![
        Entry::Drafted { rollout: rollout(), plan: checked(fields), by: by() },
        Entry::Published(Box::new(PublishRecord {
            release: release(),
            counter: ReleaseCounter(18),
            manifests: vec![],
            way_back: None,
            from: None,
            by: by(),
            notes: Some("* does not beep any more\n".into()),
            source: Some("git@example:vacuum 0123456789abcdef".into()),
            provenance: Some(vec![0xFF, 0, 1]),
            marks: Marks::default(),
        })),
    ]
}

fn requests() -> Vec<Entry> {
    let key = || String::from("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    vec![
        Entry::Once(OnceRecord {
            principal: by(),
            key: key(),
            fingerprint: Digest::of(b"POST /v1/rollouts"),
            until: Timestamp(1_795_378_934_123),
        }),
        Entry::Answered { principal: by(), key: key(), status: 201, body: b"{}".to_vec() },
    ]
}
