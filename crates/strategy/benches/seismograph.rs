//! Trades per second through all scores, and allocations per trade, for 500 markets on one core.
//!
//! Every trade brings ignition, checks against traps, zenV and zenP, the session's average price and the rank up to date,
//! beside a loop that only looks the market up. `TICKS=20000000` runs longer.

#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures with the machine's own clock, and is told how long to run"
)]
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use market_backbone_core::{
    Candle, FeedEvent, Side, Symbol, SymbolTable, Timestamp, Trade, TradeId, VenueId,
};
use market_backbone_strategy::seismograph::{Seismograph, SeismographProfile, SessionPlan};

const MARKETS: usize = 500;
const VENUE: VenueId = VenueId::new("bench");
/// The trades that are made beforehand and repeated with later times.
const CYCLE: usize = 200_000;

fn main() {
    let ticks: usize = std::env::var("TICKS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000_000);
    let symbols: Vec<Symbol> = (0..MARKETS).map(|number| symbol(&format!("KRW-M{number}"))).collect();
    let table: SymbolTable = symbols.iter().cloned().collect();
    let symbols: Vec<Symbol> =
        symbols.iter().filter_map(|symbol| table.get(symbol.code()).cloned()).collect();
    let mut seismograph = Seismograph::new(SeismographProfile::default(), SessionPlan::RoundTheClock);
    for symbol in &symbols {
        seismograph.load_days(symbol, &days(), None);
    }
    let mut trades = trades(&symbols);
    // A second of event time holds 2,000 trades: four for each market.
    let step = Duration::from_micros(500);
    let mut time = Timestamp::from_secs(61 * 86_400);
    let mut feed = |count: usize, each: &mut dyn FnMut(&FeedEvent)| {
        for number in 0..count {
            let event = &mut trades[number % CYCLE];
            if let FeedEvent::Trade(trade) = event {
                time += step;
                trade.time = time;
            }
            each(event);
        }
    };
    // Ten minutes fill every window.
    feed(1_200_000, &mut |event| {
        black_box(seismograph.on_event(event));
    });
    let bare = timed(|| {
        feed(ticks, &mut |event| {
            black_box(event.symbol());
        })
    });
    let mut sum = 0.0;
    let mut scored = Duration::ZERO;
    let allocations = allocation_counter::measure(|| {
        scored = timed(|| {
            feed(ticks, &mut |event| {
                sum += seismograph.on_event(event).map_or(0.0, |reading| reading.ignition.score);
            })
        });
    });
    let rate = |time: Duration| ticks as f64 / time.as_secs_f64();
    println!("| {MARKETS} markets, one core | trades/s | ns a trade | allocations a trade |");
    println!("| --- | --- | --- | --- |");
    println!("| events alone | {:.0} | {:.0} | |", rate(bare), 1e9 / rate(bare));
    let each = allocations.count_total as f64 / ticks as f64;
    println!("| all scores | {:.0} | {:.0} | {each} |", rate(scored), 1e9 / rate(scored));
    println!(
        "mean ignition {:.3}; {} trades; goal: 1,000,000 trades/s and 0 allocations",
        sum / ticks as f64,
        ticks
    );
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn symbol(code: &str) -> Symbol {
    Symbol::new(VENUE, code).expect("a made-up code of letters and digits")
}

fn days() -> Vec<Candle> {
    let day = |number: i64| {
        let close = 100.0 + (number * 7 % 5) as f64;
        let open_time = Timestamp::from_secs(number * 86_400);
        let (open, high, low, volume) =
            (close - 0.5, close + 1.0, close - 1.0, 1e5 + (number * 13 % 7) as f64 * 1e4);
        Candle { open_time, open, high, low, close, volume, turnover: volume * close, is_final: true }
    };
    (0..61).map(day).collect()
}

fn trades(symbols: &[Symbol]) -> Vec<FeedEvent> {
    let mut random = 1_u64;
    let mut dice = move |sides: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % sides
    };
    let one = |number: usize| {
        let symbol = symbols[dice(MARKETS as u64) as usize].clone();
        let price = 100.0 + dice(200) as f64 / 100.0;
        let size = 1.0 + dice(1_000) as f64 / 100.0;
        let side = [Some(Side::Buy), Some(Side::Sell), None][dice(3) as usize];
        let (time, id) = (Timestamp::EPOCH, TradeId::Number(number as i64));
        FeedEvent::Trade(Trade { symbol, id, price, size, side, time, received: time })
    };
    (0..CYCLE).map(one).collect()
}
