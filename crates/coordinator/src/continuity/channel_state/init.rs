//! The initial state of a channel: from now, from a moment, or from a cursor.

use std::time::Duration;

use market_backbone_core::{Channel, Grid, Series, StreamKind, Timeframe, Timestamp};

use super::{ChannelState, DeliveryTracker};
use crate::continuity::Start;
use crate::continuity::bar_channels::CandleUse;
use crate::continuity::bar_tracker::BarTracker;
use crate::continuity::cursor::ChannelCheckpoint;
use crate::continuity::delivered_candles::DeliveredCandles;
use crate::continuity::delivered_trades::DeliveredTrades;

impl ChannelState {
    pub(in crate::continuity) fn state(channel: Channel) -> Self {
        Self::new(channel, DeliveryTracker::State, false, Timestamp::MIN)
    }

    pub(in crate::continuity) fn trades(
        channel: &Channel,
        start: &Start,
        (allowed_lateness, ahead): (Duration, Duration),
        now: Timestamp,
    ) -> Self {
        let from = |seen, has_past, whole| {
            Self::new(channel.clone(), DeliveryTracker::Trades(seen), has_past, whole)
        };
        match start {
            Start::At(moment) => from(DeliveredTrades::from_moment(*moment, allowed_lateness), true, *moment),
            Start::Now => from(DeliveredTrades::from_now(now, allowed_lateness), false, now),
            Start::After(cursor) => match cursor.checkpoint(channel) {
                Some(ChannelCheckpoint::Trades(mark)) => match mark.before_invalid_stamp(now, ahead) {
                    None => from(
                        DeliveredTrades::from_checkpoint(mark, allowed_lateness),
                        true,
                        mark.complete_until,
                    ),
                    Some(right) => Self {
                        invalid_stamp: Some(mark.newest),
                        ..from(
                            DeliveredTrades::from_checkpoint(&right, allowed_lateness).without_top(),
                            true,
                            right.complete_until,
                        )
                    },
                },
                _ => from(DeliveredTrades::from_now(now, allowed_lateness), false, now),
            },
        }
    }

    pub(in crate::continuity) fn candles(
        channel: &Channel,
        timeframe: Timeframe,
        (start, now): (&Start, Timestamp),
        grid: Grid,
        wanted: CandleUse,
    ) -> Self {
        let current = grid.floor(timeframe, now);
        let series = Series::new(channel.symbol.clone(), timeframe);
        let tracker = |due| wanted.bars.map(|rules| BarTracker::new(series.clone(), grid, rules, due));
        let from = |due, has_past, bars, shown_from| Self {
            bars,
            shown_from: if wanted.is_shown { shown_from } else { Timestamp::MAX },
            ..Self::new(
                channel.clone(),
                DeliveryTracker::Candles(DeliveredCandles::new(timeframe, grid, due)),
                has_past,
                due,
            )
        };
        match start {
            Start::Now => from(current, false, tracker(current), Timestamp::MIN),
            Start::At(moment) => {
                let due = grid.ceil(timeframe, *moment);
                from(due, true, tracker(due), Timestamp::MIN)
            }
            Start::After(cursor) => {
                let candles = match cursor.checkpoint(channel).filter(|_| wanted.is_shown) {
                    Some(ChannelCheckpoint::Candles { due }) => Some(*due),
                    _ => None,
                };
                let bar = Channel { kind: StreamKind::Bar(timeframe), ..channel.clone() };
                let known = match cursor.checkpoint(&bar).filter(|_| wanted.bars.is_some()) {
                    Some(ChannelCheckpoint::Bars(known)) => Some(known),
                    _ => None,
                };
                let bars = match known {
                    Some(known) => tracker(known.due).map(|bars| bars.resume(known)),
                    None => tracker(current),
                };
                let past = candles.into_iter().chain(known.map(|known| known.since)).min();
                // Candles from before their own position are only needed for the bars.
                let shown_from = candles.unwrap_or(current);
                from(past.unwrap_or(current), past.is_some(), bars, shown_from)
            }
        }
    }
}
