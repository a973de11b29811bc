//! How fast frames become events: one core, one frame at a time, from bytes as they come off the socket.
//!
//! The frames are written by hand in the shape and size of real ones.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use market_backbone_core::{FeedEvent, Symbol, SymbolTable, Timestamp, Venue};
use market_backbone_upbit::{UPBIT, Upbit};

const FRAMES: usize = 1_000;
const CODES: [&str; 8] =
    ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE", "KRW-ADA", "KRW-1INCH", "BTC-ETH"];

fn trade(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let (price, size) = (91_361_000 + n * 1_000, 46_488_371 + n * 7);
    format!(
        r#"{{"ty":"trade","cd":"{code}","tms":1778570215107,"td":"2026-05-12","ttm":"07:16:55","ttms":1778570215021,"tp":{price}.0,"tv":0.{size:08},"ab":"BID","pcp":90012000.00000000,"c":"RISE","cp":1349000.00000000,"sid":17785702150210{n:03},"bap":91370000,"bas":0.15203441,"bbp":91361000,"bbs":0.07720000,"st":"REALTIME"}}"#
    )
}

fn ticker(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let price = 91_361_000 + n * 1_000;
    format!(
        r#"{{"ty":"ticker","cd":"{code}","op":90012000.0,"hp":91800000.0,"lp":89654000.0,"tp":{price}.0,"pcp":90012000.0,"atp":100515242207.58107,"c":"RISE","cp":1349000.0,"scp":1349000.0,"cr":0.0149869,"scr":0.0149869,"ab":"ASK","tv":0.0{n:07},"atv":1108.48123881,"tdt":"20260512","ttm":"071655","ttms":1778570215021,"aav":520.35261102,"abv":588.12862779,"h52wp":166348000.0,"h52wdt":"2025-10-09","l52wp":81740000.0,"l52wdt":"2026-02-06","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE","tms":1778570215064,"atp24h":228827082483.70729,"atv24h":2532.88231706,"st":"REALTIME"}}"#
    )
}

fn book(n: usize) -> String {
    let code = CODES[n % CODES.len()];
    let mut units = String::new();
    for level in 0..15 {
        let comma = if level == 0 { "" } else { "," };
        let (ask, bid) = (128 + level, 127 - level);
        let (offered, wanted) = (28_046_037_885_666 + n + level, 68_868_244_561_413 - n - level);
        write!(
            units,
            r#"{comma}{{"ap":{ask}.0,"bp":{bid}.0,"as":{}.{:08},"bs":{}.{:08}}}"#,
            offered / 100_000_000,
            offered % 100_000_000,
            wanted / 100_000_000,
            wanted % 100_000_000
        )
        .expect("a String takes any text");
    }
    format!(
        r#"{{"ty":"orderbook","cd":"{code}","tms":1778570215100,"tas":25752275.55420627,"tbs":14407925.20098682,"obu":[{units}],"st":"REALTIME","lv":0}}"#
    )
}

fn decode(c: &mut Criterion) {
    let symbols: SymbolTable =
        CODES.into_iter().map(|code| Symbol::new(UPBIT, code).expect("the codes above are sound")).collect();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, write) in [("trade", trade as fn(usize) -> String), ("ticker", ticker), ("book15", book)] {
        let frames: Vec<Vec<u8>> = (0..FRAMES).map(|n| write(n).into_bytes()).collect();
        let bytes = frames.iter().map(Vec::len).sum::<usize>() / FRAMES;
        group.bench_function(format!("{name}_simple_{bytes}B"), |b| {
            let venue = Upbit::new();
            let mut events: Vec<FeedEvent> = Vec::with_capacity(4);
            b.iter(|| {
                for frame in &frames {
                    events.clear();
                    let outcome =
                        venue.decode_frame(black_box(frame), Timestamp::EPOCH, &symbols, &mut events);
                    assert!(outcome.is_ok() && events.len() == 1);
                    black_box(&events);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
