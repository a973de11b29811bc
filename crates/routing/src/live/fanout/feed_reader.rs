//! One reader: its channels, its queue, and the stream that reads it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures::Stream;
use market_backbone_core::{Channel, Delivery, FeedEvent, Gap, GapCause, GapState, Timestamp};

use super::Fanout;
use super::reader_queue::{QueueItem, ReaderQueue};

/// One reader: its channels and its queue.
#[derive(Debug)]
pub(in crate::live) struct FeedReader {
    pub(super) channels: Box<[Channel]>,
    /// The time at which it joined.
    pub(super) joined_at: Timestamp,
    queue: Mutex<ReaderQueue>,
    /// The number of events that the stream has taken out of the queue and that have not been read yet. They count in
    /// its capacity.
    taken: AtomicUsize,
}

impl FeedReader {
    pub(in crate::live) fn new(channels: Box<[Channel]>, delivery: Delivery, since: Timestamp) -> Self {
        let queue = Mutex::new(ReaderQueue::new(delivery, channels.len()));
        Self { channels, joined_at: since, queue, taken: AtomicUsize::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ReaderQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, then wakes the reader.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ReaderQueue) -> T) -> T {
        let mut queue = self.lock();
        queue.set_taken(self.taken.load(Ordering::Relaxed));
        let result = change(&mut queue);
        let waker = queue.take_waker();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Announces a gap of `channels` that began at `from`, or when the reader joined if that was later.
    pub(in crate::live) fn open_gap(&self, channels: Arc<[Channel]>, from: Timestamp, cause: GapCause) {
        let from = from.max(self.joined_at);
        let gap = Gap { state: GapState::Opened, channels, from, to: None, cause, loss: None };
        self.change(|queue| queue.open_gap(gap));
    }

    #[cfg(test)]
    pub(super) fn is_poisoned(&self) -> bool {
        self.queue.is_poisoned()
    }
}

/// The stream of a reader; `guard` lives as long as it does.
///
/// It takes several events out of the queue at once, so that the lock is not taken for each.
#[derive(Debug)]
pub(in crate::live) struct ReaderStream<G: AsRef<Fanout>> {
    reader: Arc<FeedReader>,
    guard: G,
    /// The items taken and not read yet.
    taken: VecDeque<QueueItem>,
}

impl<G: AsRef<Fanout>> ReaderStream<G> {
    /// Creates the stream of a reader that has joined the fan-out of `guard`.
    pub(in crate::live) fn new(reader: Arc<FeedReader>, guard: G) -> Self {
        Self { reader, guard, taken: VecDeque::new() }
    }

    #[cfg(test)]
    pub(super) fn reader(&self) -> &Arc<FeedReader> {
        &self.reader
    }

    #[inline]
    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<FeedEvent>> {
        while let Some(item) = self.taken.pop_front() {
            self.reader.taken.store(self.taken.len(), Ordering::Relaxed);
            // Only a buffered reader takes items, and none of those is the latest of a channel.
            if let Some(event) = item.into_event(&mut []) {
                return Poll::Ready(Some(event));
            }
        }
        let mut queue = self.reader.lock();
        let next = queue.poll(context.waker());
        if next.is_ready() {
            queue.take_over(&mut self.taken);
            self.reader.taken.store(self.taken.len(), Ordering::Relaxed);
        }
        next
    }
}

impl<G: AsRef<Fanout> + Unpin> Stream for ReaderStream<G> {
    type Item = FeedEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        // A reader that always finds an item must let other tasks of the thread run.
        let budget = ready!(tokio::task::coop::poll_proceed(context));
        let next = self.poll(context);
        if next.is_ready() {
            budget.made_progress();
        }
        next
    }
}

impl<G: AsRef<Fanout>> Drop for ReaderStream<G> {
    fn drop(&mut self) {
        self.guard.as_ref().leave(&self.reader);
    }
}
