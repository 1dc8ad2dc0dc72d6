//! Reads the head of an ESP app image, and compares it with what a manifest promised.
//!
//! The device does this with the first bytes that arrive, before it erases more flash than they
//! need; the server does the same at upload. A publisher walks the whole file with [`Walk`] before
//! it signs. Deliberately not here: other formats.
//!
//! Invariant: no allocation, and no text that is not UTF-8; the head is read within [`HEAD_BYTES`].

mod walk;

pub use walk::Walk;

use crate::id::Digest;
use crate::trust::Manifest;
use crate::version::{SecureVersion, VersionText};
use core::fmt;

/// How many bytes from the start of an image decide its header checks.
//= esp32-agent §5: header 24, first segment head 8, descriptor 256
pub const HEAD_BYTES: usize = 288;

/// First byte of every app image.
//= ESP-IDF esp_app_format.h: ESP_IMAGE_HEADER_MAGIC
pub const IMAGE_MAGIC: u8 = 0xE9;
/// First word of the descriptor, little endian.
//= ESP-IDF esp_app_desc.h: ESP_APP_DESC_MAGIC_WORD
pub const DESCRIPTOR_MAGIC: u32 = 0xABCD_5432;
/// Most segments an image may have.
//= ESP-IDF esp_app_format.h: ESP_IMAGE_MAX_SEGMENTS
pub const MAX_SEGMENTS: u8 = 16;

/// Bytes of the descriptor that opens the first segment.
const DESCRIPTOR_BYTES: u32 = 256;
/// Bytes of each text field of the descriptor.
const TEXT_BYTES: usize = 32;

// Offsets from the start of the image.
//= ESP-IDF esp_app_format.h: esp_image_header_t
const SEGMENT_COUNT_AT: usize = 1;
const ENTRY_AT: usize = 4;
const CHIP_ID_AT: usize = 12;
const HASH_APPENDED_AT: usize = 23;
//= ESP-IDF esp_app_format.h: esp_image_segment_header_t
const FIRST_LENGTH_AT: usize = 28;
//= ESP-IDF esp_app_desc.h: esp_app_desc_t, which starts at 0x20
const DESCRIPTOR_MAGIC_AT: usize = 0x20;
const SECURE_VERSION_AT: usize = 0x24;
const VERSION_AT: usize = 0x30;
const PROJECT_AT: usize = 0x50;
const ELF_DIGEST_AT: usize = 0xB0;

/// The chip an image is built for, as its header numbers it.
//= ESP-IDF esp_app_format.h: esp_chip_id_t
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChipId(pub u16);

impl ChipId {
    /// ESP32.
    pub const ESP32: Self = Self(0);
    /// ESP32-C3.
    pub const ESP32_C3: Self = Self(5);
    /// ESP32-C6.
    pub const ESP32_C6: Self = Self(13);
    /// Boards that exist in tests alone.
    pub const TEST: Self = Self(0xFFF0);
    /// Images whose inside nobody reads. Only for models that are declared so.
    pub const OPAQUE: Self = Self(0xFFFF);
}

impl fmt::Display for ChipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// What the first bytes of an image say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageHeader<'a> {
    /// The chip it is built for.
    pub chip_id: ChipId,
    /// How many segments follow.
    pub segment_count: u8,
    /// Address of the first instruction.
    pub entry: u32,
    /// Whether a SHA-256 follows the checksum.
    pub hash_appended: bool,
    /// The fuse value its boot loader asks for.
    pub secure_version: SecureVersion,
    /// Its version as the build wrote it, which need not be a semantic version.
    pub version: &'a str,
    /// Its project, which has to be the product of its manifest.
    pub project: &'a str,
    /// SHA-256 of the ELF file it was made from.
    pub elf: Digest,
}

/// What a manifest promises about the head of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageClaim<'a> {
    /// The chip; [`ChipId::OPAQUE`] switches the header checks off.
    pub chip_id: ChipId,
    /// The product.
    pub product: &'a str,
    /// The version.
    pub version: VersionText,
    /// The hardware security counter.
    pub secure_version: SecureVersion,
}

impl<'a> From<&Manifest<'a>> for ImageClaim<'a> {
    fn from(manifest: &Manifest<'a>) -> Self {
        Self {
            chip_id: manifest.chip_id,
            product: manifest.product,
            version: manifest.version,
            secure_version: manifest.secure_version,
        }
    }
}

