//! Faults at a place that a test names: in the Nth page, or in the row of a slot.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseFaultsError;
use crate::calendar;

/// The kinds of pages whose rows can have faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Candles of any timeframe, and on Massive the whole market's day.
    Candles,
    /// Pages of trades.
    Trades,
    /// Tickers, or snapshots on Massive.
    Tickers,
    /// The list of markets.
    Markets,
}

impl PageKind {
    /// The number of kinds.
    pub(crate) const COUNT: usize = 4;
}

/// The kind of error in a bad row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRowKind {
    /// One of the other kinds, drawn for each page.
    #[default]
    Any,
    /// The high is below the close, or a trade has a negative size.
    Unsound,
    /// A price is 0.
    Zero,
    /// A field is `null`.
    Null,
    /// The row opens off the grid, or a trade is stamped 0.
    Offgrid,
    /// The row is of another market.
    Foreign,
    /// A number is the text `"NaN"`.
    Text,
    /// The row opens hours ahead.
    Future,
}

impl BadRowKind {
    /// All kinds except [`BadRowKind::Any`].
    pub const KINDS: [Self; 7] =
        [Self::Unsound, Self::Zero, Self::Null, Self::Offgrid, Self::Foreign, Self::Text, Self::Future];
}

/// A fault of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageFault {
    /// The page is empty.
    Empty,
    /// The page is of so many ms ago.
    Stale(u64),
    /// The page lacks so many of the newest closed candles.
    Late(u64),
    /// The page shows the venue of so many ms ago.
    Lagging(u64),
    /// The page lacks its middle.
    Hole,
    /// The page holds one row twice.
    Doubled,
    /// The page holds one row twice, the second time with other values.
    Differing,
    /// The page lacks one row.
    Missing,
    /// The page has one bad row.
    Bad(BadRowKind),
}

/// The place where a scripted fault occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultTarget {
    /// The Nth page of a kind, counted from 1 since the start or the last reset.
    NthPage(PageKind, u64),
    /// The candle that opens at this time (ms since the epoch), in every page that contains it.
    Slot(i64),
}

/// One fault at a place of its own.
///
/// Written as `empty@candles:4` (the fourth page of candles) or `doubled@2026-11-20T10:00:00Z` (that row):
/// fault, `@`, place. The fault is `empty`, `stale:MS`, `late:ROWS`, `lagging:MS`, `hole`, `doubled`,
/// `differing`, `missing`, or a kind of bad row. Several are separated by commas, see
/// [`ScriptedFault::parse_list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedFault {
    /// The place where it occurs.
    pub target: FaultTarget,
    /// The fault that occurs.
    pub fault: PageFault,
}

impl ScriptedFault {
    /// Parses any number of them, separated by commas.
    ///
    /// # Errors
    ///
    /// Returns an error that names the first invalid one.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ParseFaultsError> {
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for ScriptedFault {
    type Err = ParseFaultsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('@').and_then(|(what, place)| {
            Some(Self { fault: parse_page_fault(what.trim())?, target: parse_target(place.trim())? })
        });
        parsed.ok_or_else(|| {
            ParseFaultsError(format!("{text:?} is not like empty@candles:4 or zero@2026-11-20T10:00:00Z"))
        })
    }
}

fn parse_page_fault(text: &str) -> Option<PageFault> {
    let (name, amount) = text.split_once(':').map_or((text, None), |(name, amount)| (name, Some(amount)));
    let amount = amount.map(str::parse::<u64>).transpose().ok()?;
    Some(match (name, amount) {
        ("empty", None) => PageFault::Empty,
        ("stale", Some(age_ms)) => PageFault::Stale(age_ms),
        ("late", Some(rows)) => PageFault::Late(rows),
        ("lagging", Some(behind_ms)) => PageFault::Lagging(behind_ms),
        ("hole", None) => PageFault::Hole,
        ("doubled", None) => PageFault::Doubled,
        ("differing", None) => PageFault::Differing,
        ("missing", None) => PageFault::Missing,
        (kind, None) => PageFault::Bad(serde_json::from_value(kind.into()).ok()?),
        (_, Some(_)) => return None,
    })
}

fn parse_target(text: &str) -> Option<FaultTarget> {
    let page = |name: &str| {
        Some(match name {
            "candles" => PageKind::Candles,
            "trades" => PageKind::Trades,
            "tickers" => PageKind::Tickers,
            "markets" => PageKind::Markets,
            _ => return None,
        })
    };
    let nth = text
        .split_once(':')
        .and_then(|(name, nth)| Some(FaultTarget::NthPage(page(name)?, nth.parse().ok()?)));
    nth.or_else(|| calendar::parse_instant(text).map(FaultTarget::Slot))
}

/// The skew of live trades that are stamped ahead of their time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TimestampSkew {
    pub(crate) share: f64,
    pub(crate) ahead_ms: i64,
    /// The moment from which the first trade of each market is skewed as well, and by how many ms.
    pub(crate) first: Option<(i64, i64)>,
}

impl TimestampSkew {
    /// Returns whether no trade is skewed.
    pub(crate) fn is_none(&self) -> bool {
        self.share <= 0.0 && self.first.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_as_what_and_where() {
        let want = [
            ScriptedFault { target: FaultTarget::NthPage(PageKind::Candles, 4), fault: PageFault::Empty },
            ScriptedFault {
                target: FaultTarget::NthPage(PageKind::Trades, 1),
                fault: PageFault::Stale(3_000),
            },
            ScriptedFault {
                target: FaultTarget::Slot(1_795_168_800_000),
                fault: PageFault::Bad(BadRowKind::Zero),
            },
            ScriptedFault { target: FaultTarget::Slot(1_795_168_800_000), fault: PageFault::Doubled },
        ];
        let text =
            "empty@candles:4, stale:3000@trades:1,zero@2026-11-20T10:00:00Z,doubled@2026-11-20 10:00:00";
        assert_eq!(ScriptedFault::parse_list(text), Ok(want.into()));
        for wrong in
            ["empty", "odd@candles:1", "empty@books:1", "stale@candles:1", "empty:3@candles:1", "empty@"]
        {
            assert!(ScriptedFault::parse_list(wrong).is_err(), "{wrong}");
        }
    }
}
