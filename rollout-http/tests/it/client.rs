//! The client against the routes, over a socket of this machine.

use crate::world::{MODEL, World, image, manifest, root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollout_core::cohort::Selector;
use rollout_core::id::{CohortId, Digest, Principal};
use rollout_core::journal::{CohortRecord, Entry};
use rollout_http::body::v1::{
    AddDevice, ChannelRequest, CohortRequest, OfferRequest, OpenEnrollment, PublishRequest,
    ReplaceRequest, RootBody,
};
use rollout_http::client::{Client, Error, Sent, Sought};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    let bytes = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&bytes);
    let sent = Sent::to(move |so_far| told.store(so_far, Ordering::Relaxed));
    let stored = client.upload_image(digest, &file, &sent).await;
    assert_eq!(bytes.load(Ordering::Relaxed), image.len() as u64);
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
            notes: Some("Quieter.".into()),
            source: Some("git 1f2e3d".into()),
            provenance: Some(STANDARD.encode("attested")),
            stepping_stone: Vec::new(),
            irreversible: None,
        })
        .await?;
    assert_eq!(release, client.release("vacuum@2.4.1").await?);
    assert_eq!(release.notes.as_deref(), Some("Quieter."));
    assert_eq!(release.provenance, Some(STANDARD.encode("attested")));
    let listed = client.releases().await?.releases.remove(0);
    assert_eq!((listed.source.as_deref(), listed.notes), (Some("git 1f2e3d"), None));
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

#[tokio::test]
async fn devices_live_and_releases_travel_by_the_client_alone() -> Result<(), Error> {
    let world = World::new();
    let client = serve(&world, &world.ann).await;
    world.store_root().await;
    world.publish("2.4.1", 2).await;
    let new = |id: &str| AddDevice {
        id: id.into(),
        model: MODEL.into(),
        home: None,
        attributes: [("region".to_owned(), "us".to_owned())].into(),
    };
    let token = client.add_device(&new("d1")).await?.token;
    assert_ne!(client.rotate_token("d1").await?.token, token);
    assert_eq!(client.hold("d1", "in the lab").await?.standing, "held");
    assert_eq!(client.release_device("d1").await?.standing, "active");
    assert_eq!(client.note("d1", "wet").await?.notes[0].text, "wet");
    let by = ReplaceRequest { by: "d2".into(), model: None };
    assert_eq!(client.replace("d1", &by).await?.device, "d2");
    client.add_device(&new("d3")).await?;
    assert_eq!(client.retire("d3", "scrapped").await?.standing, "retired");
    let sought = Sought { query: Some("region==us"), sort: Some("-id"), limit: 1, after: None };
    let page = client.devices_of(&sought).await?;
    assert_eq!(page.total, 3, "retired ones are shown as well");

    let plan = ChannelRequest { plan: "ladder = [\"100%\"]".into(), after: None };
    assert_eq!(client.set_channel("vacuum", "beta", &plan).await?.channel, "beta");
    assert_eq!(client.channel("vacuum", "beta").await?.plan, plan.plan);
    let promoted = client.promote("vacuum@2.4.1", "beta").await?;
    assert!(client.promote("vacuum@2.4.1", "beta").await?.was_there);
    let asked = OfferRequest { release: "vacuum@2.4.1".into(), again: true };
    let offered = client.offer("d2", &asked).await?;
    assert_eq!((offered.members, offered.line.phase.as_str()), (1, "deploying"));
    assert_eq!(client.offer("d2", &asked).await?.line.id, offered.line.id);
    let out = client.exclude(&promoted.rollout.id, "d2", "at a fair").await?;
    assert_eq!(out.bucket, "excluded");
    assert_ne!(client.include(&promoted.rollout.id, "d2").await?.bucket, "excluded");
    client.remove_channel("vacuum", "beta").await?;
    assert!(client.channels("vacuum").await?.channels.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_list_is_whole_however_many_pages_it_has() -> Result<(), Error> {
    let world = World::new();
    let client = serve(&world, &world.ann).await;
    let by = Principal::new("ann").expect("a name");
    let query = Selector::parse("model==bench-1").expect("a query");
    let cohort = |index: usize| CohortId::new(&format!("c-{index:03}")).expect("a name");
    let entries = (0..501).map(|index| {
        let (cohort, record) = (cohort(index), CohortRecord::Query(query.clone()));
        Entry::CohortDefined { cohort, record, by: by.clone() }
    });
    world.backend.write(entries.collect());
    let all = client.cohorts().await?;
    assert_eq!((all.cohorts.len(), all.next), (501, None));
    assert!((0..501).all(|index| all.cohorts[index].name == cohort(index).as_str()));
    Ok(())
}

#[tokio::test]
async fn a_table_is_sent_a_piece_at_a_time_and_heard_out() -> Result<(), Error> {
    let world = World::new();
    let client = serve(&world, &world.ann).await;
    let row = |row: usize| format!("{},{MODEL},eu\n", crate::world::name(row));
    let good: String = "id,model,region\n"
        .chars()
        .chain((0..20_000).flat_map(|at| row(at).chars().collect::<Vec<_>>()))
        .collect();
    let bad = good.replace(&row(9_999), "no id!,x,eu\n");
    let folder = std::env::temp_dir().join(format!("rollout-http-table-{}", std::process::id()));
    std::fs::write(&folder, &bad).expect("a temporary file");
    // The refusal arrives, though most of the table comes behind the row that is refused.
    let refused =
        client.import_devices(&folder, false, &Sent::unheard()).await.expect_err("a bad row");
    assert_eq!(refused.code(), "IP-001", "{refused}");
    assert!(refused.to_string().starts_with("line 10001 column 1 (`id`)"), "{refused}");
    std::fs::write(&folder, &good).expect("a temporary file");
    let bytes = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&bytes);
    let sent = Sent::to(move |so_far| told.store(so_far, Ordering::Relaxed));
    assert_eq!(client.import_devices(&folder, true, &sent).await?.rows, 20_000);
    assert_eq!(bytes.load(Ordering::Relaxed), good.len() as u64);
    let done = client.import_devices(&folder, false, &sent).await?;
    assert_eq!((done.rows, done.added + done.known), (20_000, 20_000));
    assert!(done.known >= 5_000, "what was in before the bad row stays: {done:?}");
    std::fs::remove_file(&folder).expect("still there");
    Ok(())
}
