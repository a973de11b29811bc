//! A backtester of shares: LOW. A year of days of a few shares, in today's shares, and what a split did to them.
//!
//! `cargo run --release -p market-backbone-examples --example shares [-- --live]`; live it takes the key from
//! `MASSIVE_API_KEY`.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use market_backbone::{Backbone, CandleSet, Client, MassivePlan, Priority, Timeframe};
use market_backbone_emulator::{
    Emulator, ExchangeHours, RunningEmulator, Scenario, StocksScenario, TickerSet,
};

const SHARES: [&str; 3] = ["AAPL", "NVDA", "SPY"];
const DAYS: usize = 250;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (backbone, emulator) = open().await?;
    let backtester = backbone.client(Priority::Low);
    for share in SHARES {
        study(&backtester, share).await?;
    }
    let spent = backbone.metrics().router.requests;
    println!("{spent} requests; asked again:");
    for share in SHARES {
        study(&backtester, share).await?;
    }
    println!("{} more", backbone.metrics().router.requests - spent);
    backbone.shutdown().await;
    if let Some(emulator) = emulator {
        emulator.stop().await;
    }
    Ok(())
}

/// On the emulator, or with `--live` on Massive, keeping candles in `market-data/`.
async fn open() -> anyhow::Result<(Backbone, Option<RunningEmulator>)> {
    if std::env::args().any(|arg| arg == "--live") {
        let key = std::env::var_os("MASSIVE_API_KEY").and_then(|key| key.into_string().ok());
        let key =
            key.ok_or_else(|| anyhow::anyhow!("put your key into the environment as MASSIVE_API_KEY"))?;
        return Ok((Backbone::builder().massive(key, MassivePlan::Advanced).build().await?, None));
    }
    let massive = StocksScenario {
        hours: ExchangeHours::Always,
        tickers: TickerSet::Standard(50),
        ..StocksScenario::default()
    };
    let emulator = Emulator::start(Scenario { massive, ..Scenario::default() }).await?;
    let (rest, socket) = (emulator.rest_url(), emulator.stocks_ws_url());
    let builder = Backbone::builder().massive_at("test-key", MassivePlan::Advanced, &rest, &socket);
    Ok((builder.in_memory().build().await?, Some(emulator)))
}

async fn study(backtester: &Client, share: &str) -> anyhow::Result<()> {
    let ask = || backtester.candles(share, Timeframe::D1).last(DAYS).closed();
    let (traded, adjusted) = (ask().await?, ask().adjusted().await?);
    let (as_traded, in_todays_shares) = (gain(&traded), gain(&adjusted));
    println!(
        "{share:<5} {:>3} days since {}: {as_traded:+.1} % as traded, {in_todays_shares:+.1} % in today's shares",
        adjusted.candles.len(),
        adjusted.candles.first().map_or_else(String::new, |first| first.open_time.to_string()),
    );
    Ok(())
}

/// From the first close to the last, in percent.
fn gain(set: &CandleSet) -> f64 {
    let ends = set.candles.first().zip(set.candles.last());
    ends.map_or(0.0, |(first, last)| (last.close / first.close - 1.0) * 100.0)
}
