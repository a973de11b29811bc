//! Up to where the pages must reach that are to fill a gap: what was heard after it says.

use market_backbone_core::{Timestamp, Trade};

use super::{ChannelPhase, ChannelState, DeliveryTracker};
use crate::continuity::trade_latency::TradeLatency;
use crate::continuity::trade_rank::KnownTrade;

impl ChannelState {
    /// A fetch begins now: what comes from now on waits again.
    pub(in crate::continuity) fn begin_fetch(&mut self) {
        (self.phase, self.retry_at) = (ChannelPhase::Fetching, None);
        if std::mem::take(&mut self.overflowed) {
            (self.next_join_target, self.heard_from) = (None, None);
        }
        match self.tracker {
            // What was begun is proven up to where it was to go, and then the rest.
            DeliveryTracker::Trades(_)
                if self.needs_refetch && self.join_target.is_some() && self.reconciler.walks() > 0 => {}
            DeliveryTracker::Trades(_) => {
                if std::mem::take(&mut self.needs_refetch) {
                    self.join_target = self.next_join_target.take();
                }
            }
            _ => (self.needs_refetch, self.is_joined) = (false, self.is_joined || self.has_live_event),
        }
    }

    /// Something is missing from now on: what was heard so far says nothing of its end.
    pub(in crate::continuity) fn clear_join_target(&mut self) {
        (self.join_target, self.next_join_target, self.heard_from) = (None, None, None);
        self.reconciler.mark_uncertain();
    }

    /// More is missing than was, up to what is heard next. What is being fetched is still good up to where it was to go.
    pub(in crate::continuity) fn extend_gap(&mut self) {
        (self.next_join_target, self.heard_from) = (None, None);
        if self.phase == ChannelPhase::Fetching || self.reconciler.walks() > 0 {
            self.needs_refetch = true;
        } else {
            self.join_target = None;
        }
    }

    /// What was to be fetched is there, and more is missing.
    pub(in crate::continuity) fn advance_join_target(&mut self) {
        (self.needs_refetch, self.join_target) = (false, self.next_join_target.take());
    }

    /// A trade has come that can have been heard no sooner than at `earliest`. If what happened after it is heard, up to it
    /// the pages must reach.
    pub(in crate::continuity) fn observe_trade(
        &mut self,
        trade: &Trade,
        earliest: Option<Timestamp>,
        delay: &TradeLatency,
    ) {
        let DeliveryTracker::Trades(seen) = &self.tracker else { return };
        // Two clocks may tell of it: what is heard is heard after it.
        let back = self.heard_from.map_or(trade.received, |back| back.min(trade.received));
        self.heard_from = Some(back);
        // What is heard once more, or is older than what was handed out, says nothing of the present.
        let known = KnownTrade::of(trade);
        let is_new = seen.top().is_none_or(|top| top.rank < known.rank);
        self.drop_late_join_target(delay);
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        if !self.overflowed && is_new && end.is_none() && earliest.is_some_and(|earliest| earliest >= back) {
            *end = Some(known);
            self.is_target_live = true;
        }
    }

    /// Whether the trade up to which the pages must reach was late is seen by those that come after it: the first that is
    /// heard of all may be, and something may lie between it and what one hears.
    pub(in crate::continuity) fn drop_late_join_target(&mut self, delay: &TradeLatency) {
        let Some(back) = self.heard_from.filter(|_| self.is_target_live) else { return };
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        end.take_if(|end| delay.earliest_arrival(end.time) < back);
    }

    /// The venue says that this was its latest trade when it began to speak again.
    pub(in crate::continuity) fn observe_snapshot(&mut self, trade: &Trade) {
        let known = KnownTrade::of(trade);
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        if !self.overflowed && end.as_ref().is_none_or(|end| end.rank < known.rank) {
            *end = Some(known);
            self.is_target_live = false;
        }
    }
}
