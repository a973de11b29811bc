//! What the writer has on its desk for one series: what is to be written, taken back, and confirmed.

use market_backbone_core::{
    Candle, CandleStore, Coverage, Provenance, RangeSet, Series, Span, StoreError, TimeRange,
};
use tokio::time::Instant;

use super::confirm_schedule::{ConfirmSchedule, streamed_only};

/// What is to be done for one series.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingWrites {
    pub(super) candles: Vec<Candle>,
    /// What is known with them.
    pub(super) proof: Coverage,
    /// Stretches to be forgotten, unless the venue has spoken of them.
    withdrawn: RangeSet,
}

impl PendingWrites {
    pub(super) fn is_empty(&self) -> bool {
        self.proof.spans().is_empty() && self.withdrawn.is_empty()
    }

    /// Takes slots that were heard: as who said so, and when.
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

    /// Puts back what could not be done, under what has come since.
    pub(super) fn requeue(&mut self, undone: Self) {
        let newer = std::mem::replace(self, undone);
        for range in newer.withdrawn {
            self.withdraw(range);
        }
        let told = newer.proof.ranges();
        self.candles.retain(|candle| told.iter().all(|range| !range.contains(candle.open_time)));
        self.candles.extend(newer.candles);
        self.proof.merge(&newer.proof);
    }

    /// Does it all.
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

/// What has become of a heap.
#[derive(Debug, Default)]
pub(super) struct WriteOutcome {
    /// What was taken back.
    pub(super) forgotten: Vec<TimeRange>,
    /// What the store now knows by hearing alone: all that was to be kept, but for what the venue has spoken of already.
    pub(super) streamed_only: RangeSet,
}

/// Forgets what of `range` is known by hearing alone.
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

/// The desk of one series.
#[derive(Debug)]
pub(super) struct SeriesQueue {
    pub(super) pending: PendingWrites,
    /// How often writing it has failed in a row, and when it may be tried again.
    pub(super) attempts: u32,
    pub(super) not_before: Option<Instant>,
    /// Written, and to be confirmed by the venue.
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
