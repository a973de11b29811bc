//! The queue of one reader, and its overflow policy.
//!
//! Publishing never waits. A full queue drops its oldest event and reports that in the event's place, or
//! keeps only the latest event of each channel, as the reader chose. Gaps are never dropped. When very many
//! wait, two neighbours become one that spans both, so the queue stays bounded and every gap that opens still
//! ends once.

mod announced_gaps;

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use market_backbone_core::{Delivery, FeedEvent, Gap};

use self::announced_gaps::AnnouncedGap;

/// The most events that a reader takes over at once.
const MAX_TAKEN: usize = 64;
/// The part of its capacity that a reader takes over at once, so that nearly all of a full queue can still be dropped.
const TAKEN_PART: usize = 8;

/// What waits in the queue of a reader.
#[derive(Debug)]
pub(super) enum QueueItem {
    Event(FeedEvent),
    /// The latest event of this channel of the reader at the time it is read.
    Latest(usize),
    Lagged(u64),
    Gap(Gap),
}

impl QueueItem {
    /// Returns the event that the reader reads; `None` if it was the latest of a channel and is no longer.
    #[inline]
    pub(super) fn into_event(self, latest: &mut [Option<FeedEvent>]) -> Option<FeedEvent> {
        match self {
            Self::Event(event) => Some(event),
            Self::Latest(channel) => latest.get_mut(channel).and_then(Option::take),
            Self::Lagged(missed) => Some(FeedEvent::Lagged { missed }),
            Self::Gap(gap) => Some(FeedEvent::Gap(gap)),
        }
    }
}

/// The queued items of one reader.
#[derive(Debug)]
pub(super) struct ReaderQueue {
    delivery: Delivery,
    items: VecDeque<QueueItem>,
    /// The number of items that are events of a buffered reader.
    events: usize,
    /// The number of events that the reader has taken over and not read yet; they count in the capacity.
    taken: usize,
    /// The number of items that are gaps.
    gaps: usize,
    /// The queued event of each channel, for a conflated reader.
    latest: Vec<Option<FeedEvent>>,
    /// The announced gaps that have not ended; no channel is in two of them.
    announced_gaps: Vec<AnnouncedGap>,
    waker: Option<Waker>,
    closed: bool,
}

impl ReaderQueue {
    /// Creates an empty queue of a reader of `channels` channels.
    pub(super) fn new(delivery: Delivery, channels: usize) -> Self {
        let latest = match delivery.capacity() {
            Some(_) => Vec::new(),
            None => vec![None; channels],
        };
        let items = VecDeque::new();
        Self {
            delivery,
            items,
            events: 0,
            taken: 0,
            gaps: 0,
            latest,
            announced_gaps: Vec::new(),
            waker: None,
            closed: false,
        }
    }

    /// Sets how many of the events taken over have not been read yet.
    pub(super) fn set_taken(&mut self, taken: usize) {
        self.taken = taken;
    }

    /// Adds an event of the reader's channel number `channel`; returns how many events it pushed out.
    #[inline]
    pub(super) fn push(&mut self, channel: usize, event: FeedEvent) -> u64 {
        match self.delivery.capacity() {
            Some(depth) => {
                self.items.push_back(QueueItem::Event(event));
                self.events += 1;
                if self.events + self.taken > depth { self.drop_oldest() } else { 0 }
            }
            None => {
                self.replace(channel, event);
                0
            }
        }
    }

    /// Drops the oldest event and leaves a lag report in its place.
    fn drop_oldest(&mut self) -> u64 {
        let Some(at) = self.items.iter().position(|item| matches!(item, QueueItem::Event(_))) else {
            return 0;
        };
        self.events -= 1;
        match at.checked_sub(1).and_then(|before| self.items.get_mut(before)) {
            Some(QueueItem::Lagged(missed)) => {
                *missed += 1;
                self.items.remove(at);
            }
            _ => self.items[at] = QueueItem::Lagged(1),
        }
        1
    }

    fn replace(&mut self, channel: usize, event: FeedEvent) {
        let Some(place) = self.latest.get_mut(channel) else { return };
        let waits = place.replace(event).is_some();
        if waits && self.gaps == 0 {
            return;
        }
        if waits {
            // Events from after a gap must not be read before it.
            self.items.retain(|item| !matches!(item, QueueItem::Latest(other) if *other == channel));
        }
        self.items.push_back(QueueItem::Latest(channel));
    }

    /// Returns the next item; remembers `waker` if there is none. `None` once closed and empty.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<Option<FeedEvent>> {
        if let Some(event) = self.pop() {
            return Poll::Ready(Some(event));
        }
        if self.closed {
            return Poll::Ready(None);
        }
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    fn pop(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.pop_item()?.into_event(&mut self.latest) {
                return Some(event);
            }
        }
    }

    #[inline]
    fn pop_item(&mut self) -> Option<QueueItem> {
        let item = self.items.pop_front()?;
        match item {
            QueueItem::Event(_) => self.events -= 1,
            QueueItem::Gap(_) => self.gaps -= 1,
            QueueItem::Latest(_) | QueueItem::Lagged(_) => {}
        }
        Some(item)
    }

    /// Hands over what a buffered reader reads next, at most an eighth of its capacity: so the reader does not take the
    /// lock for each event, and the oldest events of a slow one can still be dropped. `taken` is empty.
    ///
    /// A conflated reader takes over nothing, for what it reads is the latest at the time it reads it.
    pub(super) fn take_over(&mut self, taken: &mut VecDeque<QueueItem>) {
        let Some(capacity) = self.delivery.capacity() else { return };
        let most = MAX_TAKEN.min(capacity / TAKEN_PART);
        if self.items.len() <= most {
            // A reader that keeps up takes all there is, and nothing is moved.
            std::mem::swap(&mut self.items, taken);
            (self.events, self.gaps) = (0, 0);
            return;
        }
        while taken.len() < most
            && let Some(item) = self.pop_item()
        {
            taken.push_back(item);
        }
    }

    /// Lets the reader end once it has read the queued items.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Takes the waker to wake once the lock is released.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

#[cfg(test)]
mod tests;
