//! The splits of one share that have taken effect, and how they adjust a candle.

use super::Split;
use crate::{Candle, Symbol, TimeRange, Timestamp};

/// The ratio of old to new shares. Both numbers are kept, because 1 to 7 has no exact factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SplitRatio {
    from: f64,
    to: f64,
}

impl SplitRatio {
    const ONE: Self = Self { from: 1.0, to: 1.0 };

    /// Returns the candle in new shares. Turnover is money and stays.
    pub(super) fn apply(self, candle: &Candle) -> Candle {
        let mut adjusted = *candle;
        // A ratio of one leaves the candle unchanged to the last bit.
        if self.from.to_bits() != self.to.to_bits() {
            for price in [&mut adjusted.open, &mut adjusted.high, &mut adjusted.low, &mut adjusted.close] {
                *price = *price * self.from / self.to;
            }
            adjusted.volume = adjusted.volume * self.to / self.from;
        }
        adjusted
    }
}

/// The splits of a share in effect at some moment, each once.
///
/// Venues sometimes list the same split twice: it counts once. Two different ones on one day both count, as
/// the venue itself applies them, and earlier candles are disputed, because mostly one of the two is an
/// error.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitHistory {
    // Invariant: by when they took effect, the oldest first.
    splits: Vec<Split>,
    // The ratio for what opens before the split of the same index, and not before the one that precedes it;
    // `None` if it or a later one is impossible.
    ratios: Vec<Option<SplitRatio>>,
}

impl SplitHistory {
    /// Keeps those of `splits` that are of `symbol` and have taken effect by `moment`. Announced ones change
    /// nothing yet.
    #[must_use]
    pub fn new(symbol: &Symbol, splits: &[Split], moment: Timestamp) -> Self {
        // A dividend in shares is listed as one to one.
        let counts = |split: &&Split| {
            split.symbol == *symbol && split.effective <= moment && split.price_factor() != Some(1.0)
        };
        let mut of_share: Vec<Split> = Vec::new();
        for split in splits.iter().filter(counts) {
            if !of_share.contains(split) {
                of_share.push(split.clone());
            }
        }
        of_share.sort_by_key(|split| split.effective);
        let mut since = Some(SplitRatio::ONE);
        let mut ratios: Vec<Option<SplitRatio>> = Vec::with_capacity(of_share.len());
        for split in of_share.iter().rev() {
            since = match (since, split.price_factor()) {
                (Some(since), Some(_)) => {
                    Some(SplitRatio { from: since.from * split.from, to: since.to * split.to })
                }
                _ => None,
            };
            ratios.push(since);
        }
        ratios.reverse();
        Self { splits: of_share, ratios }
    }

    /// Returns whether there is no split.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.splits.is_empty()
    }

    /// Returns the moments at which the splits took effect, the oldest first.
    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> {
        self.splits.iter().map(|split| split.effective)
    }

    /// Returns the ratio for shares of `moment`, or `None` if it is not known.
    pub(super) fn ratio(&self, moment: Timestamp) -> Option<SplitRatio> {
        let next = self.splits.partition_point(|split| split.effective <= moment);
        self.ratios.get(next).copied().unwrap_or(Some(SplitRatio::ONE))
    }

    /// Returns the range that lies before a day with two different splits.
    pub(super) fn disputed_range(&self) -> Option<TimeRange> {
        let mut pairs = self.splits.iter().zip(self.splits.iter().skip(1));
        let (twice, _) = pairs.rfind(|(one, other)| one.effective == other.effective)?;
        TimeRange::new(Timestamp::MIN, twice.effective).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VenueId;

    fn share(code: &str) -> Symbol {
        Symbol::new(VenueId::new("massive"), code).unwrap()
    }

    fn split(code: &str, secs: i64, from: f64, to: f64) -> Split {
        Split { symbol: share(code), effective: Timestamp::from_secs(secs), from, to }
    }

    /// Checks what a price of 700 and a volume of 10 at that second are adjusted to.
    #[track_caller]
    fn check(splits: &[Split], secs: i64, want: Option<(f64, f64)>) {
        let history = SplitHistory::new(&share("AAPL"), splits, Timestamp::from_secs(1_000));
        let open_time = Timestamp::from_secs(secs);
        let (open, high, low, close) = (700.0, 700.0, 700.0, 700.0);
        let candle =
            Candle { open_time, open, high, low, close, volume: 10.0, turnover: 7_000.0, is_final: true };
        let adjusted = history.ratio(open_time).map(|ratio| ratio.apply(&candle));
        assert_eq!(adjusted.map(|adjusted| (adjusted.close, adjusted.volume)), want);
        assert!(adjusted.is_none_or(|adjusted| adjusted.turnover.to_bits() == 7_000.0_f64.to_bits()));
    }

    #[test]
    fn what_opened_before_a_split_is_reported_in_new_shares() {
        let splits = [split("AAPL", 120, 1.0, 7.0)];
        check(&splits, 119, Some((100.0, 70.0)));
        check(&splits, 120, Some((700.0, 10.0)));
    }

    #[test]
    fn several_splits_multiply_in_any_order() {
        let splits = [split("AAPL", 180, 2.0, 1.0), split("AAPL", 60, 1.0, 7.0)];
        check(&splits, 0, Some((200.0, 35.0)));
        check(&splits, 60, Some((1_400.0, 5.0)));
        check(&splits, 180, Some((700.0, 10.0)));
    }

    #[test]
    fn splits_of_others_announced_ones_and_doubles_change_nothing() {
        let splits =
            [split("AAPL", 120, 1.0, 7.0), split("MSFT", 120, 1.0, 3.0), split("AAPL", 1_001, 1.0, 2.0)];
        check(&splits, 0, Some((100.0, 70.0)));
        check(&[&splits[..], &splits].concat(), 0, Some((100.0, 70.0)));
        check(&[split("AAPL", 120, 1.0, 1.0)], 0, Some((700.0, 10.0)));
    }

    #[test]
    fn a_split_that_makes_no_sense_leaves_the_past_untold_and_the_rest_as_it_is() {
        for (from, to) in [(0.0, 7.0), (1.0, 0.0), (f64::NAN, 1.0), (-1.0, -7.0), (1.0, f64::INFINITY)] {
            let splits =
                [split("AAPL", 60, 1.0, 7.0), split("AAPL", 120, from, to), split("AAPL", 180, 1.0, 2.0)];
            check(&splits, 59, None);
            check(&splits, 119, None);
            check(&splits, 120, Some((350.0, 20.0)));
            check(&splits, 180, Some((700.0, 10.0)));
        }
    }

    #[test]
    fn two_different_splits_of_one_day_both_count_and_the_past_is_disputed() {
        let splits =
            [split("AAPL", 120, 15.0, 1.0), split("AAPL", 60, 1.0, 7.0), split("AAPL", 120, 1.0, 3.0)];
        check(&splits, 60, Some((3_500.0, 2.0)));
        let history = |splits: &[Split]| SplitHistory::new(&share("AAPL"), splits, Timestamp::MAX);
        let before = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(120)).unwrap();
        assert_eq!(history(&splits).disputed_range(), Some(before));
        assert_eq!(history(&splits[..2]).disputed_range(), None);
    }
}
