//! Folds columns of shorter candles into longer ones, slot by slot, in one pass.
//!
//! The result is that of [`aggregate`](super::aggregate), bit for bit. What costs time there is done here on whole
//! columns at once: highs and lows in several lanes, and amounts of at most eight decimals as integers, whose sum
//! does not depend on the order.

use std::ops::Range;

use crate::decimal_sum::{CompensatedSum, DecimalSum, sum_of_units};
use crate::{Candle, CandleColumns, CandleColumnsBuilder, Grid, Timeframe, Timestamp};

/// The number of partial results that are kept side by side.
const LANES: usize = 8;

/// Folds `shorter` into candles of `timeframe`, oldest first.
pub(super) fn fold(grid: Grid, timeframe: Timeframe, shorter: &CandleColumns) -> CandleColumns {
    let times = shorter.open_times_ns();
    let span = times.first().zip(times.last()).map_or(0, |(first, last)| last.saturating_sub(*first));
    let slot_ns = i64::try_from(timeframe.typical().as_nanos()).unwrap_or(i64::MAX).max(1);
    let slots = usize::try_from(span / slot_ns).unwrap_or(0).saturating_add(2);
    let mut longer = CandleColumnsBuilder::with_capacity(slots.min(times.len()));
    let mut rows = 0..0;
    while let Some(first) = times.get(rows.end) {
        let open_time = grid.floor(timeframe, Timestamp::from_nanos(*first));
        let close = grid.close(timeframe, open_time).as_nanos();
        let inside = |time: &&i64| open_time.as_nanos() <= **time && **time < close;
        // The first one counts in any case, even at the ends of time.
        let more = times[rows.end + 1..].iter().take_while(inside).count();
        rows = rows.end..rows.end + 1 + more;
        longer.push(&folded(open_time, shorter, rows.clone()));
    }
    longer.finish()
}

fn folded(open_time: Timestamp, shorter: &CandleColumns, rows: Range<usize>) -> Candle {
    let (first, last) = (rows.start, rows.end - 1);
    let volumes = &shorter.volumes()[rows.clone()];
    let mut turnover = CompensatedSum::default();
    turnover.extend(shorter.turnovers()[rows.clone()].iter().copied());
    Candle {
        open_time,
        open: shorter.opens()[first],
        high: extreme(&shorter.highs()[rows.clone()], |one, other| if other > one { other } else { one }),
        low: extreme(&shorter.lows()[rows.clone()], |one, other| if other < one { other } else { one }),
        close: shorter.closes()[last],
        volume: sum_of_units(volumes).unwrap_or_else(|| {
            let mut sum = DecimalSum::default();
            sum.extend(volumes.iter().copied());
            sum.value()
        }),
        turnover: turnover.value(),
        is_final: shorter.are_all_final() || rows.into_iter().all(|row| shorter.is_final(row)),
    }
}

/// Returns the figure that `pick` prefers to all others. There is at least one.
fn extreme(figures: &[f64], pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [figures[0]; LANES];
    let (whole, rest) = figures.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, figure) in lanes.iter_mut().zip(chunk) {
            *lane = pick(*lane, *figure);
        }
    }
    lanes.iter().chain(rest).copied().fold(figures[0], pick)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derivation::aggregate;

    /// Folds row by row.
    fn by_rows(grid: Grid, timeframe: Timeframe, shorter: &[Candle]) -> Vec<Candle> {
        let slot = |candle: &Candle| grid.floor(timeframe, candle.open_time);
        let slots = shorter.chunk_by(|one, next| slot(one) == slot(next));
        slots.filter_map(|rows| aggregate(slot(rows.first()?), rows)).collect()
    }

    /// Returns amounts of each kind: decimals, other fractions, and ones too large to be counted in units.
    fn amount() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => (0..100_000_000_000_u64).prop_map(|units| units as f64 / 1e8),
            1 => 0.0..1e6_f64,
            1 => (0..1_u64 << 54).prop_map(|units| units as f64 / 1e8),
        ]
    }

    prop_compose! {
        fn row()(step in 1..4_i64, price in 1..50_u32, up in 0..9_u32, down in 0..9_u32, volume in amount(),
                 turnover in amount(), is_final in prop::bool::weighted(0.98)) -> (i64, Candle) {
            let price = f64::from(price) + 10.0;
            let (high, low) = (price + f64::from(up), price - f64::from(down));
            let open_time = Timestamp::EPOCH;
            (step, Candle { open_time, open: price, high, low, close: low, volume, turnover, is_final })
        }
    }

    proptest! {
        #[test]
        fn columns_fold_as_rows_do(rows in prop::collection::vec(row(), 0..400), start in 0..2_000_i64,
                                   frame in 1..Timeframe::ALL.len(), in_new_york: bool) {
            let grid = if in_new_york { Grid::NewYork } else { Grid::Utc };
            let mut minute = 29_000_000 + start;
            let rows: Vec<Candle> = rows.into_iter().map(|(step, candle)| {
                minute += step;
                Candle { open_time: Timestamp::from_secs(minute * 60), ..candle }
            }).collect();
            let timeframe = Timeframe::ALL[frame];
            let want = by_rows(grid, timeframe, &rows);
            prop_assert_eq!(fold(grid, timeframe, &rows.into()), want);
        }
    }

    #[test]
    fn the_ends_of_time_are_slots_of_their_own() {
        let candle = |open_time| Candle {
            open_time,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            turnover: 1.0,
            is_final: true,
        };
        let rows = [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX].map(candle);
        assert_eq!(fold(Grid::Utc, Timeframe::H1, &rows.into()), rows);
    }
}
