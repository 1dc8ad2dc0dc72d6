//! A real server with keys, two releases, five devices and a running rollout, that stands still.
//!
//! Nothing happens but what a test asks for: ticks are an hour apart and the first has passed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firmware_agent::host::image::{CHIP_TEST, ImageSpec, build};
use reqwest::Method;
use rollout_core::id::{Digest, HardwareModel, Principal, ProductId};
use rollout_core::image::ChipId;
use rollout_core::journal::{Role, Seq};
use rollout_core::port::Store as _;
use rollout_core::time::Span;
use rollout_core::trust::sign::{ManifestFields, SigningKey, public_key, sign, signing_key};
use rollout_core::trust::{DocumentType, Epoch, UnixSeconds};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_http::body::v1::{OpenEnrollment, RootBody};
use rollout_http::client::Client;
use rollout_store::Unobserved;
use rollout_tui::ceremony::{Inspected, PublishPlan};
use rollout_tui::publish::{Anchor, Options, Source, WayBack, publish};
use rollout_tui::root::{RootPlan, SignedRoot, fleet_of, make_root};
use rolloutd::clock::{Clock as _, SystemClock};
use rolloutd::config::Config;
use rolloutd::engine::Settings;
use rolloutd::serve::{self, Serving};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub const ROLLOUT: &str = "0192f7a0-0000-7000-8000-000000000001";
const PRODUCT: &str = "vacuum";
const SLOT_BYTES: u64 = 64 * 1024;

/// Devices: one that can have the release, and one for each reason not to.
pub fn names() -> [&'static str; 5] {
    ["good", "burnt", "ahead", "small", "other"]
}

/// An image of the product, of secure version 1.
pub fn image(version: &str) -> Vec<u8> {
    let (product, secure_version) = (PRODUCT, 1);
    build(&ImageSpec { product, version, secure_version, size: 4096, ..ImageSpec::default() })
}

/// A report of a download under way.
pub fn report(sequence: u64, rollout: &str) -> Value {
    json!({ "sequence": sequence, "rollout": rollout, "attempt": 1, "event": "downloading",
        "reason": null, "running": null, "detail": null })
}

/// A request. A path without `/` is a route of the device plane.
pub struct Asked {
    method: Method,
    path: String,
    token: String,
    body: Vec<u8>,
}

