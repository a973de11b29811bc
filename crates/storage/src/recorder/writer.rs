//! The one task that writes what is recorded, and lets the venue confirm it.
//!
//! The store sees one writer, with rows and coverage together, many series at a time. A failed write is
//! retried for a while; then its slots stay unknown, and are fetched when they are wanted. The venue's later
//! confirmation goes into the ledger in the same way. The ledger keeps the venue's version and marks where
//! the two differ.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, FuturesUnordered, StreamExt};
use market_backbone_core::{
    Backoff, CandleSource, CandleStore, Capabilities, Clock, Origin, Provenance, Series, StoreError,
    StoreErrorKind, TimeRange,
};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::RecorderConfig;
use super::confirm::{ConfirmReply, ConfirmRequest, slots_in};
use super::confirm_schedule::{ConfirmRound, ConfirmSchedule};
use super::metrics::RecorderCounters;
use super::series_queue::{PendingWrites, SeriesQueue, WriteOutcome};
use super::writer_message::{SlotAction, SlotUpdate, WriterMessage};

/// The number of messages received before their content is written.
const MESSAGES_AT_ONCE: usize = 256;
/// The number of series written concurrently; the store puts waiting commits into one transaction.
const COMMITS_AT_ONCE: usize = 8;

/// A writer that runs until it is told to end, and then writes what is left.
pub(super) struct RecorderWriter {
    pub(super) store: Arc<dyn CandleStore>,
    pub(super) upstream: Arc<dyn CandleSource>,
    pub(super) venue: Capabilities,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: RecorderConfig,
    pub(super) counters: Arc<RecorderCounters>,
    /// The rounds in which the venue is asked about a slot.
    pub(super) rounds: Vec<ConfirmRound>,
    pub(super) queues: FxHashMap<Series, SeriesQueue>,
}

