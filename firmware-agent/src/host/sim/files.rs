//! Flash in files: one folder for each device, opened only while something is read or written.
//!
//! `slot0.bin`, `slot1.bin`, `boot.bin` (both copies), `record0.bin`, `record1.bin`, `fuse.bin`;
//! what is not in a file reads as erased. The bootloader appends a line to `boots.log`. Killing
//! the process is the power cut; a crash of the host itself is not simulated, so nothing is
//! synced. Invariant: a slot that shares its bytes with a factory image is unlinked before it is
//! changed. Not here: NOR's rules; the flash in memory watches over those.

use super::{Boot, Random};
use crate::boot::State;
use crate::flash::{Board, Flash, Half, Region};
use crate::health::ResetCause;
use rollout_core::id::Digest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a copy of the boot record in `boot.bin`; the record itself is far smaller.
const BOOT_COPY_BYTES: u32 = 64;

/// A file of the simulated flash could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Flash of one device, in files.
#[derive(Clone, Debug)]
pub struct FileFlash {
    directory: PathBuf,
    slot_bytes: u32,
    fuse: u32,
    random: Random,
}

impl FileFlash {
    /// The flash in a folder.
    pub fn open(directory: PathBuf, slot_bytes: u32, random: Random) -> Self {
        let fuse = fs::read_to_string(directory.join("fuse.bin"));
        let fuse = fuse.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Self { directory, slot_bytes, fuse, random }
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A reset, noted in `boots.log`.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn boot(&mut self, cause: ResetCause) -> Result<Option<Boot>, FileError> {
        let boot = super::boot(self)?;
        if let Some(Boot { slot, state, digest }) = boot {
            let path = self.directory.join("boots.log");
            let state = match state {
                State::New => "new",
                State::PendingVerify => "pending_verify",
                State::Valid => "valid",
            };
            let (slot, cause) = (slot.index(), cause_name(cause));
            let line = format!("{digest} slot{slot} {state} {cause}\n");
            append(&path, line.as_bytes()).map_err(|source| FileError { path, source })?;
        }
        Ok(boot)
    }

    fn place(&self, region: Region) -> (PathBuf, u32) {
        let (name, base) = match region {
            Region::Slot(slot) => {
                return (self.directory.join(format!("slot{}.bin", slot.index())), 0);
            }
            Region::Boot(Half::First) => ("boot.bin", 0),
            Region::Boot(Half::Second) => ("boot.bin", BOOT_COPY_BYTES),
            Region::Record(Half::First) => ("record0.bin", 0),
            Region::Record(Half::Second) => ("record1.bin", 0),
        };
        (self.directory.join(name), base)
    }
}

/// The word for a reset cause.
pub(in crate::host) fn cause_name(cause: ResetCause) -> &'static str {
    match cause {
        ResetCause::PowerOn => "power_on",
        ResetCause::Software => "software",
        ResetCause::Crash => "crash",
        ResetCause::Watchdog => "watchdog",
    }
}

/// Appends to a file with one write, so that lines stay whole.
pub(in crate::host) fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
}

/// What the lines of a `boots.log` name, oldest first.
///
/// # Errors
/// If the file is there but cannot be read.
pub(in crate::host) fn boots(directory: &Path) -> io::Result<Vec<Digest>> {
    let text = match fs::read_to_string(directory.join("boots.log")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let digest = |line: &str| Digest::from_hex(line.split(' ').next().unwrap_or(""));
    Ok(text.lines().filter_map(digest).collect())
}

fn read_at(path: &Path, offset: u64, into: &mut [u8]) -> io::Result<()> {
    into.fill(0xFF);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut done = 0;
    while done < into.len() {
        match file.read(&mut into[done..])? {
            0 => break,
            count => done += count,
        }
    }
    into[done..].fill(0xFF);
    Ok(())
}

fn write_at(path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

/// Everything from `from` on is erased; a slot is always written from its start to its end.
fn erase_from(path: &Path, from: u64) -> io::Result<()> {
    if from == 0 {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(file) if file.metadata()?.len() > from => file.set_len(from),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl Flash for FileFlash {
    type Error = FileError;

    fn slot_bytes(&self) -> u32 {
        self.slot_bytes
    }

    fn read(&mut self, region: Region, offset: u32, into: &mut [u8]) -> Result<(), FileError> {
        let (path, base) = self.place(region);
        read_at(&path, u64::from(base + offset), into).map_err(|source| FileError { path, source })
    }

    fn write(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), FileError> {
        let (path, base) = self.place(region);
        write_at(&path, u64::from(base + offset), bytes)
            .map_err(|source| FileError { path, source })
    }

    fn erase(&mut self, region: Region, from: u32, _to: u32) -> Result<(), FileError> {
        let (path, base) = self.place(region);
        let done = match region {
            Region::Boot(_) => write_at(&path, u64::from(base), &[0xFF; BOOT_COPY_BYTES as usize]),
            Region::Slot(_) | Region::Record(_) => erase_from(&path, u64::from(from)),
        };
        done.map_err(|source| FileError { path, source })
    }
}

impl Board for FileFlash {
    fn secure_version(&self) -> u32 {
        self.fuse
    }

    fn burn(&mut self, version: u32) -> Result<(), FileError> {
        self.fuse = self.fuse.max(version);
        let path = self.directory.join("fuse.bin");
        fs::write(&path, self.fuse.to_string()).map_err(|source| FileError { path, source })
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }
}
