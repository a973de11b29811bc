//! The latest value of every followed channel, readable in well under a microsecond while the feed goes on.
//!
//! A reader loads the table of markets (a pointer that is swapped when the set of channels changes, never
//! when a value does), hashes a short code and copies a few words. It takes no lock, does not wait for the
//! writer and never sees a torn value.

mod cached_market;
mod latest_value;
mod recent_trade_ids;
mod seqlock;
pub(super) mod stale_filter;
mod word_encoding;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use arc_swap::{ArcSwap, Guard};
use market_backbone_core::{
    Candle, Channel, FeedEvent, OrderBook, PriceBand, Series, StreamKind, Symbol, Ticker, Timestamp, Trade,
};
use rustc_hash::FxHashMap;

pub(super) use self::cached_market::CachedMarket;
use self::latest_value::LastReceived;
pub use self::latest_value::RecordOutcome;
use self::stale_filter::FrameArrival;

/// The entries of markets.
pub(super) type CachedMarkets = FxHashMap<Symbol, Arc<CachedMarket>>;

/// The largest number of markets kept under the wildcard: more than any venue lists.
const MAX_WILDCARD_MARKETS: usize = 65_536;

/// A cache of the latest value of each followed channel.
#[derive(Debug, Default)]
pub struct RealtimeCache {
    markets: ArcSwap<CachedMarkets>,
    /// The wildcard symbol of all markets, once it has been followed.
    wildcard: OnceLock<Symbol>,
    /// The markets received only under the wildcard. Each is written once and then only read, so the lock is
    /// hardly ever contended.
    wildcard_markets: RwLock<CachedMarkets>,
}

impl RealtimeCache {
    /// Allocates entries for the values of `channels`; existing ones stay.
    pub fn follow(&self, channels: &[Channel]) {
        if let Some(channel) = channels.iter().find(|channel| channel.symbol.is_any()) {
            self.wildcard.get_or_init(|| channel.symbol.clone());
        }
        self.markets.rcu(|rows| {
            let mut next = CachedMarkets::clone(rows);
            for channel in channels {
                Arc::make_mut(next.entry(channel.symbol.clone()).or_default()).add(channel.kind);
            }
            next
        });
    }

    /// Removes the channels that are no longer `wanted`.
    pub fn retain(&self, wanted: impl Fn(&Channel) -> bool) {
        // Held until both tables have changed: whoever sees the new table waits for the new entries under the wildcard.
        let mut unnamed = self.wildcard_markets.write().unwrap_or_else(PoisonError::into_inner);
        self.markets.rcu(|rows| {
            let mut next = CachedMarkets::clone(rows);
            next.retain(|symbol, row| {
                let keep = |kind| wanted(&Channel { symbol: symbol.clone(), kind });
                Arc::make_mut(row).retain(keep);
                !row.is_empty()
            });
            next
        });
        if let Some(any) = self.wildcard.get() {
            unnamed.retain(|_, row| {
                Arc::make_mut(row).retain(|kind| wanted(&Channel { symbol: any.clone(), kind }));
                !row.is_empty()
            });
        }
    }

    fn lock_wildcard_markets(&self) -> RwLockReadGuard<'_, CachedMarkets> {
        self.wildcard_markets.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the entry of a market that is followed only under the wildcard, and creates it if there is
    /// none.
    pub(super) fn wildcard_market(
        &self,
        rows: &CachedMarkets,
        symbol: &Symbol,
        kind: StreamKind,
    ) -> Option<Arc<CachedMarket>> {
        rows.get(self.wildcard.get()?)?.last_received(kind)?;
        if let Some(row) =
            self.lock_wildcard_markets().get(symbol).filter(|row| row.last_received(kind).is_some())
        {
            return Some(Arc::clone(row));
        }
        let mut unnamed = self.wildcard_markets.write().unwrap_or_else(PoisonError::into_inner);
        if unnamed.len() >= MAX_WILDCARD_MARKETS && !unnamed.contains_key(symbol) {
            return None;
        }
        let row = unnamed.entry(symbol.clone()).or_default();
        Arc::make_mut(row).add_wildcard(kind);
        Some(Arc::clone(row))
    }

