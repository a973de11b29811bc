//! What the demo shows of a venue before it goes live: history, the newest candles, latest prices.

use std::time::Duration;

use market_backbone::{Backbone, CandleRequest, Client, Clock, Fill, Priority, SystemClock, Timeframe};

use super::live;
use crate::args::VenueArg;
use crate::command::{candles, ticker};
use crate::output::Output;
use crate::stop;
use crate::terminal::TextStyle;

const HISTORY_CANDLES: usize = 1_000;
/// Candles that are shown as a table.
const NEWEST_CANDLES: usize = 3;
/// How old a bar of a share is before late trades no longer change it, and some to spare.
const STOCK_FINALITY_DELAY: Duration = Duration::from_secs(1_800);

/// What is shown of a venue.
#[derive(Clone, Copy)]
pub(super) struct DemoScript {
    intro: &'static str,
    markets: [&'static str; 4],
    /// How long after its end a candle may still change.
    finality_delay: Duration,
}

impl DemoScript {
    pub(super) const fn of(venue: VenueArg) -> Self {
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

    /// Goes on until it is stopped.
    pub(super) async fn run(
        self,
        backbone: &Backbone,
        length: Option<Duration>,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        output.line(self.intro)?;
        let style = TextStyle::of_stdout();
        self.history(&backbone.client(Priority::Normal), backbone, output).await?;
        self.newest(backbone, style, output).await?;
        let bot = backbone.client(Priority::Critical);
        let started = tokio::time::Instant::now();
        let tickers = bot.tickers(self.markets).await?;
        let elapsed = started.elapsed().as_secs_f64() * 1e3;
        output.line(&format!("\nLatest prices, asked once ({elapsed:.1} ms):"))?;
        output.line(&ticker::table(&tickers, style).to_string())?;
        let first = self.markets[0];
        output.line(&format!(
            "\nLive, over one socket, by time of arrival: every trade with its id, and candles of {first} (Ctrl-C ends it):"
        ))?;
        output.flush()?;
        if let Some(length) = length {
            stop::stop_after(length);
        }
        live::show(backbone, &bot, self.markets, style, output).await
    }

    /// The same thousand candles twice: from the venue, then from what is known.
    async fn history(self, chart: &Client, backbone: &Backbone, output: &mut Output) -> anyhow::Result<()> {
        let market = self.markets[0];
        let end = (!self.finality_delay.is_zero()).then(|| SystemClock.now().minus(self.finality_delay));
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
        if end.is_some() {
            output.line(&format!(
                "Late trades may still correct what is newer than {:.0} min: it is asked for again until it has settled.",
                self.finality_delay.as_secs_f64() / 60.0
            ))?;
        }
        Ok(())
    }

    /// The newest candles up to now, the last of which still forms.
    async fn newest(self, backbone: &Backbone, style: TextStyle, output: &mut Output) -> anyhow::Result<()> {
        let market = self.markets[0];
        let request = backbone.client(Priority::Normal).candles(market, Timeframe::M1).last(NEWEST_CANDLES);
        let (set, grid) = (request.await?, backbone.grid());
        let now = backbone.now();
        output.line(&format!("\nThe newest candles of {market}, one minute each:"))?;
        let table = candles::table(set.view(Fill::None, grid), grid, style, |row| {
            grid.close(Timeframe::M1, row.open_time) <= now
        });
        output.line(&table.to_string())?;
        Ok(output.flush()?)
    }
}
