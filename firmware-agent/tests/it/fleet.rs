//! Fleets over real HTTP, against a server of a few lines.

use crate::documents::{self, Keys, NOW, fields};
use firmware_agent::host::fleet::{self, FleetOptions, FleetSummary};
use firmware_agent::host::image::Behavior;
use rollout_core::id::Digest;
use rollout_core::wire::{
    Begin, BeginAnswer, Binding, CheckIn, CheckInAnswer, Enroll, EnrollAnswer, Event, ImageState,
    Leave, Offer, Report, ReportBatch, ReportsAnswer,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

const ROLLOUT: &str = "0192f7a0-0000-7000-8000-000000000001";

/// What the server knows.
#[derive(Default)]
struct Facts {
    manifest: String,
    image: Vec<u8>,
    reports: BTreeMap<(String, u64), Event>,
    permits: BTreeSet<String>,
    requests: usize,
    busy_every: Option<usize>,
    /// Told of every request.
    heard: Arc<Notify>,
}

struct Request {
    path: String,
    range: Option<(usize, usize)>,
    token: String,
    body: Vec<u8>,
}

async fn serve(listener: TcpListener, facts: Arc<Mutex<Facts>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&facts)));
    }
}

async fn converse(mut stream: TcpStream, facts: Arc<Mutex<Facts>>) {
    let mut buffer = Vec::new();
    while let Some(request) = receive(&mut stream, &mut buffer).await {
        let reply = facts.lock().unwrap().answer(&request);
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    while buffer.len() < end + length {
        stream.read_buf(buffer).await.ok()?;
    }
    let range = header("range").map(|range| {
        let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        (from.parse().unwrap(), to.parse::<usize>().unwrap() + 1)
    });
    let request = Request {
        path: head.split(' ').nth(1)?.to_owned(),
        range,
        token: header("authorization").unwrap_or_default(),
        body: buffer[end..end + length].to_vec(),
    };
    buffer.drain(..end + length);
    Some(request)
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn json(body: &impl serde::Serialize) -> Vec<u8> {
    reply("200 OK", "content-type: application/json\r\n", &serde_json::to_vec(body).unwrap())
}

impl Facts {
    fn answer(&mut self, request: &Request) -> Vec<u8> {
        self.requests += 1;
        self.heard.notify_one();
        if self.busy_every.is_some_and(|every| self.requests.is_multiple_of(every)) {
            return reply("503 Service Unavailable", "retry-after: 0\r\n", b"");
        }
        match request.path.as_str() {
            "/device/v1/enroll" => {
                assert_eq!(request.token, "Bearer enroll-me");
                let enroll: Enroll<'_> = serde_json::from_slice(&request.body).unwrap();
                json(&EnrollAnswer { v: 1, token: &format!("token-of-{}", enroll.device) })
            }
            "/device/v1/check-in" => self.check_in(request),
            "/device/v1/begin" => {
                let begin: Begin<'_> = serde_json::from_slice(&request.body).unwrap();
                self.permits.insert(begin.device.to_owned());
                json(&BeginAnswer {
                    v: 1,
                    answer: Leave::Yes,
                    reason: "",
                    retry_secs: 1,
                    confirm_window_secs: 30,
                })
            }
            "/device/v1/reports" => {
                let batch: ReportBatch<'_, Vec<Report<'_>>> =
                    serde_json::from_slice(&request.body).unwrap();
                let device = batch.device.to_owned();
                let acknowledged = batch.reports.iter().map(|report| report.sequence).max();
                for report in batch.reports {
                    let key = (device.clone(), report.sequence);
                    let known = self.reports.insert(key, report.event);
                    assert!(known.is_none_or(|known| known == report.event));
                }
                json(&ReportsAnswer { v: 1, acknowledged: acknowledged.unwrap() })
            }
            path if path.starts_with("/images/") => {
                let (from, to) = request.range.unwrap();
                let (to, all) = (to.min(self.image.len()), self.image.len());
                let range = format!("content-range: bytes {from}-{}/{all}\r\n", to - 1);
                reply("206 Partial Content", &range, &self.image[from..to])
            }
            // Asked once by the program, before its devices begin.
            "/healthz" => reply("200 OK", "", b"ok\n"),
            other => panic!("unknown path {other}"),
        }
    }

    fn check_in(&self, request: &Request) -> Vec<u8> {
        let check_in: CheckIn<'_, BTreeMap<String, String>> =
            serde_json::from_slice(&request.body).unwrap();
        assert_eq!(request.token, format!("Bearer token-of-{}", check_in.device));
        let wanted = check_in.running.state == ImageState::Valid
            && Digest::from(check_in.running.digest) != Digest::of(&self.image);
        json(&CheckInAnswer {
            v: 1,
            time: NOW,
            poll_secs: 60,
            root_version: 1,
            root: None,
            directive: None,
            binding: Binding { generation: 1, home: "main", endpoint: "http://home" },
            offer: wanted.then_some(Offer {
                rollout: ROLLOUT,
                attempt: 1,
                manifest: &self.manifest,
                url: "/images/x?device=y&signature=z",
                lease_secs: 60,
            }),
            stop: None,
        })
    }

    fn count(&self, event: Event) -> usize {
        self.reports.values().filter(|known| **known == event).count()
    }
}

/// Runs a fleet until `done`, and returns what it did.
async fn run(
    options: FleetOptions,
    facts: &Arc<Mutex<Facts>>,
    done: impl Fn(&Facts) -> bool,
) -> FleetSummary {
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(fleet::run(options, stopped));
    wait_for(facts, done).await;
    stop.send_replace(true);
    running.await.unwrap().unwrap()
}

async fn server(image: &[u8]) -> (String, Arc<Mutex<Facts>>) {
    let manifest = Keys::new(1).manifest(&fields(image, "2.0.0", 2));
    let manifest = documents::base64(&manifest);
    let facts = Facts { manifest, image: image.to_vec(), ..Facts::default() };
    let facts = Arc::new(Mutex::new(facts));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, Arc::clone(&facts)));
    (url, facts)
}

