//! What a check-in that changes nothing costs the server, beside an axum hello world: P1.
//!
//! `cargo bench -p rolloutd --bench check_in [-- REQUESTS ROUNDS]`. Two child processes serve on
//! loopback, this one asks: A (hello), B (check-in), A, B, …; each cost is the CPU time of the
//! serving process over the requests it answered, so a busy machine stretches the run and not the
//! figures. B has 10 000 enrolled devices, a running rollout and SQLite. Invariants: each request
//! is answered with 200, and the journal of B ends where it ended before the first round.

use anyhow::Context as _;
use rollout_core::cohort::Selector;
use rollout_core::fleet::Registered;
use rollout_core::id::{DeviceId, Digest, HardwareModel, Principal, ProductId, RolloutId};
use rollout_core::journal::Entry;
use rollout_core::release::{ReleaseId, Target};
use rollout_core::rollout::{
    Command as Order, Commanded, Ladder, Membership, Plan, PlanFields, Rung,
};
use rollout_core::trust::UnixSeconds;
use rollout_core::trust::sign::{public_key, signing_key};
use rollout_core::version::ReleaseCounter;
use rollout_http::backend::{Backend as _, Problem, Terms};
use rollout_http::token;
use rollout_store::Unobserved;
use rollout_tui::ceremony::{Ceremony, Inspected, NoWayBack, PublishPlan};
use rollout_tui::root::{RootPlan, fleet_of, make_root};
use rolloutd::config::Config;
use rolloutd::engine::Settings;
use rolloutd::serve::{self, Daemon};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const GATE: f64 = 1.35;
const GOAL: f64 = 1.0;
const DEVICES: usize = 10_000;
const CONNECTIONS: usize = 128;
/// Requests of one round, rounds of each side.
const USUAL: (usize, usize) = (60_000, 5);
/// `/proc/PID/stat` counts in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SEC: f64 = 100.0;
const MODEL: &str = "v980";
const PRODUCT: &str = "vacuum";

fn main() -> anyhow::Result<()> {
    // `cargo bench` and `cargo test --benches` have words of their own for benches.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("serve-hello") => serve_hello(),
        Some("serve-devices") => serve_devices(),
        _ => {
            let number = |at: usize, usual| -> anyhow::Result<usize> {
                Ok(arguments.get(at).map(|text| text.parse()).transpose()?.unwrap_or(usual))
            };
            compare(number(0, USUAL.0)?.max(DEVICES), number(1, USUAL.1)?.max(3))
        }
    }
}

// The two servers.

fn serve_hello() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let address = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let hello = axum::routing::get(|| async { "Hello, World!" });
        let serve = axum::serve(listener, axum::Router::new().route("/", hello));
        tokio::spawn(serve.into_future());
        anyhow::Ok(address)
    })?;
    answer_questions(address, || 0)
}

fn serve_devices() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let serving = runtime.block_on(async {
        let config = Config::local(folder.path().into(), Settings::default());
        let serving = serve::listen(&config, Unobserved).await?;
        furnish(&serving.daemon).await?;
        anyhow::Ok(serving)
    })?;
    answer_questions(serving.devices, || serving.daemon.read(|fleet| fleet.read_to.0))
}

/// Says where it listens, then where its journal ends for each line it is sent, until it is left.
fn answer_questions(address: SocketAddr, journal_end: impl Fn() -> u64) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{address}")?;
    stdout.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        writeln!(stdout, "{}", journal_end())?;
        stdout.flush()?;
    }
    Ok(())
}

/// A root, a release, devices, and a rollout that is open to one device in a hundred.
async fn furnish(daemon: &Daemon) -> anyhow::Result<()> {
    let rollout = RolloutId::parse("0192f7a0-0000-7000-8000-000000000001")?;
    let by = Principal::new("bench")?;
    let mut entries = released(daemon.now().unix_secs(), &by)?;
    let members = Membership::Query(Selector::parse(&format!("model=={MODEL}"))?);
    let rungs = ["1%", "100%"].iter().filter_map(|rung| Rung::parse(rung)).collect();
    let ladder = Ladder::new(rungs).map_err(anyhow::Error::msg)?;
    let target = Target::Release(ReleaseId::parse(&format!("{PRODUCT}@1.1.0"))?);
    let plan = Arc::new(Plan::check(PlanFields::new("bench", target, members, ladder))?);
    entries.push(Entry::Drafted { rollout, plan, by: by.clone() });
    let home = daemon.read(|fleet| fleet.hosting.default_home().id.clone());
    for index in 0..DEVICES {
        entries.push(Entry::Enrolled {
            device: DeviceId::new(&name(index))?,
            hardware: HardwareModel::new(MODEL)?,
            home: home.clone(),
            token: token::make_for_device(&name(index), &secret(index)).hash,
            enrollment: None,
            attributes: Default::default(),
            by: None,
        });
    }
    let said = |problem: Problem| anyhow::anyhow!("{problem}");
    let check = Box::new(move |_: &_, _| Ok(Registered::New(entries)));
    daemon.register(check, Terms::default()).await.map_err(said)?;
    daemon
        .command(rollout, Commanded { by, command: Order::Start }, Terms::default())
        .await
        .map_err(said)
}

