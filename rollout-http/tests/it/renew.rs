//! Manifests that are signed again to live longer.

use crate::world::{NOW, World, image, manifest, manifest_for};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

async fn renew(world: &World, release: &str, manifests: &[String]) -> String {
    let body = json!({ "manifests": manifests });
    world.say("POST", &format!("/v1/releases/{release}/renew"), body).await.code()
}

/// Days that the manifests of the release and of its way back live.
async fn days(world: &World) -> [u64; 2] {
    let release = world.operator("GET", "/v1/releases/vacuum@2.4.1", "").await.json();
    let days = |body: &Value| (body["artifacts"][0]["expires"].as_u64().unwrap_or(0) - NOW) / DAY;
    [days(&release), days(&release["way_back"])]
}

#[tokio::test]
async fn a_renewal_changes_an_expiry_and_nothing_else() {
    let world = World::new();
    assert_eq!(world.store_root().await.code(), "201 -");
    let (new, old) = (image("2.4.1"), image("1.0.0"));
    let own = |days| manifest_for(days, &new, "2.4.1", 2, None);
    let back = |days| manifest_for(days, &old, "1.0.0", 3, Some(1));
    let release = "vacuum@2.4.1";
    assert_eq!(renew(&world, release, &[own(200)]).await, "404 RE-001");
    assert_eq!(world.publish("2.4.1", 2).await.code(), "201 -");

    let others = [
        manifest_for(200, &old, "2.4.1", 2, None),
        manifest_for(200, &new, "2.4.1", 3, None),
        manifest_for(200, &new, "2.4.2", 2, None),
        manifest_for(200, &new, "2.4.1", 2, Some(1)),
    ];
    for other in others {
        assert_eq!(renew(&world, release, &[own(200), other]).await, "409 PU-010");
    }
    assert_eq!(renew(&world, release, &[own(179)]).await, "409 PU-009");
    assert_eq!(renew(&world, release, &[]).await, "400 PU-003");
    assert_eq!(renew(&world, release, &["AAAA".into()]).await, "400 TR-007");
    assert_eq!(days(&world).await, [180, 180]);
    let before = world.backend.journal().len();

    assert_eq!(renew(&world, release, &[own(180), back(180)]).await, "200 -", "as published");
    assert_eq!(renew(&world, release, &[own(180), back(300)]).await, "201 -");
    assert_eq!(days(&world).await, [180, 300]);
    assert_eq!(renew(&world, release, &[own(200), own(250), own(220), back(300)]).await, "201 -");
    assert_eq!(days(&world).await, [250, 300]);
    assert_eq!(renew(&world, release, &[own(250)]).await, "200 -", "twice is once");
    assert_eq!(world.backend.journal().len(), before + 2);
    assert_eq!(renew(&world, release, &[own(180)]).await, "409 PU-009", "an expiry only rises");
}

#[tokio::test]
async fn the_newest_manifest_is_offered() {
    let world = World::new();
    assert_eq!(world.store_root().await.code(), "201 -");
    assert_eq!(world.publish("2.4.1", 2).await.code(), "201 -");
    let tokens = world.enroll(1).await;
    assert_eq!(world.check_in(0, &tokens[0], b"factory", "0.9.0").await.code(), "200 -");
    let id = "0192f7a0-0000-7000-8000-000000000001";
    let plan = "name = \"all\"\nrelease = \"vacuum@2.4.1\"\nladder = [\"100%\"]\n";
    let drafted = world.operator("POST", &format!("/v1/rollouts?id={id}"), plan).await;
    assert_eq!(drafted.code(), "201 -");
    assert_eq!(
        world.operator("POST", &format!("/v1/rollouts/{id}/start"), "").await.code(),
        "200 -"
    );
    let image = image("2.4.1");
    for days in [180, 200] {
        let signed = manifest_for(days, &image, "2.4.1", 2, None);
        renew(&world, "vacuum@2.4.1", std::slice::from_ref(&signed)).await;
        let answer = world.check_in(0, &tokens[0], b"factory", "0.9.0").await.json();
        assert_eq!(answer["offer"]["manifest"], json!(signed), "{days} days");
    }
    assert_eq!(manifest(&image, "2.4.1", 2, None), manifest_for(180, &image, "2.4.1", 2, None));
}
