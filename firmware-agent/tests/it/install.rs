//! From an offer to a confirmed image, and the ways in which the server may interfere.

use crate::documents::{NOW, fields, good_image};
use crate::world::{Mood, Offered, ROLLOUT, World};
use firmware_agent::boot::BootRecord;
use firmware_agent::cell;
use firmware_agent::flash::{Region, Slot};
use firmware_agent::record::Order;
use rollout_core::id::Digest;
use rollout_core::trust::sign::sign;
use rollout_core::trust::{DocumentType, Spread, UnixSeconds};
use rollout_core::wire::{Event, Leave, Reason};

#[test]
fn a_good_update_is_confirmed() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.run_until(|world| world.has(Event::Confirmed));
    let order: Vec<Event> = world.events().iter().map(|(event, _)| *event).collect();
    assert_eq!(order, [Event::Downloaded, Event::Booted, Event::Confirmed]);
    assert_eq!(world.running(), Digest::of(&image));
    let record = world.record();
    assert_eq!(record.confirmed, Order { epoch: 1, counter: 2 });
    assert!(record.pending.is_none());
    assert_eq!(world.server.begins, 1);
    assert_eq!(world.server.bytes_sent, image.len());
}

#[test]
fn a_lost_reply_at_any_step_delays_and_nothing_else() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.run_until(|world| world.has(Event::Confirmed));
    for lost in 1..=world.server.requests + 1 {
        let mut world = World::offering(&image, "2.0.0");
        world.server.lose = Some(lost);
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.running(), Digest::of(&image), "request {lost}");
        for event in [Event::Downloaded, Event::Booted, Event::Confirmed] {
            assert_eq!(world.count(event), 1, "request {lost}");
        }
        assert!(!world.has(Event::Returned), "request {lost}");
    }
}

#[test]
fn a_stop_before_the_switch_is_obeyed_and_reported() {
    let image = good_image("2.0.0");
    for leave in [Leave::Wait, Leave::Stop] {
        let mut world = World::offering(&image, "2.0.0");
        world.server.leave = leave;
        world.run_until(|world| world.server.begins > 0);
        world.server.offer = None;
        if leave == Leave::Wait {
            world.server.stop = Some(ROLLOUT.to_owned());
        }
        world.run_until(|world| world.has(Event::Stopped));
        assert_eq!(world.events().last(), Some(&(Event::Stopped, Some(Reason::Told))));
        let record = world.record();
        assert!(record.pending.is_none());
        assert!(world.booted.iter().all(|(digest, _)| *digest == Digest::of(&world.old)));
    }
}

#[test]
fn a_stop_for_another_rollout_changes_nothing() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.server.stop = Some("0192f7a0-0000-7000-8000-00000000ffff".to_owned());
    world.run_until(|world| world.has(Event::Confirmed));
}

#[test]
fn an_image_kept_in_the_slot_is_not_downloaded_again() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.leave = Leave::Stop;
    world.run_until(|world| world.has(Event::Stopped));
    let sent = world.server.bytes_sent;
    world.server.leave = Leave::Yes;
    world.offer(&image, &fields(&image, "2.0.0", 3), 2);
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!(world.server.bytes_sent, sent);
    assert_eq!(world.count(Event::Downloaded), 2);
}

#[test]
fn going_back_on_purpose_needs_no_download() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.run_until(|world| world.has(Event::Confirmed));
    let (sent, old) = (world.server.bytes_sent, world.old.clone());
    world.offer(&old, &fields(&old, "1.0.0", 3), 2);
    world.run_until(|world| world.count(Event::Confirmed) == 2);
    assert_eq!(world.running(), Digest::of(&old));
    assert_eq!(world.server.bytes_sent, sent);
    assert_eq!(world.record().confirmed.counter, 3);
}

#[test]
fn an_image_that_runs_already_only_raises_the_counter() {
    let mut world = World::new();
    let old = world.old.clone();
    world.offer(&old, &fields(&old, "1.0.0", 9), 1);
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!(world.events(), [(Event::Confirmed, None)]);
    assert_eq!(world.booted.len(), 1);
    assert_eq!(world.record().confirmed.counter, 9);
}

