//! TLS from `rolloutd init` to a device, and everything that must not be believed on the way.

use firmware_agent::host::fleet::{self, FleetOptions};
use firmware_agent::host::image::Behavior;
use rollout_core::rollout::Silence;
use rollout_core::time::{Span, Timestamp};
use rollout_http::client::{Client, Error};
use rollout_store::Unobserved;
use rollout_tests::stage::{self, MODEL, PRODUCT, SLOT_BYTES, Stage};
use rollout_tls::rustls::ServerConfig;
use rollout_tls::rustls::pki_types::pem::PemObject as _;
use rollout_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rollout_tui::cli::{self, progress::Progress};
use rolloutd::clock::{Clock as _, SystemClock};
use rolloutd::config::{Config, ConfigError, Exposure};
use rolloutd::serve::{self, Serving};
use rolloutd::{authority, init};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A daemon in a folder that `init --tls` made.
struct World {
    folder: TempDir,
    token: String,
    serving: Serving,
}

impl World {
    async fn new() -> Self {
        Self::listening("127.0.0.1:0").await
    }

    async fn listening(devices: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = init::init(folder.path(), "ann", Some(&[])).await.expect("a folder");
        let config = settings(folder.path(), &[("listen_devices", devices)]).expect("settings");
        let serving = serve::listen(&config, Unobserved).await.expect("it serves");
        Self { token: made.token.expect("a token"), folder, serving }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    fn operators(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.serving.operators)
    }

    fn devices(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.serving.devices)
    }

    fn client(&self) -> Client {
        let client = Client::believing(&self.operators("https"), &self.token, Some(&self.ca()));
        client.expect("a client")
    }
}

fn settings(folder: &Path, more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let free = [("listen_operators", "127.0.0.1:0"), ("listen_devices", "127.0.0.1:0")];
    let quick = [("tick", "100ms"), ("poll", "1s")];
    let pairs = free.iter().chain(&quick).chain(more);
    let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(Some(&folder.join("rolloutd.toml")), pairs, Exposure::Loopback)
}

/// What `rollout` does with these arguments.
async fn rollout(home: &Path, arguments: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let world = cli::World {
        now: SystemClock.now(),
        config: home.join("contexts.toml"),
        entropy: &mut |_| Ok(()),
        out: &mut out,
        err: &mut err,
        progress: Progress::Hidden,
        columns: None,
    };
    let words = ["rollout"].iter().chain(arguments).map(Into::into);
    let code = cli::run(words.collect::<Vec<_>>(), world).await;
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (code, text(out), text(err))
}

/// The code of what comes of asking `server`, believing `ca`.
async fn refused(server: &str, ca: &Path) -> String {
    let client = Client::believing(server, "fota_op_x", Some(ca)).expect("a client");
    client.me().await.map_err(|error| error.code().to_owned()).expect_err("nobody to believe")
}

