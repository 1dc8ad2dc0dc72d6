//! Images on trial: what ends a trial, and what a device remembers of it.

use crate::documents::{fields, good_image, image};
use crate::world::{Mood, World};
use firmware_agent::boot::State;
use firmware_agent::flash::Board;
use firmware_agent::health::ResetCause;
use firmware_agent::host::image::{Behavior, ImageSpec, build};
use rollout_core::id::Digest;
use rollout_core::version::SecureVersion;
use rollout_core::wire::{Event, Reason};

const ALL: u32 = 1_000_000;

#[test]
fn failed_image_not_retried_without_new_attempt() {
    let fails = Behavior { fail_ppm: ALL, ..Behavior::default() };
    let crashes = Behavior { crash_ppm: ALL, ..Behavior::default() };
    let hangs = Behavior { dark_ppm: ALL, ..Behavior::default() };
    for (behavior, reason) in
        [(fails, Reason::SelfTest), (crashes, Reason::Crash), (hangs, Reason::Watchdog)]
    {
        let bad = image("2.0.0", 20_000, behavior);
        let mut world = World::offering(&bad, "2.0.0");
        world.run_until(|world| world.has(Event::Refused));
        assert_eq!(
            world.events(),
            [
                (Event::Downloaded, None),
                (Event::Booted, None),
                (Event::Returned, Some(reason)),
                (Event::Refused, Some(Reason::FailedBefore)),
            ]
        );
        assert_eq!(world.running(), Digest::of(&world.old));
        assert_eq!(world.record().confirmed.counter, 1);
        let trials = |world: &World| {
            world.booted.iter().filter(|(digest, _)| *digest == Digest::of(&bad)).count()
        };
        world.run_for(600_000);
        assert_eq!(trials(&world), 1, "tried again");
        world.offer(&bad, &fields(&bad, "2.0.0", 3), 2);
        world.run_until(|world| world.count(Event::Returned) == 2);
    }
}

#[test]
fn no_round_trip_returns_and_begins_again_without_a_download() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.trial_mood = Mood::Silent;
    world.run_until(|world| world.has(Event::Returned));
    let returned = (Event::Returned, Some(Reason::NoRoundTrip));
    assert_eq!(world.events(), [(Event::Downloaded, None), (Event::Booted, None), returned]);
    let sent = world.server.bytes_sent;
    world.server.trial_mood = Mood::Well;
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!((world.server.bytes_sent, world.server.begins), (sent, 2));
    assert_eq!(world.count(Event::Downloaded), 1);
    assert!(world.record().failed.iter().all(Option::is_none));
}

#[test]
fn a_busy_server_extends_the_window_to_at_most_twice() {
    let image = good_image("2.0.0");
    for (mood, shortest, longest) in [
        (Mood::Silent, 60_000, 75_000),
        (Mood::Busy(20), 119_000, 150_000),
        (Mood::Busy(3_600), 119_000, 150_000),
    ] {
        let mut world = World::offering(&image, "2.0.0");
        world.server.trial_mood = mood;
        world.run_until(|world| world.has(Event::Returned));
        assert_eq!(world.events().last(), Some(&(Event::Returned, Some(Reason::NoRoundTrip))));
        assert!((shortest..longest).contains(&world.now), "{mood:?}: {} ms", world.now);
    }
}

#[test]
fn a_server_that_comes_back_within_the_longer_window_confirms() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.trial_mood = Mood::Busy(40);
    world.server.well_again_at = 80_000;
    world.run_until(|world| world.has(Event::Confirmed));
    assert!(!world.has(Event::Returned));
}

#[test]
fn a_confirmed_image_that_crashes_is_reported() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.run_until(|world| world.has(Event::Confirmed));
    world.cause = ResetCause::Watchdog;
    world.run_until(|world| world.has(Event::Crashed));
    assert_eq!(world.events().last(), Some(&(Event::Crashed, Some(Reason::Watchdog))));
    assert_eq!(world.running(), Digest::of(&image));
}

#[test]
fn power_lost_on_trial_is_held_against_nobody() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.trial_mood = Mood::Silent;
    world.run_until(|world| {
        world.booted.last().is_some_and(|(_, state)| *state == State::PendingVerify)
            && world.server.requests > 8
    });
    world.pull_the_plug();
    world.server.trial_mood = Mood::Well;
    world.run_until(|world| world.has(Event::Confirmed));
    assert!(world.events().contains(&(Event::Returned, Some(Reason::PowerLoss))));
    assert_eq!(world.count(Event::Downloaded), 1);
}

/// An update to an image of secure version 3 that fails in so many of a million trials.
fn of_secure_version_3(fail_ppm: u32) -> World {
    let behavior = Behavior { fail_ppm, ..Behavior::default() };
    let spec = ImageSpec { version: "2.0.0", secure_version: 3, behavior, ..ImageSpec::default() };
    let image = build(&spec);
    let mut manifest = fields(&image, "2.0.0", 2);
    manifest.secure_version = SecureVersion(3);
    let mut world = World::new();
    world.offer(&image, &manifest, 1);
    world
}

#[test]
fn the_fuse_is_raised_by_what_is_confirmed() {
    let mut world = of_secure_version_3(0);
    world.run_until(|world| world.has(Event::Booted));
    assert_eq!(world.flash.secure_version(), 0, "not by a trial");
    world.run_until(|world| world.has(Event::Confirmed));
    assert_eq!(world.flash.secure_version(), 3);
}

#[test]
fn revert_does_not_burn() {
    let mut world = of_secure_version_3(ALL);
    world.run_until(|world| world.has(Event::Returned));
    assert_eq!(world.flash.secure_version(), 0);
    assert_eq!(world.running(), Digest::of(&world.old), "and what it came back to still starts");
}

/// A fuse cannot be taken back, so what the record must know for it is written before.
#[test]
fn at_any_power_cut_the_record_knows_what_the_fuse_says() {
    let mut whole = of_secure_version_3(0);
    let first = whole.flash.operations() + 1;
    whole.run_until(|world| world.has(Event::Confirmed));
    for operation in first..=whole.flash.operations() {
        let mut world = of_secure_version_3(0);
        world.flash.cut_at(operation);
        world.run_until(|world| world.flash.operations() >= operation);
        let (fuse, counter) = (world.flash.secure_version(), world.record().confirmed.counter);
        assert!(fuse == 0 || counter == 2, "cut at {operation}: fuse {fuse}, counter {counter}");
        world.run_until(|world| world.has(Event::Confirmed));
        assert_eq!(world.flash.secure_version(), 3, "cut at {operation}");
    }
}

#[test]
fn an_answer_after_the_window_is_no_round_trip() {
    for (late, end) in [(59_000, Event::Confirmed), (60_000, Event::Returned)] {
        let mut world = World::offering(&good_image("2.0.0"), "2.0.0");
        world.server.trial_delay = late;
        world.run_until(|world| world.has(Event::Confirmed) || world.has(Event::Returned));
        assert!(world.has(end), "after {late} ms: {:?}", world.events());
    }
}

/// An answer that was overtaken by the yes: the bootloader has its order already.
#[test]
fn a_stop_that_comes_after_the_switch_changes_nothing() {
    let image = good_image("2.0.0");
    let mut world = World::offering(&image, "2.0.0");
    world.server.stop_comes_late = true;
    world.run_until(|world| world.has(Event::Confirmed));
    let expected = [Event::Downloaded, Event::Booted, Event::Confirmed];
    assert_eq!(world.events(), expected.map(|event| (event, None)));
    assert_eq!(world.running(), Digest::of(&image));
}
