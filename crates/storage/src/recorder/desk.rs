//! What the writer has on its desk for one series: what is to be written, taken back, and confirmed.

use market_backbone_core::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, StoreError, TimeRange, Timestamp,
};
use tokio::time::Instant;

use super::rounds::{Rounds, heard_of};

/// What is to be done for one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    pub(super) candles: Vec<Candle>,
    /// What is known with them.
    pub(super) proof: Coverage,
    /// Stretches to be forgotten, unless the venue has spoken of them.
    withdrawn: Coverage,
}

impl Heap {
    pub(super) fn is_empty(&self) -> bool {
        self.proof.spans().is_empty() && self.withdrawn.spans().is_empty()
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
        self.withdrawn.insert(stretch(range));
    }

    /// Puts back what could not be done, under what has come since.
    pub(super) fn put_back(&mut self, undone: Self) {
        let newer = std::mem::replace(self, undone);
        for range in newer.withdrawn.ranges() {
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
    ) -> Result<Written, StoreError> {
        let mut written = Written::default();
        for range in self.withdrawn.ranges() {
            written.forgotten.extend(forget_heard(store, series, range).await?);
            self.withdrawn.remove(range);
        }
        if !self.proof.spans().is_empty() {
            store.commit(series, &self.candles, &self.proof).await?;
            let known = store.coverage(series).await?;
            self.proof.ranges().into_iter().for_each(|range| written.heard.merge(&heard_of(&known, range)));
        }
        Ok(written)
    }
}

/// What has become of a heap.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// What was taken back.
    pub(super) forgotten: Vec<TimeRange>,
    /// What the store now knows by hearing alone: all that was to be kept, but for what the venue has spoken of already.
    pub(super) heard: Coverage,
}

/// Forgets what of `range` is known by hearing alone.
async fn forget_heard(
    store: &dyn CandleStore,
    series: &Series,
    range: TimeRange,
) -> Result<Vec<TimeRange>, StoreError> {
    let heard = heard_of(&store.coverage(series).await?, range).ranges();
    for range in &heard {
        store.forget(series, *range).await?;
    }
    Ok(heard)
}

/// A stretch in a set of stretches; whose word it is does not matter here.
fn stretch(range: TimeRange) -> Span {
    Span { range, provenance: Provenance { origin: Origin::Socket, observed_at: Timestamp::EPOCH } }
}

/// The desk of one series.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) heap: Heap,
    /// How often writing it has failed in a row, and when it may be tried again.
    pub(super) tries: u32,
    pub(super) not_before: Option<Instant>,
    /// Written, and to be confirmed by the venue.
    pub(super) rounds: Rounds,
}

impl Desk {
    pub(super) fn new(rounds: Rounds) -> Self {
        Self { heap: Heap::default(), tries: 0, not_before: None, rounds }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.heap.is_empty() && self.not_before.is_none_or(|moment| moment <= now)
    }
}
