//! The one task that writes what is recorded, and lets the venue confirm it.
//!
//! The store sees one writer, with rows and proofs together, many series at a time. What cannot be written is tried
//! again for a while and then left unknown: somebody will ask for it. What the venue says of it later goes the same way
//! into the ledger, which keeps the venue's word and marks where the two differ.

use std::sync::Arc;

use futures::stream::{self, FuturesUnordered, StreamExt};
use market_backbone_core::{
    CandleSource, CandleStore, Capabilities, Clock, Origin, Provenance, Series, StoreError, StoreErrorKind,
    TimeRange,
};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::RecorderConfig;
use super::confirm::{Answer, Question, slots_in};
use super::desk::{Desk, Heap, Written};
use super::metrics::Counters;
use super::order::{Message, Order, Word};
use super::rounds::{Round, Rounds};

/// Messages taken in before what they brought is written.
const MESSAGES_AT_ONCE: usize = 256;
/// Series written at the same time; the store puts commits that wait for it into one transaction.
const COMMITS_AT_ONCE: usize = 8;

/// Writes until it is told to end, and then what is left.
pub(super) struct Writer {
    pub(super) store: Arc<dyn CandleStore>,
    pub(super) upstream: Arc<dyn CandleSource>,
    pub(super) venue: Capabilities,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: RecorderConfig,
    pub(super) counters: Arc<Counters>,
    /// How often the venue is asked about a slot.
    pub(super) rounds: Vec<Round>,
    pub(super) desks: FxHashMap<Series, Desk>,
}

impl Writer {
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>, cancel: CancellationToken) {
        let mut messages = Vec::with_capacity(MESSAGES_AT_ONCE);
        let mut asking = FuturesUnordered::new();
        let mut ticks = interval(self.config.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Each branch can be dropped without losing anything; what it leads to is not interrupted.
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = inbox.recv_many(&mut messages, MESSAGES_AT_ONCE) => self.work(messages.drain(..)).await,
                Some(answer) = asking.next() => self.take_answer(answer).await,
                _ = ticks.tick() => {
                    self.write().await;
                    while asking.len() < self.config.confirms_at_once
                        && let Some(question) = self.next_question()
                    {
                        asking.push(question.ask(Arc::clone(&self.upstream), self.config.confirm_within));
                    }
                }
            }
        }
        inbox.close();
        while inbox.recv_many(&mut messages, MESSAGES_AT_ONCE).await > 0 {
            self.work(messages.drain(..)).await;
        }
        self.desks.values_mut().for_each(|desk| desk.not_before = None);
        self.write().await;
    }

    async fn work(&mut self, messages: impl Iterator<Item = Message>) {
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        for message in messages {
            match message {
                Message::Watch(series) => self.watch(series).await,
                Message::Order(order) => self.put_on_desk(order),
                Message::Flush(done) => waiting.push(done),
            }
        }
        self.write().await;
        for done in waiting {
            let _ = done.send(()); // who asked may have gone
        }
    }

    fn desk(&mut self, series: Series) -> &mut Desk {
        let every = self.config.confirm_every.unwrap_or_default();
        let Self { desks, rounds, .. } = self;
        desks.entry(series).or_insert_with(|| Desk::new(Rounds::new(rounds.clone(), every, Instant::now())))
    }

    /// What an earlier run wrote and the venue has not confirmed is still to be confirmed.
    async fn watch(&mut self, series: Series) {
        // Where that cannot be read, only a confirmation is missed.
        if let Ok(known) = self.store.coverage(&series).await {
            self.desk(series).rounds.catch_up(&known);
        }
    }

    fn put_on_desk(&mut self, order: Order) {
        let provisional = self.venue.corrections.provisional;
        let origin = if provisional { Origin::Provisional } else { Origin::Socket };
        let provenance = Provenance { origin, observed_at: self.clock.now() };
        let heap = &mut self.desk(order.series).heap;
        match order.word {
            Word::Keep(candles) => heap.keep(order.range, candles, provenance),
            Word::Withdraw => heap.withdraw(order.range),
        }
    }

    /// Writes what lies on the desks and is due.
    async fn write(&mut self) {
        let now = Instant::now();
        let due = self.desks.iter_mut().filter(|(_, desk)| desk.is_due(now));
        let heaps: Vec<_> =
            due.map(|(series, desk)| (series.clone(), std::mem::take(&mut desk.heap))).collect();
        let store = &self.store;
        let done: Vec<_> = stream::iter(heaps)
            .map(|(series, mut heap)| async move {
                let result = heap.write(store.as_ref(), &series).await;
                (series, heap, result)
            })
            .buffer_unordered(COMMITS_AT_ONCE)
            .collect()
            .await;
        for (series, heap, result) in done {
            match result {
                Ok(written) => self.written(series, &heap, &written),
                Err(error) => self.not_written(&series, heap, &error),
            }
        }
    }

    fn written(&mut self, series: Series, heap: &Heap, written: &Written) {
        let slots = |ranges: &[TimeRange]| -> u64 { slots_in(self.venue.grid, &series, ranges) };
        let candles = heap.candles.len() as u64;
        self.counters.written.add(candles);
        self.counters.quiet.add(slots(&heap.proof.ranges()).saturating_sub(candles));
        self.counters.withdrawn.add(slots(&written.forgotten));
        let desk = self.desk(series);
        (desk.tries, desk.not_before) = (0, None);
        written.forgotten.iter().for_each(|range| desk.rounds.withdrawn(*range));
        desk.rounds.heard(&written.heard);
    }

    fn not_written(&mut self, series: &Series, heap: Heap, error: &StoreError) {
        self.counters.failed_commits.add(1);
        let config = self.config;
        let slots = slots_in(self.venue.grid, series, &heap.proof.ranges());
        let desk = self.desk(series.clone());
        desk.tries += 1;
        if desk.tries > config.commit_retries || is_hopeless(error) {
            tracing::warn!(%series, slots, %error, "what was recorded cannot be written; left unknown");
            (desk.tries, desk.not_before) = (0, None);
            self.counters.unknown.add(slots);
            return;
        }
        tracing::debug!(%series, %error, "writing what was recorded again");
        let pause = config.retry_pause * 2_u32.saturating_pow(desk.tries - 1);
        desk.not_before = Some(Instant::now() + pause);
        desk.heap.put_back(heap);
    }

    /// The next question to the venue that is due.
    fn next_question(&mut self) -> Option<Question> {
        let Self { desks, venue, clock, .. } = self;
        desks.iter_mut().find_map(|(series, desk)| desk.rounds.next(series, venue, clock.as_ref()))
    }

    async fn take_answer(&mut self, answer: Answer) {
        let (series, round, asked) = (answer.series.clone(), answer.round, answer.range);
        let result = answer.settle(self.store.as_ref()).await;
        let grid = self.venue.grid;
        let rounds = &mut self.desk(series.clone()).rounds;
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
                tracing::debug!(%series, %error, "the venue could not be asked to confirm what was recorded");
            }
        }
    }
}

/// Whether trying again is in vain.
fn is_hopeless(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Closed | StoreErrorKind::ReadOnly | StoreErrorKind::TooNew)
}
