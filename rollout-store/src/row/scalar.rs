//! Single values as rows write them: numbers as numbers, everything else as text.
//!
//! Invariant: what is written reads back to the same value, bit for bit. Not here: anything that
//! has fields.

use base64::{Engine, engine::general_purpose::STANDARD};
use rollout_core::cohort::Selector;
use rollout_core::gate::{Rate, Risk};
use rollout_core::hosting::{BindingGeneration, Endpoint, HomeId, ServiceName};
use rollout_core::id::{
    ChannelId, CohortId, DeviceId, Digest, FreezeId, HardwareModel, Principal, ProductId, RolloutId,
};
use rollout_core::journal::Role;
use rollout_core::position::Frontier;
use rollout_core::release::{ComponentId, ReleaseId};
use rollout_core::rollout::{
    Admitted, Again, AgreedBy, Arm, EvidenceEpoch, Installed, OnSmall, Overdue, Rung, RungIndex,
    StateHash, StratumId,
};
use rollout_core::time::{ServiceTime, Span, Timestamp};
use rollout_core::version::{ReleaseCounter, SecureVersion};
use rollout_core::wire::{Event, ImageState, Reason};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A value that one number or one text of a row stands for.
pub(super) trait Scalar: Sized {
    /// The number or text.
    type Row: Serialize + de::DeserializeOwned;

    /// As written.
    fn to_row(&self) -> Self::Row;

    /// As read.
    fn from_row(row: Self::Row) -> Result<Self, String>;
}

/// Writes one value; for `#[serde(with)]`.
pub(super) fn serialize<T: Scalar, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.to_row().serialize(to)
}

/// Reads one value; for `#[serde(with)]`.
pub(super) fn deserialize<'de, T: Scalar, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::from_row(T::Row::deserialize(from)?).map_err(de::Error::custom)
}

/// The same for a value that may be missing.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Scalar, Serialize, Serializer, de};

    pub(in crate::row) fn serialize<T: Scalar, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::to_row).serialize(to)
    }

    pub(in crate::row) fn deserialize<'de, T: Scalar, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let row = Option::<T::Row>::deserialize(from)?;
        row.map(T::from_row).transpose().map_err(de::Error::custom)
    }
}

/// The same for a list or a set.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Scalar, Serializer, de};

    pub(in crate::row) fn serialize<'a, T, C, S>(values: &'a C, to: S) -> Result<S::Ok, S::Error>
    where
        T: Scalar + 'a,
        &'a C: IntoIterator<Item = &'a T>,
        S: Serializer,
    {
        to.collect_seq(values.into_iter().map(T::to_row))
    }

    pub(in crate::row) fn deserialize<'de, T, C, D>(from: D) -> Result<C, D::Error>
    where
        T: Scalar,
        C: FromIterator<T> + IntoIterator<Item = T>,
        D: Deserializer<'de>,
    {
        let rows = Vec::<T::Row>::deserialize(from)?;
        rows.into_iter().map(T::from_row).collect::<Result<C, _>>().map_err(de::Error::custom)
    }
}

macro_rules! numbers {
    ($($name:ident: $number:ty,)*) => {
        $(impl Scalar for $name {
            type Row = $number;

            fn to_row(&self) -> $number {
                self.0
            }

            fn from_row(row: $number) -> Result<Self, String> {
                Ok(Self(row))
            }
        })*
    };
}

numbers! {
    AgreedBy: u8,
    BindingGeneration: u64,
    ComponentId: u64,
    EvidenceEpoch: u32,
    ReleaseCounter: u64,
    RungIndex: u16,
    SecureVersion: u32,
    ServiceTime: u64,
    Span: u64,
    StratumId: u32,
    Timestamp: u64,
}

macro_rules! texts {
    ($($name:ty: $read:expr,)*) => {
        $(impl Scalar for $name {
            type Row = String;

            fn to_row(&self) -> String {
                self.to_string()
            }

            fn from_row(row: String) -> Result<Self, String> {
                let read: fn(&str) -> Result<Self, _> = $read;
                read(&row).map_err(|error| error.to_string())
            }
        })*
    };
}

