//! From one feed to many readers.
//!
//! Who reads a channel is looked up in a table that is swapped as a whole when a reader comes or goes, so publishing
//! takes no lock but that of the one reader it hands an event to, held for a few dozen nanoseconds.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use futures::Stream;
use market_backbone_core::{
    Channel, Delivery, FeedEvent, Gap, GapCause, GapState, StreamKind, Symbol, Timestamp,
};
use rustc_hash::FxHashMap;

use super::queue::Queue;

/// One reader: what it reads and what waits for it.
#[derive(Debug)]
pub(super) struct Reader {
    channels: Box<[Channel]>,
    /// When it came.
    since: Timestamp,
    queue: Mutex<Queue>,
}

impl Reader {
    pub(super) fn new(channels: Box<[Channel]>, delivery: Delivery, since: Timestamp) -> Self {
        let queue = Mutex::new(Queue::new(delivery, channels.len(), verdict(&channels)));
        Self { channels, since, queue }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits, then wakes the reader.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let result = change(&mut queue);
        let waker = queue.take_waker();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Announces a gap that began at `from`, or when the reader came if that was later.
    pub(super) fn open_gap(&self, from: Timestamp, cause: GapCause) {
        let gap = Gap { state: GapState::Opened, from: from.max(self.since), to: None, cause };
        self.change(|queue| queue.open_gap(gap));
    }
}

/// A state is whole again with its next value; of prints and growing candles some are missing for good.
fn verdict(channels: &[Channel]) -> GapState {
    let states = channels.iter().all(|channel| matches!(channel.kind, StreamKind::Ticker | StreamKind::Book));
    if states { GapState::Healed } else { GapState::Lost }
}

/// A reader's place at a channel.
#[derive(Clone, Debug)]
struct Seat {
    reader: Arc<Reader>,
    /// The channel's number among the reader's.
    index: usize,
}

type Seats = Vec<(StreamKind, Vec<Seat>)>;
type Table = FxHashMap<Symbol, Arc<Seats>>;

/// All readers, by channel.
#[derive(Debug, Default)]
pub(super) struct Fanout {
    table: ArcSwap<Table>,
    /// Held while the table is replaced.
    register: Mutex<Register>,
}

/// All readers, each once.
#[derive(Debug, Default)]
struct Register {
    readers: Vec<Arc<Reader>>,
    /// Nothing will ever be published again.
    closed: bool,
}

impl Fanout {
    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `reader` have what is published from now on, after what `first` knows of each of its channels.
    ///
    /// Nothing falls between the two: while `first` is asked, what is being published to this reader waits.
    pub(super) fn join(&self, reader: &Arc<Reader>, first: impl Fn(&Channel) -> Option<FeedEvent>) {
        let mut register = self.register();
        let mut queue = reader.lock();
        let mut table = Table::clone(&self.table.load());
        for (index, channel) in reader.channels.iter().enumerate() {
            let seats = Arc::make_mut(table.entry(channel.symbol.clone()).or_default());
            let seat = Seat { reader: Arc::clone(reader), index };
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

    /// Forgets `reader`.
    pub(super) fn leave(&self, reader: &Arc<Reader>) {
        let mut register = self.register();
        register.readers.retain(|other| !Arc::ptr_eq(other, reader));
        let mut table = Table::clone(&self.table.load());
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

    /// Calls `visit` with the place of each reader of a channel.
    fn at(&self, symbol: &Symbol, kind: StreamKind, visit: impl FnMut(&Seat)) {
        let table = self.table.load();
        let Some(seats) = table.get(symbol) else { return };
        let Some((_, seats)) = seats.iter().find(|(other, _)| *other == kind) else { return };
        seats.iter().for_each(visit);
    }

    /// Gives `event`, heard at `received`, to those who read its channel; a gap of theirs is over with it. Returns
    /// how many events were pushed out of full queues.
    pub(super) fn publish(&self, event: &FeedEvent, received: Timestamp) -> u64 {
        let Some((symbol, kind)) = event.channel() else { return 0 };
        let mut lagged = 0;
        self.at(symbol, kind, |seat| {
            let event = event.clone();
            lagged += seat.reader.change(|queue| {
                queue.end_gap(received);
                queue.push(seat.index, event)
            });
        });
        lagged
    }

    /// The channel lives, though it has nothing new to say: a gap of its readers is over.
    pub(super) fn touch(&self, symbol: &Symbol, kind: StreamKind, received: Timestamp) {
        self.at(symbol, kind, |seat| seat.reader.change(|queue| queue.end_gap(received)));
    }

    /// Announces a gap to every reader of a channel that was `promised`.
    pub(super) fn open_gap(&self, from: Timestamp, cause: GapCause, promised: impl Fn(&Channel) -> bool) {
        for reader in &self.register().readers {
            if reader.channels.iter().any(&promised) {
                reader.open_gap(from, cause);
            }
        }
    }

    /// Lets every reader end, those to come included.
    pub(super) fn close(&self) {
        let mut register = self.register();
        register.closed = true;
        for reader in &register.readers {
            reader.change(Queue::close);
        }
    }

    /// How many readers there are.
    pub(super) fn len(&self) -> usize {
        self.register().readers.len()
    }
}

/// What a reader reads from; `guard` lives as long as it does.
#[derive(Debug)]
pub(super) struct ReaderStream<G: AsRef<Fanout>> {
    pub(super) reader: Arc<Reader>,
    pub(super) guard: G,
}

impl<G: AsRef<Fanout> + Unpin> Stream for ReaderStream<G> {
    type Item = FeedEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        // A reader that always finds something must let its neighbours on the thread have a turn.
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

    fn join(fanout: &Arc<Fanout>, codes: &[&str], depth: usize) -> ReaderStream<Guard> {
        let channels = codes.iter().map(|code| channel(code)).collect();
        let reader = Arc::new(Reader::new(channels, Delivery::Lossless { depth }, Timestamp::EPOCH));
        fanout.join(&reader, |_| None);
        ReaderStream { reader, guard: Guard(Arc::clone(fanout)) }
    }

    struct Guard(Arc<Fanout>);

    impl AsRef<Fanout> for Guard {
        fn as_ref(&self) -> &Fanout {
            &self.0
        }
    }

    fn next(stream: &mut ReaderStream<Guard>) -> Option<FeedEvent> {
        stream.next().now_or_never().flatten()
    }

    #[test]
    fn each_reader_gets_its_own_channels() {
        let fanout = Arc::default();
        let mut one = join(&fanout, &["KRW-BTC"], 8);
        let mut both = join(&fanout, &["KRW-BTC", "KRW-ETH"], 8);
        fanout.publish(&trade("KRW-ETH", 1), Timestamp::EPOCH);
        fanout.publish(&trade("KRW-BTC", 2), Timestamp::EPOCH);
        assert_eq!(next(&mut one), Some(trade("KRW-BTC", 2)));
        assert_eq!(next(&mut one), None);
        assert_eq!(next(&mut both), Some(trade("KRW-ETH", 1)));
        assert_eq!(next(&mut both), Some(trade("KRW-BTC", 2)));
    }

    #[test]
    fn a_slow_reader_harms_nobody() {
        let fanout = Arc::default();
        let mut slow = join(&fanout, &["KRW-BTC"], 2);
        let mut quick = join(&fanout, &["KRW-BTC"], 2);
        let mut lagged = 0;
        for id in 0..10 {
            lagged += fanout.publish(&trade("KRW-BTC", id), Timestamp::EPOCH);
            assert_eq!(next(&mut quick), Some(trade("KRW-BTC", id)));
        }
        assert_eq!(lagged, 8);
        assert_eq!(next(&mut slow), Some(FeedEvent::Lagged { missed: 8 }));
        assert_eq!(next(&mut slow), Some(trade("KRW-BTC", 8)));
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
        let reader = Arc::new(Reader::new(channels, Delivery::default(), Timestamp::EPOCH));
        fanout.join(&reader, |_| Some(trade("KRW-BTC", 1)));
        fanout.publish(&trade("KRW-BTC", 2), Timestamp::EPOCH);
        let mut stream = ReaderStream { reader, guard: Guard(fanout) };
        assert_eq!(next(&mut stream), Some(trade("KRW-BTC", 1)));
        assert_eq!(next(&mut stream), Some(trade("KRW-BTC", 2)));
    }

    #[test]
    fn a_gap_concerns_those_who_were_promised_something() {
        let fanout = Arc::default();
        let mut btc = join(&fanout, &["KRW-BTC"], 8);
        let mut eth = join(&fanout, &["KRW-ETH"], 8);
        fanout.open_gap(Timestamp::from_secs(1), GapCause::Silent, |other| *other == channel("KRW-BTC"));
        let opened =
            Gap { state: GapState::Opened, from: Timestamp::from_secs(1), to: None, cause: GapCause::Silent };
        assert_eq!(next(&mut btc), Some(FeedEvent::Gap(opened.clone())));
        assert_eq!(next(&mut eth), None);
        fanout.touch(&channel("KRW-BTC").symbol, StreamKind::Trade, Timestamp::from_secs(3));
        let lost = Gap { state: GapState::Lost, to: Some(Timestamp::from_secs(3)), ..opened };
        assert_eq!(next(&mut btc), Some(FeedEvent::Gap(lost)));
    }
}
