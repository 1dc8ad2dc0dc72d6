//! The agent: answers, bytes and the time in; what to do next out.
//!
//! The caller asks [`Agent::next`] what to do, does it, tells [`Agent::handle`] how it went, and
//! asks again. At most one thing is under way. Invariant: whatever must survive a power cut is in
//! flash before [`Agent::next`] names the step that depends on it. Not here: sockets, JSON,
//! tokens, clocks; times are milliseconds since boot, the server's time is Unix seconds.

mod answers;
mod install;
mod trial;

use crate::attributes;
use crate::backoff::{Pace, Schedule};
use crate::boot::{BootRecord, State};
use crate::cell;
use crate::confirm::{Start, Window};
use crate::download::Stream;
use crate::flash::{Board, Region, Slot};
use crate::health::{Fault, ResetCause};
use crate::outbox::Reports;
use crate::record::{Identity, Pending, Record, Stage};
use crate::text::Text;
use crate::verify::{self, HEAD_BYTES};
use core::fmt;
use rollout_core::id::Digest;
use rollout_core::image::ImageHeader;
use rollout_core::limits::{DEVICE_ID_BYTES, HARDWARE_BYTES, PRODUCT_BYTES, VERSION_BYTES};
use rollout_core::trust::Root;
use rollout_core::wire::{
    self, Attributes, Begin, BeginAnswer, CheckIn, CheckInAnswer, Hex, ImageState, ReportBatch,
    ReportsAnswer, Running,
};

/// Longest signed path of an image, in bytes: path, digest, device, expiry and signature.
pub const URL_BYTES: usize = 640;

/// What a device knows about itself from its build.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Its id.
    pub device: Text<DEVICE_ID_BYTES>,
    /// Its hardware model.
    pub hardware: Text<HARDWARE_BYTES>,
    /// What it is.
    pub product: Text<PRODUCT_BYTES>,
    /// Its chip, as image headers number it.
    pub chip_id: u16,
    /// How often it asks.
    pub pace: Pace,
    /// Most bytes asked for at once; between pieces the agent listens and reports.
    pub piece_bytes: u32,
}

/// What the bootloader left.
#[derive(Clone, Copy, Debug)]
pub struct Booted {
    /// The slot that runs.
    pub slot: Slot,
    /// SHA-256 of its image, measured by the bootloader.
    pub digest: Digest,
    /// Why the board started.
    pub cause: ResetCause,
}

/// What happened since the last step.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The server answered the check-in.
    CheckIn(&'a CheckInAnswer<'a>),
    /// The server answered whether to switch.
    Begin(&'a BeginAnswer<'a>),
    /// The server has the reports on disk.
    Reports(ReportsAnswer),
    /// Bytes of the image.
    Chunk {
        /// Their place in the image.
        offset: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The body of the image's piece ended.
    DownloadEnded,
    /// No answer came, or none that could be read.
    TransportFailed,
    /// The server is there but wants to be asked later (503, 429).
    Busy {
        /// Seconds, from `Retry-After`.
        retry_after_secs: u32,
    },
    /// The server refused what was said, and will again: a report it cannot take, a signed path
    /// that ran out. Not: who said it (401, 403 to a post), which a person has to mend.
    Declined,
    /// The self-test ended.
    SelfTest(Result<(), Fault>),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Post [`Agent::check_in`].
    CheckIn,
    /// Post [`Agent::begin`].
    Begin,
    /// Post [`Agent::reports`].
    SendReports,
    /// Get [`Agent::url`], bytes `from..to`.
    Download {
        /// First byte.
        from: u32,
        /// Behind the last byte.
        to: u32,
    },
    /// Go on with the body of the piece. Anything else means: drop it.
    Receive,
    /// Test the running image.
    RunSelfTest,
    /// Reset the board.
    Reboot,
    /// Nothing until then.
    WaitUntil(u64),
}

/// Why an agent cannot start.
#[derive(Debug)]
pub enum StartError<E> {
    /// Flash failed.
    Flash(E),
    /// No copy of the record is whole: the device was never provisioned.
    NotProvisioned,
    /// The stored root cannot be read.
    NoRoot,
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash failed: {error}"),
            Self::NotProvisioned => f.write_str("the device has no record, provision it first"),
            Self::NoRoot => f.write_str("the stored root document cannot be read"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for StartError<E> {}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    CheckIn,
    Begin,
    Reports { last: u64 },
    Piece { from: u32, to: u32 },
    SelfTest,
}

/// An image on trial.
#[derive(Clone, Copy, Debug)]
struct Trial {
    window: Window,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Due,
    Passed,
}

/// Whether the board should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    Leaving,
}

/// Where the image of the pending install is fetched.
#[derive(Clone, Copy, Debug)]
struct Source {
    url: Text<URL_BYTES>,
    lease_ms: u64,
    progress_at: u64,
    reported_at: Option<u64>,
    wrong_digests: u8,
    declined: u8,
}

