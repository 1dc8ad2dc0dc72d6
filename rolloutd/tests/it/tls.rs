//! A listener that speaks TLS: what it bears with, and what it shows. The clock is the tests' own.

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rollout_core::time::{Span, Timestamp};
use rollout_http::meters::DoorMeters;
use rollout_tls::rustls::pki_types::ServerName;
use rolloutd::authority;
use rolloutd::certificates::{CertificateError, Certificates, Pair};
use rolloutd::clock::{Clock as _, SystemClock};
use rolloutd::listener::{self, Door, Plane};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HELLO: &str = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi";

/// Says what it has heard.
#[derive(Clone)]
struct Echo;

impl Plane for Echo {
    type Body = Body;

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let heard = request.into_body().collect().await.expect("a body").to_bytes();
        Response::new(Body::from(format!("heard {}", String::from_utf8_lossy(&heard))))
    }

    fn knows(&self, _: &Request<Incoming>) -> bool {
        false
    }
}

struct World {
    folder: TempDir,
    address: SocketAddr,
    shown: Arc<Certificates>,
    meters: Arc<DoorMeters>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl World {
    async fn new() -> Self {
        let folder = papers(SystemClock.now());
        let shown = Certificates::read(&pair(folder.path()), SystemClock.now()).expect("good");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = watch::channel(false);
        let meters = Arc::<DoorMeters>::default();
        let (tls, strangers) = (Some(shown.acceptor()), listener::CONNECTIONS);
        let door = Door { tls, strangers, meters: Arc::clone(&meters) };
        let serving = tokio::spawn(listener::serve(listener, Echo, door, stopped));
        Self { folder, address, shown, meters, stop, serving }
    }

    async fn plain(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("somebody listens")
    }

    async fn shaken(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let ca = self.folder.path().join(authority::CA);
        let config = rollout_tls::client("https://localhost", Some(&ca)).expect("a CA");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, self.plain().await).await
    }

