//! Distributes one feed to many readers.
//!
//! The readers of a channel are looked up in a table that is swapped as a whole when a reader comes or goes.
//! Publishing therefore takes no lock but those of the readers it delivers to, each once for a batch of events.

mod feed_reader;
mod outboxes;
mod reader_queue;

use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::{ArcSwap, Guard};
use market_backbone_core::{Channel, FeedEvent, GapCause, StreamKind, Symbol, Timestamp};
use rustc_hash::FxHashMap;

pub(super) use self::feed_reader::{FeedReader, ReaderStream};
pub(super) use self::outboxes::Outboxes;
use self::reader_queue::ReaderQueue;

/// A reader's subscription to one channel.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    reader: Arc<FeedReader>,
    /// The reader's number; no two readers of a table have the same.
    slot: usize,
    /// The channel's number among the reader's.
    channel_index: usize,
}

type SymbolSubscribers = Vec<(StreamKind, Vec<Subscriber>)>;
/// The readers of each channel.
pub(super) type SubscriberTable = FxHashMap<Symbol, Arc<SymbolSubscribers>>;

/// All readers, by channel.
#[derive(Debug, Default)]
pub(super) struct Fanout {
    table: ArcSwap<SubscriberTable>,
    /// The wildcard symbol of all markets, once it has been read.
    wildcard: OnceLock<Symbol>,
    /// Held while the table is replaced.
    registry: Mutex<ReaderRegistry>,
}

/// All readers, without duplicates.
#[derive(Debug, Default)]
struct ReaderRegistry {
    readers: Vec<RegisteredReader>,
    /// The slots that readers have left.
    free_slots: Vec<usize>,
    /// True if nothing will be published any more.
    closed: bool,
}

#[derive(Debug)]
struct RegisteredReader {
    reader: Arc<FeedReader>,
    slot: usize,
}

impl Fanout {
    fn lock_registry(&self) -> MutexGuard<'_, ReaderRegistry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `reader` receive what is published from now on, after the values that `first` returns for its
    /// channels.
    ///
    /// Nothing is lost between the two: while `first` runs, events for this reader wait.
    pub(super) fn join(&self, reader: &Arc<FeedReader>, first: impl Fn(&Channel) -> Option<FeedEvent>) {
        let mut register = self.lock_registry();
        let slot = register.free_slots.pop().unwrap_or(register.readers.len());
        let mut queue = reader.lock();
        let mut table = SubscriberTable::clone(&self.table.load());
        for (index, channel) in reader.channels.iter().enumerate() {
            if channel.symbol.is_any() {
                self.wildcard.get_or_init(|| channel.symbol.clone());
            }
            let seats = Arc::make_mut(table.entry(channel.symbol.clone()).or_default());
            let seat = Subscriber { reader: Arc::clone(reader), slot, channel_index: index };
            match seats.iter_mut().find(|(kind, _)| *kind == channel.kind) {
                Some((_, seats)) => seats.push(seat),
                None => seats.push((channel.kind, vec![seat])),
            }
        }
        self.table.store(Arc::new(table));
        // Orders the new table before the look at the first values; `table` has the counterpart.
        fence(Ordering::SeqCst);
        register.readers.push(RegisteredReader { reader: Arc::clone(reader), slot });
        if register.closed {
            queue.close();
        }
        for (index, channel) in reader.channels.iter().enumerate() {
            if let Some(event) = first(channel) {
                queue.push(index, event);
            }
        }
    }

    /// Removes `reader`.
    pub(super) fn leave(&self, reader: &Arc<FeedReader>) {
        let mut register = self.lock_registry();
        let Some(at) = register.readers.iter().position(|other| Arc::ptr_eq(&other.reader, reader)) else {
            return;
        };
        let slot = register.readers.remove(at).slot;
        register.free_slots.push(slot);
        let mut table = SubscriberTable::clone(&self.table.load());
        for channel in &reader.channels {
            let Some(seats) = table.get_mut(&channel.symbol) else { continue };
            let seats = Arc::make_mut(seats);
            for (_, seats) in seats.iter_mut() {
                seats.retain(|seat| !Arc::ptr_eq(&seat.reader, reader));
            }
            seats.retain(|(_, seats)| !seats.is_empty());
            if seats.is_empty() {
                table.remove(&channel.symbol);
            }
        }
        self.table.store(Arc::new(table));
    }

