//! How many connections of one address wait for a good token: at the listener, and at the daemon.

use axum::body::Body;
use axum::http::{Request, Response, header};
use hyper::body::Incoming;
use rollout_core::id::Principal;
use rollout_core::journal::Role;
use rollout_http::meters::DoorMeters;
use rollout_store::Unobserved;
use rolloutd::config::Config;
use rolloutd::listener::{self, Door, Plane};
use rolloutd::{init, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// Knows whoever shows the token `good`.
#[derive(Clone)]
struct Porter;

impl Plane for Porter {
    type Body = Body;

    async fn answer(&self, _: Request<Incoming>) -> Response<Body> {
        Response::new(Body::from("answered"))
    }

    fn knows(&self, request: &Request<Incoming>) -> bool {
        request.headers().get(header::AUTHORIZATION).is_some_and(|token| token == "good")
    }
}

struct World {
    address: SocketAddr,
    meters: Arc<DoorMeters>,
    _stop: watch::Sender<bool>,
}

impl World {
    /// A listener that takes so many strangers of one address.
    async fn with(strangers: u32) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let meters = Arc::<DoorMeters>::default();
        let door = Door { tls: None, strangers, meters: Arc::clone(&meters) };
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(listener::serve(listener, Porter, door, stopped));
        Self { address, meters, _stop: stop }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("somebody listens")
    }
}

/// What is answered to a request with a token; nothing if the connection is closed.
async fn ask(client: &mut TcpStream, token: &str) -> String {
    let asked = format!("GET / HTTP/1.1\r\nhost: h\r\nauthorization: {token}\r\n\r\n");
    // Who is not let in may find that out while it still speaks.
    let _ = client.write_all(asked.as_bytes()).await;
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("answered") {
        match client.read_buf(&mut heard).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

async fn is_let_in(client: &mut TcpStream, token: &str) -> bool {
    ask(client, token).await.starts_with("HTTP/1.1 200 OK\r\n")
}

#[tokio::test]
async fn one_address_without_a_token_does_not_take_the_places_of_others() {
    let world = World::with(3).await;
    let mut silent = [world.connect().await, world.connect().await, world.connect().await];
    let mut late = world.connect().await;
    assert!(!is_let_in(&mut late, "good").await, "it cannot say who it is any more");
    assert_eq!(world.meters.refused(), 1);
    // Another address of this machine.
    let other = TcpSocket::new_v4().expect("a socket");
    other.bind(SocketAddr::from(([127, 0, 0, 2], 0))).expect("an address");
    let mut other = other.connect(world.address).await.expect("somebody listens");
    assert!(is_let_in(&mut other, "bad").await);
    // Who was let in before may speak.
    assert!(is_let_in(&mut silent[0], "bad").await);
    assert_eq!(world.meters.refused(), 1);
}

#[tokio::test]
async fn whoever_has_shown_a_good_token_does_not_count() {
    let world = World::with(2).await;
    let mut known = Vec::new();
    for _ in 0..20 {
        let mut client = world.connect().await;
        assert!(is_let_in(&mut client, "good").await);
        known.push(client);
    }
    let mut strangers = [world.connect().await, world.connect().await];
    for client in &mut strangers {
        assert!(is_let_in(client, "bad").await, "a fleet of one address holds up nobody");
    }
    let mut late = world.connect().await;
    assert!(!is_let_in(&mut late, "good").await, "a bad token vouches for nobody");
    assert_eq!(world.meters.refused(), 1);
    // A stranger that shows a good token at last makes room for another.
    assert!(is_let_in(&mut strangers[0], "good").await);
    let mut next = world.connect().await;
    assert!(is_let_in(&mut next, "bad").await);
}

#[tokio::test]
async fn a_connection_that_ends_gives_its_place_back() {
    let world = World::with(1).await;
    for _ in 0..5 {
        let mut client = world.connect().await;
        let asked = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        client.write_all(asked).await.expect("sent");
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.expect("an answer");
        assert!(heard.ends_with(b"answered"), "whoever is told of the end may come again");
    }
}

#[tokio::test]
async fn both_listeners_of_a_daemon_have_the_limit_and_say_how_often() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::local(folder.path().join("data"), Default::default());
    let config = Config { strangers: 2, ..config };
    let serving = serve::listen(&config, Unobserved).await.expect("it serves");
    let ann = Principal::new("ann").expect("a name");
    let token = init::make_token(&serving.daemon, ann, &[Role::Viewer]).await.expect("a token");
    let scrape =
        format!("GET /metrics HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\n\r\n", token.text);
    let mut watcher = TcpStream::connect(serving.operators).await.expect("somebody listens");
    let mut scraped = async || {
        watcher.write_all(scrape.as_bytes()).await.expect("sent");
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("process_start_time_seconds ") {
            assert_ne!(watcher.read_buf(&mut heard).await.expect("an answer"), 0);
        }
        String::from_utf8_lossy(&heard).into_owned()
    };
    let refused = |listener: &str, count: u32| {
        format!("rollout_connections_refused_total{{listener=\"{listener}\"}} {count}\n")
    };
    let before = scraped().await;
    for listener in ["operators", "devices"] {
        assert!(before.contains(&refused(listener, 0)), "{before}");
    }
    let mut held = Vec::new();
    for address in [serving.operators, serving.devices] {
        for _ in 0..2 {
            held.push(TcpStream::connect(address).await.expect("somebody listens"));
        }
        let mut late = TcpStream::connect(address).await.expect("somebody listens");
        assert_eq!(late.read(&mut [0]).await.unwrap_or_default(), 0, "closed at once");
    }
    // The watcher is known, and so not in the way of others of its address.
    let after = scraped().await;
    for listener in ["operators", "devices"] {
        assert!(after.contains(&refused(listener, 1)), "{after}");
    }
    serving.stop().await.expect("the end");
}
