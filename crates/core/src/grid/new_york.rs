//! Local time in New York.
//!
//! The zone is compiled in and nothing is read from the machine, so every machine cuts the same days.
//! Midnight exists exactly once on every day there, because the clock changes at two in the morning.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONE: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZoneDatabase::bundled().get("America/New_York").expect("the zones are compiled in"));

/// Returns the local time at the second `secs` since the epoch.
pub(crate) fn local_time(secs: i64) -> DateTime {
    let moment = jiff::Timestamp::from_second(secs).unwrap_or_default();
    ZONE.to_datetime(moment)
}

/// Returns the second since the epoch at which the local time is `time`; the earlier one where there are two.
pub(crate) fn unix_secs(time: DateTime) -> i64 {
    ZONE.to_ambiguous_timestamp(time).compatible().map_or(0, |moment| moment.as_second())
}

/// Returns the second since the epoch at which `day` begins.
pub(crate) fn midnight(day: Date) -> i64 {
    unix_secs(day.to_datetime(jiff::civil::Time::midnight()))
}
