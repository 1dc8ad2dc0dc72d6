//! Followers of the journal: many of them, cut off ones, filtered ones, slow ones.
//!
//! Deadlines run on the runtime's own paused time. Connections are real ones of this machine where
//! their buffers matter. A request of HTTP/1.0 is answered without chunks, so that what is read is
//! the stream itself.

use crate::world::{NOW, World, ask, request};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use rollout_core::journal::{Entry, Role};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

async fn serve(router: &Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// One who follows over a connection of its own.
struct Reader {
    lines: BufReader<TcpStream>,
    /// The last id it was told.
    last: u64,
}

impl Reader {
    async fn connect(address: SocketAddr, token: &str, path: &str, last: Option<u64>) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let last_id = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let head = format!(
            "GET {path} HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {token}\r\n{last_id}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("a request");
        let mut reader = Self { lines: BufReader::new(stream), last: 0 };
        let mut line = reader.line().await;
        assert!(line.contains(" 200 "), "{line}");
        while !line.trim().is_empty() {
            line = reader.line().await;
        }
        reader
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).await.expect("a line");
        line
    }

    /// The next entry, and that its id is its place; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.line().await;
            if line.is_empty() {
                return None;
            }
            if let Some(id) = line.strip_prefix("id: ") {
                self.last = id.trim().parse().expect("a number");
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).expect("an event");
                assert_eq!(event["seq"], self.last);
                return Some(event);
            }
        }
    }
}

fn seq(event: Option<Value>) -> u64 {
    event.expect("an event")["seq"].as_u64().expect("a place")
}

fn end(world: &World) -> u64 {
    world.backend.journal().len() as u64
}