fn device(world: &World, root: Vec<u8>, image: Vec<u8>) -> FleetOptions {
    let home = world.folder.path().join("fleet");
    FleetOptions {
        ca: Some(world.ca()),
        hardware: MODEL.into(),
        product: PRODUCT.into(),
        poll: Some(Duration::from_millis(100)),
        slot_bytes: SLOT_BYTES,
        ..FleetOptions::new(&world.devices("https"), &home, root, image)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_goes_over_tls_from_init_to_the_last_report() {
    let world = World::new().await;
    let daemon = &world.serving.daemon;
    let keys = Stage::new(7, Timestamp(SystemClock.now().0));
    let (old, new) = (keys.build(0, Behavior::default()), keys.build(1, Behavior::default()));
    keys.publish(daemon, &[&old, &new]).await;
    let silence =
        Silence { intervals: 3, at_least: Span::secs(5), confirm_window: Span::secs(120) };
    stage::draft(daemon, stage::plan(&new, &["100%"], silence)).await;
    let mut options = device(&world, keys.root.envelope.clone(), old.image.clone());
    options.factory_manifest = Some(old.manifest.clone());
    options.enroll_token = stage::open_enrollment(daemon, 1).await;

    // A person, by the command line: the CA is kept with the server.
    let (home, ca) = (world.folder.path(), world.ca());
    let (server, id) = (world.operators("https"), stage::rollout().to_string());
    let ca = ca.to_str().expect("UTF-8");
    let login = ["--server", &server, "--ca", ca, "--token", &world.token, "login", "eu"];
    assert_eq!(rollout(home, &login).await.0, 0, "{:?}", rollout(home, &login).await);
    let (code, out, err) = rollout(home, &["start", &id]).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");

    // A device, and the journal as it happens.
    fleet::greet(&options).await.expect("the server is believed");
    fleet::provision(&options).expect("a device");
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(fleet::run(options, stopped));
    let mut events = world.client().events_stream(Some(0)).await.expect("a stream");
    let is_last = |said: &str| said.contains("confirmed");
    loop {
        let event = events.next().await.expect("an event").expect("the stream goes on");
        if event.device.as_deref() == Some("dev-0001") && is_last(&event.summary) {
            break;
        }
    }
    stop.send_replace(true);
    let summary = running.await.expect("no panic").expect("a fleet");
    assert_eq!((summary.confirmed, summary.broken), (1, 0), "{summary:?}");
    drop(events);
    world.serving.stop().await.expect("the end");
}

#[tokio::test]
async fn a_stranger_gets_no_token_and_the_user_is_told_why() {
    let world = World::listening("0.0.0.0:0").await;
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemClock.now();
    authority::ensure(folder.path(), &[], None, now).expect("another authority");
    let (own, other) = (world.ca(), folder.path().join("ca.pem"));
    assert_eq!(refused(&world.operators("https"), &other).await, "TL-011");
    // Somebody else's address of this machine.
    let port = world.serving.devices.port();
    let elsewhere = format!("https://127.0.0.2:{port}");
    assert_eq!(refused(&elsewhere, &own).await, "TL-012");
    let client = Client::believing(&elsewhere, "", Some(&own)).expect("a client");
    let told = client.me().await.expect_err("another address").to_string();
    assert!(told.contains("not for this address (`127.0.0.2`) but for localhost, "), "{told}");
    assert_eq!(refused(&world.operators("http"), &own).await, "TL-017");
    let plain = Config::local(folder.path().join("plain"), Default::default());
    let plain = serve::listen(&plain, Unobserved).await.expect("it serves");
    assert_eq!(refused(&format!("https://{}", plain.operators), &own).await, "TL-016");
    let nobody = Client::believing("https://localhost", "", Some(&folder.path().join("ca.key")));
    assert_eq!(nobody.expect_err("no certificate").code(), "TL-002");
    let nobody = Client::believing("https://localhost", "", Some(Path::new("nowhere.pem")));
    assert!(matches!(nobody, Err(Error::Trust(_))));

    let (server, ca) = (world.operators("https"), other.to_str().expect("UTF-8"));
    let asked = ["--server", &server, "--ca", ca, "--token", &world.token, "list"];
    let (code, out, err) = rollout(folder.path(), &asked).await;
    assert_eq!((code, out.as_str()), (1, ""));
    let told = "the server's certificate is not from a CA that is trusted here";
    assert!(err.starts_with("TL-011\n") && err.contains(told), "{err}");
    assert!(err.contains("help: name its CA with `--ca FILE` or ROLLOUT_CA"), "{err}");
    assert!(!err.contains(&world.token), "{err}");
    let asked = ["--server", &world.operators("http"), "--token", &world.token, "list"];
    let (code, _, err) = rollout(folder.path(), &asked).await;
    assert!(code == 2 && err.contains("help: write the address with https://"), "{err}");

    let options = FleetOptions { ca: Some(other), ..device(&world, Vec::new(), Vec::new()) };
    let error = fleet::greet(&options).await.expect_err("another authority");
    assert_eq!((error.code(), error.exit_code()), ("TL-011", 1), "{error}");
}

/// A server that shows what nobody may show; it says nothing else. Inside it wants to speak one
/// of these protocols, if any are named.
async fn showing(folder: &Path, [cert, key]: [&str; 2], inside: &[&[u8]]) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(folder.join(cert)).expect("a file");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(folder.join(key)).expect("a key");
    let mut config = ServerConfig::builder_with_provider(rollout_tls::provider())
        .with_protocol_versions(rollout_tls::VERSIONS)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a pair");
    config.alpn_protocols = inside.iter().map(|name| name.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            // Refused by whoever connects.
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_neither_shown_nor_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let long_ago = Timestamp(SystemClock.now().0 - Span::hours(24 * 400).0);
    let made = init::init(folder.path(), "ann", Some(&[])).await.expect("a folder");
    assert!(made.token.is_some());
    let tls = folder.path().join("tls");
    for name in ["ca.pem", "ca.key", "server.pem", "server.key"] {
        std::fs::remove_file(tls.join(name)).expect("it was there");
    }
    authority::ensure(&tls, &[], None, long_ago).expect("an old certificate");
    let config = settings(folder.path(), &[]).expect("settings");
    let error = serve::listen(&config, Unobserved).await.err().expect("it is over");
    assert_eq!(error.code(), "CF-010");
    assert!(error.to_string().ends_with("server.pem has ended 4 days ago"), "{error}");

    let server = format!("https://{}", showing(&tls, SERVER, &[]).await);
    assert_eq!(refused(&server, &tls.join("ca.pem")).await, "TL-013");
}

const SERVER: [&str; 2] = ["server.pem", "server.key"];

#[tokio::test]
async fn what_no_server_may_show_and_what_nobody_agrees_on_have_codes_of_their_own() {
    let now = SystemClock.now();
    let good = tempfile::tempdir().expect("a folder");
    authority::ensure(good.path(), &[], None, now).expect("certificates");
    // Made by a machine whose clock is ahead, or asked by one whose clock is behind.
    let early = tempfile::tempdir().expect("a folder");
    let ahead = now.after(Span::hours(24 * 10));
    authority::ensure(early.path(), &[], None, ahead).expect("certificates");
    // A CA's own certificate is none for servers, though it is believed.
    let of_ca = ["ca.pem", "ca.key"];
    for (folder, pair, inside, code) in [
        (&early, SERVER, &[][..], "TL-014"),
        (&good, of_ca, &[], "TL-015"),
        (&good, SERVER, &[&b"h2"[..]], "TL-018"),
    ] {
        let server = format!("https://{}", showing(folder.path(), pair, inside).await);
        let ca = folder.path().join("ca.pem");
        assert_eq!(refused(&server, &ca).await, code);
        let arguments = ["--server", &server, "--ca", ca.to_str().expect("UTF-8"), "list"];
        let arguments = [&arguments[..], &["--token", "fota_op_secret"]].concat();
        let (exit, out, err) = rollout(folder.path(), &arguments).await;
        assert_eq!((exit, out.as_str()), (1, ""), "{err}");
        assert!(err.starts_with(&format!("{code}\n")) && err.contains("  help: "), "{err}");
        assert!(!err.contains("fota_op_secret"), "{err}");
    }
    let ca = good.path().join("ca.pem");
    let server = showing(good.path(), SERVER, &[rollout_tls::INSIDE, b"h2"]).await;
    let client = Client::believing(&format!("https://{server}"), "", Some(&ca)).expect("a client");
    let ended = client.me().await.expect_err("it says nothing");
    assert!(!ended.code().starts_with("TL-"), "all of that is agreed on here: {ended}");
}

#[test]
fn a_machine_without_public_cas_says_how_to_name_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (empty, none) = (folder.path().join("empty.pem"), folder.path().join("certs"));
    std::fs::write(&empty, "").expect("written");
    std::fs::create_dir(&none).expect("a folder");
    let mut asked = Command::new(crate::docs::programs::built().folder.join("rollout"));
    asked.args(["--server", "https://localhost:1", "--token", "fota_op_x", "list"]);
    asked.env("SSL_CERT_FILE", &empty).env("SSL_CERT_DIR", &none).env("HOME", folder.path());
    let said = asked.env_remove("ROLLOUT_CA").output().expect("it ends");
    let err = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(2), "{err}");
    assert!(err.starts_with("TL-003\n"), "{err}");
    assert!(err.contains("no certificates of public CAs") && err.contains("`--ca`"), "{err}");
}

