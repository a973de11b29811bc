//! The trades of a market that have been delivered.
//!
//! They are kept as a watermark, before which everything has been delivered, and the ids after it. The
//! watermark trails the newest trade by the allowed lateness. So the ids are few, and a trade from before the
//! watermark is always a duplicate.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Timestamp, Trade, TradeId};

use super::trade_rank::{KnownTrade, TradeRank};

/// The most ids that are remembered, however busy the market; beyond this the watermark trails by less.
const MAX_IDS: usize = 65_536;
/// The difference, in nanoseconds, from which a clock counts as set.
const CLOCK_STEP: i64 = 1_000_000_000;

/// The source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventSource {
    Live,
    /// Live, and held back while something older was fetched.
    Held,
    Page,
}

impl EventSource {
    /// Returns whether the event has been fetched.
    pub(super) const fn is_page(self) -> bool {
        matches!(self, Self::Page)
    }
}

/// A cursor's content for a market's trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TradeCheckpoint {
    /// The moment before which everything has been delivered, or was never due.
    pub(super) watermark: Timestamp,
    /// The time of the newest delivered trade.
    pub(super) newest: Timestamp,
    /// The last moment at which the feed was known to be complete, by the local clock.
    pub(super) complete_until: Timestamp,
    /// The ids of delivered trades after the watermark, sorted.
    pub(super) ids: Vec<TradeId>,
}

#[derive(Debug)]
pub(super) struct DeliveredTrades {
    allowed_lateness: Duration,
    /// The moment before which nothing is due.
    floor: DeliveryFloor,
    watermark: Timestamp,
    newest: Timestamp,
    /// The moment from which trades are still being compared, and not settled whatever their age.
    open_since: Option<Timestamp>,
    /// The delivered trade with the highest rank.
    top: Option<KnownTrade>,
    /// The ids, sorted, each with its trade's time. This is not a hash table, because one with equal insertions
    /// and removals doubles its size at an arbitrary moment, and a program's memory should be the same after an
    /// hour as after a minute. Ids rise with time except for late trades, so inserting is nearly always at the
    /// end.
    ids: VecDeque<(TradeId, Timestamp)>,
}

/// The moment from which trades are due.
#[derive(Clone, Copy, Debug)]
enum DeliveryFloor {
    /// The first live trade; holds the time at which listening began, by the local clock.
    FirstLive(Timestamp),
    Known(Timestamp),
}

impl TradeCheckpoint {
    /// Returns the position before a trade from the future moved it, given that nothing can have happened after
    /// `now`; `None` if none did.
    pub(super) fn before_invalid_stamp(&self, now: Timestamp, ahead: Duration) -> Option<Self> {
        let is_moved = self.newest > now.plus(ahead);
        // Trades just before it are not known any more. Delivering them twice would be worse than reporting a
        // loss.
        let whole = self.complete_until.min(now);
        is_moved.then(|| Self {
            watermark: whole,
            newest: whole,
            complete_until: whole,
            ids: self.ids.clone(),
        })
    }
}

impl DeliveredTrades {
    /// Returns an empty record, with everything due that happens from now on.
    pub(super) fn from_now(now: Timestamp, allowed_lateness: Duration) -> Self {
        Self {
            allowed_lateness,
            floor: DeliveryFloor::FirstLive(now),
            watermark: Timestamp::MIN,
            newest: Timestamp::MIN,
            open_since: None,
            top: None,
            ids: VecDeque::new(),
        }
    }

    /// Returns an empty record, with everything due from `moment` on.
    pub(super) fn from_moment(moment: Timestamp, settling: Duration) -> Self {
        let floor = DeliveryFloor::Known(moment);
        Self { floor, watermark: moment, newest: moment, ..Self::from_now(moment, settling) }
    }

    /// Returns the record that a cursor contains.
    pub(super) fn from_checkpoint(mark: &TradeCheckpoint, settling: Duration) -> Self {
        let top = |id: &TradeId| KnownTrade { rank: TradeRank::new(id, mark.newest), time: mark.newest };
        Self {
            newest: mark.newest,
            top: mark.ids.last().map(top),
            // The times are not kept. With the time of the newest trade, the ids are remembered a little
            // longer.
            ids: mark.ids.iter().map(|id| (id.clone(), mark.newest)).collect(),
            ..Self::from_moment(mark.watermark, settling)
        }
    }

