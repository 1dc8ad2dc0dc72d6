//! A fleet counted at once, against asking each device.

use proptest::prelude::*;
use rollout_core::cohort::{KindId, Kinds, Selector};
use rollout_core::position::{DeviceKey, Frontier, Position, Salt};
use rollout_core::rollout::{Group, Ladder, Rung, RungIndex, Spread};
use std::collections::BTreeMap;

type Device = BTreeMap<String, String>;

fn device() -> impl Strategy<Value = Device> {
    let value = |texts: &'static [&str]| prop::sample::select(texts.to_vec());
    let model = prop::option::of(value(&["v960", "v980", "s10"]));
    let region = prop::option::of(value(&["eu", "us", ""]));
    (model, region).prop_map(|(model, region)| {
        let model = model.map(|model| ("model".into(), model.into()));
        let region = region.map(|region| ("region".into(), region.into()));
        model.into_iter().chain(region).collect()
    })
}

fn ladder() -> impl Strategy<Value = Ladder> {
    let shares = prop::collection::btree_set(1_u16..=10_000, 0..6);
    (any::<bool>(), shares).prop_map(|(count, shares)| {
        let first = (count || shares.is_empty()).then_some(Rung::Count(20));
        let rungs = first.into_iter().chain(shares.into_iter().map(Rung::Share));
        Ladder::new(rungs.collect()).expect("it rises")
    })
}

fn learned(devices: &[Device]) -> (Kinds, Vec<KindId>) {
    let mut kinds = Kinds::default();
    let of = devices.iter().map(|device| kinds.learn(device).expect("few")).collect();
    (kinds, of)
}

proptest! {
    #[test]
    fn a_kind_is_selected_as_each_of_its_devices(
        devices in prop::collection::vec(device(), 0..40),
        query in prop::sample::select(vec![
            "model==v9*", "region!=eu", "model=null=true", "region=in=(us,'');model==s10",
            "model==v960,region=null=false",
        ]),
    ) {
        let query = Selector::parse(query).expect("a query");
        let (kinds, of) = learned(&devices);
        let selected = kinds.matching(&query);
        for (device, kind) in devices.iter().zip(&of) {
            prop_assert_eq!(kinds.get(*kind), Some(device));
            prop_assert_eq!(selected[kind.0 as usize], query.matches(device));
        }
        let different: std::collections::BTreeSet<_> = devices.iter().collect();
        prop_assert_eq!(kinds.len(), different.len());
    }

    /// The ends of each share are among the devices, where being off by one shows.
    #[test]
    fn each_device_counts_at_the_first_rung_that_opens_to_it(
        devices in prop::collection::vec((device(), any::<u64>()), 0..200),
        ladder in ladder(),
    ) {
        // With no salt the place of a device is a function of its key, and these are some.
        let salt = Salt(0);
        let (attributes, mut keys): (Vec<_>, Vec<_>) =
            devices.into_iter().map(|(device, key)| (device, DeviceKey(key))).unzip();
        let ends = (0..ladder.rungs().len()).flat_map(|rung| {
            let frontier = ladder.share_frontier(RungIndex(rung as u16)).raw();
            [frontier.saturating_sub(1) as u64, frontier as u64]
        });
        keys.iter_mut().zip(ends).for_each(|(key, end)| *key = at(Position(end)));
        let (kinds, of) = learned(&attributes);
        let group = |device: &Device| match device.get("model").map(String::as_str) {
            Some("v960") => Some(Group(0)),
            Some("v980") => Some(Group(2)),
            Some(_) | None => None,
        };
        let spread = ladder.spread(salt, &of, &keys, &kinds.ask(group));
        let mut slow = BTreeMap::<_, u64>::new();
        for (device, key) in attributes.iter().zip(&keys) {
            let Some(group) = group(device) else { continue };
            let opens = |rung: &u16| {
                let frontier: Frontier = ladder.share_frontier(RungIndex(*rung));
                frontier.opens(Position::of(*key, salt))
            };
            let rung = (0..ladder.rungs().len() as u16).find(opens);
            *slow.entry((group, rung)).or_default() += 1;
        }
        prop_assert_eq!(spread.members(), slow.values().sum::<u64>());
        for group in [0, 1, 2, 3].map(Group) {
            for rung in 0..ladder.rungs().len() as u16 {
                let counted = slow.get(&(group, Some(rung))).copied().unwrap_or(0);
                prop_assert_eq!(spread.opened(group, RungIndex(rung)), counted);
            }
            let beyond = slow.get(&(group, None)).copied().unwrap_or(0);
            prop_assert_eq!(spread.beyond(group), beyond);
            prop_assert_eq!(spread.opened(group, RungIndex(99)), 0);
        }
    }
}

/// The key whose place without salt is the given one: the steps of the mix, backwards.
fn at(position: Position) -> DeviceKey {
    let unshift = |value: u64, by: u32| (0..64 / by).fold(value, |known, _| value ^ (known >> by));
    let mut z = unshift(position.0, 31).wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = unshift(z, 27).wrapping_mul(0x96de_1b17_3f11_9089);
    let key = DeviceKey(unshift(z, 30));
    assert_eq!(Position::of(key, Salt(0)), position);
    key
}

#[test]
fn a_fleet_of_nobody_spreads_nowhere() {
    let ladder = Ladder::new(vec![Rung::Share(10_000)]).expect("a ladder");
    let nobody: Spread = ladder.spread(Salt(1), &[], &[], &[]);
    assert_eq!(nobody.members(), 0);
    let unknown = ladder.spread(Salt(1), &[KindId(7)], &[DeviceKey(1)], &[Some(Group(0))]);
    assert_eq!(unknown.members(), 0);
}
