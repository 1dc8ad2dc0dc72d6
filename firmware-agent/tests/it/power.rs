//! Power cuts at every flash operation, torn records, and an outbox that survives.

use crate::documents::{fields, good_image, image};
use crate::world::{Mood, World};
use firmware_agent::cell;
use firmware_agent::flash::{Half, Region, Slot};
use firmware_agent::host::image::Behavior;
use firmware_agent::host::sim::RamFlash;
use firmware_agent::record::{Document, Failed, Identity, Order, Pending, Record, Stage, Target};
use firmware_agent::text::Text;
use rollout_core::id::Digest;
use rollout_core::wire::{Event, Reason};
use std::ops::RangeInclusive;

/// The numbers of the flash operations of an update that nothing disturbs.
fn operations_of_an_update(image: &[u8]) -> RangeInclusive<u64> {
    let mut world = World::offering(image, "2.0.0");
    let before = world.flash.operations();
    world.run_until(|world| world.has(Event::Confirmed));
    before + 1..=world.flash.operations()
}

#[test]
fn a_power_cut_at_any_flash_operation_leaves_a_device_that_ends_updated() {
    let image = good_image("2.0.0");
    let new = Digest::of(&image);
    for operation in operations_of_an_update(&image) {
        let mut world = World::offering(&image, "2.0.0");
        let old = Digest::of(&world.old);
        world.flash.cut_at(operation);
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.running(), new, "cut at {operation}");
        assert!(world.booted.iter().all(|(digest, _)| [old, new].contains(digest)));
        assert_eq!(world.count(Event::Confirmed), 1, "cut at {operation}");
        assert!(world.has(Event::Booted), "cut at {operation}");
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
fn two_power_cuts_are_no_worse_than_one() {
    let image = good_image("2.0.0");
    let operations = operations_of_an_update(&image);
    for (first, gap) in operations.flat_map(|first| [1, 2, 3, 5, 8].map(|gap| (first, gap))) {
        let mut world = World::offering(&image, "2.0.0");
        world.flash.cut_at(first);
        world.run_until(|world| world.flash.operations() >= first);
        world.flash.cut_at(first + gap);
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.running(), Digest::of(&image), "cuts at {first} and {gap} later");
        assert_eq!(world.count(Event::Confirmed), 1, "cuts at {first} and {gap} later");
    }
}

#[test]
fn a_power_cut_at_any_flash_operation_of_a_bad_update_ends_on_the_old_image() {
    let fails = Behavior { fail_ppm: 1_000_000, ..Behavior::default() };
    let bad = image("2.0.0", 20_000, fails);
    let mut world = World::offering(&bad, "2.0.0");
    let before = world.flash.operations();
    world.run_until(|world| world.has(Event::Refused));
    for operation in before + 1..=world.flash.operations() {
        let mut world = World::offering(&bad, "2.0.0");
        world.flash.cut_at(operation);
        world.run_until(|world| world.has(Event::Refused));
        assert_eq!(world.running(), Digest::of(&world.old), "cut at {operation}");
        assert!(!world.has(Event::Confirmed));
        let returned = (Event::Returned, Some(Reason::SelfTest));
        assert!(world.events().contains(&returned), "cut at {operation}");
        assert_eq!(world.record().confirmed.counter, 1);
    }
}

#[test]
fn the_largest_record_is_read_as_it_was_written() {
    let mut flash = RamFlash::new(4096, 1);
    let root = Document::new(&[0xA5; 2048]).unwrap();
    let order = Order { epoch: u64::MAX, counter: u64::MAX };
    let mut record = Record::factory(7, root, order, Digest::of(b"image"));
    let rollout = Text::new("0192f7a0-0000-7000-8000-000000000001").unwrap();
    let identity = Identity { rollout, attempt: u32::MAX };
    for attempt in 1..=6 {
        record.remember_failure(Failed { digest: Digest::of(&[attempt]), attempt: 1 });
    }
    record.installed = Some(identity);
    let target = Target {
        digest: Digest::of(b"next"),
        length: u32::MAX,
        order,
        secure_version: u32::MAX,
        chip_id: u16::MAX,
        product: Text::new(&"p".repeat(31)).unwrap(),
        version: Text::new(&"v".repeat(32)).unwrap(),
    };
    let stage = Stage::Returning { trial: u32::MAX, reason: Reason::Other };
    record.pending = Some(Pending { identity, target, slot: Slot::B, stage });
    for _ in 0..70 {
        record.report(identity, Event::Crashed, Some(Reason::Other), Digest::of(b"image"));
    }
    for _ in 0..3 {
        cell::save(&mut flash, &record).unwrap();
        let read: Record = cell::load(&mut flash).unwrap().unwrap();
        assert!(read == record);
        assert!(record.has_failed(Digest::of(&[6]), 1) && !record.has_failed(Digest::of(&[2]), 1));
    }
}

#[test]
fn a_torn_record_falls_back_to_the_copy_before() {
    for region in [
        Region::Record(Half::First),
        Region::Record(Half::Second),
        Region::Boot(Half::First),
        Region::Boot(Half::Second),
    ] {
        let image = good_image("2.0.0");
        let mut world = World::offering(&image, "2.0.0");
        world.run_until(|world| world.has(Event::Confirmed));
        world.flash.region_mut(region)[18] ^= 0x10;
        let next = good_image("3.0.0");
        world.offer(&next, &fields(&next, "3.0.0", 3), 2);
        world.run_until(|world| world.running() == Digest::of(&next));
        world.run_for(60_000);
        assert_eq!(world.running(), Digest::of(&next), "{region:?}");
        assert_eq!(world.record().confirmed.counter, 3, "{region:?}");
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
