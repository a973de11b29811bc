//! `market-backbone scores`: accumulation, ignition, checks against traps, zenV and zenP, once or each second.

mod score_text;

use std::sync::Arc;
use std::time::Duration;

use market_backbone::strategy::seismograph::{
    AccumulationProfile, IgnitionProfile, MarketReading, Seismograph, SeismographProfile, SessionPlan,
};
use market_backbone::{
    Backbone, Calendar, Candle, Client, FeedEvent, Start, StreamKind, Symbol, TimeRange, Timeframe,
    TradingHours,
};

use super::market_selection::MarketSelection;
use super::unless_stopped;
use crate::args::{AccumulationArg, IgnitionArg, RunFormat, ScoresArgs};
use crate::output::{self, Output};
use crate::progress::Working;
use crate::stop::{self, Stopped};

/// The daily candles that every score is computed from.
const DAYS: usize = market_backbone::strategy::seismograph::DAILY_BARS_NEEDED;
/// The minutes before now: enough for the box and the usual volume.
const MINUTES: usize = 60;
/// The newest trades: enough for a minute of all but the busiest markets.
const TRADES: usize = 500;
/// The levels of the book; only the best ones count.
const DEPTH: u32 = 5;
/// The time before a watch from which on it has every trade.
const LOOK_BACK: Duration = Duration::from_secs(120);

pub(crate) async fn run(args: ScoresArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let client = backbone.client(args.priority.into());
    let mut output = Output::open(None)?;
    let mut board =
        ScoreBoard { seismograph: seismograph(&args, backbone), symbols: Vec::new(), format: args.format };
    let ScoresArgs { markets, universe, watch, length, .. } = args;
    let wanted = unless_stopped(async {
        let wanted = MarketSelection::of(backbone, markets, universe.as_deref()).await?;
        let wanted = wanted.without_unlisted(&client).await?;
        let count = wanted.all().count();
        for (number, market) in wanted.all().enumerate() {
            let working = Working::begin(format!("{market}, {} of {count}", number + 1));
            board.load(backbone, &client, market, !watch).await?;
            drop(working);
        }
        Ok(wanted)
    })
    .await?;
    if watch {
        if let Some(length) = length {
            stop::stop_after(length);
        }
        match unless_stopped(board.watch(backbone, &client, &wanted, &mut output)).await {
            // That is how a watch is meant to end.
            Err(error) if error.is::<Stopped>() => {}
            ended => ended?,
        }
    } else {
        board.seismograph.advance(backbone.now());
        board.print(&mut output)?;
    }
    output.finish()
}

fn seismograph(args: &ScoresArgs, backbone: &Backbone) -> Seismograph {
    let profile = SeismographProfile {
        ignition: match args.ignition {
            IgnitionArg::Ramps => IgnitionProfile::ramps(),
            IgnitionArg::Steps => IgnitionProfile::steps(),
            IgnitionArg::Legacy => IgnitionProfile::legacy(),
        },
        accumulation: match args.accumulation {
            AccumulationArg::Pinpoint => AccumulationProfile::pinpoint(),
            AccumulationArg::Refactored => AccumulationProfile::refactored(),
        },
        ..SeismographProfile::default()
    };
    Seismograph::new(profile, sessions(backbone))
}

/// The sessions of the venue: round the clock, or the hours of an exchange.
fn sessions(backbone: &Backbone) -> SessionPlan {
    let mut venues = market_backbone::known_venues().iter();
    let id = backbone.venue().without_address();
    let hours = venues.find(|venue| venue.id() == id).map_or(TradingHours::ALWAYS, |venue| venue.hours());
    if hours == TradingHours::ALWAYS {
        SessionPlan::RoundTheClock
    } else {
        SessionPlan::Exchange(Arc::new(Calendar::new()))
    }
}

/// The markets whose scores are printed.
struct ScoreBoard {
    seismograph: Seismograph,
    symbols: Vec<Symbol>,
    format: RunFormat,
}

impl ScoreBoard {
    /// Loads the past of a market. A watch takes the newest trades from its feed instead.
    async fn load(
        &mut self,
        backbone: &Backbone,
        client: &Client,
        market: &str,
        with_trades: bool,
    ) -> anyhow::Result<()> {
        let symbol = Symbol::new(backbone.venue(), market)?;
        let days = client.candles(market, Timeframe::D1).last(DAYS).closed().await?;
        let days: Vec<Candle> = days.candles.iter().collect();
        self.seismograph.load_days(&symbol, &days, None);
        let minutes = client.candles(market, Timeframe::M1).last(MINUTES).closed().await?;
        let minutes: Vec<Candle> = minutes.candles.iter().collect();
        let now = backbone.now();
        let first = minutes.first().map_or(now, |minute| minute.open_time);
        if let Ok(covered) = TimeRange::new(first, now) {
            self.seismograph.load_minutes(&symbol, &minutes, covered);
        }
        let ticker = client.ticker(market).await?;
        self.seismograph.on_event(&FeedEvent::Ticker(ticker));
        let book = client.book(market, DEPTH).await;
        match book {
            Ok(book) => {
                self.seismograph.on_event(&FeedEvent::Book(Arc::new(book)));
            }
            // A venue without books leaves the spread unknown, and says so.
            Err(error) => output::note(&format!("{market}: its book is not known: {error}")),
        }
        if with_trades {
            for trade in client.trades(market, TRADES).await? {
                self.seismograph.on_event(&FeedEvent::Trade(trade));
            }
        }
        self.symbols.push(symbol);
        Ok(())
    }

    /// Prints the scores each second, until the venue refuses for good.
    async fn watch(
        &mut self,
        backbone: &Backbone,
        client: &Client,
        wanted: &MarketSelection,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let since = backbone.now() - LOOK_BACK;
        let kinds = [StreamKind::Trade, StreamKind::Ticker, StreamKind::Book];
        let mut feed = client.subscribe(wanted.all(), kinds).from(Start::At(since)).await?;
        for symbol in &self.symbols {
            self.seismograph.watch(symbol, since);
        }
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                event = feed.next() => match event {
                    Some(FeedEvent::Ended { reason }) => return Err(reason.into()),
                    Some(event) => {
                        self.seismograph.on_event(&event);
                    }
                    None => return Ok(()),
                },
                _ = seconds.tick() => {
                    self.seismograph.advance(backbone.now());
                    self.print(output)?;
                    output.flush()?;
                }
            }
        }
    }

    fn print(&mut self, output: &mut Output) -> anyhow::Result<()> {
        for symbol in &self.symbols {
            let Some(reading) = self.seismograph.reading(symbol) else { continue };
            output.line(&line(reading, self.format))?;
        }
        Ok(())
    }
}

fn line(reading: &MarketReading, format: RunFormat) -> String {
    match format {
        RunFormat::Json => reading.to_json().to_string(),
        RunFormat::Text => score_text::of(reading),
    }
}