/// A root and a release signed under it.
fn released(now: u64, by: &Principal) -> anyhow::Result<Vec<Entry>> {
    use firmware_agent::host::image::{ImageSpec, build};
    let (root_key, key, binding) =
        (signing_key(&[1; 32]), signing_key(&[2; 32]), signing_key(&[3; 32]));
    let now = UnixSeconds(now);
    let root = make_root(&RootPlan {
        fleet: fleet_of("bench"),
        root_keys: &[&root_key],
        release_keys: &[public_key(&key)],
        binding_keys: &[public_key(&binding)],
        threshold_root: None,
        threshold_release: None,
        expires_days: 365,
        now,
    })?;
    let image = build(&ImageSpec { product: PRODUCT, version: "1.1.0", ..ImageSpec::default() });
    let hardware = vec![HardwareModel::new(MODEL)?];
    let plan = PublishPlan::new(ProductId::new(PRODUCT)?, Inspected::of(&image)?, hardware);
    let ceremony = Ceremony { root: &root.root, keys: &[&key], now };
    let signed = ceremony.sign(&plan, ReleaseCounter(2), Err(NoWayBack::Declined))?;
    let record = Box::new(signed.record(by.clone()));
    Ok(vec![Entry::RootAccepted { envelope: root.envelope }, Entry::Published(record)])
}

fn name(index: usize) -> String {
    format!("kitchen-{index:05}")
}

fn secret(index: usize) -> [u8; 32] {
    *Digest::of(name(index).as_bytes()).as_bytes()
}

