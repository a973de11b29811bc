//! The items of a feed: written with their kind, and not read back.

use serde::Serialize;

use super::candle::CandleForm;
use super::market::{BandForm, BookForm, TickerForm, TradeForm};
use super::written_as;
use crate::{Channel, ChannelHistory, FeedEvent, Gap, Series, TimeRange, Timeframe, Timestamp, VenueId};

#[derive(Serialize)]
struct GapForm {
    state: &'static str,
    from: Timestamp,
    to: Option<Timestamp>,
    cause: &'static str,
    /// Why what is missing will not be delivered, where it is lost.
    why: Option<String>,
    channels: Vec<Channel>,
}

impl From<&Gap> for GapForm {
    fn from(gap: &Gap) -> Self {
        Self {
            state: gap.state.as_str(),
            from: gap.from,
            to: gap.to,
            cause: gap.cause.as_str(),
            why: gap.loss.as_ref().map(ToString::to_string),
            channels: gap.channels.to_vec(),
        }
    }
}

written_as!(Gap, GapForm);

#[derive(Serialize)]
struct HistoryForm {
    channel: Channel,
    /// The stretches of which every event has been delivered.
    complete: Vec<TimeRange>,
    /// Why some of what was asked for is missing.
    lost: Option<String>,
}

impl From<&ChannelHistory> for HistoryForm {
    fn from(history: &ChannelHistory) -> Self {
        Self {
            channel: history.channel.clone(),
            complete: history.coverage.ranges(),
            lost: history.loss.as_ref().map(ToString::to_string),
        }
    }
}

written_as!(ChannelHistory, HistoryForm);

/// A candle of a feed, with its series.
#[derive(Serialize)]
struct LiveCandleForm {
    venue: VenueId,
    symbol: String,
    timeframe: Timeframe,
    received: Timestamp,
    #[serde(flatten)]
    candle: CandleForm,
}

impl LiveCandleForm {
    fn of(series: &Series, candle: CandleForm, received: Timestamp) -> Self {
        let (venue, symbol) = (series.symbol.venue(), series.symbol.code().to_owned());
        Self { venue, symbol, timeframe: series.timeframe, received, candle }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EventForm<'a> {
    Trade {
        #[serde(flatten)]
        trade: TradeForm,
        snapshot: bool,
    },
    Ticker(TickerForm),
    Book(BookForm),
    Band(BandForm),
    Candle(LiveCandleForm),
    Bar {
        #[serde(flatten)]
        bar: LiveCandleForm,
        revision: u32,
        quiet: bool,
    },
    Gap(GapForm),
    CaughtUp {
        channels: &'a [ChannelHistory],
    },
    Lagged {
        missed: u64,
    },
    Ended {
        reason: String,
    },
}

impl<'a> From<&'a FeedEvent> for EventForm<'a> {
    fn from(event: &'a FeedEvent) -> Self {
        match event {
            FeedEvent::Trade(trade) => Self::Trade { trade: trade.into(), snapshot: false },
            FeedEvent::Snapshot(trade) => Self::Trade { trade: trade.into(), snapshot: true },
            FeedEvent::Ticker(ticker) => Self::Ticker(ticker.into()),
            FeedEvent::Book(book) => Self::Book(book.as_ref().into()),
            FeedEvent::Band(band) => Self::Band(band.into()),
            FeedEvent::Candle { series, candle, received } => {
                Self::Candle(LiveCandleForm::of(series, candle.into(), *received))
            }
            FeedEvent::Bar { series, candle, revision, is_quiet, received } => Self::Bar {
                bar: LiveCandleForm::of(series, candle.into(), *received),
                revision: *revision,
                quiet: *is_quiet,
            },
            FeedEvent::Gap(gap) => Self::Gap(gap.into()),
            FeedEvent::CaughtUp(channels) => Self::CaughtUp { channels },
            FeedEvent::Lagged { missed } => Self::Lagged { missed: *missed },
            FeedEvent::Ended { reason } => Self::Ended { reason: reason.to_string() },
        }
    }
}

written_as!(FeedEvent, EventForm);
