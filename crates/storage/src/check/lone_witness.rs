//! Slots that are known to be empty by one answer alone, from the time when that was enough.
//!
//! One answer can be empty, stale or too early by mistake. What it said of slots between two of its rows stands; what it
//! said beyond them does not. Answers of one day were joined in the ledger, so that their edges can no longer be told:
//! where nearly every slot has a candle, each slot without one is looked at.

use market_backbone_core::{Candle, Grid, TimeRange, Timeframe, Timestamp};

/// From this share of slots with a candle on, one without is unusual.
const DENSE: f64 = 0.9;

/// The slots of `stretch` that should be asked about again; `rows` are all that lie in it, oldest first.
pub(crate) fn doubtful(
    grid: Grid,
    timeframe: Timeframe,
    stretch: TimeRange,
    rows: &[Candle],
) -> Vec<TimeRange> {
    let (Some(oldest), Some(newest)) = (rows.first(), rows.last()) else { return vec![stretch] };
    let close = |row: &Candle| grid.close(timeframe, row.open_time);
    let mut found = Vec::new();
    if stretch.from() == Timestamp::MIN {
        found.extend(TimeRange::new(Timestamp::MIN, oldest.open_time));
    }
    let inner = TimeRange::new(oldest.open_time, close(newest));
    let slots = inner.map_or(1, |inner| grid.slots(timeframe, inner)).max(1);
    if rows.len() as f64 >= DENSE * slots as f64 {
        found.extend(
            rows.windows(2).filter_map(|pair| TimeRange::new(close(&pair[0]), pair[1].open_time).ok()),
        );
    }
    found.extend(TimeRange::new(close(newest), stretch.to()));
    found.retain(|range| grid.slots(timeframe, *range) > 0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(minute * 60)
    }

    fn rows(minutes: impl IntoIterator<Item = i64>) -> Vec<Candle> {
        let row = |minute| Candle {
            open_time: at(minute),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            turnover: 1.0,
            is_final: true,
        };
        minutes.into_iter().map(row).collect()
    }

    fn found(
        stretch: (Timestamp, i64),
        minutes: impl IntoIterator<Item = i64>,
    ) -> Vec<(Timestamp, Timestamp)> {
        let stretch = TimeRange::new(stretch.0, at(stretch.1)).unwrap();
        let found = doubtful(Grid::Utc, Timeframe::M1, stretch, &rows(minutes));
        found.into_iter().map(|range| (range.from(), range.to())).collect()
    }

    #[test]
    fn the_end_of_an_old_answer_and_its_beginning_of_time_are_doubtful() {
        assert_eq!(found((at(0), 20), 0..17), [(at(17), at(20))]);
        assert_eq!(found((at(0), 17), 0..17), []);
        assert_eq!(found((Timestamp::MIN, 17), 5..17), [(Timestamp::MIN, at(5))]);
        assert_eq!(found((Timestamp::MIN, 17), []), [(Timestamp::MIN, at(17))]);
    }

    #[test]
    fn a_missing_candle_among_many_is_doubtful_and_among_few_is_not() {
        assert_eq!(found((at(0), 40), (0..40).filter(|minute| *minute != 20)), [(at(20), at(21))]);
        assert_eq!(found((at(0), 41), (0..=40).step_by(4)), []);
    }
}
