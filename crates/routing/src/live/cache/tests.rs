//! Tests of what the cache keeps, for whom, and what a reader sees while it is written.

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
        OrderBook { symbol, asks, bids, total_ask_size: total, total_bid_size: total, time, received: time }
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
