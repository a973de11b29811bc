//! The scores of many markets from one feed.

use std::fmt;

use market_backbone_core::{
    Candle, FeedEvent, Gap, GapState, StreamKind, Symbol, TimeRange, Timeframe, Timestamp,
};
use rustc_hash::FxHashMap;

use super::accumulation::AccumulationProfile;
use super::anti_trap::AntiTrapRules;
use super::ignition::IgnitionProfile;
use super::market_gauge::MarketGauge;
use super::reading::MarketReading;
use super::session_plan::SessionPlan;
use crate::zen::ZenProfile;

/// The profiles of all scores.
#[derive(Clone, Debug, PartialEq)]
pub struct SeismographProfile {
    /// The profile of the accumulation scores.
    pub accumulation: AccumulationProfile,
    /// The profile of the ignition score.
    pub ignition: IgnitionProfile,
    /// The profile of zenV and zenP.
    pub zen: ZenProfile,
    /// The rules of the checks against traps.
    pub anti_trap: AntiTrapRules,
}

/// The default profile of each score: `pinpoint`, `ramps`, `change`.
impl Default for SeismographProfile {
    fn default() -> Self {
        Self {
            accumulation: AccumulationProfile::pinpoint(),
            ignition: IgnitionProfile::ramps(),
            zen: ZenProfile::change(),
            anti_trap: AntiTrapRules::default(),
        }
    }
}

/// Scores markets from the events of a feed, in event time.
///
/// The same events give the same scores, bit for bit, live, in replay and in backtest. Memory is bounded for each market,
/// and after a market's first event no trade allocates any. Markets are added as they appear.
///
/// - A trade, ticker or book brings a market up to date, and its reading is returned.
/// - Closed bars of one minute replace the minutes that are built from trades; closed daily bars extend the days.
/// - While a gap is open, the scores of its markets are unknown. Healed, they go on; lost, they begin anew.
pub struct Seismograph {
    profile: SeismographProfile,
    sessions: SessionPlan,
    places: FxHashMap<Symbol, usize>,
    gauges: Vec<MarketGauge>,
    now: Timestamp,
}

impl fmt::Debug for Seismograph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seismograph")
            .field("markets", &self.gauges.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Seismograph {
    /// Returns a seismograph without markets.
    #[must_use]
    pub fn new(profile: SeismographProfile, sessions: SessionPlan) -> Self {
        Self { profile, sessions, places: FxHashMap::default(), gauges: Vec::new(), now: Timestamp::MIN }
    }

    /// Returns the profiles by which it scores.
    #[must_use]
    pub const fn profile(&self) -> &SeismographProfile {
        &self.profile
    }

    /// Returns the sessions of its markets.
    #[must_use]
    pub const fn sessions(&self) -> &SessionPlan {
        &self.sessions
    }

    /// Returns the latest moment of event time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Records that no trade of `symbol` has been missed since `since`. Without it, the first trade is the beginning, and
    /// a quiet market seems to have been watched for less time than it was.
    pub fn watch(&mut self, symbol: &Symbol, since: Timestamp) {
        self.gauge(symbol).watch_from(since);
    }

    /// Takes the daily candles of a market, oldest first, in place of those before. Those that are not closed are left out.
    pub fn load_days(&mut self, symbol: &Symbol, days: &[Candle], float_shares: Option<f64>) {
        let at = self.place(symbol);
        self.gauges[at].load_days(days, float_shares, &self.profile);
    }

    /// Takes closed one-minute candles of a market, oldest first: the last for the box, all of today's for the average price
    /// and the volume of the session, those of whole days before it for the usual volume by the time of day.
    ///
    /// `covered` is the range of which they are all there are, and its end is about now. Without the start of the session in
    /// it, the average price does not come from them.
    pub fn load_minutes(&mut self, symbol: &Symbol, minutes: &[Candle], covered: TimeRange) {
        let at = self.place(symbol);
        self.gauges[at].load_minutes(minutes, covered, &self.sessions);
    }

    /// Takes an event, and returns the reading of its market if the event was one of a market.
    pub fn on_event(&mut self, event: &FeedEvent) -> Option<&MarketReading> {
        match event {
            FeedEvent::Gap(gap) => {
                self.on_gap(gap);
                None
            }
            FeedEvent::Lagged { .. } => {
                let now = self.now;
                self.gauges.iter_mut().for_each(|gauge| gauge.lose(Some(now)));
                None
            }
            _ => self.on_market_event(event),
        }
    }

    fn on_market_event(&mut self, event: &FeedEvent) -> Option<&MarketReading> {
        let at = self.place(event.symbol()?);
        let gauge = &mut self.gauges[at];
        match event {
            FeedEvent::Trade(trade) => gauge.trade(trade, &self.sessions),
            FeedEvent::Snapshot(trade) => gauge.last_price(trade.price, trade.time),
            FeedEvent::Ticker(ticker) => gauge.ticker(ticker),
            FeedEvent::Book(book) => gauge.book(book),
            FeedEvent::Bar { series, candle, is_quiet: false, .. } => match series.timeframe {
                Timeframe::M1 => gauge.minute(candle),
                Timeframe::D1 => gauge.closed_day(candle, &self.profile),
                _ => return None,
            },
            _ => return None,
        }
        // A bar is known at its close, and its time is its open: it does not move the clock.
        if let (Some(time), false) = (event.time(), matches!(event, FeedEvent::Bar { .. })) {
            self.now = self.now.max(time);
        }
        gauge.refresh(&self.profile, &self.sessions, self.now);
        Some(gauge.reading())
    }

    fn on_gap(&mut self, gap: &Gap) {
        for channel in gap.channels.iter() {
            let Some(at) = self.places.get(&channel.symbol).copied() else { continue };
            let gauge = &mut self.gauges[at];
            match (channel.kind, gap.state) {
                (StreamKind::Trade, GapState::Opened) => gauge.interrupt(),
                (StreamKind::Trade, GapState::Healed) => gauge.heal(),
                (StreamKind::Trade, GapState::Lost) => gauge.lose(gap.to.or(Some(self.now))),
                (StreamKind::Book, GapState::Opened) => gauge.lose_quote(),
                _ => {}
            }
        }
    }

    /// Moves event time to `now`, at which the next readings are taken. It never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Returns the present reading of a market, or `None` if nothing was ever heard of it.
    pub fn reading(&mut self, symbol: &Symbol) -> Option<&MarketReading> {
        let at = *self.places.get(symbol)?;
        let gauge = &mut self.gauges[at];
        gauge.refresh(&self.profile, &self.sessions, self.now);
        Some(gauge.reading())
    }

    /// Calls `each` with the present reading of every market, in the order in which they appeared.
    pub fn each_reading(&mut self, mut each: impl FnMut(&MarketReading)) {
        for gauge in &mut self.gauges {
            gauge.refresh(&self.profile, &self.sessions, self.now);
            each(gauge.reading());
        }
    }

    fn gauge(&mut self, symbol: &Symbol) -> &mut MarketGauge {
        let at = self.place(symbol);
        &mut self.gauges[at]
    }

    fn place(&mut self, symbol: &Symbol) -> usize {
        if let Some(at) = self.places.get(symbol) {
            return *at;
        }
        let at = self.gauges.len();
        self.gauges.push(MarketGauge::new(symbol.clone(), &self.profile, &self.sessions));
        self.places.insert(symbol.clone(), at);
        at
    }
}
