//! What a board must offer: two slots, two small regions in two copies each, fuses, entropy.
//!
//! Shapes only; the drivers are in a board's crate and in `host::sim`. Invariant that callers
//! keep: an area is erased before it is written, as NOR flash needs it.

/// Granularity of an erase, in bytes.
pub const SECTOR_BYTES: u32 = 4096;
/// Room for one copy of the agent's record, in bytes: root, full outbox and the rest, rounded up.
pub const RECORD_BYTES: u32 = 3 * SECTOR_BYTES;
/// Room for one copy of the boot record, in bytes: one sector, so that it is erased alone.
pub const BOOT_BYTES: u32 = SECTOR_BYTES;

/// One of the two image slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// The slot that this one is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 0 or 1.
    pub const fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// One of the two copies of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Half {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Half {
    /// The copy that this one is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A region of flash with addresses of its own, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// An image slot.
    Slot(Slot),
    /// A copy of the boot record.
    Boot(Half),
    /// A copy of the agent's record.
    Record(Half),
}

/// Flash with NOR rules: erasing sets all bits of a sector, writing clears bits.
pub trait Flash {
    /// Why an operation failed.
    type Error;

    /// Bytes of each image slot, a multiple of [`SECTOR_BYTES`].
    fn slot_bytes(&self) -> u32;

    /// Fills `into` from `offset`.
    ///
    /// # Errors
    /// The driver's, also if the range leaves the region.
    fn read(&mut self, region: Region, offset: u32, into: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes `bytes` at `offset`, which has been erased.
    ///
    /// # Errors
    /// The driver's, also if the range leaves the region.
    fn write(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Erases `from..to`; both are multiples of [`SECTOR_BYTES`].
    ///
    /// # Errors
    /// The driver's, also if the range leaves the region.
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error>;
}

/// The rest of a board.
pub trait Board: Flash {
    /// The hardware security counter: a fuse, only ever raised.
    fn secure_version(&self) -> u32;

    /// Raises the hardware security counter to `version`; lower values change nothing.
    ///
    /// # Errors
    /// The driver's.
    fn burn(&mut self, version: u32) -> Result<(), Self::Error>;

    /// A number from the hardware's source of entropy.
    fn random(&mut self) -> u64;
}
