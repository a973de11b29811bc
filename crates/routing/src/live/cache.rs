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
#[cfg(test)]
mod tests;
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
