//! How near to the floor of the venue's limit a fetch comes: `cargo bench -p market-backbone-benches --bench pace`.
//!
//! With 10 requests in any second, n requests at once cannot be sent in less than (n - 10) / 10 seconds rounded up to
//! whole windows. What is measured is the wall time of the fetch, and what the venue counted. `ROUNDS=1` plays each
//! network once, and not five times.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

mod four_networks;
mod naive;
mod remote_emulator;

use futures::future::join_all;
use market_backbone::{Backbone, Priority, Timeframe};
use market_backbone_emulator::{Emulator, Faults, RunningEmulator, Scenario};
use tokio::time::Instant;

const LATENCY_MS: u64 = 40;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if std::env::args().any(|arg| arg == "--test") {
        return Ok(()); // `cargo test --benches` asks whether it starts
    }
    if remote_emulator::run_if_asked().await? {
        return Ok(());
    }
    #[expect(clippy::disallowed_methods, reason = "how thorough a bench is to be is said from outside")]
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    four_networks::compare(rounds).await?;
    mixed_calls().await
}

async fn house() -> anyhow::Result<(RunningEmulator, Backbone)> {
    let faults = Faults { latency_ms: LATENCY_MS, ..Faults::default() };
    let venue = Emulator::start(Scenario { faults, ..Scenario::default() }).await?;
    let builder = Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url()).in_memory();
    Ok((venue, builder.build().await?))
}

/// 50 candle calls and 50 trade calls at once: two budgets that do not touch each other.
async fn mixed_calls() -> anyhow::Result<()> {
    let (venue, backbone) = house().await?;
    let client = backbone.client(Priority::Normal);
    let markets: Vec<String> = client
        .markets()
        .await?
        .into_iter()
        .filter(|market| market.quote == "KRW")
        .map(|m| m.symbol.to_string())
        .collect();
    let started = Instant::now();
    let candles = join_all(markets.iter().take(50).map(|market| {
        let client = client.clone();
        async move { client.candles(market, Timeframe::M1).last(200).await.map(drop) }
    }));
    let trades = join_all(markets.iter().take(50).map(|market| {
        let client = client.clone();
        async move { client.trades(market, 200).await.map(drop) }
    }));
    let (candles, trades) = tokio::join!(candles, trades);
    let seconds = started.elapsed().as_secs_f64();
    candles.into_iter().chain(trades).collect::<Result<Vec<_>, _>>()?;
    let report = venue.report();
    let (candles, trades) = (report.group("candles"), report.group("crix-trades"));
    println!(
        "{} candle and {} trade calls: {seconds:.2} s, floor {:.1} s, {} rejected, worst second {}",
        candles.asked,
        trades.asked,
        floor(candles.asked.max(trades.asked)),
        report.rejected(),
        candles.worst.max(trades.worst)
    );
    backbone.shutdown().await;
    venue.stop().await;
    Ok(())
}

/// The least time in which so many requests can be sent at 10 in any second.
fn floor(requests: u64) -> f64 {
    requests.saturating_sub(1).div_euclid(10) as f64
}