texts! {
    ChannelId: Self::new,
    CohortId: Self::new,
    DeviceId: Self::new,
    Digest: digest,
    FreezeId: Self::new,
    Endpoint: Self::new,
    HardwareModel: Self::new,
    HomeId: Self::new,
    Principal: Self::new,
    ProductId: Self::new,
    ReleaseId: Self::parse,
    RolloutId: Self::parse,
    Rung: |text| Self::parse(text).ok_or_else(|| format!("`{text}` is no rung")),
    Selector: Self::parse,
    ServiceName: Self::new,
    StateHash: |text| digest(text).map(Self::from_digest),
    semver::Version: Self::parse,
    semver::VersionReq: Self::parse,
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::from_hex(text).ok_or_else(|| format!("`{text}` is no SHA-256"))
}

/// Base64 with padding.
impl Scalar for Vec<u8> {
    type Row = String;

    fn to_row(&self) -> String {
        STANDARD.encode(self)
    }

    fn from_row(row: String) -> Result<Self, String> {
        STANDARD.decode(row).map_err(|error| error.to_string())
    }
}

/// Decimal text of a number that JSON readers would round.
impl Scalar for Frontier {
    type Row = String;

    fn to_row(&self) -> String {
        self.raw().to_string()
    }

    fn from_row(row: String) -> Result<Self, String> {
        let raw = row.parse().map_err(|error| format!("`{row}` is no frontier: {error}"))?;
        Self::from_raw(raw).ok_or_else(|| format!("the frontier {row} is above 2^64"))
    }
}

macro_rules! rates {
    ($($name:ident,)*) => {
        $(/// The shortest decimal text that reads to the same bits.
        impl Scalar for $name {
            type Row = String;

            fn to_row(&self) -> String {
                format!("{:?}", self.get())
            }

            fn from_row(row: String) -> Result<Self, String> {
                let value = row.parse().map_err(|_| format!("`{row}` is no number"))?;
                Self::new(value).map_err(|error| error.to_string())
            }
        })*
    };
}

rates! { Rate, Risk, }

macro_rules! names {
    ($($name:ident { $($variant:ident = $text:literal,)* })*) => {
        $(impl Scalar for $name {
            type Row = String;

            fn to_row(&self) -> String {
                match self { $(Self::$variant => $text,)* }.into()
            }

            fn from_row(row: String) -> Result<Self, String> {
                match row.as_str() {
                    $($text => Ok(Self::$variant),)*
                    other => Err(format!("`{other}` is no {}", stringify!($name))),
                }
            }
        })*
    };
}

names! {
    Again { No = "no", Yes = "yes", }
    Admitted { ByPosition = "position", ByName = "name", }
    Arm { Canary = "canary", Control = "control", }
    ImageState { PendingVerify = "pending_verify", Valid = "valid", }
    Installed { Keep = "keep", RollBack = "roll_back", }
    OnSmall { Quiet = "quiet", Hold = "hold", }
    Overdue { Nag = "nag", Resume = "resume", Halt = "halt", Cancel = "cancel", }
    Role {
        Viewer = "viewer",
        Operator = "operator",
        Publisher = "publisher",
        Approver = "approver",
        Admin = "admin",
        Auditor = "auditor",
    }
    Event {
        Downloading = "downloading",
        Downloaded = "downloaded",
        Booted = "booted",
        Confirmed = "confirmed",
        Failed = "failed",
        Returned = "returned",
        Refused = "refused",
        Deferred = "deferred",
        Stopped = "stopped",
        Crashed = "crashed",
        Unknown = "unknown",
    }
    Reason {
        PowerLoss = "power_loss",
        NoRoundTrip = "no_round_trip",
        SelfTest = "self_test",
        Crash = "crash",
        Watchdog = "watchdog",
        SafetyFault = "safety_fault",
        Storage = "storage",
        Signature = "signature",
        Digest = "digest",
        Hardware = "hardware",
        Counter = "counter",
        SecureVersion = "secure_version",
        Expired = "expired",
        Size = "size",
        FailedBefore = "failed_before",
        Download = "download",
        Told = "told",
        Other = "other",
    }
}
