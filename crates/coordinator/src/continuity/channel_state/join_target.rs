//! The join target: the live trade up to which the pages must reach to fill a gap.

use market_backbone_core::{Timestamp, Trade};

use super::{ChannelPhase, ChannelState, DeliveryTracker};
use crate::continuity::trade_latency::TradeLatency;
use crate::continuity::trade_rank::KnownTrade;

impl ChannelState {
    /// Begins a fetch: events that arrive from now on wait again.
    pub(in crate::continuity) fn begin_fetch(&mut self) {
        (self.phase, self.retry_at) = (ChannelPhase::Fetching, None);
        if std::mem::take(&mut self.overflowed) {
            (self.next_join_target, self.heard_from) = (None, None);
        }
        match self.tracker {
            // The fetch in flight is proven up to its own target first, and then the rest.
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

    /// Records that something is missing from now on: earlier live events say nothing about its end.
    pub(in crate::continuity) fn clear_join_target(&mut self) {
        (self.join_target, self.next_join_target, self.heard_from) = (None, None, None);
        self.reconciler.mark_uncertain();
    }

    /// Records that more is missing than before, up to the next live event. The fetch in flight remains valid
    /// up to its own target.
    pub(in crate::continuity) fn extend_gap(&mut self) {
        (self.next_join_target, self.heard_from) = (None, None);
        if self.phase == ChannelPhase::Fetching || self.reconciler.walks() > 0 {
            self.needs_refetch = true;
        } else {
            self.join_target = None;
        }
    }

    /// Records that the fetched part is there, and takes the next target for the part that is still missing.
    pub(in crate::continuity) fn advance_join_target(&mut self) {
        (self.needs_refetch, self.join_target) = (false, self.next_join_target.take());
    }

    /// Observes a live trade, given the `earliest` moment at which it can have arrived. If everything after it
    /// arrives live, it becomes the join target.
    pub(in crate::continuity) fn observe_trade(
        &mut self,
        trade: &Trade,
        earliest: Option<Timestamp>,
        delay: &TradeLatency,
    ) {
        let DeliveryTracker::Trades(seen) = &self.tracker else { return };
        // Two clocks may disagree about the moment; in any case the trade itself has arrived.
        let back = self.heard_from.map_or(trade.received, |back| back.min(trade.received));
        self.heard_from = Some(back);
        // A duplicate, or a trade older than the delivered ones, says nothing about the present.
        let known = KnownTrade::of(trade);
        let is_new = seen.top().is_none_or(|top| top.rank < known.rank);
        self.drop_late_join_target(delay);
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        if !self.overflowed && is_new && end.is_none() && earliest.is_some_and(|earliest| earliest >= back) {
            *end = Some(known);
            self.is_target_live = true;
        }
    }

    /// Drops the join target if later trades show that it was late: the first live trade may be late, and
    /// something may lie between it and the following ones.
    pub(in crate::continuity) fn drop_late_join_target(&mut self, delay: &TradeLatency) {
        let Some(back) = self.heard_from.filter(|_| self.is_target_live) else { return };
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        end.take_if(|end| delay.earliest_arrival(end.time) < back);
    }

    /// Records the latest trade that the venue reported when it began to send again.
    pub(in crate::continuity) fn observe_snapshot(&mut self, trade: &Trade) {
        let known = KnownTrade::of(trade);
        let end = if self.needs_refetch { &mut self.next_join_target } else { &mut self.join_target };
        if !self.overflowed && end.as_ref().is_none_or(|end| end.rank < known.rank) {
            *end = Some(known);
            self.is_target_live = false;
        }
    }
}