    /// Returns whether `trade` is due and was not delivered yet, and records it as delivered.
    pub(super) fn admit(&mut self, trade: &Trade, from: EventSource) -> bool {
        if !self.is_due(trade, from) || !self.remember(trade) {
            return false;
        }
        if let DeliveryFloor::FirstLive(began) = self.floor {
            // Pages are read from the moment at which listening began, and trades they lack from then on are
            // due as well.
            self.floor = DeliveryFloor::Known(if from.is_page() { began } else { trade.time });
        }
        if self.top.as_ref().is_none_or(|top| top.rank < TradeRank::of(trade)) {
            self.top = Some(KnownTrade::of(trade));
        }
        if self.newest < trade.time {
            self.newest = trade.time;
            let settles = trade.time.minus(self.allowed_lateness);
            self.watermark = self.watermark.max(self.open_since.map_or(settles, |open| open.min(settles)));
        }
        self.forget();
        true
    }

    /// Sets the moment from which trades are still being compared, or `None` if none are.
    pub(super) const fn set_open_since(&mut self, moment: Option<Timestamp>) {
        self.open_since = moment;
    }

    /// Returns whether `trade` would be delivered.
    pub(super) fn wants(&self, trade: &Trade, from: EventSource) -> bool {
        self.is_due(trade, from) && self.place(&trade.id).is_some()
    }

    /// Returns whether `trade`, which has just arrived, is older than what is remembered, so that nobody can tell whether
    /// it was delivered.
    pub(super) fn is_too_late(&self, trade: &Trade, from: EventSource) -> bool {
        from == EventSource::Live && trade.time < self.watermark
    }

    /// Returns the delivered trade with the highest rank.
    pub(super) const fn top(&self) -> Option<&KnownTrade> {
        self.top.as_ref()
    }

    /// Forgets the newest position, because the timestamp of that trade is impossible.
    pub(super) fn without_top(mut self) -> Self {
        self.top = None;
        self
    }

    /// Returns the ranks of all recently delivered trades.
    pub(super) fn ranks(&self) -> Vec<TradeRank> {
        self.ids.iter().map(|(id, time)| TradeRank::new(id, *time)).collect()
    }

    /// Returns whether `trade`, the last before listening began, happened after that moment and must be
    /// delivered.
    pub(super) fn is_missed(&self, trade: &Trade) -> bool {
        trade.time >= self.due_from() && self.place(&trade.id).is_some()
    }

    /// Moves the time at which listening began to `moment`, as the clock shows it now.
    pub(super) fn adjust_listening_since(&mut self, moment: Timestamp) {
        if let DeliveryFloor::FirstLive(floor) = &mut self.floor
            && (moment.as_nanos() - floor.as_nanos()).abs() > CLOCK_STEP
        {
            *floor = moment;
        }
    }