    /// Returns the wildcard-only markets of which `kind` was received last, at most `most` of them.
    pub(super) fn recent_wildcard_channels(&self, kind: StreamKind, most: usize) -> Vec<Channel> {
        let unnamed = self.lock_wildcard_markets();
        let heard =
            |row: &CachedMarket| row.last_received(kind).map(|heard| heard.millis.load(Ordering::Relaxed));
        let mut all: Vec<_> =
            unnamed.iter().filter_map(|(symbol, row)| Some((heard(row)?, symbol))).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.into_iter().take(most).map(|(_, symbol)| Channel { symbol: symbol.clone(), kind }).collect()
    }

    /// Reads the entry of a market, whether it was named in a subscription or not.
    fn read<T>(&self, symbol: &Symbol, read: impl Fn(&CachedMarket) -> Option<T>) -> Option<T> {
        let found = self.markets.load().get(symbol).and_then(|row| read(row));
        if found.is_some() || self.wildcard.get().is_none() {
            return found;
        }
        self.lock_wildcard_markets().get(symbol).and_then(|row| read(row))
    }

    /// Stores `event` if its channel is followed.
    pub fn record(&self, event: &FeedEvent, arrival: FrameArrival) -> RecordOutcome {
        let markets = self.markets.load();
        let recorded = event.symbol().and_then(|symbol| markets.get(symbol)?.record(event, arrival));
        recorded.or_else(|| self.record_wildcard(&markets, event, arrival)).unwrap_or_default()
    }

    /// Stores `event` if its market is followed under the wildcard only; `None` if it is not.
    fn record_wildcard(
        &self,
        markets: &CachedMarkets,
        event: &FeedEvent,
        arrival: FrameArrival,
    ) -> Option<RecordOutcome> {
        let (symbol, kind) = event.channel()?;
        self.wildcard_market(markets, symbol, kind)?.record(event, arrival)
    }

    /// Returns the entries of all markets that were named in a subscription; `None` if `known` are those. A change of
    /// them makes another table.
    ///
    /// A known table is not cloned: its reference count stands beside what every reader looks at.
    pub(super) fn markets_after(&self, known: &Arc<CachedMarkets>) -> Option<Arc<CachedMarkets>> {
        let markets = self.markets.load();
        (!Arc::ptr_eq(&markets, known)).then(|| Guard::into_inner(markets))
    }

    /// Records that something of a channel arrived, though not under its name. Returns whether it is the
    /// first of its connection.
    pub(super) fn mark_received(&self, symbol: &Symbol, kind: StreamKind, arrival: FrameArrival) -> bool {
        let rows = self.markets.load();
        rows.get(symbol)
            .and_then(|row| row.last_received(kind))
            .is_some_and(|heard| heard.record_arrival(arrival))
    }

