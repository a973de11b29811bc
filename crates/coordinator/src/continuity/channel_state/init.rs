//! The initial state of a channel: from now, from a moment, or from a cursor.

use std::time::Duration;

use market_backbone_core::{Channel, Grid, Timeframe, Timestamp};

use super::{ChannelState, DeliveryTracker};
use crate::continuity::Start;
use crate::continuity::cursor::{ChannelCheckpoint, Cursor};
use crate::continuity::delivered_candles::DeliveredCandles;
use crate::continuity::delivered_trades::DeliveredTrades;

impl ChannelState {
    pub(in crate::continuity) fn state(channel: Channel) -> Self {
        Self::new(channel, DeliveryTracker::State, false, Timestamp::MIN)
    }

    pub(in crate::continuity) fn trades(
        channel: &Channel,
        start: &Start,
        (settling, ahead): (Duration, Duration),
        now: Timestamp,
    ) -> Self {
        let from = |seen, has_past, whole| {
            Self::new(channel.clone(), DeliveryTracker::Trades(seen), has_past, whole)
        };
        match start {
            Start::At(moment) => from(DeliveredTrades::from_moment(*moment, settling), true, *moment),
            Start::Now => from(DeliveredTrades::from_now(now, settling), false, now),
            Start::After(cursor) => match cursor.checkpoint(channel) {
                Some(ChannelCheckpoint::Trades(mark)) => match mark.before_invalid_stamp(now, ahead) {
                    None => from(DeliveredTrades::from_checkpoint(mark, settling), true, mark.complete_until),
                    Some(right) => Self {
                        invalid_stamp: Some(mark.newest),
                        ..from(
                            DeliveredTrades::from_checkpoint(&right, settling).without_top(),
                            true,
                            right.complete_until,
                        )
                    },
                },
                _ => from(DeliveredTrades::from_now(now, settling), false, now),
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
        let known = |cursor: &Cursor| match cursor.checkpoint(&channel) {
            Some(ChannelCheckpoint::Candles { due }) => Some(*due),
            _ => None,
        };
        let past = match start {
            Start::Now => None,
            Start::At(moment) => Some(grid.ceil(frame, *moment)),
            Start::After(cursor) => known(cursor),
        };
        let due = past.unwrap_or_else(|| grid.floor(frame, now));
        let bars = DeliveredCandles::new(frame, grid, due);
        Self::new(channel, DeliveryTracker::Candles(bars), past.is_some(), due)
    }
}