    async fn is_answered(&self) {
        let mut client = self.shaken().await.expect("a handshake");
        client.write_all(HELLO.as_bytes()).await.expect("sent");
        assert!(until(&mut client, "heard hi").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

/// A folder with an authority and a certificate, made at `now`.
fn papers(now: Timestamp) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    authority::ensure(folder.path(), &[], None, now).expect("certificates");
    folder
}

fn pair(folder: &Path) -> Pair {
    Pair { cert: folder.join("server.pem"), key: folder.join("server.key") }
}

async fn until(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(end) {
        match stream.read_buf(&mut heard).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn took(since: Instant) -> u64 {
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_is_cut_and_holds_up_nobody() {
    let world = World::new().await;
    let began = Instant::now();
    let mut silent = world.plain().await;
    let mut half = world.plain().await;
    // The head of a record that promises a greeting of 512 bytes.
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("sent");
    world.is_answered().await;
    assert_eq!(took(began), 0);
    assert_eq!(until(&mut silent, "\0").await, "");
    assert!((10..=12).contains(&took(began)), "{} s", took(began));
    assert_eq!(until(&mut half, "HTTP").await.find("HTTP"), None);
    assert!((10..=13).contains(&took(began)), "{} s", took(began));
    assert_eq!(world.meters.unshaken(), 2, "and both are counted");
}

#[tokio::test(start_paused = true)]
async fn headers_have_their_own_time_after_the_handshake() {
    let world = World::new().await;
    let began = Instant::now();
    let mut client = world.shaken().await.expect("a handshake");
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(rollout_tls::INSIDE));
    client.write_all(b"POST / HTTP/1.1\r\n").await.expect("sent");
    assert_eq!(until(&mut client, "\0").await, "");
    assert!((10..=12).contains(&took(began)), "{} s", took(began));
}

#[tokio::test(start_paused = true)]
async fn the_end_answers_what_has_arrived_over_tls_and_waits_for_no_handshake() {
    let world = World::new().await;
    let mut stalled = world.plain().await;
    stalled.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("sent");
    let mut client = world.shaken().await.expect("a handshake");
    client.write_all(&HELLO.as_bytes()[..HELLO.len() - 1]).await.expect("sent");
    // A round trip on another connection: what was sent before it has arrived.
    world.is_answered().await;
    let began = Instant::now();
    world.stop.send_replace(true);
    assert_eq!(until(&mut stalled, "\0").await, "");
    assert_eq!((took(began), world.meters.unshaken()), (0, 0), "the end is nobody's failure");
    client.write_all(b"i").await.expect("sent");
    let heard = until(&mut client, "\0").await;
    assert!(heard.ends_with("heard hi") && heard.contains("connection: close"), "{heard}");
    world.serving.await.expect("no panic").expect("ended");
}

#[tokio::test(start_paused = true)]
async fn plain_http_gets_no_answer_and_does_no_harm() {
    let world = World::new().await;
    let mut plain = world.plain().await;
    plain.write_all(HELLO.as_bytes()).await.expect("sent");
    let heard = until(&mut plain, "\0").await;
    assert!(!heard.contains("HTTP") && !heard.contains("heard"), "{heard}");
    world.is_answered().await;
    assert_eq!((world.meters.unshaken(), world.meters.refused()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn certificates_are_read_again_and_stay_if_they_are_not_good() {
    let world = World::new().await;
    let (now, path) = (SystemClock.now(), world.folder.path());
    let shown = async || {
        let client = world.shaken().await.expect("a handshake");
        client.get_ref().1.peer_certificates().map(<[_]>::to_vec)
    };
    let before = shown().await;
    for name in ["server.pem", "server.key"] {
        std::fs::rename(path.join(name), path.join(format!("{name}.old"))).expect("moved");
    }
    assert_eq!(world.shown.read_again(now).expect_err("nothing there").code(), "CF-008");
    assert_eq!(shown().await, before);
    // Renewed by the same authority: whoever believes it need not be told.
    let papers = authority::ensure(path, &["10.0.0.7".into()], None, now).expect("renewed");
    assert!(!papers.is_ca_new && papers.names.contains(&"10.0.0.7".to_owned()), "{papers:?}");
    world.shown.read_again(now).expect("good");
    assert_ne!(shown().await, before);
}

#[test]
fn what_is_not_good_is_not_shown() {
    let (now, day) = (SystemClock.now(), Span::hours(24));
    let code = |pair: &Pair| Certificates::read(pair, now).map_err(|error| error.code()).err();
    let (one, other) = (papers(now), papers(now));
    assert_eq!(code(&pair(one.path())), None);
    let mixed = Pair { key: pair(other.path()).key, ..pair(one.path()) };
    assert_eq!(code(&mixed), Some("CF-009"));
    let swapped = Pair { cert: mixed.key.clone(), key: pair(one.path()).cert };
    assert_eq!(code(&swapped), Some("CF-008"));
    let over = papers(Timestamp(now.0 - day.0 * 400));
    let error = Certificates::read(&pair(over.path()), now).expect_err("over");
    assert!(matches!(&error, CertificateError::Time { .. }) && error.code() == "CF-010");
    assert!(error.to_string().ends_with("has ended 4 days ago"), "{error}");
    let early = papers(Timestamp(now.0 + day.0 * 10));
    let error = Certificates::read(&pair(early.path()), now).expect_err("early");
    assert!(error.to_string().ends_with("begins in 9 days"), "{error}");
}

#[test]
fn nothing_of_an_authority_is_overwritten_and_keys_are_their_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let now = SystemClock.now();
    let folder = papers(now);
    let files =
        ["ca.pem", "ca.key", "server.pem", "server.key"].map(|name| folder.path().join(name));
    let read = || files.each_ref().map(|file| std::fs::read_to_string(file).expect("a file"));
    let before = read();
    for key in [&files[1], &files[3]] {
        let mode = std::fs::metadata(key).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", key.display());
    }
    let again = authority::ensure(folder.path(), &["other".into()], None, now).expect("kept");
    assert!(again.names.is_empty() && !again.is_ca_new && read() == before);
    // The key of the authority may be taken away, until something is to be signed.
    std::fs::remove_file(&files[1]).expect("taken away");
    authority::ensure(folder.path(), &[], None, now).expect("kept");
    std::fs::remove_file(&files[2]).expect("lost");
    let half = authority::ensure(folder.path(), &[], None, now).expect_err("half a pair");
    assert_eq!(half.code(), "SV-109");
    std::fs::remove_file(&files[3]).expect("lost");
    let half = authority::ensure(folder.path(), &[], None, now).expect_err("no key to sign with");
    assert_eq!(half.code(), "SV-109");
    let other = papers(now);
    std::fs::copy(other.path().join("ca.key"), &files[1]).expect("another authority's key");
    let stranger = authority::ensure(folder.path(), &[], None, now).expect_err("another's key");
    assert_eq!(stranger.code(), "SV-111");
    let empty = tempfile::tempdir().expect("a folder");
    let wrong = authority::ensure(empty.path(), &["größe".into()], None, now).expect_err("a name");
    assert_eq!(wrong.code(), "SV-110");
}