impl<'a> ImageHeader<'a> {
    /// Reads the header and the descriptor from the first [`HEAD_BYTES`] of an image.
    ///
    /// # Errors
    /// [`ImageError`] if the bytes are too few or are not the head of an app image.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
            return Err(ImageError::TooShort { bytes: bytes.len() });
        };
        if head[0] != IMAGE_MAGIC {
            return Err(ImageError::NotAnImage { first: head[0] });
        }
        let segment_count = head[SEGMENT_COUNT_AT];
        if !(1..=MAX_SEGMENTS).contains(&segment_count) {
            return Err(ImageError::SegmentCount { found: segment_count });
        }
        let first_bytes = word(head, FIRST_LENGTH_AT);
        if first_bytes < DESCRIPTOR_BYTES {
            return Err(ImageError::FirstSegmentTooShort { bytes: first_bytes });
        }
        let magic = word(head, DESCRIPTOR_MAGIC_AT);
        if magic != DESCRIPTOR_MAGIC {
            return Err(ImageError::NoDescriptor { found: magic });
        }
        Ok(Self {
            chip_id: ChipId(u16::from_le_bytes([head[CHIP_ID_AT], head[CHIP_ID_AT + 1]])),
            segment_count,
            entry: word(head, ENTRY_AT),
            hash_appended: head[HASH_APPENDED_AT] == 1,
            secure_version: SecureVersion(word(head, SECURE_VERSION_AT)),
            version: text(head, VERSION_AT)?,
            project: text(head, PROJECT_AT)?,
            elf: Digest::from_bytes(field(head, ELF_DIGEST_AT)),
        })
    }

    /// Compares this header with what the manifest promised.
    ///
    /// # Errors
    /// [`ImageError`] naming the first field in which they differ.
    //= trust §4, step 10
    pub fn check_against(&self, claim: &ImageClaim<'_>) -> Result<(), ImageError> {
        if self.chip_id != claim.chip_id {
            return Err(ImageError::Chip { image: self.chip_id, manifest: claim.chip_id });
        }
        if self.project != claim.product {
            return Err(ImageError::Project);
        }
        if self.version != claim.version.as_str() {
            return Err(ImageError::Version { manifest: claim.version });
        }
        if self.secure_version != claim.secure_version {
            return Err(ImageError::SecureVersion {
                image: self.secure_version,
                manifest: claim.secure_version,
            });
        }
        Ok(())
    }
}

/// Reads the head of an image and compares it with the manifest's claim.
///
/// `None` means the image is opaque and nothing was compared.
///
/// # Errors
/// [`ImageError`] if the bytes are no image, or another image than the manifest promised.
pub fn check_head<'a>(
    bytes: &'a [u8],
    claim: &ImageClaim<'_>,
) -> Result<Option<ImageHeader<'a>>, ImageError> {
    if claim.chip_id == ChipId::OPAQUE {
        return Ok(None);
    }
    let header = ImageHeader::parse(bytes)?;
    header.check_against(claim)?;
    Ok(Some(header))
}

fn field<const N: usize>(head: &[u8; HEAD_BYTES], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&head[at..at + N]);
    bytes
}

