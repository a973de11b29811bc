//! The latest of everything that is followed, read in well under a microsecond while the feed goes on.
//!
//! A reader loads the table of markets (a pointer that is swapped when the set of channels changes, never when a
//! value does), hashes a short code and copies a few words: no lock, no wait for the writer, no torn value.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use market_backbone_core::{
    Candle, Channel, FeedEvent, OrderBook, Series, StreamKind, Symbol, Ticker, Timestamp, Trade,
};
use rustc_hash::FxHashMap;

use super::row::Row;

type Rows = FxHashMap<Symbol, Arc<Row>>;

/// What the cache made of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Whether it is the first of its channel on this connection.
    pub first: bool,
    /// Whether it is a trade that is the latest one already: venues send the last print again whenever the set of
    /// subscriptions changes.
    pub repeated: bool,
}

/// The latest value of each channel that is followed.
#[derive(Debug, Default)]
pub struct RealtimeCache {
    rows: ArcSwap<Rows>,
}

impl RealtimeCache {
    /// Makes room for the values of `channels`; those that are there stay.
    pub fn follow(&self, channels: &[Channel]) {
        self.rows.rcu(|rows| {
            let mut next = Rows::clone(rows);
            for channel in channels {
                Arc::make_mut(next.entry(channel.symbol.clone()).or_default()).add(channel.kind);
            }
            next
        });
    }

    /// Lets go of the channels that are no longer `wanted`.
    pub fn retain(&self, wanted: impl Fn(&Channel) -> bool) {
        self.rows.rcu(|rows| {
            let mut next = Rows::clone(rows);
            next.retain(|symbol, row| {
                let keep = |kind| wanted(&Channel { symbol: symbol.clone(), kind });
                Arc::make_mut(row).retain(keep);
                !row.is_empty()
            });
            next
        });
    }

    /// Keeps `event` if its channel is followed; `connection` (counted from 1) is the one that brought it.
    pub fn record(&self, event: &FeedEvent, connection: u64) -> Recorded {
        let Some((symbol, kind)) = event.channel() else { return Recorded::default() };
        let rows = self.rows.load();
        let Some(row) = rows.get(symbol) else { return Recorded::default() };
        let Some(heard_in) = row.heard_in(kind) else { return Recorded::default() };
        let repeated = row.is_repeated(event);
        if !repeated {
            row.write(event);
        }
        // The value first: whoever sees that the channel was heard finds it.
        let first = heard_in.load(Ordering::Relaxed) != connection;
        if first {
            heard_in.store(connection, Ordering::Release);
        }
        Recorded { first, repeated }
    }

    /// Forgets that `channels` were heard on this `connection`, not what was heard: they are asked for anew.
    pub(super) fn ask_again(&self, channels: &[Channel], connection: u64) {
        let rows = self.rows.load();
        for channel in channels {
            if let Some(heard_in) = rows.get(&channel.symbol).and_then(|row| row.heard_in(channel.kind)) {
                // Anything else was heard earlier, and no longer counts anyway.
                let _ = heard_in.compare_exchange(connection, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// The connection that last brought a value of `channel`; 0 if none has.
    pub(super) fn heard_in(&self, channel: &Channel) -> u64 {
        let rows = self.rows.load();
        let heard = rows.get(&channel.symbol).and_then(|row| row.heard_in(channel.kind));
        heard.map_or(0, |heard| heard.load(Ordering::Acquire))
    }

    /// The latest ticker; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.rows.load().get(symbol)?.ticker(symbol)
    }

    /// The latest trade; `None` if trades are not followed or nothing was heard.
    #[must_use]
    pub fn trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.rows.load().get(symbol)?.trade(symbol)
    }

    /// The latest book, up to 30 levels a side; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.rows.load().get(symbol)?.book(symbol)
    }

    /// The candle heard of last; `None` if it is not followed or nothing was heard.
    #[must_use]
    pub fn candle(&self, series: &Series) -> Option<Candle> {
        self.candle_heard(series).map(|(candle, _)| candle)
    }

    fn candle_heard(&self, series: &Series) -> Option<(Candle, Timestamp)> {
        self.rows.load().get(&series.symbol)?.candle(series.timeframe)
    }

    /// The latest value of `channel` as an event.
    pub(super) fn event(&self, channel: &Channel) -> Option<FeedEvent> {
        let symbol = &channel.symbol;
        Some(match channel.kind {
            StreamKind::Ticker => FeedEvent::Ticker(self.ticker(symbol)?),
            StreamKind::Trade => FeedEvent::Trade(self.trade(symbol)?),
            StreamKind::Book => FeedEvent::Book(Arc::new(self.book(symbol)?)),
            StreamKind::Candle(frame) => {
                let series = Series::new(symbol.clone(), frame);
                let (candle, received) = self.candle_heard(&series)?;
                FeedEvent::Candle { series, candle, received }
            }
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

    #[test]
    fn only_what_is_followed_is_kept() {
        let cache = RealtimeCache::default();
        assert_eq!(cache.record(&trade(TradeId::Number(1)), 1), Recorded::default());
        cache.follow(&[channel("KRW-BTC", StreamKind::Ticker)]);
        cache.record(&trade(TradeId::Number(1)), 1);
        assert_eq!(cache.trade(&symbol("KRW-BTC")), None);
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        assert!(cache.record(&trade(TradeId::Number(1)), 1).first);
        assert!(cache.trade(&symbol("KRW-BTC")).is_some());
        cache.retain(|channel| channel.kind == StreamKind::Ticker);
        assert_eq!(cache.trade(&symbol("KRW-BTC")), None);
    }

    #[test]
    fn more_wishes_do_not_disturb_what_is_known() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        cache.record(&trade(TradeId::Number(1)), 1);
        cache.follow(&[
            channel("KRW-BTC", StreamKind::Trade),
            channel("KRW-BTC", StreamKind::Candle(Timeframe::M1)),
        ]);
        assert!(cache.trade(&symbol("KRW-BTC")).is_some());
        assert_eq!(cache.heard_in(&channel("KRW-BTC", StreamKind::Trade)), 1);
    }

    #[test]
    fn a_text_for_an_id_is_kept_too() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        for id in [TradeId::Text("abc".into()), TradeId::Number(4), TradeId::Text("def".into())] {
            cache.record(&trade(id.clone()), 1);
            assert_eq!(cache.trade(&symbol("KRW-BTC")).unwrap().id, id);
        }
    }

    #[test]
    fn the_last_print_sent_again_is_known_for_a_repeat() {
        let cache = RealtimeCache::default();
        cache.follow(&[channel("KRW-BTC", StreamKind::Trade)]);
        assert_eq!(cache.record(&trade(TradeId::Number(1)), 1), Recorded { first: true, repeated: false });
        assert_eq!(cache.record(&trade(TradeId::Number(1)), 1), Recorded { first: false, repeated: true });
        assert_eq!(cache.record(&trade(TradeId::Number(1)), 2), Recorded { first: true, repeated: true });
        assert_eq!(cache.record(&trade(TradeId::Number(2)), 2), Recorded { first: false, repeated: false });
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
                cache.record(&FeedEvent::Book(Arc::new(book(seed))), 1);
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
}
