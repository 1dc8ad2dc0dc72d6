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

#[test]
fn the_fuse_is_raised_after_confirming_and_never_by_a_return() {
    for fail_ppm in [0, ALL] {
        let image = build(&ImageSpec {
            version: "2.0.0",
            secure_version: 3,
            behavior: Behavior { fail_ppm, ..Behavior::default() },
            ..ImageSpec::default()
        });
        let mut world = World::new();
        let mut manifest = fields(&image, "2.0.0", 2);
        manifest.secure_version = SecureVersion(3);
        world.offer(&image, &manifest, 1);
        world.run_until(|world| world.has(Event::Confirmed) || world.has(Event::Returned));
        let expected = if fail_ppm == 0 { 3 } else { 0 };
        assert_eq!(world.flash.secure_version(), expected);
    }
}
