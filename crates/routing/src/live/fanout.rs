//! Distributes one feed to many readers.
//!
//! The readers of a channel are looked up in a table that is swapped as a whole when a reader comes or goes.
//! Publishing therefore takes no lock but that of the one reader it delivers an event to, held for a few
//! dozen nanoseconds.

mod reader_queue;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use futures::Stream;
use market_backbone_core::{
    Channel, Delivery, FeedEvent, Gap, GapCause, GapState, StreamKind, Symbol, Timestamp,
};
use rustc_hash::FxHashMap;

use self::reader_queue::ReaderQueue;

/// One reader: its channels and its queue.
#[derive(Debug)]
pub(super) struct FeedReader {
    channels: Box<[Channel]>,
    /// The time at which it joined.
    joined_at: Timestamp,
    queue: Mutex<ReaderQueue>,
}

impl FeedReader {
    pub(super) fn new(channels: Box<[Channel]>, delivery: Delivery, since: Timestamp) -> Self {
        let queue = Mutex::new(ReaderQueue::new(delivery, channels.len()));
        Self { channels, joined_at: since, queue }
    }

    fn lock(&self) -> MutexGuard<'_, ReaderQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, then wakes the reader.
    fn change<T>(&self, change: impl FnOnce(&mut ReaderQueue) -> T) -> T {
        let mut queue = self.lock();
        let result = change(&mut queue);
        let waker = queue.take_waker();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Announces a gap of `channels` that began at `from`, or when the reader joined if that was later.
    pub(super) fn open_gap(&self, channels: Arc<[Channel]>, from: Timestamp, cause: GapCause) {
        let from = from.max(self.joined_at);
        let gap = Gap { state: GapState::Opened, channels, from, to: None, cause, loss: None };
        self.change(|queue| queue.open_gap(gap));
    }
}

/// A reader's subscription to one channel.
#[derive(Clone, Debug)]
struct Subscriber {
    reader: Arc<FeedReader>,
    /// The channel's number among the reader's.
    channel_index: usize,
}

impl Subscriber {
    /// Returns how many events were pushed out of a full queue.
    fn deliver(&self, event: &FeedEvent) -> u64 {
        let event = event.clone();
        self.reader.change(|queue| queue.push(self.channel_index, event))
    }
}

type SymbolSubscribers = Vec<(StreamKind, Vec<Subscriber>)>;
type SubscriberTable = FxHashMap<Symbol, Arc<SymbolSubscribers>>;

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
    readers: Vec<Arc<FeedReader>>,
    /// True if nothing will be published any more.
    closed: bool,
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
        let mut queue = reader.lock();
        let mut table = SubscriberTable::clone(&self.table.load());
        for (index, channel) in reader.channels.iter().enumerate() {
            if channel.symbol.is_any() {
                self.wildcard.get_or_init(|| channel.symbol.clone());
            }
            let seats = Arc::make_mut(table.entry(channel.symbol.clone()).or_default());
            let seat = Subscriber { reader: Arc::clone(reader), channel_index: index };
            match seats.iter_mut().find(|(kind, _)| *kind == channel.kind) {
                Some((_, seats)) => seats.push(seat),
                None => seats.push((channel.kind, vec![seat])),
            }
        }
        self.table.store(Arc::new(table));
        register.readers.push(Arc::clone(reader));
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
        register.readers.retain(|other| !Arc::ptr_eq(other, reader));
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

