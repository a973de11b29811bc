//! The stretches of bars without an unknown slot in them.

use std::ops::Range;

use market_backbone_core::{
    CandleColumns, CandleSet, Coverage, Grid, RangeSet, TimeRange, Timeframe, Timestamp,
};

/// Rows of candles, cut wherever a slot between two of them is unknown.
///
/// A slot that is proven empty does not cut: it is no bar. Nothing finite is computed across a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarRuns {
    // Invariant: not empty, in order, and together all rows.
    runs: Vec<Range<usize>>,
}

impl BarRuns {
    /// Returns one run of all rows: the caller answers for it that nothing is missing between them.
    #[must_use]
    pub fn unbroken(bars: &CandleColumns) -> Self {
        Self::cut_before(bars.len(), [])
    }

    /// Returns the runs of `rows` rows that are cut before each of `cuts`, which rise.
    #[must_use]
    pub fn cut_before(rows: usize, cuts: impl IntoIterator<Item = usize>) -> Self {
        let (mut runs, mut start) = (Vec::new(), 0);
        for cut in cuts.into_iter().filter(|cut| 0 < *cut && *cut < rows) {
            if start < cut {
                runs.push(start..cut);
                start = cut;
            }
        }
        if start < rows {
            runs.push(start..rows);
        }
        Self { runs }
    }

    /// Returns the runs of an answer: cut where its coverage leaves a slot unknown.
    #[must_use]
    pub fn of_set(set: &CandleSet, grid: Grid) -> Self {
        Self::of(&set.candles, &set.coverage, grid, set.series.timeframe)
    }

    /// Returns the runs of `bars`, cut where a slot between two of them has no row and no proof in `coverage`.
    #[must_use]
    pub fn of(bars: &CandleColumns, coverage: &Coverage, grid: Grid, timeframe: Timeframe) -> Self {
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
            return Self::unbroken(bars);
        };
        let Ok(whole) = TimeRange::new(first.open_time, last.open_time) else {
            return Self::unbroken(bars);
        };
        // A disputed slot without a candle is no better known than one that nobody asked for.
        let mut gaps: RangeSet = coverage.missing(whole).into_iter().collect();
        coverage.disputes().iter().for_each(|dispute| gaps.insert(dispute.range));
        let mut cuts = Vec::new();
        for gap in gaps.iter() {
            let mut expected = grid.ceil(timeframe, gap.from());
            for row in bars.rows_before(gap.from())..bars.len() {
                let open_time = Timestamp::from_nanos(bars.open_times_ns()[row]);
                if expected < open_time && expected < gap.to() {
                    cuts.push(row);
                }
                if open_time >= gap.to() {
                    break;
                }
                expected = grid.close(timeframe, open_time);
            }
        }
        Self::cut_before(bars.len(), cuts)
    }

    /// Returns the runs, oldest first.
    #[must_use]
    pub fn as_slice(&self) -> &[Range<usize>] {
        &self.runs
    }

    /// Returns whether an unknown slot lies directly before row `row`.
    #[must_use]
    pub fn is_cut_before(&self, row: usize) -> bool {
        row > 0 && self.runs.binary_search_by(|run| run.start.cmp(&row)).is_ok()
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of runs may hold one")]
mod tests {
    use super::*;
    use market_backbone_core::{Candle, Origin, Provenance, Span};
    use market_backbone_testkit::flat_candle;

    fn bars(minutes: &[i64]) -> CandleColumns {
        let candle =
            |minute: &i64| Candle { is_final: true, ..flat_candle(Timestamp::from_secs(minute * 60), 1.0) };
        minutes.iter().map(candle).collect()
    }

    fn proven(ranges: &[(i64, i64)]) -> Coverage {
        let span = |(from, to): &(i64, i64)| Span {
            range: TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap(),
            provenance: Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH },
        };
        ranges.iter().map(span).collect()
    }

    #[track_caller]
    fn check(minutes: &[i64], ranges: &[(i64, i64)], runs: &[Range<usize>]) {
        let found = BarRuns::of(&bars(minutes), &proven(ranges), Grid::Utc, Timeframe::M1);
        assert_eq!(found.as_slice(), runs);
    }

    #[test]
    fn a_slot_proven_empty_does_not_cut() {
        check(&[0, 1, 5, 6], &[(0, 7)], &[0..4]);
        check(&[], &[(0, 7)], &[]);
        check(&[3], &[], &[0..1]);
    }

    #[test]
    fn an_unknown_slot_cuts_once() {
        check(&[0, 1, 5, 6], &[(0, 3), (5, 7)], &[0..2, 2..4]);
        check(&[0, 1, 5, 6], &[(0, 2), (3, 7)], &[0..2, 2..4]);
        check(&[0, 1, 5, 6], &[(0, 4), (5, 7)], &[0..2, 2..4]);
        check(&[0, 1, 5, 6, 9], &[(0, 4), (5, 7)], &[0..2, 2..4, 4..5]);
    }

    #[test]
    fn a_row_without_a_proof_is_known_by_itself() {
        // Minutes 2 and 3 are not proven, and have rows: nothing is unknown.
        check(&[0, 1, 2, 3, 4], &[(0, 2), (4, 5)], &[0..5]);
        check(&[0, 1, 3, 4], &[(0, 2), (4, 5)], &[0..2, 2..4]);
        // The newest candle is still forming.
        check(&[0, 1, 2], &[(0, 2)], &[0..3]);
    }
}