    /// Forgets that `channels` were received on this `connection`, because they are subscribed again. Their
    /// values stay.
    pub(super) fn clear_received(&self, channels: &[Channel], connection: u64) {
        let rows = self.markets.load();
        for channel in channels {
            if let Some(heard) = rows.get(&channel.symbol).and_then(|row| row.last_received(channel.kind)) {
                // Anything else was received earlier, and no longer counts anyway.
                let _ = heard.connection.compare_exchange(connection, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Attributes what the connection `from` delivered of `channels` to `to`.
    ///
    /// `from` was to replace `to` but has failed, and `to` goes on.
    pub(super) fn reassign(&self, channels: &[Channel], from: u64, to: u64) {
        let rows = self.markets.load();
        for channel in channels {
            if let Some(heard) = rows.get(&channel.symbol).and_then(|row| row.last_received(channel.kind)) {
                let _ = heard.connection.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Returns the number of the newest connection that has delivered a value of `channel`; 0 if none has.
    pub(super) fn received_on(&self, channel: &Channel) -> u64 {
        self.read_last_received(channel, |heard| heard.connection.load(Ordering::Acquire))
    }

    /// Returns when something of `channel` was last received, in [`FrameArrival::millis`]; 0 if nothing was.
    #[must_use]
    pub fn received_at_millis(&self, channel: &Channel) -> u64 {
        self.read_last_received(channel, |heard| heard.millis.load(Ordering::Relaxed))
    }

    fn read_last_received(&self, channel: &Channel, read: impl Fn(&LastReceived) -> u64) -> u64 {
        self.read(&channel.symbol, |row| row.last_received(channel.kind).map(&read)).unwrap_or(0)
    }

    /// Returns the latest ticker; `None` if it is not followed or none was received.
    #[must_use]
    pub fn ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.read(symbol, |row| row.ticker(symbol))
    }

    /// Returns the latest trade; `None` if trades are not followed or none was received.
    #[must_use]
    pub fn trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.read(symbol, |row| row.trade(symbol))
    }

    /// Returns the latest book, up to 30 levels a side; `None` if it is not followed or none was received.
    #[must_use]
    pub fn book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.read(symbol, |row| row.book(symbol))
    }

    /// Returns the latest price band; `None` if it is not followed or none was received.
    #[must_use]
    pub fn band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.read(symbol, |row| row.band(symbol))
    }

    /// Returns the last candle received; `None` if it is not followed or none was received.
    #[must_use]
    pub fn candle(&self, series: &Series) -> Option<Candle> {
        self.candle_and_received(series).map(|(candle, _)| candle)
    }

    fn candle_and_received(&self, series: &Series) -> Option<(Candle, Timestamp)> {
        self.read(&series.symbol, |row| row.candle(series.timeframe))
    }

    /// Returns the latest value of `channel` as an event.
    pub(super) fn event(&self, channel: &Channel) -> Option<FeedEvent> {
        let symbol = &channel.symbol;
        Some(match channel.kind {
            StreamKind::Ticker => FeedEvent::Ticker(self.ticker(symbol)?),
            StreamKind::Trade => FeedEvent::Trade(self.trade(symbol)?),
            StreamKind::Book => FeedEvent::Book(Arc::new(self.book(symbol)?)),
            StreamKind::Band => FeedEvent::Band(self.band(symbol)?),
            StreamKind::Candle(frame) => {
                let series = Series::new(symbol.clone(), frame);
                let (candle, received) = self.candle_and_received(&series)?;
                FeedEvent::Candle { series, candle, received }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use market_backbone_core::{Level, Timeframe, TradeId, VenueId};

    use super::*;

    fn symbol(code: &str) -> Symbol {
        Symbol::new(VenueId::new("upbit"), code).unwrap()
    }

    fn channel(code: &str, kind: StreamKind) -> Channel {
        Channel { symbol: symbol(code), kind }
    }

    fn trade(id: TradeId) -> FeedEvent {
        let (time, received) = (Timestamp::EPOCH, Timestamp::EPOCH);
        FeedEvent::Trade(Trade {
            symbol: symbol("KRW-BTC"),
            id,
            price: 1.0,
            size: 1.0,
            side: None,
            time,
            received,
        })
    }

    fn by(connection: u64) -> FrameArrival {
        FrameArrival { connection, millis: 1 }
    }

    #[test]
    fn only_what_is_followed_is_kept() {
        let cache = RealtimeCache::default();
        assert_eq!(cache.record(&trade(TradeId::Number(1)), by(1)), RecordOutcome::default());
        cache.follow(&[channel("KRW-BTC", StreamKind::Ticker)]);
        cache.record(&trade(TradeId::Number(1)), by(1));
        assert_eq!(cache.trade(&symbol("KRW-BTC")), None);
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        assert!(cache.record(&trade(TradeId::Number(1)), by(1)).first);
        assert!(cache.trade(&symbol("KRW-BTC")).is_some());
        cache.retain(|channel| channel.kind == StreamKind::Ticker);
        assert_eq!(cache.trade(&symbol("KRW-BTC")), None);
    }

    #[test]
    fn more_subscriptions_do_not_disturb_what_is_known() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        cache.record(&trade(TradeId::Number(1)), by(1));
        cache.follow(&[
            channel("KRW-BTC", StreamKind::Trade),
            channel("KRW-BTC", StreamKind::Candle(Timeframe::M1)),
        ]);
        assert!(cache.trade(&symbol("KRW-BTC")).is_some());
        assert_eq!(cache.received_on(&channel("KRW-BTC", StreamKind::Trade)), 1);
    }

    #[test]
    fn who_follows_all_markets_has_the_latest_of_each_and_no_trade_twice() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("*", StreamKind::Trade)]);
        let known = |id| cache.record(&trade(TradeId::Number(id)), by(1));
        assert_eq!(known(1), RecordOutcome { first: true, repeated: false });
        assert!(known(1).repeated && !known(2).repeated);
        assert_eq!(cache.trade(&symbol("KRW-BTC")).unwrap().id, TradeId::Number(2));
        assert_eq!(cache.received_on(&channel("KRW-BTC", StreamKind::Trade)), 1);
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        assert_eq!(cache.trade(&symbol("KRW-BTC")).unwrap().id, TradeId::Number(2));
        cache.retain(|_| false);
        assert_eq!(cache.trade(&symbol("KRW-BTC")), None);
        assert!(cache.lock_wildcard_markets().is_empty());
    }

    #[test]
    fn a_text_for_an_id_is_kept_too() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        for id in [TradeId::Text("abc".into()), TradeId::Number(4), TradeId::Text("def".into())] {
            cache.record(&trade(id.clone()), by(1));
            assert_eq!(cache.trade(&symbol("KRW-BTC")).unwrap().id, id);
        }
    }

    #[test]
    fn the_last_trade_sent_again_is_known_for_a_repeat() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        assert_eq!(
            cache.record(&trade(TradeId::Number(1)), by(1)),
            RecordOutcome { first: true, repeated: false }
        );
        assert_eq!(
            cache.record(&trade(TradeId::Number(1)), by(1)),
            RecordOutcome { first: false, repeated: true }
        );
        assert_eq!(
            cache.record(&trade(TradeId::Number(1)), by(2)),
            RecordOutcome { first: true, repeated: true }
        );
        assert_eq!(
            cache.record(&trade(TradeId::Number(2)), by(2)),
            RecordOutcome { first: false, repeated: false }
        );
    }

    #[test]
    fn a_book_is_read_whole_while_it_is_written() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Book)]);
        let book = |seed: u32| {
            let level = |at: u32| Level { price: f64::from(seed + at), size: f64::from(seed) };
            let (asks, bids) = ((0..seed % 31).map(level).collect(), (0..30).map(level).collect());
            let (total, time) = (Some(f64::from(seed)), Timestamp::from_secs(i64::from(seed)));
            let symbol = symbol("KRW-BTC");
            OrderBook {
                symbol,
                asks,
                bids,
                total_ask_size: total,
                total_bid_size: total,
                time,
                received: time,
            }
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reads = 0;
                while !done.load(Ordering::Relaxed) || reads == 0 {
                    if let Some(read) = cache.book(&symbol("KRW-BTC")) {
                        assert_eq!(read, book(u32::try_from(read.time.as_secs()).unwrap()));
                        reads += 1;
                    }
                }
            });
            for seed in 0..20_000 {
                cache.record(&FeedEvent::Book(Arc::new(book(seed))), by(1));
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
}
