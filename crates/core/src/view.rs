//! A view of an answer slot by slot: how to show slots without a trade.
//!
//! A view is made when it is read and never stored: a filled row is a convenience for charts and indicators,
//! not something that happened. Only slots that are *proven* empty are ever filled. An unknown or disputed slot
//! is a row of its own that says so, and the close before it is not carried over it. A flat line over a failed
//! download would look like real data.

use crate::{Candle, CandleSet, Grid, Slot, Timestamp};

/// The choice of what a view shows for slots without a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fill {
    /// No row: only the candles that exist, as they are stored.
    #[default]
    None,
    /// The last close, as a flat candle without volume that is flagged as filled.
    Forward,
    /// A row without a candle.
    Null,
}

/// One row of a view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewRow {
    /// The start of the slot.
    pub open_time: Timestamp,
    /// The candle, a real one or a filled one.
    pub candle: Option<Candle>,
    /// `true` if the candle was filled in by the view. It never is where the slot is not proven empty.
    pub filled: bool,
    /// The knowledge about the slot.
    pub slot: Slot,
}

impl ViewRow {
    /// Returns whether the row will not change, as far as is known: the slot has ended, and its candle is final
    /// or known not to exist. A forming candle will change, and one that the venue may still correct or a slot
    /// that is unknown may.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match (self.slot, &self.candle) {
            (Slot::Empty, _) => true,
            (_, Some(candle)) => candle.is_final,
            (_, None) => false,
        }
    }
}

/// The rows of a view, oldest first.
///
/// They run from the first slot with known content to the last, without a hole. With [`Fill::None`] there is a
/// row only for each candle. Before the first candle there is no close to repeat.
#[derive(Clone, Debug)]
pub struct View<'a> {
    set: &'a CandleSet,
    fill: Fill,
    grid: Grid,
    next: Timestamp,
    end: Timestamp,
    /// The number of candles passed so far.
    passed: usize,
    /// The close that may be repeated, or `None` after an unknown slot.
    close: Option<f64>,
}

impl CandleSet {
    /// Returns the answer slot by slot, as `grid` cuts them.
    #[must_use]
    pub fn view(&self, fill: Fill, grid: Grid) -> View<'_> {
        let timeframe = self.series.timeframe;
        let spans = self.coverage.spans();
        let bounded = |moment: &Timestamp| *moment > Timestamp::MIN && *moment < Timestamp::MAX;
        let oldest = self.candles.first().map(|candle| candle.open_time);
        let newest = self.candles.last().map(|candle| grid.close(timeframe, candle.open_time));
        let begin = spans.first().map(|span| span.range.from()).filter(bounded);
        let end = spans.last().map(|span| span.range.to()).filter(bounded);
        View {
            set: self,
            fill,
            grid,
            next: grid.ceil(timeframe, oldest.into_iter().chain(begin).min().unwrap_or(Timestamp::MAX)),
            end: newest.into_iter().chain(end).max().unwrap_or(Timestamp::MIN),
            passed: 0,
            close: None,
        }
    }
}

impl View<'_> {
    fn truth_of(&self, candle: Candle) -> Slot {
        match self.set.coverage.dispute_at(candle.open_time) {
            Some(_) => Slot::Disputed(Some(candle)),
            None => Slot::Present(candle),
        }
    }

    fn next_candle(&mut self) -> Option<ViewRow> {
        let candle = self.set.candles.get(self.passed)?;
        self.passed += 1;
        let slot = self.truth_of(candle);
        Some(ViewRow { open_time: candle.open_time, candle: Some(candle), filled: false, slot })
    }

    fn next_slot(&mut self) -> Option<ViewRow> {
        let open_time = self.next;
        if open_time >= self.end {
            return None;
        }
        self.next = self.grid.close(self.set.series.timeframe, open_time);
        // The candles rise as the slots do, so none needs to be searched for.
        let here = self.set.candles.get(self.passed).filter(|candle| candle.open_time == open_time);
        self.passed += usize::from(here.is_some());
        let truth = here.map_or_else(|| self.set.slot(open_time), |candle| self.truth_of(candle));
        let (candle, filled) = match truth {
            Slot::Present(candle) | Slot::Disputed(Some(candle)) => (Some(candle), false),
            Slot::Empty => {
                let repeated = self.close.filter(|_| self.fill == Fill::Forward);
                (repeated.map(|close| flat(open_time, close)), repeated.is_some())
            }
            Slot::Unknown | Slot::Disputed(None) => (None, false),
        };
        self.close = match truth {
            Slot::Empty => self.close,
            _ => candle.map(|candle| candle.close),
        };
        Some(ViewRow { open_time, candle, filled, slot: truth })
    }
}

