//! The events of a batch, sorted by reader, so that each reader's lock is taken once a batch.

use std::sync::Arc;

use market_backbone_core::FeedEvent;

use super::Subscriber;
use super::feed_reader::FeedReader;

/// The outboxes of all readers of a batch; their memory is kept from batch to batch.
#[derive(Debug, Default)]
pub(in crate::live) struct Outboxes {
    /// By the slots of the readers.
    all: Vec<ReaderOutbox>,
    /// The slots of the readers that have something in this batch.
    used: Vec<usize>,
    /// For each event of the batch, the number of outboxes that it is in.
    copies: Vec<u32>,
}

/// What one reader gets of a batch: the index of each event, and of its channel among the reader's.
#[derive(Debug, Default)]
struct ReaderOutbox {
    reader: Option<Arc<FeedReader>>,
    items: Vec<(usize, usize)>,
}

impl Outboxes {
    /// Begins a batch of `events` events.
    pub(in crate::live) fn begin(&mut self, events: usize) {
        self.copies.clear();
        self.copies.resize(events, 0);
    }

    /// Puts the event number `event` into the outbox of a reader.
    #[inline]
    pub(in crate::live) fn add(&mut self, to: &Subscriber, event: usize) {
        if self.all.len() <= to.slot {
            self.all.resize_with(to.slot + 1, ReaderOutbox::default);
        }
        let outbox = &mut self.all[to.slot];
        if outbox.reader.is_none() {
            outbox.reader = Some(Arc::clone(&to.reader));
            self.used.push(to.slot);
        }
        outbox.items.push((event, to.channel_index));
        self.copies[event] += 1;
    }

    /// Delivers what is in the outboxes: each reader gets its events in their order, the last one of an event gets the
    /// event itself and the others copies. Returns how many events were pushed out of full queues.
    pub(in crate::live) fn flush(&mut self, events: &mut [FeedEvent]) -> u64 {
        let (all, copies) = (&mut self.all, &mut self.copies);
        let mut lagged = 0;
        for slot in self.used.drain(..) {
            let ReaderOutbox { reader, items } = &mut all[slot];
            let Some(reader) = reader.take() else { continue };
            lagged += reader.change(|queue| {
                let mut pushed_out = 0;
                for (event, channel) in items.drain(..) {
                    copies[event] -= 1;
                    let event = if copies[event] == 0 {
                        // What stays in its place is delivered to nobody.
                        std::mem::replace(&mut events[event], FeedEvent::Lagged { missed: 0 })
                    } else {
                        events[event].clone()
                    };
                    pushed_out += queue.push(channel, event);
                }
                pushed_out
            });
        }
        lagged
    }
}