    /// Returns whether nothing has been delivered yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.top.is_none()
    }

    /// Returns the index at which to insert an id, or `None` if it is there.
    fn place(&self, id: &TradeId) -> Option<usize> {
        match self.ids.back() {
            Some((newest, _)) if newest >= id => self.ids.binary_search_by(|(known, _)| known.cmp(id)).err(),
            _ => Some(self.ids.len()),
        }
    }

    /// Records a trade and returns whether it was new.
    fn remember(&mut self, trade: &Trade) -> bool {
        let Some(place) = self.place(&trade.id) else { return false };
        self.ids.insert(place, (trade.id.clone(), trade.time));
        true
    }

    fn is_due(&self, trade: &Trade, from: EventSource) -> bool {
        trade.time >= if from.is_page() { self.due_from() } else { self.watermark }
    }

    /// Returns how far back pages must be read so that nothing is missing.
    pub(super) fn due_from(&self) -> Timestamp {
        let (DeliveryFloor::FirstLive(floor) | DeliveryFloor::Known(floor)) = self.floor;
        self.watermark.max(floor)
    }

    /// Returns the cursor's content, given the moment up to which the feed is known to be complete.
    pub(super) fn checkpoint(&self, complete_until: Timestamp) -> TradeCheckpoint {
        let watermark = self.due_from();
        let ids = self.ids.iter().map(|(id, _)| id.clone()).collect();
        TradeCheckpoint { watermark, newest: self.newest.max(watermark), complete_until, ids }
    }

    fn forget(&mut self) {
        while let Some((_, time)) = self.ids.front()
            && (*time < self.watermark || self.ids.len() > MAX_IDS)
            && let Some((_, time)) = self.ids.pop_front()
        {
            self.watermark = self.watermark.max(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_testkit::symbol;

    fn trade(id: i64, secs: i64) -> Trade {
        market_backbone_testkit::trade(symbol("KRW-BTC"), id, 1.0, Timestamp::from_secs(secs))
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_late_trade_is_no_repetition_and_a_repetition_is_one() {
        let mut seen = DeliveredTrades::from_now(Timestamp::from_secs(1_000), MINUTE);
        for (id, secs, new) in [(5, 1_000, true), (9, 1_030, true), (7, 1_010, true), (7, 1_010, false)] {
            assert_eq!(seen.admit(&trade(id, secs), EventSource::Live), new, "{id}");
        }
        assert!(seen.admit(&trade(99, 1_200), EventSource::Live));
        assert!(!seen.admit(&trade(6, 1_005), EventSource::Live), "from before what is remembered");
        let is_too_late = |secs, from| seen.is_too_late(&trade(6, secs), from);
        assert!(is_too_late(1_139, EventSource::Live) && !is_too_late(1_140, EventSource::Live));
        assert!(!is_too_late(1_139, EventSource::Held), "the pages have shown it meanwhile");
        assert_eq!(seen.checkpoint(Timestamp::EPOCH).ids, [TradeId::Number(99)]);
    }

    #[test]
    fn nothing_older_than_the_first_trade_received_is_due() {
        let mut seen = DeliveredTrades::from_now(Timestamp::from_secs(1_000), MINUTE);
        assert!(!seen.admit(&trade(1, 999), EventSource::Page));
        assert!(seen.admit(&trade(3, 1_003), EventSource::Live));
        assert!(!seen.admit(&trade(2, 1_002), EventSource::Page));
        assert!(seen.admit(&trade(4, 1_004), EventSource::Page));
        assert_eq!(seen.due_from(), Timestamp::from_secs(1_003));
    }

    #[test]
    fn what_pages_began_with_stays_the_beginning() {
        let mut seen = DeliveredTrades::from_now(Timestamp::from_secs(1_000), MINUTE);
        assert!(seen.admit(&trade(1, 1_001), EventSource::Page));
        assert!(seen.admit(&trade(3, 1_003), EventSource::Live));
        assert!(seen.admit(&trade(2, 1_002), EventSource::Page), "lost, and found later");
    }

    #[test]
    fn what_is_still_compared_is_not_settled() {
        let mut seen = DeliveredTrades::from_moment(Timestamp::from_secs(1_000), MINUTE);
        assert!(seen.admit(&trade(1, 1_000), EventSource::Live));
        seen.set_open_since(Some(Timestamp::from_secs(1_001)));
        assert!(seen.admit(&trade(9, 1_200), EventSource::Live));
        assert!(
            seen.admit(&trade(2, 1_002), EventSource::Page),
            "missing, and found after more than a minute"
        );
        assert!(!seen.admit(&trade(2, 1_002), EventSource::Page));
        seen.set_open_since(None);
        assert!(seen.admit(&trade(10, 1_201), EventSource::Live));
        assert_eq!(seen.due_from(), Timestamp::from_secs(1_141));
    }

    #[test]
    fn a_mark_is_all_one_needs_to_go_on() {
        let mut seen = DeliveredTrades::from_moment(Timestamp::from_secs(1_000), MINUTE);
        assert!(
            [(1, 1_000), (2, 1_050), (4, 1_090)]
                .iter()
                .all(|(id, at)| seen.admit(&trade(*id, *at), EventSource::Page))
        );
        let mut later = DeliveredTrades::from_checkpoint(&seen.checkpoint(Timestamp::EPOCH), MINUTE);
        assert!(!later.admit(&trade(1, 1_000), EventSource::Live));
        assert!(!later.admit(&trade(2, 1_050), EventSource::Page));
        assert!(later.admit(&trade(3, 1_060), EventSource::Page));
        assert!(!later.admit(&trade(4, 1_090), EventSource::Live));
        assert_eq!(later.checkpoint(Timestamp::EPOCH).ids.len(), 3);
    }
}
