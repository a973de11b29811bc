//! Computes longer candles from one-minute ones, where the result is provably what the venue would send.
//!
//! A slot is the sum of its minutes if each of them is known: first open, highest high, lowest low and last
//! close equal the venue's bit for bit. So does the volume, as long as it consists of decimals of at most
//! eight places whose sum stays below 2^53 units: those are added up as integers. Larger volumes, and
//! turnover (a product with up to sixteen places, more than an `f64` holds), are added up with compensation
//! and can differ from the venue's own in the last digit.

use crate::decimal_sum::{CompensatedSum, DecimalSum};
use crate::{Candle, Grid, TimeRange, Timeframe, Timestamp};

/// The timeframes that may be computed from known one-minute candles instead of being fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerivationPolicy {
    /// No timeframe: only the venue's own candles.
    Never,
    /// Three minutes to four hours. Days and longer are excluded, because a venue's daily candles differ in rare
    /// cases from the sum of its minutes.
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
            Self::Intraday => Timeframe::H4,
            Self::All => Timeframe::Year,
        };
        (Timeframe::M1 < timeframe && timeframe <= longest).then_some(Timeframe::M1)
    }
}

impl Grid {
    /// Returns the slots of `timeframe` that lie entirely in `range`, or `None` if there is none.
    #[must_use]
    pub fn whole_slots(self, timeframe: Timeframe, range: TimeRange) -> Option<TimeRange> {
        TimeRange::new(self.ceil(timeframe, range.from()), self.floor(timeframe, range.to())).ok()
    }

    /// Computes candles of `timeframe` from shorter ones, oldest first, using all of each slot that has any.
    ///
    /// The caller must know that none of them is missing: see [`whole_slots`](Self::whole_slots).
    #[must_use]
    pub fn derive(self, timeframe: Timeframe, shorter: &[Candle]) -> Vec<Candle> {
        let slot = |candle: &Candle| self.floor(timeframe, candle.open_time);
        shorter
            .chunk_by(|a, b| slot(a) == slot(b))
            .filter_map(|parts| aggregate(slot(parts.first()?), parts))
            .collect()
    }
}

/// Merges shorter candles, oldest first, into one. Returns `None` if there are none.
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
        let got = Grid::Utc.derive(Timeframe::M5, &minutes);
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
    fn days_are_derived_only_where_that_is_asked_for() {
        let derived = |derive: DerivationPolicy| {
            Timeframe::ALL.into_iter().filter(|frame| derive.base_of(*frame).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(derived(DerivationPolicy::Never), []);
        assert_eq!(derived(DerivationPolicy::Intraday), Timeframe::ALL[2..9]);
        assert_eq!(derived(DerivationPolicy::All), Timeframe::ALL[2..]);
    }
}