impl RecorderWriter {
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<WriterMessage>, cancel: CancellationToken) {
        let mut messages = Vec::with_capacity(MESSAGES_AT_ONCE);
        let mut asking = FuturesUnordered::new();
        let mut ticks = interval(self.config.tick_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Each branch can be dropped without losing anything; what follows from it is not interrupted.
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = inbox.recv_many(&mut messages, MESSAGES_AT_ONCE) => self.work(messages.drain(..)).await,
                Some(answer) = asking.next() => self.handle_reply(answer).await,
                _ = ticks.tick() => {
                    self.write().await;
                    while asking.len() < self.config.max_concurrent_confirms
                        && let Some(question) = self.next_confirm()
                    {
                        asking.push(question.send(Arc::clone(&self.upstream), self.config.confirm_timeout));
                    }
                }
            }
        }
        inbox.close();
        while inbox.recv_many(&mut messages, MESSAGES_AT_ONCE).await > 0 {
            self.work(messages.drain(..)).await;
        }
        self.queues.values_mut().for_each(|queue| queue.not_before = None);
        self.write().await;
    }

    async fn work(&mut self, messages: impl Iterator<Item = WriterMessage>) {
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        for message in messages {
            match message {
                WriterMessage::Watch(series) => self.watch(series).await,
                WriterMessage::Order(order) => self.enqueue(order),
                WriterMessage::Flush(done) => waiting.push(done),
            }
        }
        self.write().await;
        for done in waiting {
            let _ = done.send(()); // the caller may be gone
        }
    }

    fn queue(&mut self, series: Series) -> &mut SeriesQueue {
        let every = self.config.confirm_interval.unwrap_or_default();
        let Self { queues, rounds, .. } = self;
        queues
            .entry(series)
            .or_insert_with(|| SeriesQueue::new(ConfirmSchedule::new(rounds.clone(), every, Instant::now())))
    }

    /// Registers a series: what an earlier run wrote and the venue has not confirmed is still to be
    /// confirmed.
    async fn watch(&mut self, series: Series) {
        // If it cannot be read, only a confirmation is missed.
        if let Ok(known) = self.store.coverage(&series).await {
            self.queue(series).confirms.catch_up(&known);
        }
    }

    fn enqueue(&mut self, order: SlotUpdate) {
        let provisional = self.venue.revision_policy.live_is_provisional;
        let origin = if provisional { Origin::Provisional } else { Origin::Socket };
        let provenance = Provenance { origin, observed_at: self.clock.now() };
        let batch = &mut self.queue(order.series).pending;
        match order.word {
            SlotAction::Keep(candles) => batch.keep(order.range, candles, provenance),
            SlotAction::Withdraw => batch.withdraw(order.range),
        }
    }

    /// Writes the queues that are due.
    async fn write(&mut self) {
        let now = Instant::now();
        let due = self.queues.iter_mut().filter(|(_, queue)| queue.is_due(now));
        let batches: Vec<_> =
            due.map(|(series, queue)| (series.clone(), std::mem::take(&mut queue.pending))).collect();
        let store = &self.store;
        let done: Vec<_> = stream::iter(batches)
            .map(|(series, mut batch)| async move {
                let result = batch.write(store.as_ref(), &series).await;
                (series, batch, result)
            })
            .buffer_unordered(COMMITS_AT_ONCE)
            .collect()
            .await;
        for (series, batch, result) in done {
            match result {
                Ok(written) => self.on_written(series, &batch, &written),
                Err(error) => self.on_write_failed(&series, batch, &error),
            }
        }
    }

    fn on_written(&mut self, series: Series, batch: &PendingWrites, written: &WriteOutcome) {
        let slots = |ranges: &[TimeRange]| -> u64 { slots_in(self.venue.grid, &series, ranges) };
        let candles = batch.candles.len() as u64;
        self.counters.written.add(candles);
        self.counters.quiet.add(slots(&batch.proof.ranges()).saturating_sub(candles));
        self.counters.withdrawn.add(slots(&written.forgotten));
        let queue = self.queue(series);
        (queue.attempts, queue.not_before) = (0, None);
        written.forgotten.iter().for_each(|range| queue.confirms.withdraw(*range));
        queue.confirms.add_streamed(&written.streamed_only);
    }

    fn on_write_failed(&mut self, series: &Series, batch: PendingWrites, error: &StoreError) {
        self.counters.failed_commits.add(1);
        let config = self.config;
        let slots = slots_in(self.venue.grid, series, &batch.proof.ranges());
        let queue = self.queue(series.clone());
        queue.attempts += 1;
        if queue.attempts > config.commit_retries || is_permanent(error) {
            tracing::warn!(%series, slots, %error, "recorded candles cannot be written; they stay unknown");
            (queue.attempts, queue.not_before) = (0, None);
            self.counters.unknown.add(slots);
            return;
        }
        tracing::debug!(%series, %error, "writing recorded candles again");
        let pause = Backoff::new(config.retry_backoff, Duration::MAX).delay(queue.attempts - 1, 0.0);
        queue.not_before = Some(Instant::now() + pause);
        queue.pending.requeue(batch);
    }

    /// Returns the next request to the venue that is due.
    fn next_confirm(&mut self) -> Option<ConfirmRequest> {
        let Self { queues, venue, clock, .. } = self;
        queues.iter_mut().find_map(|(series, queue)| queue.confirms.next(series, venue, clock.as_ref()))
    }

    async fn handle_reply(&mut self, answer: ConfirmReply) {
        let (series, round, asked) = (answer.series.clone(), answer.round, answer.range);
        let result = answer.apply(self.store.as_ref()).await;
        let grid = self.venue.grid;
        let rounds = &mut self.queue(series.clone()).confirms;
        match result {
            Ok(verdict) => {
                let spoken_of = rounds.answered(round, asked, &verdict.covered);
                let among = |ranges: &[TimeRange], moment| ranges.iter().any(|range| range.contains(moment));
                let amended = verdict.changed.iter().filter(|open_time| {
                    among(&spoken_of, **open_time) && !among(&verdict.disputed, **open_time)
                });
                let amended = amended.count() as u64;
                let disputed = slots_in(grid, &series, &verdict.disputed);
                let agreed = slots_in(grid, &series, &spoken_of).saturating_sub(disputed + amended);
                let counters = &self.counters;
                counters.disputed.add(disputed);
                counters.amended.add(amended);
                let confirmed = if round == 0 { &counters.confirmed } else { &counters.reconciled };
                confirmed.add(agreed);
            }
            Err(error) => {
                rounds.failed();
                self.counters.failed_confirms.add(1);
                tracing::debug!(%series, %error, "the venue could not be asked to confirm recorded candles");
            }
        }
    }
}

/// Returns whether a retry is pointless.
fn is_permanent(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Closed | StoreErrorKind::ReadOnly | StoreErrorKind::TooNew)
}
