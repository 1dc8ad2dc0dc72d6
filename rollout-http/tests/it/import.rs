//! A table is taken in batches that are bounded by rows and by bytes, and without a key.

use crate::world::{MODEL, Reply, World, ask, name, request};
use axum::body::Body;

/// As the route has them.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;
/// Bytes that come at a time.
const PIECE: usize = 4096;

async fn import(world: &World, key: Option<&str>, table: &str) -> Reply {
    let pieces: Vec<Result<_, std::io::Error>> =
        table.as_bytes().chunks(PIECE).map(|piece| Ok(piece.to_vec())).collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let mut asked = request("POST", "/v1/devices/import", &world.ann, body);
    if let Some(key) = key {
        asked.headers_mut().insert("idempotency-key", key.parse().expect("a header"));
    }
    ask(&world.operators, asked).await
}

fn small(rows: std::ops::Range<usize>) -> String {
    let lines = rows.map(|row| format!("{},{MODEL}\n", name(row)));
    std::iter::once("id,model\n".to_owned()).chain(lines).collect()
}

#[tokio::test]
async fn many_small_rows_are_written_a_thousand_at_a_time() {
    let world = World::new();
    let before = world.backend.batches().len();
    assert_eq!(import(&world, None, &small(0..5500)).await.json()["added"], 5500);
    let batches = world.backend.batches().split_off(before);
    assert_eq!(batches.iter().sum::<usize>(), 5500);
    let [full @ .., _] = &batches[..] else { panic!("no batch") };
    // The piece that fills a batch is taken whole.
    let most = BATCH + PIECE / format!("{},{MODEL}\n", name(0)).len() + 1;
    assert!(!full.is_empty() && full.iter().all(|rows| (BATCH..=most).contains(rows)));
}

#[tokio::test]
async fn a_few_large_rows_are_a_batch_as_well() {
    let world = World::new();
    let value = "v".repeat(256);
    let names: String = (0..60).map(|column| format!(",a{column}")).collect();
    let values: String = (0..60).map(|_| format!(",{value}")).collect();
    let row = |row: usize| format!("{},{MODEL}{values}\n", name(row));
    let bytes = row(0).len() - 62;
    let count = 4 * BATCH_BYTES / bytes;
    assert!(count < BATCH, "rows alone would be one batch");
    let lines: String = (0..count).map(row).collect();
    let table = format!("id,model{names}\n{lines}");
    let before = world.backend.batches().len();
    assert_eq!(import(&world, None, &table).await.json()["added"], count);
    let batches = world.backend.batches().split_off(before);
    assert_eq!(batches.iter().sum::<usize>(), count);
    let [full @ .., _] = &batches[..] else { panic!("no batch") };
    // Full with the row that goes beyond the bound.
    let least = BATCH_BYTES.div_ceil(bytes);
    assert!(full.len() >= 3 && full.iter().all(|rows| *rows == least), "{batches:?} {least}");
}

#[tokio::test]
async fn a_table_takes_no_key_for_it_may_be_sent_again_and_is_not_held() {
    let world = World::new();
    let key = Some("k1");
    assert_eq!(import(&world, key, &small(0..10)).await.json()["added"], 10);
    // Another table with the same key is another table, and larger than any document may be.
    let note = "n".repeat(250);
    let rows = (0..5_000)
        .map(|row| format!("{},{MODEL},{}\n", name(row), if row < 10 { "" } else { &note }));
    let large: String = std::iter::once("id,model,note\n".to_owned()).chain(rows).collect();
    assert!(large.len() > 1_000_000);
    let done = import(&world, key, &large).await;
    assert_eq!(done.code(), "200 -", "{}", done.json());
    assert_eq!((&done.json()["added"], &done.json()["known"]), (&4_990.into(), &10.into()));
    assert!(!done.headers.contains_key("idempotent-replayed"));
    let kinds = world.backend.journal();
    assert!(kinds.iter().all(|stored| stored.entry.kind() != "once"), "nothing is remembered");
}
