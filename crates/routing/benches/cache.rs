//! The time to read the latest value while a writer never rests: the promise is below 1 µs at the 99th
//! percentile.
//!
//! Beside the usual mean, each group prints the percentiles of single reads once, timer included.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use market_backbone_core::{
    Channel, FeedEvent, Level, OrderBook, StreamKind, Symbol, Ticker, Timestamp, VenueId,
};
use market_backbone_routing::{FrameArrival, RealtimeCache};

const MARKETS: u32 = 300;
const BATCH: u32 = 100;
const BY: FrameArrival = FrameArrival { connection: 1, millis: 1 };

fn symbol(number: u32) -> Symbol {
    Symbol::new(VenueId::new("bench"), &format!("KRW-{number}")).expect("a sound code")
}

fn ticker(number: u32) -> FeedEvent {
    let (price, time) = (f64::from(number), Timestamp::EPOCH);
    FeedEvent::Ticker(Ticker {
        symbol: symbol(number),
        price,
        open: price,
        high: price,
        low: price,
        previous_close: price,
        size: price,
        side: None,
        day_volume: price,
        day_turnover: price,
        volume_24h: price,
        turnover_24h: price,
        trade_time: time,
        time,
        received: time,
    })
}

fn book(number: u32) -> FeedEvent {
    let side: Vec<_> = (0..30).map(|at| Level { price: f64::from(number + at), size: 1.0 }).collect();
    let (symbol, time) = (symbol(number), Timestamp::EPOCH);
    let (asks, bids, total_ask_size, total_bid_size) = (side.clone(), side, Some(30.0), Some(30.0));
    let book = OrderBook { symbol, asks, bids, total_ask_size, total_bid_size, time, received: time };
    FeedEvent::Book(Arc::new(book))
}

/// Writes `events` over and over while `read` runs; `read` gets the number of events written so far.
fn under_fire(cache: &RealtimeCache, events: &[FeedEvent], read: impl FnOnce(&AtomicU64)) {
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for event in events {
                    black_box(cache.record(event, BY));
                    written.store(written.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
            }
        });
        read(&written);
        done.store(true, Ordering::Relaxed);
    });
}

/// Prints the time of a read in batches so short that a busy machine seldom interrupts one, and how much was written
/// meanwhile. Batches in which the writer stood still do not count.
///
/// Criterion's mean counts every interruption; on a machine where others build, these are the figures to compare.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures with the machine's own clock")]
#[expect(clippy::print_stdout, reason = "what a benchmark finds is printed")]
fn batches(name: &str, written: &AtomicU64, mut read: impl FnMut()) {
    let mut found: Vec<_> = (0..60_000)
        .filter_map(|_| {
            let (before, started) = (written.load(Ordering::Relaxed), std::time::Instant::now());
            (0..BATCH).for_each(|_| read());
            let (nanos, events) = (started.elapsed().as_nanos(), written.load(Ordering::Relaxed) - before);
            (events >= u64::from(BATCH / 4)).then_some((nanos, events))
        })
        .collect();
    found.sort_unstable();
    let Some((nanos, events)) = found.get(found.len() / 2) else { return };
    let (fast, _) = found[found.len() / 10];
    let each = |nanos: u128| nanos as f64 / f64::from(BATCH);
    println!(
        "{name}: {} batches of {BATCH} reads: p10 {:.1} ns a read, median {:.1} ns and {events} events written",
        found.len(),
        each(fast),
        each(*nanos)
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures with the machine's own clock")]
#[expect(clippy::print_stdout, reason = "what a benchmark finds is printed")]
fn percentiles(name: &str, mut read: impl FnMut()) {
    let mut nanos: Vec<_> = (0..1_000_000)
        .map(|_| {
            let started = std::time::Instant::now();
            read();
            started.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    let at = |share: usize| nanos[nanos.len() * share / 1_000];
    println!("{name}: single reads p50 {} ns, p99 {} ns, p99.9 {} ns", at(500), at(990), at(999));
}

fn cache(criterion: &mut Criterion) {
    let cache = RealtimeCache::default();
    let symbols: Vec<_> = (0..MARKETS).map(symbol).collect();
    for kind in [StreamKind::Ticker, StreamKind::Book] {
        let channels: Vec<_> =
            symbols.iter().map(|symbol| Channel { symbol: symbol.clone(), kind }).collect();
        cache.follow(&channels);
    }
    let tickers: Vec<_> = (0..MARKETS).map(ticker).collect();
    let books: Vec<_> = (0..MARKETS).map(book).collect();
    let mut next = symbols.iter().cycle();
    let mut any = || next.next().expect("never ends");

    criterion.bench_function("write a ticker", |bencher| bencher.iter(|| cache.record(&tickers[0], BY)));
    criterion
        .bench_function("write a book of 30 levels", |bencher| bencher.iter(|| cache.record(&books[0], BY)));
    under_fire(&cache, &tickers, |written| {
        criterion
            .bench_function("ticker under fire", |bencher| bencher.iter(|| black_box(cache.ticker(any()))));
        batches("ticker under fire", written, || drop(black_box(cache.ticker(any()))));
        percentiles("ticker under fire", || drop(black_box(cache.ticker(any()))));
    });
    under_fire(&cache, &books, |written| {
        criterion.bench_function("book under fire", |bencher| bencher.iter(|| black_box(cache.book(any()))));
        batches("book under fire", written, || drop(black_box(cache.book(any()))));
        percentiles("book under fire", || drop(black_box(cache.book(any()))));
    });
}

criterion_group!(benches, cache);
criterion_main!(benches);
