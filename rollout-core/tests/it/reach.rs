//! The way to a release: stones, bridges, dead ends, and the properties of all of them.

use crate::desk::{Desk, HORIZON, artifact, device, fields, image, model, person, release};
use proptest::prelude::*;
use rollout_core::fleet::{Fleet, Stands};
use rollout_core::hosting::{Endpoint, HomeId, Hosting};
use rollout_core::id::{Digest, HardwareModel, ProductId, RolloutId};
use rollout_core::journal::{Entry, Stored};
use rollout_core::reach::{Atlas, Class, DeadEnd, Footing, Graph, Unreachable, Why};
use rollout_core::release::{ComponentId, Lifecycle, Release, ReleaseId, Target};
use rollout_core::rollout::{Command, Ineligible, Plan, PlanFields};
use rollout_core::time::{Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use semver::{Version, VersionReq};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_000_000);

type Spoil = Box<dyn Fn(&mut Release)>;

fn product() -> ProductId {
    ProductId::new("vacuum").expect("a product")
}

fn id(version: &Version) -> ReleaseId {
    ReleaseId { product: product(), version: version.clone() }
}

/// Releases of one product, with all that a graph needs besides.
struct World {
    atlas: Atlas,
    hosting: Hosting,
    releases: BTreeMap<ReleaseId, Release>,
}

impl World {
    fn new(releases: impl IntoIterator<Item = Release>) -> Self {
        let mut atlas = Atlas::default();
        let releases: BTreeMap<_, _> =
            releases.into_iter().map(|one| (one.id.clone(), one)).collect();
        releases.values().for_each(|release| atlas.mark(release));
        let endpoint = Endpoint::new("http://127.0.0.1:1").expect("an endpoint");
        Self { atlas, hosting: Hosting::single(endpoint), releases }
    }

    fn graph(&self) -> Graph<'_> {
        let around = (&self.atlas, &self.hosting, NOW);
        Graph::new(&self.releases, &product(), ComponentId(0), around)
    }

    fn home(&self) -> &HomeId {
        &self.hosting.default_home().id
    }

    /// The versions a device passes on its way, and what it ends at.
    fn way(&self, at: Footing<'_>, goal: &str) -> (Vec<String>, Option<Unreachable>) {
        let model = model();
        self.way_of(&model, at, goal)
    }

    fn way_of(
        &self,
        model: &HardwareModel,
        at: Footing<'_>,
        goal: &str,
    ) -> (Vec<String>, Option<Unreachable>) {
        let graph = self.graph();
        let class = Class { model, home: self.home(), at, fled: Vec::new() };
        let route = graph.route(&class, &self.releases[&id(&version(goal))]);
        let hops = route.hops.iter().map(|hop| hop.release.id.version.to_string());
        (hops.collect(), route.ends)
    }
}

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

/// A release of that version and counter, with an image for the model.
fn published(text: &str, counter: u64) -> Release {
    Release {
        id: id(&version(text)),
        counter: ReleaseCounter(counter),
        artifacts: vec![artifact(text, counter)],
        way_back: None,
        ..release()
    }
}

fn stone(text: &str, counter: u64) -> Release {
    let mut stone = published(text, counter);
    stone.marks.stones.insert(model());
    stone
}

fn at(version: &str, counter: u64) -> Footing<'_> {
    Footing {
        version,
        image: Digest::of(format!("running {version}").as_bytes()),
        epoch: 1,
        counter: ReleaseCounter(counter),
        secure_version: SecureVersion(0),
        slot_bytes: 1 << 20,
    }
}

/// The vectors of the field: current 1.0, target 3.0, stones 1.5 and 2.0, and so on.
#[test]
fn a_device_passes_every_stone_above_it_in_order() {
    let world = World::new([
        stone("1.5.0", 2),
        published("1.8.0", 3),
        stone("2.0.0", 4),
        published("3.0.0", 5),
    ]);
    for (from, counter, goal, hops) in [
        ("1.0.0", 1, "3.0.0", &["1.5.0", "2.0.0", "3.0.0"][..]),
        ("1.5.0", 2, "3.0.0", &["2.0.0", "3.0.0"]),
        ("1.8.0", 3, "3.0.0", &["2.0.0", "3.0.0"]),
        ("2.1.0", 4, "3.0.0", &["3.0.0"]),
        ("1.0.0", 1, "1.8.0", &["1.5.0", "1.8.0"]),
        ("1.0.0", 1, "1.5.0", &["1.5.0"]),
        ("factory", 1, "3.0.0", &["1.5.0", "2.0.0", "3.0.0"]),
        ("factory", 3, "3.0.0", &["2.0.0", "3.0.0"]),
    ] {
        let (found, ends) = world.way(at(from, counter), goal);
        assert_eq!((found, ends), (hops.iter().map(ToString::to_string).collect(), None), "{from}");
    }
}

