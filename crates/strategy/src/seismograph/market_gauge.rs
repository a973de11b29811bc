//! What is remembered of one market between two events.

use std::sync::Arc;

use market_backbone_core::{Candle, OrderBook, SideInference, Symbol, Ticker, TimeRange, Timestamp, Trade};

use super::accumulation::{AccumulationScore, DAILY_BARS_NEEDED};
use super::anti_trap::{MarketConditions, TopQuote};
use super::atr::daily_atr;
use super::minute_bars::MinuteBars;
use super::reading::MarketReading;
use super::score_part::PartReason;
use super::session_day::SessionDay;
use super::session_plan::SessionPlan;
use super::stream::SeismographProfile;
use super::tick_window::TickWindow;
use crate::zen::{
    DivergenceWatch, PriceMeasure, TimeOfDayVolume, ZenBaseline, ZenScore, ZenUnknown, composite_rank,
};

/// The memory of one market.
#[derive(Clone, Debug)]
pub(super) struct MarketGauge {
    ticks: TickWindow,
    minutes: MinuteBars,
    day: SessionDay,
    sides: SideInference,
    quote: Option<TopQuote>,
    divergence: DivergenceWatch,
    days: Vec<Candle>,
    float_shares: Option<f64>,
    baseline: Result<ZenBaseline, ZenUnknown>,
    time_of_day: Option<TimeOfDayVolume>,
    is_interrupted: bool,
    reading: MarketReading,
}

impl MarketGauge {
    pub(super) fn new(symbol: Symbol, profile: &SeismographProfile, sessions: &SessionPlan) -> Self {
        let time = Timestamp::MIN;
        let conditions = MarketConditions {
            now: time,
            price: 0.0,
            quote: None,
            vwap: None,
            sessions,
            is_interrupted: true,
        };
        let too_few = ZenUnknown::TooFewDays { have: 0 };
        Self {
            ticks: TickWindow::new(),
            minutes: MinuteBars::new(profile.ignition.rules().box_bars),
            day: SessionDay::default(),
            sides: SideInference::default(),
            quote: None,
            divergence: DivergenceWatch::default(),
            days: Vec::new(),
            float_shares: None,
            baseline: Err(too_few),
            time_of_day: None,
            is_interrupted: false,
            reading: MarketReading {
                symbol,
                time,
                last_trade: None,
                price: None,
                change_percent: None,
                volume: None,
                mean_volume: None,
                last_close: None,
                vwap: None,
                atr: None,
                ignition: profile.ignition.unknown(PartReason::Warming),
                anti_trap: profile.anti_trap.check(&conditions),
                zen: ZenScore::unknown(too_few),
                is_diverging: false,
                edge: None,
                accumulation: None,
                rank: 0.0,
            },
        }
    }

    pub(super) const fn reading(&self) -> &MarketReading {
        &self.reading
    }

    pub(super) fn watch_from(&mut self, time: Timestamp) {
        self.ticks.watch_from(time);
        self.day.watch_from(time);
    }

    pub(super) fn trade(&mut self, trade: &Trade, sessions: &SessionPlan) {
        let Trade { price, size, time, .. } = *trade;
        if !(price > 0.0 && price.is_finite()) {
            return;
        }
        let side = match trade.side {
            Some(side) => Some(side),
            None => self.sides.trade(price).map(|inferred| inferred.side),
        };
        self.ticks.add(time, size, side);
        self.minutes.trade(time, price, size);
        self.day.enter(sessions, time);
        self.day.trade(time, price, size);
        self.last_price(price, time);
    }

    /// Takes a price, unless a later one is known: a late trade does not move the price back.
    pub(super) fn last_price(&mut self, price: f64, time: Timestamp) {
        if self.reading.last_trade.is_none_or(|last| last <= time) {
            (self.reading.price, self.reading.last_trade) = (Some(price), Some(time));
        }
    }

    pub(super) fn ticker(&mut self, ticker: &Ticker) {
        self.day.ticker(ticker);
        if ticker.price > 0.0 && ticker.price.is_finite() {
            self.last_price(ticker.price, ticker.trade_time);
        }
    }

    pub(super) fn book(&mut self, book: &OrderBook) {
        let bid = book.best_bid().map_or(0.0, |level| level.price);
        let ask = book.best_ask().map_or(0.0, |level| level.price);
        self.sides.quote(bid, ask);
        self.quote = Some(TopQuote { bid, ask, time: book.time });
    }

    pub(super) fn minute(&mut self, candle: &Candle) {
        if candle.is_valid() {
            self.minutes.candle(candle);
        }
    }

    /// Takes a closed day, in its place among the others.
    pub(super) fn closed_day(&mut self, day: &Candle, profile: &SeismographProfile) {
        let at = self.days.partition_point(|other| other.open_time < day.open_time);
        match self.days.get_mut(at) {
            Some(other) if other.open_time == day.open_time => *other = *day,
            _ => self.days.insert(at, *day),
        }
        self.settle_days(profile);
    }