#[tokio::test]
async fn only_tls_leaves_the_machine() {
    let world = World::listening("0.0.0.0:0").await;
    assert!(!world.serving.devices.ip().is_loopback());
    let client = Client::believing(
        &format!("https://127.0.0.1:{}", world.serving.devices.port()),
        "",
        Some(&world.ca()),
    );
    // Devices' listener, asked for what only the other has: it has answered, by TLS.
    let answer = client.expect("a client").me().await.expect_err("no such route");
    assert!(answer.status().is_some(), "{answer}");

    let bare = [("devices_cert", ""), ("devices_key", ""), ("listen_devices", "0.0.0.0:0")];
    let error = settings(world.folder.path(), &bare).expect_err("plain HTTP for everybody");
    assert_eq!(error.code(), "CF-005");
    assert!(error.hint().contains("rolloutd init --tls"), "{}", error.hint());
}

#[tokio::test]
async fn whoever_insists_on_plain_http_is_warned() {
    let folder = tempfile::tempdir().expect("a folder");
    init::init(folder.path(), "ann", None).await.expect("a folder");
    let serve = |also: &[&str]| {
        let mut daemon = Command::new(crate::docs::programs::built().folder.join("rolloutd"));
        daemon.args(["serve", "--set", "listen_operators=127.0.0.1:0"]);
        daemon.args(["--set", "listen_devices=0.0.0.0:0", "--config"]);
        daemon.arg(folder.path().join("rolloutd.toml")).args(also).env("NO_COLOR", "1");
        daemon.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let refused = serve(&[]).wait_with_output().expect("it ends");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.starts_with("CF-005\n"), "{said}");

    let mut daemon = serve(&["--insecure"]);
    let mut said = String::new();
    let stderr = daemon.stderr.take().expect("piped");
    BufReader::new(stderr).read_line(&mut said).expect("a line");
    daemon.kill().and_then(|()| daemon.wait()).expect("it ends");
    assert!(said.contains("WARN") && said.contains("tokens travel in the clear"), "{said}");
}

