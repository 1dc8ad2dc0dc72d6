//! The fleet in numbers: every device once, whatever happened to it.

use crate::desk::{Desk, HORIZON, USUAL, device, fields, person};
use rollout_core::cohort::{Attributes, Selector};
use rollout_core::fleet::{ABSENT, OTHERS, Part, Registered, Shown, TABLE_COLUMNS, TABLE_ROWS};
use rollout_core::journal::StandingChange;
use rollout_core::wire::{Event, Reason};

const DEVICES: usize = 12;

fn stand(desk: &mut Desk, index: usize, change: StandingChange) {
    let done = desk.fleet.set_standing(device(index), change, person("ops"));
    let Ok(Registered::New(entries)) = done else { panic!("{done:?}") };
    entries.into_iter().for_each(|entry| desk.write(entry));
}

fn permitted(desk: &mut Desk, index: usize) {
    assert!(desk.offer(&device(index)));
    desk.report(&device(index), Event::Downloaded, None);
    assert!(desk.begin(&device(index)).is_some());
}

fn counts(desk: &Desk) -> Vec<(&'static str, u64)> {
    let parts = desk.fleet.parts(desk.now);
    assert_eq!(parts.values().sum::<u64>(), desk.fleet.devices.len() as u64);
    let some = parts.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(part, count)| (part.name(), count)).collect()
}

#[test]
fn every_device_has_exactly_one_part() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    assert_eq!(counts(&desk), [("idle", 12)]);
    for index in 0..6 {
        permitted(&mut desk, index);
    }
    assert!(desk.offer(&device(6)));
    desk.check_in(&device(0), "1.1.0", 2);
    desk.report(&device(0), Event::Confirmed, None);
    desk.report(&device(1), Event::Failed, Some(Reason::SelfTest));
    desk.report(&device(2), Event::Returned, Some(Reason::SelfTest));
    let reason = || String::from("test");
    stand(&mut desk, 7, StandingChange::Hold { reason: reason() });
    stand(&mut desk, 8, StandingChange::Retire { reason: reason() });
    desk.fleet.devices.get_mut(&device(9)).expect("known").facts = None;
    assert_eq!(
        counts(&desk),
        [
            ("retired", 1),
            ("held", 1),
            ("never_seen", 1),
            ("in_flight", 4),
            ("failed", 1),
            ("rolled_back", 1),
            ("confirmed", 1),
            ("idle", 2),
        ]
    );
    desk.tick(HORIZON);
    desk.fleet.touch(&device(10), desk.now);
    let after = counts(&desk);
    assert!(after.contains(&("silent", 3)), "{after:?}");
    assert!(after.contains(&("out_of_reach", 2)), "{after:?}");
    assert!(after.contains(&("idle", 1)), "{after:?}");
    desk.tick(USUAL);
    assert_eq!(Part::ALL.len(), desk.fleet.parts(desk.now).len());
}

#[test]
fn a_table_counts_every_device_in_one_cell() {
    let mut desk = Desk::started(DEVICES, fields(&["100%"]));
    desk.check_in(&device(0), "1.1.0", 2);
    let table = desk.fleet.table("version", "model");
    assert_eq!(table.columns, ["v980"]);
    assert_eq!(table.rows, [("1.0.0".into(), vec![11]), ("1.1.0".into(), vec![1])]);
    assert_eq!(table.total, 12);
    let color = desk.fleet.table("standing", "color");
    assert_eq!(
        (color.columns, color.rows),
        (vec![ABSENT.into()], vec![("active".into(), vec![12])])
    );
}

#[test]
fn a_table_has_room_for_the_most_frequent_values() {
    let devices = TABLE_ROWS + 20;
    let mut desk = Desk::started(devices, fields(&["100%"]));
    desk.check_in(&device(0), "1.1.0", 2);
    let table = desk.fleet.table("device", "device");
    assert_eq!((table.rows.len(), table.columns.len()), (TABLE_ROWS + 1, TABLE_COLUMNS + 1));
    let (name, last) = table.rows.last().expect("rows");
    assert_eq!((name.as_str(), last.iter().sum::<u64>()), (OTHERS, 20));
    assert_eq!(table.columns.last().map(String::as_str), Some(OTHERS));
    let sum: u64 = table.rows.iter().flat_map(|(_, counts)| counts).sum();
    assert_eq!(sum, devices as u64);
}

#[test]
fn lists_may_ask_for_the_standing() {
    let mut desk = Desk::started(2, fields(&["100%"]));
    stand(&mut desk, 0, StandingChange::Hold { reason: "test".into() });
    let query = Selector::parse("standing==held;model==v980").expect("a query");
    let found = desk.fleet.devices.values().filter(|device| query.matches(&Shown(device)));
    assert_eq!(found.map(|known| known.id.clone()).collect::<Vec<_>>(), [device(0)]);
    assert_eq!(Attributes::get(&desk.fleet.devices[&device(0)], "standing"), None);
}
