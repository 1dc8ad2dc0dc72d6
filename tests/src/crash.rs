//! A server as a process of its own that is killed and started again, and its lives counted.
//!
//! The port and the data folder stay; each life ends by SIGKILL at a fault point that is counted
//! down, or goes on until the harness says so. Invariant: nothing here waits by the clock: the
//! server tells its state, and its end is the end of its output.

use rollout_core::fleet::Fleet;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// What `served` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Settings file.
    pub config: PathBuf,
    /// Step of a write at which the process dies.
    pub die_at: Option<u64>,
}

impl Served {
    /// Reads `CONFIG [DIE_AT]`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let config = words.next().ok_or("which settings?")?.into();
        let die_at = words.next().map(|word| word.parse()).transpose();
        Ok(Self { config, die_at: die_at.map_err(|_| "die at which step?")? })
    }
}

/// How things are, as the server sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Devices that have been heard of.
    pub devices: u64,
    /// Phase of the newest rollout.
    pub phase: String,
    /// Permits committed.
    pub exposed: u64,
    /// Confirmed.
    pub confirmed: u64,
    /// Whether the counts are frozen.
    pub is_over: bool,
}

impl State {
    /// Of a model.
    pub fn of(fleet: &Fleet) -> Self {
        let devices = fleet.devices.values().filter(|device| device.facts.is_some()).count() as u64;
        let newest = fleet.order.last().and_then(|id| fleet.rollouts.get(id));
        let Some(running) = newest else { return Self { devices, ..Self::default() } };
        let counts = running.counts();
        Self {
            devices,
            phase: running.rollout.phase.name().into(),
            exposed: counts.exposed,
            confirmed: counts.confirmed,
            is_over: running.at_end.is_some(),
        }
    }
}

/// Where the server lives.
pub struct Ground {
    folder: PathBuf,
    program: PathBuf,
    /// Where operators connect.
    pub operators: String,
    /// Where devices connect.
    pub devices: String,
}

impl Ground {
    /// Takes two ports and writes the settings. `program` is `served`.
    pub fn new(folder: &Path, program: &str, poll: &str) -> Self {
        let (one, other) = free_ports();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let (operators, devices) = (address(one), address(other));
        let settings = format!(
            "listen_operators = \"{operators}\"\nlisten_devices = \"{devices}\"\n\
             endpoint = \"http://{devices}\"\npoll = \"{poll}\"\n\
             tick = \"100ms\"\nbeat = \"500ms\"\n"
        );
        rolloutd::private::make_folder(folder).expect("a folder");
        std::fs::write(folder.join("rolloutd.toml"), settings).expect("settings");
        let (operators, devices) = (format!("http://{operators}"), format!("http://{devices}"));
        Self { folder: folder.into(), program: program.into(), operators, devices }
    }

    /// The settings file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("rolloutd.toml")
    }

    /// Starts a life of the server.
    pub fn start(&self, die_at: Option<u64>) -> Life {
        let mut command = Command::new(&self.program);
        command.arg(self.config()).args(die_at.map(|steps| steps.to_string()));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the server starts");
        let stdout = child.stdout.take().expect("piped");
        Life { child, lines: BufReader::new(stdout).lines(), state: State::default() }
    }
}

/// Free ports outside of the range that the system gives to clients: a device that asks while the
/// server is down could otherwise connect to itself and take the port.
fn free_ports() -> (u16, u16) {
    let own = (std::process::id() as u16).wrapping_mul(7);
    let ports = (0..10_000_u16).map(|step| 20_000 + own.wrapping_add(step) % 10_000);
    let mut free = ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    (free.next().expect("a free port"), free.next().expect("another"))
}

/// One life of the server.
pub struct Life {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The last state it told.
    pub state: State,
}

/// How a life ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The last state it told.
    pub state: State,
    /// What it said last: the point where it died.
    pub words: String,
}

impl Death {
    /// Whether it died inside a commit.
    pub fn is_inside(&self) -> bool {
        self.words.contains("(inside a commit)")
    }

    /// Whether it died where it was told to, and nowhere else.
    pub fn is_as_told(&self) -> bool {
        self.words.starts_with("dies at ")
    }
}

impl Life {
    /// Goes on until the state is so; `Err` if the server ends before.
    ///
    /// # Errors
    /// How it ended.
    pub async fn until(&mut self, so: impl Fn(&State) -> bool) -> Result<(), Death> {
        while !so(&self.state) {
            match self.lines.next_line().await.expect("its output") {
                Some(line) => self.state = serde_json::from_str(&line).expect("a state"),
                None => return Err(self.end().await),
            }
        }
        Ok(())
    }

    /// Kills it now.
    pub async fn kill(mut self) -> Death {
        self.child.start_kill().expect("it can be killed");
        self.end().await
    }

    async fn end(&mut self) -> Death {
        let mut words = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut words).await.expect("its last words");
        }
        self.child.wait().await.expect("it has ended");
        Death { state: self.state.clone(), words: words.trim().into() }
    }
}
