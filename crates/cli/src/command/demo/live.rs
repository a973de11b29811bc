//! The live part of the demo: every trade as it arrives, and between them a candle that forms and candles that close.

use std::time::Duration;

use market_backbone::{
    Backbone, BarEvent, BuilderRules, Candle, CandleBuilder, Client, Clock, FeedEvent, Series, StreamKind,
    Symbol, SystemClock, Timeframe, Timestamp,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::output::Output;
use crate::row;
use crate::terminal::{TextStyle, Tint};

/// How often the candle that still forms is shown.
const FORMING_INTERVAL: Duration = Duration::from_secs(3);
/// At most so often a candle of a second is shown when it has closed.
const CLOSED_INTERVAL: Duration = Duration::from_secs(3);
/// How often the clock may close a second that no trade has closed.
const TICK: Duration = Duration::from_millis(500);

/// Shows trades of all `markets` and candles of the first until it is stopped.
pub(super) async fn show(
    backbone: &Backbone,
    bot: &Client,
    markets: &[&'static str],
    style: TextStyle,
    output: &mut Output,
) -> anyhow::Result<()> {
    let kinds = [StreamKind::Trade, StreamKind::Candle(Timeframe::M1)];
    let mut events = bot.subscribe(markets.to_vec(), kinds).await?;
    let first = markets.first().copied().unwrap_or_default();
    let symbol = Symbol::new(backbone.venue(), first)?;
    let mut screen = Screen { output, style, latest: Timestamp::MIN };
    let mut seconds = Seconds::of(Series::new(symbol.clone(), Timeframe::S1), backbone);
    let mut minute = Minute { series: Series::new(symbol, Timeframe::M1), forming: None };
    let mut forming = interval(FORMING_INTERVAL);
    forming.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = interval(TICK);
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { anyhow::bail!("the live feed ended by itself") };
                match &event {
                    // The venue repeats them each second.
                    FeedEvent::Candle { .. } => continue,
                    FeedEvent::Trade(trade) => seconds.trade(trade),
                    _ => {}
                }
                screen.line(&row::event_body(&event, style))?;
            }
            _ = forming.tick() => minute.show(bot, &mut screen).await?,
            _ = tick.tick() => seconds.clock(backbone.now()),
        }
        seconds.show(&mut screen)?;
    }
}

/// Where lines go, each with the time at which it is written.
struct Screen<'a> {
    output: &'a mut Output,
    style: TextStyle,
    /// The time of the last line. A clock that is set back makes no line run backwards.
    latest: Timestamp,
}

impl Screen<'_> {
    fn line(&mut self, body: &str) -> std::io::Result<()> {
        self.latest = self.latest.max(SystemClock.now());
        let time = self.style.paint(Tint::Faint, &row::clock(self.latest));
        self.output.line(&format!("{time} {body}"))?;
        self.output.flush()
    }

    fn candle(&mut self, series: &Series, candle: &Candle) -> std::io::Result<()> {
        let (word, tint) = if candle.is_final { ("closed", Tint::Up) } else { ("forming", Tint::Warning) };
        let word = self.style.paint(tint, word);
        self.line(&format!("{}  {word}", row::candle_text("candle", series, candle, self.style)))
    }
}

/// Candles of a second, made of the trades.
struct Seconds {
    series: Series,
    builder: CandleBuilder,
    closed: Option<Candle>,
    shown: Option<Instant>,
}

impl Seconds {
    fn of(series: Series, backbone: &Backbone) -> Self {
        let builder = CandleBuilder::new(series.clone(), backbone.grid(), BuilderRules::default());
        Self { series, builder, closed: None, shown: None }
    }

    fn trade(&mut self, trade: &market_backbone::Trade) {
        if trade.symbol == self.series.symbol {
            let closed = &mut self.closed;
            self.builder.on_trade(trade, |event| keep_closed(event, closed));
        }
    }

    fn clock(&mut self, now: Timestamp) {
        let closed = &mut self.closed;
        self.builder.on_time(now, |event| keep_closed(event, closed));
    }

    /// Shows a second that has closed, not more often than [`CLOSED_INTERVAL`].
    fn show(&mut self, screen: &mut Screen<'_>) -> std::io::Result<()> {
        let Some(closed) = self.closed.take() else { return Ok(()) };
        if self.shown.is_some_and(|shown| shown.elapsed() < CLOSED_INTERVAL) {
            return Ok(());
        }
        self.shown = Some(Instant::now());
        screen.candle(&self.series, &closed)
    }
}

fn keep_closed(event: BarEvent, closed: &mut Option<Candle>) {
    if let BarEvent::Closed(candle) = event {
        *closed = Some(Candle { is_final: true, ..candle });
    }
}

/// The candle of the current minute.
struct Minute {
    series: Series,
    forming: Option<Timestamp>,
}

impl Minute {
    /// Shows it as it stands; the one before as well, where that has closed since.
    async fn show(&mut self, bot: &Client, screen: &mut Screen<'_>) -> anyhow::Result<()> {
        let set = bot.candles(self.series.symbol.code(), self.series.timeframe).last(2).await?;
        let newest = set.last().map_or(Timestamp::MIN, |newest| newest.open_time);
        for candle in &set.candles {
            let is_over = Some(candle.open_time) == self.forming && candle.open_time != newest;
            if is_over {
                screen.candle(&self.series, &Candle { is_final: true, ..candle })?;
            } else if candle.open_time == newest && !candle.is_final {
                screen.candle(&self.series, &candle)?;
            }
        }
        self.forming = set.candles.last().filter(|newest| !newest.is_final).map(|newest| newest.open_time);
        Ok(())
    }
}
