//! `market-backbone demo`: the main features on one screen: emulator and backbone in one process, no key, no
//! network.

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use market_backbone::{
    Backbone, CandleRequest, Client, Clock, FeedEvent, MassivePlan, Priority, StreamKind, SystemClock,
    Timeframe,
};
use market_backbone_emulator::{Emulator, ExchangeHours, Scenario, StocksScenario, TickerSet};

use super::{ticker, unless_stopped};
use crate::args::{DemoArgs, VenueArg};
use crate::output::{Output, is_terminal};
use crate::row;
use crate::stop::{self, Stopped};

const HISTORY_CANDLES: usize = 1_000;
/// The age of a share's bar at which late trades no longer change it, with a margin.
const STOCK_FINALITY_DELAY: Duration = Duration::from_secs(1_800);

/// The script of the demo for a venue.
#[derive(Clone, Copy)]
struct DemoScript {
    intro: &'static str,
    markets: [&'static str; 4],
    /// The time after its end in which a candle may still change.
    finality_delay: Duration,
}

impl DemoScript {
    const fn of(venue: VenueArg) -> Self {
        match venue {
            VenueArg::Upbit => Self {
                intro: "An Upbit look-alike runs in this process; the backbone knows nothing of it but its address.",
                markets: ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"],
                finality_delay: Duration::ZERO,
            },
            VenueArg::Massive => Self {
                intro: "A Massive look-alike runs in this process, open around the clock; the backbone knows nothing \
                          of it but its address and a key.",
                markets: ["AAPL", "MSFT", "NVDA", "SPY"],
                finality_delay: STOCK_FINALITY_DELAY,
            },
        }
    }
}

pub(crate) async fn run(args: DemoArgs, name: VenueArg) -> anyhow::Result<()> {
    let massive = StocksScenario {
        hours: ExchangeHours::Always,
        tickers: TickerSet::Standard(300),
        ..StocksScenario::default()
    };
    let venue = Emulator::start(Scenario { seed: args.seed, massive, ..Scenario::default() })
        .await
        .context("cannot start the emulator")?;
    let (builder, rest) = (Backbone::builder().in_memory(), venue.rest_url());
    let builder = match name {
        VenueArg::Upbit => builder.upbit_at(&rest, &venue.ws_url()),
        VenueArg::Massive => {
            builder.massive_at("test-key", MassivePlan::Advanced, &rest, &venue.stocks_ws_url())
        }
    };
    let backbone = builder.build().await?;
    let length = args.length.or_else(|| (!is_terminal()).then_some(Duration::from_secs(10)));
    let outcome = show(&backbone, DemoScript::of(name), length).await;
    backbone.shutdown().await;
    venue.stop().await;
    outcome
}

async fn show(backbone: &Backbone, bill: DemoScript, length: Option<Duration>) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    let shown = unless_stopped(run_script(backbone, bill, length, &mut output)).await;
    match shown {
        Err(error) if error.is::<Stopped>() => {}
        ended => return ended,
    }
    let spent = backbone.metrics().router;
    output.line(&format!(
        "\n{} requests in all, {} of them refused for haste.",
        spent.requests,
        spent.limiter.throttled()
    ))?;
    output.finish()
}

/// Runs until it is stopped.
async fn run_script(
    backbone: &Backbone,
    bill: DemoScript,
    length: Option<Duration>,
    output: &mut Output,
) -> anyhow::Result<()> {
    output.line(bill.intro)?;
    history(&backbone.client(Priority::Normal), backbone, bill, output).await?;
    let bot = backbone.client(Priority::Critical);
    let started = tokio::time::Instant::now();
    let tickers = bot.tickers(bill.markets).await?;
    output
        .line(&format!("\nLatest prices, asked once ({:.1} ms):", started.elapsed().as_secs_f64() * 1e3))?;
    output.line(&ticker::table(&tickers).to_string())?;
    output.line("\nLive, over one socket (Ctrl-C ends it):")?;
    output.flush()?;
    if let Some(length) = length {
        stop::stop_after(length);
    }
    live(&bot, bill, output).await
}

/// Shows the same thousand candles twice: from the venue, then from the store.
async fn history(
    chart: &Client,
    backbone: &Backbone,
    bill: DemoScript,
    output: &mut Output,
) -> anyhow::Result<()> {
    let market = bill.markets[0];
    let end = (!bill.finality_delay.is_zero()).then(|| SystemClock.now().minus(bill.finality_delay));
    for (asked, what) in [("first", "from the venue"), ("again", "from memory")] {
        let before = backbone.metrics().router.requests;
        let started = tokio::time::Instant::now();
        let ask = chart.candles(market, Timeframe::M1).last(HISTORY_CANDLES).closed();
        let set = end.into_iter().fold(ask, CandleRequest::before).await?;
        let elapsed = started.elapsed().as_secs_f64() * 1e3;
        let requests = backbone.metrics().router.requests - before;
        let Some((oldest, newest)) = set.candles.first().zip(set.candles.last()) else {
            anyhow::bail!("the emulator has no candles of {market}");
        };
        output.line(&format!(
            "{HISTORY_CANDLES} one-minute candles of {market}, {asked}: {requests} requests, {elapsed:.1} ms, {what} ({} to {})",
            oldest.open_time, newest.open_time
        ))?;
        output.flush()?;
    }
    Ok(())
}

async fn live(bot: &Client, bill: DemoScript, output: &mut Output) -> anyhow::Result<()> {
    let kinds = [StreamKind::Trade, StreamKind::Candle(Timeframe::M1)];
    let mut events = bot.subscribe(bill.markets, kinds).await?;
    while let Some(event) = events.next().await {
        // Candles repeat every second: the trades show the same with fewer lines.
        if !matches!(event, FeedEvent::Candle { .. }) {
            output.line(&row::event_text(&event))?;
            output.flush()?;
        }
    }
    anyhow::bail!("the live feed ended by itself")
}