/// What a device sends, byte by byte: what it said the last time, so nothing changes.
fn check_in(index: usize, host: SocketAddr) -> Vec<u8> {
    let digest = Digest::of(b"1.0.0");
    let name = name(index);
    let body = format!(
        "{{\"v\":1,\"device\":\"{name}\",\"incarnation\":{},\"nonce\":\"{index:032x}\",\
         \"root_version\":1,\"hardware\":\"{MODEL}\",\"running\":{{\"digest\":\"{digest}\",\
         \"version\":\"1.0.0\",\"epoch\":1,\"counter\":1,\"state\":\"valid\"}},\
         \"secure_version\":0,\"slot_bytes\":1966080,\"spare\":null,\"attributes\":{{\
         \"region\":\"eu-west\",\"site\":\"home\",\"docked\":\"true\"}}}}",
        index * 7919
    );
    let token = token::make_for_device(&name, &secret(index)).text;
    format!(
        "POST /device/v1/check-in HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

// The comparison.

struct Server {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(what: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        let questions = child.stdin.take().context("a pipe")?;
        let mut answers = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{what} does not serve"))?;
        Ok(Self { child, questions, answers, address })
    }

    fn journal_end(&mut self) -> anyhow::Result<u64> {
        writeln!(self.questions)?;
        self.questions.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    fn cpu_secs(&self) -> anyhow::Result<[f64; 2]> {
        cpu_secs(format!("/proc/{}/stat", self.child.id()))
    }

    /// What one request costs.
    fn round(
        &self,
        runtime: &Runtime,
        requests: &Arc<Vec<Vec<u8>>>,
        count: usize,
    ) -> anyhow::Result<Cost> {
        let before = (self.cpu_secs()?, cpu_secs("/proc/self/stat")?);
        runtime.block_on(ask_all(self.address, requests, count))?;
        let after = (self.cpu_secs()?, cpu_secs("/proc/self/stat")?);
        let per = |before: f64, after: f64| (after - before) * 1e6 / count as f64;
        let both = |before: [f64; 2], after: [f64; 2]| per(before.iter().sum(), after.iter().sum());
        Ok(Cost {
            server: both(before.0, after.0),
            kernel: per(before.0[1], after.0[1]),
            client: both(before.1, after.1),
        })
    }

    /// Its input ends, so it does.
    fn end(self) -> anyhow::Result<()> {
        let Self { mut child, questions, .. } = self;
        drop(questions);
        anyhow::ensure!(child.wait()?.success(), "a server failed");
        Ok(())
    }
}

/// CPU time of one request, microseconds.
#[derive(Clone, Copy)]
struct Cost {
    server: f64,
    /// The server's, inside the kernel.
    kernel: f64,
    client: f64,
}

/// User and system time of a process.
fn cpu_secs(path: impl AsRef<Path>) -> anyhow::Result<[f64; 2]> {
    let stat = std::fs::read_to_string(path)?;
    let (_, fields) = stat.rsplit_once(')').context("a stat line")?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut next = || anyhow::Ok(ticks.next().context("a stat line")?? / TICKS_PER_SEC);
    Ok([next()?, next()?])
}

fn compare(count: usize, rounds: usize) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let (hello, mut devices) = (Server::start("serve-hello")?, Server::start("serve-devices")?);
    let host = hello.address;
    let greeting = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
    let greetings = Arc::new(vec![greeting]);
    let host = devices.address;
    let check_ins = Arc::new((0..DEVICES).map(|index| check_in(index, host)).collect::<Vec<_>>());
    // First what each device says is news; from then on it is none.
    devices.round(&runtime, &check_ins, DEVICES * 2)?;
    hello.round(&runtime, &greetings, DEVICES)?;
    let end = devices.journal_end()?;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        a.push(hello.round(&runtime, &greetings, count)?);
        b.push(devices.round(&runtime, &check_ins, count)?);
    }
    anyhow::ensure!(devices.journal_end()? == end, "a check-in that changes nothing was written");
    hello.end()?;
    devices.end()?;
    say(count, &a, &b)
}

fn say(count: usize, a: &[Cost], b: &[Cost]) -> anyhow::Result<()> {
    let ratios: Vec<f64> = a.iter().zip(b).map(|(a, b)| b.server / a.server).collect();
    let median = |costs: &[Cost], of: fn(&Cost) -> f64| spread(costs.iter().map(of)).1;
    let p1 = median(b, |cost| cost.server) / median(a, |cost| cost.server);
    let cores = std::thread::available_parallelism()?;
    let date = today();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "check-in of {DEVICES} devices, {} rounds of {count}, {CONNECTIONS} connections, \
         {cores} cores, {date}",
        a.len()
    )?;
    writeln!(out, "CPU us per request           min   median      max   kernel   client")?;
    for (what, costs) in [("A  axum hello", a), ("B  check-in, no news", b)] {
        let (min, middle, max) = spread(costs.iter().map(|cost| cost.server));
        let (kernel, client) = (median(costs, |cost| cost.kernel), median(costs, |c| c.client));
        writeln!(out, "{what:24} {min:8.2} {middle:8.2} {max:8.2} {kernel:8.2} {client:8.2}")?;
    }
    let (min, _, max) = spread(ratios.into_iter());
    let met = |bound: f64| if p1 <= bound { "met" } else { "NOT MET" };
    writeln!(out, "P1 = B / A = {p1:.2} (rounds {min:.2} to {max:.2})")?;
    writeln!(out, "gate {GATE}: {}; goal {GOAL:.1}: {}", met(GATE), met(GOAL))?;
    Ok(())
}

fn today() -> String {
    use rolloutd::clock::{Clock as _, SystemClock};
    let days = SystemClock.now().unix_secs() / 86_400;
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02}")
}

/// A day since 1970 in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// Least, median and most.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

// The load.

/// Sends `count` requests, each connection its own share, one at a time.
async fn ask_all(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    count: usize,
) -> anyhow::Result<()> {
    let mut connections = Vec::new();
    for connection in 0..CONNECTIONS {
        let requests = Arc::clone(requests);
        connections.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut answer = Vec::with_capacity(4096);
            for index in (connection..count).step_by(CONNECTIONS) {
                stream.write_all(&requests[index % requests.len()]).await?;
                read_answer(&mut stream, &mut answer).await?;
            }
            anyhow::Ok(())
        }));
    }
    for connection in connections {
        connection.await??;
    }
    Ok(())
}

/// Reads one answer, which must be a 200 of declared length.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    answer.clear();
    let mut whole = None;
    while whole.is_none_or(|length| answer.len() < length) {
        anyhow::ensure!(stream.read_buf(answer).await? > 0, "the server hung up");
        if whole.is_none() {
            whole = length(answer)?;
        }
    }
    Ok(())
}

/// Head and body of an answer, bytes; `None` before its head is whole.
fn length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head])?;
    anyhow::ensure!(text.starts_with("HTTP/1.1 200"), "not served: {text}");
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body: usize = length.context("an answer without a length")?.1.parse()?;
    Ok(Some(head + 4 + body))
}
