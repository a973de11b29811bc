//! What was traded since the session began: volume and average price, and whether all of it is known.

use market_backbone_core::{Candle, Ticker, TimeRange, Timestamp};

use super::running_vwap::RunningVwap;
use super::session_plan::SessionPlan;

/// The figures of the venue's own ticker.
#[derive(Clone, Copy, Debug)]
struct TickerFigures {
    time: Timestamp,
    volume: f64,
    turnover: f64,
    previous_close: f64,
}

/// The session of one market so far.
///
/// The figures are known if the market was watched from the start of the session, or from the end of the candles that were
/// loaded for it. Otherwise they come from the ticker, where trading goes on round the clock; else they are unknown.
#[derive(Clone, Debug, Default)]
pub struct SessionDay {
    session: Option<TimeRange>,
    /// Loaded candles and the minutes before the present one.
    earlier: RunningVwap,
    /// The present minute, which a candle may replace when it has closed.
    minute: RunningVwap,
    minute_start: Option<Timestamp>,
    watched_since: Option<Timestamp>,
    loaded_to: Option<Timestamp>,
    ticker: Option<TickerFigures>,
}

impl SessionDay {
    /// Moves to the session of `now`; a new session begins with nothing.
    pub fn enter(&mut self, plan: &SessionPlan, now: Timestamp) {
        if self.session.is_some_and(|session| session.contains(now)) {
            return;
        }
        // A late event of an earlier session changes nothing.
        if self.session.is_some_and(|session| now < session.from()) {
            return;
        }
        let session = plan.session(now);
        if session == self.session {
            return;
        }
        self.session = session;
        (self.earlier, self.minute) = (RunningVwap::default(), RunningVwap::default());
        (self.minute_start, self.loaded_to) = (None, None);
    }

    /// Records that no trade has been missed since `time`.
    pub fn watch_from(&mut self, time: Timestamp) {
        self.watched_since = Some(self.watched_since.map_or(time, |since| since.min(time)));
    }

    /// Records that trades are missing before `time`, if that is known, or up to now.
    pub fn lose(&mut self, time: Option<Timestamp>) {
        self.watched_since = time;
    }

    /// Adds a trade of the session. One from an earlier session is not added.
    pub fn trade(&mut self, time: Timestamp, price: f64, size: f64) {
        if self.watched_since.is_none() {
            self.watched_since = Some(time);
        }
        let is_new = self.loaded_to.is_none_or(|end| end <= time);
        if !is_new || !self.session.is_some_and(|session| session.contains(time)) {
            return;
        }
        let start = Timestamp::from_secs(time.as_secs().div_euclid(60) * 60);
        match self.minute_start {
            Some(minute) if start < minute => self.earlier.add(price, size),
            Some(minute) if start == minute => self.minute.add(price, size),
            _ => {
                self.earlier.merge(&self.minute);
                self.minute.reset();
                self.minute.add(price, size);
                self.minute_start = Some(start);
            }
        }
    }

    /// Takes the closed minutes of the session, oldest first, in place of the trades in them. `covered` is the range of
    /// which they are all there are; if it does not reach back to the start of the session, nothing is taken.
    ///
    /// Trades after the present minute began are kept. Load them again a minute after the market was first watched: then
    /// nothing lies between the candles and the trades.
    pub fn load(&mut self, minutes: &[Candle], covered: TimeRange) {
        let Some(session) = self.session.filter(|session| covered.from() <= session.from()) else { return };
        let end = covered.to().min(session.to());
        let end = Timestamp::from_secs(end.as_secs().div_euclid(60) * 60);
        if end <= session.from() {
            return;
        }
        let is_inside = |minute: &&Candle| session.contains(minute.open_time) && minute.open_time < end;
        let mut sums = RunningVwap::default();
        for minute in minutes.iter().filter(is_inside) {
            sums.add_sums(minute.turnover, minute.volume);
        }
        self.loaded_to = Some(end);
        self.earlier = sums;
        if self.minute_start.is_some_and(|start| start < end) {
            self.minute.reset();
            self.minute_start = None;
        }
    }

    /// Takes a ticker of the venue.
    pub fn ticker(&mut self, ticker: &Ticker) {
        self.ticker = Some(TickerFigures {
            time: ticker.trade_time,
            volume: ticker.day_volume,
            turnover: ticker.day_turnover,
            previous_close: ticker.previous_close,
        });
    }

    /// Returns whether every trade of the session has been counted.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Some(session) = self.session else { return false };
        let from = self.loaded_to.unwrap_or_else(|| session.from());
        self.watched_since.is_some_and(|since| since <= from)
    }

    fn venues_own(&self, plan: &SessionPlan) -> Option<TickerFigures> {
        let session = self.session.filter(|_| !plan.has_opening())?;
        self.ticker.filter(|ticker| session.contains(ticker.time))
    }

    /// Returns the volume of the session, if it is known.
    #[must_use]
    pub fn volume(&self, plan: &SessionPlan) -> Option<f64> {
        if self.is_whole() {
            return Some(self.earlier.volume() + self.minute.volume());
        }
        self.venues_own(plan).map(|ticker| ticker.volume)
    }

    /// Returns the volume-weighted average price of the session, if it is known.
    #[must_use]
    pub fn vwap(&self, plan: &SessionPlan) -> Option<f64> {
        if self.is_whole() {
            let mut all = self.earlier;
            all.merge(&self.minute);
            return all.price();
        }
        let ticker = self.venues_own(plan).filter(|ticker| ticker.volume > 0.0)?;
        Some(ticker.turnover / ticker.volume)
    }

    /// Returns the previous close as the venue's ticker of this session says it.
    #[must_use]
    pub fn previous_close(&self) -> Option<f64> {
        let session = self.session?;
        let ticker = self.ticker.filter(|ticker| session.contains(ticker.time))?;
        (ticker.previous_close > 0.0).then_some(ticker.previous_close)
    }
}
