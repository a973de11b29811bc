//! Which trades of a market have been handed out.
//!
//! All that happened before a mark, and those after it by their ids. The mark trails the newest trade by the time that a
//! print may be late; so the ids are few, and a trade from before the mark is never anything but a repetition.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Timestamp, Trade, TradeId};

use super::rank::{Known, Rank};

/// However busy the market, no more ids are remembered; the mark then trails by less.
const MAX_IDS: usize = 65_536;
/// A clock that differs by more than this, in nanoseconds, from what it was has been set.
const CLOCK_SET: i64 = 1_000_000_000;

/// Where a trade came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Live,
    Page,
}

/// What a cursor holds of a market's trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TradeMark {
    /// All before this has been handed out, or was never due.
    pub(super) settled: Timestamp,
    /// The newest that has been handed out happened then.
    pub(super) newest: Timestamp,
    /// The last moment at which the feed was known to be whole, by our clock.
    pub(super) whole: Timestamp,
    /// Those after `settled` that have been handed out, sorted.
    pub(super) ids: Vec<TradeId>,
}

#[derive(Debug)]
pub(super) struct Seen {
    settling: Duration,
    /// Nothing from before is due.
    floor: Floor,
    settled: Timestamp,
    newest: Timestamp,
    /// What happened from then on is still being compared, and is not settled whatever its age.
    open_since: Option<Timestamp>,
    /// The trade of the highest rank that has been handed out.
    top: Option<Known>,
    /// Sorted by id, each with its trade's time. Not a hash table: one in which as many come as go grows to twice its
    /// size at some moment of its own choosing, and a program's memory should be after an hour what it was after a
    /// minute. Ids rise with time but for late prints, so adding is nearly always at the end.
    ids: VecDeque<(TradeId, Timestamp)>,
}

/// From when on trades are due.
#[derive(Clone, Copy, Debug)]
enum Floor {
    /// With the first that is heard live; this is when one began to listen, by our clock.
    FirstHeard(Timestamp),
    Known(Timestamp),
}

impl TradeMark {
    /// The mark as it may have been before a trade from the future moved it: nothing can have happened after `now`. `None`
    /// if it was not moved.
    pub(super) fn set_right(&self, now: Timestamp, ahead: Duration) -> Option<Self> {
        let is_moved = self.newest > now.plus(ahead);
        // What was handed out just before it is not known any more; to hand it out twice would be worse than to say so.
        let whole = self.whole.min(now);
        is_moved.then(|| Self { settled: whole, newest: whole, whole, ids: self.ids.clone() })
    }
}

impl Seen {
    /// Nothing yet, and all that happens from now on is due.
    pub(super) fn from_now(now: Timestamp, settling: Duration) -> Self {
        Self {
            settling,
            floor: Floor::FirstHeard(now),
            settled: Timestamp::MIN,
            newest: Timestamp::MIN,
            open_since: None,
            top: None,
            ids: VecDeque::new(),
        }
    }

    /// Nothing yet, and all that happened from `moment` on is due.
    pub(super) fn from_moment(moment: Timestamp, settling: Duration) -> Self {
        let floor = Floor::Known(moment);
        Self { floor, settled: moment, newest: moment, ..Self::from_now(moment, settling) }
    }

    /// What a cursor says.
    pub(super) fn from_mark(mark: &TradeMark, settling: Duration) -> Self {
        let top = |id: &TradeId| Known { rank: Rank::new(id, mark.newest), time: mark.newest };
        Self {
            newest: mark.newest,
            top: mark.ids.last().map(top),
            // Their times are not kept: as if all were as young as the newest, they are remembered a little longer.
            ids: mark.ids.iter().map(|id| (id.clone(), mark.newest)).collect(),
            ..Self::from_moment(mark.settled, settling)
        }
    }

    /// Whether `trade` is due and has not been handed out; if so, it is taken for handed out.
    pub(super) fn admit(&mut self, trade: &Trade, from: From) -> bool {
        if !self.is_due(trade, from) || !self.remember(trade) {
            return false;
        }
        if let Floor::FirstHeard(began) = self.floor {
            // Pages are read from where one began to listen, and what they lack from there on is due as well.
            self.floor = Floor::Known(if from == From::Live { trade.time } else { began });
        }
        if self.top.as_ref().is_none_or(|top| top.rank < Rank::of(trade)) {
            self.top = Some(Known::of(trade));
        }
        if self.newest < trade.time {
            self.newest = trade.time;
            let settles = trade.time.minus(self.settling);
            self.settled = self.settled.max(self.open_since.map_or(settles, |open| open.min(settles)));
        }
        self.forget();
        true
    }

    /// What happened from `moment` on is still being compared, or no more.
    pub(super) const fn is_open_since(&mut self, moment: Option<Timestamp>) {
        self.open_since = moment;
    }

    /// Whether `trade` would be handed out.
    pub(super) fn wants(&self, trade: &Trade, from: From) -> bool {
        self.is_due(trade, from) && self.place(&trade.id).is_some()
    }

    /// The trade of the highest rank that has been handed out.
    pub(super) const fn top(&self) -> Option<&Known> {
        self.top.as_ref()
    }

    /// Forgets how far what was handed out goes: the stamp of that trade cannot be true.
    pub(super) fn without_top(mut self) -> Self {
        self.top = None;
        self
    }

    /// All trades that were handed out lately.
    pub(super) fn ranks(&self) -> Vec<Rank> {
        self.ids.iter().map(|(id, time)| Rank::new(id, *time)).collect()
    }

