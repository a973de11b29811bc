//! Checks one series against its grid, its own order, the ledger, and possible values.

use market_backbone_core::{Candle, CandleStore, Coverage, Grid, Series, StoreError, TimeRange, Timestamp};

use super::finding::{Finding, Findings, IntegrityIssue};

/// The number of rows read at once.
const WINDOW: usize = 10_000;

/// Finds everything that is wrong with one series by itself.
pub(crate) async fn run(
    store: &dyn CandleStore,
    series: &Series,
    grid: Grid,
) -> Result<Vec<Finding>, StoreError> {
    let known = store.coverage(series).await?;
    let mut check = SeriesCheck { series, grid, holes: holes(&known), found: Findings::default() };
    let mut to = Timestamp::MAX;
    // Newest first, window by window. Their order matters only within a hole of the ledger, and there a hole
    // is the unit.
    while let Ok(range) = TimeRange::new(Timestamp::MIN, to) {
        let rows = store.read(series, range, WINDOW).await?.candles.to_vec();
        check.rows(&rows);
        match rows.iter().map(|row| row.open_time).min() {
            Some(oldest) if rows.len() >= WINDOW => to = oldest,
            _ => break,
        }
    }
    for dispute in known.disputes() {
        let slots = grid.slots(series.timeframe, dispute.range);
        let detail = "two answers about it disagreed; the later one is kept".to_owned();
        check
            .found
            .add(Finding { slots, ..Finding::at(IntegrityIssue::Disputed, series, dispute.range, detail) });
    }
    Ok(check.found.into_vec())
}

/// Returns the ranges that the ledger does not know, oldest first.
fn holes(known: &Coverage) -> Vec<TimeRange> {
    known.missing(TimeRange::ALL)
}

struct SeriesCheck<'a> {
    series: &'a Series,
    grid: Grid,
    holes: Vec<TimeRange>,
    found: Findings,
}

impl SeriesCheck<'_> {
    fn rows(&mut self, rows: &[Candle]) {
        let mut last_unproven: Option<(usize, TimeRange)> = None;
        for (index, row) in rows.iter().enumerate() {
            let slot = self.slot(row.open_time);
            if !self.grid.is_open_time(self.series.timeframe, row.open_time) {
                self.add(
                    IntegrityIssue::OffGrid,
                    slot,
                    format!("a candle opens at {}, where no slot does", row.open_time),
                );
            }
            if index > 0 && rows[index - 1].open_time >= row.open_time {
                let earlier = rows[index - 1].open_time;
                let detail = format!("a candle at {} comes after one at {earlier}", row.open_time);
                self.add(IntegrityIssue::OutOfOrder, slot, detail);
            }
            if !row.is_valid() {
                self.add(IntegrityIssue::Impossible, slot, impossible(row));
            }
            let Some(hole) = self.hole_at(row.open_time) else { continue };
            // Rows of one hole are one finding, even with slots without a candle between them.
            let begin = match last_unproven {
                Some((same, reach)) if same == hole => reach.from().min(slot.from()),
                _ => slot.from(),
            };
            let reach = TimeRange::new(begin, slot.to()).unwrap_or(slot);
            last_unproven = Some((hole, reach));
            self.add(IntegrityIssue::Unproven, reach, "a candle without coverage in the ledger".to_owned());
        }
    }

    fn add(&mut self, flaw: IntegrityIssue, range: TimeRange, detail: String) {
        self.found.add(Finding::at(flaw, self.series, range, detail));
    }

    /// Returns the whole slot that contains `moment`.
    fn slot(&self, moment: Timestamp) -> TimeRange {
        let open = self.grid.floor(self.series.timeframe, moment);
        let close = self.grid.close(self.series.timeframe, open);
        TimeRange::new(open, close)
            .or_else(|_| TimeRange::new(moment, Timestamp::MAX))
            .unwrap_or(TimeRange::ALL)
    }

    fn hole_at(&self, moment: Timestamp) -> Option<usize> {
        let index = self.holes.partition_point(|hole| hole.to() <= moment);
        self.holes.get(index).is_some_and(|hole| hole.contains(moment)).then_some(index)
    }
}

fn impossible(row: &Candle) -> String {
    let Candle { open, high, low, close, volume, turnover, .. } = row;
    format!(
        "impossible values: open {open}, high {high}, low {low}, close {close}, volume {volume}, \
         turnover {turnover}"
    )
}