fn options(url: &str, directory: &std::path::Path, count: usize) -> FleetOptions {
    let factory = documents::good_image("1.0.0");
    let mut options = FleetOptions::new(url, directory, Keys::new(1).root(), factory);
    options.count = count;
    options.enroll_token = "enroll-me".to_owned();
    options.poll = Some(Duration::from_millis(200));
    options.slot_bytes = 512 * 1024;
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_updates_over_http_though_replies_get_lost() {
    let directory = tempfile::tempdir().unwrap();
    let image = documents::image("2.0.0", 300_000, Behavior::default());
    let (url, facts) = server(&image).await;
    facts.lock().unwrap().busy_every = Some(11);
    let mut options = options(&url, directory.path(), 40);
    options.faults.drop = 0.1;
    fleet::provision(&options).unwrap();
    fleet::provision(&options).unwrap();
    let summary = run(options, &facts, |facts| facts.count(Event::Confirmed) >= 40).await;
    assert_eq!((summary.devices, summary.confirmed, summary.broken), (40, 40, 0));
    let digest = Digest::of(&image);
    assert_eq!(fleet::booted(directory.path(), &digest).unwrap(), 40);
    assert_eq!(fleet::running(directory.path()).unwrap(), [(digest, 40)].into());
    assert_eq!(facts.lock().unwrap().permits.len(), 40);
    let log = std::fs::read_to_string(directory.path().join("dev-0007/agent.log")).unwrap();
    for what in ["boot", "permit", "acknowledged"] {
        assert!(log.contains(&format!("{{\"what\":\"{what}\"")), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn badness_is_a_property_of_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let behavior = Behavior { fail_ppm: 200_000, dark_ppm: 200_000, crash_ppm: 200_000 };
    let image = documents::image("2.0.0", 20_000, behavior);
    let (url, facts) = server(&image).await;
    let options = options(&url, directory.path(), 60);
    fleet::provision(&options).unwrap();
    let dark = || fleet::dark(directory.path()).unwrap();
    let settled =
        |facts: &Facts| facts.count(Event::Confirmed) + facts.count(Event::Returned) + dark() >= 60;
    let summary = run(options.clone(), &facts, settled).await;
    assert_eq!(summary.broken, 0);
    assert!((4..=24).contains(&summary.dark), "{summary:?}");
    assert!((10..=40).contains(&summary.returned), "{summary:?}");
    assert_eq!(fleet::booted(directory.path(), &Digest::of(&image)).unwrap(), 60);
    let left = fleet::left_on(directory.path(), &Digest::of(&image)).unwrap() as u64;
    assert_eq!(left, summary.confirmed, "neither who came back nor who is dark");
    // A second process finds the dark ones dark.
    let again = run(options, &facts, |_| true).await;
    assert_eq!(again.dark, summary.dark);
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let good = options("http://localhost", directory.path(), 1);
    let code = |options: &FleetOptions| fleet::provision(options).unwrap_err().code();
    let root = vec![1, 2, 3];
    assert_eq!(code(&FleetOptions { root, ..good.clone() }), "FA-002");
    let factory_image = vec![0; 2_000];
    assert_eq!(code(&FleetOptions { factory_image, ..good.clone() }), "FA-003");
    assert_eq!(code(&FleetOptions { slot_bytes: 4096, ..good.clone() }), "FA-003");
    let factory_manifest = Some(Keys::new(9).manifest(&fields(&good.factory_image, "1.0.0", 1)));
    assert_eq!(code(&FleetOptions { factory_manifest, ..good.clone() }), "FA-004");
    let id_prefix = "dev 1/".to_owned();
    assert_eq!(code(&FleetOptions { id_prefix, ..good }), "FA-005");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_process_is_a_power_cut_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let image = documents::image("2.0.0", 600_000, Behavior::default());
    let (url, facts) = server(&image).await;
    let root = directory.path().join("root.cose");
    std::fs::write(&root, Keys::new(1).root()).unwrap();
    let devices = directory.path().join("devices");
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_firmware-agent"));
        command.args(["fleet", "--count", "30", "--poll-ms", "100", "--server", &url]);
        command.args(["--enroll-token", "enroll-me", "--drop-rate", "0.05"]);
        command.arg("--dir").arg(&devices).arg("--root").arg(&root);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    // Each life ends when the server has heard this many more requests.
    for requests in [35, 10, 40, 25, 60, 15, 80, 30, 50] {
        let mut child = start();
        let until = facts.lock().unwrap().requests + requests;
        wait_for(&facts, |facts| facts.requests >= until || facts.count(Event::Confirmed) >= 30)
            .await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = start();
    wait_for(&facts, |facts| facts.count(Event::Confirmed) >= 30).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let running = fleet::running(&devices).unwrap();
    assert_eq!(running, [(Digest::of(&image), 30)].into());
}

async fn wait_for(facts: &Arc<Mutex<Facts>>, done: impl Fn(&Facts) -> bool) {
    let heard = Arc::clone(&facts.lock().unwrap().heard);
    let waiting = async {
        loop {
            // Asked for before looking, so that nothing heard in between is missed.
            let news = heard.notified();
            if done(&facts.lock().unwrap()) {
                return;
            }
            news.await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("the fleet does not finish");
}
