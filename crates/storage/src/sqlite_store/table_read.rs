//! Reads rows by the block: from memory, from sealed files, and from the table, which is repaired where it is
//! damaged.

use std::sync::Arc;

use market_backbone_core::{StoreError, StoredCandles, TimeRange};

use super::SqliteStore;
use super::repair::{MAX_ATTEMPTS, distinct, is_damage};
use super::series_state::SeriesState;

impl SqliteStore {
    /// Returns the newest `limit` rows that open in `range`.
    pub(super) async fn read_from_blocks(
        &self,
        series: &Arc<SeriesState>,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let (mut answer, mut last_damaged) = (StoredCandles::default(), Vec::new());
        for _ in 0..MAX_ATTEMPTS {
            let (found, damaged) = match self.read_rows(series, range, limit).await {
                Ok(read) => read,
                Err(error) if is_damage(&error) => {
                    tracing::warn!(
                        %error, source = %series.venue, series = series.label,
                        "cannot be read; it stays unknown until it can"
                    );
                    series.mark_all_uncertain();
                    return Ok(StoredCandles::default());
                }
                Err(error) => return Err(error),
            };
            answer = found;
            self.note_unsealed(series, &answer);
            if damaged.is_empty() {
                return Ok(answer);
            }
            // Once more after the repair: the block may have been valid, and then it is missing here.
            let damaged = distinct(damaged);
            if !self.repair(series, damaged.clone()).await {
                return Ok(answer);
            }
            last_damaged = damaged;
        }
        // No read without damage succeeded, so the range must not be reported as empty.
        series.mark_uncertain(&last_damaged);
        Ok(answer)
    }

    /// Notes a long range that no sealed file had: whoever reads it again finds one.
    fn note_unsealed(&self, series: &Arc<SeriesState>, read: &StoredCandles) {
        if !self.read_only && read.candles.len() >= self.long_read() {
            self.seal_queue.note_read(series, &read.candles);
        }
    }
}
