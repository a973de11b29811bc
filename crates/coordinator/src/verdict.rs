//! What a page settles: which stretches need not be asked again after it.

use std::fmt;
use std::time::Duration;

use market_backbone_core::{CandlePage, CandlePageRequest, TimeRange, Timestamp};

use crate::slots::Slots;

/// Why a page settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barren {
    /// Rows were left out, so what is not there may still exist.
    Dropped(u32),
    /// It says nothing about the slot right before the moment it was asked for.
    Silent,
}

impl fmt::Display for Barren {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(rows) => write!(f, "{rows} rows of the page could not be read"),
            Self::Silent => f.write_str("the page proves nothing about the stretch it was asked for"),
        }
    }
}

/// The stretches that need not be asked again after `page`, on the grid.
///
/// More than the proof in two cases, and neither enters the answer's coverage: an exhausted source has nothing
/// older, proven or not; and slots that were in progress or not settled when the venue was asked cannot be proven
/// by anybody, so their rows as they are must do.
///
/// That a good page always settles the slot right before its `before` is what makes every fetch end.
pub(crate) fn settled(
    page: &CandlePage,
    request: &CandlePageRequest,
    slots: Slots,
    settling: Duration,
) -> Result<Vec<TimeRange>, Barren> {
    if page.dropped > 0 {
        return Err(Barren::Dropped(page.dropped));
    }
    let before = request.before.unwrap_or(Timestamp::MAX);
    let mut settled = Vec::with_capacity(2);
    if page.proof.exhausted {
        settled.extend(TimeRange::new(Timestamp::MIN, before));
    }
    settled.extend(page.proof.covered.and_then(|covered| slots.align(covered)));
    settled.extend(unprovable(page, before, slots, settling));
    let newest = request.before.map(|before| slots.back(before, 1));
    let reached = newest.is_none_or(|newest| settled.iter().any(|range| range.contains(newest)));
    if reached && !is_mute(page, before, slots, settling) { Ok(settled) } else { Err(Barren::Silent) }
}

/// Whether the page proves nothing although it could.
fn is_mute(page: &CandlePage, before: Timestamp, slots: Slots, settling: Duration) -> bool {
    let provable = slots.floor(page.asked_at.minus(settling)).min(before);
    let reaches_provable = page.candles.first().is_none_or(|oldest| oldest.open_time < provable);
    page.proof.covered.is_none() && !page.proof.exhausted && reaches_provable
}

/// The slots the page reached that may still change.
fn unprovable(page: &CandlePage, before: Timestamp, slots: Slots, settling: Duration) -> Option<TimeRange> {
    let unsettled = slots.floor(page.asked_at.minus(settling));
    let oldest = page.candles.first().map_or(Timestamp::MIN, |candle| candle.open_time);
    TimeRange::new(unsettled.max(oldest), before).ok()
}