impl Iterator for View<'_> {
    type Item = ViewRow;

    fn next(&mut self) -> Option<ViewRow> {
        match self.fill {
            Fill::None => self.next_candle(),
            Fill::Forward | Fill::Null => self.next_slot(),
        }
    }
}

/// Returns a candle of a slot in which the price stood still because nobody traded.
fn flat(open_time: Timestamp, price: f64) -> Candle {
    let (open, high, low, close) = (price, price, price, price);
    Candle { open_time, open, high, low, close, volume: 0.0, turnover: 0.0, is_final: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CandlePart, Coverage, Dispute, Origin, Provenance, Series, Span, Symbol};
    use crate::{TimeRange, Timeframe, VenueId};

    fn minutes(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap()
    }

    fn candle(minute: i64, close: f64) -> Candle {
        let open_time = Timestamp::from_secs(minute * 60);
        Candle {
            open_time,
            open: 1.0,
            high: 9.0,
            low: 1.0,
            close,
            volume: 1.0,
            turnover: 1.0,
            is_final: true,
        }
    }

    fn set(candles: &[Candle], known: &[TimeRange]) -> CandleSet {
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        let coverage: Coverage = known.iter().map(|range| Span { range: *range, provenance }).collect();
        let series = Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1);
        let part = CandlePart { candles: candles.into(), coverage, ..CandlePart::default() };
        CandleSet::assemble(series, [part])
    }

    /// Returns a letter for each row: `c`andle, `f`illed, `e`mpty, `u`nknown, `d`isputed.
    fn drawn(set: &CandleSet, fill: Fill) -> String {
        let letter = |row: ViewRow| match (row.filled, row.slot) {
            (true, Slot::Empty) => 'f',
            (false, Slot::Present(_)) => 'c',
            (false, Slot::Empty) => 'e',
            (false, Slot::Unknown) => 'u',
            (false, Slot::Disputed(_)) => 'd',
            (true, _) => '!',
        };
        set.view(fill, Grid::Utc).map(letter).collect()
    }

    #[test]
    fn a_proven_hole_is_filled_and_an_unknown_one_never() {
        let set = set(&[candle(2, 5.0), candle(9, 7.0)], &[minutes(2, 5), minutes(7, 12)]);
        assert_eq!(drawn(&set, Fill::None), "cc");
        assert_eq!(drawn(&set, Fill::Forward), "cffuueecff");
        assert_eq!(drawn(&set, Fill::Null), "ceeuueecee");
        let rows: Vec<_> = set.view(Fill::Forward, Grid::Utc).collect();
        let filled = rows[1].candle.unwrap();
        assert_eq!(
            (filled.open, filled.high, filled.low, filled.close, filled.volume),
            (5.0, 5.0, 5.0, 5.0, 0.0)
        );
        assert_eq!(rows[9].candle.unwrap().close, 7.0);
        assert!(rows.iter().all(|row| row.candle.is_some() || !row.filled));
    }

    #[test]
    fn before_the_first_candle_there_is_nothing_to_repeat() {
        let set = set(&[candle(4, 5.0)], &[minutes(2, 6)]);
        assert_eq!(drawn(&set, Fill::Forward), "eecf");
    }

    #[test]
    fn the_beginning_of_time_is_not_drawn() {
        let always = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(360)).unwrap();
        assert_eq!(drawn(&set(&[candle(4, 5.0)], &[always]), Fill::Null), "ce");
        assert_eq!(drawn(&set(&[], &[always]), Fill::Null), "");
        assert_eq!(drawn(&set(&[], &[]), Fill::Forward), "");
    }

    #[test]
    fn a_disputed_hole_ends_the_run() {
        let mut set = set(&[candle(2, 5.0)], &[minutes(2, 6)]);
        set.coverage.add_dispute(Dispute { range: minutes(4, 5), earlier: None, later: None });
        assert_eq!(drawn(&set, Fill::Forward), "cfde");
    }

    #[test]
    fn the_candle_in_progress_is_a_row_like_any_other() {
        let forming = Candle { is_final: false, ..candle(5, 8.0) };
        let set = set(&[candle(2, 5.0), forming], &[minutes(2, 5)]);
        assert_eq!(drawn(&set, Fill::Forward), "cffc");
    }
}