pub fn asked(method: &str, path: &str, token: &str, body: impl Into<Vec<u8>>) -> Asked {
    let method = method.parse().expect("a method");
    Asked { method, path: path.into(), token: token.into(), body: body.into() }
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

pub struct World {
    /// May do everything.
    pub ann: String,
    /// May look.
    pub vic: String,
    /// An enrollment with room.
    pub open: String,
    /// An enrollment without.
    pub used_up: String,
    serving: Serving,
    client: Client,
    http: reqwest::Client,
    root: SignedRoot,
    key: SigningKey,
    tokens: BTreeMap<&'static str, String>,
    said: String,
    end: u64,
    folder: tempfile::TempDir,
}

impl World {
    /// Everything is there, and the device `good` has its offer.
    pub async fn furnished() -> Self {
        let mut world = Self::empty().await;
        let envelope = STANDARD.encode(&world.root.envelope);
        let stored = world.client.store_root(&RootBody { envelope, version: None }).await;
        stored.expect("a root");
        world.release("1.0.0", WayBack::None).await;
        let back = WayBack::To(semver::Version::new(1, 0, 0));
        world.release("1.1.0", back).await;
        world.open = world.enrollment("v980", 9).await;
        let other = world.enrollment("v970", 1).await;
        for name in names() {
            let leave = if name == "other" { &other } else { &world.open };
            let body = json!({ "v": 1, "device": name, "hardware": model_of(name) }).to_string();
            let reply = world.ask(asked("POST", "enroll", leave, body)).await;
            let token = reply.body["token"].as_str().expect("a token").to_owned();
            world.tokens.insert(name, token);
            world.check_in(name).await;
        }
        world.used_up = world.spent_enrollment().await;
        let plan = format!(
            "name = \"errors\"\nrelease = \"{PRODUCT}@1.1.0\"\ncohort = \"site==home\"\n\
             ladder = [\"100%\"]\n"
        );
        world.client.create(&plan, Some(ROLLOUT)).await.expect("a draft");
        world.client.start(ROLLOUT).await.expect("it starts");
        world.serving.daemon.tick().await.expect("a tick");
        world.serving.daemon.tick().await.expect("a tick");
        assert!(!world.check_in("good").await["offer"].is_null(), "nothing was offered");
        world.moved().await;
        world
    }

    async fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings =
            Settings { tick: Span::hours(1), beat: Span::hours(1), ..Settings::default() };
        let data = folder.path().join("server");
        let config = Config::local(data, settings);
        let serving = serve::listen(&config, Unobserved).await.expect("it serves");
        let every = [Role::Viewer, Role::Operator, Role::Publisher, Role::Approver, Role::Admin];
        let ann = token(&serving, "ann", &every).await;
        let vic = token(&serving, "vic", &[Role::Viewer]).await;
        let client = Client::new(&format!("http://{}", serving.operators), &ann);
        let tls = rollout_tls::client("http:", None).expect("nobody to believe");
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        let http = http.build().expect("a client");
        let (root, key) = root();
        Self {
            ann,
            vic,
            open: String::new(),
            used_up: String::new(),
            serving,
            client: client.expect("a client"),
            http,
            root,
            key,
            tokens: BTreeMap::new(),
            said: String::new(),
            end: 0,
            folder,
        }
    }

    /// Publishes as an operator would.
    async fn release(&self, version: &str, way_back: WayBack) {
        let image = image(version);
        let hardware = vec![HardwareModel::new("v980").expect("a model")];
        let product = ProductId::new(PRODUCT).expect("a product");
        let plan = PublishPlan::new(product, Inspected::of(&image).expect("an image"), hardware);
        let options = Options {
            plan: &plan,
            sources: &[Source::Bytes(image)],
            keys: &[&self.key],
            anchor: Anchor::Kept(&self.root.root),
            way_back: &way_back,
            now: now(),
        };
        publish(&self.client, &options).await.expect("published");
    }

    async fn enrollment(&self, hardware: &str, count: u64) -> String {
        let open = OpenEnrollment { hardware: hardware.into(), count, days: None };
        self.client.open_enrollment(&open).await.expect("an enrollment").token
    }

    async fn spent_enrollment(&self) -> String {
        let token = self.enrollment("v980", 1).await;
        let body = json!({ "v": 1, "device": "last", "hardware": "v980" }).to_string();
        assert_eq!(self.ask(asked("POST", "enroll", &token, body)).await.status, 201);
        token
    }

    pub fn token_of(&self, device: &str) -> &str {
        &self.tokens[device]
    }

    /// What a device says of itself.
    pub fn check_in_body(&self, device: &str) -> Value {
        let counter = if device == "ahead" { 99 } else { 1 };
        json!({
            "v": 1, "device": device, "incarnation": 7, "nonce": "00".repeat(16),
            "root_version": 1, "hardware": model_of(device),
            "running": { "digest": Digest::of(&image("1.0.0")).to_string(), "version": "1.0.0",
                "epoch": 1, "counter": counter, "state": "valid" },
            "secure_version": if device == "burnt" { 2 } else { 1 },
            "slot_bytes": if device == "small" { 4095 } else { SLOT_BYTES },
            "spare": null, "attributes": { "site": "home" },
        })
    }

    async fn check_in(&self, device: &str) -> Value {
        let body = self.check_in_body(device).to_string();
        let reply = self.ask(asked("POST", "check-in", self.token_of(device), body)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    pub fn report_batch(&self, device: &str, reports: &[Value]) -> Value {
        json!({ "v": 1, "device": device, "incarnation": 7, "reports": reports })
    }

    pub fn reports(&self, device: &str, reports: &[Value]) -> Asked {
        let body = self.report_batch(device, reports).to_string();
        asked("POST", "reports", self.token_of(device), body)
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub fn next_counter(&self) -> u64 {
        self.serving.daemon.read(|fleet| fleet.next_counter(PRODUCT).0)
    }

    /// A manifest of `image(version)` that would be accepted.
    pub fn fields(&self, version: &str, counter: u64) -> ManifestFields {
        let image = image(version);
        ManifestFields {
            fleet: self.root.root.fleet(),
            product: PRODUCT.into(),
            hardware: vec![b"v980".to_vec()],
            epoch: Epoch(1),
            counter: ReleaseCounter(counter),
            version: version.into(),
            image: Digest::of(&image),
            image_bytes: image.len() as u64,
            secure_version: SecureVersion(1),
            min_from: ReleaseCounter(0),
            expires: UnixSeconds(now().0 + 86_400),
            chip_id: ChipId(CHIP_TEST),
            component: None,
            reissue_of: None,
            contract: None,
            spread: None,
            format: None,
            delta_bases: None,
            config: None,
        }
    }

    /// A manifest that calls the image of 1.2.0 another version.
    pub fn as_version(&self, version: &str) -> ManifestFields {
        let counter = self.next_counter();
        ManifestFields { version: version.into(), ..self.fields("1.2.0", counter) }
    }

    /// The request that publishes one manifest, signed by `key`.
    pub fn publish(
        &self,
        version: &str,
        counter: u64,
        fields: &ManifestFields,
        key: &SigningKey,
    ) -> Value {
        let payload = fields.encode().expect("a manifest");
        let signed = sign(DocumentType::Manifest, &payload, &[key]).expect("signed");
        let release = format!("{PRODUCT}@{version}");
        json!({ "release": release, "counter": counter, "manifests": [STANDARD.encode(signed)] })
    }

    pub async fn upload(&self, image: &[u8]) {
        let stored = self.client.upload_bytes(Digest::of(image), image.to_vec()).await;
        stored.expect("an upload");
    }

    /// How many files the image store has.
    pub fn images(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("server/images")).expect("images").count()
    }

    pub async fn ask(&self, asked: Asked) -> Reply {
        let url = if asked.path.starts_with('/') {
            format!("http://{}{}", self.serving.operators, asked.path)
        } else {
            format!("http://{}/device/v1/{}", self.serving.devices, asked.path)
        };
        let mut request = self.http.request(asked.method, url).body(asked.body);
        if !asked.token.is_empty() {
            request = request.bearer_auth(asked.token);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("a body");
        Reply { status, body: serde_json::from_slice(&body).expect("JSON") }
    }

    /// Asks for what must be refused, notes what is said, and sees that nothing has changed.
    pub async fn refused(&mut self, case: &str, asked: Asked) {
        let reply = self.ask(asked).await;
        self.note_refusal(case, reply).await;
    }

    /// An upload of which fewer bytes come than its head declares.
    pub async fn refused_raw(&mut self, case: &str, path: &str, declared: usize, body: &[u8]) {
        let mut stream =
            tokio::net::TcpStream::connect(self.serving.operators).await.expect("a connection");
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-length: {declared}\r\nconnection: close\r\n\r\n",
            self.ann
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, "null"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = serde_json::from_str(body).expect("JSON");
        self.note_refusal(case, Reply { status: status.unwrap_or(0), body }).await;
    }

    async fn note_refusal(&mut self, case: &str, Reply { status, body }: Reply) {
        assert!((400..500).contains(&status), "{case} was not refused: {status} {body}");
        let word = |key: &str| body[key].as_str().unwrap_or("-").to_owned();
        let (code, detail, hint) = (word("code"), word("detail"), word("hint"));
        assert_eq!(body["status"], json!(status), "{case}");
        self.note(&format!("{case}\n  {status} {code}: {detail}\n  hint: {hint}"));
        self.nothing_changed(case).await;
    }

    /// The journal ends where it ended, in the model and on disk.
    pub async fn nothing_changed(&mut self, case: &str) {
        let end = self.end;
        assert_eq!(self.moved().await, end, "{case} has changed something");
    }

    /// Where the journal ends by now.
    pub async fn moved(&mut self) -> u64 {
        let daemon = &self.serving.daemon;
        self.end = daemon.read(|fleet| fleet.read_to.0);
        let unread = daemon.store().read(Seq(self.end), 1).await.expect("the journal");
        assert!(unread.is_empty(), "an entry nobody folded: {unread:?}");
        self.end
    }

    pub fn note(&mut self, line: &str) {
        self.said += line;
        self.said.push('\n');
    }

    /// Everything that was noted.
    pub fn said(&self) -> &str {
        &self.said
    }
}

fn model_of(device: &str) -> &'static str {
    if device == "other" { "v970" } else { "v980" }
}

fn now() -> UnixSeconds {
    UnixSeconds(SystemClock.now().unix_secs())
}

async fn token(serving: &Serving, name: &str, roles: &[Role]) -> String {
    let principal = Principal::new(name).expect("a name");
    rolloutd::init::make_token(&serving.daemon, principal, roles).await.expect("a token").text
}

fn root() -> (SignedRoot, SigningKey) {
    let (root_key, key, binding) =
        (signing_key(&[1; 32]), signing_key(&[2; 32]), signing_key(&[3; 32]));
    let root = make_root(&RootPlan {
        fleet: fleet_of("errors"),
        root_keys: &[&root_key],
        release_keys: &[public_key(&key)],
        binding_keys: &[public_key(&binding)],
        threshold_root: None,
        threshold_release: None,
        expires_days: 365,
        now: now(),
    });
    (root.expect("a root"), key)
}
