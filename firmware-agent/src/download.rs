//! The stream of an image into the spare slot.
//!
//! Hashes while writing, looks at the head before anything is erased, stops at the manifest's
//! length. Invariant: not one byte is written before the head has passed, nor one beyond the
//! length. Not here: asking for bytes, and remembering how far it came across reboots.

use crate::flash::{Flash, Region, SECTOR_BYTES, Slot};
use crate::record::Target;
use crate::session::{DigestMismatch, Session, Verified};
use crate::verify::{self, HEAD_BYTES};
use rollout_core::id::Digest;
use rollout_core::wire::Reason;
use sha2::{Digest as _, Sha256};

const PAGE_BYTES: usize = 256;

/// An image on its way into a slot.
pub struct Stream {
    slot: Slot,
    target: Target,
    received: u32,
    flushed: u32,
    erased: u32,
    hash: Sha256,
    head: [u8; HEAD_BYTES],
    page: [u8; PAGE_BYTES],
    paged: usize,
}

/// Why bytes were not taken.
#[derive(Debug)]
pub enum Refused<E> {
    /// They are not those that come next.
    OutOfOrder,
    /// The head is not that of the manifest's image.
    Head(Reason),
    /// Flash failed.
    Flash(E),
}

impl Stream {
    /// Starts, or goes on behind `written` bytes that are in flash; those are hashed again.
    ///
    /// # Errors
    /// The flash's.
    pub fn resume<F: Flash>(
        flash: &mut F,
        slot: Slot,
        target: Target,
        written: u32,
    ) -> Result<Self, F::Error> {
        let mut hash = Sha256::new();
        let written = written.min(target.length) / SECTOR_BYTES * SECTOR_BYTES;
        verify::add_slot(flash, slot, written, &mut hash)?;
        Ok(Self {
            slot,
            target,
            received: written,
            flushed: written,
            erased: written,
            hash,
            head: [0; HEAD_BYTES],
            page: [0; PAGE_BYTES],
            paged: 0,
        })
    }

    /// Offset of the byte that comes next.
    pub const fn received(&self) -> u32 {
        self.received
    }

    /// Bytes surely in flash, a multiple of a sector.
    pub const fn written(&self) -> u32 {
        self.flushed / SECTOR_BYTES * SECTOR_BYTES
    }

    /// Whether the last byte is there.
    pub const fn is_whole(&self) -> bool {
        self.received == self.target.length
    }

    /// Takes what is new of `bytes`, which start at `offset`, up to the image's length.
    ///
    /// # Errors
    /// [`Refused`]; what was taken before stays taken.
    //= trust §4, steps 10 and 11
    pub fn take<F: Flash>(
        &mut self,
        flash: &mut F,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), Refused<F::Error>> {
        let known = self.received.checked_sub(offset).ok_or(Refused::OutOfOrder)? as usize;
        let Some(fresh) = bytes.get(known..) else { return Ok(()) };
        let room = (self.target.length - self.received) as usize;
        let mut fresh = &fresh[..fresh.len().min(room)];
        let head_bytes = HEAD_BYTES.min(self.target.length as usize);
        let at = self.received as usize;
        if at < head_bytes && !fresh.is_empty() {
            let (now, later) = fresh.split_at(fresh.len().min(head_bytes - at));
            self.head[at..at + now.len()].copy_from_slice(now);
            self.received += now.len() as u32;
            fresh = later;
            if self.received as usize == head_bytes {
                let head = self.head;
                let head = &head[..head_bytes];
                verify::head(head, &self.target).map_err(Refused::Head)?;
                self.put(flash, head).map_err(Refused::Flash)?;
            }
        }
        self.received += fresh.len() as u32;
        self.put(flash, fresh).map_err(Refused::Flash)?;
        if self.is_whole() {
            self.flush(flash).map_err(Refused::Flash)?;
        }
        Ok(())
    }

    /// Compares what came with what was promised.
    ///
    /// # Errors
    /// [`DigestMismatch`].
    pub fn finish(&self) -> Result<Session<Verified>, DigestMismatch> {
        let actual = Digest::from_bytes(self.hash.clone().finalize().into());
        Session::written(self.slot, self.target.digest).verify(actual)
    }

    fn put<F: Flash>(&mut self, flash: &mut F, mut bytes: &[u8]) -> Result<(), F::Error> {
        self.hash.update(bytes);
        while !bytes.is_empty() {
            if self.paged == 0 && bytes.len() >= PAGE_BYTES {
                let (pages, rest) = bytes.split_at(bytes.len() / PAGE_BYTES * PAGE_BYTES);
                self.program(flash, pages)?;
                bytes = rest;
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PAGE_BYTES - self.paged));
            self.page[self.paged..self.paged + now.len()].copy_from_slice(now);
            self.paged += now.len();
            bytes = later;
            if self.paged == PAGE_BYTES {
                self.flush(flash)?;
            }
        }
        Ok(())
    }

    fn flush<F: Flash>(&mut self, flash: &mut F) -> Result<(), F::Error> {
        let page = self.page;
        self.program(flash, &page[..self.paged])?;
        self.paged = 0;
        Ok(())
    }

    fn program<F: Flash>(&mut self, flash: &mut F, bytes: &[u8]) -> Result<(), F::Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (region, end) = (Region::Slot(self.slot), self.flushed + bytes.len() as u32);
        if end > self.erased {
            let until = end.next_multiple_of(SECTOR_BYTES);
            flash.erase(region, self.erased, until)?;
            self.erased = until;
        }
        flash.write(region, self.flushed, bytes)?;
        self.flushed = end;
        Ok(())
    }
}
