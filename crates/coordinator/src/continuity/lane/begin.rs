//! How a channel begins: from now, from a moment, or from where a cursor says that it was left.

use std::time::Duration;

use market_backbone_core::{Channel, Grid, Timeframe, Timestamp};

use super::{Lane, Track};
use crate::continuity::Start;
use crate::continuity::bars::Bars;
use crate::continuity::cursor::{Cursor, Mark};
use crate::continuity::seen::Seen;

impl Lane {
    pub(in crate::continuity) fn state(channel: Channel) -> Self {
        Self::new(channel, Track::State, false, Timestamp::MIN)
    }

    pub(in crate::continuity) fn trades(
        channel: &Channel,
        start: &Start,
        (settling, ahead): (Duration, Duration),
        now: Timestamp,
    ) -> Self {
        let from = |seen, has_past, whole| Self::new(channel.clone(), Track::Trades(seen), has_past, whole);
        match start {
            Start::At(moment) => from(Seen::from_moment(*moment, settling), true, *moment),
            Start::Now => from(Seen::from_now(now, settling), false, now),
            Start::After(cursor) => match cursor.mark(channel) {
                Some(Mark::Trades(mark)) => match mark.set_right(now, ahead) {
                    None => from(Seen::from_mark(mark, settling), true, mark.whole),
                    Some(right) => Self {
                        moved_by: Some(mark.newest),
                        ..from(Seen::from_mark(&right, settling).without_top(), true, right.whole)
                    },
                },
                _ => from(Seen::from_now(now, settling), false, now),
            },
        }
    }

    pub(in crate::continuity) fn candles(
        channel: Channel,
        frame: Timeframe,
        start: &Start,
        grid: Grid,
        now: Timestamp,
    ) -> Self {
        let known = |cursor: &Cursor| match cursor.mark(&channel) {
            Some(Mark::Candles { due }) => Some(*due),
            _ => None,
        };
        let past = match start {
            Start::Now => None,
            Start::At(moment) => Some(grid.ceil(frame, *moment)),
            Start::After(cursor) => known(cursor),
        };
        let due = past.unwrap_or_else(|| grid.floor(frame, now));
        let bars = Bars::new(frame, grid, due);
        Self::new(channel, Track::Candles(bars), past.is_some(), due)
    }
}