#[test]
fn a_stone_is_one_for_its_models_alone() {
    let other = HardwareModel::new("m6").expect("a model");
    let mut both = [stone("2.0.0", 2), published("3.0.0", 3)];
    both.iter_mut().for_each(|release| release.artifacts[0].hardware.push(other.clone()));
    let world = World::new(both);
    assert_eq!(world.way(at("1.0.0", 1), "3.0.0").0, ["2.0.0", "3.0.0"]);
    assert_eq!(world.way_of(&other, at("1.0.0", 1), "3.0.0").0, ["3.0.0"]);
}

/// What cannot be had is waited for with its reason, however good the target is.
#[test]
fn a_stone_that_cannot_be_had_holds_and_is_not_jumped() {
    let (by, reason) = (person("ci"), "smells".to_string());
    let withdrawn = Lifecycle::Withdrawn { by, reason };
    let spoilt: [(&str, Spoil); 6] = [
        ("EX-014", Box::new(move |one| one.lifecycle = withdrawn.clone())),
        ("EX-014", Box::new(|one| one.lifecycle = Lifecycle::Draft)),
        ("EX-015", Box::new(|one| one.artifacts[0].expires = 1000)),
        (
            "EX-016",
            Box::new(|one| {
                let contract = rollout_core::hosting::Contract::parse("api ^9");
                one.artifacts[0].contract = contract.expect("a contract");
            }),
        ),
        ("EX-013", Box::new(|one| one.artifacts[0].length = 1 << 21)),
        ("EX-010", Box::new(|one| one.artifacts[0].min_from = ReleaseCounter(2))),
    ];
    for (code, spoil) in spoilt {
        let mut middle = stone("2.0.0", 3);
        spoil(&mut middle);
        let world = World::new([stone("1.5.0", 2), middle, published("3.0.0", 4)]);
        let (hops, ends) = world.way(at("1.6.0", 1), "3.0.0");
        let ends = ends.expect("it holds");
        assert_eq!((hops.len(), ends.reason.code(), ends.why), (0, code, Why::Stone));
        assert_eq!(ends.release, id(&version("2.0.0")));
        let told = ends.to_string();
        assert!(told.starts_with("must pass through vacuum@2.0.0 first"), "{told}");
        // A device that is past it goes its way.
        assert_eq!(world.way(at("2.0.0", 3), "3.0.0"), (vec!["3.0.0".into()], None));
    }
}

#[test]
fn a_device_that_fled_from_a_stone_is_stuck_before_it() {
    let world = World::new([stone("2.0.0", 2), published("3.0.0", 3)]);
    let model = model();
    let fled = vec![image("2.0.0")];
    let class = Class { model: &model, home: world.home(), at: at("1.0.0", 1), fled };
    let graph = world.graph();
    let stuck = graph.hop(&class, &world.releases[&id(&version("3.0.0"))]).expect_err("stuck");
    assert_eq!((stuck.reason, stuck.why), (Ineligible::Fled, Why::Stone));
}

#[test]
fn what_a_release_asks_of_the_one_before_it_is_looked_for() {
    let mut last = published("4.0.0", 5);
    last.artifacts[0].min_from = ReleaseCounter(4);
    let mut third = published("3.0.0", 4);
    third.from = Some(VersionReq::parse(">=2").expect("a range"));
    let mut second = published("2.5.0", 3);
    second.from = Some(VersionReq::parse(">=2").expect("a range"));
    let world = World::new([published("2.0.0", 2), second, third, last]);
    let (hops, ends) = world.way(at("1.0.0", 1), "4.0.0");
    assert_eq!((hops, ends), (vec!["2.0.0".into(), "3.0.0".into(), "4.0.0".into()], None));
    // Without the one that anything leads to, the first want is named.
    let mut without = world;
    without.releases.remove(&id(&version("2.0.0")));
    let (hops, ends) = without.way(at("1.0.0", 1), "4.0.0");
    assert_eq!((hops.len(), ends.expect("no way").reason.code()), (0, "EX-010"));
}

