//! A fleet with tokens, a root and signed images, and the requests of people and devices.

use crate::fake::Fake;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use rollout_core::fleet::Fleet;
use rollout_core::hosting::{Endpoint, Hosting};
use rollout_core::id::{Digest, Principal, ProductId};
use rollout_core::image::ChipId;
use rollout_core::journal::{Entry, Role, TokenRecord};
use rollout_core::time::{Span, Timestamp};
use rollout_core::trust::sign::{
    ManifestFields, RoleFields, RootFields, SigningKey, public_key, sign, signing_key,
};
use rollout_core::trust::{
    DocumentType, Epoch, FleetId, Role as KeyRole, RootVersion, UnixSeconds,
};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_http::token::{self, TokenKind};
use rollout_http::{Limits, Setup, device_router, operator_router_with};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

pub const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
pub const MODEL: &str = "bench-1";

pub struct World {
    pub backend: Fake,
    pub operators: Router,
    pub devices: Router,
    /// May do everything.
    pub ann: String,
    /// May look.
    pub vic: String,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("JSON")
    }

    /// Status and code, as in `403 AU-004`.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or("-").to_owned();
        format!("{} {code}", self.status.as_u16())
    }

    /// Status, code and detail.
    pub fn refusal(&self) -> String {
        format!("{}: {}", self.code(), self.json()["detail"].as_str().unwrap_or_default())
    }
}

pub async fn ask(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a whole body").to_bytes().to_vec();
    Reply { status: parts.status, headers: parts.headers, bytes }
}

pub fn request(method: &str, path: &str, token: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body.into()).expect("a request")
}

impl World {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    /// A world whose daemon stops when it is told to.
    pub fn with_stop(stopped: watch::Receiver<bool>) -> Self {
        Self::with(Setup { stopped: Some(stopped), ..Setup::default() })
    }

    pub fn with(setup: Setup) -> Self {
        let endpoint = Endpoint::new("http://127.0.0.1:7878").expect("an endpoint");
        let fleet = Fleet::new(Hosting::single(endpoint), Span::hours(1));
        let backend = Fake::new(fleet, Timestamp(NOW * 1000));
        let every = [
            Role::Viewer,
            Role::Operator,
            Role::Publisher,
            Role::Approver,
            Role::Admin,
            Role::Auditor,
        ];
        let limits = Limits { image_bytes: 200_000 };
        let setup = Setup { limits, ..setup };
        let mut world = Self {
            operators: operator_router_with(backend.clone(), setup),
            devices: device_router(backend.clone()),
            backend,
            ann: String::new(),
            vic: String::new(),
        };
        world.ann = world.token(1, "ann", &every, NOW + DAY);
        world.vic = world.token(2, "vic", &[Role::Viewer], NOW + DAY);
        world
    }

    pub fn token(&self, seed: u8, name: &str, roles: &[Role], expires: u64) -> String {
        let made = token::make(TokenKind::Operator, &[seed; token::ENTROPY_BYTES]);
        self.backend.write(vec![Entry::TokenMade(TokenRecord {
            id: made.id,
            hash: made.hash,
            principal: Principal::new(name).expect("a principal"),
            roles: roles.iter().copied().collect(),
            expires: Timestamp(expires * 1000),
        })]);
        made.text
    }

    /// A product without a release.
    pub fn name_product(&self, name: &str) {
        let product = ProductId::new(name).expect("a product");
        let by = Principal::new("ann").expect("a principal");
        self.backend.write(vec![Entry::ProductAdded { product, by }]);
    }

    pub async fn operator(&self, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        ask(&self.operators, request(method, path, &self.ann, body)).await
    }

    pub async fn say(&self, method: &str, path: &str, body: Value) -> Reply {
        self.operator(method, path, body.to_string()).await
    }

    pub async fn device(&self, path: &str, token: &str, body: &Value) -> Reply {
        ask(&self.devices, request("POST", path, token, body.to_string())).await
    }

    pub async fn upload(&self, image: &[u8]) -> Reply {
        let path = format!("/v1/images/{}", Digest::of(image));
        let mut request = request("PUT", &path, &self.ann, image.to_vec());
        let length = image.len().to_string().parse().expect("a header");
        request.headers_mut().insert("content-length", length);
        ask(&self.operators, request).await
    }

    pub async fn store_root(&self) -> Reply {
        self.say("PUT", "/v1/root", json!({ "envelope": STANDARD.encode(root()) })).await
    }

    /// Uploads and publishes a release whose way back is `1.0.0`.
    pub async fn publish(&self, version: &str, counter: u64) -> Reply {
        let (new, old) = (image(version), image("1.0.0"));
        for image in [&new, &old] {
            assert!(self.upload(image).await.status.is_success());
        }
        let release = json!({
            "release": format!("vacuum@{version}"),
            "counter": counter,
            "manifests": [manifest(&new, version, counter, None)],
            "way_back": {
                "version": "1.0.0",
                "manifests": [manifest(&old, "1.0.0", counter + 1, Some(1))],
            },
        });
        self.say("POST", "/v1/releases", release).await
    }

