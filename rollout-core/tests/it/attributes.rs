//! What operators know of a device is changed within the bounds in which it is registered.

use crate::desk::{Desk, fields, person};
use crate::life::{new_device, retire, write};
use rollout_core::cohort::Selector;
use rollout_core::fleet::NewDevice;
use rollout_core::id::DeviceId;
use std::collections::BTreeMap;

fn changes(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    let owned = |(name, value): &(&str, Option<&str>)| ((*name).into(), value.map(Into::into));
    pairs.iter().map(owned).collect()
}

#[test]
fn attributes_are_set_and_forgotten_and_what_is_not_named_stays() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let id = DeviceId::new("new-1").expect("an id");
    let done = desk.fleet.add_devices(vec![new_device("new-1")], &person("ops"));
    write(&mut desk, done);
    let registered = |desk: &Desk| {
        let known = &desk.fleet.devices[&id];
        let shown = known.registered.iter().map(|(name, value)| format!("{name}={value}"));
        (shown.collect::<Vec<_>>().join(" "), known.revision)
    };
    let set = |desk: &mut Desk, pairs: &[(&str, Option<&str>)]| {
        let done = desk.fleet.set_attributes(id.clone(), changes(pairs), person("ops"));
        write(desk, done)
    };
    let before = registered(&desk).1;
    assert_eq!(set(&mut desk, &[("rack", Some("7")), ("floor", Some("2"))]), 1);
    assert_eq!(registered(&desk).0, "floor=2 rack=7 region=eu-west");
    assert!(registered(&desk).1 > before, "an edit that is based on what was before is stale");
    let (_, before) = registered(&desk);
    assert_eq!(set(&mut desk, &[("rack", Some("7")), ("shelf", None)]), 0, "it is so already");
    assert_eq!(registered(&desk).1, before);
    assert_eq!(set(&mut desk, &[("floor", None), ("region", Some("us"))]), 1);
    assert_eq!(registered(&desk).0, "rack=7 region=us");
    let query = Selector::parse("region==us;rack==7").expect("a query");
    assert_eq!(query.explain(&desk.fleet.devices[&id]), None, "queries go by it");
}

#[test]
fn attributes_are_bounded_as_when_a_device_is_added() {
    let mut desk = Desk::started(1, fields(&["100%"]));
    let id = || DeviceId::new("new-1").expect("an id");
    let by = || person("ops");
    let full = NewDevice {
        attributes: (0..64).map(|index| (format!("a{index}"), String::new())).collect(),
        ..new_device("new-1")
    };
    let done = desk.fleet.add_devices(vec![full], &by());
    write(&mut desk, done);
    let (long, large) = ("n".repeat(65), "v".repeat(257));
    for pairs in [
        &[("more", Some("x"))][..],
        &[("", Some("x")), ("a0", None)],
        &[(&long, Some("x")), ("a0", None)],
        &[("a0", Some(&large))],
        &[("standing", Some("held")), ("a0", None)],
        // Believed before what the device says, it would be wrong within the hour.
        &[("battery", Some("80")), ("a0", None)],
    ] {
        let error = desk.fleet.set_attributes(id(), changes(pairs), by()).expect_err("refused");
        assert_eq!(error.code(), "DV-004", "{error}");
    }
    let swapped = [("more", Some("x")), ("a0", None)];
    let done = desk.fleet.set_attributes(id(), changes(&swapped), by());
    assert_eq!(write(&mut desk, done), 1, "one goes, one comes");
    assert_eq!(desk.fleet.devices[&id()].registered.len(), 64);
    let mut hourly = new_device("new-2");
    hourly.attributes.insert("uptime".into(), "3".into());
    let error = desk.fleet.add_devices(vec![hourly], &by()).expect_err("refused");
    assert_eq!(error.code(), "DV-004");

    let done = desk.fleet.set_standing(id(), retire(), by());
    write(&mut desk, done);
    let gone = desk.fleet.set_attributes(id(), changes(&[("a1", None)]), by());
    assert_eq!(gone.expect_err("gone").code(), "DV-001");
    let nobody = DeviceId::new("nobody").expect("an id");
    let missing = desk.fleet.set_attributes(nobody, changes(&[("a1", None)]), by());
    assert_eq!(missing.expect_err("not there").code(), "RE-001");
}