#[tokio::test]
async fn a_thousand_followers_are_told_every_entry_once() {
    const READERS: usize = 1000;
    const ENTRIES: u64 = 300;
    let world = World::new();
    let address = serve(&world.operators).await;
    let begin = end(&world);
    let mut readers = Vec::new();
    for index in 0..READERS {
        // Some begin in the past, some now.
        let after = if index % 2 == 0 { "" } else { "?after=1" };
        let path = format!("/v1/events/stream{after}");
        let reader = Reader::connect(address, &world.vic, &path, None).await;
        let first = if index % 2 == 0 { begin + 1 } else { 2 };
        readers.push(tokio::spawn(read(reader, first, begin + ENTRIES)));
    }
    let pages = world.backend.pages();
    for _ in 0..ENTRIES / 3 {
        world.backend.write(vec![Entry::Clock; 3]);
        tokio::task::yield_now().await;
    }
    for reader in readers {
        reader.await.expect("everything, once, in order");
    }
    let read = world.backend.pages() - pages;
    assert!(read <= ENTRIES / 3, "{read} pages were read for {READERS} followers");
    // The other side learns of it soon.
    while world.backend.meters_of_followers().there() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn read(mut reader: Reader, first: u64, last: u64) {
    for wanted in first..=last {
        assert_eq!(seq(reader.next().await), wanted);
    }
}

#[tokio::test]
async fn whoever_is_cut_off_misses_nothing_and_is_told_nothing_twice() {
    let world = World::new();
    let address = serve(&world.operators).await;
    let (mut last, mut told) = (0, Vec::new());
    for round in 0..20_u64 {
        let mut reader =
            Reader::connect(address, &world.vic, "/v1/events/stream?after=0", Some(last)).await;
        // Written while nobody reads, and while somebody does; sometimes more than a ring holds.
        world.backend.write(vec![Entry::Clock; if round == 9 { 20_000 } else { 7 }]);
        let wanted = if round == 9 { 20_000 } else { round % 13 };
        for _ in 0..wanted {
            told.push(seq(reader.next().await));
        }
        last = told.last().copied().unwrap_or_default();
        drop(reader);
        world.backend.write(vec![Entry::Clock; 3]);
    }
    let mut reader = Reader::connect(address, &world.vic, "/v1/events/stream", Some(last)).await;
    while last < end(&world) {
        last = seq(reader.next().await);
        told.push(last);
    }
    assert_eq!(told, (1..=end(&world)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_filter_moves_on_past_what_it_leaves_out() {
    let world = World::new();
    let tokens = world.enroll(2).await;
    let address = serve(&world.operators).await;
    let path = "/v1/events/stream?after=0&device=dev-001&kind=seen,enrolled";
    let mut reader = Reader::connect(address, &world.vic, path, None).await;
    for (index, token) in tokens.iter().enumerate() {
        world.check_in(index, token, b"factory", "1.0.0").await;
    }
    let first = reader.next().await.expect("an event");
    assert_eq!((&first["kind"], &first["device"]), (&"enrolled".into(), &"dev-001".into()));
    assert_eq!(reader.next().await.expect("an event")["kind"], "seen");
    world.backend.write(vec![Entry::Clock; 5000]);
    let place = end(&world);
    // The place is told, so that going on from it does not look at all of that again.
    while reader.last + 1024 < place {
        assert!(!reader.line().await.is_empty());
        let line = reader.line().await;
        reader.last = line
            .strip_prefix("id: ")
            .map_or(reader.last, |id| id.trim().parse().expect("a number"));
    }
    let page = "/v1/events?device=dev-001&kind=seen,enrolled&limit=1";
    let reply = ask(&world.operators, request("GET", page, &world.vic, "")).await;
    assert_eq!(reply.bytes.split(|byte| *byte == b'\n').count(), 2);
    let link = reply.headers["link"].to_str().expect("a link").to_owned();
    let next = link.trim_start_matches('<').split('>').next().expect("a path").to_owned();
    let reply = ask(&world.operators, request("GET", &next, &world.vic, "")).await;
    assert_eq!(reply.json()["kind"], "seen");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_leaves_out_a_thousand_entries_moves_the_place_before_the_next_beat() {
    let world = World::new();
    let mut body = stream(&world, &world.vic, "/v1/events?kind=published").await;
    let begin = end(&world);
    let first = chunk(&mut body).await.expect("a place");
    assert!(first.ends_with(&format!("id: {begin}\n\n")), "{first}");
    world.backend.write(vec![Entry::Clock; 1024]);
    let told = chunk(&mut body).await.expect("the place");
    assert_eq!(told, format!("id: {}\n\n", begin + 1024));
    // The next thousand is counted from there; fewer wait for the beat.
    world.backend.write(vec![Entry::Clock; 1023]);
    let told = chunk(&mut body).await.expect("a beat");
    assert_eq!(told, format!(": beat\n\nid: {}\n\n", begin + 2047));
}

#[tokio::test]
async fn a_wrong_place_or_filter_is_refused() {
    let world = World::new();
    let mut codes = String::new();
    for path in [
        "/v1/events/stream?after=1000000",
        "/v1/events/stream?after=-1",
        "/v1/events/stream?rollout=x",
        "/v1/events/stream?device=a%20b",
        "/v1/events?kind=%3C",
        "/v1/events?kind=offered,permited",
        "/v1/events/stream?kind=offerings",
        "/v1/events/stream?limit=5",
        "/v1/events?since=3",
    ] {
        let reply = ask(&world.operators, request("GET", path, &world.vic, "")).await;
        codes += &format!("{} {path}\n", reply.code());
    }
    let mut asked = request("GET", "/v1/events/stream", &world.vic, "");
    asked.headers_mut().insert("last-event-id", "yesterday".parse().expect("a header"));
    codes += &ask(&world.operators, asked).await.code();
    insta::assert_snapshot!(codes, @"
    400 HT-013 /v1/events/stream?after=1000000
    400 HT-005 /v1/events/stream?after=-1
    400 ID-001 /v1/events/stream?rollout=x
    400 ID-001 /v1/events/stream?device=a%20b
    400 HT-005 /v1/events?kind=%3C
    400 HT-005 /v1/events?kind=offered,permited
    400 HT-005 /v1/events/stream?kind=offerings
    400 HT-005 /v1/events/stream?limit=5
    400 HT-005 /v1/events?since=3
    400 HT-005
    ");
}

/// The body of a stream, in this process.
async fn stream(world: &World, token: &str, path: &str) -> Body {
    let mut asked: Request<Body> = request("GET", path, token, "");
    asked.headers_mut().insert("accept", "text/event-stream".parse().expect("a header"));
    let response = world.operators.clone().oneshot(asked).await.expect("infallible");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

async fn chunk(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.expect("no error");
    Some(String::from_utf8(frame.into_data().expect("data").to_vec()).expect("UTF-8"))
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_let_go_and_costs_two_chunks() {
    let world = World::new();
    let followers = world.backend.meters_of_followers();
    let mut body = stream(&world, &world.vic, "/v1/events?after=0").await;
    let first = chunk(&mut body).await.expect("a chunk");
    assert_eq!(first, "retry: 1000\nid: 0\n\n");
    for _ in 0..50 {
        world.backend.write(vec![Entry::Clock; 1000]);
        tokio::task::yield_now().await;
        assert!(followers.held_bytes() < 2 * 17 * 1024, "{}", followers.held_bytes());
    }
    assert_eq!((followers.there(), followers.dropped()), (1, 0));
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::task::yield_now().await;
    assert_eq!((followers.there(), followers.dropped()), (0, 1));
    // What was sent is still there, and says where to go on.
    let rest = chunk(&mut body).await.expect("the chunk that waited");
    assert_eq!(chunk(&mut body).await, None);
    drop(body);
    assert_eq!(followers.held_bytes(), 0);
    let last = rest.lines().rev().find_map(|line| line.strip_prefix("id: ")).expect("an id");
    let path = format!("/v1/events?after={last}");
    let mut body = stream(&world, &world.vic, &path).await;
    chunk(&mut body).await.expect("the place");
    let next = chunk(&mut body).await.expect("what follows");
    let wanted = last.parse::<u64>().expect("a number") + 1;
    assert!(next.starts_with(&format!("id: {wanted}\nevent: clock\n")), "{next:.100}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_read_holds_a_bounded_number_of_bytes() {
    let world = World::new();
    let address = serve(&world.operators).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "GET /v1/events/stream HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        world.vic
    );
    stream.write_all(head.as_bytes()).await.expect("a request");
    stream.readable().await.expect("an answer");
    let followers = world.backend.meters_of_followers();
    let mut most = 0;
    // Far more than the buffers of a connection hold; then nobody reads for ten seconds.
    for _ in 0..200 {
        world.backend.write(vec![Entry::Clock; 1000]);
        tokio::task::yield_now().await;
        most = most.max(followers.held_bytes());
    }
    while followers.dropped() == 0 {
        tokio::time::advance(Duration::from_secs(1)).await;
        most = most.max(followers.held_bytes());
    }
    assert!((1..1 << 20).contains(&most), "{most} bytes were held");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.expect("what was sent, and the end");
    drop(stream);
    assert!(all.ends_with(b"}\n\n"), "no entry is cut in two");
}

#[tokio::test(start_paused = true)]
async fn a_stream_beats_and_ends_with_its_token() {
    let world = World::new();
    let token = world.token(8, "late", &[Role::Viewer], NOW + 60);
    let mut body = stream(&world, &token, "/v1/events").await;
    assert!(chunk(&mut body).await.expect("a place").starts_with("retry: "));
    assert_eq!(chunk(&mut body).await.as_deref(), Some(": beat\n\n"));
    world.backend.pass(61_000);
    assert_eq!(chunk(&mut body).await, None, "the token has expired");
}

#[tokio::test]
async fn a_stream_ends_with_the_revocation_of_its_token() {
    let world = World::new();
    let asked = serde_json::json!({ "principal": "bob", "roles": ["viewer"], "days": 1 });
    let made = world.say("POST", "/v1/tokens", asked).await.json();
    let (id, token) = (made["id"].as_str().expect("an id"), made["token"].as_str());
    let mut body = stream(&world, token.expect("a token"), "/v1/events").await;
    chunk(&mut body).await.expect("a place");
    let revoked = world.operator("DELETE", &format!("/v1/tokens/{id}"), "").await;
    assert_eq!(revoked.status.as_u16(), 204);
    assert_eq!(chunk(&mut body).await, None, "not even of its own revocation");
}

#[tokio::test]
async fn streams_end_when_the_daemon_stops() {
    let (stop, stopped) = watch::channel(false);
    let world = World::with_stop(stopped);
    let mut body = stream(&world, &world.vic, "/v1/events").await;
    chunk(&mut body).await.expect("a place");
    stop.send_replace(true);
    assert_eq!(chunk(&mut body).await, None);
}
