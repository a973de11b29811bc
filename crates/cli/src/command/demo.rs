//! `market-backbone demo`: the main job on one screen: emulator and backbone in one process, no key, no network.

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use market_backbone::{Backbone, Client, FeedEvent, Priority, StreamKind, Timeframe};
use market_backbone_emulator::{Emulator, Scenario};

use super::ticker;
use crate::args::Demo;
use crate::output::{Output, is_terminal};
use crate::row;

const WATCHED: [&str; 4] = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"];
const HISTORY: usize = 1_000;

pub(crate) async fn run(args: Demo) -> anyhow::Result<()> {
    let venue = Emulator::start(Scenario { seed: args.seed, ..Scenario::default() })
        .await
        .context("cannot start the emulator")?;
    let backbone =
        Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url()).in_memory().build().await?;
    let length = args.length.or_else(|| (!is_terminal()).then_some(Duration::from_secs(10)));
    let outcome = show(&backbone, length).await;
    backbone.shutdown().await;
    venue.stop().await;
    outcome
}

async fn show(backbone: &Backbone, length: Option<Duration>) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    output.line(
        "An Upbit look-alike runs in this process; the backbone knows nothing of it but its address.",
    )?;
    history(&backbone.client(Priority::Normal), backbone, &mut output).await?;
    let bot = backbone.client(Priority::Critical);
    let started = tokio::time::Instant::now();
    let tickers = bot.tickers(WATCHED).await?;
    output
        .line(&format!("\nLatest prices, asked once ({:.1} ms):", started.elapsed().as_secs_f64() * 1e3))?;
    output.line(&ticker::table(&tickers).to_string())?;
    output.line("\nLive, over one socket (Ctrl-C ends it):")?;
    output.flush()?;
    tokio::select! {
        outcome = live(&bot, &mut output) => outcome?,
        () = tokio::time::sleep(length.unwrap_or(Duration::MAX)) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    let spent = backbone.metrics().router;
    output.line(&format!(
        "\n{} requests in all, {} of them refused for haste.",
        spent.requests,
        spent.limiter.throttled()
    ))?;
    output.finish()
}

/// The same thousand candles twice: from the venue, then from what is known.
async fn history(chart: &Client, backbone: &Backbone, output: &mut Output) -> anyhow::Result<()> {
    for (asked, what) in [("first", "from the venue"), ("again", "from memory")] {
        let before = backbone.metrics().router.requests;
        let started = tokio::time::Instant::now();
        let set = chart.candles(WATCHED[0], Timeframe::M1).count(HISTORY).closed().await?;
        let elapsed = started.elapsed().as_secs_f64() * 1e3;
        let requests = backbone.metrics().router.requests - before;
        let Some((oldest, newest)) = set.candles.first().zip(set.candles.last()) else {
            anyhow::bail!("the emulator has no candles of {}", WATCHED[0]);
        };
        output.line(&format!(
            "{HISTORY} one-minute candles of {}, {asked}: {requests} requests, {elapsed:.1} ms, {what} ({} to {})",
            WATCHED[0], oldest.open_time, newest.open_time
        ))?;
        output.flush()?;
    }
    Ok(())
}

async fn live(bot: &Client, output: &mut Output) -> anyhow::Result<()> {
    let kinds = [StreamKind::Trade, StreamKind::Candle(Timeframe::M1)];
    let mut events = bot.subscribe(WATCHED, kinds).await?;
    while let Some(event) = events.next().await {
        // Candles repeat every second: the trades tell the same story with less noise.
        if !matches!(event, FeedEvent::Candle { .. }) {
            output.line(&row::event_text(&event))?;
            output.flush()?;
        }
    }
    anyhow::bail!("the live feed ended by itself")
}
