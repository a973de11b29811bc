//! How fast Massive's frames become events: `cargo bench -p market-backbone-benches --bench massive`. One core, one frame at a time, from bytes as they come off the socket.
//!
//! The events are written by hand in the shape and size of real ones; a frame holds as many as the venue batches.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use market_backbone_core::{FeedEvent, Secret, Symbol, SymbolTable, Timestamp, Venue};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};

const FRAMES: usize = 100;
const EVENTS: usize = 50;
const CODES: [&str; 8] = ["AAPL", "MSFT", "SPY", "TSLA", "NVDA", "AMD", "BRK.B", "KIMpL"];

fn trade(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let (cents, size) = (17_155 + n % 999, 1 + n % 500);
    format!(
        r#"{{"ev":"T","sym":"{code}","x":4,"i":"{}","z":3,"p":{}.{:02},"s":{size},"ds":"{size}.0","c":[14,37,41],"t":{},"q":{}}}"#,
        52_983_525_029_461_usize + n,
        cents / 100,
        cents % 100,
        1_536_036_818_784_usize + n,
        3_681_328 + n
    )
}

fn bar(n: usize, name: &str, millis: usize) -> String {
    let code = CODES[n % CODES.len()];
    let cents = 17_155 + n % 999;
    format!(
        r#"{{"ev":"{name}","sym":"{code}","v":{volume},"dv":"{volume}.0","av":{total},"dav":"{total}.0","op":171.4400,"vw":{price}.{cents:02},"o":{price}.{cents:02},"c":{price}.{cents:02},"h":{price}.{cents:02},"l":{price}.{cents:02},"a":171.6213,"z":{n}.5,"s":{start},"e":{end}}}"#,
        price = cents / 100,
        cents = cents % 100,
        volume = 4_110 + n,
        total = 9_470_157 + n,
        start = 1_610_144_640_000_usize + millis * n,
        end = 1_610_144_640_000_usize + millis * (n + 1),
    )
}

fn second(n: usize) -> String {
    bar(n, "A", 1_000)
}

fn minute(n: usize) -> String {
    bar(n, "AM", 60_000)
}

fn quote(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let cents = n % 99;
    format!(
        r#"{{"ev":"Q","sym":"{code}","bx":4,"bp":114.{cents:02},"bs":100,"ax":7,"ap":115.{cents:02},"as":160,"c":0,"i":[604],"t":{},"q":{},"z":3}}"#,
        1_536_036_818_784_usize + n,
        50_385_480 + n
    )
}

/// Writes the event with a number.
type Write = fn(usize) -> String;

fn decode(c: &mut Criterion) {
    let symbols: SymbolTable = CODES
        .into_iter()
        .map(|code| Symbol::new(MASSIVE, code).expect("the codes above are sound"))
        .collect();
    let everything: SymbolTable = [Symbol::any(MASSIVE)].into_iter().collect();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements((FRAMES * EVENTS) as u64));
    let kinds: [(&str, Write, &SymbolTable); 5] = [
        ("trade", trade, &symbols),
        ("trade_of_all", trade, &everything),
        ("second", second, &symbols),
        ("minute", minute, &symbols),
        ("quote", quote, &symbols),
    ];
    for (name, write, symbols) in kinds {
        let frame = |n: usize| {
            let events: Vec<_> = (n * EVENTS..(n + 1) * EVENTS).map(write).collect();
            format!("[{}]", events.join(",")).into_bytes()
        };
        let frames: Vec<Vec<u8>> = (0..FRAMES).map(frame).collect();
        let bytes = frames.iter().map(Vec::len).sum::<usize>() / FRAMES / EVENTS;
        group.bench_function(format!("{name}_{bytes}B"), |b| {
            let mut decoder = Massive::new(Secret::new("key"), MassivePlan::Advanced).decoder();
            let mut events: Vec<FeedEvent> = Vec::with_capacity(EVENTS);
            b.iter(|| {
                for frame in &frames {
                    events.clear();
                    let outcome = decoder.decode(black_box(frame), Timestamp::EPOCH, symbols, &mut events);
                    assert!(outcome.is_ok() && events.len() == EVENTS);
                    black_box(&events);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
