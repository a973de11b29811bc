//! The live part of the demo: every trade as it arrives, and between them a candle that forms and bars that close.

use std::time::Duration;

use market_backbone::{
    Backbone, Candle, Client, Clock, FeedEvent, Series, StreamKind, Symbol, SystemClock, Timeframe, Timestamp,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::output::Output;
use crate::row;
use crate::terminal::{TextStyle, Tint};

/// The interval at which the forming candle is shown.
const FORMING_INTERVAL: Duration = Duration::from_secs(3);
/// The shortest interval between two closed bars of one second that are shown.
const SECOND_BAR_INTERVAL: Duration = Duration::from_secs(3);

/// Shows trades of all `markets` and candles of the first until it is stopped.
pub(super) async fn show(
    backbone: &Backbone,
    bot: &Client,
    markets: &[&'static str],
    style: TextStyle,
    output: &mut Output,
) -> anyhow::Result<()> {
    let first = markets.first().copied().unwrap_or_default();
    let symbol = Symbol::new(backbone.venue(), first)?;
    let mut trades = bot.subscribe(markets.to_vec(), [StreamKind::Trade]).await?;
    let kinds = [Timeframe::S1, Timeframe::M1].map(StreamKind::Bar);
    let mut bars = bot.subscribe(first, kinds).await?;
    let mut screen = DemoScreen { output, style, latest: Timestamp::MIN };
    let mut candles =
        CandleLines { minute: Series::new(symbol, Timeframe::M1), closed: None, second_shown: None };
    let mut forming = interval(FORMING_INTERVAL);
    forming.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = trades.next() => {
                let Some(event) = event else { anyhow::bail!("the live feed ended by itself") };
                screen.line(&row::event_body(&event, style))?;
            }
            event = bars.next() => {
                let Some(event) = event else { anyhow::bail!("the feed of bars ended by itself") };
                candles.show_closed(&event, &mut screen)?;
            }
            _ = forming.tick() => candles.show_forming(bot, &mut screen).await?,
        }
    }
}

/// Where lines go, each with the time at which it is written.
struct DemoScreen<'a> {
    output: &'a mut Output,
    style: TextStyle,
    /// The time of the last line. A clock that is set back makes no line run backwards.
    latest: Timestamp,
}

impl DemoScreen<'_> {
    fn line(&mut self, body: &str) -> std::io::Result<()> {
        self.latest = self.latest.max(SystemClock.now());
        let time = self.style.paint(Tint::Faint, &row::clock(self.latest));
        self.output.line(&format!("{time} {body}"))?;
        self.output.flush()
    }

    fn candle(&mut self, series: &Series, candle: &Candle, is_closed: bool) -> std::io::Result<()> {
        let (word, tint) = if is_closed { ("closed", Tint::Up) } else { ("forming", Tint::Warning) };
        let word = self.style.paint(tint, word);
        self.line(&format!("{}  {word}", row::candle_text("candle", series, candle, self.style)))
    }
}

/// The lines about candles of the first market.
struct CandleLines {
    minute: Series,
    /// The open time of the newest minute that has closed.
    closed: Option<Timestamp>,
    /// The time at which a bar of one second was last shown.
    second_shown: Option<Instant>,
}

impl CandleLines {
    /// Shows a bar that has closed: each minute, and a second now and then.
    fn show_closed(&mut self, event: &FeedEvent, screen: &mut DemoScreen<'_>) -> std::io::Result<()> {
        match event {
            FeedEvent::Bar { series, candle, revision: 0, .. } if *series == self.minute => {
                self.closed = Some(candle.open_time);
                screen.candle(series, candle, true)
            }
            FeedEvent::Bar { series, candle, revision: 0, .. } => {
                if self.second_shown.is_some_and(|shown| shown.elapsed() < SECOND_BAR_INTERVAL) {
                    return Ok(());
                }
                self.second_shown = Some(Instant::now());
                screen.candle(series, candle, true)
            }
            _ => Ok(()),
        }
    }

    /// Shows the candle of the current minute as it stands, unless its close has been shown.
    async fn show_forming(&self, bot: &Client, screen: &mut DemoScreen<'_>) -> anyhow::Result<()> {
        let Series { symbol, timeframe } = &self.minute;
        let newest = bot.candles(symbol.code(), *timeframe).last(1).await?;
        let forming = newest.last().filter(|candle| !candle.is_final);
        if let Some(candle) = forming.filter(|candle| self.closed.is_none_or(|last| last < candle.open_time))
        {
            screen.candle(&self.minute, &candle, false)?;
        }
        Ok(())
    }
}
