//! The writer's queue for one series: what is to be written, withdrawn, and confirmed.

use market_backbone_core::{
    Candle, CandleStore, Coverage, Provenance, RangeSet, Series, Span, StoreError, TimeRange,
};
use tokio::time::Instant;

use super::confirm_schedule::{ConfirmSchedule, streamed_only};

/// The pending writes of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingWrites {
    pub(super) candles: Vec<Candle>,
    /// The coverage of the candles.
    pub(super) proof: Coverage,
    /// The ranges to be forgotten, unless the venue has confirmed them.
    withdrawn: RangeSet,
}

impl PendingWrites {
    pub(super) fn is_empty(&self) -> bool {
        self.proof.spans().is_empty() && self.withdrawn.is_empty()
    }

    /// Adds live slots with their provenance.
    pub(super) fn keep(&mut self, range: TimeRange, candles: Vec<Candle>, provenance: Provenance) {
        self.candles.retain(|candle| !range.contains(candle.open_time));
        self.candles.extend(candles);
        self.proof.insert(Span { range, provenance });
    }

    pub(super) fn withdraw(&mut self, range: TimeRange) {
        self.candles.retain(|candle| !range.contains(candle.open_time));
        self.proof.remove(range);
        self.withdrawn.insert(range);
    }

    /// Puts back what could not be written, beneath what has come since.
    pub(super) fn requeue(&mut self, undone: Self) {
        let newer = std::mem::replace(self, undone);
        for range in newer.withdrawn {
            self.withdraw(range);
        }
        let proven = newer.proof.ranges();
        self.candles.retain(|candle| proven.iter().all(|range| !range.contains(candle.open_time)));
        self.candles.extend(newer.candles);
        self.proof.merge(&newer.proof);
    }

    /// Writes all of it.
    pub(super) async fn write(
        &mut self,
        store: &dyn CandleStore,
        series: &Series,
    ) -> Result<WriteOutcome, StoreError> {
        let mut written = WriteOutcome::default();
        for range in self.withdrawn.clone() {
            written.forgotten.extend(forget_streamed_only(store, series, range).await?);
            self.withdrawn.remove(range);
        }
        if !self.proof.spans().is_empty() {
            store.commit(series, &self.candles, &self.proof).await?;
            let known = store.coverage(series).await?;
            self.proof
                .ranges()
                .into_iter()
                .for_each(|range| written.streamed_only.extend(streamed_only(&known, range)));
        }
        Ok(written)
    }
}

/// The outcome of a write.
#[derive(Debug, Default)]
pub(super) struct WriteOutcome {
    /// The withdrawn ranges.
    pub(super) forgotten: Vec<TimeRange>,
    /// The ranges that the store now knows from live data only: all that was written, except what the venue
    /// has confirmed already.
    pub(super) streamed_only: RangeSet,
}

/// Forgets the part of `range` that is known from live data only.
async fn forget_streamed_only(
    store: &dyn CandleStore,
    series: &Series,
    range: TimeRange,
) -> Result<Vec<TimeRange>, StoreError> {
    let heard = streamed_only(&store.coverage(series).await?, range).into_vec();
    for range in &heard {
        store.forget(series, *range).await?;
    }
    Ok(heard)
}

/// The queue of one series.
#[derive(Debug)]
pub(super) struct SeriesQueue {
    pub(super) pending: PendingWrites,
    /// The number of failed writes in a row.
    pub(super) attempts: u32,
    pub(super) not_before: Option<Instant>,
    /// The slots that are written and are to be confirmed by the venue.
    pub(super) confirms: ConfirmSchedule,
}

impl SeriesQueue {
    pub(super) fn new(rounds: ConfirmSchedule) -> Self {
        Self { pending: PendingWrites::default(), attempts: 0, not_before: None, confirms: rounds }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.pending.is_empty() && self.not_before.is_none_or(|moment| moment <= now)
    }
}
