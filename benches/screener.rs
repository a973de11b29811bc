//! The screener's read: the newest 200 of 300 markets in three timeframes, all of it known and in memory, in one call.
//!
//! `cargo bench -p market-backbone-benches --bench screener [-- MARKETS]`. Beside it, the same answers asked for one
//! after the other.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::sync::Arc;

use market_backbone::{
    Backbone, Candle, CandleStore, Coverage, ManualClock, Origin, Priority, Provenance, Series, Span,
    SqliteStore, Storage, StoreConfig, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
};
use tokio::time::Instant;

const FRAMES: [Timeframe; 3] = [Timeframe::M1, Timeframe::M5, Timeframe::H1];
const ROWS: u32 = 1_000;
const ASKED: usize = 200;
const ROUNDS: usize = 7;
/// 2026-08-06T10:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_786_010_400_000);

async fn fill(store: &SqliteStore, venue: VenueId, markets: &[String]) -> anyhow::Result<()> {
    for market in markets {
        for timeframe in FRAMES {
            let step = timeframe.typical();
            let candle = |number: u32| {
                let open_time = NOW.minus(step * (ROWS - number));
                let price = 1.0 + f64::from(number);
                let (high, low, volume) = (price + 1.0, price / 2.0, 0.5);
                Candle {
                    open_time,
                    open: price,
                    high,
                    low,
                    close: price,
                    volume,
                    turnover: price,
                    is_final: true,
                }
            };
            let candles: Vec<_> = (0..ROWS).map(candle).collect();
            let range = TimeRange::new(candles[0].open_time, NOW)?;
            let provenance = Provenance { origin: Origin::Rest, observed_at: NOW };
            let coverage: Coverage = [Span { range, provenance }].into_iter().collect();
            let series = Series::new(Symbol::new(venue, market)?, timeframe);
            store.commit(&series, &candles, &coverage).await?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let is_test = std::env::args().any(|arg| arg == "--test");
    let count: usize = asked.unwrap_or(if is_test { 3 } else { 300 });
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(StoreConfig::new(folder.path())).await?);
    let custom = Arc::clone(&store) as Arc<dyn CandleStore>;
    // Nothing answers there: nothing may be asked.
    let builder = Backbone::builder().upbit_at("http://127.0.0.1:9", "ws://127.0.0.1:9");
    let clock = Arc::new(ManualClock::new(NOW.plus(std::time::Duration::from_secs(30))));
    let backbone = builder.storage(Storage::Custom(custom)).clock(clock).build().await?;
    let markets: Vec<String> = (0..count).map(|number| format!("KRW-M{number}")).collect();
    fill(&store, backbone.venue(), &markets).await?;
    let client = backbone.client(Priority::High);

    let (mut at_once, mut one_by_one) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        let answers = client.candles_of(&markets, FRAMES).last(ASKED).closed().all().await;
        let took = begun.elapsed();
        for answer in answers {
            let candles = answer.candles?;
            anyhow::ensure!(candles.len() == ASKED && candles.stats.requests == 0, "{}", candles.series);
            anyhow::ensure!(round == 0 || candles.stats.disk_rows == 0, "{} from disk", candles.series);
        }
        let begun = Instant::now();
        for market in &markets {
            for timeframe in FRAMES {
                client.candles(market, timeframe).last(ASKED).closed().await?;
            }
        }
        if round > 0 {
            at_once.push(took);
            one_by_one.push(begun.elapsed());
        }
    }
    let median = |times: &mut Vec<std::time::Duration>| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64() * 1e3
    };
    println!(
        "newest {ASKED} of {count} markets x {} timeframes, warm: {:.2} ms in one call, {:.2} ms one after the other \
         (medians of {ROUNDS})",
        FRAMES.len(),
        median(&mut at_once),
        median(&mut one_by_one)
    );
    backbone.shutdown().await;
    Ok(())
}
