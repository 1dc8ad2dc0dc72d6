//! Power cuts at every flash operation, torn records, and an outbox that survives.

use crate::documents::good_image;
use crate::world::{Mood, World};
use firmware_agent::flash::{Half, Region};
use rollout_core::id::Digest;
use rollout_core::wire::{Event, Reason};

#[test]
fn a_power_cut_at_any_flash_operation_leaves_a_device_that_ends_updated() {
    let image = good_image("2.0.0");
    let new = Digest::of(&image);
    let mut world = World::offering(&image, "2.0.0");
    let before = world.flash.operations();
    world.run_until(|world| world.has(Event::Confirmed));
    let after = world.flash.operations();
    for operation in before + 1..=after {
        let mut world = World::offering(&image, "2.0.0");
        let old = Digest::of(&world.old);
        world.flash.cut_at(operation);
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.running(), new, "cut at {operation}");
        assert!(world.booted.iter().all(|(digest, _)| [old, new].contains(digest)));
        assert_eq!(world.count(Event::Confirmed), 1, "cut at {operation}");
        for (event, reason) in world.events() {
            let legal = event != Event::Returned || reason == Some(Reason::PowerLoss);
            assert!(legal, "cut at {operation}: {reason:?}");
        }
        let record = world.record();
        assert!(record.pending.is_none() && record.failed.iter().all(Option::is_none));
        assert_eq!(record.confirmed.counter, 2);
    }
}

#[test]
fn a_torn_record_falls_back_to_the_copy_before() {
    for half in [Half::First, Half::Second] {
        let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
        world.run_until(|world| world.has(Event::Downloaded));
        for region in [Region::Record(half), Region::Boot(half)] {
            let damaged = world.flash.region_mut(region);
            damaged[18] ^= 0x10;
        }
        if half == Half::First {
            // One copy of the boot record was all there was.
            world.flash.region_mut(Region::Boot(half))[18] ^= 0x10;
        }
        world.pull_the_plug();
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.count(Event::Confirmed), 1);
    }
}

#[test]
fn reports_survive_until_they_are_acknowledged() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.run_until(|world| world.server.bytes_sent > 0 && world.server.begins > 0);
    world.run_until(|world| world.booted.len() > 1);
    world.server.mood = Mood::Silent;
    world.run_for(60_000);
    let waiting: Vec<u64> = world.record().outbox.iter().map(|entry| entry.sequence).collect();
    assert!(!waiting.is_empty());
    for _ in 0..3 {
        world.run_for(30_000);
    }
    world.server.mood = Mood::Well;
    world.run_until(|world| world.has(Event::Confirmed));
    let known = &world.server.reports;
    assert!(waiting.iter().all(|sequence| known.contains_key(sequence)));
}
