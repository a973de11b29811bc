//! Corrupts one row, in the venue's spelling.

use super::json_edit::{set, value};
use crate::calendar::{self, DAY, HOUR, SECOND};
use crate::faults::{BadRowKind, PageKind};
use crate::json::quoted;
use crate::tape::IDS_PER_MS;

/// The spelling of times in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampEncoding {
    /// A date and time as text: `yyyy-MM-ddTHH:mm:ss`.
    Stamp,
    Ms,
    Ns,
}

/// The names of the columns that can be corrupted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ColumnNames {
    pub(crate) market: Option<&'static str>,
    pub(crate) time: Option<(&'static str, TimestampEncoding)>,
    pub(crate) id: Option<&'static str>,
    pub(crate) open: Option<&'static str>,
    pub(crate) high: Option<&'static str>,
    pub(crate) low: Option<&'static str>,
    /// The name of the close, or of the price.
    pub(crate) close: Option<&'static str>,
    pub(crate) volume: Option<&'static str>,
}

/// The data with which a page is corrupted, besides itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CorruptionContext<'a> {
    pub(crate) columns: ColumnNames,
    /// Another market than that of the page.
    pub(crate) other_market: &'a str,
    /// The number of rows that the page may have.
    pub(crate) most: usize,
    pub(crate) now_ms: i64,
}

/// Returns the corrupted row; `None` where rows of this kind cannot have that error.
pub(crate) fn corrupted(
    page: PageKind,
    row: &str,
    kind: BadRowKind,
    around: &CorruptionContext<'_>,
) -> Option<String> {
    let columns = &around.columns;
    match kind {
        BadRowKind::Any => None,
        BadRowKind::Unsound if page == PageKind::Markets => set(row, columns.market?, r#""""#),
        BadRowKind::Unsound => match columns.high {
            Some(high) => {
                let close: f64 = value(row, columns.close?)?.parse().ok()?;
                set(row, high, &format!("{}", close * 0.999))
            }
            None => set(row, columns.volume?, &format!("-{}", value(row, columns.volume?)?)),
        },
        BadRowKind::Zero => set(row, columns.low.or(columns.close)?, "0.0"),
        BadRowKind::Null => set(row, columns.open.or(columns.close).or(columns.market)?, "null"),
        BadRowKind::Offgrid if page == PageKind::Candles => {
            let open_ms = open_time_ms(row, columns)?;
            let (_, time) = columns.time?;
            with_timestamp(
                row,
                columns,
                open_ms + if time == TimestampEncoding::Stamp { SECOND } else { SECOND / 2 },
            )
        }
        BadRowKind::Offgrid => with_timestamp(row, columns, 0),
        BadRowKind::Foreign if page == PageKind::Markets => None,
        BadRowKind::Foreign => set(row, columns.market?, &quoted(around.other_market)),
        BadRowKind::Text => set(row, columns.close?, r#""NaN""#),
        BadRowKind::Future if page == PageKind::Candles => {
            // A midnight is on every grid.
            with_timestamp(row, columns, (around.now_ms.div_euclid(DAY) + 2) * DAY)
        }
        BadRowKind::Future => with_timestamp(row, columns, around.now_ms + HOUR),
    }
}

/// Returns the row with another time, and the id that belongs to it.
fn with_timestamp(row: &str, columns: &ColumnNames, ms: i64) -> Option<String> {
    let (key, time) = columns.time?;
    let spelled = match time {
        TimestampEncoding::Stamp => quoted(&calendar::stamp(ms)),
        TimestampEncoding::Ms => ms.to_string(),
        TimestampEncoding::Ns => (ms * 1_000_000).to_string(),
    };
    let row = set(row, key, &spelled)?;
    match columns.id {
        Some(id) => set(&row, id, &(ms * IDS_PER_MS).to_string()),
        None => Some(row),
    }
}

/// Returns a row of the same slot with a fortieth of the volume and another close.
pub(crate) fn conflicting_copy(row: &str, columns: &ColumnNames) -> Option<String> {
    let number = |key: &str| value(row, key)?.parse::<f64>().ok();
    let (volume, close) = (columns.volume?, columns.close?);
    let row = set(row, volume, &format!("{}", number(volume)? / 40.0))?;
    // Still a valid row: nothing tells which of the two is right.
    set(&row, close, value(&row, columns.open?)?)
}

pub(crate) fn open_time_ms(row: &str, columns: &ColumnNames) -> Option<i64> {
    let (key, time) = columns.time?;
    let text = value(row, key)?;
    match time {
        TimestampEncoding::Stamp => calendar::parse_instant(text.trim_matches('"')),
        TimestampEncoding::Ms => text.parse().ok(),
        TimestampEncoding::Ns => text.parse::<i64>().ok().map(|ns| ns / 1_000_000),
    }
}
