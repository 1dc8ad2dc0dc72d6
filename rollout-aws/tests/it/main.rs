//! The gateway over the fake: its conformance, and what AWS alone brings.

use rollout_aws::fake::FakeIot;
use rollout_aws::{JobsGateway, Kind, Status, TARGETS, Things, conformance, job_id};
use rollout_core::device::ExecutionStatus;
use rollout_core::id::DeviceId;
use rollout_core::port::{DeviceGateway, GatewayError};

fn things() -> Things {
    Things::new("eu-central-1", "123456789012").with_name(device("dotted.name"), "dotted-name")
}

fn gateway() -> JobsGateway<FakeIot> {
    JobsGateway::new(FakeIot::default(), things())
}

fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("a device id")
}

fn arn(id: &str) -> String {
    things().arn(&device(id)).expect("an ARN")
}

#[tokio::test]
async fn jobs_conform_whatever_the_page() {
    for page in [250, 7, 1] {
        let gateway = gateway();
        gateway.api().set_page(page);
        let report = |key: &str, device: &DeviceId, status| {
            let thing = things().arn(device).expect("an ARN");
            gateway.api().report(&job_id(key), &thing, status).expect("reported");
        };
        assert_eq!(conformance::run(&gateway, report).await.len(), 4);
    }
}

#[tokio::test]
async fn throttling_and_lost_replies_are_lived_through_by_asking_again() {
    let gateway = gateway();
    let some = [device("dev-1")];
    gateway.api().throttle(1);
    assert_eq!(gateway.offer("k", &some, "{}").await, Err(GatewayError::Throttled));
    assert_eq!(gateway.api().job("k"), None, "nothing was done");
    gateway.api().lose_replies(1);
    let lost = gateway.offer("k", &some, "{}").await;
    assert!(matches!(lost, Err(GatewayError::Transient(_))), "{lost:?}");
    assert_eq!(gateway.offer("k", &some, "{}").await, Ok(()), "it was done, and is the same");
    gateway.api().lose_replies(1);
    assert!(gateway.revoke("k").await.is_err());
    assert_eq!(gateway.revoke("k").await, Ok(()));
}

#[tokio::test]
async fn what_a_job_cannot_take_is_refused_before_it_is_asked_for() {
    let gateway = gateway();
    let many: Vec<_> = (0..=TARGETS).map(|number| device(&format!("d{number}"))).collect();
    let (unnamed, taken) = ([device("unmapped.name")], [device("dotted-name")]);
    for devices in [&many[..], &unnamed, &taken] {
        let refused = gateway.offer("k", devices, "{}").await;
        assert!(matches!(refused, Err(GatewayError::Refused(_))), "{refused:?}");
    }
    assert_eq!(gateway.api().calls(), 0);
}

#[tokio::test]
async fn stored_names_go_out_and_come_back() {
    let gateway = gateway();
    gateway.offer("k", &[device("dotted.name")], "{}").await.expect("offered");
    let made = gateway.api().job("k").expect("a job");
    assert_eq!(made.targets, ["arn:aws:iot:eu-central-1:123456789012:thing/dotted-name"]);
    let found = gateway.reconcile("k").await.expect("reconciled");
    assert_eq!(found[0].device, device("dotted.name"));
}

#[tokio::test]
async fn an_unknown_status_keeps_its_slot() {
    let gateway = gateway();
    gateway.offer("k", &[device("dev-1")], "{}").await.expect("offered");
    gateway.api().set("k", &arn("dev-1"), Status::read("PAUSED")).expect("set");
    let found = gateway.reconcile("k").await.expect("reconciled");
    assert_eq!(found[0].status, ExecutionStatus::InProgress);
}

#[tokio::test]
async fn the_fake_lets_devices_set_what_devices_may_and_ends_are_final() {
    let gateway = gateway();
    gateway.offer("k", &[device("dev-1")], "{}").await.expect("offered");
    let fake = gateway.api();
    let thing = arn("dev-1");
    for service_only in [ExecutionStatus::Queued, ExecutionStatus::TimedOut] {
        let refused = fake.report("k", &thing, service_only).expect_err("refused");
        assert_eq!(refused.kind, Kind::State);
    }
    fake.set("k", &thing, Status::Known(ExecutionStatus::TimedOut)).expect("the service may");
    let late = fake.report("k", &thing, ExecutionStatus::Succeeded).expect_err("too late");
    assert_eq!(late.kind, Kind::State);
    let stranger = fake.report("k", "arn:other", ExecutionStatus::Failed).expect_err("nobody");
    assert_eq!(stranger.kind, Kind::Missing);
}
