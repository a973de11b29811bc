//! Computes longer candles from one-minute ones, where the result is provably what the venue would send.
//!
//! A slot is the sum of its minutes if each of them is known: first open, highest high, lowest low and last
//! close equal the venue's bit for bit. So does the volume, as long as it consists of decimals of at most
//! eight places whose sum stays below 2^53 units: those are added up as integers. Larger volumes, and
//! turnover (a product with up to sixteen places, more than an `f64` holds), are added up with compensation
//! and can differ from the venue's own in the last digit.

mod column_fold;

use crate::decimal_sum::{CompensatedSum, DecimalSum};
use crate::{
    Candle, CandleColumns, Capabilities, Grid, SourceError, SourceErrorKind, TimeRange, Timeframe, Timestamp,
};

/// The timeframes that may be computed from known one-minute candles instead of being fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerivationPolicy {
    /// No timeframe: only the venue's own candles.
    Never,
    /// Three minutes to twelve hours. Days and longer are not, for a venue's daily candles are known to differ in
    /// rare cases from what its minutes add up to.
    #[default]
    Intraday,
    /// All timeframes longer than a minute.
    All,
}

impl DerivationPolicy {
    /// Returns the timeframe from which `timeframe` may be computed, or `None` if it may not.
    #[must_use]
    pub fn base_of(self, timeframe: Timeframe) -> Option<Timeframe> {
        let longest = match self {
            Self::Never => return None,
            Self::Intraday => Timeframe::H12,
            Self::All => Timeframe::Year,
        };
        (Timeframe::M1 < timeframe && timeframe <= longest).then_some(Timeframe::M1)
    }

    /// Returns whether candles that the venue lacks may be computed from shorter ones that it has.
    #[must_use]
    pub const fn allows_substitutes(self) -> bool {
        matches!(self, Self::Intraday | Self::All)
    }
}

impl Grid {
    /// Returns whether each slot of `longer` consists of whole slots of `shorter`, whatever the season.
    ///
    /// Three days are counted from the Unix epoch, a count that no share calendar knows: there nothing divides them.
    #[must_use]
    pub fn divides(self, shorter: Timeframe, longer: Timeframe) -> bool {
        use Timeframe::{D1, D3, Month, W1, Year};
        if shorter >= longer || (self == Self::NewYork && longer == D3) {
            return false;
        }
        match (shorter.fixed_secs(), longer.fixed_secs()) {
            (None, _) => (shorter, longer) == (Month, Year),
            (Some(part), Some(whole)) if longer < D1 => whole % part == 0,
            _ if matches!(shorter, D3 | W1) => false,
            _ if shorter == D1 => true,
            // A day of New York begins at a full hour of UTC, which one the season decides.
            (Some(part), _) => (if self == Self::NewYork { 3_600 } else { 86_400 }) % part == 0,
        }
    }

    /// The slots of `timeframe` that lie in `range` from their beginning to their end; `None` if there is none.
    #[must_use]
    pub fn whole_slots(self, timeframe: Timeframe, range: TimeRange) -> Option<TimeRange> {
        TimeRange::new(self.ceil(timeframe, range.from()), self.floor(timeframe, range.to())).ok()
    }

    /// Computes candles of `timeframe` from shorter ones, oldest first, using all of each slot that has any.
    ///
    /// The caller must know that none of them is missing: see [`whole_slots`](Self::whole_slots).
    #[must_use]
    pub fn derive(self, timeframe: Timeframe, shorter: &CandleColumns) -> CandleColumns {
        column_fold::fold(self, timeframe, shorter)
    }
}

impl Capabilities {
    /// Returns the longest timeframe that the venue has and that divides `timeframe`: out of its candles those of
    /// `timeframe` can be computed. `None` if there is none.
    #[must_use]
    pub fn aggregation_base(&self, timeframe: Timeframe) -> Option<Timeframe> {
        self.timeframes.iter().copied().filter(|shorter| self.grid.divides(*shorter, timeframe)).max()
    }

    /// Returns the error for candles that the venue does not have: it lists those that it has.
    #[must_use]
    pub fn no_such_timeframe(&self, timeframe: Timeframe) -> SourceError {
        let has: Vec<_> = self.timeframes.iter().map(|frame| frame.as_str()).collect();
        let message =
            format!("{} has no {timeframe} candles; it has {}", self.venue.without_address(), has.join(" "));
        SourceError::new(SourceErrorKind::Unsupported, message).at_venue(self.venue)
    }
}