    /// Calls `visit` with the subscription of each reader of a channel.
    fn for_each_subscriber(&self, symbol: &Symbol, kind: StreamKind, visit: impl FnMut(&Subscriber)) {
        let table = self.table.load();
        let Some(seats) = table.get(symbol) else { return };
        let Some((_, seats)) = seats.iter().find(|(other, _)| *other == kind) else { return };
        seats.iter().for_each(visit);
    }

    /// Returns the table of readers, as it is after everything that the caller has stored in the cache; `None` if it
    /// still is `known`.
    ///
    /// A reader that has joined before either is in the table or has seen the stored values when it joined.
    pub(super) fn table_after(&self, known: &Arc<SubscriberTable>) -> Option<Arc<SubscriberTable>> {
        fence(Ordering::SeqCst);
        let table = self.table.load();
        (!Arc::ptr_eq(&table, known)).then(|| Guard::into_inner(table))
    }

    /// Returns the readers of a channel of `table`: those that named the market, and those of all markets that did not.
    pub(super) fn subscribers(
        &self,
        table: &SubscriberTable,
        symbol: &Symbol,
        kind: StreamKind,
    ) -> Vec<Subscriber> {
        let of = |symbol: &Symbol| {
            let kinds = table.get(symbol)?;
            kinds.iter().find(|(other, _)| *other == kind).map(|(_, seats)| seats.as_slice())
        };
        let named = of(symbol).unwrap_or_default();
        let reads_it_anyway =
            |reader: &Arc<FeedReader>| named.iter().any(|seat| Arc::ptr_eq(&seat.reader, reader));
        let all = self.wildcard.get().and_then(of).unwrap_or_default();
        named.iter().chain(all.iter().filter(|seat| !reads_it_anyway(&seat.reader))).cloned().collect()
    }

    /// Returns the wildcard symbol, if it has ever been read.
    pub(super) fn wildcard(&self) -> Option<&Symbol> {
        self.wildcard.get()
    }

    /// Records that the channel delivers again as of `received`: a gap of its readers ends with the last of
    /// its channels.
    pub(super) fn confirm(&self, symbol: &Symbol, kind: StreamKind, received: Timestamp) {
        self.for_each_subscriber(symbol, kind, |seat| {
            seat.reader.change(|queue| queue.confirm(symbol, kind, received))
        });
    }

    /// Announces a gap to every reader of a channel that was `promised`.
    pub(super) fn open_gap(&self, from: Timestamp, cause: GapCause, promised: impl Fn(&Channel) -> bool) {
        for RegisteredReader { reader, .. } in &self.lock_registry().readers {
            let concerned: Arc<[Channel]> =
                reader.channels.iter().filter(|channel| promised(channel)).cloned().collect();
            if !concerned.is_empty() {
                reader.open_gap(concerned, from, cause);
            }
        }
    }

    /// Announces a gap to every reader that joined before `until`, of those of its channels for which
    /// `is_missed` returns true. The gap begins when the reader joined.
    pub(super) fn open_gap_since_join(
        &self,
        until: Timestamp,
        cause: GapCause,
        is_missed: impl Fn(&Channel) -> bool,
    ) {
        let register = self.lock_registry();
        let readers = register.readers.iter().map(|registered| &registered.reader);
        for reader in readers.filter(|reader| reader.joined_at <= until) {
            let concerned: Arc<[Channel]> =
                reader.channels.iter().filter(|channel| is_missed(channel)).cloned().collect();
            if !concerned.is_empty() {
                reader.open_gap(concerned, reader.joined_at, cause);
            }
        }
    }

    /// Ends every reader, including later ones.
    pub(super) fn close(&self) {
        let mut register = self.lock_registry();
        register.closed = true;
        for RegisteredReader { reader, .. } in &register.readers {
            reader.change(ReaderQueue::close);
        }
    }

    /// Returns the number of readers.
    pub(super) fn len(&self) -> usize {
        self.lock_registry().readers.len()
    }
}

#[cfg(test)]
mod tests;