    /// Delivers `event` to the readers of its channel. Returns how many events were pushed out of full
    /// queues.
    pub(super) fn publish(&self, event: &FeedEvent) -> u64 {
        let Some((symbol, kind)) = event.channel() else { return 0 };
        let mut lagged = 0;
        self.for_each_subscriber(symbol, kind, |seat| lagged += seat.deliver(event));
        if let Some(any) = self.wildcard.get() {
            let reads_it_anyway = |reader: &FeedReader| {
                reader.channels.iter().any(|channel| channel.kind == kind && channel.symbol == *symbol)
            };
            self.for_each_subscriber(any, kind, |seat| {
                if !reads_it_anyway(&seat.reader) {
                    lagged += seat.deliver(event);
                }
            });
        }
        lagged
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
        for reader in &self.lock_registry().readers {
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
        for reader in register.readers.iter().filter(|reader| reader.joined_at <= until) {
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
        for reader in &register.readers {
            reader.change(ReaderQueue::close);
        }
    }

    /// Returns the number of readers.
    pub(super) fn len(&self) -> usize {
        self.lock_registry().readers.len()
    }
}

/// The stream of a reader; `guard` lives as long as it does.
#[derive(Debug)]
pub(super) struct ReaderStream<G: AsRef<Fanout>> {
    pub(super) reader: Arc<FeedReader>,
    pub(super) guard: G,
}

impl<G: AsRef<Fanout> + Unpin> Stream for ReaderStream<G> {
    type Item = FeedEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        // A reader that always finds an item must let other tasks of the thread run.
        let budget = ready!(tokio::task::coop::poll_proceed(context));
        let next = self.reader.lock().poll(context.waker());
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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use market_backbone_core::{Trade, TradeId, VenueId};

    use super::*;

    fn channel(code: &str) -> Channel {
        Channel { symbol: Symbol::new(VenueId::new("upbit"), code).unwrap(), kind: StreamKind::Trade }
    }

    fn trade(code: &str, id: i64) -> FeedEvent {
        let (symbol, id, time) = (channel(code).symbol, TradeId::Number(id), Timestamp::EPOCH);
        FeedEvent::Trade(Trade { symbol, id, price: 1.0, size: 1.0, side: None, time, received: time })
    }

    fn join(fanout: &Arc<Fanout>, codes: &[&str], depth: usize) -> ReaderStream<FanoutTestGuard> {
        let channels = codes.iter().map(|code| channel(code)).collect();
        let reader =
            Arc::new(FeedReader::new(channels, Delivery::Buffered { capacity: depth }, Timestamp::EPOCH));
        fanout.join(&reader, |_| None);
        ReaderStream { reader, guard: FanoutTestGuard(Arc::clone(fanout)) }
    }

    struct FanoutTestGuard(Arc<Fanout>);

    impl AsRef<Fanout> for FanoutTestGuard {
        fn as_ref(&self) -> &Fanout {
            &self.0
        }
    }

    fn next(stream: &mut ReaderStream<FanoutTestGuard>) -> Option<FeedEvent> {
        stream.next().now_or_never().flatten()
    }

    #[test]
    fn each_reader_gets_its_own_channels() {
        let fanout = Arc::default();
        let mut one = join(&fanout, &["KRW-BTC"], 8);
        let mut both = join(&fanout, &["KRW-BTC", "KRW-ETH"], 8);
        fanout.publish(&trade("KRW-ETH", 1));
        fanout.publish(&trade("KRW-BTC", 2));
        assert_eq!(next(&mut one), Some(trade("KRW-BTC", 2)));
        assert_eq!(next(&mut one), None);
        assert_eq!(next(&mut both), Some(trade("KRW-ETH", 1)));
        assert_eq!(next(&mut both), Some(trade("KRW-BTC", 2)));
    }

    #[test]
    fn who_reads_all_markets_gets_each_event_once() {
        let fanout = Arc::default();
        let mut all = join(&fanout, &["*"], 8);
        let mut both = join(&fanout, &["*", "KRW-BTC"], 8);
        for (code, id) in [("KRW-BTC", 1), ("KRW-ETH", 2)] {
            fanout.publish(&trade(code, id));
            assert_eq!(next(&mut all), Some(trade(code, id)));
            assert_eq!(next(&mut both), Some(trade(code, id)));
        }
        assert_eq!((next(&mut all), next(&mut both)), (None, None));
        drop((all, both));
        assert!(fanout.table.load().is_empty());
    }

    #[test]
    fn a_slow_reader_harms_nobody() {
        let fanout = Arc::default();
        let mut slow = join(&fanout, &["KRW-BTC"], 2);
        let mut quick = join(&fanout, &["KRW-BTC"], 2);
        let mut lagged = 0;
        for id in 0..10 {
            lagged += fanout.publish(&trade("KRW-BTC", id));
            assert_eq!(next(&mut quick), Some(trade("KRW-BTC", id)));
        }
        assert_eq!(lagged, 8);
        assert_eq!(next(&mut slow), Some(FeedEvent::Lagged { missed: 8 }));
        assert_eq!(next(&mut slow), Some(trade("KRW-BTC", 8)));
    }

    #[test]
    fn a_reader_that_panicked_harms_nobody() {
        let fanout = Arc::default();
        let broken = join(&fanout, &["KRW-BTC"], 2);
        let mut sound = join(&fanout, &["KRW-BTC"], 2);
        let reader = Arc::clone(&broken.reader);
        let panicked = std::thread::spawn(move || {
            let _held = reader.lock();
            panic!("a reader's own fault");
        });
        assert!(panicked.join().is_err() && broken.reader.queue.is_poisoned());
        fanout.publish(&trade("KRW-BTC", 1));
        assert_eq!(next(&mut sound), Some(trade("KRW-BTC", 1)));
        drop(broken);
        fanout.publish(&trade("KRW-BTC", 2));
        assert_eq!(next(&mut sound), Some(trade("KRW-BTC", 2)));
    }

    #[test]
    fn an_event_is_small_enough_to_be_copied_to_each_reader() {
        assert!(size_of::<FeedEvent>() <= 152, "{}", size_of::<FeedEvent>());
    }

    #[test]
    fn a_dropped_reader_leaves_nothing_behind() {
        let fanout: Arc<Fanout> = Arc::default();
        let stream = join(&fanout, &["KRW-BTC", "KRW-ETH"], 8);
        let reader = Arc::downgrade(&stream.reader);
        drop(stream);
        assert_eq!(fanout.len(), 0);
        assert!(fanout.table.load().is_empty());
        assert!(reader.upgrade().is_none());
    }

    #[test]
    fn a_late_reader_begins_with_what_is_known() {
        let fanout: Arc<Fanout> = Arc::default();
        let channels = Box::new([channel("KRW-BTC")]);
        let reader = Arc::new(FeedReader::new(channels, Delivery::default(), Timestamp::EPOCH));
        fanout.join(&reader, |_| Some(trade("KRW-BTC", 1)));
        fanout.publish(&trade("KRW-BTC", 2));
        let mut stream = ReaderStream { reader, guard: FanoutTestGuard(fanout) };
        assert_eq!(next(&mut stream), Some(trade("KRW-BTC", 1)));
        assert_eq!(next(&mut stream), Some(trade("KRW-BTC", 2)));
    }

    #[test]
    fn a_gap_concerns_those_who_were_promised_something() {
        let fanout = Arc::default();
        let mut btc = join(&fanout, &["KRW-BTC"], 8);
        let mut eth = join(&fanout, &["KRW-ETH"], 8);
        fanout.open_gap(Timestamp::from_secs(1), GapCause::Silent, |other| *other == channel("KRW-BTC"));
        let opened = Gap {
            state: GapState::Opened,
            channels: [channel("KRW-BTC")].into(),
            from: Timestamp::from_secs(1),
            to: None,
            cause: GapCause::Silent,
            loss: None,
        };
        assert_eq!(next(&mut btc), Some(FeedEvent::Gap(opened.clone())));
        assert_eq!(next(&mut eth), None);
        fanout.confirm(&channel("KRW-BTC").symbol, StreamKind::Trade, Timestamp::from_secs(3));
        let resumed = Gap { state: GapState::Resumed, to: Some(Timestamp::from_secs(3)), ..opened };
        assert_eq!(next(&mut btc), Some(FeedEvent::Gap(resumed)));
    }
}