    pub(super) fn load_days(
        &mut self,
        days: &[Candle],
        float_shares: Option<f64>,
        profile: &SeismographProfile,
    ) {
        // A day that is still forming would look quiet: only closed ones count.
        self.days = days.iter().filter(|day| day.is_final).copied().collect();
        self.float_shares = float_shares;
        self.settle_days(profile);
    }

    fn settle_days(&mut self, profile: &SeismographProfile) {
        let surplus = self.days.len().saturating_sub(DAILY_BARS_NEEDED);
        self.days.drain(..surplus);
        let score: AccumulationScore = profile.accumulation.score(&self.days, self.float_shares);
        self.reading.accumulation = Some(Arc::new(score));
        self.reading.atr = daily_atr(&self.days);
        self.baseline = ZenBaseline::new(&self.days);
        self.reading.mean_volume = self.baseline.as_ref().ok().map(ZenBaseline::mean_volume);
        self.reading.last_close = self.days.last().map(|day| day.close);
    }

    pub(super) fn load_minutes(&mut self, minutes: &[Candle], covered: TimeRange, sessions: &SessionPlan) {
        let now = covered.to();
        self.day.enter(sessions, now);
        self.day.load(minutes, covered);
        for minute in minutes.iter().filter(|minute| minute.is_final) {
            self.minute(minute);
        }
        let today = sessions.main_session(now).map_or(now, |session| session.from().min(now));
        let before: Vec<Candle> = minutes.iter().filter(|minute| minute.open_time < today).copied().collect();
        if let Some(profile) = TimeOfDayVolume::new(sessions, &before) {
            self.time_of_day = Some(profile);
        }
    }

    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
        self.quote = None;
    }

    pub(super) const fn heal(&mut self) {
        self.is_interrupted = false;
    }

    /// Begins anew, because trades are missing that will never come.
    pub(super) fn lose(&mut self, until: Option<Timestamp>) {
        self.is_interrupted = false;
        self.quote = None;
        self.ticks.reset();
        self.minutes.reset();
        self.sides = SideInference::default();
        self.day.lose(until);
    }

    pub(super) fn lose_quote(&mut self) {
        self.quote = None;
    }

    /// Computes all scores at `now`.
    pub(super) fn refresh(&mut self, profile: &SeismographProfile, sessions: &SessionPlan, now: Timestamp) {
        self.ticks.advance(now);
        self.minutes.advance(now);
        self.day.enter(sessions, now);
        let volume = self.day.volume(sessions);
        let vwap = self.day.vwap(sessions).filter(|_| !self.is_interrupted);
        let previous_close = self.day.previous_close().or(self.reading.last_close);
        let zen = self.zen(profile.zen.rules().price, sessions, now, volume, previous_close);
        let reading = &mut self.reading;
        reading.time = now;
        reading.volume = volume;
        reading.vwap = vwap;
        reading.change_percent = match (reading.price, previous_close) {
            (Some(price), Some(close)) => Some((price / close - 1.0) * 100.0),
            _ => None,
        };
        reading.ignition = match reading.price {
            Some(_) if self.is_interrupted => profile.ignition.unknown(PartReason::GapOpen),
            Some(price) => profile.ignition.score(&self.ticks, &self.minutes, price),
            None => profile.ignition.unknown(PartReason::Warming),
        };
        reading.anti_trap = profile.anti_trap.check(&MarketConditions {
            now,
            price: reading.price.unwrap_or(0.0),
            quote: self.quote,
            vwap,
            sessions,
            is_interrupted: self.is_interrupted || reading.price.is_none(),
        });
        reading.zen = zen;
        reading.edge = self.divergence.update(&zen, profile.zen.rules());
        reading.is_diverging = self.divergence.is_active();
        reading.rank = composite_rank(reading.ignition.score, &zen);
    }

    fn zen(
        &self,
        measure: PriceMeasure,
        sessions: &SessionPlan,
        now: Timestamp,
        volume: Option<f64>,
        previous_close: Option<f64>,
    ) -> ZenScore {
        if self.is_interrupted {
            return ZenScore::unknown(ZenUnknown::GapOpen);
        }
        let baseline = match &self.baseline {
            Ok(baseline) => baseline,
            Err(reason) => return ZenScore::unknown(*reason),
        };
        let Some(session) = sessions.main_session(now).filter(|session| session.contains(now)) else {
            return ZenScore::unknown(ZenUnknown::NotOpen);
        };
        let (Some(price), Some(previous_close)) = (self.reading.price, previous_close) else {
            return ZenScore::unknown(ZenUnknown::PreviousCloseUnknown);
        };
        let (start, end) = (session.from().as_nanos(), session.to().as_nanos());
        let elapsed = (now.as_nanos() - start) as f64 / (end - start) as f64;
        let share = self.time_of_day.as_ref().map_or(elapsed, |profile| profile.share(elapsed));
        let score = baseline.day_so_far(volume.unwrap_or(0.0), price, previous_close, share, measure);
        if volume.is_some() { score } else { ZenScore { volume: Err(ZenUnknown::VolumeUnknown), ..score } }
    }
}