/// What is not in the lock is not in any build.
#[test]
fn there_is_one_tls_stack() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = std::fs::read_to_string(lock).expect("the lock");
    assert!(lock.contains("name = \"ring\"\n") && lock.contains("name = \"rustls\"\n"));
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{other}\"\n")), "{other} has come in");
    }
}

#[tokio::test]
async fn init_twice_keeps_what_there_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let first = init::init(folder.path(), "ann", Some(&["fw.example".into()])).await;
    let first = first.expect("a folder");
    assert!(init::told(folder.path(), &first).contains("for fw.example, localhost, 127.0.0.1"));
    let files = ["rolloutd.toml", "tls/ca.pem", "tls/ca.key", "tls/server.pem", "tls/server.key"];
    let read = || files.map(|name| std::fs::read(folder.path().join(name)).expect("a file"));
    let before = read();
    let again = init::init(folder.path(), "ann", Some(&[])).await.expect("nothing to do");
    assert!(again.token.is_none() && read() == before);
    let told = init::told(folder.path(), &again);
    assert!(told.contains("kept the CA") && told.contains("kept the certificate"), "{told}");
    for key in ["tls/ca.key", "tls/server.key"] {
        let mode = std::fs::metadata(folder.path().join(key)).expect("a key").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{key}");
    }
    let refused = init::init(folder.path(), "ann", None).await.expect_err("a folder that is there");
    assert_eq!(refused.code(), "SV-105");
    // Devices are told to come back by TLS, under the first name.
    let config = settings(folder.path(), &[]).expect("settings");
    assert_eq!(config.settings.endpoint, "https://fw.example:8471");
}
