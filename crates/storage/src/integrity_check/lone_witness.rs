//! Finds slots that are known to be empty by one reply alone, from the time when that was enough.
//!
//! One reply can be empty, stale or too early by mistake. What it said of slots between two of its rows is
//! reliable; what it said beyond them is not. The ledger merged the replies of one day, so their edges are
//! lost: where nearly every slot has a candle, each slot without one is suspicious.

use market_backbone_core::{Candle, CandleStore, Grid, Series, StoreError, TimeRange, Timeframe, Timestamp};

use super::finding::{Finding, IntegrityIssue};

/// The share of slots with a candle above which a slot without one is unusual.
const DENSE_SHARE: f64 = 0.9;
/// The number of slots without a candle that makes a long range: half of the shortest page.
const LONG_GAP_SLOTS: u64 = 100;

/// Finds those of the `old` ranges of a series that rest on one reply alone and should be fetched again.
pub(crate) async fn findings(
    store: &dyn CandleStore,
    series: &Series,
    grid: Grid,
    old: &[TimeRange],
) -> Result<Vec<Finding>, StoreError> {
    // An unreadable ledger has been found already.
    let Ok(known) = store.coverage(series).await else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for stretch in old.iter().flat_map(|old| known.within(*old).ranges()) {
        let rows = store.read(series, stretch, usize::MAX).await?.candles;
        for range in uncertain_ranges(grid, series.timeframe, stretch, &rows.to_vec()) {
            let detail = "known to be empty by one reply only".to_owned();
            // The whole past has no known number of slots.
            let has_begun = range.from() != Timestamp::MIN;
            let slots = if has_begun { grid.slots(series.timeframe, range) } else { 0 };
            found.push(Finding { slots, ..Finding::at(IntegrityIssue::LoneWitness, series, range, detail) });
        }
    }
    Ok(found)
}

/// Returns the slots of `stretch` that should be fetched again; `rows` are all that lie in it, oldest first.
fn uncertain_ranges(grid: Grid, timeframe: Timeframe, stretch: TimeRange, rows: &[Candle]) -> Vec<TimeRange> {
    let (Some(oldest), Some(newest)) = (rows.first(), rows.last()) else { return vec![stretch] };
    let close = |row: &Candle| grid.close(timeframe, row.open_time);
    let slots = |range: TimeRange| grid.slots(timeframe, range);
    let mut found = Vec::from_iter(TimeRange::new(stretch.from(), oldest.open_time));
    let gaps: Vec<_> = rows
        .windows(2)
        .filter_map(|pair| TimeRange::new(close(&pair[0]), pair[1].open_time).ok())
        .filter(|gap| slots(*gap) > 0)
        .collect();
    let missing: u64 = gaps.iter().map(|gap| slots(*gap)).sum();
    let is_dense = |without: u64| rows.len() as f64 >= DENSE_SHARE * (rows.len() as f64 + without as f64);
    let (all, long) = (is_dense(missing), is_dense(gaps.len() as u64));
    found.extend(gaps.into_iter().filter(|gap| all || long && slots(*gap) >= LONG_GAP_SLOTS));
    found.extend(TimeRange::new(close(newest), stretch.to()));
    found.retain(|range| slots(*range) > 0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_testkit::flat_candle;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(minute * 60)
    }

    fn rows(minutes: impl IntoIterator<Item = i64>) -> Vec<Candle> {
        let row = |minute| Candle { is_final: true, ..flat_candle(at(minute), 1.0) };
        minutes.into_iter().map(row).collect()
    }

    fn found(
        stretch: (Timestamp, i64),
        minutes: impl IntoIterator<Item = i64>,
    ) -> Vec<(Timestamp, Timestamp)> {
        let stretch = TimeRange::new(stretch.0, at(stretch.1)).unwrap();
        let found = uncertain_ranges(Grid::Utc, Timeframe::M1, stretch, &rows(minutes));
        found.into_iter().map(|range| (range.from(), range.to())).collect()
    }

    #[test]
    fn the_edges_of_an_old_answer_are_doubtful() {
        assert_eq!(found((at(0), 20), 0..17), [(at(17), at(20))]);
        assert_eq!(found((at(0), 17), 0..17), []);
        assert_eq!(found((Timestamp::MIN, 17), 5..17), [(Timestamp::MIN, at(5))]);
        assert_eq!(found((Timestamp::MIN, 17), []), [(Timestamp::MIN, at(17))]);
        assert_eq!(
            found((at(0), 17), 5..17),
            [(at(0), at(5))],
            "one `[]` in the middle of a range that was asked for"
        );
        assert_eq!(found((at(0), 17), (4..17).step_by(4)), [(at(0), at(4))], "of a thin market too");
    }

    #[test]
    fn days_that_a_stale_answer_skipped_are_doubtful() {
        assert_eq!(found((at(0), 5_000), (0..200).chain(4_800..5_000)), [(at(200), at(4_800))]);
        assert_eq!(found((at(0), 351), (0..=350).step_by(7)), [], "a thin market has no long stretch");
    }

    #[test]
    fn a_missing_candle_among_many_is_doubtful_and_among_few_is_not() {
        assert_eq!(found((at(0), 40), (0..40).filter(|minute| *minute != 20)), [(at(20), at(21))]);
        assert_eq!(found((at(0), 41), (0..=40).step_by(4)), []);
    }
}
