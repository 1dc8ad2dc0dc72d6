//! Flash in memory that keeps NOR's rules and can lose power at any operation.
//!
//! Invariant: a cut write or erase leaves half of its work behind, and nothing works until power
//! is back. Not here: the passing of time.

use super::Random;
use crate::flash::{BOOT_BYTES, Board, Flash, Half, RECORD_BYTES, Region, SECTOR_BYTES, Slot};
use core::fmt;

/// The power is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerCut;

impl fmt::Display for PowerCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the power is gone")
    }
}

impl core::error::Error for PowerCut {}

/// Flash of one device, in memory.
#[derive(Clone, Debug)]
pub struct RamFlash {
    slot_bytes: u32,
    regions: [Vec<u8>; 6],
    fuse: u32,
    random: Random,
    operations: u64,
    cut_after: Option<u64>,
    power: Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    Off,
}

impl RamFlash {
    /// Erased flash; `slot_bytes` is a multiple of a sector.
    pub fn new(slot_bytes: u32, seed: u64) -> Self {
        let region = |bytes: u32| vec![0xFF; bytes as usize];
        let (slot, boot, record) = (region(slot_bytes), region(BOOT_BYTES), region(RECORD_BYTES));
        Self {
            slot_bytes,
            regions: [slot.clone(), slot, boot.clone(), boot, record.clone(), record],
            fuse: 0,
            random: Random::new(seed),
            operations: 0,
            cut_after: None,
            power: Power::On,
        }
    }

    /// Operations that changed flash, so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Lets the power fail in the midst of the operation with this number, counted from 1.
    pub fn cut_at(&mut self, operation: u64) {
        self.cut_after = Some(operation);
    }

    /// Power is back.
    pub fn power_on(&mut self) {
        self.power = Power::On;
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        self.power == Power::Off
    }

    /// The bytes of a region, to look at or to damage.
    pub fn region_mut(&mut self, region: Region) -> &mut Vec<u8> {
        &mut self.regions[match region {
            Region::Slot(Slot::A) => 0,
            Region::Slot(Slot::B) => 1,
            Region::Boot(Half::First) => 2,
            Region::Boot(Half::Second) => 3,
            Region::Record(Half::First) => 4,
            Region::Record(Half::Second) => 5,
        }]
    }

    /// Writes an image into a slot, as a factory does.
    ///
    /// # Errors
    /// [`PowerCut`].
    pub fn flash_image(&mut self, slot: Slot, image: &[u8]) -> Result<(), PowerCut> {
        let until = (image.len() as u32).next_multiple_of(SECTOR_BYTES);
        self.erase(Region::Slot(slot), 0, until)?;
        self.write(Region::Slot(slot), 0, image)
    }

    /// Counts an operation; how much of `length` gets done.
    fn begin(&mut self, length: usize) -> Result<usize, PowerCut> {
        if self.is_off() {
            return Err(PowerCut);
        }
        self.operations += 1;
        if self.cut_after == Some(self.operations) {
            self.cut_after = None;
            self.power = Power::Off;
            return Ok(length / 2);
        }
        Ok(length)
    }

    fn end(&self) -> Result<(), PowerCut> {
        if self.is_off() { Err(PowerCut) } else { Ok(()) }
    }
}

impl Flash for RamFlash {
    type Error = PowerCut;

    fn slot_bytes(&self) -> u32 {
        self.slot_bytes
    }

    fn read(&mut self, region: Region, offset: u32, into: &mut [u8]) -> Result<(), PowerCut> {
        self.end()?;
        let at = offset as usize;
        into.copy_from_slice(&self.region_mut(region)[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), PowerCut> {
        let done = self.begin(bytes.len())?;
        let at = offset as usize;
        let cells = &mut self.region_mut(region)[at..at + bytes.len()];
        for (cell, byte) in cells.iter_mut().zip(&bytes[..done]) {
            *cell &= byte;
        }
        self.end()
    }

    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), PowerCut> {
        assert!(from.is_multiple_of(SECTOR_BYTES) && to.is_multiple_of(SECTOR_BYTES));
        let done = self.begin((to - from) as usize)?;
        let from = from as usize;
        self.region_mut(region)[from..from + done].fill(0xFF);
        self.end()
    }
}

impl Board for RamFlash {
    fn secure_version(&self) -> u32 {
        self.fuse
    }

    fn burn(&mut self, version: u32) -> Result<(), PowerCut> {
        if self.begin(1)? == 1 {
            self.fuse = self.fuse.max(version);
        }
        self.end()
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }
}