/// One candle out of shorter ones, oldest first; `None` if there are none.
pub(crate) fn aggregate(open_time: Timestamp, parts: &[Candle]) -> Option<Candle> {
    let (first, last) = (parts.first()?, parts.last()?);
    let (mut volume, mut turnover) = (DecimalSum::default(), CompensatedSum::default());
    volume.extend(parts.iter().map(|part| part.volume));
    turnover.extend(parts.iter().map(|part| part.turnover));
    Some(Candle {
        open_time,
        open: first.open,
        high: parts.iter().map(|part| part.high).fold(first.high, f64::max),
        low: parts.iter().map(|part| part.low).fold(first.low, f64::min),
        close: last.close,
        volume: volume.value(),
        turnover: turnover.value(),
        is_final: parts.iter().all(|part| part.is_final),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(minute: i64, price: f64, volume: f64) -> Candle {
        let open_time = Timestamp::from_secs(minute * 60);
        let (open, high, low, close) = (price, price + 2.0, price - 1.0, price + 1.0);
        Candle { open_time, open, high, low, close, volume, turnover: volume * price, is_final: true }
    }

    #[test]
    fn first_highest_lowest_last_and_sum() {
        let minutes =
            [candle(5, 10.0, 0.1), candle(7, 30.0, 0.2), candle(9, 20.0, 0.3), candle(10, 5.0, 1.0)];
        let got = Grid::Utc.derive(Timeframe::M5, &minutes.into()).to_vec();
        assert_eq!(got.len(), 2);
        let Candle { open_time, open, high, low, close, volume, turnover, is_final } = got[0];
        assert_eq!((open_time.as_secs(), open, high, low, close), (300, 10.0, 32.0, 9.0, 21.0));
        assert_eq!((volume, turnover, is_final), (0.6, 13.0, true));
        assert_eq!(got[1].open_time.as_secs(), 600);
    }

    #[test]
    fn only_slots_that_are_known_from_end_to_end_count() {
        let range = |from: i64, to: i64| {
            TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap()
        };
        let whole = |from, to| Grid::Utc.whole_slots(Timeframe::M5, range(from, to));
        assert_eq!(whole(3, 17), Some(range(5, 15)));
        assert_eq!(whole(5, 10), Some(range(5, 10)));
        assert_eq!(whole(6, 14), None);
        let always = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(400)).unwrap();
        let known = Grid::Utc.whole_slots(Timeframe::M5, always).unwrap();
        assert_eq!((known.from(), known.to()), (Timestamp::MIN, Timestamp::from_secs(300)));
    }

    #[test]
    fn a_slot_is_divided_where_it_consists_of_whole_shorter_ones() {
        let parts = |grid: Grid, longer| {
            let parts = Timeframe::ALL.into_iter().filter(|shorter| grid.divides(*shorter, longer));
            parts.map(Timeframe::as_str).collect::<Vec<_>>().join(" ")
        };
        for grid in [Grid::Utc, Grid::NewYork] {
            assert_eq!(parts(grid, Timeframe::M15), "1s 1m 3m 5m");
            assert_eq!(parts(grid, Timeframe::H6), "1s 1m 3m 5m 10m 15m 30m 1h 2h");
            assert_eq!(parts(grid, Timeframe::H12), "1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h");
        }
        let hours = "1s 1m 3m 5m 10m 15m 30m 1h";
        assert_eq!(parts(Grid::Utc, Timeframe::D1), format!("{hours} 2h 4h 6h 8h 12h"));
        assert_eq!(parts(Grid::Utc, Timeframe::D3), format!("{hours} 2h 4h 6h 8h 12h 1d"));
        assert_eq!(parts(Grid::Utc, Timeframe::W1), format!("{hours} 2h 4h 6h 8h 12h 1d"));
        assert_eq!(parts(Grid::NewYork, Timeframe::D1), hours);
        assert_eq!(parts(Grid::NewYork, Timeframe::D3), "", "no share calendar counts days from the epoch");
        assert_eq!(parts(Grid::NewYork, Timeframe::Month), format!("{hours} 1d"));
        assert_eq!(parts(Grid::NewYork, Timeframe::Year), format!("{hours} 1d 1M"));
    }

    /// Every slot that begins within two years, changes of the clock among them.
    #[test]
    fn slots_that_are_divided_begin_where_a_shorter_one_does() {
        let (begin, end) = (Timestamp::from_secs(1_700_000_000), Timestamp::from_secs(1_763_000_000));
        for grid in [Grid::Utc, Grid::NewYork] {
            for longer in Timeframe::ALL.into_iter().filter(|longer| *longer >= Timeframe::H6) {
                let parts: Vec<_> =
                    Timeframe::ALL.into_iter().filter(|shorter| grid.divides(*shorter, longer)).collect();
                let mut open = grid.ceil(longer, begin);
                while open < end {
                    for shorter in &parts {
                        assert!(grid.is_open_time(*shorter, open), "{grid:?} {shorter} {longer} {open}");
                    }
                    open = grid.close(longer, open);
                }
            }
        }
    }

    #[test]
    fn days_are_derived_only_where_that_is_asked_for() {
        let derived = |derive: DerivationPolicy| {
            Timeframe::ALL.into_iter().filter(|frame| derive.base_of(*frame).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(derived(DerivationPolicy::Never), []);
        assert_eq!(derived(DerivationPolicy::Intraday), Timeframe::ALL[2..13]);
        assert_eq!(derived(DerivationPolicy::All), Timeframe::ALL[2..]);
    }
}