#[test]
fn a_way_never_leads_down_nor_into_a_dead_end() {
    let mut goal = published("3.0.0", 5);
    goal.artifacts[0].min_from = ReleaseCounter(4);
    // A fix of the old line was signed later: its counter would do, its version is lower.
    let mut world = World::new([published("1.9.0", 4), published("2.5.0", 4), goal]);
    assert_eq!(world.way(at("2.0.0", 2), "3.0.0").0, ["2.5.0", "3.0.0"]);
    let versions = VersionReq::parse("~2.5").expect("a range");
    let end = |reason: &str, versions: &VersionReq| DeadEnd {
        versions: versions.clone(),
        reason: reason.into(),
        by: person("ann"),
        at: NOW,
    };
    world.atlas.declare(&product(), &model(), end("bricks at the second boot", &versions));
    let (hops, ends) = world.way(at("2.0.0", 2), "3.0.0");
    assert_eq!((hops.len(), ends.expect("no way").reason.code()), (0, "EX-010"));
    let (_, ends) = world.way(at("2.5.1", 4), "3.0.0");
    let reason = ends.expect("a dead end").reason;
    assert_eq!(reason, Ineligible::DeadEnd("bricks at the second boot".into()));
    world.atlas.lift(&product(), &model(), &versions);
    assert_eq!(world.way(at("2.5.1", 4), "3.0.0").0, ["3.0.0"]);
}

#[test]
fn a_fuse_that_a_hop_burns_counts_for_the_next() {
    let mut middle = stone("2.0.0", 2);
    middle.artifacts[0].secure_version = SecureVersion(3);
    let world = World::new([middle, published("3.0.0", 3)]);
    let (hops, ends) = world.way(at("1.0.0", 1), "3.0.0");
    assert_eq!((hops, ends.expect("stuck").reason.code()), (vec!["2.0.0".into()], "EX-012"));
}

prop_compose! {
    /// A release at that place in the order of signing: mostly plain, sometimes hard to have.
    fn any_release(counter: u64)(
        minor in 1..12_u64, is_stone in any::<bool>(), odd in 0..8_u8, low in 0..6_u64,
    ) -> Release {
        let text = format!("1.{minor}.0");
        let mut one = if is_stone { stone(&text, counter) } else { published(&text, counter) };
        match odd {
            0 => one.artifacts[0].min_from = ReleaseCounter(low),
            1 => one.from = VersionReq::parse(&format!(">=1.{low}")).ok(),
            2 => one.artifacts[0].secure_version = SecureVersion(1),
            3 => one.lifecycle = Lifecycle::Draft,
            4 => one.artifacts[0].expires = 1,
            5 => one.artifacts[0].hardware.clear(),
            _ => {}
        }
        if one.artifacts[0].hardware.is_empty() {
            one.marks.stones.clear();
        }
        one
    }
}

fn any_world() -> impl Strategy<Value = Vec<Release>> {
    let releases: Vec<_> = (1..9).map(any_release).collect();
    releases.prop_map(|releases| {
        // One of each version: the last that was drawn.
        let by_id: BTreeMap<_, _> = releases.into_iter().map(|one| (one.id.clone(), one)).collect();
        by_id.into_values().collect()
    })
}