    /// Enrolls devices `dev-000` and so on; their tokens.
    pub async fn enroll(&self, count: usize) -> Vec<String> {
        let asked = json!({ "hardware": MODEL, "count": count });
        let opened = self.say("POST", "/v1/enrollments", asked).await.json();
        let leave = opened["token"].as_str().expect("a token").to_owned();
        let mut tokens = Vec::new();
        for index in 0..count {
            let body = json!({ "v": 1, "device": name(index), "hardware": MODEL });
            let reply = self.device("/device/v1/enroll", &leave, &body).await;
            assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.refusal());
            tokens.push(reply.json()["token"].as_str().expect("a token").to_owned());
        }
        tokens
    }

    pub async fn check_in(
        &self,
        index: usize,
        token: &str,
        running: &[u8],
        version: &str,
    ) -> Reply {
        let body = check_in(&name(index), running, version);
        self.device("/device/v1/check-in", token, &body).await
    }
}

pub fn name(index: usize) -> String {
    format!("dev-{index:03}")
}

pub fn check_in(device: &str, running: &[u8], version: &str) -> Value {
    json!({
        "v": 1, "device": device, "incarnation": 7, "nonce": "00".repeat(16), "root_version": 1,
        "hardware": MODEL, "secure_version": 0, "slot_bytes": 1_000_000, "spare": null,
        "running": {
            "digest": Digest::of(running).to_string(), "version": version, "epoch": 1,
            "counter": 1, "state": "valid",
        },
        "attributes": { "region": "eu-west", "motto": "say \"hi\"" },
    })
}

fn root_keys() -> [SigningKey; 3] {
    [1, 2, 3].map(|seed| signing_key(&[seed; 32]))
}

fn release_keys() -> [SigningKey; 2] {
    [4, 5].map(|seed| signing_key(&[seed; 32]))
}

pub fn root() -> Vec<u8> {
    let keys = root_keys().iter().chain(&release_keys()).map(public_key).collect();
    let role = |threshold, members: &[u8]| RoleFields { threshold, members: members.to_vec() };
    let fields = RootFields {
        fleet: FleetId([0xF1; 16]),
        version: RootVersion(1),
        expires: UnixSeconds(NOW + 365 * DAY),
        epoch: Epoch(1),
        keys,
        roles: [
            (KeyRole::Root, role(2, &[0, 1, 2])),
            (KeyRole::Release, role(2, &[3, 4])),
            (KeyRole::Binding, role(1, &[3])),
        ]
        .into(),
        issued_at: UnixSeconds(NOW - DAY),
    };
    let payload = fields.encode().expect("a good root");
    let [one, two, _] = root_keys();
    sign(DocumentType::Root, &payload, &[&one, &two]).expect("signed")
}

/// The signed manifest of an image, base64.
pub fn manifest(image: &[u8], version: &str, counter: u64, reissue_of: Option<u64>) -> String {
    manifest_for(180, image, version, counter, reissue_of)
}

/// The signed manifest of an image that lives for `days`, base64.
pub fn manifest_for(
    days: u64,
    image: &[u8],
    version: &str,
    counter: u64,
    reissue_of: Option<u64>,
) -> String {
    let fields = ManifestFields {
        fleet: FleetId([0xF1; 16]),
        product: "vacuum".into(),
        hardware: vec![MODEL.as_bytes().to_vec()],
        epoch: Epoch(1),
        counter: ReleaseCounter(counter),
        version: version.into(),
        image: Digest::of(image),
        image_bytes: image.len() as u64,
        secure_version: SecureVersion(0),
        min_from: ReleaseCounter(0),
        expires: UnixSeconds(NOW + days * DAY),
        chip_id: ChipId::TEST,
        component: None,
        reissue_of: reissue_of.map(ReleaseCounter),
        contract: None,
        spread: None,
        format: None,
        delta_bases: None,
        config: None,
    };
    let payload = fields.encode().expect("a good manifest");
    let [one, two] = release_keys();
    STANDARD.encode(sign(DocumentType::Manifest, &payload, &[&one, &two]).expect("signed"))
}

/// An app image for the test chip, a little larger than one read of the server.
pub fn image(version: &str) -> Vec<u8> {
    let mut image: Vec<u8> = (0..70_000u32).map(|at| at.to_le_bytes()[0]).collect();
    image[..288].fill(0);
    image[0] = 0xE9;
    image[1] = 1;
    image[12..14].copy_from_slice(&ChipId::TEST.0.to_le_bytes());
    image[28..32].copy_from_slice(&60_000u32.to_le_bytes());
    image[0x20..0x24].copy_from_slice(&0xABCD_5432u32.to_le_bytes());
    image[0x30..0x30 + version.len()].copy_from_slice(version.as_bytes());
    image[0x50..0x56].copy_from_slice(b"vacuum");
    image
}