fn word(head: &[u8; HEAD_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(field(head, at))
}

/// The text up to the first zero byte, or the whole field if there is none.
fn text(head: &[u8; HEAD_BYTES], at: usize) -> Result<&str, ImageError> {
    let whole = &head[at..at + TEXT_BYTES];
    let end = whole.iter().position(|byte| *byte == 0).unwrap_or(TEXT_BYTES);
    core::str::from_utf8(&whole[..end]).map_err(|_| ImageError::NotText { at })
}

/// Why the head of an image was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// Fewer bytes than the header and the descriptor take.
    TooShort {
        /// How many there were.
        bytes: usize,
    },
    /// The first byte is not the image magic.
    NotAnImage {
        /// The byte found.
        first: u8,
    },
    /// No segment, or more than a boot loader reads.
    SegmentCount {
        /// The count found.
        found: u8,
    },
    /// The first segment cannot hold a descriptor.
    FirstSegmentTooShort {
        /// Its length.
        bytes: u32,
    },
    /// The first segment does not start with a descriptor.
    NoDescriptor {
        /// The word found in place of the magic.
        found: u32,
    },
    /// A text field is not UTF-8.
    NotText {
        /// Offset of the field.
        at: usize,
    },
    /// Built for another chip than the manifest says.
    Chip {
        /// The image's chip.
        image: ChipId,
        /// The manifest's chip.
        manifest: ChipId,
    },
    /// Another project than the manifest's product.
    Project,
    /// Another version than the manifest's.
    Version {
        /// The manifest's version.
        manifest: VersionText,
    },
    /// Another hardware security counter than the manifest's.
    SecureVersion {
        /// The image's counter.
        image: SecureVersion,
        /// The manifest's counter.
        manifest: SecureVersion,
    },
    /// The image ends before its end.
    CutShort {
        /// How many bytes there were.
        bytes: u64,
        /// In which part of it.
        part: &'static str,
    },
    /// Something follows the image.
    TooLong {
        /// Bytes of the image.
        bytes: u64,
    },
    /// The data of its segments were changed.
    Checksum {
        /// As the image says.
        found: u8,
        /// As its segments say.
        counted: u8,
    },
    /// Some byte of it was changed.
    AppendedHash,
}

impl ImageError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "IM-001",
            Self::NotAnImage { .. } => "IM-002",
            Self::SegmentCount { .. } => "IM-003",
            Self::FirstSegmentTooShort { .. } => "IM-004",
            Self::NoDescriptor { .. } => "IM-005",
            Self::NotText { .. } => "IM-006",
            Self::Chip { .. } => "IM-007",
            Self::Project => "IM-008",
            Self::Version { .. } => "IM-009",
            Self::SecureVersion { .. } => "IM-010",
            Self::CutShort { .. } => "IM-011",
            Self::TooLong { .. } => "IM-012",
            Self::Checksum { .. } => "IM-013",
            Self::AppendedHash => "IM-014",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "give the whole image file",
            Self::NotAnImage { .. } | Self::SegmentCount { .. } => {
                "give the app image that the build wrote, neither the ELF file nor a merged flash"
            }
            Self::FirstSegmentTooShort { .. } | Self::NoDescriptor { .. } => {
                "link an app descriptor to the start of the first segment"
            }
            Self::NotText { .. } => "set version and project to plain text",
            Self::Chip { .. } => "publish the image that was built for this hardware model",
            Self::Project => "set the project of the app descriptor to the product's name",
            Self::Version { .. } => "build the image with the version it is published as",
            Self::SecureVersion { .. } => {
                "publish with the secure version the image was built with"
            }
            Self::CutShort { .. } | Self::Checksum { .. } | Self::AppendedHash => {
                "copy the image again from where the build wrote it"
            }
            Self::TooLong { .. } => "give the app image alone, not a merged flash image",
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { bytes } => {
                write!(f, "{bytes} bytes are too few, an image head takes {HEAD_BYTES}")
            }
            Self::NotAnImage { first } => {
                write!(f, "no app image: it starts with {first:#04x}, not {IMAGE_MAGIC:#04x}")
            }
            Self::SegmentCount { found } => {
                write!(f, "{found} segments, an app image has 1 to {MAX_SEGMENTS}")
            }
            Self::FirstSegmentTooShort { bytes } => {
                write!(f, "the first segment has {bytes} bytes, too few for a descriptor")
            }
            Self::NoDescriptor { found } => {
                write!(f, "no app descriptor: found {found:#010x}, not {DESCRIPTOR_MAGIC:#010x}")
            }
            Self::NotText { at } => write!(f, "the text at offset {at:#x} is not UTF-8"),
            Self::Chip { image, manifest } => {
                write!(f, "the image is for chip {image}, its manifest for chip {manifest}")
            }
            Self::Project => f.write_str("the image's project is not the manifest's product"),
            Self::Version { manifest } => {
                write!(f, "the image has another version than its manifest, which says {manifest}")
            }
            Self::SecureVersion { image, manifest } => {
                write!(f, "the image has secure version {image}, its manifest says {manifest}")
            }
            Self::CutShort { bytes, part } => {
                write!(f, "the image ends after {bytes} bytes, inside its {part}")
            }
            Self::TooLong { bytes } => {
                write!(f, "the image ends after {bytes} bytes, the file goes on")
            }
            Self::Checksum { found, counted } => {
                write!(f, "the image's checksum is {found:#04x}, its segments make {counted:#04x}")
            }
            Self::AppendedHash => {
                f.write_str("the hash at the image's end is not that of its bytes")
            }
        }
    }
}