fn stones_between(world: &World, from: &Version, goal: &Version) -> Vec<Version> {
    let stones = world.releases.values().filter(|one| one.marks.stones.contains(&model()));
    let between = stones.map(|one| one.id.version.clone());
    between.filter(|stone| stone > from && stone < goal).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// However releases are marked and spoilt: a way rises with every hop, passes every stone that
    /// is above it, and ends; without bridges after at most one hop more than there are stones.
    #[test]
    fn a_way_rises_passes_every_stone_and_ends(
        releases in any_world(), minor in 0..10_u64, counter in 0..6_u64, goal in 0..8_usize,
    ) {
        let world = World::new(releases);
        let goal = world.releases.keys().nth(goal % world.releases.len()).expect("one").clone();
        let (text, model) = (format!("1.{minor}.0"), model());
        let graph = world.graph();
        let class =
            Class { model: &model, home: world.home(), at: at(&text, counter), fled: Vec::new() };
        let route = graph.route(&class, &world.releases[&goal]);
        let from = version(&text);
        let stones = stones_between(&world, &from, &goal.version);
        let mut last = (from.clone(), ReleaseCounter(counter));
        for hop in &route.hops {
            let next = (hop.release.id.version.clone(), hop.artifact.counter);
            prop_assert!(next.0 > last.0 || route.hops.len() == 1, "{next:?} after {last:?}");
            prop_assert!(next.1 > last.1, "{next:?} after {last:?}");
            let jumped = stones.iter().find(|stone| **stone > last.0 && **stone < next.0);
            prop_assert_eq!(jumped, None, "jumped on the way to {:?}", next);
            last = next;
        }
        let arrives = route.hops.last().is_some_and(|hop| hop.release.id == goal);
        prop_assert_eq!(arrives, route.ends.is_none());
        if route.hops.iter().all(|hop| hop.why != Why::Bridge) {
            prop_assert!(route.hops.len() <= stones.len() + 1, "{:?}", route.hops.len());
        }
    }

    /// One function decides: a way of one hop is exactly what a check-in is offered.
    #[test]
    fn a_way_of_one_hop_is_what_admission_offers(
        releases in any_world(), minor in 0..10_u64, counter in 0..6_u64, goal in 0..8_usize,
        fuse in 0..2_u32, slot in prop::sample::select(vec![999_u64, 1 << 20]),
    ) {
        let World { releases, .. } = World::new(releases);
        let goal = releases.keys().nth(goal % releases.len()).expect("one").clone();
        let plan = PlanFields { target: Target::Release(goal), ..fields(&["100%"]) };
        let mut desk = Desk::started_on(1, plan, |fleet| give(fleet, releases));
        let facts = &mut desk.fleet.devices.get_mut(&device(0)).expect("it is there").facts;
        let facts = facts.as_mut().expect("it was seen");
        facts.running.version = format!("1.{minor}.0");
        facts.running.counter = ReleaseCounter(counter);
        facts.running.digest = Digest::of(b"an image of before");
        (facts.secure_version, facts.slot_bytes) = (SecureVersion(fuse), slot);
        let running = &desk.fleet.rollouts[&desk.rollout];
        let is_direct = |stands: &Stands<'_>| *stands == Stands::Direct;
        let way = desk.fleet.way_of(running, &desk.fleet.devices[&device(0)], desk.now, is_direct);
        let told = desk.fleet.admission(desk.rollout, &device(0), desk.now).expect("known");
        // Whether a rung is open is the ladder's question, and no matter of ways.
        prop_assert_eq!(way, Some(matches!(told, Ok(_) | Err(Ineligible::Phase(_)))), "{:?}", told);
    }
}

fn give(fleet: &mut Fleet, releases: BTreeMap<ReleaseId, Release>) {
    fleet.releases = releases;
    fleet.releases.values().for_each(|release| fleet.atlas.mark(release));
}

fn with_stone(fleet: &mut Fleet) {
    let middle = stone("1.0.5", 1);
    let mut middle = Release { counter: ReleaseCounter(2), ..middle };
    middle.artifacts[0].counter = ReleaseCounter(2);
    let mut last = release();
    last.artifacts[0].counter = ReleaseCounter(4);
    let back = last.way_back.as_mut().expect("a way back");
    back.artifacts[0].counter = ReleaseCounter(5);
    // The stone has a way back of its own.
    middle.way_back = Some(rollout_core::release::WayBack {
        version: version("1.0.0"),
        counter: ReleaseCounter(3),
        artifacts: vec![artifact("1.0.0", 3)],
    });
    let releases = [middle, last].map(|one| (one.id.clone(), one));
    give(fleet, releases.into());
}

/// The stone is carried by its own rollout: judged by its own gates, in the same fleet.
#[test]
fn a_device_takes_the_stone_from_the_stones_rollout_and_then_the_target() {
    let mut desk = Desk::started_on(10, fields(&["100%"]), with_stone);
    let told = desk.fleet.admission(desk.rollout, &device(0), desk.now).expect("known");
    let reason = told.expect_err("not yet");
    assert_eq!(reason.code(), "EX-031");
    assert_eq!(reason.to_string(), "it must pass through vacuum@1.0.5 first");
    assert!(!desk.offer(&device(0)), "nobody carries the stone");
    let stone = ReleaseId::parse("vacuum@1.0.5").expect("a release");
    assert_eq!(desk.fleet.carrier(&stone, &device(0), desk.now), None);

    let first = desk.rollout;
    let target = Target::Release(stone.clone());
    let plan = Plan::check(PlanFields { target, ..fields(&["100%"]) }).expect("a plan").into();
    let second = RolloutId(uuid::Uuid::from_u128(2));
    desk.write(Entry::Drafted { rollout: second, plan, by: person("author") });
    desk.rollout = second;
    desk.command("ops", Command::Start).expect("a draft");
    desk.tick(Span::secs(1));
    assert_eq!(desk.fleet.carrier(&stone, &device(0), desk.now), Some(second));
    assert!(desk.offer(&device(0)), "the stone");
    desk.report(&device(0), rollout_core::wire::Event::Downloaded, None);
    desk.begin(&device(0)).expect("a permit");
    desk.check_in(&device(0), "1.0.5", 2);
    desk.report(&device(0), rollout_core::wire::Event::Confirmed, None);
    desk.rollout = first;
    assert!(
        desk.offer(&device(0)),
        "the target: {:?}",
        desk.fleet.explain(first, &device(0), desk.now)
    );
    assert!(desk.fleet.rollouts[&first].executions.contains_key(&device(0)));
}

