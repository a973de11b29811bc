//! Finer data of one bar, asked for where the order of its prices decides something.

use market_backbone_core::{Candle, FeedEvent, Series};

use super::bars::fill_from_bar;
use super::matching::OrderMatching;
use super::tape::fill_from_trade;

/// Someone who has, or fetches, finer data of a bar: shorter bars or trades.
///
/// A broker asks only for bars in which the order of the prices decides a fill. A bar in the answer is asked about again
/// where it leaves something open, so that a source may go from minutes to seconds to trades.
pub trait FinerData: Send {
    /// Returns the events inside `candle`, oldest first; `None` if there are none or they are not complete.
    fn finer(&mut self, series: &Series, candle: &Candle) -> Option<Vec<FeedEvent>>;
}

/// Matches the orders with finer events, in their order.
pub(crate) fn fill_from_finer(
    matching: &mut OrderMatching<'_>,
    events: &[FeedEvent],
    finer: &mut (dyn FinerData + 'static),
) {
    for event in events {
        match event {
            FeedEvent::Trade(trade) => fill_from_trade(matching, trade, true),
            FeedEvent::Bar { series, candle, is_quiet: false, .. } if candle.is_valid() => {
                fill_from_bar(matching, series, candle, Some(&mut *finer));
            }
            _ => {}
        }
    }
}
