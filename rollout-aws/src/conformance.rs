//! What is asked of every gateway, once for all of them.
//!
//! A check that fails panics with what it asked; what was checked is returned.

use rollout_core::device::ExecutionStatus;
use rollout_core::id::DeviceId;
use rollout_core::port::{Carried, DeviceGateway, GatewayError};

const DOCUMENT: &str = r#"{"v":1,"rollout":"r","manifest":"AA=="}"#;

/// Runs all checks. `report` lets a device of a tranche say where it stands.
///
/// # Panics
/// If the gateway does not do what is asked.
pub async fn run<G, R>(gateway: &G, report: R) -> Vec<&'static str>
where
    G: DeviceGateway,
    R: Fn(&str, &DeviceId, ExecutionStatus),
{
    an_offer_may_be_repeated_but_not_changed(gateway).await;
    a_revoke_takes_back_what_has_not_begun(gateway, &report).await;
    what_was_never_offered_is_nothing(gateway).await;
    keys_of_any_form_are_kept_apart(gateway).await;
    vec![
        "an offer may be repeated, but not changed",
        "a revoke takes back what has not begun, once or twice",
        "what was never offered is nothing, and may be revoked",
        "keys of any form are kept apart",
    ]
}

fn devices(numbers: std::ops::Range<u32>) -> Vec<DeviceId> {
    let device = |number| DeviceId::new(&format!("dev-{number:04}")).expect("a device id");
    numbers.map(device).collect()
}

/// What the carrier knows, ordered by device.
async fn carried<G: DeviceGateway>(gateway: &G, key: &str) -> Vec<(DeviceId, ExecutionStatus)> {
    let found = gateway.reconcile(key).await.expect("reconciled");
    let mut found: Vec<_> =
        found.into_iter().map(|Carried { device, status }| (device, status)).collect();
    found.sort();
    found
}

fn all(devices: &[DeviceId], status: ExecutionStatus) -> Vec<(DeviceId, ExecutionStatus)> {
    devices.iter().map(|device| (device.clone(), status)).collect()
}

async fn an_offer_may_be_repeated_but_not_changed<G: DeviceGateway>(gateway: &G) {
    let (key, mut some) = ("0192f7a00000-b0-t0-a1", devices(0..100));
    for _ in 0..2 {
        assert_eq!(gateway.offer(key, &some, DOCUMENT).await, Ok(()), "twice is once");
        some.reverse();
    }
    assert_eq!(carried(gateway, key).await, all(&some, ExecutionStatus::Queued));
    for (others, document) in [(devices(0..99), DOCUMENT), (some.clone(), "{}")] {
        let refused = gateway.offer(key, &others, document).await;
        assert!(matches!(refused, Err(GatewayError::Refused(_))), "another tranche: {refused:?}");
    }
    assert_eq!(carried(gateway, key).await, all(&some, ExecutionStatus::Queued), "untouched");
}

async fn a_revoke_takes_back_what_has_not_begun<G, R>(gateway: &G, report: &R)
where
    G: DeviceGateway,
    R: Fn(&str, &DeviceId, ExecutionStatus),
{
    let (key, some) = ("0192f7a00000-b1-t0-a1", devices(0..3));
    gateway.offer(key, &some, DOCUMENT).await.expect("offered");
    report(key, &some[0], ExecutionStatus::InProgress);
    report(key, &some[1], ExecutionStatus::Succeeded);
    for _ in 0..2 {
        assert_eq!(gateway.revoke(key).await, Ok(()), "twice is once");
    }
    use ExecutionStatus::{Canceled, InProgress, Succeeded};
    let statuses = [InProgress, Succeeded, Canceled];
    let expected: Vec<_> = some.iter().cloned().zip(statuses).collect();
    assert_eq!(carried(gateway, key).await, expected);
    report(key, &some[0], ExecutionStatus::Failed);
    assert_eq!(gateway.revoke(key).await, Ok(()), "also when all is over");
    assert_eq!(gateway.offer(key, &some, DOCUMENT).await, Ok(()), "a late repetition");
    assert_eq!(carried(gateway, key).await[2].1, Canceled, "offers nothing anew");
}

async fn what_was_never_offered_is_nothing<G: DeviceGateway>(gateway: &G) {
    assert_eq!(gateway.revoke("never").await, Ok(()));
    assert_eq!(gateway.reconcile("never").await, Ok(vec![]));
    assert_eq!(gateway.offer("nobody", &[], DOCUMENT).await, Ok(()), "an empty tranche");
    assert_eq!(gateway.reconcile("nobody").await, Ok(vec![]));
}

async fn keys_of_any_form_are_kept_apart<G: DeviceGateway>(gateway: &G) {
    let long = "0192f7a0-0000-7000-8000-000000000001/batch/1/".repeat(4);
    let keys = ["get", "a/b", "a.b", "ä", long.as_str()];
    for (number, key) in (0..).zip(keys) {
        let one = devices(number..number + 1);
        assert_eq!(gateway.offer(key, &one, DOCUMENT).await, Ok(()), "{key}");
    }
    for (number, key) in (0..).zip(keys) {
        let one = devices(number..number + 1);
        assert_eq!(carried(gateway, key).await, all(&one, ExecutionStatus::Queued), "{key}");
    }
}