/// A stone that is marked while devices hold the offer keeps their permits back.
#[test]
fn a_stone_marked_later_keeps_permits_back() {
    let unmarked = |fleet: &mut Fleet| {
        with_stone(fleet);
        let stone = fleet.releases.values_mut().next().expect("the stone");
        stone.marks.stones.clear();
        fleet.atlas.mark(stone);
    };
    let mut desk = Desk::started_on(10, fields(&["100%"]), unmarked);
    assert!(desk.offer(&device(0)));
    desk.report(&device(0), rollout_core::wire::Event::Downloaded, None);
    let release = ReleaseId::parse("vacuum@1.0.5").expect("a release");
    let models = [model()].into();
    let set = desk.fleet.set_stones(release.clone(), models, person("ann")).expect("it fits");
    let rollout_core::fleet::Registered::New(entries) = set else { panic!("{set:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
    let reply = desk.begin(&device(0));
    assert!(matches!(reply, Some(rollout_core::fleet::Reply::Stop("excluded"))), "{reply:?}");
    let other = [HardwareModel::new("m6").expect("a model")].into();
    let refused = desk.fleet.set_stones(release, other, person("ann")).expect_err("no image");
    assert_eq!(refused.code(), "PU-011");
}

#[test]
fn a_survey_counts_every_member_once_and_names_who_is_stuck() {
    let mut desk = Desk::started_on(10, fields(&["100%"]), with_stone);
    desk.check_in(&device(1), "1.0.5", 2);
    desk.check_in(&device(2), "1.1.0", 4);
    desk.check_in(&device(3), "1.0.7", 3);
    desk.fleet.devices.get_mut(&device(4)).expect("a device").facts = None;
    let (product, model, by) = (product(), model(), person("ann"));
    desk.fleet.products.insert(product.clone());
    let versions = VersionReq::parse("=1.0.7").expect("a range");
    let set = desk.fleet.set_dead_end(product, model, versions, Some("no radio".into()), by);
    let rollout_core::fleet::Registered::New(entries) = set.expect("a dead end") else {
        panic!("it is new")
    };
    entries.into_iter().for_each(|entry| desk.write(entry));
    desk.tick(HORIZON);
    let running = &desk.fleet.rollouts[&desk.rollout];
    let (totals, ways) = desk
        .fleet
        .survey(running, desk.now, |survey| (survey.totals, survey.ways.len()))
        .expect("a release");
    let counts = (totals.direct, totals.through, totals.there, totals.orphans, totals.unheard);
    assert_eq!((counts, totals.unnamed, ways), ((1, 6, 1, 1, 1), 0, 4));
    let told = desk.fleet.admission(desk.rollout, &device(3), desk.now).expect("known");
    assert_eq!(told.expect_err("a dead end").code(), "EX-032");
}

/// What people declared is in the journal, and folds to the same ways.
#[test]
fn stones_and_dead_ends_fold_to_the_same_ways() {
    let mut desk = Desk::started_on(3, fields(&["100%"]), with_stone);
    desk.fleet.products.insert(product());
    let versions = VersionReq::parse("<1.0.2").expect("a range");
    for reason in [Some("no radio".to_string()), None] {
        let (model, by) = (model(), person("ann"));
        let set = desk.fleet.set_dead_end(product(), model, versions.clone(), reason.clone(), by);
        let rollout_core::fleet::Registered::New(entries) = set.expect("it may be") else {
            panic!("it is new")
        };
        entries.into_iter().for_each(|entry| desk.write(entry));
        let mut again = crate::desk::base();
        with_stone(&mut again);
        fold(&mut again, &desk.journal);
        let told = |fleet: &Fleet| {
            let told = fleet.admission(desk.rollout, &device(0), desk.now).expect("known");
            told.expect_err("either way").code()
        };
        let code = if reason.is_some() { "EX-032" } else { "EX-031" };
        assert_eq!((told(&desk.fleet), told(&again)), (code, code));
    }
    let (model, by) = (model(), person("ann"));
    let refused = desk.fleet.set_dead_end(product(), model, versions, None, by);
    assert_eq!(refused.expect_err("it was lifted").code(), "RE-001");
}

fn fold(fleet: &mut Fleet, journal: &[Stored]) {
    journal.iter().for_each(|stored| fleet.fold(stored).expect("the journal folds"));
}