impl Source {
    const NONE: Self = Self {
        url: Text::EMPTY,
        lease_ms: 0,
        progress_at: 0,
        reported_at: None,
        wrong_digests: 0,
        declined: 0,
    };
}

/// One device's agent.
pub struct Agent {
    config: Config,
    booted: Booted,
    boot: BootRecord,
    version: Text<VERSION_BYTES>,
    root: Root,
    record: Record,
    life: Life,
    asked: Asked,
    nonce: [u8; 16],
    check_in: Schedule,
    reports: Schedule,
    begin: Schedule,
    download: Schedule,
    batch: usize,
    trial: Option<Trial>,
    stream: Option<Stream>,
    source: Source,
    settled: Option<Identity>,
    deferred: Option<Identity>,
    start: Start,
}

impl Agent {
    /// Starts after a boot: reads what is stored and finishes what a reset interrupted.
    ///
    /// # Errors
    /// [`StartError`] if flash fails or the device was never provisioned.
    pub fn start<B: Board>(
        config: Config,
        booted: Booted,
        now: u64,
        board: &mut B,
    ) -> Result<Self, StartError<B::Error>> {
        let flash = StartError::Flash;
        let record: Record = cell::load(board).map_err(flash)?.ok_or(StartError::NotProvisioned)?;
        let boot: BootRecord =
            cell::load(board).map_err(flash)?.ok_or(StartError::NotProvisioned)?;
        let root = verify::stored_root(&record.root).ok_or(StartError::NoRoot)?;
        let mut head = [0; HEAD_BYTES];
        board.read(Region::Slot(booted.slot), 0, &mut head).map_err(flash)?;
        let header = ImageHeader::parse(&head).ok();
        let version = header.and_then(|header| Text::new(header.version)).unwrap_or(Text::EMPTY);
        let first = match (boot.state, &record.pending) {
            (State::Valid, None) => now + board.random() % (config.pace.base_ms + 1),
            (State::Valid, Some(_)) | (State::New | State::PendingVerify, _) => now,
        };
        let mut agent = Self {
            config,
            booted,
            boot,
            version,
            root,
            record,
            life: Life::Running,
            asked: Asked::Nothing,
            nonce: [0; 16],
            check_in: Schedule::at(first),
            reports: Schedule::at(now),
            begin: Schedule::at(now),
            download: Schedule::at(now),
            batch: wire::REPORTS,
            trial: None,
            stream: None,
            source: Source::NONE,
            settled: None,
            deferred: None,
            start: Start::Continue,
        };
        agent.resume(now, board).map_err(flash)?;
        Ok(agent)
    }

    /// What to do at `now`, in ms since boot.
    ///
    /// # Errors
    /// The flash's; the board should reset then.
    pub fn next<B: Board>(&mut self, now: u64, board: &mut B) -> Result<Output, B::Error> {
        if self.life == Life::Running && self.trial.is_some_and(|t| now >= t.window.deadline()) {
            self.give_up(wire::Reason::NoRoundTrip, board)?;
        }
        if self.life == Life::Leaving {
            return Ok(Output::Reboot);
        }
        match self.asked {
            Asked::Piece { .. } => return Ok(Output::Receive),
            Asked::CheckIn => return Ok(Output::CheckIn),
            Asked::Begin => return Ok(Output::Begin),
            Asked::Reports { .. } => return Ok(Output::SendReports),
            Asked::SelfTest => return Ok(Output::RunSelfTest),
            Asked::Nothing => {}
        }
        self.choose(now, board)
    }

    fn choose<B: Board>(&mut self, now: u64, board: &mut B) -> Result<Output, B::Error> {
        if self.trial.is_some_and(|trial| trial.test == Test::Due) {
            self.asked = Asked::SelfTest;
            return Ok(Output::RunSelfTest);
        }
        let last = Reports::new(&self.record.outbox, self.batch).last();
        if let Some(last) = last.filter(|_| now >= self.reports.due()) {
            self.asked = Asked::Reports { last };
            return Ok(Output::SendReports);
        }
        if now >= self.check_in.due() {
            self.nonce[..8].copy_from_slice(&board.random().to_le_bytes());
            self.nonce[8..].copy_from_slice(&board.random().to_le_bytes());
            self.asked = Asked::CheckIn;
            return Ok(Output::CheckIn);
        }
        let stage = self.record.pending.map(|pending| pending.stage);
        let wait = match stage {
            // What is reported first is known to the server when it decides about the switch.
            Some(Stage::Ready) if !self.record.outbox.is_empty() => u64::MAX,
            Some(Stage::Ready) if now >= self.begin.due() => {
                self.asked = Asked::Begin;
                return Ok(Output::Begin);
            }
            Some(Stage::Ready) => self.begin.due(),
            Some(Stage::Downloading { .. }) if self.source.url.is_empty() => u64::MAX,
            Some(Stage::Downloading { .. }) if now >= self.download.due() => {
                return self.next_piece(now, board);
            }
            Some(Stage::Downloading { .. }) => self.download.due(),
            Some(Stage::Permitted { .. } | Stage::Trial { .. } | Stage::Returning { .. })
            | None => u64::MAX,
        };
        let reports = if last.is_some() { self.reports.due() } else { u64::MAX };
        let trial = self.trial.map_or(u64::MAX, |trial| trial.window.deadline());
        Ok(Output::WaitUntil(wait.min(reports).min(trial).min(self.check_in.due())))
    }

