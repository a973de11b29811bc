//! Tests of the distribution to readers.

use futures::{FutureExt, StreamExt};
use market_backbone_core::{Delivery, Gap, GapState, Trade, TradeId, VenueId};

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
    ReaderStream::new(reader, FanoutTestGuard(Arc::clone(fanout)))
}

impl Fanout {
    /// Delivers a batch of one event.
    fn publish(&self, event: &FeedEvent) -> u64 {
        self.publish_all(vec![event.clone()], || ())
    }

    /// Delivers a batch; `between` runs after the readers were looked up and before they get anything.
    fn publish_all(&self, mut events: Vec<FeedEvent>, between: impl FnOnce()) -> u64 {
        let table = self.table_after(&Arc::default()).unwrap();
        let mut outboxes = Outboxes::default();
        outboxes.begin(events.len());
        for (at, event) in events.iter().enumerate() {
            let (symbol, kind) = event.channel().unwrap();
            for subscriber in self.subscribers(&table, symbol, kind) {
                outboxes.add(&subscriber, at);
            }
        }
        between();
        outboxes.flush(&mut events)
    }
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
fn a_batch_that_overflows_half_way_drops_its_own_oldest_events_and_counts_them() {
    let fanout = Arc::default();
    let mut slow = join(&fanout, &["KRW-BTC", "KRW-ETH"], 3);
    let mut quick = join(&fanout, &["KRW-BTC", "KRW-ETH"], 16);
    fanout.publish(&trade("KRW-BTC", 1));
    let code = |id| if id % 2 == 0 { "KRW-ETH" } else { "KRW-BTC" };
    assert_eq!(fanout.publish_all((2..9).map(|id| trade(code(id), id)).collect(), || ()), 5);
    assert_eq!(next(&mut slow), Some(FeedEvent::Lagged { missed: 5 }));
    for id in 6..9 {
        assert_eq!(next(&mut slow), Some(trade(code(id), id)));
    }
    for id in 1..9 {
        assert_eq!(next(&mut quick), Some(trade(code(id), id)), "each market in its order, and both in one");
    }
    assert_eq!((next(&mut slow), next(&mut quick)), (None, None));
}

#[test]
fn a_reader_that_leaves_inside_a_batch_takes_nothing_from_the_others() {
    let fanout = Arc::default();
    let (first, mut stays) = (join(&fanout, &["KRW-BTC"], 8), join(&fanout, &["KRW-BTC", "KRW-ETH"], 8));
    let mut joins = None;
    let batch = vec![trade("KRW-BTC", 1), trade("KRW-ETH", 2), trade("KRW-XRP", 3)];
    // The one that joins has the number of the one that leaves, and nothing of the batch.
    let between = || {
        drop(first);
        joins = Some(join(&fanout, &["KRW-BTC", "KRW-ETH"], 8));
    };
    assert_eq!(fanout.publish_all(batch, between), 0);
    assert_eq!(next(&mut stays), Some(trade("KRW-BTC", 1)));
    assert_eq!(next(&mut stays), Some(trade("KRW-ETH", 2)));
    let mut joins = joins.unwrap();
    assert_eq!((next(&mut stays), next(&mut joins)), (None, None));
    fanout.publish(&trade("KRW-BTC", 4));
    assert_eq!((next(&mut stays), next(&mut joins)), (Some(trade("KRW-BTC", 4)), Some(trade("KRW-BTC", 4))));
}

#[test]
fn what_a_reader_has_taken_over_counts_in_its_capacity() {
    let fanout = Arc::default();
    let mut reader = join(&fanout, &["KRW-BTC"], 32);
    let trades = |ids: std::ops::Range<i64>| ids.map(|id| trade("KRW-BTC", id)).collect::<Vec<_>>();
    assert_eq!(fanout.publish_all(trades(0..32), || ()), 0);
    assert_eq!(next(&mut reader), Some(trade("KRW-BTC", 0)));
    // Four of the 31 are taken over: they cannot be dropped any more, and the next oldest are.
    assert_eq!(fanout.publish_all(trades(32..36), || ()), 3);
    for id in 1..5 {
        assert_eq!(next(&mut reader), Some(trade("KRW-BTC", id)));
    }
    assert_eq!(next(&mut reader), Some(FeedEvent::Lagged { missed: 3 }));
    for id in 8..36 {
        assert_eq!(next(&mut reader), Some(trade("KRW-BTC", id)));
    }
    assert_eq!(next(&mut reader), None);
}

#[test]
fn a_reader_that_panicked_harms_nobody() {
    let fanout = Arc::default();
    let broken = join(&fanout, &["KRW-BTC"], 2);
    let mut sound = join(&fanout, &["KRW-BTC"], 2);
    let reader = Arc::clone(broken.reader());
    let panicked = std::thread::spawn(move || {
        let _held = reader.lock();
        panic!("a reader's own fault");
    });
    assert!(panicked.join().is_err() && broken.reader().is_poisoned());
    fanout.publish(&trade("KRW-BTC", 1));
    assert_eq!(next(&mut sound), Some(trade("KRW-BTC", 1)));
    drop(broken);
    fanout.publish(&trade("KRW-BTC", 2));
    assert_eq!(next(&mut sound), Some(trade("KRW-BTC", 2)));
}

#[test]
fn an_event_is_small_enough_to_be_copied_to_each_reader() {
    assert!(size_of::<FeedEvent>() <= 128, "{}", size_of::<FeedEvent>());
}

#[test]
fn a_dropped_reader_leaves_nothing_behind() {
    let fanout: Arc<Fanout> = Arc::default();
    let stream = join(&fanout, &["KRW-BTC", "KRW-ETH"], 8);
    let reader = Arc::downgrade(stream.reader());
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
    let mut stream = ReaderStream::new(reader, FanoutTestGuard(fanout));
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
