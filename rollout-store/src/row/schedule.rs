//! When a plan gives anything, as a row: left out of the rows of plans that say nothing of it.

use rollout_core::calendar::{Days, Freeze, Minute, Weekly, WindowZone, Windows, Zone};
use rollout_core::rollout::{Lane, Schedule};
use rollout_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What stands for the zone of each device.
const DEVICE: &str = "device";

/// Whether there is nothing to write.
pub(super) fn says_nothing(schedule: &Schedule) -> bool {
    *schedule == Schedule::default()
}

pub(super) fn serialize<S: Serializer>(value: &Schedule, to: S) -> Result<S::Ok, S::Error> {
    let Schedule { stop_at, windows, freezes, lane } = value;
    let row = Row {
        stop_at: stop_at.map(|at| at.0),
        windows: windows.weekly.iter().map(WindowRow::of).collect(),
        zone_default: windows.zone_default.as_ref().map(|zone| zone.name().into()),
        freezes: freezes.iter().map(FreezeRow::of).collect(),
        emergency: *lane == Lane::Emergency,
    };
    row.serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Schedule, D::Error> {
    let row = Row::deserialize(from)?;
    row.read().map_err(de::Error::custom)
}

#[derive(Serialize, Deserialize)]
struct Row {
    stop_at: Option<u64>,
    windows: Vec<WindowRow>,
    zone_default: Option<String>,
    freezes: Vec<FreezeRow>,
    emergency: bool,
}

impl Row {
    fn read(self) -> Result<Schedule, String> {
        let weekly = self.windows.iter().map(WindowRow::read).collect::<Result<_, _>>()?;
        let zone_default = self.zone_default.as_deref().map(zone).transpose()?;
        Ok(Schedule {
            stop_at: self.stop_at.map(Timestamp),
            windows: Windows { weekly, zone_default },
            freezes: self.freezes.into_iter().map(FreezeRow::read).collect(),
            lane: if self.emergency { Lane::Emergency } else { Lane::Usual },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct WindowRow {
    days: String,
    from: String,
    to: String,
    zone: String,
}

impl WindowRow {
    fn of(window: &Weekly) -> Self {
        Self {
            days: window.days().to_string(),
            from: window.from().to_string(),
            to: window.to().to_string(),
            zone: window.zone().to_string(),
        }
    }

    fn read(&self) -> Result<Weekly, String> {
        let Self { days, from, to, zone: name } = self;
        let minute =
            |text: &str| Minute::parse(text).ok_or_else(|| format!("`{text}` is no time of day"));
        let days = Days::parse(days).ok_or_else(|| format!("`{days}` are no days"))?;
        let zone = match name.as_str() {
            DEVICE => WindowZone::Device,
            name => WindowZone::Fixed(zone(name)?),
        };
        Ok(Weekly::new(days, minute(from)?, minute(to)?, zone)?)
    }
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::find(name).ok_or_else(|| format!("`{name}` is no time zone that this program knows"))
}

#[derive(Serialize, Deserialize)]
pub(super) struct FreezeRow {
    from: u64,
    until: u64,
    reason: String,
}

impl FreezeRow {
    fn of(freeze: &Freeze) -> Self {
        let Freeze { from, until, reason } = freeze;
        Self { from: from.0, until: until.0, reason: reason.clone() }
    }

    pub(super) fn serialize<S: Serializer>(value: &Freeze, to: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&Self::of(value), to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Freeze, D::Error> {
        <Self as Deserialize>::deserialize(from).map(Self::read)
    }

    fn read(self) -> Freeze {
        let Self { from, until, reason } = self;
        Freeze { from: Timestamp(from), until: Timestamp(until), reason }
    }
}
