//! Up to where the pages must reach that are to fill a gap: what was heard after it says.

use market_backbone_core::{Timestamp, Trade};

use super::{Lane, Phase, Track};
use crate::continuity::delay::Delay;
use crate::continuity::rank::Known;

impl Lane {
    /// A fetch begins now: what comes from now on waits again.
    pub(in crate::continuity) fn fetch_begins(&mut self) {
        (self.phase, self.again_at) = (Phase::Fetching, None);
        if std::mem::take(&mut self.overflowed) {
            (self.later, self.back) = (None, None);
        }
        match self.track {
            // What was begun is proven up to where it was to go, and then the rest.
            Track::Trades(_) if self.again && self.goal.is_some() && self.mending.walks() > 0 => {}
            Track::Trades(_) => {
                if std::mem::take(&mut self.again) {
                    self.goal = self.later.take();
                }
            }
            _ => (self.again, self.joined) = (false, self.joined || self.heard),
        }
    }

    /// Something is missing from now on: what was heard so far says nothing of its end.
    pub(in crate::continuity) fn lose_goal(&mut self) {
        (self.goal, self.later, self.back) = (None, None, None);
        self.mending.doubt();
    }

    /// More is missing than was, up to what is heard next. What is being fetched is still good up to where it was to go.
    pub(in crate::continuity) fn grows(&mut self) {
        (self.later, self.back) = (None, None);
        if self.phase == Phase::Fetching || self.mending.walks() > 0 {
            self.again = true;
        } else {
            self.goal = None;
        }
    }

    /// What was to be fetched is there, and more is missing.
    pub(in crate::continuity) fn goes_on(&mut self) {
        (self.again, self.goal) = (false, self.later.take());
    }

    /// A trade has come that can have been heard no sooner than at `earliest`. If what happened after it is heard, up to it
    /// the pages must reach.
    pub(in crate::continuity) fn sees_end(
        &mut self,
        trade: &Trade,
        earliest: Option<Timestamp>,
        delay: &Delay,
    ) {
        let Track::Trades(seen) = &self.track else { return };
        // Two clocks may tell of it: what is heard is heard after it.
        let back = self.back.map_or(trade.received, |back| back.min(trade.received));
        self.back = Some(back);
        // What is heard once more, or is older than what was handed out, says nothing of the present.
        let known = Known::of(trade);
        let is_new = seen.top().is_none_or(|top| top.rank < known.rank);
        self.doubts_end(delay);
        let end = if self.again { &mut self.later } else { &mut self.goal };
        if !self.overflowed && is_new && end.is_none() && earliest.is_some_and(|earliest| earliest >= back) {
            *end = Some(known);
            self.is_end_heard = true;
        }
    }

    /// Whether the trade up to which the pages must reach was late is seen by those that come after it: the first that is
    /// heard of all may be, and something may lie between it and what one hears.
    pub(in crate::continuity) fn doubts_end(&mut self, delay: &Delay) {
        let Some(back) = self.back.filter(|_| self.is_end_heard) else { return };
        let end = if self.again { &mut self.later } else { &mut self.goal };
        end.take_if(|end| delay.soonest(end.time) < back);
    }

    /// The venue says that this was its latest trade when it began to speak again.
    pub(in crate::continuity) fn sees_latest(&mut self, trade: &Trade) {
        let known = Known::of(trade);
        let end = if self.again { &mut self.later } else { &mut self.goal };
        if !self.overflowed && end.as_ref().is_none_or(|end| end.rank < known.rank) {
            *end = Some(known);
            self.is_end_heard = false;
        }
    }
}
