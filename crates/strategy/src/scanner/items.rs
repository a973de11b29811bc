//! What the scanner publishes once in a second of event time.

use std::sync::Arc;

use market_backbone_core::{Symbol, Timestamp};

use super::scan_candidate::ScanCandidate;
use super::universe_filter::MarketSource;
use crate::seismograph::{
    AccumulationScore, AntiTrapReport, IgnitionScore, MarketReading, ProfileTag, Stage,
};
use crate::zen::ZenScore;

/// A market of the watchlist.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchlistItem {
    /// The market that is watched.
    pub symbol: Symbol,
    /// The change against the previous close in percent, if it is known.
    pub change_percent: Option<f64>,
    /// The latest price, if there was one.
    pub price: Option<f64>,
    /// The volume of the session, if it is known.
    pub volume: Option<f64>,
    /// The amount traded in the session in the quote currency, if it is known.
    pub dollar_volume: Option<f64>,
    /// The way by which the market was found.
    pub source: MarketSource,
    /// The moment at which it was found.
    pub discovered_at: Timestamp,
    /// The time of the last trade, if there was one: the age of the price.
    pub last_trade: Option<Timestamp>,
    /// The accumulation scores with their signals, if daily candles were loaded.
    pub accumulation: Option<Arc<AccumulationScore>>,
    /// The stage of the accumulation. A gainer without daily candles counts as in the third.
    pub stage: Stage,
    /// `true` if the market may be traded.
    pub can_trade: bool,
    /// The close of the last closed day, if it is known.
    pub last_close: Option<f64>,
    /// The mean volume of a day, if it is known.
    pub average_volume: Option<f64>,
}

impl WatchlistItem {
    pub(super) fn new(candidate: &ScanCandidate) -> Self {
        let reading = candidate.reading.as_ref();
        let of = |figure: fn(&MarketReading) -> Option<f64>| reading.and_then(figure);
        let accumulation = reading.and_then(|reading| reading.accumulation.clone());
        let unscored = if candidate.is_gainer() { Stage::AccumulationBar } else { Stage::None };
        let facts = &candidate.facts;
        let price = of(|reading| reading.price).or(facts.price);
        let volume = of(|reading| reading.volume);
        Self {
            symbol: facts.symbol.clone(),
            change_percent: of(|reading| reading.change_percent).or(facts.change_percent),
            price,
            volume,
            dollar_volume: volume
                .zip(of(|reading| reading.vwap).or(price))
                .map(|(volume, price)| volume * price),
            source: candidate.source,
            discovered_at: candidate.discovered_at,
            last_trade: reading.and_then(|reading| reading.last_trade),
            stage: accumulation.as_ref().map_or(unscored, |score| score.stage),
            can_trade: accumulation.as_ref().is_some_and(|score| score.can_trade),
            accumulation,
            last_close: of(|reading| reading.last_close),
            average_volume: of(|reading| reading.mean_volume).or(facts.average_volume),
        }
    }
}

/// The ignition of a market that is watched for it.
#[derive(Clone, Debug, PartialEq)]
pub struct IgnitionItem {
    /// The market that is watched.
    pub symbol: Symbol,
    /// The score with its parts.
    pub ignition: IgnitionScore,
    /// The answers of the checks against traps.
    pub anti_trap: AntiTrapReport,
}

/// The sign that a market of the Hot Zone shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HotSignal {
    /// Volume and price diverge.
    Fire,
    /// The move has started.
    Target,
}

/// A market of the Hot Zone.
#[derive(Clone, Debug, PartialEq)]
pub struct HotZoneItem {
    /// The market that is about to be traded.
    pub symbol: Symbol,
    /// The latest price, if there was one.
    pub price: Option<f64>,
    /// The change against the previous close in percent, if it is known.
    pub change_percent: Option<f64>,
    /// The scores zenV and zenP.
    pub zen: ZenScore,
    /// The ignition score.
    pub ignition: f64,
    /// The sign that it shows, if any.
    pub signal: Option<HotSignal>,
    /// The time of the last trade, if there was one.
    pub last_update: Option<Timestamp>,
    /// The composite rank.
    pub rank: f64,
}

impl HotZoneItem {
    pub(super) fn new(reading: &MarketReading) -> Self {
        let signal = if reading.is_diverging {
            Some(HotSignal::Fire)
        } else {
            reading.ignition.is_ignited.then_some(HotSignal::Target)
        };
        Self {
            symbol: reading.symbol.clone(),
            price: reading.price,
            change_percent: reading.change_percent,
            zen: reading.zen,
            ignition: reading.ignition.score,
            signal,
            last_update: reading.last_trade,
            rank: reading.rank,
        }
    }
}

/// The lists of the scanner at a moment of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannerPublication {
    /// The moment, in event time.
    pub time: Timestamp,
    /// The watchlist, the highest score first.
    pub watchlist: Vec<WatchlistItem>,
    /// The markets that are watched for ignition, the highest score first.
    pub ignition: Vec<IgnitionItem>,
    /// The Hot Zone, the highest rank first.
    pub hot_zone: Vec<HotZoneItem>,
    /// The profile of the scanner.
    pub profile: ProfileTag,
}