impl core::error::Error for ImageError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[0] = IMAGE_MAGIC;
        head[SEGMENT_COUNT_AT] = 3;
        head[ENTRY_AT..ENTRY_AT + 4].copy_from_slice(&0x4038_0000_u32.to_le_bytes());
        head[CHIP_ID_AT] = 5;
        head[HASH_APPENDED_AT] = 1;
        head[FIRST_LENGTH_AT..FIRST_LENGTH_AT + 4].copy_from_slice(&0x0001_0000_u32.to_le_bytes());
        head[DESCRIPTOR_MAGIC_AT..][..4].copy_from_slice(&DESCRIPTOR_MAGIC.to_le_bytes());
        head[SECURE_VERSION_AT] = 2;
        head[VERSION_AT..VERSION_AT + 5].copy_from_slice(b"1.4.0");
        head[PROJECT_AT..PROJECT_AT + 10].copy_from_slice(b"thermostat");
        head[ELF_DIGEST_AT..ELF_DIGEST_AT + 32].fill(0xEE);
        head
    }

    fn claim() -> ImageClaim<'static> {
        ImageClaim {
            chip_id: ChipId::ESP32_C3,
            product: "thermostat",
            version: VersionText::parse("1.4.0").expect("a version"),
            secure_version: SecureVersion(2),
        }
    }

    #[test]
    fn reads_every_field() {
        let head = head();
        let header = ImageHeader::parse(&head).expect("a good head");
        assert_eq!(header.chip_id, ChipId::ESP32_C3);
        assert_eq!(header.segment_count, 3);
        assert_eq!(header.entry, 0x4038_0000);
        assert!(header.hash_appended);
        assert_eq!(header.secure_version, SecureVersion(2));
        assert_eq!((header.project, header.version), ("thermostat", "1.4.0"));
        assert_eq!(header.elf, Digest::from_bytes([0xEE; 32]));
        assert_eq!(header.check_against(&claim()), Ok(()));
    }

    #[test]
    fn every_damage_to_the_head_has_its_own_code() {
        let cases: [(usize, u8, &str); 9] = [
            (0, 0x7F, "IM-002"),
            (SEGMENT_COUNT_AT, 0, "IM-003"),
            (SEGMENT_COUNT_AT, 17, "IM-003"),
            (FIRST_LENGTH_AT + 2, 0, "IM-004"),
            (DESCRIPTOR_MAGIC_AT, 0x33, "IM-005"),
            (PROJECT_AT, 0xFF, "IM-006"),
            (CHIP_ID_AT, 13, "IM-007"),
            (PROJECT_AT, b'x', "IM-008"),
            (VERSION_AT, b'2', "IM-009"),
        ];
        for (at, value, code) in cases {
            let mut head = head();
            head[at] = value;
            let refused = check_head(&head, &claim()).map_err(|error| error.code());
            assert_eq!(refused, Err(code), "byte {at} set to {value}");
        }
        let mut head = head();
        head[SECURE_VERSION_AT] = 1;
        assert_eq!(check_head(&head, &claim()).map_err(|error| error.code()), Err("IM-010"));
    }

    #[test]
    fn every_prefix_is_too_short() {
        let head = head();
        for end in 0..HEAD_BYTES {
            assert_eq!(ImageHeader::parse(&head[..end]), Err(ImageError::TooShort { bytes: end }));
        }
    }

    #[test]
    fn a_text_may_fill_its_field() {
        let mut head = head();
        head[PROJECT_AT..PROJECT_AT + TEXT_BYTES].fill(b'p');
        assert_eq!(ImageHeader::parse(&head).map(|header| header.project.len()), Ok(TEXT_BYTES));
    }

    #[test]
    fn an_opaque_image_is_not_looked_into() {
        let opaque = ImageClaim { chip_id: ChipId::OPAQUE, ..claim() };
        assert_eq!(check_head(&[], &opaque), Ok(None));
    }
}
