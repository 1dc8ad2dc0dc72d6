//! What an agent refuses: documents, heads, streams.

use crate::documents::{Keys, fields, good_image};
use crate::world::{Mood, Offered, ROLLOUT, Stream, World};
use firmware_agent::flash::Board as _;
use firmware_agent::host::image::{ImageSpec, build};
use rollout_core::id::Digest;
use rollout_core::image::ChipId;
use rollout_core::trust::sign::ManifestFields;
use rollout_core::trust::{Epoch, UnixSeconds};
use rollout_core::version::ReleaseCounter;
use rollout_core::wire::{Event, Reason};

fn refused_with(world: &mut World) -> Reason {
    world.run_until(|world| world.has(Event::Refused));
    let events = world.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(world.booted.iter().all(|(digest, _)| *digest == Digest::of(&world.old)));
    events[0].1.unwrap()
}

#[test]
fn each_broken_promise_has_its_reason() {
    type Change = fn(&mut ManifestFields);
    let table: [(Reason, Change); 7] = [
        (Reason::Hardware, |m| m.hardware = vec![b"other".to_vec()]),
        (Reason::Hardware, |m| m.chip_id = ChipId(5)),
        (Reason::Hardware, |m| m.product = "doorbell".to_owned()),
        (Reason::Counter, |m| m.counter = ReleaseCounter(1)),
        (Reason::Counter, |m| m.epoch = Epoch(2)),
        (Reason::Expired, |m| m.expires = UnixSeconds(crate::documents::NOW)),
        (Reason::Size, |m| m.image_bytes = 256 * 1024 + 1),
    ];
    for (reason, change) in table {
        let image = good_image("2.0.0");
        let mut manifest = fields(&image, "2.0.0", 2);
        change(&mut manifest);
        let mut world = World::new();
        world.offer(&image, &manifest, 1);
        assert_eq!(refused_with(&mut world), reason);
        assert_eq!(world.server.bytes_sent, 0);
    }
}

#[test]
fn a_strangers_signature_is_refused() {
    let image = good_image("2.0.0");
    let mut world = World::new();
    let manifest = Keys::new(50).manifest(&fields(&image, "2.0.0", 2));
    world.server.offer = Some(Offered { rollout: ROLLOUT.to_owned(), attempt: 1, manifest, image });
    assert_eq!(refused_with(&mut world), Reason::Signature);
}

#[test]
fn another_head_than_promised_stops_before_anything_is_erased() {
    for (product, version, secure_version, reason) in [
        ("doorbell", "2.0.0", 0, Reason::Hardware),
        ("thermostat", "2.0.1", 0, Reason::Digest),
        ("thermostat", "2.0.0", 1, Reason::SecureVersion),
    ] {
        let other = build(&ImageSpec { product, version, secure_version, ..ImageSpec::default() });
        let mut world = World::new();
        world.offer(&other, &fields(&other, "2.0.0", 2), 1);
        let before = world.flash.clone().region_mut(spare()).clone();
        assert_eq!(refused_with(&mut world), reason);
        assert!(*world.flash.region_mut(spare()) == before, "flash was touched");
    }
}

/// What confirms burns its secure version, so nothing below it starts any more.
#[test]
fn a_secure_version_below_the_burnt_one_is_refused() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.flash.power_on();
    world.flash.burn(1).unwrap();
    assert_eq!(refused_with(&mut world), Reason::SecureVersion);
    assert_eq!(world.server.bytes_sent, 0);
}

fn spare() -> firmware_agent::flash::Region {
    firmware_agent::flash::Region::Slot(firmware_agent::flash::Slot::B)
}

#[test]
fn image_of_other_manifest() {
    let promised = good_image("2.0.0");
    let mut other = promised.clone();
    let body = other.len() - 4_096;
    other[body..].reverse();
    assert_ne!(promised, other, "the same head, the same length, another image");
    let mut world = World::new();
    world.offer(&other, &fields(&promised, "2.0.0", 2), 1);
    world.run_until(|world| world.has(Event::Refused));
    assert_eq!((world.count(Event::Downloaded), world.server.begins), (0, 0));
    assert_eq!(world.running(), Digest::of(&world.old));
}

#[test]
fn bit_flip_in_each_kib() {
    let promised = good_image("2.0.0");
    for at in (0..promised.len()).step_by(1_024).chain([promised.len() - 1]) {
        let mut world = World::offering(&promised, "2.0.0");
        world.server.stream = Stream::FlippedBit(at);
        world.run_until(|world| world.has(Event::Refused) || world.server.begins > 0);
        assert_eq!((world.count(Event::Downloaded), world.server.begins), (0, 0), "bit at {at}");
        assert_eq!(world.running(), Digest::of(&world.old), "bit at {at}");
    }
}

#[test]
fn never_ending_body_and_one_byte_more() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.stream = Stream::NeverEnds;
    world.run_until(|world| world.has(Event::Confirmed));
    let slot = world.flash.region_mut(spare());
    assert!(slot[image.len()..].iter().all(|byte| *byte == 0xFF), "a byte too much was written");
}

#[test]
fn range_answered_with_other_offset() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.server.stream = Stream::OtherOffset;
    world.run_for(120_000);
    assert!(world.events().is_empty());
    world.server.stream = Stream::Honest;
    world.run_until(|world| world.has(Event::Confirmed));
}

#[test]
fn every_truncation_is_made_up_for() {
    let image = good_image("2.0.0");
    for at in (1..image.len()).step_by(997) {
        let mut world = World::offering(&image, "2.0.0");
        world.server.stream = Stream::CutAt(at);
        world.run_until(|world| world.server.bytes_sent >= at);
        assert!(!world.has(Event::Downloaded));
        world.server.stream = Stream::Honest;
        world.run_until(|world| world.has(Event::Confirmed));
    }
}

#[test]
fn a_report_that_is_declined_alone_does_not_block_the_others() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.server.poison = Some(Event::Booted);
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!(world.count(Event::Booted), 0);
}

/// An acknowledgment that goes beyond what was sent takes nothing with it.
#[test]
fn what_was_never_sent_is_never_acknowledged() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.run_until(|world| world.server.begins == 1);
    world.server.offer = None;
    world.server.report_mood = Mood::Silent;
    world.run_for(120_000);
    let waiting: Vec<_> = world.record().outbox.iter().map(|entry| entry.event).collect();
    assert_eq!(waiting, [Event::Booted, Event::Confirmed], "nobody was told yet");
    world.server.report_mood = Mood::Well;
    // One that is declined lets each be sent alone.
    world.server.poison = Some(Event::Confirmed);
    world.server.acknowledges = Some(u64::MAX);
    world.run_until(|world| world.has(Event::Booted));
    world.server.poison = None;
    world.run_until(|world| world.has(Event::Confirmed));
}
