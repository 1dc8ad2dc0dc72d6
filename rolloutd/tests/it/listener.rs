//! What a listener bears with, and for how long. The clock is the tests' own.

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rolloutd::listener::{self, Door, Plane};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval};

/// Reads what it is sent and says how much it was.
#[derive(Clone)]
struct Scale;

impl Plane for Scale {
    type Body = Body;

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let length = request.into_body().collect().await.map_or(0, |all| all.to_bytes().len());
        Response::new(Body::from(format!("{length} bytes")))
    }

    fn knows(&self, _: &Request<Incoming>) -> bool {
        false
    }
}

/// Plain HTTP, for any number of strangers.
fn door() -> Door {
    Door { tls: None, strangers: listener::CONNECTIONS, meters: Arc::default() }
}

struct World {
    client: TcpStream,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    began: Instant,
}

impl World {
    async fn new() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(listener::serve(listener, Scale, door(), stopped));
        let client = TcpStream::connect(address).await?;
        Ok(Self { client, stop, serving, began: Instant::now() })
    }

    async fn send(&mut self, text: &str) -> std::io::Result<()> {
        self.client.write_all(text.as_bytes()).await
    }

    /// What comes until `end` has come, or until the connection is closed.
    async fn hear(&mut self, end: &str) -> String {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(end) {
            match self.client.read_buf(&mut heard).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Everything until the connection is closed.
    async fn hear_all(&mut self) -> String {
        self.hear("\0").await
    }

    fn took(&self, secs: RangeInclusive<u64>) {
        let took = self.began.elapsed().as_secs();
        assert!(secs.contains(&took), "{took} s");
    }

    /// Sends `text`, a byte at each beat, until the other side has had enough.
    async fn drip(&mut self, text: &str, mut beat: Interval) {
        for byte in text.bytes() {
            beat.tick().await;
            let closed = tokio::select! {
                biased;
                heard = self.client.readable() => heard.is_ok(),
                () = std::future::ready(()) => false,
            };
            if closed || self.client.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    }
}

fn every(secs: u64) -> Interval {
    tokio::time::interval(Duration::from_secs(secs))
}

const HELLO: &str = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test(start_paused = true)]
async fn headers_that_drip_are_cut() -> std::io::Result<()> {
    let mut world = World::new().await?;
    let head = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", "h".repeat(100));
    world.drip(&head, every(1)).await;
    assert_eq!(world.hear_all().await, "");
    world.took(10..=13);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_cut_also_after_an_answer() -> std::io::Result<()> {
    let mut world = World::new().await?;
    assert_eq!(world.hear_all().await, "");
    world.took(10..=12);
    let mut world = World::new().await?;
    world.send(HELLO).await?;
    assert!(world.hear_all().await.starts_with("HTTP/1.1 200 OK\r\n"));
    world.took(10..=13);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_told_so() -> std::io::Result<()> {
    for drips in ["", "drop by drop for as long as it takes"] {
        let mut world = World::new().await?;
        world.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 90\r\n\r\n").await?;
        world.drip(drips, every(1)).await;
        let heard = world.hear_all().await;
        assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
        assert!(heard.contains(r#""code":"SV-003""#), "{heard}");
        world.took(30..=46);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_image_or_a_table_may_take_long_so_long_as_it_moves() -> std::io::Result<()> {
    for path in ["/v1/images/1", "/device/v1/images/1", "/v1/devices/import"] {
        let mut world = World::new().await?;
        world
            .send(&format!("PUT {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 20\r\n\r\n"))
            .await?;
        world.drip("twenty bytes, slowly", every(200)).await;
        assert!(world.hear("bytes").await.ends_with("20 bytes"));
        world.took(3800..=3830);
        let mut world = World::new().await?;
        world
            .send(&format!("PUT {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 20\r\n\r\nt"))
            .await?;
        assert!(world.hear_all().await.starts_with("HTTP/1.1 408 "));
        world.took(300..=313);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_connection_lives_for_an_hour() -> std::io::Result<()> {
    let mut world = World::new().await?;
    let mut beat = every(5);
    let mut heard = String::new();
    while !heard.is_empty() || world.began.elapsed().as_secs() == 0 {
        beat.tick().await;
        world.took(0..=3610);
        if world.send(HELLO).await.is_err() {
            break;
        }
        heard = world.hear("2 bytes").await;
    }
    world.took(3600..=3610);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_ends_answers_what_has_arrived() -> std::io::Result<()> {
    let mut world = World::new().await?;
    // Half a request has been read, and another connection is idle.
    world.send(&HELLO[..HELLO.len() - 1]).await?;
    let mut idle = TcpStream::connect(world.client.peer_addr()?).await?;
    every(1).tick().await;
    world.stop.send_replace(true);
    assert_eq!(idle.read(&mut [0; 1]).await?, 0);
    world.send("i").await?;
    let heard = world.hear_all().await;
    assert!(heard.ends_with("2 bytes") && heard.contains("connection: close"), "{heard}");
    world.serving.await?
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_never_looked_at_is_answered_at_the_end() -> std::io::Result<()> {
    let mut world = World::new().await?;
    world.send(HELLO).await?;
    // Nobody has run since: the connection may not even be accepted, but if it is, it is served.
    tokio::task::yield_now().await;
    world.stop.send_replace(true);
    let heard = world.hear_all().await;
    assert!(heard.is_empty() || heard.ends_with("2 bytes"), "{heard}");
    world.serving.await?
}