    /// Takes in what happened.
    ///
    /// # Errors
    /// The flash's; the board should reset then.
    pub fn handle<B: Board>(
        &mut self,
        input: Input<'_>,
        now: u64,
        board: &mut B,
    ) -> Result<(), B::Error> {
        if let Input::Chunk { offset, bytes } = input {
            return self.chunk(offset, bytes, now, board);
        }
        let asked = core::mem::replace(&mut self.asked, Asked::Nothing);
        match input {
            Input::CheckIn(answer) => self.check_in_answered(answer, now, board),
            Input::Begin(answer) => self.begin_answered(answer, now, board),
            Input::Reports(answer) => self.reports_answered(asked, answer, now, board),
            Input::SelfTest(result) => self.self_tested(result, now, board),
            Input::Busy { retry_after_secs } => {
                self.busy(asked, retry_after_secs, now, board);
                Ok(())
            }
            Input::Declined => self.declined(asked, now, board),
            Input::TransportFailed | Input::Chunk { .. } => {
                self.failed(asked, now, board);
                Ok(())
            }
            Input::DownloadEnded => {
                let grown = matches!(asked, Asked::Piece { from, .. } if self.received() > from);
                if grown {
                    self.download.again(now);
                } else {
                    self.failed(asked, now, board);
                }
                Ok(())
            }
        }
    }

    /// The body of a check-in.
    pub fn check_in<'a>(
        &'a self,
        attributes: &'a [(&'a str, &'a str)],
        secure_version: u32,
        slot_bytes: u32,
    ) -> CheckIn<'a, Attributes<'a>> {
        let state = match self.boot.state {
            State::Valid => ImageState::Valid,
            State::New | State::PendingVerify => ImageState::PendingVerify,
        };
        CheckIn {
            v: wire::VERSION,
            device: self.config.device.as_str(),
            incarnation: self.record.incarnation,
            nonce: Hex(self.nonce),
            root_version: u32::try_from(self.root.version().0).unwrap_or(u32::MAX),
            hardware: self.config.hardware.as_str(),
            running: Running {
                digest: Hex::from(self.booted.digest),
                version: self.version.as_str(),
                epoch: u32::try_from(self.record.confirmed.epoch).unwrap_or(u32::MAX),
                counter: self.record.confirmed.counter,
                state,
            },
            secure_version,
            slot_bytes,
            spare: self.record.image_in(self.booted.slot.other()).map(Hex::from),
            attributes: attributes::bounded(attributes),
        }
    }

    /// The body of the question whether to switch; `None` unless that is what to do.
    pub fn begin(&self) -> Option<Begin<'_>> {
        self.record.pending.as_ref().map(|pending| Begin {
            v: wire::VERSION,
            device: self.config.device.as_str(),
            rollout: pending.identity.rollout.as_str(),
            attempt: pending.identity.attempt,
            digest: Hex::from(pending.target.digest),
        })
    }

    /// The body of a batch of reports.
    pub fn reports(&self) -> ReportBatch<'_, Reports<'_>> {
        ReportBatch {
            v: wire::VERSION,
            device: self.config.device.as_str(),
            incarnation: self.record.incarnation,
            reports: Reports::new(&self.record.outbox, self.batch),
        }
    }

    /// Signed path of the image, relative to the server.
    pub fn url(&self) -> &str {
        self.source.url.as_str()
    }

    /// The install in progress.
    pub fn pending(&self) -> Option<&Pending> {
        self.record.pending.as_ref()
    }

    /// What this start meant for the pending install.
    pub fn start_meant(&self) -> Start {
        self.start
    }

    /// What is stored.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The boot record as it was last written.
    pub fn boot_record(&self) -> BootRecord {
        self.boot
    }

    fn save<B: Board>(&self, board: &mut B) -> Result<(), B::Error> {
        cell::save(board, &self.record)
    }

    fn save_boot<B: Board>(&mut self, boot: BootRecord, board: &mut B) -> Result<(), B::Error> {
        cell::save(board, &boot)?;
        self.boot = boot;
        Ok(())
    }
}