#[test]
fn another_offer_waits_until_the_first_is_finished() {
    let (first, second) = (good_image("2.0.0"), good_image("3.0.0"));
    let mut world = World::offering(&first, "2.0.0");
    world.server.leave = Leave::Wait;
    world.run_until(|world| world.server.begins > 0);
    let manifest = world.keys.manifest(&fields(&second, "3.0.0", 3));
    let other = "0192f7a0-0000-7000-8000-000000000002";
    let rollout = other.to_owned();
    world.server.offer = Some(Offered { rollout, attempt: 1, manifest, image: second.clone() });
    let sent = world.server.bytes_sent;
    world.run_until(|world| world.server.begins > 5);
    assert_eq!(world.server.bytes_sent, sent);
    assert!(world.server.begun.iter().all(|rollout| rollout == ROLLOUT));
    world.server.leave = Leave::Yes;
    world.run_until(|world| world.count(Event::Confirmed) == 2);
    assert_eq!(world.server.begun.last().unwrap(), other);
    assert_eq!(world.running(), Digest::of(&second));
}

#[test]
fn a_download_goes_on_after_a_power_cut() {
    let image = crate::documents::image("2.0.0", 200_000, Default::default());
    let mut world = World::offering(&image, "2.0.0");
    world.run_until(|world| world.server.bytes_sent >= 150_000);
    let sent = world.server.bytes_sent;
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!(world.running(), Digest::of(&image));
    let again = sent + image.len() - world.server.bytes_sent;
    assert!(again >= 64 * 1024, "only {again} bytes were kept");
}

#[test]
fn leave_is_not_asked_before_the_reports_are_taken() {
    let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
    world.server.report_mood = Mood::Silent;
    world.run_for(300_000);
    assert_eq!((world.server.begins, world.record().outbox.is_empty()), (0, false));
    world.server.report_mood = Mood::Well;
    world.run_until(|world| world.has(Event::Confirmed));
}

#[test]
fn a_slot_that_rots_before_the_switch_is_not_booted() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.leave = Leave::Wait;
    world.run_until(|world| world.server.begins > 0);
    world.flash.region_mut(Region::Slot(Slot::B))[9_999] ^= 4;
    world.server.leave = Leave::Yes;
    world.run_until(|world| world.has(Event::Returned));
    assert_eq!(world.events().last(), Some(&(Event::Returned, Some(Reason::Storage))));
    let boot: BootRecord = cell::load(&mut world.flash).unwrap().unwrap();
    assert_eq!(boot.trial, 0, "switched to it");
    assert!(world.booted.iter().all(|(digest, _)| *digest == Digest::of(&world.old)));
}

#[test]
fn a_drawn_out_start_is_deferred_once_and_then_made() {
    let image = good_image("2.0.0");
    let mut world = World::new();
    let mut manifest = fields(&image, "2.0.0", 2);
    manifest.spread = Some(Spread { not_before: UnixSeconds(NOW + 1_000), seconds: 1 });
    world.offer(&image, &manifest, 1);
    world.run_until(|world| world.server.seen.len() > 20);
    assert_eq!(world.events(), [(Event::Deferred, None)]);
    world.server.time = NOW + 1_001;
    world.run_until(|world| world.has(Event::Confirmed));
}

#[test]
fn a_newer_root_is_followed_by_one_step_and_never_by_two() {
    let mut world = World::new();
    let next = |world: &World, version| {
        let payload = world.keys.root_fields(version).encode().unwrap();
        sign(DocumentType::Root, &payload, &[&world.keys.root]).unwrap()
    };
    world.server.root = Some(next(&world, 3));
    world.server.root_version = 3;
    world.run_for(60_000);
    let pinned = world.keys.root();
    assert!(world.record().root.as_bytes() == pinned);
    world.server.root = Some(next(&world, 2));
    world.server.root_version = 2;
    world.run_for(60_000);
    assert!(world.record().root.as_bytes() == next(&world, 2));
}