    /// Whether `trade`, the last before one began to listen, happened after that and must be handed out.
    pub(super) fn concerns(&self, trade: &Trade) -> bool {
        trade.time >= self.begin() && self.place(&trade.id).is_some()
    }

    /// One began to listen at `moment`, as the clock goes now.
    pub(super) fn began(&mut self, moment: Timestamp) {
        if let Floor::FirstHeard(floor) = &mut self.floor
            && (moment.as_nanos() - floor.as_nanos()).abs() > CLOCK_SET
        {
            *floor = moment;
        }
    }

    /// Whether nothing has been handed out yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.top.is_none()
    }

    /// Where in the order an id belongs; `None` if it is there.
    fn place(&self, id: &TradeId) -> Option<usize> {
        match self.ids.back() {
            Some((newest, _)) if newest >= id => self.ids.binary_search_by(|(known, _)| known.cmp(id)).err(),
            _ => Some(self.ids.len()),
        }
    }

    /// Whether it was not known.
    fn remember(&mut self, trade: &Trade) -> bool {
        let Some(place) = self.place(&trade.id) else { return false };
        self.ids.insert(place, (trade.id.clone(), trade.time));
        true
    }

    fn is_due(&self, trade: &Trade, from: From) -> bool {
        trade.time >= if from == From::Live { self.settled } else { self.begin() }
    }

    /// How far back pages must be read so that nothing is missing.
    pub(super) fn begin(&self) -> Timestamp {
        let (Floor::FirstHeard(floor) | Floor::Known(floor)) = self.floor;
        self.settled.max(floor)
    }

    /// What a cursor is to hold, where the feed is known to be whole until `whole`.
    pub(super) fn mark(&self, whole: Timestamp) -> TradeMark {
        let settled = self.begin();
        let ids = self.ids.iter().map(|(id, _)| id.clone()).collect();
        TradeMark { settled, newest: self.newest.max(settled), whole, ids }
    }

    fn forget(&mut self) {
        while let Some((_, time)) = self.ids.front()
            && (*time < self.settled || self.ids.len() > MAX_IDS)
            && let Some((_, time)) = self.ids.pop_front()
        {
            self.settled = self.settled.max(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, VenueId};

    fn trade(id: i64, secs: i64) -> Trade {
        let symbol = Symbol::new(VenueId::new("test"), "KRW-BTC").unwrap();
        let time = Timestamp::from_secs(secs);
        Trade { symbol, id: TradeId::Number(id), price: 1.0, size: 1.0, side: None, time, received: time }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_late_print_is_no_repetition_and_a_repetition_is_one() {
        let mut seen = Seen::from_now(Timestamp::from_secs(1_000), MINUTE);
        for (id, secs, new) in [(5, 1_000, true), (9, 1_030, true), (7, 1_010, true), (7, 1_010, false)] {
            assert_eq!(seen.admit(&trade(id, secs), From::Live), new, "{id}");
        }
        assert!(seen.admit(&trade(99, 1_200), From::Live));
        assert!(!seen.admit(&trade(6, 1_005), From::Live), "from before what is remembered");
        assert_eq!(seen.mark(Timestamp::EPOCH).ids, [TradeId::Number(99)]);
    }

    #[test]
    fn nothing_older_than_the_first_print_heard_is_due() {
        let mut seen = Seen::from_now(Timestamp::from_secs(1_000), MINUTE);
        assert!(!seen.admit(&trade(1, 999), From::Page));
        assert!(seen.admit(&trade(3, 1_003), From::Live));
        assert!(!seen.admit(&trade(2, 1_002), From::Page));
        assert!(seen.admit(&trade(4, 1_004), From::Page));
        assert_eq!(seen.begin(), Timestamp::from_secs(1_003));
    }

    #[test]
    fn what_pages_began_with_stays_the_beginning() {
        let mut seen = Seen::from_now(Timestamp::from_secs(1_000), MINUTE);
        assert!(seen.admit(&trade(1, 1_001), From::Page));
        assert!(seen.admit(&trade(3, 1_003), From::Live));
        assert!(seen.admit(&trade(2, 1_002), From::Page), "lost, and found later");
    }

    #[test]
    fn what_is_still_compared_is_not_settled() {
        let mut seen = Seen::from_moment(Timestamp::from_secs(1_000), MINUTE);
        assert!(seen.admit(&trade(1, 1_000), From::Live));
        seen.is_open_since(Some(Timestamp::from_secs(1_001)));
        assert!(seen.admit(&trade(9, 1_200), From::Live));
        assert!(seen.admit(&trade(2, 1_002), From::Page), "missing, and found after more than a minute");
        assert!(!seen.admit(&trade(2, 1_002), From::Page));
        seen.is_open_since(None);
        assert!(seen.admit(&trade(10, 1_201), From::Live));
        assert_eq!(seen.begin(), Timestamp::from_secs(1_141));
    }

    #[test]
    fn a_mark_is_all_one_needs_to_go_on() {
        let mut seen = Seen::from_moment(Timestamp::from_secs(1_000), MINUTE);
        assert!(
            [(1, 1_000), (2, 1_050), (4, 1_090)]
                .iter()
                .all(|(id, at)| seen.admit(&trade(*id, *at), From::Page))
        );
        let mut later = Seen::from_mark(&seen.mark(Timestamp::EPOCH), MINUTE);
        assert!(!later.admit(&trade(1, 1_000), From::Live));
        assert!(!later.admit(&trade(2, 1_050), From::Page));
        assert!(later.admit(&trade(3, 1_060), From::Page));
        assert!(!later.admit(&trade(4, 1_090), From::Live));
        assert_eq!(later.mark(Timestamp::EPOCH).ids.len(), 3);
    }
}
