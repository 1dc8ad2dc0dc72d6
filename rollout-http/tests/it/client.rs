//! The client against the routes, over a socket of this machine.

use crate::world::{World, image, manifest, root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollout_core::id::Digest;
use rollout_http::body::v1::{CohortRequest, OpenEnrollment, PublishRequest, RootBody};
use rollout_http::client::{Client, Error};

async fn serve(world: &World, token: &str) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = world.operators.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::new(&format!("http://{address}"), token).expect("a good address")
}

#[tokio::test]
async fn a_publisher_needs_nothing_but_the_client() -> Result<(), Error> {
    let world = World::new();
    let client = serve(&world, &world.ann).await;
    assert_eq!(client.ready().await?.devices, 0);
    let envelope = STANDARD.encode(root());
    client.store_root(&RootBody { envelope, version: None }).await?;
    assert_eq!(client.newest_root().await?, client.root(1).await?);
    let image = image("2.4.1");
    let digest = Digest::of(&image);
    let file = std::env::temp_dir().join(format!("rollout-http-{}.bin", std::process::id()));
    std::fs::write(&file, &image).expect("a temporary file");
    let stored = client.upload_image(digest, &file).await;
    std::fs::remove_file(&file).expect("still there");
    assert_eq!(stored?.state, "new");
    assert_eq!(client.upload_bytes(digest, image.clone()).await?.state, "known");
    let product = client.product("vacuum").await?;
    let counter = product.next_counter;
    let release = client
        .publish(&PublishRequest {
            release: "vacuum@2.4.1".into(),
            counter,
            manifests: vec![manifest(&image, "2.4.1", counter, None)],
            way_back: None,
            from: None,
        })
        .await?;
    assert_eq!(release, client.release("vacuum@2.4.1").await?);
    let query = Some("region==eu-west".into());
    let cohort = CohortRequest { query, devices: None };
    assert_eq!(client.define_cohort("dogfood", &cohort).await?.members, 0);
    let plan = "release = \"vacuum@2.4.1\"";
    assert_eq!(client.check(plan).await?.members, 0);
    let rollout = client.create(plan, None).await?;
    assert_eq!(client.start(&rollout.line.id).await?.line.phase, "deploying");
    assert_eq!(client.rollouts().await?.rollouts.len(), 1);
    assert_eq!(client.devices(None, 10).await?.total, 0);
    let last = client.events(0, 1000).await?.pop();
    assert_eq!(last.map(|line| line.kind), Some("stepped".into()));
    Ok(())
}

#[tokio::test]
async fn a_refusal_arrives_with_code_and_hint() {
    let world = World::new();
    let client = serve(&world, &world.vic).await;
    let asked = OpenEnrollment { hardware: "x".into(), count: 1, days: None };
    let error = client.open_enrollment(&asked).await.expect_err("a viewer may not");
    assert_eq!((error.code(), error.status()), ("AU-004", Some(403)));
    assert_eq!(error.to_string(), "vic may not open an enrollment");
    assert_eq!(error.hint(), "it takes one of the roles admin");
    let error = client.release("../tokens").await.expect_err("no name leaves its place");
    assert_eq!(error.code(), "ID-001");
    assert!(!format!("{client:?}").contains(&world.vic));
}

#[tokio::test]
async fn a_silent_address_is_an_error_of_its_own() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = Client::new(&format!("http://{address}"), "").expect("a good address");
    let error = client.ready().await.expect_err("nobody is there");
    assert_eq!((error.code(), error.status()), ("CL-001", None));
    assert_eq!(
        Client::new("nonsense", "").map_err(|e| e.code().to_owned()).err(),
        Some("CL-004".into())
    );
}
