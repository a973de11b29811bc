//! What can be wrong with one row, spelled as the venue spells rows.

use super::text::{set, value};
use crate::calendar::{self, DAY, HOUR, SECOND};
use crate::faults::{BadRow, Page};
use crate::json::quoted;
use crate::tape::IDS_PER_MS;

/// How a page spells times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// `yyyy-MM-ddTHH:mm:ss`
    Stamp,
    Ms,
    Ns,
}

/// Under which names the rows of a page have what can be wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) market: Option<&'static str>,
    pub(crate) time: Option<(&'static str, Time)>,
    pub(crate) id: Option<&'static str>,
    pub(crate) open: Option<&'static str>,
    pub(crate) high: Option<&'static str>,
    pub(crate) low: Option<&'static str>,
    /// The close, or the price.
    pub(crate) close: Option<&'static str>,
    pub(crate) volume: Option<&'static str>,
}

/// What a page is spoiled with, besides itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) columns: Columns,
    /// A market that the page is not of.
    pub(crate) foreign: &'a str,
    /// Rows that the page may have.
    pub(crate) most: usize,
    pub(crate) now_ms: i64,
}

/// The row with something wrong; none where rows of this kind cannot have that.
pub(crate) fn bad(page: Page, row: &str, kind: BadRow, around: &Around<'_>) -> Option<String> {
    let columns = &around.columns;
    match kind {
        BadRow::Any => None,
        BadRow::Unsound if page == Page::Markets => set(row, columns.market?, r#""""#),
        BadRow::Unsound => match columns.high {
            Some(high) => {
                let close: f64 = value(row, columns.close?)?.parse().ok()?;
                set(row, high, &format!("{}", close * 0.999))
            }
            None => set(row, columns.volume?, &format!("-{}", value(row, columns.volume?)?)),
        },
        BadRow::Zero => set(row, columns.low.or(columns.close)?, "0.0"),
        BadRow::Null => set(row, columns.open.or(columns.close).or(columns.market)?, "null"),
        BadRow::Offgrid if page == Page::Candles => {
            let open_ms = open_of(row, columns)?;
            let (_, time) = columns.time?;
            stamped(row, columns, open_ms + if time == Time::Stamp { SECOND } else { SECOND / 2 })
        }
        BadRow::Offgrid => stamped(row, columns, 0),
        BadRow::Foreign if page == Page::Markets => None,
        BadRow::Foreign => set(row, columns.market?, &quoted(around.foreign)),
        BadRow::Text => set(row, columns.close?, r#""NaN""#),
        BadRow::Future if page == Page::Candles => {
            // A midnight is on every grid.
            stamped(row, columns, (around.now_ms.div_euclid(DAY) + 2) * DAY)
        }
        BadRow::Future => stamped(row, columns, around.now_ms + HOUR),
    }
}

/// The row with another time, and the id that belongs to it.
fn stamped(row: &str, columns: &Columns, ms: i64) -> Option<String> {
    let (key, time) = columns.time?;
    let spelled = match time {
        Time::Stamp => quoted(&calendar::stamp(ms)),
        Time::Ms => ms.to_string(),
        Time::Ns => (ms * 1_000_000).to_string(),
    };
    let row = set(row, key, &spelled)?;
    match columns.id {
        Some(id) => set(&row, id, &(ms * IDS_PER_MS).to_string()),
        None => Some(row),
    }
}

/// The same slot, a fortieth of the volume, another close.
pub(crate) fn differing(row: &str, columns: &Columns) -> Option<String> {
    let number = |key: &str| value(row, key)?.parse::<f64>().ok();
    let (volume, close) = (columns.volume?, columns.close?);
    let row = set(row, volume, &format!("{}", number(volume)? / 40.0))?;
    // Still a sound row: only which of the two is right cannot be told.
    set(&row, close, value(&row, columns.open?)?)
}

pub(crate) fn open_of(row: &str, columns: &Columns) -> Option<i64> {
    let (key, time) = columns.time?;
    let text = value(row, key)?;
    match time {
        Time::Stamp => calendar::parse_instant(text.trim_matches('"')),
        Time::Ms => text.parse().ok(),
        Time::Ns => text.parse::<i64>().ok().map(|ns| ns / 1_000_000),
    }
}
